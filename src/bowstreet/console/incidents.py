"""Calls and incidents over HTTP: take a call, see what became of it and why, launch by hand, close."""

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from bowstreet.console import contracts as c
from bowstreet.console import views
from bowstreet.console.access import Access, Asker
from bowstreet.console.limits import Buckets, Limits
from bowstreet.console.problems import HeldInQuarantine
from bowstreet.console.scene import Scene
from bowstreet.console.services import ConsoleServices
from bowstreet.errors import BadInput, TooManyAttempts
from bowstreet.intake.model import Incident, IncidentState, Quarantined


class _Call(msgspec.Struct, frozen=True, kw_only=True):
    """What every report says. Keys that mean nothing here are left aside: a CAD may send its own record whole."""

    grade: Annotated[str, msgspec.Meta(pattern="^[ISER]$", description="I immediate, S significant, E extended, R referred")]
    category: Annotated[str, msgspec.Meta(min_length=1, max_length=100, pattern=r"\S")]
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


class Launch(c.Body, frozen=True, kw_only=True):
    """A launch by hand. The same safety rules hold as for any."""

    vehicle_id: Annotated[str, msgspec.Meta(min_length=1, max_length=80)]
    reason: c.ReasonText


class Reasoned(c.Body, frozen=True, kw_only=True):
    """An act that needs only its reason."""

    reason: c.ReasonText


class IncidentWithDecisions(msgspec.Struct, frozen=True, kw_only=True):
    incident: views.IncidentView
    missions: tuple[views.MissionView, ...]
    decisions: tuple[views.DecisionView, ...]
