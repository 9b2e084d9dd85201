"""How long personal data are kept, over HTTP: the table, its receipts, erasure and disclosure by authority."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Literal

import msgspec
from fastapi import APIRouter, Request
from starlette.responses import Response

from bowstreet.accountability.authority.model import Authorisation, UseCase
from bowstreet.accountability.authority.policy import What
from bowstreet.accountability.model import Action
from bowstreet.accountability.processing.model import Recipient
from bowstreet.accountability.retention.model import Erasure, RetentionClass, Standing
from bowstreet.accountability.retention.subject_access import Held, disclose_of
from bowstreet.console import contracts as c
from bowstreet.console.access import Asker
from bowstreet.console.authorisations import SubjectId
from bowstreet.console.desk import NOWHERE, Desk
from bowstreet.console.sight import sight_of
from bowstreet.errors import NotPermitted

RECEIPTS = 500  # the newest; the ledger has all


class RetentionView(msgspec.Struct, frozen=True, kw_only=True):
    """The table in force, the legal holds that stand against it, and what was erased, newest first."""

    version: str
    digest: str
    classes: tuple[RetentionClass, ...]
    holdings: tuple[Standing, ...]
    holds: tuple[Authorisation, ...]
    erasures: tuple[Erasure, ...]
    overdue_since: datetime | None


class EraseOrder(c.Body, frozen=True, kw_only=True):
    """One subject, now, whatever its period."""

    retention_class: Literal["incident", "quarantine", "account", "complaint"]
    subject_id: SubjectId


class DisclosureOrder(c.Body, frozen=True, kw_only=True):
    """All that is held of one subject; `recipient` when it is another than whom the authorisation's ground is about."""

    subject_id: SubjectId
    recipient: Recipient | None = None


def router(desk: Desk) -> APIRouter:
    routes = APIRouter(tags=["retention"])
    services, access = desk.services, desk.access

    @routes.get("/retention", **c.route(RetentionView))
    async def retention(who: Annotated[Asker, access.needs(Action.SEE_AUTHORISATIONS)]) -> Response:
        """What is kept how long, and the receipts of what went."""
        kept, sight = services.retention, sight_of(who.identity.boroughs)
        newest = sorted(kept.erasures.all(), key=lambda one: one.ordered_at, reverse=True)[:RECEIPTS]
        view = RetentionView(
            version=kept.table.version, digest=kept.version, classes=kept.table.classes,
            holdings=tuple(await kept.standing()),
            holds=tuple(one for one in services.authorities.in_force(UseCase.LEGAL_HOLD) if sight.sees_all(one.place.boroughs)),
            erasures=tuple(newest),
            overdue_since=kept.oldest_due_at,
        )  # fmt: skip
        return c.json(view)

    @routes.post("/erasures", **c.route(Erasure, status=201, body=EraseOrder, changes=True, key=True, says="Erased"))
    async def erase(request: Request) -> Response:
        """Erase one subject. It needs a fresh proof of who asks, and an authorisation for erasure that covers the subject."""
        who = await access.person(request, Action.ERASE)
        await access.may_ever(who, Action.ERASE)
        said: EraseOrder = await c.read(request, EraseOrder)
        await with_authority(desk, who, Action.ERASE, UseCase.ERASURE, said.subject_id)

        async def act() -> Response:
            done = await services.retention.erase(said.retention_class, said.subject_id, who.account_id)
            return c.json(done, HTTPStatus.CREATED)

        return await desk.command(request, who, act)

    @routes.post("/disclosures", **c.route(Held, body=DisclosureOrder, changes=True, says="All that is held"))
    async def disclose(request: Request) -> Response:
        """Give out what is held of a subject. It needs a fresh proof, and an authorisation for disclosure that covers it."""
        who = await access.person(request, Action.DISCLOSE)
        await access.may_ever(who, Action.DISCLOSE)
        said: DisclosureOrder = await c.read(request, DisclosureOrder)
        leave = await with_authority(desk, who, Action.DISCLOSE, UseCase.DISCLOSURE, said.subject_id)
        held = await disclose_of(services.recorder, said.subject_id, who.account_id, leave, said.recipient)
        return c.json(held)

    return routes


async def with_authority(desk: Desk, who: Asker, action: Action, use_case: UseCase, subject_id: str) -> Authorisation:
    """The authorisation that covers it, given for where it is. Raises `NotPermitted`."""
    borough = desk.access.borough_of(incident_id=subject_id)
    held = desk.services.intake.quarantined.find(subject_id)
    if held is not None:
        borough = desk.scene.borough_of_report(held) or NOWHERE
    standing = desk.services.authorities.covering(use_case, subject_id, None if borough == NOWHERE else borough)
    authorisation_id = "" if standing is None else standing.authorisation_id
    what = What(thing=subject_id, borough=borough, authorised=standing is not None)
    await desk.access.require(who, action, what, changes=True, authorisation_id=authorisation_id)
    if standing is None:  # a policy of the operator's own may not ask for one; this does
        raise NotPermitted("this act needs an authorisation in force that covers it", remedy="request one")
    return standing
