"""What kind of picture some bytes are, and how large, from their first part: before anything decodes them. Bytes in, no IO."""

import struct
from dataclasses import dataclass
from typing import Literal

Kind = Literal["jpeg", "png", "webp", "bmp", "pnm"]
# Of a JPEG: start of frame, all but the tables (C4), the reserved (C8) and arithmetic conditioning (CC).
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_ALONE = frozenset({0x01, *range(0xD0, 0xD8)})
MOST_SEGMENTS = 10_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Header:
    """Sizes as stored: an EXIF turn is not yet done."""

    kind: Kind
    width_px: int
    height_px: int


def read_header(data: bytes) -> Header | None:
    """None for what is no picture of a kind that is read, or whose size cannot be told."""
    found = _read(data)
    return found if found is not None and found.width_px > 0 and found.height_px > 0 else None


def _read(data: bytes) -> Header | None:
    if data.startswith(b"\xff\xd8\xff"):
        return _jpeg(data)
    if data.startswith(b"\x89PNG\r\n\x1a\n") and data[12:16] == b"IHDR" and len(data) >= 24:
        width, height = struct.unpack_from(">II", data, 16)
        return Header(kind="png", width_px=width, height_px=height)
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return _webp(data)
    if data.startswith(b"BM") and len(data) >= 26 and struct.unpack_from("<I", data, 14)[0] >= 40:
        width, height = struct.unpack_from("<ii", data, 18)
        return Header(kind="bmp", width_px=width, height_px=abs(height))
    if data[:2] in (b"P5", b"P6"):
        return _pnm(data)
    return None


def _jpeg(data: bytes) -> Header | None:
    at = 2
    for _ in range(MOST_SEGMENTS):
        at = data.find(b"\xff", at)
        if at < 0 or at + 9 > len(data):
            return None
        marker = data[at + 1]
        if marker == 0xFF:
            at += 1
        elif marker in _FRAMES:
            height, width = struct.unpack_from(">HH", data, at + 5)
            return Header(kind="jpeg", width_px=width, height_px=height)
        elif marker == 0xDA:
            return None
        else:
            at += 2 if marker in _ALONE else 2 + max(2, struct.unpack_from(">H", data, at + 2)[0])
    return None


def _webp(data: bytes) -> Header | None:
    if len(data) < 30:
        return None
    kind = data[12:16]
    if kind == b"VP8X":
        width, height = int.from_bytes(data[24:27], "little") + 1, int.from_bytes(data[27:30], "little") + 1
    elif kind == b"VP8L":
        bits = int.from_bytes(data[21:25], "little")
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    elif kind == b"VP8 ":
        width, height = (value & 0x3FFF for value in struct.unpack_from("<HH", data, 26))
    else:
        return None
    return Header(kind="webp", width_px=width, height_px=height)


def _pnm(data: bytes) -> Header | None:
    words: list[bytes] = []
    for line in data[2:1_000].split(b"\n"):
        words += line.partition(b"#")[0].split()
        if len(words) >= 2:
            break
    if len(words) < 2 or not all(word.isdigit() and len(word) < 8 for word in words[:2]):
        return None
    return Header(kind="pnm", width_px=int(words[0]), height_px=int(words[1]))
