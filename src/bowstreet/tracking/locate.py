"""A pixel as a place on the ground, with the ellipse that truly holds it in 95 of 100 cases. Pure.

The line of sight is cut with the ground; what is not exactly known (pixel, position, altitude, heading, tilt, height of the
ground) is carried through to first order. Where that no longer holds, near the horizon, the answer is "not located".
"""

import math
from collections.abc import Callable

import numpy as np

from bowstreet.frames import CameraPose
from bowstreet.tracking.camera import Vector, View
from bowstreet.tracking.model import Ellipse, Located, NotLocated, Spread, Why, degrees
from bowstreet.tracking.plane import Plane
from bowstreet.tracking.ports import Terrain

# chi-square of two degrees of freedom at 95% has the root 2.448; a little more holds what the linear propagation leaves out where
# lines of sight come in flat (benchmarks/tracking.py measures the coverage).
ELLIPSE_SIGMAS = 2.6
# Flatter than this, half a degree of tilt moves the place by a twentieth of the distance and more, and no longer evenly to both
# sides: no ellipse would be honest.
FLATTEST_DEG = 10.0
# The same said of the result: a spread along the line of sight of more than this share of the distance is no place.
MOST_SPREAD_OF_RANGE = 0.12
FARTHEST_M = 5_000.0
# A gimbal's horizon is levelled by its own accelerometers; makers state 0.1 to 0.5 degrees. The metadata do not tell.
ROLL_SIGMA_DEG = 0.3
# The lens's field of view as told, against calibration: makers' figures differ by this share.
VIEW_SIGMA_SHARE = 0.005
# A step of some metres halved so often is exact to centimetres.
HALVINGS = 12
# Over this many metres the slope of the ground is taken.
SLOPE_SPAN_M = 5.0


def locate(view: View, x: float, y: float, sigma_px: float, terrain: Terrain) -> Located | NotLocated:
    """The place that stands at a pixel. `sigma_px`: how well the pixel is known, each way."""
    sight = view.sight(x, y)
    refused = _refused(sight)
    if refused is not None:
        return NotLocated(why=refused)
    plane = Plane(view.pose.position)
    met = _meet(view.pose, sight, plane, terrain)
    if isinstance(met, Why):
        return NotLocated(why=met)
    along_m, ground_m = met
    east, north = float(along_m * sight[0]), float(along_m * sight[1])
    own, common = _spreads(view, sight, along_m, sigma_px, terrain, _slope(plane, east, north, ground_m, terrain))
    drawn = ellipse(own + common)
    if drawn.semi_major_m / ELLIPSE_SIGMAS > MOST_SPREAD_OF_RANGE * along_m + view.pose.position_sigma_m:
        return NotLocated(why=Why.GRAZING)
    return Located(
        position=plane.to_position(east, north), altitude_m_amsl=ground_m, own=own, common=common, ellipse=drawn, range_m=along_m
    )


def range_m(view: View, x: float, y: float, terrain: Terrain) -> float | None:
    """How far the ground at a pixel is, along the line of sight; None where `locate` would not tell a place either."""
    sight = view.sight(x, y)
    met = None if _refused(sight) is not None else _meet(view.pose, sight, Plane(view.pose.position), terrain)
    return met[0] if isinstance(met, tuple) else None


def _refused(sight: Vector) -> Why | None:
    depression = -math.degrees(math.asin(max(-1.0, min(1.0, float(sight[2])))))
    if depression <= 0.0:
        return Why.ABOVE_HORIZON
    return Why.GRAZING if depression < FLATTEST_DEG else None


def _meet(pose: CameraPose, sight: Vector, plane: Plane, terrain: Terrain) -> tuple[float, float] | Why:
    """How far along the line of sight the ground is, and how high. The first crossing: what lies behind a hill is not seen."""
    fall, level = -float(sight[2]), math.hypot(float(sight[0]), float(sight[1]))

    def ground(along: float) -> float | None:
        return terrain.height_m_amsl(plane.to_position(along * float(sight[0]), along * float(sight[1])))

    below = terrain.height_m_amsl(pose.position)
    if below is None:
        return Why.NO_TERRAIN
    if pose.altitude_m_amsl <= below:
        return Why.BELOW_GROUND
    if math.isinf(terrain.step_m):
        along = (pose.altitude_m_amsl - below) / fall
        return (along, below) if along <= FARTHEST_M else Why.TOO_FAR
    above, along, step = 0.0, 0.0, terrain.step_m / max(level, 0.1)
    while along <= FARTHEST_M:
        along = above + step
        height = ground(along)
        if height is None:
            return Why.NO_TERRAIN
        if pose.altitude_m_amsl - along * fall <= height:
            return _between(pose, fall, above, along, ground)
        above = along
    return Why.TOO_FAR


def _between(
    pose: CameraPose, fall: float, above: float, under: float, ground: Callable[[float], float | None]
) -> tuple[float, float] | Why:
    """The crossing between a point above the ground and one under it, by halving."""
    for _ in range(HALVINGS):
        middle = (above + under) / 2
        height = ground(middle)
        if height is None:
            return Why.NO_TERRAIN
        above, under = (middle, under) if pose.altitude_m_amsl - middle * fall > height else (above, middle)
    return under, pose.altitude_m_amsl - under * fall


def _slope(plane: Plane, east: float, north: float, ground_m: float, terrain: Terrain) -> tuple[float, float]:
    """Rise to the east and to the north, metres a metre."""
    span = SLOPE_SPAN_M
    toward_east = terrain.height_m_amsl(plane.to_position(east + span, north))
    toward_north = terrain.height_m_amsl(plane.to_position(east, north + span))
    return (
        0.0 if toward_east is None else (toward_east - ground_m) / span,
        0.0 if toward_north is None else (toward_north - ground_m) / span,
    )


def _spreads(
    view: View, sight: Vector, range_m: float, sigma_px: float, terrain: Terrain, slope: tuple[float, float]
) -> tuple[Spread, Spread]:
    """Each uncertain thing moves the place by a vector; their squares add up."""
    normal = np.array([-slope[0], -slope[1], 1.0])
    meets = float(normal @ sight)
    if meets > -1e-3:  # the slope falls away as fast as the line of sight
        meets = -1e-3
    # A small move of the camera or of the line of sight, slid along the line of sight back onto the ground.
    onto_ground = np.eye(3) - np.outer(sight, normal) / meets
    pose, axes = view.pose, view.axes
    up, right, forward = np.array([0.0, 0.0, 1.0]), axes[:, 0], axes[:, 2]
    level = np.array([forward[1], -forward[0], 0.0])
    tilt_axis = level / np.linalg.norm(level) if np.linalg.norm(level) > 1e-6 else right
    # A pixel subtends less and less towards the edge of the picture; the middle's angle is the larger.
    pixel = sigma_px / view.focal_px
    off = sight - forward * float(sight @ forward)
    own = [onto_ground @ axes[:, 0] * pixel * range_m, onto_ground @ axes[:, 1] * pixel * range_m]
    turns = (
        (up, pose.heading_sigma_deg), (tilt_axis, pose.tilt_sigma_deg), (forward, ROLL_SIGMA_DEG),
    )  # fmt: skip
    common = [onto_ground @ np.cross(axis, sight) * math.radians(sigma) * range_m for axis, sigma in turns]
    common += [onto_ground @ off * VIEW_SIGMA_SHARE * range_m]
    common += [onto_ground @ axis * pose.position_sigma_m for axis in (np.array([1.0, 0.0, 0.0]), np.array([0.0, 1.0, 0.0]))]
    height = math.hypot(pose.altitude_sigma_m, terrain.sigma_m)
    common += [onto_ground @ up * height]
    return _summed(own), _summed(common)


def _summed(moves: list[Vector]) -> Spread:
    return Spread(
        east=float(sum(move[0] ** 2 for move in moves)),
        north=float(sum(move[1] ** 2 for move in moves)),
        both=float(sum(move[0] * move[1] for move in moves)),
    )


def ellipse(spread: Spread) -> Ellipse:
    """The 95% ellipse of a covariance."""
    middle, half = (spread.east + spread.north) / 2, (spread.east - spread.north) / 2
    root = math.hypot(half, spread.both)
    major, minor = middle + root, max(0.0, middle - root)
    # The angle of the longer axis from east is half of atan2(2·both, east − north); a bearing goes from north, clockwise.
    from_east = math.atan2(spread.both, half) / 2
    return Ellipse(
        semi_major_m=ELLIPSE_SIGMAS * math.sqrt(major), semi_minor_m=ELLIPSE_SIGMAS * math.sqrt(minor),
        bearing_deg=degrees(math.pi / 2 - from_east) % 180.0,
    )  # fmt: skip


def holds(ellipse: Ellipse, east_m: float, north_m: float) -> bool:
    """Whether a place so far from the centre is inside."""
    bearing = math.radians(ellipse.bearing_deg)
    along = east_m * math.sin(bearing) + north_m * math.cos(bearing)
    across = east_m * math.cos(bearing) - north_m * math.sin(bearing)
    if ellipse.semi_major_m <= 0 or ellipse.semi_minor_m <= 0:
        return False
    return bool((along / ellipse.semi_major_m) ** 2 + (across / ellipse.semi_minor_m) ** 2 <= 1.0)


def mahalanobis2(spread: Spread, east_m: float, north_m: float) -> float:
    """The squared distance in standard deviations."""
    determinant = spread.east * spread.north - spread.both**2
    if determinant <= 0:
        return math.inf
    return (spread.north * east_m**2 - 2 * spread.both * east_m * north_m + spread.east * north_m**2) / determinant
