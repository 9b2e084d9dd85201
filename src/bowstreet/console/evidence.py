"""Footage given out as evidence, over HTTP: ordered under an authority, put together, fetched by who ordered it."""

from http import HTTPStatus
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Request
from starlette.responses import Response, StreamingResponse

from bowstreet.accountability.authority import rules
from bowstreet.accountability.authority.model import UseCase
from bowstreet.accountability.model import Action
from bowstreet.accountability.processing.model import Recipient
from bowstreet.accountability.processing.rules import RECIPIENTS
from bowstreet.console import contracts as c
from bowstreet.console.access import Asker
from bowstreet.console.authorisations import SubjectId
from bowstreet.console.desk import Desk
from bowstreet.console.retention import with_authority
from bowstreet.errors import NotPermitted
from bowstreet.video.evidence.exports import Export
from bowstreet.video.evidence.model import Copies
from bowstreet.video.evidence.service import Order

ZIP = "application/zip"
EXPORTS = "/api/v1/evidence/"


class EvidenceOrder(c.Body, frozen=True, kw_only=True):
    """What to export: these recordings of the incident, or all of them when none are named.

    `recipient` when it is another than whom the authorisation's ground is about. `copies`: as received, the redacted copy in its
    stead, or both.
    """

    recordings: Annotated[tuple[SubjectId, ...], msgspec.Meta(max_length=200)] = ()
    recipient: Recipient | None = None
    copies: Copies = Copies.ORIGINAL


def router(desk: Desk) -> APIRouter:
    routes = APIRouter(tags=["video"])
    _ordered(routes, desk)
    _fetched(routes, desk)
    return routes


def _ordered(routes: APIRouter, desk: Desk) -> None:
    services, access, exports = desk.services, desk.access, desk.services.exports

    @routes.post(
        "/incidents/{incident_id}/evidence",
        **c.route(Export, status=201, body=EvidenceOrder, changes=True, key=True, says="It is being put together"),
    )
    async def order(incident_id: c.Id, request: Request) -> Response:
        """Export footage of an incident. It needs a fresh proof, and an authorisation for disclosure that covers the incident.

        It is on record before it can be fetched. Ask `GET /api/v1/evidence/ID` until it is ready."""
        who = await access.person(request, Action.DISCLOSE)
        await access.may_ever(who, Action.DISCLOSE)
        said: EvidenceOrder = await c.read(request, EvidenceOrder)
        await desk.require_sight(who, Action.DISCLOSE, incident_id, access.borough_of(incident_id=incident_id) or None)
        exports.expect(incident_id, said.recordings, said.copies)  # nobody is sent to ask for authority over nothing
        leave = await with_authority(desk, who, Action.DISCLOSE, UseCase.DISCLOSURE, incident_id)
        wanted = Order(
            incident_id=incident_id, by=who.account_id, leave=leave, recipient=said.recipient or RECIPIENTS[leave.ground],
            recordings=said.recordings, copies=said.copies,
            people={one.account_id: one.name for one in services.accounts.all()},
        )  # fmt: skip

        async def act() -> Response:
            made = exports.begin(wanted)
            place = EXPORTS + made.export_id  # whoever sends it again is shown how far it is by then, or that it is over
            return c.json(made, HTTPStatus.CREATED, {"Content-Location": place, "Location": place})

        return await desk.command(request, who, act)


def _fetched(routes: APIRouter, desk: Desk) -> None:
    services, access, exports = desk.services, desk.access, desk.services.exports
    watches = access.needs(Action.WATCH)

    @routes.get("/evidence/{export_id}", **c.route(Export))
    async def one_export(export_id: c.Id, who: Annotated[Asker, watches]) -> Response:
        """How far an export of one's own is."""
        return c.json(exports.get(export_id, who.account_id))

    @routes.get("/evidence/{export_id}/bundle", **_zip_route())
    async def bundle(export_id: c.Id, who: Annotated[Asker, watches]) -> Response:
        """The export itself, by who ordered it, as long as the authority is in force. `bowstreet audit verify FILE` checks it."""
        await access.may_ever(who, Action.DISCLOSE)
        export = exports.get(export_id, who.account_id)
        made, now = exports.bundle(export_id, who.account_id), services.clock.now()
        standing = services.authorities.get(export.authorisation_id)
        if not rules.covers(standing, UseCase.DISCLOSURE, export.incident_id, None, now):
            raise NotPermitted("the authority that it was made under is over", remedy="request another, and order it again")
        headers = {
            "Content-Disposition": f'attachment; filename="{export_id}.zip"', "Content-Length": str(made.octets),
            "Cache-Control": "no-store",
        }  # fmt: skip
        return StreamingResponse(made.as_zip(), media_type=ZIP, headers=headers)


def _zip_route() -> dict[str, Any]:
    said = c.route(says="The bundle")
    said["responses"][200]["content"] = {ZIP: {"schema": {"type": "string", "format": "binary"}}}
    return said
