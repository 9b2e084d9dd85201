"""How the camera's own motion moved the picture since the last look: optical flow of corners, their common motion by RANSAC.

Corners on the tracked shapes are left out, so that a bus that fills a third of the picture is not taken for the street.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from bowstreet.frames import Pixels
from bowstreet.tracking.camera import View
from bowstreet.tracking.model import Box

Gray = npt.NDArray[np.uint8]

# Wide enough for corners of a street from 100 m, small enough for 2 ms.
WORKING_WIDTH_PX = 320
MOST_CORNERS, CORNER_QUALITY, CORNER_APART_PX = 120, 0.01, 8
FLOW_WINDOW, FLOW_LEVELS = (15, 15), 3
RANSAC_PX, FEWEST_AGREEING, LEAST_SHARE = 1.5, 12, 0.4


@dataclass(frozen=True, kw_only=True, slots=True)
class CameraMotion:
    """From the last picture's pixels to this one's: x' = a·x − b·y + right, y' = b·x + a·y + down (turn, zoom and shift).

    `known` is False where too few corners agreed (a blank wall, a cut, night): then nothing is compensated.
    """

    a: float = 1.0
    b: float = 0.0
    right_px: float = 0.0
    down_px: float = 0.0
    known: bool = False

    def moved(self, x: float, y: float) -> tuple[float, float]:
        return self.a * x - self.b * y + self.right_px, self.b * x + self.a * y + self.down_px

    def moved_box(self, box: Box) -> Box:
        x, y = self.moved(*box.centre)
        zoom = float(np.hypot(self.a, self.b))
        wide, high = box.width * zoom, box.height * zoom
        return Box(left=x - wide / 2, top=y - high / 2, width=wide, height=high)

    def matrix(self, scale: float) -> npt.NDArray[np.float64]:
        """The same as a 3 × 3 matrix, for pictures shrunk by `scale`."""
        return np.array([[self.a, -self.b, self.right_px * scale], [self.b, self.a, self.down_px * scale], [0.0, 0.0, 1.0]])

    def coefficients(self) -> list[float]:
        return [self.a, -self.b, self.right_px, self.b, self.a, self.down_px]


def motion_by_pose(before: View, now: View) -> CameraMotion:
    """By what the gimbal says, where the picture does not tell (a fast turn, a blank street): by turns alone."""
    if (before.width_px, before.height_px) != (now.width_px, now.height_px):
        return CameraMotion()
    wide, high = now.width_px, now.height_px
    spots = [(0.5 * wide, 0.5 * high), (0.6 * wide, 0.5 * high)]
    moved = []
    for spot in spots:
        right, down, forward = (float(part) for part in now.axes.T @ before.sight(*spot))
        if forward <= 0.1:
            return CameraMotion()
        moved.append((wide / 2 + now.focal_px * right / forward, high / 2 + now.focal_px * down / forward))
    span = spots[1][0] - spots[0][0]
    a, b = (moved[1][0] - moved[0][0]) / span, (moved[1][1] - moved[0][1]) / span
    x, y = spots[0]
    return CameraMotion(a=a, b=b, right_px=moved[0][0] - a * x + b * y, down_px=moved[0][1] - b * x - a * y, known=True)


class MotionEstimator:
    """Keeps the last picture's corners."""

    def __init__(self) -> None:
        self._last: Gray | None = None

    def update(self, gray: Gray, scale: float, shapes: Sequence[Box], written: Gray | None = None) -> CameraMotion:
        """`gray` is the picture shrunk by `scale`; `shapes` are where things that move stood in the last one, full pixels.

        `written`: 255 where something is burnt into the picture, which stays as the camera turns.
        """
        last, self._last = self._last, gray
        if last is None or last.shape != gray.shape:
            return CameraMotion()
        mask = np.full(last.shape, 255, np.uint8)
        if written is not None and written.shape == last.shape:
            mask[written > 0] = 0
        for box in shapes:
            left, top = max(0, int(box.left * scale) - 2), max(0, int(box.top * scale) - 2)
            mask[top : int((box.top + box.height) * scale) + 3, left : int((box.left + box.width) * scale) + 3] = 0
        corners = cv2.goodFeaturesToTrack(last, MOST_CORNERS, CORNER_QUALITY, CORNER_APART_PX, mask=mask)
        if corners is None or len(corners) < FEWEST_AGREEING:
            return CameraMotion()
        nowhere: Any = None
        found, status, _ = cv2.calcOpticalFlowPyrLK(last, gray, corners, nowhere, winSize=FLOW_WINDOW, maxLevel=FLOW_LEVELS)
        good = status.ravel() == 1
        if int(good.sum()) < FEWEST_AGREEING:
            return CameraMotion()
        matrix, agree = cv2.estimateAffinePartial2D(
            corners[good], found[good], method=cv2.RANSAC, ransacReprojThreshold=RANSAC_PX, maxIters=300
        )
        if matrix is None or int(agree.sum()) < max(FEWEST_AGREEING, LEAST_SHARE * int(good.sum())):
            return CameraMotion()
        return CameraMotion(
            a=float(matrix[0, 0]), b=float(matrix[1, 0]), right_px=float(matrix[0, 2]) / scale,
            down_px=float(matrix[1, 2]) / scale, known=True,
        )  # fmt: skip


def shrunk(pixels: Pixels) -> tuple[Gray, float]:
    """The picture in grey at working size, and the scale."""
    scale = min(1.0, WORKING_WIDTH_PX / pixels.shape[1])
    # Shrunk before it is turned grey: a ninth of the pixels.
    small = cv2.resize(pixels, (0, 0), fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1.0 else pixels
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), dtype=np.uint8), scale
