"""From bytes to pixels, made smaller while decoding where that is possible. In the worker only."""

from dataclasses import dataclass

import cv2
import numpy as np

from bowstreet.frames import Pixels
from bowstreet.recognition.evaluation.examiner.header import read_header
from bowstreet.recognition.evaluation.examiner.model import Reason

# A JPEG is decoded at a half, a quarter or an eighth; the longest side stays at least this.
ENOUGH_PX = 1_024
# What a JPEG may have as stored, and what any other picture may have, which is decoded whole.
MOST_JPEG_PIXELS, MOST_OTHER_PIXELS = 150_000_000, 40_000_000
MOST_SIDE_PX = 30_000
_REDUCED = {1: cv2.IMREAD_COLOR, 2: cv2.IMREAD_REDUCED_COLOR_2, 4: cv2.IMREAD_REDUCED_COLOR_4, 8: cv2.IMREAD_REDUCED_COLOR_8}


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Picture:
    """RGB, upright; `reduced` times smaller than it was stored."""

    pixels: Pixels
    reduced: float


def decode(data: bytes) -> Picture | Reason:
    header = read_header(data)
    if header is None:
        return Reason.UNSUPPORTED
    size, longest = header.width_px * header.height_px, max(header.width_px, header.height_px)
    if longest > MOST_SIDE_PX or size > (MOST_JPEG_PIXELS if header.kind == "jpeg" else MOST_OTHER_PIXELS):
        return Reason.TOO_LARGE
    by = max((step for step in _REDUCED if longest / step >= ENOUGH_PX), default=1) if header.kind == "jpeg" else 1
    try:
        # Turned upright as its EXIF says: OpenCV does it unless told not to.
        bgr = cv2.imdecode(np.frombuffer(data, np.uint8), _REDUCED[by])
    except (cv2.error, MemoryError):
        return Reason.DAMAGED
    # A size that is not the header's: something lies, and what was checked is not what was decoded.
    if bgr is None or sorted(bgr.shape[:2]) != sorted((-(-header.width_px // by), -(-header.height_px // by))):
        return Reason.DAMAGED
    return Picture(pixels=cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), reduced=float(by))  # type: ignore[arg-type]
