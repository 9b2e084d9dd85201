"""Recognition alerts over HTTP, for the officer who decides: each look at the two pictures is on record before it is given
(R11, R16)."""

from datetime import datetime
from typing import Annotated

import msgspec
from fastapi import APIRouter, Request
from starlette.responses import Response

from bowstreet.accountability.model import Action
from bowstreet.accountability.processing import rules as processing
from bowstreet.console import contracts as c
from bowstreet.console.access import Asker
from bowstreet.console.desk import Desk
from bowstreet.console.sight import sight_of
from bowstreet.recognition.alerts import rules
from bowstreet.recognition.alerts.model import (
    Alert,
    AlertResult,
    AlertState,
    Disposal,
    IdentityFound,
    Judgement,
    NotEngaged,
)
from bowstreet.recognition.model import Category, Risk

MAX_LISTED = 200
A_PERSON_DECIDES = (
    "This is a comparison by a machine, and it may be wrong. A person must decide: compare the two pictures yourself before you "
    "do anything. A score is no ground for an arrest."
)


class AlertView(msgspec.Struct, frozen=True, kw_only=True):
    """An alert without its pictures. Moments by which something must happen are null where nothing must."""

    alert_id: str
    deployment_id: str
    camera_id: str
    camera: str
    category: Category
    risk: Risk
    minor_or_vulnerable: bool
    score: float
    threshold: float
    quality: float
    looks: int
    seen_at: datetime
    raised_at: datetime
    state: AlertState
    claimed_by: str
    claimed_by_me: bool
    viewed_by_me: bool
    claim_ends_at: datetime | None
    lapses_at: datetime | None
    opinion: str  # "", "asked", or the judgement that was given
    opinion_until: datetime | None
    outcome: AlertResult | None
    settled_at: datetime | None


class AlertPictures(msgspec.Struct, frozen=True, kw_only=True):
    """Side by side: the face that was seen, and the images on the list (JPEG, base64). None are left when the list is
    destroyed."""

    alert: AlertView
    statement: str
    name: str
    reference: str
    probe: bytes
    listed: tuple[bytes, ...]


class SecondOpinion(c.Body, frozen=True, kw_only=True):
    judgement: Judgement


class AlertDecision(c.Body, frozen=True, kw_only=True):
    """What the officer does: walks up to the person, or not and why not."""

    engage: bool
    judgement: Judgement
    why_not: NotEngaged | None = None


class AlertOutcome(c.Body, frozen=True, kw_only=True):
    """What came of it."""

    identity: IdentityFound
    disposal: Disposal


def view_of(desk: Desk, one: Alert, account_id: str) -> AlertView:
    opinion = one.opinion
    waits = opinion is not None and opinion.judgement is None
    said = "" if opinion is None else "asked" if opinion.judgement is None else opinion.judgement.value
    camera = desk.services.recognition.planning.cameras.get(one.camera_id)
    return AlertView(
        alert_id=one.alert_id, deployment_id=one.deployment_id, camera_id=one.camera_id,
        camera=camera.name if camera else one.camera_id, category=one.category, risk=one.risk,
        minor_or_vulnerable=one.minor_or_vulnerable, score=round(one.score, 3), threshold=one.threshold,
        quality=round(one.quality, 2), looks=one.looks, seen_at=one.seen_at, raised_at=one.raised_at, state=one.state,
        claimed_by=desk.scene.person(one.claimed_by) if one.claimed_by else "", claimed_by_me=one.claimed_by == account_id,
        viewed_by_me=account_id in one.viewed_by,
        claim_ends_at=one.claimed_at + rules.CLAIM_LASTS if one.state is AlertState.CLAIMED and one.claimed_at else None,
        lapses_at=one.raised_at + rules.LAPSES_AFTER if one.state is AlertState.RAISED else None,
        opinion=said, opinion_until=opinion.asked_at + rules.OPINION_WITHIN if waits and opinion else None,
        outcome=one.outcome, settled_at=one.settled_at,
    )  # fmt: skip


def listed(desk: Desk, who: Asker, deployment_id: str = "") -> list[AlertView]:
    """Newest first, those of volunteers left out: nobody acts on them."""
    sight = sight_of(who.identity.boroughs)
    seen = [
        one for one in desk.services.recognition.alerts.all()
        if one.state is not AlertState.SEEDED and sight.sees(one.borough) and deployment_id in ("", one.deployment_id)
    ]  # fmt: skip
    newest = sorted(seen, key=lambda one: (not one.state.is_open, -one.raised_at.timestamp()))[:MAX_LISTED]
    return [view_of(desk, one, who.account_id) for one in newest]


def router(desk: Desk) -> APIRouter:
    routes = APIRouter(tags=["recognition"], prefix="/recognition")
    _seen(routes, desk)
    _claimed(routes, desk)
    _decided(routes, desk)
    return routes


def _seen(routes: APIRouter, desk: Desk) -> None:
    recognition, sees = desk.services.recognition, desk.access.needs(Action.SEE_ALERTS)

    @routes.get("/alerts", **c.route(list[AlertView], says="Open ones first, then the newest, 200 at most"))
    async def list_alerts(who: Annotated[Asker, sees]) -> Response:
        """Alerts without their pictures."""
        return c.json(listed(desk, who))

    @routes.get("/alerts/{alert_id}", **c.route(AlertPictures, says="The alert with both pictures; that you look is on record"))
    async def pictures(alert_id: c.Id, who: Annotated[Asker, sees]) -> Response:
        """What was seen beside who is on the list. The look is recorded before this is answered."""
        why = processing.justified(who.identity.role, None, acts=True, standing=True)
        adjudicates = Action.ADJUDICATE in who.identity.may
        one, probe = await recognition.alerts.view(alert_id, who.identity, why, adjudicates=adjudicates)
        name, reference, images = recognition.as_listed(one)
        return c.json(
            AlertPictures(
                alert=view_of(desk, one, who.account_id), statement=A_PERSON_DECIDES, name=name, reference=reference,
                probe=probe.image, listed=images,
            )
        )  # fmt: skip


def _claimed(routes: APIRouter, desk: Desk) -> None:
    alerts, decides = desk.services.recognition.alerts, desk.access.needs(Action.ADJUDICATE)

    @routes.post("/alerts/{alert_id}/claim", **c.route(AlertView, changes=True, key=True))
    async def claim(alert_id: c.Id, request: Request, who: Annotated[Asker, decides]) -> Response:
        """Take it. It goes back to all after three minutes without a decision."""

        async def act() -> Response:
            return c.json(view_of(desk, await alerts.claim(alert_id, who.account_id), who.account_id))

        return await desk.command(request, who, act)

    @routes.post("/alerts/{alert_id}/release", **c.route(AlertView, changes=True, key=True))
    async def release(alert_id: c.Id, request: Request, who: Annotated[Asker, decides]) -> Response:
        """Give it back to all."""

        async def act() -> Response:
            return c.json(view_of(desk, await alerts.release(alert_id, who.account_id), who.account_id))

        return await desk.command(request, who, act)

    @routes.post("/alerts/{alert_id}/ask-opinion", **c.route(AlertView, changes=True, key=True))
    async def ask_opinion(alert_id: c.Id, request: Request, who: Annotated[Asker, decides]) -> Response:
        """Have another officer look before you decide."""

        async def act() -> Response:
            return c.json(view_of(desk, await alerts.ask_opinion(alert_id, who.account_id), who.account_id))

        return await desk.command(request, who, act)

    @routes.post("/alerts/{alert_id}/opinion", **c.route(AlertView, body=SecondOpinion, changes=True, key=True))
    async def opinion(alert_id: c.Id, request: Request, who: Annotated[Asker, decides]) -> Response:
        """A second opinion on the two pictures, by another officer than who has the alert."""
        said: SecondOpinion = await c.read(request, SecondOpinion)

        async def act() -> Response:
            one = await alerts.give_opinion(alert_id, who.account_id, said.judgement)
            return c.json(view_of(desk, one, who.account_id))

        return await desk.command(request, who, act)


def _decided(routes: APIRouter, desk: Desk) -> None:
    alerts, decides = desk.services.recognition.alerts, desk.access.needs(Action.ADJUDICATE)

    @routes.post("/alerts/{alert_id}/decision", **c.route(AlertView, body=AlertDecision, changes=True, key=True))
    async def decision(alert_id: c.Id, request: Request, who: Annotated[Asker, decides]) -> Response:
        """Engage or not, after having looked at both pictures."""
        said: AlertDecision = await c.read(request, AlertDecision)

        async def act() -> Response:
            one = await alerts.decide(
                alert_id, who.account_id, engage=said.engage, judgement=said.judgement, why_not=said.why_not
            )
            return c.json(view_of(desk, one, who.account_id))

        return await desk.command(request, who, act)

    @routes.post("/alerts/{alert_id}/outcome", **c.route(AlertView, body=AlertOutcome, changes=True, key=True))
    async def outcome(alert_id: c.Id, request: Request, who: Annotated[Asker, decides]) -> Response:
        """What came of an engagement."""
        said: AlertOutcome = await c.read(request, AlertOutcome)

        async def act() -> Response:
            one = await alerts.settle(alert_id, who.account_id, said.identity, said.disposal)
            return c.json(view_of(desk, one, who.account_id))

        return await desk.command(request, who, act)
