"""Pictures in which nobody can be known who raised no alert (R8)."""

from collections.abc import Iterable, Sequence
from typing import Any

import cv2
import numpy as np

from bowstreet.frames import Pixels
from bowstreet.recognition.models.model import Face

# Round a face as it is found: hair and chin, and where it is by the time of the next picture.
MARGIN = 0.4
# What is left of a face: so few blocks across that no feature remains, then smoothed so that no eye takes blocks for one.
BLOCKS = 4
VIEW_WIDE_PX, PROBE_SIDE_PX = 640, 320
PROBE_MARGIN = 0.55
VIEW_QUALITY, PROBE_QUALITY = 70, 90


def view(pixels: Pixels, unknown: Iterable[Face]) -> bytes:
    """The whole picture for operators, smaller, a JPEG. `unknown` are the faces that raised no alert."""
    scale = min(1.0, VIEW_WIDE_PX / pixels.shape[1])
    small: Any = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    for face in unknown:
        hide(small, face.scaled(scale))
    return _jpeg(small, VIEW_QUALITY)


def probe(pixels: Pixels, face: Face, others: Sequence[Face]) -> bytes:
    """One face with its hair and chin, a JPEG; the others in the cut are hidden."""
    side = max(face.width, face.height) * (0.5 + PROBE_MARGIN)
    x, y = face.left + face.width / 2, face.top + face.height / 2
    height, width = pixels.shape[:2]
    left, top = max(0, int(x - side)), max(0, int(y - side))
    right, bottom = min(width, int(x + side) + 1), min(height, int(y + side) + 1)
    cut = pixels[top:bottom, left:right].copy()
    for other in others:
        if other is not face:
            hide(cut, _moved(other, -left, -top), keep=_moved(face, -left, -top))
    scale = PROBE_SIDE_PX / max(cut.shape[:2])
    # A small face is made larger here, so that every screen shows it alike.
    way = cv2.INTER_AREA if scale < 1.0 else cv2.INTER_CUBIC
    return _jpeg(cv2.resize(cut, None, fx=scale, fy=scale, interpolation=way), PROBE_QUALITY)


def hide(pixels: Any, face: Face, keep: Face | None = None) -> None:
    """Make a face unknowable, in place; what lies within `keep` stays."""
    height, width = pixels.shape[:2]
    left, top = max(0, int(face.left - MARGIN * face.width)), max(0, int(face.top - MARGIN * face.height))
    right = min(width, int(face.left + (1 + MARGIN) * face.width) + 1)
    bottom = min(height, int(face.top + (1 + MARGIN) * face.height) + 1)
    if left >= right or top >= bottom:
        return
    part = pixels[top:bottom, left:right]
    kept = part.copy() if keep is not None else None
    few = cv2.resize(part, (BLOCKS, BLOCKS), interpolation=cv2.INTER_AREA)
    part[:] = cv2.resize(few, (right - left, bottom - top), interpolation=cv2.INTER_CUBIC)
    if keep is not None and kept is not None:
        x0, y0 = max(left, int(keep.left)) - left, max(top, int(keep.top)) - top
        x1, y1 = min(right, int(keep.left + keep.width)) - left, min(bottom, int(keep.top + keep.height)) - top
        if x0 < x1 and y0 < y1:
            part[y0:y1, x0:x1] = kept[y0:y1, x0:x1]


def _moved(face: Face, right: float, down: float) -> Face:
    return Face(
        left=face.left + right, top=face.top + down, width=face.width, height=face.height,
        points=(face.points + np.array((right, down), np.float32)).astype(np.float32), score=face.score,
    )  # fmt: skip


def _jpeg(pixels: Any, quality: int) -> bytes:
    done, coded = cv2.imencode(".jpg", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])
    assert done, "OpenCV writes JPEG"
    return bytes(coded)
