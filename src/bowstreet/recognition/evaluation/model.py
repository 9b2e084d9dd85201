"""What is evaluated: pictures of people, in folders that the evaluator made, and what was found in each."""

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from bowstreet.recognition.evaluation.examiner.model import Examined


class Part(StrEnum):
    """Which folder a picture came from."""

    LIST = "list"
    PROBES = "probes"
    NONLISTED = "nonlisted"
    PAIRS = "pairs"


@dataclass(frozen=True, kw_only=True, slots=True)
class Still:
    """One picture. `track` is the folder inside the person's that it lies in, or its own name."""

    part: Part
    person: str
    track: str
    path: Path


@dataclass(frozen=True, kw_only=True, slots=True)
class Looked:
    still: Still
    found: Examined


@dataclass(frozen=True, kw_only=True, slots=True)
class Ignored:
    """What lies in the folders and is no picture to look at: how many, by reason."""

    counts: dict[str, int] = field(default_factory=dict)
