"""Time and charge: the wind triangle against hand-reckoned cases, and what may and may not be flown."""

import math
import timeit
from itertools import pairwise

import numpy as np
import pytest

from bowstreet.airspace.model import Clearance
from bowstreet.errors import NotFound
from bowstreet.flight import energy
from bowstreet.flight.airframes import PATROL_QUADCOPTER as DRONE
from bowstreet.flight.airframes import airframe_named
from bowstreet.flight.model import DockStatus, MissionPlan, Waypoint, Wind
from bowstreet.flight.ports import DockReport
from bowstreet.flight.rules import can_afford, plan_mission
from bowstreet.flight.weather import wind_at_docks
from bowstreet.geo import GridPoint, to_wgs84
from bowstreet.messages import Reason

HOME = GridPoint(easting_m=531_000, northing_m=184_000)
CALM = Wind(speed_mps=0.0, from_deg=0.0)


def scene(east_m: float, north_m: float) -> GridPoint:
    return GridPoint(easting_m=HOME.easting_m + east_m, northing_m=HOME.northing_m + north_m)


def clearance(*points: GridPoint) -> Clearance:
    length = sum(a.distance_m(b) for a, b in pairwise(points))
    return Clearance(waypoints=points, length_m=length, height_m_agl=90.0)


@pytest.mark.parametrize(
    ("wind", "speed_mps"),
    [
        (CALM, 15.0),
        (Wind(speed_mps=5.0, from_deg=0.0), 10.0),  # from the north, flying north: all of it against
        (Wind(speed_mps=5.0, from_deg=180.0), 20.0),
        (Wind(speed_mps=9.0, from_deg=270.0), 12.0),  # across: 9-12-15
        (Wind(speed_mps=9.0, from_deg=90.0), 12.0),
    ],
)
def test_wind_triangle(wind: Wind, speed_mps: float) -> None:
    assert energy.leg_s(0.0, 1_200.0, 15.0, wind) == pytest.approx(1_200.0 / speed_mps)


def test_wind_as_fast_as_the_drone_is_never_there() -> None:
    assert energy.leg_s(0.0, 1.0, 15.0, Wind(speed_mps=15.0, from_deg=180.0)) == math.inf
    assert energy.leg_s(0.0, 0.0, 15.0, Wind(speed_mps=99.0, from_deg=180.0)) == 0.0


def test_there_and_back_takes_longer_in_any_wind() -> None:
    still = 2 * energy.leg_s(900.0, 1_200.0, 15.0, CALM)
    for from_deg in range(0, 360, 30):
        wind = Wind(speed_mps=6.0, from_deg=from_deg)
        assert energy.leg_s(900.0, 1_200.0, 15.0, wind) + energy.leg_s(-900.0, -1_200.0, 15.0, wind) > still


def test_plan_brings_it_home_with_the_reserve() -> None:
    plan = plan_mission(
        airframe=DRONE, charge_fraction=1.0, clearance=clearance(HOME, scene(0, 3_000)), home_dock_id="d", wind=CALM
    )
    assert isinstance(plan, MissionPlan)
    assert plan.expected_eyes_on_s == pytest.approx(DRONE.launch_s + 200.0)
    assert plan.expected_return_fraction > DRONE.reserve_fraction
    assert plan.bingo_fraction == pytest.approx(0.25 + 1.25 * (200 * 500 + (45 + 30) * 440) / 3600 / 263)
    assert plan.outbound[0] == plan.homeward[-1]
    assert plan.outbound[-1] == plan.homeward[0]


def test_way_home_is_the_way_out_backwards() -> None:
    corner = scene(1_000, 0)
    plan = plan_mission(
        airframe=DRONE, charge_fraction=1.0, clearance=clearance(HOME, corner, scene(1_000, 1_000)), home_dock_id="d", wind=CALM
    )
    assert isinstance(plan, MissionPlan)
    assert plan.homeward == tuple(reversed(plan.outbound))


def test_little_charge_shortens_the_stay_then_refuses() -> None:
    stays = []
    for charge in (1.0, 0.55, 0.50):
        plan = plan_mission(
            airframe=DRONE, charge_fraction=charge, clearance=clearance(HOME, scene(0, 1_500)), home_dock_id="d", wind=CALM
        )
        assert isinstance(plan, MissionPlan)
        stays.append(plan.on_scene_s)
    assert stays[0] == 300.0
    assert 300.0 > stays[1] > stays[2] >= energy.LEAST_ON_SCENE_S
    refused = plan_mission(
        airframe=DRONE, charge_fraction=0.40, clearance=clearance(HOME, scene(0, 1_500)), home_dock_id="d", wind=CALM
    )
    assert isinstance(refused, Reason)
    assert refused.code == "charge"
    assert "40%" in refused.text


def test_gusts_above_its_limit_refuse() -> None:
    wind = Wind(speed_mps=8.0, from_deg=0.0, gust_mps=12.5)
    refused = plan_mission(
        airframe=DRONE, charge_fraction=1.0, clearance=clearance(HOME, scene(0, 500)), home_dock_id="d", wind=wind
    )
    assert isinstance(refused, Reason)
    assert refused.code == "wind"
    assert not can_afford(DRONE, 1.0, (HOME, scene(0, 500)), (scene(0, 500), HOME), wind)


def test_turned_in_the_air_needs_a_way_home() -> None:
    way = clearance(scene(500, 500), scene(0, 1_500))
    refused = plan_mission(airframe=DRONE, charge_fraction=0.9, clearance=way, home_dock_id="d", wind=CALM, airborne=True)
    assert isinstance(refused, Reason)
    plan = plan_mission(
        airframe=DRONE, charge_fraction=0.9, clearance=way, home_dock_id="d", wind=CALM, airborne=True,
        homeward=(scene(0, 1_500), HOME),
    )  # fmt: skip
    assert isinstance(plan, MissionPlan)
    assert plan.expected_eyes_on_s == pytest.approx(math.hypot(500, 1_000) / 15.0)


def test_headwind_home_raises_bingo() -> None:
    way = clearance(HOME, scene(0, 2_000))
    bingos = []
    for from_deg in (0.0, 180.0):  # the way home is southward: a south wind is against it
        plan = plan_mission(
            airframe=DRONE, charge_fraction=1.0, clearance=way, home_dock_id="d", wind=Wind(speed_mps=8.0, from_deg=from_deg)
        )
        assert isinstance(plan, MissionPlan)
        bingos.append(plan.bingo_fraction)
    assert bingos[1] > bingos[0] + 0.05


def test_arithmetic_is_the_same_for_a_fleet() -> None:
    out_s, home_s = np.array([60.0, 120.0, 240.0]), np.array([70.0, 150.0, 200.0])
    together = energy.needed_fraction(DRONE, out_s, home_s, 90.0, 120.0)
    alone = [energy.needed_fraction(DRONE, float(o), float(h), 90.0, 120.0) for o, h in zip(out_s, home_s, strict=True)]
    assert together.tolist() == pytest.approx(alone)


def test_can_afford_is_quick() -> None:
    out, home = (HOME, scene(700, 900)), (scene(700, 900), HOME)
    wind = Wind(speed_mps=6.0, from_deg=240.0, gust_mps=9.0)
    least_us = min(timeit.repeat(lambda: can_afford(DRONE, 0.9, out, home, wind, 90.0), number=1_000, repeat=5)) * 1e3
    assert least_us < 20.0


def test_route_of_one_point_takes_no_time() -> None:
    point = Waypoint(position=to_wgs84(HOME), height_m_above_dock=90.0)
    assert energy.route_s((point,), 15.0, CALM) == 0.0
    assert energy.fraction_to_land(DRONE, (point,), CALM, 90.0) > 0.0


def test_unknown_airframe_is_named() -> None:
    assert airframe_named("patrol quadcopter") is DRONE
    with pytest.raises(NotFound, match="no airframe 'kite'"):
        airframe_named("kite")


def test_docks_tell_the_wind() -> None:
    def report(speed: float | None, from_deg: float | None, gust: float | None = None) -> DockReport:
        return DockReport(
            dock_id="d", status=DockStatus.CLOSED, pads=(0,), wind_speed_mps=speed, wind_from_deg=from_deg, wind_gust_mps=gust
        )

    assert wind_at_docks([]) is None
    assert wind_at_docks([report(None, None)]) is None
    mean = wind_at_docks([report(6.0, 350.0), report(8.0, 10.0), report(None, None)])
    assert mean is not None
    assert mean.gust_mps == 8.0
    assert 6.5 < mean.speed_mps < 7.1
    assert mean.from_deg < 5.0 or mean.from_deg > 355.0
    gusty = wind_at_docks([report(6.0, 350.0, 13.0), report(8.0, 10.0, 9.0)])
    assert gusty is not None
    assert (gusty.speed_mps, gusty.gust_mps) == (mean.speed_mps, 13.0)
