"""What viewers may make this program do: send to addresses of their choice, and wait for them after they have gone."""

import asyncio

import pytest
from aiortc import sdp

from bowstreet.video.model import AccessUnit
from bowstreet.video.watching import Viewer, unless_gone
from bowstreet.video.whep import MOST_CANDIDATES, MalformedOffer, _checked

HEAD = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\na=mid:0"
CANDIDATE = "a=candidate:1 1 udp 1 10.0.0.1 9 typ host"


def offer(number: int, end: str) -> bytes:
    return end.join([HEAD, *[CANDIDATE] * number, ""]).encode()


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r", "\v", "\f", "\x1c", "\x85", "\u2028"])
def test_candidates_are_counted_as_the_library_takes_them(end: str) -> None:
    many = offer(MOST_CANDIDATES + 1, end)
    taken = sdp.SessionDescription.parse(many.decode()).media[0].ice_candidates
    assert len(taken) == MOST_CANDIDATES + 1, "the library ends a line here"
    with pytest.raises(MalformedOffer, match="too many candidates"):
        _checked(many)
    assert _checked(offer(MOST_CANDIDATES, end))


async def test_who_has_gone_is_not_waited_for_though_nothing_comes() -> None:
    viewer: Viewer[AccessUnit] = Viewer()
    gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    waiting = asyncio.ensure_future(unless_gone(viewer.next(), gone))
    await asyncio.sleep(0)
    assert not waiting.done()
    gone.set_result(None)
    assert await waiting is None
    picture = AccessUnit(sequence=0, pts_us=0, received_us=0, keyframe=True, data=b"")
    viewer.give(picture)
    assert await unless_gone(viewer.next(), asyncio.get_running_loop().create_future()) is picture


async def test_who_waits_and_is_stopped_leaves_nothing_waiting() -> None:
    viewer: Viewer[AccessUnit] = Viewer()
    before = len(asyncio.all_tasks())
    waiting = asyncio.ensure_future(unless_gone(viewer.next(), asyncio.get_running_loop().create_future()))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait((waiting,))
    assert len(asyncio.all_tasks()) == before
