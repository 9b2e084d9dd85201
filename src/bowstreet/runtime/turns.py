"""Long reads that leave others their turn: rows that are at hand never wait, and whoever reads them all holds the one loop."""

import asyncio
from collections.abc import AsyncIterator
from typing import TypeVar

T = TypeVar("T")

# Read and parsed, some 1 ms of work: telemetry and the live feed wait no longer than that.
ROWS_A_TURN = 256


async def in_turns(rows: AsyncIterator[T]) -> AsyncIterator[T]:
    """The same rows. Between every `ROWS_A_TURN` of them others run."""
    count = 0
    async for row in rows:
        yield row
        count += 1
        if count % ROWS_A_TURN == 0:
            await asyncio.sleep(0)
