"""How the worker that handles C2PA and the program talk: length, then MessagePack. The worker asks for octets and for signatures;
it has neither the footage, nor its key, nor the key that signs. No IO but on the two files that are given."""

import struct
from typing import BinaryIO

import msgspec

from bowstreet.errors import MalformedPacket

_LENGTH = struct.Struct(">I")
# A block of a video, or a manifest: some 15 kB.
MOST_BYTES = 4 * 1024 * 1024


class Job(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """What the worker is to do with a video of so many octets: sign `definition`, or hold `manifest` against it.

    `chain` is PEM: of who signs, or of whom to trust.
    """

    octets: int
    algorithm: str = ""
    chain: str = ""
    definition: str = ""
    manifest: bytes = b""


class Octets(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The worker asks for these of the video."""

    at: int
    count: int


class Sign(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The worker asks for a signature over this."""

    data: bytes


class Given(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """What it asked for."""

    data: bytes


class Made(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The manifest."""

    manifest: bytes


class Seen(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """What the manifest came to: `state` is Valid, Trusted or Invalid, and who signed it by its own word."""

    state: str
    signer: str
    issuer: str
    assertion: str
    faults: tuple[str, ...]


class Failed(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """It could not be done; the library's words."""

    what: str


Said = Job | Octets | Sign | Given | Made | Seen | Failed
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Said).decode


def tell(file: BinaryIO, said: Said) -> None:
    body = _encode(said)
    file.write(_LENGTH.pack(len(body)) + body)
    file.flush()


def hear(file: BinaryIO) -> Said | None:
    """What was said next; None when the other is gone.

    Raises:
        MalformedPacket: it is nothing that is said here.
    """
    head = file.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(head)
    if length > MOST_BYTES:
        raise MalformedPacket("the worker says too much at once", remedy="it is ended")
    body = file.read(length)
    if len(body) < length:
        return None
    try:
        said: Said = _decode(body)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise MalformedPacket("the worker says what is nothing", remedy="it is ended") from error
    return said
