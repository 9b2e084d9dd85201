"""A choice of drone, with its reasons. Frozen values."""

from datetime import datetime
from enum import StrEnum

import msgspec

from bowstreet.airspace.model import Clearance
from bowstreet.flight.model import Airframe, VehicleStatus
from bowstreet.geo import GridPoint
from bowstreet.messages import Reason


class Code(StrEnum):
    """Every reason that dispatch gives. Stable for machines; the text beside it is for people."""

    # for the drone that flies
    EARLIEST = "earliest"  # from a dock, there before any other
    COVER_KEPT = "cover-kept"  # not the very first there, but the first that leaves its neighbourhood covered
    RETASKED = "retasked"  # was on its way home
    PREEMPTED = "pre-empted"  # taken from a less grave incident
    CHOSEN_BY_PERSON = "chosen-by-person"
    RELIEF = "relief"  # relieves the drone over the scene before its charge is used up
    # for a drone that does not
    LATER = "later"  # could fly, would arrive later
    UNSEEN = "unseen"
    STALE = "stale"
    UNFIT = "unfit"
    GROUNDED = "grounded"
    BUSY = "busy"  # serves an incident as grave
    LEAVING = "leaving"  # has a mission and is not in a phase to be turned
    PILOTED = "piloted"  # a person flies it
    WIND = "wind"
    CHARGE = "charge"
    TOO_LATE = "too-late"  # would arrive after the time within which eyes matter
    AIRSPACE = "airspace"
    # for an incident that none flies to
    GRADE_NOT_FLOWN = "grade-not-flown"
    WIND_UNKNOWN = "wind-unknown"
    NO_FLEET = "no-fleet"
    EXPIRED = "expired"
    NO_RECORD = "no-record"  # the store cannot take the record: launches fail closed
    HELD = "held"  # a person called its drone back: it waits for a person


class Drone(msgspec.Struct, frozen=True, kw_only=True):
    """One drone as dispatch sees it now. `mission_*` are set when it is in the air for somebody else; `home` is its dock."""

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
    home: GridPoint | None = None


class Considered(msgspec.Struct, frozen=True, kw_only=True):
    """One drone that was looked at, and what was found: shown to the dispatcher as 'why this drone'."""

    vehicle_id: str
    eta_s: float | None
    reason: Reason


class Assignment(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """This drone, by this route, there by `eta_s` after now.

    `preempts_mission_id` is the mission that is turned when the drone is in the air, and `homeward` then its cleared way home.
    """

    incident_id: str
    vehicle_id: str
    dock_id: str
    clearance: Clearance
    eta_s: float
    preempts_mission_id: str | None
    reasons: tuple[Reason, ...]
    considered: tuple[Considered, ...]
    homeward: tuple[GridPoint, ...] = ()


class NoDrone(msgspec.Struct, frozen=True, kw_only=True, tag=True):
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


class Decisions(msgspec.Struct, frozen=True, kw_only=True):
    """The latest decisions about one incident, oldest first, as the store keeps them."""

    incident_id: str
    decisions: tuple[Decision, ...] = ()


class Purpose(StrEnum):
    """What a flight may be for: a closed list, so that no flight has a purpose that nobody agreed to (requirement D1)."""

    RESPONSE_999 = "999-response"
