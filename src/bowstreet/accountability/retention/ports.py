"""What retention needs of those who hold personal data."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Protocol

from bowstreet.runtime.records import Collection


class Holding(Protocol):
    """The personal data of one class."""

    @property
    def retention_class(self) -> str: ...

    async def since(self) -> Iterable[tuple[str, datetime]]:
        """Every subject whose period runs, and since when."""
        ...

    def records_of(self, subject_id: str) -> Sequence[tuple[Collection[Any], str]]:
        """The records to delete with it."""
        ...


class Keys(Protocol):
    async def destroy(self, subjects: Iterable[str]) -> int:
        """Destroy the data keys of subjects; gives how many there were. Doing it again is harmless."""
        ...
