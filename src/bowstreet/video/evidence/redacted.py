"""A redacted copy in a bundle checked against the ledger and against the original, of which there may be nothing but its chain.

What ties them: the ledger's entry of the copy names the head of the original's chain, which other entries anchored while it was
recorded, the head of the copy's, and SHA-256 of both films and of the record of what was covered. Each change in that record by a
person must be an entry of its own. Each picture of the copy must have the time of a picture of the original, in the same order.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any

import msgspec

from bowstreet import messages as m
from bowstreet.video.evidence import model
from bowstreet.video.evidence.chains import Expected, Walk
from bowstreet.video.evidence.model import ExportedCopy, ExportedRecording, PartLine
from bowstreet.video.evidence.proofs import Anchored
from bowstreet.video.evidence.reading import Files, Wrong
from bowstreet.video.footage import PartKind
from bowstreet.video.redaction import rules
from bowstreet.video.redaction.model import (
    Added,
    CoveredRegion,
    CoverKind,
    Edit,
    Found,
    Lifted,
    RedactionRecord,
    RedactionRegions,
)


class CopyFound(msgspec.Struct, frozen=True, kw_only=True):
    """What was found of a copy. `of_pictures`: how many the original has. `entry` of the ledger says that it was made.

    `added` and `lifted`: changes by people, each with its entry.
    """

    made_by: str
    made_at: datetime
    reason: str
    pictures: int
    of_pictures: int
    regions: int
    added: int
    lifted: int
    videos: int
    octets: int
    sha256: str
    original_sha256: str
    entry: int
    entered_at: datetime
    from_us: int
    until_us: int
    original_here: bool


class FilmDigest:
    """SHA-256 of a recording's films put together, as those that hold a picture: what the ledger has of a film."""

    def __init__(self) -> None:
        self._sha, self._head = sha256(), b""
        self.pictures = 0

    def part(self, kind: PartKind, data: bytes, _: PartLine) -> None:
        if kind is PartKind.HEADER:
            self._head = data
        elif kind is PartKind.FRAGMENT:
            self._sha.update(self._head + data)
            self._head = b""
            self.pictures += 1

    @property
    def hex(self) -> str:
        return self._sha.hexdigest()


def check(
    files: Files, one: ExportedRecording, copy: ExportedCopy, anchors: Sequence[Anchored], original: FilmDigest
) -> CopyFound:
    """After the original's own chain was checked. `original` is of what is here of it. Raises `Wrong`."""
    folder = model.copy_folder(one.recording_id)
    made = _made(one, copy, anchors)
    reading = _Reading(files, one, folder)
    walked = Walk(
        files,
        Expected(
            name=f"{one.recording_id} redacted", folder=folder, parts=copy.parts, octets=copy.octets, head=copy.head,
            files=frozenset(file.name for file in copy.files),
        ),
        {}, reading.take,
    ).through()  # fmt: skip
    if reading.film.hex != copy.sha256:
        raise Wrong(f"{folder}/{model.PARTS}", "its films are not those that the ledger says were made")
    if reading.film.pictures != copy.pictures or copy.pictures > original.pictures:
        raise Wrong(f"{folder}/{model.PARTS}", f"it has {reading.film.pictures:,} pictures, of {original.pictures:,}")
    if not one.withheld and original.hex != copy.original_sha256:
        raise Wrong(f"{one.recording_id}/{model.PARTS}", "its films are not those that the copy was made of")
    name = f"{folder}/{model.COVERED}"
    if reading.record.hexdigest() != copy.record_sha256 or reading.said is None:
        raise Wrong(name, "it is not the record that the ledger says was made")
    edits = _check_record(name, reading, one, copy, made, anchors)
    return CopyFound(
        made_by=copy.made_by, made_at=copy.made_at, reason=copy.reason, pictures=copy.pictures, of_pictures=original.pictures,
        regions=reading.regions, added=sum(isinstance(edit, Added) for edit in edits),
        lifted=sum(isinstance(edit, Lifted) for edit in edits), videos=walked.videos,
        octets=sum(file.octets for file in copy.files), sha256=copy.sha256, original_sha256=copy.original_sha256,
        entry=made.index, entered_at=made.at, from_us=reading.from_us, until_us=reading.until_us, original_here=not one.withheld,
    )  # fmt: skip


def _made(one: ExportedRecording, copy: ExportedCopy, anchors: Sequence[Anchored]) -> Anchored:
    """The entry that says that this copy was made of this original."""
    for found in anchors:
        said = found.message
        if isinstance(said, m.RedactionChanged) and said.stage == "copy-made":
            told = (
                said.copy_head, said.copy_sha256, said.record_sha256, said.original_head, said.original_sha256, said.by,
                said.reason, said.incident_id,
            )  # fmt: skip
            here = (
                copy.head, copy.sha256, copy.record_sha256, one.head, copy.original_sha256, copy.made_by, copy.reason,
                one.incident_id,
            )  # fmt: skip
            if told == here:
                return found
    raise Wrong(model.LEDGER, f"no entry says that this redacted copy of recording '{one.recording_id}' was made of it")


class _Reading:
    """A copy while its parts go by."""

    def __init__(self, files: Files, one: ExportedRecording, folder: str) -> None:
        self.film, self.record = FilmDigest(), sha256()
        self.said: RedactionRecord | None = None
        self.regions = self.from_us = self.until_us = 0
        self.people_added: set[CoveredRegion] = set()
        self._lifts = Lifts(())
        self._name = f"{folder}/{model.COVERED}"
        self._folder = folder
        self._times = Times(files.lines(f"{one.recording_id}/{model.PARTS}"))

    def take(self, kind: PartKind, data: bytes, line: PartLine) -> None:
        self.film.part(kind, data, line)
        if kind is PartKind.FRAGMENT:
            self._picture(line)
        elif kind is PartKind.RECORD:
            self.record.update(data + b"\n")
            self._record(data)
        elif kind is not PartKind.HEADER:
            raise Wrong(f"{self._folder}/{model.PARTS}", "something stands in it that no redacted copy has", line.n)

    def _picture(self, line: PartLine) -> None:
        """The original has a picture of that time, not before the one that the last picture had."""
        if not self.from_us:
            self.from_us = line.captured_us
        self.until_us = line.captured_us
        if not self._times.goes_to(line.captured_us):
            raise Wrong(f"{self._folder}/{model.PARTS}", "it shows a time that the original has no picture of", line.n)

    def _record(self, data: bytes) -> None:
        try:
            if self.said is None:
                self.said = msgspec.json.decode(data, type=RedactionRecord)
                self._lifts = Lifts(self._fit(self.said.edits))
                return
            regions = msgspec.json.decode(data, type=RedactionRegions).regions
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise Wrong(self._name, f"it does not say what belongs here ({error})") from error
        for region in regions:
            self._region(region)

    def _fit(self, edits: Sequence[Edit]) -> Sequence[Edit]:
        """As many, and each once, as those who make a copy let there be: what is reckoned with them stays short."""
        if len(edits) > rules.MOST_EDITS:
            raise Wrong(self._name, f"it has more than {rules.MOST_EDITS:,} changes by people")
        if len({edit.edit_id for edit in edits}) != len(edits):
            raise Wrong(self._name, "it has a change by a person twice")
        if any(isinstance(edit, Lifted) and edit.from_us > edit.until_us for edit in edits):
            raise Wrong(self._name, "a time at which a person lifted something ends before it begins")
        return edits

    def _region(self, region: CoveredRegion) -> None:
        self.regions += 1
        if self._lifts.meet(region):
            raise Wrong(self._name, f"it covers '{region.region_id}' at a time at which a person lifted that")
        if region.kind is CoverKind.ADDED:
            self.people_added.add(region)


class Lifts:
    """When each region was lifted, as times that do not meet, in order: a record may hold regions without number."""

    def __init__(self, edits: Iterable[Edit]) -> None:
        self._from: dict[str, list[int]] = {}
        self._until: dict[str, list[int]] = {}
        for edit in sorted((edit for edit in edits if isinstance(edit, Lifted)), key=lambda one: one.from_us):
            begin, until = self._from.setdefault(edit.region_id, []), self._until.setdefault(edit.region_id, [])
            if until and edit.from_us <= until[-1]:
                until[-1] = max(until[-1], edit.until_us)
            else:
                begin.append(edit.from_us)
                until.append(edit.until_us)

    def meet(self, region: CoveredRegion) -> bool:
        """Whether it was lifted at any time at which it is covered here."""
        until = self._until.get(region.region_id, [])
        at = bisect_left(until, region.from_us)
        return at < len(until) and self._from[region.region_id][at] <= region.until_us


class Times:
    """The times of the original's pictures, in their order."""

    def __init__(self, lines: Iterable[bytes]) -> None:
        self._coming, self._at = _times(lines), -1

    def goes_to(self, captured_us: int) -> bool:
        """Whether this picture or one after it has that time; then the next question goes on from there."""
        while self._at != captured_us:
            said = next(self._coming, None)
            if said is None:
                return False
            self._at = said
        return True


def _times(lines: Iterable[bytes]) -> Iterator[int]:
    for line in lines:
        said = msgspec.json.decode(line, type=PartLine)
        if said.kind == PartKind.FRAGMENT.value:
            yield said.captured_us


def _check_record(
    name: str, reading: _Reading, one: ExportedRecording, copy: ExportedCopy, made: Anchored, anchors: Sequence[Anchored]
) -> tuple[Edit, ...]:
    record = reading.said
    assert record is not None
    told: Any = made.message
    if (record.recording_id, record.made_by, record.made_at, record.reason, record.original_head, record.original_sha256) != (
        one.recording_id, copy.made_by, copy.made_at, copy.reason, one.head, copy.original_sha256,
    ) or record.copy_sha256 != copy.sha256:  # fmt: skip
        raise Wrong(name, "it is the record of another copy")
    if (record.regions, told.regions, len(record.edits)) != (reading.regions, reading.regions, copy.edits):
        raise Wrong(name, "it does not hold as many regions, or changes, as it says")
    said = [found.message for found in anchors if isinstance(found.message, m.RegionChanged)]
    if [_told(message) for message in said] != [_changed(edit) for edit in record.edits]:
        raise Wrong(name, "its changes by people are not those that the ledger has")
    added = rules.covered(Found(width_px=record.width_px, height_px=record.height_px, looks=()), record.edits)
    if set(added) != reading.people_added:
        raise Wrong(name, "what a person had covered is not covered in it as they said")
    return record.edits


def _told(said: m.RegionChanged) -> tuple[object, ...]:
    box = (said.left, said.top, said.right, said.bottom) if said.stage == "added" else ()
    return said.stage, said.edit_id, said.region_id, said.by, said.at, said.reason, said.from_us, said.until_us, box


def _changed(edit: Edit) -> tuple[object, ...]:
    added = isinstance(edit, Added)
    region_id = edit.edit_id if isinstance(edit, Added) else edit.region_id
    box = (edit.left, edit.top, edit.right, edit.bottom) if isinstance(edit, Added) else ()
    stage = "added" if added else "lifted"
    return stage, edit.edit_id, region_id, edit.by, edit.at, edit.reason, edit.from_us, edit.until_us, box
