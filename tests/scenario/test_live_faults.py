"""Faults in a live run over real MAVLink: a fleet in another process, whose own log is the witness. See live_faults.md."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
import shapely
from tests.scenario.figures import measured
from tests.unit.airspace_world import zone

from bowstreet.airspace.export import write_zones
from bowstreet.commands.up import DEMO_WIND
from bowstreet.errors import NotPermitted, StoreUnavailable
from bowstreet.flight.failsafe import STALE_S
from bowstreet.flight.model import Hold, Mission, Phase, VehicleStatus
from bowstreet.geo import Position, to_grid
from bowstreet.intake.model import CallReport, Grade, Incident, IncidentState
from bowstreet.messages import ControlReleased, LaunchAuthorised, Message, MissionChanged, VehicleChanged
from bowstreet.operations import demo_city, demo_operation
from bowstreet.runtime import logs
from bowstreet.runtime.ports import Batch
from bowstreet.simulation.hardware import Hardware
from bowstreet.wiring import Process

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
        await self.process.start()
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


@pytest.mark.requirement("F1")
@pytest.mark.parametrize("way", ["both", "down"])
async def test_a_link_lost_for_a_minute(way: str, tmp_path: Path) -> None:
    async with running(tmp_path) as run:
        incident, mission = await run.flying()
        lost_s = await run.fault(mission.vehicle_id, "link", way=way, seconds=60.0)
        await run.until(lambda: run.status(mission.vehicle_id) is VehicleStatus.STALE, 10.0, "it is marked stale")
        stale_s = run.now_s - lost_s
        assert stale_s <= STALE_S + TICK_S
        await run.until(lambda: len(run.missions_for(incident)) == 2, 60.0, "a replacement is sent")
        replacement = run.missions_for(incident)[1]
        assert replacement.vehicle_id != mission.vehicle_id
        await run.until(lambda: run.mission(replacement.mission_id).eyes_on_at is not None, 300.0, "the replacement has eyes on")
        await run.home(replacement.mission_id)
        await run.over(mission.mission_id)
        assert run.launches(mission.vehicle_id) == 1, "tasked twice"
        await run.everybody_is_home()
        if way == "both":  # it does not hear us either: its own failsafe acted
            assert any(one["name"] == mission.vehicle_id and "failsafe" in one["event"] for one in await run.log())
        measured("F1", way=way, lost_s=60, stale_after_s=round(stale_s, 2), replaced=True)


@pytest.mark.requirement("F1")
async def test_a_link_lost_for_a_second_is_no_matter(tmp_path: Path) -> None:
    async with running(tmp_path) as run:
        incident, mission = await run.flying()
        await run.fault(mission.vehicle_id, "link", seconds=1.0)
        await run.fault(mission.vehicle_id, "latency", delay_s=1.0, seconds=20.0)
        await run.until(lambda: run.mission(mission.mission_id).eyes_on_at is not None, 300.0, "it arrives")
        await run.home(mission.mission_id)
        assert len(run.missions_for(incident)) == 1
        measured("F1", way="both", lost_s=1, latency_s=2, replaced=False)


@pytest.mark.requirement("F2")
@pytest.mark.parametrize("state", ["off", "jump"])
async def test_a_position_that_is_not_to_be_trusted(state: str, tmp_path: Path) -> None:
    async with running(tmp_path) as run:
        _, mission = await run.flying(north=-0.012)
        began_s = await run.fault(mission.vehicle_id, "gps", state=state, seconds=25.0)
        view = run.process.flight.picture.vehicle
        await run.until(lambda: not view(mission.vehicle_id).position_trusted, 20.0, "its position is labelled untrusted")
        found_s = run.now_s - began_s
        await run.until(lambda: run.mission(mission.mission_id).phase is Phase.CONTINGENCY, 20.0, "contingency")
        await run.home(mission.mission_id)
        await run.everybody_is_home()
        measured("F2", state=state, untrusted_after_s=round(found_s, 2))


@pytest.mark.requirement("F3")
@pytest.mark.parametrize(("kind", "more"), [("sag", {"factor": 6.0})])
async def test_a_battery_that_gives_less(kind: str, more: dict[str, float], tmp_path: Path) -> None:
    async with running(tmp_path) as run:
        _, mission = await run.flying(Phase.ON_SCENE)
        await run.fault(mission.vehicle_id, kind, **more)
        await run.over(mission.mission_id)
        await run.everybody_is_home()
        charge = (await run.truth(mission.vehicle_id))["charge"]
        assert charge > 0.0
        measured("F3", fault_kind=kind, **more, charge_left=round(charge, 3))


@pytest.mark.requirement("F4")
async def test_a_dock_that_jams_while_its_drone_is_out(tmp_path: Path) -> None:
    async with running(tmp_path) as run:
        _, mission = await run.flying(Phase.ON_SCENE)
        jammed_s = await run.fault(mission.dock_id, "jam")
        await run.process.dispatch.recall(mission.mission_id, "acc-1", "come home")
        await run.until(lambda: run.mission(mission.mission_id).diverted_to is not None, 900.0, "it is diverted")
        diverted = run.mission(mission.mission_id)
        told = [at_s for at_s, one in run.said if isinstance(one, MissionChanged) and one.reason.code.startswith("divert")]
        docks = run.process.flight.picture.docks()
        assert diverted.diverted_to != mission.dock_id
        done = await run.over(mission.mission_id)
        assert done.phase is Phase.DONE
        assert (await run.truth(mission.vehicle_id))["dock"] == diverted.diverted_to
        await run.everybody_is_home()
        assert len(docks) == 4
        measured("F4", diverted_to=diverted.diverted_to, told=len(told), jammed_for_s=round(run.now_s - jammed_s))


@pytest.mark.requirement("F6")
async def test_a_pilots_console_dies(tmp_path: Path) -> None:
    async with running(tmp_path) as run:
        _, mission = await run.flying(Phase.ON_SCENE)
        pilots = run.process.flight.pilots
        await pilots.take(mission.mission_id, "acc-1")
        with pytest.raises(NotPermitted):
            await pilots.command(mission.mission_id, "acc-2", Hold())
        died_s = run.now_s
        await run.until(lambda: run.mission(mission.mission_id).orphaned_at is not None, 20.0, "it is flagged")
        flagged_s = run.now_s - died_s
        assert flagged_s <= 5.0 + TICK_S
        await pilots.take(mission.mission_id, "acc-2")
        assert run.mission(mission.mission_id).pilot == "acc-2"
        with pytest.raises(NotPermitted):
            await pilots.command(mission.mission_id, "acc-1", Hold())
        await run.until(lambda: run.mission(mission.mission_id).pilot is None, 60.0, "nobody has it, and it flies itself again")
        await run.home(mission.mission_id)
        await run.everybody_is_home()
        measured("F6", flagged_after_s=round(flagged_s, 2))


@pytest.mark.requirement("F10", "D5")
async def test_a_zone_becomes_active_over_the_scene(tmp_path: Path) -> None:
    async with running(tmp_path) as run:
        incident, mission = await run.flying(north=-0.012)
        scene = to_grid(mission.plan.outbound[-1].position)
        polygon = shapely.Point(scene.easting_m, scene.northing_m).buffer(150.0)
        data = write_zones([zone("R9", polygon)], issued=run.process.clock.now(), provider="test")
        began_s = run.now_s
        await run.process.airspace.import_file(data, "r9.json", version="1", by="acc-1")
        await run.until(lambda: run.mission(mission.mission_id).phase is Phase.RETURNING, 20.0, "it turns")
        turned_s = run.now_s - began_s
        await run.over(mission.mission_id)
        assert len(run.missions_for(incident)) == 1, "nothing is launched into the zone"
        await run.everybody_is_home()
        measured("F10", fault_kind="zone active over the scene", turned_after_s=round(turned_s, 2))


@pytest.mark.requirement("F10", "P3")
async def test_a_record_that_cannot_be_written(tmp_path: Path) -> None:
    async with running(tmp_path) as run:
        incident, mission = await run.flying(Phase.ON_SCENE)
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
        state = run.process.intake.incidents.get
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
