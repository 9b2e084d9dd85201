"""Checkpoints beside the record: how long the ledger was and what its root was, at some moments.

They let the verifier see a record that was cut short or rewritten whole, provided that whoever did it did not also change
this file. A copy elsewhere is worth more than the file; a signed one, witnessed by others, more still.
"""

import os
from datetime import datetime
from pathlib import Path

import msgspec

from bowstreet.errors import StoreUnavailable

FILE = "checkpoints.jsonl"


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True):
    """After `size` entries the root was `root` (hex)."""

    at: datetime
    size: int
    root: str


_decode = msgspec.json.Decoder(Checkpoint).decode


def write(folder: Path, checkpoint: Checkpoint) -> None:
    """Add one, durably. Some 150 bytes: at start, hourly, and at the end of a run.

    Raises:
        StoreUnavailable: when it cannot be written.
    """
    path = folder / FILE
    try:
        file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(file, msgspec.json.encode(checkpoint) + b"\n")
            os.fsync(file)
        finally:
            os.close(file)
    except OSError as error:
        raise StoreUnavailable(
            f"{path} cannot be written ({error.strerror})", remedy="free some space, or mend its rights"
        ) from error


def read(folder: Path) -> tuple[dict[int, bytes], int]:
    """All checkpoints by size, and how many lines could not be read (a power cut may leave one).

    Two that contradict each other both stay wrong: the one read first is kept, and the ledger cannot fit the other, so a
    contradiction is given as a root that nothing matches.
    """
    path = folder / FILE
    roots: dict[int, bytes] = {}
    unreadable = 0
    if not path.exists():
        return roots, unreadable
    for line in path.read_bytes().splitlines():
        try:
            checkpoint = _decode(line)
            root = bytes.fromhex(checkpoint.root)
        except ValueError:
            unreadable += 1
            continue
        roots[checkpoint.size] = root if roots.get(checkpoint.size, root) == root else b"contradiction"
    return roots, unreadable
