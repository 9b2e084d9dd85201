"""Vehicles, docks and missions. Frozen values; the rules that move them are in `rules.py`."""

from datetime import datetime
from enum import StrEnum

import msgspec

from bowstreet.geo import Position
from bowstreet.messages import Reason


class Airframe(msgspec.Struct, frozen=True, kw_only=True):
    """What a kind of drone can do. Speeds are through the air; energies are watt-hours, powers watts."""

    name: str
    cruise_mps: float
    climb_mps: float
    descent_mps: float
    battery_wh: float
    cruise_w: float
    hover_w: float
    max_wind_mps: float
    launch_s: float  # from authority to climbing away: lid, checks, arming, and straight up to `airframes.CLIMB_AWAY_M`
    charge_full_s: float  # empty to full in the dock
    reserve_fraction: float  # never planned to be used


class Wind(msgspec.Struct, frozen=True, kw_only=True):
    """Wind at transit height. `from_deg` is where it blows from, clockwise from north."""

    speed_mps: float
    from_deg: float
    gust_mps: float = 0.0


class VehicleConfig(msgspec.Struct, frozen=True, kw_only=True):
    """A vehicle and how it is reached. `link` is `udpin:HOST:PORT`, `udpout:HOST:PORT` or `tcp:HOST:PORT`.

    `video_address` is where its pictures come from, as `video.address` understands it; "" for none. `field_of_view_deg` is the
    camera's at its widest, across the whole picture, for streams that do not tell it. `zoom_most` is how many times nearer its
    lens can bring what it shows; 1 for a lens that does not zoom.
    `signing`: "required", nothing unsigned is believed or sent; "off", keys are of no account; "", as soon as it has a key.
    """

    vehicle_id: str
    link: str
    system_id: int
    airframe: str
    home_dock_id: str
    video_address: str = ""
    field_of_view_deg: float = 60.0
    zoom_most: float = 1.0
    signing: str = ""


class DockConfig(msgspec.Struct, frozen=True, kw_only=True):
    """A dock, where it stands, and how it is reached. A dock is a MAVLink peer of type CHARGING_STATION."""

    dock_id: str
    name: str
    position: Position
    ground_m_amsl: float
    pads: int
    link: str
    system_id: int


class VehicleStatus(StrEnum):
    UNSEEN = "unseen"  # never heard since start
    READY = "ready"  # docked, healthy, may be given a mission when charged enough
    CHARGING = "charging"  # docked, below full; may still be tasked when its charge suffices
    BUSY = "busy"  # has a mission
    STALE = "stale"  # not heard for 2.5 s
    UNFIT = "unfit"  # heard, but a health check fails
    GROUNDED = "grounded"  # taken out of service by a person


class DockStatus(StrEnum):
    UNSEEN = "unseen"
    CLOSED = "closed"
    OPENING = "opening"
    OPEN = "open"
    CLOSING = "closing"
    JAMMED = "jammed"
    STALE = "stale"


class Phase(StrEnum):
    """The life of a mission. `DONE`, `ABORTED` and `LOST` are final."""

    AUTHORISED = "authorised"
    PREFLIGHT = "preflight"  # dock opens, vehicle checked, failsafes confirmed, armed
    CLIMBING = "climbing"
    OUTBOUND = "outbound"
    ON_SCENE = "on-scene"
    RETURNING = "returning"
    LANDING = "landing"
    DONE = "done"  # landed in a dock, disarmed, lid closed
    ABORTED = "aborted"  # never left the ground
    CONTROLLED = "controlled"  # a pilot flies
    CONTINGENCY = "contingency"  # link or position lost: the vehicle's own failsafe flies
    LOST = "lost"  # landed elsewhere or not heard from: a person must act

    @property
    def is_final(self) -> bool:
        return self in _FINAL

    @property
    def is_airborne(self) -> bool:
        return self in _AIRBORNE


# Made once: these are asked for more often than anything else.
_FINAL = (Phase.DONE, Phase.ABORTED, Phase.LOST)
_AIRBORNE = (
    Phase.CLIMBING, Phase.OUTBOUND, Phase.ON_SCENE, Phase.RETURNING,
    Phase.LANDING, Phase.CONTROLLED, Phase.CONTINGENCY,
)  # fmt: skip


class Telemetry(msgspec.Struct, frozen=True, kw_only=True):
    """What a vehicle last said of itself, already fused from its MAVLink messages."""

    vehicle_id: str
    at: datetime
    position: Position
    altitude_m_amsl: float
    height_m_above_dock: float
    heading_deg: float
    ground_speed_mps: float
    vertical_speed_mps: float
    charge_fraction: float
    armed: bool
    landed: bool
    gps_ok: bool
    ready_to_arm: bool
    gimbal_pitch_deg: float
    mode: str = ""
    faults: tuple[str, ...] = ()
    position_age_s: float = 0.0  # since it told this position; what else is said here may be newer
    gimbal_pan_deg: float = 0.0  # from the nose, clockwise; 0 for a camera that does not turn sideways
    field_of_view_deg: float | None = None  # of a lens that zooms, as it is now; None where that is not known


class Waypoint(msgspec.Struct, frozen=True, kw_only=True):
    """Where to fly, at what height above the dock that was left."""

    position: Position
    height_m_above_dock: float


class MissionPlan(msgspec.Struct, frozen=True, kw_only=True):
    """The flight as planned: out, on scene, and home again with the reserve untouched.

    `outbound` begins where the drone is and ends over the scene; `homeward` begins there and ends over the dock. Both are flown
    from their second point on. `bingo_fraction` is the charge at which the drone must leave the scene; `expected_eyes_on_s`
    counts from authority.
    """

    outbound: tuple[Waypoint, ...]
    homeward: tuple[Waypoint, ...]
    home_dock_id: str
    expected_eyes_on_s: float
    on_scene_s: float
    bingo_fraction: float
    expected_return_fraction: float


class Mission(msgspec.Struct, frozen=True, kw_only=True):
    """One flight for one incident, as the store keeps it.

    Who authorises it sets the fields down to `authorised_by`, `reasons`, `relieves` and `stay_until`. Who turns it in the air
    replaces `incident_id`, `grade`, `plan` and `reasons`, and clears those two. Everything else belongs to the rules of flight.
    """

    mission_id: str
    incident_id: str
    vehicle_id: str
    dock_id: str
    purpose: str
    grade: str
    plan: MissionPlan
    authorised_at: datetime
    authorised_by: str
    phase: Phase = Phase.AUTHORISED
    phase_since: datetime | None = None
    leg: int = 0
    commands_issued: int = 0
    took_off_at: datetime | None = None
    eyes_on_at: datetime | None = None
    landed_at: datetime | None = None
    return_reason: Reason | None = None
    diverted_to: str | None = None
    pilot: str | None = None
    reasons: tuple[Reason, ...] = ()
    relieves: str = ""  # the mission over the scene that this one was sent to relieve
    stay_until: datetime | None = None  # eyes are wanted until then: only bingo brings it home before
    # Where the state machine stands within the phase.
    serving: str = ""  # the incident that it was last ordered to fly to; another than `incident_id` once it has been turned
    resume: Phase | None = None  # what a pilot or a contingency broke in on
    due_at: datetime | None = None  # when what was ordered must have happened, or is looked at again
    attempts: int = 0  # how often what is under way was ordered in vain
    camera_attempts: int = 0
    zoom: float = 1.0  # of its lens, as last ordered
    zoom_attempts: int = 0
    zoom_trouble: str = ""  # why its lens did not do what its pilot last asked
    speed_mps: float | None = None  # over the ground, as last ordered
    failsafes_confirmed: bool = False
    arm_ordered: bool = False
    take_off_ordered: bool = False
    lid_ordered: bool = False
    land_ordered: bool = False
    charge_at_take_off: float | None = None
    alarmed: bool = False  # flown by a pilot, below bingo
    orphaned_at: datetime | None = None  # since when the pilot in control is not heard
    # What its pilot has it do: the order that it last took, and those since that it has not answered, or not yet.
    guidance: "tuple[GoTo | Orbit | Hold, ...]" = ()
    recovering_since: datetime | None = None  # the program started again: what telemetry shows decides

    @property
    def bound_for(self) -> str:
        """The dock that it is to land in."""
        return self.diverted_to or self.plan.home_dock_id

    @property
    def never_left(self) -> bool:
        """Nothing ordered so far could have lifted it off."""
        return not self.take_off_ordered


# --- commands: what the rules may ask of a vehicle or a dock ---------------------------------------------------------


class Command(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Base of what may be asked of a vehicle or a dock."""


class OpenDock(Command, frozen=True, kw_only=True):
    dock_id: str


class CloseDock(Command, frozen=True, kw_only=True):
    dock_id: str


class ConfirmFailsafes(Command, frozen=True, kw_only=True):
    """The vehicle's own response to loss of the ground station must be on before it may fly."""


class Arm(Command, frozen=True, kw_only=True): ...


class Disarm(Command, frozen=True, kw_only=True): ...


class TakeOff(Command, frozen=True, kw_only=True):
    height_m_above_dock: float


class SetSpeed(Command, frozen=True, kw_only=True):
    ground_speed_mps: float


class GoTo(Command, frozen=True, kw_only=True):
    waypoint: Waypoint


class Orbit(Command, frozen=True, kw_only=True):
    centre: Waypoint
    radius_m: float


class Hold(Command, frozen=True, kw_only=True): ...


class PointGimbal(Command, frozen=True, kw_only=True):
    pitch_deg: float  # 0 is level, -90 straight down


class ZoomCamera(Command, frozen=True, kw_only=True):
    zoom: float  # so many times nearer than at its widest, which is 1


class Land(Command, frozen=True, kw_only=True):
    """Land here, on the pad below."""

    waypoint: Waypoint
