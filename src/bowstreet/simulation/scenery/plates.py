"""Number plates of the vehicles: where they are, how they are drawn. Bars stand for characters: there is nothing to be read.

As in the United Kingdom: 520 by 111 mm, seven characters 50 mm wide, white at one end of a vehicle and yellow at the other.
"""

import cv2
import numpy as np

from bowstreet.frames import Pixels
from bowstreet.simulation.scenery.street import FloatArray

PLATE_M, MIDDLE_M = (0.52, 0.111), 0.5
CHARACTERS, CHARACTER_M, CHARACTER_HIGH_M, GAP_M = 7, 0.05, 0.079, 0.011
WHITE, YELLOW, INK = (226.0, 228.0, 224.0), (226.0, 186.0, 52.0), (26.0, 26.0, 28.0)
# In front of the body by this, for lines of sight.
PROUD_M = 0.01
# Smaller than this, in pixels of its width, a plate is a patch of its colour.
BARS_FROM_PX = 12.0
# The ends of a body, as `solids.FACES` counts them, by its longer side.
ALONG_U, ALONG_V = (1, 2), (3, 4)


def plates_of(ends: FloatArray) -> list[tuple[int, FloatArray]]:
    """Of a vehicle's body (u0, v0, z0, u1, v1, z1): on which face, and the corners (4, 3) of each of its two plates."""
    u0, v0, _, u1, v1, _ = (float(one) for one in ends)
    along_u = u1 - u0 > v1 - v0
    half, high = PLATE_M[0] / 2, PLATE_M[1] / 2
    across = ((-half, high), (half, high), (half, -high), (-half, -high))
    found = []
    for face, level in zip(ALONG_U if along_u else ALONG_V, (u0, u1) if along_u else (v0, v1), strict=True):
        out = level + (PROUD_M if face in (2, 4) else -PROUD_M)
        middle = (v0 + v1) / 2 if along_u else (u0 + u1) / 2
        corners = [(out, middle + a, MIDDLE_M + z) if along_u else (middle + a, out, MIDDLE_M + z) for a, z in across]
        found.append((face, np.array(corners)))
    return found


def draw(picture: Pixels, corners: FloatArray, face: int, shade: float, shift: int) -> None:
    """A plate at the pixels (4, 2) of its corners; `shade` is how bright its face is."""
    colour = [shade * one for one in (WHITE if face in (2, 4) else YELLOW)]
    _fill(picture, corners, colour, shift)
    if float(np.hypot(*(corners[1] - corners[0]))) < BARS_FROM_PX:
        return
    pitch = (CHARACTER_M + GAP_M) / PLATE_M[0]
    first, low = 0.5 - (CHARACTERS * pitch - GAP_M / PLATE_M[0]) / 2, 0.5 - CHARACTER_HIGH_M / PLATE_M[1] / 2
    for number in range(CHARACTERS):
        left = first + number * pitch
        right = left + CHARACTER_M / PLATE_M[0]
        bar = np.array([_at(corners, a, b) for a, b in ((left, low), (right, low), (right, 1 - low), (left, 1 - low))])
        _fill(picture, bar, [shade * one for one in INK], shift)
        if number % 3 == 0:  # some of them hollow, as characters are
            hole = np.array([bar.mean(0) + 0.45 * (one - bar.mean(0)) for one in bar])
            _fill(picture, hole, colour, shift)


def _at(corners: FloatArray, across: float, down: float) -> FloatArray:
    top, bottom = corners[0] + across * (corners[1] - corners[0]), corners[3] + across * (corners[2] - corners[3])
    return np.asarray(top + down * (bottom - top))


def _fill(picture: Pixels, corners: FloatArray, colour: list[float], shift: int) -> None:
    fixed = np.round(corners * (1 << shift)).astype(np.int32)
    cv2.fillConvexPoly(picture, fixed, colour, cv2.LINE_AA, shift)
