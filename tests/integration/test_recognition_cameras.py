"""From pictures to alerts, with nothing in between replaced: a simulated street as a real H.264 stream, its worker, the models, a
sealed list, the record. Everybody in it is wholly synthetic."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
from tests.unit.recognition_world import HIGHBURY, OPERATOR, World

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

    def __init__(self, folder: Path, addresses: dict[str, str]) -> None:
        clock = SystemClock()
        self.pipeline = CameraPipeline(clock, clock, open_eye)
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
async def opened(folder: Path, **addresses: str) -> AsyncIterator[Street]:
    made = Street(folder, addresses)
    await made.world.started()
    try:
        yield made
    finally:
        await made.pipeline.stop()
        await made.world.close()


def workers() -> list[int]:
    found = subprocess.run(["pgrep", "-f", "bowstreet.video.fixed_worker"], capture_output=True, text=True, check=False)
    return [int(one) for one in found.stdout.split()]


@pytest.mark.requirement("R7", "R8")
async def test_listed_people_who_walk_past_raise_one_alert_each_and_nobody_else_does(
    street: tuple[Path, Path], tmp_path: Path
) -> None:
    film, truth = street
    near = walked_near(truth)
    assert near > set(WANTED)  # others walk there too
    async with opened(tmp_path / "data", north=f"file:{film}") as one:
        await one.run(*WANTED)
        assert await one.until(lambda: one.pipeline.view("north") is not None)
        assert await one.until(lambda: one.pipeline.states()["north"].state == "ended", SECONDS + 60)
        assert await one.until(lambda: len(one.alerts) >= 2, 5)
        assert sorted(one.alerts) == sorted(WANTED)
        counts = one.counts()
        assert counts.frames == SECONDS * 25
        assert counts.analysed + counts.dropped + counts.corrupt == counts.frames
        assert counts.analysed > SECONDS * 2
        assert abs(counts.tracks - len(near)) <= 2  # who is still far at the end may count too
        assert (counts.matched, counts.alerts) == (2, 2)
        view = one.pipeline.view("north")
        assert view is None or view.image.startswith(b"\xff\xd8")


@pytest.mark.requirement("R2", "R9")
async def test_a_stop_ends_the_workers_and_overwrites_the_list(street: tuple[Path, Path], tmp_path: Path) -> None:
    film, _ = street
    async with opened(tmp_path / "data", north=f"file+loop:{film}", south=f"file+loop:{film}") as one:
        await one.run(*WANTED)
        assert await one.until(lambda: one.counts().analysed > 10)
        assert len(workers()) == 2
        run = one.pipeline._run
        assert run is not None
        gallery = run.shared.gallery
        rows = gallery._rows
        assert abs(rows).max() > 0
        await one.world.recognition.stop(one.deployment_id, OPERATOR)
        assert workers() == []
        assert not abs(rows).max()
        assert one.pipeline.states() == {}


@pytest.mark.requirement("R2")
async def test_a_program_that_says_nothing_any_more_ends_the_looking(street: tuple[Path, Path], tmp_path: Path) -> None:
    """The worker's lease runs out by itself: the program hangs, and nothing is processed."""
    film, _ = street
    async with opened(tmp_path / "data", north=f"file+loop:{film}") as one:
        await one.run(*WANTED)
        assert await one.until(lambda: one.counts().analysed > 10)
        before = one.counts()
        await asyncio.sleep(6.5)  # no look, so no word; the lease is 5 s
        after = one.counts()
        await asyncio.sleep(1.5)
        last = one.counts()
        assert last.refused > after.refused > before.refused
        assert last.tracks == after.tracks


async def test_a_worker_killed_is_started_again_and_the_other_never_notices(street: tuple[Path, Path], tmp_path: Path) -> None:
    film, _ = street
    async with opened(tmp_path / "data", north=f"file+loop:{film}", south=f"file+loop:{film}") as one:
        await one.run(*WANTED)
        assert await one.until(lambda: all(state.state == "live" for state in one.pipeline.states().values()))
        os.kill(workers()[0], signal.SIGKILL)
        assert await one.until(lambda: sum(state.restarts for state in one.pipeline.states().values()) == 1)
        assert await one.until(lambda: all(state.state == "live" for state in one.pipeline.states().values()))
        assert await one.until(lambda: len(one.alerts) >= 2)


async def test_a_camera_that_is_none_is_told_and_the_other_goes_on(street: tuple[Path, Path], tmp_path: Path) -> None:
    film, _ = street
    rubbish = tmp_path / "rubbish.mp4"
    rubbish.write_bytes(os.urandom(100_000))
    async with opened(tmp_path / "data", north=f"file:{rubbish}", south=f"file+loop:{film}") as one:
        await one.run(*WANTED)
        assert await one.until(lambda: one.pipeline.states()["north"].restarts > 0)
        assert one.pipeline.states()["north"].trouble.startswith("the source cannot be read")
        assert await one.until(lambda: one.counts().analysed > 10)
