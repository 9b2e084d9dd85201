"""What is needed of a fragmented MP4 to play it by its parts (ISO/IEC 14496-12): bytes in, values or an error out. No IO.

The boxes were written by a worker that looked into bytes from outside: they are read as such, with every length checked.
"""

import struct
from collections.abc import Iterator

import msgspec

from bowstreet.errors import MalformedPacket

_HEAD, _LARGE, _U32, _U64 = struct.Struct(">I4s"), struct.Struct(">Q"), struct.Struct(">I"), struct.Struct(">Q")
# In the flags of a sample: it needs others to be decoded (14496-12, 8.8.3.1).
_NO_SYNC = 0x00010000
_TFHD_FLAGS, _TFHD_OPTIONS = 0x20, ((0x01, 8), (0x02, 4), (0x08, 4), (0x10, 4))
_TRUN_OFFSET, _TRUN_FIRST, _TRUN_DURATION, _TRUN_SIZE, _TRUN_FLAGS = 0x01, 0x04, 0x100, 0x200, 0x400
_CONTAINERS = (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"moof", b"traf")
_DEEPEST = 6  # moov, trak, mdia, minf, stbl
# Before the entry's own boxes: six octets reserved, two of an index, seventy of a picture's (12.1.3).
_ENTRY_BYTES = 78


class Film(msgspec.Struct, frozen=True, kw_only=True):
    """What the head of an MP4 tells: ticks a second, the picture's size, and the type that a browser wants to hear."""

    timescale: int
    width_px: int
    height_px: int
    media_type: str


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """What a fragment tells of its one picture: when it is decoded, by the film's ticks, and whether it stands by itself."""

    ticks: int
    keyframe: bool


def film(header: bytes) -> Film:
    """Raises `MalformedPacket` when it is no head of a film."""
    found = dict(_walk(header))
    try:
        times, entry, track = found[b"mdhd"], found[b"stsd"][8:], found[b"tkhd"]
        (timescale,) = _U32.unpack_from(times, 20 if times[0] == 1 else 12)
        (length, kind) = _HEAD.unpack_from(entry)
        inner = dict(_boxes(entry[_HEAD.size + _ENTRY_BYTES : length]))
        width, height = (_U32.unpack_from(track, len(track) - back)[0] >> 16 for back in (8, 4))
        if not (0 < timescale <= 1_000_000_000 and 0 < width <= 4096 and 0 < height <= 4096):
            raise MalformedPacket("the head of a recording is no film", remedy="look at the camera's encoder")
        return Film(timescale=timescale, width_px=width, height_px=height, media_type=_media_type(kind, inner))
    except (KeyError, IndexError, struct.error) as error:
        raise MalformedPacket("the head of a recording is no film", remedy="look at the camera's encoder") from error


def shown(fragment: bytes) -> Shown:
    """Raises `MalformedPacket` when it is no fragment."""
    found = dict(_walk(fragment))
    try:
        run, usual, time = found[b"trun"], found[b"tfhd"], found[b"tfdt"]
        ticks = _U64.unpack_from(time, 4)[0] if time[0] == 1 else _U32.unpack_from(time, 4)[0]
        return Shown(ticks=ticks, keyframe=not _flags(usual, run) & _NO_SYNC)
    except (KeyError, IndexError, struct.error) as error:
        raise MalformedPacket("a part of a recording is no fragment", remedy="look at the camera's encoder") from error


def _flags(usual: bytes, run: bytes) -> int:
    """Of the run's first picture: its own, else the first's, else the usual ones."""
    said = int.from_bytes(run[1:4])
    at = 8 + 4 * bool(said & _TRUN_OFFSET)
    if said & _TRUN_FIRST:
        return int(_U32.unpack_from(run, at)[0])
    if said & _TRUN_FLAGS:
        return int(_U32.unpack_from(run, at + 4 * bool(said & _TRUN_DURATION) + 4 * bool(said & _TRUN_SIZE))[0])
    set_here = int.from_bytes(usual[1:4])
    if not set_here & _TFHD_FLAGS:
        return 0
    return int(_U32.unpack_from(usual, 8 + sum(size for flag, size in _TFHD_OPTIONS if set_here & flag))[0])


def _media_type(kind: bytes, inner: dict[bytes, bytes]) -> str:
    if kind in (b"hvc1", b"hev1"):
        return f'video/mp4; codecs="{kind.decode()}.1.6.L120.90"'
    if kind != b"avc1":
        raise MalformedPacket("a recording is neither H.264 nor H.265", remedy="look at the camera's encoder")
    return f'video/mp4; codecs="avc1.{inner[b"avcC"][1:4].hex()}"'


def _walk(data: bytes, deep: int = 0) -> Iterator[tuple[bytes, bytes]]:
    """Every box and what is in it, those inside others too."""
    for name, body in _boxes(data):
        yield name, body
        if name in _CONTAINERS and deep < _DEEPEST:
            yield from _walk(body, deep + 1)


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    while at + _HEAD.size <= len(data):
        length, name = _HEAD.unpack_from(data, at)
        start = at + _HEAD.size
        if length == 1:
            if start + _LARGE.size > len(data):
                return
            (length,) = _LARGE.unpack_from(data, start)
            start += _LARGE.size
        end = at + length
        if end < start or end > len(data):
            return
        yield name, data[start:end]
        at = end
