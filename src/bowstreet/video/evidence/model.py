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
    REC/redaction.jsonl  of a redacted copy: what was covered in it
"""

from datetime import datetime

import msgspec

VERSION = 1
NOTE, MANIFEST, CERTIFICATE = "manifest.note", "manifest.json", "certificate.html"
CONTENTS, LEDGER, PARTS = "recordings.json", "ledger.jsonl", "parts.jsonl"
METADATA, TELEMETRY, COVERED = "metadata.klv", "telemetry.jsonl", "redaction.jsonl"
# A stream that begins anew more often than this in one flight is broken; more parts than this are weeks of pictures.
MOST_VIDEOS = 500
MOST_RECORDINGS = 200
MOST_PARTS = 20_000_000
STATEMENT = "Bowstreet evidence v1"


class ExportedFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file of the bundle; its name counts from the bundle's folder."""

    name: str
    octets: int
    sha256: str


class ExportedRecording(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A recording as far as it was exported: `parts` and `octets` of them, `head` of the chain over all of them (hex).

    `running`: it went on while it was exported. `dropped`: parts that came and were not recorded, as the disk did not keep up.
    """

    closed_at: datetime | None
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


def line_of(said: object) -> bytes:
    return encode(said) + b"\n"


def signed_text(origin: str, digest: str) -> str:
    """What the log's key signs: hex SHA-256 of the manifest's file."""
    return f"{STATEMENT}\n{origin}\n{digest}\n"
