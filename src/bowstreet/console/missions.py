"""Flights over HTTP: see them, call them back, take control and fly."""

from typing import Annotated, Literal

import msgspec
from fastapi import APIRouter, Request
from starlette.responses import Response

from bowstreet.accountability.model import Action
from bowstreet.console import contracts as c
from bowstreet.console import views
from bowstreet.console.access import Asker
from bowstreet.console.desk import Desk, nothing
from bowstreet.console.incidents import Reasoned
from bowstreet.console.sight import sight_of
from bowstreet.flight.control import HIGHEST_M, LEAST_RADIUS_M, LOWEST_M, MOST_RADIUS_M
from bowstreet.flight.model import Command, GoTo, Hold, Orbit, PointGimbal, Waypoint, ZoomCamera
from bowstreet.geo import Position


class _PilotCommand(c.Body, frozen=True, kw_only=True):
    """Base of what a pilot may ask of the drone in hand."""


class Goto(_PilotCommand, frozen=True, kw_only=True, tag="goto"):
    """Fly there and hold."""

    latitude: c.Latitude
    longitude: c.Longitude
    height_m_above_dock: Annotated[float, msgspec.Meta(ge=LOWEST_M, le=HIGHEST_M)]


class HoldHere(_PilotCommand, frozen=True, kw_only=True, tag="hold"):
    """Stop and hold."""


class OrbitRound(_PilotCommand, frozen=True, kw_only=True, tag="orbit"):
    """Circle a point at the present height."""

    latitude: c.Latitude
    longitude: c.Longitude
    radius_m: Annotated[float, msgspec.Meta(ge=LEAST_RADIUS_M, le=MOST_RADIUS_M)]


class Gimbal(_PilotCommand, frozen=True, kw_only=True, tag="gimbal"):
    """Point the camera: 0 is level, -90 straight down."""

    pitch_deg: Annotated[float, msgspec.Meta(ge=-90, le=30)]


class Zoom(_PilotCommand, frozen=True, kw_only=True, tag="zoom"):
    """Zoom the camera's lens: 1 is its widest, 2 shows things twice as large."""

    zoom: Annotated[float, msgspec.Meta(ge=1, le=200)]


class LookDown(c.Body, frozen=True, kw_only=True):
    """Why a camera looks down on the way (D2)."""

    reason: Literal["threat-to-life", "flight-safety", "subject-moved", "collision-avoidance"]


PilotCommand = Goto | HoldHere | OrbitRound | Gimbal | Zoom


def to_flight(command: PilotCommand, height_m_above_dock: float) -> Command:
    """A pilot's words as a command of `flight`. An orbit keeps the height the drone is at."""
    match command:
        case Goto():
            return GoTo(waypoint=_waypoint(command.latitude, command.longitude, command.height_m_above_dock))
        case OrbitRound():
            return Orbit(centre=_waypoint(command.latitude, command.longitude, height_m_above_dock), radius_m=command.radius_m)
        case Gimbal():
            return PointGimbal(pitch_deg=command.pitch_deg)
        case Zoom():
            return ZoomCamera(zoom=command.zoom)
        case HoldHere():
            return Hold()


def _waypoint(latitude: float, longitude: float, height_m_above_dock: float) -> Waypoint:
    position = Position(latitude_deg=latitude, longitude_deg=longitude)
    return Waypoint(position=position, height_m_above_dock=height_m_above_dock)


def router(desk: Desk) -> APIRouter:
    routes = APIRouter(tags=["missions"])
    services, needs = desk.services, desk.access.needs

    @routes.get("/missions", **c.route(list[views.MissionView], says="Flights, newest first"))
    async def list_missions(who: Annotated[Asker, needs(Action.SEE)], ended: bool = False) -> Response:
        """Flights under way; with `ended` also those that ended."""
        found = [m for m in services.flight.missions.all() if ended or not m.phase.is_final]
        sight = sight_of(who.identity.boroughs)
        return c.json([desk.scene.mission_for(sight, m) for m in sorted(found, key=lambda m: m.authorised_at, reverse=True)])

    @routes.post("/missions/{mission_id}/recall", **c.route(status=204, body=Reasoned, changes=True, key=True))
    async def recall(mission_id: c.Id, request: Request, who: Annotated[Asker, needs(Action.RECALL)]) -> Response:
        """Call a flight back. It may be called back at any time."""
        said: Reasoned = await c.read(request, Reasoned)

        async def act() -> Response:
            await services.dispatch.recall(mission_id, who.account_id, said.reason)
            return nothing()

        return await desk.command(request, who, act)

    @routes.post("/missions/{mission_id}/control", **c.route(status=204, changes=True, key=True))
    async def take_control(mission_id: c.Id, request: Request, who: Annotated[Asker, needs(Action.CONTROL)]) -> Response:
        """Take a drone in hand. Keep the live feed open and send its heartbeat: without it the drone flies on by itself."""

        async def act() -> Response:
            await services.flight.pilots.take(mission_id, who.account_id)
            return nothing()

        return await desk.command(request, who, act)

    @routes.delete("/missions/{mission_id}/control", **c.route(status=204, changes=True, key=True))
    async def release_control(mission_id: c.Id, request: Request, who: Annotated[Asker, needs(Action.CONTROL)]) -> Response:
        """Hand the drone back to its mission."""

        async def act() -> Response:
            await services.flight.pilots.release(mission_id, who.account_id)
            return nothing()

        return await desk.command(request, who, act)

    @routes.post("/missions/{mission_id}/camera", **c.route(status=204, body=LookDown, changes=True, key=True))
    async def look_down(mission_id: c.Id, request: Request, who: Annotated[Asker, needs(Action.CONTROL)]) -> Response:
        """Have the camera look down, and record, on the way. It is on record first, and ends after two minutes."""
        said: LookDown = await c.read(request, LookDown)

        async def act() -> Response:
            await services.eyes.override(mission_id, said.reason, who.account_id)
            return nothing()

        return await desk.command(request, who, act)

    @routes.post("/missions/{mission_id}/commands", **c.route(status=204, body=PilotCommand, changes=True, key=True))
    async def command(mission_id: c.Id, request: Request, who: Annotated[Asker, needs(Action.CONTROL)]) -> Response:
        """Fly: only for the pilot who has control."""
        said: PilotCommand = await c.read(request, PilotCommand)
        mission = services.flight.missions.get(mission_id)

        async def act() -> Response:
            await services.flight.pilots.command(
                mission_id, who.account_id, to_flight(said, desk.scene.height_m(mission.vehicle_id))
            )
            return nothing()

        return await desk.command(request, who, act)

    return routes
