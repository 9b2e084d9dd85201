"""What a model's numbers mean: boxes and scores of shapes, from three kinds of output. Pure; arrays in, detections out."""

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from bowstreet.tracking.card import Card, Output
from bowstreet.tracking.model import Box, Detection, Shape

Numbers = npt.NDArray[np.float32]

# More than this in one picture is a crowd, and a crowd is not followed one by one.
MOST_DETECTIONS = 100
# The anchors of SSD on MobileNet: six grids, scales 0.2 to 0.95, three shapes a cell in the first grid and six in the others.
GRIDS, LEAST_SCALE, MOST_SCALE = 6, 0.2, 0.95
RATIOS = (1.0, 2.0, 0.5, 3.0, 1.0 / 3.0)
# How SSD codes centre and size.
CENTRE_CODE, SIZE_CODE = 10.0, 5.0


def anchors(width_px: int, height_px: int) -> Numbers:
    """Centre x, centre y, width, height of each, from 0 to 1."""
    scales = [LEAST_SCALE + (MOST_SCALE - LEAST_SCALE) * i / (GRIDS - 1) for i in range(GRIDS)] + [1.0]
    rows: list[tuple[float, float, float, float]] = []
    for grid in range(GRIDS):
        stride = 16 << grid
        across, down = -(-width_px // stride), -(-height_px // stride)
        if grid == 0:
            sizes = [(0.1, 0.1)] + [(scales[0] * ratio**0.5, scales[0] / ratio**0.5) for ratio in (2.0, 0.5)]
        else:
            sizes = [(scales[grid] * ratio**0.5, scales[grid] / ratio**0.5) for ratio in RATIOS]
            between = (scales[grid] * scales[grid + 1]) ** 0.5
            sizes.append((between, between))
        rows += [((x + 0.5) / across, (y + 0.5) / down, *size) for y in range(down) for x in range(across) for size in sizes]
    return np.array(rows, dtype=np.float32)


class Reader:
    """Reads outputs as the card says."""

    def __init__(self, card: Card) -> None:
        self._card = card
        self._wanted = [(number, card.shapes[name]) for number, name in enumerate(card.classes) if name in card.shapes]
        self._anchors = anchors(card.width_px, card.height_px) if card.output is Output.SSD else None

    def read(self, outputs: Sequence[Numbers], width_px: int, height_px: int) -> list[Detection]:
        """Shapes in the pixels of the picture that was looked at."""
        boxes, scores = self._boxes_and_scores([np.asarray(output, dtype=np.float32) for output in outputs])
        best = scores.argmax(axis=1)
        score = scores[np.arange(len(best)), best]
        keep = np.flatnonzero((score >= self._card.least_score) & np.isfinite(boxes).all(axis=1))
        found = []
        for index in keep[np.argsort(-score[keep])][: MOST_DETECTIONS * 4]:
            x, y, w, h = (float(value) for value in boxes[index])
            left, top = max(0.0, (x - w / 2) * width_px), max(0.0, (y - h / 2) * height_px)
            right, low = min(float(width_px), (x + w / 2) * width_px), min(float(height_px), (y + h / 2) * height_px)
            if right - left >= 2 and low - top >= 2:
                box = Box(left=left, top=top, width=right - left, height=low - top)
                found.append(Detection(box=box, shape=self._wanted[best[index]][1], score=float(score[index])))
        return merged(found, self._card.most_overlap)

    def _boxes_and_scores(self, outputs: list[Numbers]) -> tuple[Numbers, Numbers]:
        """Boxes as centre and size from 0 to 1; scores of the wanted classes alone."""
        columns = [number for number, _ in self._wanted]
        if self._card.output is Output.ROWS:
            rows = _flat(outputs[0])
            if rows.shape[0] == 4 + len(self._card.classes):  # some exports stand on their side
                rows = rows.T
            size = np.array([self._card.width_px, self._card.height_px] * 2, dtype=np.float32)
            return rows[:, :4] / size, rows[:, 4:][:, columns]
        # Which output is which is told by its width: a box has four numbers.
        one, two = _flat(outputs[0]), _flat(outputs[1])
        codes, logits = (one, two) if one.shape[1] == 4 else (two, one)
        if self._card.output is Output.QUERIES:
            return codes, _probability(logits[:, columns])
        assert self._anchors is not None
        x = codes[:, 1] / CENTRE_CODE * self._anchors[:, 2] + self._anchors[:, 0]
        y = codes[:, 0] / CENTRE_CODE * self._anchors[:, 3] + self._anchors[:, 1]
        h = np.exp(np.minimum(codes[:, 2] / SIZE_CODE, 10.0)) * self._anchors[:, 3]
        w = np.exp(np.minimum(codes[:, 3] / SIZE_CODE, 10.0)) * self._anchors[:, 2]
        # The background stands first and is not among the card's classes.
        return np.stack((x, y, w, h), axis=1), _probability(logits[:, [column + 1 for column in columns]])


def merged(found: Sequence[Detection], most_overlap: float) -> list[Detection]:
    """One box for one shape: of those that overlap, the surest. Persons do not hide vehicles."""
    kept: list[Detection] = []
    for shape in Shape:
        ones = [one for one in found if one.shape is shape]
        if not ones:
            continue
        rectangles = [(one.box.left, one.box.top, one.box.width, one.box.height) for one in ones]
        chosen = cv2.dnn.NMSBoxes(rectangles, [one.score for one in ones], 0.0, most_overlap)
        kept += [ones[int(index)] for index in np.asarray(chosen).ravel()]
    return sorted(kept, key=lambda one: -one.score)[:MOST_DETECTIONS]


def _probability(logits: Numbers) -> Numbers:
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(logits, -30.0, 30.0))), dtype=np.float32)


def _flat(output: Numbers) -> Numbers:
    """A row for each box, without the batch of one."""
    return np.asarray(output.reshape(-1, output.shape[-1]))
