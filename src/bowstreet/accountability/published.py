"""Checkpoints beside the record: how long the ledger was and what its root was, at some moments.

They let the verifier see a record that was cut short or rewritten whole, provided that whoever did it did not also change
this file. A copy elsewhere is worth more than the file; that is why they are signed, witnessed by others and published.
"""

import os
from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from bowstreet.accountability import checkpoint
from bowstreet.accountability import note as notes
from bowstreet.accountability.note import Note
from bowstreet.errors import LedgerBroken, MalformedProof, StoreUnavailable
from bowstreet.runtime.durable import add_line, write_whole
from bowstreet.runtime.ports import Clock

FILE = "checkpoints.jsonl"
# The latest that was signed, replaced whole each time: what keeps the key from signing two histories.
LATEST_FILE = "checkpoint"
# How often one is kept for good besides those at start and stop: some 4 MB a year.
KEPT_EVERY = timedelta(hours=1)
# One with a handful of witnesses has some 700 bytes.
MOST_LINE_BYTES = 2_000


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """After `size` entries the root was `root` (hex). `note` is the signed checkpoint, as published; "" when it is not signed."""

    at: datetime
    size: int
    root: str
    note: str = ""


_decode = msgspec.json.Decoder(Line).decode


class PublishedFile:
    """The signed checkpoints of a data directory: the latest, and some of those before it for good."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder, self._clock = folder, clock
        self._kept_at: datetime | None = None

    def last(self) -> Note | None:
        """Raises `LedgerBroken` when it is there and cannot be read: signing anew might sign a second history."""
        path = self._folder / LATEST_FILE
        if not path.exists():
            return None
        try:
            note = notes.read(path.read_bytes())
            checkpoint.read_text(note.text)
        except (OSError, MalformedProof) as error:
            raise LedgerBroken(
                f"the latest signed checkpoint, {path}, cannot be read ({error})",
                remedy=f"put back a copy of it, or the last 'note' of {FILE}, or one that a witness has",
            ) from error
        return note

    def history(self, most: int) -> list[Line]:
        """The newest that are kept for good, newest first; what cannot be read is passed over, as by `read`."""
        path = self._folder / FILE
        if not path.exists():
            return []
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - most * MOST_LINE_BYTES))
            said = file.read().splitlines()
        found = []
        for one in reversed(said):
            try:
                found.append(_decode(one))
            except ValueError:
                continue
        return found[:most]

    def add(self, note: Note, *, keep: bool = False) -> None:
        """`keep` keeps it for good. Raises `StoreUnavailable`."""
        said = checkpoint.read_text(note.text)
        try:
            write_whole(self._folder / LATEST_FILE, note.write())
        except OSError as error:
            raise StoreUnavailable(
                f"{self._folder / LATEST_FILE} cannot be written ({error.strerror})", remedy="free some space, or mend its rights"
            ) from error
        now = self._clock.now()
        if keep or self._kept_at is None or now - self._kept_at >= KEPT_EVERY:
            write(self._folder, Line(at=now, size=said.size, root=said.root.hex(), note=note.write().decode()))
            self._kept_at = now


def write(folder: Path, line: Line) -> None:
    """Add one, durably. Some 500 bytes: at start, hourly, and at the end of a run.

    Raises:
        StoreUnavailable: when it cannot be written.
    """
    path = folder / FILE
    try:
        add_line(path, msgspec.json.encode(line))
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
    if (folder / LATEST_FILE).exists():
        try:
            latest, _ = checkpoint.read((folder / LATEST_FILE).read_bytes())
            roots[latest.size] = latest.root
        except MalformedProof:
            unreadable += 1
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
