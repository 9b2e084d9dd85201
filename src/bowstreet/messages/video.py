"""What video tells: who saw live pictures, and what was recorded."""

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

    `digest` is SHA-256 of the list of what is given (`recordings.json` of the export), hex.
    """

    export_id: str
    subject_id: str
    by: str
    authorisation_id: str
    ground: str
    recipient: str
    recordings: tuple[str, ...]
    digest: str


class RecordingClosed(Message, frozen=True, kw_only=True):
    """A recording is whole: nothing is added to it any more."""

    recording_id: str
    parts: int
    octets: int
    head: str
    why: str
