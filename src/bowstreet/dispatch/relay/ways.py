"""How the way that a pilot orders lies to a drone at a place. Pure."""

from enum import Enum
from typing import NamedTuple

from bowstreet.geo import GridPoint


class Passage(Enum):
    """Of a way that comes near a place."""

    ENTERS = "enters"  # it begins elsewhere, and goes there or past it
    WITHIN = "within"  # it begins there, and stays or passes over it
    LEAVES = "leaves"  # it begins there, and only goes away


class Way(NamedTuple):
    """Straight from one place to another, and then up to `reach_m` around that."""

    start: GridPoint
    goal: GridPoint
    reach_m: float = 0.0

    def passage(self, place: GridPoint, near_m: float) -> Passage | None:
        """None when it comes nowhere within `near_m` of the place."""
        if self.off_m(place) > near_m:
            return None
        if self.start.distance_m(place) > near_m:
            return Passage.ENTERS
        gone = self.goal.distance_m(place) - self.reach_m > near_m
        return Passage.LEAVES if gone and self._nearest(place) == 0.0 else Passage.WITHIN

    def off_m(self, place: GridPoint) -> float:
        """How near it comes to the place."""
        nearest = self.start.toward(self.goal, self._nearest(place) * self.start.distance_m(self.goal))
        return min(nearest.distance_m(place), self.goal.distance_m(place) - self.reach_m)

    def _nearest(self, place: GridPoint) -> float:
        """The share of the way at which it is nearest to the place."""
        east_m, north_m = self.goal.easting_m - self.start.easting_m, self.goal.northing_m - self.start.northing_m
        length2 = east_m * east_m + north_m * north_m
        along = (place.easting_m - self.start.easting_m) * east_m + (place.northing_m - self.start.northing_m) * north_m
        return min(1.0, max(0.0, along / length2)) if length2 > 0.0 else 0.0
