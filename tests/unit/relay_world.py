"""A small town on a simulated clock in which eyes are kept on a scene, with a witness who sees what really flies."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.unit import groundings

from bowstreet.dispatch.leaving import leaves
from bowstreet.dispatch.policy import policy_named
from bowstreet.dispatch.relay.model import Watch, WatchReason
from bowstreet.flight.model import Mission, Phase
from bowstreet.geo import to_grid
from bowstreet.intake.model import Incident
from bowstreet.messages import (
    IncidentChanged,
    LaunchAuthorised,
    Message,
    MissionChanged,
    RecallOrdered,
    RelayPlanned,
    WatchEnded,
    WatchHandedOver,
    WatchWanted,
)
from bowstreet.simulation.agenda import drive
from bowstreet.simulation.city import City, islington
from bowstreet.simulation.kernel import Kernel, World
from bowstreet.simulation.overwatch import Overwatch

START = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
HEARD = (
    LaunchAuthorised, RecallOrdered, MissionChanged, IncidentChanged, RelayPlanned, WatchHandedOver, WatchEnded, WatchWanted,
)  # fmt: skip


class RelayTown:
    """The Islington pilot, one call at its start, and somebody who wants eyes kept on it."""

    def __init__(self, city: City | None = None, *, seed: int = 5) -> None:
        world = World(city=city or islington(), policy=policy_named("closest-eta"), seed=seed, mean_wind_mps=3.0)
        self.kernel = Kernel(world, START)
        self.kernel.start()
        self.relay, self.dispatch, self.flight = self.kernel.relay, self.kernel.dispatch, self.kernel.flight
        self.said: list[Message] = []
        for kind in HEARD:
            self.kernel.bus.subscribe(kind, self._hear)
        row = {
            "id": "c1", "reported_at": START.isoformat(), "latitude": 51.5420, "longitude": -0.1050, "grade": "I",
            "category": "robbery",
        }  # fmt: skip
        taken = drive(self.kernel.intake.receive_raw(row, "test"))
        assert isinstance(taken, Incident)
        self.id = taken.incident_id
        self.witness = Overwatch(self.kernel.link, to_grid(taken.position))
        self.most_live = 0

    async def _hear(self, message: Message) -> None:
        self.said.append(message)

    def heard(self, kind: type[Message]) -> list[Any]:
        return [message for message in self.said if isinstance(message, kind)]

    def keep(self, minutes: float, reason: WatchReason = WatchReason.SUSPECT_NEARBY) -> None:
        drive(self.relay.keep(self.id, reason, self.now() + timedelta(minutes=minutes), "acc-1"))

    def now(self) -> datetime:
        return self.kernel.clock.now()

    def wait(self, seconds: float, until: Callable[[], Any] = lambda: False) -> bool:
        """Second by second, with the witness looking; whether it came about."""
        for _ in range(int(seconds)):
            self.kernel.run_to(self.now() + timedelta(seconds=1))
            self.witness.look(self.kernel.agenda.now_s)
            going = [one for one in self.live() if not one.relieves or one.eyes_on_at is None]
            self.most_live = max(self.most_live, len(going))
            if until():
                return True
        return False

    def live(self) -> list[Mission]:
        """Flights that are over the scene or on their way there."""
        return [one for one in self.flight.active_missions() if one.incident_id == self.id and not leaves(one)]

    def incident(self) -> Incident:
        return self.kernel.intake.incidents.get(self.id)

    def watch(self) -> Watch:
        return self.relay.watches.get(self.id)

    def serving(self) -> Mission:
        found = self.dispatch.serving(self.id)
        assert found is not None
        return found

    def serving_id(self) -> str:
        """The same by its id; "" when nobody serves the incident."""
        found = self.dispatch.serving(self.id)
        return "" if found is None else found.mission_id

    def least_apart_m(self) -> float:
        """The least difference of height of two drones that were beside each other; -1 when none were."""
        least = self.witness.least_apart_m
        return least if least < 1e6 else -1.0

    def relief(self) -> Mission:
        (found,) = [one for one in self.live() if one.relieves and one.mission_id != self.serving().mission_id]
        return found

    def until_relief(self, phase: Phase = Phase.OUTBOUND) -> Mission:
        """A relief is on its way."""

        def is_so() -> bool:
            return any(one.relieves and one.phase is phase for one in self.live())

        assert self.wait(3_000, is_so)
        return self.relief()

    def ground_all_but(self, *kept: str) -> None:
        groundings.ground_all_but(self.flight, *kept)

    def release_all(self) -> None:
        groundings.release_all(self.flight)
