"""What OFIQ says of an image stands beside our own measures, at the import and on the list."""

from pathlib import Path

from playwright.sync_api import expect

from tests.browser.test_console_page import accessible
from tests.browser.test_recognition_pages import DESK, Program, Sit, go_to, import_list, plan, program, shot, sit

__all__ = ["program", "sit"]  # fixtures


def test_an_import_shows_what_ofiq_says(sit: Sit, program: Program, tmp_path: Path) -> None:
    assert program.say(f"ofiq {tmp_path / 'ofiq'}") == "measured"
    page = sit("Olga Operator", DESK)
    go_to(page, "Recognition")
    plan(page)
    import_list(page, tmp_path)
    page.go_back()  # to the list
    listed = page.get_by_role("region", name="People on the list")
    expect(listed.locator(".ofiq summary").first).to_contain_text("OFIQ")
    listed.locator(".ofiq summary").first.click()
    expect(listed.get_by_text("Head pose yaw").first).to_be_visible()
    accessible(page)
    shot(page, "ofiq-list")
