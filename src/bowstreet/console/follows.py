"""Following over HTTP: what a drone's analyst finds in its pictures, and the pilot's click on a subject."""

from http import HTTPStatus
from typing import Annotated

import msgspec
from fastapi import APIRouter, Request
from starlette.responses import Response

from bowstreet.accountability.model import Action
from bowstreet.console import contracts as c
from bowstreet.console.access import Asker
from bowstreet.console.desk import Desk, nothing
from bowstreet.dispatch.follows import Follows
from bowstreet.tracking.camera import view
from bowstreet.tracking.model import FollowFound, GroundPlace, TrackFound
from bowstreet.tracking.rules import Ended, Stage
from bowstreet.tracking.streets import Label, Near, Streets
from bowstreet.tracking.wire import Findings

NO_STREETS = Streets()

# A whole number, which JSON may also write as 3.0.
Number = Annotated[float, msgspec.Meta(ge=0, le=2**53)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]


class FoundView(msgspec.Struct, frozen=True, kw_only=True):
    """What the last look at a drone's picture found. Boxes are pixels of a picture of `width_px` by `height_px`.

    `follow_id` names the follow that is under way; `ends_at` is when it ends without authority, `asks` that it is time to ask,
    `authorisation_id` what carries it. `camera` says what the gimbal does, `camera_trouble` why it does not do what it is told;
    `vehicle` what the vehicle does by its pilot's consent, null without one. `ended` is why the drone's last follow is over, for
    half a minute.
    `near` are the names nearest to where it looks, `names` those in the picture, where the operator has a file of streets.
    """

    sequence: int
    width_px: int
    height_px: int
    tracks: tuple[TrackFound, ...] = ()
    looks_at: GroundPlace | None = None
    near: tuple[Near, ...] = ()
    names: tuple[Label, ...] = ()
    follow: FollowFound | None = None
    follow_id: str = ""
    ends_at: str = ""
    asks: bool = False
    authorisation_id: str = ""
    camera: str = ""
    camera_trouble: str = ""
    vehicle: str | None = None
    ended: Ended | None = None
    trouble: str = ""


class Subject(c.Body, frozen=True, kw_only=True):
    """Where the subject stands in the picture: shares of its width and height, and which picture it was."""

    x: Share
    y: Share
    sequence: Number


class ThisOne(c.Body, frozen=True, kw_only=True):
    """Which of those who fit is the subject."""

    track_id: Number


class Begun(msgspec.Struct, frozen=True, kw_only=True):
    follow_id: str
    ends_at: str


def view_of(follows: Follows, vehicle_id: str, streets: Streets = NO_STREETS) -> FoundView:
    """What is shown of a drone's looks and its follow."""
    latest, standing = follows.latest(vehicle_id), follows.of_vehicle(vehicle_id)
    seen = FoundView(sequence=0, width_px=0, height_px=0)
    if latest is not None:
        near, names = _named(streets, latest)
        seen = FoundView(
            sequence=latest.sequence, width_px=latest.width_px, height_px=latest.height_px, tracks=latest.tracks,
            looks_at=latest.looks_at, near=near, names=names, follow=latest.follow, trouble=latest.trouble,
        )  # fmt: skip
    if standing is None:
        return msgspec.structs.replace(seen, ended=follows.ended_lately(vehicle_id))
    steered, given = follows.steering.of(standing.id), follows.consents.of(standing.id)
    follow = standing.follow
    return msgspec.structs.replace(
        seen, follow_id=standing.id, ends_at=follow.ends_at.isoformat(), asks=follow.stage is Stage.ASKING,
        authorisation_id="" if follow.authority is None else follow.authority.authority_id,
        camera="" if steered is None else steered.says, camera_trouble="" if steered is None else steered.trouble,
        vehicle=None if given is None else given.says,
    )  # fmt: skip


def router(desk: Desk) -> APIRouter:
    routes = APIRouter(tags=["follows"])
    services, needs = desk.services, desk.access.needs

    @routes.get("/missions/{mission_id}/found", **c.route(FoundView, says="What was found; empty before the first look"))
    async def found(mission_id: c.Id, who: Annotated[Asker, needs(Action.WATCH)]) -> Response:
        """Shapes in the drone's picture, where they are on the ground and how well that is known."""
        vehicle_id = services.flight.missions.get(mission_id).vehicle_id
        return c.json(view_of(services.follows, vehicle_id, services.streets))

    @routes.post(
        "/missions/{mission_id}/follow", **c.route(Begun, status=201, body=Subject, changes=True, key=True, says="Followed")
    )
    async def begin(mission_id: c.Id, request: Request, who: Annotated[Asker, needs(Action.CONTROL)]) -> Response:
        """Follow a subject: only for the pilot who has control, over the scene, and for half an hour of an incident."""
        said: Subject = await c.read(request, Subject)

        async def act() -> Response:
            made = await services.follows.begin(mission_id, who.account_id, said.x, said.y, int(said.sequence))
            return c.json(Begun(follow_id=made.id, ends_at=made.follow.ends_at.isoformat()), HTTPStatus.CREATED)

        return await desk.command(request, who, act)

    @routes.post("/follows/{follow_id}/consent", **c.route(status=204, changes=True, key=True))
    async def consent(follow_id: c.Id, request: Request, who: Annotated[Asker, needs(Action.CONTROL)]) -> Response:
        """The vehicle may follow this subject, for as long as this follow may last: only by the pilot who has control."""

        async def act() -> Response:
            await services.follows.consent(follow_id, who.account_id)
            return nothing()

        return await desk.command(request, who, act)

    @routes.delete("/follows/{follow_id}/consent", **c.route(status=204, changes=True, key=True))
    async def revoke(follow_id: c.Id, request: Request, who: Annotated[Asker, needs(Action.CONTROL)]) -> Response:
        """The vehicle stays where it is; the camera goes on following."""

        async def act() -> Response:
            await services.follows.revoke(follow_id, who.account_id)
            return nothing()

        return await desk.command(request, who, act)

    @routes.post("/follows/{follow_id}/choose", **c.route(status=204, body=ThisOne, changes=True, key=True))
    async def choose(follow_id: c.Id, request: Request, who: Annotated[Asker, needs(Action.CONTROL)]) -> Response:
        """It is this one: the answer when several fit."""
        said: ThisOne = await c.read(request, ThisOne)

        async def act() -> Response:
            await services.follows.choose(follow_id, who.account_id, int(said.track_id))
            return nothing()

        return await desk.command(request, who, act)

    @routes.post("/follows/{follow_id}/end", **c.route(status=204, changes=True, key=True))
    async def end(follow_id: c.Id, request: Request, who: Annotated[Asker, needs(Action.CONTROL)]) -> Response:
        """Let the subject go."""

        async def act() -> Response:
            await services.follows.end(follow_id, who.account_id)
            return nothing()

        return await desk.command(request, who, act)

    return routes


def _named(streets: Streets, latest: Findings) -> tuple[tuple[Near, ...], tuple[Label, ...]]:
    """What is near where a drone looks, and the names in its picture."""
    if latest.looks_at is None or not len(streets):
        return (), ()
    near = streets.near(latest.looks_at.position, most=2)
    if latest.pose is None or not latest.width_px or not latest.height_px:
        return near, ()
    return near, streets.in_picture(view(latest.pose, latest.width_px, latest.height_px), latest.looks_at.position)
