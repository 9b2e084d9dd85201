"""Places on the ground: WGS 84 for what people and vehicles say, the British National Grid for what is computed.

Horizontal datum is WGS 84 (EPSG:4326) in `Position` and OSGB36 National Grid (EPSG:27700) in `GridPoint`. pyproj without
the OSTN15 grid is within about 2 m, far inside the size of a scene. Heights are never implied: they stand in names
(`_m_amsl` above mean sea level, `_m_agl` above the ground below, `_m_above_dock` above the dock that was left).
Bearings are degrees clockwise from grid north, which in London is within 1.5 degrees of true north.
"""

import math
from functools import cache, lru_cache
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
from pyproj import Transformer

from bowstreet.errors import BadInput

FloatArray = npt.NDArray[np.float64]

# The mean Earth radius of IUGG (1980), metres.
EARTH_RADIUS_M = 6_371_008.8


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """A point on the ground, WGS 84 degrees."""

    latitude_deg: float
    longitude_deg: float


class GridPoint(msgspec.Struct, frozen=True, kw_only=True):
    """A point on the ground, metres on the British National Grid (EPSG:27700)."""

    easting_m: float
    northing_m: float

    def distance_m(self, other: "GridPoint") -> float:
        """Straight-line distance on the grid, metres."""
        return math.hypot(self.easting_m - other.easting_m, self.northing_m - other.northing_m)

    def bearing_deg(self, other: "GridPoint") -> float:
        """Bearing to `other`, degrees clockwise from grid north, in [0, 360)."""
        east, north = other.easting_m - self.easting_m, other.northing_m - self.northing_m
        return math.degrees(math.atan2(east, north)) % 360.0

    def toward(self, other: "GridPoint", distance_m: float) -> "GridPoint":
        """The point `distance_m` along the straight line to `other`, never past it."""
        length = self.distance_m(other)
        if length <= distance_m or length == 0.0:
            return other
        share = distance_m / length
        return GridPoint(
            easting_m=self.easting_m + share * (other.easting_m - self.easting_m),
            northing_m=self.northing_m + share * (other.northing_m - self.northing_m),
        )


@cache
def _transformers() -> tuple[Any, Any]:
    return (
        Transformer.from_crs("EPSG:4326", "EPSG:27700", always_xy=True),
        Transformer.from_crs("EPSG:27700", "EPSG:4326", always_xy=True),
    )


@lru_cache(maxsize=65_536)
def to_grid(position: Position) -> GridPoint:
    """WGS 84 to the National Grid. Cached: docks and incidents are asked for again and again."""
    easting, northing = _transformers()[0].transform(position.longitude_deg, position.latitude_deg)
    if not (math.isfinite(easting) and math.isfinite(northing)):
        raise BadInput(
            f"position {position.latitude_deg}, {position.longitude_deg} is outside Great Britain",
            remedy="give WGS 84 latitude and longitude of a place on the British National Grid",
        )
    return GridPoint(easting_m=easting, northing_m=northing)


@lru_cache(maxsize=65_536)
def to_wgs84(point: GridPoint) -> Position:
    """The National Grid to WGS 84."""
    longitude, latitude = _transformers()[1].transform(point.easting_m, point.northing_m)
    return Position(latitude_deg=latitude, longitude_deg=longitude)


def grid_arrays(latitude_deg: FloatArray, longitude_deg: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Vectorised `to_grid`: arrays of degrees in, (easting_m, northing_m) out. Ten times a point at a time."""
    easting, northing = _transformers()[0].transform(longitude_deg, latitude_deg)
    return np.asarray(easting), np.asarray(northing)


def wgs84_arrays(easting_m: FloatArray, northing_m: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Vectorised `to_wgs84`: arrays of metres in, (latitude_deg, longitude_deg) out."""
    longitude, latitude = _transformers()[1].transform(easting_m, northing_m)
    return np.asarray(latitude), np.asarray(longitude)


def great_circle_m(a: Position, b: Position) -> float:
    """Great-circle distance on the mean sphere, metres (haversine; within 0.5% of the ellipsoid)."""
    lat1, lat2 = math.radians(a.latitude_deg), math.radians(b.latitude_deg)
    half_lat, half_lon = (lat2 - lat1) / 2, math.radians(b.longitude_deg - a.longitude_deg) / 2
    h = math.sin(half_lat) ** 2 + math.cos(lat1) * math.cos(lat2) * math.sin(half_lon) ** 2
    return 2 * EARTH_RADIUS_M * math.asin(min(1.0, math.sqrt(h)))
