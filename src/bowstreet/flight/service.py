"""Flies missions: hears vehicles and docks, asks the rules, has it recorded, then commands.

What a restart finds recorded and not settled is uncertain, and is never sent again: what telemetry shows decides (`recovery`).

Telemetry is not published message by message, which at 3,000 a second would cost more than everything else here: the latest word
of each vehicle is held in a table (`picture`), and each one is handed to `telemetry_sink`, which stores them in batches.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

import structlog

from bowstreet.accountability.recorder import Recorder
from bowstreet.errors import BowstreetError, Conflict, LedgerBroken, NotFound, StoreUnavailable
from bowstreet.flight import home, rules
from bowstreet.flight.book import Book, closing
from bowstreet.flight.docks import DOCK_STALE_S, Docks, FindRoute
from bowstreet.flight.failsafe import STALE_S
from bowstreet.flight.fleet import Craft, Grounding
from bowstreet.flight.model import (
    Airframe,
    Arm,
    CloseDock,
    DockConfig,
    DockStatus,
    Mission,
    Phase,
    TakeOff,
    Telemetry,
    VehicleConfig,
    VehicleStatus,
    Wind,
)
from bowstreet.flight.picture import Picture
from bowstreet.flight.pilots import PilotMayFly, Pilots
from bowstreet.flight.ports import DockReport, Outcome, Settled, VehicleLink
from bowstreet.flight.sending import WITHDRAWN, Lanes, Sending, Spawn
from bowstreet.flight.staying import Staying
from bowstreet.flight.step import Sight, Step, because
from bowstreet.flight.weather import Weather
from bowstreet.messages import (
    DockChanged,
    LaunchAuthorised,
    Message,
    MissionRetasked,
    Reason,
    RecallOrdered,
    VehicleChanged,
    VehicleGrounded,
    VehicleReleased,
)
from bowstreet.runtime.ports import Bus, Clock, Store
from bowstreet.runtime.records import Collection

log = structlog.get_logger(__name__)

OnDeadline = Callable[[str, datetime | None], None]

# A lid that nobody needs is closed after this long: it may have been kept open for a flight that went elsewhere.
LID_IDLE = timedelta(seconds=60)
# How often the service looks at what time alone brings about.
TICK_S = 0.5
# A store that has taken nothing for this long is no hiccup.
NO_RECORD_S = 10.0
_GOING = (Phase.CLIMBING, Phase.OUTBOUND, Phase.ON_SCENE)


class FlightService:
    """All vehicles, docks and missions of one operation.

    Args:
        link: to vehicles and docks; this service becomes its listener.
        airframes: by the names that `vehicles` use.
        wind: at transit height; None as long as nobody knows. Left out, the docks tell it.
        find_route: asks airspace for a way home, or back to a scene, from anywhere; what it cannot clear is flown straight.
        pilot_may_fly: as `Pilots` asks it.
        telemetry_sink: is handed each telemetry.
        spawn: runs a lane of commands apart, live. Left out, commands are sent on the spot: the link must answer at once.
        on_deadline: told, whenever a mission has changed, when it wants `tick` at the latest; None when it does not.
        survey_s: how often `tick` looks at every vehicle and dock, not only at those with something due.
    """

    def __init__(
        self,
        recorder: Recorder,
        store: Store,
        bus: Bus,
        clock: Clock,
        link: VehicleLink,
        *,
        vehicles: Iterable[VehicleConfig],
        docks: Iterable[DockConfig],
        airframes: Mapping[str, Airframe],
        wind: Callable[[], Wind | None] | None = None,
        find_route: FindRoute = lambda start, end, height_m: None,
        pilot_may_fly: PilotMayFly = lambda mission, start, place, reach_m: None,
        telemetry_sink: Callable[[Telemetry], None] | None = None,
        spawn: Spawn | None = None,
        on_deadline: OnDeadline | None = None,
        survey_s: float = TICK_S,
    ) -> None:
        self._recorder, self._store, self._bus, self._clock, self._link = recorder, store, bus, clock, link
        self._sink, self._on_deadline, self._survey_s = telemetry_sink, on_deadline, survey_s
        self._crafts = {one.vehicle_id: Craft(one, airframes[one.airframe]) for one in vehicles}
        system_ids = {vehicle_id: craft.config.system_id for vehicle_id, craft in self._crafts.items()}
        self._docks = Docks(docks, system_ids, find_route)
        self._dock_told = dict.fromkeys(self._docks.configs, DockStatus.UNSEEN)
        self._book = Book(recorder, clock, self._shows)
        self._groundings: Collection[Grounding] = Collection("grounding", Grounding, id_of=lambda one: one.vehicle_id)
        self._lanes = Lanes(link, self._may_send, self._on_settled, spawn)
        self._active: dict[str, str] = {}  # mission -> vehicle, of all that are not over
        self._weather = Weather(clock, wind)
        self._surveyed_s, self._tidied = -survey_s, 0
        self.received: Counter[str] = Counter()
        self.pilots = Pilots(clock, self._flying, self._sight, self._apply, pilot_may_fly)
        self.staying = Staying(clock, self._flying, self._sight, self._apply, self._look)
        self.picture = Picture(self._crafts, self._docks, self._book, link)
        link.listen(self.on_telemetry, self.on_dock)
        bus.subscribe(LaunchAuthorised, self._on_launch)
        bus.subscribe(RecallOrdered, self._on_recall)
        bus.subscribe(MissionRetasked, self._on_retasked)

    @property
    def missions(self) -> Collection[Mission]:
        return self._book.missions

    # --- starting and stopping --------------------------------------------------------------------------------------

    async def load(self) -> None:
        """Take up what was left when the program stopped. Nothing is sent before its vehicle has been heard."""
        await self._groundings.load(self._store)
        for grounding in self._groundings.all():
            if grounding.vehicle_id in self._crafts:
                self._crafts[grounding.vehicle_id].grounded = grounding.reason
        for mission in await self._book.load(self._store, list(self._crafts), list(self._docks.configs)):
            self._shows(mission)
            self._deadline(mission)
            if mission.pilot is not None:
                self.pilots.heard(mission.pilot)

    async def run(self) -> None:
        """Live: `tick` twice a second, for ever. The simulation calls `tick` itself."""
        while True:
            await self._clock.sleep(TICK_S)
            try:
                await self.tick()
            except Exception:
                # The edge of a task that must not end: flights depend on it.
                log.exception("a tick failed")

    async def flush(self) -> None:
        """Record what is held back. Call it before the store is closed, and at the end of a simulation."""
        await self._book.flush()

    # --- what comes in ----------------------------------------------------------------------------------------------

    async def on_telemetry(self, telemetry: Telemetry) -> None:
        """A vehicle's word. One from a vehicle that is not configured, or that comes out of order, is counted and left."""
        craft = self._crafts.get(telemetry.vehicle_id)
        if craft is None:
            self.received["unknown"] += 1
            return
        before = craft.telemetry
        if before is not None and telemetry.at < before.at:
            self.received["out-of-order"] += 1
            return
        self.received["telemetry"] += 1
        craft.hear(telemetry)
        if before is None or before.landed is not telemetry.landed:
            self._stands(craft)
        if self._sink is not None:
            self._sink(telemetry)
        if craft.mission_id is not None:
            await self._look(craft.mission_id)
            if craft.told[0] is VehicleStatus.BUSY and craft.mission_id is not None:
                return
        await self._judge(craft)

    async def on_dock(self, report: DockReport) -> None:
        """A dock's word. Missions that are bound there are looked at when it says something new."""
        dock_id = report.dock_id
        if dock_id not in self._docks.configs:
            self.received["unknown"] += 1
            return
        news = self._docks.hear(report, self._clock.now())
        self._weather.hear(report, self._docks.reports.values())
        if news:
            await self._judge_dock(dock_id)
            for mission_id in self._docks.bound_there(dock_id):
                await self._look_safely(mission_id)

    async def tick(self) -> None:
        """What time alone brings about: time-outs, silence, pilots gone. Live twice a second, in simulation at deadlines."""
        now, now_s = self._clock.now(), self._clock.monotonic_s()
        await self._book.flush()
        if now_s - self._surveyed_s >= self._survey_s:
            self._surveyed_s = now_s
            await self._survey(now)
        if self._recorder.failing_since is not None and (now - self._recorder.failing_since).total_seconds() > NO_RECORD_S:
            await self._all_home(now)
        for mission_id in list(self._active):
            mission = self._book.mission(mission_id)
            if mission is not None and self._wants_a_look(mission, now):
                await self._look_safely(mission_id)

    def _wants_a_look(self, mission: Mission, now: datetime) -> bool:
        deadline = rules.next_deadline(mission)
        if deadline is not None and deadline <= now:
            return True
        if mission.phase is Phase.CONTINGENCY or mission.recovering_since is not None:
            return False
        ago_s = self._link.heard_s_ago(mission.vehicle_id)
        return mission.phase is Phase.CONTROLLED or ago_s is None or ago_s > STALE_S

    async def _survey(self, now: datetime) -> None:
        """Every vehicle and dock: is it still heard, does it stand where it stood, is its lid open for nobody."""
        for dock_id in self._docks.reports:
            ago_s = self._link.heard_s_ago(dock_id)
            silent = ago_s is not None and ago_s > DOCK_STALE_S
            if silent is not (dock_id in self._docks.silent):
                self._docks.silent ^= {dock_id}
                await self._judge_dock(dock_id)
                for mission_id in self._docks.bound_there(dock_id):
                    await self._look_safely(mission_id)
        for craft in self._crafts.values():
            at_rest = craft.mission_id is None and craft.telemetry is not None and craft.telemetry.landed
            if at_rest and craft.telemetry is not craft.stood:
                self._stands(craft)
            await self._judge(craft)
        for dock_id in self._docks.left_open(now, LID_IDLE):
            await self._close_idle(dock_id, now)

    async def _close_idle(self, dock_id: str, now: datetime) -> None:
        self._tidied += 1
        sending = closing(dock_id, f"{dock_id}-idle-{now:%Y%m%dT%H%M%S}-{self._tidied}")
        try:
            await self._book.order(sending)
        except (StoreUnavailable, LedgerBroken) as error:
            log.error("a lid stays open, because closing it cannot be recorded", dock_id=dock_id, error=str(error))
            return
        await self._lanes.send([sending])

    # --- what is ordered --------------------------------------------------------------------------------------------

    async def _on_launch(self, message: LaunchAuthorised) -> None:
        mission = await self.missions.fetch(message.mission_id)
        if mission.phase.is_final or mission.mission_id in self._active:
            return  # delivered again
        why = self._not_launched(mission)
        if why is not None:
            await self._book.abort(mission, why)
            return
        self._shows(mission)
        self._deadline(mission)
        await self._judge(self._crafts[mission.vehicle_id])
        await self._look(mission.mission_id)

    def _not_launched(self, mission: Mission) -> Reason | None:
        craft = self._crafts.get(mission.vehicle_id)
        if craft is None:
            return because(mission, "no-vehicle", "there is no such vehicle")
        if craft.mission_id is not None:
            return because(mission, "busy", "it has another mission")
        if craft.grounded is not None:
            return because(mission, "grounded", f"taken out of service: {craft.grounded}")
        if mission.bound_for not in self._docks.configs or mission.dock_id not in self._docks.configs:
            return because(mission, "no-dock", "there is no such dock")
        return None

    async def _on_recall(self, message: RecallOrdered) -> None:
        mission = self._book.mission(message.mission_id)
        if mission is not None and mission.mission_id in self._active:
            await self._apply(mission, rules.recall(mission, message.reason, self._sight(mission), self._clock.now()))

    async def _on_retasked(self, message: MissionRetasked) -> None:
        mission = self._book.mission(message.mission_id)
        if mission is not None and mission.mission_id in self._active:
            self._docks.claim(mission)
            await self._look(mission.mission_id)

    async def reroute(self, mission_id: str, outbound: home.Route, homeward: home.Route, reason: Reason) -> None:
        """A zone has become active across a flight's way: fly it by these ways (see `rules.rerouted`)."""
        mission = self._flying(mission_id)
        await self._apply(mission, rules.rerouted(mission, outbound, homeward, reason, self._sight(mission), self._clock.now()))

    # --- one look at a mission --------------------------------------------------------------------------------------

    def _sight(self, mission: Mission) -> Sight:
        craft = self._crafts[mission.vehicle_id]
        wind = self._weather.known()
        return Sight(
            telemetry=craft.telemetry,
            heard_s_ago=self._link.heard_s_ago(mission.vehicle_id),
            doubt=craft.doubt,
            airframe=craft.airframe,
            wind=wind,
            docks=self._docks,
            bingo=craft.bingo(mission, wind),
            pilot_silent_s=0.0 if mission.pilot is None else self.pilots.silent_s(mission.pilot),
            zoom_most=craft.config.zoom_most,
        )

    def wind(self) -> Wind | None:
        """The wind at transit height as flights reckon with it; None when nobody tells it."""
        return self._weather.wind()

    async def _look(self, mission_id: str) -> None:
        mission = self._book.mission(mission_id)
        if mission is None:
            return
        step = rules.advance(mission, self._sight(mission), self._clock.now())
        if step is not None:
            await self._apply(mission, step)

    async def _look_safely(self, mission_id: str) -> None:
        try:
            await self._look(mission_id)
        except BowstreetError as error:
            # One flight's trouble is not another's.
            log.error("a mission could not be advanced", mission_id=mission_id, error=str(error))

    async def _apply(self, before: Mission, step: Step | None, extra: Sequence[Message] = ()) -> None:
        """Record a step with everything it orders and tells; then send what it orders."""
        if step is None:
            return
        try:
            after, sendings = await self._book.write(step, extra)
        except (StoreUnavailable, LedgerBroken) as error:
            log.error("a mission cannot be recorded", mission_id=before.mission_id, phase=before.phase.value, error=str(error))
            if not before.phase.is_airborne:
                return  # launches fail closed; the next look tries again
            after, sendings = self._book.keep(self._safe(before, step), extra)
        self._deadline(after)
        await self._judge(self._crafts[after.vehicle_id])
        await self._lanes.send(sendings)

    def _safe(self, before: Mission, step: Step) -> Step:
        """Without a record, and in the air: it is brought home all the same, and recorded when that can be done again."""
        if step.mission.phase not in _GOING:
            return step
        return self._home_unrecorded(before, self._clock.now()) or step

    def _home_unrecorded(self, mission: Mission, now: datetime) -> Step | None:
        why = because(mission, "no-record", "the record cannot be written: every flight comes home")
        return rules.recall(mission, why, self._sight(mission), now)

    async def _all_home(self, now: datetime) -> None:
        """Flights that have nothing to record come home as well, until one can be recorded. A pilot's is the pilot's to fly."""
        for mission in self.active_missions():
            if mission.phase in _GOING and self._recorder.failing_since is not None:
                await self._apply(mission, self._home_unrecorded(mission, now))

    def _shows(self, mission: Mission) -> None:
        """Docks, vehicle and list of active missions, as this mission now says."""
        self._docks.claim(mission)
        craft = self._crafts[mission.vehicle_id]
        if not mission.phase.is_final:
            self._active[mission.mission_id] = mission.vehicle_id
            craft.mission_id = mission.mission_id
        else:
            self._active.pop(mission.mission_id, None)
            if craft.mission_id == mission.mission_id:
                craft.mission_id = None

    def _deadline(self, mission: Mission) -> None:
        if self._on_deadline is not None:
            self._on_deadline(mission.mission_id, rules.next_deadline(mission))

    # --- commands ---------------------------------------------------------------------------------------------------

    def _may_send(self, sending: Sending) -> bool:
        """Asked right before a command leaves: since it was recorded, another mission may have come to need the lid open."""
        mission_id, command = sending.mission_id, sending.command
        if isinstance(command, CloseDock) and self._docks.lid_needed(command.dock_id, mission_id or ""):
            return False
        if mission_id is not None and not rules.may_send(self._book.mission(mission_id), command):
            return False
        self._docks.ordered(command, self._clock.now())
        return True

    async def _on_settled(self, sending: Sending, answer: Settled) -> None:
        self._book.settled(sending, answer)
        mission = None if sending.mission_id is None else self._book.mission(sending.mission_id)
        if mission is None or mission.mission_id not in self._active:
            return
        if answer.detail == WITHDRAWN and not isinstance(sending.command, Arm | TakeOff):
            return
        if answer.outcome is Outcome.ACCEPTED and not rules.matters_when_accepted(sending.command):
            return
        step = rules.settled(mission, sending.command, answer.outcome, answer.detail, self._sight(mission), self._clock.now())
        if step is not None:
            await self._apply(mission, step)
            await self._look(mission.mission_id)
        elif answer.outcome is not Outcome.ACCEPTED:
            await self._book.flush()

    # --- status -----------------------------------------------------------------------------------------------------

    def _stands(self, craft: Craft) -> None:
        """Take note of the dock that a vehicle stands in, now that it may be another."""
        telemetry = craft.stood = craft.telemetry
        dock_id = None
        if telemetry is not None and telemetry.landed:
            dock_id = self._docks.near(telemetry.position) if not craft.doubt else craft.stands_in
        if dock_id != craft.stands_in:
            craft.stands_in = dock_id
            craft.last_dock = dock_id or craft.last_dock
            self._docks.park(craft.config.vehicle_id, dock_id)

    async def _judge(self, craft: Craft) -> None:
        vehicle_id = craft.config.vehicle_id
        standing = craft.judge(self._link.heard_s_ago(vehicle_id))
        if standing != craft.told:
            craft.told = standing
            status, reason = standing
            await self._bus.publish(
                VehicleChanged(at=self._clock.now(), vehicle_id=vehicle_id, status=status.value, reason=reason)
            )

    async def _judge_dock(self, dock_id: str) -> None:
        status = self._docks.status(dock_id)
        if status is not self._dock_told[dock_id]:
            self._dock_told[dock_id] = status
            await self._bus.publish(DockChanged(at=self._clock.now(), dock_id=dock_id, status=status.value))

    # --- people -----------------------------------------------------------------------------------------------------

    async def ground(self, vehicle_id: str, by: str, reason: str) -> None:
        """Out of service: it is sent nowhere any more. A flight that is under way is not ended by this; recall it."""
        craft = self._craft(vehicle_id)
        now = self._clock.now()
        await self._recorder.record(
            save=[(self._groundings, Grounding(vehicle_id=vehicle_id, at=now, by=by, reason=reason))],
            messages=[VehicleGrounded(at=now, vehicle_id=vehicle_id, by=by, reason=reason)],
        )
        craft.grounded = reason
        await self._judge(craft)

    async def release(self, vehicle_id: str, by: str, reason: str) -> None:
        """Back in service. One that is in service stays so, and nothing is recorded."""
        craft = self._craft(vehicle_id)
        if vehicle_id in self._groundings:
            told = VehicleReleased(at=self._clock.now(), vehicle_id=vehicle_id, by=by, reason=reason)
            await self._recorder.record(remove=[(self._groundings, vehicle_id)], messages=[told])
        craft.grounded = None
        await self._judge(craft)

    def _craft(self, vehicle_id: str) -> Craft:
        if vehicle_id not in self._crafts:
            raise NotFound(f"there is no vehicle '{vehicle_id}'", remedy="ask for the list of vehicles")
        return self._crafts[vehicle_id]

    def _flying(self, mission_id: str) -> Mission:
        mission = self._book.mission(mission_id)
        if mission is None:
            return self.missions.get(mission_id)
        if mission.mission_id not in self._active:
            raise Conflict("the flight is over", remedy="choose one that is under way")
        if mission.recovering_since is not None:
            raise Conflict("the program has just started and has not heard it yet", remedy="ask again in a few seconds")
        return mission

    # --- what others may see ----------------------------------------------------------------------------------------

    def active_missions(self) -> list[Mission]:
        """All that are not over, in order of id."""
        return [found for mission_id in sorted(self._active) if (found := self._book.mission(mission_id)) is not None]

    def mission_of(self, vehicle_id: str) -> Mission | None:
        """The mission that a vehicle has now."""
        return self._book.mission(self._craft(vehicle_id).mission_id or "")

    def next_deadline(self) -> datetime | None:
        """The earliest moment at which `tick` has something to do for a mission."""
        return min((moment for one in self.active_missions() if (moment := rules.next_deadline(one)) is not None), default=None)

    def counts(self) -> dict[str, dict[str, int]]:
        """Figures for the metrics page: missions by phase, vehicles and docks by status, commands by outcome, what was heard."""
        return {
            "missions": dict(Counter(mission.phase.value for mission in self.missions.all())),
            "vehicles": dict(Counter(craft.told[0].value for craft in self._crafts.values())),
            "docks": dict(Counter(status.value for status in self._dock_told.values())),
            "commands": {**self._lanes.outcomes, "waiting": self._lanes.waiting, "unsettled": self._book.unsettled},
            "received": dict(self.received),
            "unrecorded": {"missions": self._book.unrecorded},
        }
