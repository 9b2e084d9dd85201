"""Those who watch a stream: each has a short queue of its own. Who does not keep up loses pictures up to the next keyframe and
is told how many; nobody else waits for them."""

import asyncio
from collections import deque
from collections.abc import Coroutine
from typing import Any, Generic, Protocol, TypeVar


class Picture(Protocol):
    """What is watched: coded pictures, or their fragments."""

    @property
    def keyframe(self) -> bool: ...


T = TypeVar("T")
Seen = TypeVar("Seen", bound=Picture)
# A second and a half of pictures: more would be a delay that nobody should see as live.
MOST_WAITING = 40


async def unless_gone(coming: Coroutine[Any, Any, T], gone: "asyncio.Future[Any]") -> T | None:
    """What comes; None as soon as `gone` is done, for a stream that has stopped brings nothing to find that out by."""
    waiting = asyncio.ensure_future(coming)
    try:
        await asyncio.wait((waiting, gone), return_when=asyncio.FIRST_COMPLETED)
        return None if gone.done() else waiting.result()
    finally:
        if not waiting.done():
            waiting.cancel()
            await asyncio.wait((waiting,))


class Viewer(Generic[Seen]):
    """One who watches. Iterate over it; it begins with a keyframe and ends when the stream is closed to it."""

    def __init__(self) -> None:
        self._waiting: deque[Seen] = deque()
        self._ready = asyncio.Event()
        self._skipping = True
        self._closed = False
        self.dropped = 0

    def give(self, picture: Seen) -> None:
        if self._closed:
            return
        if len(self._waiting) >= MOST_WAITING:
            self.dropped += len(self._waiting)
            self._waiting.clear()
            self._skipping = True
        if self._skipping and not picture.keyframe:
            self.dropped += 1
            return
        self._skipping = False
        self._waiting.append(picture)
        self._ready.set()

    def close(self) -> None:
        self._closed = True
        self._ready.set()

    async def next(self) -> Seen | None:
        """The next picture; None when there is no more to see."""
        while not self._waiting:
            if self._closed:
                return None
            self._ready.clear()
            await self._ready.wait()
        return self._waiting.popleft()


class Succession(Generic[Seen]):
    """What one person sees while sources change: the next is waited for while the one before is still shown."""

    def __init__(self, viewer: Viewer[Seen]) -> None:
        self.viewer = viewer
        self._coming: Viewer[Seen] | None = None
        self._decided = asyncio.Event()

    async def turn(self, coming: Viewer[Seen]) -> bool:
        """To another source from its first picture on; returns then. False: it has closed before it showed one."""
        self._coming = coming
        self._decided.clear()
        await self._decided.wait()
        return self.viewer is coming

    def stay(self) -> None:
        """Not to the other one after all."""
        self._coming = None

    async def next(self) -> tuple[Seen | None, bool]:
        """The next picture, None when there is no more to see; and whether it is the first of another source."""
        if self._coming is None:
            return await self.viewer.next(), False
        coming = self._coming
        old, new = asyncio.ensure_future(self.viewer.next()), asyncio.ensure_future(coming.next())
        try:
            done, _ = await asyncio.wait((old, new), return_when=asyncio.FIRST_COMPLETED)
            if new not in done and old.result() is None:
                await new  # the old one shows nothing any more
        finally:
            for one in (old, new):
                if not one.done():
                    one.cancel()  # takes no picture with it: one that waits is taken out without a pause
        if new.done() and not new.cancelled():
            self._coming = None
            picture = new.result()
            if picture is not None:
                self.viewer = coming
            self._decided.set()
            if picture is not None:
                return picture, True
        if old.done() and not old.cancelled():
            return old.result(), False
        return await self.viewer.next(), False


class Audience(Generic[Seen]):
    """All who watch one stream."""

    def __init__(self) -> None:
        self._viewers: set[Viewer[Seen]] = set()

    def __len__(self) -> int:
        return len(self._viewers)

    def join(self) -> Viewer[Seen]:
        viewer: Viewer[Seen] = Viewer()
        self._viewers.add(viewer)
        return viewer

    def leave(self, viewer: Viewer[Seen]) -> None:
        viewer.close()
        self._viewers.discard(viewer)

    def give(self, picture: Seen) -> None:
        for viewer in self._viewers:
            viewer.give(picture)

    def close(self) -> None:
        """Nobody sees any more of it."""
        for viewer in tuple(self._viewers):
            self.leave(viewer)
