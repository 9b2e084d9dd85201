"""Limits itself, then becomes the program that it is told. Run by `program`, in a process of its own."""

import os
import sys

from bowstreet.runtime import confinement

if __name__ == "__main__":
    confinement.limit(processor_s=int(sys.argv[1]))
    os.execv(sys.argv[2], sys.argv[2:])  # noqa: S606 - the operator's own program, by the configuration
