"""Heights at a scene, whatever ground the docks stand on; and when a relief is sent."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from bowstreet.airspace.rules import LEVELS_M
from bowstreet.dispatch.relay import rules
from bowstreet.dispatch.relay.rules import Taken

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
FROM = st.none() | st.floats(80.0, 300.0)


@given(taken=TAKEN, from_m=FROM, to_m=st.floats(LOWEST, HIGHEST))
def test_a_pilot_comes_to_nobodys_height_and_through_nobodys(taken: list[Taken], from_m: float | None, to_m: float) -> None:
    met = rules.met(taken, from_m, to_m)
    beside = [
        abs(to_m - one.altitude_m_amsl) < rules.APART_M or (one.sinks_here and to_m < one.altitude_m_amsl) for one in taken
    ]
    between = [from_m is not None and sorted((from_m, to_m, one.altitude_m_amsl))[1] == one.altitude_m_amsl for one in taken]
    if met is None:
        assert not any(beside)
        assert all(not one or other.altitude_m_amsl == from_m for one, other in zip(between, taken, strict=True))
    else:
        assert any(beside) or any(between)
    assert (met is None) or met in taken


@given(taken=TAKEN, from_m=FROM, to_m=st.floats(LOWEST, HIGHEST))
def test_the_heights_that_are_said_to_be_free_are_those_that_are_taken(
    taken: list[Taken], from_m: float | None, to_m: float
) -> None:
    bands = rules.free(taken, from_m, LOWEST, HIGHEST)
    assert any(low <= to_m <= high for low, high in bands) is (rules.met(taken, from_m, to_m) is None)
    assert list(bands) == sorted(bands)


def test_who_is_too_near_to_another_may_go_away_from_it() -> None:
    other = [Taken(altitude_m_amsl=150.0)]
    assert rules.met(other, 152.0, 161.0) is None
    assert rules.met(other, 150.0, 161.0) is None
    assert rules.met(other, 152.0, 139.0) is not None
    assert rules.free(other, 152.0, LOWEST, HIGHEST) == ((160.0, HIGHEST),)
    assert rules.free(other, None, LOWEST, HIGHEST) == ((LOWEST, 140.0), (160.0, HIGHEST))


def test_a_pilot_is_not_let_below_a_drone_that_sinks_there() -> None:
    other = [Taken(altitude_m_amsl=150.0, sinks_here=True)]
    assert rules.met(other, 130.0, 120.0) == other[0]
    assert rules.met(other, None, 120.0) == other[0]
    assert rules.met(other, 170.0, 165.0) is None
    assert rules.free(other, None, LOWEST, HIGHEST) == ((160.0, HIGHEST),)
