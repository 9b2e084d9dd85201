"""The Islington pilot on a simulated clock, for the tests of dispatch. Real services, simulated vehicles."""

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.unit import groundings

from bowstreet.dispatch.policy import policy_named
from bowstreet.flight.model import Mission, Wind
from bowstreet.intake.model import Incident
from bowstreet.messages import LaunchAuthorised, Message, MissionRetasked, NoDroneAvailable, RecallOrdered
from bowstreet.simulation.agenda import drive
from bowstreet.simulation.city import islington
from bowstreet.simulation.kernel import Kernel, World
from bowstreet.simulation.mishaps import FaultRates

START = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
BREEZE = Wind(speed_mps=3.0, from_deg=240.0, gust_mps=4.0)


class Air:
    """A wind that a test sets."""

    def __init__(self) -> None:
        self.now: Wind | None = BREEZE

    def wind(self) -> Wind | None:
        return self.now


class Town:
    """The Islington pilot on a simulated clock, with handles for the tests."""

    def __init__(self, faults: FaultRates | None = None) -> None:
        world = World(
            city=islington(), policy=policy_named("closest-eta"), seed=5, faults=faults or FaultRates(), mean_wind_mps=3.0
        )
        self.kernel = Kernel(world, START)
        self.kernel.start()
        self.air = Air()
        self.dispatch, self.flight, self.intake = self.kernel.dispatch, self.kernel.flight, self.kernel.intake
        self.dispatch._wind = self.air
        self.said: list[Message] = []
        for kind in (LaunchAuthorised, NoDroneAvailable, RecallOrdered, MissionRetasked):
            self.kernel.bus.subscribe(kind, self._hear)
        self.calls = 0

    async def _hear(self, message: Message) -> None:
        self.said.append(message)

    def heard(self, kind: type[Message]) -> list[Any]:
        return [message for message in self.said if isinstance(message, kind)]

    def call(self, grade: str = "I", north: float = 0.0, east: float = 0.0) -> Incident:
        self.calls += 1
        row = {
            "id": f"c{self.calls}", "reported_at": self.kernel.clock.now().isoformat(), "latitude": 51.5420 + north,
            "longitude": -0.1050 + east, "grade": grade, "category": "robbery",
        }  # fmt: skip
        taken = drive(self.intake.receive_raw(row, "test"))
        assert isinstance(taken, Incident)
        return self.intake.incidents.get(taken.incident_id)

    def incident(self, before: Incident) -> Incident:
        return self.intake.incidents.get(before.incident_id)

    def mission_for(self, incident: Incident) -> Mission:
        found = [one for one in self.flight.missions.all() if one.incident_id == incident.incident_id]
        return max(found, key=lambda one: one.authorised_at)

    def wait(self, seconds: float) -> None:
        self.kernel._until(self.kernel.clock.now() + timedelta(seconds=seconds))

    def ground_all_but(self, *kept: str) -> None:
        groundings.ground_all_but(self.flight, *kept)

    def release_all(self) -> None:
        groundings.release_all(self.flight)

    def last_why(self, incident: Incident) -> str:
        return self.dispatch.decisions_for(incident.incident_id)[-1].outcome.reasons[0].code
