"""A drone that is turned to another incident: an officer's link to the first shows nothing of it, by any of its three ways."""

import asyncio
import struct
from contextlib import suppress

import msgspec
from aiortc import RTCPeerConnection
from tests.integration.console_city import City
from tests.integration.test_officer_links import closed_with, picture, street

from bowstreet.console.video_socket import REFUSED
from bowstreet.messages import VideoLeft, VideoWatched


async def _turned_away(town: City, incident_id: str) -> None:
    """Its drone was given a graver call, as dispatch leaves it: the incident waits again, the camera shows what is on the way."""
    flight, dispatch = town.services.flight, town.services.dispatch
    mission = dispatch.serving(incident_id)
    assert mission is not None
    other = next(one.incident_id for one in flight.active_missions() if one.incident_id != incident_id)
    turned = msgspec.structs.replace(mission, incident_id=other, serving=other)
    await town.recorder.record(save=[(flight.missions, turned)], messages=[])
    dispatch._serving.pop(incident_id)


async def _left_on_record(town: City) -> None:
    async with asyncio.timeout(5):
        while len(await town.ledger(VideoLeft)) < len(await town.ledger(VideoWatched)):
            await asyncio.sleep(0.05)


async def test_a_drone_that_is_turned_to_another_incident_shows_the_officer_no_small_picture_more() -> None:
    async with street() as world, world.phone() as socket:
        await picture(socket)
        await _turned_away(world.town, world.incident_id)
        turned_ms = world.town.services.video.clock.now().timestamp() * 1e3
        sent, states = [], []
        await socket.send('{"type":"more"}')
        await socket.send('{"type":"go"}')
        with suppress(TimeoutError):
            async with asyncio.timeout(2):
                while True:
                    said = await socket.recv()
                    if isinstance(said, str):
                        states.append(msgspec.json.decode(said))
                        continue
                    sent.append(struct.unpack(">dd", said[:16])[1])
                    await socket.send('{"type":"more"}')
        assert [one for one in sent if one > turned_ms + 50] == []
        assert states[-1]["watcher"] is None, "the page says that no drone is there"
        assert (states[-1]["picture"]["shown"], states[-1]["picture"]["why"]) == (
            False, "no drone with a camera serves this incident now",
        )  # fmt: skip
        await _left_on_record(world.town)
        assert {one.incident_id for one in await world.town.ledger(VideoWatched)} == {world.incident_id}


async def test_a_drone_that_is_turned_to_another_incident_shows_the_officer_no_mp4_more() -> None:
    async with street() as world, world.phone("mse") as socket:
        for _ in range(6):
            await socket.recv()
        await _turned_away(world.town, world.incident_id)
        assert await closed_with(socket) == REFUSED
        await _left_on_record(world.town)
        async with world.phone("mse") as again:
            assert await closed_with(again) == REFUSED


async def test_a_drone_that_is_turned_to_another_incident_shows_the_officer_no_webrtc_more() -> None:
    async with street() as world, world.town.client(headers={"Cookie": world.cookie}) as phone:
        peer = RTCPeerConnection()
        peer.addTransceiver("video", direction="recvonly")
        await peer.setLocalDescription(await peer.createOffer())
        answer = await phone.post(
            f"/api/v1/officer/{world.link_id}/whep",
            content=peer.localDescription.sdp,
            headers={"content-type": "application/sdp"},
        )
        assert answer.status_code == 201, answer.text
        assert len(world.town.console.viewings) == 1
        await _turned_away(world.town, world.incident_id)
        await _left_on_record(world.town)
        assert len(world.town.console.viewings) == 0
        await peer.close()
