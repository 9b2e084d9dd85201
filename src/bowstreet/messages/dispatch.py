"""What dispatch tells: who is sent, who relieves whom, what cameras do and whom they follow."""

from datetime import datetime

from bowstreet.messages.base import Message, Reason


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


class FollowConsentChanged(Message, frozen=True, kw_only=True):
    """The pilot in control lets the vehicle follow a subject, or it does so no longer: `why` is of `dispatch.consents.End`."""

    follow_id: str
    incident_id: str
    mission_id: str
    vehicle_id: str
    given: bool
    by: str
    until: datetime
    why: str = ""


class OfficerLinkChanged(Message, frozen=True, kw_only=True):
    """A link by which an officer sees one incident: `change` is "made", "opened" (on one more device), "turned-away" (another
    device was refused) or "ended", and then `why` says why. `by` is an account, or the link itself; for whom it is stands in the
    link's own record, sealed."""

    link_id: str
    incident_id: str
    change: str
    by: str
    purpose: str
    expires_at: datetime
    words: bool
    devices: int
    most_devices: int
    why: str = ""


class CameraSteered(Message, frozen=True, kw_only=True):
    """What a drone's camera does from now on, and why (D2). `by` is the account of who overrode it, else ""."""

    mission_id: str
    vehicle_id: str
    level: bool
    recording: bool
    why: str
    by: str = ""
