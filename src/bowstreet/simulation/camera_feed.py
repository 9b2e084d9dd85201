"""Tells the cameras' process where the drones in the air are and where they look, and keeps it running."""

import asyncio
import contextlib
import math
import sys
from collections.abc import Sequence

import msgspec

from bowstreet.geo import GridPoint, Position, to_grid
from bowstreet.runtime.ports import Clock
from bowstreet.simulation.cameras import Look, Looks, Mount, Setup, unix_us
from bowstreet.simulation.layout import Layout
from bowstreet.simulation.machines import Drone

# Between two looks the cameras go on in a straight line: at 15 m/s and a third of a g, off by millimetres.
EVERY_S = 0.04
# A process that reads nothing while so much waits gets no more until it does.
MOST_WAITING = 1 << 18


class CameraFeed:
    """The cameras of one fleet; none when the layout names none."""

    def __init__(self, layout: Layout, drones: Sequence[Drone], speed: float, real: Clock) -> None:
        self._layout, self._speed, self._real = layout, speed, real
        self._drones = [one for one in drones if one.layout.video]
        self._program: asyncio.subprocess.Process | None = None
        self._told_s = 0.0
        self._headings: dict[int, float] = {}

    async def start(self) -> None:
        if self._layout.scene is None or not self._drones:
            return
        first = self._layout.docks[0]
        place = to_grid(Position(latitude_deg=first.latitude_deg, longitude_deg=first.longitude_deg))
        setup = Setup(
            seed=self._layout.seed,
            origin=GridPoint(easting_m=round(place.easting_m), northing_m=round(place.northing_m)),
            ground_m_amsl=self._layout.scene.ground_m_amsl,
            speed=self._speed,
            scene=self._layout.scene,
            mounts=tuple(
                Mount(vehicle_id=one.name, address=one.layout.video, field_of_view_deg=one.layout.field_of_view_deg)
                for one in self._drones
            ),
        )
        self._program = await asyncio.create_subprocess_exec(
            "nice", "-n", "10", sys.executable, "-m", "bowstreet.simulation.cameras", stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        assert self._program.stdin is not None
        self._program.stdin.write(msgspec.json.encode(setup) + b"\n")

    def tell(self, scene_s: float) -> None:
        """Where they are now, when it is time to say so again."""
        program, now_s = self._program, self._real.monotonic_s()
        passed_s = now_s - self._told_s
        if program is None or program.stdin is None or program.returncode is not None or passed_s < EVERY_S:
            return
        self._told_s = now_s
        if program.stdin.transport.get_write_buffer_size() < MOST_WAITING:
            looks = tuple(self._look(number, one, passed_s) for number, one in enumerate(self._drones) if one.autopilot.flying)
            program.stdin.write(msgspec.json.encode(Looks(at_us=unix_us(self._real), scene_s=scene_s, looks=looks)) + b"\n")

    def _look(self, number: int, drone: Drone, passed_s: float) -> Look:
        bodies, one = drone.bodies, drone.one
        heading_deg = float(bodies.heading_deg[one])
        turned_deg = math.remainder(heading_deg - self._headings.get(number, heading_deg), 360.0)
        self._headings[number] = heading_deg
        return Look(
            number=number, east_m=float(bodies.east_m[one]), north_m=float(bodies.north_m[one]),
            up_m_amsl=float(bodies.height_m_amsl[one]), v_east=float(bodies.v_east[one]), v_north=float(bodies.v_north[one]),
            v_up=float(bodies.v_up[one]), heading_deg=heading_deg, turn_deg_s=turned_deg / passed_s / self._speed,
            tilt_deg=float(drone.autopilot.gimbal_deg), pan_deg=float(drone.autopilot.pan_deg),
            zoom=drone.autopilot.lens.zoom,
        )  # fmt: skip

    async def close(self) -> None:
        program = self._program
        if program is None or program.returncode is not None:
            return
        assert program.stdin is not None
        program.stdin.close()
        with contextlib.suppress(ProcessLookupError, TimeoutError):
            await asyncio.wait_for(program.wait(), 3.0)
        if program.returncode is None:
            program.kill()
