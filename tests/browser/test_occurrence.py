"""An occurrence in a real browser on the real program: told of, found grave, who must be told is said, a hold is one step away."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import go_to
from tests.browser.test_authority import PASSWORD, program, sit, verified
from tests.browser.test_console_page import accessible

__all__ = ["program", "sit"]  # fixtures


@pytest.mark.browser
@pytest.mark.live
@pytest.mark.requirement("D8")
def test_told_found_reported_closed(program: str, sit: Callable[[], Page], tmp_path: Path) -> None:
    page = sit()
    page.goto(program)
    page.get_by_label("Name").fill("control")
    for box in page.locator("input[type=password]").all():
        box.fill(PASSWORD)
    page.keyboard.press("Enter")
    go_to(page, "Occurrences")
    page.get_by_role("link", name="Tell of one").click()
    page.get_by_role("radio", name="Near miss with crewed aircraft").check()
    accessible(page)
    page.get_by_role("button", name="Open it").click()
    whole = page.get_by_role("article")
    expect(whole).to_contain_text("To determine")

    # Not determined it cannot be closed, and the page says what would make it allowed.
    close = whole.locator("details", has=page.get_by_text("Close it", exact=True))
    close.locator("summary").click()
    close.get_by_role("radio", name="Not reportable").check()
    close.get_by_role("button", name="Close it").click()
    expect(close.get_by_role("alert")).to_contain_text("It is not determined how grave it was")
    whole.get_by_text("What was found", exact=True).click()
    for question, answer in (("How grave", "Serious incident"), ("Injuries", "None"), ("Crewed aircraft involved", "Yes")):
        whole.get_by_label(question).select_option(answer)
    whole.get_by_role("button", name="Keep it").click()
    expect(whole).to_contain_text(re.compile("Tell the AAIB and the CAA"))
    accessible(page)

    # Each body that must be told, then its end; the signed report verifies.
    whole.get_by_text("Somebody was told", exact=True).click()
    for reference in ("AAIB-77", "CAA-88"):
        whole.get_by_label("Number that they gave").fill(reference)
        whole.get_by_role("button", name="Keep that they were told").click()
        expect(whole.get_by_role("definition").filter(has_text=reference)).to_be_visible()
    close.get_by_role("radio", name="Analysed").check()
    close.get_by_role("button", name="Close it").click()
    expect(whole.get_by_text("Closed", exact=True)).to_be_visible()
    with page.expect_download() as caught:
        whole.get_by_role("link", name="Signed report").click()
    caught.value.save_as(tmp_path / "occurrence.txt")
    assert verified(tmp_path / "occurrence.txt", page.evaluate("async () => (await (await fetch('/log/key')).text()).trim()"))
