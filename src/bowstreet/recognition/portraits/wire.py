"""How the program and the process that reads images talk: length, then an image one way and msgpack the other. No IO."""

import struct
from typing import Any

import msgspec

from bowstreet.recognition.listing import ReadFace, Unusable

LENGTH = struct.Struct(">I")


class Ready(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The models are loaded."""


class Failed(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """They cannot be."""

    why: str


Said = Ready | Failed | ReadFace | Unusable


def framed(message: Said) -> bytes:
    body = msgspec.msgpack.encode(message)
    return LENGTH.pack(len(body)) + body


decode: Any = msgspec.msgpack.Decoder(Said).decode
