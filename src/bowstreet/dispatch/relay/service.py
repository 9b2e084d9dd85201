"""Keeps eyes on scenes: plans each relief, sends it, hands the watch over, lets the other go. Records first.

Nothing here is remembered that the record does not have: a restart looks at the watches and the flights, and goes on from there.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import msgspec
import structlog

from bowstreet.accountability.recorder import Recorder, Save
from bowstreet.airspace.model import Clearance, Refusal
from bowstreet.airspace.service import AirspaceService
from bowstreet.dispatch.acts import DISPATCH
from bowstreet.dispatch.leaving import RELIEVED, WATCH_OVER, leaves, successor, under_way
from bowstreet.dispatch.model import Assignment, Code, Decision
from bowstreet.dispatch.ports import WindSource
from bowstreet.dispatch.relay import rules
from bowstreet.dispatch.relay.heights import Heights
from bowstreet.dispatch.relay.model import Outlook, Watch, WatchReason
from bowstreet.dispatch.relay.ports import NoSubjects, Subjects
from bowstreet.dispatch.reliefs import Recorded
from bowstreet.dispatch.rules import Clear
from bowstreet.dispatch.service import DispatchService
from bowstreet.errors import BadInput, BowstreetError, Conflict
from bowstreet.flight.energy import LEAST_ON_SCENE_S
from bowstreet.flight.model import Mission, Phase
from bowstreet.flight.service import FlightService
from bowstreet.geo import GridPoint, to_grid
from bowstreet.intake.model import Incident, IncidentState
from bowstreet.intake.service import IntakeService
from bowstreet.messages import (
    IncidentChanged,
    Message,
    MissionChanged,
    Reason,
    RecallOrdered,
    RelayPlanned,
    WatchEnded,
    WatchHandedOver,
    WatchWanted,
)
from bowstreet.runtime.ports import Clock, Store
from bowstreet.runtime.records import Collection

log = structlog.get_logger(__name__)

# Live, watches are looked at this often.
LOOK_EVERY_S = 1.0
# A relief is looked for this often; the margin is far longer.
PLAN_EVERY = timedelta(seconds=10)
WANTED, OVER = "wanted", "over"


class RelayService:
    """All watches of one operation.

    Args:
        wind: the same that dispatch asks.
        subjects: whose subject goes with the watch.
    """

    def __init__(
        self,
        recorder: Recorder,
        clock: Clock,
        intake: IntakeService,
        flight: FlightService,
        airspace: AirspaceService,
        dispatch: DispatchService,
        wind: WindSource,
        subjects: Subjects | None = None,
    ) -> None:
        self._recorder, self._clock, self._wind = recorder, clock, wind
        self._intake, self._flight, self._airspace, self._dispatch = intake, flight, airspace, dispatch
        self.subjects: Subjects = subjects or NoSubjects()
        self.heights = Heights(flight)
        self.watches: Collection[Watch] = Collection(
            "watch", Watch, id_of=lambda one: one.incident_id, state_of=lambda one: OVER if one.over else WANTED
        )
        self._outlooks: dict[str, Outlook] = {}
        self._planned_at: dict[str, datetime] = {}
        self._busy: set[str] = set()
        dispatch.wanted_until, dispatch.clear_for = self.wanted_until, self._clear_for
        recorder.bus.subscribe(MissionChanged, self._on_mission)
        recorder.bus.subscribe(IncidentChanged, self._on_incident)

    async def load(self, store: Store) -> None:
        """Take up the watches that are wanted; before dispatch is loaded, which asks about them."""
        await self.watches.load(store)

    async def run(self) -> None:
        """For live wiring, as a task."""
        while True:
            await self._clock.sleep(LOOK_EVERY_S)
            await self.look()

    # --- what people ask ----------------------------------------------------------------------------------------------

    async def keep(self, incident_id: str, reason: WatchReason, until: datetime, by: str) -> Watch:
        """Keep eyes on an incident until then. Asked again, it is wanted for that reason and until that time instead.

        Raises:
            NotFound: no such incident.
            Conflict: it is closed.
            BadInput: the end is less than five minutes, or more than four hours ahead.
        """
        incident, now = self._intake.incidents.get(incident_id), self._clock.now()
        if incident.state is IncidentState.CLOSED:
            raise Conflict("the incident is closed", remedy="open a new incident")
        if not rules.LEAST_WATCH <= until - now <= rules.MOST_WATCH:
            raise BadInput("a watch lasts from 5 minutes to 4 hours", remedy="ask again before it ends when it must be longer")
        standing = self.watch_of(incident_id)
        if standing is None:
            serving = self._dispatch.serving(incident_id)
            has_it = serving is not None and rules.sees(serving)
            standing = Watch(
                incident_id=incident_id, reason=reason, by=by, since=now, until=until,
                mission_id=serving.mission_id if serving is not None and has_it else "",
            )  # fmt: skip
        watch = _with(standing, reason=reason, by=by, until=until)
        said = WatchWanted(at=now, incident_id=incident_id, why=reason.value, until=until, by=by or DISPATCH)
        await self._record([(self.watches, watch)], [said])
        self._dispatch.reliefs.unhold(incident_id)
        self._planned_at.pop(incident_id, None)
        await self._look_safely(incident_id)
        if incident.state is IncidentState.OPEN:
            await self._dispatch.consider(incident_id)
        return self.watches.get(incident_id)

    async def let_go(self, incident_id: str, by: str) -> None:
        """Eyes are not wanted any more: a drone there stays as planned, its relief comes home. Twice is once."""
        self._intake.incidents.get(incident_id)
        watch = self.watch_of(incident_id)
        if watch is not None:
            await self._end(watch, "let go", by)

    def watch_of(self, incident_id: str) -> Watch | None:
        """The watch that is wanted on an incident now."""
        watch = self.watches.find(incident_id)
        return None if watch is None or watch.over else watch

    def wanted_until(self, incident_id: str) -> datetime | None:
        watch = self.watch_of(incident_id)
        return None if watch is None else watch.until

    def outlook(self, incident_id: str) -> Outlook:
        """What is ahead of a watch, as of the last look."""
        return self._outlooks.get(incident_id, Outlook())

    def wanted(self) -> list[Watch]:
        return self.watches.in_states(WANTED)

    # --- looking ------------------------------------------------------------------------------------------------------

    async def look(self) -> None:
        """Once: every watch, and every flight that follows a subject."""
        await self._follow()
        for watch in self.wanted():
            await self._look_safely(watch.incident_id)

    async def _follow(self) -> None:
        """Eyes stay where a subject is followed, as long as that is ordered."""
        now = self._clock.now()
        for mission in self._flight.active_missions():
            until = self.subjects.followed_until(mission.vehicle_id) if rules.sees(mission) else None
            if until is None or until - now < rules.LEAST_WATCH or self.watch_of(mission.incident_id) is not None:
                continue
            try:
                await self.keep(mission.incident_id, WatchReason.FOLLOWING, min(until, now + rules.MOST_WATCH), "")
            except BowstreetError as error:
                log.warning("a watch could not be begun", incident_id=mission.incident_id, problem=error.problem)

    async def _look_safely(self, incident_id: str) -> None:
        if incident_id in self._busy:
            return  # what it does now leads to another look
        self._busy.add(incident_id)
        try:
            await self._look(incident_id)
        except BowstreetError as error:
            # Fail closed: what was not recorded was not done. The next look tries again.
            log.warning("a watch could not be looked after", incident_id=incident_id, problem=error.problem)
        finally:
            self._busy.discard(incident_id)

    async def _look(self, incident_id: str) -> None:
        watch, incident, now = self.watch_of(incident_id), self._intake.incidents.find(incident_id), self._clock.now()
        if watch is None:
            return
        if incident is None or incident.state is IncidentState.CLOSED:
            await self._end(watch, "the incident was closed")
            return
        if now >= watch.until:
            await self._end(watch, "its time is over")
            return
        serving = self._dispatch.serving(incident_id)
        if serving is None:
            await self._noted(watch, None, now)
            self._outlooks[incident_id] = Outlook()
            return
        relief = successor(under_way(self._flight), serving)
        flown = {one.mission_id for one in self._flight.active_missions() if one.recovering_since is None}
        for mission in (serving, relief):
            if mission is not None and mission.stay_until != watch.until and mission.mission_id in flown:
                await self._flight.staying.until(mission.mission_id, watch.until)
        if relief is not None and rules.sees(relief):
            watch = await self._hand_over(watch, incident, serving, relief)
            serving, relief = relief, None
        watch = await self._noted(watch, serving, now)
        await self._release_relieved(watch, now)
        await self._plan(watch, incident, serving, relief, now)

    async def _noted(self, watch: Watch, serving: Mission | None, now: datetime) -> Watch:
        """Whether somebody sees the scene, and who: kept when it has changed."""
        if serving is not None and rules.sees(serving):
            if serving.mission_id != watch.mission_id:
                # Sent by the queue, or seen again after nobody did: the first eyes, or the end of a gap.
                return await self._handed(watch, serving, serving.eyes_on_at or now)
            if watch.dark_since is not None:
                gap_s = rules.gap_s(watch.dark_since, now)
                return await self._kept(_with(watch, dark_since=None, dark_s=watch.dark_s + gap_s))
        elif watch.mission_id and watch.dark_since is None:
            return await self._kept(_with(watch, dark_since=self._left_at(watch.mission_id) or now))
        return watch

    def _left_at(self, mission_id: str) -> datetime | None:
        mission = self._flight.missions.find(mission_id)
        return None if mission is None or mission.phase.is_final else mission.phase_since

    # --- the hand-over ------------------------------------------------------------------------------------------------

    async def _hand_over(self, watch: Watch, incident: Incident, outgoing: Mission, relief: Mission) -> Watch:
        seen_at = relief.eyes_on_at or self._clock.now()
        after, said = self._handover(watch, outgoing, relief, seen_at)
        await self._dispatch.reliefs.hand_over(incident, relief, Recorded([(self.watches, after)], [said]))
        self.subjects.hand_over(outgoing.vehicle_id, relief.vehicle_id)
        self._planned_at.pop(incident.incident_id, None)
        return after

    async def _handed(self, watch: Watch, serving: Mission, seen_at: datetime) -> Watch:
        before = self._flight.missions.find(watch.mission_id)
        if before is None:
            return await self._kept(_with(watch, mission_id=serving.mission_id, dark_since=None))
        after, said = self._handover(watch, before, serving, seen_at)
        await self._record([(self.watches, after)], [said])
        self.subjects.hand_over(before.vehicle_id, serving.vehicle_id)
        return after

    def _handover(self, watch: Watch, outgoing: Mission, relief: Mission, seen_at: datetime) -> tuple[Watch, WatchHandedOver]:
        dark_since = watch.dark_since
        if dark_since is None and not rules.sees(outgoing):
            dark_since = self._left_at(outgoing.mission_id)
        gap_s = rules.gap_s(dark_since, seen_at)
        after = _with(
            watch, mission_id=relief.mission_id, handed_at=self._clock.now(), dark_since=None, dark_s=watch.dark_s + gap_s,
            relieved_id="" if leaves(outgoing) else outgoing.mission_id, handovers=watch.handovers + 1,
        )  # fmt: skip
        said = WatchHandedOver(
            at=self._clock.now(), incident_id=watch.incident_id, from_mission_id=outgoing.mission_id,
            to_mission_id=relief.mission_id, from_vehicle_id=outgoing.vehicle_id, to_vehicle_id=relief.vehicle_id, gap_s=gap_s,
        )  # fmt: skip
        return after, said

    async def _release_relieved(self, watch: Watch, now: datetime) -> None:
        """Who was relieved goes home when viewers have changed over; one that a pilot flies is the pilot's to bring."""
        if not watch.relieved_id or now < (watch.handed_at or now) + timedelta(seconds=rules.OVERLAP_S):
            return
        relieved = self._flight.missions.find(watch.relieved_id)
        messages: list[Message] = []
        if relieved is not None and relieved.incident_id == watch.incident_id and not leaves(relieved):
            if relieved.phase is Phase.CONTROLLED:
                await self._flight.staying.until(relieved.mission_id, None)
            else:
                messages = [self._recall(relieved, RELIEVED, "relieved: another drone has the watch")]
        await self._record([(self.watches, _with(watch, relieved_id=""))], messages)

    # --- the next one -------------------------------------------------------------------------------------------------

    async def _plan(self, watch: Watch, incident: Incident, serving: Mission, relief: Mission | None, now: datetime) -> None:
        """Look ahead: who relieves the drone over the scene, and when it must be sent."""
        leaves_at = self._flight.staying.bingo_at(serving) if rules.sees(serving) else None
        if relief is not None or leaves_at is None:
            self._outlooks[incident.incident_id] = _ahead(leaves_at, relief)
            return
        if leaves_at >= watch.until or self._dispatch.reliefs.is_held(incident.incident_id):
            self._outlooks[incident.incident_id] = Outlook(leaves_at=leaves_at)
            return
        planned_at = self._planned_at.get(incident.incident_id)
        if planned_at is not None and now - planned_at < PLAN_EVERY:
            return
        self._planned_at[incident.incident_id] = now
        decision = self._choose(incident)
        chosen = decision.outcome
        if not isinstance(chosen, Assignment):
            first_s = self._first_s(incident)
            could_at = None if first_s is None else now + timedelta(seconds=first_s)
            ahead = Outlook(leaves_at=leaves_at, launch_at=could_at, why=chosen.reasons)
            await self._told(watch, serving, ahead)
            return
        extra_s = rules.climb_s(self._flight.picture.vehicle(chosen.vehicle_id).airframe, chosen.clearance.height_m_agl)
        launch_at = rules.launch_at(leaves_at, chosen.eta_s + extra_s)
        ahead = Outlook(leaves_at=leaves_at, launch_at=launch_at, vehicle_id=chosen.vehicle_id, why=chosen.reasons)
        if now < launch_at:
            await self._told(watch, serving, ahead)
            return
        text = f"relieves {serving.vehicle_id} before its charge is down to what the way home needs"
        why = Reason(code=Code.RELIEF, text=text, vehicle_id=chosen.vehicle_id)
        acted = msgspec.structs.replace(chosen, reasons=(why, *chosen.reasons))
        plan = self._plan_said(watch, serving, msgspec.structs.replace(ahead, why=acted.reasons))
        sent = await self._dispatch.reliefs.send(
            incident, msgspec.structs.replace(decision, outcome=acted), acted, serving, watch.until, extra_s, plan
        )
        self._planned_at.pop(incident.incident_id, None)
        self._outlooks[incident.incident_id] = _ahead(leaves_at, sent)

    def _choose(self, incident: Incident) -> Decision:
        """Somebody who can stay there for a while; else whoever can at all."""
        clear = self._clear(incident)
        decision = self._dispatch.reliefs.choose(incident, clear, rules.WORTH_S)
        if isinstance(decision.outcome, Assignment):
            return decision
        return self._dispatch.reliefs.choose(incident, clear, LEAST_ON_SCENE_S)

    def _clear_for(self, incident: Incident) -> Clear | None:
        return None if self.watch_of(incident.incident_id) is None else self._clear(incident)

    def _clear(self, incident: Incident) -> Clear:
        """Asks airspace for a way at a height that is apart from who is over the scene or near it."""
        scene = to_grid(incident.position)
        taken = self.heights.taken(scene)
        grounds = self._grounds()

        def clear(start: GridPoint, goal: GridPoint) -> Clearance | Refusal:
            ground_m = grounds.get(start)
            if ground_m is None:
                return self._airspace.clear(start, goal)
            fit = rules.levels(taken, ground_m, climbs_here=start.distance_m(scene) <= rules.NEAR_M)
            if not fit:
                text = "no height at the scene is apart from who is there already"
                return Refusal(reasons=(Reason(code="airspace-height", text=text),))
            return self._airspace.clear(start, goal, fit)

        return clear

    def _grounds(self) -> dict[GridPoint, float]:
        """The ground above which each drone's heights are reckoned, by the place where it would start."""
        picture = self._flight.picture
        grounds = {to_grid(one.config.position): one.config.ground_m_amsl for one in picture.docks()}
        for mission in self._flight.active_missions():
            telemetry = picture.vehicle(mission.vehicle_id).telemetry
            if mission.phase.is_airborne and telemetry is not None:
                grounds[to_grid(telemetry.position)] = picture.dock(mission.dock_id).config.ground_m_amsl
        return grounds

    def _first_s(self, incident: Incident) -> float | None:
        wind = self._wind.wind()
        if wind is None:
            return None
        fleet = self._dispatch.reliefs.fleet()
        return rules.first_able_s(fleet, to_grid(incident.position), wind, LEAST_ON_SCENE_S)

    async def _told(self, watch: Watch, serving: Mission, ahead: Outlook) -> None:
        """Show it; and record the first word about this drone, and whenever it has changed whether anybody can."""
        self._outlooks[watch.incident_id] = ahead
        if watch.planned_for != serving.mission_id or bool(watch.planned_id) is not bool(ahead.vehicle_id):
            said = self._plan_said(watch, serving, ahead)
            await self._record(said.saves, said.messages)

    def _plan_said(self, watch: Watch, serving: Mission, ahead: Outlook) -> Recorded:
        after = _with(watch, planned_for=serving.mission_id, planned_id=ahead.vehicle_id)
        said = RelayPlanned(
            at=self._clock.now(), incident_id=watch.incident_id, mission_id=serving.mission_id, vehicle_id=ahead.vehicle_id,
            leaves_at=ahead.leaves_at or self._clock.now(), launch_at=ahead.launch_at, reasons=ahead.why,
        )  # fmt: skip
        return Recorded([(self.watches, after)], [said])

    # --- the end ------------------------------------------------------------------------------------------------------

    async def _end(self, watch: Watch, why: str, by: str = "") -> None:
        now = self._clock.now()
        after = _with(watch, over=True, dark_s=watch.dark_s + rules.gap_s(watch.dark_since, now), dark_since=None)
        messages: list[Message] = [
            WatchEnded(
                at=now, incident_id=watch.incident_id, why=why, handovers=after.handovers, dark_s=after.dark_s, by=by
            )
        ]  # fmt: skip
        serving = self._dispatch.serving(watch.incident_id)
        there = [one for one in under_way(self._flight) if one.incident_id == watch.incident_id and not leaves(one)]
        for mission in there:
            watched = (watch.mission_id, "" if serving is None else serving.mission_id)
            relieves = mission.relieves != "" and mission.relieves in watched and mission != serving
            if relieves or mission.mission_id == watch.relieved_id:
                messages.append(self._recall(mission, WATCH_OVER, "eyes are not wanted there any more"))
        await self._record([(self.watches, after)], messages)
        self._outlooks.pop(watch.incident_id, None)
        self._planned_at.pop(watch.incident_id, None)
        if serving is not None and not leaves(serving) and serving.recovering_since is None and not serving.phase.is_final:
            await self._flight.staying.until(serving.mission_id, None)

    def _recall(self, mission: Mission, code: str, text: str) -> RecallOrdered:
        why = Reason(code=code, text=text, vehicle_id=mission.vehicle_id)
        return RecallOrdered(at=self._clock.now(), mission_id=mission.mission_id, ordered_by=DISPATCH, reason=why)

    async def _kept(self, watch: Watch) -> Watch:
        await self._record([(self.watches, watch)], [])
        return watch

    async def _record(self, saves: Iterable[Save], messages: Iterable[Message]) -> None:
        await self._recorder.record(save=list(saves), messages=list(messages))

    # --- what flight and intake say -----------------------------------------------------------------------------------

    async def _on_mission(self, message: MissionChanged) -> None:
        if self.watch_of(message.incident_id) is not None:
            self._planned_at.pop(message.incident_id, None)
            await self._look_safely(message.incident_id)

    async def _on_incident(self, message: IncidentChanged) -> None:
        if message.state == IncidentState.CLOSED and self.watch_of(message.incident_id) is not None:
            await self._look_safely(message.incident_id)


def _with(watch: Watch, **fields: Any) -> Watch:
    return msgspec.structs.replace(watch, **fields)


def _ahead(leaves_at: datetime | None, relief: Mission | None) -> Outlook:
    if relief is None:
        return Outlook(leaves_at=leaves_at)
    expected_at = relief.authorised_at + timedelta(seconds=relief.plan.expected_eyes_on_s)
    return Outlook(leaves_at=leaves_at, relief_id=relief.mission_id, relief_at=expected_at, vehicle_id=relief.vehicle_id)
