"""Recompute the whole ledger without believing any of it, and name the first entry that is wrong.

It reads in order and in bounded memory. What it finds: an entry, leaf hash or link of the chain that was edited; entries dropped,
reordered or put in between; a payload that is not what its entry committed to; and, held against checkpoints kept elsewhere,
a ledger cut short or rewritten whole. What it cannot find: that something which happened was never recorded.
"""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from hashlib import sha256
from itertools import islice
from typing import Any

import msgspec
from msgspec.structs import astuple

from bowstreet.accountability import ledger
from bowstreet.accountability.merkle import EMPTY_ROOT, NO_LINK, link
from bowstreet.accountability.tiles import GrowingTree
from bowstreet.runtime.ports import LogRow

Columns = tuple[Any, ...]
# Rows that are compared at once.
CHUNK = 1_000


class Verification(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it. `first_wrong` is the index of the first wrong or missing entry, `what` says how it is wrong.

    `erased` entries have no payload any more; of `sealed` ones the payload was not looked at, because its key was not given.
    """

    ok: bool
    entries: int
    root: str
    erased: int = 0
    sealed: int = 0
    first_wrong: int | None = None
    what: str = ""


class Wrong(Exception):
    """Found something; carries the index."""

    def __init__(self, index: int, what: str) -> None:
        super().__init__(what)
        self.index = index
        self.what = what


class Verifier:
    """Takes rows in order, chunk by chunk.

    Args:
        checkpoints: roots that are known from elsewhere, by the size of the ledger that they stand for.
        subjects: filled with whom the entries of these kinds are about.
    """

    def __init__(self, checkpoints: Mapping[int, bytes] | None = None, subjects: Mapping[str, set[str]] | None = None) -> None:
        self._checkpoints = dict(checkpoints or {})
        self._subjects = subjects or {}
        self._tree = GrowingTree()
        self._link = NO_LINK
        self.erased = self.sealed = 0
        self.wrong: Wrong | None = None

    @property
    def entries(self) -> int:
        return self._tree.size

    def add(self, rows: Iterable[LogRow]) -> bool:
        """Check some more rows; False once something is wrong, and then nothing more is looked at."""
        return self.add_columns(map(astuple, rows))

    def add_columns(self, rows: Iterable[Columns]) -> bool:
        """The same of rows as a database gives them, the fields of `LogRow` in order: making values of them costs time."""
        if self.wrong is None:
            try:
                self._add(rows)
            except Wrong as wrong:
                self.wrong = wrong
        return self.wrong is None

    def finish(self, expected_size: int | None = None) -> Verification:
        """All rows were given."""
        size = self.entries
        if self.wrong is None and self._checkpoints.get(0, EMPTY_ROOT) != EMPTY_ROOT:
            self.wrong = Wrong(0, "the checkpoint of the empty ledger is not that of an empty ledger")
        longest = max([expected_size or 0, *self._checkpoints])
        if self.wrong is None and longest > size:
            self.wrong = Wrong(size, f"the ledger was cut short: it ends after {size} entries, and once held {longest}")
        wrong = self.wrong
        return Verification(
            ok=wrong is None, entries=size, root=self._tree.root().hex(), erased=self.erased, sealed=self.sealed,
            first_wrong=wrong.index if wrong else None, what=wrong.what if wrong else "",
        )  # fmt: skip

    def _add(self, rows: Iterable[Columns]) -> None:
        rows = iter(rows)
        while chunk := list(islice(rows, CHUNK)):
            sound = self._sound(chunk)
            if sound is None:
                self._look_closely(chunk)
            else:
                self._grow(sound)

    def _sound(self, chunk: Sequence[Columns]) -> list[bytes] | None:
        """The hot loop of an audit: many rows at once, by comparisons alone. Gives their leaves, or None when any of them is
        not as it should be; then they are looked at one by one."""
        places, stored, leaf_hashes, links, payloads, salts = zip(*chunk, strict=True)
        # No canonical entry holds a line feed, so as many lines as rows means that each row is one entry.
        lines = b"\n".join(stored) + b"\n"
        try:
            entries = ledger.decode_entries(lines)
        except ValueError:
            return None
        here = range(self.entries, self.entries + len(chunk))
        if len(entries) != len(chunk) or ledger.encode_entries(entries) != lines or places != tuple(here):
            return None
        leaves = [sha256(b"\x00" + one).digest() for one in stored]
        last = self._link
        if leaves != list(leaf_hashes) or [last := sha256(b"\x02" + last + leaf).digest() for leaf in leaves] != list(links):
            return None
        erased = sealed = 0
        for index, entry, payload, salt in zip(here, entries, payloads, salts, strict=True):
            if entry.index != index or entry.v != ledger.VERSION:
                return None
            if payload is not None and salt is not None:
                if sha256(salt + payload).hexdigest() != entry.commitment:
                    return None
            elif payload is salt:
                erased += 1
            elif salt is None and payload.startswith(ledger.SEALED):
                sealed += 1
            else:
                return None
            if entry.kind in self._subjects:
                self._subjects[entry.kind].add(entry.subject)
        self.erased, self.sealed, self._link = self.erased + erased, self.sealed + sealed, last
        return leaves

    def _look_closely(self, chunk: Sequence[Columns]) -> None:
        """Something here is wrong: what comes before it still counts, and the first that is wrong gets its name."""
        for columns in chunk:
            leaves = self._sound((columns,))
            if leaves is None:
                raise _first_wrong(columns, self.entries, self._link)
            self._grow(leaves)

    def _grow(self, leaves: list[bytes]) -> None:
        """Add to the tree, and hold it against each checkpoint on the way."""
        start, done = self.entries, 0
        for size in sorted(size for size in self._checkpoints if start < size <= start + len(leaves)):
            self._tree.extend(leaves[done : size - start])
            done = size - start
            if self._checkpoints[size] != self._tree.root():
                raise Wrong(size - 1, f"the ledger up to entry {size - 1} is not the one of the checkpoint: it was rewritten")
        self._tree.extend(leaves[done:])


def _first_wrong(columns: Columns, index: int, last: bytes) -> Wrong:
    row = LogRow(**dict(zip(LogRow.__struct_fields__, columns, strict=True)))
    leaf = sha256(b"\x00" + row.entry).digest()
    if row.index != index or leaf != row.leaf_hash or link(last, leaf) != row.link:
        return _misplaced(row, index, last, leaf)
    return _wrong_entry(row.entry, index, row.payload, row.salt)


def _misplaced(row: LogRow, index: int, last: bytes, leaf: bytes) -> Wrong:
    if row.index > index:
        return Wrong(index, f"entry {index} is missing: the next one is entry {row.index}")
    if row.index < index:
        return Wrong(index, f"entry {row.index} comes a second time or out of order, where entry {index} belongs")
    if leaf == row.leaf_hash:
        return Wrong(index, f"the link after entry {index} was edited, or an entry beside it exchanged")
    if link(last, leaf) == row.link:
        return Wrong(index, f"the leaf hash of entry {index} was edited")
    if link(last, row.leaf_hash) == row.link:
        return Wrong(index, f"entry {index} was edited")
    return Wrong(index, f"entry {index} and its hashes were edited")


def _wrong_entry(stored: bytes, index: int, payload: bytes | None, salt: bytes | None) -> Wrong:
    try:
        entry = ledger.read_entry(stored)
    except ValueError as error:
        return Wrong(index, f"entry {index} is {error}")
    if entry.index != index:
        return Wrong(index, f"entries were reordered: in place {index} stands what was recorded as entry {entry.index}")
    if payload is not None and salt is not None:
        return Wrong(index, f"the payload of entry {index} is not what the entry committed to")
    return Wrong(index, f"entry {index} is half erased: its payload and salt go together")


def verify_rows(
    rows: Iterable[LogRow], *, expected_size: int | None = None, checkpoints: Mapping[int, bytes] | None = None
) -> Verification:
    """Verify rows as an auditor reads them. Args as for `verify_log`."""
    verifier = Verifier(checkpoints)
    verifier.add(rows)
    return verifier.finish(expected_size)


async def verify_log(
    rows: AsyncIterator[LogRow], *, expected_size: int | None = None, checkpoints: Mapping[int, bytes] | None = None
) -> Verification:
    """Verify rows from a store.

    Args:
        rows: the ledger, from its beginning.
        expected_size: how many entries there must be at least.
        checkpoints: roots known from elsewhere, by size.
    """
    verifier = Verifier(checkpoints)
    async for row in rows:
        if not verifier.add((row,)):
            break
    return verifier.finish(expected_size)
