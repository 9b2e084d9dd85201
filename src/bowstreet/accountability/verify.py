"""Recompute the whole ledger without believing any of it, and name the first entry that is wrong.

It reads in order and in bounded memory. What it finds: an entry, leaf hash or link of the chain that was edited; entries dropped,
reordered or put in between; a payload that is not what its entry committed to; and, held against checkpoints kept elsewhere,
a ledger cut short or rewritten whole. What it cannot find: that something which happened was never recorded.
"""

from collections.abc import AsyncIterator, Iterable, Mapping
from hashlib import sha256
from typing import Any

import msgspec
from msgspec.structs import astuple

from bowstreet.accountability import ledger
from bowstreet.accountability.merkle import EMPTY_ROOT, NO_LINK, link
from bowstreet.accountability.tiles import GrowingTree
from bowstreet.runtime.ports import LogRow

Columns = tuple[Any, ...]


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
        leaves: list[bytes] = []
        try:
            self._check(rows, leaves)
        finally:
            self._tree.extend(leaves)

    def _check(self, rows: Iterable[Columns], leaves: list[bytes]) -> None:
        """The hot loop of an audit: what is right passes by comparisons alone; what is not is looked at again for its name."""
        last, checkpoints, index, subjects, hashed = self._link, self._checkpoints, self.entries, self._subjects, sha256
        read, write, version, append = ledger.decode_entry, ledger.encode_entry, ledger.VERSION, leaves.append
        for place, stored, leaf_hash, chained, payload, salt in rows:
            leaf = hashed(b"\x00" + stored).digest()
            before, last = last, hashed(b"\x02" + last + leaf).digest()
            if place != index or leaf != leaf_hash or last != chained:
                row = LogRow(index=place, entry=stored, leaf_hash=leaf_hash, link=chained)
                raise _misplaced(row, index, before, leaf)
            try:
                entry = read(stored)
            except ValueError:
                raise _wrong_entry(stored, index, payload, salt) from None
            if entry.index != index or write(entry) != stored or entry.v != version:
                raise _wrong_entry(stored, index, payload, salt)
            if payload is not None and salt is not None:
                if hashed(salt + payload).hexdigest() != entry.commitment:
                    raise _wrong_entry(stored, index, payload, salt)
            elif payload is salt:
                self.erased += 1
            elif salt is None and payload.startswith(ledger.SEALED):
                self.sealed += 1
            else:
                raise _wrong_entry(stored, index, payload, salt)
            if entry.kind in subjects:
                subjects[entry.kind].add(entry.subject)
            append(leaf)
            index += 1
            if index in checkpoints:
                self._tree.extend(leaves)
                leaves.clear()
                if checkpoints[index] != self._tree.root():
                    what = f"the ledger up to entry {index - 1} is not the one of the checkpoint: it was rewritten"
                    raise Wrong(index - 1, what)
        self._link = last


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
