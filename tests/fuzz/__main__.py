"""`make fuzz`: coverage-guided fuzzing of each target with atheris, a minute each unless told."""

import argparse
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parent
TARGETS = sorted(path.stem.removeprefix("fuzz_") for path in FOLDER.glob("fuzz_*.py"))

PROGRAM = """
import sys, importlib
import atheris
with atheris.instrument_imports(include=["bowstreet"]):
    module = importlib.import_module("tests.fuzz.fuzz_{name}")
atheris.Setup(sys.argv, module.fuzz_one)
atheris.Fuzz()
"""


def main() -> int:
    parser = argparse.ArgumentParser(prog="make fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", default=TARGETS, help=f"of {', '.join(TARGETS)}")
    parser.add_argument("--seconds", type=int, default=60)
    arguments = parser.parse_args()
    failed = []
    for name in arguments.targets:
        corpus = FOLDER.parents[1] / ".fuzz" / name
        corpus.mkdir(parents=True, exist_ok=True)
        for number, seed in enumerate(getattr(__import__(f"tests.fuzz.fuzz_{name}", fromlist=["SEEDS"]), "SEEDS", [])):
            (corpus / f"seed-{number}").write_bytes(seed)
        print(f"fuzzing {name} for {arguments.seconds} s", flush=True)
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM.format(name=name), f"-max_total_time={arguments.seconds}", "-timeout=10", str(corpus)],
            check=False,
        )
        if done.returncode:
            failed.append(name)
    print(f"found something in: {', '.join(failed)}" if failed else "nothing found")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
