"""What a relay has dispatch do: choose a drone that relieves another, send it, and give it the incident when it has eyes on."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any, NamedTuple, Protocol

import msgspec

from bowstreet.accountability.recorder import Save
from bowstreet.dispatch.acts import DISPATCH, as_relief, authority, mission_of
from bowstreet.dispatch.book import FleetBook
from bowstreet.dispatch.fleet import Fleet
from bowstreet.dispatch.model import Assignment, Decision
from bowstreet.dispatch.policy import Policy
from bowstreet.dispatch.rules import Clear
from bowstreet.flight.model import Mission, MissionPlan
from bowstreet.flight.service import FlightService
from bowstreet.intake.model import Incident, IncidentState
from bowstreet.intake.service import IntakeService
from bowstreet.messages import Message
from bowstreet.runtime.ports import Clock, Ids


class Recorded(NamedTuple):
    """What is recorded in the same act."""

    saves: Sequence[Save]
    messages: Sequence[Message]


class _Decide(Protocol):
    def __call__(self, incident: Incident, fleet: Fleet | None, policy: Policy, clear: Clear | None, /) -> Decision: ...


class Reliefs:
    """Works with dispatch's own book of who serves whom.

    Args:
        serving: incident -> the mission that serves it.
        held: incidents that wait for a person.
        decide, plan, kept, record, policy_for: dispatch's own.
    """

    def __init__(
        self,
        clock: Clock,
        ids: Ids,
        intake: IntakeService,
        flight: FlightService,
        book: FleetBook,
        serving: dict[str, str],
        held: set[str],
        *,
        decide: _Decide,
        plan: Callable[[Assignment], MissionPlan],
        kept: Callable[[Decision], Save],
        record: Callable[[list[Save], list[Any]], Awaitable[None]],
        policy_for: Callable[[Incident], Policy],
    ) -> None:
        self._clock, self._ids, self._intake, self._flight, self._book = clock, ids, intake, flight, book
        self._serving, self._held = serving, held
        self._decide, self._plan, self._kept, self._record, self._policy_for = decide, plan, kept, record, policy_for

    def fleet(self) -> Fleet:
        """The fleet as it is now."""
        return self._book.refresh(self._clock.now())

    def is_held(self, incident_id: str) -> bool:
        """Whether it waits for a person, who called its drone back."""
        return incident_id in self._held

    def unhold(self, incident_id: str) -> None:
        """A person wants eyes there after all."""
        self._held.discard(incident_id)

    def choose(self, incident: Incident, clear: Clear, on_scene_s: float) -> Decision:
        """A drone from a dock that could relieve the one over this scene; nobody else is left without theirs for it."""
        policy = msgspec.structs.replace(self._policy_for(incident), preempt=False, retask_returning=False, on_scene_s=on_scene_s)
        return self._decide(incident, None, policy, clear)

    async def send(
        self,
        incident: Incident,
        decision: Decision,
        chosen: Assignment,
        relieved: Mission,
        until: datetime,
        extra_s: float,
        more: Recorded,
    ) -> Mission:
        """Authorise the launch of a relief; `more` is recorded with it. The incident stays with whom it has.

        Args:
            extra_s: what its climb takes beyond what any launch does.

        Raises:
            Conflict, Refused, StoreUnavailable, LedgerBroken: nothing was recorded, and nothing flies.
        """
        mission = mission_of(self._ids.new("mis"), incident, chosen, self._plan(chosen), self._clock.now(), DISPATCH)
        mission = as_relief(mission, relieved, until, extra_s)
        self._book.given(mission.vehicle_id, mission.mission_id)
        saves: list[Save] = [(self._flight.missions, mission), self._kept(decision), *more.saves]
        try:
            await self._record(saves, [authority(mission), *more.messages])
        except BaseException:
            self._book.changed(mission.vehicle_id)
            raise
        return mission

    async def hand_over(self, incident: Incident, mission: Mission, more: Recorded) -> None:
        """The relief is over the scene: the incident is its from now on."""
        moves = []
        if incident.state is IncidentState.ASSIGNED:
            moves = [self._intake.move(incident.incident_id, IncidentState.ON_SCENE, eyes_on_at=mission.eyes_on_at)]
        saves: list[Save] = [*more.saves, *((self._intake.incidents, moved) for moved, _ in moves)]
        await self._record(saves, [*more.messages, *(message for _, message in moves)])
        self._serving[incident.incident_id] = mission.mission_id
