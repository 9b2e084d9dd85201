"""What a running process does by itself: what runs all the time, and what is done how often, by which clock."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import msgspec
import structlog

from bowstreet.errors import StoreUnavailable
from bowstreet.process import Process

log = structlog.get_logger(__name__)


class Regular(msgspec.Struct, frozen=True, kw_only=True):
    """Something that is done again and again: by the clock on the wall when `real`, else by the run's, which may be faster."""

    name: str
    every_s: float
    real: bool
    work: Callable[[Process], Awaitable[Any]]


REGULAR = (
    # What a camera may do in transit by a person's order, and a follow, end within a second of their time.
    Regular(name="cameras", every_s=1.0, real=False, work=lambda process: process.eyes.look()),
    Regular(name="follows", every_s=1.0, real=True, work=lambda process: process.follows.look()),
    # Nobody sees anything by a link from its end on; that it is over is noted within a second.
    Regular(name="officer links", every_s=1.0, real=True, work=lambda process: process.officer_links.work()),
    # A deployment ends within a second of its window, of its authority, or of the record's loss.
    Regular(name="recognition", every_s=1.0, real=True, work=lambda process: process.recognition.look()),
    # A phone is called no more within a second of its sign-in's end.
    Regular(name="call-outs", every_s=1.0, real=True, work=lambda process: process.callouts.work()),
    Regular(name="telemetry", every_s=0.5, real=True, work=lambda process: process.store_telemetry()),
    # How far the public log lags behind the ledger.
    Regular(name="checkpoints", every_s=30.0, real=True, work=lambda process: process.checkpoint()),
    # A log that shows two histories is found within as long, by any witness that answers.
    Regular(name="gossip", every_s=300.0, real=True, work=lambda process: process.gossip.pull()),
    # An authority, or a key, covers nothing from its end on; that it is over is noted within a minute.
    Regular(name="authority", every_s=60.0, real=False, work=lambda process: process.authorities.expire()),
    Regular(name="vehicle keys", every_s=60.0, real=False, work=lambda process: process.vehicle_keys.expire()),
    # Periods are days: within the hour is on time.
    Regular(name="retention", every_s=3_600.0, real=False, work=lambda process: process.retention.work()),
    # A release comes within a minute of its time.
    Regular(name="disclosure", every_s=60.0, real=False, work=lambda process: process.disclosure.work()),
    Regular(name="tidy", every_s=300.0, real=True, work=lambda process: _tidy(process)),
)


def begin(process: Process) -> None:
    """Start all of it, as tasks of the process."""
    process.spawn(process.flight.run(), "flight")
    process.spawn(process.dispatch.run(), "dispatch")
    process.spawn(process.relay.run(), "relay")
    process.spawn(process.zone_watch.run(), "zones")
    process.spawn(process.video.run(), "video")
    process.spawn(process.occurrence_watch.run(), "occurrences")
    process.spawn(process.sharing.run(), "partners")
    for one in REGULAR:
        process.spawn(again_and_again(process, one), one.name)


async def end(process: Process) -> None:
    """Cancel every task of the process, and keep the telemetry that waits."""
    tasks = [task for task in process.tasks if task is not asyncio.current_task()]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    with contextlib.suppress(StoreUnavailable):
        await process.store_telemetry()


async def again_and_again(process: Process, one: Regular) -> None:
    """Until cancelled."""
    clock = process.real_clock if one.real else process.clock
    while True:
        await clock.sleep(one.every_s)
        try:
            await one.work(process)
        except StoreUnavailable as error:
            log.error("housekeeping could not write", work=one.name, error=str(error))
        except Exception as error:
            # The edge of this task: a failure that nobody foresaw must not end for good what erases, publishes and compares.
            log.error("housekeeping failed", work=one.name, error=repr(error))


async def _tidy(process: Process) -> None:
    await process.occurrences.work()
    limit = process.clock.now() - timedelta(hours=process.operation.telemetry_hours)
    await process.telemetry.thin(limit, keep=process.occurrences.telemetry_kept())
