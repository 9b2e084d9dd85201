"""Video over HTTP: which sources there are and how they do, and live pictures by WHEP."""

from http import HTTPStatus
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Request
from starlette.responses import Response

from bowstreet.accountability.model import Action
from bowstreet.console import contracts as c
from bowstreet.console.access import Asker
from bowstreet.console.desk import Desk, nothing
from bowstreet.console.problems import EdgeError, Misfit
from bowstreet.console.viewings import Viewings
from bowstreet.video.model import StreamStatus
from bowstreet.video.whep import MalformedOffer

SDP = "application/sdp"


class SourceView(msgspec.Struct, frozen=True, kw_only=True):
    """A source: whose it is, whether it shows something now and else why not, and how its stream does. `recording`: whether one
    truly runs, whatever was ordered. `elsewhere`: its pictures come from a media server (`POST /video/{source_id}/viewings`)."""

    source_id: str
    vehicle_id: str
    shown: bool
    recording: bool
    why: str
    viewers: int
    stream: StreamStatus
    elsewhere: bool


def router(desk: Desk, viewings: Viewings) -> APIRouter:
    routes = APIRouter(tags=["video"])
    video, needs = desk.services.video, desk.access.needs

    @routes.get("/video", **c.route(list[SourceView]))
    async def sources(who: Annotated[Asker, needs(Action.WATCH)]) -> Response:
        """Every source of video."""
        return c.json([
            SourceView(
                source_id=one.source.source_id, vehicle_id=one.source.vehicle_id, shown=one.order.live,
                recording=desk.services.footage.is_recording(one.source.source_id), why=one.order.why,
                viewers=len(one.pictures) + len(one.fragments), stream=one.ingest.status,
                elsewhere=desk.settings.media_server is not None,
            )
            for one in video.streams.values()
        ])  # fmt: skip

    @routes.post("/video/{source_id}/whep", **offer_route())
    async def whep(source_id: c.Id, request: Request, who: Annotated[Asker, needs(Action.WATCH)]) -> Response:
        """Live pictures by WebRTC: an offer in SDP, answered. All candidates are in the answer; there is no trickle."""
        offer = await offer_of(request)
        try:
            session_id, answer = await viewings.begin_whep(who, source_id, offer)
        except MalformedOffer as error:
            raise Misfit(error.message, remedy=error.remedy) from error
        return _answer(answer, source_id, session_id)

    @routes.post("/video/incident/{incident_id}/whep", **offer_route())
    async def whep_of_incident(incident_id: c.Id, request: Request, who: Annotated[Asker, needs(Action.WATCH)]) -> Response:
        """The same of whatever shows an incident now. It goes on without a break when another drone takes the watch."""
        offer = await offer_of(request)
        try:
            source_id, session_id, answer = await viewings.begin_whep_of_incident(who, incident_id, offer)
        except MalformedOffer as error:
            raise Misfit(error.message, remedy=error.remedy) from error
        return _answer(answer, source_id, session_id)

    @routes.delete("/video/{source_id}/whep/{session_id}", **c.route(status=204, changes=True))
    async def leave(source_id: c.Id, session_id: c.Id, who: Annotated[Asker, needs(Action.WATCH)]) -> Response:
        """End one's own viewing."""
        await viewings.end_whep(who, session_id)
        return nothing()

    return routes


async def offer_of(request: Request) -> bytes:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != SDP:
        raise EdgeError(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", "the body is not SDP", remedy=f"send it as {SDP}"
        )
    return await request.body()


def _answer(answer: str, source_id: str, session_id: str) -> Response:
    place = f"/api/v1/video/{source_id}/whep/{session_id}"
    return Response(answer, HTTPStatus.CREATED, media_type=SDP, headers={"Location": place})


def offer_route() -> dict[str, Any]:
    said = c.route(status=201, changes=True, also=(415,), says="The answer")
    content = {SDP: {"schema": {"type": "string", "minLength": 1, "maxLength": 32_768}}}
    said["openapi_extra"]["requestBody"] = {"required": True, "content": content}
    said["responses"][201] |= {"content": {SDP: {"schema": {"type": "string"}}}}
    return said
