"""A simulated street as a real H.264 stream, a camera's worker, the models, a sealed list, the record: nothing in between is
replaced. Everybody in it is wholly synthetic."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
from tests.processes import below
from tests.unit.recognition_world import HIGHBURY, World

from bowstreet.adapters import open_eye
from bowstreet.recognition.cameras.pipeline import CameraPipeline
from bowstreet.recognition.ports import CameraConfig
from bowstreet.runtime.clock import SystemClock
from bowstreet.simulation.street_cameras import Shown

WANTED, SECONDS = ("P001", "P008"), 24
# High enough that no two of these ten people are taken for each other, and met by each of the wanted.
THRESHOLD = 0.7


@pytest.fixture(scope="session")
def street(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Some seconds of a street, 720p25, and whose heads are where."""
    folder = tmp_path_factory.mktemp("street")
    film, truth = folder / "street.ts", folder / "truth.jsonl"
    asked = ["--to", f"file:{film}", "--seconds", str(SECONDS), "--every", "2.5", "--truth", str(truth), "--seed", "2"]
    subprocess.run([sys.executable, "-m", "bowstreet.simulation.street_cameras", *asked], check=True, timeout=120)
    return film, truth


def walked_near(truth: Path) -> set[str]:
    """Who came near enough to be described."""
    shown = [msgspec.json.decode(line, type=Shown) for line in truth.read_bytes().splitlines()]
    return {head.person_id for one in shown for head in one.heads if head.ahead_m < 4.0}


class Street:
    """A world whose cameras are real streams, and whose clock is the machine's."""

    def __init__(self, folder: Path, addresses: dict[str, str], models: Path | None = None) -> None:
        clock = SystemClock()
        self.pipeline = CameraPipeline(clock, clock, open_eye, models=models)
        cameras = [
            CameraConfig(camera_id=name, name=f"Camera {name}", address=address, position=HIGHBURY)
            for name, address in addresses.items()
        ]
        self.world = World(folder, real=clock, cameras=cameras, pipeline=self.pipeline)
        self.pipeline.desk = self.world.recognition
        self.deployment_id = ""

    async def run(self, *wanted: str) -> None:
        self.deployment_id = (await self.world.running(*wanted, threshold=THRESHOLD)).deployment_id

    async def until(self, true: Callable[[], bool], seconds: float = 60.0) -> bool:
        """The program looks, as it does once a second; whether it came true."""
        for step in range(int(seconds * 10)):
            if true():
                return True
            if step % 10 == 0:
                await self.world.recognition.look()
            await asyncio.sleep(0.1)
        return False

    @property
    def alerts(self) -> list[str]:
        """Whom alerts are about, by the reference on the list."""
        known = {self.world.person_id(self.deployment_id, one): one for one in WANTED}
        return [known.get(one.person_id, "?") for one in self.world.alerts.of(self.deployment_id)]

    def counts(self):  # type: ignore[no-untyped-def]
        return self.world.recognition.counts(self.world.recognition.get(self.deployment_id))


@asynccontextmanager
async def opened(folder: Path, models: Path | None = None, **addresses: str) -> AsyncIterator[Street]:
    made = Street(folder, addresses, models)
    await made.world.started()
    try:
        yield made
    finally:
        await made.pipeline.stop()
        await made.world.close()


def workers() -> list[int]:
    return below(os.getpid(), "bowstreet.video.fixed_worker")
