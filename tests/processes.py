"""Which processes run below one, and no other's: tests run beside each other. Linux."""

from collections import defaultdict
from pathlib import Path


def below(pid: int, module: str) -> list[int]:
    """Processes that a process started, or one that it started did, that run this module of Python."""
    children: dict[int, list[int]] = defaultdict(list)
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(path.read_text().rpartition(")")[2].split()[1])
        except OSError:  # it has ended
            continue
        children[parent].append(int(path.parent.name))
    found, waiting = [], [pid]
    while waiting:
        one = waiting.pop()
        waiting += children[one]
        try:
            words = Path(f"/proc/{one}/cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if one != pid and module.encode() in words:
            found.append(one)
    return found
