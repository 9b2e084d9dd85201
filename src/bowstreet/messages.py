"""Every message of the running system: what it says, who owns it, how often it comes, whether it is evidence.

This file is one of the two maps of the program (the other is `wiring.ROLES`). A message that is not in `MESSAGES` does not
exist: the bus refuses it. Audited messages may be published only together with a ledger entry, in the same transaction.
Bodies hold plain values and pseudonymous ids, never names, call text or any biometric.
"""

from datetime import datetime

import msgspec

from bowstreet.geo import Position


class Message(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Base: every message says when, by the publisher's injected clock (aware UTC)."""

    at: datetime


class Reason(msgspec.Struct, frozen=True, kw_only=True):
    """Why a choice or a refusal was made. `code` is stable for machines, `text` is for people."""

    code: str
    text: str
    vehicle_id: str | None = None


# --- intake ---------------------------------------------------------------------------------------------------------


class IncidentOpened(Message, frozen=True, kw_only=True):
    incident_id: str
    grade: str
    category: str
    position: Position
    reported_at: datetime


class CallMerged(Message, frozen=True, kw_only=True):
    incident_id: str
    reports: int


class CallQuarantined(Message, frozen=True, kw_only=True):
    quarantine_id: str
    source: str
    reason: str


class IncidentChanged(Message, frozen=True, kw_only=True):
    """The incident moved on: `state` is one of `intake.model.IncidentState`."""

    incident_id: str
    state: str
    reason: str = ""
    by: str = ""  # the account of the person who did it; "" when it followed from something else


# --- dispatch -------------------------------------------------------------------------------------------------------


class LaunchAuthorised(Message, frozen=True, kw_only=True):
    """The grave act of this program. Recorded durably before it is published; `flight` flies nothing without it."""

    mission_id: str
    incident_id: str
    vehicle_id: str
    dock_id: str
    purpose: str
    authorised_by: str
    reasons: tuple[Reason, ...]


class NoDroneAvailable(Message, frozen=True, kw_only=True):
    incident_id: str
    reasons: tuple[Reason, ...]


class RecallOrdered(Message, frozen=True, kw_only=True):
    mission_id: str
    ordered_by: str
    reason: Reason


class MissionRetasked(Message, frozen=True, kw_only=True):
    """A drone in the air is given a graver incident. The incident it leaves goes back to the queue."""

    mission_id: str
    vehicle_id: str
    from_incident_id: str
    to_incident_id: str
    reasons: tuple[Reason, ...]


class WatchWanted(Message, frozen=True, kw_only=True):
    """Eyes are wanted on an incident until then. `why` is one of `dispatch.relay.model.WatchReason`."""

    incident_id: str
    why: str
    until: datetime
    by: str


class WatchEnded(Message, frozen=True, kw_only=True):
    """They are not wanted any more: how often the watch went from one drone to the next, and how long nobody saw in all."""

    incident_id: str
    why: str
    handovers: int
    dark_s: float
    by: str = ""


class RelayPlanned(Message, frozen=True, kw_only=True):
    """Who is to relieve the drone over the scene, which must leave at `leaves_at`: said early, and again when it changes whether
    anybody can. `vehicle_id` is "" when nobody can; `launch_at` is then when the first could, if that is known."""

    incident_id: str
    mission_id: str
    vehicle_id: str
    leaves_at: datetime
    launch_at: datetime | None
    reasons: tuple[Reason, ...]


class WatchHandedOver(Message, frozen=True, kw_only=True):
    """Another drone has the watch. `gap_s`: how long nobody saw the scene; 0 when it was there before the other left."""

    incident_id: str
    from_mission_id: str
    to_mission_id: str
    from_vehicle_id: str
    to_vehicle_id: str
    gap_s: float


# --- flight ---------------------------------------------------------------------------------------------------------


class MissionChanged(Message, frozen=True, kw_only=True):
    """`phase` is one of `flight.model.Phase`."""

    mission_id: str
    vehicle_id: str
    incident_id: str
    phase: str
    reason: Reason


class CommandIssued(Message, frozen=True, kw_only=True):
    """A command is about to be sent to a vehicle or a dock; it is durable before the first byte leaves."""

    command_id: str
    target_id: str
    mission_id: str | None
    command: str


class CommandSettled(Message, frozen=True, kw_only=True):
    """`outcome`: accepted, rejected, timed-out or uncertain (the process died between record and acknowledgement)."""

    command_id: str
    target_id: str
    outcome: str
    detail: str = ""


class ControlTaken(Message, frozen=True, kw_only=True):
    mission_id: str
    vehicle_id: str
    pilot: str


class ControlReleased(Message, frozen=True, kw_only=True):
    mission_id: str
    vehicle_id: str
    pilot: str


class VehicleGrounded(Message, frozen=True, kw_only=True):
    """A person has taken a vehicle out of service."""

    vehicle_id: str
    by: str
    reason: str


class VehicleReleased(Message, frozen=True, kw_only=True):
    """A person has put a vehicle back into service."""

    vehicle_id: str
    by: str
    reason: str


class VehicleChanged(Message, frozen=True, kw_only=True):
    """`status` is one of `flight.model.VehicleStatus`; published on change only."""

    vehicle_id: str
    status: str
    reason: str = ""


class DockChanged(Message, frozen=True, kw_only=True):
    """`status` is one of `flight.model.DockStatus`; published on change only."""

    dock_id: str
    status: str
    reason: str = ""


class PacketRejected(Message, frozen=True, kw_only=True):
    """A packet that could not be used; counted by link and reason, the bytes are not kept."""

    link: str
    reason: str
    count: int


# --- video ----------------------------------------------------------------------------------------------------------


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


class RecordingClosed(Message, frozen=True, kw_only=True):
    """A recording is whole: nothing is added to it any more."""

    recording_id: str
    parts: int
    octets: int
    head: str
    why: str


class FollowChanged(Message, frozen=True, kw_only=True):
    """A subject is followed for an incident, or no longer: `stage` is one of `tracking.rules.Stage`, `why` says why it ended."""

    follow_id: str
    incident_id: str
    mission_id: str
    vehicle_id: str
    stage: str
    by: str
    ends_at: datetime
    why: str = ""
    authorisation_id: str = ""


class CameraSteered(Message, frozen=True, kw_only=True):
    """What a drone's camera does from now on, and why (D2). `by` is the account of who overrode it, else ""."""

    mission_id: str
    vehicle_id: str
    level: bool
    recording: bool
    why: str
    by: str = ""


# --- airspace -------------------------------------------------------------------------------------------------------


class ZoneChanged(Message, frozen=True, kw_only=True):
    """A zone was added, removed, activated or deactivated by a person or a file."""

    zone_id: str
    change: str
    by: str


# --- accountability and access --------------------------------------------------------------------------------------


class AccessDenied(Message, frozen=True, kw_only=True):
    """A refusal at the edge. `subject` is a pseudonymous account or address id."""

    subject: str
    action: str
    rule: str


class SignedIn(Message, frozen=True, kw_only=True):
    subject: str
    role: str
    how: str = "password"


class ProvedAgain(Message, frozen=True, kw_only=True):
    """Somebody signed in proved again who they are, before a grave act."""

    subject: str
    how: str = "password"


class PolicyInForce(Message, frozen=True, kw_only=True):
    """Which policy decides from now on: SHA-256 of its text."""

    version: str
    source: str


class CommandDecided(Message, frozen=True, kw_only=True):
    """A command was allowed at the edge, before it was done: to whom, on what, by which rules of which policy."""

    subject: str
    action: str
    thing: str
    rules: str
    policy: str
    authorisation_id: str = ""


class AuthorisationChanged(Message, frozen=True, kw_only=True):
    """`state` is one of `accountability.authority.model.State`; `digest` is SHA-256 of the authorisation's document."""

    authorisation_id: str
    use_case: str
    state: str
    by: str
    digest: str


class RetentionTableInForce(Message, frozen=True, kw_only=True):
    """By which table personal data are kept from now on; `digest` is SHA-256 of its text."""

    version: str
    digest: str


class ErasureOrdered(Message, frozen=True, kw_only=True):
    """Personal data are about to be erased. `by` is the table's version, or the account of who ordered it."""

    erasure_id: str
    subject_id: str
    retention_class: str
    by: str
    due_at: datetime
    table: str


class Erased(Message, frozen=True, kw_only=True):
    """The receipt: the data key is destroyed, the records are deleted."""

    erasure_id: str
    subject_id: str
    retention_class: str


class Disclosed(Message, frozen=True, kw_only=True):
    """Personal data of a subject were given out: by whose order, under which authority, on which ground, to whom."""

    subject_id: str
    by: str
    authorisation_id: str
    parts: int
    ground: str = ""
    recipient: str = ""


class Consulted(Message, frozen=True, kw_only=True):
    """Somebody is about to see something personal (DPA 2018 s.62). `log_id` is the day's log, which is kept and erased whole.

    `what` and `justification` are of the closed lists in `accountability.processing.model`; `subject_id` is an incident, a
    report, or what is named there. `stage` is empty, or `opened` and `closed` for the live feed, which is looked at all the time.
    """

    log_id: str
    by: str
    role: str
    what: str
    subject_id: str
    justification: str
    stage: str = ""


class OccurrenceChanged(Message, frozen=True, kw_only=True):
    """`state` is one of `accountability.occurrence.model.State`; `digest` is SHA-256 of the report as it is now."""

    occurrence_id: str
    occurrence_kind: str
    severity: str
    state: str
    by: str
    digest: str


class ReleasePublished(Message, frozen=True, kw_only=True):
    """A release of the public register, made once; `digest` is SHA-256 of its bytes."""

    release_id: str
    digest: str
    flights: int


class PublicRequestChanged(Message, frozen=True, kw_only=True):
    """A request or complaint of a member of the public came, or moved on. What it says and who sent it stay with the request.

    `ground` is why it was refused, one of a closed list; `by` the account of whoever handles it, "" when it came in.
    """

    request_id: str
    request_kind: str
    state: str
    by: str = ""
    ground: str = ""


class ForkSeen(Message, frozen=True, kw_only=True):
    """A checkpoint that this log's key signed does not fit the record. `source` is the witness who has it, or "public".

    `root` (hex) is what it says of `size` entries; `ours` what the record says, "" when it has fewer.
    """

    fork_id: str
    source: str
    size: int
    root: str
    ours: str


class MasterKeyChanged(Message, frozen=True, kw_only=True):
    """All keys are put under another master key: `state` is ordered or done. The names tell nothing of the keys."""

    old: str
    new: str
    state: str


class LogKeyChanged(Message, frozen=True, kw_only=True):
    """The log's key changes with this entry. `digest` is SHA-256 of the statement that both keys sign."""

    digest: str
    old: str
    new: str


class AccountChanged(Message, frozen=True, kw_only=True):
    subject: str
    change: str
    by: str


class VehicleKeyChanged(Message, frozen=True, kw_only=True):
    """A vehicle's signing key: made, rotated, in-use, replaced or revoked. `by` is an account, the vehicle or the clock."""

    vehicle_id: str
    key_id: str
    change: str
    by: str
    fingerprint: str


class RunChanged(Message, frozen=True, kw_only=True):
    """The program started, stopped or recovered; gaps in the record show against these."""

    change: str
    detail: str = ""


# --- the table ------------------------------------------------------------------------------------------------------


class Spec(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the table: the folder that alone may publish it, its rate for a city of 300 drones, and whether it is evidence."""

    owner: str
    rate_hz: float
    audited: bool


def _row(owner: str, rate_hz: float, *, audited: bool) -> Spec:
    return Spec(owner=owner, rate_hz=rate_hz, audited=audited)


MESSAGES: dict[type[Message], Spec] = {
    IncidentOpened: _row("intake", 0.1, audited=True),
    CallMerged: _row("intake", 0.1, audited=True),
    CallQuarantined: _row("intake", 0.1, audited=True),
    IncidentChanged: _row("intake", 0.3, audited=True),
    LaunchAuthorised: _row("dispatch", 0.1, audited=True),
    NoDroneAvailable: _row("dispatch", 0.1, audited=True),
    RecallOrdered: _row("dispatch", 0.1, audited=True),
    MissionRetasked: _row("dispatch", 0.1, audited=True),
    WatchWanted: _row("dispatch", 0.01, audited=True),
    WatchEnded: _row("dispatch", 0.01, audited=True),
    RelayPlanned: _row("dispatch", 0.05, audited=True),
    WatchHandedOver: _row("dispatch", 0.02, audited=True),
    MissionChanged: _row("flight", 1.0, audited=True),
    CommandIssued: _row("flight", 3.0, audited=True),
    CommandSettled: _row("flight", 3.0, audited=False),
    ControlTaken: _row("flight", 0.01, audited=True),
    ControlReleased: _row("flight", 0.01, audited=True),
    VehicleGrounded: _row("flight", 0.001, audited=True),
    VehicleReleased: _row("flight", 0.001, audited=True),
    VehicleChanged: _row("flight", 1.0, audited=False),
    DockChanged: _row("flight", 1.0, audited=False),
    PacketRejected: _row("flight", 0.1, audited=False),
    VideoWatched: _row("video", 0.05, audited=True),
    VideoLeft: _row("video", 0.05, audited=True),
    RecordingStarted: _row("video", 0.05, audited=True),
    RecordingAnchored: _row("video", 0.5, audited=True),
    RecordingClosed: _row("video", 0.05, audited=True),
    FollowChanged: _row("dispatch", 0.01, audited=True),
    CameraSteered: _row("dispatch", 0.2, audited=True),
    ZoneChanged: _row("airspace", 0.001, audited=True),
    AccessDenied: _row("accountability", 0.1, audited=True),
    SignedIn: _row("accountability", 0.01, audited=True),
    ProvedAgain: _row("accountability", 0.001, audited=True),
    PolicyInForce: _row("accountability", 0.001, audited=True),
    CommandDecided: _row("accountability", 0.2, audited=True),
    Disclosed: _row("accountability", 0.001, audited=True),
    Consulted: _row("accountability", 0.05, audited=True),
    OccurrenceChanged: _row("accountability", 0.001, audited=True),
    ReleasePublished: _row("accountability", 0.001, audited=True),
    PublicRequestChanged: _row("accountability", 0.001, audited=True),
    ForkSeen: _row("accountability", 0.001, audited=True),
    RetentionTableInForce: _row("accountability", 0.001, audited=True),
    ErasureOrdered: _row("accountability", 0.01, audited=True),
    Erased: _row("accountability", 0.01, audited=True),
    AuthorisationChanged: _row("accountability", 0.001, audited=True),
    MasterKeyChanged: _row("accountability", 0.001, audited=True),
    LogKeyChanged: _row("accountability", 0.001, audited=True),
    AccountChanged: _row("accountability", 0.001, audited=True),
    VehicleKeyChanged: _row("accountability", 0.001, audited=True),
    RunChanged: _row("runtime", 0.001, audited=True),
}
