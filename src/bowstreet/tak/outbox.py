"""What waits to be sent to one partner: the newest of each thing, so many things at most, none that is out of date.

A position that a newer one has overtaken is of no use to anybody. When a partner's server is slow or away, the oldest go first.
"""

import asyncio
from collections import OrderedDict
from datetime import datetime

import msgspec

from bowstreet.tak.model import Kind

# A city's fleet of 300 with look-at points and incidents, twice over.
MOST_WAITING = 2_000
Key = tuple[Kind, str]


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """An event that waits. Nobody is told it after `stale_at`."""

    key: Key
    data: bytes
    stale_at: datetime


class Outbox:
    """`dropped` counts those that were too many, `expired` those that waited too long, `overtaken` those made needless.

    `drained` is set by who sends, when all that was offered is sent.
    """

    def __init__(self, most: int = MOST_WAITING) -> None:
        self._most = most
        self._waiting: OrderedDict[Key, Waiting] = OrderedDict()
        self._filled, self.drained = asyncio.Event(), asyncio.Event()
        self.dropped = self.expired = self.overtaken = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def offer(self, one: Waiting) -> None:
        if self._waiting.pop(one.key, None) is not None:
            self.overtaken += 1
        self._waiting[one.key] = one
        while len(self._waiting) > self._most:
            self._waiting.popitem(last=False)
            self.dropped += 1
        self.drained.clear()
        self._filled.set()

    def clear(self) -> None:
        self._waiting.clear()

    async def wait(self) -> None:
        """Until something waits."""
        while not self._waiting:
            self._filled.clear()
            await self._filled.wait()

    def take(self, now: datetime) -> Waiting | None:
        """The one that waited longest and still holds; None when there is none."""
        while self._waiting:
            one = self._waiting.popitem(last=False)[1]
            if one.stale_at > now:
                return one
            self.expired += 1
        return None
