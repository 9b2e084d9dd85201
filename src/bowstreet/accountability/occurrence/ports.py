"""What occurrences need of those who know flights."""

from typing import Protocol

from bowstreet.accountability.occurrence.model import Sighting


class Flights(Protocol):
    def sighting(self, mission_id: str) -> Sighting | None:
        """A flight as it is now; None for one that is not known."""
        ...
