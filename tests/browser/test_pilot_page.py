"""A pilot at the console in a real browser: flies, orders the camera, zooms its lens."""

import re
from typing import Any

import pytest
from playwright.sync_api import expect

from bowstreet.flight import control
from tests.browser.conftest import Console
from tests.browser.test_console_page import accessible


def test_a_pilot_flies(console: Console) -> None:
    page, server = console.page, console.server
    console.sign_in("pilot")
    page.get_by_role("tab", name="Fleet").click()
    page.locator(".row.drone").filter(has_text=re.compile("Outbound|On scene|Returning")).first.click()
    before = server.make("heartbeats")
    page.keyboard.press("t")
    expect(page.get_by_role("button", name="Release control")).to_be_visible()
    server.make("asked")
    page.get_by_role("button", name="Go to…").click()
    page.get_by_label("Go to").fill("51.55, -0.11")
    height = page.get_by_label(re.compile("^Height above dock"))
    shown_m = int(height.input_value())
    height.press("ArrowLeft")
    page.get_by_role("button", name="Send it there").click()
    expect(page.get_by_label("Go to")).to_have_count(0)
    page.get_by_role("button", name="Hold here").click()
    page.get_by_label(re.compile("^Camera pitch")).press("ArrowLeft")
    accessible(page)
    # What is ordered while the order before it is under way is sent after it.
    sent: list[dict[str, Any]] = []
    for _ in range(100):
        sent += [one["body"] for one in server.make("asked") if one["path"].endswith("/commands")]
        if len(sent) >= 3:
            break
        page.wait_for_timeout(100)
    assert [one["type"] for one in sent] == ["goto", "hold", "gimbal"]
    assert (sent[0]["latitude"], sent[0]["longitude"]) == (51.55, -0.11)
    assert sent[0]["height_m_above_dock"] == shown_m - 1  # to the metre: a height that is free may be a narrow one
    assert control.LOWEST_M <= shown_m <= control.HIGHEST_M
    assert sent[2] == {"type": "gimbal", "pitch_deg": -50}
    assert server.make("heartbeats") > before  # the program is told that the pilot is there
    page.keyboard.press("t")
    expect(page.get_by_role("button", name="Take control")).to_be_visible()


@pytest.mark.requirement("D2")
def test_a_pilot_orders_the_camera_down_on_the_way_with_a_reason(console: Console) -> None:
    page, server = console.page, console.server
    console.sign_in("pilot")
    page.get_by_role("tab", name="Fleet").click()
    page.locator(".row.drone").filter(has_text=re.compile("Outbound|On scene|Returning")).first.click()
    page.keyboard.press("t")
    expect(page.get_by_role("button", name="Release control")).to_be_visible()
    server.make("asked")
    order = page.get_by_role("button", name="Order it")
    expect(order).to_be_disabled()  # not without a reason
    page.get_by_label("Look down on the way, for").select_option("Flight safety")
    accessible(page)
    order.click()
    expect(order).to_be_disabled()
    expect(page.get_by_label("Look down on the way, for")).to_have_value("")
    assert [one["body"] for one in server.make("asked") if one["path"].endswith("/camera")] == [{"reason": "flight-safety"}]


def test_a_pilot_zooms_the_lens(console: Console) -> None:
    page, server = console.page, console.server
    console.sign_in("pilot")
    flown = server.make("fly-over", pad=1)["vehicle_id"]  # the drones of a first pad have a lens
    page.get_by_role("tab", name="Fleet").click()
    page.locator(".row.drone").filter(has_text="On scene").filter(has_text=flown).click()
    card = page.locator(".card.mission")
    expect(card.get_by_role("group", name=re.compile("^Camera zoom"))).to_have_count(0)  # a lens is its pilot's
    page.keyboard.press("t")
    lens = card.get_by_role("group", name=re.compile("^Camera zoom"))
    expect(lens).to_contain_text("Camera zoom: 1×")
    expect(lens.get_by_role("button", name="Camera lens: zoom out")).to_be_disabled()
    server.make("asked")
    nearer = lens.get_by_role("button", name="Camera lens: zoom in")
    nearer.click()
    expect(lens).to_contain_text("Camera zoom: 2×")
    nearer.focus()
    page.keyboard.press("+")
    expect(lens).to_contain_text("Camera zoom: 4×")
    page.keyboard.press("+")
    expect(lens).to_contain_text("Camera zoom: 8×")
    expect(nearer).to_be_disabled()
    page.keyboard.press("-")
    expect(lens).to_contain_text("Camera zoom: 4×")
    expect(lens).to_contain_text("The − and + under the picture only enlarge it on this screen.")
    accessible(page)
    sent = [one["body"] for one in server.make("asked") if one["path"].endswith("/commands")]
    assert sent == [{"type": "zoom", "zoom": zoom} for zoom in (2, 4, 8, 4)]
