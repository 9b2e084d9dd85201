"""Calls and incidents over HTTP: take a call, see what became of it and why, launch by hand, close."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from bowstreet.accountability.model import Action
from bowstreet.accountability.processing.model import OPERATION, Justification, Matter
from bowstreet.console import contracts as c
from bowstreet.console import views
from bowstreet.console.access import Asker
from bowstreet.console.desk import Desk
from bowstreet.console.limits import Buckets
from bowstreet.console.looking import consult
from bowstreet.console.problems import HeldInQuarantine, Misfit, MisfitInQuarantine
from bowstreet.console.scene import Scene
from bowstreet.console.services import ConsoleServices
from bowstreet.console.sight import incident_elsewhere, sight_of
from bowstreet.errors import TooManyAttempts
from bowstreet.intake.area import EDGE_DEG
from bowstreet.intake.model import Incident, IncidentState, Quarantined


class _Call(msgspec.Struct, frozen=True, kw_only=True):
    """What every report says. Keys that mean nothing here are left aside: a CAD may send its own record whole."""

    grade: Annotated[Literal["I", "S", "E", "R"], msgspec.Meta(description="I immediate, S significant, E extended, R referred")]
    category: Annotated[str, msgspec.Meta(min_length=1, max_length=100, pattern=c.VISIBLE)]
    id: Annotated[str, msgspec.Meta(min_length=1, max_length=100, description="the caller's own reference")] | None = None
    reported_at: Annotated[datetime, msgspec.Meta(tz=True, description="now, when left out")] | None = None
    text: Annotated[str, msgspec.Meta(max_length=10_000)] = ""


class CallAtPosition(_Call, frozen=True, kw_only=True):
    """A call at a WGS 84 position."""

    latitude: c.Latitude
    longitude: c.Longitude


class CallAtGridPoint(_Call, frozen=True, kw_only=True):
    """A call at a point of the National Grid (EPSG:27700), metres."""

    easting: Annotated[float, msgspec.Meta(ge=0, le=700_000)]
    northing: Annotated[float, msgspec.Meta(ge=0, le=1_300_000)]


class ReportWhole(msgspec.Struct, frozen=True, kw_only=True):
    """A report as it came: personal data. That it was looked at is on record."""

    id: str
    raw: str


class Launch(c.Body, frozen=True, kw_only=True):
    """A launch by hand. The same safety rules hold as for any."""

    vehicle_id: Annotated[str, msgspec.Meta(min_length=1, max_length=80)]
    reason: c.ReasonText


class Reasoned(c.Body, frozen=True, kw_only=True):
    """An act that needs only its reason."""

    reason: c.ReasonText


class IncidentWords(msgspec.Struct, frozen=True, kw_only=True):
    """What callers said: personal data. That it was looked at, by whom and why, is on record."""

    incident_id: str
    words: str


class IncidentWithDecisions(msgspec.Struct, frozen=True, kw_only=True):
    incident: views.IncidentView
    missions: tuple[views.MissionView, ...]
    decisions: tuple[views.DecisionView, ...]


Why = Annotated[Justification | None, Query(description="why you look, where it is not plain")]
BoundingBox = tuple[float, float, float, float]  # west, south, east, north; WGS 84 degrees
INCIDENTS = "/api/v1/incidents/"
MAX_LISTED = 500  # more than a shift opens; the record has the rest
Call = CallAtPosition | CallAtGridPoint
CALLS: tuple[type[Call], ...] = (CallAtPosition, CallAtGridPoint)


def router(desk: Desk) -> APIRouter:
    routes = APIRouter(tags=["incidents"])
    services, needs = desk.services, desk.access.needs
    flood = Buckets(desk.settings.limits.incidents, services.real_clock)

    @routes.post("/incidents", **c.route(views.IncidentView, status=201, body=CALLS, changes=True, key=True, says="An incident"))
    async def report(request: Request, who: Annotated[Asker, needs(Action.REPORT)]) -> Response:
        """Take a call. Calls about the same thing become one incident. One that cannot be used is kept in quarantine and
        answered 422 when its form is wrong, 409 when it is well formed but not for here or now."""
        if not flood.take(who.account_id):
            raise TooManyAttempts("too many calls from this account", remedy="wait; replay files with bowstreet up --calls")
        c.require_json(request)
        body = await request.body()
        return await desk.command(request, who, lambda: _take(desk, body, who), repeatable=True)

    @routes.get("/incidents", **c.route(list[views.IncidentView], says="Incidents, newest first, 500 at most"))
    async def list_incidents(who: Annotated[Asker, needs(Action.SEE)], closed: bool = False) -> Response:
        """Incidents that are not closed; with `closed` also the others."""
        await consult(services.consultations, who, Matter.INCIDENTS, OPERATION)
        sight = sight_of(who.identity.boroughs)
        known = [i for i in services.intake.incidents.all() if closed or i.state is not IncidentState.CLOSED]
        found = [i for i in known if sight.sees(desk.scene.borough_of(i))] if sight.is_limited else known
        newest = sorted(found, key=lambda incident: incident.opened_at, reverse=True)[:MAX_LISTED]
        return c.json([desk.scene.incident(incident) for incident in newest])

    @routes.get("/incidents/{incident_id}", **c.route(IncidentWithDecisions))
    async def one_incident(incident_id: c.Id, who: Annotated[Asker, needs(Action.SEE)], why: Why = None) -> Response:
        """One incident with its flights and decisions."""
        incident = services.intake.incidents.get(incident_id)
        await _consult(desk, incident, who, Matter.DECISIONS, why)
        flights = tuple(m for m in services.flight.missions.all() if m.incident_id == incident_id)
        return c.json(
            IncidentWithDecisions(
                incident=desk.scene.incident(incident),
                missions=tuple(desk.scene.mission(m) for m in flights),
                decisions=_decisions(desk, incident_id),
            )
        )

    @routes.get("/incidents/{incident_id}/decisions", **c.route(list[views.DecisionView]))
    async def decisions(incident_id: c.Id, who: Annotated[Asker, needs(Action.SEE)], why: Why = None) -> Response:
        """'Why this drone', 'why none': the latest decisions about an incident, oldest first."""
        await _consult(desk, services.intake.incidents.get(incident_id), who, Matter.DECISIONS, why)
        return c.json(_decisions(desk, incident_id))

    @routes.get("/incidents/{incident_id}/words", **c.route(IncidentWords))
    async def words(incident_id: c.Id, who: Annotated[Asker, needs(Action.SEE)], why: Why = None) -> Response:
        """What callers said. `why` is needed for what is over and was not one's own, and may be given for any."""
        incident = services.intake.incidents.get(incident_id)
        await _consult(desk, incident, who, Matter.WORDS, why)
        return c.json(IncidentWords(incident_id=incident_id, words=incident.text))

    @routes.post("/incidents/{incident_id}/launch", **c.route(views.MissionView, status=201, body=Launch, changes=True, key=True))
    async def launch(incident_id: c.Id, request: Request, who: Annotated[Asker, needs(Action.LAUNCH)]) -> Response:
        """Send a drone of one's own choice, under the same safety rules."""
        said: Launch = await c.read(request, Launch)

        async def act() -> Response:
            mission = await services.dispatch.manual_launch(incident_id, said.vehicle_id, who.account_id, said.reason)
            return c.json(desk.scene.mission(mission), HTTPStatus.CREATED)

        return await desk.command(request, who, act)

    @routes.post("/incidents/{incident_id}/close", **c.route(views.IncidentView, body=Reasoned, changes=True, key=True))
    async def close(incident_id: c.Id, request: Request, who: Annotated[Asker, needs(Action.CLOSE)]) -> Response:
        """Close an incident that needs no drone any more. Its drones are called back."""
        said: Reasoned = await c.read(request, Reasoned)
        return await desk.command(request, who, lambda: _close(desk, incident_id, said.reason, who))

    @routes.get("/quarantine", **c.route(list[views.QuarantineView]))
    async def quarantine(who: Annotated[Asker, needs(Action.SEE_QUARANTINE)]) -> Response:
        """Reports that could not be used, newest first, and why; what they say is asked for one by one."""
        sight = sight_of(who.identity.boroughs)
        known = services.intake.quarantined.all()
        seen = [q for q in known if sight.sees(desk.scene.borough_of_report(q))] if sight.is_limited else known
        held = sorted(seen, key=lambda q: q.at, reverse=True)[:MAX_LISTED]
        return c.json([views.quarantined(one) for one in held])

    @routes.get("/quarantine/{quarantine_id}", **c.route(ReportWhole))
    async def one_report(quarantine_id: c.Id, who: Annotated[Asker, needs(Action.SEE_QUARANTINE)], why: Why = None) -> Response:
        """One of them as it came."""
        found = services.intake.quarantined.find(quarantine_id)
        borough = None if found is None else desk.scene.borough_of_report(found)
        await desk.require_sight(who, Action.SEE_QUARANTINE, quarantine_id, borough)
        held = services.intake.quarantined.get(quarantine_id)
        await consult(services.consultations, who, Matter.REPORT, quarantine_id, why)
        return c.json(ReportWhole(id=quarantine_id, raw=held.raw))

    return routes


async def _consult(desk: Desk, incident: Incident, who: Asker, what: Matter, why: Justification | None) -> None:
    """Raises `Refused` when no reason to look is given and none is plain."""
    flights = (one for one in desk.services.flight.missions.all() if one.incident_id == incident.incident_id)
    acts = any(who.account_id in (one.authorised_by, one.pilot) for one in flights)
    standing = incident.state is not IncidentState.CLOSED
    await consult(desk.services.consultations, who, what, incident.incident_id, why, acts=acts, standing=standing)


async def _take(desk: Desk, body: bytes, who: Asker) -> Response:
    """Take one call; anything that is not usable is kept in quarantine before it is refused."""
    intake, source = desk.services.intake, f"api:{who.account_id}"
    row = c.decode(body, Any)
    try:
        call = call_of(row)
        require_near(call, intake.area.bounding_box)
    except Misfit as misfit:
        held = await intake.quarantine(source, None, misfit.message, body.decode(errors="replace"))
        raise MisfitInQuarantine(misfit.message, quarantine_id=held.quarantine_id) from misfit
    known = intake.known(source, call.id)
    taken = await intake.receive_raw(to_row(call, desk.services.clock.now()), source)
    if isinstance(taken, Quarantined):
        raise HeldInQuarantine(taken.reason, quarantine_id=taken.quarantine_id)
    status = HTTPStatus.CREATED if known is None and taken.reports == 1 else HTTPStatus.OK
    if not sight_of(who.identity.boroughs).sees(desk.scene.borough_of(taken)):
        return c.json(incident_elsewhere(desk.scene.incident(taken)), status)  # names no place where more could be seen
    return _shown(desk, taken, status)


def call_of(row: Any) -> Call:
    """A decoded body as a call, at a position or else at a grid point.

    Raises:
        Misfit: it is neither; says how it fails as the one it seems to be.
    """
    kinds = CALLS
    if isinstance(row, dict) and "easting" in row and "latitude" not in row:
        kinds = CALLS[::-1]
    fault = ""
    for kind in kinds:
        try:
            return msgspec.convert(row, kind)
        except (msgspec.ValidationError, OverflowError) as error:
            fault = fault or str(error)
    raise Misfit(f"the call does not fit: {fault}", remedy="see the schema in /api/v1/openapi.json")


def require_near(call: Call, bounding_box: BoundingBox) -> None:
    """Raises `Misfit` for a place that is nowhere near the operating area: 0, 0; swapped; another city."""
    if isinstance(call, CallAtPosition):
        west, south, east, north = near(bounding_box)
        if not (south <= call.latitude <= north and west <= call.longitude <= east):
            raise Misfit("the place is outside the operating area", remedy="hand the call to the force that polices it")


def near(bounding_box: BoundingBox) -> BoundingBox:
    """A little more than the boundaries: a place in the river belongs to its bank."""
    west, south, east, north = bounding_box
    return west - EDGE_DEG, south - EDGE_DEG, east + EDGE_DEG, north + EDGE_DEG


def narrow(schemas: dict[str, Any], bounding_box: BoundingBox) -> None:
    """Say in the OpenAPI document where calls are taken from."""
    west, south, east, north = near(bounding_box)
    position = schemas["CallAtPosition"]["properties"]
    position["latitude"] |= {"minimum": south, "maximum": north}
    position["longitude"] |= {"minimum": west, "maximum": east}


def to_row(call: Call, now: datetime) -> dict[str, Any]:
    """A call as a row of a file of calls, which is what intake reads."""
    row: dict[str, Any] = {
        "reported_at": (call.reported_at or now).isoformat(),
        "grade": call.grade,
        "category": call.category,
        "text": call.text,
    }
    if call.id is not None:
        row["id"] = call.id
    if isinstance(call, CallAtPosition):
        return row | {"latitude": call.latitude, "longitude": call.longitude}
    return row | {"easting": call.easting, "northing": call.northing}


async def _close(desk: Desk, incident_id: str, reason: str, who: Asker) -> Response:
    await desk.services.dispatch.withdraw(incident_id, who.account_id, reason)
    return _shown(desk, desk.services.intake.incidents.get(incident_id), HTTPStatus.OK)


def _shown(desk: Desk, incident: Incident, status: HTTPStatus) -> Response:
    """An incident as the answer to a command; it says what it shows, so that `idempotency` keeps no words of a caller."""
    place = f"{INCIDENTS}{incident.incident_id}"
    headers = {"Content-Location": place} | ({"Location": place} if status is HTTPStatus.CREATED else {})
    return c.json(desk.scene.incident(incident), status, headers)


async def shown_now(services: ConsoleServices, scene: Scene, path: str) -> bytes:
    """The JSON of the incident that an earlier answer showed at `path`, as it is now. Raises `NotFound` when it was erased."""
    return msgspec.json.encode(scene.incident(await services.intake.incidents.fetch(path.removeprefix(INCIDENTS))))


def _decisions(desk: Desk, incident_id: str) -> tuple[views.DecisionView, ...]:
    return tuple(views.decision(one) for one in desk.services.dispatch.decisions_for(incident_id))
