"""The bytes of video that are parsed outside of its library: addresses, a worker's words, Annex B, ST 0601, footage, MP4."""

import contextlib
import io
import struct

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from bowstreet.errors import MalformedConfiguration, MalformedPacket, MalformedProof
from bowstreet.video import boxes, footage, klv, nal, pipe
from bowstreet.video.address import parse_address
from bowstreet.video.model import Codec, Finding, Header, Trouble
from bowstreet.video.redaction.service import read_look


def _box(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(body), name) + body


SEEDS = [
    b"rtsp://10.0.0.1/live",
    b"\x00\x00\x00\x01\x67\x42\xc0\x1e\x00\x00\x00\x01\x68\xce",
    pipe.framed(Header(data=b"head")) + pipe.framed(Trouble(code="corrupt", text="a picture is damaged")),
    b"\x06\x0e\x2b\x34\x02\x0b\x01\x01\x0e\x01\x03\x01\x01\x00\x00\x00\x0a\x02\x08\x00\x05\x00\x00\x00\x00\x00\x00",
]
_ENTRY = _box(b"avc1", bytes(78) + _box(b"avcC", b"\x01\x42\xc0\x1e"))
_MEDIA = _box(b"mdhd", bytes(12) + struct.pack(">I", 90_000) + bytes(8)) + _box(
    b"minf", _box(b"stbl", _box(b"stsd", bytes(8) + _ENTRY))
)
_TRACK = _box(b"tkhd", bytes(76) + struct.pack(">II", 640 << 16, 360 << 16)) + _box(b"mdia", _MEDIA)
SEEDS += [
    _box(b"moov", _box(b"trak", _TRACK)),
    _box(b"moof", _box(b"traf", _box(b"tfhd", bytes(8)) + _box(b"tfdt", bytes(8)) + _box(b"trun", b"\0\0\0\5" + bytes(12)))),
    b"\x83\xa8width_px\xcd\x02\x80\xa9height_px\xcd\x01\x68\xa6tracks\x90",
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
    with contextlib.suppress(MalformedPacket):
        boxes.film(data)
    with contextlib.suppress(MalformedPacket):
        boxes.shown(data)
    with contextlib.suppress(MalformedPacket):
        read_look(Finding(sequence=0, captured_us=0, data=data), 0)
    with contextlib.suppress(MalformedProof):
        list(footage.read(io.BytesIO(footage.MAGIC + data), "rec-1", KEY))
