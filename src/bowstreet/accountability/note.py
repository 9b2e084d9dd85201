"""Signed notes (c2sp.org/signed-note): a text, and under it one line for each who signed it. Pure; Ed25519 alone.

A note is UTF-8 text that ends in a newline, an empty line, and signature lines:

    — name base64(key id ‖ signature)

The key id is the first four bytes of SHA-256(name ‖ "\\n" ‖ signature type ‖ public key). What signs is a `Signer`; whom to
believe is a `VerifierKey`, written `name+key id+base64(type ‖ public key)`.
"""

import base64
import binascii
import hmac
import unicodedata
from hashlib import sha256
from typing import Protocol

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from bowstreet.errors import MalformedProof

# Signature types of c2sp.org/signed-note: a plain Ed25519 signature, and a witness's with its time (tlog-cosignature).
PLAIN, COSIGNATURE = 0x01, 0x04
# A checkpoint with a dozen witnesses has 2 kB. What is larger is refused unread.
MOST_BYTES = 64 * 1024
MOST_SIGNATURES = 100
MOST_NAME_BYTES = 255
# The points of small order on the curve (their y, little-endian, sign bit cleared), and the encodings that are not canonical:
# with one of these as public key, anybody can make a signature that verifies (RFC 8032 §5.1.7 lets them pass).
_P = 2**255 - 19
SMALL_ORDER = tuple(
    y.to_bytes(32, "little")
    for y in (
        0, 1, _P - 1, _P, _P + 1,
        int.from_bytes(bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"), "little"),
        int.from_bytes(bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"), "little"),
    )
)  # fmt: skip
_DASH = "\u2014 "


class SignatureLine(msgspec.Struct, frozen=True, kw_only=True):
    """One line under a note. `blob` is what follows the key id: for a plain signature, its 64 bytes."""

    name: str
    key_id: bytes
    blob: bytes

    def write(self) -> str:
        return f"{_DASH}{self.name} {base64.b64encode(self.key_id + self.blob).decode()}\n"


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """A text with the signatures under it. `text` ends in a newline."""

    text: str
    signatures: tuple[SignatureLine, ...] = ()

    def write(self) -> bytes:
        return (self.text + "\n" + "".join(line.write() for line in self.signatures)).encode()


class VerifierKey(msgspec.Struct, frozen=True, kw_only=True):
    """A public key by name, and for which type of signature it is used."""

    name: str
    kind: int
    public_key: bytes

    @property
    def key_id(self) -> bytes:
        return key_id(self.name, self.kind, self.public_key)

    def write(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{base64.b64encode(bytes([self.kind]) + self.public_key).decode()}"

    def verifies(self, message: bytes, signature: bytes) -> bool:
        """Whether `signature` is this key's over `message`."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public_key).verify(signature, message)
        except (InvalidSignature, ValueError):
            return False
        return True


class Signer(Protocol):
    """Holds a private key, here or in a hardware module."""

    @property
    def public_key(self) -> bytes: ...

    def sign(self, message: bytes) -> bytes:
        """64 bytes of Ed25519. Raises `KeyUnavailable`."""
        ...


class SoftwareSigner:
    """A private key in memory."""

    def __init__(self, seed: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self._public_key = self._key.public_key().public_bytes_raw()

    @property
    def public_key(self) -> bytes:
        return self._public_key

    def sign(self, message: bytes) -> bytes:
        return self._key.sign(message)


def key_id(name: str, kind: int, public_key: bytes) -> bytes:
    """Four bytes that hint at the key; they prove nothing."""
    return sha256(name.encode() + b"\n" + bytes([kind]) + public_key).digest()[:4]


def sign(text: str, name: str, signer: Signer) -> SignatureLine:
    """A plain signature line for `text`, which must end in a newline."""
    return SignatureLine(
        name=checked_name(name), key_id=key_id(name, PLAIN, signer.public_key), blob=signer.sign(checked_text(text).encode())
    )


def signed_by(note: Note, key: VerifierKey) -> bool:
    """Whether the note bears a valid plain signature of this key."""
    if key.kind != PLAIN:
        return False
    lines = lines_of(note, key)
    return bool(lines) and all(key.verifies(note.text.encode(), line.blob) for line in lines)


def lines_of(note: Note, key: VerifierKey) -> list[SignatureLine]:
    """The lines that say that they are of this key."""
    return [line for line in note.signatures if line.name == key.name and hmac.compare_digest(line.key_id, key.key_id)]


def read(data: bytes) -> Note:
    """Take a note apart; signatures are not checked here.

    Raises:
        MalformedProof: when it is not in the form.
    """
    if len(data) > MOST_BYTES:
        raise _malformed(f"a note of {len(data):,} bytes; the most is {MOST_BYTES:,}")
    try:
        whole = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _malformed("not UTF-8") from error
    text, gap, tail = whole.rpartition("\n\n")
    if not gap:
        raise _malformed("no empty line before the signatures")
    lines = tail.split("\n")
    if lines.pop() != "" or not lines:
        raise _malformed("no signature, or the last line is cut off")
    if len(lines) > MOST_SIGNATURES:
        raise _malformed(f"{len(lines)} signatures; the most is {MOST_SIGNATURES}")
    return Note(text=checked_text(text + "\n"), signatures=tuple(_line(line) for line in lines))


def read_key(said: str) -> VerifierKey:
    """Read `name+key id+base64`. Raises `MalformedProof`."""
    name, _, rest = said.strip().partition("+")
    given_id, _, encoded = rest.partition("+")
    raw = decode64(encoded)
    if len(raw) != 33 or raw[0] not in (PLAIN, COSIGNATURE):
        raise _malformed("not an Ed25519 verifier key")
    if raw[1:32] + bytes([raw[32] & 0x7F]) in SMALL_ORDER:
        raise _malformed("with this verifier key anyone could sign")
    key = VerifierKey(name=checked_name(name), kind=raw[0], public_key=raw[1:])
    if key.key_id.hex() != given_id:
        raise _malformed(f"the key id of {name} is not that of its key: a typing mistake, or another key")
    return key


def read_keys(said: str) -> tuple[VerifierKey, ...]:
    """Keys one a line, as `/log/key` gives them: the newest first. Raises `MalformedProof`."""
    return tuple(read_key(line) for line in said.strip().split("\n"))


def _line(said: str) -> SignatureLine:
    if not said.startswith(_DASH):
        raise _malformed("a signature line does not begin with an em dash")
    name, _, encoded = said[len(_DASH) :].partition(" ")
    raw = decode64(encoded)
    if len(raw) < 5:
        raise _malformed("a signature line without a signature")
    return SignatureLine(name=checked_name(name), key_id=raw[:4], blob=raw[4:])


def checked_name(name: str) -> str:
    """A key name: not empty, no space, no plus. Raises `MalformedProof`."""
    if not name or len(name.encode(errors="replace")) > MOST_NAME_BYTES:
        raise _malformed("a key name is 1 to 255 bytes long")
    if any(character == "+" or character.isspace() or unicodedata.category(character) in ("Cc", "Cs") for character in name):
        raise _malformed("a key name has a space, a plus or a control character")
    return name


def checked_text(text: str) -> str:
    """Raises `MalformedProof` for a text that cannot be signed: control characters, or no newline at its end."""
    if not text.endswith("\n"):
        raise _malformed("the text does not end in a newline")
    if any((ord(character) < 0x20 and character != "\n") or unicodedata.category(character) == "Cs" for character in text):
        raise _malformed("the text has control characters")
    return text


def decode64(said: str) -> bytes:
    """Strict, canonical base64. Raises `MalformedProof`."""
    try:
        raw = base64.b64decode(said.encode("ascii"), validate=True)
    except (binascii.Error, ValueError) as error:
        raise _malformed("not base64") from error
    if base64.b64encode(raw).decode() != said:
        raise _malformed("base64 that is not canonical")
    return raw


def _malformed(what: str) -> MalformedProof:
    return MalformedProof(f"this is not a signed note: {what}", remedy="fetch it again from where it was published")
