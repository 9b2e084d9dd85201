"""Vehicles and docks over HTTP: see them, take one out of service and back."""

from typing import Annotated

from fastapi import APIRouter, Request
from starlette.responses import Response

from bowstreet.accountability.model import Action
from bowstreet.console import contracts as c
from bowstreet.console import views
from bowstreet.console.access import Asker
from bowstreet.console.desk import Desk, nothing
from bowstreet.console.incidents import Reasoned


def router(desk: Desk) -> APIRouter:
    routes = APIRouter(tags=["fleet"])
    services, needs = desk.services, desk.access.needs

    @routes.get("/vehicles", **c.route(list[views.DroneView]))
    async def list_vehicles(who: Annotated[Asker, needs(Action.SEE)]) -> Response:
        """Every drone as last heard."""
        return c.json(desk.scene.drones())

    @routes.get("/docks", **c.route(list[views.DockView]))
    async def list_docks(who: Annotated[Asker, needs(Action.SEE)]) -> Response:
        """Every dock as last heard."""
        return c.json(desk.scene.docks())

    @routes.post("/vehicles/{vehicle_id}/ground", **c.route(status=204, body=Reasoned, changes=True, key=True))
    async def ground(vehicle_id: c.Id, request: Request, who: Annotated[Asker, needs(Action.GROUND)]) -> Response:
        """Take a drone out of service: it is sent nowhere any more. A flight under way goes on; recall it if it must not."""
        said: Reasoned = await c.read(request, Reasoned)

        async def act() -> Response:
            await services.flight.ground(vehicle_id, who.account_id, said.reason)
            return nothing()

        return await desk.command(request, who, act)

    @routes.post("/vehicles/{vehicle_id}/release", **c.route(status=204, body=Reasoned, changes=True, key=True))
    async def release(vehicle_id: c.Id, request: Request, who: Annotated[Asker, needs(Action.GROUND)]) -> Response:
        """Put a drone back into service."""
        said: Reasoned = await c.read(request, Reasoned)

        async def act() -> Response:
            await services.flight.release(vehicle_id, who.account_id, said.reason)
            return nothing()

        return await desk.command(request, who, act)

    return routes
