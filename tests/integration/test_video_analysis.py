"""What looks at pictures must never cost one of those that are recorded; and the sample clips through the whole chain."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.integration.test_video_live import free_port, sending
from tests.unit.test_footage import World

from bowstreet.dispatch.follows import ANALYST
from bowstreet.runtime.clock import SystemClock
from bowstreet.tracking import detector, wire
from bowstreet.tracking.model import FollowPhase
from bowstreet.video.footage import PartKind
from bowstreet.video.ingest import Ingest
from bowstreet.video.model import AccessUnit, Finding, Fragment, FromWorker, Looked, StreamState, VideoSource
from bowstreet.video.orders import Order
from bowstreet.video.rules import CameraOrder
from bowstreet.video.service import VideoService

HERE = Path(__file__).parents[2]
CLIPS = next((found for up in Path(__file__).parents if (found := up / "shared/data").exists()), Path("nowhere"))
MODEL = detector.SHIPPED_MODELS / "ssd_mobilenetv2_oidv4_fp16.tflite"
SHOWN = CameraOrder(level=False, recording=True, live=True, why="over the scene")


async def test_a_slow_analyst_is_given_fewer_pictures_and_every_picture_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(HERE / "src"), str(HERE)]))
    port, said = free_port(), list[FromWorker]()
    source = VideoSource(
        source_id="s", vehicle_id="v", address=f"udp://127.0.0.1:{port}", analyst="tests.video_analyst:Slow", analysed_hz=5.0
    )
    async with sending(f"udp://127.0.0.1:{port}", 60.0):
        run = asyncio.ensure_future(Ingest(source, SystemClock(), said.append).run())
        async with asyncio.timeout(50):
            while sum(isinstance(one, Looked) for one in said) < 4:
                await asyncio.sleep(0.1)
        run.cancel()
        await asyncio.gather(run, return_exceptions=True)
    last = [one for one in said if isinstance(one, Looked)][-1]
    assert last.analysed_hz < 2.5, "half of what was asked at most"
    assert last.passed_over > 0
    units = [one.sequence for one in said if isinstance(one, AccessUnit)]
    assert units == list(range(len(units))), "not one is missing"
    assert len(units) > 10 * last.looked
    kept = [one.sequence for one in said if isinstance(one, Fragment)]
    assert kept == list(range(len(kept)))
    assert len(units) - len(kept) <= 2


@asynccontextmanager
async def chain(path: Path, clip: Path) -> AsyncIterator[tuple[VideoService, World, list[wire.Findings]]]:
    """Ingest, analyst and recorder, as wiring puts them together."""
    world = World(path / "footage")
    await world.footage.load(world.store)
    source = VideoSource(source_id="s", vehicle_id="v", address=f"file:{clip}", analyst=ANALYST)
    video, found = VideoService([source], SystemClock()), list[wire.Findings]()
    video.listen(on_part=world.footage.take)
    video.listen(on_finding=lambda _, finding: found.append(_read(finding)))
    video.steer("v", SHOWN)
    running = asyncio.ensure_future(video.run())
    try:
        yield video, world, found
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def _read(finding: Finding) -> wire.Findings:
    return wire.read_findings(finding.data)


@pytest.mark.skipif(not MODEL.exists(), reason="make models fetches the detector")
@pytest.mark.parametrize("name", ["one-by-one-person-detection", "car-detection"])
async def test_a_clip_goes_through_ingest_analyst_and_recorder(tmp_path: Path, name: str) -> None:
    clip = CLIPS / f"{name}.mp4"
    if not clip.exists():
        pytest.skip("the clip is not here")
    async with asyncio.timeout(150), chain(tmp_path, clip) as (video, world, found):
        stream = video.find("s")
        recording_id = await world.footage.start(stream.source, "mis-1", "inc-1")
        clicked, held, until = False, 0, time.monotonic() + 60.0
        while held < 3 and time.monotonic() < until and stream.ingest.status.state is not StreamState.ENDED:
            await asyncio.sleep(0.1)
            latest = found[-1] if found else None
            if latest is not None and latest.tracks and not clicked:
                clicked = True
                one = max(latest.tracks, key=lambda one: one.score)
                x, y = one.box.centre[0] / latest.width_px, one.box.centre[1] / latest.height_px
                order = wire.Click(follow_id="fol-1", x=min(1.0, max(0.0, x)), y=min(1.0, max(0.0, y)), sequence=latest.sequence)
                video.tell("v", Order(data=wire.written(order)))
            held = sum(one.follow is not None and one.follow.phase is FollowPhase.HELD for one in found)
        taken_in = stream.ingest.status.units
        await world.footage.stop("s", "the test is over")
    assert held >= 3, [one.follow and one.follow.reason for one in found][-5:]
    assert all(not one.trouble for one in found)
    closed = world.footage.recordings.get(recording_id)
    parts = [one.part for one in world.footage.parts(recording_id) if one.part.kind is PartKind.FRAGMENT]
    assert closed.dropped == 0
    assert len(parts) >= taken_in - stream.ingest.status.restarts - 40, "from the first keyframe on"
