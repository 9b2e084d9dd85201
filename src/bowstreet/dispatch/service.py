"""Sends drones to incidents: considers when something changes, records first, and only then lets flight hear of it.

What is not in the record did not happen: the mission, the incident's new state and the authority commit together, and a store
that cannot take them means that nothing flies. Nothing here waits for a drone; flight's messages drive what follows.
"""

import time
from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import msgspec
import structlog

from bowstreet.accountability.recorder import Recorder, Save
from bowstreet.airspace.service import AirspaceService
from bowstreet.dispatch.acts import DISPATCH, authority, called_back, mission_of, turned
from bowstreet.dispatch.book import FleetBook
from bowstreet.dispatch.fleet import Fleet
from bowstreet.dispatch.leaving import LEAVING, RECALLED, RUN_ENDS, close_reason_of, leaves, successor, under_way
from bowstreet.dispatch.model import Assignment, Code, Considered, Decision, Decisions, NoDrone
from bowstreet.dispatch.policy import Policy, while_wanted
from bowstreet.dispatch.ports import WindSource
from bowstreet.dispatch.reliefs import Reliefs
from bowstreet.dispatch.rules import Clear, choose_drone, hopeless, is_expired, queue_order
from bowstreet.errors import Conflict, LedgerBroken, Refused, StoreUnavailable
from bowstreet.flight.model import Mission, MissionPlan, Phase
from bowstreet.flight.rules import plan_mission
from bowstreet.flight.service import FlightService
from bowstreet.intake.model import CloseReason, Grade, Incident, IncidentState
from bowstreet.intake.service import IntakeService
from bowstreet.messages import (
    DockChanged,
    IncidentChanged,
    IncidentOpened,
    Message,
    MissionChanged,
    NoDroneAvailable,
    Reason,
    RecallOrdered,
    VehicleChanged,
)  # fmt: skip
from bowstreet.runtime.ports import Clock, Ids, Store
from bowstreet.runtime.records import Collection

log = structlog.get_logger(__name__)

# Decisions that are kept for one incident: enough to tell its story, not what each second of waiting looked like.
KEPT_DECISIONS = 12
# Closed incidents whose decisions stay in memory for the console; those of older ones stay in the store.
KEPT_CLOSED = 2_000
# How many decision times are held for percentiles: a busy week.
KEPT_TIMES = 100_000
# Live, the queue is looked at this often even when nothing is said: charge grows, wind changes, time runs out.
CONSIDER_EVERY_S = 1.0
# A drone whose launch was broken off is not tried again for this long, so that the incident goes to another one.
ABORT_REST = timedelta(minutes=5)

Move = tuple[Incident, IncidentChanged]


class DispatchService:
    """Chooses, authorises, turns and calls back.

    Args:
        wind: the wind at transit height.
        policy: what to prefer among the drones that may fly.
        stopwatch: seconds of real time, to measure how long decisions take; not the clock, which may be simulated.
    """

    def __init__(
        self,
        recorder: Recorder,
        clock: Clock,
        ids: Ids,
        intake: IntakeService,
        flight: FlightService,
        airspace: AirspaceService,
        wind: WindSource,
        policy: Policy,
        *,
        stopwatch: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._recorder, self._clock, self._ids = recorder, clock, ids
        self._intake, self._flight, self._airspace = intake, flight, airspace
        self._wind, self.policy, self._stopwatch = wind, policy, stopwatch
        self.wanted_until: Callable[[str], datetime | None] = lambda incident_id: None  # as long as eyes are wanted there
        self.clear_for: Callable[[Incident], Clear | None] = lambda incident: None  # apart from who is there already
        self._book = FleetBook(flight, intake)
        self.decisions: Collection[Decisions] = Collection("decision", Decisions, id_of=lambda one: one.incident_id)
        self.decision_ms: deque[float] = deque(maxlen=KEPT_TIMES)
        self.on_decision_ms: Callable[[float], object] = self.decision_ms.append
        self._serving: dict[str, str] = {}  # incident -> the mission that serves it
        self._told: dict[str, frozenset[str]] = {}  # incident -> why none flies, as last recorded
        self._held: set[str] = set()  # incidents that wait for a person
        self._standing: set[str] = set()  # incidents to which no drone may be sent whatever its state: wind, airspace
        self._behind: set[str] = set()  # missions whose incident could not be moved when they were
        self._closed: deque[str] = deque()
        self.reliefs = Reliefs(
            clock, ids, intake, flight, self._book, self._serving, self._held,
            decide=self._decide, plan=self._plan, kept=self._kept, record=self._record, policy_for=self._policy_for,
        )  # fmt: skip
        bus = recorder.bus
        bus.subscribe(IncidentOpened, self._on_opened)
        bus.subscribe(IncidentChanged, self._on_incident)
        bus.subscribe(MissionChanged, self._on_mission)
        bus.subscribe(VehicleChanged, self._on_vehicle)
        bus.subscribe(DockChanged, self._on_dock)

    # --- start ------------------------------------------------------------------------------------------------------

    async def load(self, store: Store) -> None:
        """Take up where the record ends; intake and flight must be loaded. Nothing is launched yet.

        An incident that is assigned and has no live mission goes back to the queue; one with a live mission is left to it.
        """
        waiting = {
            incident.incident_id for incident in self._intake.incidents.all() if incident.state is not IncidentState.CLOSED
        }
        await self.decisions.load(store)
        for kept in self.decisions.all():
            if kept.incident_id not in waiting:
                self._forget_later(kept.incident_id)
        self._book.load()
        for mission in sorted(self._flight.missions.all(), key=lambda mission: mission.authorised_at):
            if mission.incident_id in waiting:
                await self._take_up(mission)
        for incident in self._intake.incidents.in_states(IncidentState.ASSIGNED, IncidentState.ON_SCENE):
            if incident.incident_id not in self._serving:
                await self._leave(incident, "its mission ended before the program started again")

    async def _take_up(self, mission: Mission) -> None:
        """What a mission says of its incident, should the program have ended between the one's record and the other's."""
        if mission.return_reason is not None and mission.return_reason.code == RECALLED:
            self._held.add(mission.incident_id)
        incident = self._intake.incidents.get(mission.incident_id)
        eyes_on_at = mission.eyes_on_at if mission.serving == incident.incident_id else None
        if incident.state is IncidentState.ASSIGNED and eyes_on_at is not None:
            await self._intake.moved(incident.incident_id, IncidentState.ON_SCENE, eyes_on_at=eyes_on_at)
        watches = self._serving.get(mission.incident_id)
        if not leaves(mission) and (watches is None or mission.relieves != watches or eyes_on_at is not None):
            self._serving[mission.incident_id] = mission.mission_id
            self._held.discard(mission.incident_id)

    async def run(self) -> None:
        """Look at the queue again and again; for live wiring, as a task."""
        while True:
            await self._clock.sleep(CONSIDER_EVERY_S)
            await self.catch_up()
            await self.consider_queue()

    async def catch_up(self) -> None:
        """Move the incidents that could not be moved when their missions were, because the record could not be written."""
        for mission_id in sorted(self._behind):
            mission = self._flight.missions.get(mission_id)
            try:
                if self._serving.get(mission.incident_id) == mission_id:
                    await self._follow(mission)
                self._behind.discard(mission_id)
            except (StoreUnavailable, LedgerBroken) as error:
                log.warning("an incident cannot be moved yet", incident_id=mission.incident_id, error=type(error).__name__)
                return

    # --- deciding ---------------------------------------------------------------------------------------------------

    async def consider_queue(self) -> None:
        """Consider every incident that waits, gravest and oldest first."""
        for incident in queue_order(self._intake.incidents.in_states(IncidentState.OPEN)):
            await self.consider(incident.incident_id)

    def waits_for_drones(self) -> bool:
        """Whether an incident waits that news of a drone could help. Others wait for wind or leave, which `run` looks at."""
        waiting = self._intake.incidents.in_states(IncidentState.OPEN)
        return any(incident.incident_id not in self._standing for incident in waiting)

    async def _consider_news(self) -> None:
        """A drone can do more than before: consider every incident that this could help."""
        for incident in queue_order(self._intake.incidents.in_states(IncidentState.OPEN)):
            if incident.incident_id not in self._standing:
                await self.consider(incident.incident_id)

    async def consider(self, incident_id: str) -> None:
        """Send a drone to this incident if it waits and one may fly; record why none does when that has changed."""
        incident = self._intake.incidents.find(incident_id)
        if incident is None or incident.state is not IncidentState.OPEN:
            return
        policy = self._policy_for(incident)
        if incident_id in self._held and not is_expired(incident, self._clock.now(), policy.targets):
            return
        decision = self._decide(incident, None, policy, self.clear_for(incident))
        # Drones are considered one by one unless something rules all of them out.
        (self._standing.discard if decision.outcome.considered else self._standing.add)(incident_id)
        try:
            if isinstance(decision.outcome, Assignment):
                await self._act(incident, decision, decision.outcome, DISPATCH)
            else:
                await self._none(incident, decision, decision.outcome)
        except (StoreUnavailable, LedgerBroken, Conflict, Refused) as error:
            # Fail closed: nothing was recorded, so nothing flies. The queue is looked at again, and the record may be back.
            self._told.pop(incident_id, None)
            log.warning("a decision could not be recorded", incident_id=incident_id, error=type(error).__name__)

    def _policy_for(self, incident: Incident) -> Policy:
        until = self.wanted_until(incident.incident_id)
        return self.policy if until is None else while_wanted(self.policy, incident, until)

    def _decide(self, incident: Incident, fleet: Fleet | None, policy: Policy, clear: Clear | None = None) -> Decision:
        """Choose for this incident. The whole fleet is brought up to date only when its state can make a difference."""
        started_s = self._stopwatch()
        wind, now, refuses = self._wind.wind(), self._clock.now(), self._airspace.refuses
        known = self._book.fleet if fleet is None else fleet
        outcome: Assignment | NoDrone | None = hopeless(incident, known, wind, now, policy=policy, refuses=refuses)
        if outcome is None:
            fleet = self._book.refresh(now) if fleet is None else fleet
            outcome = choose_drone(incident, fleet, wind, now, clear=clear or self._airspace.clear, policy=policy)
        took_ms = (self._stopwatch() - started_s) * 1_000.0
        self.on_decision_ms(took_ms)
        return Decision(incident_id=incident.incident_id, at=now, outcome=outcome, took_ms=took_ms)

    async def _none(self, incident: Incident, decision: Decision, outcome: NoDrone) -> None:
        """Record why none flies, once for each change of reason; close what will never be flown to."""
        why = frozenset(reason.code for reason in outcome.reasons)
        if self._told.get(incident.incident_id) == why:
            return
        self._told[incident.incident_id] = why
        told = NoDroneAvailable(at=decision.at, incident_id=incident.incident_id, reasons=outcome.reasons)
        saves, messages = [self._kept(decision)], [told]
        if outcome.final:
            moved = self._intake.move(incident.incident_id, IncidentState.CLOSED, close_reason=close_reason_of(incident, outcome))
            await self._record([*saves, (self._intake.incidents, moved[0])], [*messages, moved[1]])
        else:
            await self._record(saves, messages)

    # --- acting -----------------------------------------------------------------------------------------------------

    async def _act(self, incident: Incident, decision: Decision, chosen: Assignment, by: str) -> Mission:
        """Authorise a launch, or turn the drone that was chosen in the air. Everything is recorded in one act."""
        drone = self._book.drone(chosen.vehicle_id)
        if chosen.preempts_mission_id != drone.mission_id:
            raise Conflict("the drone was given another mission meanwhile", remedy="look at the fleet again")
        plan = self._plan(chosen)
        assigned = self._intake.move(incident.incident_id, IncidentState.ASSIGNED)
        if chosen.preempts_mission_id is None:
            mission = await self._launch(incident, decision, chosen, plan, assigned, by)
        else:
            mission = await self._turn(incident, decision, chosen, plan, assigned)
        return mission

    def _plan(self, chosen: Assignment) -> MissionPlan:
        drone, wind = self._book.drone(chosen.vehicle_id), self._wind.wind()
        airborne = chosen.preempts_mission_id is not None
        homeward = chosen.homeward if airborne else ()
        if wind is None:
            raise Refused("the wind is not known", remedy="wait for a dock or a station to tell it")
        plan = plan_mission(
            airframe=drone.airframe,
            charge_fraction=drone.charge_fraction,
            clearance=chosen.clearance,
            home_dock_id=chosen.dock_id,
            wind=wind,
            homeward=homeward,
            airborne=airborne,
        )
        if isinstance(plan, Reason):
            raise Refused(f"flight refuses the plan: {plan.text}", remedy="choose another drone")
        return plan

    async def _launch(
        self, incident: Incident, decision: Decision, chosen: Assignment, plan: MissionPlan, assigned: Move, by: str
    ) -> Mission:
        mission = mission_of(self._ids.new("mis"), incident, chosen, plan, self._clock.now(), by)
        await self._assign(incident, mission, decision, [authority(mission)], [assigned])
        return mission

    async def _turn(
        self, incident: Incident, decision: Decision, chosen: Assignment, plan: MissionPlan, assigned: Move
    ) -> Mission:
        before = self._flight.missions.get(str(chosen.preempts_mission_id))
        mission, said = turned(before, incident, chosen, plan, self._clock.now())
        moves = [assigned]
        left = self._intake.incidents.find(before.incident_id)
        loses = left is not None and self._serving.get(left.incident_id) == before.mission_id
        if left is not None and loses:
            moves += self._release(
                left, before.mission_id, before.phase is Phase.RETURNING, f"its drone was turned to {incident.incident_id}"
            )
        await self._assign(incident, mission, decision, [said], moves)
        if left is not None and loses:
            self._passed_on(left.incident_id, before)
        return mission

    async def _assign(
        self, incident: Incident, mission: Mission, decision: Decision, orders: list[Message], moves: list[Move]
    ) -> None:
        """Record a mission with its order and every incident that it moves, and from then on know who serves whom."""
        saves: list[Save] = [(self._flight.missions, mission), self._kept(decision)]
        saves += [(self._intake.incidents, moved) for moved, _ in moves]
        self._serving[incident.incident_id] = mission.mission_id
        self._book.given(mission.vehicle_id, mission.mission_id)
        try:
            await self._record(saves, [*orders, *(message for _, message in moves)])
        except BaseException:
            self._serving.pop(incident.incident_id, None)
            self._book.changed(mission.vehicle_id)
            raise
        self._told.pop(incident.incident_id, None)
        self._held.discard(incident.incident_id)

    async def _record(self, saves: list[Save], messages: list[Any]) -> None:
        await self._recorder.record(save=saves, messages=messages)

    def _kept(self, decision: Decision) -> Save:
        before = self.decisions.find(decision.incident_id)
        earlier = () if before is None else before.decisions
        kept = Decisions(incident_id=decision.incident_id, decisions=(*earlier, decision)[-KEPT_DECISIONS:])
        return self.decisions, kept

    def _release(self, incident: Incident, mission_id: str | None, over: bool, reason: str) -> list[Move]:
        """The incident without its drone: its relief's when one is on its way, closed as attended when the drone was there and is
        done, else back in the queue."""
        if incident.state not in (IncidentState.ASSIGNED, IncidentState.ON_SCENE):
            return []
        left = None if mission_id is None else self._flight.missions.find(mission_id)
        if left is not None and successor(under_way(self._flight), left) is not None:
            if incident.state is IncidentState.ASSIGNED:
                return []
            return [self._intake.move(incident.incident_id, IncidentState.ASSIGNED, reason=reason)]
        until = self.wanted_until(incident.incident_id)
        if incident.state is IncidentState.ON_SCENE and over and (until is None or until <= self._clock.now()):
            return [self._intake.move(incident.incident_id, IncidentState.CLOSED, close_reason=CloseReason.ATTENDED)]
        return [self._intake.move(incident.incident_id, IncidentState.OPEN, reason=reason)]

    def _passed_on(self, incident_id: str, left: Mission) -> None:
        """From now on its relief serves the incident, if one is on its way; else nobody."""
        self._serving.pop(incident_id, None)
        next_one = successor(under_way(self._flight), left)
        if next_one is not None:
            self._serving[incident_id] = next_one.mission_id
            self._held.discard(incident_id)

    def serving(self, incident_id: str) -> Mission | None:
        """The flight that serves an incident: on its way there, or over it."""
        return self._flight.missions.find(self._serving.get(incident_id, ""))

    # --- what people ask ----------------------------------------------------------------------------------------------

    async def manual_launch(self, incident_id: str, vehicle_id: str, by: str, reason: str) -> Mission:
        """Send the drone that a person chose. Every rule of safety holds; preference and the list of flown grades do not.

        Raises:
            NotFound: no such incident or drone.
            Conflict: the incident is closed or has a drone already.
            Refused: the drone may not fly there; the message says why.
        """
        incident = self._intake.incidents.get(incident_id)
        if incident.state is not IncidentState.OPEN:
            raise Conflict(f"the incident is {incident.state.value}", remedy="call its drone back first, or open a new incident")
        policy = msgspec.structs.replace(self.policy, flown=frozenset(Grade), explain=1)
        decision = self._decide(incident, Fleet([self._book.drone(vehicle_id)]), policy)
        outcome = decision.outcome
        if isinstance(outcome, NoDrone):
            reasons = outcome.considered[0].reason.text if outcome.considered else outcome.reasons[0].text
            raise Refused(f"{vehicle_id} may not fly there: {reasons}", remedy="choose another drone")
        # What a person typed is kept with the decision, which can be erased; the ledger gets the program's own words.
        chosen = Reason(code=Code.CHOSEN_BY_PERSON, text="chosen by a person", vehicle_id=vehicle_id)
        words = Reason(code=Code.CHOSEN_BY_PERSON, text=reason, vehicle_id=vehicle_id)
        acted = msgspec.structs.replace(outcome, reasons=(chosen, *outcome.reasons))
        shown = Considered(vehicle_id=vehicle_id, eta_s=outcome.eta_s, reason=words)
        kept = msgspec.structs.replace(decision, outcome=msgspec.structs.replace(acted, considered=(shown,)))
        return await self._act(incident, kept, acted, by)

    async def recall(self, mission_id: str, by: str, reason: str) -> None:
        """Call a flight back. Its incident, when nobody has seen it yet, waits for a person to send another.

        Raises:
            NotFound: no such mission.
            Conflict: it is over.
        """
        await self._call_back(mission_id, by, (RECALLED, "called back by a person", f"called back by a person: {reason}"))

    async def bring_home(self, mission_id: str) -> None:
        """Call a flight back because the program ends; its incident is looked at again when it starts. As `recall`."""
        await self._call_back(mission_id, DISPATCH, (RUN_ENDS, "the program ends", "the program ends; next when it starts"))

    async def _call_back(self, mission_id: str, by: str, words: tuple[str, str, str]) -> None:
        mission = self._flight.missions.get(mission_id)
        if mission.phase.is_final:
            raise Conflict("the flight is over", remedy="nothing is left to call back")
        decision, order = called_back(mission, by, *words, self._clock.now())
        already = mission.incident_id in self._held
        self._held.add(mission.incident_id)
        try:
            await self._record([self._kept(decision)], [order])
        except BaseException:
            self._held -= set() if already else {mission.incident_id}
            raise

    async def withdraw(self, incident_id: str, by: str, reason: str) -> None:
        """Close an incident that needs no drone any more; its drone is called back.

        Raises:
            NotFound, Conflict: no such incident, or closed already.
        """
        await self._intake.moved(incident_id, IncidentState.CLOSED, close_reason=CloseReason.WITHDRAWN, reason=reason, by=by)

    def decisions_for(self, incident_id: str) -> tuple[Decision, ...]:
        """The latest decisions about an incident, oldest first; none for one that was closed long ago."""
        kept = self.decisions.find(incident_id)
        return () if kept is None else kept.decisions

    # --- what flight and intake say -----------------------------------------------------------------------------------

    async def _on_opened(self, message: IncidentOpened) -> None:
        await self.consider(message.incident_id)

    async def _on_incident(self, message: IncidentChanged) -> None:
        if message.state == IncidentState.OPEN:
            await self.consider(message.incident_id)
        elif message.state == IncidentState.CLOSED:
            await self._on_closed(message.incident_id)

    async def _on_closed(self, incident_id: str) -> None:
        """Call back a drone that still goes there, and keep the decisions for a while."""
        mission_id = self._serving.pop(incident_id, None)
        self._told.pop(incident_id, None)
        self._held.discard(incident_id)
        self._standing.discard(incident_id)
        self._forget_later(incident_id)
        mission = None if mission_id is None else self._flight.missions.find(mission_id)
        if mission is None or mission.incident_id != incident_id or leaves(mission):
            return
        why = Reason(code="withdrawn", text="the incident was closed", vehicle_id=mission.vehicle_id)
        order = RecallOrdered(at=self._clock.now(), mission_id=mission.mission_id, ordered_by=DISPATCH, reason=why)
        await self._record([], [order])

    async def _on_mission(self, message: MissionChanged) -> None:
        self._book.changed(message.vehicle_id)
        if message.phase == Phase.ABORTED:
            self._book.rest(message.vehicle_id, self._clock.now() + ABORT_REST)
        if self._serving.get(message.incident_id) == message.mission_id and message.mission_id not in self._behind:
            try:
                await self._serve(message)
            except (StoreUnavailable, LedgerBroken):
                self._behind.add(message.mission_id)
        if message.phase == Phase.RETURNING:
            await self._consider_news()

    async def _serve(self, message: MissionChanged) -> None:
        """Move the incident of a mission with it."""
        incident = self._intake.incidents.find(message.incident_id)
        if incident is not None and message.phase == Phase.ON_SCENE:
            await self._seen(incident, message.at)
        elif incident is not None and (message.phase in LEAVING or self._gave_up(message)):
            await self._leave(incident, message.reason.text)

    async def _follow(self, mission: Mission) -> None:
        """The same by the mission as it stands, after what was said of it could not be followed."""
        incident = self._intake.incidents.get(mission.incident_id)
        if mission.eyes_on_at is not None and mission.serving == mission.incident_id:
            await self._seen(incident, mission.eyes_on_at)
            incident = self._intake.incidents.get(mission.incident_id)
        if leaves(mission):
            await self._leave(incident, "its drone has left" if mission.return_reason is None else mission.return_reason.text)

    def _gave_up(self, message: MissionChanged) -> bool:
        """It is not heard, or does not know where it is, and will come home: the incident need not wait until it does."""
        mission = self._flight.missions.find(message.mission_id)
        return message.phase == Phase.CONTINGENCY and mission is not None and leaves(mission)

    async def _seen(self, incident: Incident, at: datetime) -> None:
        if incident.state is IncidentState.ASSIGNED:
            await self._intake.moved(incident.incident_id, IncidentState.ON_SCENE, eyes_on_at=at)

    async def _leave(self, incident: Incident, reason: str) -> None:
        mission_id = self._serving.pop(incident.incident_id, None)
        left = None if mission_id is None else self._flight.missions.find(mission_id)
        try:
            moves = self._release(incident, mission_id, True, reason)
            if left is not None:
                self._passed_on(incident.incident_id, left)  # before anybody hears that it waits
            for moved, message in moves:
                await self._record([(self._intake.incidents, moved)], [message])
        except BaseException:
            if mission_id is not None:
                self._serving[incident.incident_id] = mission_id
            raise

    async def _on_vehicle(self, message: VehicleChanged) -> None:
        self._book.changed(message.vehicle_id)
        if message.status in ("ready", "charging"):
            await self._consider_news()

    async def _on_dock(self, message: DockChanged) -> None:
        self._book.dock_changed(message.dock_id, message.status)

    def _forget_later(self, incident_id: str) -> None:
        self._closed.append(incident_id)
        if len(self._closed) > KEPT_CLOSED:
            self.decisions.forget(self._closed.popleft())
