"""What a process does by itself goes on, whatever one turn of it meets."""

import asyncio
from pathlib import Path

import msgspec
import pytest

from bowstreet.accountability.recorder import Recorder, last_moment
from bowstreet.errors import LedgerBroken, StoreUnavailable
from bowstreet.messages import RunChanged
from bowstreet.operations import configured_operation
from bowstreet.process import Process
from bowstreet.runtime.bus import InlineBus
from bowstreet.runtime.clock import SystemClock
from bowstreet.runtime.memory import MemoryStore
from bowstreet.timetable import REGULAR, Regular, again_and_again

EXAMPLE = Path(__file__).parents[2] / "deploy/city.example.toml"


@pytest.mark.parametrize("failure", [StoreUnavailable("the disk is full", remedy="make room"), RuntimeError("unforeseen")])
async def test_a_turn_that_fails_ends_nothing(failure: Exception, tmp_path: Path) -> None:
    process = Process(configured_operation(EXAMPLE, calls=None, headless=True, port=None), tmp_path)
    turns = 0
    thrice = asyncio.Event()

    async def work(_: Process) -> None:
        nonlocal turns
        turns += 1
        if turns == 1:
            raise failure
        if turns == 3:
            thrice.set()

    task = process.spawn(again_and_again(process, Regular(name="test", every_s=0.001, real=True, work=work)))
    await asyncio.wait_for(thrice.wait(), 10)
    assert not task.done()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_names_are_told_apart_in_the_log() -> None:
    assert len({one.name for one in REGULAR}) == len(REGULAR)
    assert all(one.every_s > 0 for one in REGULAR)


async def test_a_process_begins_no_earlier_than_the_last_entry() -> None:
    store, clock = MemoryStore(), SystemClock()
    assert await last_moment(store) is None
    at = clock.now()
    await Recorder(store, InlineBus(), clock).record(messages=[RunChanged(at=at, change="started")])
    assert await last_moment(store) == at


async def test_a_last_entry_that_is_none_is_a_broken_ledger() -> None:
    store, clock = MemoryStore(), SystemClock()
    await Recorder(store, InlineBus(), clock).record(messages=[RunChanged(at=clock.now(), change="started")])
    store._log[0] = msgspec.structs.replace(store._log[0], entry=b"not an entry")
    with pytest.raises(LedgerBroken, match="entry 0"):
        await last_moment(store)
