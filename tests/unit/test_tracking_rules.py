"""D4: a follow is bound to its incident and a time. Every way from stage to stage, and none besides. And what a track's quality says."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bowstreet.errors import Refused
from bowstreet.tracking import rules
from bowstreet.tracking.model import Quality
from bowstreet.tracking.rules import Authority, Ended, Follow, Measured, Stage

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
HALF_HOUR, FIVE = rules.FOLLOW_LASTS, rules.ASKS_BEFORE


def _begun(earlier: tuple[Follow, ...] = (), now: datetime = NOW) -> Follow:
    return rules.begin("fol-1", "inc-1", "pilot-1", now, earlier)


def _authority(**changes: object) -> Authority:
    values: dict[str, object] = {
        "authority_id": "aut-1", "incident_id": "inc-1", "given_by": "superintendent-1", "until": NOW + timedelta(hours=2),
    }  # fmt: skip
    return Authority(**(values | changes))  # type: ignore[arg-type]


def test_follows_then_asks_then_ends() -> None:
    follow = _begun()
    assert follow.stage is Stage.FOLLOWING
    assert rules.tick(follow, NOW + HALF_HOUR - FIVE - timedelta(seconds=1)).stage is Stage.FOLLOWING
    asking = rules.tick(follow, NOW + HALF_HOUR - FIVE)
    assert asking.stage is Stage.ASKING
    assert rules.may_follow(asking, NOW + HALF_HOUR - timedelta(seconds=1))
    ended = rules.tick(asking, NOW + HALF_HOUR)
    assert (ended.stage, ended.ended, ended.ended_at) == (Stage.ENDED, Ended.NO_AUTHORITY, NOW + HALF_HOUR)
    assert not rules.may_follow(follow, NOW + HALF_HOUR), "whoever forgot to tick does not follow either"


def test_authority_lets_it_go_on_and_asks_again_before_its_end() -> None:
    asking = rules.tick(_begun(), NOW + timedelta(minutes=26))
    longer = rules.grant(asking, _authority(), NOW + timedelta(minutes=27))
    assert (longer.stage, longer.ends_at) == (Stage.FOLLOWING, NOW + timedelta(hours=2))
    assert rules.tick(longer, NOW + timedelta(minutes=116)).stage is Stage.ASKING
    assert rules.tick(longer, NOW + timedelta(hours=2)).ended is Ended.NO_AUTHORITY


def test_a_short_authority_takes_nothing_of_the_half_hour() -> None:
    follow = rules.grant(_begun(), _authority(until=NOW + timedelta(minutes=1)), NOW)
    assert follow.ends_at == NOW + HALF_HOUR


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"incident_id": "inc-2"}, "another incident"),
        ({"given_by": "pilot-1"}, "the pilot who follows"),
        ({"until": NOW}, "is over"),
        ({"until": NOW + timedelta(hours=73)}, "72 hours"),
    ],
)
def test_authority_that_does_not_count(changes: dict[str, object], words: str) -> None:
    with pytest.raises(Refused, match=words):
        rules.grant(_begun(), _authority(**changes), NOW)


def test_no_authority_wakes_what_has_ended() -> None:
    with pytest.raises(Refused, match="ended"):
        rules.grant(_begun(), _authority(until=NOW + timedelta(hours=5)), NOW + HALF_HOUR)


def test_the_clock_is_the_incidents_and_is_not_set_back() -> None:
    first = rules.end(_begun(), Ended.BY_PILOT, NOW + timedelta(minutes=20))
    again = rules.begin("fol-2", "inc-1", "pilot-2", NOW + timedelta(minutes=26), (first,))
    assert again.ends_at == NOW + HALF_HOUR
    assert again.stage is Stage.ASKING
    with pytest.raises(Refused, match="RIPA"):
        rules.begin("fol-3", "inc-1", "pilot-1", NOW + HALF_HOUR, (first, again))
    other = rules.begin("fol-4", "inc-2", "pilot-1", NOW + HALF_HOUR, (first, again))
    assert other.ends_at == NOW + 2 * HALF_HOUR


def test_what_is_in_force_carries_the_next_follow_of_the_incident_and_nothing_else_does() -> None:
    held = rules.grant(_begun(), _authority(), NOW)
    ended, late = rules.end(held, Ended.BY_PILOT, NOW + timedelta(minutes=40)), NOW + timedelta(minutes=50)
    carried = rules.begin("fol-2", "inc-1", "pilot-1", late, (ended,), _authority())
    assert (carried.ends_at, carried.authority) == (NOW + timedelta(hours=2), _authority())
    with pytest.raises(Refused):  # what carried an earlier one may have been taken back since
        rules.begin("fol-3", "inc-1", "pilot-1", late, (ended,))
    for other in ({"incident_id": "inc-2"}, {"given_by": "pilot-1"}, {"until": late}, {"until": late + timedelta(hours=73)}):
        with pytest.raises(Refused):
            rules.begin("fol-3", "inc-1", "pilot-1", late, (ended,), _authority(**other))


def test_withdrawn_after_the_half_hour_it_ends() -> None:
    held = rules.grant(_begun(), _authority(), NOW)
    assert rules.withdraw(held, "aut-1", NOW + timedelta(minutes=40)).ended is Ended.AUTHORITY_WITHDRAWN


def test_a_shorter_authority_in_the_place_of_a_longer_one_shortens_it() -> None:
    held = rules.grant(_begun(), _authority(), NOW)
    until = NOW + timedelta(hours=1)
    assert rules.grant(held, _authority(authority_id="aut-2", until=until), NOW).ends_at == until


def test_withdrawn_within_the_half_hour_it_goes_on_to_its_end() -> None:
    follow = rules.withdraw(rules.grant(_begun(), _authority(), NOW), "aut-1", NOW + timedelta(minutes=10))
    assert (follow.stage, follow.authority, follow.ends_at) == (Stage.FOLLOWING, None, NOW + HALF_HOUR)
    assert rules.withdraw(follow, "aut-1", NOW) is follow
    assert rules.withdraw(rules.grant(_begun(), _authority(), NOW), "aut-2", NOW).authority is not None


@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["tick", "grant", "withdraw", *Ended]), st.integers(0, 30), st.integers(1, 72 * 60)),
        max_size=12,
    )
)
def test_whatever_happens_it_never_outlasts_its_time_and_ended_is_ended(steps: list[tuple[str, int, int]]) -> None:
    follow, now, allowed = _begun(), NOW, NOW + HALF_HOUR
    for step, minutes, lasting in steps:
        now += timedelta(minutes=minutes)
        before = follow
        if step == "grant":
            until = now + timedelta(minutes=lasting)
            try:
                follow = rules.grant(follow, _authority(until=until), now)
                allowed = max(allowed, until)
            except Refused:
                assert not rules.may_follow(before, now)
        elif step == "withdraw":
            follow = rules.withdraw(follow, "aut-1", now)
        elif step == "tick":
            follow = rules.tick(follow, now)
        else:
            follow = rules.end(follow, Ended(step), now)
        if before.stage is Stage.ENDED:
            assert (follow.stage, follow.ended, follow.ended_at) == (before.stage, before.ended, before.ended_at)
        assert follow.ends_at <= allowed
        if rules.may_follow(follow, now):
            assert now < follow.ends_at


@pytest.mark.parametrize(
    ("measured", "expected", "words"),
    [
        (Measured(looks=50, share=1.0, score=0.8, unseen_s=0.0), Quality.GOOD, "100%"),
        (Measured(looks=2, share=1.0, score=0.8, unseen_s=0.0), Quality.WEAK, "2 times"),
        (Measured(looks=50, share=0.4, score=0.8, unseen_s=0.0), Quality.WEAK, "40%"),
        (Measured(looks=50, share=1.0, score=0.3, unseen_s=0.0), Quality.WEAK, "unsure"),
        (Measured(looks=50, share=1.0, score=0.8, unseen_s=1.2), Quality.COASTING, "1.2 s"),
        (Measured(looks=50, share=1.0, score=0.8, unseen_s=6.0), Quality.LOST, "6 s"),
    ],
)
def test_quality_says_why(measured: Measured, expected: Quality, words: str) -> None:
    found, reason = rules.quality(measured)
    assert found is expected
    assert words in reason


@given(
    st.builds(Measured, looks=st.integers(1, 1000), share=st.floats(0, 1), score=st.floats(0, 1), unseen_s=st.floats(0.001, 100))
)
def test_what_is_not_seen_is_never_good(measured: Measured) -> None:
    assert rules.quality(measured)[0] in (Quality.COASTING, Quality.LOST)
