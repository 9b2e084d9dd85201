"""A live operation to break things in: the program in this process, its drones and docks in another one, over real MAVLink.

What the drones themselves write down is kept by their program, which is told of faults and knows nothing of ours: the witness.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import shapely

from bowstreet.airspace.model import Zone
from bowstreet.commands.up import DEMO_WIND
from bowstreet.flight.model import Mission, Phase
from bowstreet.flight.reckoning import distance_m
from bowstreet.geo import Position, to_grid
from bowstreet.intake.model import CallReport, Grade, Incident
from bowstreet.messages import (
    CommandIssued,
    ControlReleased,
    ControlTaken,
    DockChanged,
    IncidentChanged,
    LaunchAuthorised,
    Message,
    MissionChanged,
    MissionRetasked,
    NoDroneAvailable,
    VehicleChanged,
)
from bowstreet.operations import demo_operation
from bowstreet.process import Process
from bowstreet.runtime import logs
from bowstreet.simulation.city import planned
from bowstreet.simulation.hardware import Hardware
from bowstreet.tak.model import Partner
from bowstreet.wiring import start

HEARD = (
    LaunchAuthorised, MissionRetasked, NoDroneAvailable, MissionChanged, VehicleChanged, DockChanged, IncidentChanged,
    CommandIssued, ControlTaken, ControlReleased,
)  # fmt: skip
LOOK_REAL_S = 0.02


class Stage:
    """One run. Times are seconds of the operation's clock.

    Attributes:
        said: every message of the kinds above, in order.
        most_lag_s: the longest that the event loop was late: no reaction can be measured more finely.
    """

    def __init__(
        self, folder: Path, docks: Iterable[tuple[str, Position, int]], *, speed: float, zones: tuple[Zone, ...] = (),
        partners: tuple[Partner, ...] = (),
        cameras: bool = False,
    ) -> None:  # fmt: skip
        city = planned(list(docks))
        operation = demo_operation(city, calls=None, speed=speed, seed=3, port=None)
        operation = msgspec.structs.replace(operation, demand=None, zones=(*operation.zones, *zones), partners=partners)
        self.speed = speed
        self.hardware = Hardware(folder, city, speed, DEMO_WIND, 3, cameras=cameras)
        self.process = Process(operation, folder, self.hardware)
        self.said: list[Message] = []
        self.silence_s: dict[str, float] = {}  # vehicle -> how long it had been silent when it was told to be stale
        self.most_lag_s = 0.0
        self._calls = 0
        self._lag: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "Stage":
        logs.configure("critical", "console")
        await start(self.process)
        for kind in HEARD:
            self.process.bus.subscribe(kind, self._hear)
        self._lag = asyncio.get_running_loop().create_task(self._measure_lag())
        try:
            await self.until("every drone is ready", self._all_ready, 120)
        except BaseException:
            await self.__aexit__()
            raise
        self.most_lag_s = 0.0
        return self

    async def __aexit__(self, *exc: object) -> None:
        if self._lag is not None:
            self._lag.cancel()
        await self.process.stop()
        await self.hardware.stop()

    def _all_ready(self) -> bool:
        flight = self.process.flight
        return flight.wind() is not None and all(one.status in ("ready", "charging") for one in flight.picture.vehicles())

    async def _measure_lag(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            before = loop.time()
            await asyncio.sleep(0.01)
            self.most_lag_s = max(self.most_lag_s, (loop.time() - before - 0.01) * self.speed)

    async def _hear(self, message: Message) -> None:
        self.said.append(message)
        if isinstance(message, VehicleChanged) and message.status == "stale":
            since_s = (self.process.clock.now() - message.at).total_seconds()
            silent_s = self.process.link.heard_s_ago(message.vehicle_id)
            self.silence_s.setdefault(message.vehicle_id, (silent_s or 0.0) - since_s)

    # --- doing ------------------------------------------------------------------------------------------------------

    def now(self) -> datetime:
        return self.process.clock.now()

    async def until(self, what: str, is_so: Callable[[], Any], limit_s: float) -> Any:
        """Wait until it is so; gives what it says. Raises `AssertionError` when it does not come about in that time."""
        clock, give_up_s = self.process.clock, self.process.clock.monotonic_s() + limit_s
        while not (answer := is_so()):
            assert clock.monotonic_s() < give_up_s, f"not in {limit_s:g} s: {what}"
            await asyncio.sleep(LOOK_REAL_S)
        return answer

    async def sleep(self, seconds: float) -> None:
        await self.process.clock.sleep(seconds)

    async def call(self, at: Position, grade: Grade = Grade.IMMEDIATE) -> Incident:
        self._calls += 1
        report = CallReport(
            reported_at=self.now(),
            position=at,
            grade=grade,
            category="robbery",
            source="test",
            caller_reference=f"c{self._calls}",
        )
        return await self.process.intake.receive(report)

    async def flight_to(self, at: Position, *, phase: Phase = Phase.OUTBOUND, away_m: float = 0.0) -> Mission:
        """A call there, and the flight that goes to it, once it is in that phase and so far from its dock."""
        incident = await self.call(at)

        def there() -> Mission | None:
            for mission in self.missions_for(incident.incident_id):
                if mission.phase is phase and self.from_dock_m(mission) >= away_m:
                    return mission
            return None

        found: Mission = await self.until(f"a flight to {at} is {phase.value}", there, 300)
        return found

    async def fault(self, target: str, kind: str, **more: Any) -> datetime:
        """Begin a fault; gives the moment before it can have begun."""
        before = self.now()
        answer = await self.hardware.ask({"op": "fault", "target": target, "kind": kind, **more})
        assert answer == {"done": True}, answer
        return before

    async def bring_home(self, mission: Mission) -> None:
        """As a person in the control room would: at once, once it flies itself."""
        await self.process.dispatch.recall(mission.mission_id, "acc-1", "test")

    async def watch(self, vehicle_id: str, polygon: Any) -> tuple[list[datetime], "asyncio.Task[None]"]:
        """The moments at which the drone itself says that it is inside, from now until the task is cancelled."""
        inside: list[datetime] = []

        async def look() -> None:
            while True:
                at = self.now()
                truth = (await self.truth())[vehicle_id]
                place = to_grid(Position(latitude_deg=truth["latitude_deg"], longitude_deg=truth["longitude_deg"]))
                if not truth["landed"] and shapely.intersects_xy(polygon, place.easting_m, place.northing_m):
                    inside.append(at)
                await asyncio.sleep(LOOK_REAL_S)

        return inside, asyncio.get_running_loop().create_task(look())

    # --- what we say ------------------------------------------------------------------------------------------------

    def mission(self, mission: Mission) -> Mission:
        found = self.process.flight._book.mission(mission.mission_id)
        assert found is not None
        return found

    def vehicles_of(self, dock: int) -> list[str]:
        """The drones that live in the dock of this place in the list."""
        vehicles, docks = self.hardware.city.vehicles, self.hardware.city.docks
        return [one.vehicle_id for one in vehicles if one.home_dock_id == docks[dock].dock_id]

    def missions_for(self, incident_id: str) -> list[Mission]:
        return [one for one in self.process.flight.missions.all() if one.incident_id == incident_id]

    def incident(self, mission: Mission) -> Incident:
        return self.process.intake.incidents.get(mission.incident_id)

    def from_dock_m(self, mission: Mission) -> float:
        view = self.process.flight.picture.vehicle(mission.vehicle_id)
        dock = self.process.flight.picture.dock(mission.dock_id)
        return 0.0 if view.telemetry is None else distance_m(view.telemetry.position, dock.config.position)

    def changes(self, mission: Mission) -> list[MissionChanged]:
        return [one for one in self.said if isinstance(one, MissionChanged) and one.mission_id == mission.mission_id]

    def first(self, mission: Mission, *codes: str) -> MissionChanged | None:
        return next((one for one in self.changes(mission) if one.reason.code in codes), None)

    def codes(self, mission: Mission) -> list[str]:
        return [one.reason.code for one in self.changes(mission)]

    def after_s(self, since: datetime, mission: Mission, *codes: str) -> float:
        found = self.first(mission, *codes)
        assert found is not None, (codes, self.story(mission))
        return (found.at - since).total_seconds()

    def story(self, mission: Mission) -> str:
        told = self.changes(mission)
        return "; ".join(f"{(one.at - mission.authorised_at).total_seconds():.0f} {one.phase} {one.reason.code}" for one in told)

    async def over(self, mission: Mission, limit_s: float = 1_800) -> Mission:
        """The mission once it is over."""
        await self.until(
            f"the flight of {mission.vehicle_id} is over: {mission.incident_id}",
            lambda: self.mission(mission).phase.is_final,
            limit_s,
        )
        return self.mission(mission)

    # --- the witness ------------------------------------------------------------------------------------------------

    async def witness(self, name: str = "") -> list[dict[str, Any]]:
        """What the drones and docks wrote down, of all or of one."""
        answer = await self.hardware.ask({"op": "log"})
        return [one for one in answer["events"] if name in ("", one["name"])]

    async def truth(self) -> dict[str, dict[str, Any]]:
        """Where the drones really are, by vehicle."""
        answer = await self.hardware.ask({"op": "status"})
        return {one["vehicle_id"]: one for one in answer["vehicles"]}

    async def take_offs(self, vehicle_id: str) -> int:
        return Counter(one["event"] for one in await self.witness(vehicle_id))["takeoff"]
