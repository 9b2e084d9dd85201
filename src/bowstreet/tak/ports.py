"""What sharing needs of the way to a partner."""

from typing import Protocol


class Way(Protocol):
    """One way to one partner. Everything raises `PartnerUnavailable`, which says why and what to do."""

    async def open(self) -> str:
        """Connect. Gives the SHA-256 (hex) of the server's certificate, "" where there is none."""
        ...

    async def send(self, data: bytes) -> None:
        """Hand over one event."""
        ...

    async def broken(self) -> None:
        """Return never; raise when the connection is over."""
        ...

    async def close(self) -> None:
        """Let go of it, open or not. Raises nothing."""
        ...
