"""Where incidents are taken from: boroughs with their boundaries. Nothing is flown to a place outside."""

import math
from collections.abc import Iterable, Sequence
from functools import cache, cached_property
from importlib.resources import files

import msgspec
import numpy as np
import shapely
from shapely.geometry import shape

from bowstreet.errors import BadInput, MalformedConfiguration
from bowstreet.geo import Position

# The boundaries are clipped at the river's banks and simplified. The Thames is up to 600 m wide here, and people fall into it: a
# place this near to a borough counts as in it, if no other borough has it. Degrees; 280 to 440 m.
EDGE_DEG = 0.004
# The City has a police force of its own.
CITY_OF_LONDON = "City of London"
# The raster that answers most questions at once. Degrees; London has some 2,300 such cells, more than half in one borough whole.
CELL_DEG = 0.01
# A larger area has larger cells, so that its raster stays small.
MOST_CELLS_ACROSS = 100


class Borough(msgspec.Struct, frozen=True, kw_only=True):
    """One borough; `polygon` is shapely, WGS 84 degrees (longitude, latitude)."""

    gss: str
    name: str
    polygon: shapely.Geometry


class OperatingArea:
    """Boroughs, prepared for many questions.

    Args:
        boroughs: at least one.
        neighbours: boroughs beside them that are not served: what lies in one of them is outside, however near.
    """

    def __init__(self, boroughs: Iterable[Borough], neighbours: Iterable[Borough] = ()) -> None:
        self.boroughs = tuple(boroughs)
        if not self.boroughs:
            raise BadInput("the operating area is empty", remedy="name at least one borough or a boundary file")
        self._polygons = [borough.polygon for borough in (*self.boroughs, *neighbours)]
        self._tree = shapely.STRtree(self._polygons)
        shapely.prepare(self._polygons)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(borough.name for borough in self.boroughs)

    @cached_property
    def bounding_box(self) -> tuple[float, float, float, float]:
        """West, south, east, north in degrees."""
        west, south, east, north = shapely.total_bounds([borough.polygon for borough in self.boroughs])
        return float(west), float(south), float(east), float(north)

    def contains(self, position: Position) -> bool:
        return self.borough_of(position) is not None

    def borough_of(self, position: Position) -> Borough | None:
        """The borough that holds the point, or the nearest within `EDGE_DEG`; None outside and for what is no place."""
        x, y = position.longitude_deg, position.latitude_deg
        if not (math.isfinite(x) and math.isfinite(y)):
            return None
        candidates = self._raster.get((math.floor(x / self._cell_deg), math.floor(y / self._cell_deg)))
        if candidates is None:
            return None
        if isinstance(candidates, int):
            return self._served(candidates)
        for which in candidates:
            if shapely.intersects_xy(self._polygons[which], x, y):
                return self._served(which)
        near = self._tree.query_nearest(shapely.Point(x, y), max_distance=EDGE_DEG)
        return self._served(int(np.min(near))) if len(near) else None

    def _served(self, which: int) -> Borough | None:
        return self.boroughs[which] if which < len(self.boroughs) else None

    @cached_property
    def _cell_deg(self) -> float:
        west, south, east, north = self.bounding_box
        return max(CELL_DEG, (east - west) / MOST_CELLS_ACROSS, (north - south) / MOST_CELLS_ACROSS)

    @cached_property
    def _raster(self) -> dict[tuple[int, int], int | tuple[int, ...]]:
        """Cells within reach of an edge or a polygon: the one that covers the cell, or those that have a part of it."""
        west, south, east, north = self.bounding_box
        size = self._cell_deg
        columns = np.arange(math.floor((west - EDGE_DEG) / size), math.floor((east + EDGE_DEG) / size) + 1)
        rows = np.arange(math.floor((south - EDGE_DEG) / size), math.floor((north + EDGE_DEG) / size) + 1)
        column, row = (axis.ravel() for axis in np.meshgrid(columns, rows))
        cells = shapely.box(column * size, row * size, (column + 1) * size, (row + 1) * size)
        keys = list(zip(column.tolist(), row.tolist(), strict=True))
        parts: dict[tuple[int, int], int | tuple[int, ...]] = {}
        for cell in np.unique(self._tree.query(cells, predicate="dwithin", distance=EDGE_DEG)[0]).tolist():
            parts[keys[cell]] = ()
        for cell, which in sorted(self._tree.query(cells, predicate="intersects").T.tolist()):
            parts[keys[cell]] = (*parts[keys[cell]], which)  # type: ignore[misc]  # whole numbers come below
        for cell, which in self._tree.query(cells, predicate="covered_by").T.tolist():
            parts[keys[cell]] = which
        return parts


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


@cache
def london() -> OperatingArea:
    """All 33: the 32 boroughs of the Metropolitan Police and the City."""
    return OperatingArea(_boroughs())


def of(names: Sequence[str]) -> OperatingArea:
    """Some of London's boroughs. Raises `BadInput` for a name that is none."""
    known = {borough.name: borough for borough in _boroughs()}
    for name in names:
        if name not in known:
            raise BadInput(f"there is no borough '{name}' in London", remedy=f"use names such as {', '.join(sorted(known)[:4])}")
    served = dict.fromkeys(names)
    return OperatingArea((known[name] for name in served), (one for name, one in known.items() if name not in served))


def parse_area(data: bytes) -> OperatingArea:
    """An operator's own area: GeoJSON polygons with `properties.name`, WGS 84.

    Raises:
        MalformedConfiguration: when it is not that.
    """
    try:
        boroughs = list(_read(data))
        fault = "there is no polygon in it" if not boroughs else next(filter(None, map(_fault, boroughs)), "")
    except (
        msgspec.DecodeError, KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError, RecursionError,
        shapely.errors.ShapelyError,
    ) as error:  # fmt: skip
        fault = f"{type(error).__name__}: {error}"
    if fault:
        raise MalformedConfiguration(
            f"the boundary file is not GeoJSON polygons with names ({fault})",
            remedy="give a FeatureCollection of polygons in WGS 84, each with properties.name",
        )
    return OperatingArea(boroughs)


def _fault(borough: Borough) -> str:
    polygon = borough.polygon
    if polygon.geom_type not in ("Polygon", "MultiPolygon") or polygon.is_empty:
        return f"'{borough.name}' is no polygon"
    west, south, east, north = polygon.bounds
    if not (-180.0 <= west <= east <= 180.0 and -90.0 <= south <= north <= 90.0):
        return f"'{borough.name}' is not in degrees of longitude and latitude"
    return "" if polygon.is_valid else f"'{borough.name}' is not valid: {shapely.is_valid_reason(polygon)}"
