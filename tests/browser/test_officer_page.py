"""The officer's page on a phone: real Chromium, a real sender, the real edge, and a link that is made bad by the browser's own means."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path

import cv2
import msgspec
import pytest
import zxingcpp
from playwright.async_api import CDPSession, Page, async_playwright, expect
from tools.find_browser import find

from bowstreet.dispatch.follows import Standing
from bowstreet.flight.model import Phase
from bowstreet.geo import Position
from bowstreet.messages import VideoWatched
from bowstreet.tracking import rules as tracking
from bowstreet.tracking.model import Ellipse, FollowFound, FollowPhase, GroundPlace, Motion, Quality, Shape, Timing
from bowstreet.tracking.wire import Findings
from tests.browser.conftest import CHROMIUM_ARGS, WATCH_POLICY
from tests.browser.test_video_page import looking
from tests.integration.test_officer_links import Street, street
from tests.integration.test_picture_of_incident import _handed_over

pytestmark = pytest.mark.browser

AXE = Path(__file__).parents[2] / "console" / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
FEEL = "window.felt = []; navigator.vibrate = (pattern) => { window.felt.push(pattern); return true; };"
AGE = "document.querySelector('.age')?.dataset.ageMs"
PLAYS = "() => { const v = document.querySelector('video'); return v.videoWidth > 0 && v.currentTime > 0.3 && !v.paused; }"
# Some 3 Mbit/s, as a street gives.
STREET = ("libx264", "640", "360", "12")
NO_WEBRTC = "delete window.RTCPeerConnection;"


@dataclass
class Phone:
    page: Page
    network: CDPSession
    errors: list[str] = field(default_factory=list)
    strays: list[str] = field(default_factory=list)

    async def link(self, *, kbps: float, delay_ms: float) -> None:
        """From now on the phone's link is this good."""
        await self.network.send(
            "Network.emulateNetworkConditions",
            {"offline": False, "latency": delay_ms, "downloadThroughput": kbps * 125, "uploadThroughput": kbps * 125},
        )

    async def age_ms(self) -> float:
        return float(await self.page.evaluate(AGE))

    async def fresh(self, within_ms: int, *, limit_s: float = 20.0) -> None:
        """The picture is, or in so many seconds is again, at most this old."""
        await self.page.wait_for_function(f"() => Number({AGE}) < {within_ms}", timeout=limit_s * 1_000)

    async def mode(self) -> str:
        return str(await self.page.evaluate("document.querySelector('.view').className.replace('view ', '')"))

    async def accessible(self) -> None:
        await self.page.evaluate(AXE.read_text())
        broken = await self.page.evaluate("(tags) => axe.run(document, {runOnly: tags}).then((r) => r.violations)", RULES)
        assert broken == []
        assert await self.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), (
            "nothing runs out of the side"
        )


@asynccontextmanager
async def phone(world: Street, script: str = "") -> AsyncIterator[Phone]:
    path = find()
    assert path
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=path, args=CHROMIUM_ARGS)
        context = await chromium.new_context(
            viewport={"width": 390, "height": 844}, device_scale_factor=2, is_mobile=True, has_touch=True
        )
        page = await context.new_page()
        page.set_default_timeout(20_000)
        network = await context.new_cdp_session(page)
        await network.send("Network.enable")
        held = Phone(page=page, network=network)
        page.on("pageerror", lambda error: held.errors.append(str(error)))
        here = f"http://127.0.0.1:{world.port}/"
        page.on("request", lambda one: held.strays.append(one.url) if not one.url.startswith((here, "blob:", "data:")) else None)
        await page.add_init_script(WATCH_POLICY + FEEL + script)
        await page.goto(f"{here}officer#{world.secret}")
        yield held
        assert held.errors == []
        assert held.strays == []
        assert await page.evaluate("window.violations") == []
        await chromium.close()


def once_each(ways: list[str]) -> list[str]:
    """In which ways it was looked at, one after the other: on a busy machine the full picture may be begun more than once."""
    return [way for way, _ in groupby(ways)]


async def enter(held: Phone) -> None:
    await held.page.get_by_role("button", name="Open the picture").tap()
    await held.page.wait_for_function(f"() => {AGE} !== undefined")


async def test_small_pictures_first_then_the_full_one_and_the_secret_leaves_the_address(
    built_console: None, tmp_path: Path
) -> None:
    async with street(open_it=False, limit_s=120.0) as world, phone(world) as held:
        page = held.page
        await held.accessible()
        assert await world.town.ledger(VideoWatched) == [], "a link that is only looked at opens nothing"
        await enter(held)
        assert await held.mode() in ("small", "trying")
        assert world.secret not in page.url
        assert page.url.endswith(f"#{world.link_id}")
        await expect(page.get_by_role("heading", level=1)).to_contain_text("Immediate")
        await page.wait_for_selector(".view.full", timeout=40_000)
        await page.wait_for_function(PLAYS)
        await expect(page.locator(".age")).to_contain_text("Live")
        await held.fresh(1_500)
        await held.accessible()
        ways = [one.way for one in await world.town.ledger(VideoWatched)]
        assert once_each(ways) == ["stills", "whep"]
        await page.screenshot(path=tmp_path / "full.png")
        # The page is loaded again: the browser's cookie opens it, no secret is needed.
        await page.reload()
        await page.wait_for_function(f"() => {AGE} !== undefined")


async def test_on_a_bad_link_the_picture_lives_on_small_and_goes_up_and_down_with_it(built_console: None, tmp_path: Path) -> None:
    async with street(open_it=False, limit_s=240.0, camera=STREET) as world, phone(world) as held:
        page = held.page
        await held.link(kbps=60, delay_ms=300)
        await enter(held)
        seen: set[float] = set()
        ages = []
        for _ in range(24):
            await asyncio.sleep(0.5)
            ages.append(await held.age_ms())
            seen.add(
                await page.evaluate(
                    "document.querySelector('canvas').getContext('2d').getImageData(0, 90, 320, 1).data.reduce((a, v, i) => a + v * i, 0)"
                )
            )
            assert await held.mode() == "small"
        assert len(seen) >= 4, "pictures go on coming"
        assert sorted(ages)[len(ages) // 2] < 3_000
        await expect(page.locator(".bar")).to_contain_text("Small pictures")
        await page.screenshot(path=tmp_path / "bad-link.png")
        assert [one.way for one in await world.town.ledger(VideoWatched)] == ["stills"]

        await held.link(kbps=-1 / 125, delay_ms=0)
        await page.wait_for_selector(".view.full", timeout=60_000)
        await held.link(kbps=40, delay_ms=1_500)
        await page.wait_for_selector(".view.small", timeout=30_000)
        await held.link(kbps=60, delay_ms=300)
        await held.fresh(4_000, limit_s=30.0)


async def test_a_link_that_stalls_is_said_to_and_comes_back_by_itself(built_console: None, tmp_path: Path) -> None:
    async with street(open_it=False, limit_s=180.0, camera=STREET) as world, phone(world, NO_WEBRTC) as held:
        page = held.page
        await held.link(kbps=60, delay_ms=300)  # so that it stays with small ones
        await enter(held)
        await asyncio.sleep(2)
        await held.network.send(
            "Network.emulateNetworkConditions", {"offline": True, "latency": 0, "downloadThroughput": 0, "uploadThroughput": 0}
        )
        await expect(page.locator(".age.stale")).to_contain_text("Not live", timeout=20_000)
        await page.screenshot(path=tmp_path / "stalled.png")
        assert await held.age_ms() >= 8_000, "it says how old what is seen has become"
        await held.link(kbps=200, delay_ms=50)
        await held.fresh(3_000, limit_s=40.0)


async def test_the_full_picture_comes_as_mp4_where_webrtc_does_not(built_console: None) -> None:
    async with street(open_it=False, limit_s=120.0) as world, phone(world, NO_WEBRTC) as held:
        await enter(held)
        await held.page.wait_for_selector(".view.full", timeout=40_000)
        await held.page.wait_for_function(PLAYS)
        await held.fresh(2_500)
        assert once_each([one.way for one in await world.town.ledger(VideoWatched)]) == ["stills", "mse"]


async def test_alerts_are_seen_felt_and_told_once(built_console: None, tmp_path: Path) -> None:
    async with street(open_it=False, limit_s=180.0) as world, phone(world) as held:
        page, town = held.page, world.town
        await enter(held)
        _eyes_on(world)
        await expect(page.locator(".newest")).to_contain_text("Eyes are on the scene")
        assert await page.evaluate("window.felt.length") == 1
        await _follow(world, speed_mps=0.0, direction_deg=None)
        await expect(page.locator(".newest")).to_contain_text("A subject is followed")
        await _follow(world, speed_mps=1.6, direction_deg=45.0)
        await expect(page.locator(".newest")).to_contain_text("The subject moves off north-east")
        await expect(page.locator("main")).to_have_class(re.compile("flash grave"))
        await expect(page.locator(".fact").first).to_contain_text("moving north-east at 1.6 m/s")
        await page.screenshot(path=tmp_path / "alert.png")
        await held.accessible()
        await _follow(world, speed_mps=1.6, direction_deg=180.0)
        await expect(page.locator(".newest")).to_contain_text("The subject turns south")
        await _handed_over(town, world.incident_id)
        _eyes_on(world)
        await expect(page.get_by_text("Another drone has the watch")).to_be_visible()
        await held.fresh(3_000, limit_s=6.0)  # it did not go dark; a busy machine draws late
        felt = await page.evaluate("window.felt.length")
        await page.reload()
        await page.wait_for_function(f"() => {AGE} !== undefined")
        await asyncio.sleep(2)
        assert await page.evaluate("window.felt.length") == 0, f"none of {felt} is told again"


async def test_the_room_makes_a_link_shows_it_as_a_code_and_ends_it(built_console: None, tmp_path: Path) -> None:
    async with street(limit_s=150.0) as world, looking(world, "incidents") as (page, errors):
        await page.get_by_role("button", name="robbery").first.click()
        panel = page.get_by_role("region", name="Officers on the ground")
        await expect(panel).to_contain_text("NI 4127")
        await panel.get_by_role("button", name="Link for an officer…").click()
        await panel.get_by_label("Officer").fill("NI 5088")
        await panel.get_by_role("button", name="Make the link").click()
        code = panel.get_by_role("img", name="Code of the link for NI 5088")
        await expect(code).to_be_visible()
        await code.scroll_into_view_if_needed()
        await panel.screenshot(path=tmp_path / "panel.png")
        await page.screenshot(path=tmp_path / "console.png")
        await code.screenshot(path=tmp_path / "code.png")
        # An independent reader of such codes.
        (read,) = zxingcpp.read_barcodes(cv2.imread(str(tmp_path / "code.png")))
        address = read.text
        assert address.startswith(f"http://127.0.0.1:{world.port}/officer#")
        assert len(address.partition("#")[2]) == 43
        world.secret = address.partition("#")[2]
        await page.evaluate(AXE.read_text())
        broken = await page.evaluate(
            "(tags) => axe.run('section[aria-label=\"Officers on the ground\"]', {runOnly: tags}).then((r) => r.violations)",
            RULES,
        )
        assert broken == []
        async with phone(world) as held:
            await enter(held)
            await expect(panel.get_by_text("NI 5088 looks now")).to_be_visible()
            await panel.get_by_role("button", name="End the link of NI 5088").click()
            await expect(held.page.get_by_role("alert")).to_contain_text("The control room has ended this link")
        await expect(panel).to_contain_text("1 link is over")
        await expect(code).to_have_count(0)
        assert errors == []


def _eyes_on(world: Street) -> None:
    mission = world.town.services.dispatch.serving(world.incident_id)
    assert mission is not None
    there = msgspec.structs.replace(mission, phase=Phase.ON_SCENE, eyes_on_at=world.town.clock.now())
    world.town.services.flight.missions.stage(there)


async def _follow(world: Street, *, speed_mps: float, direction_deg: float | None) -> None:
    """What an analyst would say of somebody 80 m north-east of the scene."""
    services = world.town.services
    mission = services.dispatch.serving(world.incident_id)
    assert mission is not None
    follow = tracking.begin("fol-1", world.incident_id, "acc-1", world.town.clock.now())
    services.follows.standing.stage(Standing(follow=follow, mission_id=mission.mission_id, vehicle_id=mission.vehicle_id))
    scene = services.intake.incidents.get(world.incident_id).position
    place = GroundPlace(
        position=Position(latitude_deg=scene.latitude_deg + 0.0005, longitude_deg=scene.longitude_deg + 0.0008),
        ellipse=Ellipse(semi_major_m=9.0, semi_minor_m=4.0, bearing_deg=20.0),
    )
    services.follows._latest[mission.vehicle_id] = Findings(
        sequence=1, captured_us=int(datetime.now(UTC).timestamp() * 1e6), width_px=320, height_px=180, tracks=(),
        timing=Timing(motion_ms=0, detect_ms=0, track_ms=0, follow_ms=0), camera_motion_known=True,
        follow=FollowFound(
            follow_id="fol-1", phase=FollowPhase.HELD, quality=Quality.GOOD, reason="seen", shape=Shape.PERSON, place=place,
            motion=Motion(speed_mps=speed_mps, speed_sigma_mps=0.2, direction_deg=direction_deg),
        ),
    )  # fmt: skip


async def test_a_link_that_is_ended_says_so_at_once_and_another_phone_is_turned_away(built_console: None, tmp_path: Path) -> None:
    async with street(open_it=False, limit_s=120.0) as world, phone(world) as held:
        await enter(held)
        async with phone(world) as other:
            await other.page.get_by_role("button", name="Open the picture").tap()
            await expect(other.page.get_by_role("alert")).to_contain_text("This link is open on another device")
            await other.accessible()
        async with world.town.signed_in("supervisor") as room:
            await room.post(f"/api/v1/officer-links/{world.link_id}/revoke")
        await expect(held.page.get_by_role("alert")).to_contain_text("The control room has ended this link")
        await expect(held.page.locator("canvas")).to_have_count(0)
        await held.page.screenshot(path=tmp_path / "ended.png")
        await held.accessible()


async def test_words_are_shown_when_asked_for_where_the_room_allowed_it(built_console: None) -> None:
    async with street(open_it=False, limit_s=90.0, words=True) as world, phone(world) as held:
        await enter(held)
        await held.page.get_by_role("button", name="Show it").tap()
        await expect(held.page.get_by_text("he has a knife")).to_be_visible()
