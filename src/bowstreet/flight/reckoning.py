"""Short distances between WGS 84 positions, reckoned on a flat earth: fast enough for every packet of every vehicle.

Within 20 km the error is below 0.1% of the distance, far inside what an arrival or a charge is judged by. What is planned
ahead is computed on the National Grid (`geo`).
"""

import math

from bowstreet.geo import EARTH_RADIUS_M, Position

_M_PER_DEG = math.radians(EARTH_RADIUS_M)


def offset_m(start: Position, end: Position) -> tuple[float, float]:
    """Metres east and north from `start` to `end`."""
    mean_lat = math.radians((start.latitude_deg + end.latitude_deg) / 2)
    east = (end.longitude_deg - start.longitude_deg) * _M_PER_DEG * math.cos(mean_lat)
    return east, (end.latitude_deg - start.latitude_deg) * _M_PER_DEG


def distance_m(a: Position, b: Position) -> float:
    """Metres over the ground."""
    east, north = offset_m(a, b)
    return math.hypot(east, north)


def moved(start: Position, east_m: float, north_m: float) -> Position:
    """The position that many metres east and north of `start`."""
    scale = _M_PER_DEG * math.cos(math.radians(start.latitude_deg))
    return Position(
        latitude_deg=start.latitude_deg + north_m / _M_PER_DEG,
        longitude_deg=start.longitude_deg + east_m / scale,
    )


def between(start: Position, end: Position, step_m: float) -> list[Position]:
    """Places on the straight way, so far apart at most; the last one is its end."""
    east, north = offset_m(start, end)
    count = max(1, math.ceil(math.hypot(east, north) / step_m))
    return [moved(start, east * number / count, north * number / count) for number in range(1, count)] + [end]
