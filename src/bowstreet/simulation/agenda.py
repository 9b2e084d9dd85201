"""What happens next in a simulation without a loop: a heap of moments and actions, and a driver of coroutines that never wait."""

import heapq
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from typing import Any, TypeVar

from bowstreet.runtime.clock import SimulatedClock

T = TypeVar("T")
Action = Callable[[], Coroutine[Any, Any, None] | None]


def drive(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end without an event loop.

    Raises:
        RuntimeError: when it waits for something. With in-memory drivers nothing may, so that is a bug where it waits.
    """
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]  # what the coroutine returned
    where = getattr(coroutine, "__qualname__", repr(coroutine))
    coroutine.close()
    raise RuntimeError(f"{where} waits for something, which no service may do in a simulation")


class Agenda:
    """Actions in order of time; those of one moment in the order in which they were entered."""

    def __init__(self, clock: SimulatedClock) -> None:
        self._clock = clock
        self._start = clock.now()
        self._heap: list[tuple[float, int, Action]] = []
        self._entered = 0
        self.now_s = 0.0
        self.done = 0

    def __len__(self) -> int:
        return len(self._heap)

    @property
    def now(self) -> datetime:
        """The clock's."""
        return self._clock.now()

    @property
    def next_s(self) -> float:
        """When the next action is due, seconds since the start; infinite when there is none."""
        return self._heap[0][0] if self._heap else float("inf")

    def at(self, when_s: float, action: Action) -> None:
        """Enter an action. A moment in the past means now."""
        self._entered += 1
        heapq.heappush(self._heap, (max(when_s, self.now_s), self._entered, action))

    def after(self, wait_s: float, action: Action) -> None:
        self.at(self.now_s + wait_s, action)

    def seconds(self, moment: datetime) -> float:
        """A moment as seconds since the start."""
        return (moment - self._start).total_seconds()

    def moment(self, when_s: float) -> datetime:
        return self._start + timedelta(seconds=when_s)

    def pass_to(self, when_s: float) -> None:
        """Let time pass up to a moment before which nothing is due."""
        if when_s > self.now_s:
            self.now_s = when_s
            self._clock.advance_to(self.moment(when_s))

    def run_to(self, when_s: float) -> None:
        """Do everything that is due by then, and let time pass up to it."""
        heap = self._heap
        while heap and heap[0][0] <= when_s:
            self.step()
        self.pass_to(when_s)

    def step(self) -> None:
        """Move the clock to the next action and do it. Raises `IndexError` when there is none."""
        when_s, _, action = heapq.heappop(self._heap)
        self.pass_to(when_s)
        self.done += 1
        coroutine = action()
        if coroutine is not None:
            drive(coroutine)
