"""Watches over HTTP: keep eyes on an incident, let go, and where its picture is now."""

from datetime import timedelta
from typing import Annotated, Literal

import msgspec
from fastapi import APIRouter, Request
from starlette.responses import Response

from bowstreet.accountability.model import Action
from bowstreet.console import contracts as c
from bowstreet.console import views
from bowstreet.console.access import Asker
from bowstreet.console.desk import Desk
from bowstreet.console.viewings import picture_of
from bowstreet.dispatch.relay.model import WatchReason
from bowstreet.errors import NotFound


class _WatchBody(c.Body, frozen=True, kw_only=True):
    """Base of what may be asked of a watch."""


class Keep(_WatchBody, frozen=True, kw_only=True, tag="keep"):
    """Keep eyes on the scene: drones relieve each other there for so many minutes from now."""

    reason: Literal["crime-in-progress", "suspect-nearby", "missing-person", "officer-safety", "public-safety"]
    minutes: Annotated[float, msgspec.Meta(ge=5, le=240)]


class LetGo(_WatchBody, frozen=True, kw_only=True, tag="let-go"):
    """Eyes are not wanted there any more."""


WatchCommand = Keep | LetGo


class PictureView(msgspec.Struct, frozen=True, kw_only=True):
    """Where the picture of an incident is now. `whep` and `mse` stay; what they show changes with the watch."""

    source_id: str
    vehicle_id: str
    mission_id: str
    whep: str
    mse: str


def router(desk: Desk) -> APIRouter:
    routes = APIRouter(tags=["incidents"])
    services, needs = desk.services, desk.access.needs

    @routes.post("/incidents/{incident_id}/watch", **c.route(views.IncidentView, body=WatchCommand, changes=True, key=True))
    async def watch(incident_id: c.Id, request: Request, who: Annotated[Asker, needs(Action.KEEP_WATCH)]) -> Response:
        """Keep eyes on an incident, for a reason and up to an end; or let go. Asked again, the last word counts."""
        said: WatchCommand = await c.read(request, WatchCommand)

        async def act() -> Response:
            if isinstance(said, Keep):
                until = services.clock.now() + timedelta(minutes=said.minutes)
                await services.relay.keep(incident_id, WatchReason(said.reason), until, who.account_id)
            else:
                await services.relay.let_go(incident_id, who.account_id)
            shown = desk.scene.incident(services.intake.incidents.get(incident_id))
            return c.json(shown, headers={"Content-Location": f"/api/v1/incidents/{incident_id}"})

        return await desk.command(request, who, act)

    @routes.get("/incidents/{incident_id}/picture", **c.route(PictureView))
    async def picture(incident_id: c.Id, who: Annotated[Asker, needs(Action.WATCH)]) -> Response:
        """Whose camera shows the incident now. To see it is another request, which is on record."""
        services.intake.incidents.get(incident_id)
        found = picture_of(services, incident_id)
        if found is None:
            raise NotFound("no drone with a camera serves this incident now", remedy="ask again when one does")
        mission, stream = found
        under = f"/api/v1/video/incident/{incident_id}"
        return c.json(
            PictureView(
                source_id=stream.source.source_id, vehicle_id=mission.vehicle_id, mission_id=mission.mission_id,
                whep=f"{under}/whep", mse=f"{under}/mse",
            )
        )  # fmt: skip

    return routes
