"""The worker of redactions, a real one: films of other kinds, and bytes that are no film."""

import io
from collections.abc import Iterator
from fractions import Fraction

import av
import numpy as np
import pytest
from tests.filmed_street import filmed, parts_of
from tests.integration.console_city import START

from bowstreet.errors import Conflict
from bowstreet.video.fragments import Fragmenter
from bowstreet.video.model import AccessUnit, Codec, Fragment, FromWorker, Header, StreamFormat, Trouble
from bowstreet.video.redaction.labour import worked
from bowstreet.video.redaction.model import CoveredRegion, CoverKind
from bowstreet.video.redaction.worker import FILL, Job

REGION = CoveredRegion(
    region_id="edi-1", kind=CoverKind.ADDED, from_us=0, until_us=400_000, left=40, top=20, right=120, bottom=60
)


def h265(count: int) -> Iterator[bytes]:
    """A film in H.265, a head and fragments."""
    coder = av.CodecContext.create("libx265", "w")
    coder.width, coder.height, coder.pix_fmt, coder.time_base = 320, 180, "yuv420p", Fraction(1, 25)
    coder.options = {"preset": "ultrafast", "tune": "zerolatency", "x265-params": "log-level=none:keyint=10"}
    fragmenter = None
    for number in range(count):
        picture = av.VideoFrame.from_ndarray(np.full((180, 320, 3), 200, np.uint8), format="rgb24")
        picture.pts = number
        for packet in coder.encode(picture):
            unit = AccessUnit(
                sequence=number, pts_us=number * 40_000, received_us=0, keyframe=packet.is_keyframe, data=bytes(packet)
            )
            if fragmenter is None:
                form = StreamFormat(codec=Codec.H265, width_px=320, height_px=180, frame_rate_hz=25.0, headers=b"")
                fragmenter = Fragmenter(form, unit.data)
                yield fragmenter.header()
            if made := fragmenter.fragment(unit):
                yield made


async def said_of(job: Job, film: Iterator[bytes]) -> list[FromWorker]:
    return [message async for message in worked(job, film)]


def decoded(said: list[FromWorker]) -> list[np.ndarray]:
    film = b"".join(one.data for one in said if isinstance(one, Header | Fragment))
    with av.open(io.BytesIO(film)) as file:
        assert file.streams.video[0].codec_context.name == "h264"
        return [frame.to_ndarray(format="yuv420p") for frame in file.decode(video=0)]


async def test_h265_becomes_h264_with_the_region_filled_for_its_time_and_no_longer() -> None:
    pictures = decoded(await said_of(Job(regions=(REGION,)), h265(20)))
    assert len(pictures) == 19
    for number, planes in enumerate(pictures):
        inside = planes[20:60, 40:120].astype(int)
        if number * 40_000 <= REGION.until_us:
            assert abs(inside - FILL[0]).max() <= 6
        else:
            assert inside.min() > 150
        assert planes[100:170, 200:300].min() > 150


async def test_bytes_that_are_no_film_fail_and_say_so() -> None:
    with pytest.raises(Conflict, match="worked through"):
        await said_of(Job(), iter([b"no film at all" * 100]))
    with pytest.raises(Conflict, match="worked through"):
        await said_of(Job(finder="tests.filmed_street:knowing_low"), iter([]))


async def test_a_damaged_picture_is_told_and_those_after_it_are_made() -> None:
    parts = [one.data for one in parts_of(list(filmed(3.0, width=160, height=90)), START) if isinstance(one, Header | Fragment)]
    broken = bytearray(parts[5])
    at = broken.index(b"mdat") + 8
    broken[at : at + 40] = bytes(40)
    said = await said_of(Job(), iter([*parts[:5], bytes(broken), *parts[6:]]))
    assert len(decoded(said)) >= len(parts) - 3
    assert all(one.code == "corrupt" for one in said if isinstance(one, Trouble))
