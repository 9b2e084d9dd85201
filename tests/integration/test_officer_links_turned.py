"""A drone that is turned to another incident, or flies home: an officer's link to the first shows nothing of it, by any of its
three ways."""

import asyncio
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import msgspec
import pytest
from aiortc import RTCPeerConnection
from tests.integration.console_city import City
from tests.integration.test_officer_links import Street, closed_with, picture, street

from bowstreet.console import viewings
from bowstreet.console.video_socket import REFUSED
from bowstreet.flight.model import Phase
from bowstreet.messages import MissionRetasked, Reason, VideoLeft, VideoWatched


async def _turned_away(town: City, incident_id: str) -> None:
    """Its drone was given a graver call, as dispatch leaves it: the incident waits again, the camera shows what is on the way."""
    flight, dispatch = town.services.flight, town.services.dispatch
    mission = dispatch.serving(incident_id)
    assert mission is not None
    other = next(one.incident_id for one in flight.active_missions() if one.incident_id != incident_id)
    turned = msgspec.structs.replace(mission, incident_id=other, serving=other)
    await town.recorder.record(save=[(flight.missions, turned)], messages=[])
    dispatch._serving.pop(incident_id)


async def _called_home(town: City, incident_id: str) -> None:
    """Its charge is down to what the way home needs, and nobody relieves it: the incident waits again."""
    flight, dispatch = town.services.flight, town.services.dispatch
    mission = dispatch.serving(incident_id)
    assert mission is not None
    reason = Reason(code="bingo", text="its charge is down to what the way home needs", vehicle_id=mission.vehicle_id)
    home = msgspec.structs.replace(mission, phase=Phase.RETURNING, return_reason=reason)
    await town.recorder.record(save=[(flight.missions, home)], messages=[])
    dispatch._serving.pop(incident_id)


async def _taken_on_its_way_home(town: City, incident_id: str) -> None:
    mission = town.services.dispatch.serving(incident_id)
    assert mission is not None
    await _called_home(town, incident_id)
    missions = town.services.flight.missions
    home = missions.get(mission.mission_id)
    taken = msgspec.structs.replace(home, phase=Phase.CONTROLLED, resume=Phase.RETURNING, pilot="acc-pilot")
    await town.recorder.record(save=[(missions, taken)], messages=[])


Leaves = Callable[[City, str], Awaitable[None]]


async def _left_on_record(town: City) -> None:
    async with asyncio.timeout(5):
        while len(await town.ledger(VideoLeft)) < len(await town.ledger(VideoWatched)):
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("leaves", [_turned_away, _called_home])
async def test_a_drone_that_leaves_its_incident_shows_the_officer_no_small_picture_more(leaves: Leaves) -> None:
    async with street() as world, world.phone() as socket:
        await picture(socket)
        await leaves(world.town, world.incident_id)
        left_ms = world.town.services.video.clock.now().timestamp() * 1e3
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
        assert [one for one in sent if one > left_ms + 50] == []
        assert states[-1]["watcher"] is None, "the page says that no drone is there"
        assert (states[-1]["picture"]["shown"], states[-1]["picture"]["why"]) == (
            False, "no drone with a camera serves this incident now",
        )  # fmt: skip
        await _left_on_record(world.town)
        assert {one.incident_id for one in await world.town.ledger(VideoWatched)} == {world.incident_id}


@pytest.mark.parametrize("leaves", [_turned_away, _called_home])
async def test_a_drone_that_leaves_its_incident_shows_the_officer_no_mp4_more(leaves: Leaves) -> None:
    async with street() as world, world.phone("mse") as socket:
        for _ in range(6):
            await socket.recv()
        await leaves(world.town, world.incident_id)
        assert await closed_with(socket) == REFUSED
        await _left_on_record(world.town)
        async with world.phone("mse") as again:
            assert await closed_with(again) == REFUSED


@asynccontextmanager
async def _by_webrtc(world: Street) -> AsyncIterator[None]:
    async with world.town.client(headers={"Cookie": world.cookie}) as phone:
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
        try:
            yield
        finally:
            await peer.close()


@pytest.mark.parametrize("leaves", [_turned_away, _taken_on_its_way_home])
async def test_a_drone_that_leaves_its_incident_shows_the_officer_no_webrtc_more(leaves: Leaves) -> None:
    async with street() as world, _by_webrtc(world):
        await leaves(world.town, world.incident_id)
        await _left_on_record(world.town)
        assert len(world.town.console.viewings) == 0


async def test_webrtc_of_a_drone_that_is_turned_away_is_cut_at_once_and_not_at_the_next_look(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(viewings, "CHECK_S", 600.0)
    async with street() as world, _by_webrtc(world):
        town, mission = world.town, world.town.services.dispatch.serving(world.incident_id)
        assert mission is not None
        flies = msgspec.structs.replace(mission, phase=Phase.OUTBOUND)  # so that its camera goes on showing what it sees
        await town.recorder.record(save=[(town.services.flight.missions, flies)], messages=[])
        await asyncio.sleep(0.1)  # it has looked for the first time
        await _turned_away(town, world.incident_id)
        after = town.services.flight.missions.get(mission.mission_id)
        said = MissionRetasked(
            at=town.clock.now(), mission_id=mission.mission_id, vehicle_id=mission.vehicle_id,
            from_incident_id=world.incident_id, to_incident_id=after.incident_id, reasons=(),
        )  # fmt: skip
        await town.recorder.record(messages=[said])
        await _left_on_record(town)
        assert len(town.console.viewings) == 0
