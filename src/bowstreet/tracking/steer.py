"""Where a gimbal should turn and a vehicle should stand so that the subject stays in the picture. Pure.

They propose; `flight` and the airspace decide, and nothing moves a vehicle without its pilot's consent.
"""

import math
from datetime import datetime

import msgspec

from bowstreet.frames import CameraPose
from bowstreet.geo import Position
from bowstreet.tracking.model import FollowPhase, GroundPlace, Name, Quality
from bowstreet.tracking.plane import Plane

# Faster than this a gimbal's picture smears at 1/60 s and a person watching loses their bearings.
FASTEST_DEG_S = 30.0
# Within this share of the picture, from its middle, the gimbal rests: the picture must not tremble with each look's noise.
REST_SHARE = 0.03
# What is weakly held, by its movement or its picture, is told best by a camera that stands still: it is let go further.
WEAK_REST_SHARE, WEAK_EAGERNESS = 0.15, 0.8
# While it is not seen its place is a guess: it is kept in the picture, not chased.
UNSEEN_REST_SHARE = 0.25
LOWEST_TILT_DEG, HIGHEST_TILT_DEG = -90.0, 0.0
# Of the way to the subject in one look; the rest comes with the next ones.
EAGERNESS = 0.6
# Where the stream itself does not tell how its camera looks, telemetry does, up to a second late: less at once.
LATE_EAGERNESS = 0.25

# CAA CAP 722: 50 m from people who are not involved; police may hold less, and this is the least that is ever proposed.
LEAST_STAND_OFF_M = 30.0
# From the height at which it flies, looking down by 45 degrees.
STAND_OFF_OF_HEIGHT = 1.0
# Nearer than this to where it should be, the vehicle stays.
STAY_M = 10.0
# A vehicle is not sent after a place that is known no better than this.
MOST_ELLIPSE_M = 25.0
# A flight is for its incident: further off than this it would watch another place, and somebody must decide that anew.
FARTHEST_FROM_INCIDENT_M = 1_000.0
# Ahead of the subject by so long, as a vehicle needs to get under way.
LEAD_S = 2.0
FARTHEST_STEP_M = 300.0


class Aim(msgspec.Struct, frozen=True, kw_only=True):
    """Where the optical axis should point: tilt from the horizon, azimuth from true north, and the rates that lead there."""

    tilt_deg: float
    azimuth_deg: float
    tilt_rate_deg_s: float
    azimuth_rate_deg_s: float


class Consent(msgspec.Struct, frozen=True, kw_only=True):
    """A pilot's leave that the vehicle follows, for one follow and no longer than that may last."""

    pilot: Name
    given_at: datetime
    until: datetime

    def holds(self, now: datetime) -> bool:
        return self.given_at <= now < self.until


class GoTo(msgspec.Struct, frozen=True, kw_only=True):
    """A place for the vehicle, at the height that it has."""

    position: Position
    altitude_m_amsl: float


class Stays(msgspec.Struct, frozen=True, kw_only=True):
    reason: str


def aim(
    pose: CameraPose, width_px: int, height_px: int, x: float, y: float, phase: FollowPhase, quality: Quality, step_s: float,
    *, tells_late: bool = False,
) -> Aim | None:  # fmt: skip
    """Turn towards a pixel; None to rest. A follow that is lost, idle or asks turns nowhere: the pilot looks.

    `tells_late`: the pose is not the picture's own but telemetry's.
    """
    if phase not in (FollowPhase.HELD, FollowPhase.COASTING) or step_s <= 0:
        return None
    across, down = (x - width_px / 2) / width_px, (y - height_px / 2) / height_px
    weak = phase is FollowPhase.HELD and quality is Quality.WEAK
    rest = UNSEEN_REST_SHARE if phase is not FollowPhase.HELD else WEAK_REST_SHARE if weak else REST_SHARE
    if math.hypot(across, down) < rest:
        return None
    eagerness = LATE_EAGERNESS if tells_late else WEAK_EAGERNESS if weak else EAGERNESS
    right, up = _off(pose, width_px, height_px, x, y)
    return _turned(pose, eagerness * right, eagerness * up, step_s)


def bearing(pose: CameraPose, width_px: int, height_px: int, x: float, y: float) -> tuple[float, float]:
    """Tilt and azimuth at which a pixel is, by the pose told."""
    right, up = _off(pose, width_px, height_px, x, y)
    return pose.tilt_deg + up, (pose.heading_deg + pose.pan_deg + right) % 360.0


def _off(pose: CameraPose, width_px: int, height_px: int, x: float, y: float) -> tuple[float, float]:
    """How far a gimbal must turn, right and up, for a pixel to be in the middle."""
    focal = width_px / 2 / math.tan(math.radians(pose.horizontal_fov_deg) / 2)
    right = math.degrees(math.atan2(x - width_px / 2, focal))
    low = math.degrees(math.atan2(y - height_px / 2, focal))
    # A rolled picture's right is not the horizon's.
    roll = math.radians(pose.roll_deg)
    right, low = right * math.cos(roll) - low * math.sin(roll), right * math.sin(roll) + low * math.cos(roll)
    # Looking steeply down, a degree of azimuth moves the picture by less.
    steepness = max(0.2, math.cos(math.radians(pose.tilt_deg)))
    return right / steepness, -low


def towards(pose: CameraPose, place: Position, place_m_amsl: float, step_s: float) -> Aim | None:
    """Turn towards a place that is out of the picture; None to rest, and right above it."""
    east, north = Plane(pose.position).to_metres(place)
    away, down = math.hypot(east, north), pose.altitude_m_amsl - place_m_amsl
    if step_s <= 0 or down <= 0 or away < 1.0:
        return None
    turn = math.remainder(math.degrees(math.atan2(east, north)) - pose.heading_deg - pose.pan_deg, 360.0)
    low = -math.degrees(math.atan2(down, away)) - pose.tilt_deg
    if max(abs(turn), abs(low)) < REST_SHARE * pose.horizontal_fov_deg:
        return None
    return _turned(pose, turn, low, step_s)


def _turned(pose: CameraPose, right_deg: float, up_deg: float, step_s: float) -> Aim:
    """So far from where it looks, no faster than it may."""
    most = FASTEST_DEG_S * step_s
    turn = _within(right_deg, most)
    tilt = max(LOWEST_TILT_DEG, min(HIGHEST_TILT_DEG, pose.tilt_deg + _within(up_deg, most)))
    return Aim(
        tilt_deg=tilt, azimuth_deg=(pose.heading_deg + pose.pan_deg + turn) % 360.0,
        tilt_rate_deg_s=(tilt - pose.tilt_deg) / step_s, azimuth_rate_deg_s=turn / step_s,
    )  # fmt: skip


def stand_off(
    pose: CameraPose, ground_m_amsl: float, subject: GroundPlace | None, velocity_mps: tuple[float, float],
    phase: FollowPhase, consent: Consent | None, incident: Position, now: datetime,
) -> GoTo | Stays:  # fmt: skip
    """Where the vehicle should stand: on its own side of the subject, as far off as it is high."""
    if consent is None or not consent.holds(now):
        return Stays(reason="the pilot has not consented")
    if phase is not FollowPhase.HELD or subject is None:
        return Stays(reason="the subject is not held")
    known = (subject.position.latitude_deg, subject.position.longitude_deg, subject.ellipse.semi_major_m, *velocity_mps)
    if not all(math.isfinite(one) for one in known):
        return Stays(reason="the subject's place is not known")
    if subject.ellipse.semi_major_m > MOST_ELLIPSE_M:
        return Stays(reason=f"the subject's place is known to {subject.ellipse.semi_major_m:.0f} m only")
    height = pose.altitude_m_amsl - ground_m_amsl
    if height <= 0:
        return Stays(reason="the height above ground is not known")
    off = max(LEAST_STAND_OFF_M, STAND_OFF_OF_HEIGHT * height)
    plane = Plane(pose.position)
    east, north = plane.to_metres(subject.position)
    east, north = east + velocity_mps[0] * LEAD_S, north + velocity_mps[1] * LEAD_S
    away = math.hypot(east, north)
    if abs(away - off) < STAY_M:
        return Stays(reason="the vehicle stands well")
    # Right above the subject there is no own side: back off against its course, else to the south.
    if away < 1.0:
        speed = math.hypot(*velocity_mps)
        toward = (velocity_mps[0] / speed, velocity_mps[1] / speed) if speed > 0.1 else (0.0, 1.0)
    else:
        toward = (east / away, north / away)
    goal = (east - toward[0] * off, north - toward[1] * off)
    step = math.hypot(*goal)
    share = min(1.0, FARTHEST_STEP_M / step) if step > 0 else 1.0
    place = plane.to_position(goal[0] * share, goal[1] * share)
    if math.hypot(*Plane(incident).to_metres(place)) > FARTHEST_FROM_INCIDENT_M:
        return Stays(reason=f"that is more than {FARTHEST_FROM_INCIDENT_M:.0f} m from the incident")
    return GoTo(position=place, altitude_m_amsl=pose.altitude_m_amsl)


def components(speed_mps: float, direction_deg: float) -> tuple[float, float]:
    """East and north."""
    course = math.radians(direction_deg)
    return speed_mps * math.sin(course), speed_mps * math.cos(course)


def _within(value: float, most: float) -> float:
    return max(-most, min(most, value))
