"""Metres round a place, and back: an invertible map that is exact in position and within 0.1% in distance for 5 km. Pure.

The radii are those of WGS 84 at the origin (`pymap3d` in the tests).
"""

import math
from dataclasses import dataclass

from bowstreet.geo import Position

# WGS 84: semi-major axis in metres, and first eccentricity squared.
SEMI_MAJOR_M, ECCENTRICITY_2 = 6_378_137.0, 6.694_379_990_14e-3


@dataclass(frozen=True, slots=True)
class Plane:
    """East and north in metres from `origin`."""

    origin: Position

    def _metres_a_degree(self) -> tuple[float, float]:
        latitude = math.radians(self.origin.latitude_deg)
        root = math.sqrt(1.0 - ECCENTRICITY_2 * math.sin(latitude) ** 2)
        north = SEMI_MAJOR_M * (1.0 - ECCENTRICITY_2) / root**3
        # At the very poles there is no east; nobody flies there.
        east = SEMI_MAJOR_M / root * max(1e-9, math.cos(latitude))
        return math.radians(1.0) * east, math.radians(1.0) * north

    def to_metres(self, place: Position) -> tuple[float, float]:
        east, north = self._metres_a_degree()
        across = (place.longitude_deg - self.origin.longitude_deg + 180.0) % 360.0 - 180.0
        return across * east, (place.latitude_deg - self.origin.latitude_deg) * north

    def to_position(self, east_m: float, north_m: float) -> Position:
        east, north = self._metres_a_degree()
        return Position(
            latitude_deg=self.origin.latitude_deg + north_m / north, longitude_deg=self.origin.longitude_deg + east_m / east
        )
