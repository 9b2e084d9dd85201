"""What an entry of the ledger says, byte for byte.

An entry is a JSON object in canonical form (RFC 8785), version 1:

    {"at": ISO 8601 UTC, "commitment": hex, "index": its place, "kind": the message, "subject": a pseudonymous id, "v": 1}

`commitment` is SHA-256 over a 32-byte random salt and then the payload: the message itself, canonical. Salt and payload are
stored beside the entry, never in it. Erasing both leaves every proof valid and the content unguessable.
"""

import hmac
import re
from datetime import datetime
from hashlib import sha256

import msgspec
import rfc8785

from bowstreet import messages as m
from bowstreet.runtime import wire
from bowstreet.runtime.ports import LogRow

VERSION = 1
# As long as the hash: a shorter salt would be the easier thing to guess.
SALT_BYTES = 32
# The first byte of a payload that is sealed (`sealed`); a payload itself begins with a brace.
SEALED = b"\x01"

# Whom or what each audited message is about: the field that the entry shows as its subject. All are ids made here.
SUBJECTS: dict[type[m.Message], str] = {
    m.IncidentOpened: "incident_id",
    m.CallMerged: "incident_id",
    m.CallQuarantined: "quarantine_id",
    m.IncidentChanged: "incident_id",
    m.LaunchAuthorised: "mission_id",
    m.NoDroneAvailable: "incident_id",
    m.RecallOrdered: "mission_id",
    m.MissionRetasked: "mission_id",
    m.WatchWanted: "incident_id",
    m.WatchEnded: "incident_id",
    m.RelayPlanned: "incident_id",
    m.WatchHandedOver: "incident_id",
    m.MissionChanged: "mission_id",
    m.CommandIssued: "target_id",
    m.ControlTaken: "mission_id",
    m.ControlReleased: "mission_id",
    m.VehicleGrounded: "vehicle_id",
    m.VehicleReleased: "vehicle_id",
    m.VideoWatched: "viewing_id",
    m.FootageWatched: "viewing_id",
    m.VideoLeft: "viewing_id",
    m.SnapshotTaken: "snapshot_id",
    m.RecordingStarted: "recording_id",
    m.RecordingAnchored: "recording_id",
    m.RecordingClosed: "recording_id",
    m.RedactionChanged: "recording_id",
    m.RegionChanged: "recording_id",
    m.FootageDisclosed: "authorisation_id",
    m.FollowChanged: "follow_id",
    m.FollowConsentChanged: "follow_id",
    m.CameraSteered: "mission_id",
    m.OfficerLinkChanged: "link_id",
    m.ZoneChanged: "zone_id",
    m.AccessDenied: "subject",
    m.SignedIn: "subject",
    m.ProvedAgain: "subject",
    m.PolicyInForce: "version",
    m.CommandDecided: "subject",
    m.Disclosed: "authorisation_id",
    m.Consulted: "log_id",
    m.OccurrenceChanged: "occurrence_id",
    m.ReleasePublished: "release_id",
    m.RetentionTableInForce: "version",
    m.ErasureOrdered: "erasure_id",
    m.Erased: "erasure_id",
    m.AuthorisationChanged: "authorisation_id",
    m.MasterKeyChanged: "new",
    m.LogKeyChanged: "digest",
    m.AccountChanged: "subject",
    m.PublicRequestChanged: "request_id",
    m.ForkSeen: "fork_id",
    m.VehicleKeyChanged: "vehicle_id",
    m.SharingChanged: "sharing_id",
    m.PartnerShown: "sharing_id",
    m.SharingCounted: "sharing_id",
    m.DeploymentChanged: "deployment_id",
    m.DeploymentCounted: "deployment_id",
    m.WatchlistChanged: "deployment_id",
    m.ListingReviewed: "deployment_id",
    m.AlertRaised: "alert_id",
    m.AlertViewed: "alert_id",
    m.AlertChanged: "alert_id",
    m.PushSubscriptionChanged: "subject",
    m.VolunteerPassed: "deployment_id",
    m.DeploymentPublished: "deployment_id",
    m.RunChanged: "change",
}


# How messages are named.
KIND = re.compile(r"[A-Z][A-Za-z0-9]{0,63}")


class Entry(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One entry. The fields stand in alphabetical order, which makes the encoding canonical (RFC 8785 §3.2.3)."""

    at: datetime
    commitment: str
    index: int
    kind: str
    subject: str
    v: int = VERSION


# msgspec writes strings, integers and UTC moments as RFC 8785 does (tested against the `rfc8785` package); floats it does not.
encode_entry = msgspec.json.Encoder().encode
_encode_sorted = msgspec.json.Encoder(order="sorted").encode
decode_entry = msgspec.json.Decoder(Entry, strict=True).decode
# Many at once, a line each.
encode_entries = msgspec.json.Encoder().encode_lines
decode_entries = msgspec.json.Decoder(Entry, strict=True).decode_lines


def _has_floats(schema: object) -> bool:
    if isinstance(schema, dict):
        return schema.get("type") == "number" or any(_has_floats(value) for value in schema.values())
    return isinstance(schema, list) and any(_has_floats(value) for value in schema)


_WITH_FLOATS = frozenset(kind for kind in SUBJECTS if _has_floats(msgspec.json.schema(kind)))
_NAMES = {kind: kind.__name__ for kind in SUBJECTS}


def payload_of(message: m.Message) -> bytes:
    """The message as canonical JSON (RFC 8785)."""
    if type(message) in _WITH_FLOATS:
        return rfc8785.dumps(msgspec.to_builtins(message))
    return _encode_sorted(message)


def commit_to(payload: bytes, salt: bytes) -> str:
    """The commitment to a payload, hex."""
    return sha256(salt + payload).hexdigest()


def opens(entry: Entry, payload: bytes, salt: bytes) -> bool:
    """Whether this payload and salt are what the entry committed to."""
    return hmac.compare_digest(entry.commitment, commit_to(payload, salt))


def entry_of(message: m.Message, index: int, payload: bytes, salt: bytes) -> bytes:
    """The entry for an audited message, canonical.

    Raises:
        LookupError: when the message has no row in `SUBJECTS`.
    """
    kind = type(message)
    try:
        subject = getattr(message, SUBJECTS[kind])
    except KeyError:
        raise LookupError(f"{kind.__name__} has no subject in bowstreet.accountability.ledger.SUBJECTS") from None
    return encode_entry(
        Entry(at=message.at, commitment=commit_to(payload, salt), index=index, kind=_NAMES[kind], subject=subject)
    )


def read_entry(entry: bytes) -> Entry:
    """Raises `ValueError` when it is not a canonical entry of this version."""
    try:
        read = decode_entry(entry)
    except msgspec.DecodeError as error:
        raise ValueError(f"not an entry: {error}") from error
    if read.v != VERSION or encode_entry(read) != entry:
        raise ValueError("not in canonical form")
    return read


def is_sealed(row: LogRow) -> bool:
    """Whether its payload, with the salt in it, can be read only with a key."""
    return row.salt is None and row.payload is not None and row.payload.startswith(SEALED)


def message_of(row: LogRow) -> m.Message | None:
    """The message that a row commits to, or None when it was erased. Raises `ValueError` when it is none of this version's."""
    if row.payload is None:
        return None
    return wire.decode(row.payload)
