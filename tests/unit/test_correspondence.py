"""Requests of the public: their times, what may follow what, and that what they say is sealed, kept no longer, and told to nobody."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.intake_world import NOW
from tests.unit.retention_world import World

from bowstreet.accountability.correspondence import rules
from bowstreet.accountability.correspondence.model import PublicRequest, RefusalGround, RequestKind, RequestState
from bowstreet.accountability.correspondence.service import MOST_IN_A_DAY, Correspondence
from bowstreet.accountability.retention.rules import parse_table
from bowstreet.accountability.retention.service import Retention, shipped_table
from bowstreet.accountability.retention.subject_access import held_of
from bowstreet.errors import BadInput, NotFound, Refused, TooManyAttempts

WORDS = "you hovered over the allotments for an hour"
CONTACT = "somebody@example.org"
REFERENCE = "0123456789ABCDEF"


def at(said: str) -> datetime:
    return datetime.fromisoformat(said).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("came", "due"),
    [
        ("2026-11-23T15:00", "2026-12-23T15:00"),
        ("2026-12-31T00:00", "2027-01-31T00:00"),
        ("2027-01-31T09:00", "2027-02-28T09:00"),  # no such day: the last of the month
        ("2028-01-30T09:00", "2028-02-29T09:00"),
    ],
)
def test_one_month_on_is_the_same_day_or_the_last(came: str, due: str) -> None:
    assert rules.one_month_on(at(came)) == at(due)


@given(st.datetimes(datetime(2026, 1, 1), datetime(2090, 1, 1)))  # noqa: DTZ001 - made aware below
def test_a_month_is_never_more_than_31_days_nor_less_than_28(moment: datetime) -> None:
    aware = moment.replace(tzinfo=UTC)
    assert timedelta(days=28) <= rules.one_month_on(aware) - aware <= timedelta(days=31)


def filed(kind: RequestKind = RequestKind.SUBJECT_ACCESS) -> PublicRequest:
    return rules.filed("req-1", kind, CONTACT, WORDS, REFERENCE, NOW)


def test_each_kind_has_the_time_that_its_law_gives() -> None:
    assert (filed().answer_by, filed().acknowledge_by) == (rules.one_month_on(NOW), None)
    assert filed(RequestKind.ERASURE).answer_by == rules.one_month_on(NOW)
    complaint = filed(RequestKind.COMPLAINT)
    assert (complaint.answer_by, complaint.acknowledge_by) == (None, NOW + timedelta(days=30))


@pytest.mark.parametrize(
    ("contact", "words"),
    [("", WORDS), (CONTACT, "  \n"), ("x" * 301, WORDS), (CONTACT, "x" * 4_001), (CONTACT, "a\x00b"), (CONTACT, "\u202eabc")],
)
def test_what_is_no_letter_is_refused(contact: str, words: str) -> None:
    with pytest.raises(BadInput):
        rules.filed("req-1", RequestKind.COMPLAINT, contact, words, REFERENCE, NOW)


@given(st.lists(st.tuples(st.sampled_from(RequestState), st.sampled_from([None, *RefusalGround])), max_size=6))
def test_a_request_goes_forward_only_and_ends(steps: list[tuple[RequestState, RefusalGround | None]]) -> None:
    one, order = filed(), list(RequestState)
    for state, ground in steps:
        before = one
        try:
            one = rules.moved(one, state, ground, "acc-1", NOW)
        except Refused:
            assert one == before
            continue
        assert not before.state.is_final
        assert order.index(one.state) > order.index(before.state)
        assert (one.state is RequestState.REFUSED) == (ground is not None)
        assert one.changes[:-1] == before.changes
    assert (one.settled_at is not None) == one.state.is_final


@pytest.mark.parametrize("typed", ["0123-4567-89ab-cdef", " 0123 4567 89AB CDEF ", "O123456789ABCDEF", "0i23456789abcdef"])
def test_a_reference_is_known_however_it_is_typed(typed: str) -> None:
    assert rules.digest_of(typed) == rules.digest_of(REFERENCE)
    assert rules.digest_of(rules.shown_reference(REFERENCE)) == rules.digest_of(REFERENCE)


def worker(world: World, correspondence: Correspondence) -> Retention:
    name, text = shipped_table()
    return Retention(
        world.recorder, world.clock, world.ids, world.vault, parse_table(text, name), "0" * 64, [correspondence], lambda _: False
    )


async def started(world: World) -> Correspondence:
    made = Correspondence(world.recorder, world.clock, world.ids)
    await made.load(world.store)
    return made


@pytest.mark.requirement("R16")
async def test_it_is_sealed_found_by_its_reference_and_erased_a_year_after_its_answer(tmp_path: Path) -> None:
    world = await World(tmp_path / "data").started()
    correspondence = await started(world)
    one, reference = await correspondence.file(RequestKind.ERASURE, CONTACT, WORDS)
    await world.recorder.flush()
    await world.store.settle()
    for secret in (WORDS, CONTACT, reference):
        assert not world.contains(secret), "on the disk it is sealed, and the reference is nowhere"
    held = await held_of(world.store, one.request_id)
    assert WORDS in str(held.records), "whoever has the key finds it: the search above would have, too"
    again = await started(world)
    assert again.status(reference.lower()).request_id == one.request_id
    with pytest.raises(NotFound):
        again.status("0000-0000-0000-0000")
    retention = worker(world, again)
    await retention.load(world.store)
    world.clock.advance_to(NOW + timedelta(days=500))
    assert await retention.work() == 0, "nobody has answered it"
    assert [late.request_id for late in again.overdue()] == [one.request_id]
    await again.move(one.request_id, RequestState.REFUSED, RefusalGround.NOT_HELD, "acc-1")
    assert again.overdue() == []
    world.clock.advance_to(NOW + timedelta(days=500 + 364))
    assert await retention.work() == 0
    world.clock.advance_to(NOW + timedelta(days=500 + 365))
    assert await retention.work() == 1
    assert (await held_of(world.store, one.request_id)).records == []
    with pytest.raises(NotFound):
        again.status(reference)
    await world.close()


async def test_a_flood_is_refused_before_it_fills_the_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bowstreet.accountability.correspondence.service.MOST_IN_A_DAY", 3)
    assert MOST_IN_A_DAY > 100, "the real one lets a busy day through"
    world = await World(tmp_path / "data").started()
    correspondence = await started(world)
    for _ in range(3):
        await correspondence.file(RequestKind.COMPLAINT, CONTACT, WORDS)
    with pytest.raises(TooManyAttempts):
        await correspondence.file(RequestKind.COMPLAINT, CONTACT, WORDS)
    again = await started(world)
    with pytest.raises(TooManyAttempts):
        await again.file(RequestKind.COMPLAINT, CONTACT, WORDS)
    world.clock.advance_to(NOW + timedelta(days=1))
    await again.file(RequestKind.COMPLAINT, CONTACT, WORDS)
    await world.close()
