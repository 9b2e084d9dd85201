"""Redaction over HTTP: have heads and plates found in a recording, change what is covered with a reason, have the copy made."""

import asyncio
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from bowstreet.accountability.model import Action
from bowstreet.console import contracts as c
from bowstreet.console.access import Asker
from bowstreet.console.desk import Desk
from bowstreet.errors import Refused
from bowstreet.video.redaction.model import (
    CoveredRegion,
    Edit,
    RedactedCopy,
    Redaction,
    RedactionRecord,
    RedactionRegions,
    RedactionState,
)
from bowstreet.video.redaction.service import Redactions

JSON_LINES = "application/jsonl"
# Regions are asked for by the stretch that is looked at.
MOST_SPAN_US = 600_000_000
Moment = Annotated[int, msgspec.Meta(ge=0, le=10**12, description="microseconds since the recording began")]
Pixel = Annotated[int, msgspec.Meta(ge=0, le=4096)]
At = Annotated[int, Query(ge=0, le=10**12)]


class RedactionReason(c.Body, frozen=True, kw_only=True):
    """Why; it is on record."""

    reason: c.ReasonText


class _Change(c.Body, frozen=True, kw_only=True):
    """Base of what may be changed."""

    from_us: Moment
    until_us: Moment
    reason: c.ReasonText


class Cover(_Change, frozen=True, kw_only=True, tag="add"):
    """Cover a part of the picture for a time, both ends included."""

    left: Pixel
    top: Pixel
    right: Pixel
    bottom: Pixel


class Lift(_Change, frozen=True, kw_only=True, tag="lift"):
    """Uncover what one region covers for a time, both ends included."""

    region_id: Annotated[str, msgspec.Meta(min_length=1, max_length=80)]


Change = Cover | Lift


class RedactionView(msgspec.Struct, frozen=True, kw_only=True):
    """How far the redaction of a recording is. `progress` of what is at work, 0 to 1; `stale`: changes came after the copy."""

    recording_id: str
    state: RedactionState
    progress: float
    begun_at: datetime
    begun_by: str
    reason: str
    width_px: int
    height_px: int
    looks: int
    edits: tuple[Edit, ...]
    copy: RedactedCopy | None
    stale: bool
    failed: str


def router(desk: Desk) -> APIRouter:
    routes = APIRouter(tags=["video"])
    _seen(desk, routes)
    _ordered(desk, routes)
    return routes


def _view(redactions: Redactions, one: Redaction) -> RedactionView:
    copied = None if one.copy is None else one.copy.edits
    return RedactionView(
        recording_id=one.recording_id, state=one.state, progress=redactions.progress(one.recording_id), begun_at=one.begun_at,
        begun_by=one.begun_by, reason=one.reason, width_px=one.width_px, height_px=one.height_px, looks=one.looks,
        edits=one.edits, copy=one.copy, stale=copied is not None and copied != len(one.edits), failed=one.failed,
    )  # fmt: skip


def _seen(desk: Desk, routes: APIRouter) -> None:
    redactions, needs = desk.services.redactions, desk.access.needs

    @routes.get("/recordings/{recording_id}/redaction", **c.route(RedactionView))
    async def standing(recording_id: c.Id, who: Annotated[Asker, needs(Action.WATCH)]) -> Response:
        """How far it is, and what people changed."""
        return c.json(_view(redactions, redactions.all.get(recording_id)))

    @routes.get("/recordings/{recording_id}/redaction/regions", **c.route(list[CoveredRegion], says="In order of time"))
    async def regions(
        recording_id: c.Id, who: Annotated[Asker, needs(Action.WATCH)], from_us: At = 0, until_us: At = MOST_SPAN_US
    ) -> Response:
        """What is covered at any moment of a time, of ten minutes at most."""
        if until_us - from_us > MOST_SPAN_US:
            raise Refused("that is more than ten minutes", remedy="ask for a shorter time")
        return c.json(await redactions.regions(recording_id, from_us, until_us))

    @routes.get("/recordings/{recording_id}/redaction/record", **_record_route())
    async def record(recording_id: c.Id, who: Annotated[Asker, needs(Action.WATCH)]) -> Response:
        """The record that goes with the copy: what was covered, when, by whom and why, and the digests of both films."""
        lines = await asyncio.to_thread(redactions.record_of, recording_id)
        return Response(lines, media_type=JSON_LINES, headers={"Cache-Control": "no-store"})


def _ordered(desk: Desk, routes: APIRouter) -> None:
    redactions, needs = desk.services.redactions, desk.access.needs

    @routes.post(
        "/recordings/{recording_id}/redaction",
        **c.route(RedactionView, status=202, body=RedactionReason, changes=True, key=True, says="Begun"),
    )
    async def begin(recording_id: c.Id, request: Request, who: Annotated[Asker, needs(Action.REDACT)]) -> Response:
        """Have heads of persons and plates of vehicles found. Begun again, it starts anew, without earlier changes."""
        said: RedactionReason = await c.read(request, RedactionReason)

        async def act() -> Response:
            return c.json(
                _view(redactions, await redactions.begin(recording_id, who.account_id, said.reason)), HTTPStatus.ACCEPTED
            )

        return await desk.command(request, who, act)

    @routes.post("/recordings/{recording_id}/redaction/regions", **c.route(RedactionView, body=Change, changes=True, key=True))
    async def change(recording_id: c.Id, request: Request, who: Annotated[Asker, needs(Action.REDACT)]) -> Response:
        """Cover a part of the picture, or uncover one, for a time and a reason; on record before it holds."""
        said: Change = await c.read(request, Change)
        span = said.from_us, said.until_us

        async def act() -> Response:
            if isinstance(said, Lift):
                return c.json(
                    _view(redactions, await redactions.lift(recording_id, who.account_id, said.reason, span, said.region_id))
                )
            box = said.left, said.top, said.right, said.bottom
            return c.json(_view(redactions, await redactions.add(recording_id, who.account_id, said.reason, span, box)))

        return await desk.command(request, who, act)

    @routes.post(
        "/recordings/{recording_id}/redaction/copy",
        **c.route(RedactionView, status=202, body=RedactionReason, changes=True, key=True, says="Ordered"),
    )
    async def copy(recording_id: c.Id, request: Request, who: Annotated[Asker, needs(Action.REDACT)]) -> Response:
        """Have the copy made as the regions stand now. Who orders it answers for having looked it through."""
        said: RedactionReason = await c.read(request, RedactionReason)

        async def act() -> Response:
            return c.json(
                _view(redactions, await redactions.make_copy(recording_id, who.account_id, said.reason)), HTTPStatus.ACCEPTED
            )

        return await desk.command(request, who, act)


def _record_route() -> dict[str, Any]:
    said = c.route(says="Lines of JSON: first what was done, then where and when something was covered")
    said["responses"][200] |= {"content": {JSON_LINES: {"schema": c.reference((RedactionRecord, RedactionRegions))}}}
    return said
