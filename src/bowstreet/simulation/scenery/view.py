"""What a pinhole camera makes of places in the made-up city. Pixels: x right, y down, the first pixel's middle is (0, 0)."""

import math

import msgspec
import numpy as np

from bowstreet.frames import CameraPose
from bowstreet.geo import Position, grid_arrays
from bowstreet.simulation.scenery.street import BoolArray, FloatArray, Street

NEAR_M = 0.5


class View(msgspec.Struct, frozen=True, kw_only=True):
    """One camera at one moment. `at` is u, v, z; the rows of `turn` are the picture's right, down and the optical axis."""

    at: FloatArray
    turn: FloatArray
    focal_px: float
    width_px: int
    height_px: int

    @property
    def middle(self) -> tuple[float, float]:
        return (self.width_px - 1) / 2, (self.height_px - 1) / 2

    def inside(self, points: FloatArray) -> FloatArray:
        """Places (…, 3) in the camera's own axes: right, down, ahead; metres."""
        return np.asarray((points - self.at) @ self.turn.T)

    def seen(self, points: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Places (…, 3) to pixels (…, 2) and depths (…). Behind the camera pixels mean nothing: look at the depth."""
        inside = self.inside(points)
        depth = inside[..., 2]
        x, y = self.middle
        pixels = inside[..., :2] * (self.focal_px / np.where(np.abs(depth) < 1e-9, 1e-9, depth))[..., None] + (x, y)
        return pixels, depth

    def touched(self, middles: FloatArray, radii: FloatArray) -> BoolArray:
        """Which balls (n, 3), (n) may show in the picture."""
        right, down, ahead = self.inside(middles).T
        wide, tall = self.width_px / 2 / self.focal_px, self.height_px / 2 / self.focal_px
        aside, above = radii * math.hypot(1.0, wide), radii * math.hypot(1.0, tall)
        found = (ahead > NEAR_M - radii) & (np.abs(right) < wide * ahead + aside) & (np.abs(down) < tall * ahead + above)
        return np.asarray(found)

    def ground(self) -> FloatArray:
        """The 3 × 3 matrix from places (u, v, 1) on the street to pixels."""
        x, y = self.middle
        lens = np.array(((self.focal_px, 0.0, x), (0.0, self.focal_px, y), (0.0, 0.0, 1.0)))
        ground = np.stack((self.turn[:, 0], self.turn[:, 1], -self.turn @ self.at), axis=1)
        return np.asarray(lens @ ground)

    def looks_at(self, far_m: float) -> tuple[float, float]:
        """Where on the street the middle of the picture lies, no further than this."""
        axis = self.turn[2]
        down = -axis[2]
        flat = max(1e-6, math.hypot(axis[0], axis[1]))
        reach = min(far_m, self.at[2] * flat / down) if down > 1e-3 else far_m
        return float(self.at[0] + axis[0] / flat * reach), float(self.at[1] + axis[1] / flat * reach)


def convergence_deg(position: Position) -> float:
    """From grid north to true north, anticlockwise: what is added to a grid bearing to make it a true one."""
    step = 1e-3
    lat, lon = position.latitude_deg, position.longitude_deg
    east, north = grid_arrays(np.array((lat, lat + step)), np.array((lon, lon)))
    return -math.degrees(math.atan2(east[1] - east[0], north[1] - north[0]))


def view(street: Street, pose: CameraPose, width_px: int, height_px: int) -> View:
    """The camera that a pose describes, among these streets."""
    east, north = grid_arrays(np.array((pose.position.latitude_deg,)), np.array((pose.position.longitude_deg,)))
    u, v = street.to_street(east[0], north[0])
    bearing = math.radians(pose.heading_deg + pose.pan_deg - convergence_deg(pose.position))
    # From the u axis, anticlockwise.
    along = math.pi / 2 - bearing - street.turn_rad
    tilt, roll = math.radians(pose.tilt_deg), math.radians(pose.roll_deg)
    forward = np.array((math.cos(tilt) * math.cos(along), math.cos(tilt) * math.sin(along), math.sin(tilt)))
    right = np.array((math.sin(along), -math.cos(along), 0.0))
    down = np.cross(forward, right)
    turned_right = right * math.cos(roll) + down * math.sin(roll)
    return View(
        at=np.array((float(u), float(v), pose.altitude_m_amsl - street.ground_m_amsl)),
        turn=np.stack((turned_right, np.cross(forward, turned_right), forward)),
        focal_px=width_px / 2 / math.tan(math.radians(pose.horizontal_fov_deg) / 2),
        width_px=width_px,
        height_px=height_px,
    )
