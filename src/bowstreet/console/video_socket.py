"""`/api/v1/video/{source}/mse`: live pictures as fragmented MP4 over a WebSocket, for browsers and networks without WebRTC.

First a text, `{"type": "…"}`, with the media type for a `SourceBuffer`; then the head; then a fragment a picture, from a keyframe
on. Closed with the codes of the live feed; with 1012 when the stream takes on another form and is to be joined again.
"""

import asyncio
from typing import Annotated

import msgspec
from fastapi import APIRouter, Path
from starlette.websockets import WebSocket, WebSocketDisconnect

from bowstreet.accountability.model import Action
from bowstreet.console.access import Asker
from bowstreet.console.live import NOT_PERMITTED, NOT_SIGNED_IN, STALLED
from bowstreet.console.viewings import Viewings, picture_of
from bowstreet.errors import BowstreetError, NotSignedIn
from bowstreet.video.model import Fragment, Header
from bowstreet.video.nal import media_type
from bowstreet.video.service import Stream
from bowstreet.video.watching import Viewer

REFUSED, AGAIN = 4404, 1012
STALL_S = 10.0


def router(viewings: Viewings) -> APIRouter:
    routes = APIRouter()

    @routes.websocket("/video/{source_id}/mse")
    async def mse(socket: WebSocket, source_id: Annotated[str, Path(max_length=80)]) -> None:
        await socket.accept()
        code = await _serve(viewings, socket, source_id)
        if code is not None:
            try:
                await socket.close(code)
            except (RuntimeError, WebSocketDisconnect):
                return

    @routes.websocket("/video/incident/{incident_id}/mse")
    async def mse_of_incident(socket: WebSocket, incident_id: Annotated[str, Path(max_length=80)]) -> None:
        """Of whatever shows the incident when it is joined; join again when it is closed with 1012, or when the watch goes on."""
        await socket.accept()
        found = picture_of(viewings.services, incident_id)
        code = REFUSED if found is None else await _serve(viewings, socket, found[1].source.source_id)
        if code is not None:
            try:
                await socket.close(code)
            except (RuntimeError, WebSocketDisconnect):
                return

    return routes


async def _serve(viewings: Viewings, socket: WebSocket, source_id: str) -> int | None:
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
        viewing_id = await viewings.begin(asker, source_id, "mse")
    except BowstreetError:
        stream.fragments.leave(viewer)
        return REFUSED
    try:
        return await _show(viewings, socket, asker, stream, header, viewer)
    except WebSocketDisconnect:
        return None
    finally:
        stream.fragments.leave(viewer)
        await viewings.end(viewing_id)


async def _show(
    viewings: Viewings, socket: WebSocket, asker: Asker, stream: Stream, header: Header, viewer: Viewer[Fragment]
) -> int | None:
    form = stream.format
    if form is None:
        return REFUSED
    gone = asyncio.ensure_future(_gone(socket))
    try:
        await socket.send_text(msgspec.json.encode({"type": media_type(form.codec, form.headers)}).decode())
        await socket.send_bytes(header.data)
        while not gone.done():
            fragment = await viewer.next()
            if fragment is None:
                return AGAIN
            if not viewings.may_go_on(asker):
                return NOT_SIGNED_IN
            async with asyncio.timeout(STALL_S):
                await socket.send_bytes(fragment.data)
    except TimeoutError:
        return STALLED
    finally:
        gone.cancel()
    return None


async def _gone(socket: WebSocket) -> None:
    """Nothing is expected from a viewer; whatever comes is passed over until it goes."""
    while (await socket.receive())["type"] != "websocket.disconnect":
        continue
