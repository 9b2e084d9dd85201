"""Processes that look at bytes from outside: what they are started with, what they may do, and how they are ended. POSIX."""

import asyncio
import contextlib
import os
import resource
import signal
import sys

# What a worker needs of the environment, and nothing else of it.
_NEEDED = ("PATH", "PYTHONPATH", "LANG", "HOME", "LD_LIBRARY_PATH")
# The program that flies comes first, from a worker's first moment: its start is what costs most.
NICE = ("nice", "-n", "5")
# Virtual memory, most of it a model runtime's mappings; what is resident is a tenth of it.
MEMORY_BYTES = 6 * 1024**3
OPEN_FILES = 256


def environment() -> dict[str, str]:
    """For a worker: no secret that this program was given by its environment."""
    return {name: os.environ[name] for name in _NEEDED if name in os.environ}


def limit(memory_bytes: int = MEMORY_BYTES, open_files: int = OPEN_FILES, processor_s: int | None = None) -> None:
    """In a worker, once it has what it needs: it writes no file, leaves no core, and takes no more than this."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (open_files, open_files))
    if processor_s is not None:
        resource.setrlimit(resource.RLIMIT_CPU, (processor_s, processor_s))
    if sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))


def end(worker: asyncio.subprocess.Process) -> None:
    """Kill a worker. `Process.kill` first asks whether it is dead, which takes its exit status from under the loop's own watcher:
    "Unknown child process pid", and a status of 255. Until the loop has that status the process id is the worker's alone."""
    if worker.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(worker.pid, signal.SIGKILL)
