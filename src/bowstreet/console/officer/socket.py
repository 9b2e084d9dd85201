"""`/api/v1/officer/{link}/live`: one phone's WebSocket. What is going on as text, small pictures as bytes, both only when asked.

The phone says `{"type":"more"}` for the next picture and `{"type":"go"}` for the next state; `{"type":"ping","t":…}` is
answered at once. Never more than one of each is under way, and each is made the moment it is sent: on a link that stalls
nothing piles up, and what comes after is new. A picture has 16 bytes before it: when it was taken and when it was sent, as
milliseconds of Unix time (two 64-bit floats, big end first).

It is closed with 4401 when the link is not open here, 4410 when it is over, 4400 for what should not be said, 4429 for too much,
1013 when the phone takes nothing.
"""

import asyncio
import struct
from collections.abc import Coroutine
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Path
from starlette.websockets import WebSocket, WebSocketDisconnect

from bowstreet.console.limits import Buckets, Rate
from bowstreet.console.live import BAD_MESSAGE, NOT_SIGNED_IN, STALLED, TOO_MANY
from bowstreet.console.officer.full import Full
from bowstreet.console.officer.situation import LOOK_EVERY_S, Situations
from bowstreet.console.officer.stills import Stills
from bowstreet.console.officer.visits import Visitor, Visits
from bowstreet.console.services import ConsoleServices
from bowstreet.console.viewings import Viewings
from bowstreet.errors import BowstreetError, NotSignedIn

OVER = 4410
# Of one link: a page that is loaded again and again leaves the one before behind for a moment.
MOST_SOCKETS = 6
# A phone asks for five pictures a second at most, and for a state with each; this is what one that goes wrong does.
SAID = Rate(burst=60, per_s=20)
MOST_SAID_BYTES = 200
# A link that takes nothing for so long is gone; the phone comes back by itself.
STALL_S = 15.0
_HEAD = struct.Struct(">dd")
LinkId = Annotated[str, Path(max_length=80)]


class More(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="more"):
    """The next picture."""


class Go(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="go"):
    """The next state."""


class Ping(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="ping"):
    """How long is the way, and what does your clock say?"""

    t: float


class Pong(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="pong"):
    t: float
    now_ms: float


_said = msgspec.json.Decoder(More | Go | Ping)


class _Closed(Exception):
    def __init__(self, code: int) -> None:
        super().__init__()
        self.code = code


def router(services: ConsoleServices, visits: Visits, viewings: Viewings, situations: Situations) -> APIRouter:
    routes = APIRouter()
    said = Buckets(SAID, services.real_clock)

    @routes.websocket("/officer/{link_id}/live")
    async def live(socket: WebSocket, link_id: LinkId) -> None:
        visitor = await _admitted(socket, visits, link_id)
        if visitor is not None:
            await _guarded(socket, visits, visitor, _Phone(socket, services, viewings, situations, visitor, said).serve())

    @routes.websocket("/officer/{link_id}/mse")
    async def mse(socket: WebSocket, link_id: LinkId) -> None:
        """The full picture as fragmented MP4, where WebRTC finds no way."""
        visitor = await _admitted(socket, visits, link_id)
        if visitor is not None:
            await _guarded(socket, visits, visitor, Full(socket, services, viewings, visitor).serve())

    return routes


async def _admitted(socket: WebSocket, visits: Visits, link_id: str) -> Visitor | None:
    await socket.accept()
    try:
        visitor = await visits.visitor(socket, link_id)
    except BowstreetError as error:
        await _close(socket, NOT_SIGNED_IN if isinstance(error, NotSignedIn) else OVER)
        return None
    if visits.open_now(link_id) >= MOST_SOCKETS * visitor.link.most_devices:
        await _close(socket, TOO_MANY)
        return None
    return visitor


async def _guarded(socket: WebSocket, visits: Visits, visitor: Visitor, serving: Coroutine[Any, Any, int | None]) -> None:
    """Serve until it ends, or the link does: then at once."""
    link_id = visitor.link.link_id
    cut = visits.sits(link_id)
    work, over = asyncio.ensure_future(serving), asyncio.ensure_future(cut.wait())
    try:
        await asyncio.wait((work, over), return_when=asyncio.FIRST_COMPLETED)
        code = work.result() if work.done() else OVER
    finally:
        visits.left(link_id, cut)
        for one in (work, over):
            one.cancel()
        await asyncio.gather(work, over, return_exceptions=True)
    if code is not None:
        await _close(socket, code)


async def _close(socket: WebSocket, code: int) -> None:
    try:
        await socket.close(code)
    except (RuntimeError, WebSocketDisconnect):
        return


class _Phone:
    """One page that is open."""

    def __init__(
        self, socket: WebSocket, services: ConsoleServices, viewings: Viewings, situations: Situations, visitor: Visitor,
        said: Buckets,
    ) -> None:  # fmt: skip
        self._socket, self._services, self._situations, self._visitor = socket, services, situations, visitor
        self._said = said
        self._stills = Stills(services, viewings, visitor)
        self._more, self._go = asyncio.Event(), asyncio.Event()
        self._writing = asyncio.Lock()

    async def serve(self) -> int | None:
        """The code to close with; None when the phone is gone."""
        tasks = [asyncio.ensure_future(work) for work in (self._hear(), self._tell(), self._show(), self._expire())]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
            await next(task for task in tasks if task.done())
        except _Closed as closed:
            return closed.code
        except TimeoutError:
            return STALLED
        except WebSocketDisconnect:
            return None
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._stills.close()
        return None

    async def _hear(self) -> None:
        while True:
            text = await self._socket.receive_text()
            if not self._said.take(self._visitor.link.link_id):
                raise _Closed(TOO_MANY)
            try:
                message = _said.decode(text[:MOST_SAID_BYTES])
            except msgspec.DecodeError as error:
                raise _Closed(BAD_MESSAGE) from error
            if isinstance(message, More):
                self._more.set()
            elif isinstance(message, Go):
                self._go.set()
            else:
                now_ms = self._services.video.clock.now().timestamp() * 1e3
                await self._send(msgspec.json.encode(Pong(t=message.t, now_ms=now_ms)).decode())

    async def _tell(self) -> None:
        while True:
            await self._go.wait()
            self._go.clear()
            state = self._situations.look(self._visitor.link)
            await self._send(msgspec.json.encode({"type": "state"} | msgspec.to_builtins(state)).decode())
            await asyncio.sleep(LOOK_EVERY_S)

    async def _show(self) -> None:
        while True:
            await self._more.wait()
            self._more.clear()
            still = await self._stills.next()
            sent_ms = self._services.video.clock.now().timestamp() * 1e3
            await self._send(_HEAD.pack(still.captured_us / 1e3, sent_ms) + still.data)

    async def _expire(self) -> None:
        """Time alone ends a link too, and may do so before anybody has noted it."""
        while self._visitor.guest.holds():  # noqa: ASYNC110 - there is no event for the time
            await asyncio.sleep(LOOK_EVERY_S)
        raise _Closed(OVER)

    async def _send(self, message: str | bytes) -> None:
        async with asyncio.timeout(STALL_S), self._writing:
            if isinstance(message, str):
                await self._socket.send_text(message)
            else:
                await self._socket.send_bytes(message)
