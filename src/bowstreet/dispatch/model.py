"""A choice of drone, with its reasons. Frozen values."""

from datetime import datetime

import msgspec

from bowstreet.airspace.model import Clearance
from bowstreet.flight.model import Airframe, VehicleStatus
from bowstreet.geo import GridPoint
from bowstreet.messages import Reason


class Drone(msgspec.Struct, frozen=True, kw_only=True):
    """One drone as dispatch sees it now. `mission_*` are set when it is in the air for somebody else."""

    vehicle_id: str
    dock_id: str
    at: GridPoint
    status: VehicleStatus
    charge_fraction: float
    airframe: Airframe
    unfit_reason: str = ""
    mission_id: str | None = None
    mission_incident_id: str | None = None
    mission_grade: str | None = None
    mission_phase: str | None = None


class Considered(msgspec.Struct, frozen=True, kw_only=True):
    """One drone that was looked at, and what was found: shown to the dispatcher as 'why this drone'."""

    vehicle_id: str
    eta_s: float | None
    reason: Reason


class Assignment(msgspec.Struct, frozen=True, kw_only=True):
    """This drone, by this route, there by `eta_s` after now."""

    incident_id: str
    vehicle_id: str
    dock_id: str
    clearance: Clearance
    eta_s: float
    preempts_mission_id: str | None
    reasons: tuple[Reason, ...]
    considered: tuple[Considered, ...]


class NoDrone(msgspec.Struct, frozen=True, kw_only=True):
    """None flies, and why, drone by drone. The incident waits unless `final`."""

    incident_id: str
    reasons: tuple[Reason, ...]
    considered: tuple[Considered, ...]
    final: bool = False


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """A decision as kept for the console: what was asked, what was chosen, how long it took to decide."""

    incident_id: str
    at: datetime
    outcome: Assignment | NoDrone
    took_ms: float
