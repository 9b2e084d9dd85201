"""The ledger's entries about a flight, found by time: a flight is short, and the ledger is in its order."""

from collections.abc import Collection
from datetime import datetime

from bowstreet.accountability import ledger
from bowstreet.runtime.ports import Store
from bowstreet.runtime.turns import in_turns

# More than a flight makes in an hour.
MOST = 5_000


async def entries_about(store: Store, subjects: Collection[str], start: datetime, end: datetime) -> tuple[int, ...]:
    """The places of the entries from start to end that are about any of the subjects."""
    found: list[int] = []
    async for row in in_turns(store.log_rows(await first_at(store, start))):
        entry = ledger.read_entry(row.entry)
        if entry.at > end or len(found) == MOST:
            break
        if entry.subject in subjects:
            found.append(entry.index)
    return tuple(found)


async def first_at(store: Store, moment: datetime) -> int:
    """The first entry that is not before a moment."""
    low, high = 0, await store.log_size()
    while low < high:
        middle = (low + high) // 2
        at = moment
        async for row in store.log_rows(middle, middle + 1):
            at = ledger.read_entry(row.entry).at
        low, high = (middle + 1, high) if at < moment else (low, middle)
    return low
