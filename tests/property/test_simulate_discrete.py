"""The simulated drone is a model of its own; it and flight's arithmetic must agree on what matters: when, and at what charge."""

import math
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bowstreet.dispatch.policy import policy_named
from bowstreet.dispatch.reach import leg_times_s
from bowstreet.flight.airframes import PATROL_QUADCOPTER
from bowstreet.flight.energy import leg_s
from bowstreet.flight.model import Phase, Wind
from bowstreet.geo import GridPoint, Position, to_grid
from bowstreet.runtime.clock import SimulatedClock
from bowstreet.simulation.agenda import Agenda, drive
from bowstreet.simulation.city import islington
from bowstreet.simulation.craft import Craft, ground_speed_mps
from bowstreet.simulation.kernel import Kernel, World, rows

START = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
HOME = Position(latitude_deg=51.54, longitude_deg=-0.11)
winds = st.builds(
    lambda speed, from_deg: Wind(speed_mps=speed, from_deg=from_deg, gust_mps=speed), st.floats(0, 11), st.floats(0, 360)
)


@given(wind=winds, east=st.floats(-5_000, 5_000), north=st.floats(-5_000, 5_000))
def test_three_ways_to_solve_the_wind_triangle_agree(wind: Wind, east: float, north: float) -> None:
    length = math.hypot(east, north)
    if length < 1.0:
        return
    cruise = PATROL_QUADCOPTER.cruise_mps
    planned = leg_s(east, north, cruise, wind)
    bound = float(leg_times_s(np.array([east]), np.array([north]), np.array([cruise]), wind)[0])
    flown = length / ground_speed_mps(cruise, wind, east, north)
    assert bound == pytest.approx(planned, rel=1e-9)
    assert flown == pytest.approx(planned, rel=1e-6)


@given(wind=winds, east=st.floats(-3_000, 3_000), north=st.floats(-3_000, 3_000), share=st.floats(0.1, 0.9))
def test_a_leg_ends_where_it_was_meant_to_however_often_it_is_looked_at(
    wind: Wind, east: float, north: float, share: float
) -> None:
    home = to_grid(HOME)
    craft = Craft("drone-1", 1, PATROL_QUADCOPTER, "dock-1", HOME, home)
    craft.landed = False
    goal = GridPoint(easting_m=home.easting_m + east, northing_m=home.northing_m + north)
    seconds = craft.fly_to(goal, wind)
    craft.settle(seconds * share)
    half = craft.charge
    craft.settle(seconds)
    assert craft.at.distance_m(goal) < 1.0
    used = PATROL_QUADCOPTER.cruise_w * seconds / 3_600.0 / PATROL_QUADCOPTER.battery_wh
    assert 1.0 - craft.charge == pytest.approx(used, abs=1e-9)
    assert craft.charge <= half <= 1.0


@given(seed=st.integers(1, 10_000), wind_mps=st.floats(0.5, 7.0), east=st.floats(-0.02, 0.02), north=st.floats(-0.015, 0.02))
@settings(max_examples=25, deadline=None)
def test_a_flight_keeps_what_its_plan_promised(seed: int, wind_mps: float, east: float, north: float) -> None:
    world = World(city=islington(), policy=policy_named("closest-eta"), seed=seed, mean_wind_mps=wind_mps)
    kernel = Kernel(world, START)
    kernel.start()
    call = {
        "id": "c", "reported_at": (START + timedelta(seconds=5)).isoformat(), "latitude": 51.5420 + north,
        "longitude": -0.1050 + east, "grade": "I", "category": "x",
    }  # fmt: skip
    kernel.run(rows([call]))
    for mission in kernel.flight.missions.all():
        assert mission.phase is Phase.DONE
        assert mission.eyes_on_at is not None
        # Ten-minute wind reports change under way; the plan knew the first only.
        took_s = (mission.eyes_on_at - mission.authorised_at).total_seconds()
        assert took_s == pytest.approx(mission.plan.expected_eyes_on_s, rel=0.15, abs=6.0)
        craft = kernel.link.crafts[mission.vehicle_id]
        assert craft.least_charge >= craft.airframe.reserve_fraction
        assert craft.least_charge >= mission.plan.expected_return_fraction - 0.03


def test_actions_come_in_order_of_time_and_of_entry() -> None:
    clock = SimulatedClock(START)
    agenda = Agenda(clock)
    done: list[str] = []
    agenda.at(5.0, lambda: done.append("late"))
    agenda.at(1.0, lambda: done.append("first"))
    agenda.at(1.0, lambda: done.append("second"))
    while len(agenda):
        agenda.step()
    assert done == ["first", "second", "late"]
    assert clock.now() == START + timedelta(seconds=5)
    agenda.at(2.0, lambda: done.append("past means now"))
    agenda.step()
    assert clock.now() == START + timedelta(seconds=5)


def test_a_coroutine_that_waits_is_a_bug_and_says_where() -> None:
    class Forever:
        def __await__(self):  # type: ignore[no-untyped-def]
            yield

    async def waits() -> None:
        await Forever()

    with pytest.raises(RuntimeError, match="waits"):
        drive(waits())
