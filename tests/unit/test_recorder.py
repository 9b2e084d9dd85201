"""The recorder: all or nothing, durable before anyone hears, and no event loop needed in the simulation."""

from collections.abc import Coroutine
from datetime import UTC, datetime
from functools import reduce
from typing import Any

import msgspec
import pytest

from bowstreet.accountability import ledger
from bowstreet.accountability.merkle import NO_LINK, leaf_hash, link, root_of
from bowstreet.accountability.recorder import Recorder, seeded_salts
from bowstreet.errors import Conflict, LedgerBroken, NotFound, Refused, StoreUnavailable
from bowstreet.messages import MESSAGES, CallMerged, IncidentChanged, Message, VehicleChanged
from bowstreet.runtime.bus import InlineBus
from bowstreet.runtime.clock import SimulatedClock
from bowstreet.runtime.memory import MemoryStore
from bowstreet.runtime.ports import Batch, LogRow
from bowstreet.runtime.records import Collection

START = datetime(2026, 11, 23, 15, tzinfo=UTC)


class Thing(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    state: str


def run(work: Coroutine[Any, Any, Any]) -> Any:
    """Drive a coroutine as the fast simulation does: it must never suspend."""
    try:
        work.send(None)
    except StopIteration as stop:
        return stop.value
    raise AssertionError("it suspended")


def things() -> Collection[Thing]:
    return Collection("thing", Thing, id_of=lambda thing: thing.id, state_of=lambda thing: thing.state)


def moved(id_: str = "inc-1", state: str = "open") -> IncidentChanged:
    return IncidentChanged(at=START, incident_id=id_, state=state)


class Fixture:
    def __init__(self, store: MemoryStore | None = None) -> None:
        self.store = store or MemoryStore()
        self.bus = InlineBus()
        self.recorder = Recorder(self.store, self.bus, SimulatedClock(START), salts=seeded_salts(1))
        self.things = things()

    async def rows(self) -> list[LogRow]:
        return [row async for row in self.store.log_rows()]


def test_records_entries_and_messages_go_together_without_a_loop() -> None:
    f = Fixture()
    heard: list[Message] = []

    async def hear(message: Message) -> None:
        assert await f.store.log_size() == 1  # durable before anyone hears
        heard.append(message)

    f.bus.subscribe(IncidentChanged, hear)
    run(f.recorder.record(save=[(f.things, Thing(id="a", state="new"))], messages=[moved()]))
    assert heard == [moved()]
    assert f.things.get("a").state == "new"
    record = run(f.store.get("thing", "a"))
    assert (record.version, record.state) == (1, "new")
    [row] = run(f.rows())
    assert row.leaf_hash == leaf_hash(row.entry)
    assert f.recorder.root == root_of([row.leaf_hash])
    assert row.link == link(NO_LINK, row.leaf_hash)
    assert ledger.message_of(row) == moved()
    assert ledger.opens(ledger.read_entry(row.entry), row.payload, row.salt)
    assert run(f.store.outbox_pending()) == []


def test_unaudited_messages_pass_without_an_entry() -> None:
    f = Fixture()
    run(f.recorder.record(messages=[VehicleChanged(at=START, vehicle_id="v", status="ready")]))
    assert run(f.rows()) == []
    assert f.bus.published["VehicleChanged"] == 1


def test_handlers_record_in_their_turn() -> None:
    f = Fixture()
    order: list[str] = []

    async def consequence(message: IncidentChanged) -> None:
        order.append(message.state)
        if message.state == "open":
            await f.recorder.record(messages=[moved(state="closed")])
            order.append("recorded")

    f.bus.subscribe(IncidentChanged, consequence)
    run(f.recorder.record(messages=[moved(), moved(state="assigned")]))
    assert order == ["open", "recorded", "assigned", "closed"] or order == ["open", "recorded", "closed", "assigned"]
    assert f.recorder.size == 3


def test_audited_messages_are_refused_without_the_recorder() -> None:
    with pytest.raises(Refused):
        run(Fixture().bus.publish(moved()))


def test_a_conflict_leaves_no_trace() -> None:
    f = Fixture()
    run(f.recorder.record(save=[(f.things, Thing(id="a", state="new"))], messages=[moved()]))
    stale = things()
    with pytest.raises(Conflict):
        run(f.recorder.record(save=[(stale, Thing(id="a", state="other"))], messages=[moved()]))
    assert stale.find("a") is None
    assert f.recorder.size == 1
    run(f.recorder.record(save=[(f.things, Thing(id="a", state="old"))], messages=[moved()]))
    assert f.recorder.size == 2


class FullDisk(MemoryStore):
    full = False

    async def commit(self, batch: Batch) -> None:
        if self.full:
            raise StoreUnavailable("the disk is full", remedy="free some")
        await super().commit(batch)


def test_no_act_without_its_entry() -> None:
    store = FullDisk()
    f = Fixture(store)
    run(f.recorder.record(save=[(f.things, Thing(id="a", state="new"))]))
    store.full = True
    with pytest.raises(StoreUnavailable):
        run(f.recorder.record(save=[(f.things, Thing(id="a", state="x"))], remove=[], messages=[moved()]))
    with pytest.raises(StoreUnavailable):
        run(f.recorder.record(remove=[(f.things, "a")], messages=[moved()]))
    assert f.things.get("a").state == "new"
    assert f.things.in_states("new") == [Thing(id="a", state="new")]
    assert not f.bus.published
    store.full = False
    run(f.recorder.record(remove=[(f.things, "a")], messages=[moved()]))
    with pytest.raises(NotFound):
        f.things.get("a")
    assert f.recorder.size == 1


def test_a_broken_ledger_is_not_appended_to() -> None:
    f = Fixture()
    run(f.recorder.record(messages=[moved(), moved(state="closed")]))
    f.store._log[1] = msgspec.structs.replace(f.store._log[1], entry=f.store._log[1].entry.replace(b"inc-1", b"inc-2"))
    again = Fixture(f.store)
    with pytest.raises(LedgerBroken):
        run(again.recorder.open())
    with pytest.raises(LedgerBroken):
        run(again.recorder.record(messages=[moved()]))
    assert run(f.store.log_size()) == 2


def test_a_second_recorder_reads_on_and_appends() -> None:
    f = Fixture()
    other = Fixture(f.store)
    for _ in range(3):
        run(f.recorder.record(messages=[moved()]))
        run(other.recorder.record(messages=[moved()]))
    rows = run(f.rows())
    assert [ledger.read_entry(row.entry).index for row in rows] == list(range(6))
    assert rows[-1].link == reduce(link, (row.leaf_hash for row in rows), NO_LINK)
    assert other.recorder.root == root_of([row.leaf_hash for row in rows])


async def test_what_was_committed_and_not_delivered_goes_out_again() -> None:
    f = Fixture()
    f.bus._draining = True  # the process dies before anything is handled
    await f.recorder.record(messages=[moved(), CallMerged(at=START, incident_id="inc-1", reports=2)])
    assert len(await f.store.outbox_pending()) == 2
    again = Fixture(f.store)
    heard: list[Message] = []

    async def hear(message: Message) -> None:
        heard.append(message)

    again.bus.subscribe(IncidentChanged, hear)
    again.bus.subscribe(CallMerged, hear)
    assert await again.recorder.recover() == 2
    assert heard == [moved(), CallMerged(at=START, incident_id="inc-1", reports=2)]
    assert await f.store.outbox_pending() == []
    assert await again.recorder.recover() == 0


def test_same_seed_same_root() -> None:
    roots = set()
    for _ in range(2):
        f = Fixture()
        run(f.recorder.record(messages=[moved(), moved(state="closed")]))
        roots.add(f.recorder.root)
    assert len(roots) == 1


def test_every_audited_message_has_a_subject() -> None:
    audited = {kind for kind, spec in MESSAGES.items() if spec.audited}
    assert audited <= set(ledger.SUBJECTS)
    for kind, field in ledger.SUBJECTS.items():
        assert {one.name: one.type for one in msgspec.structs.fields(kind)}[field] is str
