"""Small pictures of one incident for one phone, from whatever drone has the watch; each drone on record before its first."""

import asyncio

from bowstreet.console.officer.visits import Visitor
from bowstreet.console.services import ConsoleServices
from bowstreet.console.viewings import Shown, Viewings, picture_of
from bowstreet.errors import BowstreetError
from bowstreet.video.model import Still
from bowstreet.video.service import Stream

# How long the drone that lost the watch is shown on while the one that took it has sent nothing yet.
LOOK_EVERY_S = 0.5
WAY = "stills"


class Stills:
    def __init__(self, services: ConsoleServices, viewings: Viewings, visitor: Visitor) -> None:
        self._services, self._viewings, self._visitor = services, viewings, visitor
        self._shown: _Joined | None = None

    async def next(self) -> Still:
        """The newest that this phone has not seen, of whatever shows the incident; waits as long as nothing does."""
        while True:
            await self._keep_up()
            if self._shown is not None:
                try:
                    async with asyncio.timeout(LOOK_EVERY_S):
                        still = await self._shown.next()
                except TimeoutError:
                    continue
                if self._may_see(self._shown.stream):
                    return still
                continue
            await asyncio.sleep(LOOK_EVERY_S)

    async def close(self) -> None:
        shown, self._shown = self._shown, None
        if shown is not None:
            await self._leave(shown)

    async def _keep_up(self) -> None:
        """Go with the watch: the new drone is joined, and has sent a picture, before the old one is left."""
        found = picture_of(self._services, self._visitor.link.incident_id)
        stream = None if found is None or not found[1].order.live else found[1]
        if self._shown is not None and not (self._shown.stream.order.live and self._may_see(self._shown.stream)):
            await self.close()
        if stream is None or (self._shown is not None and self._shown.stream is stream):
            return
        try:
            viewing = await self._viewings.begin(self._visitor.guest, stream.source.source_id, WAY)
        except BowstreetError:  # it cannot be recorded, or too much is open: it is not shown
            return
        coming = _Joined(stream, viewing)
        if self._shown is not None and not await coming.has_come(LOOK_EVERY_S):
            coming.leave()
            await self._viewings.give_up(viewing)
            return
        before, self._shown = self._shown, coming
        if before is not None:
            await self._leave(before)

    def _may_see(self, stream: Stream) -> bool:
        """Not once its drone was turned to another incident, though nobody has the watch of this one."""
        return self._viewings.may_go_on(self._visitor.guest, stream)

    async def _leave(self, joined: "_Joined") -> None:
        joined.leave()
        await self._viewings.give_up(joined.viewing)


class _Joined:
    """One drone's small pictures."""

    def __init__(self, stream: Stream, viewing: Shown) -> None:
        self.stream, self.viewing = stream, viewing
        self._number = 0
        stream.stills.join()

    async def next(self) -> Still:
        self._number, still = await self.stream.stills.after(self._number)
        return still

    async def has_come(self, within_s: float) -> bool:
        try:
            async with asyncio.timeout(within_s):
                await self.stream.stills.after(0)
        except TimeoutError:
            return False
        return True

    def leave(self) -> None:
        self.stream.stills.leave()
