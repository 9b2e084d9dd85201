"""Files of zones, times from notices, and leave, over HTTP: what a supervisor enters before a flight, and what is in force."""

import asyncio
from datetime import datetime, time
from typing import Annotated, Any, Literal, get_args

import msgspec
from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from bowstreet.accountability.model import Action
from bowstreet.airspace.model import Activation, Permission
from bowstreet.airspace.register import Imported, Source
from bowstreet.airspace.zonefile import read_zones
from bowstreet.console import contracts as c
from bowstreet.console.access import Asker
from bowstreet.console.desk import Desk, nothing

OCTETS = "application/octet-stream"
ShortText = Annotated[str, msgspec.Meta(min_length=1, max_length=120, pattern=c.VISIBLE)]
Weekday = Literal["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"]
WEEKDAYS = get_args(Weekday)
Moment = Annotated[datetime, msgspec.Meta(tz=True)]
Version = Annotated[str, Query(min_length=1, max_length=80, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:+\-]*$")]


class When(c.Body, frozen=True, kw_only=True):
    """A time at which a zone applies; what is left out does not limit it. Times of day are UTC."""

    start: Moment | None = None
    end: Moment | None = None
    weekdays: frozenset[Weekday] | None = None
    from_utc: Annotated[time, msgspec.Meta(tz=False)] | None = None
    to_utc: Annotated[time, msgspec.Meta(tz=False)] | None = None


class ZoneTimes(c.Body, frozen=True, kw_only=True):
    """A zone's times as a notice gives them, in place of its file's; none means always."""

    times: Annotated[tuple[When, ...], msgspec.Meta(max_length=500)]
    reference: ShortText


class Leave(c.Body, frozen=True, kw_only=True):
    """Leave to fly in a zone: who gave it, in which document, from when until when."""

    zone_id: ShortText
    reference: ShortText
    granted_by: ShortText
    start: Moment | None = None
    end: Moment | None = None


class LeaveBack(c.Body, frozen=True, kw_only=True):
    """Which leave is taken back."""

    zone_id: ShortText
    reference: ShortText


def router(desk: Desk) -> APIRouter:
    routes = APIRouter(tags=["airspace"])
    _files(routes, desk)
    _words(routes, desk)
    return routes


def _files(routes: APIRouter, desk: Desk) -> None:
    airspace, needs = desk.services.airspace, desk.access.needs

    @routes.get("/airspace/sources", **c.route(list[Source], says="Imported files, each with the zones that stand by it"))
    async def sources(who: Annotated[Asker, needs(Action.SEE)]) -> Response:
        """The files of zones in force."""
        return c.json(airspace.register.sources)

    @routes.put("/airspace/sources/{source}", **_file_route())
    async def import_file(
        source: c.ZoneId,
        version: Version,
        request: Request,
        who: Annotated[Asker, needs(Action.MANAGE_AIRSPACE)],
        partly: bool = False,
    ) -> Response:
        """Take a file in, in place of what the same source gave before. It is refused whole when a zone is not understood,
        unless `partly` is given; then nothing is removed."""
        data = await request.body()

        async def act() -> Response:
            # In a thread: a country's file takes seconds to read, and drones fly meanwhile.
            read = await asyncio.to_thread(read_zones, data, source)
            return c.json(
                await airspace.register.take(read, data, source, version=version, by=who.account_id, source=source, partly=partly)
            )

        return await desk.command(request, who, act)

    @routes.delete("/airspace/sources/{source}", **c.route(status=204, changes=True, key=True))
    async def withdraw(source: c.ZoneId, request: Request, who: Annotated[Asker, needs(Action.MANAGE_AIRSPACE)]) -> Response:
        """The zones of an imported file no longer stand."""

        async def act() -> Response:
            await airspace.register.withdraw(source, who.account_id)
            return nothing()

        return await desk.command(request, who, act)

    @routes.get("/airspace/export", **c.route(dict[str, Any], says="ED-318 GeoJSON"))
    async def export(who: Annotated[Asker, needs(Action.SEE)]) -> Response:
        """What is in force, for other programs."""
        name = {"Content-Disposition": 'attachment; filename="zones.geojson"'}
        return Response(airspace.export(), media_type=c.JSON, headers=name)


def _words(routes: APIRouter, desk: Desk) -> None:
    """What people enter from notices and letters."""
    airspace, needs = desk.services.airspace, desk.access.needs

    @routes.put("/airspace/zones/{zone_id}/times", **c.route(status=204, body=ZoneTimes, changes=True, key=True))
    async def set_times(zone_id: c.ZoneId, request: Request, who: Annotated[Asker, needs(Action.MANAGE_AIRSPACE)]) -> Response:
        """When a zone applies, as a notice says."""
        said: ZoneTimes = await c.read(request, ZoneTimes)

        async def act() -> Response:
            await airspace.register.set_times(zone_id, [_activation(one) for one in said.times], who.account_id, said.reference)
            return nothing()

        return await desk.command(request, who, act)

    @routes.get("/airspace/permissions", **c.route(list[Permission], says="Leave, configured and entered"))
    async def permissions(who: Annotated[Asker, needs(Action.SEE)]) -> Response:
        """Who may fly where, by which document."""
        return c.json(airspace.permissions)

    @routes.post("/airspace/permissions", **c.route(status=204, body=Leave, changes=True, key=True))
    async def grant(request: Request, who: Annotated[Asker, needs(Action.MANAGE_AIRSPACE)]) -> Response:
        """Enter leave for this operator in a zone."""
        said: Leave = await c.read(request, Leave)

        async def act() -> Response:
            await airspace.grant(Permission(operator=airspace.operator, **msgspec.structs.asdict(said)), who.account_id)
            return nothing()

        return await desk.command(request, who, act)

    @routes.post("/airspace/permissions/revoke", **c.route(status=204, body=LeaveBack, changes=True, key=True))
    async def revoke(request: Request, who: Annotated[Asker, needs(Action.MANAGE_AIRSPACE)]) -> Response:
        """Take entered leave back."""
        said: LeaveBack = await c.read(request, LeaveBack)

        async def act() -> Response:
            await airspace.register.revoke(airspace.operator, said.zone_id, said.reference, who.account_id)
            return nothing()

        return await desk.command(request, who, act)


def _activation(said: When) -> Activation:
    weekdays = None if said.weekdays is None else frozenset(WEEKDAYS.index(day) for day in said.weekdays)
    return Activation(start=said.start, end=said.end, weekdays=weekdays, from_utc=said.from_utc, to_utc=said.to_utc)


def _file_route() -> dict[str, Any]:
    """The body is the file itself: OpenAir, KML, KMZ, ED-269 or ED-318."""
    said = c.route(Imported, changes=True, key=True, also=(415,), says="What it did")
    said["openapi_extra"]["requestBody"] = {
        "required": True,
        "content": {OCTETS: {"schema": {"type": "string", "format": "binary"}}},
    }
    return said
