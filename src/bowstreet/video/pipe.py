"""How a worker and the program talk: length, then msgpack. Bytes in, values out; no IO."""

import struct
from collections.abc import Iterator
from typing import Any

import msgspec

from bowstreet.errors import MalformedPacket
from bowstreet.video.model import MOST_UNIT_BYTES, FromWorker

_LENGTH = struct.Struct(">I")
MOST_BYTES = MOST_UNIT_BYTES + 4_096
_encoder = msgspec.msgpack.Encoder()
_decoder: Any = msgspec.msgpack.Decoder(FromWorker)


def framed(message: msgspec.Struct) -> bytes:
    body = _encoder.encode(message)
    return _LENGTH.pack(len(body)) + body


class Unframer:
    """Puts together what comes in pieces.

    A worker looks at bytes from outside and may have been taken over by them: what it says is checked like any other input.
    """

    def __init__(self, decoder: Any = _decoder) -> None:
        self._held, self._decoder = bytearray(), decoder

    def feed(self, data: bytes) -> Iterator[Any]:
        """Every message that is whole now, of those that the decoder knows.

        Raises:
            MalformedPacket: the bytes are no messages; nothing more can be read from this worker.
        """
        self._held += data
        start = 0
        try:
            while len(self._held) - start >= _LENGTH.size:
                (length,) = _LENGTH.unpack_from(self._held, start)
                if length > MOST_BYTES:
                    raise MalformedPacket(f"a video worker sent {length} bytes at once", remedy="the worker is started again")
                end = start + _LENGTH.size + length
                if len(self._held) < end:
                    return
                body = bytes(self._held[start + _LENGTH.size : end])
                start = end
                try:
                    message = self._decoder.decode(body)
                except (msgspec.DecodeError, ValueError, RecursionError) as error:  # bytes that are no UTF-8 too
                    raise MalformedPacket("a video worker sent what is no message", remedy="it is started again") from error
                yield message
        finally:
            del self._held[:start]
