"""The real program in a real browser: one person asks for authority, another gives it, the document verifies, and it is used.

The policy is the product's own but for the time that a proof holds: two seconds, so that the password is asked for in a test.
"""

import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import WATCH_POLICY, go_to
from tests.browser.test_console_page import accessible

PASSWORD = "a long enough password for control"
PROOF_S = 4
WORDS = "the man with the red umbrella"
OFFICER, REGULATOR = "Olga Officer", "Rana Regulator"


@pytest.fixture
def program(tmp_path: Path) -> Iterator[str]:
    """A program with a data folder of its own; gives its one-time link."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    policy = resources.files("bowstreet.accountability.authority").joinpath("policy.cedar").read_text()
    assert "context.proved_s > 300" in policy
    (tmp_path / "quick.cedar").write_text(policy.replace("context.proved_s > 300", f"context.proved_s > {PROOF_S}"))
    (tmp_path / "city.toml").write_text('[authority]\npolicy = "quick.cedar"\n')
    words = ["up", "--config", "city.toml", "--data", "data", "--port", str(port)]
    with (tmp_path / "log.txt").open("wb") as log:
        process = subprocess.Popen([sys.executable, "-m", "bowstreet", *words], cwd=tmp_path, stdout=log, stderr=log)
    try:
        note = tmp_path / "data/first-sign-in.txt"
        for _ in range(300):
            if note.exists() and note.read_text().strip():
                break
            assert process.poll() is None, (tmp_path / "log.txt").read_text()
            time.sleep(0.1)
        yield note.read_text().strip()
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=120) == 0, (tmp_path / "log.txt").read_text()
    finally:
        process.kill()


@pytest.fixture
def sit(browser: Browser, program: str) -> Iterator[Callable[[], Page]]:
    """A browser of its own for each who sits down, with nothing of the last one. No script fails, no policy is broken."""
    contexts, errors = [], list[str]()

    def down() -> Page:
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        context.add_init_script(WATCH_POLICY)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.on("pageerror", lambda error: errors.append(str(error)))
        return page

    yield down
    violations = [one for context in contexts for page in context.pages[:1] for one in page.evaluate("window.violations")]
    for context in contexts:
        context.close()
    assert (errors, violations) == ([], [])


def sign_in(page: Page, address: str, name: str) -> None:
    page.goto(address)
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()


def asked(page: Page, method: str, path: str, body: dict[str, Any]) -> Any:
    """A request of the page's own session, for what is not the matter of the test."""
    status, answer = page.evaluate(
        """async ([method, path, body]) => {
            const token = (await (await fetch("/api/v1/session")).json()).csrf;
            const headers = {"Content-Type": "application/json", "X-Bowstreet-CSRF": token};
            const answer = await fetch("/api/v1/" + path, {method, headers, body: JSON.stringify(body)});
            return [answer.status, await answer.json()];
        }""",
        [method, path, body],
    )
    assert status < 300, answer
    return answer


def request(page: Page, use_case: str, ground: str, subject: str) -> None:
    """Ask by the form, with nothing typed but the subject's id."""
    go_to(page, "Authority")
    page.get_by_role("region", name="Authorisations").get_by_role("link", name="Request authority").click()
    form = page.get_by_role("form", name="Request authority")
    expect(form.get_by_role("heading")).to_be_focused()
    expect(form.get_by_role("button", name="Request it")).to_be_disabled()
    expect(form.get_by_role("textbox", name=re.compile("other|reason", re.IGNORECASE))).to_have_count(0)
    form.get_by_role("radio", name=re.compile(f"^{use_case}")).check()
    form.get_by_role("radio", name=ground, exact=True).check()
    form.get_by_label("Subject", exact=True).fill(subject)
    form.get_by_role("checkbox", name="Islington").check()
    form.get_by_role("button", name="Request it").click()
    expect(page.get_by_role("article").get_by_text("Requested")).to_be_visible()


def decide(officer: Page, subject: str, verb: str) -> None:
    """Another officer's word. The list came to them by itself; the password is asked for, and once."""
    officer.get_by_role("link", name=re.compile(subject)).first.click()
    time.sleep(PROOF_S + 1)
    officer.get_by_role("button", name=verb, exact=True).click()
    officer.get_by_role("dialog").get_by_role("button", name=f"{verb} it").click()
    prove(officer)


def prove(page: Page) -> None:
    proof = page.get_by_role("dialog", name="Prove that it is you")
    expect(proof.get_by_label("Your password")).to_be_focused()
    page.keyboard.type("not the password")
    page.keyboard.press("Enter")
    expect(proof.get_by_role("alert")).to_contain_text("The password is wrong")
    proof.get_by_label("Your password").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(proof).to_have_count(0)


@pytest.mark.browser
@pytest.mark.live
@pytest.mark.requirement("R2", "R3", "R16", "R17")
def test_one_asks_another_gives_it_and_it_is_used(program: str, sit: Callable[[], Page], tmp_path: Path) -> None:
    address = program.split("#")[0]
    control = sit()
    control.goto(program)
    control.get_by_label("Name").fill("control")
    for box in control.locator("input[type=password]").all():
        box.fill(PASSWORD)
    control.keyboard.press("Enter")
    expect(control.get_by_role("tab", name="Queue")).to_be_visible()
    for name, role in ((OFFICER, "authorising-officer"), (REGULATOR, "regulator")):
        asked(control, "POST", "session/proof", {"password": PASSWORD})  # a slow machine may take longer than a proof lasts
        asked(control, "POST", "accounts", {"name": name, "role": role, "password": PASSWORD})
    place = {
        "latitude": 51.552,
        "longitude": -0.105,
        "grade": "R",
        "category": "found property",
        "text": WORDS,
    }  # not flown to: closed at once
    incident = asked(control, "POST", "incidents", {"reported_at": _now(control), **place})["id"]

    # Who asks does not decide, and is told so; nothing is erased without authority.
    request(control, "Legal hold", "Investigation", incident)
    expect(control.get_by_role("button", name="Approve")).to_have_count(0)
    accessible(control)

    # Another decides. The page is one address, and tells of the request by itself.
    officer = sit()
    sign_in(officer, f"{address}#/authorisations?state=waiting", OFFICER)
    decide(officer, incident, "Approve")
    expect(officer.get_by_role("article").get_by_text("In force", exact=True)).to_be_visible()
    expect(officer.get_by_role("article")).to_contain_text("control")
    expect(control.get_by_role("article").get_by_text("In force", exact=True)).to_be_visible()  # it came by itself
    accessible(officer)

    # The signed document verifies with the product's own command, and a changed one does not.
    with officer.expect_download() as caught:
        officer.get_by_role("link", name="Signed document").click()
    document = tmp_path / "authorisation.txt"
    caught.value.save_as(document)
    with officer.context.expect_page() as opened:
        officer.get_by_role("link", name="Print view").click()
    expect(opened.value.get_by_role("heading", name="Authorisation")).to_be_visible()
    key = officer.evaluate("async () => (await (await fetch('/log/key')).text()).trim()")
    assert verified(document, key)
    document.write_bytes(document.read_bytes().replace(b"Islington", b"Hackney"))
    assert not verified(document, key)

    # Erasure is asked for; the hold forbids it, and the page says what would make it allowed.
    request(control, "Erasure", "Court order", incident)
    officer.get_by_role("button", name="All", exact=True).click()
    officer.get_by_label("Use case").select_option("Erasure")
    decide(officer, incident, "Approve")
    expect(control.get_by_role("link", name="Use it")).to_be_visible()
    control.get_by_role("link", name="Use it").click()
    expect(control.get_by_role("region", name="Legal holds in force")).to_contain_text(incident)
    control.get_by_role("button", name="Erase…").click()
    control.get_by_role("dialog").get_by_role("button", name="Erase it for good").click()
    prove(control)
    refused = control.get_by_role("dialog").get_by_role("alert")
    expect(refused).to_contain_text("A legal hold stands on it. Have the hold revoked first.")
    accessible(control)
    control.keyboard.press("Escape")

    # Subject access first: all that is held is shown. Then the hold is ended, and the erasure leaves its receipt.
    request(control, "Disclosure", "Request of the data subject", incident)
    officer.get_by_label("Use case").select_option("Disclosure")
    decide(officer, incident, "Approve")
    control.get_by_role("link", name="Use it").click()
    control.get_by_role("button", name="Disclose…").click()
    control.get_by_role("dialog").get_by_role("button", name="Disclose it").click()
    prove(control)
    held = control.get_by_role("region", name="What is held", exact=True)
    expect(held).to_contain_text(WORDS)
    accessible(control)
    held.get_by_role("button", name="Close it").click()
    control.get_by_role("region", name="Legal holds in force").get_by_role("link").click()
    control.get_by_role("button", name="Revoke").click()
    control.get_by_role("dialog").get_by_role("button", name="Revoke it").click()
    expect(control.get_by_role("article").get_by_text("Revoked")).to_be_visible()
    go_to(control, "Retention")
    control.get_by_role("radio", name=re.compile(incident)).first.check()
    control.get_by_role("button", name="Erase…").click()
    time.sleep(PROOF_S + 1)
    control.get_by_role("dialog").get_by_role("button", name="Erase it for good").click()
    prove(control)
    receipts = control.get_by_role("region", name="What was erased, newest first")
    expect(receipts).to_contain_text(incident)
    expect(receipts.get_by_text("Erased 20")).to_be_visible()

    # A regulator lands on the record, sees all of it, and finds nothing to press that changes anything.
    regulator = sit()
    sign_in(regulator, address, REGULATOR)
    expect(regulator.get_by_role("heading", name="The record")).to_be_visible()
    expect(regulator.get_by_label("The signed checkpoint")).to_contain_text("—")
    expect(regulator.get_by_text(key, exact=True)).to_be_visible()
    accessible(regulator)
    changing = re.compile("approve|refuse|uphold|end it|revoke|request|erase|disclose|use it", re.IGNORECASE)
    for page, seen in (("authorisations", incident), ("retention", incident), ("record", key)):
        regulator.goto(f"{address}#/{page}")
        expect(regulator.get_by_role("main")).to_contain_text(seen)
        if page == "authorisations":
            regulator.get_by_role("link", name=re.compile("Erasure")).first.click()
            expect(regulator.get_by_role("link", name="Signed document")).to_be_visible()
        for kind in ("button", "link"):
            found = regulator.get_by_role("main").get_by_role(kind, name=changing)  # type: ignore[arg-type]
            assert [text for text in found.all_inner_texts() if incident not in text] == []
        accessible(regulator)


def verified(document: Path, key: str) -> bool:
    command = [sys.executable, "-m", "bowstreet", "authority", "verify", str(document), "--key", key]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ("NOT VERIFIED" in done.stdout) is (done.returncode != 0), done.stdout + done.stderr
    return done.returncode == 0


def _now(page: Page) -> str:
    said: str = page.evaluate("new Date().toISOString()")
    return said
