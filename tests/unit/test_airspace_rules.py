"""What may be flown where and when: times, heights, leave, routes."""

from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
import shapely
from tests.unit.airspace_world import NOW, at, square, volume, zone

from bowstreet.airspace import rules
from bowstreet.airspace.model import Activation, Clearance, Datum, Limit, Permission, Refusal, Restriction, Trajectory
from bowstreet.airspace.router import BUFFER_M, Router
from bowstreet.geo import GridPoint

HALF_HOUR = timedelta(minutes=30)
VOLUME = square(0, 0, 20_000)


def on(day: int, hour: int, minute: int = 0) -> datetime:
    """November 2026: the 23rd is a Monday."""
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC)


# --- times ------------------------------------------------------------------------------------------------------------


def test_without_times_a_zone_always_applies() -> None:
    assert rules.is_active(zone("P1", square(0, 0, 100)), NOW)


@pytest.mark.parametrize(
    ("activation", "moment", "applies"),
    [
        (Activation(start=on(23, 10), end=on(23, 14)), on(23, 10), True),
        (Activation(start=on(23, 10), end=on(23, 14)), on(23, 14), False),
        (Activation(start=on(23, 10)), on(23, 9, 59), False),
        (Activation(from_utc=time(8), to_utc=time(18)), on(23, 8), True),
        (Activation(from_utc=time(8), to_utc=time(18)), on(23, 18), False),
        (Activation(from_utc=time(22), to_utc=time(4)), on(23, 23), True),
        (Activation(from_utc=time(22), to_utc=time(4)), on(23, 12), False),
        (Activation(weekdays=frozenset({0}), from_utc=time(22), to_utc=time(4)), on(24, 3), True),  # began on Monday
        (Activation(weekdays=frozenset({0}), from_utc=time(22), to_utc=time(4)), on(23, 3), False),  # began on Sunday
        (Activation(weekdays=frozenset({1})), on(23, 12), False),
        (Activation(weekdays=frozenset({0})), on(23, 23, 59), True),
        (Activation(from_utc=time(0), to_utc=time(0)), on(23, 12), True),  # from midnight to midnight
        (Activation(from_utc=time(8)), on(23, 3), True),  # half a time is none: the whole day
    ],
)
def test_times(activation: Activation, moment: datetime, applies: bool) -> None:
    assert rules.is_active(zone("P1", square(0, 0, 100), activations=(activation,)), moment) is applies


@pytest.mark.parametrize(
    "activation",
    [
        Activation(start=on(23, 12, 20), end=on(23, 12, 21)),
        Activation(from_utc=time(12, 29), to_utc=time(12, 30)),
        Activation(from_utc=time(12, 10), to_utc=time(11)),
    ],
)
def test_a_zone_that_begins_during_the_flight_counts_at_the_launch(activation: Activation) -> None:
    soon = zone("P1", square(0, 0, 100), activations=(activation,))
    assert not rules.is_active(soon, NOW)
    assert rules.is_active_within(soon, NOW, HALF_HOUR)
    assert not rules.is_active_within(soon, NOW, timedelta(minutes=5))


def test_a_day_that_begins_during_the_flight_counts() -> None:
    tuesday = zone("P1", square(0, 0, 100), activations=(Activation(weekdays=frozenset({1})),))
    assert rules.is_active_within(tuesday, on(23, 23, 45), HALF_HOUR)
    assert not rules.is_active_within(tuesday, on(23, 23, 15), HALF_HOUR)


def test_a_volume_that_closes_during_the_flight_is_closed_at_the_launch() -> None:
    tda = volume(activations=(Activation(start=on(23, 9), end=on(23, 12, 25)),))
    assert not rules.operating_volumes([tda], operator="met", permissions=(), now=NOW, ahead=HALF_HOUR)
    assert rules.operating_volumes([tda], operator="met", permissions=(), now=NOW, ahead=timedelta(minutes=20))


def test_a_persons_word_stands_over_times_until_its_end() -> None:
    nightly = zone("P1", square(0, 0, 100), activations=(Activation(from_utc=time(22), to_utc=time(4)),))
    assert rules.switched(nightly, False, None) is None
    forced = rules.switched(nightly, True, on(23, 13))
    assert forced is not None
    assert rules.is_active(forced, NOW)
    assert not rules.is_active(forced, on(23, 13))
    assert rules.is_active(forced, on(23, 23))
    spared = rules.switched(nightly, False, on(23, 23))
    assert spared is not None
    assert not rules.is_active(spared, on(23, 22, 30))
    assert rules.is_active(spared, on(23, 23))
    always = rules.switched(zone("P2", square(0, 0, 1)), False, on(23, 13))
    assert always is not None
    assert [rules.is_active(always, moment) for moment in (NOW, on(23, 13))] == [False, True]


# --- heights ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lower", "upper", "met"),
    [
        (Limit(height_m=0, datum=Datum.AGL), Limit(height_m=600, datum=Datum.AGL), True),
        (Limit(height_m=0, datum=Datum.AGL), Limit(height_m=20, datum=Datum.AGL), True),  # it climbs through it
        (Limit(height_m=122, datum=Datum.AGL), Limit(height_m=600, datum=Datum.AGL), False),  # 400 ft: one flies beneath
        (Limit(height_m=118, datum=Datum.AGL), Limit(height_m=600, datum=Datum.AGL), True),  # within the barometer's error
        (Limit(height_m=305, datum=Datum.AMSL), Limit(height_m=900, datum=Datum.AMSL), False),
        (Limit(height_m=200, datum=Datum.AMSL), Limit(height_m=900, datum=Datum.AMSL), True),  # a hill may reach to it
        (
            Limit(height_m=457, datum=Datum.STANDARD),
            Limit(height_m=900, datum=Datum.STANDARD),
            True,
        ),  # FL15 on a day of low pressure
        (Limit(height_m=1_981, datum=Datum.STANDARD), Limit(height_m=5_000, datum=Datum.STANDARD), False),
        (Limit(height_m=250, datum=Datum.ELLIPSOID), Limit(height_m=900, datum=Datum.ELLIPSOID), True),
        (Limit(height_m=350, datum=Datum.ELLIPSOID), Limit(height_m=900, datum=Datum.ELLIPSOID), False),
    ],
)
def test_heights(lower: Limit, upper: Limit, met: bool) -> None:
    one = zone("P1", square(0, 0, 100), lower=lower, upper=upper)
    barred, _ = rules.forbidding([one], operator="met", permissions=(), highest_m_agl=115, ground_m_amsl=30, now=NOW)
    assert bool(barred) is met


def test_a_zone_below_a_band_of_heights_is_not_met() -> None:
    low = zone("P1", square(0, 0, 100), upper=Limit(height_m=20, datum=Datum.AGL))
    assert not rules.reaches(low, 80, 115, 30)


# --- leave ------------------------------------------------------------------------------------------------------------


def leave(**more: Any) -> Permission:
    return Permission(**{"operator": "met", "zone_id": "R157", "reference": "AUTH/1", **more})


@pytest.mark.parametrize(
    ("permission", "has"),
    [
        (leave(), True),
        (leave(operator="city-of-london"), False),
        (leave(zone_id="R158"), False),
        (leave(start=on(23, 13)), False),
        (leave(end=on(23, 12)), False),
        (leave(start=on(23, 12), end=on(23, 14)), True),
        (leave(end=on(23, 12, 20)), False),  # the flight may last longer
    ],
)
def test_leave_is_by_operator_zone_and_time(permission: Permission, has: bool) -> None:
    hyde_park = zone("R157", square(0, 0, 100), restriction=Restriction.REQUIRES_AUTHORISATION)
    barred, allowed = rules.forbidding(
        [hyde_park], operator="met", permissions=(permission,), highest_m_agl=115, ground_m_amsl=30, now=NOW, ahead=HALF_HOUR
    )
    assert (len(allowed), len(barred)) == ((1, 0) if has else (0, 1))


def test_a_zone_without_restriction_bars_nobody() -> None:
    shown = zone("E1", square(0, 0, 100), restriction=Restriction.NONE)
    assert rules.forbidding([shown], operator="x", permissions=(), highest_m_agl=115, ground_m_amsl=30, now=NOW) == ([], [])


# --- routes -----------------------------------------------------------------------------------------------------------


def clear(router: Router, start: tuple[float, float], goal: tuple[float, float], **more: Any) -> Clearance | Refusal:
    told: dict[str, Any] = {"allowed": (), "volume": VOLUME, "height_m_agl": 80.0, **more}
    return rules.clear_route(at(*start), at(*goal), router=router, **told)


def test_nothing_in_the_way_is_straight() -> None:
    found = clear(Router([zone("P1", square(0, 5_000, 500))]), (-2_000, 0), (2_000, 0))
    assert isinstance(found, Clearance)
    assert found.length_m == 4_000.0
    assert found.went_round == ()


def test_a_zone_in_the_way_is_gone_round_and_named() -> None:
    blocking = zone("P1", square(0, 0, 500))
    found = clear(Router([blocking]), (-2_000, 0), (2_000, 0))
    assert isinstance(found, Clearance)
    assert found.went_round == ("P1",)
    line = shapely.LineString([(p.easting_m, p.northing_m) for p in found.waypoints])
    assert shapely.distance(line, blocking.polygon) >= BUFFER_M
    assert 4_000.0 < found.length_m < 4_700.0


def test_zones_with_leave_are_flown_through_and_named() -> None:
    ours = zone("R157", square(0, 0, 500))
    found = clear(Router([]), (-2_000, 0), (2_000, 0), allowed=(ours,))
    assert isinstance(found, Clearance)
    assert (len(found.waypoints), found.permitted_zones) == (2, ("R157",))


@pytest.mark.parametrize(("start", "goal", "whose"), [((0, 0), (2_000, 0), "the drone"), ((2_000, 0), (0, 0), "the scene")])
def test_an_end_in_a_zone_is_refused_by_name(start: tuple[float, float], goal: tuple[float, float], whose: str) -> None:
    found = clear(Router([zone("P1", square(0, 0, 500), authority="Heathrow")]), start, goal)
    assert isinstance(found, Refusal)
    assert found.reasons[0].code == "airspace-zone"
    assert all(word in found.reasons[0].text for word in (whose, "the P1", "Heathrow", "P1"))


def test_who_is_enclosed_is_told_by_which_zone() -> None:
    ring = zone("P1", square(0, 0, 2_000).difference(square(0, 0, 1_500)))
    found = clear(Router([ring]), (0, 0), (5_000, 0))
    assert isinstance(found, Refusal)
    assert found.reasons[0].code == "airspace-no-way"
    assert "the P1" in found.reasons[0].text


def test_without_a_volume_nobody_flies() -> None:
    found = clear(Router([]), (0, 0), (100, 0), volume=None)
    assert isinstance(found, Refusal)
    assert found.reasons[0].code == "airspace-no-operating-volume"


def test_outside_the_volume_nobody_flies() -> None:
    found = clear(Router([], VOLUME), (0, 0), (30_000, 0))
    assert isinstance(found, Refusal)
    assert "the scene is outside" in found.reasons[0].text


def test_a_way_round_that_leaves_the_volume_is_not_taken() -> None:
    """The short way round the zone is outside the volume: the long one is taken."""
    bounds = square(0, 0, 3_000)
    wall = zone(
        "P1", shapely.box(*(square(0, -1_000, 200).bounds[:2]), square(0, 0, 200).bounds[2], square(0, 2_950, 50).bounds[3])
    )
    found = clear(Router([wall], bounds), (-1_000, 2_500), (1_000, 2_500), volume=bounds)
    assert isinstance(found, Clearance)
    line = shapely.LineString([(p.easting_m, p.northing_m) for p in found.waypoints])
    assert shapely.covered_by(line, bounds)
    assert found.length_m > 7_000.0


def test_a_zone_across_the_whole_volume_leaves_no_way() -> None:
    bounds = square(0, 0, 3_000)
    wall = zone("P1", shapely.box(at(-100, 0).easting_m, at(0, -9_000).northing_m, at(100, 0).easting_m, at(0, 9_000).northing_m))
    found = clear(Router([wall], bounds), (-1_000, 0), (1_000, 0), volume=bounds)
    assert isinstance(found, Refusal)
    assert "P1" in found.reasons[0].text


def test_a_bay_of_the_volume_is_flown_round() -> None:
    bounds = square(0, 0, 5_000).difference(square(0, 4_000, 2_000))
    found = clear(Router([], bounds), (-4_000, 4_000), (4_000, 4_000), volume=bounds)
    assert isinstance(found, Clearance)
    assert shapely.covered_by(shapely.LineString([(p.easting_m, p.northing_m) for p in found.waypoints]), bounds)


def test_a_dock_in_the_buffer_leaves_without_coming_nearer() -> None:
    blocking = zone("P1", square(0, 0, 500))
    router = Router([blocking])
    found = clear(router, (-530, 0), (2_000, 0))
    assert isinstance(found, Clearance)
    line = shapely.LineString([(p.easting_m, p.northing_m) for p in found.waypoints])
    assert shapely.distance(line, blocking.polygon) >= 29.9
    later = shapely.LineString(line.coords[1:])
    assert shapely.distance(later, blocking.polygon) >= BUFFER_M


def test_the_way_out_of_a_zone_is_the_nearest() -> None:
    router = Router([zone("P1", square(0, 0, 500))])
    found = router.way_out(at(400, 0))
    assert found.distance_m(at(400, 0)) == pytest.approx(100 + BUFFER_M + 5, abs=2)
    assert router.way_out(at(5_000, 0)) == at(5_000, 0)
    assert router.way(found, at(-3_000, 0)) is not None


def test_levels_stay_under_the_volumes_top() -> None:
    way = (at(0, 0), at(1_000, 0))
    assert rules.choose_level(way, 15.0, NOW, ()) == 80.0
    assert rules.choose_level(way, 15.0, NOW, [_other(way, 80.0)], 100.0) == 85.0
    assert rules.choose_level(way, 15.0, NOW, [_other(way, level) for level in (80.0, 85.0)], 85.0) is None


def _other(way: tuple[GridPoint, ...], height_m: float) -> Trajectory:
    return Trajectory(mission_id="m", waypoints=way, starts_at=NOW, ground_speed_mps=15.0, height_m_agl=height_m)


# --- other people's aircraft ------------------------------------------------------------------------------------------


def test_no_launch_when_the_traffic_feed_is_silent() -> None:
    assert rules.launch_refused_by_feed(NOW - timedelta(seconds=15), NOW) is None
    assert rules.launch_refused_by_feed(NOW - timedelta(seconds=16), NOW) is not None
    assert rules.launch_refused_by_feed(None, NOW) is not None


@pytest.mark.parametrize(
    ("east_m", "height_m", "velocity", "act"),
    [
        (3_000.0, 100.0, (0.0, 0.0), "continue"),
        (3_000.0, 100.0, (-70.0, 0.0), "descend"),  # 2,100 m in the half minute looked ahead
        (3_000.0, 100.0, (70.0, 0.0), "continue"),
        (900.0, 100.0, (0.0, 0.0), "descend"),
        (900.0, 400.0, (0.0, 0.0), "continue"),
    ],
)
def test_helicopters_are_yielded_to(east_m: float, height_m: float, velocity: tuple[float, float], act: str) -> None:
    assert rules.must_yield(at(0, 0), 80.0, at(east_m, 0), height_m, velocity) == act


def test_who_is_low_already_holds() -> None:
    assert rules.must_yield(at(0, 0), 40.0, at(500, 0), 100.0, (0.0, 0.0)) == "hold"
