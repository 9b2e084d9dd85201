"""Intake at work: one incident for one thing, whatever comes, how often and in which order; and nothing forgotten by a restart."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.unit.intake_world import HERE, NOW, Intake, north, report, row, run

from bowstreet.accountability.recorder import Recorder
from bowstreet.accountability.verify import verify_log
from bowstreet.errors import Conflict, NotFound, StoreUnavailable
from bowstreet.intake import area, known, quarantine, service
from bowstreet.intake.model import CloseReason, Grade, Incident, IncidentState, Quarantined
from bowstreet.intake.service import IntakeService
from bowstreet.messages import CallMerged, CallQuarantined, IncidentChanged, IncidentOpened
from bowstreet.runtime.bus import InlineBus
from bowstreet.runtime.clock import SimulatedClock
from bowstreet.runtime.ids import SeededIds
from bowstreet.runtime.memory import MemoryStore
from bowstreet.runtime.ports import Batch
from bowstreet.runtime.sqlite import SqliteStore


@pytest.fixture
def intake() -> Intake:
    return Intake().loaded()


def test_a_report_opens_an_incident(intake: Intake) -> None:
    found = intake.receive_raw(row())
    assert isinstance(found, Incident)
    assert (found.state, found.grade, found.position) == (IncidentState.OPEN, Grade.IMMEDIATE, HERE)
    assert intake.told == [
        IncidentOpened(at=NOW, incident_id=found.incident_id, grade="I", category="robbery", position=HERE, reported_at=NOW)
    ]
    assert intake.counts() == (1, 1, 0, 0)


def test_callers_about_one_thing_are_one_incident(intake: Intake) -> None:
    first = intake.receive(report(caller_reference="1"))
    second = intake.receive(report(caller_reference="2", position=north(60), after_s=120, category="assault"))
    assert second.incident_id == first.incident_id
    assert second.reports == 2
    assert intake.told[1:] == [CallMerged(at=NOW, incident_id=first.incident_id, reports=2)]
    assert intake.counts() == (2, 1, 1, 0)


def test_things_apart_in_place_time_or_kind_are_incidents_apart(intake: Intake) -> None:
    ids = {
        intake.receive(one).incident_id
        for one in (report(), report(position=north(90)), report(after_s=400), report(category="collision"))
    }
    assert len(ids) == 4


def test_a_graver_caller_raises_the_incident_and_the_world_hears(intake: Intake) -> None:
    first = intake.receive(report(grade=Grade.SIGNIFICANT))
    raised = intake.receive(report(grade=Grade.IMMEDIATE))
    assert raised.grade is Grade.IMMEDIATE
    assert intake.told[-1] == IncidentChanged(at=NOW, incident_id=first.incident_id, state="open", reason="raised to I")
    assert intake.receive(report(grade=Grade.REFERRED)).grade is Grade.IMMEDIATE
    assert intake.kinds().count("IncidentChanged") == 1


def test_a_reference_is_one_incident_whatever_else_it_says(intake: Intake) -> None:
    first = intake.receive(report(caller_reference="1"))
    again = intake.receive(report(caller_reference="1", position=north(5_000), after_s=9_000, category="collision"))
    assert (again.incident_id, again.reports, again.repeats, again.position) == (first.incident_id, 1, 1, HERE)
    assert intake.kinds() == ["IncidentOpened"]
    assert intake.counts() == (2, 1, 1, 0)
    # The same reference of another sender is another reference.
    assert intake.receive(report(caller_reference="1", source="other", after_s=9_000)).incident_id != first.incident_id


def test_a_repeat_with_a_graver_grade_raises_it(intake: Intake) -> None:
    intake.receive(report(caller_reference="1", grade=Grade.SIGNIFICANT))
    raised = intake.receive(report(caller_reference="1", grade=Grade.IMMEDIATE))
    assert (raised.grade, raised.reports, raised.repeats) == (Grade.IMMEDIATE, 1, 1)
    assert intake.kinds() == ["IncidentOpened", "IncidentChanged"]


def test_a_reference_is_known_for_ever(intake: Intake) -> None:
    first = intake.receive(report(caller_reference="1"))
    run(intake.service.moved(first.incident_id, IncidentState.CLOSED, close_reason=CloseReason.WITHDRAWN, reason="hoax"))
    after = intake.again()
    again = after.receive(report(caller_reference="1"))
    assert (again.incident_id, again.state) == (first.incident_id, IncidentState.CLOSED)
    assert after.told == []
    # The first repeat, too, is remembered by the counts of the next start.
    assert after.counts() == after.again().counts() == (2, 1, 1, 0)


def test_a_reference_beyond_what_is_held_is_asked_of_the_store(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known.References.__init__, "__defaults__", (3,))
    intake = Intake(held_closed=2).loaded()
    ids = [intake.receive(report(caller_reference=str(n), position=north(200 * n))).incident_id for n in range(8)]
    for one in ids:
        run(intake.service.moved(one, IncidentState.CLOSED, close_reason=CloseReason.UNSERVED))
    assert len(intake.service._references.collection) == 3
    assert intake.service.known("cad", "0") is None
    for number, one in enumerate(ids):
        found = intake.receive(report(caller_reference=str(number), after_s=9_000))
        assert found.incident_id == one
    after = intake.again(held_closed=2)
    assert after.receive(report(caller_reference="0")).incident_id == ids[0]
    assert after.counts() == (17, 8, 9, 0)


def test_a_late_caller_about_what_was_seen_sends_no_second_drone(intake: Intake) -> None:
    first = intake.receive(report())
    seen = NOW + timedelta(seconds=90)
    run(intake.service.moved(first.incident_id, IncidentState.ASSIGNED))
    run(intake.service.moved(first.incident_id, IncidentState.ON_SCENE, eyes_on_at=seen))
    run(intake.service.moved(first.incident_id, IncidentState.CLOSED, close_reason=CloseReason.ATTENDED))
    assert intake.receive(report(after_s=60)).incident_id == first.incident_id
    # But a call that was made after the drone had looked is about something new.
    assert intake.receive(report(after_s=200)).incident_id != first.incident_id


def test_an_incident_nobody_was_sent_to_does_not_swallow_a_new_caller(intake: Intake) -> None:
    first = intake.receive(report())
    run(intake.service.moved(first.incident_id, IncidentState.CLOSED, close_reason=CloseReason.UNSERVED))
    assert intake.receive(report(after_s=30)).incident_id != first.incident_id


def test_an_upgraded_call_is_considered_as_what_it_is(intake: Intake) -> None:
    first = intake.receive(report(grade=Grade.EXTENDED, caller_reference="1"))
    run(intake.service.moved(first.incident_id, IncidentState.CLOSED, close_reason=CloseReason.NOT_FLOWN))
    up = intake.receive(report(grade=Grade.IMMEDIATE, caller_reference="1", after_s=600))
    assert (up.incident_id, up.state, up.close_reason) == (first.incident_id, IncidentState.OPEN, None)
    assert intake.told[-1] == IncidentChanged(at=NOW, incident_id=first.incident_id, state="open", reason="raised to I")


def test_out_of_order_reports_make_the_same_incidents() -> None:
    reports = [
        report(caller_reference=str(n), after_s=900 * (n // 3) + 50 * (n % 3), grade=Grade("SIE"[n % 3])) for n in range(12)
    ]
    pictures = set()
    for order in (reports, reports[::-1], reports[1::2] + reports[::2]):
        intake = Intake().loaded()
        for one in order:
            intake.receive(one)
        pictures.add(
            frozenset((i.reported_at, i.grade, i.reports, frozenset(i.caller_references)) for i in intake.service.incidents.all())
        )
        assert intake.counts() == (12, 4, 8, 0)
    assert len(pictures) == 1


def test_months_may_come_in_any_order(intake: Intake) -> None:
    """A late file must merge its own duplicates, however far the newest report is ahead."""
    for days in (0, -90, -180, -45):
        moment = NOW + timedelta(days=days)
        intake.receive(report(reported_at=moment))
        intake.receive(report(reported_at=moment + timedelta(seconds=30)))
    assert intake.counts() == (8, 4, 4, 0)


# --- quarantine ------------------------------------------------------------------------------------------------------------


def test_what_cannot_be_used_is_kept_with_its_reason(intake: Intake) -> None:
    kept = intake.receive_raw(row(latitude=0, longitude=0), line=7)
    assert isinstance(kept, Quarantined)
    assert kept.reason.startswith("the place is 0, 0; give the place")
    assert (kept.line, kept.source) == (7, "cad")
    assert "two men, one with a knife" in kept.raw
    [message] = intake.told
    assert message == CallQuarantined(at=NOW, quarantine_id=kept.quarantine_id, source="cad", reason=kept.reason)
    assert intake.counts() == (1, 0, 0, 1)


ODD: list[Any] = [10**5_000, object(), "half \ud83d", {1: 2}, b"\xff", float("nan"), {"a": {2, 3}}]


@pytest.mark.parametrize("value", ODD, ids=range(len(ODD)))
def test_whatever_a_row_holds_it_is_kept(intake: Intake, value: Any) -> None:
    kept = intake.receive_raw(row(latitude=None, extra=value))
    assert isinstance(kept, Quarantined)
    assert "robbery" in kept.raw


def test_a_row_of_a_file_is_kept_once(intake: Intake) -> None:
    bad = row(grade="X")
    first = intake.receive_raw(bad, "replay:a", 7)
    assert intake.receive_raw(bad, "replay:a", 7) == first
    intake.receive_raw(bad, "replay:a", 8)
    intake.receive_raw(bad, "replay:b", 7)
    run(intake.service.receive_raw(bad, "replay:a", 7, 2))
    intake.receive_raw(bad)
    intake.receive_raw(bad)
    assert intake.counts() == (6, 0, 0, 6)
    after = intake.again()
    assert after.receive_raw(bad, "replay:a", 7) == first
    assert after.service.is_quarantined("replay:a", 8)
    assert not after.service.is_quarantined("replay:a", 9)
    assert after.counts() == (6, 0, 0, 6)
    assert after.told == []


def test_a_flood_of_rubbish_fills_neither_memory_nor_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quarantine.Quarantine.__init__, "__defaults__", (20,))
    intake = Intake().loaded()
    for line in range(quarantine.FLOOD + 50):
        kept = intake.receive_raw(row(grade="X", text="x" * 5_000), "flood", line)
        assert (len(kept.raw) > 5_000) is (line < quarantine.FLOOD)
    assert len(intake.service.quarantined) == 20
    assert intake.counts() == (1_050, 0, 0, 1_050)
    intake.clock.advance_to(NOW + timedelta(hours=2))
    assert len(intake.receive_raw(row(grade="X", text="x" * 5_000)).raw) > 5_000
    after = intake.again()
    assert after.counts() == (1_051, 0, 0, 1_051)
    assert len(after.service.quarantined) == 20
    assert after.receive_raw(row(grade="X"), "flood", 3).line == 3  # asked of the store, not kept twice
    assert after.counts() == (1_051, 0, 0, 1_051)


def test_a_flood_of_calls_is_held_back_not_lost(intake: Intake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "MAX_OPEN", 5)
    found = [intake.receive_raw(row(id=str(n), latitude=north(100 * n).latitude_deg)) for n in range(9)]
    assert [type(one).__name__ for one in found] == ["Incident"] * 5 + ["Quarantined"] * 4
    assert "5 incidents are open already" in found[-1].reason
    # More callers about what is open are still merged, and once one is closed there is room again.
    assert isinstance(intake.receive_raw(row(id="another")), Incident)
    run(intake.service.moved(found[0].incident_id, IncidentState.CLOSED, close_reason=CloseReason.WITHDRAWN))
    assert isinstance(intake.receive_raw(row(id="8", latitude=north(800).latitude_deg)), Incident)
    assert intake.counts() == (11, 6, 1, 4)


def test_a_crowd_at_one_place_is_one_small_incident(intake: Intake) -> None:
    for number in range(1_000):
        intake.receive(report(caller_reference=f"caller {number}", text=f"{number} fire!"))
    [only] = intake.service.incidents.all()
    assert only.reports == 1_000
    assert len(intake.again().service.incidents.all()) == 1
    assert intake.again().receive(report(caller_reference="caller 999", after_s=9_000)).incident_id == only.incident_id


# --- moving on -------------------------------------------------------------------------------------------------------------


def test_a_person_closes_an_incident(intake: Intake) -> None:
    first = intake.receive(report())
    run(intake.service.moved(first.incident_id, IncidentState.CLOSED, close_reason=CloseReason.WITHDRAWN, reason="false call"))
    closed = intake.service.incidents.get(first.incident_id)
    assert (closed.state, closed.close_reason, closed.closed_at) == (IncidentState.CLOSED, CloseReason.WITHDRAWN, NOW)
    assert intake.told[-1] == IncidentChanged(at=NOW, incident_id=first.incident_id, state="closed", reason="false call")


def test_an_illegal_move_changes_nothing(intake: Intake) -> None:
    first = intake.receive(report())
    with pytest.raises(Conflict, match="open and cannot become on-scene"):
        run(intake.service.moved(first.incident_id, IncidentState.ON_SCENE))
    with pytest.raises(NotFound):
        run(intake.service.moved("inc-none", IncidentState.CLOSED))
    assert intake.service.incidents.get(first.incident_id) == first
    assert intake.kinds() == ["IncidentOpened"]


def test_eyes_on_the_scene_are_the_first_ones(intake: Intake) -> None:
    one = intake.receive(report()).incident_id
    for seconds in (60, 600):
        run(intake.service.moved(one, IncidentState.ASSIGNED))
        run(intake.service.moved(one, IncidentState.ON_SCENE, eyes_on_at=NOW + timedelta(seconds=seconds)))
        run(intake.service.moved(one, IncidentState.OPEN))
    assert intake.service.incidents.get(one).eyes_on_at == NOW + timedelta(seconds=60)


def test_memory_keeps_only_so_many_closed_incidents(monkeypatch: pytest.MonkeyPatch) -> None:
    intake = Intake(held_closed=3).loaded()
    ids = [intake.receive(report(position=north(200 * n))).incident_id for n in range(10)]
    for one in ids[:8]:
        run(intake.service.moved(one, IncidentState.CLOSED, close_reason=CloseReason.UNSERVED))
    assert {one.incident_id for one in intake.service.incidents.all()} == set(ids[5:])
    assert intake.counts() == (10, 10, 0, 0)
    after = intake.again(held_closed=3)
    assert len(after.service.incidents) == 5
    assert after.counts() == (10, 10, 0, 0)


# --- the record ------------------------------------------------------------------------------------------------------------


class FailingStore(MemoryStore):
    """A disk that is full when told to be."""

    full = False

    async def commit(self, batch: Batch) -> None:
        if self.full:
            raise StoreUnavailable("the disk is full", remedy="make room")
        await super().commit(batch)


def test_what_could_not_be_recorded_never_was() -> None:
    store = FailingStore()
    intake = Intake(store).loaded()
    store.full = True
    for work in (lambda: intake.receive(report(caller_reference="1")), lambda: intake.receive_raw(row(grade="X"), "a", 1)):
        with pytest.raises(StoreUnavailable):
            work()
    assert intake.counts() == (0, 0, 0, 0)
    assert intake.told == []
    store.full = False
    first = intake.receive(report(caller_reference="1"))
    store.full = True
    with pytest.raises(StoreUnavailable):
        intake.receive(report(caller_reference="2", grade=Grade.IMMEDIATE))
    assert intake.service.incidents.get(first.incident_id) == first
    store.full = False
    assert intake.receive(report(caller_reference="2")).reports == 2
    assert isinstance(intake.receive_raw(row(grade="X"), "a", 1), Quarantined)
    assert intake.counts() == intake.again().counts() == (3, 1, 1, 1)


def test_every_change_is_in_the_ledger(intake: Intake) -> None:
    intake.receive(report(grade=Grade.SIGNIFICANT))
    intake.receive(report(grade=Grade.IMMEDIATE))
    intake.receive_raw(row(grade="X"))
    found = run(verify_log(intake.store.log_rows()))
    assert (found.ok, found.entries) == (True, len(intake.told))


def test_another_process_with_the_same_reference_comes_second(intake: Intake) -> None:
    """Two intakes on one store: whoever is second learns of it, and makes no second incident of one reference."""
    other = intake.again()
    first = intake.receive(report(caller_reference="1"))
    second = other.receive(report(caller_reference="1"))
    assert (second.incident_id, second.reports, second.repeats) == (first.incident_id, 1, 1)
    assert other.told == []
    assert [record.id for record in run(intake.store.find("incident"))] == [first.incident_id]


def test_a_report_about_what_keeps_changing_is_to_be_offered_again(intake: Intake, monkeypatch: pytest.MonkeyPatch) -> None:
    async def failing(**what: Any) -> None:
        raise Conflict("changed meanwhile")

    monkeypatch.setattr(intake.recorder, "record", failing)
    with pytest.raises(StoreUnavailable, match="keeps changing"):
        intake.receive(report())
    assert intake.counts() == (0, 0, 0, 0)


def test_a_report_is_put_forward_again_after_a_conflict(intake: Intake, monkeypatch: pytest.MonkeyPatch) -> None:
    real, failures = intake.recorder.record, [Conflict("changed meanwhile")] * 2

    async def failing(**what: Any) -> None:
        if failures:
            raise failures.pop()
        await real(**what)

    monkeypatch.setattr(intake.recorder, "record", failing)
    assert intake.receive(report(caller_reference="1")).reports == 1
    assert intake.counts() == (1, 1, 0, 0)


def test_a_reference_whose_incident_was_erased_is_something_new(intake: Intake) -> None:
    first = intake.receive(report(caller_reference="1"))
    run(intake.recorder.record(remove=[(intake.service.incidents, first.incident_id)]))
    after = intake.again()
    again = after.receive(report(caller_reference="1"))
    assert again.incident_id != first.incident_id
    assert after.receive(report(caller_reference="1", after_s=9_000)).incident_id == again.incident_id
    assert after.again().receive(report(caller_reference="1", after_s=9_000)).incident_id == again.incident_id


async def test_reports_of_one_moment_are_one_incident_on_the_real_store(tmp_path: Path) -> None:
    """Forty senders at once, on SQLite, where every call really waits: one incident, one record a reference, all counted."""
    store = SqliteStore(tmp_path / "record.db")
    try:
        clock = SimulatedClock(NOW)
        recorder = Recorder(store, InlineBus(), clock)
        intake = IntakeService(recorder, store, clock, SeededIds(1, clock), area.london(), check_future=False)
        await intake.load()
        found = await asyncio.gather(*(intake.receive(report(caller_reference=str(n % 20))) for n in range(40)))
        assert len({one.incident_id for one in found}) == 1
        assert intake.counts() == {"received": 40, "incidents": 1, "duplicates": 39, "quarantined": 0}
        after = IntakeService(Recorder(store, InlineBus(), clock), store, clock, SeededIds(2, clock), area.london())
        await after.load()
        assert after.counts() == intake.counts()
        assert (await after.receive(report(caller_reference="7"))).incident_id == found[0].incident_id
        assert len(await store.find("caller-reference")) == 20
    finally:
        await store.close()
