"""One evaluation: what was asked, and what has been found so far."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bowstreet.recognition.evaluation.groups import NO_GROUPS, Groups
from bowstreet.recognition.evaluation.model import Looked, Part
from bowstreet.recognition.evaluation.pairs import Pair
from bowstreet.recognition.models import shipped


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """What is evaluated. Either the three folders, or pairs and their images, or both."""

    listed: Path | None = None
    probes: Path | None = None
    nonlisted: Path | None = None
    pairs: Sequence[Pair] = ()
    images: Path | None = None
    groups: Groups = NO_GROUPS
    thresholds: Sequence[float] = ()
    model_folder: Path | None = None
    workers: int | None = None
    seed: int = 1


@dataclass(slots=True)
class Run:
    options: Options
    files: shipped.ModelFiles
    began: float
    looked: dict[Part, list[Looked]] = field(default_factory=dict)
    ignored: Counter[str] = field(default_factory=Counter)
    strangers: int = 0
    workers: int = 1
    looking_s: float = 0.0
    loading_s: float = 0.0
