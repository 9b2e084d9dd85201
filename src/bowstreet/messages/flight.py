"""What flight tells of missions, vehicles, docks and links."""

from bowstreet.messages.base import Message, Reason


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
