"""Messages as bytes: what the outbox keeps and what a distributed bus carries."""

from functools import reduce
from operator import or_
from typing import Any

import msgspec

from bowstreet.messages import MESSAGES, Message

_any_message: Any = reduce(or_, MESSAGES)
_decoder = msgspec.json.Decoder(_any_message)
_encoder = msgspec.json.Encoder()


def encode(message: Message) -> bytes:
    """JSON, tagged with the message's type."""
    return _encoder.encode(message)


def decode(data: bytes) -> Message:
    """Raises `ValueError` for bytes that are no message of this version."""
    message: Message = _decoder.decode(data)
    return message
