"""The alerts page as an installed app in a real Chromium: its manifest, its worker, consent, a call, and a press on it.

Everything is real but one step: no browser maker's push service can be reached from a test. So the browser's own subscription is the one of
`push_peer`, to which the program sends; and what the peer opened is handed to the browser's worker by the DevTools protocol.
"""

import json
import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Worker, expect

from tests.browser.conftest import ROOT, WATCH_POLICY
from tests.browser.test_console_page import accessible
from tests.browser.test_recognition_pages import PHONE, Program, shot
from tests.integration.console_city import PASSWORD
from tests.integration.push_peer import Peer

# What a browser would have got from its maker's push service.
SUBSCRIBED = """
(keys) => {
  const key = "held";
  const made = (options) => ({
    endpoint: "https://fcm.googleapis.com/ok/phone", options,
    toJSON: () => ({ endpoint: "https://fcm.googleapis.com/ok/phone", expirationTime: null, keys }),
    unsubscribe: async () => { sessionStorage.removeItem(key); return true; },
  });
  PushManager.prototype.subscribe = async function (options) {
    if (options.userVisibleOnly !== true || options.applicationServerKey.length !== 65) throw new Error("not as the standard asks");
    sessionStorage.setItem(key, Array.from(options.applicationServerKey).join());
    return made({ applicationServerKey: options.applicationServerKey.buffer });
  };
  PushManager.prototype.getSubscription = async () => {
    const held = sessionStorage.getItem(key);
    return held === null ? null : made({ applicationServerKey: Uint8Array.from(held.split(",").map(Number)).buffer });
  };
}
"""


@pytest.fixture
def peer(tmp_path: Path) -> Iterator[Peer]:
    made = Peer(tmp_path)
    yield made
    made.close()


@pytest.fixture
def program(built_console: None, peer: Peer, tmp_path: Path) -> Iterator[Program]:
    command = [sys.executable, "-m", "tests.browser.recognition_server", str(peer.port), str(tmp_path / "peer.crt")]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Program(process)
        finally:
            process.terminate()


@pytest.fixture
def phone(browser: Browser, program: Program) -> Iterator[BrowserContext]:
    """Its owner lets the page show notifications. No script fails, no policy is broken, no other host is asked."""
    context = browser.new_context(viewport=PHONE, has_touch=True)  # type: ignore[arg-type]
    context.grant_permissions(["notifications"], origin=program.url)
    context.add_init_script(WATCH_POLICY)
    errors, asked = list[str](), list[str]()
    context.on("weberror", lambda error: errors.append(str(error.error)))
    context.on("request", lambda request: asked.append(request.url))
    yield context
    violations = [one for page in context.pages for one in page.evaluate("window.violations ?? []")]
    context.close()
    assert (errors, violations) == ([], [])
    assert [url for url in asked if not url.startswith((program.url, "data:", "blob:"))] == []


def sign_in(page: Page, program: Program, name: str = "Connie Constable") -> None:
    page.set_default_timeout(20_000)
    page.goto(program.url)
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Recognition alerts")).to_be_visible()


def worker_of(context: BrowserContext) -> Worker:
    return context.service_workers[0] if context.service_workers else context.wait_for_event("serviceworker")


def fetched(address: str) -> tuple[bytes, Any]:
    with urllib.request.urlopen(address, timeout=10) as answer:
        return answer.read(), answer.headers


def test_it_can_be_installed(program: Program, phone: BrowserContext) -> None:
    page = phone.new_page()
    sign_in(page, program)
    worker_of(phone)
    devtools = phone.new_cdp_session(page)
    read = devtools.send("Page.getAppManifest")
    assert read["errors"] == []
    manifest = json.loads(read["data"])
    assert (manifest["display"], manifest["start_url"], manifest["id"]) == ("standalone", "./#/alerts", "./alerts")
    against = [one["errorId"] for one in devtools.send("Page.getInstallabilityErrors")["installabilityErrors"]]
    assert against == ["in-incognito"]  # as each of these tests' browsers is
    for icon in manifest["icons"]:
        data, headers = fetched(f"{program.url}/{icon['src']}")
        assert headers["Content-Type"] == icon["type"]
        if icon["type"] == "image/png":
            assert cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED).shape[0] == int(icon["sizes"].split("x")[0])
    assert {icon["purpose"] for icon in manifest["icons"]} == {"any", "maskable"}


def test_the_worker_keeps_nothing_and_may_load_nothing(program: Program, phone: BrowserContext) -> None:
    script, headers = fetched(f"{program.url}/alerts-worker.js")
    assert headers["Content-Security-Policy"] == "default-src 'none'; img-src 'self'"
    assert headers["Cache-Control"] == "no-cache"
    assert headers["Content-Type"].startswith("text/javascript")
    assert not re.search(rb"\bimport\b|importScripts|fetch|caches|indexedDB", script)
    page = phone.new_page()
    sign_in(page, program)
    worker = worker_of(phone)
    assert page.evaluate("navigator.serviceWorker.ready.then((one) => one.active.state)") in ("activating", "activated")
    assert page.evaluate("caches.keys()") == []
    assert page.evaluate("indexedDB.databases()") == []
    blocked = worker.evaluate("fetch('./api/v1/session').then(() => 'let through', () => 'blocked')")
    assert blocked == "blocked"


def test_consent_a_call_and_a_press(program: Program, peer: Peer, phone: BrowserContext) -> None:
    page = phone.new_page()
    page.add_init_script(f"({SUBSCRIBED})({json.dumps(peer.keys)})")
    sign_in(page, program)
    part = page.get_by_role("region", name="Calling this phone")
    expect(part).to_contain_text("no name, no picture, no place")
    expect(part).to_contain_text("Google, Mozilla, Apple or Microsoft")
    part.scroll_into_view_if_needed()
    accessible(page)
    shot(page, "callout-consent")
    part.get_by_role("button", name="I agree: call this phone").click()
    expect(part).to_contain_text("This phone is called when an alert waits, until")
    accessible(page)
    shot(page, "callout-on")
    page.reload()
    expect(part).to_contain_text("This phone is called when an alert waits, until")

    alert_id = program.say("waits")
    call = peer.next()
    assert "wrong" not in call
    worker = worker_of(phone)
    deliver(phone, page, program.url, call["text"])
    [shown] = notifications(worker, 1)
    assert (shown["title"], shown["body"], shown["tag"]) == ("An alert waits", "Open the page to see it.", f"alert {alert_id}")
    deliver(phone, page, program.url, call["text"])  # a push service may bring it twice
    deliver(phone, page, program.url, "what is no call at all")
    assert sorted(one["tag"] for one in notifications(worker, 2)) == ["alert", f"alert {alert_id}"]

    press(worker, alert_id)
    expect(page.get_by_role("button", name="I take it")).to_be_visible()
    assert page.url.endswith(f"#/alerts?id={alert_id}")
    shot(page, "callout-pressed")

    page.get_by_role("button", name="Back to the alerts").click()
    part.get_by_role("button", name="Stop calling it").click()
    expect(part.get_by_role("button", name="I agree: call this phone")).to_be_visible()


# In the worker: comes back when that holds, or after ten seconds.
UNTIL = "async () => { for (let i = 0; i < 200 && !(%s); i++) await new Promise((done) => setTimeout(done, 50)); }"


def test_a_press_with_no_page_open_opens_one(program: Program, phone: BrowserContext) -> None:
    page = phone.new_page()
    sign_in(page, program)
    worker = worker_of(phone)
    page.goto("about:blank")
    worker.evaluate(
        UNTIL % "(await self.clients.matchAll({type: 'window'})).length === 0"
    )  # the page that was left counts for a while
    worker.evaluate("() => { self.opened = []; self.clients.openWindow = async (address) => { self.opened.push(address); }; }")
    press(worker, "alr-1")
    worker.evaluate(UNTIL % "self.opened.length > 0")
    assert worker.evaluate("self.opened") == [f"{program.url}/#/alerts?id=alr-1"]


def test_it_says_so_where_it_cannot_be_called(program: Program, phone: BrowserContext, browser: Browser) -> None:
    page = phone.new_page()
    sign_in(page, program)
    part = page.get_by_role("region", name="Calling this phone")
    part.get_by_role("button", name="I agree: call this phone").click()  # this browser's own push service is out of reach
    expect(part.get_by_role("alert")).to_contain_text("push service does not answer", timeout=60_000)
    shot(page, "callout-unreachable")
    strict = browser.new_context(viewport=PHONE)  # type: ignore[arg-type]
    page = strict.new_page()
    page.add_init_script("delete window.PushManager")
    sign_in(page, program, "Second Constable")
    expect(page.get_by_role("region", name="Calling this phone")).to_contain_text("This browser cannot be called.")
    strict.close()


def deliver(context: BrowserContext, page: Page, url: str, text: str) -> None:
    """As the browser does when its push service brings a call."""
    devtools = context.new_cdp_session(page)
    found: list[str] = []
    devtools.on(
        "ServiceWorker.workerRegistrationUpdated",
        lambda said: found.extend(one["registrationId"] for one in said["registrations"] if not one["isDeleted"]),
    )
    devtools.send("ServiceWorker.enable")
    for _ in range(200):
        if found:
            break
        page.wait_for_timeout(50)
    devtools.send("ServiceWorker.deliverPushMessage", {"origin": url, "registrationId": found[-1], "data": text})
    page.wait_for_timeout(500)
    devtools.detach()


def notifications(worker: Worker, least: int) -> list[dict[str, Any]]:
    """Those that are shown, once there are so many."""
    return list(
        worker.evaluate(
            """async (least) => { for (let times = 0; ; times += 1) {
            const all = await self.registration.getNotifications();
            if (all.length >= least || times >= 100) return all.map(({title, body, tag}) => ({title, body, tag}));
            await new Promise((wake) => setTimeout(wake, 100)); } }""",
            least,
        )
    )


def press(worker: Worker, alert_id: str) -> None:
    """A press on a notification, as far as a program can make one: it may not bring a window to the front."""
    worker.evaluate(
        """(alert) => { const shown = { data: alert, close() {} };
        const event = new ExtendableEvent("notificationclick"); Object.defineProperty(event, "notification", { value: shown });
        self.dispatchEvent(event); }""",
        alert_id,
    )
