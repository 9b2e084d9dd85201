"""The ledger: acts recorded durably beside bare SQLite inserts of the same bytes, and how fast an auditor verifies.

An act here is one record, one ledger entry and one outbox message in one commit. The baseline inserts the same number of bytes
into one table of the same file system, one transaction and one fsync a row: what the disk itself allows.
"""

import asyncio
import sqlite3
import tempfile
import time
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec

from bowstreet.accountability.audit import verify_data
from bowstreet.accountability.recorder import Recorder
from bowstreet.messages import MissionChanged, Reason
from bowstreet.runtime.bus import InlineBus
from bowstreet.runtime.clock import SimulatedClock
from bowstreet.runtime.memory import MemoryStore
from bowstreet.runtime.ports import Batch, Store
from bowstreet.runtime.records import Collection
from bowstreet.runtime.sqlite import SqliteStore, SqliteTelemetryStore

START = datetime(2026, 11, 23, 15, tzinfo=UTC)
SECONDS = 2.0
WRITERS = 32
ENTRIES = 100_000
# An act's bytes: some 100 of record, 170 of entry, 64 of hashes, 220 of payload, 32 of salt, 230 of outbox.
ACT_BYTES = 800


class Thing(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    state: str
    at: datetime


def _message(number: int) -> MissionChanged:
    why = Reason(code="eyes-on", text="arrived over the scene")
    return MissionChanged(
        at=START,
        mission_id=f"mis-{number:026}",
        vehicle_id="drone-17",
        incident_id=f"inc-{number:026}",
        phase="on-scene",
        reason=why,
    )


def _bare_rows_per_s(folder: Path) -> float:
    connection = sqlite3.connect(folder / "bare.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE rows (id INTEGER PRIMARY KEY, body BLOB)")
    body = b"x" * ACT_BYTES
    count, begun = 0, time.perf_counter()
    while time.perf_counter() - begun < SECONDS:
        connection.execute("INSERT INTO rows (body) VALUES (?)", (body,))
        count += 1
    rate = count / (time.perf_counter() - begun)
    connection.close()
    return rate


class _Actor:
    def __init__(self, store: Store) -> None:
        self.recorder = Recorder(store, InlineBus(), SimulatedClock(START))
        self._things = Collection("thing", Thing, id_of=lambda thing: thing.id, state_of=lambda thing: thing.state)
        self._number = 0

    async def act(self) -> None:
        self._number += 1
        thing = Thing(id=f"mis-{self._number % 1_000:026}", state="on-scene", at=START)
        await self.recorder.record(save=[(self._things, thing)], messages=[_message(self._number)])


async def _acts_per_s(folder: Path, writers: int) -> float:
    store = SqliteStore(folder / f"acts-{writers}.db")
    actor = _Actor(store)
    await actor.recorder.open()
    begun = time.perf_counter()

    async def writer() -> int:
        count = 0
        while time.perf_counter() - begun < SECONDS:
            await actor.act()
            count += 1
        return count

    counts = await asyncio.gather(*(writer() for _ in range(writers)))
    rate = sum(counts) / (time.perf_counter() - begun)
    await store.close()
    return rate


def _in_memory_us() -> float:
    actor = _Actor(MemoryStore())
    for _ in range(2_000):
        _drive(actor)
    begun = time.process_time()
    for _ in range(20_000):
        _drive(actor)
    return (time.process_time() - begun) / 20_000 * 1e6


def _drive(actor: _Actor) -> None:
    try:
        actor.act().send(None)
    except StopIteration:
        return
    raise AssertionError("it suspended")


async def _long_ledger(folder: Path) -> None:
    memory = MemoryStore()
    recorder = Recorder(memory, InlineBus(), SimulatedClock(START))
    for number in range(ENTRIES):
        await recorder.record(messages=[_message(number)])
    store = SqliteStore(folder / "record.db")
    await store.commit(Batch(log=[row async for row in memory.log_rows()]))
    await store.close()


def _verified_per_s(folder: Path) -> float:
    begun = time.process_time()
    report = verify_data(folder)
    taken = time.process_time() - begun
    assert report.ok
    assert report.verification.entries == ENTRIES
    return ENTRIES / taken


def _hashed_per_s() -> float:
    """The four hashes of an entry that nobody can do without (leaf, link, commitment, tree), and nothing else."""
    entry, payload, node = b"e" * 190, b"p" * 250, b"n" * 65
    begun = time.process_time()
    for _ in range(ENTRIES):
        sha256(entry).digest()
        sha256(payload).hexdigest()
        sha256(node).digest()
        sha256(node).digest()
    return ENTRIES / (time.process_time() - begun)


async def _telemetry_rows_per_s(folder: Path) -> float:
    store = SqliteTelemetryStore(folder / "telemetry.db")
    vehicles = [f"drone-{number}" for number in range(300)]
    rows = [b"x" * 200] * 300
    count, begun = 0, time.perf_counter()
    while time.perf_counter() - begun < SECONDS:
        moment = datetime.fromtimestamp(START.timestamp() + count / 3_000, UTC)
        await store.append(rows, [moment] * 300, vehicles)
        count += 300
    rate = count / (time.perf_counter() - begun)
    await store.close()
    return rate


def run() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        bare = _bare_rows_per_s(folder)
        alone = asyncio.run(_acts_per_s(folder, 1))
        together = asyncio.run(_acts_per_s(folder, WRITERS))
        asyncio.run(_long_ledger(folder))
        verified = [_verified_per_s(folder) for _ in range(3)]
        return {
            "durable_acts_per_s": {
                "one_writer": alone,
                f"{WRITERS}_writers": together,
                "baseline_bare_sqlite_rows": bare,
                "ratio_to_bare": {"one_writer": alone / bare, f"{WRITERS}_writers": together / bare},
            },
            "record_in_memory_us": _in_memory_us(),
            "verified_entries_per_s": {"median_of_3": sorted(verified)[1], "baseline_hashing_alone": _hashed_per_s()},
            "telemetry_rows_per_s": asyncio.run(_telemetry_rows_per_s(folder)),
        }
