"""A long read holds nobody up."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from datetime import UTC, datetime

import pytest

from bowstreet.accountability.recorder import Recorder
from bowstreet.accountability.retention.subject_access import held_of
from bowstreet.messages import RunChanged
from bowstreet.runtime.bus import InlineBus
from bowstreet.runtime.clock import SimulatedClock
from bowstreet.runtime.memory import MemoryStore
from bowstreet.runtime.turns import ROWS_A_TURN, in_turns

AT = datetime(2026, 11, 23, 15, tzinfo=UTC)


async def _turns_of_another(work: Awaitable[object]) -> int:
    """How often another task ran while the work was done."""
    turns = 0

    async def another() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.ensure_future(another())
    await work
    task.cancel()
    return turns


async def test_others_run_between_rows_and_no_row_is_lost() -> None:
    async def at_hand() -> AsyncIterator[int]:
        for one in range(10 * ROWS_A_TURN + 1):
            yield one

    read: list[int] = []

    async def all_of_them() -> None:
        read.extend([one async for one in in_turns(at_hand())])

    assert 10 <= await _turns_of_another(all_of_them()) <= 12
    assert read == list(range(10 * ROWS_A_TURN + 1))


@pytest.mark.requirement("R17")
async def test_a_subject_access_request_reads_the_whole_ledger_and_lets_others_run() -> None:
    store = MemoryStore()
    recorder = Recorder(store, InlineBus(), SimulatedClock(AT))
    await recorder.record(messages=[RunChanged(at=AT, change=f"step-{number}") for number in range(4 * ROWS_A_TURN)])
    assert await _turns_of_another(held_of(store, "inc-1")) >= 4
