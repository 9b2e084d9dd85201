"""What tracking needs of others: somebody who finds shapes, and somebody who knows how high the ground is."""

from collections.abc import Sequence
from typing import Protocol

from bowstreet.frames import Pixels
from bowstreet.geo import Position
from bowstreet.tracking.model import Detection


class Detector(Protocol):
    """Finds persons and vehicles. Whatever else a model knows never leaves it."""

    def detect(self, pixels: Pixels) -> Sequence[Detection]:
        """Boxes in the pixels of the picture given (RGB, height × width × 3)."""
        ...


class Terrain(Protocol):
    """The height of the ground."""

    @property
    def sigma_m(self) -> float:
        """One standard deviation of what `height_m_amsl` says."""
        ...

    @property
    def step_m(self) -> float:
        """How far a line of sight may go without passing over anything that is in the data; infinite where all is level."""
        ...

    def height_m_amsl(self, place: Position) -> float | None:
        """None where it is not known."""
        ...
