"""A recording of the simulated street in a real browser: played, stepped, sought, its way and its moments, all by keyboard."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, async_playwright, expect
from tools.find_browser import find

from bowstreet.console.server import Server
from bowstreet.console.settings import EdgeSettings
from bowstreet.messages import FootageWatched, RegionChanged, VideoLeft
from tests.browser.conftest import CHROMIUM_ARGS, WATCH_POLICY
from tests.browser.test_console_page import AXE, AXE_RULES
from tests.filmed_street import LOW_M, Filmed, filmed, recorded
from tests.integration.console_city import START, City, call, city

pytestmark = pytest.mark.browser

SHOWS = "() => { const v = document.querySelector('.player video'); return v && v.videoWidth > 0 && v.readyState >= 2; }"
AT = "() => document.querySelector('.player video').currentTime"


@pytest.fixture(scope="module")
def street() -> list[Filmed]:
    return list(filmed(16.0, width=960, height=540))


class Shown:
    """A console with one recording, and a browser on its page."""

    def __init__(self, town: City, page: Page, recording_id: str) -> None:
        self.town, self.page, self.recording_id = town, page, recording_id
        self.errors: list[str] = []

    async def at(self) -> float:
        return float(await self.page.evaluate(AT))

    async def accessible(self) -> None:
        await self.page.evaluate(AXE.read_text(encoding="utf-8"))
        broken = await self.page.evaluate("(tags) => axe.run(document, {runOnly: tags}).then((r) => r.violations)", AXE_RULES)
        assert [(one["id"], [node["html"][:200] for node in one["nodes"]]) for one in broken] == []

    async def begin(self) -> None:
        await self.page.get_by_role("button", name="Look at it").click()
        await self.page.wait_for_function(SHOWS, timeout=20_000)


@asynccontextmanager
async def shown(street: list[Filmed], role: str = "supervisor", finder: str = "", **how: Any) -> AsyncIterator[Shown]:
    settings = EdgeSettings(port=0)
    town = await city(settings, finder=finder)
    await town.hear_all()
    async with town.signed_in("supervisor") as client:
        incident_id = (await client.post("/api/v1/incidents", json=call())).json()["id"]
    recording_id = await recorded(town.services.footage, street, START, incident_id=incident_id, **how)
    server = Server(town.console.app, settings)
    await server.start()
    path = find()
    assert path
    async with town.signed_in(role) as client, async_playwright() as playwright:
        cookie: Any = {"name": "bowstreet", "value": client.cookies["bowstreet"], "url": f"http://127.0.0.1:{server.port}"}
        chromium = await playwright.chromium.launch(executable_path=path, args=CHROMIUM_ARGS)
        context = await chromium.new_context(viewport={"width": 1440, "height": 900})
        await context.add_cookies([cookie])
        page = await context.new_page()
        page.set_default_timeout(20_000)
        world = Shown(town, page, recording_id)
        page.on("pageerror", lambda error: world.errors.append(str(error)))
        await page.add_init_script(WATCH_POLICY)
        turning = asyncio.ensure_future(town.console.run())
        await page.goto(f"http://127.0.0.1:{server.port}/#/footage")
        try:
            yield world
            assert await page.evaluate("window.violations") == []
            assert world.errors == []
        finally:
            turning.cancel()
            await chromium.close()
            await town.services.redactions.close()
            await town.console.shown.close()
            town.console.feed.close()
            await server.stop()


async def test_a_recording_plays_steps_and_seeks_by_keyboard(built_console: None, street: list[Filmed], tmp_path: Path) -> None:
    async with shown(street, without=range(80, 110)) as world:
        page = world.page
        await expect(page.get_by_role("row").filter(has_text="Robbery")).to_be_visible()
        await world.accessible()
        await page.get_by_role("link", name="Open the recording").click()
        assert await world.town.ledger(FootageWatched) == []
        await world.begin()
        assert len(await world.town.ledger(FootageWatched)) == 1
        await world.accessible()

        # Single pictures: each step is one of 80 ms, there and back.
        await page.keyboard.press("Home")
        for _ in range(3):
            await page.keyboard.press(".")
        await page.wait_for_function("() => !document.querySelector('.player video').seeking")
        assert await world.at() == pytest.approx(0.24, abs=0.02)
        await page.keyboard.press(",")
        assert await world.at() == pytest.approx(0.16, abs=0.02)
        await page.keyboard.press("ArrowRight")
        assert await world.at() == pytest.approx(5.16, abs=0.02)
        await page.wait_for_function(SHOWS)

        # It plays, across the gap in it too, to its end.
        await page.get_by_label("Speed").select_option("4")
        await page.get_by_role("heading", name="Moments").click()
        await page.keyboard.press("Space")
        await page.wait_for_function("() => document.querySelector('.player video').currentTime > 12", timeout=30_000)
        await page.wait_for_function("() => document.querySelector('.player video').paused", timeout=30_000)
        await expect(page.get_by_role("button", name="No pictures for")).to_be_visible()
        await page.get_by_role("button", name="Recording began").click()
        await page.wait_for_function(SHOWS)
        assert await world.at() == pytest.approx(0.0, abs=0.01)
        await expect(page.get_by_text("UTC by the camera")).to_be_visible()
        await page.keyboard.press("+")
        await expect(page.get_by_role("button", name="Zoom 2×")).to_be_visible()
        await page.screenshot(path=str(tmp_path / "player.png"))

        await page.get_by_role("link", name="All recordings").click()
        await expect(page.get_by_role("heading", name="Footage")).to_be_visible()
        async with asyncio.timeout(5):
            while not await world.town.ledger(VideoLeft):
                await asyncio.sleep(0.05)


async def test_a_reviewer_covers_and_lifts_by_mouse_and_keyboard_and_sees_the_copy(built_console: None, tmp_path: Path) -> None:
    street = list(filmed(6.0, width=640, height=360, height_m=LOW_M))
    async with shown(street, finder="tests.filmed_street:knowing_low") as world:
        page = world.page
        await page.get_by_role("link", name="Open the recording").click()
        await world.begin()
        panel = page.get_by_role("region", name="Redaction")
        await panel.get_by_role("button", name="Find heads and plates").click()
        await panel.get_by_role("button", name="To be given to a court").click()
        await panel.get_by_role("button", name="Find them").click()
        await expect(panel.get_by_text("of this picture")).to_be_visible(timeout=60_000)
        await world.accessible()
        await page.screenshot(path=str(tmp_path / "found.png"))

        # By mouse: drawn over the picture, with a reason, and it is there.
        await panel.get_by_role("button", name="Cover a part").click()
        frame = await page.locator(".covers").bounding_box()
        assert frame is not None
        await page.mouse.move(frame["x"] + frame["width"] * 0.1, frame["y"] + frame["height"] * 0.1)
        await page.mouse.down()
        await page.mouse.move(frame["x"] + frame["width"] * 0.3, frame["y"] + frame["height"] * 0.4, steps=4)
        await page.mouse.up()
        await expect(panel.get_by_label("Left")).to_have_value(re.compile("^6[345]$"))
        await expect(panel.get_by_label("Height", exact=True)).to_have_value(re.compile("^(10[6-9]|110)$"))
        # And by keys.
        box = page.get_by_role("application", name="Part to cover")
        await box.focus()
        await page.keyboard.press("ArrowRight")
        await page.keyboard.press("Shift+ArrowDown")
        await expect(panel.get_by_label("Left")).to_have_value(re.compile("^6[789]$"))
        await expect(panel.get_by_label("Height", exact=True)).to_have_value(re.compile("^11[0-4]$"))
        await world.accessible()
        await page.screenshot(path=str(tmp_path / "drawing.png"))
        assert await panel.get_by_role("button", name="Cover it").is_disabled()
        await panel.get_by_role("textbox", name="Reason").fill("A house number")
        await panel.get_by_role("button", name="Cover it").click()
        await expect(panel.get_by_text("Covered by hand")).to_be_visible()
        [said] = await world.town.ledger(RegionChanged)
        assert (said.stage, said.reason, said.until_us) == ("added", "A house number", 5_000_000)

        # One is lifted from the list, without a mouse.
        before = await panel.get_by_role("button", name="Lift").count()
        await panel.get_by_role("button", name="Lift").first.focus()
        await page.keyboard.press("Enter")
        await panel.get_by_role("textbox", name="Reason").fill("It is nobody")
        await page.keyboard.press("Tab")
        await panel.get_by_role("button", name="Lift it").click()
        await expect(panel.get_by_role("button", name="Lift")).to_have_count(before - 1)
        await panel.get_by_role("button", name="Make the copy").click()
        await panel.get_by_role("button", name="Looked through").click()
        await panel.get_by_role("button", name="Make it").click()
        await panel.get_by_role("button", name="Look at the copy").click(timeout=60_000)
        await expect(page.get_by_role("heading", name="Redacted copy of the recording of d1")).to_be_visible()
        await page.wait_for_function(SHOWS)
        await world.accessible()
        await page.screenshot(path=str(tmp_path / "copy.png"))
        # What was covered by hand is one colour in what the browser shows.
        spread = await page.evaluate(
            """() => { const v = document.querySelector('.player video'), c = document.createElement('canvas');
            c.width = v.videoWidth; c.height = v.videoHeight; const p = c.getContext('2d'); p.drawImage(v, 0, 0);
            const d = p.getImageData(80, 50, 60, 60).data; const reds = [...d].filter((_, i) => i % 4 === 0);
            return Math.max(...reds) - Math.min(...reds); }"""
        )
        assert spread <= 12
        assert [one.what for one in await world.town.ledger(FootageWatched)] == ["footage", "redacted-footage"]
