"""Requests of the public in the console, on real services: asked without sign-in, read on record, acknowledged, refused with its ground."""

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import go_to
from tests.browser.test_console_page import accessible
from tests.browser.test_public_pages import DESK, PHONE, opened, served
from tests.integration.console_city import PASSWORD

__all__ = ["served"]  # a fixture

WORDS = "What do you hold about the flight over Barnard Park?"


def at_the_desk(browser: Browser, address: str, name: str, size: dict[str, int]) -> Page:
    page = opened(browser, size)
    page.goto(address)
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    return page


@pytest.mark.browser
@pytest.mark.requirement("R15")
def test_a_request_is_read_acknowledged_and_refused(browser: Browser, served: str) -> None:
    citizen = opened(browser, PHONE, java_script_enabled=False)
    citizen.goto(served + "/public/requests")
    citizen.get_by_role("radio", name="held about me").check()
    citizen.get_by_label("How we reach you").fill("somebody@example.org")
    citizen.get_by_label("Your message").fill(WORDS)
    citizen.get_by_role("button", name="Send it").click()
    reference = citizen.locator(".reference").inner_text()

    page = at_the_desk(browser, served, "A supervisor", DESK)
    go_to(page, "Requests")
    page.get_by_role("link", name="Asks what is held about them").first.click()
    whole = page.get_by_role("article")
    expect(whole).to_contain_text("to answer")
    assert WORDS not in page.content(), "nothing is shown that was not asked for"
    whole.get_by_role("button", name="Show what they wrote").click()
    expect(whole).to_contain_text(WORDS)
    expect(whole).to_contain_text("somebody@example.org")
    accessible(page)
    whole.get_by_role("button", name="Acknowledged").click()
    expect(whole.get_by_role("button", name="Acknowledged")).to_have_count(0)
    whole.get_by_text("Refuse it").first.click()
    expect(whole.get_by_role("button", name="Refuse it")).to_be_disabled()
    whole.get_by_role("radio", name="could not be confirmed").check()
    whole.get_by_role("button", name="Refuse it").click()
    expect(whole.locator(".standing")).to_have_text("Refused")
    expect(whole).to_contain_text("Who asks could not be confirmed")

    citizen.goto(served + "/public/requests")
    citizen.get_by_label("Reference").fill(reference)
    citizen.get_by_role("button", name="Look it up").click()
    expect(citizen.get_by_role("status")).to_contain_text("It is refused")
    citizen.context.close()
    page.context.close()


@pytest.mark.browser
@pytest.mark.parametrize("size", [DESK, PHONE])
def test_every_page_is_reached_by_the_keyboard_whatever_the_width(browser: Browser, served: str, size: dict[str, int]) -> None:
    page = at_the_desk(browser, served, "A supervisor", size)
    pages = page.get_by_role("navigation", name="Pages")
    more = pages.get_by_role("button")
    more.focus()
    page.keyboard.press("Enter")
    expect(more).to_have_attribute("aria-expanded", "true")
    last = pages.get_by_role("link", name="Accounts")
    expect(last).to_be_in_viewport()
    accessible(page)
    page.keyboard.press("Escape")
    expect(more).to_be_focused()
    expect(last).to_have_count(0)
    page.keyboard.press("Enter")
    last.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Accounts")
    expect(more).to_contain_text("Accounts")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing is wider than the screen"
    page.context.close()
