"""A witness (c2sp.org/tlog-witness): it signs a log's checkpoint only when that continues every one it signed before.

A regulator, a newspaper or anybody else runs one, elsewhere: `bowstreet audit witness`. A log that shows one history to some
and another to others cannot have both signed by the same witness. What it has signed is durable before the signature leaves.
"""

import base64
from collections.abc import Iterable
from enum import StrEnum
from hashlib import sha256
from pathlib import Path

import msgspec

from bowstreet.accountability import checkpoint as checkpoints
from bowstreet.accountability import note as notes
from bowstreet.accountability.checkpoint import Checkpoint
from bowstreet.accountability.merkle import EMPTY_ROOT, verify_consistency
from bowstreet.accountability.note import COSIGNATURE, Note, Signer, VerifierKey
from bowstreet.errors import MalformedProof, StoreUnavailable
from bowstreet.runtime.durable import write_whole
from bowstreet.runtime.ports import Clock

# A proof between any two sizes below 2^63 has no more hashes.
MOST_PROOF = 63
MOST_BODY_BYTES = notes.MOST_BYTES + 64 * MOST_PROOF


class Verdict(StrEnum):
    """What becomes of a submission. How each is said over HTTP, `witness_http` knows."""

    SIGNED = "signed"
    OTHER_SIZE = "other-size"  # the asker believes that this witness stands elsewhere
    MALFORMED = "malformed"
    UNKNOWN_LOG = "unknown-log"
    UNSIGNED = "unsigned"  # not by the log's key
    UNPROVEN = "unproven"  # it does not continue what was signed before


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What the witness says. `body` is its signature line when it signed, the size where it stands at `OTHER_SIZE`, else why."""

    verdict: Verdict
    body: str


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """`old_size` is what the asker believes the witness to have signed last; `proof` leads from there to the checkpoint."""

    old_size: int
    proof: tuple[bytes, ...]
    checkpoint: bytes


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """The latest that was signed for a log. `note` is it, with this witness's signature; "" before the first."""

    origin: str
    size: int
    root: bytes
    note: str = ""


class WitnessDesk:
    """Decides what to sign, and remembers it.

    Args:
        name: the witness's own name, such as `regulator.example/witness`.
        logs: the keys of the logs that it watches, each named as its origin; of several of one log any will do.
        folder: where it keeps what it has signed.
    """

    def __init__(self, name: str, signer: Signer, logs: Iterable[VerifierKey], folder: Path, clock: Clock) -> None:
        self._name, self._signer, self._folder, self._clock = notes.checked_name(name), signer, folder, clock
        self._logs: dict[str, list[VerifierKey]] = {}
        for key in logs:
            self._logs.setdefault(key.name, []).append(key)
        self.key = VerifierKey(name=name, kind=COSIGNATURE, public_key=signer.public_key)

    def add_checkpoint(self, body: bytes) -> Answer:
        """One submission. Not to be called twice at the same time.

        Raises:
            StoreUnavailable: what it is about to sign cannot be kept; nothing is signed then.
        """
        try:
            asked = read_request(body)
            checkpoint, note = checkpoints.read(asked.checkpoint)
        except MalformedProof as error:
            return Answer(verdict=Verdict.MALFORMED, body=f"{error}\n")
        keys = self._logs.get(checkpoint.origin)
        if keys is None:
            return Answer(verdict=Verdict.UNKNOWN_LOG, body="this witness does not know the log\n")
        if not any(notes.signed_by(note, key) for key in keys):
            return Answer(verdict=Verdict.UNSIGNED, body="no signature of the log's key\n")
        if asked.old_size > checkpoint.size:
            return Answer(verdict=Verdict.MALFORMED, body="the old size is beyond the checkpoint\n")
        seen = self._seen(checkpoint.origin)
        if asked.old_size != seen.size:
            return Answer(verdict=Verdict.OTHER_SIZE, body=f"{seen.size}\n")
        if asked.old_size == checkpoint.size and seen.root != checkpoint.root:
            return Answer(verdict=Verdict.OTHER_SIZE, body=f"{seen.size}\n")
        if not verify_consistency(seen.size, seen.root, checkpoint.size, checkpoint.root, asked.proof):
            return Answer(verdict=Verdict.UNPROVEN, body="the proof does not lead there\n")
        line = checkpoints.cosign(note.text, self._name, self._signer, self._clock.now())
        own = [one for one in note.signatures if one.name == checkpoint.origin]
        self._keep(checkpoint, Note(text=note.text, signatures=(*own, line)))
        return Answer(verdict=Verdict.SIGNED, body=line.write())

    def latest(self, named: str) -> str | None:
        """The latest that was signed for a log, as a signed note; `named` is `log_name` of its origin. None when there is
        none."""
        origin = next((one for one in self._logs if log_name(one) == named), None)
        return None if origin is None else self._seen(origin).note or None

    def _path(self, origin: str) -> Path:
        return self._folder / f"seen-{log_name(origin)[:32]}.json"

    def _seen(self, origin: str) -> Seen:
        try:
            data = self._path(origin).read_bytes()
        except FileNotFoundError:
            return Seen(origin=origin, size=0, root=EMPTY_ROOT)
        except OSError as error:
            raise _unavailable(self._folder) from error
        try:
            return msgspec.json.decode(data, type=Seen)
        except msgspec.DecodeError as error:
            raise StoreUnavailable(
                f"{self._path(origin)} cannot be read", remedy="put back the newest copy; never begin anew with the same key"
            ) from error

    def _keep(self, checkpoint: Checkpoint, note: Note) -> None:
        seen = Seen(origin=checkpoint.origin, size=checkpoint.size, root=checkpoint.root, note=note.write().decode())
        path = self._path(checkpoint.origin)
        try:
            write_whole(path, msgspec.json.encode(seen))
        except OSError as error:
            raise _unavailable(self._folder) from error


def log_name(origin: str) -> str:
    """SHA-256 of an origin, hex: what a log goes by in an address."""
    return sha256(origin.encode()).hexdigest()


def write_request(asked: Request) -> bytes:
    proof = "".join(f"{base64.b64encode(node).decode()}\n" for node in asked.proof)
    return f"old {asked.old_size}\n{proof}\n".encode() + asked.checkpoint


def read_request(body: bytes) -> Request:
    """Raises `MalformedProof`."""
    if len(body) > MOST_BODY_BYTES:
        raise _malformed(f"{len(body):,} bytes")
    head, gap, checkpoint = body.partition(b"\n\n")
    if not gap:
        raise _malformed("no empty line before the checkpoint")
    try:
        first, *proof = head.decode("ascii").split("\n")
    except UnicodeDecodeError as error:
        raise _malformed("not ASCII before the checkpoint") from error
    if not first.startswith("old "):
        raise _malformed("it does not begin with the old size")
    if len(proof) > MOST_PROOF:
        raise _malformed(f"a proof of {len(proof)} hashes")
    hashes = tuple(notes.decode64(line) for line in proof)
    if any(len(node) != 32 for node in hashes):
        raise _malformed("a proof of other than SHA-256 hashes")
    return Request(old_size=checkpoints.read_size(first.removeprefix("old ")), proof=hashes, checkpoint=checkpoint)


def _malformed(what: str) -> MalformedProof:
    return MalformedProof(f"this is no submission to a witness: {what}", remedy="see c2sp.org/tlog-witness")


def _unavailable(folder: Path) -> StoreUnavailable:
    return StoreUnavailable(f"the witness cannot keep what it signs in {folder}", remedy="free some space, or mend its rights")
