"""Requests and complaints of the public, over HTTP: for those who answer them."""

from datetime import datetime
from typing import Annotated

import msgspec
from fastapi import APIRouter, Request
from starlette.responses import Response

from bowstreet.accountability.correspondence.model import PublicRequest, RefusalGround, RequestChange, RequestKind, RequestState
from bowstreet.accountability.model import Action
from bowstreet.accountability.processing.model import Matter
from bowstreet.console import contracts as c
from bowstreet.console.access import Asker
from bowstreet.console.desk import Desk
from bowstreet.console.incidents import Why
from bowstreet.console.looking import consult

SHOWN = 500  # the newest


class RequestLine(msgspec.Struct, frozen=True, kw_only=True):
    """A request in the list: neither what it says nor who sent it."""

    request_id: str
    kind: RequestKind
    state: RequestState
    filed_at: datetime
    acknowledge_by: datetime | None
    answer_by: datetime | None
    overdue: bool


class RequestList(msgspec.Struct, frozen=True, kw_only=True):
    """Newest first, at most 500; those not settled come before the others."""

    requests: tuple[RequestLine, ...]


class RequestView(msgspec.Struct, frozen=True, kw_only=True):
    """A request, whole."""

    request_id: str
    kind: RequestKind
    state: RequestState
    contact: str
    words: str
    filed_at: datetime
    acknowledge_by: datetime | None
    answer_by: datetime | None
    changes: tuple[RequestChange, ...]


class RequestStep(c.Body, frozen=True, kw_only=True):
    """One step on. A refusal has a ground; nothing else has."""

    state: RequestState
    ground: RefusalGround | None = None


def router(desk: Desk) -> APIRouter:
    routes = APIRouter(tags=["requests of the public"])
    services, access = desk.services, desk.access

    def line(one: PublicRequest) -> RequestLine:
        return RequestLine(
            request_id=one.request_id, kind=one.kind, state=one.state, filed_at=one.filed_at, acknowledge_by=one.acknowledge_by,
            answer_by=one.answer_by, overdue=services.correspondence.is_overdue(one),
        )  # fmt: skip

    @routes.get("/requests", **c.route(RequestList))
    async def listed(who: Annotated[Asker, access.needs(Action.SEE_REQUESTS)]) -> Response:
        """What came from the public, without what it says."""
        ordered = sorted(services.correspondence.requests.all(), key=lambda one: one.filed_at, reverse=True)
        ordered.sort(key=lambda one: one.state.is_final)
        return c.json(RequestList(requests=tuple(line(one) for one in ordered[:SHOWN])))

    @routes.get("/requests/{request_id}", **c.route(RequestView))
    async def one_of_them(
        request_id: c.Id, who: Annotated[Asker, access.needs(Action.SEE_REQUESTS)], why: Why = None
    ) -> Response:
        """What a person wrote, and how to reach them. That it is looked at is recorded first."""
        one = services.correspondence.requests.get(request_id)
        await consult(services.consultations, who, Matter.REQUEST, request_id, why)
        return c.json(_view(one))

    @routes.post("/requests/{request_id}/state", **c.route(RequestLine, body=RequestStep, changes=True, key=True))
    async def move(request: Request, request_id: c.Id, who: Annotated[Asker, access.needs(Action.HANDLE_REQUESTS)]) -> Response:
        """Acknowledge, answer or refuse it. What the person is told goes to them by the way they gave."""
        said: RequestStep = await c.read(request, RequestStep)

        async def act() -> Response:
            return c.json(line(await services.correspondence.move(request_id, said.state, said.ground, who.account_id)))

        return await desk.command(request, who, act)

    return routes


def _view(one: PublicRequest) -> RequestView:
    return RequestView(
        request_id=one.request_id, kind=one.kind, state=one.state, contact=one.contact, words=one.words, filed_at=one.filed_at,
        acknowledge_by=one.acknowledge_by, answer_by=one.answer_by, changes=one.changes,
    )  # fmt: skip
