"""Links for officers over HTTP, for the control room: make one, see whose are open, end one."""

from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Annotated, Literal

import msgspec
from fastapi import APIRouter, Request
from starlette.responses import Response

from bowstreet.accountability.model import Action
from bowstreet.console import contracts as c
from bowstreet.console.access import Asker
from bowstreet.console.desk import Desk
from bowstreet.console.officer.visits import Visits
from bowstreet.console.problems import Misfit
from bowstreet.dispatch.officers import rules
from bowstreet.dispatch.officers.model import LinkPurpose, OfficerLink
from bowstreet.errors import BadInput, NotFound

ADDRESS = "/officer"


class NewLink(c.Body, frozen=True, kw_only=True):
    """For whom, for what, how long. `words` lets the page show what callers said; each look at them is on record."""

    recipient: Annotated[str, msgspec.Meta(min_length=1, max_length=rules.MOST_RECIPIENT, pattern=c.VISIBLE)]
    purpose: Literal["attending", "searching", "cordon", "command"]
    minutes: Annotated[float, msgspec.Meta(ge=5, le=240)] = 60.0
    devices: Annotated[float, msgspec.Meta(ge=1, le=rules.MOST_DEVICES, multiple_of=1)] = 1.0
    words: bool = False


class LinkView(msgspec.Struct, frozen=True, kw_only=True):
    """A link as the room sees it: `devices` of `most_devices` have it open, `looking` now; `turned_away` counts others."""

    link_id: str
    incident_id: str
    recipient: str
    purpose: str
    made_by: str
    made_at: datetime
    expires_at: datetime
    words: bool
    state: str
    devices: int
    most_devices: int
    looking: int
    turned_away: int
    ended: str
    ended_at: datetime | None


class MadeLink(msgspec.Struct, frozen=True, kw_only=True):
    """A new link. `address` is what the officer opens: shown this once, and kept nowhere."""

    link: LinkView
    address: str


def router(desk: Desk, visits: Visits) -> APIRouter:
    """No Idempotency-Key: the answer holds a secret, and those are not kept."""
    routes = APIRouter(tags=["officers"])
    links, needs = desk.services.officer_links, desk.access.needs

    def shown(link: OfficerLink) -> LinkView:
        why = links.ending(link)
        return LinkView(
            link_id=link.link_id, incident_id=link.incident_id, recipient=link.recipient, purpose=link.purpose,
            made_by=desk.scene.person(link.made_by), made_at=link.made_at, expires_at=link.expires_at, words=link.words,
            state=link.state if why is None else "ended", devices=len(link.devices), most_devices=link.most_devices,
            looking=visits.open_now(link.link_id), turned_away=link.turned_away, ended="" if why is None else why,
            ended_at=link.ended_at,
        )  # fmt: skip

    @routes.get("/incidents/{incident_id}/links", **c.route(list[LinkView]))
    async def list_links(incident_id: c.Id, who: Annotated[Asker, needs(Action.LINK_OFFICERS)]) -> Response:
        """Every link to an incident that is kept, newest first."""
        desk.services.intake.incidents.get(incident_id)
        return c.json([shown(one) for one in links.of_incident(incident_id)])

    @routes.post("/incidents/{incident_id}/links", **c.route(MadeLink, status=201, body=NewLink, changes=True))
    async def make(incident_id: c.Id, request: Request, who: Annotated[Asker, needs(Action.LINK_OFFICERS)]) -> Response:
        """Give one named officer the picture of an incident, on a device of theirs, for a time."""
        said: NewLink = await c.read(request, NewLink)
        try:
            link, secret = await links.make(
                incident_id, said.recipient, LinkPurpose(said.purpose), who.account_id, timedelta(minutes=said.minutes),
                words=said.words, devices=int(said.devices),
            )  # fmt: skip
        except NotFound:
            raise
        except BadInput as error:
            raise Misfit(error.message, remedy=error.remedy) from error
        made = MadeLink(link=shown(link), address=f"{_host(desk, request)}{ADDRESS}#{secret}")
        return c.json(made, HTTPStatus.CREATED)

    @routes.post("/officer-links/{link_id}/revoke", **c.route(LinkView, changes=True))
    async def revoke(link_id: c.Id, who: Annotated[Asker, needs(Action.LINK_OFFICERS)]) -> Response:
        """End a link now: whoever looks by it sees no more. One that is over stays over."""
        return c.json(shown(await links.revoke(link_id, who.account_id)))

    return routes


def _host(desk: Desk, request: Request) -> str:
    """Where phones reach this console: as configured, else by the address that was asked; the edge has refused every other."""
    scheme = "https" if desk.settings.https else "http"
    return desk.settings.officers or f"{scheme}://{request.headers.get('host', '')}"
