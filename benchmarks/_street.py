"""A recognition deployment over films of simulated streets, and what it spends: for the benchmarks of the cameras."""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.integration.console_city import city
from tests.processes import below
from tests.unit.recognition_world import HIGHBURY, World
from websockets.asyncio.client import ClientConnection, connect

from bowstreet.adapters import open_eye
from bowstreet.console.server import Server
from bowstreet.console.settings import EdgeSettings
from bowstreet.recognition.alerts.model import Alert, Sighting
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
    """The service, with the moment at which each alert's deciding picture was taken."""

    def __init__(self, world: World) -> None:
        self._inner = world.recognition
        self.taken_s: dict[str, float] = {}

    def may_process(self, frame: Any) -> Any:
        return self._inner.may_process(frame)

    def count(self, deployment_id: str, more: Counts) -> None:
        self._inner.count(deployment_id, more)

    async def submit(self, sighting: Sighting) -> object:
        made = await self._inner.submit(sighting)
        if isinstance(made, Alert):
            self.taken_s[made.alert_id] = max(look.at for look in sighting.looks).timestamp()
        return made


class Officer:
    """An adjudicating officer's page, but for the drawing: its WebSocket to the console, over HTTP of this machine."""

    def __init__(self) -> None:
        self.shown_s: dict[str, float] = {}  # alert -> when it had come

    @asynccontextmanager
    async def listening(self, world: World) -> AsyncIterator[None]:
        settings = EdgeSettings(port=0)
        town = await city(settings, clock=SystemClock(), recognised=world.recognition)
        world.planning.erase = world.retention.erase
        server = Server(town.console.app, settings)
        await server.start()
        async with town.signed_in("adjudicating-officer") as officer:
            cookie = f"bowstreet={officer.cookies['bowstreet']}"
            address = f"ws://127.0.0.1:{server.port}/api/v1/recognition/live"
            async with connect(address, additional_headers={"Cookie": cookie}, max_size=None) as socket:
                hearing = asyncio.ensure_future(self._hear(socket))
                yield
                hearing.cancel()
        town.console.feed.close()
        town.console.alert_feed.close()
        await server.stop()
        town.services.accounts.close()

    async def _hear(self, socket: ClientConnection) -> None:
        async for message in socket:
            for alert in json.loads(message)["alerts"]:
                self.shown_s.setdefault(alert["alert_id"], time.time())


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
    """A deployment at work, and an officer who looks."""

    def __init__(self, world: World, timed: Timed, officer: Officer, deployment_id: str) -> None:
        self._world, self._timed, self._officer, self._id = world, timed, officer, deployment_id

    @property
    def waits_s(self) -> list[float]:
        """Of each alert that the officer has: from when the picture that decided it was taken."""
        shown = self._officer.shown_s
        return [shown[alert] - taken for alert, taken in self._timed.taken_s.items() if alert in shown]

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
    timed, officer = Timed(world), Officer()
    pipeline.desk = timed
    async with officer.listening(world):
        one = await world.running(*WANTED, threshold=THRESHOLD)
        try:
            yield Running(world, timed, officer, one.deployment_id)
        finally:
            await world.recognition.stop(one.deployment_id, "acc-operator")
    await world.close()
