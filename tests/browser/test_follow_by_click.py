"""A pilot presses on a person in the picture: the follow begins, its ring stays on that person, and it ends when they say so."""

import asyncio
import os
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, expect

from bowstreet.geo import Position
from bowstreet.messages import FollowChanged
from bowstreet.tracking.model import FollowPhase
from bowstreet.tracking.plane import Plane
from bowstreet.tracking.streets import Named, Streets
from bowstreet.tracking.wire import Findings
from bowstreet.video.model import VideoSource
from tests.browser.knowing import Told, box_of
from tests.browser.picture_world import World, browser, over_the_scene, scene, world
from tests.integration.console_city import SCENE, call
from tests.integration.test_video_live import free_port

pytestmark = pytest.mark.browser
# Where a person stands in the picture on the page now, in pixels of the page; null while nobody stands well inside it, or the page
# still moves under the picture.
WHERE = """async () => {
  const place = () => document.querySelector(".picture-frame").getBoundingClientRect();
  const before = place();
  await new Promise((resolve) => setTimeout(resolve, 200));
  const [overlay, frame] = [document.querySelector(".picture-overlay"), place()];
  if (overlay === null || frame.y !== before.y || frame.height !== before.height) return null;
  for (const one of overlay.querySelectorAll(".shape.good rect")) {
    const box = one.getBoundingClientRect();
    const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
    if (x > frame.x + 60 && x < frame.right - 60 && y > frame.y + 40 && y < frame.bottom - 60 &&
        document.elementFromPoint(x, y)?.closest(".picture-frame") !== null) return [x, y];
  }
  return null;
}"""


class Followed:
    """What the analyst said of the follow, look by look, and who that really was."""

    def __init__(self, made: World, truth: Path) -> None:
        self._made, self._told, self.looks = made, Told(truth), dict[int, Findings]()

    def take(self) -> Findings | None:
        latest = self._made.town.services.follows.latest("d1")
        if latest is not None and latest.follow is not None and latest.follow.follow_id:
            self.looks[latest.sequence] = latest
        return latest

    def who(self) -> list[str]:
        """The name of whoever the ring lies on best, at each look that held the subject."""
        names = []
        for look in self.looks.values():
            follow = look.follow
            if follow is None or follow.box is None or follow.phase is not FollowPhase.HELD:
                continue
            there = self._told.near(look.captured_us)
            if not there:  # a picture was left out on a busy machine, and the next one's time is a guess
                continue
            ranked = sorted((follow.box.overlap(box_of(one)), one.name) for one in there)
            names.append(ranked[-1][1] if ranked and ranked[-1][0] > 0.1 else "nobody")
        return names


def streets_through(place: Position) -> Streets:
    """A street that runs 25 m north of a place, from west to east."""
    plane = Plane(place)
    return Streets([Named(name="Upper Street", line=(plane.to_position(-300.0, 25.0), plane.to_position(300.0, 25.0)))])


async def pressed(page: Page) -> None:
    await page.locator(".picture-frame").scroll_into_view_if_needed()
    async with asyncio.timeout(60):
        while (place := await page.evaluate(WHERE)) is None:
            await asyncio.sleep(0.1)
    await page.mouse.click(*place)


async def chosen_by_keys(page: Page) -> None:
    offer = page.get_by_role("group", name="Whom to follow").get_by_role("button").first
    await expect(offer).to_be_visible(timeout=60_000)
    await offer.focus()
    await page.keyboard.press("Enter")


@pytest.mark.requirement("D4")
async def test_a_press_on_a_person_follows_that_person_until_let_go(
    built_console: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    truth = tmp_path / "truth.jsonl"
    (tmp_path / "knowing_here.py").write_text(f"from tests.browser.knowing import lookout\nLookout = lookout({str(truth)!r})\n")
    root = Path(__file__).parents[2]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), str(root), os.environ.get("PYTHONPATH", "")]))
    source = VideoSource(
        source_id="d1", vehicle_id="d1", address=f"udp://127.0.0.1:{free_port()}", analyst="knowing_here:Lookout", analysed_hz=5.0
    )
    names_here = streets_through(SCENE)
    async with (
        world([source], streets=names_here, limit_s=240.0) as made,
        scene([source], truth=truth, rate_hz=10.0, east_m=40.0, pace=0.4),
    ):
        follows = made.town.services.follows
        said: list[Any] = []

        async def heard(message: FollowChanged) -> None:
            said.append(message)

        made.town.recorder.bus.subscribe(FollowChanged, heard)
        async with made.town.signed_in("supervisor") as client:
            incident_id = (await client.post("/api/v1/incidents", json=call())).json()["id"]
        mission = made.town.services.dispatch.serving(incident_id)
        assert mission is not None
        await over_the_scene(made, "d1", mission.mission_id)
        await made.live("d1")

        async def keep_house() -> None:
            while True:
                await follows.look()
                await asyncio.sleep(0.2)

        keeping = asyncio.ensure_future(keep_house())
        async with browser(made, role="pilot", path="/") as (page, wrong):
            await page.locator(f"#queue-{incident_id}").click()
            await page.get_by_role("button", name="Take control").click()
            await expect(page.get_by_role("button", name="Release control")).to_be_visible()
            await expect(page.locator(".picture-overlay .street").first).to_have_text("Upper Street", timeout=30_000)
            await expect(page.locator(".picture-where")).to_contain_text("heading")
            await expect(page.locator(".picture-where")).to_contain_text(
                re.compile(r"Looks at 51\.\d+, −0\.\d+ ± \d+ m · Upper Street")
            )
            for begin in (pressed, chosen_by_keys):
                await begin(page)
                async with asyncio.timeout(20):
                    while not said or said[-1].stage != "following":
                        await asyncio.sleep(0.1)
                note = page.get_by_role("region", name="Follow", exact=True)
                await expect(note).to_be_visible()
                await expect(page.locator(".shape.followed")).to_have_count(1)
                seen = Followed(made, truth)
                async with asyncio.timeout(45):
                    while len(names := seen.who()) < 8:
                        seen.take()
                        await asyncio.sleep(0.15)
                # One look at a picture whose time is a guess may find nobody there; no look finds anybody else.
                [(held, times)] = Counter(one for one in names if one != "nobody").items()
                assert held.startswith("person")
                assert times >= 0.8 * len(names), names
                # What the page says of it is what the analyst says.
                async with asyncio.timeout(10):
                    while True:
                        latest = seen.take()
                        assert latest is not None
                        assert latest.follow is not None
                        if f"{latest.follow.quality}: {latest.follow.reason}" in (await note.inner_text()):
                            break
                        await asyncio.sleep(0.05)
                let_go = page.get_by_role("button", name="Stop following")
                if begin is pressed:
                    await let_go.click()
                else:
                    await let_go.focus()
                    await page.keyboard.press("Enter")
                async with asyncio.timeout(10):
                    while said[-1].stage != "ended":
                        await asyncio.sleep(0.1)
                await expect(page.locator(".shape.followed")).to_have_count(0)
                assert [one.by for one in said[-2:]] == [made.town.people["pilot"].account_id] * 2
            assert wrong == []
        keeping.cancel()
