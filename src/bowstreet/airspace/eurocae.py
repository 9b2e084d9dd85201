"""Reads ED-269 JSON, ED-318 GeoJSON, and plain GeoJSON with those attributes. Values in, zones out, no IO.

ED-269 has a list of volumes under `geometry` and the restriction under `restriction`; ED-318 is GeoJSON with a `layer` beside the
coordinates and the restriction under `type`.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, time
from typing import Any

import shapely

from bowstreet.airspace import heights, outlines
from bowstreet.airspace.model import Activation, Datum, Limit, Restriction, Zone
from bowstreet.errors import BadInput, MalformedZone

WEEKDAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
RESTRICTIONS = {
    "PROHIBITED": Restriction.PROHIBITED,
    "REQ_AUTHORISATION": Restriction.REQUIRES_AUTHORISATION,
    "REQ_AUTHORIZATION": Restriction.REQUIRES_AUTHORISATION,
    "CONDITIONAL": Restriction.CONDITIONAL,
    "USPACE": Restriction.CONDITIONAL,
    "NO_RESTRICTION": Restriction.NONE,
}
# How deep collections of geometries may lie in each other.
MAX_DEPTH = 4
MAX_PERIODS = 1_000
WRONG = (
    BadInput, KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError, RecursionError,
    shapely.errors.ShapelyError,
)  # fmt: skip

# An outline, its layer and a number for its place.
Part = tuple[shapely.Geometry, Mapping[str, Any]]


def read(features: list[Any], name: str) -> tuple[list[Zone], list[tuple[str, str]]]:
    """The zones, and for each feature that could not be understood which one and why."""
    zones: list[Zone] = []
    rejected: list[tuple[str, str]] = []
    for number, feature in enumerate(features, start=1):
        try:
            zones += _zones(feature, name)
        except WRONG as error:
            rejected.append((f"feature {number}{_called(feature)}", _why(error)))
    return zones, rejected


def _called(feature: Any) -> str:
    told = feature.get("properties", feature) if isinstance(feature, Mapping) else None
    known = told.get("identifier") if isinstance(told, Mapping) else None
    return f" ({known[:60]})" if isinstance(known, str) else ""


def _why(error: BaseException) -> str:
    if isinstance(error, KeyError):
        return f"the field {str(error)[:60]} is missing; mend the file"
    if isinstance(error, BadInput):
        return str(error)
    return f"a field has not the form of ED-269 or ED-318 ({str(error)[:100] or type(error).__name__}); mend the file"


def _zones(feature: Any, name: str) -> list[Zone]:
    if not isinstance(feature, Mapping):
        raise MalformedZone("the feature is not an object", remedy="mend the file")
    if isinstance(feature.get("properties"), Mapping):
        told: Mapping[str, Any] = feature["properties"]
        parts = _merged(list(_ed318(feature.get("geometry"), told, 0)))
        zone_id = str(told.get("identifier") or told["zone_id"])
    else:
        told, parts, zone_id = feature, list(_ed269(feature["geometry"])), str(feature["identifier"])
    if not parts:
        raise MalformedZone("the zone has no geometry", remedy="mend the file")
    if not zone_id.strip() or len(zone_id) > outlines.MAX_ID:
        raise MalformedZone("the zone has no identifier, or a long one", remedy=f"give one of at most {outlines.MAX_ID} letters")
    several = len(parts) > 1
    return [
        _zone(told, f"{zone_id}-{number}" if several else zone_id, shape, layer, name)
        for number, (shape, layer) in enumerate(parts, start=1)
    ]


def _merged(parts: list[Part]) -> list[Part]:
    """Outlines with one and the same layer are one zone of several pieces."""
    if len(parts) > 1 and all(layer == parts[0][1] for _, layer in parts):
        return [(shapely.union_all([shape for shape, _ in parts]), parts[0][1])]
    return parts


# --- shapes -----------------------------------------------------------------------------------------------------------


def _ed269(volumes: Any) -> Iterator[Part]:
    for volume in volumes:
        told = volume["horizontalProjection"]
        if str(told.get("type")).lower() == "circle":
            longitude, latitude = told["center"][:2]
            yield outlines.circle(float(longitude), float(latitude), float(told["radius"])), volume
        else:
            yield _polygon(told["coordinates"]), volume


def _ed318(geometry: Any, told: Mapping[str, Any], depth: int) -> Iterator[Part]:
    if not isinstance(geometry, Mapping) or depth > MAX_DEPTH:
        raise MalformedZone("the zone has no geometry", remedy="mend the file")
    kind, extent = geometry.get("type"), geometry.get("extent")
    layer = geometry["layer"] if isinstance(geometry.get("layer"), Mapping) else told
    if kind == "GeometryCollection":
        for inner in geometry["geometries"]:
            yield from _ed318(inner, told, depth + 1)
    elif kind == "Point" and isinstance(extent, Mapping) and extent.get("subType") == "Circle":
        longitude, latitude = geometry["coordinates"][:2]
        yield outlines.circle(float(longitude), float(latitude), float(extent["radius"])), layer
    elif kind == "Polygon":
        yield _polygon(geometry["coordinates"]), layer
    elif kind == "MultiPolygon":
        yield shapely.union_all([_polygon(one) for one in geometry["coordinates"]]), layer
    else:
        raise MalformedZone(f"a {str(kind)[:20]} is no area", remedy="give a polygon, or a point with a circle's extent")


def _polygon(rings: Any) -> shapely.Geometry:
    return outlines.polygon(rings[0], rings[1:])


# --- attributes -------------------------------------------------------------------------------------------------------


def _zone(told: Mapping[str, Any], zone_id: str, shape: shapely.Geometry, layer: Mapping[str, Any], source: str) -> Zone:
    unit = str(layer.get("uom", layer.get("uomDimensions", "M")))
    extended = told.get("extendedProperties")
    more: Mapping[str, Any] = extended if isinstance(extended, Mapping) else {}
    kind = more.get("kind")
    return Zone(
        zone_id=zone_id,
        name=_text(told.get("name"))[:200] or zone_id,
        kind=str(kind or told.get("zoneType") or _kind(told))[:40],
        restriction=_restriction(told),
        polygon=shape,
        lower=_lower(layer, unit),
        upper=_upper(layer, unit),
        source=source,
        authority=_authority(told.get("zoneAuthority"))[:200],
        activations=_activations(told.get("applicability", told.get("limitedApplicability"))),
        for_operational_use=more.get("forOperationalUse") is not False,
    )


def _kind(told: Mapping[str, Any]) -> str:
    """ED-318 has it under `variant` and the restriction under `type`; ED-269 has it under `type`."""
    kind = str(told.get("type", "COMMON"))
    return str(told.get("variant", "COMMON")) if kind in RESTRICTIONS else kind


def _restriction(told: Mapping[str, Any]) -> Restriction:
    """Prohibited when the file does not say."""
    said = told.get("restriction", told.get("type") if told.get("type") in RESTRICTIONS else "PROHIBITED")
    if said not in RESTRICTIONS:
        raise MalformedZone(f"the restriction {str(said)[:30]} is not known", remedy=f"use one of {', '.join(RESTRICTIONS)}")
    return RESTRICTIONS[said]


def _text(value: Any) -> str:
    """ED-318 gives names as a list of texts, each with its language: English if there is one."""
    if isinstance(value, list):
        texts = [one for one in value if isinstance(one, Mapping)]
        best = next((one for one in texts if str(one.get("lang", "")).startswith("en")), texts[0] if texts else {})
        return str(best.get("text", ""))
    return value if isinstance(value, str) else ""


def _authority(value: Any) -> str:
    first = value[0] if isinstance(value, list) and value else value
    return _text(first.get("name")) if isinstance(first, Mapping) else ""


def _lower(layer: Mapping[str, Any], unit: str) -> Limit:
    value, reference = (
        layer.get("lower", layer.get("lowerLimit")),
        layer.get("lowerReference", layer.get("lowerVerticalReference")),
    )
    if value is None:
        return heights.GROUND
    return heights.height(value, _datum(reference, "lower"), unit)


def _upper(layer: Mapping[str, Any], unit: str) -> Limit:
    value, reference = (
        layer.get("upper", layer.get("upperLimit")),
        layer.get("upperReference", layer.get("upperVerticalReference")),
    )
    if value is None:
        return heights.UNLIMITED
    return heights.height(value, _datum(reference, "upper"), unit)


def _datum(reference: Any, which: str) -> Datum:
    if reference is None:
        raise MalformedZone(
            f"the {which} limit does not say above what it is", remedy=f"give {which}Reference: AGL, AMSL or WGS84"
        )
    return heights.reference(reference)


# --- times ------------------------------------------------------------------------------------------------------------


def _activations(told: Any) -> tuple[Activation, ...]:
    """A zone with a permanent period always applies. Dawn and dusk are not reckoned: such a day counts whole."""
    if told in (None, [], {}):
        return ()
    found: list[Activation] = []
    for period in told if isinstance(told, list) else [told]:
        if str(period.get("permanent", "NO")).upper() == "YES":
            return ()
        start, end = _moment(period.get("startDateTime")), _moment(period.get("endDateTime"))
        found += [_daily(one, start, end) for one in period.get("schedule") or [None]]
        if len(found) > MAX_PERIODS:
            raise MalformedZone(f"the zone has more than {MAX_PERIODS} times", remedy="split it")
    return tuple(found)


def _daily(told: Any, start: datetime | None, end: datetime | None) -> Activation:
    if told is None:
        return Activation(start=start, end=end)
    listed = told.get("day")
    days = [str(day).upper()[:3] for day in (listed if isinstance(listed, list) else ["ANY" if listed is None else listed])]
    weekdays = None if "ANY" in days or not days else frozenset(WEEKDAYS.index(day) for day in days)
    begin, stop = told.get("startTime"), told.get("endTime")
    if begin is None or stop is None:
        return Activation(start=start, end=end, weekdays=weekdays)
    first, first_days = _time(begin)
    last, _ = _time(stop)
    if weekdays is not None and first_days:
        weekdays = frozenset((day + first_days) % 7 for day in weekdays)
    return Activation(start=start, end=end, weekdays=weekdays, from_utc=first, to_utc=last)


def _moment(value: Any) -> datetime | None:
    """UTC when no offset stands."""
    if value is None:
        return None
    moment = datetime.fromisoformat(str(value))
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _time(value: Any) -> tuple[time, int]:
    """A time of day in UTC, and how many days that lies from the day in the file's own offset."""
    text = str(value)
    if text.startswith("24:00"):
        text = "00:00" + text[5:]
    told = time.fromisoformat(text)
    day = datetime(2000, 1, 2, told.hour, told.minute, told.second, told.microsecond, tzinfo=told.tzinfo or UTC)
    moment = day.astimezone(UTC)
    return moment.timetz().replace(tzinfo=None), moment.day - 2
