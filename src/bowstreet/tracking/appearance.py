"""How a shape looks, in 64 numbers: colours of its upper and lower half, and the lean of its outlines.

Enough to tell a red coat from a blue van after an occlusion, far too little for a face: the whole shape is first shrunk to 24 ×
48.

Held in memory for the length of a follow and then overwritten (`wipe`). Never written down, never compared with anything but the
candidates of the same follow.
"""

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from bowstreet.frames import Pixels
from bowstreet.tracking.model import Box

Numbers = npt.NDArray[np.float32]

WIDE_PX, HIGH_PX = 24, 48
HUES, GREYS, LEANS = 12, 4, 8
LENGTH = 2 * (HUES + GREYS) + 4 * LEANS
COLOUR_SHARE = 0.8
# The street at the box's sides is not the shape.
INNER = 0.15
SMALLEST_PX = 4
# How much each good look changes what is remembered.
ADAPTS = 0.1


class Appearance:
    """A changeable memory, so that it can be overwritten in place."""

    def __init__(self, numbers: Numbers) -> None:
        self.numbers = numbers.astype(np.float32).copy()

    def likeness(self, other: "Appearance") -> float:
        """0 to 1."""
        half = 2 * (HUES + GREYS)
        colours = float(self.numbers[:half] @ other.numbers[:half])
        leans = float(self.numbers[half:] @ other.numbers[half:])
        return max(0.0, min(1.0, COLOUR_SHARE * colours + (1 - COLOUR_SHARE) * leans))

    def adapt(self, other: "Appearance") -> None:
        self.numbers *= 1 - ADAPTS
        self.numbers += ADAPTS * other.numbers
        _normalise(self.numbers)

    def copy(self) -> "Appearance":
        return Appearance(self.numbers)

    def to_bytes(self) -> bytes:
        return np.round(self.numbers * 255).astype(np.uint8).tobytes()

    @classmethod
    def from_bytes(cls, data: bytes) -> "Appearance | None":
        """None for what is none."""
        if len(data) != LENGTH:
            return None
        numbers = np.frombuffer(data, np.uint8).astype(np.float32)
        _normalise(numbers)
        return cls(numbers)

    def wipe(self) -> None:
        self.numbers[:] = 0.0

    @property
    def wiped(self) -> bool:
        return not self.numbers.any()


def describe(pixels: Pixels, box: Box) -> Appearance | None:
    """None where the shape is too small or outside the picture."""
    height, width = pixels.shape[:2]
    inset = box.width * INNER
    left, right = max(0, int(box.left + inset)), min(width, int(box.left + box.width - inset + 0.5))
    top, low = max(0, int(box.top)), min(height, int(box.top + box.height + 0.5))
    if right - left < SMALLEST_PX or low - top < SMALLEST_PX:
        return None
    small = cv2.resize(pixels[top:low, left:right], (WIDE_PX, HIGH_PX), interpolation=cv2.INTER_AREA)
    hsv = cv2.cvtColor(small, cv2.COLOR_RGB2HSV)
    grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY).astype(np.float32)
    numbers = np.concatenate((_colours(hsv[: HIGH_PX // 2]), _colours(hsv[HIGH_PX // 2 :]), _leans(grey)))
    _normalise(numbers)
    return Appearance(numbers)


def _colours(hsv: Any) -> Numbers:
    """Hue where there is colour, brightness where there is none; each pixel shared between the two nearest bins."""
    hue, saturation = hsv[..., 0].ravel() / 180.0, hsv[..., 1].ravel() / 255.0
    value = hsv[..., 2].ravel() / 255.0
    coloured = saturation * value
    place = hue * HUES
    first = place.astype(np.int32) % HUES
    share = place - np.floor(place)
    found = np.bincount(first, coloured * (1 - share), HUES) + np.bincount((first + 1) % HUES, coloured * share, HUES)
    level = value * (GREYS - 1)
    lower = np.minimum(level.astype(np.int32), GREYS - 2)
    rest, plain = level - lower, 1.0 - coloured
    greys = np.bincount(lower, plain * (1 - rest), GREYS) + np.bincount(lower + 1, plain * rest, GREYS)
    return np.concatenate((found, greys)).astype(np.float32)


def _leans(grey: Numbers) -> Numbers:
    across, down = cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1)
    strength = np.hypot(across, down)
    lean = ((np.arctan2(down, across) % np.pi) / np.pi * LEANS).astype(np.int32) % LEANS
    tops, sides = (slice(0, HIGH_PX // 2), slice(HIGH_PX // 2, HIGH_PX)), (slice(0, WIDE_PX // 2), slice(WIDE_PX // 2, WIDE_PX))
    quarters = [
        np.bincount(lean[rows, columns].ravel(), strength[rows, columns].ravel(), LEANS) for rows in tops for columns in sides
    ]
    return np.concatenate(quarters).astype(np.float32)


def _normalise(numbers: Numbers) -> None:
    """In place: colours and outlines to unit length each."""
    half = 2 * (HUES + GREYS)
    for part in (numbers[:half], numbers[half:]):
        length = float(np.linalg.norm(part))
        if length > 0:
            part /= length
