"""The tree against a naive reading of RFC 6962 §2.1, for every size up to a few hundred."""

from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bowstreet.accountability import merkle
from bowstreet.accountability.merkle import Frontier

SIZES = 260
ENTRIES = [b"entry %d" % number for number in range(SIZES)]
LEAVES = [merkle.leaf_hash(entry) for entry in ENTRIES]


# --- the oracle: RFC 6962 §2.1, word by word ---------------------------------------------------------------------------


def _k(n: int) -> int:
    k = 1
    while k * 2 < n:
        k *= 2
    return k


def naive_root(entries: list[bytes]) -> bytes:
    """MTH(D[n])."""
    if not entries:
        return sha256().digest()
    if len(entries) == 1:
        return sha256(b"\x00" + entries[0]).digest()
    k = _k(len(entries))
    return sha256(b"\x01" + naive_root(entries[:k]) + naive_root(entries[k:])).digest()


def naive_path(m: int, entries: list[bytes]) -> list[bytes]:
    """PATH(m, D[n])."""
    if len(entries) == 1:
        return []
    k = _k(len(entries))
    if m < k:
        return [*naive_path(m, entries[:k]), naive_root(entries[k:])]
    return [*naive_path(m - k, entries[k:]), naive_root(entries[:k])]


def naive_subproof(m: int, entries: list[bytes], b: bool) -> list[bytes]:
    """SUBPROOF(m, D[n], b)."""
    if m == len(entries):
        return [] if b else [naive_root(entries)]
    k = _k(len(entries))
    if m <= k:
        return [*naive_subproof(m, entries[:k], b), naive_root(entries[k:])]
    return [*naive_subproof(m - k, entries[k:], False), naive_root(entries[:k])]


ROOTS = [naive_root(ENTRIES[:size]) for size in range(SIZES + 1)]


def test_the_published_roots_of_rfc_6962_test_vectors() -> None:
    """Certificate Transparency's own reference vectors (google/certificate-transparency, merkletree tests)."""
    entries = [
        bytes.fromhex(text)
        for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
    ]
    roots = [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ]  # fmt: skip
    for size, root in enumerate(roots, start=1):
        assert merkle.root_of(map(merkle.leaf_hash, entries[:size])).hex() == root


def test_roots_of_every_size() -> None:
    frontier = Frontier()
    for size in range(SIZES):
        assert frontier.root() == ROOTS[size]
        again = Frontier(size, frontier.nodes)
        twin = frontier.copy()
        frontier.append(LEAVES[size])
        assert twin.root() == ROOTS[size]  # a twin goes its own way
        again.append(LEAVES[size])
        assert again.root() == frontier.root()
    assert frontier.root() == merkle.root_of(LEAVES) == ROOTS[SIZES]


def test_a_frontier_of_the_wrong_shape_is_refused() -> None:
    with pytest.raises(ValueError, match="perfect subtrees"):
        Frontier(3, [LEAVES[0]])


@pytest.mark.parametrize("size", [*range(1, 34), 63, 64, 65, 127, 128, 129, 255, 256, 257])
def test_every_inclusion_proof(size: int) -> None:
    for index in range(size):
        proof = merkle.inclusion_proof(LEAVES[:size], index)
        assert proof == naive_path(index, ENTRIES[:size])
        assert merkle.verify_inclusion(LEAVES[index], index, size, proof, ROOTS[size])


@pytest.mark.parametrize("size", [*range(34), 63, 64, 65, 127, 128, 129, 255, 256, 257])
def test_every_consistency_proof(size: int) -> None:
    for old in range(size + 1):
        proof = merkle.consistency_proof(LEAVES[:size], old)
        assert proof == (naive_subproof(old, ENTRIES[:size], True) if old else [])
        assert merkle.verify_consistency(old, ROOTS[old], size, ROOTS[size], proof)


@given(data=st.data(), size=st.integers(1, SIZES))
@settings(max_examples=300, deadline=None)
def test_nothing_else_is_proved(data: st.DataObject, size: int) -> None:
    index = data.draw(st.integers(0, size - 1))
    proof = merkle.inclusion_proof(LEAVES[:size], index)
    other = data.draw(st.integers(0, SIZES - 1).filter(lambda number: number != index))
    assert not merkle.verify_inclusion(LEAVES[other], index, size, proof, ROOTS[size])
    assert not merkle.verify_inclusion(LEAVES[index], index, size, proof, ROOTS[(size + 1) % (SIZES + 1)])
    assert not merkle.verify_inclusion(LEAVES[index], -1, size, proof, ROOTS[size])
    assert not merkle.verify_inclusion(LEAVES[index], size, size, proof, ROOTS[size])
    assert not merkle.verify_inclusion(LEAVES[index], index, size, [*proof, LEAVES[0]], ROOTS[size])
    if proof:
        assert not merkle.verify_inclusion(LEAVES[index], index, size, proof[:-1], ROOTS[size])
        place = data.draw(st.integers(0, len(proof) - 1))
        assert not merkle.verify_inclusion(LEAVES[index], index, size, _bent(proof, place), ROOTS[size])


@given(data=st.data(), size=st.integers(2, SIZES))
@settings(max_examples=300, deadline=None)
def test_no_other_past_is_consistent(data: st.DataObject, size: int) -> None:
    old = data.draw(st.integers(1, size - 1))
    proof = merkle.consistency_proof(LEAVES[:size], old)
    assert not merkle.verify_consistency(old, ROOTS[old - 1], size, ROOTS[size], proof)
    assert not merkle.verify_consistency(old, ROOTS[old], size, ROOTS[size - 1], proof)
    assert not merkle.verify_consistency(old, ROOTS[old], size, ROOTS[size], [])
    assert not merkle.verify_consistency(size + 1, ROOTS[old], size, ROOTS[size], proof)
    assert not merkle.verify_consistency(old, ROOTS[old], size, ROOTS[size], [*proof, LEAVES[0]])
    place = data.draw(st.integers(0, len(proof) - 1))
    assert not merkle.verify_consistency(old, ROOTS[old], size, ROOTS[size], _bent(proof, place))


@given(size=st.integers(0, 40), index=st.integers(-3, 45), proof=st.lists(st.binary(min_size=32, max_size=32), max_size=8))
def test_made_up_proofs_are_refused_and_never_fail(size: int, index: int, proof: list[bytes]) -> None:
    assert not merkle.verify_inclusion(b"x" * 32, index, size, proof, ROOTS[size])
    assert not merkle.verify_consistency(index, b"x" * 32, size, ROOTS[size], proof)


def test_there_is_no_proof_of_what_is_not_there() -> None:
    for index in (-1, 5):
        with pytest.raises(ValueError, match="no leaf"):
            merkle.inclusion_proof(LEAVES[:5], index)
    for old in (-1, 6):
        with pytest.raises(ValueError, match="no tree"):
            merkle.consistency_proof(LEAVES[:5], old)


def _bent(proof: list[bytes], place: int) -> list[bytes]:
    return [bytes([one[0] ^ 1]) + one[1:] if number == place else one for number, one in enumerate(proof)]
