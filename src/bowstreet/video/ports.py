"""What video needs of others: somebody who looks at pictures, and somebody to tell."""

from typing import Protocol

from bowstreet.frames import DroneFrame


class Analyst(Protocol):
    """Looks at a drone's pictures, inside the worker of one stream. Made with no arguments; called from one thread."""

    def look(self, frame: DroneFrame) -> bytes | None:
        """What it found, in its own encoding; None for nothing to tell."""
        ...

    def order(self, data: bytes) -> None:
        """Something that the program orders, such as whom to follow. In its own encoding."""
        ...
