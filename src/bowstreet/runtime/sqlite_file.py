"""One SQLite file: how it is opened, what its errors mean, and the one thread that writes it.

Durability is SQLite's: write-ahead log, `synchronous=FULL` for the record (each commit is fsynced before it is acknowledged),
`NORMAL` for what may be lost. Concurrent writers share one transaction, each inside its own savepoint, so that a city's
burst costs one fsync and a conflict fails nobody else.
"""

import asyncio
import os
import queue
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from bowstreet.errors import StoreUnavailable

# How long to wait for another program's lock on the file (a backup, a database browser) before giving up.
BUSY_TIMEOUT_S = 5.0
# The most writes that share one transaction: bounds how long the first of them waits.
MAX_GROUP = 256
# How long folding in the write-ahead log may wait for readers; commits wait behind it.
FOLD_TIMEOUT_MS = 50
# "Bwst": marks the file as ours, so that `file` and we can tell.
APPLICATION_ID = 0x42777374

_REMEDIES = {
    sqlite3.SQLITE_FULL: ("the disk is full", "free some space; the program goes on by itself"),
    sqlite3.SQLITE_BUSY: ("another program keeps the database locked", "close the program that has it open"),
    sqlite3.SQLITE_LOCKED: ("another program keeps the database locked", "close the program that has it open"),
    sqlite3.SQLITE_CORRUPT: ("the database is damaged", "keep it as it is, check the disk, and restore a backup elsewhere"),
    sqlite3.SQLITE_NOTADB: ("the file is no database", "name another data directory, or restore a backup"),
    sqlite3.SQLITE_READONLY: ("the database is read-only", "give the program's user the right to write it"),
    sqlite3.SQLITE_PERM: ("the database may not be opened", "give the program's user the right to read and write it"),
    sqlite3.SQLITE_CANTOPEN: ("the database cannot be opened", "check that the folder exists and may be written"),
    sqlite3.SQLITE_IOERR: ("the disk fails", "check the disk; the record is complete up to the last acknowledged act"),
}


def _primary_code(error: sqlite3.Error) -> int:
    # The low byte is the primary code, the rest says more (https://sqlite.org/rescode.html).
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


def unavailable(error: sqlite3.Error, path: Path) -> StoreUnavailable:
    """What a SQLite error means to the operator."""
    what, remedy = _REMEDIES.get(_primary_code(error), ("the database refuses", "run 'bowstreet doctor'"))
    return StoreUnavailable(f"{what}: {path} ({error})", remedy=remedy)


def connect(path: Path, *, synchronous: str) -> sqlite3.Connection:
    """Open for writing, creating the file for its owner's eyes only.

    Raises:
        StoreUnavailable: when it cannot be opened, or is no database.
    """
    try:
        # SQLite gives the -wal and -shm files the mode of the database, and the record holds personal data.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise StoreUnavailable(
            f"{path} cannot be opened ({error.strerror})", remedy="check that its folder may be written"
        ) from error
    connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute(f"PRAGMA synchronous={synchronous}")
        # macOS answers fsync before the disk has it; these ask for the real thing, and do nothing elsewhere.
        connection.execute("PRAGMA fullfsync=ON")
        connection.execute("PRAGMA checkpoint_fullfsync=ON")
        # What is erased is overwritten, not only unlinked.
        connection.execute("PRAGMA secure_delete=ON")
    except sqlite3.Error as error:
        connection.close()
        raise unavailable(error, path) from error
    return connection


def connect_read_only(path: Path) -> sqlite3.Connection:
    """Open for reading, also while the program runs, and also from a read-only copy.

    Raises:
        StoreUnavailable: when it cannot be opened, or is no database.
    """
    error: sqlite3.Error | None = None
    # `immutable` is right for a copy on a read-only medium, where SQLite could not make its shared-memory file.
    for mode in ("mode=ro", "mode=ro&immutable=1"):
        if mode != "mode=ro" and path.with_name(path.name + "-wal").exists():
            break
        try:
            connection = sqlite3.connect(
                f"{path.resolve().as_uri()}?{mode}",
                uri=True,
                timeout=BUSY_TIMEOUT_S,
                isolation_level=None,
                check_same_thread=False,
            )
            connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        except sqlite3.Error as caught:
            error = caught
        else:
            return connection
    assert error is not None
    raise unavailable(error, path) from error


def migrate(connection: sqlite3.Connection, path: Path, schema: str, version: int) -> None:
    """Make the tables, or refuse a file that a later version made.

    Raises:
        StoreUnavailable: for a file of another version, or one that cannot be written.
    """
    try:
        found = connection.execute("PRAGMA user_version").fetchone()[0]
        if 0 < found < version:
            raise StoreUnavailable(
                f"{path} was written by a version before 0.1.0 was released", remedy="name another data directory, with --data"
            )
        if found > version:
            raise StoreUnavailable(f"{path} was written by a later version of this program", remedy="start that version")
        if found < version:
            connection.executescript(
                f"BEGIN IMMEDIATE; {schema}; PRAGMA application_id={APPLICATION_ID}; PRAGMA user_version={version}; COMMIT;"
            )
    except sqlite3.Error as error:
        connection.close()
        raise unavailable(error, path) from error
    except StoreUnavailable:
        connection.close()
        raise


Work = Callable[[sqlite3.Connection], Any]


class _Job(NamedTuple):
    work: Work | None  # None: fold in the write-ahead log
    loop: asyncio.AbstractEventLoop
    future: "asyncio.Future[Any]"


class Writer:
    """The thread that alone writes a file.

    Args:
        connection: handed over; the thread closes it.
        path: for error messages.
        before_each: runs first in every transaction.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path, before_each: Work | None = None) -> None:
        self._connection = connection
        self._path = path
        self._before_each = before_each
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self.closed = False
        self._thread = threading.Thread(target=self._run, name=f"writes {path.name}", daemon=True)
        self._thread.start()

    async def write(self, work: Work) -> Any:
        """Run `work` inside a transaction; returns its result once that is committed.

        A write once begun is not given up: when the calling task is cancelled meanwhile, the outcome is still waited for, and
        the cancellation arrives at the task's next await. So a caller always knows whether it happened.
        """
        return await self._put(work)

    async def fold_in(self) -> bool:
        """Move the write-ahead log into the file and empty it, so that what was erased is gone from both.

        Returns:
            False when a reader held it up; the next call, or the close, does it.
        """
        return bool(await self._put(None))

    async def _put(self, work: Work | None) -> Any:
        if self.closed:
            raise StoreUnavailable(f"{self._path} is closed", remedy="the program is stopping; start it again")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        self._jobs.put(_Job(work, loop, future))
        return await outcome(future)

    async def close(self) -> None:
        """Finish what was put in, then close the file."""
        if not self.closed:
            self.closed = True
            self._jobs.put(None)
        await asyncio.get_running_loop().run_in_executor(None, self._thread.join)

    def _run(self) -> None:
        last = False
        while not last:
            jobs, last = self._next_group()
            writes = [job for job in jobs if job.work is not None]
            if writes or (last and self._before_each):
                _settle(writes, self._group(writes))
            folds = [job for job in jobs if job.work is None]
            if folds:
                _settle(folds, [self._fold_in()] * len(folds))
        self._connection.close()

    def _next_group(self) -> tuple[list[_Job], bool]:
        job = self._jobs.get()
        jobs: list[_Job] = []
        while job is not None:
            jobs.append(job)
            if len(jobs) == MAX_GROUP:
                return jobs, False
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:
                return jobs, False
        return jobs, True

    def _group(self, jobs: list[_Job]) -> list[Any]:
        """One transaction; an outcome for each job, a value or an exception."""
        connection = self._connection
        try:
            connection.execute("BEGIN IMMEDIATE")
            if self._before_each:
                self._before_each(connection)
            outcomes = [self._one(connection, job.work) for job in jobs if job.work is not None]
            connection.execute("COMMIT")
        except Exception as error:
            # The edge of this thread: nothing of the group was written, and every caller must hear of it.
            self._roll_back()
            failure = unavailable(error, self._path) if isinstance(error, sqlite3.Error) else error
            return [failure] * len(jobs)
        return outcomes

    @staticmethod
    def _one(connection: sqlite3.Connection, work: Work) -> Any:
        connection.execute("SAVEPOINT act")
        try:
            result = work(connection)
        except Exception as error:
            if isinstance(error, sqlite3.Error) and (_primary_code(error) in _REMEDIES or not connection.in_transaction):
                raise  # the file fails, not this write
            # A refusal of this one: it leaves no trace and the others go on.
            connection.execute("ROLLBACK TO act")
            result = error
        connection.execute("RELEASE act")
        return result

    def _fold_in(self) -> Any:
        try:
            self._connection.execute(f"PRAGMA busy_timeout={FOLD_TIMEOUT_MS}")
            busy = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
            self._connection.execute(f"PRAGMA busy_timeout={int(BUSY_TIMEOUT_S * 1000)}")
        except sqlite3.Error as error:
            return unavailable(error, self._path)
        return not busy

    def _roll_back(self) -> None:
        try:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        except sqlite3.Error:
            return  # SQLite has rolled back by itself (disk full, I/O error)


def _settle(jobs: list[_Job], outcomes: list[Any]) -> None:
    """Tell the callers, in one hop for each event loop."""
    by_loop: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Any], Any]]] = {}
    for job, outcome in zip(jobs, outcomes, strict=True):
        by_loop.setdefault(job.loop, []).append((job.future, outcome))
    for loop, pairs in by_loop.items():
        try:
            loop.call_soon_threadsafe(_resolve, pairs)
        except RuntimeError:
            continue  # the loop has ended, and with it whoever asked


def _resolve(pairs: list[tuple["asyncio.Future[Any]", Any]]) -> None:
    for future, outcome in pairs:
        if future.done():
            continue
        if isinstance(outcome, BaseException):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)


async def outcome(future: "asyncio.Future[Any]") -> Any:
    """Wait for a future through any cancellation, which is passed on afterwards."""
    task = asyncio.current_task()
    cancelled = False
    try:
        while True:
            try:
                return await asyncio.shield(future)
            except asyncio.CancelledError:
                if future.cancelled() or task is None:
                    raise
                task.uncancel()
                cancelled = True
                if future.done():
                    return future.result()
    finally:
        if cancelled and task is not None:
            task.cancel()
