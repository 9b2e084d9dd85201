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
