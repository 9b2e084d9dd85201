"""One frame a tick, encoded once, for all consoles that see the same.

A console holds no queue: it holds the number of the last frame it took, and asks for one frame with everything since. All that
keep up share the same bytes; one that was slow gets a longer frame, and delays nobody.
"""

import asyncio
from collections.abc import Callable
from enum import StrEnum

import msgspec
import structlog

from bowstreet.console.frames import Me, Picture
from bowstreet.console.sight import EVERYWHERE, Sight
from bowstreet.runtime.ports import Clock

log = structlog.get_logger(__name__)

TICK_S = 0.2  # 5 Hz, in real seconds whatever the run's speed: people look in real time


class Encoding(StrEnum):
    """WebSocket sub-protocols of the feed."""

    JSON = "bowstreet.json"
    MSGPACK = "bowstreet.msgpack"


_ENCODE: dict[Encoding, Callable[[object], bytes]] = {
    Encoding.JSON: msgspec.json.Encoder().encode,
    Encoding.MSGPACK: msgspec.msgpack.Encoder().encode,
}


class Feed:
    """The picture's pace: turns it each tick, and wakes those who wait.

    Args:
        picture: what is shown.
        gather: brings the picture up to date, called once a tick.
    """

    def __init__(self, picture: Picture, gather: Callable[[], None], clock: Clock) -> None:
        self._picture = picture
        self._gather = gather
        self._clock = clock
        self._turned = asyncio.Event()
        self._frames: dict[tuple[int, Encoding, Sight], bytes] = {}
        self.encodes = 0
        self.closed = False

    @property
    def seq(self) -> int:
        """The frame that was turned last."""
        return self._picture.seq

    def turn(self) -> None:
        """Close a frame and wake every console."""
        self._gather()
        self._picture.turn(self._clock.now())
        self._wake()

    def close(self) -> None:
        """No more frames: consoles that wait are told."""
        self.closed = True
        self._wake()

    def _wake(self) -> None:
        self._frames.clear()
        turned, self._turned = self._turned, asyncio.Event()
        turned.set()

    async def wait(self, after: int) -> None:
        """Return when there is a frame after frame `after`, or none will come."""
        while self._picture.seq <= after and not self.closed:
            await self._turned.wait()

    def snapshot(self, me: Me, encoding: Encoding, sight: Sight = EVERYWHERE) -> bytes:
        return _ENCODE[encoding](self._picture.snapshot(me, sight))

    def reaches(self, since: int) -> bool:
        return self._picture.reaches(since)

    def frame(self, since: int, encoding: Encoding, sight: Sight = EVERYWHERE) -> bytes:
        """The present frame for a console that last took frame `since`. Encoded at most once for each such frame, encoding and
        sight in use; for all sights together while only drones move."""
        if sight.is_limited and self._picture.same_for_all(since):
            sight = EVERYWHERE
        key = (since, encoding, sight)
        encoded = self._frames.get(key)
        if encoded is None:
            encoded = self._frames[key] = _ENCODE[encoding](self._picture.tick(since, sight))
            self.encodes += 1
        return encoded

    async def run(self) -> None:
        """Turn a frame each tick until cancelled. A late tick is not made up for."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        while not self.closed:
            try:
                self.turn()
            except Exception:
                # The edge of this task: a frame that cannot be made must not end all that follow.
                log.exception("a frame of the live feed failed")
            due = max(due + TICK_S, loop.time())
            await asyncio.sleep(due - loop.time())
