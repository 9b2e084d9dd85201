"""The public pages in a real browser: without sign-in and without script, on a desk and on a phone, readable by everybody."""

import asyncio
import re
import socket
import threading
import urllib.request
from collections.abc import Iterator

import pytest
import uvicorn
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from bowstreet.console.settings import EdgeSettings
from tests.integration.console_city import city
from tests.integration.public_releases import flown_over

PAGES = ("/public", "/public/releases/r11", "/public/checkpoints", "/public/requests")
DESK, PHONE = {"width": 1280, "height": 900}, {"width": 360, "height": 740}


@pytest.fixture(scope="module")
def served() -> Iterator[str]:
    """The real edge over real services, on a port of its own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    started, server = threading.Event(), uvicorn.Server(uvicorn.Config(lambda: None, log_level="error"))

    async def run() -> None:
        town = await city(EdgeSettings(port=port))
        await flown_over(town, 14, spread=5)
        await town.services.log.publish(town.recorder.size, town.recorder.root)
        server.config = uvicorn.Config(town.console.app, host="127.0.0.1", port=port, log_level="error", lifespan="off")
        started.set()
        await server.serve()
        town.services.accounts.close()

    thread = threading.Thread(target=lambda: asyncio.run(run()))
    thread.start()
    assert started.wait(60)
    for _ in range(100):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                break
        threading.Event().wait(0.05)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(30)


def opened(browser: Browser, size: dict[str, int], **more: object) -> Page:
    context = browser.new_context(viewport=size, **more)  # type: ignore[arg-type]
    page = context.new_page()
    page.set_default_timeout(20_000)
    return page


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_everybody_can_read_them(browser: Browser, served: str, size: dict[str, int], scheme: str) -> None:
    """axe-core: contrast, headings, labels, tables, landmarks; and nothing runs out of a phone's side."""
    page = opened(browser, size, color_scheme=scheme)
    for path in PAGES:
        page.goto(served + path)
        found = Axe().run(page).response["violations"]
        assert [(one["id"], [node["html"][:100] for node in one["nodes"]]) for one in found] == [], path
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"], path
        assert page.evaluate("document.scripts.length") == 0
        assert page.context.cookies() == []
    page.context.close()


@pytest.mark.browser
@pytest.mark.requirement("D7")
def test_every_plot_has_its_words_and_its_table(browser: Browser, served: str) -> None:
    page = opened(browser, DESK)
    page.goto(served + "/public")
    plots = page.locator("section.plot")
    assert plots.count() == 7
    for one in plots.all():
        figure = one.get_by_role("img").first
        expect(figure).to_have_accessible_name(one.get_by_role("heading").inner_text())
        assert one.locator("svg[role=img] > desc").inner_html()
        assert one.get_by_role("table").locator("tbody tr").count() > 0
    area = page.locator("section.plot", has_text="Minutes overhead by area")
    shaded = area.locator("path.area[class*=s]:not([fill])")
    assert shaded.count() == area.locator("tbody tr").count() >= 3
    assert area.locator("path.area").count() > shaded.count(), "what lies around is drawn too, hatched"
    page.context.close()


@pytest.mark.browser
@pytest.mark.requirement("R15")
def test_a_complaint_without_script_from_the_form_to_its_state(browser: Browser, served: str) -> None:
    page = opened(browser, PHONE, java_script_enabled=False)
    page.goto(served + "/public")
    page.get_by_role("link", name="Ask or complain").click()
    page.get_by_role("radio", name="complain").check()
    page.get_by_label("How we reach you").fill("somebody@example.org")
    page.get_by_label("Your message").fill("You hovered over our school.")
    page.get_by_role("button", name="Send it").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("It has come")
    reference = page.locator(".reference").inner_text()
    assert re.fullmatch(r"[0-9A-Z]{4}(-[0-9A-Z]{4}){3}", reference)
    page.get_by_role("link", name="Back").click()
    page.get_by_label("Reference").fill(reference.lower().replace("-", " "))
    page.get_by_role("button", name="Look it up").click()
    expect(page.get_by_role("status")).to_contain_text("waits to be read by a person")
    assert "school" not in page.content()
    assert reference not in page.url
    page.context.close()


@pytest.mark.browser
def test_a_checkpoint_that_was_kept_is_compared(browser: Browser, served: str) -> None:
    with urllib.request.urlopen(served + "/log/checkpoint", timeout=10) as answer:
        kept = answer.read().decode()
    page = opened(browser, DESK, java_script_enabled=False)
    page.goto(served + "/public/checkpoints")
    page.get_by_label("Checkpoint", exact=True).fill(kept)
    page.get_by_role("button", name="Compare it").click()
    expect(page.get_by_role("status")).to_contain_text("It fits")
    page.context.close()


@pytest.mark.browser
def test_they_print_in_full(browser: Browser, served: str) -> None:
    page = opened(browser, DESK, color_scheme="dark")
    page.goto(served + "/public")
    page.emulate_media(media="print")
    for one in page.locator(".wide").all():
        assert one.evaluate("(e) => e.scrollHeight <= e.clientHeight + 1"), "no table is cut off on paper"
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.locator("nav").is_hidden()
    assert len(page.pdf()) > 20_000
    page.context.close()
