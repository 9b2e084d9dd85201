"""Annex B: where the units of a coded picture begin and of which kind they are. Bytes in, values out; no IO.

ITU-T H.264 (7.3.1, table 7-1) and H.265 (7.3.1.2, table 7-1).
"""

import re
from collections.abc import Iterator

from bowstreet.video.model import Codec

START = b"\x00\x00\x00\x01"
_START_CODE = re.compile(rb"\x00\x00\x01")
_HEADERS = {Codec.H264: frozenset({7, 8}), Codec.H265: frozenset({32, 33, 34})}
# Instantaneous decoding refresh; for H.265 every random access point from BLA to CRA.
_REFRESH = {Codec.H264: frozenset({5}), Codec.H265: frozenset(range(16, 22))}


def units(data: bytes) -> Iterator[bytes]:
    """The NAL units of an Annex B byte stream, without start codes and trailing zeros."""
    starts = [found.end() for found in _START_CODE.finditer(data)]
    if not starts:
        return  # an MP4's parameter sets come without start codes
    for start, end in zip(starts, [*(one - 3 for one in starts[1:]), len(data)], strict=True):
        unit = data[start:end].rstrip(b"\x00")
        if unit:
            yield unit


def kind(codec: Codec, unit: bytes) -> int:
    return unit[0] & 0x1F if codec is Codec.H264 else unit[0] >> 1 & 0x3F


def headers(codec: Codec, data: bytes) -> bytes:
    """The parameter sets in it, Annex B; b"" when there are none."""
    return b"".join(START + unit for unit in units(data) if kind(codec, unit) in _HEADERS[codec])


def refreshes(codec: Codec, data: bytes) -> bool:
    """Whether a decoder can begin with this picture."""
    return any(kind(codec, unit) in _REFRESH[codec] for unit in units(data))


def self_contained(codec: Codec, data: bytes, known_headers: bytes) -> bytes:
    """A keyframe with its parameter sets before it, as a viewer who comes in the middle needs it."""
    return data if headers(codec, data) else known_headers + data


def media_type(codec: Codec, parameter_sets: bytes) -> str:
    """The MIME type with its codecs parameter (RFC 6381), as a browser's `SourceBuffer` wants it."""
    if codec is Codec.H265:
        return 'video/mp4; codecs="hvc1.1.6.L120.90"'
    sps = next((unit for unit in units(parameter_sets) if kind(codec, unit) == 7 and len(unit) >= 4), b"\x67\x42\xe0\x1f")
    return f'video/mp4; codecs="avc1.{sps[1:4].hex()}"'
