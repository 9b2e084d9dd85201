"""A real fleet program in a process of its own, and a real ground station over UDP on loopback."""

import asyncio
import itertools
import json
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bowstreet.flight import mavlink_talk
from bowstreet.flight.airframes import PATROL_QUADCOPTER
from bowstreet.flight.mavlink import MavlinkLink
from bowstreet.flight.mavlink_seals import Seals
from bowstreet.flight.model import Command, DockConfig, OpenDock, Telemetry, VehicleConfig, Waypoint, Wind
from bowstreet.flight.ports import DockReport, Outcome, Settled
from bowstreet.flight.reckoning import moved
from bowstreet.geo import Position
from bowstreet.messages import Message, PacketRejected
from bowstreet.runtime.clock import ScaledClock
from bowstreet.simulation.layout import Autopilot, DockLayout, Layout, VehicleLayout, encode

PLACE = Position(latitude_deg=51.5346, longitude_deg=-0.1087)
CALM = Wind(speed_mps=3.0, from_deg=240.0, gust_mps=4.0)
DOCK_SYSTEM = 200
BRANDS: tuple[Autopilot, ...] = ("ardupilot", "px4")
# What is waited for is never given up sooner than this: a process of a busy machine sleeps now and then.
LEAST_REAL_S = 5.0


@pytest.fixture
def nothing_is_sent_again_in_haste(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests that count commands: an answer of a busy machine may come late."""
    monkeypatch.setattr(mavlink_talk, "LEAST_REAL_S", 2.0)


_given: set[int] = set()


def free_ports(count: int) -> list[int]:
    """UDP ports of loopback that nobody uses now, and that were not given before: what they were given for may not use them yet."""
    sockets: list[socket.socket] = []
    ports: list[int] = []
    while len(ports) < count:
        sockets.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        sockets[-1].bind(("127.0.0.1", 0))
        port = sockets[-1].getsockname()[1]
        if port not in _given:
            ports.append(port)
    for one in sockets:
        one.close()
    _given.update(ports)
    return ports


def both_brands(test: Callable[[Autopilot, Path], Awaitable[None]]) -> Callable[[Path], Awaitable[None]]:
    """A test for each brand, the two at once: such tests mostly wait for somebody to arrive."""

    async def both(tmp_path: Path) -> None:
        async def one(brand: Autopilot) -> None:
            folder = tmp_path / brand
            folder.mkdir()
            await test(brand, folder)

        async with asyncio.TaskGroup() as group:
            for brand in BRANDS:
                group.create_task(one(brand), name=brand)

    both.__name__, both.__doc__, both.__module__ = test.__name__, test.__doc__, test.__module__
    return both


def city(brands: Sequence[Autopilot], *, wind: Wind = CALM, system_ids: Sequence[int] | None = None, docks: int = 0) -> Layout:
    """A dock for each drone, one kilometre apart to the north; more docks when asked for."""
    count = max(docks, len(brands))
    ports = free_ports(count + len(brands))
    places = [moved(PLACE, 0.0, 1_000.0 * number) for number in range(count)]
    return Layout(
        name="test",
        docks=tuple(
            DockLayout(
                dock_id=f"dock-{number}", name=f"Dock {number}", latitude_deg=place.latitude_deg, longitude_deg=place.longitude_deg,
                ground_m_amsl=35.0, pads=3, port=ports[number], system_id=DOCK_SYSTEM,
            )
            for number, place in enumerate(places)
        ),
        vehicles=tuple(
            VehicleLayout(
                vehicle_id=f"drone-{number}", dock_id=f"dock-{number}", pad=number % 3, port=ports[count + number],
                system_id=system_ids[number] if system_ids else number + 1, autopilot=brand, airframe=PATROL_QUADCOPTER,
            )
            for number, brand in enumerate(brands)
        ),
        wind=wind,
    )  # fmt: skip


def vehicle_configs(layout: Layout) -> list[VehicleConfig]:
    return [
        VehicleConfig(
            vehicle_id=one.vehicle_id, link=f"udpout:127.0.0.1:{one.port}", system_id=one.system_id, airframe=one.airframe.name,
            home_dock_id=one.dock_id,
        )
        for one in layout.vehicles
    ]  # fmt: skip


def dock_configs(layout: Layout) -> list[DockConfig]:
    return [
        DockConfig(
            dock_id=one.dock_id, name=one.name, position=Position(latitude_deg=one.latitude_deg, longitude_deg=one.longitude_deg),
            ground_m_amsl=one.ground_m_amsl, pads=one.pads, link=f"udpout:127.0.0.1:{one.port}", system_id=one.system_id,
        )
        for one in layout.docks
    ]  # fmt: skip


class FleetProgram:
    """The fleet as a process, and its control port."""

    def __init__(self, program: asyncio.subprocess.Process, ready: dict[str, Any]) -> None:
        self.program, self.ready = program, ready

    async def ask(self, **what: Any) -> dict[str, Any]:
        reader, writer = await asyncio.open_connection(*self.ready["control"], limit=1 << 24)
        try:
            writer.write(json.dumps(what).encode() + b"\n")
            answer: dict[str, Any] = json.loads(await reader.readline())
            return answer
        finally:
            writer.close()
            await writer.wait_closed()

    async def events(self, name: str, event: str | None = None) -> list[dict[str, Any]]:
        found = (await self.ask(op="log"))["events"]
        return [one for one in found if one["name"] == name and event in (None, one["event"])]

    async def status(self, name: str) -> dict[str, Any]:
        vehicles = (await self.ask(op="status"))["vehicles"]
        return next(one for one in vehicles if one["vehicle_id"] == name)


@asynccontextmanager
async def fleet(layout: Layout, folder: Path, speed: float, *words: str) -> AsyncIterator[FleetProgram]:
    path = folder / "layout.json"
    path.write_bytes(encode(layout))
    program = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bowstreet.simulation.fleet", "--layout", str(path), "--speed", str(speed),
        "--control", "127.0.0.1:0", *words, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert program.stdout is not None
    try:
        yield FleetProgram(program, json.loads(await asyncio.wait_for(program.stdout.readline(), 30.0)))
    finally:
        if program.returncode is None:
            program.terminate()
        await program.wait()


class Told:
    """A bus that keeps what it is told: the link publishes nothing but rejected packets."""

    def __init__(self) -> None:
        self.messages: list[Message] = []

    async def publish(self, message: Message) -> None:
        self.messages.append(message)

    async def publish_recorded(self, message: Message, handled: Callable[[], None] | None = None) -> None:
        raise AssertionError("a link records nothing")

    def subscribe(self, message_type: Any, handler: Any) -> None:
        raise AssertionError("a link listens to nothing")

    async def drain(self) -> None: ...

    async def close(self) -> None: ...

    def rejected(self) -> list[PacketRejected]:
        return [one for one in self.messages if isinstance(one, PacketRejected)]


class GroundStation:
    """The link, with what it has told."""

    def __init__(
        self, clock: ScaledClock, vehicles: Sequence[VehicleConfig], docks: Sequence[DockConfig], seals: Seals | None = None
    ) -> None:
        self.clock, self.bus = clock, Told()
        self.link = MavlinkLink(clock, self.bus, vehicles=vehicles, docks=docks, seals=seals)
        self.telemetry: dict[str, Telemetry] = {}
        self.reports: dict[str, DockReport] = {}
        self.history: list[Telemetry] = []
        self._numbers = itertools.count(1)
        self.link.listen(self._on_telemetry, self._on_dock)

    async def _on_telemetry(self, telemetry: Telemetry) -> None:
        self.telemetry[telemetry.vehicle_id] = telemetry
        self.history.append(telemetry)

    async def _on_dock(self, report: DockReport) -> None:
        self.reports[report.dock_id] = report

    async def send(self, target_id: str, command: Command) -> Settled:
        return await self.link.send(target_id, command, f"command-{next(self._numbers)}")

    async def accepted(self, target_id: str, command: Command) -> None:
        settled = await self.send(target_id, command)
        if settled.outcome is Outcome.TIMED_OUT:  # once in 3,000 when 3 packets of 10 are lost; flight would order it again too
            settled = await self.send(target_id, command)
        assert settled.outcome is Outcome.ACCEPTED, (target_id, command, settled)

    async def until(self, holds: Callable[[], bool], seconds: float, what: str = "") -> None:
        """Wait on the link's clock, and fail with what is known when it takes too long; never less than a busy machine may sleep."""
        end_s = self.clock.monotonic_s() + max(seconds, LEAST_REAL_S * self.clock.speed)
        while not holds():
            assert self.clock.monotonic_s() < end_s, (what, self.telemetry, self.reports)
            await asyncio.sleep(0.01)

    async def ready(self, name: str) -> None:
        await self.until(lambda: name in self.telemetry and self.telemetry[name].ready_to_arm, 60.0, f"{name} ready")

    async def open_dock(self, name: str) -> None:
        await self.accepted(name, OpenDock(dock_id=name))
        await self.until(lambda: name in self.reports and self.reports[name].status.value == "open", 30.0, f"{name} open")


@asynccontextmanager
async def ground_station(
    layout: Layout, speed: float, vehicles: Sequence[VehicleConfig] | None = None, docks: Sequence[DockConfig] | None = None
) -> AsyncIterator[GroundStation]:
    station = GroundStation(
        ScaledClock(speed),
        vehicle_configs(layout) if vehicles is None else vehicles,
        dock_configs(layout) if docks is None else docks,
    )
    await station.link.start()
    try:
        yield station
    finally:
        await station.link.close()


def above(place: Position, height_m: float, *, east_m: float = 0.0, north_m: float = 0.0) -> Waypoint:
    return Waypoint(position=moved(place, east_m, north_m), height_m_above_dock=height_m)


def dock_place(layout: Layout, number: int) -> Position:
    one = layout.docks[number]
    return Position(latitude_deg=one.latitude_deg, longitude_deg=one.longitude_deg)
