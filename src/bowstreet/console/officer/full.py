"""The full picture of one incident as fragmented MP4 for one phone, where WebRTC finds no way.

First a text, `{"type": "…"}`, for a `SourceBuffer`; then the head; then a fragment a picture, from a keyframe on. Closed with
1012 when another drone has the watch and shows something: joined again it shows that one.
"""

import asyncio

import msgspec
from starlette.websockets import WebSocket, WebSocketDisconnect

from bowstreet.console.live import STALLED
from bowstreet.console.officer.visits import Visitor
from bowstreet.console.services import ConsoleServices
from bowstreet.console.video_socket import AGAIN, REFUSED
from bowstreet.console.viewings import Viewings, picture_of
from bowstreet.errors import BowstreetError
from bowstreet.video.model import Fragment, Header
from bowstreet.video.nal import media_type
from bowstreet.video.service import Stream
from bowstreet.video.watching import Viewer, unless_gone

# Shorter than for a console: a phone that cannot take it has small pictures, and knows.
STALL_S = 4.0


class Full:
    def __init__(self, socket: WebSocket, services: ConsoleServices, viewings: Viewings, visitor: Visitor) -> None:
        self._socket, self._services, self._viewings, self._visitor = socket, services, viewings, visitor

    async def serve(self) -> int | None:
        """The code to close with; None when the phone is gone."""
        found = picture_of(self._services, self._visitor.link.incident_id)
        if found is None:
            return REFUSED
        stream = found[1]
        try:
            header, viewer = self._viewings.video.join_fragments(stream.source.source_id)
        except BowstreetError:
            return REFUSED
        try:
            shown = await self._viewings.begin(self._visitor.guest, stream.source.source_id, "mse")
        except BowstreetError:
            stream.fragments.leave(viewer)
            return REFUSED
        gone = asyncio.ensure_future(self._gone())
        try:
            return await self._show(stream, header, viewer, gone)
        except TimeoutError:
            return STALLED
        except WebSocketDisconnect:
            return None
        finally:
            gone.cancel()
            stream.fragments.leave(viewer)
            await self._viewings.give_up(shown)

    async def _show(
        self, stream: Stream, header: Header, viewer: Viewer[Fragment], gone: "asyncio.Future[None]"
    ) -> int | None:  # fmt: skip
        form = stream.format
        if form is None:
            return REFUSED
        await self._socket.send_text(msgspec.json.encode({"type": media_type(form.codec, form.headers)}).decode())
        await self._socket.send_bytes(header.data)
        while True:
            fragment = await unless_gone(viewer.next(), gone)
            if gone.done():
                return None
            if fragment is None or self._has_moved(stream):
                return AGAIN
            if not self._viewings.may_go_on(self._visitor.guest, stream):
                return REFUSED  # the link is over, or the drone was turned to another incident
            async with asyncio.timeout(STALL_S):
                await self._socket.send_bytes(fragment.data)

    def _has_moved(self, stream: Stream) -> bool:
        found = picture_of(self._services, self._visitor.link.incident_id)
        return found is not None and found[1] is not stream and found[1].header is not None and found[1].order.live

    async def _gone(self) -> None:
        while (await self._socket.receive())["type"] != "websocket.disconnect":
            continue
