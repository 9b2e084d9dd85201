"""Makes pictures small enough for a terminal, in a process of its own: what came from a camera's worker, or lay on a list, is
decoded here and not in the program. It writes no file, opens no connection, has bounded memory. Run by `glances`.
"""

import sys

import cv2
import numpy as np

from bowstreet.recognition.evaluation.examiner.decode import decode
from bowstreet.recognition.evaluation.examiner.model import Reason
from bowstreet.recognition.portraits.wire import LENGTH
from bowstreet.runtime.confinement import limit

MOST_BYTES = 16 * 1024 * 1024


def small(data: bytes, side_px: int) -> bytes:
    """RGB, row by row, `side_px` square, black where the picture is not; b"" for what is no picture."""
    try:
        found = decode(data)
        if isinstance(found, Reason):
            return b""
        height, width = found.pixels.shape[:2]
        scale = side_px / max(height, width)
        high, wide = max(1, round(height * scale)), max(1, round(width * scale))
        made = np.zeros((side_px, side_px, 3), np.uint8)
        top, left = (side_px - high) // 2, (side_px - wide) // 2
        made[top : top + high, left : left + wide] = cv2.resize(found.pixels, (wide, high), interpolation=cv2.INTER_AREA)
        return made.tobytes()
    except (cv2.error, MemoryError):
        return b""


def main(side_px: int) -> int:
    cv2.setNumThreads(1)
    limit(processor_s=60)
    while len(head := sys.stdin.buffer.read(LENGTH.size)) == LENGTH.size:
        (length,) = LENGTH.unpack(head)
        if length > MOST_BYTES:
            return 1
        made = small(sys.stdin.buffer.read(length), side_px)
        sys.stdout.buffer.write(LENGTH.pack(len(made)) + made)
    return 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
