"""What the program needs of time, storage and transport. Each port has an embedded driver here and a contract suite in
`tests/contract/` that every further driver (PostgreSQL, NATS) must pass unchanged.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import datetime
from typing import Protocol, TypeVar

import msgspec

from bowstreet.messages import Message

M = TypeVar("M", bound=Message)
Handler = Callable[[M], Awaitable[None]]


class Clock(Protocol):
    """Time, injected. Nothing else in the program may ask the operating system for it."""

    def now(self) -> datetime:
        """Aware UTC. Never goes backwards within a run, nor behind the last recorded moment."""
        ...

    def monotonic_s(self) -> float:
        """Seconds on this clock's own scale, for durations."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait for that many of this clock's seconds."""
        ...


class Ids(Protocol):
    """New identifiers: sortable by time, unguessable when live, repeatable by seed in simulation."""

    def new(self, prefix: str) -> str:
        """Such as `inc-01JD3…`."""
        ...


class Record(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One stored thing. `state` is indexed; `version` starts at 1 and grows by one with each write."""

    kind: str
    id: str
    version: int
    state: str
    body: bytes


class LogRow(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One ledger entry with its place, its leaf hash (RFC 6962), and its link in the chain of all leaf hashes before it.

    `payload` and `salt` are what the entry commits to, kept apart so that erasing them leaves every proof valid.
    """

    index: int
    entry: bytes
    leaf_hash: bytes
    link: bytes
    payload: bytes | None = None
    salt: bytes | None = None


class OutboxRow(msgspec.Struct, frozen=True, kw_only=True):
    """A message that was committed with its cause and must reach the bus at least once."""

    outbox_id: str
    message: Message


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """All that one act changes. It is committed whole or not at all.

    A record with version 1 must not exist yet; one with version n must stand at n - 1, else `Conflict`. Log rows must start
    at the log's present size, else `Conflict`.
    """

    puts: Sequence[Record] = ()
    deletes: Sequence[tuple[str, str]] = ()
    log: Sequence[LogRow] = ()
    outbox: Sequence[OutboxRow] = ()


class Store(Protocol):
    """The system of record."""

    async def commit(self, batch: Batch) -> None:
        """Durable on return (fsynced). Raises `Conflict` or `StoreUnavailable`; then nothing was written.

        A write once begun is not given up when the calling task is cancelled: it is waited for, and the cancellation arrives
        at the task's next await. So whoever acts always knows whether it happened.
        """
        ...

    async def get(self, kind: str, id: str) -> Record | None:  # noqa: A002 - the field's own name
        ...

    async def find(self, kind: str, states: Sequence[str] | None = None) -> list[Record]:
        """All of a kind, ordered by id; only those in `states` when given."""
        ...

    async def log_size(self) -> int: ...

    def log_rows(self, start: int = 0, stop: int | None = None) -> AsyncIterator[LogRow]:
        """Ledger rows in order of index, streamed in bounded memory."""
        ...

    async def erase_payload(self, index: int) -> None:
        """Forget what an entry commits to. The entry and every proof stay."""
        ...

    async def settle(self) -> None:
        """Leave nothing of what was deleted beside the record, as in a write-ahead log."""
        ...

    async def outbox_pending(self) -> list[OutboxRow]:
        """Messages not yet delivered, oldest first."""
        ...

    async def outbox_delivered(self, outbox_ids: Sequence[str]) -> None:
        """Forget delivered messages. May be lazy: a repeat delivery is harmless, handlers are idempotent."""
        ...

    async def close(self) -> None: ...


class TelemetryStore(Protocol):
    """Fast, recent, replaceable: losing the last second of it in a power cut is acceptable (WAL, NORMAL)."""

    async def append(self, rows: Sequence[bytes], at: Sequence[datetime], vehicle_ids: Sequence[str]) -> None: ...

    async def between(self, vehicle_id: str, start: datetime, stop: datetime) -> list[bytes]: ...

    async def thin(self, before: datetime, keep: Sequence[tuple[str, datetime, datetime]] = ()) -> int:
        """Drop what is older; returns how many rows went. What is in `keep` stays: a vehicle, from, and until before when."""
        ...

    async def close(self) -> None: ...


class Bus(Protocol):
    """Carries messages between roles. Order is kept for each publisher and message type."""

    async def publish(self, message: Message) -> None:
        """For what is not audited.

        Raises:
            LookupError: for a type that is not in `MESSAGES`.
            Refused: for an audited type, which only the recorder may publish, with its ledger entry.
        """
        ...

    async def publish_recorded(self, message: Message, handled: Callable[[], None] | None = None) -> None:
        """For the recorder only: publish what is already durable. `handled` is called once every handler has run."""
        ...

    def subscribe(self, message_type: type[M], handler: Handler[M]) -> None:
        """A handler that raises is logged and counted; it disturbs no other handler."""
        ...

    async def drain(self) -> None:
        """Return when everything published so far has been handled."""
        ...

    async def close(self) -> None: ...
