"""The simulated fleet's cameras: a process of its own that draws what each drone in the air sees and sends it.

Started by `simulation.fleet` with what there is to know on the first line of its input; then a line for each look at the fleet.
It ends with its input. A camera on a drone that stands in its dock sends nothing, and no more than `most` send at once.
"""

import math
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import msgspec
import numpy as np

from bowstreet.flight.lens import narrowed_deg
from bowstreet.frames import CameraPose
from bowstreet.geo import GridPoint, Position, wgs84_arrays
from bowstreet.runtime.clock import SystemClock
from bowstreet.runtime.ports import Clock
from bowstreet.simulation.broadcast import Encoder, Sender, sender
from bowstreet.simulation.layout import SceneLayout
from bowstreet.simulation.scenery import strip
from bowstreet.simulation.scenery.light import LIGHTS
from bowstreet.simulation.scenery.render import Renderer
from bowstreet.simulation.scenery.street import Street
from bowstreet.simulation.scenery.truth import Truth, truth
from bowstreet.simulation.scenery.view import convergence_deg, view
from bowstreet.video import klv

# A look older than this tells nothing: the fleet is gone, or stands still in a debugger.
STALE_S = 1.0
# Of the street, made before a camera begins to send, so that no picture has to wait for it.
WARM_M = 1_250.0
# How many pieces of it are made after a picture, where there is no time between pictures; most are there already.
LATE_PIECES = 8
# What a vehicle's own estimates are off by: one standard deviation, and how long an error lasts. Typical of GNSS without
# corrections, a compass, and a gimbal's encoders.
OFF_M, OFF_UP_M, OFF_HEADING_DEG, OFF_TILT_DEG, LASTS_S = 1.2, 1.8, 1.4, 0.35, 40.0


class Mount(msgspec.Struct, frozen=True, kw_only=True):
    """A camera and the vehicle that carries it."""

    vehicle_id: str
    address: str
    field_of_view_deg: float


class Setup(msgspec.Struct, frozen=True, kw_only=True):
    """The first line."""

    seed: int
    origin: GridPoint
    ground_m_amsl: float
    speed: float
    scene: SceneLayout
    mounts: tuple[Mount, ...]


class Look(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """Where one vehicle in the air is and where its camera points; `number` is its mount's. Headings from grid north."""

    number: int
    east_m: float
    north_m: float
    up_m_amsl: float
    v_east: float
    v_north: float
    v_up: float
    heading_deg: float
    turn_deg_s: float
    tilt_deg: float
    pan_deg: float = 0.0
    zoom: float = 1.0


class Looks(msgspec.Struct, frozen=True, kw_only=True):
    """All in the air at one moment: real time (microseconds of Unix time) and the scene's time."""

    at_us: int
    scene_s: float
    looks: tuple[Look, ...]


def unix_us(clock: Clock) -> int:
    """Now, microseconds of Unix time."""
    return round(clock.now().timestamp() * 1e6)


def pose_at(look: Look, later_s: float, widest_deg: float) -> CameraPose:
    """The true pose a little after a look, by a lens that is so wide at its widest."""
    east, north = look.east_m + look.v_east * later_s, look.north_m + look.v_north * later_s
    latitude, longitude = wgs84_arrays(np.array((east,)), np.array((north,)))
    position = Position(latitude_deg=float(latitude[0]), longitude_deg=float(longitude[0]))
    return CameraPose(
        position=position, altitude_m_amsl=look.up_m_amsl + look.v_up * later_s,
        heading_deg=(look.heading_deg + look.turn_deg_s * later_s + convergence_deg(position)) % 360.0,
        tilt_deg=look.tilt_deg, pan_deg=look.pan_deg, horizontal_fov_deg=narrowed_deg(widest_deg, look.zoom),
    )  # fmt: skip


class Drift:
    """What a vehicle believes of its pose: wrong by errors that come and go (Ornstein-Uhlenbeck)."""

    _SIZES = np.array((OFF_M, OFF_M, OFF_UP_M, OFF_HEADING_DEG, OFF_TILT_DEG))

    def __init__(self, seed: int, number: int) -> None:
        self._dice = np.random.default_rng([seed, number, 3])
        self._off = self._dice.normal(0.0, self._SIZES)

    def believed(self, pose: CameraPose, passed_s: float) -> CameraPose:
        keep = math.exp(-passed_s / LASTS_S)
        self._off = keep * self._off + self._dice.normal(0.0, self._SIZES * math.sqrt(1.0 - keep * keep))
        north, east, up, heading, tilt = self._off.tolist()
        latitude = pose.position.latitude_deg
        moved = Position(
            latitude_deg=latitude + north / 111_200.0,
            longitude_deg=pose.position.longitude_deg + east / (111_320.0 * math.cos(math.radians(latitude))),
        )
        return CameraPose(
            position=moved, altitude_m_amsl=pose.altitude_m_amsl + up, heading_deg=(pose.heading_deg + heading) % 360.0,
            tilt_deg=max(-90.0, min(30.0, pose.tilt_deg + tilt)), pan_deg=pose.pan_deg,
            horizontal_fov_deg=pose.horizontal_fov_deg,
            position_sigma_m=OFF_M, altitude_sigma_m=OFF_UP_M, heading_sigma_deg=OFF_HEADING_DEG, tilt_sigma_deg=OFF_TILT_DEG,
        )  # fmt: skip


class Camera:
    """One camera for one flight."""

    def __init__(self, street: Street, setup: Setup, number: int, record: BinaryIO | None) -> None:
        scene, self.mount = setup.scene, setup.mounts[number]
        self._street, self._setup, self._record = street, setup, record
        self._renderer = Renderer(street, LIGHTS[scene.weather], scene.width_px, scene.height_px)
        self._encoder = Encoder(scene.width_px, scene.height_px, scene.rate_hz, gop_s=scene.gop_s)
        self._sender: Sender = sender(self.mount.address, scene.rate_hz)
        self._drift = Drift(setup.seed, number) if scene.noise else None
        self._warming: Iterator[None] | None = None
        self._last_us = 0
        self.warm = False

    def warm_up(self, look: Look) -> None:
        """Make one more piece of the street around it."""
        if self._warming is None:
            self._warming = self._pieces(look)
        self.warm = next(self._warming, True) is True

    def _pieces(self, look: Look) -> Iterator[None]:
        u, v = self._street.to_street(look.east_m, look.north_m)
        for i, j in self._street.cells(float(u), float(v), WARM_M):
            self._street.block(i, j)
            yield

    def take(self, looks: Looks, look: Look, captured_us: int) -> None:
        """Take one picture and send it."""
        later_s = (captured_us - looks.at_us) / 1e6
        scene_s = looks.scene_s + later_s * self._setup.speed
        pose = pose_at(look, later_s * self._setup.speed, self.mount.field_of_view_deg)
        seen = view(self._street, pose, self._setup.scene.width_px, self._setup.scene.height_px)
        about = self._renderer.about(seen, scene_s)
        picture = self._renderer.paint(seen, about)
        strip.burn(picture, captured_us, self.mount.vehicle_id)
        unit, keyframe = self._encoder.encode(picture, captured_us)
        told = pose
        if self._drift is not None:
            told = self._drift.believed(pose, (captured_us - self._last_us) / 1e6 if self._last_us else 0.0)
        self._last_us = captured_us
        self._sender.send(unit, klv.written(captured_us, told), captured_us, keyframe=keyframe)
        if self._record is not None:
            objects = truth(self._street, seen, about)
            line = Truth(vehicle_id=self.mount.vehicle_id, captured_us=captured_us, scene_s=scene_s, pose=pose, objects=objects)
            self._record.write(msgspec.json.encode(line) + b"\n")
            self._record.flush()

    def close(self) -> None:
        self._sender.close()


class Cameras:
    """All cameras of a fleet, one after the other on one core."""

    def __init__(self, setup: Setup, clock: Clock) -> None:
        self._setup, self._clock = setup, clock
        self.street = Street(seed=setup.seed, origin=setup.origin, ground_m_amsl=setup.ground_m_amsl)
        self._period_s = 1.0 / setup.scene.rate_hz
        self._at_work: dict[int, Camera] = {}
        self._due_s: dict[int, float] = {}
        self._record = Path(setup.scene.truth).open("ab") if setup.scene.truth else None  # noqa: SIM115 - as long as it runs

    def step(self, looks: Looks | None) -> float:
        """Take the picture that is due, if one is; how long there is nothing to do, seconds."""
        now_us = unix_us(self._clock)
        now_s = now_us / 1e6
        if looks is None or now_us - looks.at_us > STALE_S * 1e6:
            return 0.1
        in_air = {look.number: look for look in looks.looks}
        self._tend(in_air, now_s)
        if not self._at_work:
            return 0.05
        number = min(self._due_s, key=self._due_s.__getitem__)
        early_s = self._due_s[number] - now_s
        cold = next((one for one in self._at_work if not self._at_work[one].warm), None)
        if early_s > 0.0:
            if cold is None or early_s < 0.004:
                return min(early_s, 0.05)
            self._at_work[cold].warm_up(in_air[cold])
            return 0.0
        # In step; who is late by more than a picture leaves it out.
        self._due_s[number] = max(self._due_s[number] + self._period_s, now_s)
        if self._at_work[number].warm:
            self._at_work[number].take(looks, in_air[number], now_us)
        if cold is not None:
            # On a machine that is always late another one must get ready too.
            for _ in range(LATE_PIECES):
                self._at_work[cold].warm_up(in_air[cold])
        return 0.0

    def _tend(self, in_air: dict[int, Look], now_s: float) -> None:
        for number in [one for one in self._at_work if one not in in_air]:
            self._at_work.pop(number).close()
            del self._due_s[number]
        for number in in_air:
            if number not in self._at_work and len(self._at_work) < self._setup.scene.most:
                self._at_work[number] = Camera(self.street, self._setup, number, self._record)
                self._due_s[number] = now_s + self._period_s * (number % 8) / 8

    def close(self) -> None:
        for camera in self._at_work.values():
            camera.close()
        if self._record is not None:
            self._record.close()


class _Newest:
    """The newest look, read by a thread of its own; `over` when the fleet is gone."""

    def __init__(self, source: BinaryIO) -> None:
        self.looks: Looks | None = None
        self.over = False
        self._source = source
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        decoder = msgspec.json.Decoder(Looks)
        for line in self._source:
            self.looks = decoder.decode(line)
        self.over = True


def main() -> int:
    source = sys.stdin.buffer
    cameras = Cameras(msgspec.json.decode(source.readline(), type=Setup), SystemClock())
    newest = _Newest(source)
    try:
        while not newest.over:
            wait_s = cameras.step(newest.looks)
            if wait_s > 0.0:
                time.sleep(wait_s)
    except KeyboardInterrupt:
        pass
    finally:
        cameras.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
