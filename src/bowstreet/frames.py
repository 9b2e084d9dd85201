"""Decoded pictures, as two kinds that never meet: what a drone sees and what a fixed camera sees.

`recognition` takes a `CameraFrame` and nothing else; `tracking` takes a `DroneFrame`. Neither converts into the other, so drone
video cannot type-check into recognition (DESIGN §6). Pixels are RGB, uint8, shape (height, width, 3).
"""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt

from bowstreet.geo import Position

Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True, slots=True)
class CameraPose:
    """Where a drone's camera was and where it looked, at one moment, and how well that is known.

    Attributes:
        heading_deg: of the airframe, clockwise from true north.
        pan_deg: of the gimbal from the nose, clockwise seen from above.
        tilt_deg: of the optical axis: 0 is the horizon, -90 straight down. In the earth frame (stabilised).
        roll_deg: of the picture about the optical axis; clockwise positive.
        horizontal_fov_deg: of the whole picture.
        position_sigma_m, altitude_sigma_m, heading_sigma_deg, tilt_sigma_deg: one standard deviation each.
    """

    position: Position
    altitude_m_amsl: float
    heading_deg: float
    tilt_deg: float
    pan_deg: float = 0.0
    roll_deg: float = 0.0
    horizontal_fov_deg: float
    position_sigma_m: float = 1.5
    altitude_sigma_m: float = 2.5
    heading_sigma_deg: float = 2.0
    tilt_sigma_deg: float = 0.5


@dataclass(frozen=True, kw_only=True, slots=True)
class DroneFrame:
    """A picture from a drone. `captured_at` is by the drone's own clock where it tells it, else when it was received."""

    source_id: str
    vehicle_id: str
    sequence: int
    captured_at: datetime
    pixels: Pixels
    pose: CameraPose | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class CameraFrame:
    """A picture from a fixed camera of a recognition deployment."""

    camera_id: str
    sequence: int
    captured_at: datetime
    pixels: Pixels
