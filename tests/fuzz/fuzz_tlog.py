"""What an auditor or a witness reads from strangers: notes, checkpoints, verifier keys, tiles and their addresses."""

import contextlib

from bowstreet.accountability import checkpoint, note, tiles, transition
from bowstreet.errors import MalformedProof

SIGNER = note.SoftwareSigner(bytes(32))
SIGNED = checkpoint.sign(
    checkpoint.Checkpoint(origin="bowstreet.example/x", size=3, root=bytes(32)), "bowstreet.example/x", SIGNER
)
KEY = note.VerifierKey(name="bowstreet.example/x", kind=note.PLAIN, public_key=SIGNER.public_key)
CHANGE = transition.make("bowstreet.example/x", SIGNER, note.SoftwareSigner(bytes([1] * 32)), 2)
SEEDS = [
    CHANGE.note.encode(),
    SIGNED.write(),
    KEY.write().encode(),
    tiles.bundle([b"a", b"bc"]),
    b"tile/entries/x001/234.p/7",
    bytes(64),
]


def fuzz_one(data: bytes) -> None:
    with contextlib.suppress(MalformedProof):
        said, read = checkpoint.read(data)
        assert read.write() == data
        assert said.text() == read.text
        assert not note.signed_by(read, KEY) or read.text == SIGNED.text
    with contextlib.suppress(MalformedProof):
        assert tiles.bundle(tiles.unbundle(data)) == data
    with contextlib.suppress(MalformedProof):
        assert b"".join(tiles.split(data)) == data
    text = data.decode(errors="replace")
    with contextlib.suppress(MalformedProof):
        assert note.read_key(text).write() == text.strip()
    with contextlib.suppress(MalformedProof):
        assert tiles.path_of(*tiles.read_path(text)) == text
    with contextlib.suppress(MalformedProof):
        assert transition.read(text).old != KEY or text == CHANGE.note
