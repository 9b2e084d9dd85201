"""Zones and boundaries over HTTP, as GeoJSON (RFC 7946: WGS 84, longitude first)."""

from datetime import datetime
from typing import Annotated, Any

import msgspec
import numpy as np
from fastapi import APIRouter, Request
from shapely import transform
from shapely.geometry import mapping
from starlette.responses import Response

from bowstreet.accountability.model import Action
from bowstreet.airspace.model import Zone
from bowstreet.console import contracts as c
from bowstreet.console.access import Asker
from bowstreet.console.desk import Desk, nothing
from bowstreet.geo import FloatArray, wgs84_arrays

GEOJSON = "application/geo+json"
GEOMETRY_DIGITS = 6


class ZoneProperties(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a zone. Heights are metres above their datum, AMSL or AGL."""

    zone_id: str
    name: str
    kind: str
    restriction: str
    active: bool
    lower_m: float
    lower_datum: str
    upper_m: float
    upper_datum: str
    source: str
    authority: str
    for_operational_use: bool


class ZoneFeature(msgspec.Struct, frozen=True, kw_only=True):
    type: str
    id: str
    geometry: dict[str, Any]
    properties: ZoneProperties


class ZoneCollection(msgspec.Struct, frozen=True, kw_only=True):
    """A GeoJSON FeatureCollection of zones."""

    type: str
    features: tuple[ZoneFeature, ...]


class Activation(c.Body, frozen=True, kw_only=True):
    """A person says that a zone applies now, or no longer does."""

    active: bool
    reason: c.ReasonText
    until: Annotated[datetime, msgspec.Meta(tz=True, description="until further notice, when left out")] | None = None


def router(desk: Desk) -> APIRouter:
    routes = APIRouter(tags=["airspace"])
    services, needs = desk.services, desk.access.needs
    shapes: dict[str, tuple[Any, dict[str, Any]]] = {}  # geometry is turned into degrees once a zone, not once a request

    def geometry(zone: Zone) -> dict[str, Any]:
        known = shapes.get(zone.zone_id)
        if known is None or known[0] is not zone.polygon:
            known = shapes[zone.zone_id] = (zone.polygon, to_geojson(zone.polygon))
        return known[1]

    @routes.get("/airspace/zones", **c.route(ZoneCollection))
    async def zones(who: Annotated[Asker, needs(Action.SEE)]) -> Response:
        """Every zone, whether active now or not."""
        return c.json(
            ZoneCollection(
                type="FeatureCollection",
                features=tuple(
                    feature(zone, geometry(zone), active=services.airspace.is_active(zone)) for zone in services.airspace.zones
                ),
            )
        )

    @routes.post("/airspace/zones/{zone_id}/activation", **c.route(status=204, body=Activation, changes=True, key=True))
    async def activate(zone_id: c.ZoneId, request: Request, who: Annotated[Asker, needs(Action.ACTIVATE_ZONE)]) -> Response:
        """Say that a zone applies now, or no longer does. Flights inside an activated zone leave it."""
        said: Activation = await c.read(request, Activation)

        async def act() -> Response:
            await services.airspace.activate(zone_id, said.active, who.account_id, said.reason, said.until)
            return nothing()

        return await desk.command(request, who, act)

    @routes.get("/map/boroughs", **c.route(dict[str, Any], says="A GeoJSON FeatureCollection of borough boundaries"))
    async def boroughs(who: Annotated[Asker, needs(Action.SEE)]) -> Response:
        """The boundaries to draw the map with."""
        return Response(services.boroughs, media_type=c.JSON, headers={"Cache-Control": "private, max-age=86400"})

    return routes


def feature(zone: Zone, geometry: dict[str, Any], *, active: bool) -> ZoneFeature:
    """A zone as a GeoJSON feature."""
    return ZoneFeature(
        type="Feature",
        id=zone.zone_id,
        geometry=geometry,
        properties=ZoneProperties(
            zone_id=zone.zone_id,
            name=zone.name,
            kind=zone.kind,
            restriction=zone.restriction.value,
            active=active,
            lower_m=zone.lower.height_m,
            lower_datum=zone.lower.datum.value,
            upper_m=zone.upper.height_m,
            upper_datum=zone.upper.datum.value,
            source=zone.source,
            authority=zone.authority,
            for_operational_use=zone.for_operational_use,
        ),
    )


def to_geojson(polygon: Any) -> dict[str, Any]:
    """A shapely geometry on the National Grid as a GeoJSON geometry in degrees."""

    def to_degrees(points: FloatArray) -> FloatArray:
        latitude, longitude = wgs84_arrays(points[:, 0], points[:, 1])
        degrees: FloatArray = np.column_stack((longitude, latitude)).round(GEOMETRY_DIGITS)
        return degrees

    made: dict[str, Any] = mapping(transform(polygon, to_degrees))
    return made
