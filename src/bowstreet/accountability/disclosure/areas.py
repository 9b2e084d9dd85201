"""The areas that minutes overhead are told by: an operator's wards, or London's MSOAs that come with the product.

A place in none of them is told by its kilometre square of the National Grid, so that no minute is left out.
"""

from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources

import msgspec
import numpy as np
import shapely
from shapely.geometry import shape

from bowstreet.accountability.disclosure.rules import square_of
from bowstreet.errors import MalformedConfiguration
from bowstreet.geo import Position

# What the areas that ship are; an operator's own file says it of itself.
NEIGHBOURHOODS = "neighbourhood (ONS MSOA 2011)"
# More names than any force has wards (London has some 680), and than a page can show.
MOST_AREAS = 2_000


class _Shipped(msgspec.Struct, frozen=True):
    attribution: str
    per_degree: int
    areas: dict[str, list[list[int]]]


class Areas:
    """Polygons by name, WGS 84 degrees.

    Args:
        kind: what one is called, such as `ward`.
        attribution: whom the boundaries are from, as their licence asks it to be said.
    """

    def __init__(self, polygons: Mapping[str, shapely.Geometry], kind: str, attribution: str) -> None:
        self.kind, self.attribution = kind, attribution
        self.names = tuple(polygons)
        self._polygons = list(polygons.values())
        self._tree = shapely.STRtree(self._polygons)

    def of(self, position: Position) -> str:
        """The area that a place lies in: on a border the first of them by the file's order, outside all its square."""
        point = shapely.Point(position.longitude_deg, position.latitude_deg)
        found = self._tree.query(point, predicate="intersects")
        return self.names[int(found.min())] if len(found) else square_of(position)

    def outline(self, name: str) -> shapely.Geometry | None:
        """None for a square, which is no area of these."""
        return self._polygons[self.names.index(name)] if name in self.names else None

    def within(self, borders: shapely.Geometry) -> list[str]:
        """The areas that have a part inside."""
        return [self.names[which] for which in sorted(self._tree.query(borders, predicate="intersects").tolist())]


@cache
def neighbourhoods() -> Areas:
    """London's, as derived by `tools/derive_neighbourhoods.py`."""
    data = resources.files("bowstreet.accountability.disclosure").joinpath("data/london_neighbourhoods.json").read_bytes()
    told = msgspec.json.decode(data, type=_Shipped)
    found = {}
    for name, rings in told.areas.items():
        polygons = [shapely.Polygon(np.cumsum(np.reshape(ring, (-1, 2)), axis=0) / told.per_degree) for ring in rings]
        found[name] = shapely.union_all(polygons)
    return Areas(found, NEIGHBOURHOODS, told.attribution)


def parse_wards(data: bytes, name: str) -> Areas:
    """An operator's own: GeoJSON polygons with `properties.name` of their own, WGS 84; `attribution` beside `features` if asked
    for.

    Raises:
        MalformedConfiguration: when it is not that.
    """
    try:
        told = msgspec.json.decode(data)
        polygons = [(str(one["properties"]["name"]), shape(one["geometry"])) for one in told["features"]]
        fault = _fault(polygons)
        attribution = str(told.get("attribution", ""))
    except (
        msgspec.DecodeError, KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError, RecursionError,
        shapely.errors.ShapelyError,
    ) as error:  # fmt: skip
        fault = type(error).__name__
    if fault:
        raise MalformedConfiguration(
            f"{name} is not GeoJSON polygons of wards ({fault})",
            remedy="give a FeatureCollection of polygons in WGS 84, each with a properties.name of its own",
        )
    return Areas(dict(polygons), "ward", attribution[:500])


def _fault(polygons: Iterable[tuple[str, shapely.Geometry]]) -> str:
    seen: set[str] = set()
    for name, polygon in polygons:
        if not name.strip() or len(name) > 100:
            return "a name is empty or too long"
        if name in seen:
            return f"'{name}' comes twice"
        if polygon.geom_type not in ("Polygon", "MultiPolygon") or polygon.is_empty or not polygon.is_valid:
            return f"'{name}' is no valid polygon"
        west, south, east, north = polygon.bounds
        if not (-180.0 <= west <= east <= 180.0 and -90.0 <= south <= north <= 90.0):
            return f"'{name}' is not in degrees of longitude and latitude"
        seen.add(name)
    if not seen or len(seen) > MOST_AREAS:
        return f"{len(seen)} areas; 1 to {MOST_AREAS:,} can be shown"
    return ""
