"""A real headless Chromium on the built console, over `feed_server` in a process of its own."""

import json
import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import expect as async_expect
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from playwright.sync_api import TimeoutError as NotThere
from tools.find_browser import find

ROOT = Path(__file__).parents[2]
PASSWORD = "correct horse battery"

# A page may take as long on a busy machine; `Page.set_default_timeout` says nothing of what is expected.
EXPECTED_WITHIN_MS = 20_000
expect.set_options(timeout=EXPECTED_WITHIN_MS)
async_expect.set_options(timeout=EXPECTED_WITHIN_MS)

# The map needs WebGL, here without a graphics card; the rest keeps the browser from calling home.
CHROMIUM_ARGS = [
    "--no-sandbox", "--disable-gpu", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run",
]  # fmt: skip

# Runs in the page before anything of its own.
WATCH_POLICY = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (e) => window.violations.push(`${e.violatedDirective} ${e.blockedURI}`));
"""


@dataclass
class Served:
    """A running feed server."""

    url: str

    def make(self, what: str, **said: Any) -> Any:
        """Make something happen in it, or ask what happened."""
        request = urllib.request.Request(f"{self.url}/test/{what}", json.dumps(said).encode(), method="POST")
        with urllib.request.urlopen(request, timeout=10) as answer:
            body = answer.read()
        return json.loads(body) if body else None


@dataclass
class Console:
    """A console in a browser, and what went wrong in it."""

    page: Page
    server: Served
    errors: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def open(self, path: str = "/") -> None:
        self.page.goto(self.server.url + path)

    def sign_in(self, role: str = "supervisor") -> None:
        self.open()
        self.page.get_by_label("Name").fill(role)
        self.page.get_by_label("Password").fill(PASSWORD)
        self.page.get_by_role("button", name="Sign in").click()
        self.page.wait_for_selector(".status-bar .tone-ok")

    def wait_for_map(self) -> None:
        """Until the map is there and drones are on it."""
        self.page.wait_for_selector("canvas.overlay-front", state="attached")
        self.page.wait_for_function(
            """() => { const c = document.querySelector("canvas.overlay-front");
            return c.width > 0 && c.getContext("2d").getImageData(0, 0, c.width, c.height).data.some((v) => v > 0); }"""
        )


@pytest.fixture(scope="session")
def built_console() -> None:
    """The console is built; says so quickly when it was."""
    subprocess.run([sys.executable, str(ROOT / "tools" / "build_console.py")], check=True, timeout=900)


def serve(*args: str) -> Iterator[Served]:
    command = [sys.executable, "-m", "tests.browser.feed_server", *args]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield Served(url=process.stdout.readline().strip())
        finally:
            process.terminate()


@pytest.fixture(scope="module")
def server(built_console: None) -> Iterator[Served]:
    yield from serve("--drones", "60", "--flying", "8", "--spread", "4000")


@pytest.fixture(scope="module")
def busy_server(built_console: None) -> Iterator[Served]:
    """Every one of 300 drones in the air."""
    yield from serve("--drones", "300", "--flying", "300")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = find()
    assert path, "the browser tests need Chromium: python tools/find_browser.py"
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=CHROMIUM_ARGS)
        yield chromium
        chromium.close()


def go_to(page: Page, name: str) -> None:
    """A page by the top bar: in its row, or in the menu of those that do not fit there. Back once it is shown."""
    link = page.get_by_role("navigation", name="Pages").get_by_role("link", name=name, exact=True)
    more = page.get_by_role("navigation", name="Pages").get_by_role("button")
    expect(link.or_(more).first).to_be_visible()
    # The row is measured again as type and clock come: a page that was in it a moment ago may be in the menu now.
    for _ in range(20):
        if link.count() == 0 and more.get_attribute("aria-expanded") == "false":
            more.click()
        try:
            link.click(timeout=1_000)
        except NotThere:
            continue
        break
    else:
        link.click()
    # Until then the page before it still answers, with links and buttons of the same names.
    here = page.get_by_role("navigation", name="Pages").locator('a[aria-current="page"]')
    expect(here.filter(has_text=re.compile(f"^{name}$")).first).to_be_attached()


def opened(context: BrowserContext, server: Served) -> Console:
    context.add_init_script(WATCH_POLICY)
    page = context.new_page()
    page.set_default_timeout(20_000)
    console = Console(page=page, server=server)
    page.on("pageerror", lambda error: console.errors.append(str(error)))
    page.on("request", lambda request: console.requests.append(request.url))
    return console


@pytest.fixture
def console(browser: Browser, server: Served) -> Iterator[Console]:
    """A console on a desk. After the test: no script failed, no policy was broken, nothing was asked of another host."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    console = opened(context, server)
    yield console
    violations = console.page.evaluate("window.violations")
    context.close()
    assert console.errors == []
    assert violations == []
    strays = [url for url in console.requests if not url.startswith((server.url, "blob:" + server.url, "data:"))]
    assert strays == []
