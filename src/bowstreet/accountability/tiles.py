"""The log as tiles (c2sp.org/tlog-tiles): addresses, contents, and proofs read from them. Pure.

A tile at level L is a row of up to 256 hashes, each the root of 256^L leaves in order. A whole tile never changes, so it may be
kept, copied and served as a file; what stands to the right of the last whole one is a partial tile, named by its width.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256

from bowstreet.accountability.merkle import EMPTY_ROOT, Frontier, node_hash
from bowstreet.errors import MalformedProof

WIDTH = 256
HASH_BYTES = 32
# c2sp.org/tlog-tiles: the length of an entry is two bytes.
MOST_ENTRY_BYTES = 65_535
MOST_LEVEL = 5  # 256^6 leaves are 2^48

ReadTile = Callable[[int, int, int], bytes]
"""The tile of a level, index and width (1 to 256): so many hashes. Raises `NotFound`."""

_ADDRESS = re.compile(r"tile/(?:(entries)|([0-5]))/((?:x\d{3}/)*)(\d{3})(?:\.p/([1-9]\d{0,2}))?")


def path_of(level: int | None, index: int, width: int = WIDTH) -> str:
    """Where a tile stands; `level` None is the entries themselves."""
    parts = [f"{index % 1000:03d}"]
    while index >= 1000:
        index //= 1000
        parts.append(f"x{index % 1000:03d}")
    partial = "" if width == WIDTH else f".p/{width}"
    return f"tile/{'entries' if level is None else level}/{'/'.join(reversed(parts))}{partial}"


def read_path(path: str) -> tuple[int | None, int, int]:
    """Level (None for entries), index and width. Raises `MalformedProof` for what is no address of a tile."""
    found = _ADDRESS.fullmatch(path)
    if found is None or len(path) > 60:
        raise MalformedProof(f"{path[:60]!a} is no tile's address", remedy="see c2sp.org/tlog-tiles")
    entries, level, groups, last, partial = found.groups()
    index = int(groups.replace("x", "").replace("/", "") + last)
    width = WIDTH if partial is None else int(partial)
    address = None if entries else int(level)
    if width > WIDTH or (partial is not None and width == WIDTH) or path_of(address, index, width) != path:
        raise MalformedProof(f"{path!a} is not how a tile's address is written", remedy="see c2sp.org/tlog-tiles")
    return address, index, width


def width_of(size: int, level: int, index: int) -> int:
    """How many hashes tile `index` of a level has in a log of `size`; 0 when it is not there."""
    return max(0, min(WIDTH, (size >> (8 * level)) - index * WIDTH))


def all_of(size: int) -> Iterator[tuple[int, int, int]]:
    """Every tile of hashes of a log of this size: level, index, width."""
    for level in range(MOST_LEVEL + 1):
        hashes = size >> (8 * level)
        if not hashes:
            return
        for index in range(-(-hashes // WIDTH)):
            yield level, index, width_of(size, level, index)


def split(tile: bytes) -> list[bytes]:
    """The hashes of a tile. Raises `MalformedProof` when it is not whole hashes."""
    if len(tile) % HASH_BYTES or not 0 < len(tile) <= WIDTH * HASH_BYTES:
        raise MalformedProof(f"a tile of {len(tile):,} bytes is not 1 to 256 hashes", remedy="fetch it again")
    return [tile[at : at + HASH_BYTES] for at in range(0, len(tile), HASH_BYTES)]


def root_of_tile(tile: bytes) -> bytes:
    """The one hash that a whole tile adds to the level above."""
    return root_of_hashes(split(tile))


def root_of_hashes(row: list[bytes]) -> bytes:
    """The root over a power of two of hashes."""
    hashed = sha256
    while len(row) > 1:
        pairs = iter(row)
        row = [hashed(b"\x01" + left + right).digest() for left, right in zip(pairs, pairs, strict=True)]
    return row[0]


class GrowingTree:
    """The root over leaves that come one by one, hashed a tile at a time: half the work of hashing each edge as it comes."""

    __slots__ = ("_loose", "_tiles")

    def __init__(self) -> None:
        # Whole tiles of 256 leaves, whose roots are the units of this frontier, and the leaves after them.
        self._tiles = Frontier()
        self._loose: list[bytes] = []

    @property
    def size(self) -> int:
        return self._tiles.size * WIDTH + len(self._loose)

    def append(self, leaf: bytes) -> None:
        self._loose.append(leaf)
        if len(self._loose) == WIDTH:
            self._tiles.append(root_of_hashes(self._loose))
            self._loose.clear()

    def extend(self, leaves: Sequence[bytes]) -> None:
        """Add several in order."""
        self._loose.extend(leaves)
        whole = len(self._loose) - len(self._loose) % WIDTH
        for start in range(0, whole, WIDTH):
            self._tiles.append(root_of_hashes(self._loose[start : start + WIDTH]))
        del self._loose[:whole]

    def root(self) -> bytes:
        edge = Frontier()
        for leaf in self._loose:
            edge.append(leaf)
        nodes = [*self._tiles.nodes, *edge.nodes]
        if not nodes:
            return EMPTY_ROOT
        root = nodes.pop()
        while nodes:
            root = node_hash(nodes.pop(), root)
        return root


# --- entries ----------------------------------------------------------------------------------------------------------


def bundle(entries: Sequence[bytes]) -> bytes:
    """Entries as a tile carries them: each with its length before it. Raises `ValueError` for one that is too long."""
    if any(len(entry) > MOST_ENTRY_BYTES for entry in entries):
        raise ValueError(f"an entry may have {MOST_ENTRY_BYTES:,} bytes")
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)


def unbundle(data: bytes) -> list[bytes]:
    """The entries of a tile. Raises `MalformedProof` when it is cut off."""
    entries, at = [], 0
    while at < len(data):
        length = int.from_bytes(data[at : at + 2], "big")
        entry = data[at + 2 : at + 2 + length]
        if len(data) < at + 2 or len(entry) != length:
            raise MalformedProof("a tile of entries is cut off", remedy="fetch it again")
        entries.append(entry)
        at += 2 + length
    if len(entries) > WIDTH:
        raise MalformedProof(f"a tile of {len(entries)} entries; the most is {WIDTH}", remedy="fetch it again")
    return entries


# --- proofs from tiles ------------------------------------------------------------------------------------------------


class TiledTree:
    """The tree of a log of `size`, read tile by tile. Each tile is asked for once, with the width that it has at this size."""

    def __init__(self, size: int, read: ReadTile) -> None:
        self.size = size
        self._read = read
        self._tiles: dict[tuple[int, int], list[bytes]] = {}

    def root(self) -> bytes:
        return self._range(0, self.size) if self.size else Frontier().root()

    def leaf(self, index: int) -> bytes:
        """Raises `ValueError` for an index beyond the log."""
        if not 0 <= index < self.size:
            raise ValueError(f"no entry {index} in a log of {self.size}")
        return self._hash(0, index)

    def frontier(self) -> Frontier:
        """What is needed to append to this tree."""
        nodes, start = [], 0
        for bit in reversed(range(self.size.bit_length())):
            if self.size >> bit & 1:
                nodes.append(self._perfect(start, bit))
                start += 1 << bit
        return Frontier(self.size, nodes)

    def inclusion(self, index: int) -> list[bytes]:
        """RFC 6962 §2.1.1. Raises `ValueError` for an index beyond the log."""
        if not 0 <= index < self.size:
            raise ValueError(f"no entry {index} in a log of {self.size}")
        proof, start, stop = [], 0, self.size
        while stop - start > 1:
            middle = start + _split(stop - start)
            if index < middle:
                proof.append(self._range(middle, stop))
                stop = middle
            else:
                proof.append(self._range(start, middle))
                start = middle
        return proof[::-1]

    def consistency(self, old_size: int) -> list[bytes]:
        """RFC 6962 §2.1.2. Raises `ValueError` for a size beyond the log."""
        if not 0 <= old_size <= self.size:
            raise ValueError(f"no log of {old_size} in one of {self.size}")
        proof, start, stop, whole, left = [], 0, self.size, True, old_size
        while 0 < left < stop - start:
            middle = start + _split(stop - start)
            if left <= middle - start:
                proof.append(self._range(middle, stop))
                stop = middle
            else:
                proof.append(self._range(start, middle))
                left -= middle - start
                start, whole = middle, False
        if not whole:
            proof.append(self._range(start, stop))
        return proof[::-1]

    def _range(self, start: int, stop: int) -> bytes:
        size = stop - start
        if size & (size - 1) == 0:
            return self._perfect(start, size.bit_length() - 1)
        middle = start + _split(size)
        return node_hash(self._range(start, middle), self._range(middle, stop))

    def _perfect(self, start: int, height: int) -> bytes:
        """The root of 2^height leaves from `start` on, which lies on such a boundary."""
        level, within = divmod(height, 8)
        if level > MOST_LEVEL:
            level, within = MOST_LEVEL, height - 8 * MOST_LEVEL
        first = start >> (8 * level)
        return root_of_hashes([self._hash(level, first + at) for at in range(1 << within)])

    def _hash(self, level: int, number: int) -> bytes:
        index, within = divmod(number, WIDTH)
        row = self._tiles.get((level, index))
        if row is None:
            width = width_of(self.size, level, index)
            row = split(self._read(level, index, width))
            if len(row) != width:
                raise MalformedProof(f"a tile has {len(row)} hashes where it needs {width}", remedy="fetch it again")
            self._tiles[level, index] = row
        return row[within]


def _split(size: int) -> int:
    return 1 << ((size - 1).bit_length() - 1)
