"""Occurrences over HTTP: see them, tell of one, say what was found, keep that it was reported, close it, print it (D8)."""

from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Annotated

import msgspec
from fastapi import APIRouter, Request
from starlette.responses import Response

from bowstreet.accountability.authority.model import Ground, UseCase
from bowstreet.accountability.authority.rules import MOST
from bowstreet.accountability.model import Action
from bowstreet.accountability.occurrence import document as documents
from bowstreet.accountability.occurrence import rules
from bowstreet.accountability.occurrence.model import Body, Findings, Kind, Occurrence, OccurrenceState, Outcome
from bowstreet.console import contracts as c
from bowstreet.console.access import Asker
from bowstreet.console.authorisations import NOTE, Moment, SubjectId, document_route
from bowstreet.console.desk import Desk
from bowstreet.console.sight import sight_of

MAX_LISTED = 500


class HoldSuggested(msgspec.Struct, frozen=True, kw_only=True):
    """What to ask for (`POST /authorisations`), so that the incident's personal data stay until the occurrence is looked into."""

    use_case: UseCase
    ground: Ground
    subject_id: str
    boroughs: tuple[str, ...]
    starts_at: datetime
    ends_at: datetime


class OccurrenceView(msgspec.Struct, frozen=True, kw_only=True):
    """An occurrence, who must be told of it and was not, by when (null: nothing is owed), and what hold to ask for."""

    occurrence: Occurrence
    owed: tuple[Body, ...]
    due_at: datetime | None
    overdue: bool
    hold: HoldSuggested | None


class OccurrenceFindings(c.Body, frozen=True, kw_only=True):
    """What was found so far. It takes the place of what was said before."""

    findings: Findings


class OccurrenceTold(c.Body, frozen=True, kw_only=True):
    """A person tells of an occurrence."""

    kind: Kind
    occurred_at: Moment
    mission_id: SubjectId | None = None
    vehicle_id: SubjectId | None = None
    findings: Findings = Findings()


class OccurrenceReport(c.Body, frozen=True, kw_only=True):
    """That a body was told, and the number that it gave."""

    body: Body
    reference: SubjectId


class OccurrenceClosing(c.Body, frozen=True, kw_only=True):
    outcome: Outcome


def router(desk: Desk) -> APIRouter:
    routes = APIRouter(tags=["occurrences"])
    _seen(routes, desk)
    _changed(routes, desk)
    return routes


def shown(desk: Desk, one: Occurrence) -> OccurrenceView:
    now, due = desk.services.clock.now(), rules.due_at(one)
    return OccurrenceView(
        occurrence=one, owed=tuple(sorted(rules.owed(one))), due_at=due, overdue=due is not None and due <= now,
        hold=_hold(desk, one, now),
    )  # fmt: skip


def _hold(desk: Desk, one: Occurrence, now: datetime) -> HoldSuggested | None:
    incident_id = one.evidence.incident_id
    if one.state is OccurrenceState.CLOSED or incident_id is None or one.borough is None:
        return None
    if desk.services.authorities.covering(UseCase.LEGAL_HOLD, incident_id) is not None:
        return None
    return HoldSuggested(
        use_case=UseCase.LEGAL_HOLD, ground=Ground.OCCURRENCE, subject_id=incident_id, boroughs=(one.borough,),
        starts_at=now, ends_at=now + MOST - timedelta(minutes=1),
    )  # fmt: skip


def _seen(routes: APIRouter, desk: Desk) -> None:
    occurrences, needs, log = desk.services.occurrences, desk.access.needs, desk.services.log

    @routes.get("/occurrences", **c.route(list[OccurrenceView], says="Newest first, 500 at most"))
    async def list_occurrences(who: Annotated[Asker, needs(Action.SEE_OCCURRENCES)], closed: bool = False) -> Response:
        """Occurrences that are not closed; with `closed` also the others."""
        sight = sight_of(who.identity.boroughs)
        wanted = [one for one in occurrences.all() if closed or one.state is not OccurrenceState.CLOSED]
        found = [one for one in wanted if sight.sees(one.borough)]
        newest = sorted(found, key=lambda one: one.occurred_at, reverse=True)[:MAX_LISTED]
        return c.json([shown(desk, one) for one in newest])

    @routes.get("/occurrences/{occurrence_id}", **c.route(OccurrenceView))
    async def one_occurrence(occurrence_id: c.Id, who: Annotated[Asker, needs(Action.SEE_OCCURRENCES)]) -> Response:
        """One, with the places of the ledger's entries about it."""
        return c.json(shown(desk, await occurrences.with_evidence(occurrences.get(occurrence_id))))

    @routes.get("/occurrences/{occurrence_id}/document", **document_route("text/plain", "A C2SP signed note"))
    async def document(occurrence_id: c.Id, who: Annotated[Asker, needs(Action.SEE_OCCURRENCES)]) -> Response:
        """The signed report, as `bowstreet authority verify` reads it."""
        one = await occurrences.with_evidence(occurrences.get(occurrence_id))
        named = {"Content-Disposition": f'attachment; filename="{occurrence_id}.txt"'}
        return Response(log.attest(documents.text_of(one)).write(), media_type=NOTE, headers=named)

    @routes.get("/occurrences/{occurrence_id}/print", **document_route("text/html", "A page to print"))
    async def page(occurrence_id: c.Id, who: Annotated[Asker, needs(Action.SEE_OCCURRENCES)]) -> Response:
        """The same, to read and print."""
        one = await occurrences.with_evidence(occurrences.get(occurrence_id))
        said = documents.to_html(one, log.attest(documents.text_of(one)).write(), log.key)
        return Response(said, media_type="text/html; charset=utf-8")


def _changed(routes: APIRouter, desk: Desk) -> None:
    occurrences, needs = desk.services.occurrences, desk.access.needs
    records = needs(Action.RECORD_OCCURRENCE)

    @routes.post(
        "/occurrences", **c.route(OccurrenceView, status=201, body=OccurrenceTold, says="Opened", changes=True, key=True)
    )
    async def tell(request: Request, who: Annotated[Asker, records]) -> Response:
        """Tell of an occurrence. The program opens those that it sees by itself."""
        said: OccurrenceTold = await c.read(request, OccurrenceTold)
        if said.mission_id is not None:
            borough = desk.access.borough_of(mission_id=said.mission_id)
            await desk.require_sight(who, Action.RECORD_OCCURRENCE, said.mission_id, borough)

        async def act() -> Response:
            made = await occurrences.open(
                said.kind, said.occurred_at, said.findings, who.account_id, said.mission_id, said.vehicle_id
            )
            return c.json(shown(desk, made), HTTPStatus.CREATED)

        return await desk.command(request, who, act)

    @routes.post(
        "/occurrences/{occurrence_id}/findings", **c.route(OccurrenceView, body=OccurrenceFindings, changes=True, key=True)
    )
    async def amend(occurrence_id: c.Id, request: Request, who: Annotated[Asker, records]) -> Response:
        """Say what was found."""
        said: OccurrenceFindings = await c.read(request, OccurrenceFindings)

        async def act() -> Response:
            return c.json(shown(desk, await occurrences.amend(occurrence_id, said.findings, who.account_id)))

        return await desk.command(request, who, act)

    @routes.post("/occurrences/{occurrence_id}/report", **c.route(OccurrenceView, body=OccurrenceReport, changes=True, key=True))
    async def report(occurrence_id: c.Id, request: Request, who: Annotated[Asker, records]) -> Response:
        """Keep that the AAIB or the CAA was told. The telling itself is by telephone and in the ECCAIRS portal."""
        said: OccurrenceReport = await c.read(request, OccurrenceReport)

        async def act() -> Response:
            return c.json(shown(desk, await occurrences.report(occurrence_id, said.body, said.reference, who.account_id)))

        return await desk.command(request, who, act)

    @routes.post("/occurrences/{occurrence_id}/close", **c.route(OccurrenceView, body=OccurrenceClosing, changes=True, key=True))
    async def close(occurrence_id: c.Id, request: Request, who: Annotated[Asker, records]) -> Response:
        """Close it: refused while somebody who must be told was not."""
        said: OccurrenceClosing = await c.read(request, OccurrenceClosing)

        async def act() -> Response:
            return c.json(shown(desk, await occurrences.close(occurrence_id, said.outcome, who.account_id)))

        return await desk.command(request, who, act)
