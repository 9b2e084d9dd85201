"""Faults in a live run over real MAVLink: a fleet in another process, whose own log is the witness. See live_faults.md."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.scenario.figures import measured

from bowstreet.commands.up import DEMO_WIND
from bowstreet.errors import StoreUnavailable
from bowstreet.flight.model import Mission, Phase, VehicleStatus
from bowstreet.geo import Position
from bowstreet.intake.model import CallReport, Grade, Incident, IncidentState
from bowstreet.messages import ControlReleased, LaunchAuthorised, Message, MissionChanged, VehicleChanged
from bowstreet.operations import demo_city, demo_operation
from bowstreet.process import Process
from bowstreet.runtime import logs
from bowstreet.runtime.ports import Batch
from bowstreet.simulation.hardware import Hardware
from bowstreet.wiring import start

pytestmark = pytest.mark.live

SPEED = 12.0
# Of the operation's clock: a second for the service's tick, and what a busy machine adds at this speed.
TICK_S = 3.0


class Run:
    """The Islington demo in this process, its drones in another, without calls of its own."""

    def __init__(self, folder: Path) -> None:
        self.hardware = Hardware(folder, demo_city("islington", None), SPEED, DEMO_WIND, 1)
        operation = demo_operation(self.hardware.city, calls=None, speed=SPEED, seed=1, port=None)
        self.process = Process(msgspec.structs.replace(operation, demand=None, edge=None), folder, self.hardware)
        self.said: list[tuple[float, Message]] = []
        self.calls = 0

    @property
    def now_s(self) -> float:
        return self.process.clock.monotonic_s()

    async def start(self) -> None:
        await start(self.process)
        for kind in (MissionChanged, VehicleChanged, LaunchAuthorised, ControlReleased):
            self.process.bus.subscribe(kind, self._hear)
        views = self.process.flight.picture.vehicles
        await self.until(lambda: all(one.status is VehicleStatus.READY for one in views()), 120.0, "everybody is ready")

    async def _hear(self, message: Message) -> None:
        self.said.append((self.now_s, message))

    async def until(self, holds: Callable[[], bool], within_s: float, what: str) -> float:
        """Wait on the operation's clock; gives how long it took."""
        began_s = self.now_s
        while not holds():
            assert self.now_s - began_s < within_s, f"not within {within_s:.0f} s: {what}"
            await asyncio.sleep(0.01)
        return self.now_s - began_s

    async def call(self, north: float = 0.0, east: float = 0.0, grade: Grade = Grade.IMMEDIATE) -> Incident:
        self.calls += 1
        report = CallReport(
            source="test",
            reported_at=self.process.clock.now(),
            position=Position(latitude_deg=51.5460 + north, longitude_deg=-0.1050 + east),
            grade=grade,
            category="robbery",
            caller_reference=f"c{self.calls}",
        )
        return await self.process.intake.receive(report)

    def missions_for(self, incident: Incident) -> list[Mission]:
        found = [one for one in self.process.flight.missions.all() if one.incident_id == incident.incident_id]
        return sorted(found, key=lambda one: one.authorised_at)

    async def flying(self, phase: Phase = Phase.OUTBOUND, north: float = 0.0, east: float = 0.0) -> tuple[Incident, Mission]:
        incident = await self.call(north, east)
        await self.until(lambda: bool(self.missions_for(incident)), 30.0, "a drone is sent")
        mission_id = self.missions_for(incident)[0].mission_id
        await self.until(lambda: self.mission(mission_id).phase is phase, 240.0, f"it is {phase.value}")
        return incident, self.mission(mission_id)

    def mission(self, mission_id: str) -> Mission:
        """As it is flown, also while it cannot be recorded."""
        active = {one.mission_id: one for one in self.process.flight.active_missions()}
        return active.get(mission_id) or self.process.flight.missions.get(mission_id)

    def status(self, vehicle_id: str) -> VehicleStatus:
        return self.process.flight.picture.vehicle(vehicle_id).status

    async def over(self, mission_id: str, within_s: float = 2_400.0) -> Mission:
        await self.until(lambda: self.mission(mission_id).phase.is_final, within_s, "the flight is over")
        return self.mission(mission_id)

    async def home(self, mission_id: str) -> Mission:
        """It has shown what it should: called back, so that the test need not wait for its five minutes over the scene."""
        if not self.mission(mission_id).phase.is_final:
            await self.process.dispatch.recall(mission_id, "acc-1", "the test has seen enough")
        return await self.over(mission_id)

    async def fault(self, target: str, kind: str, **more: Any) -> float:
        """Begin a fault; gives when, on the operation's clock."""
        answer = await self.hardware.ask({"op": "fault", "target": target, "kind": kind, **more})
        assert answer == {"done": True}, answer
        return self.now_s

    async def truth(self, vehicle_id: str) -> dict[str, Any]:
        """What the drone itself knows of itself."""
        status = await self.hardware.ask({"op": "status"})
        return next(one for one in status["vehicles"] if one["vehicle_id"] == vehicle_id)

    async def log(self) -> list[dict[str, Any]]:
        return list((await self.hardware.ask({"op": "log"}))["events"])

    async def everybody_is_home(self) -> None:
        status = await self.hardware.ask({"op": "status"})
        assert all(one["landed"] and not one["exhausted"] for one in status["vehicles"]), status["vehicles"]
        pads = Counter((one["dock"], one["pad"]) for one in status["vehicles"] if one["dock"] is not None)
        assert max(pads.values()) == 1, "two vehicles on one pad"

    def launches(self, vehicle_id: str) -> int:
        return sum(isinstance(one, LaunchAuthorised) and one.vehicle_id == vehicle_id for _, one in self.said)


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[Run]:
    logs.configure("critical", "console")
    run = Run(folder)
    try:
        await run.start()
        yield run
    finally:
        await run.process.stop()
        await run.hardware.stop()


@pytest.mark.requirement("F10", "P3")
async def test_a_record_that_cannot_be_written(tmp_path: Path) -> None:
    async with running(tmp_path) as run:
        incident, mission = await run.flying(Phase.ON_SCENE)
        state = run.process.intake.incidents.get
        await run.until(lambda: state(incident.incident_id).state is IncidentState.ON_SCENE, 10.0, "that is on record")
        store = run.process.recorder.store
        commit, full = store.commit, True

        async def commits(batch: Batch) -> None:
            if full:
                raise StoreUnavailable("the disk is full", remedy="free some space")
            await commit(batch)

        store.commit = commits  # type: ignore[method-assign]
        with pytest.raises(StoreUnavailable):
            await run.call(north=0.003)
        await run.until(lambda: run.mission(mission.mission_id).phase is Phase.RETURNING, 400.0, "it comes home")
        assert sum(isinstance(one, LaunchAuthorised) for _, one in run.said) == 1
        full = False
        done = await run.over(mission.mission_id)
        assert done.phase is Phase.DONE
        again = await run.call(north=0.003)
        await run.until(lambda: bool(run.missions_for(again)), 60.0, "launches go on")
        await run.home(run.missions_for(again)[0].mission_id)
        await run.process.flight.flush()
        kept = await run.process.store.get("mission", mission.mission_id)
        assert kept is not None
        assert kept.state == "done"
        await run.everybody_is_home()
        await run.until(lambda: state(incident.incident_id).state is IncidentState.CLOSED, 60.0, "its incident is closed")
        measured("F10", fault_kind="disk full for a while", launched_meanwhile=0)


@pytest.mark.requirement("F11", "P4")
async def test_twenty_calls_at_once(tmp_path: Path) -> None:
    """They come while no drone is free; as drones become free, the gravest and oldest are flown to first."""
    async with running(tmp_path) as run:
        flight, dispatch = run.process.flight, run.process.dispatch
        vehicles = [one.vehicle_id for one in flight.picture.vehicles()]
        for vehicle_id in vehicles:
            await flight.ground(vehicle_id, "acc-1", "the test begins with none free")
        grades = [Grade.SIGNIFICANT if number % 2 else Grade.IMMEDIATE for number in range(20)]
        incidents = await asyncio.gather(
            *(
                run.call(north=-0.006 + 0.0009 * number, east=0.0008 * (number % 5), grade=grade)
                for number, grade in enumerate(grades)
            )
        )
        assert len({one.incident_id for one in incidents}) == 20
        assert not [one for _, one in run.said if isinstance(one, LaunchAuthorised)]
        dispatch.decision_ms.clear()
        await asyncio.gather(*(flight.release(vehicle_id, "acc-1", "the test goes on") for vehicle_id in vehicles))
        await dispatch.consider_queue()
        await run.process.bus.drain()
        launches = [one for _, one in run.said if isinstance(one, LaunchAuthorised)]
        assert len({one.vehicle_id for one in launches}) == len(launches), "a drone was sent to two places"
        assert len(launches) >= 5
        sent = [run.process.intake.incidents.get(one.incident_id).grade for one in launches]
        assert set(sent) == {Grade.IMMEDIATE}, "a lesser call was flown to while a graver one waited"
        times_ms = sorted(dispatch.decision_ms)
        p99_ms = times_ms[min(len(times_ms) - 1, int(0.99 * len(times_ms)))]
        assert p99_ms < 1_000.0
        measured("F11", calls=20, launched_at_once=len(launches), decision_p99_ms=round(p99_ms, 1))
