"""Any fleet, any weather, any refusals: the choice is the one that looking at every drone, one by one, would give."""

import itertools
import math
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from bowstreet.airspace.model import Clearance, Refusal
from bowstreet.dispatch.fleet import Fleet
from bowstreet.dispatch.model import Code, Drone, NoDrone
from bowstreet.dispatch.policy import LEAVE_SCENE_PENALTY_S, POLICIES, TURN_PENALTY_S, policy_named
from bowstreet.dispatch.rules import TARGETS, choose_drone, queue_order
from bowstreet.flight.airframes import PATROL_QUADCOPTER
from bowstreet.flight.energy import can_afford, eyes_on_s, path_s
from bowstreet.flight.model import Airframe, Phase, VehicleStatus, Wind
from bowstreet.geo import GridPoint, to_grid, to_wgs84
from bowstreet.intake.model import Grade, Incident
from bowstreet.messages import Reason

NOW = datetime(2026, 11, 23, 18, 0, tzinfo=UTC)
SMALL = Airframe(
    name="small", cruise_mps=11.0, climb_mps=3.0, descent_mps=2.0, battery_wh=60.0, cruise_w=150.0, hover_w=140.0,
    max_wind_mps=8.0, launch_s=20.0, charge_full_s=3_000.0, reserve_fraction=0.3,
)  # fmt: skip
HEIGHT_M = 90.0
FREE_STATUSES = (VehicleStatus.READY, VehicleStatus.CHARGING)

points = st.builds(GridPoint, easting_m=st.floats(528_000, 536_000), northing_m=st.floats(180_000, 188_000))


@st.composite
def drones(draw: st.DrawFn, number: int) -> Drone:
    busy = draw(st.booleans())
    home = draw(points)
    phase = draw(st.sampled_from([phase for phase in Phase if not phase.is_final])) if busy else None
    return Drone(
        vehicle_id=f"veh-{number:02d}",
        dock_id=f"dock-{number // 2}",
        at=draw(points) if phase is not None and phase.is_airborne else home,
        home=home,
        status=VehicleStatus.BUSY if busy else draw(st.sampled_from([s for s in VehicleStatus if s is not VehicleStatus.BUSY])),
        charge_fraction=draw(st.sampled_from([0.1, 0.3, 0.5, 0.8, 1.0])),
        airframe=draw(st.sampled_from([PATROL_QUADCOPTER, SMALL])),
        mission_id=f"mis-{number}" if busy else None,
        mission_incident_id=f"inc-{number}" if busy else None,
        mission_grade=draw(st.sampled_from(["I", "S"])) if busy else None,
        mission_phase=phase.value if phase is not None else None,
    )


@st.composite
def fleets(draw: st.DrawFn) -> list[Drone]:
    return [draw(drones(number)) for number in range(draw(st.integers(0, 12)))]


incidents = st.builds(
    lambda at, grade, age_s: Incident(
        incident_id="inc-x",
        reported_at=NOW - timedelta(seconds=age_s),
        opened_at=NOW,
        position=to_wgs84(at),
        grade=grade,
        category="x",
    ),
    at=points,
    grade=st.sampled_from([Grade.IMMEDIATE, Grade.IMMEDIATE, Grade.SIGNIFICANT, Grade.EXTENDED]),
    age_s=st.sampled_from([0, 30, 600, 840, 899, 900, 4_000]),
)
winds = st.builds(
    lambda speed, from_deg: Wind(speed_mps=speed, from_deg=from_deg, gust_mps=speed * 1.3), st.floats(0, 14), st.floats(0, 360)
)


def _clear(refused: set[int], detour: float):  # type: ignore[no-untyped-def]
    """Airspace that refuses some starts, and sends others round by a corner."""

    def clear(start: GridPoint, goal: GridPoint) -> Clearance | Refusal:
        key = int(start.easting_m) % 5
        if key in refused:
            return Refusal(reasons=(Reason(code="zone", text="zone X is active"),))
        if key == 4:
            middle = start.toward(goal, start.distance_m(goal) / 2)
            corner = GridPoint(easting_m=middle.easting_m + detour, northing_m=middle.northing_m)
            way: tuple[GridPoint, ...] = (start, corner, goal)
        else:
            way = (start, goal)
        length = sum(a.distance_m(b) for a, b in itertools.pairwise(way))
        return Clearance(waypoints=way, length_m=length, height_m_agl=HEIGHT_M)

    return clear


def _oracle(  # type: ignore[no-untyped-def]  # noqa: C901 - one sentence of the rules after another
    incident: Incident, fleet: list[Drone], wind: Wind, clear, policy_name: str
) -> dict[str, float]:
    """Cost of every drone that may fly, by the words of the rules and nothing else."""
    target = TARGETS.get(incident.grade)
    if target is None or incident.reported_at + target <= NOW:
        return {}
    left_s = (incident.reported_at + target - NOW).total_seconds()
    policy = policy_named(policy_name)
    extra = policy.penalties(Fleet(fleet), incident.grade)
    order = {drone.vehicle_id: row for row, drone in enumerate(sorted(fleet, key=lambda d: d.vehicle_id))}
    costs = {}
    scene = to_grid(incident.position)
    for drone in fleet:
        penalty = float(extra[order[drone.vehicle_id]])
        if drone.mission_id is None:
            if drone.status not in FREE_STATUSES:
                continue
        elif drone.mission_phase == "returning":
            if not policy.retask_returning:
                continue
        elif drone.mission_phase in ("climbing", "outbound", "on-scene"):
            if not policy.preempt or not Grade(drone.mission_grade).rank > incident.grade.rank:
                continue
            penalty += LEAVE_SCENE_PENALTY_S if drone.mission_phase == "on-scene" else TURN_PENALTY_S
        else:
            continue
        if wind.gust_mps > drone.airframe.max_wind_mps:
            continue
        way = clear(drone.at, scene)
        home = clear(scene, drone.home) if drone.mission_id else way
        if isinstance(way, Refusal) or isinstance(home, Refusal):
            continue
        homeward = home.waypoints if drone.mission_id else way.waypoints[::-1]
        airborne = drone.mission_id is not None
        if not can_afford(
            drone.airframe, drone.charge_fraction, way.waypoints, homeward, wind, HEIGHT_M, policy.on_scene_s, airborne=airborne
        ):
            continue
        eta_s = eyes_on_s(drone.airframe, path_s(way.waypoints, drone.airframe.cruise_mps, wind), airborne=airborne)
        if eta_s <= left_s:
            costs[drone.vehicle_id] = eta_s + penalty
    return costs


@given(
    incident=incidents,
    fleet=fleets(),
    wind=winds,
    refused=st.sets(st.integers(0, 4), max_size=3),
    detour=st.floats(-3_000, 3_000),
    policy=st.sampled_from(sorted(POLICIES)),
)
@settings(max_examples=400, deadline=None)
def test_the_choice_is_the_best_of_all_that_may_fly(
    incident: Incident, fleet: list[Drone], wind: Wind, refused: set[int], detour: float, policy: str
) -> None:
    clear = _clear(refused, detour)
    outcome = choose_drone(incident, Fleet(fleet), wind, NOW, clear=clear, policy=policy_named(policy))
    costs = _oracle(incident, fleet, wind, clear, policy)
    if isinstance(outcome, NoDrone):
        assert not costs
        assert outcome.reasons, "a refusal always says why"
        assert outcome.final == (outcome.reasons[0].code in (Code.GRADE_NOT_FLOWN, Code.EXPIRED))
        return
    assert outcome.vehicle_id in costs
    best = min(costs.values())
    assert math.isclose(costs[outcome.vehicle_id], best, abs_tol=1e-6)
    chosen = next(drone for drone in fleet if drone.vehicle_id == outcome.vehicle_id)
    assert outcome.preempts_mission_id == chosen.mission_id
    assert outcome.considered[0].vehicle_id == outcome.vehicle_id
    assert outcome.reasons[0].code in (Code.EARLIEST, Code.COVER_KEPT, Code.RETASKED, Code.PREEMPTED)
    assert len({one.vehicle_id for one in outcome.considered}) == len(outcome.considered)


@given(incident=incidents, fleet=fleets(), wind=winds, shuffle=st.randoms())
@settings(max_examples=100, deadline=None)
def test_the_order_in_which_drones_are_listed_does_not_matter(
    incident: Incident, fleet: list[Drone], wind: Wind, shuffle
) -> None:  # type: ignore[no-untyped-def]
    clear, policy = _clear(set(), 500.0), policy_named("closest-eta")
    first = choose_drone(incident, Fleet(fleet), wind, NOW, clear=clear, policy=policy)
    shuffled = list(fleet)
    shuffle.shuffle(shuffled)
    assert choose_drone(incident, Fleet(shuffled), wind, NOW, clear=clear, policy=policy) == first


@given(incident=incidents, fleet=fleets(), wind=winds)
@settings(max_examples=100, deadline=None)
def test_a_fleet_changed_row_by_row_is_the_fleet_built_anew(incident: Incident, fleet: list[Drone], wind: Wind) -> None:
    blank = [
        Drone(
            vehicle_id=drone.vehicle_id, dock_id=drone.dock_id, at=GridPoint(easting_m=0.0, northing_m=0.0),
            status=VehicleStatus.UNSEEN, charge_fraction=0.0, airframe=PATROL_QUADCOPTER,
        )
        for drone in fleet
    ]  # fmt: skip
    changed = Fleet(blank)
    for drone in fleet:
        changed.put(drone)
    clear, policy = _clear({1}, 500.0), policy_named("nearest-with-cover")
    built = choose_drone(incident, Fleet(fleet), wind, NOW, clear=clear, policy=policy)
    assert choose_drone(incident, changed, wind, NOW, clear=clear, policy=policy) == built


@given(st.lists(st.tuples(st.sampled_from(list(Grade)), st.integers(0, 1_000), st.integers(0, 50)), max_size=30))
def test_the_queue_is_by_grade_then_age_then_id(rows: list[tuple[Grade, int, int]]) -> None:
    waiting = [
        Incident(
            incident_id=f"inc-{n:02d}", reported_at=NOW - timedelta(seconds=age), opened_at=NOW,
            position=to_wgs84(GridPoint(easting_m=530_000.0, northing_m=182_000.0)), grade=grade, category="x",
        )
        for grade, age, n in rows
    ]  # fmt: skip
    ordered = queue_order(waiting)
    for before, after in itertools.pairwise(ordered):
        assert before.grade.rank <= after.grade.rank
        if before.grade is after.grade:
            assert before.reported_at <= after.reported_at
    assert queue_order(reversed(waiting)) == ordered
