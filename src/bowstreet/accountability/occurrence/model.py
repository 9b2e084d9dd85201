"""An occurrence: what the program saw, what people found, who was told. Every field is closed or an id: nothing is typed freely.

The lists follow the attributes of ECCAIRS (occurrence class, flight phase, injury level, aircraft damage, airspace), so that
what stands here can be entered into the portal as it is; the codes of its taxonomy are not repeated here.
"""

from datetime import datetime
from enum import StrEnum

import msgspec


class Kind(StrEnum):
    """What happened, in the words of a drone operator. All but the last four are opened by the program itself."""

    LOST_VEHICLE = "lost-vehicle"  # not heard until its charge was used up, or down where nobody expected it
    OFF_SITE_LANDING = "off-site-landing"  # on the ground away from every dock
    OWN_FAILSAFE = "own-failsafe"  # the link was lost for so long that the vehicle's own failsafe flew it
    POSITION_LOST = "position-lost"  # it did not know where it was
    LOSS_OF_CONTROL = "loss-of-control"  # it did not go where it was sent: a flyaway until shown otherwise
    LOW_ENERGY = "low-energy"  # its charge did not bring it home as planned
    SEPARATION = "loss-of-separation"  # two of our own too near each other
    INFRINGEMENT = "airspace-infringement"  # inside a zone without leave, or outside the operating volume
    NEAR_MISS = "near-miss-with-crewed-aircraft"
    COLLISION = "collision"
    INJURY = "injury-or-damage-on-the-ground"
    OTHER = "other"


class Severity(StrEnum):
    """ECCAIRS occurrence class; accident and serious incident are those of UK Reg (EU) 996/2010, article 2."""

    NOT_DETERMINED = "not-determined"
    NO_SAFETY_EFFECT = "no-safety-effect"
    INCIDENT = "incident"
    SERIOUS_INCIDENT = "serious-incident"
    ACCIDENT = "accident"


class FlightPhase(StrEnum):
    STANDING = "standing"
    TAKE_OFF = "take-off"
    EN_ROUTE = "en-route"
    MANOEUVRING = "manoeuvring"
    LANDING = "landing"
    UNKNOWN = "unknown"


class Injuries(StrEnum):
    UNKNOWN = "unknown"
    NONE = "none"
    MINOR = "minor"
    SERIOUS = "serious"
    FATAL = "fatal"


class Damage(StrEnum):
    UNKNOWN = "unknown"
    NONE = "none"
    MINOR = "minor"
    SUBSTANTIAL = "substantial"
    DESTROYED = "destroyed"
    MISSING = "missing"


class AirspaceKind(StrEnum):
    UNKNOWN = "unknown"
    CONTROLLED = "controlled"
    UNCONTROLLED = "uncontrolled"
    RESTRICTED = "danger-restricted-or-prohibited"
    FLIGHT_RESTRICTION = "flight-restriction-zone"
    TEMPORARY = "temporary-danger-area"


class Involved(StrEnum):
    """Whether an aircraft with people on board was involved."""

    UNKNOWN = "unknown"
    NO = "no"
    YES = "yes"


class Body(StrEnum):
    """Who can be told."""

    AAIB = "aaib"
    CAA = "caa"


class OccurrenceState(StrEnum):
    OPEN = "open"
    REPORTED = "reported"
    CLOSED = "closed"


class Outcome(StrEnum):
    """Why it was closed."""

    ANALYSED = "analysed-and-followed-up"
    NOT_REPORTABLE = "not-reportable"
    DUPLICATE = "duplicate"
    OPENED_IN_ERROR = "opened-in-error"


class Findings(msgspec.Struct, frozen=True, kw_only=True):
    """What people found. What is not known yet says so."""

    severity: Severity = Severity.NOT_DETERMINED
    phase: FlightPhase = FlightPhase.UNKNOWN
    injuries: Injuries = Injuries.UNKNOWN
    damage: Damage = Damage.UNKNOWN
    airspace: AirspaceKind = AirspaceKind.UNKNOWN
    crewed_aircraft: Involved = Involved.UNKNOWN


class LastHeard(msgspec.Struct, frozen=True, kw_only=True):
    """Where the vehicle was last heard; WGS 84 degrees, metres above its dock."""

    latitude_deg: float
    longitude_deg: float
    height_m_above_dock: float


class Sighting(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a flight at this moment; `phase` is that of the flight's own state machine, or what was broken in on."""

    mission_id: str
    vehicle_id: str
    airframe: str
    incident_id: str
    borough: str | None
    phase: str
    started_at: datetime
    place: LastHeard | None


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """Where the proof lies, by ids. `ledger` are the places of the entries about flight and vehicle; filled in when reported."""

    mission_id: str | None
    incident_id: str | None
    vehicle_id: str | None
    airframe: str | None
    telemetry_from: datetime
    telemetry_until: datetime
    ledger: tuple[int, ...] = ()


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """That a body was told, when, by whom, and the number that it gave."""

    body: Body
    reference: str
    by: str
    at: datetime


class Occurrence(msgspec.Struct, frozen=True, kw_only=True):
    """One occurrence. `opened_by` is an account, or `program`; `code` is the program's own reason for opening it."""

    occurrence_id: str
    kind: Kind
    occurred_at: datetime
    known_at: datetime
    opened_by: str
    evidence: Evidence
    findings: Findings = Findings()
    code: str = ""
    borough: str | None = None
    place: LastHeard | None = None
    state: OccurrenceState = OccurrenceState.OPEN
    sent: tuple[Sent, ...] = ()
    outcome: Outcome | None = None
    closed_by: str | None = None
    closed_at: datetime | None = None
