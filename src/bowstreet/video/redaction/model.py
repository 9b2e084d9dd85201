"""What is found in a recording, what people changed about it, and the copy. Frozen values. Times are microseconds since the
recording began; boxes are pixels of its pictures, from the top left, right and down."""

from collections.abc import Callable, Iterator
from datetime import datetime
from enum import StrEnum
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM


class CoverKind(StrEnum):
    """What a cover is over."""

    PERSON = "person"
    VEHICLE = "vehicle"
    PLATE = "plate"  # a patch that may be one
    ADDED = "added"  # by a person


class Shape(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """A person's or vehicle's outline in one look. `track` says which are one and the same, from look to look."""

    track: str
    kind: CoverKind
    left: float
    top: float
    width: float
    height: float


class Look(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """What was found in one picture."""

    at_us: int
    shapes: tuple[Shape, ...]


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """All that was found in a recording. Nothing in it tells one person from another but where they stand."""

    width_px: int
    height_px: int
    looks: tuple[Look, ...]


class CoveredRegion(msgspec.Struct, frozen=True, kw_only=True):
    """What is covered from a time to a time, both included. Pixels, the right and lower edge not included."""

    region_id: str
    kind: CoverKind
    from_us: int
    until_us: int
    left: int
    top: int
    right: int
    bottom: int


class Added(msgspec.Struct, frozen=True, kw_only=True, tag="add"):
    """A person covers a part of the picture."""

    edit_id: str
    from_us: int
    until_us: int
    left: int
    top: int
    right: int
    bottom: int
    reason: str
    by: str
    at: datetime


class Lifted(msgspec.Struct, frozen=True, kw_only=True, tag="lift"):
    """A person uncovers what one region covers, from a time to a time."""

    edit_id: str
    region_id: str
    from_us: int
    until_us: int
    reason: str
    by: str
    at: datetime


Edit = Added | Lifted


class RedactionState(StrEnum):
    FINDING = "finding"
    READY = "ready"  # to be looked through and changed
    MAKING = "making"  # the copy
    FAILED = "failed"


class RedactedCopy(msgspec.Struct, frozen=True, kw_only=True):
    """A copy that was made. Heads are of the chains of hashes, digests SHA-256 of the films put together; hex.

    `edits`: how many of the edits it heeds; what came after is not in it.
    """

    made_at: datetime
    made_by: str
    reason: str
    edits: int
    pictures: int
    damaged: int
    octets: int
    head: str
    sha256: str
    original_head: str
    original_sha256: str
    record_sha256: str


class CopyFile(msgspec.Struct, frozen=True, kw_only=True):
    """Where a copy lies, what it is sealed under, how many parts it has, and whether it is still the one that stands."""

    said: RedactedCopy
    name: str
    path: Path
    key: AESGCM
    parts: int
    still: Callable[[], bool]


class Redaction(msgspec.Struct, frozen=True, kw_only=True):
    """The redaction of one recording, as the store keeps it; sealed, for it holds reasons that people typed."""

    recording_id: str
    incident_id: str
    state: RedactionState
    begun_at: datetime
    begun_by: str
    reason: str
    width_px: int = 0
    height_px: int = 0
    looks: int = 0
    edits: tuple[Edit, ...] = ()
    copy: RedactedCopy | None = None
    failed: str = ""


class RedactionRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What goes with a copy: what was covered, by whom and why, of what, by which program. The first line; regions follow.

    `regions`: how many, over all of those lines.
    """

    recording_id: str
    made_at: datetime
    made_by: str
    reason: str
    finder: str
    width_px: int
    height_px: int
    original_head: str
    original_sha256: str
    copy_sha256: str
    edits: tuple[Edit, ...]
    regions: int


class RedactionRegions(msgspec.Struct, frozen=True, kw_only=True):
    """A further line of the record: where and when something was covered."""

    regions: tuple[CoveredRegion, ...]


# Regions of one line: some 200 octets each.
REGIONS_A_LINE = 1_000


def lines_of(record: RedactionRecord, regions: tuple[CoveredRegion, ...]) -> Iterator[bytes]:
    """The record as lines of JSON, without their ends."""
    encode = msgspec.json.Encoder(order="sorted").encode
    yield encode(record)
    for start in range(0, len(regions), REGIONS_A_LINE):
        yield encode(RedactionRegions(regions=regions[start : start + REGIONS_A_LINE]))
