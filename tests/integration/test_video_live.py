"""Live pictures through the whole chain: a real sender, a worker, the edge over a real socket, a real WebRTC peer."""

import asyncio
import json
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from io import BytesIO
from pathlib import Path
from typing import Any

import av
import httpx
import pytest
from aioice import ice
from aiortc import RTCPeerConnection, RTCSessionDescription
from tests.integration.console_city import City, city
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from bowstreet.console.server import Server
from bowstreet.console.settings import EdgeSettings
from bowstreet.console.viewings import MOST_BY_ACCOUNT
from bowstreet.messages import VideoLeft, VideoWatched
from bowstreet.video.model import StreamState, VideoSource
from bowstreet.video.rules import CameraOrder

SENDER = Path(__file__).parents[1] / "video_sender.py"
SHOWN = CameraOrder(level=False, recording=False, live=True, why="over the scene")
DARK = CameraOrder(level=True, recording=False, live=False, why="on the ground")


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@asynccontextmanager
async def sending(address: str, seconds: float = 90.0, *more: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(sys.executable, str(SENDER), address, str(seconds), *more)
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


class Watched:
    def __init__(self, town: City, port: int) -> None:
        self.town, self.port = town, port
        self.messages: list[Any] = []
        for kind in (VideoWatched, VideoLeft):
            town.recorder.bus.subscribe(kind, self._heard)

    async def _heard(self, message: Any) -> None:
        self.messages.append(message)

    async def live(self) -> None:
        stream = self.town.services.video.find("cam")
        async with asyncio.timeout(45):
            while stream.ingest.status.state is not StreamState.LIVE or stream.header is None:
                await asyncio.sleep(0.05)


def fresh_names() -> None:
    """The library looks names of browsers up by a lock that it makes once, for the event loop of the first test."""
    ice._mdns.__dict__.clear()


@asynccontextmanager
async def watched(address: str, limit_s: float = 120.0) -> AsyncIterator[Watched]:
    fresh_names()
    settings = EdgeSettings(port=0)
    town = await city(settings, video=(VideoSource(source_id="cam", vehicle_id="k1", address=address),))
    await town.hear_all()
    server = Server(town.console.app, settings)
    await server.start()
    running = asyncio.ensure_future(town.services.video.run())
    town.services.video.steer("k1", SHOWN)
    try:
        async with asyncio.timeout(limit_s):
            yield Watched(town, server.port)
    finally:
        await town.console.viewings.close()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        town.console.feed.close()
        await server.stop()


async def offered(peer: RTCPeerConnection) -> str:
    peer.addTransceiver("video", direction="recvonly")
    await peer.setLocalDescription(await peer.createOffer())
    return str(peer.localDescription.sdp)


async def test_pictures_reach_a_webrtc_viewer_and_the_viewing_is_on_record() -> None:
    port = free_port()
    async with watched(f"udp://127.0.0.1:{port}") as world, sending(f"udp://127.0.0.1:{port}"):
        await world.live()
        async with world.town.signed_in("dispatcher") as client:
            peer = RTCPeerConnection()
            tracks: asyncio.Queue[Any] = asyncio.Queue()
            peer.on("track", tracks.put_nowait)
            offer = await offered(peer)
            answer = await client.post("/api/v1/video/cam/whep", content=offer, headers={"content-type": "application/sdp"})
            assert answer.status_code == 201, answer.text
            await peer.setRemoteDescription(RTCSessionDescription(sdp=answer.text, type="answer"))
            track = await tracks.get()
            frames = [await track.recv() for _ in range(10)]
            assert (frames[-1].width, frames[-1].height) == (320, 180)
            [said] = [one for one in world.messages if isinstance(one, VideoWatched)]
            assert (said.source_id, said.way) == ("cam", "whep")
            assert (await client.delete(answer.headers["location"])).status_code == 204
            await peer.close()
            async with asyncio.timeout(5):
                while not any(isinstance(one, VideoLeft) and one.viewing_id == said.viewing_id for one in world.messages):
                    await asyncio.sleep(0.05)


async def test_pictures_reach_a_browser_as_mp4_that_decodes() -> None:
    port = free_port()
    async with watched(f"udp://127.0.0.1:{port}") as world, sending(f"udp://127.0.0.1:{port}"):
        await world.live()
        async with world.town.signed_in("pilot") as client:
            cookie = f"bowstreet={client.cookies['bowstreet']}"
        address = f"ws://127.0.0.1:{world.port}/api/v1/video/cam/mse"
        async with connect(address, additional_headers={"Cookie": cookie}) as viewer:
            kind = json.loads(await viewer.recv())["type"]
            assert kind.startswith('video/mp4; codecs="avc1.')
            parts = [await viewer.recv() for _ in range(20)]
        with av.open(BytesIO(b"".join(part for part in parts if isinstance(part, bytes)))) as file:
            pictures = list(file.decode(video=0))
        assert len(pictures) >= 18
        assert pictures[0].key_frame


async def test_however_many_come_at_once_an_account_watches_no_more_than_its_share() -> None:
    port = free_port()
    async with watched(f"udp://127.0.0.1:{port}") as world, sending(f"udp://127.0.0.1:{port}"):
        await world.live()
        async with world.town.signed_in("pilot") as client:
            cookie = f"bowstreet={client.cookies['bowstreet']}"
        address = f"ws://127.0.0.1:{world.port}/api/v1/video/cam/mse"

        async def open_() -> str:
            viewer = await connect(address, additional_headers={"Cookie": cookie})
            with suppress(ConnectionClosed):
                async with asyncio.timeout(10):
                    await viewer.recv()
                    return "shown"
            return str(viewer.close_code)

        told = await asyncio.gather(*(open_() for _ in range(2 * MOST_BY_ACCOUNT)))
        assert told.count("shown") <= MOST_BY_ACCOUNT
        assert "4404" in told


async def test_who_may_not_watch_sees_nothing_and_a_dark_camera_shows_nothing() -> None:
    port = free_port()
    async with watched(f"udp://127.0.0.1:{port}") as world, sending(f"udp://127.0.0.1:{port}"):
        await world.live()
        peer = RTCPeerConnection()
        sdp = {"content-type": "application/sdp"}
        async with world.town.signed_in("viewer") as client:
            assert (await client.post("/api/v1/video/cam/whep", content=await offered(peer), headers=sdp)).status_code == 403
        world.town.services.video.steer("k1", DARK)
        async with world.town.signed_in("dispatcher") as client:
            refused = await client.post("/api/v1/video/cam/whep", content=await offered(peer), headers=sdp)
        assert refused.status_code == 409 or refused.status_code == 403
        assert "on the ground" in refused.text
        await peer.close()


@asynccontextmanager
async def viewing() -> AsyncIterator[tuple[Any, ClientConnection]]:
    """A pilot who watches by MP4, and has seen some of it."""
    port = free_port()
    async with watched(f"udp://127.0.0.1:{port}") as world, sending(f"udp://127.0.0.1:{port}"):
        await world.live()
        async with world.town.signed_in("pilot") as client:
            cookie = f"bowstreet={client.cookies['bowstreet']}"
        async with connect(f"ws://127.0.0.1:{world.port}/api/v1/video/cam/mse", additional_headers={"Cookie": cookie}) as viewer:
            for _ in range(4):
                await viewer.recv()
            yield world, viewer


async def left(world: Any) -> None:
    """That the viewer left is on record."""
    async with asyncio.timeout(10):
        while not any(isinstance(one, VideoLeft) for one in world.messages):
            await asyncio.sleep(0.05)


async def test_a_viewing_ends_when_the_camera_may_show_nothing_any_more() -> None:
    async with viewing() as (world, viewer):
        world.town.services.video.steer("k1", DARK)
        with suppress(ConnectionClosed):
            async with asyncio.timeout(5):
                while True:
                    await viewer.recv()
        assert viewer.close_code == 1012
        await left(world)


async def test_who_leaves_a_stream_that_has_stopped_has_left_on_record(monkeypatch: pytest.MonkeyPatch) -> None:
    async with viewing() as (world, viewer):
        # From now on nothing comes, and nothing begins anew either.
        monkeypatch.setattr(world.town.services.video.find("cam").fragments, "give", lambda _: None)
        with suppress(TimeoutError):
            while True:
                await asyncio.wait_for(viewer.recv(), 1.0)
        await viewer.close()
        await left(world)
        assert len(world.town.console.viewings) == 0


@pytest.mark.parametrize(
    "body",
    [b"", b"v=0", b"not sdp", b"v=0\r\n" + b"a=candidate:1 1 udp 1 10.0.0.1 9 typ host\r\n" * 40, b"v=0\r\nm=video 9 X 1\r\n" * 50,
     b"v=0\r\n" + b"\xff" * 100, b"v=0\r\n" + b"x" * 40_000],
)  # fmt: skip
async def test_hostile_offers_are_refused_and_leave_no_session(body: bytes) -> None:
    async with watched(f"udp://127.0.0.1:{free_port()}") as world, world.town.signed_in("dispatcher") as client:
        answer: httpx.Response = await client.post(
            "/api/v1/video/cam/whep", content=body, headers={"content-type": "application/sdp"}
        )
        assert answer.status_code in (400, 422), answer.text
        assert len(world.town.console.viewings.whep) == 0
        assert len(world.town.console.viewings) == 0
