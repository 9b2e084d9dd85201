"""Where time comes from: the machine, the machine sped up, or a simulation. Nothing else asks the operating system for it."""

import asyncio
import heapq
import itertools
import time
from datetime import UTC, datetime, timedelta

# The boot-time clock goes on while a machine sleeps; macOS has none, and there the monotonic clock has to do.
_BOOT_TIME = getattr(time, "CLOCK_BOOTTIME", None)


def _elapsed_s() -> float:
    return time.monotonic() if _BOOT_TIME is None else time.clock_gettime(_BOOT_TIME)


def _wall() -> datetime:
    return datetime.now(UTC)


class ScaledClock:
    """Real time, `speed` times as fast, from now or from `not_before` when that is later.

    It is read from the wall once and then counts elapsed time, so that a stepped system clock (NTP, a person) neither
    freezes time-outs nor sets the record back. `skew_s` tells how far the two have come apart.

    Args:
        speed: this clock's seconds for each real second, above 0.
        not_before: the last recorded moment; this run's record starts after it.
    """

    def __init__(self, speed: float = 1.0, not_before: datetime | None = None) -> None:
        if not speed > 0:
            raise ValueError("a clock's speed is above zero")
        wall = _wall()
        self._start = wall if not_before is None else max(wall, not_before)
        self._started_s = _elapsed_s()
        self.speed = speed

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self.monotonic_s())

    def monotonic_s(self) -> float:
        return (_elapsed_s() - self._started_s) * self.speed

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(0.0, seconds) / self.speed)

    def skew_s(self) -> float:
        """This clock minus the system's, in real seconds. It means something at speed 1 only."""
        return (self.now() - _wall()).total_seconds()


class SystemClock(ScaledClock):
    """Real time at its own pace."""

    def __init__(self, not_before: datetime | None = None) -> None:
        super().__init__(1.0, not_before)


class SimulatedClock:
    """Time that stands still until it is moved.

    `sleep` needs an event loop, and ends when `advance_to` passes its moment; the fast simulation, which has no loop, keeps
    its own agenda and never sleeps.
    """

    def __init__(self, start: datetime) -> None:
        if start.tzinfo is None:
            raise ValueError("a clock starts at an aware moment")
        self._start = start.astimezone(UTC)
        self._now = self._start
        self._sleepers: list[tuple[datetime, int, asyncio.Future[None]]] = []
        self._order = itertools.count()

    def now(self) -> datetime:
        return self._now

    def monotonic_s(self) -> float:
        return (self._now - self._start).total_seconds()

    def advance_to(self, moment: datetime) -> None:
        """Move to `moment`, and wake whoever slept until then, in order.

        Raises:
            ValueError: when it lies in the past.
        """
        if moment < self._now:
            raise ValueError(f"time does not go back, from {self._now} to {moment}")
        self._now = moment
        while self._sleepers and self._sleepers[0][0] <= moment:
            future = heapq.heappop(self._sleepers)[2]
            if not future.done():
                future.set_result(None)

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._now + timedelta(seconds=seconds), next(self._order), future))
        await future
