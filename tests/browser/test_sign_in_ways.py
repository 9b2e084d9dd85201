"""The real program, a real browser with a device for passkeys, and a real identity provider at another site."""

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, CDPSession, Page, Route, expect

from tests.browser.conftest import ROOT, WATCH_POLICY
from tests.integration import provider_world
from tests.integration.provider_world import SECRET, Running

pytestmark = [pytest.mark.browser, pytest.mark.live]

PASSWORD = "a long enough password for control"
AXE = ROOT / "console" / "node_modules" / "axe-core" / "axe.min.js"


@dataclass(kw_only=True)
class Program:
    setup: str
    at: str
    provider: Running


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory, built_console: None) -> Iterator[Program]:
    folder, port = tmp_path_factory.mktemp("program"), free_port()
    with provider_world.running(folder, free_port(), f"http://localhost:{port}/sign-in/oidc") as provider:
        provider.has(ada={"name": "Ada Lovelace", "groups": ["bow-pilots"]}, eve={"name": "Eve", "groups": ["staff"]})
        (folder / "secret.txt").write_text(SECRET + "\n")
        (folder / "city.toml").write_text(
            f"""
            [server]
            port = {port}
            [sign_in.oidc]
            name = "the force account"
            issuer = "{provider.issuer}"
            client_id = "bowstreet"
            client_secret = "file:secret.txt"
            scopes = ["openid", "profile", "groups"]
            [sign_in.oidc.roles]
            bow-pilots = "pilot"
            """
        )
        command = [sys.executable, "-m", "bowstreet", "up", "--config", "city.toml", "--data", "data"]
        with (folder / "log.txt").open("wb") as log:
            process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
        try:
            note = folder / "data/first-sign-in.txt"
            for _ in range(300):
                if note.exists() and note.read_text().strip():
                    break
                assert process.poll() is None, (folder / "log.txt").read_text()
                time.sleep(0.1)
            setup = note.read_text().strip().replace("127.0.0.1", "localhost")
            yield Program(setup=setup, at=f"http://localhost:{port}", provider=provider)
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=60) == 0, (folder / "log.txt").read_text()
        finally:
            process.kill()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """After the test: no script failed and no content policy was broken on the console's own pages."""
    context = browser.new_context(viewport={"width": 1280, "height": 860})
    context.add_init_script(WATCH_POLICY)
    page, errors = context.new_page(), []
    page.set_default_timeout(20_000)
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    violations = page.evaluate("window.violations")
    context.close()
    assert errors == []
    assert violations == []


def device_of(page: Page, *, verified: bool = True) -> tuple[CDPSession, str]:
    """A device for passkeys, in the browser, that says yes by itself."""
    cdp = page.context.new_cdp_session(page)
    cdp.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
        "isUserVerified": verified, "automaticPresenceSimulation": True,
    }  # fmt: skip
    return cdp, cdp.send("WebAuthn.addVirtualAuthenticator", {"options": options})["authenticatorId"]


def accessible(page: Page) -> None:
    page.evaluate(AXE.read_text())
    found = page.evaluate(
        "async () => (await axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] })).violations"
    )
    assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in found] == []


def refuse_once() -> Callable[[Route], None]:
    """As the program answers when a proof is over five minutes old: the first time only."""
    refused: list[str] = []

    def handle(route: Route) -> None:
        if refused:
            route.continue_()
        else:
            refused.append(route.request.url)
            body = (
                '{"type": "urn:bowstreet:problem:proof-needed", "title": "Prove again who you are", "status": 403, "detail": "x"}'
            )
            route.fulfill(status=403, body=body, content_type="application/problem+json")

    return handle


def signed_in(page: Page) -> None:
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()


def test_passkeys_and_provider(program: Program, page: Page) -> None:
    """One story, since there is one first link: set up, make a passkey, come in with it, prove with it, remove it."""
    page.goto(program.setup)
    page.get_by_label("Your name").fill("control")
    for box in page.locator("input[type=password]").all():
        box.fill(PASSWORD)
    page.keyboard.press("Enter")
    signed_in(page)
    cdp, device = device_of(page)

    page.get_by_role("link", name="Your account").click()
    page.get_by_label("Name", exact=True).fill("desk key")
    page.keyboard.press("Enter")
    kept = page.get_by_role("region", name="Passkeys")
    expect(kept).to_contain_text("desk key")
    accessible(page)
    [credential] = cdp.send("WebAuthn.getCredentials", {"authenticatorId": device})["credentials"]
    assert credential["isResidentCredential"]
    assert credential["rpId"] == "localhost"

    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("button", name="Sign in with a passkey").click()
    signed_in(page)
    expect(page.locator(".account")).to_contain_text("control")

    page.get_by_role("link", name="Your account").click()
    where = page.get_by_role("region", name="Where you are signed in")
    expect(where).to_contain_text("Passkey")
    expect(where).to_contain_text("This one")

    kept.get_by_role("button", name="Rename desk key").click()
    kept.get_by_label("Name", exact=True).first.fill("gold key")
    page.keyboard.press("Enter")
    expect(kept).to_contain_text("gold key")

    # A proof that is too old is asked for anew; then the act goes on by itself. Only the age is made up.
    page.route("**/api/v1/passkeys/*/remove", refuse_once())
    kept.get_by_role("button", name="Remove gold key").click()
    dialog = page.get_by_role("dialog", name="Prove that it is you")
    expect(dialog.get_by_label("Your password")).to_be_visible()
    accessible(page)
    dialog.get_by_role("button", name="Use a passkey").click()
    expect(kept).to_contain_text("You have none yet.")
    cdp.send("WebAuthn.clearCredentials", {"authenticatorId": device})
    page.get_by_label("Name", exact=True).fill("gold key")
    page.get_by_role("button", name="Make it").click()
    expect(kept).to_contain_text("gold key")

    # Somebody who has the device and not its owner's finger.
    cdp.send("WebAuthn.setUserVerified", {"authenticatorId": device, "isUserVerified": False})
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_role("alert")).to_contain_text("No passkey")
    accessible(page)
    cdp.send("WebAuthn.setUserVerified", {"authenticatorId": device, "isUserVerified": True})

    # A copy of the device: its counter is behind. It is refused, and the passkey is stopped.
    page.get_by_role("button", name="Sign in with a passkey").click()
    signed_in(page)
    page.get_by_role("button", name="Sign out").click()
    [now] = cdp.send("WebAuthn.getCredentials", {"authenticatorId": device})["credentials"]
    cdp.send("WebAuthn.clearCredentials", {"authenticatorId": device})
    cdp.send("WebAuthn.addCredential", {"authenticatorId": device, "credential": now | {"signCount": 0}})
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_role("alert")).to_contain_text("The passkey was not accepted")
    page.get_by_label("Name").fill("control")
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    signed_in(page)
    page.get_by_role("link", name="Your account").click()
    expect(kept).to_contain_text("it looks copied")
    kept.get_by_role("button", name="Remove gold key").click()
    expect(kept).to_contain_text("You have none yet.")


def test_sign_in_and_prove_at_the_provider(program: Program, page: Page) -> None:
    page.goto(program.at)
    page.get_by_role("button", name="Sign in with the force account").click()
    page.wait_for_url(f"{program.provider.issuer}/**")
    page.locator("input[name=login]").fill("ada")
    page.locator("input[name=password]").fill("any")
    page.locator("button[type=submit]").click()
    page.locator("button[type=submit]").click()  # leave to tell us
    page.wait_for_url(f"{program.at}/**")
    signed_in(page)
    expect(page.locator(".account")).to_contain_text("Ada Lovelace")
    expect(page.locator(".account")).to_contain_text("Remote pilot")
    cookies = {one["name"]: one for one in page.context.cookies(program.at)}
    assert cookies["bowstreet"]["sameSite"] == "Strict"
    assert cookies["bowstreet"]["httpOnly"]
    assert "bowstreet-visit" not in cookies
    assert page.url.endswith("/#/")
    page.reload()
    signed_in(page)


def test_without_a_mapped_group_it_is_said_and_a_password_still_can(program: Program, page: Page) -> None:
    page.set_viewport_size({"width": 375, "height": 720})
    page.goto(program.at)
    page.get_by_role("button", name="Sign in with the force account").click()
    page.locator("input[name=login]").fill("eve")
    page.locator("input[name=password]").fill("any")
    page.locator("button[type=submit]").click()
    page.locator("button[type=submit]").click()
    expect(page.get_by_role("status")).to_contain_text("has no role here")
    expect(page.get_by_label("Password")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    accessible(page)


def test_by_a_number_no_passkey_is_offered_and_it_is_said_why(program: Program, page: Page) -> None:
    page.goto(program.at.replace("localhost", "127.0.0.1"))
    expect(page.get_by_text("Passkeys need the console’s name")).to_be_visible()
    expect(page.get_by_role("button", name="Sign in with a passkey")).to_have_count(0)
