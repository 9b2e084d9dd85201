"""What recognition needs of the world, and what the pipeline of cameras finds here."""

from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from datetime import datetime
from typing import Any, Protocol

import msgspec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from bowstreet.geo import Position
from bowstreet.recognition.alerts.model import Sighting
from bowstreet.recognition.listing import ReadFace, Unusable
from bowstreet.recognition.model import Counts
from bowstreet.recognition.ofiq.model import OfiqScores, OfiqSettings

Erase = Callable[[str, str, str], Awaitable[Any]]
"""Retention's: class, subject, by whom."""


class DataKeys(Protocol):
    """A key for each subject, made where there is none, and gone for good once destroyed."""

    async def keys_for(self, subjects: Iterable[str]) -> dict[str, AESGCM]: ...

    def find(self, subject: str) -> AESGCM | None: ...

    async def destroy(self, subjects: Iterable[str]) -> int: ...


class FaceReader(Protocol):
    """Reads the one face of an image from outside, in a limited process."""

    async def read(self, image: bytes) -> ReadFace | Unusable: ...

    async def close(self) -> None: ...


class ImageMeasure(Protocol):
    """A measure of whole image files of another's making, such as OFIQ. Loading it costs: it is asked about several at once."""

    @property
    def settings(self) -> OfiqSettings: ...

    async def assess(self, images: Sequence[bytes]) -> Sequence[OfiqScores]:
        """Raises `MeasureUnavailable`."""
        ...


class KnownReport(msgspec.Struct, frozen=True, kw_only=True):
    """An equitability report that covers a model at a threshold. `warnings` are what whoever authorises should read."""

    sha256: str
    made_at: datetime
    expires_at: datetime
    list_size: int
    warnings: tuple[str, ...] = ()


class Models(Protocol):
    """What is known of the model in use (R12, R13)."""

    @property
    def sha256(self) -> str:
        """Of the model that describes faces, hex."""
        ...

    def floor(self, model_sha256: str) -> float | None:
        """The least threshold that a model may be used at; None for a model that is not known here."""
        ...

    def report(self, model_sha256: str, threshold: float, now: datetime, listed: int = 0) -> KnownReport | None:
        """The newest equitability report that covers the model at this threshold now; None when there is none. Its warnings are
        for a list of so many people."""
        ...


class CameraConfig(msgspec.Struct, frozen=True, kw_only=True):
    """A fixed camera of the operator's. `address` is for the pipeline alone: it may hold a password."""

    camera_id: str
    name: str
    address: str
    position: Position | None = None

    def __repr__(self) -> str:
        return f"<CameraConfig {self.camera_id}>"


class RunOrder(msgspec.Struct, frozen=True, kw_only=True):
    """What a pipeline is to do: these cameras, this threshold, this list, and no longer than `until` without a new word.

    `references` are what `match.Gallery` is made of, in whichever process compares; they live in memory only.
    """

    deployment_id: str
    cameras: Sequence[CameraConfig]
    threshold: float
    model_sha256: str
    references: Any
    threshold_floor: float
    until: datetime


class CameraState(msgspec.Struct, frozen=True, kw_only=True):
    """How a camera that is looked at is. `trouble` is what went wrong last, in plain words."""

    state: str
    restarts: int
    trouble: str


class OperatorsView(msgspec.Struct, frozen=True, kw_only=True):
    """A camera's picture with every face hidden that raised no alert: a JPEG (R8)."""

    at: datetime
    image: bytes

    def __repr__(self) -> str:
        return "<OperatorsView>"


class Pipeline(Protocol):
    """Cameras to sightings. It processes nothing after `until` of the last word it had, whatever else happens (R2)."""

    async def start(self, order: RunOrder) -> None:
        """Raises `BowstreetError` when it cannot; then nothing runs."""
        ...

    def renew(self, until: datetime, cameras: Sequence[CameraConfig], planned: Collection[str]) -> None:
        """It may go on until then, with these cameras only. One that it did not know yet is looked at from now on; one that is
        not `planned` any more is let go of for good, and the others wait to be among these again."""
        ...

    async def stop(self) -> None:
        """Nothing is processed any more on return, and what was in memory of the list is overwritten. Again does nothing."""
        ...

    async def settled(self) -> None:
        """Returns when every sighting that has come so far is recorded, or was refused."""
        ...

    def view(self, camera_id: str) -> OperatorsView | None:
        """What operators see of a camera; None while nothing came."""
        ...

    def states(self) -> dict[str, CameraState]:
        """Of the cameras that are looked at, by id."""
        ...


class Desk(Protocol):
    """What the service is for a pipeline."""

    async def submit(self, sighting: Sighting) -> object:
        """A face reached the threshold: it becomes an alert, or not, on record before anybody is told."""
        ...

    def count(self, deployment_id: str, more: Counts) -> None:
        """What was counted since the last call."""
        ...

    async def fail(self, deployment_id: str, why: str) -> None:
        """The pipeline cannot go on with it: stopped at once, and on record as soon as that can be."""
        ...


class NoPipeline:
    """Where no camera is looked at by this process: sightings come by other ways, such as a test's."""

    async def start(self, order: RunOrder) -> None:
        return None

    def renew(self, until: datetime, cameras: Sequence[CameraConfig], planned: Collection[str]) -> None:
        return None

    async def stop(self) -> None:
        return None

    async def settled(self) -> None:
        return None

    def view(self, camera_id: str) -> OperatorsView | None:
        return None

    def states(self) -> dict[str, CameraState]:
        return {}
