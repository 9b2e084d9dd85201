"""The embedded store: SQLite. `SqliteStore` keeps the record, durable before it answers; `SqliteTelemetryStore` keeps what is
recent and replaceable; `SqliteReader` reads a record without the program, for the auditor.
"""

import asyncio
import sqlite3
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from operator import itemgetter
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import msgspec

from bowstreet.errors import StoreUnavailable
from bowstreet.runtime import wire
from bowstreet.runtime.memory import log_conflict, no_such_entry, version_conflict
from bowstreet.runtime.ports import Batch, LogRow, OutboxRow, Record
from bowstreet.runtime.sqlite_file import Writer, connect, connect_read_only, migrate, unavailable

R = TypeVar("R")

RECORD_SCHEMA_VERSION = 2
RECORD_SCHEMA = """
CREATE TABLE records (kind TEXT NOT NULL, id TEXT NOT NULL, version INTEGER NOT NULL, state TEXT NOT NULL, body BLOB NOT NULL,
                      PRIMARY KEY (kind, id)) WITHOUT ROWID;
CREATE INDEX records_by_state ON records (kind, state, id);
CREATE TABLE log (idx INTEGER PRIMARY KEY, entry BLOB NOT NULL, leaf_hash BLOB NOT NULL, link BLOB NOT NULL,
                  payload BLOB, salt BLOB);
CREATE TABLE outbox (seq INTEGER PRIMARY KEY AUTOINCREMENT, outbox_id TEXT NOT NULL UNIQUE, message BLOB NOT NULL)
"""
# Rows of one read: bounds memory, and how long the reader thread is away from others.
CHUNK = 1_000

_SELECT_RECORD = "SELECT kind, id, version, state, body FROM records WHERE kind = ? AND id = ?"
_SELECT_KIND = "SELECT kind, id, version, state, body FROM records WHERE kind = ? ORDER BY id"
_SELECT_STATES = """SELECT kind, id, version, state, body FROM records
                    WHERE kind = ? AND state IN (SELECT value FROM json_each(?)) ORDER BY id"""
# SQLite keeps in any column what it is given. As bytes a foreign value is a wrong entry with a name, and breaks no reader.
_SELECT_LOG = """SELECT idx, CAST(entry AS BLOB), CAST(leaf_hash AS BLOB), CAST(link AS BLOB), CAST(payload AS BLOB),
                        CAST(salt AS BLOB) FROM log"""
_SELECT_LOG_ALL = _SELECT_LOG + " ORDER BY idx"
_SELECT_LOG_PART = _SELECT_LOG + " WHERE idx >= ? AND idx < ? ORDER BY idx LIMIT ?"


def _log_row(columns: tuple[Any, ...]) -> LogRow:
    index, entry, leaf_hash, link, payload, salt = columns
    return LogRow(index=index, entry=entry, leaf_hash=leaf_hash, link=link, payload=payload, salt=salt)


def _record(columns: tuple[Any, ...]) -> Record:
    kind, id_, version, state, body = columns
    return Record(kind=kind, id=id_, version=version, state=state, body=body)


class _Reader:
    """A connection for reading with a thread of its own, so that a slow disk never stops the event loop."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection = connect_read_only(path)
        self._executor = ThreadPoolExecutor(1, thread_name_prefix=f"reads {path.name}")

    async def run(self, read: Callable[[sqlite3.Connection], R]) -> R:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._executor, read, self._connection)
        except sqlite3.Error as error:
            raise unavailable(error, self._path) from error
        except RuntimeError as error:  # the executor is shut down
            raise StoreUnavailable(f"{self._path} is closed", remedy="the program is stopping; start it again") from error

    async def rows(self, query: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        return await self.run(lambda connection: connection.execute(query, parameters).fetchall())

    async def close(self) -> None:
        await asyncio.get_running_loop().run_in_executor(None, self._executor.shutdown)
        self._connection.close()


# --- the record ------------------------------------------------------------------------------------------------------


def _write_batch(connection: sqlite3.Connection, batch: Batch, messages: Sequence[tuple[str, bytes]]) -> None:
    execute = connection.execute
    for key in batch.deletes:
        execute("DELETE FROM records WHERE kind = ? AND id = ?", key)
    for record in batch.puts:
        _write_record(connection, record)
    if batch.log:
        size = _log_size(connection)
        for row in batch.log:
            if row.index != size:
                raise log_conflict(row.index, size)
            size += 1
        connection.executemany(
            "INSERT INTO log VALUES (?, ?, ?, ?, ?, ?)",
            [(row.index, row.entry, row.leaf_hash, row.link, row.payload, row.salt) for row in batch.log],
        )
    connection.executemany("INSERT INTO outbox (outbox_id, message) VALUES (?, ?)", messages)


def _write_record(connection: sqlite3.Connection, record: Record) -> None:
    done = connection.execute(
        "UPDATE records SET version = ?1, state = ?2, body = ?3 WHERE kind = ?4 AND id = ?5 AND version = ?1 - 1"
        if record.version > 1
        else "INSERT INTO records (version, state, body, kind, id) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING",
        (record.version, record.state, record.body, record.kind, record.id),
    )
    if done.rowcount != 1:
        found = connection.execute("SELECT version FROM records WHERE kind = ? AND id = ?", (record.kind, record.id)).fetchone()
        raise version_conflict(record, found[0] if found else 0)


def _log_size(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT coalesce(max(idx) + 1, 0) FROM log").fetchone()[0])


class SqliteStore:
    """`Store` in one SQLite file. One process at a time: `runtime.directory` holds the lock.

    Raises:
        StoreUnavailable: when the file cannot be opened, is damaged or of a later version.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        connection = connect(path, synchronous="FULL")
        migrate(connection, path, RECORD_SCHEMA, RECORD_SCHEMA_VERSION)
        self._delivered: deque[str] = deque()
        self._reader = _Reader(path)
        self._writer = Writer(connection, path, self._forget_delivered)

    async def commit(self, batch: Batch) -> None:
        messages = [(row.outbox_id, wire.encode(row.message)) for row in batch.outbox]
        await self._writer.write(lambda connection: _write_batch(connection, batch, messages))

    async def get(self, kind: str, id: str) -> Record | None:  # noqa: A002 - the field's own name
        rows = await self._reader.rows(_SELECT_RECORD, (kind, id))
        return _record(rows[0]) if rows else None

    async def find(self, kind: str, states: Sequence[str] | None = None) -> list[Record]:
        if states is None:
            rows = await self._reader.rows(_SELECT_KIND, (kind,))
        else:
            rows = await self._reader.rows(_SELECT_STATES, (kind, msgspec.json.encode([str(state) for state in states]).decode()))
        return [_record(row) for row in rows]

    async def log_size(self) -> int:
        return await self._reader.run(_log_size)

    async def log_rows(self, start: int = 0, stop: int | None = None) -> AsyncIterator[LogRow]:
        end = await self.log_size() if stop is None else stop
        while rows := await self._reader.rows(_SELECT_LOG_PART, (start, end, CHUNK)):
            for row in rows:
                yield _log_row(row)
            start = rows[-1][0] + 1

    async def erase_payload(self, index: int) -> None:
        await self._writer.write(lambda connection: _erase(connection, index))
        # The write-ahead log still holds the old page. A reader may delay this to the next time, or to the close.
        await self._writer.fold_in()

    async def settle(self) -> None:
        await self._writer.fold_in()

    async def outbox_pending(self) -> list[OutboxRow]:
        gone = set(self._delivered)
        rows = await self._reader.rows("SELECT outbox_id, message FROM outbox ORDER BY seq")
        try:
            return [OutboxRow(outbox_id=id_, message=wire.decode(message)) for id_, message in rows if id_ not in gone]
        except ValueError as error:
            raise StoreUnavailable(
                f"a message in the outbox of {self.path} cannot be read ({error})",
                remedy="start the version of the program that wrote it",
            ) from error

    async def outbox_delivered(self, outbox_ids: Sequence[str]) -> None:
        # Written with the next transaction, or at the close: a message delivered twice is harmless, an fsync for it is not free.
        self._delivered.extend(outbox_ids)

    async def close(self) -> None:
        await self._reader.close()
        await self._writer.close()

    def _forget_delivered(self, connection: sqlite3.Connection) -> None:
        """In the writer's thread. When the transaction fails the rows stay, and are delivered again after a restart."""
        ids = [(self._delivered.popleft(),) for _ in range(len(self._delivered))]
        connection.executemany("DELETE FROM outbox WHERE outbox_id = ?", ids)


def _erase(connection: sqlite3.Connection, index: int) -> None:
    if connection.execute("UPDATE log SET payload = NULL, salt = NULL WHERE idx = ?", (index,)).rowcount != 1:
        raise no_such_entry(index, _log_size(connection))


class SqliteReader:
    """Reads a record from outside, consistent as of the first read, also while the program runs.

    Raises:
        StoreUnavailable: when the file cannot be opened or holds no record.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._connection = connect_read_only(path)
        try:
            self._connection.execute("BEGIN")
            ours = self._connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'log' AND type = 'table'").fetchone()
        except sqlite3.Error as error:
            self._connection.close()
            raise unavailable(error, path) from error
        if not ours:
            self._connection.close()
            raise StoreUnavailable(
                f"{path} holds no record of this program", remedy=f"name a data directory, or the {path.name} in one"
            )

    def __enter__(self) -> "SqliteReader":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._connection.close()

    def log_rows(self) -> Iterator[LogRow]:
        """All rows in order of index, in bounded memory."""
        return map(_log_row, self.log_columns())

    def log_columns(self) -> Iterator[tuple[Any, ...]]:
        """The same as the fields of `LogRow` in order. Who drops each before taking the next spares Python's collector of
        cycles a fifth of an audit's time."""
        return self._stream(_SELECT_LOG_ALL)

    def log_size(self) -> int:
        return int(next(self._stream("SELECT coalesce(max(idx) + 1, 0) FROM log"))[0])

    def records(self, kind: str) -> Iterator[Record]:
        """All records of a kind, in order of id."""
        return map(_record, self._stream(_SELECT_KIND, (kind,)))

    def _stream(self, query: str, parameters: Sequence[Any] = ()) -> Iterator[tuple[Any, ...]]:
        try:
            # Not `yield from`: a stream that is left early would close its cursor, perhaps after its database.
            for row in self._connection.execute(query, parameters):  # noqa: UP028
                yield row
        except sqlite3.Error as error:
            raise unavailable(error, self.path) from error


# --- telemetry -------------------------------------------------------------------------------------------------------

TELEMETRY_SCHEMA_VERSION = 1
# The hour comes first, so that forgetting old telemetry cuts off one end of the tree, and reading a flight touches few pages.
TELEMETRY_SCHEMA = """
CREATE TABLE telemetry (hour INTEGER NOT NULL, vehicle_id TEXT NOT NULL, at_us INTEGER NOT NULL, seq INTEGER NOT NULL,
                        row BLOB NOT NULL, PRIMARY KEY (hour, vehicle_id, at_us, seq)) WITHOUT ROWID
"""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_HOUR_US = 3_600_000_000
# Rows wait for company: each vehicle's newest row lies in a page of its own, so ten rows of it cost what one does.
BATCH_US = 1_000_000
BATCH_ROWS = 5_000


def _microseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND


class SqliteTelemetryStore:
    """`TelemetryStore` in a file of its own: a power cut may cost its last second, and its size never slows the record."""

    def __init__(self, path: Path) -> None:
        connection = connect(path, synchronous="NORMAL")
        migrate(connection, path, TELEMETRY_SCHEMA, TELEMETRY_SCHEMA_VERSION)
        self._reader = _Reader(path)
        self._writer = Writer(connection, path)
        self._seq = 0
        self._waiting: list[tuple[int, str, int, int, bytes]] = []

    async def append(self, rows: Sequence[bytes], at: Sequence[datetime], vehicle_ids: Sequence[str]) -> None:
        for row, moment, vehicle_id in zip(rows, at, vehicle_ids, strict=True):
            microseconds = _microseconds(moment)
            self._seq += 1
            self._waiting.append((microseconds // _HOUR_US, vehicle_id, microseconds, self._seq, row))
        waiting = self._waiting
        if waiting and (len(waiting) >= BATCH_ROWS or abs(waiting[-1][2] - waiting[0][2]) >= BATCH_US):
            await self.flush()

    async def flush(self) -> None:
        """Write what waits. Called by itself about once a second, and before anything is read."""
        rows, self._waiting = self._waiting, []
        if rows:
            rows.sort(key=itemgetter(0, 1, 2, 3))
            await self._writer.write(
                lambda connection: connection.executemany("INSERT OR REPLACE INTO telemetry VALUES (?, ?, ?, ?, ?)", rows)
            )

    async def between(self, vehicle_id: str, start: datetime, stop: datetime) -> list[bytes]:
        first, last = _microseconds(start), _microseconds(stop)
        query = "SELECT row FROM telemetry WHERE hour = ? AND vehicle_id = ? AND at_us >= ? AND at_us < ? ORDER BY at_us, seq"

        def read(connection: sqlite3.Connection) -> list[bytes]:
            hours = connection.execute(
                "SELECT DISTINCT hour FROM telemetry WHERE hour BETWEEN ? AND ?", (first // _HOUR_US, last // _HOUR_US)
            ).fetchall()
            return [row[0] for (hour,) in hours for row in connection.execute(query, (hour, vehicle_id, first, last))]

        await self.flush()
        return await self._reader.run(read)

    async def thin(self, before: datetime, keep: Sequence[tuple[str, datetime, datetime]] = ()) -> int:
        await self.flush()
        limit = _microseconds(before)
        kept = [(vehicle_id, _microseconds(first), _microseconds(last)) for vehicle_id, first, last in keep]
        next_hour = "SELECT hour FROM telemetry WHERE hour > ? AND hour <= ? ORDER BY hour LIMIT 1"
        dropped, hour = 0, -1
        # An hour at a time, so that appending never waits long.
        while oldest := await self._reader.rows(next_hour, (hour, limit // _HOUR_US)):
            hour = oldest[0][0]
            here = [one for one in kept if one[1] // _HOUR_US <= hour <= one[2] // _HOUR_US]
            dropped += await self._writer.write(partial(_drop, hour=hour, before_us=limit, keep=here))
        return dropped

    async def close(self) -> None:
        if not self._writer.closed:
            await self.flush()
        await self._reader.close()
        await self._writer.close()


def _drop(connection: sqlite3.Connection, hour: int, before_us: int, keep: Sequence[tuple[str, int, int]]) -> int:
    # The intervals stand in a table: a statement has room for few parameters.
    connection.execute("CREATE TEMP TABLE IF NOT EXISTS kept (vehicle_id TEXT, first_us INTEGER, last_us INTEGER)")
    connection.execute("DELETE FROM kept")
    connection.executemany("INSERT INTO kept VALUES (?, ?, ?)", keep)
    return connection.execute(
        "DELETE FROM telemetry WHERE hour = ? AND at_us < ? AND NOT EXISTS (SELECT 1 FROM kept WHERE "
        "kept.vehicle_id = telemetry.vehicle_id AND telemetry.at_us >= first_us AND telemetry.at_us < last_us)",
        (hour, before_us),
    ).rowcount
