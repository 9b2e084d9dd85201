"""What is burnt into the picture, as many cameras do: a clock, a compass, a maker's name. It is no part of the street.

Told by the camera's own motion: what stands still in the picture while the street behind it moves is written on the picture.
"""

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np

from bowstreet.tracking.model import Box
from bowstreet.tracking.motion import CameraMotion, Gray

# The picture is held against an earlier one when the street has moved so far, pixels of the small picture, within so many looks.
MOVED_PX, MOST_LOOKS = 4.0, 8
# Levels of grey: as before; another.
SAME_LEVELS, OTHER_LEVELS = 10, 30
# Of the times that a pixel told anything: how fast that is learnt and forgotten, and from which share on it is written.
LEARNS, FORGETS, WRITTEN_SHARE = 0.3, 0.03, 0.6
# Letters and digits this near to each other are one piece of writing, whatever stands between; smaller than this is none.
JOINED_PX, SPECK_PX, AROUND_PX = 15, 2, 2

Mask = Any


class Overlay:
    """Of one stream, learnt look by look."""

    def __init__(self) -> None:
        self._earlier: Gray | None = None
        self._moved = np.eye(3)  # from the earlier picture's pixels to those of the last
        self._looks = 0
        self._share: Any = None
        self._mask: Mask = None

    @property
    def mask(self) -> Mask | None:
        """255 where something is written, in pixels of the small picture; None while nothing is known to be."""
        return self._mask

    def look(self, small: Gray, motion: CameraMotion, scale: float, shapes: Sequence[Box] = ()) -> None:
        """One look. `scale` is the small picture's; `motion` and `shapes` are in pixels of the whole one.

        `shapes`: people and vehicles. Whom the camera keeps in one place stays in the picture too, and is not written on it.
        """
        if self._earlier is None or self._earlier.shape != small.shape or not motion.known:
            if self._share is None or self._share.shape != small.shape:
                self._share, self._mask = np.zeros(small.shape, np.float32), None
            self._begin(small)
            return
        self._moved, self._looks = motion.matrix(scale) @ self._moved, self._looks + 1
        high, wide = small.shape
        corners = np.array([[0.0, 0.0, 1.0], [wide, 0.0, 1.0], [0.0, high, 1.0], [wide, high, 1.0]]).T
        if float(np.median(np.linalg.norm(self._moved @ corners - corners, axis=0))) < MOVED_PX:
            if self._looks >= MOST_LOOKS:
                self._begin(small)
            return
        self._learn(self._earlier, small, [_grown(box, scale) for box in shapes])
        self._begin(small)
        self._mask = self._drawn()

    def _begin(self, small: Gray) -> None:
        self._earlier, self._moved, self._looks = small, np.eye(3), 0

    def _learn(self, earlier: Gray, small: Gray, shapes: list[tuple[int, int, int, int]]) -> None:
        high, wide = small.shape
        street = cv2.warpPerspective(earlier, self._moved, (wide, high), borderMode=cv2.BORDER_REPLICATE)
        still, moved = cv2.absdiff(small, earlier), cv2.absdiff(small, street)
        stays = (still < SAME_LEVELS) & (moved > OTHER_LEVELS)
        for left, top, right, low in shapes:
            stays[top:low, left:right] = False
        goes = (still > OTHER_LEVELS) | ((still >= SAME_LEVELS) & (moved > OTHER_LEVELS))
        self._share *= 1.0 - FORGETS
        self._share[stays] += LEARNS * (1.0 - self._share[stays])
        self._share[goes] *= 1.0 - LEARNS

    def _drawn(self) -> Mask | None:
        written = np.where(self._share > WRITTEN_SHARE, np.uint8(255), np.uint8(0))
        written = cv2.morphologyEx(written, cv2.MORPH_CLOSE, np.ones((JOINED_PX, JOINED_PX), np.uint8))
        written = cv2.morphologyEx(written, cv2.MORPH_OPEN, np.ones((SPECK_PX, SPECK_PX), np.uint8))
        return cv2.dilate(written, np.ones((2 * AROUND_PX + 1, 2 * AROUND_PX + 1), np.uint8)) if written.any() else None


def _grown(box: Box, scale: float) -> tuple[int, int, int, int]:
    """Left, top, right and low in the small picture, half as large again: a box of an earlier look is a little off."""
    aside, along = 0.25 * box.width, 0.25 * box.height
    left, top = (box.left - aside) * scale, (box.top - along) * scale
    right, low = (box.left + box.width + aside) * scale, (box.top + box.height + along) * scale
    return max(0, int(left) - 1), max(0, int(top) - 1), max(0, int(right) + 2), max(0, int(low) + 2)
