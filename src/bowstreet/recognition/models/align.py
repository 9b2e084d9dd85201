"""A face turned, scaled and cut so that its five points lie where the model was taught them."""

import cv2
import numpy as np

from bowstreet.frames import Pixels
from bowstreet.recognition.models.model import Points

SIDE_PX = 112
# Where ArcFace and its kin, SFace among them, want eyes, nose and mouth in 112 × 112 pixels.
WANTED = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]], dtype=np.float64
)
# More than this many times smaller, and a bilinear look-up would skip pixels: the picture is made smaller first.
MOST_SHRINK = 2.0


def similarity(points: Points) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """The rotation, scale and shift, shape (2, 3), that bring the points nearest to where they are wanted, by least squares.

    S. Umeyama, Least-squares estimation of transformation parameters between two point patterns, PAMI 13 (1991).
    """
    given = points.astype(np.float64)
    from_mean, to_mean = given.mean(axis=0), WANTED.mean(axis=0)
    source, target = given - from_mean, WANTED - to_mean
    left, stretch, right = np.linalg.svd(target.T @ source / len(given))
    sign = np.array([1.0, 1.0 if np.linalg.det(left) * np.linalg.det(right) > 0 else -1.0])
    turn = left @ np.diag(sign) @ right
    spread = source.var(axis=0).sum()
    scale = float((stretch * sign).sum() / spread) if spread > 1e-12 else 1.0
    return np.hstack([scale * turn, (to_mean - scale * turn @ from_mean)[:, None]])


def aligned(pixels: Pixels, points: Points) -> Pixels:
    """112 × 112, RGB; black where the picture ends."""
    matrix = similarity(points)
    shrink = 1.0 / max(float(np.hypot(matrix[0, 0], matrix[1, 0])), 1e-6)
    if shrink <= MOST_SHRINK:
        return cv2.warpAffine(pixels, matrix, (SIDE_PX, SIDE_PX), flags=cv2.INTER_LINEAR)  # type: ignore[return-value]
    low = np.maximum(np.floor(points.min(axis=0) - 3 * _reach(points)), 0).astype(int)
    high = np.minimum(np.ceil(points.max(axis=0) + 3 * _reach(points)), pixels.shape[1::-1]).astype(int)
    part = pixels[low[1] : high[1], low[0] : high[0]]
    if part.size == 0:
        return cv2.warpAffine(pixels, matrix, (SIDE_PX, SIDE_PX), flags=cv2.INTER_LINEAR)  # type: ignore[return-value]
    size = (max(1, round(part.shape[1] / shrink)), max(1, round(part.shape[0] / shrink)))
    small = cv2.resize(part, size, interpolation=cv2.INTER_AREA)
    ratio = np.array([size[0] / part.shape[1], size[1] / part.shape[0]])
    moved = ((points - low + 0.5) * ratio - 0.5).astype(np.float32)
    return cv2.warpAffine(small, similarity(moved), (SIDE_PX, SIDE_PX), flags=cv2.INTER_LINEAR)  # type: ignore[return-value]


def _reach(points: Points) -> float:
    return float(np.ptp(points, axis=0).max())
