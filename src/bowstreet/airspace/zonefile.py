"""Reads zone files: ED-269 JSON, ED-318 GeoJSON, GeoJSON with those attributes. Bytes in, zones out, no IO.

A zone that cannot be understood is rejected with where and why, never lost in silence: whoever imports must look at what was
rejected.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, time
from typing import Any, NamedTuple

import msgspec
import numpy as np
import shapely
from shapely.geometry import shape

from bowstreet.airspace.model import Activation, Datum, Limit, Restriction, Zone
from bowstreet.errors import BadInput, MalformedZone
from bowstreet.geo import FloatArray, Position, grid_arrays, to_grid

MAX_BYTES = 64_000_000
FOOT_M = 0.3048
# Of these nothing is higher: "unlimited" in the files of the field.
UNLIMITED_M = 30_000.0
WEEKDAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
CIRCLE_SEGMENTS = 16


class ZoneFile(NamedTuple):
    """What a file holds. `rejected` has, for each zone that could not be understood, where it stands and why."""

    zones: tuple[Zone, ...]
    rejected: tuple[tuple[str, str], ...]


def read_zones(data: bytes, name: str) -> ZoneFile:
    """The zones of a file.

    Raises:
        MalformedZone: when the file as a whole is none of the known formats.
    """
    if len(data) > MAX_BYTES:
        raise MalformedZone(f"{name} is larger than {MAX_BYTES // 1_000_000} MB", remedy="split it")
    try:
        whole = msgspec.json.decode(data)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise MalformedZone(f"{name} is not JSON ({error})", remedy="give ED-269 JSON or ED-318 GeoJSON") from error
    features = whole.get("features") if isinstance(whole, dict) else None
    if not isinstance(features, list):
        raise MalformedZone(f"{name} has no list of features", remedy="give ED-269 JSON or ED-318 GeoJSON")
    zones: list[Zone] = []
    rejected: list[tuple[str, str]] = []
    for number, feature in enumerate(features, start=1):
        try:
            zones += _zones(feature, name)
        except (
            BadInput,
            KeyError,
            TypeError,
            ValueError,
            AttributeError,
            IndexError,
            OverflowError,
            shapely.errors.ShapelyError,
        ) as error:
            rejected.append((f"feature {number}", str(error) or type(error).__name__))
    return ZoneFile(tuple(zones), tuple(rejected))


def _zones(feature: Any, name: str) -> list[Zone]:
    if not isinstance(feature, Mapping):
        raise MalformedZone("the feature is not an object", remedy="mend the file")
    if isinstance(feature.get("properties"), Mapping):
        return [_ed318(feature["properties"], feature.get("geometry"), name)]
    return _ed269(feature, name)


# --- ED-269 -----------------------------------------------------------------------------------------------------------


def _ed269(feature: Mapping[str, Any], name: str) -> list[Zone]:
    volumes = feature["geometry"]
    if not isinstance(volumes, list) or not volumes:
        raise MalformedZone("the zone has no geometry", remedy="mend the file")
    made: list[Zone] = []
    for number, volume in enumerate(volumes):
        unit = str(volume.get("uomDimensions", "M"))
        suffix = f"-{number + 1}" if len(volumes) > 1 else ""
        made.append(
            _zone(
                feature,
                zone_id=str(feature["identifier"]) + suffix,
                polygon=_projection(volume["horizontalProjection"]),
                lower=_limit(volume.get("lowerLimit", 0), volume.get("lowerVerticalReference", "AGL"), unit),
                upper=_limit(volume.get("upperLimit"), volume.get("upperVerticalReference", "AGL"), unit),
                source=name,
            )
        )
    return made


def _projection(told: Mapping[str, Any]) -> shapely.Geometry:
    if str(told.get("type")).lower() == "circle":
        longitude, latitude = told["center"][:2]
        return _circle(float(longitude), float(latitude), float(told["radius"]))
    return _polygon({"type": "Polygon", "coordinates": told["coordinates"]})


def _circle(longitude_deg: float, latitude_deg: float, radius_m: float) -> shapely.Geometry:
    if not 0.0 < radius_m < 500_000.0:
        raise MalformedZone(f"a radius of {radius_m} m is none", remedy="give metres")
    centre = to_grid(Position(latitude_deg=latitude_deg, longitude_deg=longitude_deg))
    return shapely.Point(centre.easting_m, centre.northing_m).buffer(radius_m, quad_segs=CIRCLE_SEGMENTS)


def _polygon(geometry: Mapping[str, Any]) -> shapely.Geometry:
    degrees = shape(dict(geometry))
    if degrees.geom_type not in ("Polygon", "MultiPolygon") or degrees.is_empty:
        raise MalformedZone(f"a {degrees.geom_type} is no area", remedy="give a polygon")

    def convert(xy: FloatArray) -> FloatArray:
        return np.stack(grid_arrays(xy[:, 1], xy[:, 0]), axis=1)

    grid = shapely.transform(degrees, convert)
    if not np.isfinite(shapely.get_coordinates(grid)).all():
        raise MalformedZone("a point lies outside Great Britain", remedy="give longitude, latitude in WGS 84")
    if not grid.is_valid:
        raise MalformedZone(f"the outline is no polygon ({shapely.is_valid_reason(grid)})", remedy="mend the outline")
    return grid


# --- ED-318 and plain GeoJSON -----------------------------------------------------------------------------------------


def _ed318(told: Mapping[str, Any], geometry: Any, name: str) -> Zone:
    if not isinstance(geometry, Mapping):
        raise MalformedZone("the zone has no geometry", remedy="mend the file")
    extent = geometry.get("extent")
    if isinstance(extent, Mapping) and extent.get("subType") == "Circle" and geometry.get("type") == "Point":
        longitude, latitude = geometry["coordinates"][:2]
        polygon = _circle(float(longitude), float(latitude), float(extent["radius"]))
    else:
        polygon = _polygon(geometry)
    layer = geometry.get("layer") if isinstance(geometry.get("layer"), Mapping) else told
    assert isinstance(layer, Mapping)
    unit = str(layer.get("uom", layer.get("uomDimensions", "M")))
    return _zone(
        told,
        zone_id=str(told.get("identifier") or told["zone_id"]),
        polygon=polygon,
        lower=_limit(
            layer.get("lower", layer.get("lowerLimit", 0)),
            layer.get("lowerReference", layer.get("lowerVerticalReference", "AGL")),
            unit,
        ),
        upper=_limit(
            layer.get("upper", layer.get("upperLimit")),
            layer.get("upperReference", layer.get("upperVerticalReference", "AGL")),
            unit,
        ),
        source=name,
    )


# --- both ---------------------------------------------------------------------------------------------------------------


def _zone(told: Mapping[str, Any], *, zone_id: str, polygon: shapely.Geometry, lower: Limit, upper: Limit, source: str) -> Zone:
    if not zone_id.strip():
        raise MalformedZone("the zone has no identifier", remedy="mend the file")
    return Zone(
        zone_id=zone_id,
        name=_text(told.get("name")) or zone_id,
        kind=str(told.get("type", told.get("zoneType", "COMMON"))),
        restriction=Restriction(str(told.get("restriction", told.get("restrictionConditions", "PROHIBITED")))),
        polygon=polygon,
        lower=lower,
        upper=upper,
        source=source,
        authority=_authority(told.get("zoneAuthority")),
        activations=_activations(told.get("applicability", told.get("limitedApplicability"))),
        for_operational_use=True,
    )


def _text(value: Any) -> str:
    """ED-318 gives names as a list of texts, each with its language."""
    if isinstance(value, list) and value and isinstance(value[0], Mapping):
        return str(value[0].get("text", ""))
    return value if isinstance(value, str) else ""


def _authority(value: Any) -> str:
    first = value[0] if isinstance(value, list) and value else value
    return _text(first.get("name")) if isinstance(first, Mapping) else ""


def _limit(value: Any, reference: Any, unit: str) -> Limit:
    datum = {"AGL": Datum.AGL, "SFC": Datum.AGL, "AMSL": Datum.AMSL, "MSL": Datum.AMSL}.get(str(reference).upper())
    if datum is None:
        raise MalformedZone(f"the vertical reference {reference} is not known", remedy="use AGL or AMSL")
    if unit.upper() not in ("M", "FT"):
        raise MalformedZone(f"the unit {unit} is not known", remedy="use M or FT")
    if value is None:
        return Limit(height_m=UNLIMITED_M, datum=datum)
    height = float(value) * (FOOT_M if unit.upper() == "FT" else 1.0)
    if not -500.0 <= height <= 100_000.0:
        raise MalformedZone(f"a limit of {height:.0f} m is none", remedy="give metres or feet")
    return Limit(height_m=height, datum=datum)


def _activations(told: Any) -> tuple[Activation, ...]:
    if told in (None, [], {}):
        return ()
    found: list[Activation] = []
    for period in told if isinstance(told, list) else [told]:
        if str(period.get("permanent", "NO")).upper() == "YES":
            return ()
        start, end = _moment(period.get("startDateTime")), _moment(period.get("endDateTime"))
        schedule = period.get("schedule") or [None]
        found += [_daily(one, start, end) for one in schedule]
    return tuple(found)


def _daily(told: Any, start: datetime | None, end: datetime | None) -> Activation:
    if told is None:
        return Activation(start=start, end=end)
    days = [str(day).upper()[:3] for day in (told.get("day") if isinstance(told.get("day"), list) else [told.get("day")])]
    weekdays = None if "ANY" in days else frozenset(WEEKDAYS.index(day) for day in days)
    return Activation(
        start=start, end=end, weekdays=weekdays, from_utc=_time(told.get("startTime")), to_utc=_time(told.get("endTime"))
    )


def _moment(value: Any) -> datetime | None:
    if value is None:
        return None
    moment = datetime.fromisoformat(str(value))
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _time(value: Any) -> time | None:
    return None if value is None else time.fromisoformat(str(value).replace("Z", "")).replace(tzinfo=None)
