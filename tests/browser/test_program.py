"""The real program in a real browser: from the one-time link to a drone that flies to a call and is called home."""

import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

PASSWORD = "a long enough password for control"


@pytest.fixture
def program(tmp_path: Path) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (tmp_path / "calls.csv").write_text(
        "reported_at,latitude,longitude,grade,category\n2026-11-01T20:00:00+00:00,51.54,-0.105,R,lost property\n"
    )
    words = ["up", "--demo", "--speed", "5", "--calls", "calls.csv", "--data", "data", "--port", str(port)]
    with (tmp_path / "log.txt").open("wb") as log:
        process = subprocess.Popen([sys.executable, "-m", "bowstreet", *words], cwd=tmp_path, stdout=log, stderr=log)
    try:
        for _ in range(200):
            note = tmp_path / "data/first-sign-in.txt"
            if note.exists() and note.read_text().strip():
                break
            assert process.poll() is None, (tmp_path / "log.txt").read_text()
            time.sleep(0.1)
        yield note.read_text().strip()
        process.send_signal(signal.SIGINT)
        status = process.wait(timeout=120)
        assert status == 0, (tmp_path / "log.txt").read_text()
        assert "verify" in (tmp_path / "log.txt").read_text()
    finally:
        process.kill()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1600, "height": 950})
    yield context.new_page()
    context.close()


@pytest.mark.browser
@pytest.mark.live
def test_from_the_link_to_a_recall(program: str, page: Page) -> None:
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(program)
    page.get_by_label("Name").fill("control")
    for box in page.locator("input[type=password]").all():
        box.fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_text("Nothing waits.")).to_be_visible(timeout=20_000)

    token = page.evaluate("async () => (await (await fetch('/api/v1/session')).json()).csrf")
    opened = page.evaluate(
        """async (token) => {
            const reported_at = new Date().toISOString();
            const body = {reported_at, latitude: 51.552, longitude: -0.105, grade: "I", category: "robbery <b>x</b>"};
            const headers = {"Content-Type": "application/json", "X-Bowstreet-CSRF": token};
            const answer = await fetch("/api/v1/incidents", {method: "POST", headers, body: JSON.stringify(body)});
            return [answer.status, await answer.text()];
        }""",
        token,
    )
    assert opened[0] == 201, opened[1]
    row = page.get_by_text("robbery <b>x</b>").first
    expect(row).to_be_visible(timeout=10_000)
    expect(page.get_by_text(re.compile(r"eyes on in|On scene")).first).to_be_visible(timeout=20_000)
    row.click()
    expect(page.get_by_text(re.compile("Why this drone", re.IGNORECASE)).first).to_be_visible()
    expect(page.get_by_text(re.compile(r"drone-\d{3}")).first).to_be_visible()
    assert errors == []
