"""The newest small picture of a stream, and those who wait for one. Nothing queues: who is slow gets the next newest."""

import asyncio
from collections.abc import Callable

from bowstreet.video.model import Still

# Four a second is as much as says how somebody walks; a second of them is some 30 kB.
STILLS_HZ = 4.0
# What a worker says is checked: 320 pixels across at this quality are never so large.
MOST_STILL_BYTES = 64 * 1024
_JPEG = b"\xff\xd8\xff"


class Newest:
    """`ask` tells the worker how many a second are wanted: none while nobody is here."""

    def __init__(self, ask: Callable[[float], None]) -> None:
        self._ask = ask
        self._here = 0
        self._fresh = asyncio.Event()
        self.number = 0
        self.still: Still | None = None

    def __len__(self) -> int:
        return self._here

    def join(self) -> None:
        self._here += 1
        if self._here == 1:
            self._ask(STILLS_HZ)

    def leave(self) -> None:
        self._here -= 1
        if self._here == 0:
            self._ask(0.0)
            self.clear()

    def ask_again(self) -> None:
        """Of a worker that was started again."""
        if self._here:
            self._ask(STILLS_HZ)

    def put(self, still: Still) -> None:
        if not self._here or len(still.data) > MOST_STILL_BYTES or not still.data.startswith(_JPEG):
            return
        self.number += 1
        self.still = still
        waiting, self._fresh = self._fresh, asyncio.Event()
        waiting.set()

    def clear(self) -> None:
        """What was seen may not be shown any more."""
        self.still = None

    async def after(self, number: int) -> tuple[int, Still]:
        """The newest, once there is one that came after the `number`-th."""
        while self.number <= number or self.still is None:
            await self._fresh.wait()
        return self.number, self.still
