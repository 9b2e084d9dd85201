"""The same services as live, on a simulated clock, without sockets, threads or an event loop.

Calls, vehicles and deadlines come in order of time, and each is done to its end before the next. With in-memory drivers no
service ever waits, so a coroutine is driven by hand. The same seed gives the same run, to the last byte of the ledger.
"""

import functools
from collections.abc import Callable, Coroutine, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
import shapely

from bowstreet.accountability.recorder import Recorder, seeded_salts
from bowstreet.airspace import london as london_zones
from bowstreet.airspace.model import Datum, Limit, Permission, Restriction, Zone
from bowstreet.airspace.rules import OPERATING_VOLUME
from bowstreet.airspace.service import AirspaceService
from bowstreet.dispatch.model import Code
from bowstreet.dispatch.policy import Policy
from bowstreet.dispatch.relay.service import RelayService
from bowstreet.dispatch.rules import deadline
from bowstreet.dispatch.service import DispatchService
from bowstreet.dispatch.traffic import Traffic
from bowstreet.flight.model import Waypoint
from bowstreet.flight.plan import waypoints
from bowstreet.flight.service import FlightService
from bowstreet.geo import Position, to_grid
from bowstreet.intake.callfile import Row
from bowstreet.intake.model import CallReport, IncidentState
from bowstreet.intake.replay import Due, take_in
from bowstreet.intake.service import IntakeService
from bowstreet.messages import IncidentChanged, IncidentOpened, NoDroneAvailable, WatchWanted
from bowstreet.runtime.bus import InlineBus
from bowstreet.runtime.clock import SimulatedClock
from bowstreet.runtime.ids import SeededIds
from bowstreet.runtime.memory import MemoryStore
from bowstreet.simulation.agenda import Agenda, drive
from bowstreet.simulation.city import City, on_grid
from bowstreet.simulation.discrete import DiscreteFleet
from bowstreet.simulation.mishaps import FaultRates
from bowstreet.simulation.weather import SeededWind

OPERATOR = "metropolitan-police"
# While incidents wait, the queue is looked at this often: charge grows, the wind changes.
CONSIDER_EVERY_S = 60.0
# While eyes are wanted somewhere, watches are looked at this often; live it is each second.
WATCH_EVERY_S = 5.0
# Every vehicle and dock is looked at this often, whether or not something is due. Nothing is silent here that does not say so.
SURVEY_S = 900.0
# After the last call, until every drone is home and every incident closed; the longest target is an hour, a battery half an hour.
MOST_AFTERMATH = timedelta(hours=6)
# How far over the boundary of the area a drone may go on its way.
VOLUME_MARGIN_M = 2_000.0


class World(msgspec.Struct, frozen=True, kw_only=True):
    """What a simulation is of."""

    city: City
    policy: Policy
    seed: int = 1
    faults: FaultRates = FaultRates()
    zones: tuple[Zone, ...] = ()
    permissions: tuple[Permission, ...] = ()
    mean_wind_mps: float | None = None


def operating_volume(city: City) -> Zone:
    """Where the simulated operator may fly at all: the area of the boroughs and a margin. It stands for no real approval."""
    area = shapely.union_all([on_grid(borough.polygon) for borough in city.area.boroughs])
    return Zone(
        zone_id="DEMO-VOLUME",
        name="simulated operating volume",
        kind=OPERATING_VOLUME,
        restriction=Restriction.CONDITIONAL,
        polygon=area.buffer(VOLUME_MARGIN_M),
        lower=Limit(height_m=0.0, datum=Datum.AGL),
        upper=Limit(height_m=120.0, datum=Datum.AGL),
        source="bowstreet simulation; not for operational use",
        permitted_operators=frozenset({OPERATOR}),
    )


def demo_zones(city: City) -> tuple[Zone, ...]:
    """London's flight restriction zones as the product knows them, and the simulated operating volume."""
    return (*london_zones.zones(), operating_volume(city))


class Kernel:
    """One simulated operation.

    Attributes:
        clock, store, recorder, intake, airspace, flight, dispatch: the services, as live.
        link: the simulated vehicles and docks.
    """

    def __init__(self, world: World, start: datetime) -> None:
        self.world = world
        city = world.city
        self.clock = SimulatedClock(start)
        self.agenda = Agenda(self.clock)
        self.store, self.bus = MemoryStore(), InlineBus()
        self.recorder = Recorder(self.store, self.bus, self.clock, salts=seeded_salts(world.seed))
        ids = SeededIds(world.seed, self.clock)
        mean = {} if world.mean_wind_mps is None else {"mean_mps": world.mean_wind_mps}
        self.weather = SeededWind(world.seed, self.clock, **mean)
        self.intake = IntakeService(self.recorder, self.store, self.clock, ids, city.area, check_future=False)
        self.airspace = AirspaceService(
            self.recorder,
            self.store,
            self.clock,
            zones=world.zones or demo_zones(city),
            permissions=world.permissions,
            operator=OPERATOR,
        )
        self.link = DiscreteFleet(
            self.agenda, city.vehicles, city.docks, city.airframes, self.weather.wind, seed=world.seed, faults=world.faults
        )
        self.flight = FlightService(
            self.recorder,
            self.store,
            self.bus,
            self.clock,
            self.link,
            vehicles=city.vehicles,
            docks=city.docks,
            airframes={airframe.name: airframe for airframe in city.airframes},
            wind=self.weather.wind,
            find_route=self._find_route,
            pilot_may_fly=lambda *asked: self.relay.heights.refuses(*asked),
            on_deadline=self._on_deadline,
            survey_s=SURVEY_S,
        )
        self.dispatch = DispatchService(
            self.recorder, self.clock, ids, self.intake, self.flight, self.airspace, self.weather, world.policy
        )
        self.relay = RelayService(self.recorder, self.clock, self.intake, self.flight, self.airspace, self.dispatch, self.weather)
        self.airspace.traffic = Traffic(self.flight)
        self._deadlines: dict[str, float] = {}
        self._considering, self._watching = False, False
        self._considered_in = self.weather.wind()
        self.why_none: dict[str, str] = {}  # incident -> the last reason why nobody was sent, while that could change
        self.bus.subscribe(IncidentOpened, self._on_opened)
        self.bus.subscribe(IncidentChanged, self._on_changed)
        self.bus.subscribe(NoDroneAvailable, self._on_none)
        self.bus.subscribe(WatchWanted, self._on_watch)

    # --- running ------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Load everything, and let every vehicle and dock be heard for the first time."""
        for load in (self.recorder.open, self.intake.load, self.airspace.load, self.flight.load):
            drive(load())
        drive(self.relay.load(self.store))
        drive(self.dispatch.load(self.store))
        drive(self.link.first_reports())

    def run(
        self, calls: Iterable[Due | CallReport], *, source: str = "simulation", on_call: Callable[[], None] = lambda: None
    ) -> None:
        """Take the calls in when they are due, and go on until every flight is over and no incident waits.

        Args:
            calls: in order of time; rows of a file, or reports as a demand model makes them.
            source: what rows are said to be from.
            on_call: called after each.
        """
        for call in calls:
            self._until(call.at if isinstance(call, Due) else call.reported_at)
            self._refresh()
            drive(take_in(self.intake, call.row, source) if isinstance(call, Due) else self._receive(call))
            on_call()
        self.finish()

    async def _receive(self, report: CallReport) -> None:
        await self.intake.receive(report)

    def finish(self) -> None:
        """Go on until nothing is open and nobody is in the air."""
        last = self.clock.now() + MOST_AFTERMATH
        while len(self.agenda) and self.clock.now() < last and not self.is_quiet():
            self.agenda.step()
        drive(self.flight.flush())

    def is_quiet(self) -> bool:
        """No incident waits and every mission is over."""
        waiting = self.intake.incidents.in_states(IncidentState.OPEN, IncidentState.ASSIGNED, IncidentState.ON_SCENE)
        return not waiting and not self.flight.active_missions()

    def run_to(self, moment: datetime) -> None:
        """Go on until then, for whoever looks in between."""
        self._until(moment)

    def _until(self, moment: datetime) -> None:
        self.agenda.run_to(self.agenda.seconds(moment))

    def _refresh(self) -> None:
        """Who is on the move says where, so that dispatch decides on places of now and not of the last event."""
        for craft in self.link.moving():
            drive(self.link.report(craft))

    def _find_route(self, start: Position, end: Position, height_m: float) -> tuple[Waypoint, ...] | None:
        way = self.airspace.way_home(to_grid(start), to_grid(end))
        return None if way is None else waypoints(way, height_m)

    # --- what is due --------------------------------------------------------------------------------------------------

    def _on_deadline(self, mission_id: str, moment: datetime | None) -> None:
        if moment is None:
            self._deadlines.pop(mission_id, None)
            return
        when_s = self.agenda.seconds(moment)
        if self._deadlines.get(mission_id) != when_s:
            self._deadlines[mission_id] = when_s
            self.agenda.at(when_s, lambda: self._due(mission_id, when_s))

    def _due(self, mission_id: str, when_s: float) -> Coroutine[Any, Any, None] | None:
        if self._deadlines.get(mission_id) != when_s:
            return None
        del self._deadlines[mission_id]
        return self.flight.tick()

    async def _on_opened(self, message: IncidentOpened) -> None:
        self._wait(message.incident_id)

    async def _on_changed(self, message: IncidentChanged) -> None:
        """Open again, because its drone turned back or a later report raised its grade; or open still, and graver."""
        if message.state == IncidentState.OPEN:
            self._wait(message.incident_id)

    def _wait(self, incident_id: str) -> None:
        """An incident that waits is looked at again and again, and for the last time when its time is up."""
        incident = self.intake.incidents.get(incident_id)
        if incident.state is not IncidentState.OPEN:
            return  # dispatch was told first: it has its drone. Should it lose that, it is open again
        until = deadline(incident)
        if until is not None:
            self.agenda.at(self.agenda.seconds(until), functools.partial(self.dispatch.consider, incident_id))
        if not self._considering:
            self._considering = True
            self.agenda.after(CONSIDER_EVERY_S, self._consider_again)

    async def _on_none(self, message: NoDroneAvailable) -> None:
        code = message.reasons[0].code
        if code != Code.EXPIRED:
            self.why_none[message.incident_id] = str(code)

    async def _on_watch(self, message: WatchWanted) -> None:
        if not self._watching:
            self._watching = True
            self.agenda.after(WATCH_EVERY_S, self._watch_again)

    async def _watch_again(self) -> None:
        """Again and again while eyes are wanted anywhere."""
        if not self.relay.wanted():
            self._watching = False
            return
        await self.relay.look()
        self.agenda.after(WATCH_EVERY_S, self._watch_again)

    async def _consider_again(self) -> None:
        """Again and again while somebody waits."""
        if not self.intake.incidents.in_states(IncidentState.OPEN):
            self._considering = False
            return
        wind = self.weather.wind()
        if wind is not self._considered_in or self.dispatch.waits_for_drones():
            # Who waits for leave or for the weather only is not helped by knowing where everybody is.
            self._considered_in = wind
            for craft in self.link.moving():
                await self.link.report(craft)
        await self.dispatch.consider_queue()
        self.agenda.after(CONSIDER_EVERY_S, self._consider_again)


def rows(calls: Sequence[Any]) -> list[Due]:
    """Calls from mappings with an aware `reported_at`, in order of time, as a file would give them."""
    found = [
        Due(datetime.fromisoformat(str(call["reported_at"])), Row(number, call, "", ""))
        for number, call in enumerate(calls, start=1)
    ]
    return sorted(found, key=lambda due: (due.at, due.row.line))
