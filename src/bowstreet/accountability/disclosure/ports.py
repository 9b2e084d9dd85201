"""What disclosure needs of those who hold flights."""

from datetime import datetime
from typing import Protocol

from bowstreet.accountability.disclosure.model import Facts
from bowstreet.accountability.disclosure.rules import Track
from bowstreet.accountability.note import Note


class Checkpoint(Protocol):
    """Signs where the ledger stands now, and gives it; `keep` keeps it for good."""

    async def __call__(self, *, keep: bool = False) -> Note: ...


class Flights(Protocol):
    async def facts(self, mission_id: str) -> Facts | None:
        """What the record holds of a flight that took off and is over; None of any other."""
        ...

    def is_under_way(self, mission_id: str) -> bool:
        """Whether a flight is known and not over yet."""
        ...

    async def track(self, vehicle_id: str, start: datetime, end: datetime) -> Track:
        """Where a vehicle was, in order of time."""
        ...
