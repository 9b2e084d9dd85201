"""The picture of an incident in a real browser: it goes on when another drone takes the watch, by MP4 as by WebRTC."""

import asyncio
import re

import pytest
from playwright.async_api import expect

from bowstreet.messages import VideoLeft, VideoWatched
from bowstreet.video.model import VideoSource
from tests.browser.picture_world import NO_WEBRTC, World, browser, over_the_scene, scene, world
from tests.integration.console_city import call
from tests.integration.test_video_live import SHOWN, free_port

pytestmark = pytest.mark.browser
# Of the picture that is shown: how far it has played, and the longest that it stood still since this was first asked.
STILL = """() => {
  const video = document.querySelector("video");
  if (window.stood === undefined) {
    window.stood = { at: performance.now(), longest: 0, pictures: 0 };
    const look = (now) => {
      window.stood.longest = Math.max(window.stood.longest, now - window.stood.at);
      window.stood.at = now;
      window.stood.pictures += 1;
      video.requestVideoFrameCallback(look);
    };
    video.requestVideoFrameCallback(look);
  }
  return window.stood;
}"""
MOST_BREAK_MS = 2_000  # a busy machine may be slow; to begin anew takes longer than this, and says so on the page


def sources() -> list[VideoSource]:
    return [
        VideoSource(source_id=f"cam-d{number}", vehicle_id=f"d{number}", address=f"udp://127.0.0.1:{free_port()}")
        for number in (1, 2)
    ]


async def watched_incident(made: World) -> str:
    """Two drones are sent, to one incident each; eyes are kept on the first."""
    async with made.town.signed_in("supervisor") as client:
        incident_id = (await client.post("/api/v1/incidents", json=call())).json()["id"]
        mission = made.town.services.dispatch.serving(incident_id)
        assert mission is not None
        await over_the_scene(made, mission.vehicle_id, mission.mission_id)
        other = await client.post("/api/v1/incidents", json=call(id="cad-9", latitude=51.553, longitude=-0.115))
        assert other.status_code == 201, other.text
        body = {"type": "keep", "reason": "crime-in-progress", "minutes": 60}
        kept = await client.post(f"/api/v1/incidents/{incident_id}/watch", json=body)
        assert kept.status_code == 200, kept.text
    for vehicle in ("d1", "d2"):
        made.town.services.video.steer(vehicle, SHOWN)  # as over the scene: here they have only been sent
    return str(incident_id)


@pytest.mark.parametrize(("script", "way"), [(NO_WEBRTC, "MP4"), ("", "WebRTC")])
async def test_the_picture_goes_on_when_another_drone_has_the_watch(built_console: None, script: str, way: str) -> None:
    cams = sources()
    async with world(cams) as made, scene(cams):
        incident_id = await watched_incident(made)
        await made.live("cam-d1", "cam-d2")
        dispatch = made.town.services.dispatch
        first = dispatch.serving(incident_id)
        assert first is not None
        [second] = [one for one in made.town.services.flight.active_missions() if one.mission_id != first.mission_id]
        async with browser(made, script=script, path="/") as (page, wrong):
            sockets: list[str] = []
            page.on("websocket", lambda socket: sockets.append(socket.url) if "/mse" in socket.url else None)
            await page.locator(f"#queue-{incident_id}").click()
            # The flight's own picture is folded away: the scene's is looked at.
            await expect(page.get_by_text(f"Live, {way}")).to_have_count(2, timeout=30_000)
            await page.get_by_role("button", name="Hide picture").first.click()
            async with asyncio.timeout(30):
                while not made.of(VideoLeft):
                    await asyncio.sleep(0.1)
            figure = page.get_by_role("figure", name="Live picture of the scene")
            await expect(figure.get_by_text(f"Live, {way}")).to_be_visible(timeout=30_000)
            await expect(figure.locator(".age")).to_have_text(re.compile(r"\d+ m?s old"), timeout=20_000)
            await page.evaluate(STILL)
            asked = len(sockets)
            made.said.clear()
            dispatch._serving[incident_id] = second.mission_id  # as a hand-over leaves it
            async with asyncio.timeout(30):
                while not made.of(VideoLeft):
                    await asyncio.sleep(0.1)
            before = await page.evaluate(STILL)
            await page.wait_for_function("(seen) => window.stood.pictures > seen + 20", arg=before["pictures"])
            after = await page.evaluate(STILL)
            assert after["longest"] < MOST_BREAK_MS
            assert [type(one) for one in made.said] == [VideoWatched, VideoLeft], "on record before it is shown"
            assert made.said[0].source_id == f"cam-{second.vehicle_id}"
            video = made.town.services.video
            audience = "fragments" if way == "MP4" else "pictures"
            assert len(getattr(video.find(f"cam-{second.vehicle_id}"), audience)) == 1
            assert len(getattr(video.find(f"cam-{first.vehicle_id}"), audience)) == 0
            assert len(sockets) == asked, "it was not begun anew"
            await expect(figure.locator(".age")).to_have_text(re.compile(r"\d+ m?s old"), timeout=20_000)
            assert wrong == []


async def test_no_picture_is_asked_for_once_the_incident_is_over(built_console: None) -> None:
    """The drone flies on, home or to another incident; what it sees then is none of this one's."""
    cams = sources()[:1]
    async with world(cams) as made, scene(cams), made.town.signed_in("supervisor") as client:
        incident_id = (await client.post("/api/v1/incidents", json=call())).json()["id"]
        mission = made.town.services.dispatch.serving(incident_id)
        assert mission is not None
        await over_the_scene(made, mission.vehicle_id, mission.mission_id)
        made.town.services.video.steer("d1", SHOWN)
        await made.live("cam-d1")
        async with browser(made, path="/") as (page, wrong):
            asked: list[str] = []
            page.on("request", lambda one: asked.append(one.url) if "/whep" in one.url else None)
            page.on("websocket", lambda one: asked.append(one.url) if "/mse" in one.url else None)
            await page.locator(f"#queue-{incident_id}").click()
            figure = page.get_by_role("figure", name=re.compile("Live picture of"))
            await expect(figure.get_by_text("Live, WebRTC")).to_be_visible(timeout=30_000)
            assert asked
            closed = await client.post(f"/api/v1/incidents/{incident_id}/close", json={"reason": "attended on foot"})
            assert closed.status_code == 200, closed.text
            await expect(page.get_by_text("The incident is over: no picture is asked for here.")).to_be_visible()
            await expect(figure).to_have_count(0)
            await page.wait_for_timeout(500)  # what was being asked for when it ended is answered
            asked.clear()
            await page.wait_for_timeout(5_000)  # twice as long as a picture waits to be tried again
            assert asked == []
            assert [one for one in wrong if "409" not in one] == []  # of a closed one it is asked why somebody looks
