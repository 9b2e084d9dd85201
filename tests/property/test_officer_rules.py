"""Links for officers and what they are told: what holds for every link, every device and every course of events."""

import itertools
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bowstreet.dispatch.officers import rules
from bowstreet.dispatch.officers.model import (
    Alert,
    LinkEnd,
    LinkPurpose,
    LinkState,
    Lock,
    OfficerLink,
    Situation,
    Subject,
)
from bowstreet.errors import BadInput, Refused

NOW = datetime(2026, 11, 28, 4, tzinfo=UTC)
DEVICES = st.sampled_from([f"{number:064x}" for number in range(6)])


def link(*, minutes: float = 60.0, devices: int = 1) -> OfficerLink:
    return rules.made(
        "lnk-1", "inc-1", "d" * 64, "NI 4127", LinkPurpose.ATTENDING, "acc-1", NOW, timedelta(minutes=minutes), devices=devices
    )


# --- the link -----------------------------------------------------------------------------------------------------------


@given(st.timedeltas(timedelta(), timedelta(hours=12)), st.booleans(), st.booleans(), st.integers(5, 240))
def test_a_link_opens_only_before_its_end_while_the_incident_is_open_and_its_maker_may(
    after: timedelta, closed: bool, may: bool, minutes: int
) -> None:
    why = rules.ending(link(minutes=minutes), NOW + after, incident_closed=closed, maker_may=may)
    assert (why is None) is (after < timedelta(minutes=minutes) and not closed and may)


@given(st.sampled_from(LinkEnd), st.sampled_from(LinkEnd), st.timedeltas(timedelta(), timedelta(hours=12)))
def test_what_ended_stays_ended_for_its_first_reason(first: LinkEnd, then: LinkEnd, after: timedelta) -> None:
    over = rules.ended(link(), first, NOW)
    assert rules.ended(over, then, NOW + after) == over
    assert rules.ending(over, NOW + after, incident_closed=False, maker_may=True) is first
    assert over.state is LinkState.ENDED
    with pytest.raises(Refused):
        rules.opened(over, "a" * 64, NOW + after)


@given(st.lists(DEVICES, max_size=30), st.integers(1, rules.MOST_DEVICES))
def test_never_more_devices_than_allowed_and_the_first_ones_stay(tries: list[str], most: int) -> None:
    one, let_in = link(devices=most), []
    for number, device in enumerate(tries):
        try:
            one = rules.opened(one, device, NOW + timedelta(seconds=number))
        except Refused:
            one = rules.turned_away(one)
            assert device not in let_in
        else:
            let_in += [device] if device not in let_in else []
        assert [held.digest for held in one.devices] == let_in
        assert len(let_in) <= most
        assert all(rules.is_bound_to(one, held) for held in let_in)
    assert let_in == list(dict.fromkeys(tries))[:most]


@pytest.mark.parametrize("recipient", ["NI 4127", "4127 O'Neill", "Trojan 512 (ARV)", "  NI   4127 ", "Zoë Á"])
def test_an_officer_is_named_as_officers_are(recipient: str) -> None:
    made = rules.made("l", "i", "d", recipient, LinkPurpose.CORDON, "a", NOW, rules.USUAL)
    assert made.recipient == " ".join(recipient.split())


@given(st.text(max_size=100))
def test_nothing_that_spoils_a_screen_is_a_name(recipient: str) -> None:
    try:
        made = rules.made("l", "i", "d", recipient, LinkPurpose.CORDON, "a", NOW, rules.USUAL)
    except BadInput:
        return
    assert made.recipient.isprintable()
    assert not set(made.recipient) & set('<>&"\\\n\u202e\u200b')
    assert 0 < len(made.recipient) <= rules.MOST_RECIPIENT


# --- what is told -------------------------------------------------------------------------------------------------------

SUBJECTS = st.builds(
    Subject,
    lock=st.sampled_from(Lock),
    speed_mps=st.floats(0, 8),
    direction_deg=st.none() | st.floats(0, 359.9),
)
SITUATIONS = st.builds(
    Situation, watching=st.sampled_from(["", "d1", "d2"]), eyes_on=st.booleans(), picture=st.booleans(), subject=SUBJECTS
)
STEPS = st.lists(st.tuples(SITUATIONS, st.floats(0.1, 5.0)), max_size=60)


def told(steps: list[tuple[Situation, float]]) -> list[tuple[datetime, Alert, Situation]]:
    now, state, said = NOW, rules.begun(Situation()), []
    for situation, seconds in steps:
        now += timedelta(seconds=seconds)
        state, news = rules.tell(state, situation, now)
        said += [(now, alert, situation) for alert in news]
    return said


@given(STEPS)
def test_nothing_is_told_twice_that_has_not_changed_between(steps: list[tuple[Situation, float]]) -> None:
    said = [alert for _, alert, _ in told(steps)]
    for one, opposite in ((Alert.EYES_ON, Alert.NO_EYES), (Alert.PICTURE_LOST, Alert.PICTURE_BACK)):
        pair = [alert for alert in said if alert in (one, opposite)]
        assert all(a is not b for a, b in itertools.pairwise(pair)), pair
    # The picture was away when somebody began to look; eyes were not on.
    first = [alert for alert in said if alert in (Alert.EYES_ON, Alert.NO_EYES)]
    assert not first or first[0] is Alert.EYES_ON


@given(SITUATIONS, st.lists(st.floats(0.1, 30.0), max_size=30))
def test_what_stays_as_it_is_is_told_once(situation: Situation, waits: list[float]) -> None:
    said = told([(situation, wait) for wait in waits])
    kinds = [alert for _, alert, _ in said]
    assert len(kinds) == len(set(kinds))
    # And what is there when somebody opens the page is shown, not told; but for what a moment cannot show.
    state = rules.begun(situation)
    for wait in waits:
        state, news = rules.tell(state, situation, NOW + timedelta(seconds=wait))
        assert not set(news) - {Alert.STOPS}


@given(STEPS)
def test_movement_is_told_only_of_a_subject_that_is_seen(steps: list[tuple[Situation, float]]) -> None:
    for _, alert, situation in told(steps):
        if alert in (Alert.MOVES, Alert.STOPS, Alert.TURNS, Alert.FOUND):
            assert situation.subject.lock is Lock.SEEN
        if alert is Alert.MOVES:
            assert situation.subject.speed_mps >= rules.MOVES_MPS


def seen(speed_mps: float, direction_deg: float | None = None, lock: Lock = Lock.SEEN) -> Situation:
    return Situation(
        watching="d1", eyes_on=True, picture=True, subject=Subject(lock=lock, speed_mps=speed_mps, direction_deg=direction_deg)
    )


def kinds(*steps: tuple[Situation, float]) -> list[Alert]:
    state, now, said = rules.begun(seen(0.0)), NOW, []
    for situation, seconds in steps:
        for _ in range(int(seconds * 2)):
            now += timedelta(seconds=0.5)
            state, news = rules.tell(state, situation, now)
            said += news
    return said


def test_a_subject_that_moves_off_turns_and_stops() -> None:
    assert kinds((seen(1.5, 10.0), 5), (seen(1.5, 100.0), 5), (seen(0.1), 5)) == [Alert.MOVES, Alert.TURNS, Alert.STOPS]


def test_a_flicker_is_no_news() -> None:
    assert kinds((seen(1.5, 10.0), 1), (seen(0.0), 1), (seen(1.5, 10.0), 1), (seen(0.0), 5)) == []
    assert kinds((seen(1.5, 10.0), 5), (seen(1.5, 120.0), 1), (seen(1.5, 10.0), 5)) == [Alert.MOVES]


def test_a_slow_bend_is_told_when_it_has_become_another_street() -> None:
    bend = [(seen(1.5, 10.0 + 5.0 * number), 2.0) for number in range(24)]
    assert kinds(*bend) == [Alert.MOVES, Alert.TURNS, Alert.TURNS]


def test_a_turn_through_north_is_as_large_as_it_is() -> None:
    assert kinds((seen(1.5, 350.0), 5), (seen(1.5, 10.0), 5)) == [Alert.MOVES]
    assert rules.between_deg(350.0, 10.0) == 20.0


def test_lost_and_found_again() -> None:
    hidden, lost = seen(1.5, 10.0, Lock.UNSEEN), seen(0.0, None, Lock.LOST)
    assert kinds((hidden, 3), (seen(0.0), 3)) == [], "hidden for a moment is shown, not told"
    assert kinds((hidden, 3), (lost, 5), (seen(0.0), 5)) == [Alert.LOST, Alert.FOUND]


def test_another_drone_takes_the_watch_and_nothing_goes_dark() -> None:
    other = Situation(watching="d2", eyes_on=True, picture=True, subject=Subject(lock=Lock.SEEN))
    assert kinds((seen(0.0), 1), (other, 5)) == [Alert.HANDED_OVER]


@given(st.floats(0, 10))
def test_a_picture_is_lost_when_it_is_away_for_longer_than_a_late_keyframe(seconds: float) -> None:
    dark = Situation(watching="d1", eyes_on=True, picture=False, subject=Subject(lock=Lock.SEEN))
    state, _ = rules.tell(rules.begun(seen(0.0)), dark, NOW)
    _, news = rules.tell(state, dark, NOW + timedelta(seconds=seconds))
    assert (Alert.PICTURE_LOST in news) is (timedelta(seconds=seconds) >= rules.DARK)


@given(st.timedeltas(timedelta(), timedelta(hours=2)))
def test_the_end_is_told_five_minutes_before(after: timedelta) -> None:
    soon = rules.ends_soon(link(), NOW + after)
    assert soon is (timedelta(minutes=55) <= after < timedelta(minutes=60))
