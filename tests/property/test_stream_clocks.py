"""Whatever a stream's clock does, its recording goes on at the pace of its pictures, and a file is sent at its own."""

import io
from fractions import Fraction
from itertools import pairwise
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bowstreet.video import confined
from bowstreet.video.confined import Pace
from bowstreet.video.fragments import Fragmenter
from bowstreet.video.model import AccessUnit, Codec, StreamFormat

FRAME_US = 40_000
FORM = StreamFormat(codec=Codec.H264, width_px=64, height_px=48, frame_rate_hz=25.0, headers=b"")


def keyframe() -> bytes:
    encoder: Any = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height, encoder.pix_fmt, encoder.time_base = 64, 48, "yuv420p", Fraction(1, 25)
    encoder.options = {"preset": "ultrafast", "tune": "zerolatency"}
    [packet] = encoder.encode(av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="rgb24"))
    return bytes(packet)


PICTURE = keyframe()


def recorded(stamps: list[int], *, steady: bool = False) -> list[int]:
    """When each picture is shown, by the file that is made of them."""
    made = Fragmenter(FORM, PICTURE, steady=steady)
    film, times = [made.header()], []
    for stamp in stamps:
        film.append(made.fragment(AccessUnit(sequence=0, pts_us=stamp, received_us=0, keyframe=True, data=PICTURE)))
        times.append(made.at_us)
    film.append(made.close())
    with av.open(io.BytesIO(b"".join(film))) as container:
        stream = container.streams.video[0]
        shown = [int(one.pts * one.time_base * 1_000_000) for one in container.demux(stream) if one.pts is not None]
    assert shown == times, "the file says what the fragmenter tells"
    return times


jumps = st.integers(-3_600_000_000, 3_600_000_000)


@given(st.integers(0, 10**12), st.lists(st.tuples(st.integers(1, 60), jumps), min_size=1, max_size=6))
@settings(deadline=None)
def test_a_recording_goes_on_at_the_pace_of_its_pictures_when_the_clock_jumps(first: int, runs: list[tuple[int, int]]) -> None:
    stamps, clock = list[int](), first
    for count, jump in runs:
        stamps += [clock + number * FRAME_US for number in range(count)]
        clock += count * FRAME_US + jump
    times = recorded(stamps)
    steps = [after - before for before, after in pairwise(times)]
    assert all(0 < step <= confined.MOST_STEP_US for step in steps)
    # A jump that could be a gap, or pictures out of order, may cost what those may; nothing else is shorter or longer.
    assert sum(step != FRAME_US for step in steps) <= (len(runs) - 1) * (1 + -confined.LEAST_STEP_US // FRAME_US)
    beyond = [jump for _, jump in runs[:-1] if not confined.LEAST_STEP_US - FRAME_US <= jump <= confined.MOST_STEP_US]
    if len(beyond) == len(runs) - 1:
        assert set(steps) <= {FRAME_US}


@given(st.integers(2, 40), st.integers(2, 8))
@settings(deadline=None)
def test_a_clip_that_is_played_again_and_again_neither_collapses_nor_stretches(count: int, times: int) -> None:
    stamps = [number * FRAME_US for _ in range(times) for number in range(count)]
    lasts = recorded(stamps)[-1]
    due = (count * times - 1) * FRAME_US
    assert lasts <= due
    if count * FRAME_US > -confined.LEAST_STEP_US + FRAME_US:
        assert lasts == due


def test_pictures_out_of_order_do_not_make_it_longer() -> None:
    """Two pictures that lean on a later one, again and again (I P B B P B B)."""
    stamps = [0]
    for group in range(20):
        stamps += [stamps[0] + FRAME_US * (3 * group + one) for one in (3, 1, 2)]
    assert recorded(stamps)[-1] <= 60 * FRAME_US + 2


def test_pictures_without_times_of_their_own_go_on_at_the_usual_pace() -> None:
    assert recorded([0] * 50)[-1] == 49 * FRAME_US


def test_a_gap_in_times_that_are_our_own_stays_one() -> None:
    assert recorded([0, FRAME_US, 60_000_000], steady=True) == [0, FRAME_US, 60_000_000]


class Slept:
    """Time that passes by sleeping alone."""

    def __init__(self) -> None:
        self.now_s = 1_000.0

    def monotonic(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds


@pytest.mark.parametrize("first_us", [0, 1_400_000])
@pytest.mark.parametrize("count", [5, 50, 500])
def test_a_file_that_begins_again_keeps_its_pace(monkeypatch: pytest.MonkeyPatch, first_us: int, count: int) -> None:
    slept = Slept()
    monkeypatch.setattr(confined, "time", slept)
    pace = Pace()
    for _ in range(4):
        begun = slept.now_s
        for number in range(count):
            pace.keep(first_us + number * FRAME_US)
        assert slept.now_s - begun == pytest.approx((count - 1) * FRAME_US / 1e6)


def test_a_file_that_begins_again_in_the_midst_or_leaps_keeps_its_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its first pictures could not be taken, as none was a keyframe; and its camera's clock was set on the way."""
    slept = Slept()
    monkeypatch.setattr(confined, "time", slept)
    pace, begun = Pace(), slept.now_s
    for at in (0, 4_000_000, 3_600_000_000):
        for number in range(100):
            pace.keep(at + number * FRAME_US)
    for number in range(100):
        pace.keep(2_000_000 + number * FRAME_US)
    assert slept.now_s - begun == pytest.approx(4 * 99 * FRAME_US / 1e6 + FRAME_US / 1e6)


def test_pictures_out_of_order_do_not_slow_a_file_down(monkeypatch: pytest.MonkeyPatch) -> None:
    slept = Slept()
    monkeypatch.setattr(confined, "time", slept)
    pace, begun = Pace(), slept.now_s
    pace.keep(0)
    for group in range(20):
        for one in (3, 1, 2):
            pace.keep(FRAME_US * (3 * group + one))
    assert slept.now_s - begun == pytest.approx(60 * FRAME_US / 1e6)
