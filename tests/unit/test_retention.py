"""Periods, holds, the worker, and that nothing is left of what was erased."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterable
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.intake_world import NOW
from tests.unit.retention_world import MONTH, WORDS, World

from bowstreet.accountability import key_source
from bowstreet.accountability.audit import keyring_of, verify_data
from bowstreet.accountability.retention import rules
from bowstreet.accountability.retention.model import Step
from bowstreet.accountability.retention.service import shipped_table
from bowstreet.accountability.retention.subject_access import held_of
from bowstreet.accountability.vault import KEYS_FILE, Keyring
from bowstreet.errors import MalformedConfiguration, NotFound, Refused
from bowstreet.messages import Erased, ErasureOrdered

TABLE = rules.parse_table(shipped_table()[1], "table.toml")


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    made = await World(tmp_path / "data").started()
    yield made
    await made.close()


async def said(world: World, kind: type) -> int:
    return sum([f'"kind":"{kind.__name__}"'.encode() in row.entry async for row in world.store.log_rows()])


# --- the table --------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("D3", "R9", "R10")
def test_the_table_that_ships_keeps_no_longer_than_it_may() -> None:
    days = {one.name: one.days for one in TABLE.classes}
    assert {days.pop("processing-log"), days.pop("occurrence")} == {2192, 1827}  # these prove what was done
    assert days == {
        "incident": 31,
        "quarantine": 31,
        "account": 365,
        "complaint": 365,
        "officer-link": 365,
        "footage": 28,
        "follow": 31,
        "alert": 31,
        "watchlist": 1,
        "push-subscription": 1,
    }
    assert all(one.source for one in TABLE.classes)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "version = 1",
        "version = '1'\nclasses = []",
        shipped_table()[1].replace("days = 31", "days = 0"),
        shipped_table()[1].replace("days = 31", "days = -1"),
        shipped_table()[1].replace("days = 31", "days = nan"),
        shipped_table()[1].replace('name = "account"', 'name = "incident"'),
        shipped_table()[1].replace("days = 365", "weeks = 52"),
        shipped_table()[1].replace('source = "operator: DPA 2018 s.62', 'origin = "operator: DPA 2018 s.62'),
    ],
)
def test_tables_that_do_not_fit_are_refused(text: str) -> None:
    with pytest.raises(MalformedConfiguration) as caught:
        rules.parse_table(text, "own.toml")
    assert "own.toml" in str(caught.value)


@given(ages=st.lists(st.floats(0, 100), max_size=20), held=st.sets(st.integers(0, 19)))
def test_what_is_due_is_what_is_over_and_not_held(ages: list[float], held: set[int]) -> None:
    things = [(f"inc-{number}", NOW - timedelta(days=age)) for number, age in enumerate(ages)]
    due = rules.due(TABLE, "incident", things, NOW, lambda subject_id: int(subject_id[4:]) in held)
    assert {one.subject_id for one in due} == {
        f"inc-{number}" for number, age in enumerate(ages) if timedelta(days=age) >= MONTH and number not in held
    }
    assert all(a.due_at <= b.due_at for a, b in itertools.pairwise(due))


# --- the worker -------------------------------------------------------------------------------------------------------


async def test_nothing_goes_before_its_time_and_everything_then(world: World) -> None:
    first = await world.closed(0)
    world.clock.advance_to(NOW + timedelta(days=1))
    second = await world.closed(1)
    world.clock.advance_to(NOW + MONTH - timedelta(seconds=1))
    assert await world.retention.work() == 0
    world.clock.advance_to(NOW + MONTH)
    assert await world.retention.work() == 1
    assert await world.retention.work() == 0
    assert await world.store.get("incident", first) is None
    assert await world.store.get("incident", second) is not None
    assert (await said(world, ErasureOrdered), await said(world, Erased)) == (1, 1)
    [receipt] = world.retention.erasures.all()
    assert (receipt.subject_id, receipt.step, receipt.due_at) == (first, Step.DONE, NOW + MONTH)


async def test_an_open_incident_is_kept(world: World) -> None:
    from tests.unit.intake_world import report

    incident = await world.intake.receive(report(text=WORDS))
    world.clock.advance_to(NOW + timedelta(days=400))
    assert await world.retention.work() == 0
    assert await world.store.get("incident", incident.incident_id) is not None


async def test_a_legal_hold_suspends_it_and_lets_go_again(world: World) -> None:
    held = await world.closed()
    world.held.add(held)
    world.clock.advance_to(NOW + 2 * MONTH)
    assert await world.retention.work() == 0
    with pytest.raises(Refused, match="legal hold"):
        await world.retention.erase("incident", held, "acc-1")
    world.held.clear()
    assert await world.retention.work() == 1


async def test_by_order_before_its_time(world: World) -> None:
    subject = await world.closed()
    done = await world.retention.erase("incident", subject, "acc-1")
    assert (done.by, done.step) == ("acc-1", Step.DONE)
    with pytest.raises(NotFound):
        await world.retention.erase("incident", subject, "acc-1")
    with pytest.raises(NotFound):
        await world.retention.erase("watchlist", subject, "acc-1")


async def test_a_report_in_quarantine_goes_too(world: World) -> None:
    await world.intake.quarantine("cad", 1, "no place", WORDS)
    world.clock.advance_to(NOW + MONTH)
    assert await world.retention.work() == 1
    assert await world.store.find("quarantine") == []


async def test_more_than_a_batch_and_those_no_longer_held_in_memory(world: World) -> None:
    ids = [await world.closed(number) for number in range(-60, 60)]
    assert len(world.intake.incidents) < 10  # most are in the store only
    world.clock.advance_to(NOW + MONTH)
    assert await world.retention.work() == len(ids)
    assert await world.store.find("incident") == []


async def test_late_erasure_shows(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await world.closed()
    world.clock.advance_to(NOW + MONTH + timedelta(hours=3))

    async def fails(subjects: object) -> int:
        raise OSError("the keys' disk is gone")

    monkeypatch.setattr(world.vault, "destroy", fails)
    with pytest.raises(OSError, match="disk is gone"):
        await world.retention.work()
    assert world.retention.overdue_s() == 3 * 3600
    monkeypatch.undo()
    assert await world.retention.work() == 1
    assert world.retention.overdue_s() == 0.0
    assert await said(world, ErasureOrdered) == 1


# --- what is left -----------------------------------------------------------------------------------------------------


@pytest.mark.requirement("R7")
async def test_nothing_of_it_can_be_read_and_every_proof_stands(world: World) -> None:
    subject = await world.closed()
    kept = await world.closed(5, "another matter")
    key = (await world.vault.keys_for([subject]))[subject]
    wrapped = world.folder / KEYS_FILE
    stolen = wrapped.read_bytes() + (world.folder / (KEYS_FILE + "-wal")).read_bytes()
    held = await held_of(world.store, subject)
    assert any(WORDS in str(record.body) for record in held.records), "before it is erased it is there to be found"
    assert any(WORDS in str(entry.payload) for entry in held.entries)
    world.clock.advance_to(NOW + timedelta(days=2))
    await world.retention.erase("incident", subject, "acc-1")
    after = await held_of(world.store, subject)
    assert after.records == []
    assert [entry.payload for entry in after.entries] == [None] * len(held.entries)
    assert (await held_of(world.store, kept)).records
    assert key is not None
    assert not world.contains(WORDS)
    (world.folder / "planted").write_text(WORDS)
    assert world.contains(WORDS), "the search would not have found it"
    await world.close()
    with keyring_of(world.folder, "") as keyring:
        found = verify_data(world.folder, keyring=keyring)
    assert found.ok, found.says()
    # The wrapped key itself is gone from the disk: its bytes were in the stolen copy and are in no file now.
    left = b"".join(path.read_bytes() for path in world.folder.glob("keys.db*"))
    assert subject.encode() in stolen
    assert subject.encode() not in left
    assert Keyring(wrapped, key_source.load("", world.folder)).find(subject) is None


async def test_it_is_still_gone_after_a_restart(world: World) -> None:
    subject = await world.closed()
    await world.retention.erase("incident", subject, "acc-1")
    await world.close()
    again = await World(world.folder, at=NOW + timedelta(days=1), seed=9).started()
    assert again.intake.incidents.find(subject) is None
    assert [one.step for one in again.retention.erasures.all()] == [Step.DONE]
    assert await again.retention.work() == 0
    await again.close()
    world.store = again.store  # closed already; the fixture closes it once more


def test_every_class_that_is_held_has_somebody_who_erases_it() -> None:
    assert {one.name for one in TABLE.classes if one.held} == rules.NEEDED


@pytest.mark.requirement("R10")
async def test_a_hold_that_comes_while_others_are_erased_still_holds(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A backlog takes minutes; what is due is looked up once, and a court's order may come in between."""
    monkeypatch.setattr("bowstreet.accountability.retention.service.BATCH", 1)
    first, second = await world.closed(0), await world.closed(1)
    world.clock.advance_to(NOW + MONTH)
    destroy = world.vault.destroy

    async def slowly(subjects: Iterable[str]) -> int:
        world.held.add(second)
        return await destroy(subjects)

    monkeypatch.setattr(world.vault, "destroy", slowly)
    assert await world.retention.work() == 1
    assert [one.subject_id for one in world.retention.erasures.all()] == [first]
    assert [one.subject_id for one in await world.retention.due("incident")] == []
    world.held.clear()
    assert [one.subject_id for one in await world.retention.due("incident")] == [second]


async def test_two_who_erase_the_same_at_once_get_one_receipt(world: World) -> None:
    subject = await world.closed()
    both = await asyncio.gather(
        *(world.retention.erase("incident", subject, f"acc-{by}") for by in (1, 2)), return_exceptions=True
    )
    assert [isinstance(one, NotFound) for one in both] == [False, True]
    assert await said(world, ErasureOrdered) == 1
