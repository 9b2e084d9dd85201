"""Small pictures: made when due and wanted, of any size, stamped honestly; and the newest is all that waits."""

import asyncio
import io

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bowstreet.video.model import AccessUnit, Still
from bowstreet.video.newest import MOST_STILL_BYTES, STILLS_HZ, Newest
from bowstreet.video.stills import LONGEST_SIDE_PX, MOST_CLOCK_OFF_US, MOST_HZ, StillMaker, captured_us, small


def unit(sequence: int = 0, *, received_us: int = 2_000_000_000, captured: int = 0) -> AccessUnit:
    return AccessUnit(sequence=sequence, pts_us=0, received_us=received_us, keyframe=True, data=b"", captured_us=captured)


def picture(width: int = 1280, height: int = 720) -> av.VideoFrame:
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[:, : width // 2] = (200, 40, 40)
    return av.VideoFrame.from_ndarray(pixels, format="rgb24")


def still(number: int = 0, data: bytes = b"\xff\xd8\xff\xe0") -> Still:
    return Still(sequence=number, captured_us=number, width_px=320, height_px=180, data=data)


def test_none_is_made_until_it_is_wanted_nor_more_often() -> None:
    maker = StillMaker()
    assert maker.take(unit(), picture(), 0.0) is None
    maker.want(4.0)
    made = [maker.take(unit(number), picture(), number / 25) for number in range(50)]
    assert sum(one is not None for one in made) == 8, "two seconds of 25 pictures a second"
    maker.want(0.0)
    assert maker.take(unit(), picture(), 9.0) is None
    maker.want(1e9)
    assert sum(maker.take(unit(), picture(), 10.0 + number / 100) is not None for number in range(100)) <= MOST_HZ + 1


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (720, 1280), (4096, 2304), (160, 90), (66, 34)])
def test_it_is_the_picture_smaller(width: int, height: int) -> None:
    maker = StillMaker()
    maker.want(5.0)
    made = maker.take(unit(7), picture(width, height), 1.0)
    assert made is not None
    with av.open(io.BytesIO(made.data), format="mjpeg") as file:
        [seen] = file.decode(video=0)
    assert (seen.width, seen.height) == (made.width_px, made.height_px)
    pixels = seen.to_ndarray(format="rgb24")
    red, black = pixels[:, : seen.width // 3].mean((0, 1)), pixels[:, -seen.width // 3 :].mean((0, 1))
    assert abs(red - (200, 40, 40)).max() < 12, red
    assert black.max() < 12, black


@given(st.integers(1, 5_000), st.integers(1, 5_000))
def test_a_still_is_small_even_and_never_larger(width: int, height: int) -> None:
    across, down = small(width, height)
    assert across % 2 == 0
    assert down % 2 == 0
    assert 2 <= across <= max(2, min(width, LONGEST_SIDE_PX))
    assert 2 <= down <= max(2, min(height, LONGEST_SIDE_PX))


@given(st.integers(0, 2**50))
def test_a_camera_whose_clock_is_wrong_is_not_believed(said: int) -> None:
    one = unit(received_us=2**49, captured=said)
    assert abs(captured_us(one) - one.received_us) <= MOST_CLOCK_OFF_US
    assert captured_us(one) in (said, one.received_us)


async def test_the_worker_is_asked_while_somebody_is_here_and_again_when_it_comes_new() -> None:
    asked: list[float] = []
    newest = Newest(asked.append)
    newest.ask_again()
    assert asked == []
    newest.join()
    newest.join()
    newest.ask_again()
    newest.leave()
    assert asked == [STILLS_HZ, STILLS_HZ]
    newest.leave()
    assert asked[-1] == 0.0
    newest.put(still(1))
    assert newest.still is None, "what comes late is for nobody"


async def test_who_is_slow_gets_the_newest_and_nothing_between() -> None:
    newest = Newest(lambda _: None)
    newest.join()
    for number in range(5):
        newest.put(still(number))
    number, seen = await newest.after(0)
    assert (number, seen.sequence) == (5, 4)
    waiting = asyncio.ensure_future(newest.after(number))
    await asyncio.sleep(0)
    assert not waiting.done()
    newest.put(still(9))
    assert (await waiting)[1].sequence == 9


@pytest.mark.parametrize("data", [b"", b"GIF89a", b"\xff\xd8\xff" + bytes(MOST_STILL_BYTES)])
async def test_a_worker_that_was_taken_over_hands_on_no_other_thing(data: bytes) -> None:
    newest = Newest(lambda _: None)
    newest.join()
    newest.put(still(1, data))
    assert newest.still is None


async def test_what_may_not_be_shown_any_more_is_gone() -> None:
    newest = Newest(lambda _: None)
    newest.join()
    newest.put(still(1))
    newest.clear()
    assert newest.still is None
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await newest.after(0)
