"""What is asked of a worker, and what it answers."""

from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta

from bowstreet.recognition.models.model import Quality

MOST_FILE_BYTES = 64 * 1024 * 1024


class Reason(StrEnum):
    """Why there is no template of a picture. ISO/IEC 19795-1 calls it a failure to acquire; of a list's picture, to enrol."""

    UNREADABLE = "unreadable"  # the file cannot be opened, or is a link
    TOO_LARGE = "too-large"
    UNSUPPORTED = "unsupported"  # none of the kinds of picture that are read
    DAMAGED = "damaged"
    NO_FACE = "no-face"
    NO_TEMPLATE = "no-template"  # the model's answer is none
    WORKER_LOST = "worker-lost"  # the process that looked at it died, or did not answer


class Hello(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The first thing a worker is told."""

    model_folder: str = ""


class Examine(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    number: int
    data: bytes


ToWorker = Hello | Examine


class Spent(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds, by the wall clock of the worker. `detect_s` and `embed_s` are inside the models alone."""

    decode_s: float = 0.0
    detect_s: float = 0.0
    embed_s: float = 0.0
    total_s: float = 0.0

    @property
    def inference_s(self) -> float:
        return self.detect_s + self.embed_s


class Examined(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Of one picture.

    Attributes:
        width_px, height_px: of the picture as it stands upright; 0 where that is not known.
        faces: how many were found; the subject is the one that is large and in the middle.
        vector: a reference's (`reference.Reference`); empty where there is none, and then `reason` says why.
    """

    number: int
    reason: Reason | None = None
    width_px: int = 0
    height_px: int = 0
    faces: int = 0
    quality: Quality | None = None
    vector: Annotated[bytes, Meta(max_length=4_096)] = b""
    spent: Spent = Spent()


class Ready(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The models are loaded; `loading_s` it took."""

    loading_s: float = 0.0


class CannotWork(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The models cannot be used."""

    message: Annotated[str, Meta(max_length=2_000)]
    remedy: Annotated[str, Meta(max_length=2_000)] = ""


FromWorker = Examined | Ready | CannotWork
