"""What may be flown where, and when: activation, permission, clear routes, heights apart. Pure.

A route is clear when it stays, with a buffer, outside every active zone that the operator has no leave for, and inside the
volumes in which the operator may fly at all. It is straight when that is clear, else it goes round by the corners of what is
in the way.
"""

import itertools
import math
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import numpy as np
import shapely

from bowstreet.airspace.model import Activation, Clearance, Datum, Limit, Permission, Refusal, Restriction, Trajectory, Zone
from bowstreet.airspace.router import Router
from bowstreet.geo import FloatArray, GridPoint
from bowstreet.messages import Reason

# A zone of this kind does not forbid: it is where the operator may fly beyond line of sight (a Temporary Danger Area, an
# approval).
OPERATING_VOLUME = "OPERATING_VOLUME"
# Transit levels above ground, metres: above most roofs, below 120 m with margin; 5 m apart is twice what barometers differ by.
LEVELS_M = (80.0, 85.0, 90.0, 95.0, 100.0, 105.0, 110.0, 115.0)
# Two drones on one level stay this far apart: two positions each wrong by 10 m, and two seconds of closing at 15 m/s each.
SEPARATION_M = 80.0
SAMPLE_S = 3.0
# Beyond its planned arrival a drone stays over its scene for about this long.
LOITER_S = 900.0


def is_active(zone: Zone, now: datetime) -> bool:
    """Whether the zone applies at this moment. Without activations it always does."""
    return not zone.activations or any(_applies(activation, now) for activation in zone.activations)


def _applies(activation: Activation, now: datetime) -> bool:
    if activation.start is not None and now < activation.start:
        return False
    if activation.end is not None and now >= activation.end:
        return False
    if activation.weekdays is not None and now.weekday() not in activation.weekdays:
        return False
    if activation.from_utc is None or activation.to_utc is None:
        return True
    moment = now.timetz().replace(tzinfo=None)
    if activation.from_utc <= activation.to_utc:
        return activation.from_utc <= moment < activation.to_utc
    return moment >= activation.from_utc or moment < activation.to_utc  # over midnight


def has_leave(zone: Zone, operator: str, permissions: Iterable[Permission], now: datetime) -> bool:
    """Whether the operator may fly in the zone: by its own text, or by a permission that is in force."""
    if operator in zone.permitted_operators:
        return True
    return any(
        one.operator == operator
        and one.zone_id == zone.zone_id
        and (one.start is None or one.start <= now)
        and (one.end is None or now < one.end)
        for one in permissions
    )


def reaches(zone: Zone, height_m_agl: float, ground_m_amsl: float) -> bool:
    """Whether the zone is met at this height. Terrain is known at docks only: heights count with `TERRAIN_M` either way."""
    low = _agl(zone.lower, ground_m_amsl, -TERRAIN_M)
    high = _agl(zone.upper, ground_m_amsl, TERRAIN_M)
    return low <= height_m_agl <= high


# London's ground lies between 0 and 245 m; within a flight's reach of a dock it seldom differs by more.
TERRAIN_M = 60.0


def _agl(limit: Limit, ground_m_amsl: float, margin_m: float) -> float:
    if limit.datum is Datum.AGL:
        return limit.height_m
    return max(0.0, limit.height_m - ground_m_amsl + margin_m) if limit.height_m > 0.0 else 0.0


def forbidding(
    zones: Iterable[Zone],
    *,
    operator: str,
    permissions: Sequence[Permission],
    height_m_agl: float,
    ground_m_amsl: float,
    now: datetime,
) -> tuple[list[Zone], list[Zone]]:
    """The zones that stand in the way of this operator at this height, and those that would but for its leave."""
    barred: list[Zone] = []
    allowed: list[Zone] = []
    for zone in zones:
        if zone.kind == OPERATING_VOLUME or zone.restriction is Restriction.NONE or not is_active(zone, now):
            continue
        if reaches(zone, height_m_agl, ground_m_amsl):
            (allowed if has_leave(zone, operator, permissions, now) else barred).append(zone)
    return barred, allowed


def operating_volumes(zones: Iterable[Zone], *, operator: str, permissions: Sequence[Permission], now: datetime) -> list[Zone]:
    """Where the operator may fly now."""
    return [
        zone
        for zone in zones
        if zone.kind == OPERATING_VOLUME and is_active(zone, now) and has_leave(zone, operator, permissions, now)
    ]


def clear_route(
    start: GridPoint,
    goal: GridPoint,
    *,
    router: Router,
    allowed: Sequence[Zone],
    volume: shapely.Geometry | None,
    height_m_agl: float,
) -> Clearance | Refusal:
    """A route from start to goal, or why there is none.

    Args:
        router: knows what is in the way (`forbidding`).
        allowed: zones that the operator has leave for; named in the clearance when the route crosses them.
        volume: the union of the active operating volumes; None when none is active.
    """
    if volume is None:
        text = "no operating volume is active for this operator: activate a Temporary Danger Area or an approval"
        return _refusal("no-operating-volume", text)
    for point, what in ((start, "the drone"), (goal, "the scene")):
        inside = router.zone_at(point)
        if inside is not None:
            text = f"{what} is in {inside.name}, which needs leave from {inside.authority or 'its authority'}"
            return _refusal("zone", f"{text}: enter the permission under airspace", inside.zone_id)
        if not shapely.intersects_xy(volume, point.easting_m, point.northing_m):
            return _refusal("outside-operating-volume", f"{what} is outside the active operating volume")
    way = router.way(start, goal)
    if way is None:
        return _refusal("no-way", "no way leads round the zones between the drone and the scene")
    line = shapely.LineString([(point.easting_m, point.northing_m) for point in way])
    if not shapely.covered_by(line, volume):
        return _refusal("outside-operating-volume", "every way there leaves the active operating volume")
    return Clearance(
        waypoints=way,
        length_m=float(line.length),
        height_m_agl=height_m_agl,
        permitted_zones=tuple(zone.zone_id for zone in allowed if shapely.intersects(zone.polygon, line)),
        went_round=tuple(zone.zone_id for zone in router.between(start, goal)) if len(way) > 2 else (),
    )


def _refusal(code: str, text: str, zone_id: str = "") -> Refusal:
    return Refusal(reasons=(Reason(code=f"airspace-{code}", text=f"{text} ({zone_id})" if zone_id else text),))


# --- between our own flights ----------------------------------------------------------------------------------------------


def choose_level(way: Sequence[GridPoint], speed_mps: float, starts_at: datetime, traffic: Sequence[Trajectory]) -> float | None:
    """The lowest transit level on which no other flight comes near; None when all are taken.

    Args:
        speed_mps: over the ground, slowest leg.
        starts_at: when it leaves the start of `way`.
        traffic: our other flights.
    """
    if not traffic:
        return LEVELS_M[0]
    length_m = sum(a.distance_m(b) for a, b in itertools.pairwise(way))
    times = np.arange(0.0, length_m / max(speed_mps, 1.0) + LOITER_S, SAMPLE_S)
    mine = _along(way, speed_mps, times)
    taken: set[float] = set()
    for other in traffic:
        if other.height_m_agl in taken or not _near(way, other.waypoints):
            continue
        offset_s = (starts_at - other.starts_at).total_seconds()
        theirs = _along(other.waypoints, other.ground_speed_mps, times + offset_s)
        if (np.hypot(*(mine - theirs).T) < SEPARATION_M).any():
            taken.add(other.height_m_agl)
    return next((level for level in LEVELS_M if level not in taken), None)


def _near(a: Sequence[GridPoint], b: Sequence[GridPoint]) -> bool:
    """Whether the boxes round two ways come within the separation."""
    return (
        min(p.easting_m for p in a) - SEPARATION_M <= max(p.easting_m for p in b)
        and min(p.easting_m for p in b) - SEPARATION_M <= max(p.easting_m for p in a)
        and min(p.northing_m for p in a) - SEPARATION_M <= max(p.northing_m for p in b)
        and min(p.northing_m for p in b) - SEPARATION_M <= max(p.northing_m for p in a)
    )


def _along(way: Sequence[GridPoint], speed_mps: float, times_s: FloatArray) -> FloatArray:
    """Places at given times after the start, clamped to the ends: (n, 2) metres."""
    points = np.array([(point.easting_m, point.northing_m) for point in way])
    steps = np.hypot(*np.diff(points, axis=0).T) if len(points) > 1 else np.zeros(0)
    reached = np.concatenate(([0.0], np.cumsum(steps))) / max(speed_mps, 1.0)
    return np.stack([np.interp(times_s, reached, points[:, axis]) for axis in (0, 1)], axis=1)


# --- other people's aircraft ----------------------------------------------------------------------------------------------

# No launch when the traffic feed is older than this: a helicopter covers a kilometre in 15 s.
FEED_STALE_S = 15.0
# A helicopter this near, or nearer within the look-ahead, is yielded to.
YIELD_M = 1_000.0
YIELD_HEIGHT_M = 150.0
LOOK_AHEAD_S = 30.0
# Below this height helicopters do not transit over London: descend to it when they come.
SAFE_HEIGHT_M = 45.0


def launch_refused_by_feed(last_heard: datetime | None, now: datetime) -> Reason | None:
    """Feed lost: no new launch."""
    if last_heard is not None and now - last_heard <= timedelta(seconds=FEED_STALE_S):
        return None
    return Reason(code="airspace-feed-lost", text="the traffic feed is silent: nothing is launched until it is heard")


def must_yield(
    own: GridPoint, own_height_m_agl: float, other: GridPoint, other_height_m_agl: float, other_velocity_mps: tuple[float, float]
) -> str:
    """`continue`, `descend` or `hold` for an aircraft at this place and velocity (east, north)."""
    if abs(own_height_m_agl - other_height_m_agl) > YIELD_HEIGHT_M:
        return "continue"
    east, north = own.easting_m - other.easting_m, own.northing_m - other.northing_m
    speed_squared = other_velocity_mps[0] ** 2 + other_velocity_mps[1] ** 2
    along_s = 0.0
    if speed_squared > 0.0:
        along_s = min(LOOK_AHEAD_S, max(0.0, (east * other_velocity_mps[0] + north * other_velocity_mps[1]) / speed_squared))
    nearest_m = math.hypot(east - along_s * other_velocity_mps[0], north - along_s * other_velocity_mps[1])
    if nearest_m > YIELD_M:
        return "continue"
    return "descend" if own_height_m_agl > SAFE_HEIGHT_M else "hold"
