"""What an image file says of itself before anything decodes it: its form and size. Bytes in, values out; bounded, no IO.

Three forms are taken, JPEG, PNG and WebP: what cameras, scanners and phones give. Whatever else a file pretends to be, or is besides,
is refused before a decoder sees it.
"""

import struct

import msgspec

from bowstreet.errors import BadInput

MOST_BYTES = 12 * 1024 * 1024
# A 50-megapixel photograph; a file of some kilobytes can claim a thousand times as much.
MOST_PIXELS = 50_000_000
MOST_SIDE_PX = 12_000
LEAST_SIDE_PX = 48
# Segments of a JPEG before its frame: real ones have some ten.
MOST_SEGMENTS = 200
REMEDY = "give a photograph as JPEG, PNG or WebP"
_FRAMES = frozenset({*range(0xC0, 0xD0)}) - {0xC4, 0xC8, 0xCC}


class Size(msgspec.Struct, frozen=True, kw_only=True):
    form: str
    width_px: int
    height_px: int


def size_of(data: bytes) -> Size:
    """Raises `BadInput` for what is no image of these forms, or too small or too large to be of use."""
    if len(data) > MOST_BYTES:
        raise BadInput(f"the image is over {MOST_BYTES // 1024**2} MB", remedy="give a smaller copy")
    if data.startswith(b"\xff\xd8\xff"):
        form, (width, height) = "jpeg", _jpeg(data)
    elif data.startswith(b"\x89PNG\r\n\x1a\n"):
        form, (width, height) = "png", _png(data)
    elif data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        form, (width, height) = "webp", _webp(data)
    else:
        raise BadInput("it is no JPEG, PNG or WebP, whatever its name says", remedy=REMEDY)
    if min(width, height) < LEAST_SIDE_PX:
        raise BadInput(f"the image measures {width} × {height}: too small for a face", remedy="give a larger one")
    if width * height > MOST_PIXELS or max(width, height) > MOST_SIDE_PX:
        raise BadInput(f"the image claims to measure {width} × {height}", remedy="give a smaller copy")
    return Size(form=form, width_px=width, height_px=height)


def _jpeg(data: bytes) -> tuple[int, int]:
    """ITU T.81, annex B: segments up to the first frame header."""
    at = 2
    for _ in range(MOST_SEGMENTS):
        while data[at : at + 1] == b"\xff" and data[at + 1 : at + 2] == b"\xff":
            at += 1
        if at + 4 > len(data) or data[at] != 0xFF:
            break
        marker, (length,) = data[at + 1], struct.unpack_from(">H", data, at + 2)
        if marker in _FRAMES:
            if length < 8 or at + 9 > len(data):
                break
            height, width = struct.unpack_from(">HH", data, at + 5)
            return width, height
        if length < 2:
            break
        at += 2 + length
    raise BadInput("it is a broken JPEG", remedy=REMEDY)


def _png(data: bytes) -> tuple[int, int]:
    if len(data) < 33 or data[12:16] != b"IHDR":
        raise BadInput("it is a broken PNG", remedy=REMEDY)
    width, height = struct.unpack_from(">II", data, 16)
    return width, height


def _webp(data: bytes) -> tuple[int, int]:
    """RFC 9649: lossy, lossless or extended."""
    kind, body = data[12:16], data[20:]
    if kind == b"VP8 " and len(body) >= 10 and body[3:6] == b"\x9d\x01\x2a":
        width, height = struct.unpack_from("<HH", body, 6)
        return width & 0x3FFF, height & 0x3FFF
    if kind == b"VP8L" and len(body) >= 5 and body[0] == 0x2F:
        (bits,) = struct.unpack_from("<I", body, 1)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8X" and len(body) >= 10:
        return int.from_bytes(body[4:7], "little") + 1, int.from_bytes(body[7:10], "little") + 1
    raise BadInput("it is a broken WebP", remedy=REMEDY)
