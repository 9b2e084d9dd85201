"""The subject's picture of the last good look, sought again near where it should be.

For shapes that no detector finds, and between its finds. Grey, small, overwritten at the end like all that is known of how the
subject looks.
"""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from bowstreet.frames import Pixels
from bowstreet.tracking.model import Box

# The template's longer side in pixels: shape, not features.
SIDE_PX = 40
# So far round the expected place, in sides of the box.
REACH = 1.0
# Normalised correlation: below the first it is something else; the second-best place must be clearly worse.
LEAST_SCORE, MOST_SECOND = 0.75, 0.85
ZOOMS = (1.0, 0.93, 1.08)
# A patch as flat as this is a wall and matches every wall.
LEAST_CONTRAST = 8.0
FRAME_SHARE = 0.1
# A patch of fewer pixels fits everywhere: it is taken as large as this.
TOO_FEW_PX, LEAST_PX = 6, 12


@dataclass(frozen=True, kw_only=True, slots=True)
class Sought:
    """`clear` is False when another place fits nearly as well."""

    box: Box
    score: float
    clear: bool


class Template:
    """One small grey picture that can be overwritten."""

    def __init__(self) -> None:
        self._patch: Any = None
        self._scale = 1.0

    def take(self, pixels: Pixels, box: Box) -> bool:
        """Remember what is at `box`; False where there is nothing to hold on to."""
        height, width = pixels.shape[:2]
        margin = FRAME_SHARE * min(box.width, box.height)
        left, top = max(0, int(box.left + margin)), max(0, int(box.top + margin))
        right, low = min(width, int(box.left + box.width - margin)), min(height, int(box.top + box.height - margin))
        if right - left < TOO_FEW_PX or low - top < TOO_FEW_PX:
            # From high up a person is six pixels: too few to tell it by, so what is beside it is taken with it.
            (x, y), side = box.centre, LEAST_PX / 2
            left, right = max(0, min(left, int(x - side))), min(width, max(right, int(x + side)))
            top, low = max(0, min(top, int(y - side))), min(height, max(low, int(y + side)))
            if right - left < LEAST_PX - 1 or low - top < LEAST_PX - 1:
                return False  # at the picture's edge
        grey = cv2.cvtColor(np.ascontiguousarray(pixels[top:low, left:right]), cv2.COLOR_RGB2GRAY)
        scale = min(1.0, SIDE_PX / max(grey.shape))
        small = cv2.resize(grey, (0, 0), fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        if float(small.std()) < LEAST_CONTRAST or min(small.shape) < 4:
            return False
        self.wipe()
        self._patch, self._scale = small, scale
        return True

    def seek(self, pixels: Pixels, expected: Box, reach: float = REACH) -> Sought | None:
        """The best place within `reach` sides of where it is expected."""
        if self._patch is None:
            return None
        height, width = pixels.shape[:2]
        x, y = expected.centre
        side = max(expected.width, expected.height) * (0.5 + reach)
        left, top = max(0, int(x - side)), max(0, int(y - side))
        right, low = min(width, int(x + side)), min(height, int(y + side))
        if right - left < 8 or low - top < 8:
            return None
        grey = cv2.cvtColor(np.ascontiguousarray(pixels[top:low, left:right]), cv2.COLOR_RGB2GRAY)
        best: Sought | None = None
        for zoom in ZOOMS:
            scale = self._scale / zoom
            area = cv2.resize(grey, (0, 0), fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
            if area.shape[0] <= self._patch.shape[0] or area.shape[1] <= self._patch.shape[1]:
                continue
            scores = cv2.matchTemplate(area, self._patch, cv2.TM_CCOEFF_NORMED)
            _, score, _, at = cv2.minMaxLoc(scores)
            if best is not None and score <= best.score:
                continue
            patch_h, patch_w = self._patch.shape
            centre_x, centre_y = (at[0] + patch_w / 2) / scale + left, (at[1] + patch_h / 2) / scale + top
            wide, high = expected.width * zoom, expected.height * zoom
            away = max(patch_h, patch_w)  # beside the best it fits nearly as well: that is the same place
            cv2.rectangle(scores, (at[0] - away, at[1] - away), (at[0] + away, at[1] + away), -1.0, -1)
            second = float(scores.max())
            best = Sought(
                box=Box(left=centre_x - wide / 2, top=centre_y - high / 2, width=wide, height=high), score=float(score),
                clear=second < MOST_SECOND * score,
            )  # fmt: skip
        return best if best is not None and best.score >= LEAST_SCORE else None

    def wipe(self) -> None:
        if self._patch is not None:
            self._patch[:] = 0
        self._patch = None
