"""What dispatch needs of the world outside."""

from typing import Protocol

from bowstreet.flight.model import Wind


class WindSource(Protocol):
    """The wind at transit height over the operating area."""

    def wind(self) -> Wind | None:
        """The wind now; None when nobody has told it lately, and then nothing is launched."""
        ...
