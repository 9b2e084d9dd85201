"""What a redaction keeps beside its recording, sealed under the recording's own key: what was found, and the copy on record.

A copy lies under the head of its own chain: until a new one is on record the old one stands; what no record names is swept away.
"""

import os
from collections.abc import Collection, Mapping
from pathlib import Path

import msgspec

from bowstreet.accountability.keys import open_with, seal_with
from bowstreet.errors import NotFound
from bowstreet.runtime import durable
from bowstreet.video.recorder import FootageRecorder
from bowstreet.video.redaction.model import Found

COPY, IN_THE_MAKING = ".redacted", ".part"
# Of a SHA-256, hex: no two copies of one recording share so much of it.
NAMED_BY = 16


class RedactionFiles:
    """Those of one operation. All raise `NotFound` once a recording is erased."""

    def __init__(self, footage: FootageRecorder) -> None:
        self._footage = footage
        self._found: tuple[str, Found] | None = None  # of the recording that was asked for last

    def save_found(self, recording_id: str, found: Found) -> None:
        path, part = self._footage.path_of(recording_id, ".found"), self._footage.path_of(recording_id, ".found.part")
        sealed = seal_with(self._footage.key_of(recording_id), msgspec.msgpack.encode(found), _context(recording_id))
        with part.open("wb") as file:
            part.chmod(0o600)
            file.write(sealed)
            file.flush()
            os.fsync(file.fileno())
        durable.move(part, path)
        self._found = recording_id, found

    def load_found(self, recording_id: str) -> Found:
        key = self._footage.key_of(recording_id)
        held = self._found
        if held is not None and held[0] == recording_id:
            return held[1]
        path = self._footage.path_of(recording_id, ".found")
        if not path.exists():
            raise NotFound("nothing was looked for in this recording", remedy="begin its redaction")
        found = msgspec.msgpack.decode(open_with(key, path.read_bytes(), _context(recording_id)), type=Found)
        self._found = recording_id, found
        return found

    def draft(self, recording_id: str) -> Path:
        """Where a copy is made. What another attempt left there is gone."""
        path = self._footage.path_of(recording_id, IN_THE_MAKING)
        path.unlink(missing_ok=True)
        return path

    def copy(self, recording_id: str, head: str) -> Path:
        """Where a copy lies whose chain has this head, hex."""
        return self._footage.path_of(recording_id, f".{head[:NAMED_BY]}{COPY}")

    def sweep(self, heads: Mapping[str, str], at_work: Collection[str]) -> int:
        """Remove what is no copy on record, and drafts that nobody goes on with; gives how many.

        Args:
            heads: of the copies on record, by recording.
            at_work: recordings whose files are not looked at.
        """
        doomed = []
        for path in self._footage.folder.iterdir():
            recording_id = path.name.partition(".")[0]
            stands = path.suffix == COPY and recording_id in heads and path == self.copy(recording_id, heads[recording_id])
            if path.suffix in (COPY, IN_THE_MAKING) and not stands and recording_id not in at_work:
                doomed.append(path)
        for path in doomed:
            path.unlink(missing_ok=True)
        return len(doomed)


def _context(recording_id: str) -> bytes:
    return b"found %s" % recording_id.encode()
