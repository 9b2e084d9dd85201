"""Docks spread evenly over an area: Lloyd's method on a grid of points. Pure and without chance.

It is what one does knowing nothing but the map. `planning` does better with demand; a demo and a benchmark need no more.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from bowstreet.errors import BadInput
from bowstreet.geo import FloatArray, GridPoint

# Points of the grid that stand for the area: a few hundred a dock are enough for a dock's place to settle within about 100 m.
POINTS_PER_DOCK = 150
# Lloyd's method settles within some tens of steps; it is stopped after this many whatever happens.
MAX_STEPS = 60
SETTLED_M = 5.0


def spread(area: Any, count: int, *, avoid: Any = None) -> list[GridPoint]:
    """`count` places inside `area` and outside `avoid` (shapely polygons, EPSG:27700), each near the centre of its own share.

    Raises:
        BadInput: when nothing of the area is left.
    """
    allowed = area if avoid is None else area.difference(avoid)
    if allowed.is_empty:
        raise BadInput("no ground is left for a dock in this area", remedy="take a smaller zone or another area")
    points = _grid(allowed, count * POINTS_PER_DOCK)
    centres = _first_centres(points, count)
    for _ in range(MAX_STEPS):
        moved = _means(points, _nearest(points, centres), centres)
        step = float(np.abs(moved - centres).max())
        centres = moved
        if step < SETTLED_M:
            break
    # A mean may fall outside a hollow area; the nearest point of the grid is inside.
    inside = points[_nearest(centres, points)]
    return [GridPoint(easting_m=float(east), northing_m=float(north)) for east, north in inside[np.lexsort(inside.T)]]


def _grid(area: Any, wanted: int) -> FloatArray:
    """About `wanted` points of a square grid inside the area, at least one."""
    pitch = max(1.0, (area.area / wanted) ** 0.5)
    west, south, east, north = area.bounds
    eastings, northings = np.arange(west + pitch / 2, east, pitch), np.arange(south + pitch / 2, north, pitch)
    points = np.stack(np.meshgrid(eastings, northings), axis=-1).reshape(-1, 2)
    inside: FloatArray = points[shapely.contains_xy(area, points[:, 0], points[:, 1])]
    if len(inside) == 0:
        inner = area.representative_point()
        return np.array([[inner.x, inner.y]])
    return inside


def _first_centres(points: FloatArray, count: int) -> FloatArray:
    """Farthest-point start: deterministic, and never two in one place while there is room."""
    middle = points.mean(axis=0)
    chosen = [int(np.argmin(((points - middle) ** 2).sum(axis=1)))]
    gap = ((points - points[chosen[0]]) ** 2).sum(axis=1)
    while len(chosen) < count:
        chosen.append(int(np.argmax(gap)))
        gap = np.minimum(gap, ((points - points[chosen[-1]]) ** 2).sum(axis=1))
    return points[chosen].astype(np.float64)


def _nearest(points: FloatArray, centres: FloatArray) -> npt.NDArray[np.int64]:
    squared = ((points[:, None, :] - centres[None, :, :]) ** 2).sum(axis=2)
    return np.asarray(squared.argmin(axis=1), dtype=np.int64)


def _means(points: FloatArray, owner: npt.NDArray[np.int64], centres: FloatArray) -> FloatArray:
    size = np.bincount(owner, minlength=len(centres)).astype(np.float64)
    sums = np.stack([np.bincount(owner, weights=points[:, axis], minlength=len(centres)) for axis in (0, 1)], axis=1)
    # A centre that owns no point (more docks than points) stays where it is.
    return np.where(size[:, None] > 0, sums / np.maximum(size, 1.0)[:, None], centres)
