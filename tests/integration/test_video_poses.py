"""A stream's own positions through a real worker: new, partial, gone, and a lie. Nothing is placed from where the drone was."""

import asyncio
import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from stanag4609 import st0601
from tests.integration.test_video_live import free_port

from bowstreet.frames import CameraPose
from bowstreet.geo import Position
from bowstreet.runtime.clock import SystemClock
from bowstreet.simulation.broadcast import Encoder, sender
from bowstreet.video import klv
from bowstreet.video.model import Finding, Metadata, Trouble, VideoSource
from bowstreet.video.orders import PoseKnown
from bowstreet.video.service import VideoService

HERE = Path(__file__).parents[2]
RATE_HZ = 10.0
TOLD, KNOWN, LIE = 51.5400, 51.5401, 51.6000


def full(captured_us: int, latitude_deg: float = TOLD) -> bytes:
    position = Position(latitude_deg=latitude_deg, longitude_deg=-0.1)
    pose = CameraPose(position=position, altitude_m_amsl=95.0, heading_deg=90.0, tilt_deg=-45.0, horizontal_fov_deg=60.0)
    return klv.written(captured_us, pose)


def without_position(captured_us: int) -> bytes:
    """As an encoder sends it whose receiver has lost its satellites."""
    return bytes(st0601.encode_uas_local_set({klv.TIME: captured_us, klv.HEADING: 90.0, klv.VERSION: klv.ST0601_VERSION}))


class Flight:
    """A camera that sends, the worker that takes it in, and telemetry while there is some."""

    def __init__(self, port: int) -> None:
        source = VideoSource(
            source_id="s", vehicle_id="v", address=f"udp://127.0.0.1:{port}", analyst="tests.video_analyst:Where",
            analysed_hz=10.0,
        )  # fmt: skip
        self.video = VideoService([source], SystemClock())
        self.stream = self.video.find("s")
        self.placed: list[str] = []
        self.packets = 0
        self.lies: list[Trouble] = []
        self.says: Callable[[int], bytes] = full
        self.telemetry = False
        self.video.listen(on_finding=lambda _, found: self._found(found), on_part=self._part)
        note = self.stream.ingest._note

        def noted(trouble: Trouble) -> None:
            note(trouble)
            self.lies += [trouble] if trouble.code == "lying-metadata" else []

        self.stream.ingest._note = noted  # type: ignore[method-assign]  # what people are shown, one by one
        self._port = port

    def _found(self, found: Finding) -> None:
        self.placed.append(found.data.decode())

    def _part(self, source: VideoSource, part: object) -> None:
        self.packets += isinstance(part, Metadata)

    async def fly(self) -> None:
        encoder, out = Encoder(320, 180, RATE_HZ), sender(f"udp://127.0.0.1:{self._port}", RATE_HZ)
        while True:
            captured_us = time.time_ns() // 1_000
            unit, keyframe = encoder.encode(np.zeros((180, 320, 3), np.uint8), captured_us)
            out.send(unit, self.says(captured_us), captured_us, keyframe=keyframe)
            if self.telemetry:
                self.video.tell("v", _known())
            await asyncio.sleep(1 / RATE_HZ)

    async def until(self, latitude: float | None) -> None:
        """Pictures are placed from there, several in a row."""
        wanted = "nowhere" if latitude is None else f"{latitude:.4f}"
        self.placed.clear()
        while self.placed[-5:] != [wanted] * 5:
            await asyncio.sleep(0.05)


def _known() -> PoseKnown:
    return PoseKnown(
        position=Position(latitude_deg=KNOWN, longitude_deg=-0.1), altitude_m_amsl=95.0, heading_deg=90.0, tilt_deg=-45.0,
        horizontal_fov_deg=60.0, speed_mps=0.0, age_s=0.0,
    )  # fmt: skip


async def test_a_pose_that_the_stream_told_is_used_while_it_is_new_and_true(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(HERE / "src"), str(HERE)]))
    flight = Flight(free_port())
    stream = flight.stream
    flight.video._running = True
    flight.video.wake("v")
    camera = asyncio.ensure_future(flight.fly())
    try:
        async with asyncio.timeout(60):
            await flight.until(TOLD)
            assert stream.tells_pose
            flight.says = without_position
            await flight.until(None)
            before = flight.packets
            assert not stream.tells_pose, "metadata goes on, and tells no pose"
            flight.telemetry = True
            await flight.until(KNOWN)
            assert flight.packets > before
            flight.says = full
            await flight.until(TOLD)
            assert stream.tells_pose
            assert flight.lies == []
            flight.says = lambda captured_us: full(captured_us, LIE)
            await flight.until(KNOWN)
            assert not stream.tells_pose
            assert [one.count for one in flight.lies] == [1], "once for as long as it goes on"
            assert "cannot be" in stream.ingest.status.trouble
    finally:
        camera.cancel()
        flight.video.rest("v")
        await asyncio.gather(camera, *flight.video._tasks.values(), return_exceptions=True)
    assert not stream.tells_pose
