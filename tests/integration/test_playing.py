"""Footage for the player: on record before the first octet, by ranges that put together are the film, over when it must be."""

import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import av
import httpx
import pytest
from tests.filmed_street import Filmed, filmed, recorded
from tests.integration.console_city import START, City, call, city

from bowstreet.errors import NotFound
from bowstreet.messages import FootageWatched, VideoLeft


@pytest.fixture(scope="module")
def street() -> list[Filmed]:
    return list(filmed(4.0, width=320, height=180))


@asynccontextmanager
async def seen(
    street: list[Filmed], role: str = "supervisor", **how: Any
) -> AsyncIterator[tuple[City, httpx.AsyncClient, str, str]]:
    """A city with one recording: its incident and itself."""
    town = await city()
    async with town.signed_in("supervisor") as client:
        incident_id = (await client.post("/api/v1/incidents", json=call())).json()["id"]
    recording_id = await recorded(town.services.footage, street, START, incident_id=incident_id, **how)
    async with town.signed_in(role) as client:
        yield town, client, incident_id, recording_id


async def begun(client: httpx.AsyncClient, recording_id: str, **said: Any) -> Any:
    answer = await client.post(f"/api/v1/recordings/{recording_id}/viewings", json=said)
    assert answer.status_code == 201, answer.text
    return answer.json()


def media_of(view: Any, clip: int = 0) -> str:
    return f"/api/v1/recordings/{view['recording_id']}/viewings/{view['viewing_id']}/media/{clip}"


async def test_a_recording_is_shown_as_it_was_received_and_that_is_on_record_first(street: list[Filmed]) -> None:
    async with seen(street) as (town, client, incident_id, recording_id):
        view = await begun(client, recording_id)
        [said] = await town.ledger(FootageWatched)
        assert (said.recording_id, said.incident_id, said.what) == (recording_id, incident_id, "footage")
        assert said.viewing_id == view["viewing_id"]
        [clip] = view["clips"]
        whole = (await client.get(media_of(view))).content
        assert len(whole) == clip["octets"]
        with av.open(io.BytesIO(whole)) as file:
            pictures = list(file.decode(video=0))
        assert len(pictures) == len(clip["at_us"]) == len(street) - 1  # the last picture's length was never known
        assert clip["at_us"][1] - clip["at_us"][0] == 80_000
        assert clip["media_type"].startswith('video/mp4; codecs="avc1.')
        assert view["whole"] is True


async def test_a_film_under_way_ends_with_its_viewing(street: list[Filmed]) -> None:
    async with seen(street) as (town, client, _, recording_id):
        view, viewings = await begun(client, recording_id), town.console.shown
        [one] = [one for one in viewings._open.values() if one.viewing_id == view["viewing_id"]]
        more = viewings.octets(one, 0, 0, one.reel.clips[0].octets)
        assert more()
        await client.delete("/api/v1/session")
        await viewings.tidy()
        with pytest.raises(NotFound):
            more()


async def test_ranges_put_together_are_the_film(street: list[Filmed]) -> None:
    async with seen(street) as (_, client, _, recording_id):
        view = await begun(client, recording_id)
        [clip] = view["clips"]
        whole = (await client.get(media_of(view))).content
        cuts = [0, 1, clip["head_octets"], *(at for _, at in clip["keyframes"]), len(whole) - 1, len(whole)]
        together = b""
        for start, stop in zip(sorted(set(cuts)), sorted(set(cuts))[1:], strict=False):
            answer = await client.get(media_of(view), headers={"Range": f"bytes={start}-{stop - 1}"})
            assert answer.status_code == 206
            assert answer.headers["content-range"] == f"bytes {start}-{stop - 1}/{len(whole)}"
            together += answer.content
        assert together == whole
        number, at = clip["keyframes"][1]
        assert number == 12
        piece = (await client.get(media_of(view), headers={"Range": f"bytes={at}-"})).content
        with av.open(io.BytesIO(whole[: clip["head_octets"]] + piece)) as file:
            assert next(file.decode(video=0)).key_frame
        assert (await client.get(media_of(view), headers={"Range": f"bytes={len(whole)}-"})).status_code == 422


async def test_the_way_and_the_moments_are_told_in_the_recordings_own_time(street: list[Filmed]) -> None:
    async with seen(street, without=range(20, 45)) as (_, client, _, recording_id):
        view = await begun(client, recording_id)
        assert [mark["kind"] for mark in view["marks"]] == ["recording-began", "gap", "recording-ended"]
        gap = view["marks"][1]
        assert 1.9e6 < gap["until_us"] - gap["at_us"] <= 2.1e6
        first = view["path"][0]
        assert first["lat"] == pytest.approx(street[0].pose.position.latitude_deg, abs=1e-6)
        # It circles a place that it looks at.
        looks = [point["look"] for point in view["path"]]
        assert all(abs(look[0] - looks[0][0]) < 2e-5 and abs(look[1] - looks[0][1]) < 3e-5 for look in looks)


async def test_nobody_else_has_anothers_viewing_and_over_is_over(street: list[Filmed]) -> None:
    async with seen(street, "pilot") as (town, client, _, recording_id):
        view = await begun(client, recording_id)
        async with town.signed_in("dispatcher") as other:
            assert (await other.get(media_of(view))).status_code == 404
        async with town.signed_in("viewer") as other:
            assert (await other.get(media_of(view))).status_code == 403
        assert (await client.delete(media_of(view).rpartition("/media")[0])).status_code == 204
        assert (await client.get(media_of(view))).status_code == 404
        assert [one.viewing_id for one in await town.ledger(VideoLeft)] == [view["viewing_id"]]
        idle = await begun(client, recording_id)
        town.clock.advance_to(town.clock.now() + timedelta(minutes=6))
        await town.console.shown.tidy()
        assert (await client.get(media_of(idle))).status_code == 404
        assert len(await town.ledger(VideoLeft)) == 2


async def test_who_had_no_part_in_what_is_over_says_why(street: list[Filmed]) -> None:
    async with seen(street, "pilot") as (town, client, incident_id, recording_id):
        async with town.signed_in("supervisor") as room:
            closed = await room.post(f"/api/v1/incidents/{incident_id}/close", json={"reason": "done"})
            assert closed.status_code == 200, closed.text
        path = f"/api/v1/recordings/{recording_id}/viewings"
        refused = await client.post(path, json={})
        assert refused.status_code == 409
        assert "why" in refused.text
        assert await town.ledger(FootageWatched) == []
        assert (await begun(client, recording_id, why="complaint"))["what"] == "footage"
        assert [one.justification for one in await town.ledger(FootageWatched)] == ["complaint"]
        assert (await client.post("/api/v1/recordings/rec-none/viewings", json={})).status_code == 404
