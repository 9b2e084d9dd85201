"""Authority over HTTP: ask for it, decide on it, end it, print it. Who may is the policy's business, two persons included."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Request
from msgspec import UNSET
from starlette.responses import Response

from bowstreet.accountability.authority import document as documents
from bowstreet.accountability.authority import rules
from bowstreet.accountability.authority.model import Authorisation, Ground, Refusal, UseCase
from bowstreet.accountability.authority.policy import What
from bowstreet.accountability.model import Action
from bowstreet.console import contracts as c
from bowstreet.console.access import Asker
from bowstreet.console.desk import NOWHERE, Desk
from bowstreet.console.sight import sight_of
from bowstreet.errors import BadInput

Moment = Annotated[datetime, msgspec.Meta(tz=True)]
SubjectId = Annotated[str, msgspec.Meta(min_length=1, max_length=80, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.\-]*$")]
NOTE = "text/plain; charset=utf-8"


class AuthorityRequest(c.Body, frozen=True, kw_only=True):
    """What is asked for. Urgent: in force at once for four hours at most, by an authorising officer's word alone."""

    use_case: UseCase
    ground: Ground
    subject_id: Annotated[SubjectId, msgspec.Meta(description="an incident, a request or a deployment, by its id")]
    boroughs: Annotated[tuple[Annotated[str, msgspec.Meta(min_length=1, max_length=80)], ...], msgspec.Meta(max_length=40)]
    starts_at: Moment
    ends_at: Moment
    urgent: bool = False


class AuthorityDecision(c.Body, frozen=True, kw_only=True):
    """Give or refuse what was asked for; of an urgent authority: uphold it or end it. Who says no says why."""

    allow: bool
    because: Refusal | None = None


class AuthorisationView(Authorisation, frozen=True, kw_only=True):
    """The same, with the names that its account ids have here; somebody whose name was erased has none."""

    names: dict[str, str]


class UseCaseTerms(msgspec.Struct, frozen=True, kw_only=True):
    """One use case and the grounds that will do for it."""

    use_case: UseCase
    grounds: tuple[Ground, ...]
    may_be_urgent: bool


class AuthorityTerms(msgspec.Struct, frozen=True, kw_only=True):
    """What can be asked for here: the closed questions with their answers, and how long at most."""

    use_cases: tuple[UseCaseTerms, ...]
    refusals: tuple[Refusal, ...]
    boroughs: tuple[str, ...]
    most_s: float
    most_urgent_s: float
    request_lives_s: float


def router(desk: Desk) -> APIRouter:
    routes = APIRouter(tags=["authorisations"])
    _seen(routes, desk)
    _changed(routes, desk)
    return routes


def _seen(routes: APIRouter, desk: Desk) -> None:
    authorities, needs, log = desk.services.authorities, desk.access.needs, desk.services.log

    def named(one: Authorisation) -> AuthorisationView:
        people = {one.requested_by, one.decided_by, one.reviewed_by} - {None}
        names = {by: found for by in people if by is not None and (found := desk.scene.person(by)) != by}
        return AuthorisationView(**msgspec.structs.asdict(one), names=names)

    @routes.get("/authority", **c.route(AuthorityTerms))
    async def terms(who: Annotated[Asker, needs(Action.SEE_AUTHORISATIONS)]) -> Response:
        """What can be asked for: use cases, the grounds of each, boroughs, how long at most."""
        return c.json(_terms(desk.services.intake.area.names))

    @routes.get("/authorisations", **c.route(list[AuthorisationView], says="Newest first"))
    async def list_authorisations(who: Annotated[Asker, needs(Action.SEE_AUTHORISATIONS)]) -> Response:
        """What was asked for, and what became of it."""
        sight = sight_of(who.identity.boroughs)
        seen = [one for one in authorities.all() if sight.sees_all(one.place.boroughs)]
        newest = sorted(seen, key=lambda one: one.requested_at, reverse=True)
        return c.json([named(one) for one in newest])

    @routes.get("/authorisations/{authorisation_id}/document", **document_route("text/plain", "A C2SP signed note"))
    async def document(authorisation_id: c.Id, who: Annotated[Asker, needs(Action.SEE_AUTHORISATIONS)]) -> Response:
        """The signed document, as `bowstreet authority verify` reads it."""
        named = {"Content-Disposition": f'attachment; filename="{authorisation_id}.txt"'}
        note = log.attest(documents.text_of(authorities.get(authorisation_id)))
        return Response(note.write(), media_type=NOTE, headers=named)

    @routes.get("/authorisations/{authorisation_id}/print", **document_route("text/html", "A page to print"))
    async def page(authorisation_id: c.Id, who: Annotated[Asker, needs(Action.SEE_AUTHORISATIONS)]) -> Response:
        """The same, to read and print."""
        one = authorities.get(authorisation_id)
        shown = documents.to_html(one, log.attest(documents.text_of(one)).write(), log.key)
        return Response(shown, media_type="text/html; charset=utf-8")


def _changed(routes: APIRouter, desk: Desk) -> None:
    authorities, needs, access = desk.services.authorities, desk.access.needs, desk.access

    @routes.post(
        "/authorisations", **c.route(Authorisation, status=201, body=AuthorityRequest, changes=True, key=True, says="Requested")
    )
    async def request_authorisation(request: Request, who: Annotated[Asker, needs(Action.REQUEST_AUTHORISATION)]) -> Response:
        """Ask for authority."""
        said: AuthorityRequest = await c.read(request, AuthorityRequest)
        asked = authorities.requested(
            use_case=said.use_case, ground=said.ground, subject_id=said.subject_id, boroughs=said.boroughs,
            starts_at=said.starts_at, ends_at=said.ends_at, by=who.account_id,
        )  # fmt: skip

        for borough in said.boroughs if who.identity.boroughs else ():
            await access.require(who, Action.REQUEST_AUTHORISATION, What(borough=borough), changes=False)

        async def act() -> Response:
            if said.urgent:
                await access.require(who, Action.AUTHORISE, What(thing=asked.authorisation_id), changes=True)
            return c.json(await authorities.request(asked, urgent=said.urgent), HTTPStatus.CREATED)

        return await desk.command(request, who, act)

    @routes.post(
        "/authorisations/{authorisation_id}/decision", **c.route(Authorisation, body=AuthorityDecision, changes=True, key=True)
    )
    async def decide(authorisation_id: c.Id, request: Request) -> Response:
        """Another officer's word. The policy knows who asked (two-person rule)."""
        who = await access.person(request, Action.AUTHORISE)
        await access.may_ever(who, Action.AUTHORISE)
        standing = authorities.find(authorisation_id)
        asked_by = None if standing is None else standing.requested_by
        places = (NOWHERE,) if standing is None else standing.place.boroughs
        makers = desk.services.accounts.makers_of(who.account_id)
        own = desk.settings.refuses_own_accounts and rules.is_own_account(asked_by or "", who.account_id, makers)
        for borough in places if who.identity.boroughs else ():
            about = What(thing=authorisation_id, borough=borough, requested_by=asked_by, own_account=own)
            await access.require(who, Action.AUTHORISE, about, changes=False)
        about = What(thing=authorisation_id, requested_by=asked_by, own_account=own)
        await access.require(who, Action.AUTHORISE, about, changes=True)
        said: AuthorityDecision = await c.read(request, AuthorityDecision)
        if said.allow is (said.because is not None):
            raise BadInput("a refusal says why, and nothing else does", remedy="give because with allow false, and only then")
        because = UNSET if said.because is None else said.because

        async def act() -> Response:
            decided = authorities.decide(authorisation_id, who.account_id, allow=said.allow, because=because, makers=makers)
            return c.json(await decided)

        return await desk.command(request, who, act)

    @routes.post("/authorisations/{authorisation_id}/revoke", **c.route(Authorisation, changes=True, key=True))
    async def revoke(
        authorisation_id: c.Id, request: Request, who: Annotated[Asker, needs(Action.REVOKE_AUTHORISATION)]
    ) -> Response:
        """End it before its time."""

        async def act() -> Response:
            return c.json(await authorities.revoke(authorisation_id, who.account_id))

        return await desk.command(request, who, act)


def _terms(boroughs: tuple[str, ...]) -> AuthorityTerms:
    return AuthorityTerms(
        use_cases=tuple(
            UseCaseTerms(
                use_case=use_case, may_be_urgent=use_case in rules.MAY_BE_URGENT,
                grounds=tuple(ground for ground in Ground if ground in rules.GROUNDS[use_case]),
            )
            for use_case in UseCase
        ),
        refusals=tuple(Refusal), boroughs=boroughs, most_s=rules.MOST.total_seconds(),
        most_urgent_s=rules.MOST_URGENT.total_seconds(), request_lives_s=rules.REQUEST_LIVES.total_seconds(),
    )  # fmt: skip


def document_route(media_type: str, says: str) -> dict[str, Any]:
    said = c.route(says=says)
    said["responses"][200]["content"] = {media_type: {"schema": {"type": "string"}}}
    return said
