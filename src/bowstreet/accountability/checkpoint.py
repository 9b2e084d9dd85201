"""Checkpoints (c2sp.org/tlog-checkpoint): how long the log is and what its root is, signed by the log and by witnesses. Pure.

The text of one is the log's origin, its size, the root in base64, and lines of extension:

    bowstreet.example/islington
    1024
    CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

A witness's signature (c2sp.org/tlog-cosignature) is made over the text with the time before it, and carries that time.
"""

import base64
from datetime import UTC, datetime

import msgspec

from bowstreet.accountability import note as notes
from bowstreet.accountability.note import COSIGNATURE, Note, SignatureLine, Signer, VerifierKey
from bowstreet.errors import MalformedProof

# Tile addresses reach so far (c2sp.org/tlog-tiles), and no city records more.
MOST_ENTRIES = 1 << 53


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True):
    """The log of `origin` has this root after `size` entries. `extensions` are further lines, as they stand."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def text(self) -> str:
        more = "".join(f"{line}\n" for line in self.extensions)
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n{more}"


class Cosigned(msgspec.Struct, frozen=True, kw_only=True):
    """A witness has seen it, at this time by its own clock, and found it consistent with all that it saw before."""

    witness: str
    at: datetime


def read_text(text: str) -> Checkpoint:
    """Raises `MalformedProof`."""
    lines = text.split("\n")
    if lines.pop() != "" or len(lines) < 3:
        raise _malformed("it needs an origin, a size and a root, each on its line")
    origin, said_size, said_root, *extensions = lines
    notes.checked_text(text)
    if not origin:
        raise _malformed("it has no origin")
    if any(not line for line in extensions):
        raise _malformed("an extension line is empty")
    root = notes.decode64(said_root)
    if len(root) != 32:
        raise _malformed("its root is not a SHA-256 hash")
    return Checkpoint(origin=origin, size=read_size(said_size), root=root, extensions=tuple(extensions))


def read(data: bytes) -> tuple[Checkpoint, Note]:
    """A signed checkpoint, whose signatures are not checked yet. Raises `MalformedProof`."""
    note = notes.read(data)
    return read_text(note.text), note


def read_size(said: str) -> int:
    """A decimal number without leading zeros. Raises `MalformedProof`."""
    if not (said.isascii() and said.isdigit()) or (len(said) > 1 and said[0] == "0") or len(said) > 16:
        raise _malformed(f"{said[:20]!a} is not a size")
    size = int(said)
    if size > MOST_ENTRIES:
        raise _malformed("its size is beyond any log")
    return size


def sign(checkpoint: Checkpoint, name: str, signer: Signer) -> Note:
    """The checkpoint with the log's own signature."""
    text = checkpoint.text()
    return Note(text=text, signatures=(notes.sign(text, name, signer),))


def cosign(text: str, name: str, signer: Signer, at: datetime) -> SignatureLine:
    """A witness's line. `at` is cut to whole seconds."""
    seconds = int(at.timestamp())
    signature = signer.sign(_cosigned_message(text, seconds))
    return SignatureLine(
        name=notes.checked_name(name),
        key_id=notes.key_id(name, COSIGNATURE, signer.public_key),
        blob=seconds.to_bytes(8, "big") + signature,
    )


def cosigned_by(note: Note, key: VerifierKey) -> Cosigned | None:
    """When this witness signed it; None when it did not, or its signature is wrong."""
    lines = notes.lines_of(note, key)
    if key.kind != COSIGNATURE or len(lines) != 1 or len(lines[0].blob) != 72:
        return None
    blob = lines[0].blob
    seconds = int.from_bytes(blob[:8], "big")
    if not key.verifies(_cosigned_message(note.text, seconds), blob[8:]):
        return None
    try:
        return Cosigned(witness=key.name, at=datetime.fromtimestamp(seconds, UTC))
    except (ValueError, OverflowError, OSError):
        return None


def _cosigned_message(text: str, seconds: int) -> bytes:
    return f"cosignature/v1\ntime {seconds}\n{text}".encode()


def _malformed(what: str) -> MalformedProof:
    return MalformedProof(f"this is not a checkpoint: {what}", remedy="fetch it again from where it was published")
