"""Entries are canonical (RFC 8785) whatever the ids, and say what was recorded; the recorder keeps its promises under any order
of acts and failures."""

import asyncio
import json
import math
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
import rfc8785
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bowstreet.accountability import ledger
from bowstreet.accountability.recorder import Recorder
from bowstreet.accountability.verify import verify_log
from bowstreet.errors import BowstreetError, Conflict, StoreUnavailable
from bowstreet.geo import Position
from bowstreet.messages import MESSAGES, CommandIssued, IncidentChanged, IncidentOpened, Message, Reason
from bowstreet.runtime.bus import InlineBus
from bowstreet.runtime.clock import SimulatedClock
from bowstreet.runtime.memory import MemoryStore
from bowstreet.runtime.ports import Batch
from bowstreet.runtime.records import Collection
from bowstreet.runtime.sqlite_file import outcome

START = datetime(2026, 11, 23, 15, tzinfo=UTC)
TEXT = st.text(st.characters(codec="utf-8"), max_size=30)
MOMENTS = st.datetimes(timezones=st.just(UTC))


@given(at=MOMENTS, subject=TEXT, index=st.integers(0, 2**53 - 1))
def test_entries_are_canonical_json(at: datetime, subject: str, index: int) -> None:
    message = IncidentChanged(at=at, incident_id=subject, state="open")
    payload = ledger.payload_of(message)
    entry = ledger.entry_of(message, index, payload, b"s" * 32)
    assert entry == rfc8785.dumps(json.loads(entry))
    read = ledger.read_entry(entry)
    assert (read.at, read.subject, read.index, read.kind) == (at, subject, index, "IncidentChanged")
    assert ledger.opens(read, payload, b"s" * 32)
    assert not ledger.opens(read, payload, b"t" * 32)


@given(
    at=MOMENTS,
    latitude=st.floats(allow_nan=False, allow_infinity=False),
    longitude=st.sampled_from([0.0, -0.0, 1e21, 1e-7, 5.0, 0.1 + 0.2]),
    category=TEXT,
)
def test_payloads_are_canonical_json_and_come_back(at: datetime, latitude: float, longitude: float, category: str) -> None:
    message = IncidentOpened(
        at=at,
        incident_id="i",
        grade="I",
        category=category,
        position=Position(latitude_deg=latitude, longitude_deg=longitude),
        reported_at=at,
    )
    payload = ledger.payload_of(message)
    assert payload == rfc8785.dumps(json.loads(payload, parse_int=float))  # a whole float is written as RFC 8785 writes it
    row = _row(message, payload)
    back = ledger.message_of(row)
    assert isinstance(back, IncidentOpened)
    assert math.isclose(back.position.latitude_deg, latitude, abs_tol=0)
    assert msgspec.structs.replace(back, position=message.position) == message


@given(command_id=TEXT, mission_id=st.none() | TEXT, command=TEXT)
def test_payloads_without_floats_are_canonical_too(command_id: str, mission_id: str | None, command: str) -> None:
    message = CommandIssued(at=START, command_id=command_id, target_id="v", mission_id=mission_id, command=command)
    payload = ledger.payload_of(message)
    assert payload == rfc8785.dumps(json.loads(payload))
    assert ledger.message_of(_row(message, payload)) == message


def test_messages_with_floats_are_known_as_such() -> None:
    with_floats = {kind for kind in ledger.SUBJECTS if '"number"' in json.dumps(msgspec.json.schema(kind))}
    assert with_floats == ledger._WITH_FLOATS
    assert IncidentOpened in with_floats


def _row(message: Message, payload: bytes) -> "ledger.LogRow":
    return ledger.LogRow(
        index=0, entry=ledger.entry_of(message, 0, payload, b""), leaf_hash=b"", link=b"", payload=payload, salt=b""
    )


@pytest.mark.parametrize(
    "entry",
    [
        b"", b"{}", b"[]", b"\xff", b'{"at":"2026-11-23T15:00:00Z"}',
        b'{"at":"2026-11-23T15:00:00Z","commitment":"00","index":0,"kind":"X","subject":"s","v":2}',
        b'{"at":"2026-11-23T15:00:00Z","commitment":"00","index":0, "kind":"X","subject":"s","v":1}',
        b'{"at":"2026-11-23T15:00:00Z","commitment":"00","index":0,"kind":"X","subject":"s","v":1,"w":1}',
        b'{"at":"2026-11-23T15:00:00Z","at":"2026-11-23T15:00:00Z","commitment":"00","index":0,"kind":"X","subject":"s","v":1}',
        b'{"at":"2026-11-23T15:00:00+00:00","commitment":"00","index":0,"kind":"X","subject":"s","v":1}',
    ],
)  # fmt: skip
def test_what_is_not_canonical_is_no_entry(entry: bytes) -> None:
    with pytest.raises(ValueError, match=r"canonical|entry"):
        ledger.read_entry(entry)


# --- the recorder under any order of acts and failures -----------------------------------------------------------------


class Count(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    value: int


class Moody(MemoryStore):
    """Really suspends, and fails when told. Like every store, it does not give up a write that has begun."""

    def __init__(self) -> None:
        super().__init__()
        self.moods: list[str] = []

    async def commit(self, batch: Batch) -> None:
        await outcome(asyncio.ensure_future(self._commit(batch)))

    async def _commit(self, batch: Batch) -> None:
        mood = self.moods.pop() if self.moods else "well"
        if mood == "slow":
            await asyncio.sleep(0)
        if mood == "full":
            await asyncio.sleep(0)
            raise StoreUnavailable("the disk is full", remedy="free some")
        if mood == "conflict":
            await asyncio.sleep(0)
            raise Conflict("somebody else was faster", remedy="again")
        await super().commit(batch)
        if mood == "late":
            await asyncio.sleep(0)


@given(
    moods=st.lists(st.sampled_from(["well", "slow", "full", "conflict", "late"]), max_size=30),
    acts=st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 3)), min_size=1, max_size=30),
    cancel=st.sets(st.integers(0, 29), max_size=4),
)
@example(moods=[], acts=[("a", 0)] * 3, cancel={2})
@settings(max_examples=200, deadline=None)
def test_the_cache_the_store_the_ledger_and_the_bus_agree(
    moods: list[str], acts: list[tuple[str, int]], cancel: set[int]
) -> None:
    asyncio.run(_agree(moods, acts, cancel))


async def _agree(moods: list[str], acts: list[tuple[str, int]], cancel: set[int]) -> None:
    store, bus, clock = Moody(), InlineBus(), SimulatedClock(START)
    recorder = Recorder(store, bus, clock)
    counts = Collection("count", Count, id_of=lambda one: one.id)
    heard: list[str] = []

    async def hear(message: IncidentChanged) -> None:
        heard.append(message.incident_id)

    bus.subscribe(IncidentChanged, hear)
    await recorder.open()
    store.moods = list(moods)

    async def act(number: int, name: str, pauses: int) -> None:
        for _ in range(pauses):
            await asyncio.sleep(0)
        before = counts.find(name)
        value = Count(id=name, value=before.value + 1 if before else 1)
        message = IncidentChanged(at=START + timedelta(seconds=number), incident_id=f"{name} {value.value}", state="open")
        await recorder.record(save=[(counts, value)], messages=[message])

    tasks = [asyncio.ensure_future(act(number, *one)) for number, one in enumerate(acts)]
    await asyncio.sleep(0)
    for number in cancel:
        if number < len(tasks):
            tasks[number].cancel()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    for number, one in enumerate(outcomes):
        assert one is None or isinstance(one, BowstreetError) or (isinstance(one, asyncio.CancelledError) and number in cancel), (
            one
        )
    # A last act takes up whatever the cancelled ones left.
    store.moods = []
    await recorder.record(messages=[IncidentChanged(at=START, incident_id="last", state="open")])

    fresh = Collection("count", Count, id_of=lambda one: one.id)
    await fresh.load(store)
    assert counts.all() == fresh.all()
    messages = [ledger.message_of(row) async for row in store.log_rows()]
    assert [message.incident_id for message in messages if isinstance(message, IncidentChanged)] == heard
    for name in "abc":  # each count went up by ones: no update was lost, none was seen that was not recorded
        ups = [one for one in heard if one.startswith(name)]
        assert ups == [f"{name} {number}" for number in range(1, len(ups) + 1)]
        assert (value := counts.find(name)) is None or value.value == len(ups)
    assert (await verify_log(store.log_rows())).ok
    assert recorder.size == len(messages)
    assert await store.outbox_pending() == []
    if not moods and not cancel:
        assert outcomes == [None] * len(acts)


def test_every_audited_message_can_be_recorded() -> None:
    async def all_of_them() -> None:
        store = MemoryStore()
        recorder = Recorder(store, InlineBus(), SimulatedClock(START))
        made = [_any(kind) for kind, spec in MESSAGES.items() if spec.audited]
        await recorder.record(messages=made)
        assert [ledger.message_of(row) async for row in store.log_rows()] == made

    asyncio.run(all_of_them())


def _any(kind: type[Message]) -> Message:
    values = {
        "at": START,
        "reported_at": START,
        "position": Position(latitude_deg=51.5, longitude_deg=-0.1),
        "reports": 2,
        "parts": 2,
        "flights": 2,
        "size": 2,
        "due_at": START,
        "ends_at": START,
        "until": START,
        "since": START,
        "recordings": ("rec-1",),
        "shares": ("drones",),
        "boroughs": ("Islington",),
        "sent": {"drones": 2},
        "dropped": 2,
        "leaves_at": START,
        "launch_at": None,
        "handovers": 2,
        "dark_s": 1.5,
        "gap_s": 1.5,
        "octets": 2,
        "captured_at": START,
        "width_px": 2,
        "height_px": 2,
        "level": True,
        "recording": True,
    }
    values |= {"reason": Reason(code="c", text="t"), "reasons": (Reason(code="c", text="t", vehicle_id="v"),)}
    plain: dict[Any, Any] = {int: 2, float: 1.5, bool: True, datetime: START, bool | None: True, int | None: 2}
    fields = {
        field.name: "x" if field.type is str else values.get(field.name, plain.get(field.type, "x"))
        for field in msgspec.structs.fields(kind)
    }
    return kind(**fields)
