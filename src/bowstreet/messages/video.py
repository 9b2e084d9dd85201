"""What video tells: who saw live pictures, and what was recorded."""

from datetime import datetime

from bowstreet.messages.base import Message


class VideoWatched(Message, frozen=True, kw_only=True):
    """Somebody is about to see live pictures: who, of which source, which incident it serves ("" when none), by which way."""

    viewing_id: str
    by: str
    source_id: str
    incident_id: str
    way: str
    justification: str


class FootageWatched(Message, frozen=True, kw_only=True):
    """Somebody is about to see what was recorded; `what` is "footage", or "redacted-footage". Its end is a `VideoLeft`."""

    viewing_id: str
    by: str
    recording_id: str
    incident_id: str
    what: str
    justification: str


class VideoLeft(Message, frozen=True, kw_only=True):
    """A viewing is over."""

    viewing_id: str


class SnapshotTaken(Message, frozen=True, kw_only=True):
    """Somebody keeps one picture of a viewing as a file of their own; it goes nowhere else.

    `pixels_sha256` is of the picture itself (RGBA, row by row, without the margin that says what it is): who holds the file can
    show that it is this one. `captured_at` is None where nobody tells when the picture was taken.
    """

    snapshot_id: str
    viewing_id: str
    by: str
    source_id: str
    incident_id: str
    captured_at: datetime | None
    width_px: int
    height_px: int
    pixels_sha256: str
    justification: str


class RedactionChanged(Message, frozen=True, kw_only=True):
    """A step of a recording's redaction. `stage`: begun, found, failed, copy-ordered, copy-made.

    Of a copy that was made: the head of the recording's chain and of the copy's, SHA-256 of both films and of the record that
    says what was covered; hex.
    """

    recording_id: str
    incident_id: str
    stage: str
    by: str
    reason: str = ""
    regions: int = 0
    original_head: str = ""
    original_sha256: str = ""
    copy_head: str = ""
    copy_sha256: str = ""
    record_sha256: str = ""


class RegionChanged(Message, frozen=True, kw_only=True):
    """A person covered a part of a recording's pictures, or uncovered one (`stage`: added, lifted), for a time and a reason.

    Microseconds since the recording began; pixels of its pictures, 0 where a region that was found is lifted.
    """

    recording_id: str
    incident_id: str
    stage: str
    by: str
    edit_id: str
    region_id: str
    from_us: int
    until_us: int
    reason: str
    left: int = 0
    top: int = 0
    right: int = 0
    bottom: int = 0


class RecordingStarted(Message, frozen=True, kw_only=True):
    recording_id: str
    source_id: str
    vehicle_id: str
    mission_id: str
    incident_id: str


class RecordingAnchored(Message, frozen=True, kw_only=True):
    """How far a recording goes, and the head of its chain of hashes (hex)."""

    recording_id: str
    parts: int
    octets: int
    head: str


class FootageDisclosed(Message, frozen=True, kw_only=True):
    """Footage of an incident is about to be given out: by whose order, under which authority, on which ground, to whom.

    `digest` is SHA-256 of the list of what is given (`recordings.json` of the export), hex. `copies`: original (as received),
    redacted (in its stead) or both.
    """

    export_id: str
    subject_id: str
    by: str
    authorisation_id: str
    ground: str
    recipient: str
    recordings: tuple[str, ...]
    digest: str
    copies: str = "original"


class RecordingClosed(Message, frozen=True, kw_only=True):
    """A recording is whole: nothing is added to it any more."""

    recording_id: str
    parts: int
    octets: int
    head: str
    why: str
