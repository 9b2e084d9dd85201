"""Heights at a scene, whatever ground the docks stand on; and when a relief is sent."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from bowstreet.airspace.rules import LEVELS_M
from bowstreet.dispatch.relay import rules
from bowstreet.dispatch.relay.rules import Taken
from bowstreet.dispatch.relay.ways import Passage, Way
from bowstreet.geo import GridPoint

GROUND = st.floats(0.0, 245.0)
TAKEN = st.lists(st.builds(Taken, altitude_m_amsl=st.floats(80.0, 360.0), sinks_here=st.booleans()), max_size=4)
LEAVES = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@given(taken=TAKEN, ground_m=GROUND, climbs=st.booleans())
def test_every_level_given_is_apart_above_the_sea_and_crosses_nobody(taken: list[Taken], ground_m: float, climbs: bool) -> None:
    for level in rules.levels(taken, ground_m, climbs_here=climbs):
        for other in taken:
            above_m = ground_m + level - other.altitude_m_amsl
            assert abs(above_m) >= rules.APART_M
            assert not (climbs and above_m > 0), "it would rise through the other"
            assert not (other.sinks_here and above_m < 0), "the other would sink through it"


@given(ground_m=GROUND, other_ground_m=GROUND, level=st.sampled_from(LEVELS_M))
def test_one_drone_there_never_takes_every_level(ground_m: float, other_ground_m: float, level: float) -> None:
    there = [Taken(altitude_m_amsl=other_ground_m + level)]
    assert rules.levels(there, ground_m, climbs_here=False)


def test_the_same_level_from_two_grounds_may_be_free_and_another_level_the_same_height() -> None:
    there = [Taken(altitude_m_amsl=30.0 + 85.0)]
    assert 80.0 not in rules.levels(there, 35.0, climbs_here=False), "80 m above 35 m is 85 m above 30 m"
    assert 85.0 in rules.levels(there, 45.0, climbs_here=False)


@given(eta_s=st.floats(1.0, 600.0))
def test_a_relief_is_there_with_the_margin_even_when_its_way_takes_longer(eta_s: float) -> None:
    arrives = rules.launch_at(LEAVES, eta_s) + timedelta(seconds=rules.SLOWER * eta_s)
    assert (LEAVES - arrives).total_seconds() >= rules.MARGIN_S + rules.OVERLAP_S - 1e-3


# --- a drone in a pilot's hand ----------------------------------------------------------------------------------------------

LOWEST, HIGHEST = 100.0, 260.0
PASSED = st.lists(
    st.builds(Taken, altitude_m_amsl=st.floats(80.0, 360.0), sinks_here=st.booleans(), passage=st.sampled_from([*Passage])),
    max_size=4,
)
METRES = st.floats(-900.0, 900.0)
POINT = st.builds(lambda east, north: GridPoint(easting_m=530_000.0 + east, northing_m=180_000.0 + north), METRES, METRES)
WAY = st.builds(Way, POINT, POINT, st.just(0.0) | st.floats(10.0, 500.0))
FROM = st.none() | st.floats(80.0, 300.0)


@given(taken=TAKEN, from_m=FROM, to_m=st.floats(LOWEST, HIGHEST))
def test_a_pilot_comes_to_nobodys_height_and_through_nobodys(taken: list[Taken], from_m: float | None, to_m: float) -> None:
    met = rules.met(taken, from_m, to_m)
    beside = [abs(to_m - one.altitude_m_amsl) < rules.APART_M or (one.sinks_here and to_m < one.altitude_m_amsl) for one in taken]
    between = [from_m is not None and sorted((from_m, to_m, one.altitude_m_amsl))[1] == one.altitude_m_amsl for one in taken]
    if met is None:
        assert not any(beside)
        assert all(not one or other.altitude_m_amsl == from_m for one, other in zip(between, taken, strict=True))
    else:
        assert any(beside) or any(between)
    assert (met is None) or met in taken


@given(taken=PASSED, from_m=FROM, ground_m=st.floats(80.0, 100.0), height_m=st.integers(20, 115))
def test_the_heights_that_are_said_to_be_free_are_those_that_are_taken(
    taken: list[Taken], from_m: float | None, ground_m: float, height_m: int
) -> None:
    bands = rules.free(taken, from_m, ground_m, 20.0, 115.0)
    assert any(low_m <= height_m <= high_m for low_m, high_m in bands) is (rules.met(taken, from_m, ground_m + height_m) is None)
    assert list(bands) == sorted(bands)
    assert all(20 <= low_m <= high_m <= 115 for low_m, high_m in bands)


@given(way=WAY, other=POINT, other_m=st.floats(80.0, 300.0), from_m=st.floats(80.0, 300.0), to_m=st.floats(LOWEST, HIGHEST))
def test_however_it_climbs_on_its_way_it_meets_nobody_beside_it(
    way: Way, other: GridPoint, other_m: float, from_m: float, to_m: float
) -> None:
    """Whether it climbs first, last or evenly: a place on the way and a height between the two are enough to be tried."""
    passage = way.passage(other, rules.NEAR_M)
    taken = [] if passage is None else [Taken(altitude_m_amsl=other_m, passage=passage)]
    if rules.met(taken, from_m, to_m) is not None:
        return
    length_m = way.start.distance_m(way.goal)
    spots = [way.start.toward(way.goal, length_m * number / 40) for number in range(41)]
    near = [spot.distance_m(other) for spot in spots if spot.distance_m(other) <= rules.NEAR_M]
    least_m = min(abs(height_m - other_m) for height_m in (from_m, to_m))
    if from_m <= other_m <= to_m or to_m <= other_m <= from_m:
        least_m = 0.0
    if near and least_m < rules.APART_M:
        assert way.start.distance_m(other) <= rules.NEAR_M, "only who is there already may be so near"
        goes_up_or_down = abs(to_m - other_m) >= rules.APART_M
        recedes = all(after >= before - 1e-6 for before, after in pairwise(near))
        assert least_m > 0.0 or from_m == other_m
        assert goes_up_or_down or (recedes and abs(to_m - other_m) >= abs(from_m - other_m))
    if way.goal.distance_m(other) - way.reach_m <= rules.NEAR_M:
        assert abs(to_m - other_m) >= rules.APART_M


@given(way=WAY, other=POINT, near_m=st.floats(50.0, 400.0))
def test_a_way_that_comes_near_nowhere_is_no_passage(way: Way, other: GridPoint, near_m: float) -> None:
    length_m = way.start.distance_m(way.goal)
    spots = [way.start.toward(way.goal, length_m * number / 40) for number in range(41)]
    if any(spot.distance_m(other) <= near_m for spot in spots):
        assert way.passage(other, near_m) is not None
    if way.goal.distance_m(other) <= near_m + way.reach_m:
        assert way.passage(other, near_m) not in (None, Passage.LEAVES)


def test_from_below_a_drone_that_will_sink_it_may_go_away_and_not_stay() -> None:
    within, left = (Taken(altitude_m_amsl=150.0, sinks_here=True, passage=one) for one in (Passage.WITHIN, Passage.LEAVES))
    assert rules.met([within], 130.0, 130.0) == within
    assert rules.met([left], 130.0, 130.0) is None
    assert rules.met([left], 130.0, 145.0) == left
    assert rules.met([left], 130.0, 170.0) == left


def test_who_is_too_near_to_another_may_go_away_from_it() -> None:
    other = [Taken(altitude_m_amsl=150.0)]
    assert rules.met(other, 152.0, 161.0) is None
    assert rules.met(other, 150.0, 161.0) is None
    assert rules.met(other, 152.0, 139.0) is not None
    assert rules.free(other, 152.0, 0.0, LOWEST, HIGHEST) == ((160, 260),)
    assert rules.free(other, None, 0.0, LOWEST, HIGHEST) == ((100, 140), (160, 260))
    assert rules.free(other, None, 0.4, LOWEST, HIGHEST) == ((100, 139), (160, 260)), "none is rounded to where another is"


def test_a_pilot_is_not_let_below_a_drone_that_sinks_there() -> None:
    other = [Taken(altitude_m_amsl=150.0, sinks_here=True)]
    assert rules.met(other, 130.0, 120.0) == other[0]
    assert rules.met(other, None, 120.0) == other[0]
    assert rules.met(other, 170.0, 165.0) is None
    assert rules.free(other, None, 0.0, LOWEST, HIGHEST) == ((160, 260),)
