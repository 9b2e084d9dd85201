"""What a relay needs of whoever follows a subject."""

from datetime import datetime
from typing import Protocol


class Subjects(Protocol):
    """The subject that a drone follows, if any. Both are asked often, and must neither block nor raise."""

    def followed_until(self, vehicle_id: str) -> datetime | None:
        """Until when this drone is ordered to follow a subject; None when it follows nobody."""
        ...

    def hand_over(self, from_vehicle_id: str, to_vehicle_id: str) -> None:
        """What is known of the subject goes to the drone that has the watch now. Told once a hand-over; both are over the scene
        then, unless the relief is late."""
        ...


class NoSubjects:
    """Nobody is followed."""

    def followed_until(self, vehicle_id: str) -> datetime | None:
        return None

    def hand_over(self, from_vehicle_id: str, to_vehicle_id: str) -> None:
        """Nothing goes with the watch."""
