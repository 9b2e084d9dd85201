"""What can be measured of a face: size, sharpness, light, pose. After ISO/IEC 29794-5, by means that anyone can follow.

These are not the standard's own algorithms: its reference implementation is a program of its own (`recognition.ofiq`).
"""

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from bowstreet.frames import Pixels
from bowstreet.recognition.models.align import SIDE_PX
from bowstreet.recognition.models.model import Face, Points, Quality

# A head's five points, millimetres: right as the viewer sees it, down, towards the viewer. Eyes, nose and mouth stand where
# `align.WANTED` has them with eyes 63 mm apart, but for the nose: YuNet's lies 5 mm lower. Depths are of an average adult.
HEAD_MM = np.array(
    [[-31.5, -36.0, 0.0], [31.5, -36.0, 0.0], [0.0, 5.0, 27.0], [-26.0, 37.0, 4.0], [26.0, 37.0, 4.0]], dtype=np.float64
)
_HEAD = HEAD_MM - HEAD_MM.mean(axis=0)
_FIT = np.linalg.pinv(_HEAD)
# Below and above, a pixel tells no more of the face.
DARK, BRIGHT = 20, 245
# ISO/IEC 29794-5 and ICAO want 90 pixels between the eyes for a document; matching is hardly helped by more than 60.
ENOUGH_EYES_PX = 60.0
# The share of fine detail at which a sharp portrait lies.
SHARP_DETAIL = 0.2


def pose_deg(points: Points) -> tuple[float, float, float]:
    """Yaw, pitch and roll: the turn of an average head, seen from afar, that fits the five points best."""
    given = points.astype(np.float64)
    seen = (_FIT @ (given - given.mean(axis=0))).T
    if np.linalg.norm(seen) < 1e-9:
        return 0.0, 0.0, 0.0
    left, _, right = np.linalg.svd(seen, full_matrices=False)
    across, down = left @ right  # the two rows of a rotation that are nearest
    towards = np.cross(across, down)
    yaw = np.arctan2(-towards[0], towards[2])
    pitch = np.arcsin(np.clip(towards[1], -1.0, 1.0))
    roll = np.arctan2(-across[1], down[1])
    return float(np.degrees(yaw)), float(np.degrees(pitch)), float(np.degrees(roll))


def _oval() -> npt.NDArray[np.bool_]:
    """Of the aligned picture, what is face and not hair or background."""
    y, x = np.mgrid[0:SIDE_PX, 0:SIDE_PX]
    return np.asarray(((x - 56.0) / 40.0) ** 2 + ((y - 66.0) / 50.0) ** 2 <= 1.0)


_FACE = _oval()
_RIGHT_HALF = _FACE & (np.arange(SIDE_PX)[None, :] < SIDE_PX // 2)
_LEFT_HALF = _FACE & ~_RIGHT_HALF


def measure(aligned: Pixels, face: Face) -> Quality:
    """Of an aligned face (`align.aligned`), RGB."""
    grey: Any = cv2.cvtColor(aligned, cv2.COLOR_RGB2GRAY)
    inside = grey[_FACE]
    detail = float(np.abs(cv2.absdiff(grey, cv2.GaussianBlur(grey, (0, 0), 2.0))[_FACE]).mean())
    contrast = float(inside.std())
    right, left = float(grey[_RIGHT_HALF].mean()), float(grey[_LEFT_HALF].mean())
    yaw, pitch, roll = pose_deg(face.points)
    sharpness = min(1.0, detail / (contrast * SHARP_DETAIL)) if contrast > 1.0 else 0.0
    uniformity = 1.0 - abs(right - left) / max(right + left, 1.0)
    under, over = float((inside <= DARK).mean()), float((inside >= BRIGHT).mean())
    unified = 100.0 * _product(
        min(1.0, face.eyes_px / ENOUGH_EYES_PX),
        sharpness**0.5,
        uniformity,
        1.0 - min(1.0, under + over),
        max(0.0, float(np.cos(np.radians(yaw)))) * max(0.0, float(np.cos(np.radians(pitch)))),
        face.score,
    )
    return Quality(
        eyes_px=face.eyes_px, sharpness=sharpness, illumination_uniformity=uniformity,
        mean_luminance=float(inside.mean()) / 255.0,
        under_exposed=under, over_exposed=over, contrast=contrast / 255.0, yaw_deg=yaw, pitch_deg=pitch, roll_deg=roll,
        score=face.score, unified=unified,
    )  # fmt: skip


def _product(*parts: float) -> float:
    return float(np.prod([min(1.0, max(0.0, part)) for part in parts]))
