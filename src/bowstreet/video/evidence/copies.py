"""Redacted copies as an export takes them: which one stands, where it lies, and what the ledger says of how it was made."""

from collections.abc import Iterable, Mapping
from typing import Protocol

from bowstreet import messages as m
from bowstreet.accountability.ledger import message_of
from bowstreet.errors import Conflict
from bowstreet.runtime.ports import LogRow
from bowstreet.video.evidence.index import FootageIndex
from bowstreet.video.evidence.model import ExportedCopy
from bowstreet.video.recorder import Recording
from bowstreet.video.redaction.model import CopyFile, RedactedCopy

KINDS = (m.RedactionChanged, m.RegionChanged)


class RedactedCopies(Protocol):
    """Whoever makes them."""

    def standing(self, recording_id: str) -> RedactedCopy:
        """The copy that may be given out. Raises `NotFound`: none was made; `Conflict`: what it covers was changed since."""
        ...

    def opened(self, recording_id: str) -> CopyFile:
        """The same, to be read; reads it through: call it from a thread. Raises as `standing`."""
        ...


def expect_whole(recording: Recording, copy: RedactedCopy) -> None:
    """Raises `Conflict` for a copy that was not made of all of a recording: nobody could hold it against the ledger."""
    if copy.original_head != recording.head:
        raise Conflict(
            f"the redacted copy of '{recording.recording_id}' was not made of the whole recording",
            remedy="have its footage verified ('bowstreet audit verify'), then have the copy made again",
        )


def index_of(recording_id: str, copies: RedactedCopies) -> tuple[FootageIndex, ExportedCopy]:
    """Read through, for the export; its files are not listed yet. Raises as `RedactedCopies.opened`, and `MalformedProof`."""
    found = copies.opened(recording_id)
    index = FootageIndex(recording_id, found.path, found.key, found.parts, found.still, name=found.name)
    said, chain = found.said, index.reach
    return index, ExportedCopy(
        damaged=said.damaged, edits=said.edits, files=(), head=chain.head.hex(), made_at=said.made_at, made_by=said.made_by,
        octets=chain.octets, original_sha256=said.original_sha256, parts=chain.parts, pictures=said.pictures,
        reason=said.reason, record_sha256=said.record_sha256, sha256=said.sha256,
    )  # fmt: skip


def acts_of(rows: Iterable[LogRow], heads: Mapping[str, str]) -> set[int]:
    """Of entries in order, those that tell how the copies were made: from the begin of each redaction to the copy.

    Args:
        heads: of the copies that are given out, by recording.
    """
    found: set[int] = set()
    since: dict[str, list[int]] = {}
    for row in rows:
        message = message_of(row)
        if not isinstance(message, KINDS) or message.recording_id not in heads:
            continue
        if message.stage == "begun":
            since[message.recording_id] = []
        since.setdefault(message.recording_id, []).append(row.index)
        if isinstance(message, m.RedactionChanged) and message.copy_head == heads[message.recording_id]:
            found |= set(since[message.recording_id])
    return found
