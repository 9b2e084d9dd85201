"""Consultations: that somebody is about to see something personal is on record before it is shown."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Protocol

from bowstreet.accountability.processing.model import Day, Justification, Matter
from bowstreet.accountability.recorder import Recorder
from bowstreet.messages import Consulted
from bowstreet.runtime.ports import Clock, Store
from bowstreet.runtime.records import Collection

# One consultation of a person, of one thing, for one reason: a panel that is open asks again and again. Real time.
WINDOW = timedelta(minutes=10)
MOST_WINDOWS = 10_000


class Onlooker(Protocol):
    """Who looks: an account, or the link of an officer who has none."""

    @property
    def account_id(self) -> str: ...
    @property
    def role(self) -> str: ...


class Consultations:
    """Raises what `Recorder.record` does: what cannot be recorded is not shown.

    Args:
        clock: the run's, for the record.
        real_clock: for the window.
    """

    retention_class = "processing-log"

    def __init__(self, recorder: Recorder, clock: Clock, real_clock: Clock) -> None:
        self._recorder, self._clock, self._real = recorder, clock, real_clock
        self._days: Collection[Day] = Collection("processing-day", Day, id_of=lambda one: one.log_id)
        self._until: dict[tuple[str, str, str, str], datetime] = {}

    async def load(self, store: Store) -> None:
        await self._days.load(store)

    async def record(self, who: Onlooker, what: Matter, subject_id: str, why: Justification) -> None:
        """Enter it, unless the same person looked at the same for the same reason within the window."""
        key = (who.account_id, what, subject_id, why)
        now = self._real.now()
        until = self._until.get(key)
        if until is not None and until - WINDOW <= now < until:
            return
        await self._enter(who, what, subject_id, why, "")
        if len(self._until) >= MOST_WINDOWS:
            self._until = {one: until for one, until in self._until.items() if now < until}
        if len(self._until) < MOST_WINDOWS:
            self._until[key] = now + WINDOW

    async def stage(self, who: Onlooker, what: Matter, subject_id: str, why: Justification, stage: str) -> None:
        """Enter that a standing consultation was opened or closed."""
        await self._enter(who, what, subject_id, why, stage)

    async def _enter(self, who: Onlooker, what: Matter, subject_id: str, why: Justification, stage: str) -> None:
        now = self._clock.now().astimezone(UTC)
        day = Day(
            log_id=f"log-{now:%Y-%m-%d}", over_at=now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
        )
        said = Consulted(
            at=now, log_id=day.log_id, by=who.account_id, role=who.role, what=what, subject_id=subject_id, justification=why,
            stage=stage,
        )  # fmt: skip
        new = [] if day.log_id in self._days else [(self._days, day)]
        await self._recorder.record(save=new, messages=[said])

    async def since(self) -> Iterable[tuple[str, datetime]]:
        """For retention: from when the day was over."""
        return [(one.log_id, one.over_at) for one in self._days.all()]

    def records_of(self, subject_id: str) -> list[tuple[Collection[Day], str]]:
        return [(self._days, subject_id)]
