"""What call-outs need of the world."""

from typing import Protocol

from bowstreet.recognition.callouts.model import Attempt, Call, PushAddress


class Sender(Protocol):
    """What hands calls to push services."""

    async def send(self, call: Call, to: PushAddress, lasts_s: float) -> Attempt:
        """One attempt; what went wrong is in what it gives, and nothing is raised for it."""
        ...

    async def close(self) -> None: ...
