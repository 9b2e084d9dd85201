"""The real program in a real browser: footage of an incident is given out, saved by the browser, and verifies."""

import re
import signal
import socket
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import WATCH_POLICY
from tests.browser.test_console_page import accessible
from tests.unit.evidence_data import NAME, PASSWORD, verified

FOOTAGE = """
import asyncio, sys
from pathlib import Path
from tests.unit.evidence_data import stopped
asyncio.run(stopped(Path(sys.argv[1]), recordings=2, incidents=True, redacted=True))
"""
CITY = '[ledger]\norigin = "bow.example/city"\n'


@pytest.fixture
def program(tmp_path: Path, built_console: None) -> Iterator[str]:
    """A program on a data folder with footage of two incidents; gives its address."""
    subprocess.run([sys.executable, "-c", FOOTAGE, str(tmp_path / "data")], check=True, timeout=120)  # a loop runs here already
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (tmp_path / "city.toml").write_text(CITY)
    words = ["up", "--config", "city.toml", "--data", "data", "--port", str(port)]
    with (tmp_path / "log.txt").open("wb") as log:
        process = subprocess.Popen([sys.executable, "-m", "bowstreet", *words], cwd=tmp_path, stdout=log, stderr=log)
    try:
        for _ in range(300):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert process.poll() is None, (tmp_path / "log.txt").read_text()
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}/"
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=120) == 0, (tmp_path / "log.txt").read_text()
    finally:
        process.kill()


@pytest.fixture
def page(browser: Browser, program: str) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1440, "height": 900}, accept_downloads=True)
    context.add_init_script(WATCH_POLICY)
    shown, errors = context.new_page(), list[str]()
    shown.set_default_timeout(20_000)
    shown.on("pageerror", lambda error: errors.append(str(error)))
    shown.goto(program)
    shown.get_by_label("Name").fill(NAME)
    shown.get_by_label("Password").fill(PASSWORD)
    shown.get_by_role("button", name="Sign in").click()
    expect(shown.get_by_role("button", name="Sign out")).to_be_visible()
    yield shown
    violations = shown.evaluate("window.violations")
    context.close()
    assert (errors, violations) == ([], [])


def opened(page: Page, category: str) -> None:
    page.get_by_role("button", name=re.compile(category, re.IGNORECASE)).first.click()
    page.get_by_role("button", name="Export footage…").click()
    expect(page.get_by_role("dialog", name="Export footage as evidence")).to_be_visible()


@pytest.mark.browser
@pytest.mark.live
def test_footage_is_exported_by_keyboard_saved_and_verifies(page: Page, tmp_path: Path) -> None:
    opened(page, "robbery")
    dialog = page.get_by_role("dialog", name="Export footage as evidence")
    expect(dialog.get_by_role("checkbox")).to_be_focused()
    expect(dialog.get_by_role("checkbox")).to_be_checked()
    page.screenshot(path=tmp_path / "choose.png")
    accessible(page)
    page.keyboard.press("Space")
    expect(dialog.get_by_role("button", name="Export it")).to_be_disabled()
    page.keyboard.press("Space")
    dialog.get_by_label("To whom").select_option("court")
    dialog.get_by_role("button", name="Export it").focus()
    page.keyboard.press("Enter")
    save = dialog.get_by_role("link", name=re.compile("^Save exp-"))
    expect(save).to_be_visible()
    page.screenshot(path=tmp_path / "ready.png")
    accessible(page)
    with page.expect_download() as waiting:
        save.click()
    waiting.value.save_as(tmp_path / "one.zip")
    status, found = verified(str(tmp_path / "one.zip"))
    assert (status, found["ok"], found["leave"]["recipient"]) == (0, True, "court")


@pytest.mark.browser
@pytest.mark.live
def test_the_redacted_copy_is_chosen_by_keyboard_and_given_out_instead(page: Page, tmp_path: Path) -> None:
    opened(page, "robbery")
    dialog = page.get_by_role("dialog", name="Export footage as evidence")
    which = dialog.get_by_role("group", name="Which copy")
    expect(which.get_by_role("radio", name=re.compile("^As received"))).to_be_checked()
    expect(dialog.get_by_role("checkbox")).to_be_focused()
    page.keyboard.press("Tab")
    expect(which.get_by_role("radio", name=re.compile("^As received"))).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(which.get_by_role("radio", name=re.compile("^The redacted copy instead"))).to_be_checked()
    page.screenshot(path=tmp_path / "choose.png")
    accessible(page)
    dialog.get_by_role("button", name="Export it").click()
    expect(dialog.get_by_text("The redacted copy, not the original.")).to_be_visible()
    page.screenshot(path=tmp_path / "ready.png")
    with page.expect_download() as waiting:
        dialog.get_by_role("link", name=re.compile("^Save exp-")).click()
    waiting.value.save_as(tmp_path / "one.zip")
    status, found = verified(str(tmp_path / "one.zip"))
    assert (status, found["ok"], found["which"], found["recordings"][0]["withheld"]) == (0, True, "redacted", True)
    with zipfile.ZipFile(tmp_path / "one.zip") as archive:
        [name] = [one for one in archive.namelist() if one.endswith("certificate.html")]
        (tmp_path / "certificate.html").write_bytes(archive.read(name))
    shown = page.context.new_page()
    shown.goto((tmp_path / "certificate.html").as_uri())
    expect(shown.get_by_role("heading", name="Which copy this is")).to_be_visible()
    expect(shown.get_by_text("This is not the original.")).to_be_visible()
    shown.screenshot(path=tmp_path / "certificate.png", full_page=True)


@pytest.mark.browser
@pytest.mark.live
def test_where_there_is_no_redacted_copy_it_says_so_and_leads_to_where_it_is_made(page: Page) -> None:
    opened(page, "burglary")
    dialog = page.get_by_role("dialog", name="Export footage as evidence")
    dialog.get_by_role("radio", name=re.compile("^Both")).check()
    expect(dialog.get_by_role("status")).to_contain_text("No redacted copy of it was made yet")
    expect(dialog.get_by_role("button", name="Export it")).to_be_disabled()
    accessible(page)
    dialog.get_by_role("link", name="the recording").click()
    expect(page).to_have_url(re.compile("footage.*recording=rec-"))


@pytest.mark.browser
@pytest.mark.live
def test_without_authority_it_says_so_and_leads_to_asking_for_it(page: Page) -> None:
    opened(page, "burglary")
    dialog = page.get_by_role("dialog", name="Export footage as evidence")
    dialog.get_by_role("button", name="Export it").click()
    expect(dialog.get_by_role("alert")).to_contain_text("authorisation in force")
    dialog.get_by_role("link", name="Request authority for it").click()
    form = page.get_by_role("form", name="Request authority")
    expect(form.get_by_role("radio", name=re.compile("^Disclosure"))).to_be_checked()
    assert form.get_by_label("Subject", exact=True).input_value().startswith("inc-")
