"""The one way to act: records, ledger entries and messages commit together, and only then does anyone hear of it."""

import asyncio
import itertools
import random
import secrets
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime
from typing import Any

import structlog

from bowstreet.accountability import ledger
from bowstreet.accountability.merkle import NO_LINK, Frontier, leaf_hash, link
from bowstreet.errors import Conflict, LedgerBroken, StoreUnavailable
from bowstreet.messages import MESSAGES, Message
from bowstreet.runtime.ports import Batch, Bus, Clock, LogRow, OutboxRow, Record, Store
from bowstreet.runtime.records import Collection, Undo

log = structlog.get_logger(__name__)

# What `record` raises when an act could not be entered: then it did not happen.
NOT_RECORDED = (StoreUnavailable, LedgerBroken, Conflict)

Salts = Callable[[int], bytes]
Save = tuple[Collection[Any], Any]
Remove = tuple[Collection[Any], str]

# How often an act is put forward again when another process appended to the same ledger in between.
MAX_ATTEMPTS = 8


def seeded_salts(seed: int) -> Salts:
    """Repeatable salts, so that a simulation gives the same root twice. For nothing that is evidence."""
    return random.Random(seed).randbytes  # noqa: S311 - repeatable by purpose


class _Act:
    """One call of `record`, from staging to its outcome."""

    __slots__ = ("deletes", "done", "error", "messages", "puts", "undos")

    def __init__(self, messages: Sequence[Message]) -> None:
        self.messages = messages
        self.puts: list[Record] = []
        self.deletes: list[tuple[str, str]] = []
        self.undos: list[Undo] = []
        self.done = False
        self.error: BaseException | None = None

    def touches(self, keys: set[tuple[int, str]]) -> bool:
        return any((id(undo.collection), undo.id) in keys for undo in self.undos)

    def keys(self) -> set[tuple[int, str]]:
        return {(id(undo.collection), undo.id) for undo in self.undos}

    def fail(self, error: BaseException) -> None:
        """Leave no trace. Acts staged later on the same records must have failed before."""
        for undo in reversed(self.undos):
            undo.collection.restore(undo)
        self.error = error
        self.done = True


class Recorder:
    """Records acts and publishes them. One recorder owns a store's ledger in a process.

    Args:
        store: the system of record.
        bus: where messages go once they are durable.
        clock: kept for those who record through this and need the time of the record.
        salts: where salts come from; anything but the default is for simulation.
    """

    def __init__(self, store: Store, bus: Bus, clock: Clock, *, salts: Salts = secrets.token_bytes) -> None:
        self.store = store
        self.bus = bus
        self.clock = clock
        self._salts = salts
        self._frontier: Frontier | None = None
        self._link = NO_LINK
        self._lock = asyncio.Lock()
        self._waiting: list[_Act] = []
        self._outgoing: deque[OutboxRow] = deque()
        self._delivered: list[str] = []
        # Unique over restarts; order is the store's business.
        self._outbox_prefix = secrets.token_hex(6)
        self._outbox_numbers = itertools.count()
        self.failing_since: datetime | None = None  # the first act that could not be made durable after the last that could

    @property
    def size(self) -> int:
        """How many entries the ledger holds, as far as this process knows."""
        return self._frontier.size if self._frontier else 0

    @property
    def root(self) -> bytes:
        """The ledger's tree head."""
        return self._frontier.root() if self._frontier else Frontier().root()

    async def open(self) -> None:
        """Read the ledger through and stand ready to append.

        Raises:
            LedgerBroken: when the stored chain is not that of the stored entries.
        """
        async with self._lock:
            await self._ready()

    async def record(
        self,
        *,
        save: Sequence[Save] = (),
        remove: Sequence[Remove] = (),
        erase: Sequence[Remove] = (),
        messages: Sequence[Message] = (),
    ) -> None:
        """Do one act: change records, enter each audited message into the ledger, publish all messages.

        Everything is durable on return and before anyone is told. Acts recorded at the same time share one commit. The
        collections show the change at once; `erase` removes also what they do not hold. If it cannot be recorded it is
        taken back, with whatever was staged upon it.

        Raises:
            Conflict: a record changed in the store meanwhile. Nothing happened.
            StoreUnavailable: it could not be made durable. Nothing happened, nothing was published.
            LedgerBroken: the stored ledger does not verify. Nothing is appended to it.
            LookupError: a message that is not declared.
        """
        act = self._stage(save, remove, erase, messages)
        self._waiting.append(act)
        try:
            async with self._lock:
                if not act.done:
                    await self._commit_waiting()
        except asyncio.CancelledError:
            if act in self._waiting:  # nobody has taken it up: it never was
                self._fail_with_dependants(
                    act, Conflict("an act that this one rests on was given up", remedy="read again and repeat it")
                )
            raise
        finally:
            if self._outgoing:
                await self._publish()
        if act.error is None:
            self.failing_since = None
            return
        if isinstance(act.error, StoreUnavailable | LedgerBroken):
            self.failing_since = self.failing_since or self.clock.now()
        raise act.error

    async def recover(self) -> int:
        """After a restart, once everybody has subscribed: publish what was committed but perhaps not delivered.

        Returns:
            How many messages went out again. Handlers are idempotent.
        """
        await self.open()
        pending = await self.store.outbox_pending()
        self._outgoing.extend(pending)
        await self._publish()
        return len(pending)

    async def flush(self) -> None:
        """Tell the store what was delivered. Called by itself now and then; call it before closing the store."""
        delivered, self._delivered = self._delivered, []
        if delivered:
            await self.store.outbox_delivered(delivered)

    async def settle(self) -> None:
        """Leave nothing of what was deleted or delivered in any file."""
        await self.flush()
        await self.store.settle()

    # --- staging ----------------------------------------------------------------------------------------------------

    def _stage(
        self, save: Sequence[Save], remove: Sequence[Remove], erase: Sequence[Remove], messages: Sequence[Message]
    ) -> _Act:
        for message in messages:
            if type(message) not in MESSAGES:
                raise LookupError(f"{type(message).__name__} is not declared in bowstreet.messages.MESSAGES")
        act = _Act(messages)
        try:
            for removed, id_ in remove:
                act.undos.append(removed.stage_removal(id_))
                act.deletes.append((removed.kind, id_))
            for erased, id_ in erase:
                act.undos.append(erased.stage_erasure(id_))
                act.deletes.append((erased.kind, id_))
            for saved, value in save:
                record, undo = saved.stage(value)
                act.undos.append(undo)
                act.puts.append(record)
        except BaseException as error:
            act.fail(error)
            raise
        return act

    # --- committing, under the lock ---------------------------------------------------------------------------------

    async def _commit_waiting(self) -> None:
        acts, self._waiting = self._waiting, []
        try:
            await self._ready()
            if len(acts) == 1:
                await self._commit_alone(acts[0])
            else:
                await self._commit_together(acts)
        except (StoreUnavailable, LedgerBroken) as error:
            # Every act that waits may rest on one that is lost.
            self._fail_all(acts, error)
        except BaseException:
            # The outcome is not known: read the ledger again before the next act.
            self._frontier = None
            self._fail_all(acts, StoreUnavailable("the write was broken off", remedy="look whether it happened, then repeat it"))
            raise

    def _fail_all(self, acts: list[_Act], error: BaseException) -> None:
        self._fail([act for act in acts if not act.done and act not in self._waiting] + self._waiting, error)
        self._waiting = []

    async def _commit_together(self, acts: list[_Act]) -> None:
        try:
            await self._commit(acts)
        except Conflict:
            # One of them conflicts: let each stand alone, in order.
            self._waiting = acts + self._waiting
            for act in acts:
                if not act.done:
                    self._waiting.remove(act)
                    await self._commit_alone(act)

    async def _commit_alone(self, act: _Act) -> None:
        for _ in range(MAX_ATTEMPTS):
            try:
                await self._commit([act])
            except Conflict as conflict:
                if not await self._grown():
                    self._fail_with_dependants(act, conflict)
                    return
            else:
                return
        self._fail_with_dependants(
            act,
            StoreUnavailable(
                "another process keeps appending to the same ledger",
                remedy="run one recorder for each data directory or database",
            ),
        )

    async def _commit(self, acts: Sequence[_Act]) -> None:
        assert self._frontier is not None
        frontier, last = self._frontier.copy(), self._link
        rows: list[LogRow] = []
        outbox: list[OutboxRow] = []
        for act in acts:
            for message in act.messages:
                if MESSAGES[type(message)].audited:
                    row = self._row(frontier, last, message)
                    rows.append(row)
                    last = row.link
                outbox.append(OutboxRow(outbox_id=f"{self._outbox_prefix}-{next(self._outbox_numbers)}", message=message))
        puts = [record for act in acts for record in act.puts]
        deletes = [key for act in acts for key in act.deletes]
        await self.store.commit(Batch(puts=puts, deletes=deletes, log=rows, outbox=outbox))
        self._frontier, self._link = frontier, last
        for act in acts:
            act.done = True
        self._outgoing.extend(outbox)

    def _row(self, frontier: Frontier, before: bytes, message: Message) -> LogRow:
        payload = ledger.payload_of(message)
        salt = self._salts(ledger.SALT_BYTES)
        index = frontier.size
        entry = ledger.entry_of(message, index, payload, salt)
        leaf = leaf_hash(entry)
        frontier.append(leaf)
        return LogRow(index=index, entry=entry, leaf_hash=leaf, link=link(before, leaf), payload=payload, salt=salt)

    def _fail_with_dependants(self, act: _Act, error: BaseException) -> None:
        """An act that fails takes with it those staged later on the same records; others are unharmed."""
        keys = act.keys()
        doomed = [act]
        # An act that is itself waiting was staged after those before it, which do not rest on it.
        first = self._waiting.index(act) + 1 if act in self._waiting else 0
        for later in self._waiting[first:]:
            if later.touches(keys):
                keys |= later.keys()
                doomed.append(later)
        self._waiting = [later for later in self._waiting if later not in doomed]
        self._fail(doomed, error)

    @staticmethod
    def _fail(acts: Sequence[_Act], error: BaseException) -> None:
        for act in reversed(acts):
            act.fail(error)

    # --- the ledger's head ------------------------------------------------------------------------------------------

    async def _ready(self) -> None:
        if self._frontier is None:
            self._frontier, self._link = await _read_on(Frontier(), NO_LINK, self.store.log_rows())

    async def _grown(self) -> bool:
        """Whether the stored ledger is longer than we knew; then we know now."""
        assert self._frontier is not None
        if await self.store.log_size() == self._frontier.size:
            return False
        rows = self.store.log_rows(self._frontier.size)
        self._frontier, self._link = await _read_on(self._frontier.copy(), self._link, rows)
        return True

    # --- publishing -------------------------------------------------------------------------------------------------

    async def _publish(self) -> None:
        while self._outgoing:
            row = self._outgoing.popleft()
            await self.bus.publish_recorded(row.message, lambda done=row.outbox_id: self._delivered.append(done))  # type: ignore[misc]
        await self.flush()


async def last_moment(store: Store) -> datetime | None:
    """When the last entry was made: whatever the machine's clock says, the next is not before it. None for an empty ledger.

    Raises:
        LedgerBroken: that entry cannot be read.
    """
    size = await store.log_size()
    found: datetime | None = None
    async for row in store.log_rows(max(0, size - 1), size):
        try:
            found = ledger.read_entry(row.entry).at
        except ValueError as error:
            raise _broken(row.index, f"entry {row.index} is not the one that was recorded") from error
    return found


async def _read_on(frontier: Frontier, last: bytes, rows: AsyncIterator[LogRow]) -> tuple[Frontier, bytes]:
    """Append stored rows to a frontier and to the chain, and hold each stored link against it."""
    async for row in rows:
        if row.index != frontier.size:
            raise _broken(frontier.size, f"entry {frontier.size} is missing")
        leaf = leaf_hash(row.entry)
        last = link(last, leaf)
        if row.link != last:
            raise _broken(row.index, f"entry {row.index} is not the one that was recorded")
        frontier.append(leaf)
    return frontier, last


def _broken(index: int, what: str) -> LedgerBroken:
    log.error("the ledger is broken", index=index, what=what)
    return LedgerBroken(
        what, remedy="run 'bowstreet audit verify' on the data directory; keep it as it is, and restore a backup elsewhere"
    )
