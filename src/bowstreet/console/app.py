"""The edge, assembled: one FastAPI app of the routes of every noun, behind the checks that every request passes."""

import asyncio
import functools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import msgspec
import structlog
from fastapi import APIRouter, FastAPI
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp

from bowstreet.accountability.accounts import Accounts
from bowstreet.console import (
    accounts,
    airspace,
    alert_feed,
    alerts,
    authorisations,
    callouts,
    contracts,
    deployments,
    evidence,
    figures,
    fleet,
    follows,
    health,
    incidents,
    ledger,
    live,
    missions,
    occurrences,
    playing,
    problems,
    record,
    recordings,
    redactions,
    requests,
    retention,
    sessions,
    sign_in,
    static_files,
    street,
    vehicle_keys,
    video,
    video_socket,
    video_viewings,
    watches,
    watchlists,
    zone_files,
)
from bowstreet.console import log as log_pages
from bowstreet.console.access import Access
from bowstreet.console.desk import NOWHERE, Desk
from bowstreet.console.feed import Feed
from bowstreet.console.footage_viewings import FootageViewings
from bowstreet.console.idempotency import Idempotency
from bowstreet.console.live import LiveFeed
from bowstreet.console.looking import Looking
from bowstreet.console.officer import links as officer_links
from bowstreet.console.officer import page as officer_page
from bowstreet.console.officer import routes as officer_routes
from bowstreet.console.officer import socket as officer_socket
from bowstreet.console.officer.situation import Situations
from bowstreet.console.officer.visits import Visits
from bowstreet.console.public import routes as public
from bowstreet.console.scene import Scene
from bowstreet.console.security import Edge
from bowstreet.console.services import ConsoleServices
from bowstreet.console.settings import EdgeSettings
from bowstreet.console.viewings import Viewings
from bowstreet.errors import BowstreetError

log = structlog.get_logger(__name__)

PREFIX = "/api/v1"
HOUSEKEEPING_S = 300.0  # real seconds: often enough that a restart ends no session in use (they idle out after half an hour)


@dataclass(frozen=True, kw_only=True)
class Console:
    """What `create_app` gives: the app to serve, and the parts that run beside it.

    Attributes:
        app: ASGI, for `console.server.Server`.
        feed: its `run` turns the live feed's frames; `close` ends every connection before the server stops.
        document: the OpenAPI document.
    """

    app: ASGIApp
    feed: Feed
    live: LiveFeed
    scene: Scene
    once: Idempotency
    viewings: Viewings
    alert_feed: alert_feed.AlertFeed
    shown: FootageViewings
    accounts: Accounts
    document: dict[str, Any]

    async def load(self) -> None:
        """Fill the timeline from the ledger and forget old idempotency notes. Call it once, after the services have loaded."""
        await self.scene.load()
        await self.once.prune()
        self.feed.turn()

    async def run(self) -> None:
        """Turn the live feed's frames and keep house, until cancelled or the feed is closed. A task of live wiring."""
        keeping = asyncio.ensure_future(self._keep_house())
        try:
            await self.feed.run()
        finally:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)

    async def _keep_house(self) -> None:
        while True:
            await asyncio.sleep(HOUSEKEEPING_S)
            try:
                await self.accounts.tidy()
                await self.once.prune()
                await self.shown.tidy()
            except BowstreetError as error:
                log.warning("housekeeping failed", problem=error.problem)


async def _shown_now(services: ConsoleServices, scene: Scene, path: str) -> bytes:
    """What an earlier answer showed at `path`, as it is now. Raises `NotFound` when it is no more."""
    if path.startswith(evidence.EXPORTS):
        return msgspec.json.encode(services.exports.standing(path.removeprefix(evidence.EXPORTS)))
    return await incidents.shown_now(services, scene, path)


def create_app(services: ConsoleServices, settings: EdgeSettings | None = None) -> Console:
    """The whole HTTP edge over running services.

    Subscribes to the bus; call it before messages that consoles should see are published.
    """
    settings = settings or EdgeSettings()
    scene = Scene(services)
    scene.subscribe()
    feed = Feed(scene.picture, scene.gather, services.clock)
    access = Access(services.accounts, services.real_clock, settings, functools.partial(_boroughs_of, services))
    once = Idempotency(services.store, services.clock, functools.partial(_shown_now, services, scene))
    desk = Desk(services=services, settings=settings, access=access, scene=scene, once=once)
    looking = Looking(services.consultations, services.real_clock)
    watched = LiveFeed(feed, access, services.flight.pilots.heartbeat, services.real_clock, settings.limits, looking)
    figures.register(services, access, feed, watched)
    api = FastAPI(
        title="Bowstreet",
        version=services.run.version,
        description="A city's police drones. See docs/live-feed.md for the feed.",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    shown = FootageViewings(services, access)
    people = (accounts, sessions, sign_in, authorisations, vehicle_keys)
    accounted = (retention, ledger, occurrences, record, requests)
    recognised = (deployments, watchlists, alerts, callouts, street)
    for module in (incidents, watches, missions, follows, fleet, airspace, zone_files, *recognised, *people, *accounted):
        api.include_router(module.router(desk), prefix=PREFIX)
    api.include_router(live.router(watched), prefix=PREFIX)
    viewings = Viewings(services, access)
    officers = alert_feed.AlertFeed(desk)
    api.include_router(alert_feed.router(officers), prefix=PREFIX)
    api.include_router(video.router(desk, viewings), prefix=PREFIX)
    api.include_router(video_viewings.router(desk, viewings), prefix=PREFIX)
    for module in (recordings, evidence, redactions):
        api.include_router(module.router(desk), prefix=PREFIX)
    api.include_router(playing.router(desk, shown), prefix=PREFIX)
    api.include_router(video_socket.router(viewings), prefix=PREFIX)
    situations = Situations(services)
    visits = Visits(desk, viewings, situations)
    api.include_router(officer_links.router(desk, visits), prefix=PREFIX)
    api.include_router(officer_routes.router(desk, visits, viewings, situations), prefix=PREFIX)
    api.include_router(officer_socket.router(services, visits, viewings, situations), prefix=PREFIX)
    document = contracts.document(api, cookie=settings.cookie)
    incidents.narrow(document["components"]["schemas"], services.intake.area.bounding_box)
    api.include_router(_document_route(document), prefix=PREFIX)
    methods = _Methods(document)
    api.include_router(log_pages.router(services.log))
    api.include_router(public.router(desk))
    api.include_router(sign_in.pages(desk))
    api.include_router(_no_such_address(methods))
    api.include_router(health.router(desk))
    api.include_router(officer_page.router(settings.static, settings.tile_origins))
    api.include_router(static_files.router(settings.static))
    problems.install(api, lambda path: methods.of(path) or "GET, HEAD")
    return Console(
        app=Edge(api, settings=settings, clock=services.real_clock, denied=access.denied),
        feed=feed,
        live=watched,
        scene=scene,
        once=once,
        viewings=viewings,
        alert_feed=officers,
        shown=shown,
        accounts=services.accounts,
        document=document,
    )


def _boroughs_of(services: ConsoleServices, parameters: Mapping[str, str]) -> Sequence[str]:
    """Where the thing that a request names is, or all places that it is about; none when it names nothing that is anywhere.

    What is not known is `NOWHERE`, as is what lies in no borough: whoever is limited to some gets one answer to what is
    elsewhere and to what is not there, so that ids cannot be tried out.
    """
    if "authorisation_id" in parameters:
        standing = services.authorities.find(parameters["authorisation_id"])
        return (NOWHERE,) if standing is None else standing.place.boroughs
    if "occurrence_id" in parameters:
        occurrence = services.occurrences.find(parameters["occurrence_id"])
        return (NOWHERE if occurrence is None else occurrence.borough or NOWHERE,)
    if "link_id" in parameters:
        link = services.officer_links.links.find(parameters["link_id"])
        return (_place_of(services, "" if link is None else link.incident_id),)
    if "deployment_id" in parameters:
        deployment = services.recognition.find(parameters["deployment_id"])
        return (NOWHERE,) if deployment is None else deployment.plan.boroughs or (NOWHERE,)
    if "alert_id" in parameters:
        alert = services.recognition.alerts.find(parameters["alert_id"])
        return (NOWHERE if alert is None else alert.borough or NOWHERE,)
    if "mission_id" in parameters:
        mission = services.flight.missions.find(parameters["mission_id"])
        return (_place_of(services, "" if mission is None else mission.incident_id),)
    if "source_id" in parameters:
        return _place_of_source(services, parameters["source_id"])
    if "recording_id" in parameters:
        recording = services.footage.recordings.find(parameters["recording_id"])
        return (_place_of(services, "" if recording is None else recording.incident_id),)
    return (_place_of(services, parameters["incident_id"]),) if "incident_id" in parameters else ()


def _place_of_source(services: ConsoleServices, source_id: str) -> Sequence[str]:
    """Where a camera looks: at what its drone flies to; nowhere in particular while it flies to nothing."""
    stream = services.video.streams.get(source_id)
    vehicle_id = "" if stream is None else stream.source.vehicle_id
    missions = services.flight.active_missions() if vehicle_id else []
    return tuple(_place_of(services, one.incident_id) for one in missions if one.vehicle_id == vehicle_id)


def _place_of(services: ConsoleServices, incident_id: str) -> str:
    incident = services.intake.incidents.find(incident_id)
    borough = None if incident is None else services.intake.area.borough_of(incident.position)
    return NOWHERE if borough is None else borough.name


def _document_route(document: dict[str, Any]) -> APIRouter:
    routes = APIRouter(include_in_schema=False)

    @routes.get("/openapi.json")
    async def openapi() -> Response:
        return contracts.json(document)

    return routes


def _no_such_address(methods: "_Methods") -> APIRouter:
    """What is under /api and no route: the console's pages below must not answer for it."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/api/{path:path}")
    async def none(path: str) -> Response:
        if methods.of(f"/api/{path}") is not None:
            raise HTTPException(HTTPStatus.METHOD_NOT_ALLOWED)
        raise HTTPException(HTTPStatus.NOT_FOUND)

    return routes


class _Methods:
    """Which methods an address has, for the Allow header of a 405: all of them, where the router knows only the first route's."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._known = [
            (re.compile(re.sub(r"\{[^}]*\}", "[^/]+", path)), ", ".join(sorted(method.upper() for method in methods)))
            for path, methods in document["paths"].items()
        ]

    def of(self, path: str) -> str | None:
        """Such as `GET, POST`; None for an address that the document does not know."""
        return next((methods for pattern, methods in self._known if pattern.fullmatch(path)), None)
