"""Footage over HTTP: what was recorded of an incident."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from fastapi import APIRouter
from starlette.responses import Response

from bowstreet.accountability.authority.model import UseCase
from bowstreet.accountability.model import Action
from bowstreet.accountability.retention.rules import due_at
from bowstreet.console import contracts as c
from bowstreet.console.access import Asker
from bowstreet.console.desk import Desk
from bowstreet.console.sight import sight_of
from bowstreet.errors import Conflict, NotFound
from bowstreet.video.recorder import Recording, RecordingState
from bowstreet.video.redaction.service import Redactions

MOST_LISTED = 300


class RecordingView(msgspec.Struct, frozen=True, kw_only=True):
    """A recording, oldest first in lists. Of one that runs, `parts` and `octets` are how far it goes now.

    `kept_until`: when its period is over; null while it runs. `held`: a legal hold keeps it beyond that. `redacted`: whether
    there is a redacted copy, and it can be given out: `none`, `ready`, or `stale` where what it covers was changed since.
    """

    recording_id: str
    incident_id: str
    mission_id: str
    vehicle_id: str
    source_id: str
    state: RecordingState
    started_at: datetime
    closed_at: datetime | None
    why_closed: str
    parts: int
    octets: int
    dropped: int
    kept_until: datetime | None
    held: bool
    redacted: Literal["none", "ready", "stale"]


def router(desk: Desk) -> APIRouter:
    routes = APIRouter(tags=["video"])
    services, needs = desk.services, desk.access.needs

    @routes.get("/recordings", **c.route(list[RecordingView], says="Newest first"))
    async def newest(who: Annotated[Asker, needs(Action.WATCH)]) -> Response:
        """The newest recordings that are still kept, of incidents where one sees. Nothing of the pictures is shown by this."""
        sight = sight_of(who.identity.boroughs)
        found = [
            one for one in services.footage.recordings.all() if sight.sees(desk.access.borough_of(incident_id=one.incident_id))
        ]
        newest = sorted(found, key=lambda one: (one.started_at, one.recording_id), reverse=True)[:MOST_LISTED]
        return c.json([_view(desk, one) for one in newest])

    @routes.get("/incidents/{incident_id}/recordings", **c.route(list[RecordingView], says="Oldest first"))
    async def recordings(incident_id: c.Id, who: Annotated[Asker, needs(Action.WATCH)]) -> Response:
        """What was recorded of an incident and is still kept. Nothing of the pictures is shown by this."""
        services.intake.incidents.get(incident_id)
        found = [one for one in services.footage.recordings.all() if one.incident_id == incident_id]
        return c.json([_view(desk, one) for one in sorted(found, key=lambda one: (one.started_at, one.recording_id))])

    return routes


def _view(desk: Desk, one: Recording) -> RecordingView:
    services = desk.services
    chain = services.footage.reach_of(one)
    kept_until = None if one.closed_at is None else due_at(services.retention.table, "footage", one.closed_at)
    subjects = (one.incident_id, one.recording_id)
    return RecordingView(
        recording_id=one.recording_id, incident_id=one.incident_id, mission_id=one.mission_id, vehicle_id=one.vehicle_id,
        source_id=one.source_id, state=one.state, started_at=one.started_at, closed_at=one.closed_at,
        why_closed=one.why_closed, parts=chain.parts, octets=chain.octets, dropped=one.dropped, kept_until=kept_until,
        held=any(services.authorities.covering(UseCase.LEGAL_HOLD, subject) is not None for subject in subjects),
        redacted=_redacted(services.redactions, one.recording_id),
    )  # fmt: skip


def _redacted(redactions: Redactions, recording_id: str) -> Literal["none", "ready", "stale"]:
    try:
        redactions.standing(recording_id)
    except NotFound:
        return "none"
    except Conflict:
        return "stale"
    return "ready"
