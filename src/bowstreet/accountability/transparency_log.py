"""The ledger as a public log (c2sp.org/tlog-tiles): its tiles, its entries, and the checkpoints that it signs.

Tiles are read from the record: the lowest from the leaf hashes that stand in it, the higher from hashes kept here, 32 bytes for
each 256 entries. A checkpoint is signed only for a tree that continues the last one that was signed: a record that was cut
short or rewritten is refused, so that this key never signs two histories.
"""

import asyncio
from collections.abc import Sequence
from typing import Protocol

import structlog

from bowstreet.accountability import checkpoint as checkpoints
from bowstreet.accountability import note as notes
from bowstreet.accountability import tiles
from bowstreet.accountability.checkpoint import Checkpoint
from bowstreet.accountability.note import PLAIN, Note, SignatureLine, Signer, VerifierKey
from bowstreet.accountability.published import Line
from bowstreet.accountability.transition import Transition
from bowstreet.errors import LedgerBroken, NotFound
from bowstreet.runtime.ports import Store

log = structlog.get_logger(__name__)

# What else this key signs begins so; a checkpoint begins with the origin, which has no space in it.
STATEMENT = "Bowstreet "
BUNDLE = "bowstreet bundle v"


class Witness(Protocol):
    """Somebody elsewhere who signs what continues all that they saw before."""

    @property
    def key(self) -> VerifierKey: ...

    async def cosign(self, signed: Note, prove: "Prove") -> SignatureLine:
        """Raises `LinkFailure` when it does not answer or refuses."""
        ...


class Prove(Protocol):
    """The consistency proof from a size that a witness has seen to the present one."""

    async def __call__(self, old_size: int) -> list[bytes]: ...


class Published(Protocol):
    """Where signed checkpoints are kept, durably, in order."""

    def last(self) -> Note | None: ...

    def history(self, most: int) -> list[Line]:
        """The newest that are kept for good, newest first."""
        ...

    def add(self, note: Note, *, keep: bool = False) -> None:
        """`keep` keeps it for good. Raises `StoreUnavailable`."""
        ...


class TransparencyLog:
    """One operation's log.

    Args:
        origin: its name, such as `police.example/islington`; also the name of its key.
        signer: its key.
        transitions: how its key was changed until now.
        outgoing: the key before, which signs beside it while the key is being changed.
    """

    def __init__(
        self,
        store: Store,
        origin: str,
        signer: Signer,
        published: Published,
        witnesses: Sequence[Witness] = (),
        *,
        transitions: Sequence[Transition] = (),
        outgoing: Signer | None = None,
    ) -> None:
        self._store, self._published, self._witnesses = store, published, witnesses
        self._signer, self._outgoing, self.transitions = signer, outgoing, tuple(transitions)
        self.key = VerifierKey(name=origin, kind=PLAIN, public_key=signer.public_key)
        # Level 1 and up: the one hash of each whole tile below.
        self._upper: list[list[bytes]] = [[] for _ in range(tiles.MOST_LEVEL)]
        self._lock = asyncio.Lock()
        self._note = published.last()

    @property
    def keys(self) -> list[VerifierKey]:
        """The present key, then those before it, the newest first."""
        return [self.key, *(one.old for one in reversed(self.transitions))]

    @property
    def note(self) -> Note | None:
        """The latest checkpoint, with the witnesses' signatures that came."""
        return self._note

    def history(self, most: int) -> list[Line]:
        """The newest of the checkpoints that are kept for good, newest first."""
        return self._published.history(most)

    @property
    def witness_keys(self) -> tuple[VerifierKey, ...]:
        """Those who are asked to sign each checkpoint, whether or not they answer."""
        return tuple(witness.key for witness in self._witnesses)

    async def open(self) -> None:
        """Read the leaves, and hold the record against the last checkpoint that was signed.

        Raises:
            LedgerBroken: when the record does not continue it.
        """
        size = await self._store.log_size()
        await self._grow(size)
        if self._note is not None:
            await self._check_continues(checkpoints.read_text(self._note.text), size)

    async def tile(self, level: int, index: int, width: int) -> bytes:
        """Raises `NotFound` for a tile that the published log does not have."""
        self._check_there(level, index, width)
        if level == 0:
            start = index * tiles.WIDTH
            return b"".join([row.leaf_hash async for row in self._store.log_rows(start, start + width)])
        start = index * tiles.WIDTH
        return b"".join(self._upper[level - 1][start : start + width])

    async def entries(self, index: int, width: int) -> bytes:
        """Raises `NotFound` for entries that the published log does not have."""
        self._check_there(0, index, width)
        start = index * tiles.WIDTH
        return tiles.bundle([row.entry async for row in self._store.log_rows(start, start + width)])

    def _check_there(self, level: int, index: int, width: int) -> None:
        size = 0 if self._note is None else checkpoints.read_text(self._note.text).size
        if tiles.width_of(size, level, index) < width:
            raise NotFound("the log has no such tile", remedy=f"its checkpoint stands at {size} entries")

    async def tree(self, size: int, *, near: int = 0) -> tiles.TiledTree:
        """The tree of the first `size` entries, with the tiles at hand that its right edge and the entry `near` need."""
        await self._grow(size)
        lowest: dict[int, bytes] = {}
        for index in {size // tiles.WIDTH, near // tiles.WIDTH}:
            rows = self._store.log_rows(index * tiles.WIDTH, min(size, (index + 1) * tiles.WIDTH))
            lowest[index] = b"".join([row.leaf_hash async for row in rows])

        def read(level: int, index: int, width: int) -> bytes:
            start = index * tiles.WIDTH
            whole = lowest[index] if level == 0 else b"".join(self._upper[level - 1][start : start + width])
            return whole[: width * tiles.HASH_BYTES]

        return tiles.TiledTree(size, read)

    async def consistency(self, old_size: int, size: int) -> list[bytes]:
        """Raises `ValueError` for sizes that are none of this log's."""
        return (await self.tree(size, near=max(0, old_size - 1))).consistency(old_size)

    async def inclusion(self, index: int, size: int) -> list[bytes]:
        """Raises `ValueError` for an entry that is not in the log of this size."""
        return (await self.tree(size, near=index)).inclusion(index)

    def attest(self, text: str) -> Note:
        """Sign a statement with the log's key. It must begin with `Bowstreet `, so that it cannot be a checkpoint.

        Raises:
            ValueError: it does not.
        """
        if not text.startswith(STATEMENT) or self.key.name.startswith(STATEMENT):
            raise ValueError("a statement begins with its kind, and no log has such a name")
        return Note(text=text, signatures=(notes.sign(text, self.key.name, self._signer),))

    def seal(self, text: str) -> Note:
        """Sign the end of a bundle. Raises `ValueError` when the text is none."""
        if not text.startswith(BUNDLE) or self.key.name.startswith(BUNDLE):
            raise ValueError("the end of a bundle begins with its kind, and no log has such a name")
        return Note(text=text, signatures=(notes.sign(text, self.key.name, self._signer),))

    async def publish(self, size: int, root: bytes, *, keep: bool = False) -> Note:
        """Sign a checkpoint at this size, and ask the witnesses; `keep` keeps it for good, besides as the latest.

        Raises:
            LedgerBroken: when it does not continue the last one. Nothing is signed then.
            StoreUnavailable: it cannot be kept. Nothing is published then.
        """
        async with self._lock:
            await self._grow(size)
            if self._note is not None:
                last = checkpoints.read_text(self._note.text)
                if (last.size, last.root) == (size, root) and not keep and len(self._note.signatures) > len(self._witnesses):
                    return self._note
                await self._check_continues(last, size)
            tree = await self.tree(size)
            if tree.root() != root:
                raise _broken(size, "the root of its leaves is not the root that was recorded")
            note = checkpoints.sign(Checkpoint(origin=self.key.name, size=size, root=root), self.key.name, self._signer)
            if self._outgoing is not None:
                line = notes.sign(note.text, self.key.name, self._outgoing)
                note = Note(text=note.text, signatures=(*note.signatures, line))
            self._published.add(note)
            note = await self._witnessed(note, size)
            if keep or len(note.signatures) > 1:
                self._published.add(note, keep=keep)
            self._note = note
            return note

    async def _witnessed(self, note: Note, size: int) -> Note:
        async def prove(old_size: int) -> list[bytes]:
            return await self.consistency(old_size, size)

        async def ask(witness: Witness) -> SignatureLine | None:
            try:
                return await witness.cosign(note, prove)
            except Exception as error:
                # The edge to somebody else's program: a witness that fails or lies stops nothing here.
                log.warning("a witness did not sign", witness=witness.key.name, error=str(error))
                return None

        lines = await asyncio.gather(*(ask(witness) for witness in self._witnesses))
        return Note(text=note.text, signatures=(*note.signatures, *(line for line in lines if line is not None)))

    async def _check_continues(self, last: Checkpoint, size: int) -> None:
        if size < last.size:
            raise _broken(size, f"a checkpoint was signed when it had {last.size}: it was cut short, or an old copy was put back")
        tree = await self.tree(last.size)
        if tree.root() != last.root:
            raise _broken(size, f"it is not the one whose checkpoint was signed at {last.size} entries: it was rewritten")

    async def _grow(self, size: int) -> None:
        """Take in the whole tiles up to `size`."""
        done = len(self._upper[0])
        row: list[bytes] = []
        if size // tiles.WIDTH <= done:
            return
        async for one in self._store.log_rows(done * tiles.WIDTH, size - size % tiles.WIDTH):
            row.append(one.leaf_hash)
            if len(row) == tiles.WIDTH:
                self._add(0, tiles.root_of_tile(b"".join(row)))
                row.clear()

    def _add(self, level: int, node: bytes) -> None:
        nodes = self._upper[level]
        nodes.append(node)
        if len(nodes) % tiles.WIDTH == 0 and level + 1 < tiles.MOST_LEVEL:
            self._add(level + 1, tiles.root_of_tile(b"".join(nodes[-tiles.WIDTH :])))


def _broken(size: int, what: str) -> LedgerBroken:
    return LedgerBroken(
        f"the ledger has {size} entries, and {what}",
        remedy="run 'bowstreet audit verify'; keep the data as they are, and put back the newest copy",
    )
