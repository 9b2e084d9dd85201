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


class RecordingClosed(Message, frozen=True, kw_only=True):
    """A recording is whole: nothing is added to it any more."""

    recording_id: str
    parts: int
    octets: int
    head: str
    why: str
