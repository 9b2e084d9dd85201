"""The camera as a pinhole: axes from its pose, a pixel as a line of sight, a place as a pixel. Pure.

Axes in space are east, north, up; of the picture right, down, forward. Lens distortion is not told and left out.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bowstreet.frames import CameraPose
from bowstreet.geo import Position
from bowstreet.tracking.plane import Plane

Vector = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True)
class View:
    """One picture's geometry: `axes` has the picture's right, down and forward as columns, east-north-up."""

    pose: CameraPose
    width_px: int
    height_px: int
    axes: Vector
    focal_px: float

    def sight(self, x: float, y: float) -> Vector:
        """The direction in space in which a pixel looks, unit length."""
        line = self.axes @ np.array([x - self.width_px / 2, y - self.height_px / 2, self.focal_px])
        return np.asarray(line / np.linalg.norm(line))

    def pixel(self, place: Position, altitude_m_amsl: float) -> tuple[float, float] | None:
        """Where a place stands in the picture, which may be outside its edges; None behind the camera."""
        east, north = Plane(self.pose.position).to_metres(place)
        right, down, forward = self.axes.T @ np.array([east, north, altitude_m_amsl - self.pose.altitude_m_amsl])
        if forward <= 0.1:  # nearer than a hand, or behind
            return None
        return (
            self.width_px / 2 + self.focal_px * float(right / forward),
            self.height_px / 2 + self.focal_px * float(down / forward),
        )

    def shows(self, x: float, y: float) -> bool:
        return 0 <= x < self.width_px and 0 <= y < self.height_px


def view(pose: CameraPose, width_px: int, height_px: int) -> View:
    azimuth, tilt = math.radians(pose.heading_deg + pose.pan_deg), math.radians(pose.tilt_deg)
    roll = math.radians(pose.roll_deg)
    forward = np.array([math.sin(azimuth) * math.cos(tilt), math.cos(azimuth) * math.cos(tilt), math.sin(tilt)])
    right = np.array([math.cos(azimuth), -math.sin(azimuth), 0.0])
    down = np.cross(forward, right)
    turned = (right * math.cos(roll) + down * math.sin(roll), down * math.cos(roll) - right * math.sin(roll))
    return View(
        pose=pose, width_px=width_px, height_px=height_px, axes=np.column_stack((*turned, forward)),
        focal_px=width_px / 2 / math.tan(math.radians(pose.horizontal_fov_deg) / 2),
    )  # fmt: skip
