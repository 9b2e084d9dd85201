"""Detectors: a model file by its card, run by OpenVINO on one thread; and the looking closer at parts of a picture."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from bowstreet.errors import MalformedConfiguration
from bowstreet.frames import Pixels
from bowstreet.runtime.inference import openvino
from bowstreet.tracking.card import Card, parse_card, verify
from bowstreet.tracking.model import Box, Detection
from bowstreet.tracking.ports import Detector
from bowstreet.tracking.reading import Reader, merged

SHIPPED_CARD = Path(__file__).parent / "cards" / "ssd_mobilenetv2_oidv4.toml"
# Git-ignored, filled by tools/fetch_models.py, inside the package so that a wheel holds it.
SHIPPED_MODELS = Path(__file__).parent / "weights"
# A tile reaches over its neighbour by this share, so that a shape on the seam is whole in one of them.
TILE_REACH = 0.25
# A box that touches a tile's inner edge is cut off there: the neighbour has it whole.
EDGE_PX = 2.0
SAME_OVERLAP = 0.45


class OpenVinoDetector:
    """A model in ONNX, TFLite or OpenVINO's own form. One thread: eight streams share two cores."""

    def __init__(self, card: Card, model: Path) -> None:
        core = openvino().Core()
        settings = {"INFERENCE_NUM_THREADS": 1, "NUM_STREAMS": 1, "PERFORMANCE_HINT": "LATENCY"}
        compiled = core.compile_model(core.read_model(str(model)), "CPU", settings)
        self._request: Any = compiled.create_infer_request()
        self._outputs = len(compiled.outputs)
        self._card, self._reader = card, Reader(card)
        shape = (
            (1, 3, card.height_px, card.width_px) if card.layout == "nchw" else (1, card.height_px, card.width_px, 3)
        )  # fmt: skip
        wanted = compiled.inputs[0].partial_shape
        if not wanted.compatible(openvino().PartialShape(list(shape))):
            raise MalformedConfiguration(
                f"the model takes {wanted}, its card says {shape}", remedy="correct size or layout on the card"
            )

    def detect(self, pixels: Pixels) -> Sequence[Detection]:
        height, width = pixels.shape[:2]
        small = cv2.resize(pixels, (self._card.width_px, self._card.height_px), interpolation=cv2.INTER_LINEAR)
        fed = small.astype(np.float32)
        fed *= self._card.scale
        fed += self._card.shift
        if self._card.layout == "nchw":
            fed = np.ascontiguousarray(fed.transpose(2, 0, 1))
        self._request.infer([fed[None]])
        return self._reader.read([self._request.get_output_tensor(i).data for i in range(self._outputs)], width, height)


def shipped() -> OpenVinoDetector:
    return from_card(SHIPPED_CARD, SHIPPED_MODELS)


def from_card(card_file: Path, folder: Path) -> OpenVinoDetector:
    """The detector that a card describes, its file verified before anything reads it.

    Raises:
        MalformedConfiguration, Refused: see `card`.
    """
    try:
        card = parse_card(card_file.read_bytes())
        path = folder / card.file
        verify(card, path.read_bytes())
    except OSError as error:
        raise MalformedConfiguration(
            f"the detector's file cannot be read: {error.filename}", remedy="run make models, or name the folder that holds it"
        ) from None
    return OpenVinoDetector(card, path)


def tiles(width_px: int, height_px: int, across: int) -> list[Box]:
    """`across` × `across` parts that cover the picture and reach over each other."""
    if across < 2:
        return [Box(left=0.0, top=0.0, width=float(width_px), height=float(height_px))]
    parts = []
    for row in range(across):
        for column in range(across):
            wide, high = width_px / (across - (across - 1) * TILE_REACH), height_px / (across - (across - 1) * TILE_REACH)
            left, top = column * wide * (1 - TILE_REACH), row * high * (1 - TILE_REACH)
            parts.append(Box(left=left, top=top, width=wide, height=high))
    return parts


def around(x: float, y: float, side_px: float, width_px: int, height_px: int) -> Box:
    """A square part round a point, moved inside the picture."""
    wide, high = min(side_px, width_px), min(side_px, height_px)
    left, top = min(max(0.0, x - wide / 2), width_px - wide), min(max(0.0, y - high / 2), height_px - high)
    return Box(left=left, top=top, width=wide, height=high)


def look_closer(detector: Detector, pixels: Pixels, parts: Sequence[Box]) -> list[Detection]:
    """What a detector finds in parts of a picture, in the pixels of the whole. Boxes cut by an inner edge are left out."""
    height, width = pixels.shape[:2]
    found: list[Detection] = []
    for part in parts:
        left, top = int(part.left), int(part.top)
        right, low = min(width, int(part.left + part.width + 0.5)), min(height, int(part.top + part.height + 0.5))
        if right - left < 16 or low - top < 16:
            continue
        for one in detector.detect(np.ascontiguousarray(pixels[top:low, left:right])):
            box = one.box
            cut = (
                (left > 0 and box.left <= EDGE_PX)
                or (top > 0 and box.top <= EDGE_PX)
                or (right < width and box.left + box.width >= right - left - EDGE_PX)
                or (low < height and box.top + box.height >= low - top - EDGE_PX)
            )
            if not cut:
                whole = Box(left=box.left + left, top=box.top + top, width=box.width, height=box.height)
                found.append(Detection(box=whole, shape=one.shape, score=one.score))
    return found


class TiledDetector:
    """Looks at the whole and at each of its parts: small shapes are found, at the price of so many looks more."""

    def __init__(self, detector: Detector, across: int) -> None:
        self._detector, self._across = detector, across

    def detect(self, pixels: Pixels) -> Sequence[Detection]:
        height, width = pixels.shape[:2]
        whole = list(self._detector.detect(pixels))
        if self._across < 2:
            return whole
        return merged(whole + look_closer(self._detector, pixels, tiles(width, height, self._across)), SAME_OVERLAP)
