"""What every store must do. A further driver (PostgreSQL) adds itself to `DRIVERS` and changes nothing else."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bowstreet.accountability.keys import SoftwareMasterKey
from bowstreet.accountability.sealed import SealedStore
from bowstreet.accountability.vault import Vault
from bowstreet.errors import Conflict, NotFound
from bowstreet.geo import Position
from bowstreet.messages import IncidentOpened, VehicleChanged
from bowstreet.runtime.memory import MemoryStore, MemoryTelemetryStore
from bowstreet.runtime.ports import Batch, LogRow, OutboxRow, Record, Store, TelemetryStore
from bowstreet.runtime.sqlite import SqliteStore, SqliteTelemetryStore

DRIVERS: dict[str, Callable[[Path], Store]] = {
    "memory": lambda _: MemoryStore(),
    "sqlite": lambda folder: SqliteStore(folder / "record.db"),
    "sealed": lambda folder: SealedStore(
        SqliteStore(folder / "record.db"), Vault(folder / "keys.db", SoftwareMasterKey(bytes(32)))
    ),
}
TELEMETRY_DRIVERS: dict[str, Callable[[Path], TelemetryStore]] = {
    "memory": lambda _: MemoryTelemetryStore(),
    "sqlite": lambda folder: SqliteTelemetryStore(folder / "telemetry.db"),
}
START = datetime(2026, 11, 23, 15, 59, 59, tzinfo=UTC)


@pytest.fixture(params=DRIVERS)
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    store = DRIVERS[request.param](tmp_path)
    yield store
    await store.close()


@pytest.fixture(params=TELEMETRY_DRIVERS)
async def telemetry(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[TelemetryStore]:
    store = TELEMETRY_DRIVERS[request.param](tmp_path)
    yield store
    await store.close()


def record(id_: str = "a", version: int = 1, state: str = "new", kind: str = "thing", body: bytes = b"{}") -> Record:
    return Record(kind=kind, id=id_, version=version, state=state, body=body)


def row(index: int) -> LogRow:
    digest = hashlib.sha256(str(index).encode()).digest()
    return LogRow(
        index=index,
        entry=b'{"subject":"s-%d"}' % (index % 3),
        leaf_hash=digest,
        link=digest,
        payload=b"payload %d" % index,
        salt=digest,
    )


def out(id_: str) -> OutboxRow:
    message = IncidentOpened(
        at=START,
        incident_id=id_,
        grade="I",
        category="x",
        position=Position(latitude_deg=51.5, longitude_deg=-0.1),
        reported_at=START,
    )
    return OutboxRow(outbox_id=id_, message=message)


async def rows(store: Store, start: int = 0, stop: int | None = None) -> list[LogRow]:
    return [one async for one in store.log_rows(start, stop)]


async def test_empty(store: Store) -> None:
    assert await store.get("thing", "a") is None
    assert await store.find("thing") == []
    assert await store.log_size() == 0
    assert await rows(store) == []
    assert await store.outbox_pending() == []


async def test_a_batch_is_written_whole(store: Store) -> None:
    batch = Batch(puts=[record()], log=[row(0), row(1)], outbox=[out("m1"), out("m2")])
    await store.commit(batch)
    assert await store.get("thing", "a") == record()
    assert await store.log_size() == 2
    assert await rows(store) == [row(0), row(1)]
    assert await store.outbox_pending() == [out("m1"), out("m2")]


async def test_an_empty_batch_is_harmless(store: Store) -> None:
    await store.commit(Batch())
    assert await store.log_size() == 0


@pytest.mark.parametrize(
    "batch",
    [
        Batch(puts=[record("b"), record("a", version=1)], log=[row(1)], outbox=[out("m2")]),
        Batch(puts=[record("b"), record("a", version=3)], log=[row(1)], outbox=[out("m2")]),
        Batch(puts=[record("b"), record("c", version=2)], log=[row(1)], outbox=[out("m2")]),
        Batch(puts=[record("b"), record("b")], log=[row(1)], outbox=[out("m2")]),
        Batch(puts=[record("b")], log=[row(0)], outbox=[out("m2")]),
        Batch(puts=[record("b")], log=[row(2)], outbox=[out("m2")]),
        Batch(puts=[record("b")], log=[row(1), row(3)], outbox=[out("m2")]),
        Batch(puts=[record("b"), record("a", version=1)], deletes=[("thing", "z")], log=[row(1)]),
        Batch(deletes=[("thing", "a")], log=[row(5)]),
    ],
    ids=["exists", "skips", "no-such", "twice", "log-behind", "log-ahead", "log-gap", "with-delete", "delete-with-gap"],
)
async def test_a_conflict_writes_nothing(store: Store, batch: Batch) -> None:
    await store.commit(Batch(puts=[record()], log=[row(0)], outbox=[out("m1")]))
    with pytest.raises(Conflict):
        await store.commit(batch)
    assert [one.id for one in await store.find("thing")] == ["a"]
    assert await store.get("thing", "a") == record()
    assert await rows(store) == [row(0)]
    assert await store.outbox_pending() == [out("m1")]


async def test_versions_count_up(store: Store) -> None:
    for version in range(1, 6):
        await store.commit(Batch(puts=[record(version=version, state=f"s{version}")]))
    await store.commit(Batch(puts=[record(version=6), record(version=7, state="last")]))
    assert await store.get("thing", "a") == record(version=7, state="last")


async def test_deleted_and_made_again(store: Store) -> None:
    await store.commit(Batch(puts=[record()]))
    await store.commit(Batch(deletes=[("thing", "a"), ("thing", "never was")]))
    assert await store.get("thing", "a") is None
    await store.commit(Batch(puts=[record(state="again")]))
    await store.commit(Batch(deletes=[("thing", "a")], puts=[record(state="within one batch")]))
    assert await store.get("thing", "a") == record(state="within one batch")


async def test_find_by_kind_and_state_in_order(store: Store) -> None:
    things = [record("b", state="new"), record("a", state="new"), record("c", state="old"), record("d", kind="other")]
    await store.commit(Batch(puts=things))
    assert [one.id for one in await store.find("thing")] == ["a", "b", "c"]
    assert [one.id for one in await store.find("thing", ["new"])] == ["a", "b"]
    assert [one.id for one in await store.find("thing", ["old", "new", "odd 'state' \"]"])] == ["a", "b", "c"]
    assert await store.find("thing", []) == []
    await store.commit(Batch(puts=[record("a", version=2, state="old")]))
    assert [one.id for one in await store.find("thing", ["new"])] == ["b"]


async def test_bytes_and_text_come_back_as_they_went_in(store: Store) -> None:
    odd = record("id with 'quotes' \N{SNOWMAN}", state="état", body=bytes(range(256)))
    await store.commit(Batch(puts=[odd]))
    assert await store.get("thing", odd.id) == odd


async def test_log_rows_are_streamed_by_range(store: Store) -> None:
    await store.commit(Batch(log=[row(index) for index in range(2_500)]))
    assert [one.index for one in await rows(store)] == list(range(2_500))
    assert [one.index for one in await rows(store, 998, 1_003)] == [998, 999, 1_000, 1_001, 1_002]
    assert await rows(store, 2_499) == [row(2_499)]
    assert await rows(store, 2_500) == []
    assert [one.index for one in await rows(store, 2_498, 9_999)] == [2_498, 2_499]


async def test_erasing_leaves_the_entry(store: Store) -> None:
    await store.commit(Batch(log=[row(0), row(1)]))
    await store.erase_payload(0)
    first, second = await rows(store)
    assert (first.payload, first.salt) == (None, None)
    assert (first.entry, first.leaf_hash, first.link) == (row(0).entry, row(0).leaf_hash, row(0).link)
    assert second == row(1)
    for missing in (2, -1):
        with pytest.raises(NotFound):
            await store.erase_payload(missing)


async def test_delivered_messages_are_forgotten(store: Store) -> None:
    await store.commit(Batch(outbox=[out("z"), out("y"), OutboxRow(outbox_id="x", message=_vehicle())]))
    await store.outbox_delivered(["y", "never was"])
    assert [one.outbox_id for one in await store.outbox_pending()] == ["z", "x"]
    await store.commit(Batch(puts=[record()]))
    assert [one.outbox_id for one in await store.outbox_pending()] == ["z", "x"]
    assert (await store.outbox_pending())[1].message == _vehicle()


def _vehicle() -> VehicleChanged:
    return VehicleChanged(at=START, vehicle_id="v", status="ready")


async def test_concurrent_batches_fail_alone(store: Store) -> None:
    """A burst of writers, of which some conflict: those and no others fail."""
    await store.commit(Batch(puts=[record("taken")]))
    batches = [
        Batch(puts=[record("taken" if number % 5 == 0 else f"n{number:03}")], outbox=[out(f"m{number}")]) for number in range(100)
    ]
    outcomes = await asyncio.gather(*(store.commit(batch) for batch in batches), return_exceptions=True)
    assert [isinstance(outcome, Conflict) for outcome in outcomes] == [number % 5 == 0 for number in range(100)]
    assert len(await store.find("thing")) == 81
    assert len(await store.outbox_pending()) == 80


async def test_concurrent_writers_of_the_log_never_share_a_place(store: Store) -> None:
    outcomes = await asyncio.gather(
        *(store.commit(Batch(log=[row(0)], puts=[record(f"n{n}")])) for n in range(10)), return_exceptions=True
    )
    assert sum(outcome is None for outcome in outcomes) == 1
    assert await rows(store) == [row(0)]
    assert len(await store.find("thing")) == 1


async def test_a_cancelled_writer_knows_whether_it_happened(store: Store) -> None:
    known: dict[int, bool] = {}

    async def write(number: int) -> None:
        try:
            await store.commit(Batch(puts=[record(f"n{number:02}")]))
        except asyncio.CancelledError:
            known[number] = False
            raise
        known[number] = True
        await asyncio.sleep(10)

    tasks = [asyncio.ensure_future(write(number)) for number in range(20)]
    for number, task in enumerate(tasks):
        if number % 4 == 0:
            await asyncio.sleep(0)
        task.cancel()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(outcome, asyncio.CancelledError) for outcome in outcomes)
    written = {one.id for one in await store.find("thing")}
    assert written == {f"n{number:02}" for number, happened in known.items() if happened}


async def test_a_time_out_round_a_commit_still_ends_in_time_out(store: Store) -> None:
    async def write() -> None:
        await store.commit(Batch(puts=[record()]))
        await asyncio.sleep(10)

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(write(), 0.01)


# --- telemetry -------------------------------------------------------------------------------------------------------


async def test_telemetry_by_vehicle_and_time(telemetry: TelemetryStore) -> None:
    moments = [START + timedelta(milliseconds=100 * number) for number in range(40)]  # over an hour's edge
    for number, moment in enumerate(moments):
        await telemetry.append([b"a%d" % number, b"b%d" % number], [moment, moment], ["a", "b"])
    assert await telemetry.between("a", moments[5], moments[15]) == [b"a%d" % number for number in range(5, 15)]
    assert await telemetry.between("b", START, START + timedelta(hours=2)) == [b"b%d" % number for number in range(40)]
    assert await telemetry.between("nobody", START, START + timedelta(hours=2)) == []
    assert await telemetry.between("a", moments[5], moments[5]) == []


async def test_telemetry_out_of_order_and_at_one_moment(telemetry: TelemetryStore) -> None:
    later = START + timedelta(seconds=1)
    await telemetry.append([b"2", b"1a", b"1b"], [later, START, START], ["a"] * 3)
    await telemetry.append([], [], [])
    assert await telemetry.between("a", START, START + timedelta(hours=1)) == [b"1a", b"1b", b"2"]


async def test_telemetry_is_thinned(telemetry: TelemetryStore) -> None:
    moments = [START + timedelta(minutes=10 * number) for number in range(30)]
    await telemetry.append([b"%d" % number for number in range(30)], moments, ["a", "b"] * 15)
    assert await telemetry.thin(START) == 0
    assert await telemetry.thin(moments[20]) == 20
    assert await telemetry.thin(moments[20]) == 0
    left = await telemetry.between("a", START, moments[-1]) + await telemetry.between(
        "b", START, moments[-1] + timedelta(seconds=1)
    )
    assert sorted(left) == [b"%d" % number for number in range(20, 30)]


async def test_what_is_kept_is_not_thinned(telemetry: TelemetryStore) -> None:
    moments = [START + timedelta(minutes=10 * number) for number in range(30)]
    await telemetry.append([b"%d" % number for number in range(30)], moments, ["a", "b"] * 15)
    keep = [("a", moments[4], moments[8]), ("b", moments[11], moments[11])]
    assert await telemetry.thin(moments[20], keep) == 18
    assert await telemetry.between("a", START, moments[20]) == [b"4", b"6"]
    assert await telemetry.thin(moments[20], keep) == 0
    assert await telemetry.thin(moments[20]) == 2


async def test_telemetry_of_unequal_lengths_is_refused(telemetry: TelemetryStore) -> None:
    with pytest.raises(ValueError, match="argument"):
        await telemetry.append([b"1"], [START, START], ["a"])
