"""The edge, assembled: one FastAPI app of the routes of every noun, behind the checks that every request passes."""

import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, FastAPI
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp

from bowstreet.console import (
    accounts,
    airspace,
    contracts,
    figures,
    fleet,
    health,
    incidents,
    live,
    missions,
    problems,
    static_files,
)
from bowstreet.console.access import Access
from bowstreet.console.desk import Desk
from bowstreet.console.feed import Feed
from bowstreet.console.idempotency import Idempotency
from bowstreet.console.live import LiveFeed
from bowstreet.console.scene import Scene
from bowstreet.console.security import Edge
from bowstreet.console.services import ConsoleServices
from bowstreet.console.settings import EdgeSettings

PREFIX = "/api/v1"


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
    document: dict[str, Any]

    async def load(self) -> None:
        """Fill the timeline from the ledger and forget old idempotency notes. Call it once, after the services have loaded."""
        await self.scene.load()
        await self.once.prune()
        self.feed.turn()


def create_app(services: ConsoleServices, settings: EdgeSettings | None = None) -> Console:
    """The whole HTTP edge over running services.

    Subscribes to the bus; call it before messages that consoles should see are published.
    """
    settings = settings or EdgeSettings()
    scene = Scene(services)
    scene.subscribe()
    feed = Feed(scene.picture, scene.gather, services.clock)
    access = Access(services.accounts, services.real_clock, settings)
    once = Idempotency(services.store, services.clock)
    desk = Desk(services=services, settings=settings, access=access, scene=scene, once=once)
    watched = LiveFeed(feed, access, services.flight.pilot_heartbeat, services.real_clock, settings.limits)
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
    for module in (incidents, missions, fleet, airspace, accounts):
        api.include_router(module.router(desk), prefix=PREFIX)
    api.include_router(live.router(watched), prefix=PREFIX)
    document = contracts.document(api, cookie=settings.cookie)
    incidents.narrow(document["components"]["schemas"], services.intake.area.bounding_box)
    api.include_router(_document_route(document), prefix=PREFIX)
    methods = _Methods(document)
    api.include_router(_no_such_address(methods))
    api.include_router(health.router(desk))
    api.include_router(static_files.router(settings.static))
    problems.install(api, lambda path: methods.of(path) or "GET, HEAD")
    return Console(
        app=Edge(api, settings=settings, clock=services.real_clock, denied=access.denied),
        feed=feed,
        live=watched,
        scene=scene,
        once=once,
        document=document,
    )


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
