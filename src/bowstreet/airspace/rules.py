"""What may be flown where, and when: activation, permission, clear routes, heights apart. Pure.

A route is clear when it stays, with a buffer, outside every active zone that the operator has no leave for, and inside the
volumes in which the operator may fly at all. It is straight when that is clear, else it goes round by the corners of what is
in the way.
"""

import itertools
import math
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, time, timedelta

import msgspec
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
# Nothing is flown lower in transit, nor so near to a limit: barometers differ by half the distance of two levels.
HEIGHT_MARGIN_M = 5.0
# London's ground lies between 0 and 245 m; within a flight's reach of a dock it seldom differs by more.
TERRAIN_M = 60.0
# How far above mean sea level a datum's zero may lie, at least and at most, metres. Flight levels: 1013.25 hPa is that much lower
# or higher when sea level has 950 or 1050 hPa (the extremes of Great Britain, 8.3 m a hectopascal). The ellipsoid: mean sea level
# lies 45 to 57 m above it in Great Britain (OSGM15).
DATUM_M = {Datum.AMSL: (0.0, 0.0), Datum.STANDARD: (-525.0, 305.0), Datum.ELLIPSOID: (-57.0, -45.0)}
# A flight lasts no longer than its battery: what opens or closes within this time counts at the launch.
FLIGHT_TIME = timedelta(minutes=30)
NO_TIME = timedelta(0)
# Two drones on one level stay this far apart: two positions each wrong by 10 m, and two seconds of closing at 15 m/s each.
SEPARATION_M = 80.0
SAMPLE_S = 3.0
# Beyond its planned arrival a drone stays over its scene for about this long.
LOITER_S = 900.0


def is_active(zone: Zone, now: datetime) -> bool:
    """Whether the zone applies at this moment. Without activations it always does."""
    return not zone.activations or any(_applies(activation, now) for activation in zone.activations)


def is_active_within(zone: Zone, now: datetime, ahead: timedelta) -> bool:
    """Whether the zone applies now or begins to within that time: who takes off must also be able to come home."""
    return is_active(zone, now) or any(
        _applies(activation, moment)
        for activation in zone.activations
        for moment in _beginnings(activation, now)
        if moment <= now + ahead
    )


def _beginnings(activation: Activation, now: datetime) -> list[datetime]:
    """The next moments at which an activation may begin: its start, its hour, the next day (of less than a day ahead)."""
    midnight = datetime.combine(now.date() + timedelta(days=1), time(0), UTC)
    found = [midnight]
    if activation.start is not None and activation.start > now:
        found.append(activation.start)
    if activation.from_utc is not None:
        today = datetime.combine(now.date(), activation.from_utc, UTC)
        found.append(today if today > now else today + timedelta(days=1))
    return found


def _applies(activation: Activation, now: datetime) -> bool:
    if activation.start is not None and now < activation.start:
        return False
    if activation.end is not None and now >= activation.end:
        return False
    begin, stop = activation.from_utc, activation.to_utc
    if begin is None or stop is None or begin == stop:  # all day
        return _on_day(activation, now)
    moment = now.timetz().replace(tzinfo=None)
    if begin < stop:
        return begin <= moment < stop and _on_day(activation, now)
    if moment >= begin:
        return _on_day(activation, now)
    # Over midnight: the small hours belong to the day on which it began.
    return moment < stop and _on_day(activation, now - timedelta(days=1))


def _on_day(activation: Activation, now: datetime) -> bool:
    return activation.weekdays is None or now.weekday() in activation.weekdays


def switched(zone: Zone, active: bool, until: datetime | None) -> Zone | None:
    """The zone as a person's word has it: that it applies, or not, until then or for good. None when it does not, for good."""
    if active:
        times = (Activation(),) if until is None or not zone.activations else (Activation(end=until), *zone.activations)
        return msgspec.structs.replace(zone, activations=times)
    if until is None:
        return None
    own = zone.activations or (Activation(),)
    later = tuple(msgspec.structs.replace(one, start=until if one.start is None else max(one.start, until)) for one in own)
    return msgspec.structs.replace(zone, activations=later)


def has_leave(zone: Zone, operator: str, permissions: Iterable[Permission], now: datetime, ahead: timedelta = NO_TIME) -> bool:
    """Whether the operator may fly in the zone from now until `ahead`: by its own text, or by a permission in force."""
    if operator in zone.permitted_operators:
        return True
    return any(
        one.operator == operator
        and one.zone_id == zone.zone_id
        and (one.start is None or one.start <= now)
        and (one.end is None or now + ahead < one.end)
        for one in permissions
    )


def reaches(zone: Zone, lowest_m_agl: float, highest_m_agl: float, ground_m_amsl: float) -> bool:
    """Whether the zone holds any of these heights, with `HEIGHT_MARGIN_M` to spare.

    Terrain is known at docks only: heights that are not above the ground count with `TERRAIN_M` either way.
    """
    low, high = floor_m_agl(zone.lower, ground_m_amsl), ceiling_m_agl(zone.upper, ground_m_amsl)
    return low - HEIGHT_MARGIN_M <= highest_m_agl and high + HEIGHT_MARGIN_M >= lowest_m_agl


def floor_m_agl(limit: Limit, ground_m_amsl: float) -> float:
    """The least height above ground at which a limit may lie."""
    if limit.datum is Datum.AGL or limit.height_m <= 0.0:
        return max(0.0, limit.height_m)
    return max(0.0, limit.height_m + DATUM_M[limit.datum][0] - ground_m_amsl - TERRAIN_M)


def ceiling_m_agl(limit: Limit, ground_m_amsl: float) -> float:
    """The greatest height above ground at which a limit may lie."""
    if limit.datum is Datum.AGL:
        return max(0.0, limit.height_m)
    return max(0.0, limit.height_m + DATUM_M[limit.datum][1] - ground_m_amsl + TERRAIN_M)


def sure_ceiling_m_agl(limit: Limit, ground_m_amsl: float) -> float:
    """The height above ground up to which one is below a limit for sure: what a volume that allows is good for."""
    if limit.datum is Datum.AGL:
        return limit.height_m
    return limit.height_m + DATUM_M[limit.datum][0] - ground_m_amsl - TERRAIN_M


def forbidding(
    zones: Iterable[Zone],
    *,
    operator: str,
    permissions: Sequence[Permission],
    lowest_m_agl: float = 0.0,
    highest_m_agl: float,
    ground_m_amsl: float,
    now: datetime,
    ahead: timedelta = NO_TIME,
) -> tuple[list[Zone], list[Zone]]:
    """The zones that stand in the way of this operator at these heights, and those that would but for its leave.

    Args:
        lowest_m_agl: 0 for a flight, which climbs from the ground and may have to come down anywhere on its way.
        ahead: the time from now for which it must hold.
    """
    barred: list[Zone] = []
    allowed: list[Zone] = []
    for zone in zones:
        if zone.kind == OPERATING_VOLUME or zone.restriction is Restriction.NONE or not is_active_within(zone, now, ahead):
            continue
        if reaches(zone, lowest_m_agl, highest_m_agl, ground_m_amsl):
            (allowed if has_leave(zone, operator, permissions, now, ahead) else barred).append(zone)
    return barred, allowed


def operating_volumes(
    zones: Iterable[Zone], *, operator: str, permissions: Sequence[Permission], now: datetime, ahead: timedelta = NO_TIME
) -> list[Zone]:
    """Where the operator may fly from now until `ahead`."""
    return [
        zone
        for zone in zones
        if zone.kind == OPERATING_VOLUME
        and is_active(zone, now)
        and is_active(zone, now + ahead)
        and has_leave(zone, operator, permissions, now, ahead)
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
        return _no_way(router, start, goal)
    line = shapely.LineString([(point.easting_m, point.northing_m) for point in way])
    if not shapely.covers(volume, line):  # asked of the volume, which is prepared
        return _refusal("outside-operating-volume", "every way there leaves the active operating volume")
    return Clearance(
        waypoints=way,
        length_m=float(line.length),
        height_m_agl=height_m_agl,
        permitted_zones=tuple(zone.zone_id for zone in allowed if shapely.intersects(zone.polygon, line)),
        went_round=tuple(zone.zone_id for zone in router.between(start, goal)) if len(way) > 2 else (),
    )


def _no_way(router: Router, start: GridPoint, goal: GridPoint) -> Refusal:
    """Each zone on the straight line is a reason; leave for one of them may open the way."""
    between = router.blocking(start, goal)
    if not between:
        return _refusal("no-way", "every way round the zones leaves the active operating volume")
    return Refusal(
        reasons=tuple(
            Reason(
                code="airspace-no-way",
                text=f"no way leads round {zone.name}: enter the permission if there is one ({zone.zone_id})",
            )
            for zone in between
        )
    )


def _refusal(code: str, text: str, zone_id: str = "") -> Refusal:
    return Refusal(reasons=(Reason(code=f"airspace-{code}", text=f"{text} ({zone_id})" if zone_id else text),))


# --- between our own flights ----------------------------------------------------------------------------------------------


def choose_level(
    way: Sequence[GridPoint],
    speed_mps: float,
    starts_at: datetime,
    traffic: Sequence[Trajectory],
    highest_m_agl: float = LEVELS_M[-1],
    levels: Sequence[float] = LEVELS_M,
) -> float | None:
    """The lowest transit level on which no other flight comes near; None when all are taken.

    Args:
        speed_mps: over the ground, slowest leg.
        starts_at: when it leaves the start of `way`.
        traffic: our other flights.
        highest_m_agl: no level above this: the operating volume's top.
        levels: those of `LEVELS_M` that it may have, lowest first.
    """
    if not traffic:
        return next((level for level in levels if level <= highest_m_agl or level == LEVELS_M[0]), None)
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
    return next((level for level in levels if level not in taken and level <= highest_m_agl), None)


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
