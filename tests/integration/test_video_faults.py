"""Bad streams: each leaves a clear record, is tried again, and harms no other (FAULTS: camera)."""

import asyncio
import os
import signal
import time
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from tests.integration.test_video_live import free_port, sending
from tests.rtsp_camera import rtsp_camera

from bowstreet.runtime.clock import SystemClock
from bowstreet.video import rules
from bowstreet.video.ingest import Ingest
from bowstreet.video.model import AccessUnit, Fragment, StreamState, Trouble, VideoSource


class Watched:
    def __init__(self, address: str) -> None:
        self.said: list[Any] = []
        self.ingest = Ingest(VideoSource(source_id="cam", address=address), SystemClock(), self.said.append)

    async def __aenter__(self) -> "Watched":
        self.task = asyncio.ensure_future(self.ingest.run())
        return self

    async def __aexit__(self, *_: object) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)

    async def until(self, holds: Any, limit_s: float = 25.0) -> None:
        async with asyncio.timeout(limit_s):
            while not holds():
                await asyncio.sleep(0.05)

    def troubles(self) -> set[str]:
        return {one.code for one in self.said if isinstance(one, Trouble)}


async def test_a_source_that_is_not_there_is_tried_again_with_a_wait() -> None:
    async with Watched(f"rtsp://127.0.0.1:{free_port()}/none") as world:
        await world.until(lambda: world.ingest.status.restarts >= 2)
        assert "connection" in world.troubles()
        assert world.ingest.status.trouble.startswith("the source cannot be read")


def film_of_grey(path: Path) -> Path:
    """Two seconds of 160 × 90, a keyframe a second."""
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=10, options={"g": "10", "bf": "0"})
        stream.width, stream.height, stream.pix_fmt = 160, 90, "yuv420p"
        for number in range(20):
            picture = np.full((90, 160, 3), 10 * number, np.uint8)
            out.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        out.mux(stream.encode())
    return path


async def test_a_clip_that_is_played_again_and_again_is_recorded_and_sent_at_its_own_pace(tmp_path: Path) -> None:
    """Its clock goes back by two seconds each time."""
    async with Watched(f"file+loop:{film_of_grey(tmp_path / 'grey.mp4')}") as world:
        await world.until(lambda: sum(isinstance(one, Fragment) for one in world.said) >= 50)
        kept = [one for one in world.said if isinstance(one, Fragment)][:50]
    assert min(one.pts_us for one in kept[20:]) == kept[0].pts_us, "what the stream's clock said stays on record"
    assert [one.at_us for one in kept] == [100_000 * number for number in range(50)]
    # Each film in itself; no picture comes before its time.
    for first in (0, 20):
        assert kept[first + 19].received_us - kept[first].received_us >= 1_800_000


async def test_a_camera_that_serves_rtsp_is_pulled_with_its_password_and_asked_again_when_it_hangs_up(tmp_path: Path) -> None:
    film = film_of_grey(tmp_path / "film.ts")
    async with rtsp_camera(film, "operator", "a pass-word") as camera, Watched(camera.address.replace(" ", "%20")) as world:
        await world.until(lambda: sum(isinstance(one, AccessUnit) for one in world.said) > 10)
        assert world.ingest.status.state is StreamState.LIVE
        assert (world.ingest.status.width_px, world.ingest.status.height_px) == (160, 90)
        assert [one for one in camera.asked if one != "OPTIONS"][:4] == ["DESCRIBE", "DESCRIBE", "SETUP", "PLAY"]
        assert camera.denied == 1, "asked once without, for the question"
        camera.hang_up()
        await world.until(lambda: camera.asked.count("PLAY") == 2)
        await world.until(lambda: world.ingest.status.state is StreamState.LIVE)


async def test_a_wrong_password_is_a_trouble_that_does_not_tell_it(tmp_path: Path) -> None:
    film = film_of_grey(tmp_path / "film.ts")
    async with rtsp_camera(film, "operator", "right") as camera:
        async with Watched(camera.address.replace("right", "wrong-one")) as world:
            await world.until(lambda: world.ingest.status.restarts >= 1)
            assert "connection" in world.troubles()
            assert "401" in world.ingest.status.trouble
            assert "wrong-one" not in str(world.said)
        assert "PLAY" not in camera.asked


@pytest.mark.parametrize("bytes_", [b"", b"not a video at all" * 1000, os.urandom(200_000)], ids=["empty", "text", "noise"])
async def test_a_file_that_is_no_video_is_named_as_such(tmp_path: Path, bytes_: bytes) -> None:
    (tmp_path / "x.mp4").write_bytes(bytes_)
    async with Watched(f"file:{tmp_path / 'x.mp4'}") as world:
        await world.until(lambda: world.ingest.status.restarts >= 1)
        assert world.troubles() <= {"connection", "no-video", "wrong-codec"}
        assert world.troubles()


async def test_another_codec_is_named(tmp_path: Path) -> None:
    path = tmp_path / "x.mkv"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 160, 90, "yuv420p"
        for _ in range(5):
            out.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((90, 160, 3), np.uint8), format="rgb24")))
        out.mux(stream.encode())
    async with Watched(f"file:{path}") as world:
        await world.until(lambda: "wrong-codec" in world.troubles())
        assert "H.264 or H.265 is needed" in world.ingest.status.trouble


async def test_a_worker_killed_with_9_is_started_again_and_the_other_stream_goes_on() -> None:
    one, two = free_port(), free_port()
    async with (
        sending(f"udp://127.0.0.1:{one}", 60), sending(f"udp://127.0.0.1:{two}", 60),
        Watched(f"udp://127.0.0.1:{one}") as first, Watched(f"udp://127.0.0.1:{two}") as second,
    ):  # fmt: skip
        for world in (first, second):
            await world.until(lambda world=world: world.ingest.status.state is StreamState.LIVE)
        assert first.ingest._worker is not None
        before = second.ingest.status.units
        os.kill(first.ingest._worker.pid, signal.SIGKILL)
        await first.until(lambda: first.ingest.status.restarts == 1)
        await first.until(lambda: first.ingest.status.state is StreamState.LIVE)
        assert second.ingest.status.restarts == 0
        assert second.ingest.status.units > before


async def test_silence_is_a_stall_and_the_stream_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "RECONNECT_S", 4.0)
    port = free_port()
    async with Watched(f"udp://127.0.0.1:{port}") as world:
        async with sending(f"udp://127.0.0.1:{port}", 60):
            await world.until(lambda: world.ingest.status.state is StreamState.LIVE)
        await world.until(lambda: world.ingest.status.state is StreamState.STALLED)
        await world.until(lambda: world.ingest.status.restarts >= 1)
        async with sending(f"udp://127.0.0.1:{port}", 60):
            await world.until(lambda: world.ingest.status.state is StreamState.LIVE, 40)


async def test_damage_on_the_way_is_survived(tmp_path: Path) -> None:
    """Datagrams with flipped bytes: pictures may be lost, the worker is not."""
    port, out = free_port(), free_port()

    class Damaging(asyncio.DatagramProtocol):
        def connection_made(self, transport: Any) -> None:
            self.transport, self.count = transport, 0

        def datagram_received(self, data: bytes, addr: Any) -> None:
            self.count += 1
            if self.count % 25 == 0:
                data = data[:90] + bytes(one ^ 0x5A for one in data[90:140]) + data[140:]
            self.transport.sendto(data, ("127.0.0.1", out))

    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(Damaging, local_addr=("127.0.0.1", port))
    async with Watched(f"udp://127.0.0.1:{out}") as world, sending(f"udp://127.0.0.1:{port}", 60):
        await world.until(lambda: world.ingest.status.units > 100, 40)
        assert world.ingest.status.restarts == 0
        assert all(len(one.data) < 100_000 for one in world.said if isinstance(one, AccessUnit))
    transport.close()


async def test_a_worker_that_ends_has_its_status_read_by_one_alone(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The loop's watcher may be slow to read a status; whoever ends the worker meanwhile must not take it from under it."""
    waitpid = os.waitpid

    def slow(pid: int, options: int) -> tuple[int, int]:
        if options == 0:  # the watcher's own thread
            os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
            time.sleep(0.3)
        return waitpid(pid, options)

    monkeypatch.setattr(os, "waitpid", slow)
    async with Watched("file:/nobody/there.mp4") as stream:
        await stream.until(lambda: stream.ingest.status.restarts >= 2)
    assert [one.getMessage() for one in caplog.records if "child process" in one.getMessage()] == []
    assert stream.troubles() == {"connection"}
