"""Outlines from degrees to the National Grid, with the limits of what is believed. Pure."""

import re
from collections.abc import Sequence

import numpy as np
import shapely
from pyproj import Geod

from bowstreet.errors import MalformedZone
from bowstreet.geo import FloatArray, Position, grid_arrays, to_grid

NAUTICAL_MILE_M = 1_852.0
CIRCLE_SEGMENTS = 16
# The steps of an arc: the chord is then within a thousandth of the radius, 5 m at 2.5 nautical miles, of the buffer's 60 m.
ARC_STEP_DEG = 5.0
# More than any real zone has: coastlines have some thousands. Judging a ring holds the interpreter, and takes the square of this:
# 0.2 s here for the worst ring of this length, 4 s at five times as many.
MAX_POINTS = 10_000
MAX_RADIUS_M = 500_000.0
GEOD = Geod(ellps="WGS84")
# What the field writes in front of a name: EGR157, EG D123A, EGRU128A. They are stable from issue to issue, names are not.
DESIGNATOR = re.compile(r"^(EG)\s?([A-Z]{1,2}\d{1,4}[A-Z]{0,2})\b")
NOT_IN_ID = re.compile(r"[^A-Za-z0-9_.:,+() -]+")
MAX_ID = 100


def circle(longitude_deg: float, latitude_deg: float, radius_m: float) -> shapely.Geometry:
    """Raises `MalformedZone`."""
    if not 0.0 < radius_m < MAX_RADIUS_M:
        raise MalformedZone(f"a radius of {radius_m} m is none", remedy="give metres")
    centre = to_grid(Position(latitude_deg=latitude_deg, longitude_deg=longitude_deg))
    return shapely.Point(centre.easting_m, centre.northing_m).buffer(radius_m, quad_segs=CIRCLE_SEGMENTS)


def polygon(outer: Sequence[Sequence[float]], inner: Sequence[Sequence[Sequence[float]]] = ()) -> shapely.Geometry:
    """A polygon from rings of longitude and latitude, WGS 84 degrees; further numbers of a point are left out.

    Raises:
        MalformedZone: too few or too many points, outside Great Britain, or a ring that crosses itself.
    """
    rings = [_ring(ring) for ring in (outer, *inner)]
    grid = shapely.Polygon(rings[0], rings[1:])
    if not grid.is_valid or grid.is_empty:
        raise MalformedZone(f"the outline is no polygon ({shapely.is_valid_reason(grid)})", remedy="mend the outline")
    return grid


def _ring(points: Sequence[Sequence[float]]) -> FloatArray:
    if not 3 <= len(points) <= MAX_POINTS:
        raise MalformedZone(f"an outline of {len(points)} points is none", remedy=f"give between 3 and {MAX_POINTS:,} points")
    degrees = np.array([(float(point[0]), float(point[1])) for point in points])
    if not (np.abs(degrees) <= (180.0, 90.0)).all():
        raise MalformedZone("a point is nowhere on Earth", remedy="give longitude, latitude in WGS 84")
    grid = np.stack(grid_arrays(degrees[:, 1], degrees[:, 0]), axis=1)
    if not np.isfinite(grid).all():
        raise MalformedZone("a point lies outside Great Britain", remedy="give longitude, latitude in WGS 84")
    return grid


def arc(
    centre: tuple[float, float], radii_m: tuple[float, float], bearings_deg: tuple[float, float], clockwise: bool
) -> list[tuple[float, float]]:
    """Points (longitude, latitude) on an arc round a centre, from the first bearing (true) to the second, both included.

    Equal bearings are a full circle. The radius may change along the way, as where two given ends do not quite agree.
    """
    if not all(0.0 < radius < MAX_RADIUS_M for radius in radii_m):
        raise MalformedZone(f"a radius of {radii_m[0] / NAUTICAL_MILE_M:g} nautical miles is none", remedy="mend the arc")
    sweep = (bearings_deg[1] - bearings_deg[0]) % 360.0 or 360.0
    if not clockwise:
        sweep = sweep - 360.0 or -360.0
    count = max(2, int(abs(sweep) / ARC_STEP_DEG) + 2)
    along = np.linspace(0.0, 1.0, count)
    longitudes, latitudes, _ = GEOD.fwd(
        np.full(count, centre[0]), np.full(count, centre[1]),
        bearings_deg[0] + sweep * along, radii_m[0] + (radii_m[1] - radii_m[0]) * along,
    )  # fmt: skip
    return [(float(x), float(y)) for x, y in zip(longitudes, latitudes, strict=True)]


def identifier(name: str) -> str:
    """A zone's identifier from its name: the official designator where there is one, else the name in plain letters.

    Raises:
        MalformedZone: when nothing is left of the name.
    """
    if found := DESIGNATOR.match(name.upper()):
        return found[1] + found[2]
    plain = NOT_IN_ID.sub(" ", name).strip(" _.:,+()-")
    plain = " ".join(plain.split())[:MAX_ID].rstrip()
    if not plain:
        raise MalformedZone("the zone has no name", remedy="give each zone a name")
    return plain
