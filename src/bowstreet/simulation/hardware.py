"""The demo's hardware: starts the simulated fleet as a program of its own, or finds the one that flew on when the server died."""

import asyncio
import json
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import structlog

from bowstreet.errors import LinkFailure
from bowstreet.flight.model import DockConfig, VehicleConfig, Wind
from bowstreet.simulation.city import City
from bowstreet.simulation.layout import Autopilot, DockLayout, Layout, SceneLayout, VehicleLayout, encode

log = structlog.get_logger(__name__)

# Blocks of ports are tried from here on: two demos on one machine do not meet.
FIRST_PORT = 14_600
LAST_PORT = 60_000
READY_S = 20.0
TRIES = 3
# Their lenses: a person over 80 m below is 6 pixels high at the widest, and 50 at this.
ZOOM_MOST = 8.0
NOTE = "fleet.json"
LAYOUT = "layout.json"
NO_KEYS: Mapping[str, bytes] = {}


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """What a fleet that was started says of itself, so that a server started again finds it."""

    city: str
    drones: int
    speed: float
    first_port: int
    control_port: int
    pid: int


def moved_to(city: City, first_port: int, *, cameras: bool = True) -> City:
    """The same city, its peers on ports from `first_port` on: docks, then each vehicle's: for its pictures, if any, and its own.

    Pictures are listened for only while a vehicle flies. A port between two that the fleet holds is in no free block
    (`_free_block`), so another fleet on this machine leaves it alone meanwhile.
    """
    docks = tuple(
        msgspec.structs.replace(one, link=f"udpout:127.0.0.1:{first_port + number}") for number, one in enumerate(city.docks)
    )
    first_vehicle = first_port + len(city.docks)
    vehicles = tuple(
        msgspec.structs.replace(
            one,
            link=f"udpout:127.0.0.1:{first_vehicle + 2 * number + 1}",
            video_address=f"udp://127.0.0.1:{first_vehicle + 2 * number}" if cameras else "",
            zoom_most=ZOOM_MOST if cameras else 1.0,
        )
        for number, one in enumerate(city.vehicles)
    )
    return msgspec.structs.replace(city, docks=docks, vehicles=vehicles)


def _signing(city: City, keys: Mapping[str, bytes]) -> City:
    """The same city, whose vehicles with a key are believed by signature only."""
    vehicles = tuple(msgspec.structs.replace(one, signing="required") if one.vehicle_id in keys else one for one in city.vehicles)
    return msgspec.structs.replace(city, vehicles=vehicles)


def layout_of(city: City, wind: Wind, seed: int, keys: Mapping[str, bytes] = NO_KEYS) -> Layout:
    """Every second drone has the habits of PX4, the others those of ArduCopter."""
    airframes = {one.name: one for one in city.airframes}
    taken: dict[str, int] = {}

    def vehicle(number: int, one: VehicleConfig) -> VehicleLayout:
        pad = taken.setdefault(one.home_dock_id, 0)
        taken[one.home_dock_id] += 1
        brand: Autopilot = "px4" if number % 2 else "ardupilot"
        return VehicleLayout(
            vehicle_id=one.vehicle_id, dock_id=one.home_dock_id, pad=pad, port=_port(one.link), system_id=one.system_id,
            autopilot=brand, airframe=airframes[one.airframe], signing_key=keys.get(one.vehicle_id, b""),
            video=one.video_address, field_of_view_deg=one.field_of_view_deg, zoom_most=one.zoom_most,
        )  # fmt: skip

    return Layout(
        name=city.name,
        docks=tuple(_dock(one) for one in city.docks),
        vehicles=tuple(vehicle(number, one) for number, one in enumerate(city.vehicles)),
        wind=wind,
        seed=seed,
        # Streets as high as the docks: the demo has no terrain, and heights are told above docks.
        scene=SceneLayout(ground_m_amsl=city.docks[0].ground_m_amsl, noise=True),
    )


def _dock(one: DockConfig) -> DockLayout:
    return DockLayout(
        dock_id=one.dock_id, name=one.name, latitude_deg=one.position.latitude_deg, longitude_deg=one.position.longitude_deg,
        ground_m_amsl=one.ground_m_amsl, pads=one.pads, port=_port(one.link), system_id=one.system_id,
    )  # fmt: skip


def _port(link: str) -> int:
    return int(link.rpartition(":")[2])


class Hardware:
    """The fleet program of one data directory.

    Attributes:
        city: with the ports that its peers really have.
        signed: whether its vehicles are built with signing keys, and demand signatures.
        cameras: whether its vehicles carry cameras. Drawing what they see is a load that no real server bears.
    """

    def __init__(
        self, folder: Path, city: City, speed: float, wind: Wind, seed: int, *, signed: bool = True, cameras: bool = True
    ) -> None:
        self._folder, self._speed, self._wind, self._seed = folder, speed, wind, seed
        self.city, self.signed, self.cameras = city, signed, cameras
        self._keys: Mapping[str, bytes] = {}
        self._control_port = 0

    async def start(self, keys: Mapping[str, bytes] = NO_KEYS) -> None:
        """Find the fleet that still flies, or start one, with a signing key in each vehicle of `keys`.

        Raises:
            LinkFailure: when it does not come up.
        """
        self._keys = keys
        self.city = _signing(self.city, keys)
        note = self._read_note()
        if note is not None and await self._answers(note):
            if (note.city, note.drones, note.speed) == (self.city.name, len(self.city.vehicles), self._speed):
                log.info("found the simulated fleet still flying", pid=note.pid)
                self.city, self._control_port = moved_to(self.city, note.first_port, cameras=self.cameras), note.control_port
                return
            await self.stop()
        for again in reversed(range(TRIES)):
            # A port for each dock and vehicle, and one to which each vehicle's camera sends.
            first_port = _free_block(len(self.city.docks) + 2 * len(self.city.vehicles))
            self.city = moved_to(self.city, first_port, cameras=self.cameras)
            try:
                await self._launch(first_port)
                return
            except LinkFailure:
                if not again:
                    raise  # another program may take a port between the look and the launch, but not time after time

    async def _launch(self, first_port: int) -> None:
        path = self._folder / LAYOUT
        path.touch(mode=0o600)  # it holds what only the vehicles may know
        path.write_bytes(encode(layout_of(self.city, self._wind, self._seed, self._keys)))
        words = [sys.executable, "-m", "bowstreet.simulation.fleet", "--layout", str(path), "--speed", str(self._speed)]
        # In a session of its own: what kills the server does not bring down drones.
        program = await asyncio.create_subprocess_exec(
            *words, "--control", "127.0.0.1:0", "--persist",
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL, stdin=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip
        assert program.stdout is not None
        try:
            said: dict[str, Any] = json.loads(await asyncio.wait_for(program.stdout.readline(), READY_S))
            self._control_port = int(said["control"][1])
        except (TimeoutError, ValueError, KeyError, TypeError) as error:
            raise LinkFailure("the simulated fleet does not come up", remedy="look whether its ports are free") from error
        note = Note(
            city=self.city.name, drones=len(self.city.vehicles), speed=self._speed, first_port=first_port,
            control_port=self._control_port, pid=program.pid,
        )  # fmt: skip
        (self._folder / NOTE).write_bytes(msgspec.json.encode(note))

    def _read_note(self) -> Note | None:
        try:
            return msgspec.json.decode((self._folder / NOTE).read_bytes(), type=Note)
        except (OSError, msgspec.DecodeError):
            return None

    async def _answers(self, note: Note) -> bool:
        self._control_port = note.control_port
        try:
            said = await self.ask({"op": "status"})
        except (OSError, ValueError, LinkFailure, TimeoutError):
            return False
        return len(said.get("vehicles", [])) == note.drones

    async def ask(self, what: dict[str, Any]) -> dict[str, Any]:
        """One question to the fleet's control port."""
        reader, writer = await asyncio.wait_for(asyncio.open_connection("127.0.0.1", self._control_port, limit=1 << 26), 5.0)
        try:
            writer.write(json.dumps(what).encode() + b"\n")
            await writer.drain()
            answer: dict[str, Any] = json.loads(await asyncio.wait_for(reader.readline(), 10.0))
            return answer
        finally:
            writer.close()

    async def stop(self) -> None:
        """End the fleet program."""
        try:
            await self.ask({"op": "stop"})
        except (OSError, ValueError, TimeoutError):
            log.info("the simulated fleet was gone already")
        (self._folder / NOTE).unlink(missing_ok=True)


def _free_block(count: int) -> int:
    """The first of so many free UDP ports in a row."""
    first = FIRST_PORT
    while first + count < LAST_PORT:
        taken = next((port for port in range(first, first + count) if not _is_free(port)), None)
        if taken is None:
            return first
        first = taken + 1
    raise LinkFailure("no block of UDP ports is free on loopback", remedy="end other simulated fleets")


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
