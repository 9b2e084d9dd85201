"""Live pictures in a real browser: a real sender, the real edge, real Chromium, by WebRTC and where that is not had by MP4."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from playwright.async_api import Page, async_playwright
from tools.find_browser import find

from tests.browser.conftest import CHROMIUM_ARGS, WATCH_POLICY
from tests.integration.test_officer_links import Street
from tests.integration.test_video_live import Watched, free_port, sending, watched

pytestmark = pytest.mark.browser

NO_WEBRTC = "delete window.RTCPeerConnection;"
PLAYS = "() => { const v = document.querySelector('video'); return v && v.videoWidth > 0 && v.currentTime > 0.5 && !v.paused; }"


@asynccontextmanager
async def looking(world: Watched | Street, where: str = "pictures", script: str = "") -> AsyncIterator[tuple[Page, list[str]]]:
    path = find()
    assert path
    errors: list[str] = []
    async with world.town.signed_in("dispatcher") as client:
        cookie: Any = {"name": "bowstreet", "value": client.cookies["bowstreet"], "url": f"http://127.0.0.1:{world.port}"}
        async with async_playwright() as playwright:
            chromium = await playwright.chromium.launch(executable_path=path, args=CHROMIUM_ARGS)
            context = await chromium.new_context(viewport={"width": 1440, "height": 900})
            await context.add_cookies([cookie])
            page = await context.new_page()
            page.on("pageerror", lambda error: errors.append(str(error)))
            await page.add_init_script(WATCH_POLICY + script)
            turning = asyncio.ensure_future(world.town.console.run())
            await page.goto(f"http://127.0.0.1:{world.port}/#/{where}")
            yield page, errors
            turning.cancel()
            await chromium.close()


@pytest.mark.parametrize(("script", "way"), [("", "WebRTC"), (NO_WEBRTC, "MP4")])
async def test_a_picture_plays(built_console: None, script: str, way: str) -> None:
    port = free_port()
    async with watched(f"udp://127.0.0.1:{port}") as world, sending(f"udp://127.0.0.1:{port}", 60.0):
        await world.live()
        async with looking(world, script=script) as (page, errors):
            await page.get_by_text(f"Live, {way}").wait_for(timeout=25_000)
            await page.wait_for_function(PLAYS, timeout=15_000)
            assert await page.evaluate("window.violations") == []
            assert errors == []
