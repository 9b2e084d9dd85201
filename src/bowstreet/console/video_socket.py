"""`/api/v1/video/{source}/mse`: live pictures as fragmented MP4 over a WebSocket, for browsers and networks without WebRTC.

First a text, `{"type": "…", "session": "…"}`, with the media type for a `SourceBuffer`; then the head; then a fragment a picture,
from a keyframe on. Of an incident (`/api/v1/video/incident/{incident}/mse`) it goes on when another drone takes the watch: with
another text, another head, and its fragments. Closed with the codes of the live feed; with 1012 when the stream takes on another
form and is to be joined again.
"""

import asyncio
import secrets
from typing import Annotated

import msgspec
import structlog
from fastapi import APIRouter, Path
from starlette.websockets import WebSocket, WebSocketDisconnect

from bowstreet.accountability.model import Action
from bowstreet.console.live import NOT_PERMITTED, NOT_SIGNED_IN, STALLED
from bowstreet.console.viewings import CHECK_S, Shown, Viewings, picture_of
from bowstreet.errors import BowstreetError, NotSignedIn
from bowstreet.video.model import Fragment, Header
from bowstreet.video.nal import media_type
from bowstreet.video.service import Stream
from bowstreet.video.times import PictureTimes
from bowstreet.video.watching import Succession, Viewer, unless_gone
from bowstreet.video.whep import TURN_S

log = structlog.get_logger(__name__)

REFUSED, AGAIN = 4404, 1012
STALL_S = 10.0


def router(viewings: Viewings) -> APIRouter:
    routes = APIRouter()

    @routes.websocket("/video/{source_id}/mse")
    async def mse(socket: WebSocket, source_id: Annotated[str, Path(max_length=80)]) -> None:
        await socket.accept()
        await _close(socket, await _serve(viewings, socket, source_id))

    @routes.websocket("/video/incident/{incident_id}/mse")
    async def mse_of_incident(socket: WebSocket, incident_id: Annotated[str, Path(max_length=80)]) -> None:
        """Of whatever shows the incident; it goes on when another drone takes the watch."""
        await socket.accept()
        found = picture_of(viewings.services, incident_id)
        # Who is nobody is told so first: whether there is such an incident is none of theirs.
        await _close(socket, await _serve(viewings, socket, "" if found is None else found[1].source.source_id, incident_id))

    return routes


async def _close(socket: WebSocket, code: int | None) -> None:
    if code is not None:
        try:
            await socket.close(code)
        except (RuntimeError, WebSocketDisconnect):
            return


async def _serve(viewings: Viewings, socket: WebSocket, source_id: str, incident_id: str = "") -> int | None:
    """The code to close with; None when the other side is gone."""
    try:
        asker = await viewings.access.allowed(socket, Action.WATCH)
        stream = viewings.video.find(source_id)
        header, viewer = viewings.video.join_fragments(source_id)
    except NotSignedIn:
        return NOT_SIGNED_IN
    except BowstreetError as error:
        return NOT_PERMITTED if error.problem == "not-permitted" else REFUSED
    try:
        shown = await viewings.begin(asker, source_id, "mse")
    except BowstreetError:
        stream.fragments.leave(viewer)
        return REFUSED
    player = _Player(viewings, socket, shown, header, viewer)
    try:
        return await player.show(incident_id)
    except WebSocketDisconnect:
        return None
    finally:
        await player.end()


class _Player:
    """One who watches by this way."""

    def __init__(self, viewings: Viewings, socket: WebSocket, shown: Shown, header: Header, viewer: Viewer[Fragment]) -> None:
        self._viewings, self._socket = viewings, socket
        self._asker = shown.asker
        self._stream, self._header = shown.stream, header
        self._next: tuple[Stream, Header] | None = None
        self._sources, self._times = Succession(viewer), PictureTimes()
        self._session_id = secrets.token_hex(16)
        shown.times = self._times.told
        viewings.open(self._session_id, shown)

    async def end(self) -> None:
        for stream in (self._stream, *(() if self._next is None else self._next[:1])):
            stream.fragments.leave(self._sources.viewer)
        await self._viewings.end(self._session_id)

    async def show(self, incident_id: str) -> int | None:
        beside = [asyncio.ensure_future(_gone(self._socket))]
        gone = beside[0]
        if incident_id:
            beside.append(asyncio.ensure_future(self._change_over(incident_id)))
        try:
            if not await self._begin():
                return REFUSED
            while (came := await unless_gone(self._sources.next(), gone)) is not None:
                fragment, another = came
                if fragment is None:
                    return AGAIN
                if not self._viewings.may_go_on(self._asker, self._stream):
                    return NOT_SIGNED_IN
                if another and self._next is not None:
                    (self._stream, self._header), self._next = self._next, None
                    self._times.clear()
                    await self._begin()
                self._times.note(fragment.at_us, fragment.received_us, fragment.captured_us, fragment.captured_by)
                async with asyncio.timeout(STALL_S):
                    await self._socket.send_bytes(fragment.data)
        except TimeoutError:
            return STALLED
        finally:
            for one in beside:
                one.cancel()
            await asyncio.gather(*beside, return_exceptions=True)
        return None

    async def _begin(self) -> bool:
        """Say what comes, and its head."""
        form = self._stream.format
        if form is None:
            return False
        said = {"type": media_type(form.codec, form.headers), "session": self._session_id}
        await self._socket.send_text(msgspec.json.encode(said).decode())
        await self._socket.send_bytes(self._header.data)
        return True

    async def _change_over(self, incident_id: str) -> None:
        """When another source has the watch, it is joined, on record, before the old one is let go."""
        while True:
            await asyncio.sleep(CHECK_S)
            other = self._viewings.another(incident_id, self._stream)
            if other is not None:
                await self._turn(other)

    async def _turn(self, other: Stream) -> None:
        source_id, before = other.source.source_id, (self._stream, self._sources.viewer)
        try:
            header, coming = self._viewings.video.join_fragments(source_id)
        except BowstreetError:
            return  # it shows nothing yet
        turned, shown = False, None
        try:
            shown = await self._viewings.begin(self._asker, source_id, "mse")
            self._next = other, header
            async with asyncio.timeout(TURN_S):
                turned = await self._sources.turn(coming)
        except BowstreetError as error:
            log.warning("a viewer could not change over", problem=error.problem)
        except TimeoutError:
            log.warning("a viewer could not change over", problem="no picture came from the other source")
        finally:
            if turned and shown is not None:
                before[0].fragments.leave(before[1])
                await self._viewings.changed_over(self._session_id, shown)
            else:
                self._sources.stay()
                self._next = None
                other.fragments.leave(coming)
                if shown is not None:
                    await self._viewings.give_up(shown)


async def _gone(socket: WebSocket) -> None:
    """Nothing is expected from a viewer; whatever comes is passed over until it goes."""
    while (await socket.receive())["type"] != "websocket.disconnect":
        continue
