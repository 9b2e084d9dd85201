"""Erases what is due. First the order is on record, then the keys are destroyed, then records go and the receipt is written.

Whatever moment the process dies at, the next start finds the orders that have no receipt and finishes exactly those.
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from importlib import resources

import structlog
from msgspec.structs import replace

from bowstreet.accountability.recorder import Recorder
from bowstreet.accountability.retention import rules
from bowstreet.accountability.retention.model import Due, Erasure, Standing, Step, Table
from bowstreet.accountability.retention.ports import Holding, Keys
from bowstreet.errors import NotFound, Refused
from bowstreet.messages import Erased, ErasureOrdered, RetentionTableInForce
from bowstreet.runtime.ports import Clock, Ids, Store
from bowstreet.runtime.records import Collection

log = structlog.get_logger(__name__)

# Erased together: small enough that the record is free for others in between.
BATCH = 100


def shipped_table() -> tuple[str, str]:
    """Name and text of the table that comes with the product."""
    return "table.toml", resources.files(__package__).joinpath("table.toml").read_text(encoding="utf-8")


class Retention:
    """The worker of one operation.

    Args:
        is_held: whether a legal hold stands on a subject now.
        version: SHA-256 of the table's text, hex.
    """

    def __init__(
        self, recorder: Recorder, clock: Clock, ids: Ids, keys: Keys, table: Table, version: str,
        holdings: Sequence[Holding], is_held: Callable[[str], bool],
    ) -> None:  # fmt: skip
        self.table, self.version = table, version
        self._recorder, self._clock, self._ids, self._keys = recorder, clock, ids, keys
        self._holdings = {one.retention_class: one for one in holdings}
        self._is_held = is_held
        self.erasures: Collection[Erasure] = Collection(
            "erasure", Erasure, id_of=lambda one: one.erasure_id, state_of=lambda one: one.step
        )
        self.oldest_due_at: datetime | None = None  # of what is due and not erased
        self._lock = asyncio.Lock()

    async def load(self, store: Store) -> None:
        await self.erasures.load(store)

    async def declare(self) -> None:
        """Enter into the record by which table data are kept from now on."""
        said = RetentionTableInForce(at=self._clock.now(), version=self.table.version, digest=self.version)
        await self._recorder.record(messages=[said])

    async def work(self) -> int:
        """Finish what a crash left unfinished, then erase what is due; gives how many subjects went."""
        async with self._lock:
            ordered = self.erasures.in_states(Step.ORDERED)
            self.oldest_due_at = min((one.due_at for one in ordered), default=None)
            count = await self._finish(ordered)
            due = [one for name in self._holdings for one in await self.due(name)]
            self.oldest_due_at = min((one.due_at for one in due), default=None)
            for start in range(0, len(due), BATCH):
                # Again, and with nothing awaited between this and the order: a hold may have come while others were erased.
                batch = [one for one in due[start : start + BATCH] if not self._is_held(one.subject_id)]
                count += await self._finish(await self._order(batch, self.table.version)) if batch else 0
            self.oldest_due_at = None
            return count

    async def due(self, retention_class: str) -> list[Due]:
        """What is to be erased now, of one class."""
        holding = self._holdings[retention_class]
        return rules.due(self.table, retention_class, await holding.since(), self._clock.now(), self._is_held)

    async def standing(self) -> list[Standing]:
        """What is held of each class now."""
        now = self._clock.now()
        return [rules.standing(self.table, name, await one.since(), now, self._is_held) for name, one in self._holdings.items()]

    def overdue_s(self) -> float:
        """How late the oldest erasure is."""
        if self.oldest_due_at is None:
            return 0.0
        return max(0.0, (self._clock.now() - self.oldest_due_at).total_seconds())

    def receipt_of(self, subject_id: str) -> str:
        """In words, when it was erased and by which receipt; "" when it was not."""
        found = next((one for one in self.erasures.all() if one.subject_id == subject_id), None)
        if found is None:
            return ""
        when = "is being erased" if found.done_at is None else f"was erased on {found.done_at:%Y-%m-%d %H:%M} UTC"
        return f"{when} (receipt {found.erasure_id})"

    async def erase(self, retention_class: str, subject_id: str, by: str) -> Erasure:
        """Erase one subject now, by a person's order, whatever its period.

        Raises:
            NotFound: no such subject of that class, or its period does not run yet.
            Refused: a legal hold stands on it.
        """
        async with self._lock:
            if begun := [one for one in self.erasures.in_states(Step.ORDERED) if one.subject_id == subject_id]:
                await self._finish(begun)  # ordered before a crash: one order, one receipt
                return self.erasures.get(begun[0].erasure_id)
            holding = self._holdings.get(retention_class)
            known = {} if holding is None else dict(await holding.since())
            if subject_id not in known:
                raise NotFound(
                    f"no {retention_class} '{subject_id}' can be erased", remedy="close it first, or look whether it is erased"
                )
            if self._is_held(subject_id):
                raise Refused("a legal hold stands on it", remedy="have the hold revoked first")
            due = Due(subject_id=subject_id, retention_class=retention_class, due_at=self._clock.now())
            [ordered] = await self._order([due], by)
            await self._finish([ordered])
            return self.erasures.get(ordered.erasure_id)

    async def _order(self, batch: Sequence[Due], by: str) -> list[Erasure]:
        """Step one: what will be erased, by what, is durable before anything is."""
        now = self._clock.now()
        made = [
            Erasure(
                erasure_id=self._ids.new("era"), subject_id=one.subject_id, retention_class=one.retention_class,
                by=by, due_at=one.due_at, ordered_at=now,
            )
            for one in batch
        ]  # fmt: skip
        said = [
            ErasureOrdered(
                at=now, erasure_id=one.erasure_id, subject_id=one.subject_id, retention_class=one.retention_class, by=by,
                due_at=one.due_at, table=self.version,
            )
            for one in made
        ]  # fmt: skip
        await self._recorder.record(save=[(self.erasures, one) for one in made], messages=said)
        return made

    async def _finish(self, ordered: Sequence[Erasure]) -> int:
        """Steps two and three: keys, then records and the receipt. Each may be done again."""
        for start in range(0, len(ordered), BATCH):
            batch = ordered[start : start + BATCH]
            await self._keys.destroy([one.subject_id for one in batch])
            now = self._clock.now()
            done = [replace(one, step=Step.DONE, done_at=now) for one in batch]
            gone = [record for one in batch for record in self._holdings[one.retention_class].records_of(one.subject_id)]
            said = [
                Erased(at=now, erasure_id=one.erasure_id, subject_id=one.subject_id, retention_class=one.retention_class)
                for one in batch
            ]
            await self._recorder.record(save=[(self.erasures, one) for one in done], erase=gone, messages=said)
            await self._recorder.settle()
            log.info("personal data were erased", retention_class=batch[0].retention_class, subjects=len(batch))
        return len(ordered)
