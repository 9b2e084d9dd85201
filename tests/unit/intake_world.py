"""An intake of its own for tests: real rules, real recorder, a store in memory unless another is given."""

from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bowstreet.accountability.recorder import Recorder, seeded_salts
from bowstreet.geo import Position
from bowstreet.intake import area
from bowstreet.intake.model import CallReport, Grade
from bowstreet.intake.service import IntakeService
from bowstreet.messages import CallMerged, CallQuarantined, IncidentChanged, IncidentOpened, Message
from bowstreet.runtime.bus import InlineBus
from bowstreet.runtime.clock import SimulatedClock
from bowstreet.runtime.ids import SeededIds
from bowstreet.runtime.memory import MemoryStore
from bowstreet.runtime.ports import Store

NOW = datetime(2026, 11, 23, 15, tzinfo=UTC)
# Upper Street, Islington.
HERE = Position(latitude_deg=51.5400, longitude_deg=-0.1025)
# The real calls of 2009 lie beside a checkout that was given them; the product does not ship them.
REAL_CALLS = Path(__file__).resolve().parents[3] / "shared/data/london_calls_2009_h1.csv"


def run(work: Coroutine[Any, Any, Any]) -> Any:
    """Drive a coroutine as the fast simulation does: it must never suspend."""
    try:
        work.send(None)
    except StopIteration as stop:
        return stop.value
    raise AssertionError("it suspended")


def north(metres: float, of: Position = HERE) -> Position:
    return Position(latitude_deg=of.latitude_deg + metres / 111_250.0, longitude_deg=of.longitude_deg)


def report(**changes: Any) -> CallReport:
    values: dict[str, Any] = {
        "reported_at": NOW, "position": HERE, "grade": Grade.SIGNIFICANT, "category": "disturbance", "source": "cad",
    }  # fmt: skip
    if "after_s" in changes:
        changes["reported_at"] = NOW + timedelta(seconds=changes.pop("after_s"))
    return CallReport(**{**values, **changes})


def row(**changes: Any) -> dict[str, Any]:
    """A good row, changed; a key set to None is left out."""
    values: dict[str, Any] = {
        "id": "CAD 1/23NOV26", "reported_at": NOW.isoformat(), "latitude": HERE.latitude_deg, "longitude": HERE.longitude_deg,
        "grade": "I", "category": "robbery", "text": "two men, one with a knife",
    }  # fmt: skip
    return {key: value for key, value in {**values, **changes}.items() if value is not None}


class Intake:
    """A service and what it told the world. `again()` is the same store after a restart."""

    def __init__(
        self,
        store: Store | None = None,
        *,
        where: area.OperatingArea | None = None,
        clock: SimulatedClock | None = None,
        **options: Any,
    ) -> None:
        self.store: Store = store or MemoryStore()
        self.clock = clock or SimulatedClock(NOW)
        self.bus = InlineBus()
        self.recorder = Recorder(self.store, self.bus, self.clock, salts=seeded_salts(1))
        self.told: list[Message] = []
        for kind in (IncidentOpened, IncidentChanged, CallMerged, CallQuarantined):
            self.bus.subscribe(kind, self._hear)
        self.ids = SeededIds(1, self.clock)
        self.service = IntakeService(
            self.recorder, self.store, self.clock, self.ids, where or area.london(), **{"check_future": False, **options}
        )

    async def _hear(self, message: Message) -> None:
        self.told.append(message)

    def loaded(self) -> "Intake":
        run(self.service.load())
        return self

    def again(self, **options: Any) -> "Intake":
        clock = SimulatedClock(self.clock.now() + timedelta(seconds=1))
        return Intake(self.store, where=self.service.area, clock=clock, **options).loaded()

    def receive(self, one: CallReport) -> Any:
        return run(self.service.receive(one))

    def receive_raw(self, values: Any, source: str = "cad", line: int | None = None) -> Any:
        return run(self.service.receive_raw(values, source, line))

    def counts(self) -> tuple[int, int, int, int]:
        """Received, incidents, duplicates, quarantined."""
        counts = self.service.counts()
        return counts["received"], counts["incidents"], counts["duplicates"], counts["quarantined"]

    def kinds(self) -> list[str]:
        return [type(message).__name__ for message in self.told]
