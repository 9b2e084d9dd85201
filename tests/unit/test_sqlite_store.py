"""What only a real file shows: kill -9, a full disk, a damaged or locked file, rights, erasure that erases."""

import asyncio
import multiprocessing
import os
import random
import resource
import signal
import sqlite3
import stat
import threading
import time
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from bowstreet.accountability.recorder import Recorder
from bowstreet.accountability.verify import verify_log
from bowstreet.errors import Conflict, StoreUnavailable
from bowstreet.messages import IncidentChanged
from bowstreet.runtime.bus import QueueBus
from bowstreet.runtime.clock import SystemClock
from bowstreet.runtime.directory import DataDirectory
from bowstreet.runtime.ports import Batch, LogRow, Record
from bowstreet.runtime.sqlite import SqliteReader, SqliteStore, SqliteTelemetryStore

START = datetime(2026, 11, 23, 15, tzinfo=UTC)
KILLS = 20


def record(id_: str, version: int = 1, body: bytes = b"{}") -> Record:
    return Record(kind="thing", id=id_, version=version, state="", body=body)


# --- kill -9 -----------------------------------------------------------------------------------------------------------


def _writer(path: str, run: int, acks: Connection) -> None:
    """In a process of its own: eight tasks act as fast as they can, and tell what was acknowledged."""

    async def act() -> None:
        store = SqliteStore(Path(path))
        recorder = Recorder(store, QueueBus(), SystemClock())
        await recorder.open()

        async def many(task: int) -> None:
            for number in range(1_000_000):
                id_ = f"inc-{run}-{task}-{number}"
                await recorder.record(messages=[IncidentChanged(at=START, incident_id=id_, state="open")])
                acks.send(id_)

        await asyncio.gather(*(many(task) for task in range(8)))

    asyncio.run(act())


async def test_killed_at_any_moment_no_acknowledged_act_is_lost(tmp_path: Path) -> None:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__, "bowstreet.runtime.sqlite", "bowstreet.accountability.recorder"])
    path = tmp_path / "record.db"
    rng = random.Random(20261123)
    acknowledged: list[str] = []
    for run in range(KILLS):
        ours, theirs = context.Pipe(duplex=False)
        process = context.Process(target=_writer, args=(str(path), run, theirs), daemon=True)
        process.start()
        theirs.close()
        acknowledged.append(ours.recv())  # it is under way
        time.sleep(rng.uniform(0.0, 0.05))
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
        while True:
            try:
                acknowledged.append(ours.recv())
            except EOFError:
                break
        process.join()
        ours.close()
    store = SqliteStore(path)
    verification = await verify_log(store.log_rows(), expected_size=len(acknowledged))
    assert verification.ok, verification
    recorded = {row.entry.split(b'"subject":"')[1].split(b'"')[0].decode() async for row in store.log_rows()}
    assert set(acknowledged) <= recorded
    assert len(recorded) == verification.entries  # none twice
    recorder = Recorder(store, QueueBus(), SystemClock())
    await recorder.recover()
    assert recorder.size == verification.entries
    await store.close()


# --- a full disk -------------------------------------------------------------------------------------------------------


async def _limit_pages(store: SqliteStore, pages: int) -> None:
    await store._writer.write(lambda connection: connection.execute(f"PRAGMA max_page_count={pages}").fetchall())


async def test_a_full_database_writes_nothing_and_recovers(tmp_path: Path) -> None:
    """SQLite's own SQLITE_FULL, by its page limit."""
    store = SqliteStore(tmp_path / "record.db")
    await store.commit(Batch(puts=[record("a")]))
    await _limit_pages(store, 20)
    with pytest.raises(StoreUnavailable, match="disk is full") as caught:
        await store.commit(Batch(puts=[record("b"), record("big", body=b"x" * 200_000)]))
    assert "free some space" in caught.value.remedy
    assert [one.id for one in await store.find("thing")] == ["a"]
    await _limit_pages(store, 100_000)
    await store.commit(Batch(puts=[record("b"), record("big", body=b"x" * 200_000)]))
    assert [one.id for one in await store.find("thing")] == ["a", "b", "big"]
    await store.close()


def _fills(path: str, told: Connection) -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    async def fill() -> None:
        store = SqliteStore(Path(path))
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, resource.RLIM_INFINITY))
        recorder = Recorder(store, QueueBus(), SystemClock())
        count = 0
        try:
            while True:
                await recorder.record(messages=[IncidentChanged(at=START, incident_id=f"inc-{count}", state="x" * 1_000)])
                count += 1
        except StoreUnavailable as error:
            told.send((count, str(error)))
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        await recorder.record(messages=[IncidentChanged(at=START, incident_id="after", state="open")])
        told.send(recorder.size)
        await store.close()

    asyncio.run(fill())


async def test_a_disk_that_takes_no_more(tmp_path: Path) -> None:
    """The kernel refuses to let the file grow: the act fails, nothing is half done, and it goes on once there is room."""
    context = multiprocessing.get_context("forkserver")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_fills, args=(str(tmp_path / "record.db"), theirs))
    process.start()
    theirs.close()
    count, error = ours.recv()
    assert count > 0
    assert "disk" in error
    assert ours.recv() == count + 1
    process.join()
    assert process.exitcode == 0
    store = SqliteStore(tmp_path / "record.db")
    verification = await verify_log(store.log_rows())
    assert (verification.ok, verification.entries) == (True, count + 1)
    await store.close()


# --- damage, locks, rights -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("opener", [SqliteStore, SqliteTelemetryStore, SqliteReader])
async def test_files_that_are_no_record(tmp_path: Path, opener: type) -> None:
    (tmp_path / "text.db").write_text("this is not a database, whatever its name says" * 100)
    with pytest.raises(StoreUnavailable, match="no database") as caught:
        opener(tmp_path / "text.db")
    assert caught.value.remedy
    with pytest.raises(StoreUnavailable):
        opener(tmp_path / "no such folder" / "record.db")
    with pytest.raises(StoreUnavailable):
        opener(tmp_path)


async def test_a_foreign_database_is_not_read(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "other.db")
    connection.execute("CREATE TABLE things (id)")
    connection.close()
    with pytest.raises(StoreUnavailable, match="no record"):
        SqliteReader(tmp_path / "other.db")


async def test_a_record_of_a_later_version_is_left_alone(tmp_path: Path) -> None:
    await SqliteStore(tmp_path / "record.db").close()
    connection = sqlite3.connect(tmp_path / "record.db")
    connection.execute("PRAGMA user_version=99")
    connection.close()
    with pytest.raises(StoreUnavailable, match="later version"):
        SqliteStore(tmp_path / "record.db")


async def test_damage_is_called_damage(tmp_path: Path) -> None:
    path = tmp_path / "record.db"
    store = SqliteStore(path)
    await store.commit(Batch(puts=[record(f"n{number}", body=b"x" * 3_000) for number in range(200)]))
    await store.close()
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(4_096)
        file.write(os.urandom(size - 8_192))

    async def look() -> None:
        damaged = SqliteStore(path)
        try:
            await damaged.find("thing")
        finally:
            await damaged.close()

    with pytest.raises(StoreUnavailable, match="damaged") as caught:
        await look()
    assert "backup" in caught.value.remedy


async def test_another_programs_lock_is_waited_for_and_then_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bowstreet.runtime.sqlite_file.BUSY_TIMEOUT_S", 0.05)
    store = SqliteStore(tmp_path / "record.db")
    other = sqlite3.connect(tmp_path / "record.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailable, match="locked"):
        await store.commit(Batch(puts=[record("a")]))
    assert await store.find("thing") == []  # reading goes on
    other.execute("ROLLBACK")
    await store.commit(Batch(puts=[record("a")]))
    other.close()
    await store.close()


async def test_a_closed_store_says_so(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "record.db")
    await store.close()
    await store.close()
    for attempt in (store.commit(Batch()), store.find("thing"), store.log_size()):
        with pytest.raises(StoreUnavailable, match="closed"):
            await attempt


async def test_files_are_for_their_owner_only(tmp_path: Path) -> None:
    directory = DataDirectory(tmp_path / "data")
    store = SqliteStore(directory.record)
    await store.commit(Batch(puts=[record("a")]))
    assert stat.S_IMODE(directory.path.stat().st_mode) == 0o700
    for file in directory.path.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
    await store.close()
    directory.release()


# --- one process at a time -----------------------------------------------------------------------------------------------


def test_two_may_not_run_on_the_same_data(tmp_path: Path) -> None:
    first = DataDirectory(tmp_path)
    with pytest.raises(StoreUnavailable, match=f"in use by process {os.getpid()}") as caught:
        DataDirectory(tmp_path)
    assert "--data" in caught.value.remedy
    first.release()
    first.release()
    DataDirectory(tmp_path).release()


def test_a_directory_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreUnavailable, match="cannot be used"):
        DataDirectory(tmp_path / "file")


def _holds(path: str, told: Connection) -> None:
    DataDirectory(Path(path))
    told.send("held")
    time.sleep(60)


def test_a_killed_process_lets_go(tmp_path: Path) -> None:
    context = multiprocessing.get_context("forkserver")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_holds, args=(str(tmp_path), theirs), daemon=True)
    process.start()
    assert ours.recv() == "held"
    with pytest.raises(StoreUnavailable, match=f"process {process.pid}"):
        DataDirectory(tmp_path)
    process.kill()
    process.join()
    DataDirectory(tmp_path).release()


# --- durable, grouped, erased ----------------------------------------------------------------------------------------------


async def test_pragmas_are_what_is_promised(tmp_path: Path) -> None:
    record_store, telemetry = SqliteStore(tmp_path / "record.db"), SqliteTelemetryStore(tmp_path / "telemetry.db")
    for store, synchronous in ((record_store, 2), (telemetry, 1)):
        ask = [
            await store._writer.write(lambda c, what=what: c.execute(f"PRAGMA {what}").fetchone()[0])
            for what in ("journal_mode", "synchronous", "secure_delete")
        ]
        assert ask == ["wal", synchronous, 1]
        await store.close()


async def test_writers_of_one_moment_share_a_transaction(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "record.db")
    begun: list[str] = []
    gate, entered = threading.Event(), threading.Event()
    await store._writer.write(
        lambda connection: connection.set_trace_callback(lambda sql: begun.append(sql) if sql.startswith("BEGIN") else None)
    )
    blocked = asyncio.ensure_future(store._writer.write(lambda _: (entered.set(), gate.wait(60))))
    assert await asyncio.to_thread(entered.wait, 60)
    several = [asyncio.ensure_future(store.commit(Batch(puts=[record(f"n{number}")]))) for number in range(100)]
    await asyncio.sleep(0)
    gate.set()
    await asyncio.gather(blocked, *several)
    assert len(begun) == 2
    await store.close()


async def test_a_write_that_breaks_fails_alone(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "record.db")
    bad = Record(kind="thing", id="bad", version=2**70, state="", body=b"")
    outcomes = await asyncio.gather(
        store.commit(Batch(puts=[record("a")])),
        store.commit(Batch(puts=[bad])),
        store.commit(Batch(puts=[record("b")])),
        return_exceptions=True,
    )
    assert outcomes[0] is outcomes[2] is None
    assert isinstance(outcomes[1], Exception)
    assert len(await store.find("thing")) == 2
    await store.close()


async def test_the_loop_goes_on_while_the_disk_is_slow(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "record.db")
    gate = threading.Event()
    slow = asyncio.ensure_future(store._writer.write(lambda _: gate.wait(60)))
    for _ in range(11):
        await asyncio.sleep(0.005)
    assert not slow.done()
    gate.set()
    await slow
    await store.close()


async def test_what_is_erased_is_gone_from_the_disk(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "record.db")
    row = LogRow(
        index=0, entry=b"entry", leaf_hash=b"", link=b"", payload=b"payload-to-be-forgotten", salt=b"salt-to-be-forgotten"
    )
    await store.commit(Batch(log=[row]))
    await store.commit(Batch(puts=[record("a", body=b"body-to-be-forgotten")]))
    await store.erase_payload(0)
    await store.commit(Batch(deletes=[("thing", "a")]))
    await store.close()
    for file in tmp_path.iterdir():
        assert b"to-be-forgotten" not in file.read_bytes(), file


async def test_erased_at_once_and_while_the_store_is_open(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "record.db")
    row = LogRow(index=0, entry=b"entry", leaf_hash=b"", link=b"", payload=b"payload-to-be-forgotten", salt=b"s")
    await store.commit(Batch(log=[row]))
    await store.erase_payload(0)
    for file in tmp_path.iterdir():
        assert b"to-be-forgotten" not in file.read_bytes(), file
    await store.close()


async def test_a_reader_sees_one_moment_while_the_program_writes(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "record.db")
    rows = [LogRow(index=index, entry=b"%d" % index, leaf_hash=b"", link=b"") for index in range(10)]
    await store.commit(Batch(log=rows[:5]))
    with SqliteReader(tmp_path / "record.db") as reader:
        stream = reader.log_rows()
        first = next(stream)
        await store.commit(Batch(log=rows[5:], puts=[record("a")]))
        assert [first, *stream] == rows[:5]
        assert reader.log_size() == 5
        assert list(reader.records("thing")) == []
    with SqliteReader(tmp_path / "record.db") as reader:
        assert reader.log_size() == 10
    await store.close()


async def test_a_reader_needs_no_right_to_write(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "record.db")
    await store.commit(Batch(puts=[record("a")]))
    await store.close()
    (tmp_path / "record.db").chmod(0o400)
    tmp_path.chmod(0o500)
    try:
        with SqliteReader(tmp_path / "record.db") as reader:
            assert [one.id for one in reader.records("thing")] == ["a"]
    finally:
        tmp_path.chmod(0o700)


async def test_outbox_keeps_its_order_over_restarts(tmp_path: Path) -> None:
    for run in range(3):
        store = SqliteStore(tmp_path / "record.db")
        recorder = Recorder(store, QueueBus(), SystemClock())
        await store.commit(Batch())
        bus = QueueBus()
        recorder = Recorder(store, bus, SystemClock())
        await bus.close()  # nothing is delivered any more
        await recorder.record(messages=[IncidentChanged(at=START, incident_id=f"inc-{run}", state="open")])
        await store.close()
    store = SqliteStore(tmp_path / "record.db")
    pending = await store.outbox_pending()
    assert [row.message.incident_id for row in pending if isinstance(row.message, IncidentChanged)] == ["inc-0", "inc-1", "inc-2"]
    await store.close()


async def test_conflicts_name_what_conflicts(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "record.db")
    await store.commit(Batch(puts=[record("a")]))
    with pytest.raises(Conflict, match="thing 'a' stands at version 1, the change was made for 4"):
        await store.commit(Batch(puts=[record("a", version=5)]))
    await store.close()


@pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning")
async def test_a_stream_left_early_complains_of_nothing(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "record.db")
    recorder = Recorder(store, QueueBus(), SystemClock())
    await recorder.record(messages=[IncidentChanged(at=START, incident_id=f"i-{n}", state="open") for n in range(3)])
    await store.close()
    with SqliteReader(tmp_path / "record.db") as reader:
        stream = reader.log_rows()
        assert next(stream).index == 0
    del stream
