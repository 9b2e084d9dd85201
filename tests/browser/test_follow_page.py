"""A pilot follows a subject in a real browser: a click on the picture, what is said of the subject, consent and its end.

Picture, edge, services and browser are real; the analyst's looks are made by the test, so that they are the same each time.
"""

import asyncio
import os
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.async_api import Page, async_playwright, expect
from tools.find_browser import find

from bowstreet.console.server import Server
from bowstreet.console.settings import EdgeSettings
from bowstreet.messages import FollowChanged, FollowConsentChanged
from bowstreet.tracking.model import Box as Rectangle
from bowstreet.tracking.model import CandidateShown, FollowPhase, Motion, Quality, Shape
from bowstreet.video.model import VideoSource
from tests.browser.conftest import CHROMIUM_ARGS, WATCH_POLICY
from tests.integration.console_city import DOCKS, City, city
from tests.integration.follow_scene import Scene, hovers, over_the_scene, there
from tests.integration.test_api_routes import fly, open_docks
from tests.integration.test_video_live import free_port, sending

pytestmark = pytest.mark.browser

WALKS = Motion(speed_mps=1.4, speed_sigma_mps=0.15, direction_deg=46.0, direction_sigma_deg=6.0)


async def keep_looking(scene: Scene, said: dict[str, Any]) -> None:
    """What the drone's worker does five times a second, and the drone itself."""
    while True:
        if "looks" in said:
            scene.looks(**said["looks"])
        scene.town.clock.advance_to(scene.town.clock.now())
        await scene.town.services.flight.on_telemetry(hovers(scene.vehicle_id, scene.town))
        await scene.town.services.follows.look()
        await asyncio.sleep(0.2)


async def seen(page: Page, name: str) -> None:
    """For a person to look at, where a folder is named."""
    if folder := os.environ.get("SCREENSHOTS"):
        await page.screenshot(path=str(Path(folder) / f"{name}.png"))


async def on_scene(town: City, pilot: httpx.AsyncClient, dispatcher: httpx.AsyncClient) -> Scene:
    await open_docks(town)
    incident_id, mission_id, vehicle_id = await fly(town, dispatcher)
    await over_the_scene(town, vehicle_id, mission_id)
    assert (await pilot.post(f"/api/v1/missions/{mission_id}/control")).status_code == 204
    return Scene(town, pilot, mission_id, vehicle_id, incident_id)


async def test_a_pilot_follows_with_clicks(built_console: None) -> None:
    port, settings = free_port(), EdgeSettings(port=0)
    sources = tuple(
        VideoSource(source_id=f"d{n}", vehicle_id=f"d{n}", address=f"udp://127.0.0.1:{port}") for n in range(1, len(DOCKS) + 1)
    )
    town = await city(settings, video=sources)
    await town.services.follows.load(town.store)
    await town.hear_all()
    server = Server(town.console.app, settings)
    await server.start()
    running = asyncio.ensure_future(town.services.video.run())
    await asyncio.sleep(0)
    path = find()
    assert path
    try:
        async with (
            asyncio.timeout(150),
            sending(f"udp://127.0.0.1:{port}", 140.0),
            town.signed_in("pilot") as pilot,
            town.signed_in("dispatcher") as dispatcher,
            async_playwright() as playwright,
        ):
            scene = await on_scene(town, pilot, dispatcher)
            said: dict[str, Any] = {"looks": {"follow_id": ""}}
            looking = asyncio.ensure_future(keep_looking(scene, said))
            chromium = await playwright.chromium.launch(executable_path=path, args=CHROMIUM_ARGS)
            context = await chromium.new_context(viewport={"width": 1440, "height": 1000})
            await context.add_cookies(
                [{"name": "bowstreet", "value": pilot.cookies["bowstreet"], "url": f"http://127.0.0.1:{server.port}"}]
            )
            page = await context.new_page()
            await page.add_init_script(WATCH_POLICY)
            turning = asyncio.ensure_future(town.console.run())
            await page.goto(f"http://127.0.0.1:{server.port}/")
            await _walk(page, scene, said)
            assert await page.evaluate("window.violations") == []
            for task in (looking, turning):
                task.cancel()
            await chromium.close()
    finally:
        await town.console.viewings.close()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        town.console.feed.close()
        await server.stop()
        town.services.accounts.close()


async def _walk(page: Page, scene: Scene, said: dict[str, Any]) -> None:
    town = scene.town
    await page.get_by_role("region", name="In hand").locator(".row").first.click()
    await seen(page, "follow-before")
    picture = page.locator("video")
    await expect(picture).to_be_visible(timeout=30_000)
    await page.wait_for_function("() => document.querySelector('video').videoWidth > 0", timeout=30_000)
    await expect(page.locator(".picture-layers.picks")).to_be_visible()  # what is found is told: a press means somebody
    await picture.click()
    follow = page.get_by_role("region", name="Follow", exact=True)
    await expect(follow).to_be_visible()
    [begun] = await town.ledger(FollowChanged)
    scene.follow_id = begun.follow_id

    said["looks"] = {"reason": "seen in 100% of the last looks", "motion": WALKS, "place": there(200.0)}
    await expect(follow).to_contain_text("in sight")
    await expect(follow).to_contain_text("good: seen in 100% of the last looks")
    await expect(follow).to_contain_text("1.4 ± 0.3 m/s to the north-east (46° ± 12°); place known to 4 m")
    await expect(follow).to_contain_text("it keeps the subject in the picture")
    await seen(page, "follow-held")
    await follow.get_by_role("button", name="Let the vehicle follow").press("Enter")
    await expect(follow).to_contain_text("it follows")
    await seen(page, "follow-vehicle")
    await follow.get_by_role("button", name="Stop the vehicle").click()
    await expect(follow).to_contain_text("you have not consented")
    assert [one.given for one in await town.ledger(FollowConsentChanged)] == [True, False]

    town.link.gimbal_says = "DENIED"
    await expect(follow).to_contain_text("trouble: DENIED. Turn it by hand.")
    town.link.gimbal_says = ""
    shown = (CandidateShown(track_id=7, box=Rectangle(left=100, top=90, width=10, height=24), shape=Shape.PERSON, fit=1.0),)
    said["looks"] = {
        "phase": FollowPhase.LOST, "quality": Quality.LOST, "reason": "one fits: is it the subject?", "candidates": shown,
        "unseen_s": 12.0,
    }  # fmt: skip
    await expect(follow).to_contain_text("Follow: lost.")
    await seen(page, "follow-lost")
    await follow.get_by_role("button", name="It is 7").click()
    await follow.get_by_role("button", name="Stop following").click()
    await expect(follow).to_have_count(0)
    assert [(one.stage, one.why) for one in await town.ledger(FollowChanged)][-1] == ("ended", "by-pilot")
