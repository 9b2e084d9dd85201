"""The file of a recording: parts as received, each sealed, chained by hashes whose heads are in the ledger.

A part is a head or a fragment of MP4, metadata as it came, or where the drone was. Chain: `head(0)` is SHA-256 of the recording's
name; `head(n + 1)` is SHA-256 of `head(n)` and of part n's SHA-256. Parts put together in order (heads and fragments) are the MP4
as received. What was cut off by a crash is at most the last part; all before it still verify.

The file: a magic line, then for each part its length (4 octets) and its sealed octets. The part's number is bound to the seal.
"""

import os
import struct
from collections.abc import Iterator
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from bowstreet.accountability.keys import open_with, seal_with
from bowstreet.errors import MalformedProof
from bowstreet.video.model import MOST_UNIT_BYTES

MAGIC = b"bowstreet footage 1\n"
_LENGTH = struct.Struct(">I")
MOST_PART_BYTES = MOST_UNIT_BYTES + 65_536


class PartKind(StrEnum):
    HEADER = "header"  # of MP4
    FRAGMENT = "fragment"
    KLV = "klv"  # a MISB ST 0601 local set, as received
    PLACE = "place"  # where the drone was by its telemetry, JSON
    RECORD = "record"  # of a redacted copy: what was covered in it, JSON


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One piece of a recording. `captured_us` is Unix time, 0 where it has none."""

    kind: PartKind
    pts_us: int
    captured_us: int
    data: bytes


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Part).decode


def body_of(part: Part) -> bytes:
    """What is hashed of a part: MessagePack, a map of its four fields in their order."""
    return _encode(part)


def body_octets(kind: PartKind, pts_us: int, captured_us: int, octets: int) -> int:
    """How long the body of a part with so many octets of data is, without them."""
    length = 2 if octets < 1 << 8 else 3 if octets < 1 << 16 else 5  # MessagePack's head of binary data: bin 8, 16, 32
    return len(_encode(Part(kind=kind, pts_us=pts_us, captured_us=captured_us, data=b""))) - 2 + length + octets


class Chain(msgspec.Struct, frozen=True, kw_only=True):
    """How far a recording goes: so many parts and octets of them, and the head over all of them."""

    parts: int
    octets: int
    head: bytes

    def then(self, body: bytes) -> "Chain":
        return self.after(len(body), sha256(body).digest())

    def after(self, octets: int, digest: bytes) -> "Chain":
        """With a part whose body has so many octets and that SHA-256: whoever has not the part goes on with these."""
        return Chain(parts=self.parts + 1, octets=self.octets + octets, head=sha256(self.head + digest).digest())


def start(recording_id: str) -> Chain:
    return Chain(parts=0, octets=0, head=sha256(b"bowstreet recording " + recording_id.encode()).digest())


class FootageWriter:
    """Appends parts to a new file. What was appended survives kill -9; `sync` makes it survive a power cut."""

    def __init__(self, path: Path, recording_id: str, key: AESGCM) -> None:
        self._key, self._recording_id = key, recording_id
        self._file = path.open("xb", buffering=0)
        path.chmod(0o600)
        try:
            if self._file.write(MAGIC) != len(MAGIC):
                raise OSError(28, "no space left on device")
        except OSError:
            self._file.close()
            raise
        self.chain = start(recording_id)

    def append(self, part: Part) -> None:
        """Raises `OSError` when the disk is full; then the file ends before this part."""
        body = _encode(part)
        sealed = seal_with(self._key, body, _context(self._recording_id, self.chain.parts))
        whole = _LENGTH.pack(len(sealed)) + sealed
        at = self._file.tell()
        try:
            written = self._file.write(whole)
            if written != len(whole):
                raise OSError(28, "no space left on device")
        except OSError:
            self._file.truncate(at)
            self._file.seek(at)
            raise
        self.chain = self.chain.then(body)

    def sync(self) -> None:
        os.fsync(self._file.fileno())

    def close(self) -> None:
        self._file.close()


def is_stub(path: Path) -> bool:
    """Whether a file ends before its magic line does: its recording died before the first octets were there. It holds nothing."""
    try:
        return path.stat().st_size < len(MAGIC)
    except FileNotFoundError:
        return False


class Read(msgspec.Struct, frozen=True, kw_only=True):
    """A part that was read, the chain with it, and where in the file it begins."""

    part: Part
    chain: Chain
    place: int = 0


def read(file: BinaryIO, recording_id: str, key: AESGCM) -> Iterator[Read]:
    """Every whole part, in order; what a crash cut off at the end is passed over.

    Raises:
        MalformedProof: it is no footage, or a part was changed, dropped or moved; the number of the part is named.
    """
    if file.read(len(MAGIC)) != MAGIC:
        raise MalformedProof("this is no footage", remedy="name a file of the footage folder")
    chain, place = start(recording_id), len(MAGIC)
    while (sealed := _sealed(file, recording_id, chain.parts)) is not None:
        body, part = _opened(sealed, recording_id, chain.parts, key)
        chain = chain.then(body)
        yield Read(part=part, chain=chain, place=place)
        place += _LENGTH.size + len(sealed)


def read_one(file: BinaryIO, recording_id: str, key: AESGCM, number: int, place: int) -> Part:
    """One part again, where `read` said that it begins. Raises `MalformedProof` when it is not there, or was changed."""
    file.seek(place)
    sealed = _sealed(file, recording_id, number)
    if sealed is None:
        raise _wrong(recording_id, number)
    return _opened(sealed, recording_id, number, key)[1]


def _sealed(file: BinaryIO, recording_id: str, number: int) -> bytes | None:
    """None at the end of the file, or when a crash has cut the part off."""
    said = file.read(_LENGTH.size)
    if len(said) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(said)
    if length > MOST_PART_BYTES:
        raise _wrong(recording_id, number)
    sealed = file.read(length)
    return None if len(sealed) < length else sealed


def _opened(sealed: bytes, recording_id: str, number: int, key: AESGCM) -> tuple[bytes, Part]:
    try:
        body = open_with(key, sealed, _context(recording_id, number))
        return body, _decode(body)
    except (InvalidTag, msgspec.DecodeError, ValueError) as error:
        raise _wrong(recording_id, number) from error


def _wrong(recording_id: str, number: int) -> MalformedProof:
    return MalformedProof(f"recording '{recording_id}': part {number} was changed", remedy="look for a copy that is whole")


def _context(recording_id: str, number: int) -> bytes:
    return b"footage %s %d" % (recording_id.encode(), number)
