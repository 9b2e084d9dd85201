"""What ties a bundle to the ledger: entries, each with its proof of inclusion, under one signed checkpoint. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

import msgspec

from bowstreet import messages as m
from bowstreet.accountability import checkpoint as checkpoints
from bowstreet.accountability import ledger, transition
from bowstreet.accountability import note as notes
from bowstreet.accountability.checkpoint import Checkpoint
from bowstreet.accountability.merkle import leaf_hash, verify_inclusion
from bowstreet.accountability.note import Note, VerifierKey
from bowstreet.accountability.transition import Transition
from bowstreet.errors import MalformedProof
from bowstreet.runtime import wire
from bowstreet.runtime.ports import LogRow
from bowstreet.video.evidence.model import Anchor, Anchoring

# What a bundle shows of the ledger; a verifier takes nothing else.
OF_RECORDING = frozenset({"RecordingStarted", "RecordingAnchored", "RecordingClosed"})
OF_COPY = frozenset({"RedactionChanged", "RegionChanged"})
KINDS = OF_RECORDING | OF_COPY | {"AuthorisationChanged", "FootageDisclosed"}
# An entry, and a payload, with their escapes.
MOST_LINE_BYTES = 300_000
_REMEDY = "get the bundle anew"


class Anchored(msgspec.Struct, frozen=True, kw_only=True):
    """An entry that was proven to be in the log: where, when, and what it says; None when that was erased."""

    index: int
    at: datetime
    kind: str
    message: m.Message | None


class Stand(msgspec.Struct, frozen=True, kw_only=True):
    """The checkpoint that everything is proven against, and who signed it."""

    checkpoint: Checkpoint
    note: Note


def first_line(note: Note, transitions: Iterable[Transition]) -> Anchoring:
    size = checkpoints.read_text(note.text).size
    return Anchoring(checkpoint=note.write().decode(), transitions=tuple(one.note for one in transitions if one.index < size))


def anchor_of(row: LogRow, proof: Sequence[bytes]) -> Anchor:
    """`row` is opened."""
    opened = row.payload is not None and row.salt is not None
    return Anchor(
        entry=row.entry.decode(), payload=row.payload.decode() if opened and row.payload is not None else None,
        proof=tuple(one.hex() for one in proof), salt=row.salt.hex() if opened and row.salt is not None else None,
    )  # fmt: skip


def read_first(said: Anchoring, key: VerifierKey, known: Sequence[VerifierKey]) -> Stand:
    """Check who signed. Raises `MalformedProof`."""
    checkpoint, note = checkpoints.read(said.checkpoint.encode())
    keys = transition.chain(tuple(map(transition.read, said.transitions)), key)
    if known and not set(keys) & set(known):
        raise _wrong(f"it is of another log than the key that was given: {key.write()}")
    if checkpoint.origin != key.name or not notes.signed_by(note, key):
        raise _wrong("the log's key did not sign its checkpoint")
    if note.write() != said.checkpoint.encode():
        raise _wrong("its checkpoint is not written in the one form that it can have")
    return Stand(checkpoint=checkpoint, note=note)


def read_anchor(said: Anchor, stand: Stand) -> Anchored:
    """Check one entry against the checkpoint. Raises `MalformedProof`."""
    data = said.entry.encode()
    try:
        entry = ledger.read_entry(data)
        proof = [bytes.fromhex(one) for one in said.proof]
        salt = None if said.salt is None else bytes.fromhex(said.salt)
    except ValueError as error:
        raise _wrong(f"what should be an entry is {error}") from error
    if entry.kind not in KINDS:
        raise _wrong(f"an entry of the kind '{entry.kind[:40]!a}' does not belong here")
    if [one.hex() for one in proof] != list(said.proof) or (salt is not None and salt.hex() != said.salt):
        raise _wrong("a hash or a salt is not written in the one form that it can have")
    root, size = stand.checkpoint.root, stand.checkpoint.size
    if not verify_inclusion(leaf_hash(data), entry.index, size, proof, root):
        raise _wrong(f"entry {entry.index} is not in the log of the checkpoint at {size} entries")
    return Anchored(index=entry.index, at=entry.at, kind=entry.kind, message=_message(said, entry, salt))


def _message(said: Anchor, entry: ledger.Entry, salt: bytes | None) -> m.Message | None:
    if said.payload is None or salt is None:
        if said.payload is not said.salt:
            raise _wrong(f"entry {entry.index} is half erased: its payload and salt go together")
        return None
    if ledger.commit_to(said.payload.encode(), salt) != entry.commitment:
        raise _wrong(f"what entry {entry.index} says is not what it committed to")
    try:
        message = wire.decode(said.payload.encode())
    except (ValueError, msgspec.DecodeError, LookupError) as error:
        raise _wrong(f"what entry {entry.index} says cannot be read") from error
    if type(message).__name__ != entry.kind:
        raise _wrong(f"entry {entry.index} is of another kind than what it says")
    return message


def of_recording(found: Iterable[Anchored], recording_id: str) -> Iterator[Anchored]:
    return (one for one in found if getattr(one.message, "recording_id", None) == recording_id)


def _wrong(what: str) -> MalformedProof:
    return MalformedProof(what, remedy=_REMEDY)
