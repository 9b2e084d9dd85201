"""The officer's page over HTTP: open a link, see what it shows, live pictures by WHEP. No account; the link is the leave.

All of it stands under one prefix, so that a proxy may let phones reach this and nothing else (docs/officers.md).
"""

from http import HTTPStatus
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Request
from starlette.responses import Response

from bowstreet.accountability.processing.model import Matter
from bowstreet.console import contracts as c
from bowstreet.console.desk import Desk, nothing
from bowstreet.console.officer import views as v
from bowstreet.console.officer.situation import Situations
from bowstreet.console.officer.visits import Visits
from bowstreet.console.problems import Misfit
from bowstreet.console.video import SDP, offer_of, offer_route
from bowstreet.console.viewings import Viewings
from bowstreet.dispatch.officers.model import OfficerLink
from bowstreet.errors import Refused
from bowstreet.video.whep import MalformedOffer


class OpenLink(c.Body, frozen=True, kw_only=True):
    """What stands after the # of the address that the officer was given."""

    secret: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class WordsView(msgspec.Struct, frozen=True, kw_only=True):
    """What callers said, where the control room has let it be shown."""

    text: str


def router(desk: Desk, visits: Visits, viewings: Viewings, situations: Situations) -> APIRouter:
    routes = APIRouter(tags=["officers"], prefix="/officer")
    services = desk.services

    def whole(link: OfficerLink) -> v.OpenedView:
        facts = v.facts(link, services.run.operator)
        return v.OpenedView(link=facts, state=situations.look(link))

    @routes.post("/open", **c.route(v.OpenedView, body=OpenLink, open_to_all=True, says="Open on this device"))
    async def open_link(request: Request) -> Response:
        """Open a link on this device. It is bound to it, and on record, before anything is answered."""
        said: OpenLink = await c.read(request, OpenLink)
        visitor, device = await visits.open(request, said.secret)
        return visits.give_cookie(c.json(whole(visitor.link)), visitor.link.link_id, device)

    @routes.get("/{link_id}", **c.route(v.OpenedView, open_to_all=True))
    async def look(link_id: c.Id, request: Request) -> Response:
        """What a link that is open on this device shows now."""
        visitor = await visits.visitor(request, link_id)
        await services.consultations.record(visitor, Matter.OFFICER_PAGE, visitor.link.incident_id, visitor.guest.why)
        return c.json(whole(visitor.link))

    @routes.get("/{link_id}/words", **c.route(WordsView, open_to_all=True))
    async def words(link_id: c.Id, request: Request) -> Response:
        """What callers said, when whoever made the link let it be shown. On record before it is answered."""
        visitor = await visits.visitor(request, link_id)
        if not visitor.link.words:
            raise Refused("callers' words are not shown by this link", remedy="ask the control room")
        incident = services.intake.incidents.get(visitor.link.incident_id)
        await services.consultations.record(visitor, Matter.WORDS, incident.incident_id, visitor.guest.why)
        return c.json(WordsView(text=incident.text))

    @routes.post("/{link_id}/whep", **_open_offer_route())
    async def whep(link_id: c.Id, request: Request) -> Response:
        """The full picture by WebRTC. It goes on without a break when another drone takes the watch."""
        visitor = await visits.visitor(request, link_id)
        offer = await offer_of(request)
        try:
            _, session_id, answer = await viewings.begin_whep_of_incident(visitor.guest, visitor.link.incident_id, offer)
        except MalformedOffer as error:
            raise Misfit(error.message, remedy=error.remedy) from error
        headers = {"Location": f"/api/v1/officer/{link_id}/whep/{session_id}"}
        return Response(answer, HTTPStatus.CREATED, media_type=SDP, headers=headers)

    @routes.delete("/{link_id}/whep/{session_id}", **c.route(status=204, open_to_all=True))
    async def leave(link_id: c.Id, session_id: c.Id, request: Request) -> Response:
        """End one's own viewing."""
        visitor = await visits.visitor(request, link_id)
        await viewings.end_whep(visitor.guest, session_id)
        return nothing()

    return routes


def _open_offer_route() -> dict[str, Any]:
    said = offer_route()
    said["openapi_extra"]["security"] = []
    return said
