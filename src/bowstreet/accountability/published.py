"""Checkpoints beside the record: how long the ledger was and what its root was, at some moments.

They let the verifier see a record that was cut short or rewritten whole, provided that whoever did it did not also change
this file. A copy elsewhere is worth more than the file; that is why they are signed, witnessed by others and published.
"""

import contextlib
import os
from datetime import datetime
from pathlib import Path

import msgspec

from bowstreet.accountability import checkpoint
from bowstreet.accountability import note as notes
from bowstreet.accountability.note import Note
from bowstreet.errors import MalformedProof, StoreUnavailable
from bowstreet.runtime.ports import Clock

FILE = "checkpoints.jsonl"


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """After `size` entries the root was `root` (hex). `note` is the signed checkpoint, as published; "" when it is not signed."""

    at: datetime
    size: int
    root: str
    note: str = ""


_decode = msgspec.json.Decoder(Line).decode


class PublishedFile:
    """The signed checkpoints of a data directory, in the order in which they were published."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder, self._clock = folder, clock

    def last(self) -> Note | None:
        """The latest that can be read (a power cut may leave half a line)."""
        lines = (self._folder / FILE).read_bytes().splitlines() if (self._folder / FILE).exists() else []
        for line in reversed(lines):
            with contextlib.suppress(ValueError, MalformedProof):
                said = _decode(line).note
                if said:
                    return notes.read(said.encode())
        return None

    def add(self, note: Note) -> None:
        """Raises `StoreUnavailable` when it cannot be kept."""
        said = checkpoint.read_text(note.text)
        write(
            self._folder,
            Line(at=self._clock.now(), size=said.size, root=said.root.hex(), note=note.write().decode()),
        )


def write(folder: Path, line: Line) -> None:
    """Add one, durably. Some 500 bytes: at start, hourly, and at the end of a run.

    Raises:
        StoreUnavailable: when it cannot be written.
    """
    path = folder / FILE
    try:
        file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(file, msgspec.json.encode(line) + b"\n")
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
    for said in path.read_bytes().splitlines():
        try:
            line = _decode(said)
            root = bytes.fromhex(line.root)
        except ValueError:
            unreadable += 1
            continue
        roots[line.size] = root if roots.get(line.size, root) == root else b"contradiction"
    return roots, unreadable
