"""What the rest of recognition needs of a model, and what can be plugged in."""

from collections.abc import Sequence
from typing import Protocol

from bowstreet.frames import Pixels
from bowstreet.recognition.models.model import Face, Quality
from bowstreet.recognition.template import Template


class FaceDetector(Protocol):
    def detect(self, pixels: Pixels) -> Sequence[Face]:
        """Every face in an RGB picture, the surest first."""
        ...


class Embedder(Protocol):
    @property
    def dimensions(self) -> int: ...

    def embed(self, aligned: Pixels) -> Template:
        """Of an aligned face (`align.aligned`), RGB, 112 × 112."""
        ...


class QualityMeasure(Protocol):
    """A measure of another's making, such as OFIQ, the reference implementation of ISO/IEC 29794-5."""

    def unified_score(self, pixels: Pixels, face: Face) -> float:
        """0 (useless) to 100, of the face in the whole RGB picture."""
        ...


class QualityMeter(Protocol):
    def measure(self, pixels: Pixels, aligned: Pixels, face: Face) -> Quality: ...
