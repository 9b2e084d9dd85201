"""How a worker and the program talk: length, then msgpack, over pipes."""

import struct
from typing import IO, Any

import msgspec

from bowstreet.errors import MalformedPacket
from bowstreet.recognition.evaluation.examiner.model import MOST_FILE_BYTES, FromWorker, ToWorker

_LENGTH = struct.Struct(">I")
MOST_BYTES = MOST_FILE_BYTES + 4_096
_encoder = msgspec.msgpack.Encoder()
_to_worker: Any = msgspec.msgpack.Decoder(ToWorker)
_from_worker: Any = msgspec.msgpack.Decoder(FromWorker)
# A worker may have been taken over by what it looked at: it may not make the program hold more than this.
MOST_ANSWER_BYTES = 64 * 1024


def send(stream: IO[bytes], message: ToWorker | FromWorker) -> None:
    body = _encoder.encode(message)
    stream.write(_LENGTH.pack(len(body)) + body)
    stream.flush()


def _body(stream: IO[bytes], most: int) -> bytes | None:
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(head)
    if length > most:
        raise MalformedPacket(f"{length} bytes at once between the program and a worker", remedy="the worker is started again")
    body = stream.read(length)
    return body if len(body) == length else None


def hear(stream: IO[bytes]) -> ToWorker | None:
    """In the worker; None at the end."""
    body = _body(stream, MOST_BYTES)
    return None if body is None else _to_worker.decode(body)


def answer(stream: IO[bytes]) -> FromWorker | None:
    """In the program; None when the worker is gone.

    Raises:
        MalformedPacket: what came is no answer.
    """
    body = _body(stream, MOST_ANSWER_BYTES)
    return None if body is None else parse_answer(body)


def parse_answer(body: bytes) -> FromWorker:
    try:
        message: FromWorker = _from_worker.decode(body)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise MalformedPacket("a worker sent what is no answer", remedy="it is started again") from error
    return message
