"""A recognition deployment over films of simulated streets, and what it spends: for the benchmarks of the cameras."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.processes import below
from tests.unit.recognition_world import HIGHBURY, World

from bowstreet.adapters import open_eye
from bowstreet.messages import AlertRaised
from bowstreet.recognition.alerts.model import Sighting
from bowstreet.recognition.cameras.pipeline import CameraPipeline
from bowstreet.recognition.model import Counts
from bowstreet.recognition.ports import CameraConfig
from bowstreet.runtime.clock import SystemClock

FILM_S, WANTED, THRESHOLD = 60.0, ("P001", "P004", "P008"), 0.66
TICKS = os.sysconf("SC_CLK_TCK")


def film(folder: Path, seed: int) -> Path:
    """A minute of a street, 1280 × 720 at 25 Hz; one in four who pass is of the cast."""
    path = folder / f"street-{seed}.ts"
    asked = ["--to", f"file:{path}", "--seconds", str(FILM_S), "--every", "4", "--seed", str(seed)]
    subprocess.run([sys.executable, "-m", "bowstreet.simulation.street_cameras", *asked], check=True)
    return path


class Timed:
    """The service, with the moment at which each sighting's deciding picture was taken, and its alert delivered."""

    def __init__(self, world: World) -> None:
        self._inner, self._taken_s = world.recognition, 0.0
        self.waits_s: list[float] = []
        world.recorder.bus.subscribe(AlertRaised, self._delivered)

    async def _delivered(self, message: AlertRaised) -> None:
        self.waits_s.append(time.time() - self._taken_s)

    def may_process(self, frame: Any) -> Any:
        return self._inner.may_process(frame)

    def count(self, deployment_id: str, more: Counts) -> None:
        self._inner.count(deployment_id, more)

    async def submit(self, sighting: Sighting) -> object:
        self._taken_s = max(look.at for look in sighting.looks).timestamp()
        return await self._inner.submit(sighting)


def workers() -> dict[int, tuple[float, float]]:
    """Processor seconds and resident MB of each camera's worker."""
    told = {}
    for pid in below(os.getpid(), "bowstreet.video.fixed_worker"):
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        told[pid] = (int(fields[11]) + int(fields[12])) / TICKS, int(fields[21]) * os.sysconf("SC_PAGE_SIZE") / 1e6
    return told


class Running:
    """A deployment at work."""

    def __init__(self, world: World, timed: Timed, deployment_id: str) -> None:
        self._world, self._timed, self._id = world, timed, deployment_id

    @property
    def waits_s(self) -> list[float]:
        return self._timed.waits_s

    @property
    def counts(self) -> Counts:
        return self._world.recognition.counts(self._world.recognition.get(self._id))

    async def go_on(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            await asyncio.sleep(1.0)
            await self._world.recognition.look()


@asynccontextmanager
async def running(folder: Path, films: list[Path]) -> AsyncIterator[Running]:
    """One deployment with a camera for each film, each played over and over as fast as it was taken."""
    clock = SystemClock()
    pipeline = CameraPipeline(clock, clock, open_eye)
    cameras = [
        CameraConfig(camera_id=f"c{number}", name=f"Camera {number}", address=f"file+loop:{film}", position=HIGHBURY)
        for number, film in enumerate(films)
    ]
    world = await World(folder / "data", real=clock, cameras=cameras, pipeline=pipeline).started()
    timed = Timed(world)
    pipeline.desk = timed
    one = await world.running(*WANTED, threshold=THRESHOLD)
    try:
        yield Running(world, timed, one.deployment_id)
    finally:
        await world.recognition.stop(one.deployment_id, "acc-operator")
        await world.close()
