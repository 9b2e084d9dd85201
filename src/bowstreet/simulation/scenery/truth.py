"""What is really in a picture: who and what, where on the ground, in which pixels, and how much of it can be seen.

Hidden is what a straight line from the camera does not reach: reckoned from the shapes themselves, not from what was painted, so
that the painter and the truth can be held against each other. For tests and measurements alone; no part of a stream.
"""

import msgspec
import numpy as np

from bowstreet.frames import CameraPose
from bowstreet.simulation.scenery import bodies
from bowstreet.simulation.scenery.life import Moment, Person, Vehicle, parked
from bowstreet.simulation.scenery.paint import PLATES_M
from bowstreet.simulation.scenery.plates import plates_of
from bowstreet.simulation.scenery.solids import corners, facing, parts
from bowstreet.simulation.scenery.street import BoolArray, FloatArray, Street
from bowstreet.simulation.scenery.view import NEAR_M, View

# Beyond this nobody is listed.
REACH_M = 200.0
# A crown is not quite as dense as its ball.
CROWN = 0.92


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """One person or vehicle. `box` is x0, y0, x1, y1 in pixels, not cut at the picture's edge; `visible` is a share of it."""

    name: str
    kind: str
    easting_m: float
    northing_m: float
    box: tuple[float, float, float, float]
    visible: float


class Truth(msgspec.Struct, frozen=True, kw_only=True):
    """One picture's truth."""

    vehicle_id: str
    captured_us: int
    scene_s: float
    pose: CameraPose
    objects: tuple[Seen, ...]


def truth(street: Street, seen: View, about: Moment) -> tuple[Seen, ...]:
    """Everybody and every vehicle whose pixels touch the picture."""
    cells = street.cells(float(seen.at[0]), float(seen.at[1]), REACH_M)
    vehicles = [*about.moving, *(one for i, j in cells for one in parked(street, i, j))]
    places = np.array([(one.u, one.v, 1.2) for one in vehicles]).reshape(-1, 3)
    close = np.hypot(*(places - seen.at)[:, :2].T) < REACH_M
    vehicles = [vehicles[one] for one in np.flatnonzero(seen.touched(places, np.full(len(places), 7.0)) & close).tolist()]
    walls = np.concatenate([street.block(i, j).buildings.ends for i, j in cells])
    crowns = np.concatenate([street.block(i, j).trees.at for i, j in cells])
    hulls = np.array([parts(one)[part] for one in vehicles for part in (0, 1)], float).reshape(-1, 6)
    found: list[Seen] = []
    everybody: list[Person | Vehicle] = [*about.people, *vehicles]
    for number, one in enumerate(everybody):
        body = number - len(about.people)
        if isinstance(one, Person):
            box, points, others = bodies.box(seen, one), bodies.joints(one), hulls
        else:
            box, points = vehicle_box(seen, one), _skin(one, seen.at)
            others = np.delete(hulls, [2 * body, 2 * body + 1], axis=0)
        if box is None or box[2] < 0 or box[3] < 0 or box[0] > seen.width_px - 1 or box[1] > seen.height_px - 1:
            continue
        near = _between(others, seen.at, points)
        hidden = _cut(np.concatenate((_between(walls, seen.at, points), near)), seen.at, points) | _shaded(
            crowns, seen.at, points
        )
        east, north = street.to_grid(one.u, one.v)
        kind = "person" if isinstance(one, Person) else one.kind
        found.append(
            Seen(
                name=one.name, kind=kind, easting_m=float(east), northing_m=float(north), box=box, visible=float((~hidden).mean())
            )
        )
    return tuple(found)


class Plate(msgspec.Struct, frozen=True, kw_only=True):
    """A number plate that looks at the camera: its corners in pixels, and which share of it can be seen."""

    vehicle: str
    corners: tuple[tuple[float, float], ...]
    visible: float

    @property
    def width_px(self) -> float:
        (x0, y0), (x1, y1) = self.corners[:2]
        return float(np.hypot(x1 - x0, y1 - y0))

    @property
    def height_px(self) -> float:
        """Its lesser side, across the longer one: what its characters stand in, however it is turned."""
        x, y = np.array(self.corners).T
        area = 0.5 * abs(float(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1))))
        sides = [float(np.hypot(x[a] - x[b], y[a] - y[b])) for a, b in ((0, 1), (1, 2))]
        return area / max(*sides, 1e-6)


def plates_seen(street: Street, seen: View, about: Moment, reach_m: float = PLATES_M) -> tuple[Plate, ...]:
    """Every plate whose corners all lie in the picture."""
    cells = street.cells(float(seen.at[0]), float(seen.at[1]), REACH_M)
    vehicles = [*about.moving, *(one for i, j in cells for one in parked(street, i, j))]
    walls = np.concatenate([street.block(i, j).buildings.ends for i, j in cells])
    crowns = np.concatenate([street.block(i, j).trees.at for i, j in cells])
    hulls = np.array([parts(one)[part] for one in vehicles for part in (0, 1)], float).reshape(-1, 6)
    found = []
    for number, one in enumerate(vehicles):
        if np.hypot(one.u - seen.at[0], one.v - seen.at[1]) > reach_m:
            continue
        body = np.array(parts(one)[0])
        looks = facing(body[None], seen.at)[0]
        others = np.delete(hulls, [2 * number, 2 * number + 1], axis=0)
        for face, corners_m in plates_of(body):
            pixels, depth = seen.seen(corners_m)
            inside = (pixels >= 0).all() and (pixels <= (seen.width_px - 1, seen.height_px - 1)).all()
            if not looks[face] or depth.min() < NEAR_M or not inside:
                continue
            share = np.array([(a, b) for a in (0.0, 0.25, 0.5, 0.75, 1.0) for b in (0.0, 0.5, 1.0)])
            across, down = corners_m[1] - corners_m[0], corners_m[3] - corners_m[0]
            points = corners_m[0] + share[:, :1] * across + share[:, 1:] * down
            hidden = _cut(np.concatenate((_between(walls, seen.at, points), _between(others, seen.at, points))), seen.at, points)
            hidden |= _shaded(crowns, seen.at, points, dense=1.0)
            corners_px = tuple((float(x), float(y)) for x, y in pixels)
            found.append(Plate(vehicle=one.name, corners=corners_px, visible=float((~hidden).mean())))
    return tuple(found)


def vehicle_box(seen: View, one: Vehicle) -> tuple[float, float, float, float] | None:
    """The pixels that a vehicle spans; None when it is behind the camera."""
    pixels, depth = seen.seen(corners(np.array(parts(one), float)).reshape(-1, 3))
    if depth.min() < NEAR_M:
        return None
    low, high = pixels.min(0), pixels.max(0)
    return float(low[0]), float(low[1]), float(high[0]), float(high[1])


def _skin(one: Vehicle, at: FloatArray) -> FloatArray:
    """Points on those faces of a vehicle that look at the camera, a little outside."""
    share = np.array((0.12, 0.37, 0.63, 0.88))
    points = []
    for u0, v0, z0, u1, v1, z1 in parts(one):
        us, vs, zs = u0 + share * (u1 - u0), v0 + share * (v1 - v0), z0 + share * (z1 - z0)
        side_u, side_v = (u1 if at[0] > u1 else u0), (v1 if at[1] > v1 else v0)
        points += [(u, v, z1 + 0.01) for u in us for v in vs] + [(side_u, v, z) for v in vs for z in zs]
        points += [(u, side_v, z) for u in us for z in zs]
    return np.array(points, float)


def _between(boxes: FloatArray, at: FloatArray, points: FloatArray) -> FloatArray:
    """Boxes that touch the space between the camera and some points."""
    ends = np.concatenate((points, at[None]))
    low, high = ends.min(0), ends.max(0)
    return np.asarray(boxes[((boxes[:, :3] <= high) & (boxes[:, 3:] >= low)).all(1)])


def _cut(boxes: FloatArray, at: FloatArray, points: FloatArray) -> BoolArray:
    """Which lines of sight to points (n, 3) go through a box."""
    if not len(boxes):
        return np.zeros(len(points), bool)
    way = points - at
    way = np.where(np.abs(way) < 1e-9, 1e-9, way)[:, None, :]
    first, second = (boxes[None, :, :3] - at) / way, (boxes[None, :, 3:] - at) / way
    enters, leaves = np.minimum(first, second).max(2), np.maximum(first, second).min(2)
    return np.asarray(((enters < leaves) & (leaves > 0.0) & (enters < 0.9999)).any(1))


def _shaded(crowns: FloatArray, at: FloatArray, points: FloatArray, dense: float = CROWN) -> BoolArray:
    """Which lines of sight go through a crown, or near its rim where it is taken to be as dense as its ball."""
    ends = np.concatenate((points, at[None]))
    low, high = ends.min(0), ends.max(0)
    crowns = crowns[((crowns[:, :3] - crowns[:, 3:] <= high) & (crowns[:, :3] + crowns[:, 3:] >= low)).all(1)]
    way = points - at
    along = np.einsum("pi,ti->pt", way, crowns[:, :3] - at) / (way**2).sum(1)[:, None]
    closest = at + np.clip(along, 0.0, 1.0)[..., None] * way[:, None, :]
    return np.asarray((((closest - crowns[None, :, :3]) ** 2).sum(2) < (dense * crowns[None, :, 3]) ** 2).any(1))
