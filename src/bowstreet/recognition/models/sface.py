"""SFace and its kin: a template of an aligned face.

Y. Zhong, W. Deng, J. Hu et al.: SFace: Sigmoid-Constrained Hypersphere Loss for Robust Face Recognition, IEEE TIP 30 (2021).
"""

import time

import numpy as np

from bowstreet.errors import MalformedConfiguration
from bowstreet.frames import Pixels
from bowstreet.recognition.models.align import SIDE_PX
from bowstreet.recognition.models.card import EmbedderCard
from bowstreet.recognition.models.runtime import Compiled
from bowstreet.recognition.template import Template


class SFace:
    """One thread's embedder. What it is fed and what comes out lie in buffers that are overwritten after each face."""

    def __init__(self, card: EmbedderCard, data: bytes, threads: int = 1) -> None:
        self._card = card
        self._run = Compiled(card, data, (1, 3, SIDE_PX, SIDE_PX), threads)
        self._fed = np.zeros((1, 3, SIDE_PX, SIDE_PX), dtype=np.float32)
        self.inference_s = 0.0
        if (found := self._run(self._fed)[0].size) != card.dimensions:
            raise MalformedConfiguration(
                f"the model {card.file} makes templates of {found} numbers, its card says {card.dimensions}",
                remedy="correct the card",
            )

    @property
    def dimensions(self) -> int:
        return self._card.dimensions

    def embed(self, aligned: Pixels) -> Template:
        for channel in range(3):
            np.multiply(aligned[:, :, channel], self._card.scale, out=self._fed[0, channel], casting="unsafe")
        if self._card.shift:
            self._fed += self._card.shift
        began = time.perf_counter()
        output = self._run(self._fed)[0]
        self.inference_s += time.perf_counter() - began
        self._fed.fill(0.0)
        return Template(output.reshape(-1))

    def forget(self) -> None:
        """Overwrites what the runtime still holds of the last face between the model's layers: at the end, and when quiet."""
        self._fed.fill(0.0)
        for output in self._run(self._fed):
            output.fill(0.0)
