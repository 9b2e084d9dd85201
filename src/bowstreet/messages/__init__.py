"""Every message of the running system: what it says, who owns it, how often it comes, whether it is evidence.

This table is one of the two maps of the program (the other is `wiring.ROLES`). A message that is not in `MESSAGES` does not
exist: the bus refuses it. Audited messages may be published only together with a ledger entry, in the same transaction.
Bodies hold plain values and pseudonymous ids, never names, call text or any biometric. Each owner's messages stand in a file of
its name.
"""

import msgspec

from bowstreet.messages.accountability import (
    AccessDenied,
    AccountChanged,
    AuthorisationChanged,
    CommandDecided,
    Consulted,
    Disclosed,
    Erased,
    ErasureOrdered,
    ForkSeen,
    LogKeyChanged,
    MasterKeyChanged,
    OccurrenceChanged,
    PolicyInForce,
    ProvedAgain,
    PublicRequestChanged,
    ReleasePublished,
    RetentionTableInForce,
    SignedIn,
    VehicleKeyChanged,
)
from bowstreet.messages.airspace import (
    ZoneChanged,
)
from bowstreet.messages.base import Message, Reason
from bowstreet.messages.dispatch import (
    CameraSteered,
    FollowChanged,
    LaunchAuthorised,
    MissionRetasked,
    NoDroneAvailable,
    RecallOrdered,
    RelayPlanned,
    WatchEnded,
    WatchHandedOver,
    WatchWanted,
)
from bowstreet.messages.flight import (
    CommandIssued,
    CommandSettled,
    ControlReleased,
    ControlTaken,
    DockChanged,
    MissionChanged,
    PacketRejected,
    VehicleChanged,
    VehicleGrounded,
    VehicleReleased,
)
from bowstreet.messages.intake import (
    CallMerged,
    CallQuarantined,
    IncidentChanged,
    IncidentOpened,
)
from bowstreet.messages.runtime import (
    RunChanged,
)
from bowstreet.messages.video import (
    RecordingAnchored,
    RecordingClosed,
    RecordingStarted,
    SnapshotTaken,
    VideoLeft,
    VideoWatched,
)

__all__ = [
    "MESSAGES",
    "AccessDenied",
    "AccountChanged",
    "AuthorisationChanged",
    "CallMerged",
    "CallQuarantined",
    "CameraSteered",
    "CommandDecided",
    "CommandIssued",
    "CommandSettled",
    "Consulted",
    "ControlReleased",
    "ControlTaken",
    "Disclosed",
    "DockChanged",
    "Erased",
    "ErasureOrdered",
    "FollowChanged",
    "ForkSeen",
    "IncidentChanged",
    "IncidentOpened",
    "LaunchAuthorised",
    "LogKeyChanged",
    "MasterKeyChanged",
    "Message",
    "MissionChanged",
    "MissionRetasked",
    "NoDroneAvailable",
    "OccurrenceChanged",
    "PacketRejected",
    "PolicyInForce",
    "ProvedAgain",
    "PublicRequestChanged",
    "Reason",
    "RecallOrdered",
    "RecordingAnchored",
    "RecordingClosed",
    "RecordingStarted",
    "RelayPlanned",
    "ReleasePublished",
    "RetentionTableInForce",
    "RunChanged",
    "SignedIn",
    "SnapshotTaken",
    "Spec",
    "VehicleChanged",
    "VehicleGrounded",
    "VehicleKeyChanged",
    "VehicleReleased",
    "VideoLeft",
    "VideoWatched",
    "WatchEnded",
    "WatchHandedOver",
    "WatchWanted",
    "ZoneChanged",
]


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
    SnapshotTaken: _row("video", 0.01, audited=True),
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
