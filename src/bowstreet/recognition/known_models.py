"""The model in use and the reports about it, as deployments ask for them (R12, R13)."""

from collections.abc import Callable
from datetime import datetime

from bowstreet.recognition.models.shipped import ModelFiles

Covers = Callable[[str, float, datetime], bool]
"""Whether an accuracy report holds for a model's hash at a threshold now."""


class KnownModels:
    """`ports.Models` over the files that are configured."""

    def __init__(self, files: ModelFiles, covers: Covers) -> None:
        self._files, self._covers = files, covers
        self.sha256 = files.sha256

    def floor(self, model_sha256: str) -> float | None:
        return self._files.embedder.threshold_floor if model_sha256 == self.sha256 else None

    def covers(self, model_sha256: str, threshold: float, now: datetime) -> bool:
        return self._covers(model_sha256, threshold, now)
