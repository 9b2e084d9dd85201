"""Footage for the player, over HTTP: a viewing is begun, its pictures come by ranges of octets, and it is ended."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from http import HTTPStatus
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Path, Request
from starlette.responses import Response, StreamingResponse

from bowstreet.accountability.model import Action
from bowstreet.accountability.processing.model import Justification
from bowstreet.console import contracts as c
from bowstreet.console.access import Asker
from bowstreet.console.desk import Desk, nothing
from bowstreet.console.footage_marks import Mark, PathPoint, marks_of, path_of
from bowstreet.console.footage_viewings import COPY, ORIGINAL, FootageViewing, FootageViewings
from bowstreet.console.problems import Misfit
from bowstreet.video.playback import Clip

RANGE = re.compile(r"bytes=([0-9]{1,15})-([0-9]{0,15})")
ClipNumber = Annotated[int, Path(ge=0, le=10_000)]


class ViewingWanted(c.Body, frozen=True, kw_only=True):
    """Why one looks, where it is not plain; and whether at the copy with people's heads and plates covered."""

    why: Justification | None = None
    copy: bool = False


class ClipView(msgspec.Struct, frozen=True, kw_only=True):
    """One film. Its octets are had at `media/{number}` by ranges.

    Attributes:
        offset_us: to be added to the film's own times.
        head_octets: of the head, which a player needs before any picture.
        at_us, captured_us: of each picture: when in the recording, and Unix time by the camera (0 where it does not tell).
        keyframes: pairs of a picture's number and where its octets begin.
    """

    media_type: str
    width_px: int
    height_px: int
    octets: int
    head_octets: int
    offset_us: int
    at_us: tuple[int, ...]
    captured_us: tuple[int, ...]
    keyframes: tuple[tuple[int, int], ...]


class FootageView(msgspec.Struct, frozen=True, kw_only=True):
    """A viewing that has begun, and all of a recording but its pictures. Times are microseconds since it began.

    `whole`: everything that is there verifies; else it is shown as far as it does.
    """

    viewing_id: str
    recording_id: str
    incident_id: str
    mission_id: str
    vehicle_id: str
    what: str
    lasts_us: int
    whole: bool
    clips: tuple[ClipView, ...]
    path: tuple[PathPoint, ...]
    marks: tuple[Mark, ...]


def router(desk: Desk, viewings: FootageViewings) -> APIRouter:
    routes = APIRouter(tags=["video"])
    services, needs = desk.services, desk.access.needs

    @routes.post(
        "/recordings/{recording_id}/viewings",
        **c.route(FootageView, status=201, body=ViewingWanted, changes=True, says="Begun, and on record"),
    )
    async def begin(recording_id: c.Id, request: Request, who: Annotated[Asker, needs(Action.WATCH)]) -> Response:
        """Begin to look at a recording. That is on record before this answers; of the pictures nothing is in the answer."""
        said: ViewingWanted = await c.read(request, ViewingWanted)
        one = await viewings.begin(who, recording_id, COPY if said.copy else ORIGINAL, said.why)
        marks = await marks_of(services.store, one.recording, one.reel, services.clock.now())
        return c.json(_view(one, marks), HTTPStatus.CREATED)

    @routes.get("/recordings/{recording_id}/viewings/{viewing_id}/media/{clip}", **_media_route())
    async def media(
        recording_id: c.Id, viewing_id: c.Id, clip: ClipNumber, request: Request, who: Annotated[Asker, needs(Action.WATCH)]
    ) -> Response:
        """A film's octets, a range of them or all. They are opened as they are sent."""
        one = viewings.find(who, recording_id, viewing_id)
        if clip >= len(one.reel.clips):
            raise Misfit("there is no such film in this recording", remedy="take a number from the viewing's clips")
        film = one.reel.clips[clip]
        start, stop = _range(request.headers.get("range", ""), film.octets)
        partial = (start, stop) != (0, film.octets)
        headers = {"Accept-Ranges": "bytes", "Content-Length": str(stop - start), "Cache-Control": "no-store"}
        if partial:
            headers["Content-Range"] = f"bytes {start}-{stop - 1}/{film.octets}"
        status = HTTPStatus.PARTIAL_CONTENT if partial else HTTPStatus.OK
        parts = _parts(viewings.octets(one, clip, start, stop))
        return StreamingResponse(parts, status, headers, media_type="video/mp4")

    @routes.get("/recordings/{recording_id}/viewings/{viewing_id}", **c.route(status=204, says="It is open"))
    async def here(recording_id: c.Id, viewing_id: c.Id, who: Annotated[Asker, needs(Action.WATCH)]) -> Response:
        """A player that is paused says now and then that it is still there."""
        viewings.find(who, recording_id, viewing_id)
        return nothing()

    @routes.delete("/recordings/{recording_id}/viewings/{viewing_id}", **c.route(status=204, changes=True))
    async def leave(recording_id: c.Id, viewing_id: c.Id, who: Annotated[Asker, needs(Action.WATCH)]) -> Response:
        """End one's own viewing."""
        await viewings.end(who, recording_id, viewing_id)
        return nothing()

    return routes


def _view(one: FootageViewing, marks: list[Mark]) -> FootageView:
    recording = one.recording
    return FootageView(
        viewing_id=one.viewing_id, recording_id=recording.recording_id, incident_id=recording.incident_id,
        mission_id=recording.mission_id, vehicle_id=recording.vehicle_id, what=one.what, lasts_us=one.reel.lasts_us,
        whole=one.reel.whole, clips=tuple(_clip(clip) for clip in one.reel.clips), path=tuple(path_of(one.reel)),
        marks=tuple(marks),
    )  # fmt: skip


def _clip(clip: Clip) -> ClipView:
    return ClipView(
        media_type=clip.film.media_type, width_px=clip.film.width_px, height_px=clip.film.height_px, octets=clip.octets,
        head_octets=clip.head_octets, offset_us=clip.offset_us, at_us=tuple(clip.at_us), captured_us=tuple(clip.captured_us),
        keyframes=tuple((number, clip.starts(number)) for number in clip.keyframes),
    )  # fmt: skip


def _range(said: str, octets: int) -> tuple[int, int]:
    """One range from a beginning on; what else is asked for gets all of it (RFC 9110, 14.2). Raises `Misfit` beyond the end."""
    found = RANGE.fullmatch(said.strip())
    if found is None:
        return 0, octets
    start = int(found[1])
    stop = int(found[2]) + 1 if found[2] else octets
    if start >= octets or stop <= start:
        raise Misfit("the range lies outside the film", remedy=f"it has {octets} octets")
    return start, min(stop, octets)


async def _parts(more: Callable[[], bytes | None]) -> AsyncIterator[bytes]:
    """Opened in a thread, some at a time: each is a picture, and small."""

    def some() -> bytes:
        found, size = [], 0
        while size < 262_144 and (part := more()) is not None:
            found.append(part)
            size += len(part)
        return b"".join(found)

    while data := await asyncio.to_thread(some):
        yield data


def _media_route() -> dict[str, Any]:
    said = c.route()
    content = {"video/mp4": {"schema": {"type": "string", "format": "binary"}}}
    said["responses"] |= {
        200: {"description": "The film", "content": content},
        206: {"description": "A range", "content": content},
    }
    return said
