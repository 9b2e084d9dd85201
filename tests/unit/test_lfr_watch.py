"""What a watch at a terminal takes an end for, and what becomes of a deployment whose cameras nobody can deal with: the real
pipeline, whose workers die as late as a test has them."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from msgspec.structs import replace
from structlog.testing import capture_logs
from tests.unit.recognition_world import OFFICER, OPERATOR, PROBE, World

from bowstreet.commands.lfr_watch import LOOK_EVERY_S, STOPS_WITHIN_S, Ended, Interrupts, Watch
from bowstreet.commands.terminal import Terminal
from bowstreet.errors import StoreUnavailable
from bowstreet.process import Process
from bowstreet.recognition.alerts.model import Alert
from bowstreet.recognition.cameras import pipeline, wire
from bowstreet.recognition.cameras.model import Report, Seen, SeenLook
from bowstreet.recognition.cameras.pipeline import CameraPipeline
from bowstreet.recognition.model import Deployment, DeploymentState
from bowstreet.recognition.ports import CameraConfig, CameraState

PRIVATE = "Synthetic P001 of 1 Upper Street"


class Eye:
    """A worker that looks at nothing, and is dead once `gone` is set."""

    def __init__(self, gone: asyncio.Event, report: Callable[[bytes], None]) -> None:
        self._gone, self.report = gone, report

    async def run(self) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await self._gone.wait()

    def order(self, data: bytes) -> None:
        return None

    def state(self) -> CameraState:
        return CameraState(state="live", restarts=0, trouble="")


class Watched:
    """A world with that pipeline, a deployment that runs, and somebody who watches it."""

    def __init__(self, world: World) -> None:
        self.world, self.gone, self.eyes = world, asyncio.Event(), list[Eye]()
        self.pipeline = CameraPipeline(world.clock, world.clock, self._open)
        self.pipeline.desk = world.recognition
        world.recognition.pipeline = self.pipeline
        self.one: Deployment
        self.watching: asyncio.Task[Ended]

    def _open(self, camera: CameraConfig, **told: Any) -> Eye:
        self.eyes.append(Eye(self.gone, told["on_report"]))
        return self.eyes[-1]

    async def begun(self) -> "Watched":
        self.one = await self.world.running()
        self.watch()
        await self.looks(1)
        assert not self.watching.done()
        return self

    def watch(self, for_s: float | None = None) -> None:
        process = SimpleNamespace(
            recognition=self.world.recognition, real_clock=self.world.clock, clock=self.world.clock,
            recorder=self.world.recorder, operation=SimpleNamespace(cameras=()),
        )  # fmt: skip
        watch = Watch(cast(Process, process), self.one.deployment_id, for_s, Interrupts(), Terminal())
        self.watching = asyncio.ensure_future(watch.run())

    @property
    def state(self) -> DeploymentState:
        return self.world.recognition.get(self.one.deployment_id).state

    async def looks(self, times: int) -> None:
        """The watch looks so many times."""
        await turns()
        for _ in range(times):
            self.world.simulated.advance_to(self.world.clock.now() + timedelta(seconds=LOOK_EVERY_S))
            await turns()

    def see(self) -> None:
        """A worker says that somebody on the list walks past."""
        person = self.world.person_id(self.one.deployment_id, "P001")
        at = int(self.world.clock.now().timestamp() * 1e6)
        looks = tuple(SeenLook(at_us=at, person_id=person, score=score, quality=0.8) for score in (0.7, 0.7))
        self.eyes[0].report(wire.written(Report(seen=(Seen(track_id="1", looks=looks, probe=PROBE),))))


async def turns() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(20.0):
        while not true():
            await asyncio.sleep(0.01)


@pytest.fixture
async def watched(tmp_path: Path) -> AsyncIterator[Watched]:
    world = await World(tmp_path / "data").started()
    made = await Watched(world).begun()
    yield made
    made.gone.set()
    made.watching.cancel()
    await made.pipeline.stop()
    await world.close()


async def by_a_person(world: World, one: Deployment) -> None:
    await world.recognition.stop(one.deployment_id, OPERATOR)


async def by_lost_authority(world: World, one: Deployment) -> None:
    await world.authorities.revoke(one.authorisation_id, OFFICER)


async def by_its_window(world: World, one: Deployment) -> None:
    world.simulated.advance_to(one.plan.ends_at)
    await world.recognition.look()


@pytest.mark.requirement("R9")
@pytest.mark.parametrize("ends", [by_a_person, by_lost_authority, by_its_window])
async def test_an_end_whose_workers_die_late_is_no_loss_of_the_record(
    watched: Watched, ends: Callable[[World, Deployment], Coroutine[Any, Any, None]]
) -> None:
    ending = asyncio.ensure_future(ends(watched.world, watched.one))
    await until(lambda: not watched.pipeline.states())
    await watched.looks(5)
    assert (watched.state, watched.watching.done()) == (DeploymentState.RUNNING, False)
    watched.gone.set()
    await ending
    await watched.looks(1)
    assert await watched.watching is Ended.ITSELF


@pytest.mark.requirement("R16")
async def test_a_stop_that_cannot_be_recorded_is_the_loss_of_the_record(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(*_: Any) -> None:
        raise StoreUnavailable("the disk is full", remedy="make room")

    monkeypatch.setattr(watched.world.store, "commit", full)
    watched.gone.set()
    watched.world.simulated.advance_to(watched.world.clock.now() + timedelta(seconds=30))
    await watched.world.recognition.look()
    await watched.looks(1)
    assert await watched.watching is Ended.RECORD
    monkeypatch.undo()


@pytest.mark.requirement("R9")
async def test_an_end_that_nobody_goes_on_with_is_an_end(watched: Watched) -> None:
    watched.gone.set()
    await watched.pipeline.stop()
    await watched.looks(int(STOPS_WITHIN_S / LOOK_EVERY_S) - 1)
    assert not watched.watching.done()
    await watched.looks(2)
    assert await watched.watching is Ended.ITSELF


async def moved_out(watched: Watched) -> Deployment:
    """Both cameras stand elsewhere, as the console is told, and authority for that is asked for; then it is started again."""
    world, one = watched.world, watched.one
    placed = tuple(replace(camera, position=replace(camera.position, latitude_deg=51.5470)) for camera in one.plan.cameras)
    await world.recognition.stop(one.deployment_id, OPERATOR)
    await watched.looks(1)
    assert await watched.watching is Ended.ITSELF
    asked = await world.planning.amend(one.deployment_id, replace(one.plan, cameras=placed), OPERATOR)
    await world.recognition.start(one.deployment_id, OPERATOR)
    return asked


@pytest.mark.requirement("R2", "R9")
async def test_a_deployment_whose_every_camera_is_kept_out_waits_for_them_and_says_why(
    watched: Watched, capsys: pytest.CaptureFixture[str]
) -> None:
    watched.gone.set()
    asked = await moved_out(watched)
    assert asked.amendment is not None
    watched.watch()
    await watched.looks(int(2 * STOPS_WITHIN_S / LOOK_EVERY_S))
    assert (watched.state, watched.watching.done(), watched.pipeline.states()) == (DeploymentState.RUNNING, False, {})
    said = capsys.readouterr().err
    for camera in ("north", "south"):
        assert said.count(f"{camera} is not looked at: it stands elsewhere than was authorised") == 1
    assert "its move waits for authority" in said
    await watched.world.authorities.decide(asked.amendment.authorisation_id, OFFICER, allow=True)
    await watched.looks(1)
    assert "north is not looked at: no sign stands before it" in capsys.readouterr().err
    await watched.world.told(asked.deployment_id)
    await watched.looks(1)
    assert set(watched.pipeline.states()) == {"north", "south"}
    await watched.world.recognition.stop(asked.deployment_id, OPERATOR)
    await watched.looks(1)
    assert await watched.watching is Ended.ITSELF


async def test_what_waits_for_its_cameras_ends_when_its_time_is_over(watched: Watched) -> None:
    watched.gone.set()
    await moved_out(watched)
    watched.watch(for_s=2 * STOPS_WITHIN_S)
    await watched.looks(int(2 * STOPS_WITHIN_S / LOOK_EVERY_S) - 2)
    assert not watched.watching.done()
    await watched.looks(3)
    assert await watched.watching is Ended.TIME


@pytest.mark.requirement("R2", "R11")
async def test_what_nobody_foresaw_in_a_sighting_ends_the_deployment(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    async def breaks(sighting: object) -> None:
        raise RuntimeError(PRIVATE)

    monkeypatch.setattr(watched.world.recognition, "submit", breaks)
    watched.gone.set()
    with capture_logs() as said:
        watched.see()
        await until(lambda: watched.state is DeploymentState.STOPPED)
    assert not watched.pipeline.states()
    assert watched.world.recognition.get(watched.one.deployment_id).why == pipeline.FAILED
    assert ("RuntimeError", "error") in [(one.get("error"), one["log_level"]) for one in said]
    assert PRIVATE not in str(said)
    await watched.looks(1)
    assert await watched.watching is Ended.ITSELF


@pytest.mark.requirement("R2", "R11")
async def test_nothing_is_looked_at_even_when_that_end_cannot_be_entered(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def breaks(*_: object) -> None:
        raise RuntimeError(PRIVATE)

    monkeypatch.setattr(watched.world.recognition, "submit", breaks)
    monkeypatch.setattr(watched.world.recognition, "fail", breaks)
    watched.gone.set()
    with capture_logs() as said:
        watched.see()
        await until(lambda: not watched.pipeline.states())
    assert PRIVATE not in str(said)


@pytest.mark.requirement("R11")
async def test_a_listener_that_fails_ends_no_alert_and_silences_no_other(watched: Watched) -> None:
    heard: list[Alert] = []

    def dead(alert: Alert) -> None:
        raise BrokenPipeError(PRIVATE)

    watched.world.alerts.listen(dead)
    watched.world.alerts.listen(heard.append)
    with capture_logs() as said:
        watched.see()
        await until(lambda: len(heard) == 1)
        claimed = await watched.world.alerts.claim(heard[0].alert_id, OFFICER)  # a person's act stands, and tells no error
    assert heard == [heard[0], claimed]
    assert watched.state is DeploymentState.RUNNING
    assert [one.get("error") for one in said] == ["BrokenPipeError"] * 2
    assert PRIVATE not in str(said)
