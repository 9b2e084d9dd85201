"""A change of the log's key under the same origin, so that whoever knew the old key follows to the new one. Pure.

It is a statement that both keys sign (c2sp.org/signed-note):

    Bowstreet key transition v1
    bowstreet.example/islington
    bowstreet.example/islington+0c2c…+AZ…      the key until now
    bowstreet.example/islington+77ab…+AR…      the key from now on
    1024                                       the place of the entry that records it

The entry's subject is SHA-256 of that text, so that the ledger itself, under the old key's last signature, says which key comes
next; and what an old key signs later, once it is stolen, is in nobody's ledger.
"""

from collections.abc import Iterable, Sequence
from hashlib import sha256

import msgspec

from bowstreet.accountability import checkpoint as checkpoints
from bowstreet.accountability import note as notes
from bowstreet.accountability.note import PLAIN, Note, Signer, VerifierKey
from bowstreet.errors import MalformedProof

HEAD = "Bowstreet key transition v1"
# The message that records it (`messages`): its entries' subjects are digests of transitions.
ENTRY_KIND = "LogKeyChanged"


class Transition(msgspec.Struct, frozen=True, kw_only=True):
    """From the key `old` to the key `new`, recorded as entry `index`. `note` is the signed statement."""

    old: VerifierKey
    new: VerifierKey
    index: int
    note: str

    @property
    def digest(self) -> str:
        """What the entry that records it shows as its subject."""
        return sha256(self.note.rpartition("\n\n")[0].encode() + b"\n").hexdigest()


def make(origin: str, old: Signer, new: Signer, index: int) -> Transition:
    before, after = (VerifierKey(name=origin, kind=PLAIN, public_key=one.public_key) for one in (old, new))
    text = f"{HEAD}\n{origin}\n{before.write()}\n{after.write()}\n{index}\n"
    signed = Note(text=text, signatures=(notes.sign(text, origin, old), notes.sign(text, origin, new)))
    return Transition(old=before, new=after, index=index, note=signed.write().decode())


def read(said: str) -> Transition:
    """One that both keys signed. Raises `MalformedProof`."""
    note = notes.read(said.encode())
    lines = note.text.split("\n")
    if len(lines) != 6 or lines[0] != HEAD:
        raise _malformed("it does not say what it should")
    old, new = notes.read_key(lines[2]), notes.read_key(lines[3])
    found = Transition(old=old, new=new, index=checkpoints.read_size(lines[4]), note=said)
    text = f"{HEAD}\n{old.name}\n{old.write()}\n{new.write()}\n{found.index}\n"
    if old.name != new.name or old == new or note.text != text:
        raise _malformed("it is not from one key of a log to another of the same log")
    if not (notes.signed_by(note, old) and notes.signed_by(note, new)):
        raise _malformed("it is not signed by both keys")
    return found


def chain(transitions: Sequence[Transition], current: VerifierKey) -> list[VerifierKey]:
    """All keys of a log in order, the current one last. Raises `MalformedProof` when one transition does not follow another."""
    keys = [transitions[0].old] if transitions else [current]
    for before, one in zip((None, *transitions), transitions, strict=False):
        if one.old != keys[-1] or (before is not None and one.index <= before.index):
            raise _malformed("it does not follow the one before")
        keys.append(one.new)
    if keys[-1] != current:
        raise _malformed("the last one does not lead to the key that signs now")
    return keys


def unrecorded(transitions: Iterable[Transition], recorded: Iterable[tuple[int, str]]) -> int | None:
    """The first entry at which transitions and the ledger's entries about them (place and subject) differ."""
    stated = {(one.index, one.digest) for one in transitions}
    return min((index for index, _ in stated ^ set(recorded)), default=None)


def _malformed(what: str) -> MalformedProof:
    return MalformedProof(f"this is no change of a log's key: {what}", remedy="fetch it again from /log/key-transitions")
