"""Bad cameras of a deployment: each is told and tried again, and no other is harmed (FAULTS: camera)."""

import asyncio
import os
import random
import signal
from pathlib import Path

import av
import numpy as np
import pytest
from tests.integration import recognition_street
from tests.integration.recognition_street import WANTED, opened, workers
from tests.integration.test_video_live import free_port, sending
from tests.rtsp_camera import rtsp_camera
from tests.unit.test_recognition_model import replaced

from bowstreet.video import rules

street = recognition_street.street
PACKET = 188  # of a transport stream, which begins with four bytes of header


def film_of(path: Path, codec: str, width: int, height: int, pictures: int = 40) -> str:
    with av.open(str(path), "w") as out:
        stream = out.add_stream(codec, rate=10)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for number in range(pictures):
            pixels = np.full((height, width, 3), number * 5 % 255, np.uint8)
            out.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        out.mux(stream.encode())
    return f"file:{path}"


async def test_damaged_pictures_are_counted_and_nobody_is_taken_for_somebody_else(
    street: tuple[Path, Path], tmp_path: Path
) -> None:
    film, _ = street
    data, chance = bytearray(film.read_bytes()), random.Random(5)
    for start in range(200 * PACKET, len(data) - PACKET, PACKET):
        if chance.random() < 0.02:
            for place in range(start + 20, start + PACKET):
                data[place] = chance.randrange(256)
    damaged = tmp_path / "damaged.ts"
    damaged.write_bytes(data)
    async with opened(tmp_path / "data", north=f"file:{damaged}", south=f"file+loop:{film}") as one:
        await one.run(*WANTED)
        assert await one.until(lambda: one.counts().corrupt > 5, 90)
        assert await one.until(lambda: len(one.alerts) >= 2, 90)
        assert set(one.alerts) <= set(WANTED)
        assert one.pipeline.states()["south"].restarts == 0


async def test_a_codec_that_no_camera_sends_is_named_and_not_decoded(tmp_path: Path) -> None:
    address = film_of(tmp_path / "x.mkv", "mpeg2video", 320, 180)
    async with opened(tmp_path / "data", north=address) as one:
        await one.run(*WANTED)
        assert await one.until(lambda: one.pipeline.states()["north"].restarts > 0)
        assert "H.264 or H.265 is needed" in one.pipeline.states()["north"].trouble
        assert one.counts().frames == 0


async def test_4k_is_looked_at_and_more_than_that_is_refused(tmp_path: Path) -> None:
    north = film_of(tmp_path / "4k.mp4", "libx264", 3840, 2160, 40)
    south = film_of(tmp_path / "more.mp4", "libx264", 5120, 2880, 10)
    async with opened(tmp_path / "data", north=north, south=south) as one:
        await one.run(*WANTED)
        assert await one.until(lambda: one.pipeline.states()["north"].state == "ended")
        counts = one.counts()
        assert counts.frames == 40, "of the one camera alone"
        assert counts.analysed >= 2
        assert await one.until(lambda: one.pipeline.states()["south"].restarts > 0)
        assert "at most 4096 × 2304" in one.pipeline.states()["south"].trouble


async def test_a_camera_is_pulled_over_rtsp_and_its_wanted_are_told(street: tuple[Path, Path], tmp_path: Path) -> None:
    film, _ = street
    async with rtsp_camera(film, "operator", "secret") as camera, opened(tmp_path / "data", north=camera.address) as one:
        await one.run(*WANTED)
        assert await one.until(lambda: bool(set(one.alerts) & set(WANTED)))
        assert one.pipeline.states()["north"].trouble == ""
        camera.hang_up()
        assert await one.until(lambda: camera.asked.count("PLAY") == 2)
        before = one.counts().analysed
        assert await one.until(lambda: one.counts().analysed > before + 5)


async def test_silence_is_a_stall_and_the_camera_comes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "RECONNECT_S", 4.0)
    port = free_port()
    async with opened(tmp_path / "data", north=f"udp://127.0.0.1:{port}") as one:
        await one.run(*WANTED)
        async with sending(f"udp://127.0.0.1:{port}", 120):
            assert await one.until(lambda: one.counts().analysed > 5)
        assert await one.until(lambda: one.pipeline.states()["north"].state == "stalled")
        assert await one.until(lambda: one.pipeline.states()["north"].restarts >= 1)
        before = one.counts().analysed
        async with sending(f"udp://127.0.0.1:{port}", 120):
            assert await one.until(lambda: one.counts().analysed > before + 5)


async def test_cameras_that_hang_up_at_once_are_asked_less_and_less(street: tuple[Path, Path], tmp_path: Path) -> None:
    """Four that take every connection and end it; a storm would be some connections a second from each."""
    film, _ = street
    asked: list[float] = []

    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(asyncio.get_running_loop().time())
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    bad = {f"bad{number}": f"rtsp://127.0.0.1:{port}/{number}" for number in range(4)}
    async with server, opened(tmp_path / "data", **bad, south=f"file+loop:{film}") as one:
        await one.run(*WANTED)
        assert await one.until(lambda: all(one.pipeline.states()[name].restarts >= 3 for name in bad))
        states = one.pipeline.states()
        assert all(states[name].trouble.startswith("the source cannot be read") for name in bad)
        least_s = 0.75 * (rules.back_off_s(1) + rules.back_off_s(2))
        assert asked[-1] - asked[0] >= least_s
        assert len(asked) <= sum(state.restarts + 1 for state in states.values()), "one connection for each start, no more"
        assert await one.until(lambda: one.counts().analysed > 10)
        assert states["south"].restarts == 0


@pytest.mark.requirement("R12", "R13")
async def test_models_replaced_while_it_runs_are_not_looked_with(street: tuple[Path, Path], tmp_path: Path) -> None:
    """The worker that was there goes on with what it loaded; the one that takes its place finds other models, and says so."""
    film, _ = street
    models = tmp_path / "models"
    models.mkdir()
    async with opened(tmp_path / "data", models, north=f"file+loop:{film}") as one:
        await one.run(*WANTED)
        assert await one.until(lambda: one.counts().analysed > 5)
        replaced(models)
        os.kill(workers()[0], signal.SIGKILL)
        assert await one.until(lambda: "they were replaced" in one.pipeline.states()["north"].trouble)
        before = one.counts()
        assert await one.until(lambda: one.pipeline.states()["north"].restarts >= 3)
        assert one.counts() == before, "not one picture was looked at"
        assert one.pipeline.states()["north"].state != "live"
        (models / "detector.toml").unlink()
        assert await one.until(lambda: one.counts().analysed > before.analysed)
