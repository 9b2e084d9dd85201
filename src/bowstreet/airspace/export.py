"""Writes zones as ED-318 GeoJSON, so that what is in force can be handed out and read elsewhere. Values in, bytes out, no IO.

What ED-318 has no word for stands under `extendedProperties`. It knows no flight levels: they are written as heights above the
sea that hold them at any pressure. Who has leave is not written: leave is entered with its document, never read from a file.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
import numpy as np
import shapely

from bowstreet.airspace import rules
from bowstreet.airspace.eurocae import WEEKDAYS
from bowstreet.airspace.heights import UNLIMITED_M
from bowstreet.airspace.model import Activation, Datum, Limit, Restriction, Zone
from bowstreet.geo import FloatArray, wgs84_arrays

# Places of a degree that are written: 7 are a centimetre.
DEGREE_PLACES = 7
TYPES = {
    Restriction.PROHIBITED: "PROHIBITED",
    Restriction.REQUIRES_AUTHORISATION: "REQ_AUTHORIZATION",
    Restriction.CONDITIONAL: "CONDITIONAL",
    Restriction.NONE: "NO_RESTRICTION",
}


def write_zones(zones: Sequence[Zone], *, issued: datetime, provider: str) -> bytes:
    """A whole ED-318 document.

    Args:
        issued: when it holds.
        provider: who hands it out.
    """
    document = {
        "type": "FeatureCollection",
        "metadata": {
            "provider": _texts(provider),
            "issued": _moment(issued),
            "description": _texts("Zones as known to this operator. Not a publication of an aeronautical information service."),
        },
        "features": [_feature(zone) for zone in zones],
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=1)


def _feature(zone: Zone) -> dict[str, Any]:
    properties: dict[str, Any] = {
        "identifier": zone.zone_id,
        "country": "GBR",
        "name": _texts(zone.name),
        "type": TYPES[zone.restriction],
        "variant": "COMMON",
        "zoneAuthority": [{"name": _texts(zone.authority), "purpose": "AUTHORIZATION"}],
        "extendedProperties": {
            "kind": zone.kind, "source": zone.source, "version": zone.version, "forOperationalUse": zone.for_operational_use,
        },
    }  # fmt: skip
    if zone.activations:
        properties["limitedApplicability"] = [_period(one) for one in zone.activations]
    return {"type": "Feature", "id": zone.zone_id, "properties": properties, "geometry": _geometry(zone)}


def _geometry(zone: Zone) -> dict[str, Any]:
    layer = _layer(zone)
    pieces = [
        {"type": "Polygon", "coordinates": _rings(piece), "layer": layer}
        for piece in shapely.get_parts(shapely.orient_polygons(zone.polygon))
    ]
    return pieces[0] if len(pieces) == 1 else {"type": "GeometryCollection", "geometries": pieces}


def _rings(polygon: Any) -> list[list[list[float]]]:
    return [_degrees(shapely.get_coordinates(ring)) for ring in (polygon.exterior, *polygon.interiors)]


def _degrees(grid: FloatArray) -> list[list[float]]:
    latitude, longitude = wgs84_arrays(grid[:, 0], grid[:, 1])
    points: list[list[float]] = np.round(np.stack([longitude, latitude], axis=1), DEGREE_PLACES).tolist()
    return points


def _layer(zone: Zone) -> dict[str, Any]:
    (lower_m, lower_reference), (upper_m, upper_reference) = _limit(zone.lower, 0), _limit(zone.upper, 1)
    layer: dict[str, Any] = {"lower": lower_m, "lowerReference": lower_reference, "upperReference": upper_reference, "uom": "m"}
    if zone.upper.height_m < UNLIMITED_M:
        layer["upper"] = upper_m
    return layer


def _limit(limit: Limit, end: int) -> tuple[float, str]:
    if limit.datum is Datum.STANDARD:
        return limit.height_m + rules.DATUM_M[Datum.STANDARD][end], Datum.AMSL.value
    return limit.height_m, limit.datum.value


def _period(activation: Activation) -> dict[str, Any]:
    period: dict[str, Any] = {}
    if activation.start is not None:
        period["startDateTime"] = _moment(activation.start)
    if activation.end is not None:
        period["endDateTime"] = _moment(activation.end)
    daily: dict[str, Any] = {}
    if activation.from_utc is not None and activation.to_utc is not None:
        daily = {"startTime": f"{activation.from_utc.isoformat()}Z", "endTime": f"{activation.to_utc.isoformat()}Z"}
    if daily or activation.weekdays is not None:
        days = ["ANY"] if activation.weekdays is None else [WEEKDAYS[day] for day in sorted(activation.weekdays)]
        period["schedule"] = [{"day": days, **daily}]
    return period


def _texts(text: str) -> list[dict[str, str]]:
    return [{"text": text, "lang": "en-GB"}]


def _moment(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
