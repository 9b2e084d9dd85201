"""Where incidents are taken from: boroughs with their boundaries. Nothing is flown to a place outside."""

from collections.abc import Iterable, Sequence
from functools import cache
from importlib.resources import files

import msgspec
import numpy as np
import shapely
from shapely.geometry import shape

from bowstreet.errors import BadInput, MalformedConfiguration
from bowstreet.geo import Position

# The boundaries are clipped at the river's banks and simplified. The Thames is up to 600 m wide here, and people fall into it: a place
# this near to a borough counts as in it. Degrees; 280 to 440 m.
EDGE_DEG = 0.004
# The City has a police force of its own.
CITY_OF_LONDON = "City of London"


class Borough(msgspec.Struct, frozen=True, kw_only=True):
    """One borough; `polygon` is shapely, WGS 84 degrees (longitude, latitude)."""

    gss: str
    name: str
    polygon: shapely.Geometry


class OperatingArea:
    """Boroughs, prepared for many questions.

    Args:
        boroughs: at least one.
    """

    def __init__(self, boroughs: Iterable[Borough]) -> None:
        self.boroughs = tuple(boroughs)
        if not self.boroughs:
            raise BadInput("the operating area is empty", remedy="name at least one borough or a boundary file")
        self._tree = shapely.STRtree([borough.polygon for borough in self.boroughs])
        shapely.prepare([borough.polygon for borough in self.boroughs])

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(borough.name for borough in self.boroughs)

    @property
    def bounding_box(self) -> tuple[float, float, float, float]:
        """West, south, east, north in degrees."""
        west, south, east, north = shapely.total_bounds([borough.polygon for borough in self.boroughs])
        return float(west), float(south), float(east), float(north)

    def borough_of(self, position: Position) -> Borough | None:
        """The borough that holds the point, or the nearest within `EDGE_DEG`; None outside."""
        point = shapely.Point(position.longitude_deg, position.latitude_deg)
        found = self._tree.query(point, predicate="intersects")
        if not len(found):
            found = self._tree.query_nearest(point, max_distance=EDGE_DEG)
        return self.boroughs[int(np.min(found))] if len(found) else None

    def contains(self, position: Position) -> bool:
        return self.borough_of(position) is not None


@cache
def boroughs_geojson() -> bytes:
    """The boundaries that come with the product, with their attribution."""
    return files("bowstreet.intake").joinpath("data/london_boroughs.geojson").read_bytes()


@cache
def _boroughs() -> tuple[Borough, ...]:
    return tuple(_read(boroughs_geojson()))


def _read(data: bytes) -> Iterable[Borough]:
    for feature in msgspec.json.decode(data)["features"]:
        told = feature["properties"]
        yield Borough(gss=str(told.get("gss", "")), name=str(told["name"]), polygon=shape(feature["geometry"]))


def london() -> OperatingArea:
    """All 33: the 32 boroughs of the Metropolitan Police and the City."""
    return OperatingArea(_boroughs())


def of(names: Sequence[str]) -> OperatingArea:
    """Some of London's boroughs. Raises `BadInput` for a name that is none."""
    known = {borough.name: borough for borough in _boroughs()}
    for name in names:
        if name not in known:
            raise BadInput(f"there is no borough '{name}' in London", remedy=f"use names such as {', '.join(sorted(known)[:4])}")
    return OperatingArea(known[name] for name in names)


def parse_area(data: bytes) -> OperatingArea:
    """An operator's own area: GeoJSON polygons with `properties.name`, WGS 84.

    Raises:
        MalformedConfiguration: when it is not that.
    """
    try:
        boroughs = [borough for borough in _read(data) if borough.polygon.geom_type in ("Polygon", "MultiPolygon")]
        if not boroughs or not all(borough.polygon.is_valid for borough in boroughs):
            raise ValueError("no valid polygon in it")
    except (
        msgspec.DecodeError,
        KeyError,
        TypeError,
        ValueError,
        AttributeError,
        IndexError,
        shapely.errors.ShapelyError,
    ) as error:
        raise MalformedConfiguration(
            f"the boundary file is not GeoJSON polygons with names ({error})", remedy="give a FeatureCollection in WGS 84"
        ) from error
    return OperatingArea(boroughs)
