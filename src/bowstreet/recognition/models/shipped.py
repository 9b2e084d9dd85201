"""The two models together, as they come with the product or as an operator's folder has them; and what they are known by.

An operator's folder may hold `detector.toml` and `embedder.toml`, each a card, beside the files that these name. Without a card
there, the shipped one is used; its file is taken from the operator's folder first.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bowstreet.errors import MalformedConfiguration, OtherModel
from bowstreet.recognition.models.card import DetectorCard, EmbedderCard, parse_card
from bowstreet.recognition.models.runtime import read_file
from bowstreet.recognition.models.sface import SFace
from bowstreet.recognition.models.yunet import YuNet

CARDS = Path(__file__).parent / "cards"
# Git-ignored, filled by tools/fetch_models.py, inside the package so that a wheel holds them.
WEIGHTS = Path(__file__).parent.parent / "weights"
# Counted up with every change of how faces are aligned, chosen or fed: an evaluation of another way says nothing of this one.
PROCEDURE = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelFiles:
    """Cards, and where their files are looked for. Cheap: nothing is loaded."""

    detector: DetectorCard
    embedder: EmbedderCard
    folders: tuple[Path, ...]

    @property
    def sha256(self) -> str:
        """What an evaluation and a deployment are bound to: both files, how exactly they are run, and by which procedure."""
        what = {
            "detector": self.detector.sha256, "embedder": self.embedder.sha256, "procedure": PROCEDURE,
            "precision": [self.detector.precision, self.embedder.precision],
            "least_score": self.detector.least_score, "most_overlap": self.detector.most_overlap,
            "scale": self.embedder.scale, "shift": self.embedder.shift, "form": [self.detector.form, self.embedder.form],
        }  # fmt: skip
        return hashlib.sha256(json.dumps(what, sort_keys=True, separators=(",", ":")).encode()).hexdigest()

    def described(self) -> dict[str, Any]:
        """For figures and records."""
        return {
            "sha256": self.sha256,
            "name": f"{self.detector.name} + {self.embedder.name}",
            "detector": {"name": self.detector.name, "file": self.detector.file, "sha256": self.detector.sha256},
            "embedder": {"name": self.embedder.name, "file": self.embedder.file, "sha256": self.embedder.sha256},
            "licences": [self.detector.licence, self.embedder.licence],
            "precision": self.embedder.precision,
            "procedure": PROCEDURE,
            "threshold_floor": self.embedder.threshold_floor,
            "threshold": self.embedder.threshold,
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class FaceModels:
    """Loaded, for one thread."""

    detector: YuNet
    embedder: SFace


def find(operator_folder: Path | None = None) -> ModelFiles:
    """Raises `MalformedConfiguration` or `Refused` for a card that cannot be used."""
    folders = (*(() if operator_folder is None else (operator_folder,)), WEIGHTS)
    detector = parse_card(_card(operator_folder, "detector.toml", "yunet_2023mar.toml"))
    embedder = parse_card(_card(operator_folder, "embedder.toml", "sface_2021dec.toml"))
    if not isinstance(detector, DetectorCard) or not isinstance(embedder, EmbedderCard):
        raise MalformedConfiguration(
            "a model card has the other's role", remedy="detector.toml is of a detector, embedder.toml of an embedder"
        )
    return ModelFiles(detector=detector, embedder=embedder, folders=folders)


def _card(folder: Path | None, own: str, shipped: str) -> bytes:
    places: Sequence[Path] = (CARDS / shipped,) if folder is None else (folder / own, CARDS / shipped)
    for place in places:
        if place.is_file():
            return place.read_bytes()
    raise MalformedConfiguration("the model cards are missing", remedy="install the package again")


def require(files: ModelFiles, sha256: str) -> None:
    """Raises `OtherModel` when what is found is not exactly this: files were replaced since the program started."""
    if files.sha256 != sha256:
        raise OtherModel(
            "the models that lie here now are not those that are in use: they were replaced",
            remedy="put the files back, or start the program again and plan with the new ones",
        )


def load(files: ModelFiles, *, threads: int = 1) -> FaceModels:
    """Reads, verifies and compiles: about a second.

    Raises:
        MalformedConfiguration, Refused: see `card` and `runtime`.
    """
    return FaceModels(
        detector=YuNet(files.detector, read_file(files.folders, files.detector.file), threads),
        embedder=SFace(files.embedder, read_file(files.folders, files.embedder.file), threads),
    )
