"""Coming home: by which way, to which dock, and what it is to be down."""

from datetime import datetime
from typing import Any

import msgspec

from bowstreet.flight import energy
from bowstreet.flight.legs import LEVEL_DEG, leg
from bowstreet.flight.lens import WIDEST, widened
from bowstreet.flight.model import Mission, MissionPlan, Phase, PointGimbal, Telemetry, Waypoint
from bowstreet.flight.reckoning import distance_m
from bowstreet.flight.step import Order, Sight, Step, because, close_lid, due, enter, to_vehicle, told
from bowstreet.geo import Position
from bowstreet.messages import Reason

Route = tuple[Waypoint, ...]

# Within this of a point that a way begins at, the way is taken as it was planned.
ON_THE_WAY_M = 150.0
# Below this a drone that is sent elsewhere climbs first: there are roofs and trees between docks.
LOW_M = 30.0
# The lid takes about ten seconds to close; makers give up to twenty.
LID_S = 30.0


def route_home(mission: Mission, sight: Sight, at: Position) -> Route:
    """The way from here to the dock it is bound for: as planned, the way it came, as airspace finds it, or straight."""
    plan, dock = mission.plan, sight.docks.position(mission.bound_for)
    height_m = plan.homeward[0].height_m_above_dock
    here = Waypoint(position=at, height_m_above_dock=height_m)
    if distance_m(at, plan.homeward[0].position) <= ON_THE_WAY_M:
        return (here, *plan.homeward[1:])
    if mission.phase is Phase.OUTBOUND and distance_m(plan.outbound[0].position, dock) <= ON_THE_WAY_M:
        return (here, *reversed(plan.outbound[: max(1, mission.leg)]))
    return way_to(sight, at, mission.bound_for, height_m)


def way_to(sight: Sight, at: Position, dock_id: str, height_m: float) -> Route:
    """A way to a point over a dock that airspace clears. When it clears none, straight: a drone in the air has to come down."""
    dock = sight.docks.position(dock_id)
    found = sight.docks.find_route(at, dock, height_m)
    return found or tuple(Waypoint(position=place, height_m_above_dock=height_m) for place in (at, dock))


def with_way_home(plan: MissionPlan, route: Route) -> MissionPlan:
    return msgspec.structs.replace(plan, homeward=route)


def with_way_out(plan: MissionPlan, route: Route) -> MissionPlan:
    return msgspec.structs.replace(plan, outbound=route)


def go_home(mission: Mission, sight: Sight, now: datetime, reason: Reason, **fields: Any) -> Step:
    """Return, camera level, to the dock it is bound for; to another one at once when that one cannot be counted on."""
    at = _place(mission, sight)
    fields.setdefault("alarmed", False)
    if sight.docks.trouble(mission.bound_for, mission) and (refuge := find_refuge(mission, sight, at)):
        dock_id, route = refuge
        fields["diverted_to"] = dock_id
    else:
        route = route_home(mission, sight, at)
    return start_home(mission, sight, now, reason, route, **fields)


def start_home(mission: Mission, sight: Sight, now: datetime, reason: Reason, route: Route, **fields: Any) -> Step:
    orders, leg_fields = leg(mission, sight, now, route, 1 if len(route) > 1 else 0)
    orders = to_vehicle(mission, PointGimbal(pitch_deg=LEVEL_DEG)) + widened(mission) + orders
    fields = {
        "plan": with_way_home(mission.plan, route), "return_reason": mission.return_reason or reason, "resume": None,
        "camera_attempts": 0, "zoom": WIDEST, "zoom_attempts": 0, **leg_fields, **fields,
    }  # fmt: skip
    return enter(mission, Phase.RETURNING, reason, now, orders, **fields)


def find_refuge(mission: Mission, sight: Sight, at: Position) -> tuple[str, Route] | None:
    """The free dock, other than the one it is bound for, that costs the least charge to land in, and the way there."""
    height_m = mission.plan.homeward[0].height_m_above_dock
    found: list[tuple[float, str, Route]] = []
    for dock_id in sight.docks.refuges(at, mission):
        route = way_to(sight, at, dock_id, height_m)
        found.append((energy.fraction_to_land(sight.airframe, route, sight.wind, height_m), dock_id, route))
    if not found:
        return None
    _, dock_id, route = min(found, key=lambda one: one[:2])
    return dock_id, _climbing_first(route, sight.telemetry)


def _climbing_first(route: Route, telemetry: Telemetry | None) -> Route:
    if telemetry is None or telemetry.height_m_above_dock >= LOW_M:
        return route
    return (route[0], *route)


def divert(mission: Mission, sight: Sight, now: datetime, why: str) -> Step | None:
    """To another dock, because the one it is bound for cannot be counted on; None when there is none that can."""
    # Before it has been to the scene, the way home that counts begins there.
    at = mission.plan.outbound[-1].position if mission.phase is Phase.OUTBOUND else _place(mission, sight)
    refuge = find_refuge(mission, sight, at)
    if refuge is None:
        return None
    dock_id, route = refuge
    reason = because(mission, "diverted", f"{why}: to dock {dock_id}")
    if mission.phase in (Phase.RETURNING, Phase.LANDING):
        return start_home(mission, sight, now, reason, route, diverted_to=dock_id)
    return told(mission, reason, diverted_to=dock_id, plan=with_way_home(mission.plan, route))


def down(mission: Mission, sight: Sight, now: datetime, reason: Reason) -> Step:
    """It stands on the ground, disarmed. In a dock the flight is as good as done; elsewhere a person must fetch it."""
    dock_id = where_it_stands(mission, sight)
    if dock_id is None:
        text = "landed away from every dock" if not sight.doubt else "landed, and its position is not to be trusted"
        return enter(mission, Phase.LOST, because(mission, "landed-elsewhere", text), now, landed_at=now)
    fields: dict[str, Any] = {"landed_at": now, "due_at": due(now, LID_S), "resume": None}
    if dock_id != mission.bound_for:
        fields["diverted_to"] = dock_id
    orders: tuple[Order, ...] = close_lid(mission, dock_id, sight.docks)
    if mission.phase is Phase.LANDING:
        return Step(mission=msgspec.structs.replace(mission, **fields), orders=orders)
    return enter(mission, Phase.LANDING, reason, now, orders, land_ordered=True, **fields)


def where_it_stands(mission: Mission, sight: Sight) -> str | None:
    """The dock that it stands in, by its own position or, when that is not trusted, by what the dock sees on its pads."""
    if not sight.doubt and sight.telemetry is not None:
        return sight.docks.near(sight.telemetry.position)
    seen = sight.docks.is_seen_on_pad(mission.bound_for, mission.vehicle_id)
    return mission.bound_for if seen else None


def _place(mission: Mission, sight: Sight) -> Position:
    return mission.plan.outbound[-1].position if sight.telemetry is None else sight.telemetry.position
