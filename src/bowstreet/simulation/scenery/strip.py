"""The clock burnt into a simulated picture, for eyes and for programs, and the word that says what it is.

A strip of two rows of 32 cells, black or white, holds when the picture was taken (52 bits, microseconds of Unix time) and a check
of 12 bits. A cell is an eightieth of the width: it outlives H.264 and being shown smaller. Whoever reads it from a picture on a
screen knows how old that picture is, whatever lies between.
"""

import zlib
from datetime import UTC, datetime

import cv2
import numpy as np
import numpy.typing as npt

from bowstreet.frames import Pixels

CELLS, ROWS, TIME_BITS, CHECK_BITS = 32, 2, 52, 12
CELLS_ACROSS = 80
WORD = "SIMULATED"


def burn(picture: Pixels, captured_us: int, name: str) -> None:
    """Write the strip, the word, the time and the camera's name into the picture."""
    height, width = picture.shape[:2]
    cell = width // CELLS_ACROSS
    picture[: (ROWS + 2) * cell] = 0
    grid = np.array([255 if bit else 0 for bit in _bits(captured_us)], np.uint8).reshape(ROWS, CELLS)
    strip = np.repeat(np.repeat(grid, cell, axis=0), cell, axis=1)
    picture[cell : (ROWS + 1) * cell, cell : (CELLS + 1) * cell] = strip[..., None]
    moment = datetime.fromtimestamp(captured_us / 1e6, UTC)
    text = f"{WORD}  {name}  {moment:%Y-%m-%d %H:%M:%S}.{moment.microsecond // 1000:03d} UTC"
    scale = width / 640 * 0.4
    at = ((CELLS + 3) * cell, round(2.55 * cell))
    cv2.putText(picture, text, at, cv2.FONT_HERSHEY_SIMPLEX, scale, (255, 255, 255), 1, cv2.LINE_AA)
    large = width / 640 * 0.8
    (long, tall), below = cv2.getTextSize(WORD, cv2.FONT_HERSHEY_SIMPLEX, large, 1)
    x, y = width - long - 2 * cell, height - below - 2 * cell
    picture[y - tall - cell // 2 : y + below, x - cell // 2 : x + long + cell // 2] //= 3
    cv2.putText(picture, WORD, (x, y), cv2.FONT_HERSHEY_SIMPLEX, large, (255, 255, 255), 1, cv2.LINE_AA)


def read(picture: npt.NDArray[np.uint8]) -> int | None:
    """When a picture (RGB or grey, of any size) was taken, microseconds of Unix time; None where no strip can be read."""
    grey = picture if picture.ndim == 2 else picture.mean(axis=2)
    cell = grey.shape[1] / CELLS_ACROSS
    x = np.round((np.arange(CELLS) + 1.5) * cell - 0.5).astype(int)
    y = np.round((np.arange(ROWS) + 1.5) * cell - 0.5).astype(int)
    if cell < 2.0 or y[-1] >= grey.shape[0]:
        return None
    half = max(0, int(cell / 4))
    # The middle of each cell, where a neighbour's edge does not reach.
    levels = np.array([[grey[b - half : b + half + 1, a - half : a + half + 1].mean() for a in x] for b in y])
    value = 0
    for bit in (levels > 128.0).ravel().tolist():
        value = value << 1 | bit
    captured_us, said = value >> CHECK_BITS, value & ((1 << CHECK_BITS) - 1)
    return captured_us if captured_us and said == check(captured_us) else None


def _bits(captured_us: int) -> list[int]:
    if not 0 < captured_us < 1 << TIME_BITS:
        raise ValueError("a time of capture has 52 bits")
    value = captured_us << CHECK_BITS | check(captured_us)
    return [value >> shift & 1 for shift in reversed(range(TIME_BITS + CHECK_BITS))]


def check(captured_us: int) -> int:
    """The check bits of a time of capture."""
    return zlib.crc32(captured_us.to_bytes(8, "big")) & ((1 << CHECK_BITS) - 1)
