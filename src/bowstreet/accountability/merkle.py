"""The Merkle tree of RFC 6962: roots, and proofs that anyone can check. Pure; SHA-256 throughout.

A leaf and an inner node are hashed with different first bytes, so that neither can pass for the other (RFC 6962 §2.1).
Proofs are checked as RFC 9162 §2.1.3.2 and §2.1.4.2 write it out.
"""

from collections.abc import Iterable, Sequence
from hashlib import sha256

# The hash of the tree without entries: SHA-256 of nothing.
EMPTY_ROOT = sha256(b"").digest()


# What stands before the first link.
NO_LINK = bytes(32)


def leaf_hash(entry: bytes) -> bytes:
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


def link(before: bytes, leaf: bytes) -> bytes:
    """The next link of the chain of leaf hashes: one hash an entry, where a root is a dozen. It is kept with each entry, so that
    the first wrong one can be named; what is signed and published is the root."""
    return sha256(b"\x02" + before + leaf).digest()


class Frontier:
    """The right edge of a growing tree: the roots of its perfect subtrees, largest first. All that is needed to append."""

    __slots__ = ("_primed", "nodes", "size")

    def __init__(self, size: int = 0, nodes: Iterable[bytes] = ()) -> None:
        self.size = size
        self.nodes = list(nodes)
        if len(self.nodes) != size.bit_count():
            raise ValueError(f"a tree of {size} has {size.bit_count()} perfect subtrees, not {len(self.nodes)}")
        # SHA-256 that has taken in the first byte and the node as left child: a root after each entry is a quarter cheaper.
        self._primed = [sha256(b"\x01" + node) for node in self.nodes]

    def copy(self) -> "Frontier":
        twin = Frontier.__new__(Frontier)
        twin.size, twin.nodes, twin._primed = self.size, self.nodes[:], self._primed[:]  # noqa: SLF001 - its own kind
        return twin

    def append(self, leaf: bytes) -> None:
        """Add one leaf hash."""
        size, nodes, primed = self.size, self.nodes, self._primed
        while size & 1:
            nodes.pop()
            left = primed.pop().copy()  # a twin may share it
            left.update(leaf)
            leaf = left.digest()
            size >>= 1
        nodes.append(leaf)
        primed.append(sha256(b"\x01" + leaf))
        self.size += 1

    def root(self) -> bytes:
        if not self.nodes:
            return EMPTY_ROOT
        root = self.nodes[-1]
        for left in self._primed[-2::-1]:
            node = left.copy()
            node.update(root)
            root = node.digest()
        return root


def root_of(leaves: Iterable[bytes]) -> bytes:
    """The root over leaf hashes."""
    frontier = Frontier()
    for leaf in leaves:
        frontier.append(leaf)
    return frontier.root()


def _split(size: int) -> int:
    """The largest power of two below `size` (RFC 6962's k)."""
    return 1 << ((size - 1).bit_length() - 1)


def inclusion_proof(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """The hashes that lead from leaf `index` to the root over `leaves`, lowest first (RFC 6962 §2.1.1)."""
    if not 0 <= index < len(leaves):
        raise ValueError(f"no leaf {index} in a tree of {len(leaves)}")
    proof: list[bytes] = []
    start, stop = 0, len(leaves)
    while stop - start > 1:
        middle = start + _split(stop - start)
        if index < middle:
            proof.append(root_of(leaves[middle:stop]))
            stop = middle
        else:
            proof.append(root_of(leaves[start:middle]))
            start = middle
    return proof[::-1]


def consistency_proof(leaves: Sequence[bytes], old_size: int) -> list[bytes]:
    """The hashes that show the tree of `old_size` to be the beginning of this one (RFC 6962 §2.1.2)."""
    if not 0 <= old_size <= len(leaves):
        raise ValueError(f"no tree of {old_size} in one of {len(leaves)}")
    proof: list[bytes] = []
    start, stop, whole = 0, len(leaves), True
    while 0 < old_size < stop - start:
        middle = start + _split(stop - start)
        if old_size <= middle - start:
            proof.append(root_of(leaves[middle:stop]))
            stop = middle
        else:
            proof.append(root_of(leaves[start:middle]))
            old_size -= middle - start
            start, whole = middle, False
    if not whole:
        proof.append(root_of(leaves[start:stop]))
    return proof[::-1]


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Whether `leaf` is entry `index` of the tree of `size` with this root."""
    if not 0 <= index < size:
        return False
    node, last = index, size - 1
    for sibling in proof:
        if last == 0:
            return False
        if node & 1 or node == last:
            leaf = node_hash(sibling, leaf)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            leaf = node_hash(leaf, sibling)
        node, last = node >> 1, last >> 1
    return last == 0 and leaf == root


def verify_consistency(old_size: int, old_root: bytes, size: int, root: bytes, proof: Sequence[bytes]) -> bool:
    """Whether the tree of `size` begins with the tree of `old_size`: nothing was edited, dropped or put in between."""
    if not 0 <= old_size <= size:
        return False
    if old_size == 0:
        return not proof and old_root == EMPTY_ROOT
    if old_size == size:
        return not proof and old_root == root
    path = list(proof) if old_size & (old_size - 1) else [old_root, *proof]
    if not path:
        return False
    node, last = old_size - 1, size - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    old = new = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if node & 1 or node == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            new = node_hash(new, sibling)
        node, last = node >> 1, last >> 1
    return last == 0 and old == old_root and new == root
