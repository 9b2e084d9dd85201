"""Notes, checkpoints and tiles, held against an independent program in both directions: what we write it reads, and the reverse."""

import random
from datetime import UTC, datetime

import pytest
from aics_tlog import checkpoint as their_checkpoint
from aics_tlog import cosign as their_cosign
from aics_tlog import note as their_note
from aics_tlog import tiles as their_tiles
from aics_tlog import tree as their_tree
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from bowstreet.accountability import checkpoint as checkpoints
from bowstreet.accountability import merkle, tiles
from bowstreet.accountability import note as notes
from bowstreet.accountability.checkpoint import Checkpoint
from bowstreet.accountability.note import COSIGNATURE, PLAIN, SoftwareSigner, VerifierKey
from bowstreet.errors import MalformedProof

SEED = bytes(range(32))
ORIGIN = "bowstreet.example/islington"
LEAVES = [merkle.leaf_hash(b"entry %d" % number) for number in range(2_050)]
THEIR_TREE = their_tree.MerkleTree(b"entry %d" % number for number in range(2_050))


def our_key(kind: int = PLAIN, name: str = ORIGIN) -> VerifierKey:
    return VerifierKey(name=name, kind=kind, public_key=SoftwareSigner(SEED).public_key)


def stored(leaves: list[bytes]) -> dict[tuple[int, int], bytes]:
    """Whole and partial tiles of every level over these leaves, made the plain way."""
    made: dict[tuple[int, int], bytes] = {}
    level, row = 0, leaves
    while row:
        for index in range(0, len(row), 256):
            made[level, index // 256] = b"".join(row[index : index + 256])
        row = [tiles.root_of_tile(made[level, index]) for index in range(len(row) // 256)]
        level += 1
    return made


MADE = stored(LEAVES)


def tree(size: int) -> tiles.TiledTree:
    return tiles.TiledTree(size, lambda level, index, width: MADE[level, index][: 32 * width])


names = st.text(st.characters(categories=["L", "N", "P", "S"], exclude_characters="+"), min_size=1, max_size=40)
texts = st.text(st.characters(exclude_categories=["Cc", "Cs"], include_characters="\n"), max_size=300).map(
    lambda text: text + "\n"
)


# --- notes and checkpoints ---------------------------------------------------------------------------------------------


@given(text=texts, name=names)
def test_a_note_is_read_as_it_was_written(text: str, name: str) -> None:
    note = notes.Note(text=text, signatures=(notes.sign(text, name, SoftwareSigner(SEED)),))
    again = notes.read(note.write())
    assert again == note
    assert notes.signed_by(again, our_key(name=name))
    assert not notes.signed_by(notes.Note(text=text + "x\n", signatures=note.signatures), our_key(name=name))


@given(text=texts, at=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_one_flipped_bit_is_found(text: str, at: int, bit: int) -> None:
    data = bytearray(notes.Note(text=text, signatures=(notes.sign(text, ORIGIN, SoftwareSigner(SEED)),)).write())
    data[at % len(data)] ^= 1 << bit
    try:
        note = notes.read(bytes(data))
    except MalformedProof:
        return
    assert not notes.signed_by(note, our_key())


@given(data=st.binary(max_size=400))
def test_any_bytes_are_a_note_or_refused(data: bytes) -> None:
    try:
        assert notes.read(data).write() == data
    except MalformedProof:
        return


@given(size=st.integers(0, 1 << 50), root=st.binary(min_size=32, max_size=32), more=st.lists(names, max_size=3))
def test_an_independent_program_reads_our_checkpoints(size: int, root: bytes, more: list[str]) -> None:
    ours = Checkpoint(origin=ORIGIN, size=size, root=root, extensions=tuple(more))
    signed = checkpoints.sign(ours, ORIGIN, SoftwareSigner(SEED))
    theirs, _ = their_checkpoint.checkpoint_from_note(signed.write())
    assert (theirs.origin, theirs.size, theirs.root) == (ORIGIN, size, root)
    key = their_note.parse_vkey(our_key().write())
    assert their_checkpoint.verify_checkpoint(their_note.parse_note(signed.write()), key).ok


@given(size=st.integers(0, 1 << 50), root=st.binary(min_size=32, max_size=32))
def test_we_read_an_independent_programs_checkpoints(size: int, root: bytes) -> None:
    theirs = their_checkpoint.Checkpoint(ORIGIN, size, root)
    signed = their_checkpoint.sign_checkpoint(theirs, Ed25519PrivateKey.from_private_bytes(SEED), ORIGIN)
    ours, note = checkpoints.read(signed.to_bytes())
    assert ours == Checkpoint(origin=ORIGIN, size=size, root=root)
    assert notes.signed_by(note, our_key())


@given(seconds=st.integers(1, 1 << 33), name=names)
def test_cosignatures_both_ways(seconds: int, name: str) -> None:
    text = Checkpoint(origin=ORIGIN, size=3, root=bytes(32)).text()
    at = datetime.fromtimestamp(seconds, UTC)
    line = checkpoints.cosign(text, name, SoftwareSigner(SEED), at)
    key = our_key(COSIGNATURE, name)
    found = checkpoints.cosigned_by(notes.Note(text=text, signatures=(line,)), key)
    assert found == checkpoints.Cosigned(witness=name, at=at)
    private = Ed25519PrivateKey.from_private_bytes(SEED)
    _, theirs = their_cosign.sign_cosignature(private, name, seconds, ORIGIN, 3, bytes(32))
    assert (theirs.key_id, theirs.signature) == (line.key_id, line.blob)
    assert their_cosign.verify_cosignature(line.blob, name, key.public_key, ORIGIN, 3, bytes(32))


@pytest.mark.parametrize("at", range(8))
def test_a_key_that_anyone_can_sign_with_is_refused(at: int) -> None:
    weak = VerifierKey(name=ORIGIN, kind=PLAIN, public_key=notes.SMALL_ORDER[at % len(notes.SMALL_ORDER)])
    with pytest.raises(MalformedProof, match="anyone"):
        notes.read_key(weak.write())


@pytest.mark.parametrize(
    "said",
    ["", "x", "x+00000000+", "a b+00000000+AAAA", our_key().write()[:-4], our_key().write().replace("+", "+0", 1), "+1+2"],
)
def test_what_is_no_verifier_key_is_refused(said: str) -> None:
    with pytest.raises(MalformedProof):
        notes.read_key(said)


def test_a_verifier_key_is_read_as_it_is_written() -> None:
    for kind in (PLAIN, COSIGNATURE):
        assert notes.read_key(our_key(kind).write()) == our_key(kind)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "o\n",
        "o\n1\n",
        "o\n01\nAAAA\n",
        "\n1\nAAAA\n",
        "o\n-1\n" + "A" * 43 + "=\n",
        "o\n1\n" + "A" * 43 + "=\n\n",
        "o\n1e3\nx\n",
    ],
)
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(MalformedProof):
        checkpoints.read_text(text)


# --- tiles ---------------------------------------------------------------------------------------------------------------


@given(level=st.one_of(st.none(), st.integers(0, 5)), index=st.integers(0, 10**12), width=st.integers(1, 256))
def test_addresses_both_ways(level: int | None, index: int, width: int) -> None:
    path = tiles.path_of(level, index, width)
    assert tiles.read_path(path) == (level, index, width)
    partial = None if width == 256 else width
    theirs = their_tiles.entry_bundle_path(index, partial) if level is None else their_tiles.tile_path(level, index, partial)
    assert path == theirs


@given(path=st.one_of(st.text(max_size=60), st.from_regex(r"tile/(entries|\d)/(x?\d{3}/)*\d{3}(\.p/\d{1,3})?", fullmatch=True)))
def test_only_addresses_are_addresses(path: str) -> None:
    try:
        level, index, width = tiles.read_path(path)
    except MalformedProof:
        return
    assert tiles.path_of(level, index, width) == path


@given(entries=st.lists(st.binary(max_size=80), max_size=256))
def test_bundles_both_ways(entries: list[bytes]) -> None:
    data = tiles.bundle(entries)
    assert tiles.unbundle(data) == entries
    if entries:
        assert their_tiles.parse_entry_bundle(data) == entries


@given(data=st.binary(max_size=300))
def test_any_bytes_are_a_bundle_or_refused(data: bytes) -> None:
    try:
        assert tiles.bundle(tiles.unbundle(data)) == data
    except MalformedProof:
        return


@pytest.mark.parametrize("start", range(0, 2_048, 256))
def test_roots_of_every_size(start: int) -> None:
    for size in range(start, start + 256):
        assert tree(size).root() == THEIR_TREE.root(size)
        assert tree(size).frontier().root() == THEIR_TREE.root(size)


@settings(max_examples=300)
@given(size=st.integers(1, 2_050), seed=st.integers(0, 10**6))
def test_inclusion_of_any_entry(size: int, seed: int) -> None:
    index = seed % size
    proof = tree(size).inclusion(index)
    assert proof == THEIR_TREE.inclusion_proof(index, size)
    assert merkle.verify_inclusion(LEAVES[index], index, size, proof, tree(size).root())
    assert not merkle.verify_inclusion(LEAVES[index - 1], index, size, proof, tree(size).root()) or size == 1


@settings(max_examples=300)
@given(size=st.integers(0, 2_050), seed=st.integers(0, 10**6))
def test_consistency_of_any_two(size: int, seed: int) -> None:
    old = seed % (size + 1)
    proof = tree(size).consistency(old)
    if old:
        assert proof == THEIR_TREE.consistency_proof(old, size)
    assert merkle.verify_consistency(old, tree(old).root(), size, tree(size).root(), proof)


def test_every_tile_is_listed() -> None:
    for size in (0, 1, 255, 256, 257, 2_050):
        listed = {(level, index): width for level, index, width in tiles.all_of(size)}
        assert listed == {key: len(tile) // 32 for key, tile in stored(LEAVES[:size]).items()}


def test_inclusion_and_consistency_at_every_size_to_2000() -> None:
    """Not sampled by size: each has the proofs of its last entry and one by chance, and from two older sizes, held against the independent program's and verified by ours."""
    rng = random.Random(2_000)
    for size in range(1, 2_001):
        whole, root = tree(size), tree(size).root()
        for index in {size - 1, rng.randrange(size)}:
            proof = whole.inclusion(index)
            assert proof == THEIR_TREE.inclusion_proof(index, size)
            assert merkle.verify_inclusion(LEAVES[index], index, size, proof, root)
        for old in {size, rng.randrange(1, size + 1)}:
            proof = whole.consistency(old)
            assert proof == THEIR_TREE.consistency_proof(old, size)
            assert merkle.verify_consistency(old, tree(old).root(), size, root, proof)
