"""Reads KML and KMZ: placemarks that are areas, with heights in words or as drawn. Bytes in, zones out, no IO.

Entities, document types and links to other files are refused; so are archives that unpack to more than a zone file can be.
"""

import html
import io
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from typing import Any
from xml.etree.ElementTree import Element, ParseError, TreeBuilder

import defusedxml.ElementTree
import shapely
from defusedxml.common import DefusedXmlException

from bowstreet.airspace import heights, outlines
from bowstreet.airspace.model import Datum, Limit, Restriction, Zone
from bowstreet.errors import BadInput, MalformedZone

# Unpacked. The UAS restriction zones of the whole country are 8 MB.
MAX_BYTES = 64_000_000
MAX_FILES = 64
MAX_ELEMENTS = 1_000_000
MAX_DEPTH = 64
CHUNK = 1 << 16
LOWER_KEYS = frozenset({"lower", "lowerlimit", "floor", "base", "bottom", "minalt", "from"})
UPPER_KEYS = frozenset({"upper", "upperlimit", "ceiling", "top", "maxalt", "to"})
UNIT, DATUM = r"(?:FT|FEET|M|METRES|METERS)?", r"(?:AGL|AMSL|MSL|SFC|GND|ALT)?"
NUMBER = r"(?:ALT\s*)?\d[\d,]*(?:\.\d+)?\s*" + UNIT + r"\s*" + DATUM
VALUE = r"(SFC|SURFACE|GND|GROUND|UNL\w*|FL\s*\d{1,3}|" + NUMBER + ")"
LIMIT_WORDS = re.compile(
    r"\b(LOWER|FLOOR|BASE|UPPER|CEILING|TOP)(?:\s+(?:LIMIT|VERTICAL LIMIT|LEVEL))?\s*(?:[:=]|\bIS\b)?\s*"
    + VALUE
    + r"(?![A-Z0-9])"
)
BOTH_WORDS = re.compile(r"\b(?:VERTICAL )?LIMITS?\s*[:=]?\s*" + VALUE + r"\s*(?:-|–|TO|/)\s*" + VALUE + r"(?![A-Z0-9])")
TAG = re.compile(r"<[^>]*>")
DATUMS = {"absolute": Datum.AMSL, "relativeToGround": Datum.AGL}
# A wall of a solid drawn face by face has no extent on the ground, m².
WALL_M2 = 1.0


class _Counted(TreeBuilder):
    """Builds the tree, as far as it is believable."""

    def __init__(self) -> None:
        super().__init__()
        self._elements = self._depth = 0

    def start(self, tag: Any, attrs: Any, /) -> Element:
        self._elements += 1
        self._depth += 1
        if self._elements > MAX_ELEMENTS or self._depth > MAX_DEPTH:
            raise MalformedZone("the KML has too many elements, or too deep", remedy="split it")
        return super().start(tag, attrs)

    def end(self, tag: Any, /) -> Element:
        self._depth -= 1
        return super().end(tag)


def unpack(data: bytes, name: str) -> list[bytes]:
    """The KML files of a KMZ.

    Raises:
        MalformedZone: not a whole archive, locked, or larger unpacked than `MAX_BYTES`.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = [entry for entry in archive.infolist() if entry.filename.lower().endswith(".kml")]
            if not entries or len(entries) > MAX_FILES:
                raise MalformedZone(f"{name} holds {len(entries)} KML files", remedy="give a KMZ with one")
            found: list[bytes] = []
            left = MAX_BYTES
            for entry in entries:
                # What the archive says of sizes is not believed: it is read piece by piece.
                pieces = bytearray()
                with archive.open(entry) as packed:
                    while piece := packed.read(CHUNK):
                        left -= len(piece)
                        if left < 0:
                            raise MalformedZone(f"{name} unpacks to more than {MAX_BYTES // 1_000_000} MB", remedy="split it")
                        pieces += piece
                found.append(bytes(pieces))
            return found
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError, IndexError, KeyError) as error:
        raise MalformedZone(f"{name} is no whole KMZ ({error})", remedy="download it again") from error


def read(data: bytes, name: str) -> tuple[list[Zone], list[tuple[str, str]]]:
    """The zones, and for each placemark that could not be understood which one and why.

    Raises:
        MalformedZone: not XML, not KML, or with entities.
    """
    try:
        parser = defusedxml.ElementTree.DefusedXMLParser(
            target=_Counted(), forbid_dtd=True, forbid_entities=True, forbid_external=True
        )
        parser.feed(data)
        root = parser.close()
    except DefusedXmlException as error:
        raise MalformedZone(f"{name} declares entities or a document type", remedy="save it as plain KML") from error
    except (ParseError, ValueError, LookupError, UnicodeError, AssertionError) as error:
        raise MalformedZone(f"{name} is not XML ({error})", remedy="download it again") from error
    if root is None or _tag(root) != "kml":
        raise MalformedZone(f"{name} is XML but not KML", remedy="give KML, KMZ, OpenAir, ED-269 or ED-318")
    zones: list[Zone] = []
    rejected: list[tuple[str, str]] = []
    number = 0
    for element in root.iter():
        if _tag(element) == "NetworkLink":
            rejected.append(("NetworkLink", "the zones are in another file; give that file"))
        if _tag(element) != "Placemark":
            continue
        number += 1
        try:
            zone = _zone(element, name)
            if zone is not None:
                zones.append(zone)
        except (BadInput, ValueError, OverflowError, IndexError, shapely.errors.ShapelyError) as error:
            title = _text(element, "name")[:60]
            rejected.append((f"placemark {number}" + (f" ({title})" if title else ""), str(error)))
    return zones, rejected


def _zone(placemark: Element, name: str) -> Zone | None:
    polygons = list(_all(placemark, "Polygon"))
    if not polygons:
        if any(True for _ in (*_all(placemark, "LineString"), *_all(placemark, "LinearRing"), *_all(placemark, "Track"))):
            raise MalformedZone("a line is no area", remedy="draw it as a polygon")
        return None  # a label, a picture
    title = _text(placemark, "name")
    told = dict(_extended(placemark))
    lower, upper = _limits(placemark, polygons, told)
    return Zone(
        zone_id=outlines.identifier(title or told.get("identifier", "")),
        name=title,
        kind=told.get("type", "COMMON")[:40].replace("OPERATING_VOLUME", "OTHER"),
        restriction=_restriction(told, title),
        polygon=_shape(polygons),
        lower=lower,
        upper=upper,
        source=name,
        authority=told.get("authority", "")[:200],
        for_operational_use=True,
    )


def _restriction(told: dict[str, str], title: str) -> Restriction:
    """Prohibited where it says so; else leave is asked for."""
    said = f"{told.get('restriction', '')} {told.get('type', '')}".upper()
    if "PROHIBIT" in said or "PROHIBIT" in title.upper():
        return Restriction.PROHIBITED
    return Restriction.REQUIRES_AUTHORISATION


# --- shape ------------------------------------------------------------------------------------------------------------


def _shape(polygons: Iterable[Element]) -> shapely.Geometry:
    """Of a solid that is drawn face by face, its plan."""
    faces, wrong = [], None
    for element in polygons:
        outer = [_points(ring) for side in _all(element, "outerBoundaryIs") for ring in _all(side, "coordinates")]
        inner = [_points(ring) for side in _all(element, "innerBoundaryIs") for ring in _all(side, "coordinates")]
        if len(outer) != 1:
            raise MalformedZone("a polygon has not one outer ring", remedy="mend the file")
        try:
            faces.append(outlines.polygon(outer[0], inner))
        except MalformedZone as error:
            if not _is_wall(outer[0]):
                raise
            wrong = error
    if not faces:
        raise wrong or MalformedZone("the zone has no extent", remedy="draw it as a polygon")
    return shapely.union_all(faces)


def _is_wall(points: list[tuple[float, ...]]) -> bool:
    """Whether a face stands upright: at two heights, over a line."""
    if len({point[2] for point in points if len(point) > 2}) < 2:
        return False
    plan = shapely.MultiPoint([point[:2] for point in points])
    width = shapely.minimum_rotated_rectangle(plan)
    return float(width.area) * 111_000.0**2 < WALL_M2


def _points(element: Element) -> list[tuple[float, ...]]:
    found = []
    for word in (element.text or "").split():
        parts = tuple(float(part) for part in word.split(","))
        if len(parts) not in (2, 3):
            raise MalformedZone(f"the point '{word[:40]}' is not understood", remedy="write longitude,latitude or with altitude")
        found.append(parts)
    return found


# --- heights ----------------------------------------------------------------------------------------------------------


def _limits(placemark: Element, polygons: list[Element], told: dict[str, str]) -> tuple[Limit, Limit]:
    """In this order: as data, in the description's words, as drawn."""
    lower = next((heights.lower_limit(value) for key, value in told.items() if key in LOWER_KEYS), None)
    upper = next((heights.upper_limit(value) for key, value in told.items() if key in UPPER_KEYS), None)
    words = " ".join(TAG.sub(" ", html.unescape(_text(placemark, "description"))).upper().split())
    if both := BOTH_WORDS.search(words):
        lower, upper = lower or heights.lower_limit(both[1]), upper or heights.upper_limit(both[2])
    for found in LIMIT_WORDS.finditer(words):
        if found[1] in ("LOWER", "FLOOR", "BASE"):
            lower = lower or heights.lower_limit(found[2])
        else:
            upper = upper or heights.upper_limit(found[2])
    if lower is None or upper is None:
        drawn = _drawn(polygons)
        lower, upper = lower or drawn[0], upper or drawn[1]
    if lower is None or upper is None:
        raise MalformedZone(
            "the zone says no heights", remedy="give upper and lower as extended data, in the description, or draw it in 3D"
        )
    return lower, upper


def _drawn(polygons: list[Element]) -> tuple[Limit | None, Limit | None]:
    """Heights of a solid: extruded to the ground, or drawn face by face."""
    modes = {_text(element, "altitudeMode") or "clampToGround" for element in polygons}
    altitudes = [
        point[2] for element in polygons for ring in _all(element, "coordinates") for point in _points(ring) if len(point) > 2
    ]
    if len(modes) != 1 or not altitudes or (mode := modes.pop()) not in DATUMS:
        return None, None
    top = heights.height(max(altitudes), DATUMS[mode], "M")
    extruded = any(_text(element, "extrude").strip() in ("1", "true") for element in polygons)
    if extruded or min(altitudes) == max(altitudes):
        return heights.GROUND, top
    return heights.height(min(altitudes), DATUMS[mode], "M"), top


# --- XML --------------------------------------------------------------------------------------------------------------


def _tag(element: Element) -> str:
    """Without its namespace, of which KML has had several."""
    return element.tag.rsplit("}", 1)[-1] if isinstance(element.tag, str) else ""


def _all(element: Element, tag: str) -> Iterator[Element]:
    return (child for child in element.iter() if _tag(child) == tag)


def _text(element: Element, tag: str) -> str:
    found = next((child for child in element if _tag(child) == tag), None)
    return "" if found is None else "".join(found.itertext()).strip()


def _extended(placemark: Element) -> Iterator[tuple[str, str]]:
    """Names in small letters without blanks, and values."""
    for data in _all(placemark, "ExtendedData"):
        for element in data.iter():
            if _tag(element) == "Data":
                yield _key(element), _text(element, "value")
            elif _tag(element) == "SimpleData":
                yield _key(element), (element.text or "").strip()


def _key(element: Element) -> str:
    return re.sub(r"[^a-z]", "", str(element.get("name", "")).lower())
