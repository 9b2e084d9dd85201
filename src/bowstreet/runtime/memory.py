"""A store that forgets everything with the process: for simulation and tests. It never suspends, so it needs no event loop."""

from bisect import bisect_left
from collections.abc import AsyncIterator, Sequence
from datetime import datetime

import msgspec

from bowstreet.errors import Conflict, NotFound
from bowstreet.runtime.ports import Batch, LogRow, OutboxRow, Record


def version_conflict(record: Record, standing: int) -> Conflict:
    return Conflict(
        f"{record.kind} '{record.id}' stands at version {standing}, the change was made for {record.version - 1}",
        remedy="read it again and repeat the change",
    )


def log_conflict(start: int, size: int) -> Conflict:
    return Conflict(
        f"the ledger holds {size} entries, the act was recorded for {start}", remedy="read the ledger's head and repeat"
    )


class MemoryStore:
    """`Store` in dictionaries."""

    def __init__(self) -> None:
        self._records: dict[str, dict[str, Record]] = {}
        self._log: list[LogRow] = []
        self._outbox: dict[str, OutboxRow] = {}

    async def commit(self, batch: Batch) -> None:
        self._check(batch)
        for kind, id_ in batch.deletes:
            self._records.get(kind, {}).pop(id_, None)
        for record in batch.puts:
            self._records.setdefault(record.kind, {})[record.id] = record
        self._log.extend(batch.log)
        for row in batch.outbox:
            self._outbox[row.outbox_id] = row

    def _check(self, batch: Batch) -> None:
        written: dict[tuple[str, str], int] = dict.fromkeys(batch.deletes, 0)
        records = self._records
        for record in batch.puts:
            key = (record.kind, record.id)
            standing = written.get(key)
            if standing is None:
                there = records[record.kind].get(record.id) if record.kind in records else None
                standing = there.version if there is not None else 0
            if record.version != standing + 1:
                raise version_conflict(record, standing)
            written[key] = record.version
        for place, row in enumerate(batch.log, start=len(self._log)):
            if row.index != place:
                raise log_conflict(row.index, place)

    async def get(self, kind: str, id: str) -> Record | None:  # noqa: A002 - the field's own name
        return self._records.get(kind, {}).get(id)

    async def find(self, kind: str, states: Sequence[str] | None = None) -> list[Record]:
        records = self._records.get(kind, {})
        return [records[id_] for id_ in sorted(records) if states is None or records[id_].state in states]

    async def log_size(self) -> int:
        return len(self._log)

    async def log_rows(self, start: int = 0, stop: int | None = None) -> AsyncIterator[LogRow]:
        for index in range(start, len(self._log) if stop is None else min(stop, len(self._log))):
            yield self._log[index]

    async def erase_payload(self, index: int) -> None:
        if not 0 <= index < len(self._log):
            raise no_such_entry(index, len(self._log))
        self._log[index] = msgspec.structs.replace(self._log[index], payload=None, salt=None)

    async def settle(self) -> None:
        """Nothing lies beside memory."""

    async def outbox_pending(self) -> list[OutboxRow]:
        return list(self._outbox.values())

    async def outbox_delivered(self, outbox_ids: Sequence[str]) -> None:
        for outbox_id in outbox_ids:
            self._outbox.pop(outbox_id, None)

    async def close(self) -> None:
        """Nothing to close."""


def no_such_entry(index: int, size: int) -> NotFound:
    return NotFound(f"there is no ledger entry {index}", remedy=f"the ledger holds {size}, counted from 0")


class MemoryTelemetryStore:
    """`TelemetryStore` in lists, kept in order of time."""

    def __init__(self) -> None:
        self._rows: dict[str, list[tuple[datetime, bytes]]] = {}

    async def append(self, rows: Sequence[bytes], at: Sequence[datetime], vehicle_ids: Sequence[str]) -> None:
        for row, moment, vehicle_id in zip(rows, at, vehicle_ids, strict=True):
            kept = self._rows.setdefault(vehicle_id, [])
            late = bool(kept) and moment < kept[-1][0]
            kept.append((moment, row))
            if late:
                kept.sort(key=lambda pair: pair[0])

    async def between(self, vehicle_id: str, start: datetime, stop: datetime) -> list[bytes]:
        return [row for moment, row in self._rows.get(vehicle_id, []) if start <= moment < stop]

    async def thin(self, before: datetime, keep: Sequence[tuple[str, datetime, datetime]] = ()) -> int:
        dropped = 0
        for vehicle_id, rows in self._rows.items():
            count = bisect_left(rows, before, key=lambda pair: pair[0])
            stays = [
                row for row in rows[:count] if any(one == vehicle_id and first <= row[0] < last for one, first, last in keep)
            ]
            rows[:count] = stays
            dropped += count - len(stays)
        return dropped

    async def close(self) -> None:
        """Nothing to close."""
