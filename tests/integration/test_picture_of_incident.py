"""The picture of an incident has one address: when another drone takes the watch, a viewer goes on without a break."""

import asyncio
import socket
from typing import Any

from aiortc import RTCPeerConnection, RTCSessionDescription
from msgspec.structs import replace
from tests.integration.console_city import City, call, city
from tests.integration.test_video_live import SHOWN, free_port, offered, sending

from bowstreet.console.server import Server
from bowstreet.console.settings import EdgeSettings
from bowstreet.messages import VideoLeft, VideoWatched
from bowstreet.video.model import StreamState, VideoSource

# Between two pictures of a sender at 25 a second; a busy machine may be slow, a dark moment would be the time of a new connection.
MOST_BREAK_S = 3.0


async def _listened_to(*ports: int) -> None:
    """Until the workers have bound them: a sender to a port that nobody listens on is told so, and ends."""
    async with asyncio.timeout(30):
        for port in ports:
            while True:
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
                    try:
                        probe.bind(("127.0.0.1", port))
                    except OSError:
                        break
                await asyncio.sleep(0.2)


async def _live(town: City, *sources: str) -> None:
    async with asyncio.timeout(20):
        for source_id in sources:
            stream = town.services.video.find(source_id)
            while stream.ingest.status.state is not StreamState.LIVE or stream.header is None:
                await asyncio.sleep(0.05)


async def _handed_over(town: City, incident_id: str) -> str:
    """Another drone has the watch, as a hand-over leaves it; gives its source."""
    dispatch = town.services.dispatch
    before = dispatch.serving(incident_id)
    assert before is not None
    flight = town.services.flight
    other = next(one for one in flight.active_missions() if one.mission_id != before.mission_id)
    relief = replace(other, incident_id=incident_id, serving=incident_id, relieves=before.mission_id)
    await town.recorder.record(save=[(flight.missions, relief)], messages=[])
    dispatch._serving[incident_id] = other.mission_id
    return f"cam-{other.vehicle_id}"


async def test_a_viewer_changes_over_with_the_watch_and_sees_every_moment() -> None:
    ports = free_port(), free_port()
    settings = EdgeSettings(port=0)
    sources = tuple(
        VideoSource(source_id=f"cam-d{number}", vehicle_id=f"d{number}", address=f"udp://127.0.0.1:{port}")
        for number, port in enumerate(ports, start=1)
    )
    town = await city(settings, video=sources)
    await town.hear_all()
    server = Server(town.console.app, settings)
    await server.start()
    running = asyncio.ensure_future(town.services.video.run())
    said: list[Any] = []

    async def heard(message: Any) -> None:
        said.append(message)

    for kind in (VideoWatched, VideoLeft):
        town.recorder.bus.subscribe(kind, heard)
    try:
        for vehicle in ("d1", "d2"):
            town.services.video.steer(vehicle, SHOWN)  # on the ground a camera is not asked for pictures
        await _listened_to(*ports)
        async with (
            asyncio.timeout(90),
            sending(f"udp://127.0.0.1:{ports[0]}"),
            sending(f"udp://127.0.0.1:{ports[1]}"),
            town.signed_in("dispatcher") as client,
        ):
            incident_id = (await client.post("/api/v1/incidents", json=call())).json()["id"]
            other = await client.post("/api/v1/incidents", json=call(id="cad-9", latitude=51.553, longitude=-0.115))
            assert other.status_code == 201, other.text
            for vehicle in ("d1", "d2"):
                town.services.video.steer(vehicle, SHOWN)  # as over the scene: here they have only been sent
            await _live(town, "cam-d1", "cam-d2")
            place = (await client.get(f"/api/v1/incidents/{incident_id}/picture")).json()
            peer = RTCPeerConnection()
            tracks: asyncio.Queue[Any] = asyncio.Queue()
            peer.on("track", tracks.put_nowait)
            offer = await offered(peer)
            answer = await client.post(place["whep"], content=offer, headers={"content-type": "application/sdp"})
            assert answer.status_code == 201, answer.text
            await peer.setRemoteDescription(RTCSessionDescription(sdp=answer.text, type="answer"))
            track = await tracks.get()
            loop = asyncio.get_running_loop()
            for _ in range(20):
                await track.recv()
            second = await _handed_over(town, incident_id)
            assert second != place["source_id"]
            seen_at, longest_s, after = loop.time(), 0.0, 0
            while after < 50:
                await track.recv()
                longest_s, seen_at = max(longest_s, loop.time() - seen_at), loop.time()
                after += any(isinstance(one, VideoLeft) for one in said)
            assert longest_s < MOST_BREAK_S
            assert (await client.get(f"/api/v1/incidents/{incident_id}/picture")).json()["source_id"] == second
            watched = [one for one in said if isinstance(one, VideoWatched)]
            assert [one.source_id for one in watched] == [place["source_id"], second]
            order = [type(one).__name__ for one in said]
            assert order == ["VideoWatched", "VideoWatched", "VideoLeft"], "the new one is on record before the old one is let go"
            assert [one.viewing_id for one in said if isinstance(one, VideoLeft)] == [watched[0].viewing_id]
            assert len(town.services.video.find(second).pictures) == 1
            assert len(town.services.video.find(place["source_id"]).pictures) == 0
            assert (await client.delete(answer.headers["location"])).status_code == 204
            await peer.close()
    finally:
        await town.console.viewings.close()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        town.console.feed.close()
        await server.stop()
