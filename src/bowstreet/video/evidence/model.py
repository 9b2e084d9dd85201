"""What a bundle of evidence says about itself. Frozen values; each is written in one form alone, canonical JSON (RFC 8785).

In a bundle, in this order, below a folder of the export's id:

    manifest.note        the log's signature over manifest.json
    manifest.json        `Manifest`: every other file with its length and SHA-256
    certificate.html     the page to print
    recordings.json      `Contents`: what was exported; the ledger entry of the disclosure commits to its SHA-256
    ledger.jsonl         `Anchoring`, then an `Anchor` a line: entries about the footage, each with its proof of inclusion
    REC/parts.jsonl      `PartLine` a line: the parts of a recording in order, and in which file the octets of each are
    REC/video-1.mp4      the pictures, byte for byte as they came; another file where the stream began anew
    REC/video-1.c2pa     its C2PA manifest
    REC/metadata.klv     the metadata, as it came
    REC/telemetry.jsonl  where the drone was, by its telemetry
    REC.redacted/…       the redacted copy likewise: parts.jsonl, its videos, their manifests
    REC.redacted/redaction.jsonl  what was covered in it, by whom and why

Where the copy is given in the original's stead, REC/ holds parts.jsonl alone: what the ledger's heads are made of, no picture.
"""

from datetime import datetime
from enum import StrEnum

import msgspec

# A bundle with a redacted copy in it is of version 2; one without is still written as version 1.
VERSION, WITH_COPY = 1, 2
NOTE, MANIFEST, CERTIFICATE = "manifest.note", "manifest.json", "certificate.html"
CONTENTS, LEDGER, PARTS = "recordings.json", "ledger.jsonl", "parts.jsonl"
METADATA, TELEMETRY, COVERED = "metadata.klv", "telemetry.jsonl", "redaction.jsonl"
# A stream that begins anew more often than this in one flight is broken; more parts than this are weeks of pictures.
MOST_VIDEOS = 500
MOST_RECORDINGS = 200
MOST_PARTS = 20_000_000
STATEMENT = "Bowstreet evidence v1"
REDACTED = ".redacted"


class Copies(StrEnum):
    """Which of a recording is given out."""

    ORIGINAL = "original"
    REDACTED = "redacted"  # in its stead; the original stays sealed
    BOTH = "both"


class ExportedFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file of the bundle; its name counts from the bundle's folder."""

    name: str
    octets: int
    sha256: str


class ExportedCopy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The redacted copy of a recording; `parts`, `octets` and `head` are of its own chain.

    `sha256` is of its films put together, `original_sha256` of the original's, `record_sha256` of what says what was covered.
    `damaged`: pictures of the original that could not be decoded, and so are not in it.
    """

    damaged: int
    edits: int
    files: tuple[ExportedFile, ...]
    head: str
    made_at: datetime
    made_by: str
    octets: int
    original_sha256: str
    parts: int
    pictures: int
    reason: str
    record_sha256: str
    sha256: str


class ExportedRecording(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A recording as far as it was exported: `parts` and `octets` of them, `head` of the chain over all of them (hex).

    `running`: it went on while it was exported. `dropped`: parts that came and were not recorded, as the disk did not keep up.
    `withheld`: its redacted copy is given in its stead; of the original only the list of its parts.
    """

    closed_at: datetime | None
    copy: ExportedCopy | None = None
    dropped: int
    files: tuple[ExportedFile, ...]
    head: str
    incident_id: str
    mission_id: str
    octets: int
    parts: int
    recording_id: str
    running: bool
    source_id: str
    started_at: datetime
    vehicle_id: str
    why_closed: str
    withheld: bool = False

    @property
    def which(self) -> Copies:
        """What of it is given out."""
        if self.copy is None:
            return Copies.ORIGINAL
        return Copies.REDACTED if self.withheld else Copies.BOTH

    @property
    def every_file(self) -> tuple[ExportedFile, ...]:
        """The copy's too, in the order in which they stand."""
        return self.files if self.copy is None else self.files + self.copy.files


class Leave(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """By whose order and on which authority it was given out, to whom."""

    authorisation_id: str
    authorised_by: str
    by: str
    ground: str
    recipient: str
    requested_by: str


class Contents(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was exported, when, of which incident."""

    export_id: str
    incident_id: str
    leave: Leave
    made_at: datetime
    operator: str
    recordings: tuple[ExportedRecording, ...]

    @property
    def which(self) -> Copies:
        """Of all recordings alike."""
        return self.recordings[0].which if self.recordings else Copies.ORIGINAL


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Every file but itself and its note, in the order in which they stand. `key` is the log's (a verifier key)."""

    bundle: int
    export_id: str
    files: tuple[ExportedFile, ...]
    incident_id: str
    key: str
    made_at: datetime
    origin: str
    version: str


class PartLine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """Part `n`: so many octets, in the file that its kind belongs to, right after those of the last part there.

    `sha256` is of its body: MessagePack of kind, pts_us, captured_us and data (`footage.body_of`), hex.
    """

    captured_us: int
    kind: str
    n: int
    octets: int
    pts_us: int
    sha256: str


class Anchoring(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The first line of the ledger's part: the signed checkpoint, and what leads from the log's first key to its present one."""

    checkpoint: str
    transitions: tuple[str, ...]


class Anchor(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """An entry, what it commits to (salt in hex), and the hashes (hex, lowest first) that lead to the checkpoint's root."""

    entry: str
    payload: str | None
    proof: tuple[str, ...]
    salt: str | None


encode = msgspec.json.Encoder(order="sorted").encode


def copy_folder(recording_id: str) -> str:
    return recording_id + REDACTED


def line_of(said: object) -> bytes:
    return encode(said) + b"\n"


def signed_text(origin: str, digest: str) -> str:
    """What the log's key signs: hex SHA-256 of the manifest's file."""
    return f"{STATEMENT}\n{origin}\n{digest}\n"
