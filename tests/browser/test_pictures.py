"""The page of live pictures in a real browser: how old each is, several at once, looking closer, keeping one, and broken streams."""

import asyncio
import functools
import hashlib
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from playwright.async_api import Page, expect

from bowstreet.messages import SnapshotTaken, VideoLeft, VideoWatched
from bowstreet.video.model import VideoSource
from tests.browser.picture_world import NO_WEBRTC, browser, cameras, scene, world
from tests.browser.test_console_page import AXE, AXE_RULES
from tests.integration.test_video_live import free_port, sending

pytestmark = pytest.mark.browser
KNOWN = re.compile(r"^\d+ ms old$|^\d+\.\d s old$")


def frame(page: Page, number: int = 0):  # type: ignore[no-untyped-def]
    return page.locator(".picture-frame").nth(number)


async def becomes(measure: Callable[[], Awaitable[Any]], wanted: Any, why: str = "") -> None:
    """Waited for: what the page is told by a key or a hand it draws a moment later."""
    for _ in range(50):
        if (found := await measure()) == wanted:
            return
        await asyncio.sleep(0.1)
    assert found == wanted, why


async def scale(page: Page) -> float:
    """How much closer the first picture is shown."""
    said: float = await page.evaluate(
        "() => new DOMMatrix(getComputedStyle(document.querySelector('.picture-layers')).transform).a"
    )
    return said


@pytest.mark.parametrize(("script", "way"), [("", "WebRTC"), (NO_WEBRTC, "MP4")])
async def test_how_old_a_picture_is_stands_beside_it(built_console: None, script: str, way: str) -> None:
    cams = cameras(1)
    async with world(cams) as made, scene(cams):
        await made.live("cam-1")
        async with browser(made, script=script) as (page, wrong):
            await page.get_by_text(f"Live, {way}").wait_for()
            age = page.locator(".age")
            await expect(age).to_have_text(KNOWN, timeout=20_000)
            assert "ST 0601" in (await age.get_attribute("title") or "")
            # Of all that the page can be wrong about, by how much it cannot: never younger than the way through the server.
            said = await page.evaluate(
                """async () => {
                  const told = await (await fetch("api/v1/video/viewings")).json();
                  return told.viewings[0].pictures.map(([, received, captured, by]) => [received - captured, by]);
                }"""
            )
            assert len(said) >= 2
            assert all(by == "metadata" and 0 <= passed_us < 5_000_000 for passed_us, by in said)
            assert wrong == []


async def test_an_age_that_nobody_tells_is_unknown_and_a_lost_stream_is_stalled(built_console: None) -> None:
    address = f"udp://127.0.0.1:{free_port()}"
    sources = [VideoSource(source_id="cam", vehicle_id="v1", address=address)]
    async with world(sources) as made, sending(address, 120.0) as sender:
        await made.live("cam")
        async with browser(made) as (page, wrong):
            await expect(page.locator(".age")).to_have_text(re.compile("^age unknown, over "), timeout=20_000)
            # On a busy machine it is late at first, whatever is not known of it besides.
            await expect(page.locator(".age")).to_have_class("age unknown", timeout=20_000)
            sender.kill()
            await expect(page.locator(".age")).to_have_text(re.compile(r"^stalled for \d+ s$"), timeout=15_000)
            await expect(page.locator(".picture-stalled")).to_contain_text("Stalled: no new picture for")
            await expect(page.locator(".picture-frame")).to_have_class(re.compile("old"))
            assert wrong == []


async def test_several_at_once_chosen_by_keys_and_one_enlarged(built_console: None, tmp_path: Path) -> None:
    cams = cameras(4)
    async with world(cams) as made, scene(cams, rate_hz=6.0):
        await made.live(*[one.source_id for one in cams])
        async with browser(made) as (page, wrong):
            await expect(page.locator(".age").filter(has_text=KNOWN)).to_have_count(4, timeout=60_000)
            fits = await page.evaluate(
                "() => [...document.querySelectorAll('.tile')].every((one) => one.getBoundingClientRect().bottom <= innerHeight)"
            )
            assert fits, "four pictures fit the screen"
            await page.keyboard.press("2")
            await expect(frame(page, 1)).to_be_focused()
            await page.keyboard.press("ArrowDown")
            await expect(frame(page, 3)).to_be_focused()
            await page.keyboard.press("Enter")
            await expect(page.locator(".tile.large")).to_have_attribute("aria-label", "v4")
            await expect(page.locator(".tile.small")).to_have_count(3)
            assert "large=cam-4" in page.url
            await page.keyboard.press("+")
            await page.keyboard.press("+")
            large = page.locator(".tile.large .picture-layers")
            closer = functools.partial(large.evaluate, "(one) => new DOMMatrix(getComputedStyle(one).transform).a")
            await becomes(closer, pytest.approx(2.25))
            before = await large.evaluate("(one) => getComputedStyle(one).transform")
            await page.keyboard.press("ArrowLeft")
            await expect(large).not_to_have_css("transform", before)  # arrows move about when close
            await page.keyboard.press("0")
            await expect(large).to_have_css("transform", "none")
            await page.keyboard.press("Escape")
            await expect(page.locator(".tile.large")).to_have_count(0)
            await page.get_by_role("button", name="Hide v1").click()
            await expect(page.locator(".tile")).to_have_count(3)
            await page.get_by_role("button", name="Show v1").click()
            await expect(page.locator(".tile")).to_have_count(4)
            await page.evaluate(AXE.read_text())
            broken = "(tags) => axe.run(document, {runOnly: tags}).then((r) => r.violations.map((one) => [one.id, one.nodes.map((n) => n.html)]))"
            assert await page.evaluate(broken, AXE_RULES) == []
            assert await page.evaluate("window.violations") == []
            assert wrong == []


async def test_looking_closer_by_wheel_drag_and_two_fingers(built_console: None) -> None:
    address = f"udp://127.0.0.1:{free_port()}"
    async with world([VideoSource(source_id="cam", vehicle_id="v1", address=address)]) as made, sending(address, 90.0):
        await made.live("cam")
        async with browser(made, has_touch=True) as (page, _):
            await page.get_by_text("Live, WebRTC").wait_for()
            box = await frame(page).bounding_box()
            assert box is not None
            x, y = box["x"] + box["width"] * 0.25, box["y"] + box["height"] * 0.25
            under = """([x, y]) => { const box = document.querySelector("video").getBoundingClientRect();
                return [(x - box.left) / box.width, (y - box.top) / box.height]; }"""
            await page.mouse.move(x, y)
            before = await page.evaluate(under, [x, y])
            for _ in range(3):
                await page.mouse.wheel(0, -100)
            await becomes(lambda: scale(page), pytest.approx(1.2**3))
            assert await page.evaluate(under, [x, y]) == pytest.approx(before, abs=0.01), "what is under the pointer stays there"
            await page.mouse.down()
            await page.mouse.move(x + 40, y + 20, steps=4)
            await page.mouse.up()
            there = functools.partial(page.evaluate, under, [x + 40, y + 20])
            await becomes(there, pytest.approx(before, abs=0.02), "the picture goes with the hand")
            await frame(page).press("0")
            client = await page.context.new_cdp_session(page)
            for kind, apart in (("touchStart", 40), ("touchMove", 80), ("touchMove", 120)):
                points = [{"x": x + 100 - apart / 2, "y": y + 50, "id": 1}, {"x": x + 100 + apart / 2, "y": y + 50, "id": 2}]
                await client.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
            await client.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
            await becomes(lambda: scale(page), pytest.approx(3.0, rel=0.1))


async def test_a_snapshot_is_on_record_and_its_pixels_are_those(built_console: None, tmp_path: Path) -> None:
    cams = cameras(1)
    async with world(cams) as made, scene(cams):
        await made.live("cam-1")
        async with browser(made) as (page, wrong):
            await expect(page.locator(".age")).to_have_text(KNOWN, timeout=20_000)
            async with page.expect_download() as coming:
                await frame(page).press("s")
            kept = tmp_path / "kept.png"
            await (await coming.value).save_as(kept)
            [said] = made.of(SnapshotTaken)
            [watched] = made.of(VideoWatched)
            assert (said.viewing_id, said.by, said.source_id) == (watched.viewing_id, watched.by, "cam-1")
            assert said.captured_at is not None
            assert (await coming.value).suggested_filename == f"{said.snapshot_id}.png"
            whole = cv2.imread(str(kept), cv2.IMREAD_UNCHANGED)
            assert whole is not None
            height, width = said.height_px, said.width_px
            assert (width, height) == (640, 360)
            assert whole.shape[0] > height, "the margin is below the picture, not over it"
            picture = cv2.cvtColor(whole, cv2.COLOR_BGR2RGBA if whole.shape[2] == 3 else cv2.COLOR_BGRA2RGBA)[:height]
            assert hashlib.sha256(np.ascontiguousarray(picture).tobytes()).hexdigest() == said.pixels_sha256
            margin = whole[height:, :, :3]
            assert margin.min() < 60 < 200 < margin.max(), "something is written there"
            assert wrong == []


async def test_leaving_the_page_ends_each_viewing_once(built_console: None) -> None:
    cams = cameras(2)
    async with world(cams) as made, scene(cams, rate_hz=6.0):
        await made.live("cam-1", "cam-2")
        async with browser(made) as (page, wrong):
            deleted: list[str] = []
            page.on("request", lambda asked: deleted.append(asked.url) if asked.method == "DELETE" else None)
            await expect(page.get_by_text("Live, WebRTC")).to_have_count(2, timeout=30_000)
            await page.get_by_role("link", name="Record", exact=True).click()
            async with asyncio.timeout(10):
                while len(made.of(VideoLeft)) < 2:
                    await asyncio.sleep(0.1)
            await page.wait_for_timeout(1_500)
            assert len(deleted) == len(set(deleted)) == 2
            assert len(made.of(VideoLeft)) == 2
            assert wrong == [], "nothing was asked for that is not there any more"


async def test_broken_streams_say_what_is_wrong_and_harm_no_other(built_console: None) -> None:
    good, odd = (f"udp://127.0.0.1:{free_port()}" for _ in range(2))
    sources = [
        VideoSource(source_id="good", vehicle_id="v1", address=good),
        VideoSource(source_id="odd", vehicle_id="v2", address=odd),
        VideoSource(source_id="dead", vehicle_id="v3", address="rtsp://127.0.0.1:9/nobody"),
    ]
    async with world(sources) as made, sending(good, 120.0), sending(odd, 120.0, "mpeg4"):
        await made.live("good")
        async with browser(made) as (page, wrong):
            tile = lambda name: page.get_by_role("region", name=name)  # noqa: E731 - said three times
            await expect(tile("v2").get_by_role("status").first).to_contain_text("H.264 or H.265 is needed", timeout=30_000)
            await expect(tile("v3").get_by_role("status").first).to_contain_text("cannot be read", timeout=30_000)
            await expect(tile("v1").get_by_text("Live, WebRTC")).to_be_visible()
            await page.wait_for_function("() => document.querySelector('video').currentTime > 3", timeout=20_000)
            await expect(tile("v1").locator(".picture-wait, .picture-stalled")).to_have_count(0)
            assert [one for one in wrong if "whep" not in one] == []
