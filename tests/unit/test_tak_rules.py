"""What waits for a partner, what they are told again, and how often a server is tried: pure, so a property at a time."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.integration.tak_world import drone, incident, partner, subject

from bowstreet.tak import rules
from bowstreet.tak.events import key_of
from bowstreet.tak.model import Item, Kind, Situation
from bowstreet.tak.outbox import Outbox, Waiting

NOW = datetime(2026, 11, 28, 9, 0, tzinfo=UTC)
ALL: tuple[Item, ...] = (incident(NOW), drone(NOW), subject(NOW))


def waiting(id_: str, data: bytes = b"", life_s: float = 10.0) -> Waiting:
    return Waiting(key=(Kind.DRONES, id_), data=data, stale_at=NOW + timedelta(seconds=life_s))


@given(offers=st.lists(st.tuples(st.integers(0, 12), st.integers(-5, 5)), max_size=60), most=st.integers(1, 8))
def test_an_outbox_holds_the_newest_of_each_and_loses_none_uncounted(offers: list[tuple[int, int]], most: int) -> None:
    box = Outbox(most)
    newest: dict[str, tuple[int, int]] = {}
    for number, (thing, life) in enumerate(offers):
        box.offer(waiting(str(thing), str(number).encode(), life))
        newest[str(thing)] = (number, life)
        assert len(box) <= most
    taken = []
    while (one := box.take(NOW)) is not None:
        taken.append(one)
    assert len(taken) + box.dropped + box.expired + box.overtaken == len(offers)
    assert all(one.data == str(newest[one.key[1]][0]).encode() for one in taken), "never an older one than the last"
    assert all(one.stale_at > NOW for one in taken)
    order = [int(one.data) for one in taken]
    assert order == sorted(order), "who waited longest goes first"
    if len(newest) <= most:
        assert box.dropped == 0


async def test_who_waits_for_an_outbox_is_woken() -> None:
    box = Outbox()
    waiter = asyncio.ensure_future(box.wait())
    await asyncio.sleep(0)
    assert not waiter.done()
    box.offer(waiting("a"))
    await asyncio.wait_for(waiter, 5)


@given(failures=st.integers(0, 10_000), jitter=st.floats(0, 1))
def test_a_server_is_tried_again_ever_more_slowly_and_for_ever(failures: int, jitter: float) -> None:
    wait_s = rules.back_off_s(failures, jitter)
    assert 0.5 <= wait_s <= rules.MOST_WAIT_S
    assert wait_s <= rules.back_off_s(failures + 1, jitter)


@pytest.mark.parametrize(
    ("changes", "seen"),
    [
        ({}, ALL),
        ({"shares": frozenset({Kind.DRONES})}, ALL[1:2]),
        ({"boroughs": frozenset({"Islington"})}, ALL),
        ({"boroughs": frozenset({"Camden"})}, ()),
        ({"boroughs": frozenset({"Camden"}), "shares": frozenset()}, ()),
    ],
)  # fmt: skip
def test_a_partner_sees_what_is_named(changes: dict[str, object], seen: tuple[Item, ...]) -> None:
    assert tuple(rules.shown(partner(**changes), Situation(items=ALL))) == seen


def test_what_is_in_no_borough_is_seen_by_those_who_see_all() -> None:
    nowhere = Situation(items=(incident(NOW, borough=None),))
    assert rules.shown(partner(), nowhere)
    assert not rules.shown(partner(boroughs=frozenset({"Islington"})), nowhere)


def test_a_drone_discloses_its_incident_and_a_subject_its_follow() -> None:
    assert set(rules.disclosures([ALL[1]])) == {("inc-1", "")}
    assert set(rules.disclosures(ALL)) == {("inc-1", ""), ("inc-1", "fol-1")}


def test_what_goes_on_with_its_place_unknown_is_not_taken_off_the_map() -> None:
    before = [key_of(one) for one in ALL]
    standing = Situation(items=ALL[:1], standing=frozenset({(Kind.SUBJECTS, "fol-1")}))
    assert rules.gone(before, standing.items, standing) == [(Kind.DRONES, "drone-1")]


@pytest.mark.parametrize(
    ("before", "ago_s", "due"),
    [(None, 1.0, True), (ALL[0], 1.0, False), (ALL[0], 60.0, True), (incident(NOW, state="on-scene"), 1.0, True)],
)
def test_it_is_told_when_it_changes_and_once_a_minute(before: Item | None, ago_s: float, due: bool) -> None:
    assert rules.is_due(ALL[0], before, NOW - timedelta(seconds=ago_s), NOW) is due


@given(ends=st.timedeltas(timedelta(-10), timedelta(10)))
def test_sharing_is_over_from_its_end_on(ends: timedelta) -> None:
    assert rules.is_shared(partner(until=NOW + ends), NOW) is (ends > timedelta(0))
    assert rules.is_shared(partner(), NOW)
