"""The worker that decodes a recording, to look through it or to make the copy. A process of its own that may do little.

What is decoded came from outside, and decoders are where such bytes do harm: as a stream's worker, this one writes no file, has
bounded memory and is given nothing but the film it works on. It says what it made, and the program believes it as little.

In: a line of JSON (`Job`), then parts of MP4, each with its length before it; a length of 0 ends them. Out: `video.pipe`.
"""

import importlib
import struct
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any, BinaryIO

import av
import msgspec
import numpy as np

from bowstreet.frames import DroneFrame, Pixels
from bowstreet.runtime.confinement import limit
from bowstreet.video.footage import MOST_PART_BYTES
from bowstreet.video.fragments import Fragmenter
from bowstreet.video.model import (
    MOST_PIXELS,
    AccessUnit,
    Codec,
    Ended,
    Finding,
    Fragment,
    FromWorker,
    Header,
    StreamFormat,
    Trouble,
)
from bowstreet.video.pipe import framed
from bowstreet.video.redaction.model import CoveredRegion

LENGTH = struct.Struct(">I")
# What a cover is filled with: Y, U, V. One colour, so that nothing of what was there is in the copy, not even how bright it was.
# A dull violet, which no street has: nobody takes a cover for asphalt.
FILL = (96, 152, 136)
QUALITY_CRF, KEYFRAME_EVERY = 21, 25
# Pictures between two looks, at most, whatever their times say: a recording may have a clock that stood still.
MOST_UNSEEN = 40


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """What to do with one film.

    Attributes:
        finder: what looks, as `module:callable`; "" makes the copy.
        offset_us: added to the film's own times.
        looks_hz: how many pictures a second are looked at.
        regions: what is covered in the copy, in order of time.
    """

    finder: str = ""
    offset_us: int = 0
    looks_hz: float = 6.0
    frame_rate_hz: float = 25.0
    regions: tuple[CoveredRegion, ...] = ()


class Fed:
    """The film as it comes in, for the library to read from. It cannot be sought in."""

    def __init__(self, source: BinaryIO) -> None:
        self._source, self._rest, self._over = source, b"", False

    def read(self, count: int) -> bytes:
        while not self._rest and not self._over:
            said = self._source.read(LENGTH.size)
            length = LENGTH.unpack(said)[0] if len(said) == LENGTH.size else 0
            if length == 0 or length > MOST_PART_BYTES:
                self._over = True
                return b""
            self._rest = self._source.read(length)
        given, self._rest = self._rest[:count], self._rest[count:]
        return given


class Teller:
    def __init__(self, out: BinaryIO) -> None:
        self._out = out

    def say(self, message: FromWorker) -> None:
        self._out.write(framed(message))
        self._out.flush()


class Decoded(msgspec.Struct, frozen=True, kw_only=True):
    """A picture, and when in the recording."""

    number: int
    at_us: int
    frame: Any


def pictures(source: BinaryIO, offset_us: int, teller: Teller) -> Iterator[Decoded]:
    """Every picture that can be decoded. Damaged ones are told, and passed over."""
    number, damaged = 0, 0
    # No extradata of another kind is believed: the format is what this program itself wrote.
    with av.open(Fed(source), "r", format="mp4") as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        for packet in container.demux(stream):
            try:
                frames = packet.decode()
            except av.FFmpegError:
                damaged += 1
                teller.say(Trouble(code="corrupt", text="a picture cannot be decoded", count=damaged))
                continue
            for frame in frames:
                if frame.width * frame.height > MOST_PIXELS or frame.pts is None or frame.time_base is None:
                    raise _Unusable("too-large", "a picture is larger than 4096 × 2304, or has no time")
                at_us = int(frame.pts * frame.time_base * 1_000_000) + offset_us
                yield Decoded(number=number, at_us=at_us, frame=frame)
                number += 1


def look_through(job: Job, source: BinaryIO, teller: Teller) -> None:
    module, _, name = job.finder.partition(":")
    finder: Any = getattr(importlib.import_module(module), name)()
    due_us, due = -1, 0
    for one in pictures(source, job.offset_us, teller):
        if one.at_us < due_us and one.number < due:
            continue
        due = one.number + MOST_UNSEEN
        due_us = one.at_us + int(1_000_000 / job.looks_hz) - 1_000
        frame = DroneFrame(
            source_id="", vehicle_id="", sequence=one.number, captured_at=datetime.fromtimestamp(one.at_us / 1e6, UTC),
            pixels=one.frame.to_ndarray(format="rgb24"),
        )  # fmt: skip
        found = finder.look(frame)
        if found is not None:
            teller.say(Finding(sequence=one.number, captured_us=one.at_us, data=found))


class Covers:
    """What is covered at a time that only grows."""

    def __init__(self, regions: tuple[CoveredRegion, ...]) -> None:
        self._coming = sorted(regions, key=lambda one: one.from_us)
        self._next = 0
        self._now: list[CoveredRegion] = []

    def at(self, at_us: int) -> list[CoveredRegion]:
        while self._next < len(self._coming) and self._coming[self._next].from_us <= at_us:
            self._now.append(self._coming[self._next])
            self._next += 1
        self._now = [one for one in self._now if one.until_us >= at_us]
        return self._now


def cover(planes: Pixels, width: int, height: int, regions: list[CoveredRegion]) -> None:
    """Fill regions of a picture of one plane of brightness and two of colour, a quarter each, one under the other (I420)."""
    luma = planes[:height]
    half = planes[height:].reshape(2, height // 2, width // 2)
    for one in regions:
        luma[one.top : one.bottom, one.left : one.right] = FILL[0]
        for plane, value in zip(half, FILL[1:], strict=True):
            plane[one.top // 2 : -(-one.bottom // 2), one.left // 2 : -(-one.right // 2)] = value


class Copier:
    """Codes covered pictures as H.264 and puts them into an MP4, a fragment each."""

    def __init__(self, rate_hz: float, teller: Teller) -> None:
        self._rate_hz, self._teller = rate_hz, teller
        self._coder: Any = None
        self._fragments: Fragmenter | None = None
        self._before: AccessUnit | None = None
        self._first_us = 0

    def add(self, planes: Pixels, width: int, height: int, at_us: int) -> None:
        if self._coder is None:
            self._coder, self._first_us = _coder(width, height, self._rate_hz), at_us
        picture = av.VideoFrame.from_ndarray(planes, format="yuv420p")
        picture.pts = at_us - self._first_us  # a film begins at 0
        for packet in self._coder.encode(picture):
            self._put(packet, width, height)

    def close(self, width: int, height: int) -> None:
        if self._coder is None:
            return
        for packet in self._coder.encode(None):
            self._put(packet, width, height)
        if self._fragments is not None and self._before is not None:
            self._say(self._before, self._fragments.close())

    def _put(self, packet: Any, width: int, height: int) -> None:
        data = bytes(packet)
        unit = AccessUnit(sequence=0, pts_us=int(packet.pts), received_us=0, keyframe=packet.is_keyframe, data=data)
        if self._fragments is None:
            form = StreamFormat(codec=Codec.H264, width_px=width, height_px=height, frame_rate_hz=self._rate_hz, headers=b"")
            self._fragments = Fragmenter(form, data, steady=True)
            self._teller.say(Header(data=self._fragments.header()))
        made = self._fragments.fragment(unit)
        before, self._before = self._before, unit
        if made and before is not None:
            self._say(before, made)

    def _say(self, unit: AccessUnit, data: bytes) -> None:
        if data:
            self._teller.say(Fragment(sequence=0, pts_us=unit.pts_us, captured_us=0, keyframe=unit.keyframe, data=data))


def _coder(width: int, height: int, rate_hz: float) -> Any:
    coder: Any = av.CodecContext.create("libx264", "w")
    coder.width, coder.height, coder.pix_fmt = width, height, "yuv420p"
    coder.time_base, coder.framerate = Fraction(1, 1_000_000), Fraction(rate_hz).limit_denominator(1_000)
    coder.gop_size, coder.max_b_frames, coder.thread_count = KEYFRAME_EVERY, 0, 1
    coder.options = {"preset": "veryfast", "tune": "zerolatency", "crf": str(QUALITY_CRF), "x264-params": "repeat-headers=1"}
    return coder


def make_copy(job: Job, source: BinaryIO, teller: Teller) -> None:
    covers, copier = Covers(job.regions), Copier(job.frame_rate_hz, teller)
    width = height = 0
    for one in pictures(source, job.offset_us, teller):
        frame = one.frame
        if not width:
            width, height = frame.width & ~1, frame.height & ~1
        if (frame.width, frame.height) != (width, height) or frame.format.name != "yuv420p":
            frame = frame.reformat(width=width, height=height, format="yuv420p")
        planes = np.ascontiguousarray(frame.to_ndarray(format="yuv420p"))
        cover(planes, width, height, covers.at(one.at_us))
        copier.add(planes, width, height, one.at_us)
    copier.close(width, height)


class _Unusable(Exception):
    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code, self.text = code, text


def main() -> int:
    job = msgspec.json.decode(sys.stdin.buffer.readline(200_000_000), type=Job)
    teller = Teller(sys.stdout.buffer)
    limit()
    av.logging.set_level(None)
    try:
        if job.finder:
            look_through(job, sys.stdin.buffer, teller)
        else:
            make_copy(job, sys.stdin.buffer, teller)
        teller.say(Ended())
    except _Unusable as error:
        teller.say(Trouble(code=error.code, text=error.text))
        return 1
    except (av.FFmpegError, IndexError) as error:
        teller.say(Trouble(code="connection", text=f"the film cannot be read: {type(error).__name__}"))
        return 1
    except BrokenPipeError:
        return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
