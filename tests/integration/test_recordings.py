"""What was recorded of an incident, over HTTP."""

import asyncio

from tests.integration.console_city import City, call, city

from bowstreet.video.model import Fragment, Header, VideoSource

SOURCE = VideoSource(source_id="cam", address="udp://127.0.0.1:1", vehicle_id="d1")


async def recorded(town: City, incident_id: str, pictures: int = 12) -> str:
    """A recording under way: a head and some fragments."""
    footage = town.services.footage
    recording_id = await footage.start(SOURCE, "mis-1", incident_id)
    footage.take(SOURCE, Header(data=b"head"))
    for number in range(pictures):
        one = Fragment(sequence=number, pts_us=number, captured_us=1, keyframe=number == 0, data=b"picture %d" % number)
        footage.take(SOURCE, one)
    async with asyncio.timeout(5):
        while footage.reach_of(footage.recordings.get(recording_id)).parts < pictures + 1:
            await asyncio.sleep(0.01)
    return recording_id


async def test_the_recordings_of_an_incident_are_listed_while_they_run_and_after() -> None:
    town = await city()
    async with town.signed_in() as client:
        incident_id = (await client.post("/api/v1/incidents", json=call())).json()["id"]
        path = f"/api/v1/incidents/{incident_id}/recordings"
        assert (await client.get(path)).json() == []
        recording_id = await recorded(town, incident_id)
        [running] = (await client.get(path)).json()
        assert (running["recording_id"], running["state"], running["parts"], running["kept_until"]) == (
            recording_id, "open", 13, None,
        )  # fmt: skip
        await town.services.footage.stop("cam", "left the scene")
        [closed] = (await client.get(path)).json()
        assert (closed["state"], closed["parts"], closed["octets"]) == ("closed", 13, running["octets"])
        assert closed["kept_until"].startswith("2026-12-21")
        assert closed["held"] is False
        assert (await client.get("/api/v1/incidents/inc-none/recordings")).status_code == 404
