"""The bytes of video that are parsed outside of its library: addresses, a worker's words, Annex B, ST 0601, footage."""

import contextlib
import io

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from bowstreet.errors import MalformedConfiguration, MalformedPacket, MalformedProof
from bowstreet.video import footage, klv, nal, pipe
from bowstreet.video.address import parse_address
from bowstreet.video.model import Codec, Header, Trouble

SEEDS = [
    b"rtsp://10.0.0.1/live",
    b"\x00\x00\x00\x01\x67\x42\xc0\x1e\x00\x00\x00\x01\x68\xce",
    pipe.framed(Header(data=b"head")) + pipe.framed(Trouble(code="corrupt", text="a picture is damaged")),
    b"\x06\x0e\x2b\x34\x02\x0b\x01\x01\x0e\x01\x03\x01\x01\x00\x00\x00\x0a\x02\x08\x00\x05\x00\x00\x00\x00\x00\x00",
]
KEY = AESGCM(bytes(32))


def fuzz_one(data: bytes) -> None:
    with contextlib.suppress(MalformedConfiguration):
        parse_address(data.decode("utf-8", "replace"))
    with contextlib.suppress(MalformedPacket):
        list(pipe.Unframer().feed(data))
    for codec in Codec:
        nal.refreshes(codec, data)
        nal.media_type(codec, nal.headers(codec, data))
    with contextlib.suppress(MalformedPacket):
        klv.read(data)
    with contextlib.suppress(MalformedProof):
        list(footage.read(io.BytesIO(footage.MAGIC + data), "rec-1", KEY))
