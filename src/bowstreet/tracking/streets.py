"""Names of streets and places, from an operator's own file: what is near a place, and where names stand in a picture.

Names are on maps and help people to say where something is; nothing is reckoned from them.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec
import shapely

from bowstreet.errors import MalformedConfiguration
from bowstreet.frames import CameraPose
from bowstreet.geo import Position
from bowstreet.tracking.camera import View
from bowstreet.tracking.plane import Plane

# London's named roads are some 60,000 in 25 MB.
MOST_BYTES = 64_000_000
MOST_PLACES, MOST_POINTS = 400_000, 4_000_000
MOST_NAME = 80
# Further away than this a name says nothing about where one looks.
NEAR_M = 120.0
# What is drawn into a picture: so many names, so far from where it looks. More would hide what is seen.
MOST_IN_PICTURE, IN_PICTURE_M = 8, 200.0
# Along a street so often it is looked whether it is in the picture.
STEP_M = 8.0
# Beside the edge of a picture a name cannot be read.
EDGE_SHARE = 0.04
# The names of the name, in files of OpenStreetMap, Ordnance Survey and by hand.
_KEYS = ("name", "NAME", "name1", "NAME1")


class Named(msgspec.Struct, frozen=True, kw_only=True):
    """One street or place. `line` has one point for a place."""

    name: str
    line: tuple[Position, ...]


class Near(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    distance_m: float


class Label(msgspec.Struct, frozen=True, kw_only=True):
    """A name in a picture, in shares of its width and height."""

    name: str
    x: float
    y: float


class Streets:
    """All names of one operator."""

    def __init__(self, named: Sequence[Named] = ()) -> None:
        self.named = tuple(named)
        self._plane = Plane(self.named[0].line[0] if self.named else Position(latitude_deg=0.0, longitude_deg=0.0))
        self._shapes = [self._shape(one) for one in self.named]
        self._tree = shapely.STRtree(self._shapes)

    def __len__(self) -> int:
        return len(self.named)

    def near(self, place: Position, most: int = 1, within_m: float = NEAR_M) -> tuple[Near, ...]:
        """The names nearest to a place, nearest first, each once."""
        point = shapely.Point(self._plane.to_metres(place))
        found: dict[str, float] = {}
        for which in self._tree.query(point.buffer(within_m)).tolist():
            name, distance_m = self.named[which].name, float(self._shapes[which].distance(point))
            if distance_m <= within_m and distance_m < found.get(name, math.inf):
                found[name] = distance_m
        ordered = sorted(found.items(), key=lambda one: (one[1], one[0]))[:most]
        return tuple(Near(name=name, distance_m=distance_m) for name, distance_m in ordered)

    def in_picture(self, view: View, looks_at: Position) -> tuple[Label, ...]:
        """Names where they stand in a picture: each once, where its street is nearest to the middle. Level ground is taken, as
        high as where the picture looks."""
        ground_m_amsl = _ground_m_amsl(view.pose, looks_at)
        middle = self._plane.to_metres(looks_at)
        window = shapely.Point(middle).buffer(IN_PICTURE_M)
        best: dict[str, tuple[float, float, float]] = {}
        for which in self._tree.query(window).tolist():
            for east, north in _along(self._shapes[which].intersection(window)):
                pixel = view.pixel(self._plane.to_position(east, north), ground_m_amsl)
                if pixel is None:
                    continue
                x, y = pixel[0] / view.width_px, pixel[1] / view.height_px
                if not (EDGE_SHARE <= x <= 1 - EDGE_SHARE and EDGE_SHARE <= y <= 1 - EDGE_SHARE):  # not-a-number neither
                    continue
                off = math.hypot(x - 0.5, y - 0.5)
                if off < best.get(self.named[which].name, (math.inf,))[0]:
                    best[self.named[which].name] = off, x, y
        nearest = sorted((off, name, x, y) for name, (off, x, y) in best.items())[:MOST_IN_PICTURE]
        return tuple(Label(name=name, x=x, y=y) for _, name, x, y in nearest)

    def _shape(self, one: Named) -> Any:
        points = [self._plane.to_metres(point) for point in one.line]
        return shapely.Point(points[0]) if len(points) == 1 else shapely.LineString(points)


def _ground_m_amsl(pose: CameraPose, looks_at: Position) -> float:
    """How high the ground is where a picture looks, by the camera's height and the angle that it looks down at."""
    away_m = math.hypot(*Plane(pose.position).to_metres(looks_at))
    return pose.altitude_m_amsl + away_m * math.tan(math.radians(max(-89.0, min(-1.0, pose.tilt_deg))))


def _along(shape: Any) -> Iterator[tuple[float, float]]:
    """Points of a shape, close enough that none of its visible part is missed."""
    for part in getattr(shape, "geoms", [shape]):
        if part.is_empty:
            continue
        if part.geom_type == "Point":
            yield part.x, part.y
        elif part.geom_type == "LineString":
            steps = min(200, max(1, math.ceil(part.length / STEP_M)))
            for step in range(steps + 1):
                point = part.interpolate(step / steps, normalized=True)
                yield point.x, point.y


def parse_streets(data: bytes) -> Streets:
    """GeoJSON points and lines with a name each, WGS 84. What has no name is passed over.

    Raises:
        MalformedConfiguration: it is not that, or too much; says which feature.
    """
    if len(data) > MOST_BYTES:
        raise _wrong("it is larger than 64 MB")
    try:
        features = msgspec.json.decode(data)["features"]
        named, points = [], 0
        for number, feature in enumerate(features, start=1):
            for one in _named(feature, number):
                points += len(one.line)
                named.append(one)
                if len(named) > MOST_PLACES or points > MOST_POINTS:
                    raise _wrong(f"there are more than {MOST_PLACES} names or {MOST_POINTS} points in it")
    except (
        msgspec.DecodeError, KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError, RecursionError
    ) as error:  # fmt: skip
        raise _wrong(f"{type(error).__name__}: {error}") from error
    if not named:
        raise _wrong("nothing in it has a name")
    return Streets(named)


def _named(feature: Any, number: int) -> Iterable[Named]:
    properties = feature.get("properties") or {}
    name = next((properties[key] for key in _KEYS if properties.get(key)), None)
    geometry = feature.get("geometry")
    if name is None or geometry is None:
        return
    if not isinstance(name, str) or len(name) > MOST_NAME or not name.isprintable() or not name.strip():
        raise _wrong(f"the name of feature {number} is no text of at most {MOST_NAME} characters")
    kind, told = geometry["type"], geometry["coordinates"]
    if kind not in ("Point", "LineString", "MultiLineString"):
        raise _wrong(f"feature {number} is a {str(kind)[:30]}")
    for line in {"Point": [[told]], "LineString": [told]}.get(kind, told):
        points = tuple(_position(pair, number) for pair in line)
        if points:
            yield Named(name=name.strip(), line=points)


def _position(pair: Any, number: int) -> Position:
    longitude, latitude = float(pair[0]), float(pair[1])
    if not (-180.0 <= longitude <= 180.0 and -85.0 <= latitude <= 85.0):
        raise _wrong(f"feature {number} is not in degrees of longitude and latitude")
    return Position(latitude_deg=latitude, longitude_deg=longitude)


def _wrong(fault: str) -> MalformedConfiguration:
    return MalformedConfiguration(
        f"the file of streets is not GeoJSON points and lines with names ({fault})",
        remedy="give a FeatureCollection of Point, LineString and MultiLineString in WGS 84, each with properties.name",
    )
