"""Where a number plate may be in a picture: small bright patches with dark marks on them, at any angle. Pixels in, boxes out.

Nothing is read, and no picture of a plate is kept. It is content with little: a sign or a railing that is covered in vain is
uncovered by a reviewer, a plate that is missed is seen by everybody.
"""

from collections.abc import Iterator, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from bowstreet.frames import Pixels
from bowstreet.tracking.model import Box

# Marks are sought up to this wide, in pixels of each step of a pyramid whose steps halve the picture.
MARK_PX, STEPS = 9, 3
# How much darker than what is round it a mark is, of 255; and which share of a plate's surface marks are at least.
DARKER, LEAST_MARKED = 30, 0.2
# A plate's longer side in pixels of a step, and how much longer than its shorter side it may look: from aside it looks shorter.
LONG_PX, LEAST_LONGER, MOST_LONGER = (10.0, 72.0), 1.15, 12.0
# Lower than this in the picture its characters are three pixels high: nobody reads them.
LEAST_SHORT_PX = 3.5
# From this length on the marks of a plate stand apart, and what is dark all over is a window or a shadow.
APART_PX, MOST_MARKED = 30.0, 0.97
# In the steps after the first nothing shorter than this is looked for: the step before has it.
LATER_LONG_PX = 18.0
# Of its surface, its own shape fills so much; plates are rectangles.
LEAST_FILLED = 0.35
# Between marks plates are bright against what is next to them, at least this bright by the brightest colour of a pixel.
LEAST_BRIGHT = 55
# A street has no more; a picture of gravel or leaves has.
MOST_PLATES = 60

Grey = NDArray[np.uint8]


def possible_plates(pixels: Pixels) -> Sequence[Box]:
    """Boxes in pixels of the picture, the likeliest first."""
    bright = np.ascontiguousarray(pixels.max(axis=2))
    found: list[tuple[float, Box]] = []
    for step in range(STEPS):
        if min(bright.shape) < 4 * MARK_PX:
            break
        scale = float(2**step)
        for score, (left, top, width, height) in _of(bright, step):
            found.append((score, Box(left=left * scale, top=top * scale, width=width * scale, height=height * scale)))
        bright = cv2.pyrDown(bright)
    return [box for _, box in sorted(found, key=lambda one: -one[0])[:MOST_PLATES]]


def _of(bright: Grey, step: int) -> Iterator[tuple[float, tuple[int, int, int, int]]]:
    """Of one step: how well it fits, and left, top, width, height."""
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (MARK_PX, MARK_PX))
    marks = (cv2.morphologyEx(bright, cv2.MORPH_BLACKHAT, disc) > DARKER).astype(np.uint8)
    joined = cv2.morphologyEx(marks, cv2.MORPH_CLOSE, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5)))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(joined, connectivity=8)
    for number in range(1, count):
        left, top, width, height, area = (int(one) for one in stats[number])
        if max(width, height) < 0.7 * LONG_PX[0] or max(width, height) > LONG_PX[1] or area < 12:
            continue
        within = labels[top : top + height, left : left + width] == number
        points = cv2.findNonZero(within.astype(np.uint8))
        (_, _), sides, _ = cv2.minAreaRect(points)
        long, short = max(sides) + 1.0, min(sides) + 1.0
        marked = float(marks[top : top + height, left : left + width][within].mean())
        filled = area / (long * short)
        if short * 2**step < LEAST_SHORT_PX or (step and long < LATER_LONG_PX) or (long >= APART_PX and marked > MOST_MARKED):
            continue
        if not (LONG_PX[0] <= long <= LONG_PX[1] and LEAST_LONGER <= long / short <= MOST_LONGER):
            continue
        if filled < LEAST_FILLED or marked < LEAST_MARKED:
            continue
        patch = bright[top : top + height, left : left + width][within]
        light, dark = np.percentile(patch, (90, 10))
        if light < LEAST_BRIGHT or light - dark < DARKER:
            continue
        yield float(light - dark) * filled, (left, top, width, height)
