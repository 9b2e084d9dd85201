"""An officer's phones over HTTP: whether they can be called, which are, and leave given or taken back."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated

import msgspec
from fastapi import APIRouter, Request
from starlette.responses import Response

from bowstreet.accountability import credentials
from bowstreet.accountability.model import Action
from bowstreet.console import contracts as c
from bowstreet.console.access import Asker
from bowstreet.console.desk import Desk, nothing
from bowstreet.console.problems import Misfit
from bowstreet.errors import BadInput, NotPermitted
from bowstreet.recognition.callouts import rules
from bowstreet.recognition.callouts.model import Subscription


class PushKeys(c.Body, frozen=True, kw_only=True):
    """As the browser's `PushSubscription.toJSON()` has them: base64url."""

    p256dh: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    auth: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]


class CalledPhone(c.Body, frozen=True, kw_only=True):
    """What the browser gave, and to which words the officer agreed."""

    endpoint: Annotated[str, msgspec.Meta(min_length=1, max_length=rules.MOST_ENDPOINT)]
    keys: PushKeys
    consent: Annotated[str, msgspec.Meta(min_length=1, max_length=40)]


class PhoneView(msgspec.Struct, frozen=True, kw_only=True):
    """A phone of the asker's. `endpoint_sha256` (hex) lets a browser know its own; the address itself is never given out."""

    subscription_id: str
    push_service: str
    endpoint_sha256: str
    made_at: datetime
    until: datetime
    this_sign_in: bool


class CalloutsView(msgspec.Struct, frozen=True, kw_only=True):
    """`application_server_key` is what a browser is to subscribe with, `push_services` whose addresses are taken."""

    enabled: bool
    application_server_key: str
    consent: str
    push_services: tuple[str, ...]
    phones: tuple[PhoneView, ...]


def router(desk: Desk) -> APIRouter:
    routes = APIRouter(tags=["recognition"], prefix="/recognition")
    callouts, decides = desk.services.callouts, desk.access.needs(Action.ADJUDICATE)

    def whole(who: Asker) -> CalloutsView:
        return CalloutsView(
            enabled=callouts.policy.enabled, application_server_key=callouts.application_server_key, consent=rules.CONSENT,
            push_services=callouts.policy.hosts,
            phones=tuple(_view(one, _session_of(who)) for one in callouts.standing(who.account_id)),
        )  # fmt: skip

    @routes.get("/callouts", **c.route(CalloutsView))
    async def phones(who: Annotated[Asker, decides]) -> Response:
        """Whether phones are called when an alert waits, and which of yours are."""
        return c.json(whole(who))

    @routes.post("/callouts", **c.route(PhoneView, status=201, body=CalledPhone, changes=True, key=True, says="It is called"))
    async def subscribe(request: Request, who: Annotated[Asker, decides]) -> Response:
        """Have this phone called, for as long as this sign-in lasts. It is on record."""
        said: CalledPhone = await c.read(request, CalledPhone)
        session_id = _session_of(who)
        if not session_id:
            raise NotPermitted("this is for people, not for programs", remedy="sign in")

        async def act() -> Response:
            try:
                one = await callouts.subscribe(
                    who.account_id, session_id, said.endpoint, said.keys.p256dh, said.keys.auth, said.consent
                )
            except BadInput as error:
                raise Misfit(error.message, remedy=error.remedy) from error
            return c.json(_view(one, session_id), HTTPStatus.CREATED)

        return await desk.command(request, who, act)

    @routes.delete("/callouts/{subscription_id}", **c.route(status=204, changes=True, key=True))
    async def unsubscribe(subscription_id: c.Id, request: Request, who: Annotated[Asker, decides]) -> Response:
        """It is called no more: its address is destroyed, and that is on record."""

        async def act() -> Response:
            await callouts.unsubscribe(who.account_id, subscription_id)
            return nothing()

        return await desk.command(request, who, act)

    return routes


def _session_of(who: Asker) -> str:
    return "" if who.session is None else credentials.digest(who.session)


def _view(one: Subscription, session_id: str) -> PhoneView:
    return PhoneView(
        subscription_id=one.subscription_id, push_service=one.host,
        endpoint_sha256="" if one.address is None else credentials.digest(one.address.endpoint), made_at=one.made_at,
        until=one.until, this_sign_in=one.session_id == session_id != "",
    )  # fmt: skip
