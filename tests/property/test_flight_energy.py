"""The energy rules for any route, wind and charge; and sorties in weather and with batteries that nobody would wish for (F3)."""

import math

import numpy as np
import pytest
from benchmarks import sorties
from hypothesis import given
from hypothesis import strategies as st

from bowstreet.airspace.model import Clearance
from bowstreet.flight import energy, failsafe
from bowstreet.flight.airframes import PATROL_QUADCOPTER as DRONE
from bowstreet.flight.model import MissionPlan, Wind
from bowstreet.flight.reckoning import distance_m, moved, offset_m
from bowstreet.flight.rules import can_afford, plan_mission
from bowstreet.geo import GridPoint, Position, great_circle_m
from bowstreet.messages import Reason

metres = st.floats(-6_000, 6_000)
winds = st.builds(
    lambda speed, from_deg, more: Wind(speed_mps=speed, from_deg=from_deg, gust_mps=speed + more),
    st.floats(0, 14),
    st.floats(0, 360),
    st.floats(0, 6),
)
charges = st.floats(0, 1)
routes = st.lists(st.tuples(metres, metres), min_size=1, max_size=4).map(
    lambda legs: tuple(GridPoint(easting_m=531_000 + east, northing_m=184_000 + north) for east, north in [(0.0, 0.0), *legs])
)


@given(metres, metres, winds)
def test_leg_time_solves_the_wind_triangle(east: float, north: float, wind: Wind) -> None:
    seconds = energy.leg_s(east, north, 15.0, wind)
    blows_from = math.radians(wind.from_deg)
    drift = (-wind.speed_mps * math.sin(blows_from) * seconds, -wind.speed_mps * math.cos(blows_from) * seconds)
    through_air_m = math.hypot(east - drift[0], north - drift[1])
    assert through_air_m == pytest.approx(15.0 * seconds, abs=1e-3)


@given(metres, metres, metres, metres, winds)
def test_going_round_is_never_quicker(a: float, b: float, c: float, d: float, wind: Wind) -> None:
    """What dispatch's bounds rest on: with a steady wind, time is a norm of the displacement."""
    straight = energy.leg_s(a + c, b + d, 15.0, wind)
    assert energy.leg_s(a, b, 15.0, wind) + energy.leg_s(c, d, 15.0, wind) >= straight - 1e-6


@given(routes, winds, charges)
def test_planned_and_affordable_are_the_same(route: tuple[GridPoint, ...], wind: Wind, charge: float) -> None:
    length = sum(a.distance_m(b) for a, b in zip(route, route[1:], strict=False))  # noqa: RUF007 - reads as the sum it is
    plan = plan_mission(
        airframe=DRONE, charge_fraction=charge, home_dock_id="d", wind=wind,
        clearance=Clearance(waypoints=route, length_m=length, height_m_agl=90.0),
    )  # fmt: skip
    affordable = can_afford(DRONE, charge, route, tuple(reversed(route)), wind, 90.0)
    assert affordable is isinstance(plan, MissionPlan)
    if isinstance(plan, Reason):
        assert plan.code in ("wind", "charge")
        return
    assert plan.bingo_fraction >= DRONE.reserve_fraction
    assert plan.expected_return_fraction >= DRONE.reserve_fraction
    assert plan.on_scene_s >= energy.LEAST_ON_SCENE_S
    assert plan.bingo_fraction < charge


@given(metres, metres, winds, st.floats(0, 1), st.floats(0, 1))
def test_more_charge_never_hurts(east: float, north: float, wind: Wind, less: float, more: float) -> None:
    out = (GridPoint(easting_m=0.0, northing_m=0.0), GridPoint(easting_m=east, northing_m=north))
    home = tuple(reversed(out))
    if can_afford(DRONE, min(less, more), out, home, wind):
        assert can_afford(DRONE, max(less, more), out, home, wind)


@given(st.floats(51.2, 51.8), st.floats(-0.6, 0.4), st.floats(-10_000, 10_000), st.floats(-10_000, 10_000))
def test_flat_reckoning_agrees_with_the_sphere(latitude: float, longitude: float, east: float, north: float) -> None:
    start = Position(latitude_deg=latitude, longitude_deg=longitude)
    end = moved(start, east, north)
    assert distance_m(start, end) == pytest.approx(great_circle_m(start, end), rel=1e-3, abs=0.01)
    assert offset_m(start, end) == pytest.approx((east, north), rel=2e-3, abs=0.01)


@given(st.floats(0, 3_000), st.floats(1, 3))
def test_arithmetic_for_many_is_the_rule_for_one(home_s: float, drawn: float) -> None:
    rule = failsafe.with_draw(energy.bingo_fraction(DRONE, home_s, sorties.HEIGHT_M), DRONE, drawn)
    assert sorties.bingo(DRONE, np.array([home_s]), np.array([drawn]))[0] == pytest.approx(rule)


@given(metres, metres, winds)
def test_transit_for_many_is_the_rule_for_one(east: float, north: float, wind: Wind) -> None:
    many = sorties.transit_s(np.array([east]), np.array([north]), np.array([wind.speed_mps]), np.array([wind.from_deg]))
    assert many[0] == pytest.approx(energy.leg_s(east, north, DRONE.cruise_mps, wind), abs=1e-6)


@pytest.mark.parametrize("seed", [11, 12])
def test_no_sortie_runs_out_of_charge(seed: int) -> None:
    """The full count of 100,000 is `make bench ARGS=sorties`."""
    flown = sorties.sorties(4_000, seed)
    assert flown["sorties"] == 4_000
    assert (flown["exhausted"], flown["not_down"]) == (0, 0)


def test_the_same_sorties_without_margin_do() -> None:
    """The weather is bad enough to show what the margins are for."""
    assert sorties.sorties(2_000, 11, margins=False)["exhausted"] > 100
