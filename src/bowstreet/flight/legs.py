"""Flying from way point to way point: what is ordered for a leg, how soon it must be done, when a point is reached."""

import math
from datetime import datetime
from typing import Any

from bowstreet.flight import energy
from bowstreet.flight.lens import WIDEST, widened
from bowstreet.flight.model import GoTo, Mission, Phase, PointGimbal, SetSpeed, Telemetry, Waypoint
from bowstreet.flight.reckoning import distance_m, offset_m
from bowstreet.flight.step import Order, Sight, Step, changed, due, enter, to_vehicle
from bowstreet.messages import Reason

# The camera looks at the horizon wherever the drone is not over its scene (D2).
LEVEL_DEG = 0.0
# What a level camera may err by.
LEVEL_WITHIN_DEG = 10.0
# Near enough to a point on the way that the next leg may begin: two seconds at cruise, so that it need not stop there.
PASSED_M = 30.0
# Near enough to the last point: over it, as well as GPS can tell.
REACHED_M = 10.0
# A leg takes this much longer than reckoned, and this much besides, before it is looked at as not flown.
LATE = 1.5
LATE_S = 20.0
# Autopilots keep a speed over the ground. It is ordered again when the wind asks for another one by more than this.
SPEED_STEP_MPS = 1.0
SLOWEST_MPS = 2.0


def is_level(telemetry: Telemetry) -> bool:
    return abs(telemetry.gimbal_pitch_deg - LEVEL_DEG) <= LEVEL_WITHIN_DEG


def looks_down(telemetry: Telemetry) -> bool:
    return telemetry.gimbal_pitch_deg < LEVEL_DEG - LEVEL_WITHIN_DEG


def leg(
    mission: Mission, sight: Sight, now: datetime, route: tuple[Waypoint, ...], number: int
) -> tuple[tuple[Order, ...], dict[str, Any]]:
    """The orders that fly `route[number]`, and what the mission remembers of them.

    The speed is the one over the ground at which the drone flies at cruise through the air: a tailwind is used, and no power is
    wasted against a headwind.
    """
    goal = route[number]
    telemetry = sight.telemetry
    start = route[number - 1].position if telemetry is None else telemetry.position
    east_m, north_m = offset_m(start, goal.position)
    seconds = energy.leg_s(east_m, north_m, sight.airframe.cruise_mps, sight.wind)
    length_m = math.hypot(east_m, north_m)
    speed_mps = sight.airframe.cruise_mps if not 0.0 < seconds < math.inf else max(SLOWEST_MPS, length_m / seconds)
    if telemetry is not None:
        rise_m = goal.height_m_above_dock - telemetry.height_m_above_dock
        seconds = max(seconds, rise_m / (sight.airframe.climb_mps if rise_m > 0 else -sight.airframe.descent_mps))
    fields: dict[str, Any] = {"leg": number, "due_at": due(now, LATE * seconds + LATE_S)}
    orders = to_vehicle(mission, GoTo(waypoint=goal))
    if mission.speed_mps is None or abs(mission.speed_mps - speed_mps) > SPEED_STEP_MPS:
        fields["speed_mps"] = round(speed_mps, 1)
        orders = to_vehicle(mission, SetSpeed(ground_speed_mps=round(speed_mps, 1))) + orders
    return orders, fields


def reached(sight: Sight, route: tuple[Waypoint, ...], number: int) -> bool:
    """Whether the drone is at that point of its route, as far as its position can be believed."""
    telemetry = sight.telemetry
    if telemetry is None:
        return False
    within_m = REACHED_M if number >= len(route) - 1 else PASSED_M
    return distance_m(telemetry.position, route[number].position) <= within_m


def next_leg(mission: Mission, sight: Sight, now: datetime, route: tuple[Waypoint, ...], number: int) -> Step:
    """On to that point of the route, in the same phase."""
    orders, fields = leg(mission, sight, now, route, number)
    return Step(mission=changed(mission, attempts=0, **fields), orders=orders)


def again(mission: Mission, sight: Sight, now: datetime, route: tuple[Waypoint, ...]) -> Step:
    """The present leg, ordered once more: a new command, harmless when the first one was heard after all."""
    orders, fields = leg(changed(mission, speed_mps=None), sight, now, route, mission.leg)
    return Step(mission=changed(mission, attempts=mission.attempts + 1, **fields), orders=orders)


def set_out(mission: Mission, sight: Sight, now: datetime, reason: Reason, before: tuple[Order, ...] = (), **fields: Any) -> Step:
    """On the way to the scene, from the second point of the plan, with the camera level."""
    route = mission.plan.outbound
    orders, leg_fields = leg(changed(mission, speed_mps=None), sight, now, route, min(1, len(route) - 1))
    # Right after the checks it looks level: they made sure of it.
    checked = mission.phase is Phase.CLIMBING and sight.telemetry is not None and is_level(sight.telemetry)
    camera = () if checked else to_vehicle(mission, PointGimbal(pitch_deg=LEVEL_DEG))
    orders = before + camera + widened(mission) + orders
    return enter(
        mission, Phase.OUTBOUND, reason, now, orders,
        serving=mission.incident_id, resume=None, camera_attempts=0, zoom=WIDEST, zoom_attempts=0, **{**leg_fields, **fields},
    )  # fmt: skip
