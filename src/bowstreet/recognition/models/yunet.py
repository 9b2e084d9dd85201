"""YuNet: faces with five points, from its twelve outputs.

Read as OpenCV's FaceDetectorYN reads it, which the tests compare with. W. Wu, H. Peng, S. Yu: YuNet: A Tiny Millisecond-level
Face Detector, Machine Intelligence Research 20 (2023).
"""

import time
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np

from bowstreet.frames import Pixels
from bowstreet.recognition.models.card import DetectorCard
from bowstreet.recognition.models.model import Face
from bowstreet.recognition.models.runtime import Compiled, Numbers

STRIDES = (8, 16, 32)
# The largest stride: sides are padded to a multiple of it.
PAD_PX = 32
MOST_FACES = 500
# Longest side of the picture that is looked at. Longer ones are made smaller: a face of less than 10 pixels between the eyes has
# no use, and the time grows with the area.
LONGEST_PX = 1_280
# For a picture of one person: faces are large in it, and the smaller copies find those that are too large for the model.
STILL_LONGEST_PX = (640, 256, 1_280)


class YuNet:
    """One thread's detector. `inference_s` is the time spent inside the model so far."""

    def __init__(self, card: DetectorCard, data: bytes, threads: int = 1) -> None:
        self._card = card
        self._run = Compiled(card, data, (1, 3, -1, -1), threads)
        self._places = {name: place for place, name in enumerate(self._run.outputs)}
        self.inference_s = 0.0

    def detect(self, pixels: Pixels, longest_px: int = LONGEST_PX) -> Sequence[Face]:
        """Every face, the surest first; in the picture's own pixels however it was made smaller."""
        height, width = pixels.shape[:2]
        scale = min(1.0, longest_px / max(height, width, 1))
        if scale < 1.0:
            size = (max(1, round(width * scale)), max(1, round(height * scale)))
            pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
        found = self._look(pixels)
        return [face.scaled(1.0 / scale) for face in found] if scale < 1.0 else found

    def detect_in_still(self, pixels: Pixels) -> Sequence[Face]:
        """For a photograph of one person: at several sizes until a face is found."""
        found: Sequence[Face] = ()
        longest = max(pixels.shape[:2])
        for size in STILL_LONGEST_PX:
            if found or (size >= longest and size != STILL_LONGEST_PX[0] and longest <= STILL_LONGEST_PX[0]):
                break
            found = self.detect(pixels, size)
        return found

    def _look(self, pixels: Pixels) -> list[Face]:
        height, width = pixels.shape[:2]
        high, wide = -(-height // PAD_PX) * PAD_PX, -(-width // PAD_PX) * PAD_PX
        fed = np.zeros((1, 3, high, wide), dtype=np.float32)
        for channel in range(3):  # it was taught on blue, green, red
            fed[0, channel, :height, :width] = pixels[:, :, 2 - channel]
        began = time.perf_counter()
        outputs = self._run(fed)
        self.inference_s += time.perf_counter() - began
        return self._read(outputs, wide)

    def _read(self, outputs: list[Numbers], wide: int) -> list[Face]:
        rows: list[Numbers] = []
        for stride in STRIDES:
            cls, obj, box, points = (outputs[self._places[f"{kind}_{stride}"]][0] for kind in ("cls", "obj", "bbox", "kps"))
            score = np.sqrt(np.clip(cls[:, 0], 0.0, 1.0) * np.clip(obj[:, 0], 0.0, 1.0))
            kept = np.flatnonzero(score >= self._card.least_score)
            if not kept.size:
                continue
            cells = wide // stride
            at = np.stack([kept % cells, kept // cells], axis=1).astype(np.float32)
            centre = (at + box[kept, :2]) * stride
            size = np.exp(np.minimum(box[kept, 2:], 12.0)) * stride
            marks = (points[kept].reshape(-1, 5, 2) + at[:, None, :]) * stride
            rows.append(np.concatenate([centre - size / 2, size, marks.reshape(-1, 10), score[kept, None]], axis=1))
        return self._kept(np.concatenate(rows)) if rows else []

    def _kept(self, rows: Numbers) -> list[Face]:
        boxes: Any = rows[:, :4].tolist()
        order = cv2.dnn.NMSBoxes(boxes, rows[:, 14].tolist(), self._card.least_score, self._card.most_overlap)
        return [
            Face(
                left=float(row[0]), top=float(row[1]), width=float(row[2]), height=float(row[3]),
                points=row[4:14].reshape(5, 2).astype(np.float32), score=float(row[14]),
            )
            for row in rows[np.asarray(order).reshape(-1)[:MOST_FACES].astype(int)]
        ]  # fmt: skip
