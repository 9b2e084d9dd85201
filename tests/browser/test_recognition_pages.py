"""A deployment in a real browser: planned on the map, listed, authorised by another, started; an alert decided on a phone."""

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, WebSocketRoute, expect

from tests.browser.conftest import ROOT, WATCH_POLICY, go_to
from tests.browser.test_console_page import accessible
from tests.integration.console_city import PASSWORD
from tests.unit.recognition_world import COLUMNS, people, photo, row, volunteer

PHONE = {"width": 390, "height": 844}
DESK = {"width": 1440, "height": 900}
NAMES = list(people())
SHOTS = ROOT / "dist" / "screenshots"


class Program:
    """The served operation, and a way to let people walk past."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        assert process.stdout is not None
        self.url = process.stdout.readline().strip()

    def say(self, line: str) -> str:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()


@pytest.fixture
def program(built_console: None) -> Iterator[Program]:
    command = [sys.executable, "-m", "tests.browser.recognition_server"]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Program(process)
        finally:
            process.terminate()


Sit = Callable[..., Page]


@pytest.fixture
def sit(browser: Browser, program: Program) -> Iterator[Sit]:
    """A browser of its own for each who sits down. No script fails, no policy is broken."""
    pages, errors = list[Page](), list[str]()

    def down(name: str, size: dict[str, int] = DESK, **more: Any) -> Page:
        context = browser.new_context(viewport=size, **more)  # type: ignore[arg-type]
        context.add_init_script(WATCH_POLICY)
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(program.url)
        page.get_by_label("Name").fill(name)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        pages.append(page)
        return page

    yield down
    violations = [one for page in pages for one in page.evaluate("window.violations")]
    for page in pages:
        page.context.close()
    assert (errors, violations) == ([], [])


def shot(page: Page, name: str) -> None:
    SHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SHOTS / f"recognition-{name}.png", full_page=False)


def plan(page: Page) -> None:
    """By the form: closed questions, the zone by typing and by a click on the map."""
    page.get_by_role("button", name="Plan a deployment").click()
    form = page.get_by_role("form", name="Plan a deployment")
    expect(form.get_by_role("button", name="Plan it")).to_be_disabled()
    expect(form.get_by_role("textbox", name=re.compile("other|reason", re.IGNORECASE))).to_have_count(0)  # R1
    form.get_by_role("radio", name=re.compile("^Find people wanted")).check()
    form.get_by_role("radio", name="Recorded crime is high here").check()
    for camera in ("Camera north", "Camera south"):
        form.get_by_role("checkbox", name=re.compile(camera)).check()
    form.get_by_label("Corners").fill("51.5455, -0.1045\n51.5475, -0.1045\n51.5475, -0.1015")
    canvas = form.locator(".place-map canvas")
    expect(canvas).to_be_visible()
    form.get_by_role("button", name="Corner at the map’s middle").click()
    form.get_by_role("button", name="Take back the last corner").click()
    form.get_by_label("Corners").fill("51.5455, -0.1045\n51.5475, -0.1045\n51.5475, -0.1015\n51.5455, -0.1015")
    form.get_by_label("Threshold").fill("0.3")
    expect(form.get_by_role("status").last).to_contain_text("below the model’s floor")
    form.get_by_label("Threshold").fill("0.5")
    page.wait_for_timeout(800)  # the map draws
    accessible(page)
    shot(page, "plan")
    form.get_by_role("button", name="Plan it").click()
    expect(page.get_by_role("article").get_by_text("Planned", exact=True)).to_be_visible()


def tell_the_public(page: Page) -> None:
    for kind, reference in (("Public notice", "notice-2026-11"), ("Sign", "photo-1")):
        article = page.get_by_role("article")
        summary = article.get_by_text("Enter a notice or a sign")
        if not article.get_by_role("radio", name=kind).is_visible():
            summary.click()
        article.get_by_role("radio", name=kind, exact=True).check()
        article.get_by_label("Reference").fill(reference)
        article.get_by_role("button", name="Enter it").click()
        expect(article.get_by_text(re.compile(f"^{kind} since"))).to_be_visible()


def import_list(page: Page, folder: Path) -> None:
    """A CSV and its images; one line is bad, and says why."""
    rows = [row(name, f"{name}.jpg", name=f"Person {name}") for name in NAMES[:2]]
    rows.append(volunteer(NAMES[2], f"{NAMES[2]}.jpg"))
    rows.append(row("BAD", "nobody.png"))
    rows.append(row("WORSE", "worse.jpg", category="unliked"))
    (folder / "list.csv").write_text(COLUMNS + "\n".join(rows))
    for name in NAMES[:3]:
        (folder / f"{name}.jpg").write_bytes(photo(name))
    (folder / "nobody.png").write_bytes(b"no image at all" * 20)
    page.get_by_role("link", name="Import a list").click()
    page.get_by_label("List (CSV)").set_input_files(folder / "list.csv")
    page.get_by_text("What may stand in each column").click()
    columns = page.get_by_role("region", name="What may stand in each column")
    expect(columns.get_by_role("row", name=re.compile("^wanted-by-court"))).to_contain_text("sch8-2-administration-of-justice")
    expect(columns.get_by_role("row", name=re.compile("^missing-at-risk"))).to_have_count(0)  # not on a list of this one
    page.get_by_label("Images").set_input_files([folder / f"{name}.jpg" for name in NAMES[:2]] + [folder / "nobody.png"])
    page.get_by_role("button", name="Read it").click()
    expect(page.get_by_role("cell", name=re.compile("no picture that is read here"))).to_be_visible(timeout=60_000)
    expect(page.get_by_role("row", name=re.compile("worse.jpg"))).to_contain_text("Category is none of")
    expect(page.get_by_role("cell", name=re.compile("choose it now, or go on without"))).to_be_visible()  # one was forgotten
    page.get_by_label("Images").set_input_files([folder / f"{NAMES[2]}.jpg"])
    page.get_by_role("button", name="Read these images too").click()
    expect(page.get_by_role("cell", name="Ready")).to_have_count(3, timeout=60_000)
    accessible(page)
    shot(page, "import")
    page.get_by_role("button", name="Make it without the 2 bad lines").click()
    expect(page.get_by_role("heading", name="3 people")).to_be_visible()
    page.wait_for_function("() => [...document.querySelectorAll('.listed img')].every((i) => i.complete && i.naturalWidth > 0)")
    accessible(page)
    shot(page, "list")
    page.get_by_role("link", name="Back to the deployment").click()


def authorise(officer: Page) -> None:
    """Another person, having proved who they are, and seen what it is that is asked for."""
    go_to(officer, "Authority")
    officer.get_by_role("link", name=re.compile("Requested")).click()
    officer.get_by_role("link", name="Plan, list and notice").click()
    article = officer.get_by_role("article")
    article.get_by_role("button", name="Authorise").click()
    officer.get_by_role("dialog").get_by_role("button", name="Approve it").click()
    expect(article.get_by_text("Authorised", exact=True)).to_be_visible()


def decide(officer: Page) -> None:
    """On a phone: claim, look at both, a second opinion is not needed, engage, outcome."""
    officer.get_by_role("link", name=re.compile("Wanted by a court")).click()
    officer.get_by_role("button", name="I take it").click()
    expect(officer.get_by_text("Look at both pictures before you decide")).to_be_visible()
    officer.get_by_role("button", name="Show both pictures").click()
    expect(officer.get_by_text("A person must decide")).to_be_visible()
    expect(officer.get_by_role("img", name="The face that the camera saw")).to_be_visible()
    expect(officer.get_by_role("img", name=re.compile("as on the list"))).to_be_visible()
    accessible(officer)
    shot(officer, "alert-pictures")
    officer.get_by_role("radio", name="Same person", exact=True).check()
    officer.get_by_role("button", name="I go and speak to them").scroll_into_view_if_needed()
    shot(officer, "alert-decision")
    officer.get_by_role("button", name="I go and speak to them").click()
    expect(officer.get_by_text("An officer is with the person")).to_be_visible()
    officer.get_by_role("radio", name=re.compile("identity confirmed")).check()
    officer.get_by_role("radio", name="Arrest").check()
    officer.get_by_role("button", name="Settle it").click()
    expect(officer.get_by_text(re.compile("identity confirmed. Arrest"))).to_be_visible()


def running(sit: Sit, tmp_path: Path) -> tuple[Page, Page]:
    """A deployment that runs, by its operator and another who authorised it."""
    operator = sit("Olga Operator")
    expect(operator.get_by_role("heading", name="Recognition deployments")).to_be_visible()
    plan(operator)
    missing = operator.get_by_role("region", name="What is missing before it can start")
    expect(missing.get_by_role("listitem").first).to_contain_text("It has no list")
    expect(missing.get_by_role("listitem").last).to_contain_text("Ask for authority")  # the last step, by the button's own words
    ask = operator.get_by_role("button", name="Ask for authority")
    expect(ask).to_have_attribute("title", "Import a list first.")
    tell_the_public(operator)
    import_list(operator, tmp_path)
    shot(operator, "planned")
    operator.get_by_role("button", name="Ask for authority").click()
    expect(operator.get_by_role("article").get_by_text("Waits for authority", exact=True)).to_be_visible()
    expect(missing).to_contain_text("It is asked for: an authorising officer decides")

    superintendent = sit("Sam Superintendent")
    authorise(superintendent)
    expect(operator.get_by_role("article").get_by_text("Authorised", exact=True)).to_be_visible()
    operator.get_by_role("button", name="Start", exact=True).click()
    expect(operator.get_by_role("article").get_by_text("Running", exact=True)).to_be_visible()

    return operator, superintendent


def test_from_plan_to_public_record(sit: Sit, program: Program, tmp_path: Path) -> None:
    operator, _ = running(sit, tmp_path)
    # Whoever works with recognition has no live feed; the operation's time is told all the same.
    go_to(operator, "Authority")
    given = operator.get_by_role("link", name=re.compile("Recognition deployment")).first
    expect(given).to_contain_text("In force")
    expect(given).not_to_contain_text(re.compile(r"\d{3,} d"))
    go_to(operator, "Recognition")
    operator.get_by_role("link", name=re.compile("Running")).first.click()
    operator.get_by_role("link", name=re.compile("list", re.IGNORECASE)).last.click()
    operator.get_by_role("button", name=f"Name of {NAMES[2]} walks past north now").click()
    wanted = operator.get_by_role("button", name=re.compile(f"{NAMES[0]} walks past"))
    expect(wanted).to_have_count(0)  # nobody notes where a wanted person is
    accessible(operator)
    shot(operator, "volunteer")
    operator.get_by_role("link", name="Back to the deployment").click()
    passes = operator.get_by_role("region", name="Counters").locator("div", has_text="Volunteers’ passes")
    expect(passes).to_contain_text("1")
    officer = sit("Connie Constable", PHONE, has_touch=True)
    expect(officer.get_by_text("No alert waits.")).to_be_visible()
    shot(officer, "alerts-none")
    assert program.say(f"alert {NAMES[0]}") == "Alert"
    expect(officer.get_by_role("link", name=re.compile("Wanted by a court"))).to_be_visible()
    accessible(officer)
    shot(officer, "alerts")
    decide(officer)
    expect(operator.get_by_role("region", name="Counters")).to_contain_text("37")
    operator.get_by_role("region", name="Counters").scroll_into_view_if_needed()
    accessible(operator)
    shot(operator, "running")

    operator.get_by_role("button", name="Close for good").click()
    operator.get_by_role("button", name="Close it", exact=True).click()
    program.say("look")
    expect(operator.get_by_role("article").get_by_text("Published", exact=True)).to_be_visible()
    operator.get_by_role("link", name="The public record").click()
    expect(operator.get_by_text("Faces seen").first).to_be_visible()
    accessible(operator)
    shot(operator, "public-record")
    operator.go_back()
    expect(operator.get_by_role("article").get_by_text("Published", exact=True)).to_be_visible()


def test_an_amended_plan_is_seen_by_whoever_decides_and_a_moved_camera_waits_for_its_sign(
    sit: Sit, program: Program, tmp_path: Path
) -> None:
    """R2, R15: what differs in words and on maps; which camera is not looked at, why, and what brings it back."""
    operator, officer = running(sit, tmp_path)
    out = operator.get_by_role("region", name="Cameras that are not looked at")
    expect(out).to_have_count(0)
    operator.get_by_role("link", name="Move cameras").click()
    form = operator.get_by_role("form", name="Plan a deployment")
    north = form.locator(".camera-pick").filter(has_text="Camera north")
    stood = north.inner_text()
    form.get_by_role("button", name="Place Camera north").click()
    form.locator(".place-map canvas").focus()
    operator.keyboard.press("ArrowRight")  # the map moves by it
    operator.wait_for_timeout(800)
    form.get_by_role("button", name="Place at the map’s middle").click()
    form.get_by_role("button", name="Ask for the amended authority").click()
    expect(out.get_by_role("listitem")).to_have_count(1)
    expect(out).to_contain_text("Camera north: it stands elsewhere than was authorised")
    expect(out).to_contain_text("an authorising officer decides")
    expect(out).to_contain_text("The others go on")
    accessible(operator)
    out.scroll_into_view_if_needed()
    shot(operator, "camera-moved")
    expect(operator.get_by_role("button", name="It was put back")).to_have_count(0)
    operator.get_by_role("link", name="Move cameras").click()  # another goes on from where this one stands by now
    expect(north).to_be_visible()
    assert north.inner_text() != stood
    form.get_by_role("link", name="Close, back to the list").click()

    unread = re.compile(r"recognition/deployments/[^/]+$")
    officer.route(unread, lambda route: route.fulfill(status=503, json={"title": "It cannot be read now"}))
    officer.goto(f"{program.url}/#/authorisations")
    officer.get_by_role("link", name=re.compile("Requested")).click()
    approve = officer.get_by_role("article").get_by_role("button", name="Approve")
    expect(officer.get_by_role("article").get_by_role("alert")).to_contain_text("It cannot be read now")
    expect(approve).to_have_attribute("aria-disabled", "true")  # nobody says yes to what they were not shown
    shot(officer, "amendment-unread")
    officer.unroute(unread)
    officer.reload()
    expect(approve).not_to_have_attribute("aria-disabled", "true")
    amended = officer.get_by_role("article").get_by_role("region", name="Amended plan")
    expect(amended.get_by_role("listitem").first).to_contain_text(
        re.compile(r"Camera north \(Camera north\) is moved by [1-9]\d* m")
    )
    expect(amended.get_by_role("figure")).to_have_count(2)
    expect(amended).not_to_contain_text("the zone is another")
    officer.get_by_role("link", name="Plan, list and notice").click()
    amended = officer.get_by_role("article").get_by_role("region", name="Amended plan")
    expect(amended.get_by_role("figure", name="As asked for").locator("canvas")).to_be_visible()
    officer.wait_for_timeout(800)  # the maps draw
    accessible(officer)
    amended.scroll_into_view_if_needed()
    shot(officer, "amendment")
    officer.get_by_role("article").get_by_role("button", name="Authorise").click()
    officer.get_by_role("dialog").get_by_role("button", name="Approve it").click()
    expect(officer.get_by_role("region", name="Amended plan")).to_have_count(0)

    expect(out).to_contain_text("Camera north: no sign stands before it")
    shot(operator, "camera-without-a-sign")
    article = operator.get_by_role("article")
    article.get_by_text("Enter a notice or a sign").click()
    article.get_by_role("radio", name="Sign", exact=True).check()
    expect(article.get_by_role("checkbox", name="Camera north")).to_be_checked()
    expect(article.get_by_role("checkbox", name="Camera south")).not_to_be_checked()
    article.get_by_label("Reference").fill("photo-2")
    article.get_by_role("button", name="Enter it").click()
    expect(article.get_by_text("before north", exact=False).last).to_be_visible()
    expect(out).to_have_count(0)


def choose_a_list(page: Page, folder: Path) -> None:
    """Of one person with one image; it is not read yet."""
    (folder / "list.csv").write_text(COLUMNS + row(NAMES[0], f"{NAMES[0]}.jpg"))
    (folder / f"{NAMES[0]}.jpg").write_bytes(photo(NAMES[0]))
    page.get_by_role("link", name="Import a list").click()
    page.get_by_label("List (CSV)").set_input_files(folder / "list.csv")
    page.get_by_label("Images").set_input_files([folder / f"{NAMES[0]}.jpg"])


def test_a_list_is_given_up_while_its_images_are_read(sit: Sit, tmp_path: Path) -> None:
    operator = sit("Olga Operator")
    plan(operator)
    held: list[Route] = []
    operator.route("**/lists/*/*/images/*", lambda route: held.append(route))
    choose_a_list(operator, tmp_path)
    with operator.expect_request("**/lists/*/*/images/*"):
        operator.get_by_role("button", name="Read it").click()
    with operator.expect_response(lambda answer: answer.request.method == "DELETE") as gone:
        operator.get_by_role("button", name="Give it up").click()
    assert gone.value.status == 204
    held[0].continue_()  # too late: there is nothing any more that it belongs to
    expect(operator.get_by_role("button", name="Read it")).not_to_have_attribute("aria-disabled", "true")
    expect(operator.get_by_role("main").get_by_role("alert")).to_have_text([])
    expect(operator.get_by_role("cell")).to_have_count(0)


def test_who_leaves_while_a_list_is_on_its_way_has_nothing_read_of_it(sit: Sit, tmp_path: Path) -> None:
    operator = sit("Olga Operator")
    plan(operator)
    held: list[Route] = []
    sent: list[str] = []
    operator.route("**/lists/*", lambda route: held.append(route))
    operator.on("request", lambda request: sent.append(request.url) if re.search("/lists/[^/]+/", request.url) else None)
    choose_a_list(operator, tmp_path)
    with operator.expect_request("**/lists/*"):
        operator.get_by_role("button", name="Read it").click()
    operator.get_by_role("link", name="Back to the deployment").click()
    expect(operator.get_by_role("article").get_by_text("Planned", exact=True)).to_be_visible()
    with operator.expect_response("**/lists/*"):
        held[0].continue_()
    operator.wait_for_timeout(1_000)
    assert sent == []
    expect(operator.get_by_text(re.compile("image.* read"))).to_have_count(0)  # nobody is told so on another page


def test_who_looked_decides_though_the_feed_is_silent(sit: Sit, program: Program, tmp_path: Path) -> None:
    """The pictures are there: what can be done with them waits for no message."""
    running(sit, tmp_path)
    officer = sit("Connie Constable", PHONE, has_touch=True)
    expect(officer.get_by_text("No alert waits.")).to_be_visible()
    silent = False

    def pass_on(page: WebSocketRoute) -> None:
        server = page.connect_to_server()
        server.on_message(lambda message: None if silent else page.send(message))

    officer.route_web_socket(re.compile("recognition/live"), pass_on)
    officer.reload()
    assert program.say(f"alert {NAMES[0]}") == "Alert"
    officer.get_by_role("link", name=re.compile("Wanted by a court")).click()
    officer.get_by_role("button", name="I take it").click()
    expect(officer.get_by_text("Look at both pictures before you decide")).to_be_visible()
    silent = True
    officer.get_by_role("button", name="Show both pictures").click()
    officer.get_by_role("radio", name="Same person", exact=True).check()
    nobody = officer.get_by_role("button", name="Nobody goes")
    expect(nobody).to_have_attribute("aria-disabled", "true")
    why = officer.get_by_text("Say why.", exact=True)
    box = why.bounding_box()
    assert box is not None
    assert box["height"] > 10, "on a phone it is read, not pointed at"
    silent = False
    officer.get_by_role("button", name="Give it back").click()
    expect(officer.get_by_text("You have it no more")).to_be_visible()


def test_a_regulator_sees_all_of_it_and_changes_nothing(sit: Sit, program: Program, tmp_path: Path) -> None:
    running(sit, tmp_path)
    assert program.say(f"alert {NAMES[0]}") == "Alert"
    page = sit("Rana Regulator")
    go_to(page, "Record")
    page.get_by_role("link", name="recognition deployments with their lists").click()
    page.get_by_role("link", name=re.compile("Islington")).click()
    article = page.get_by_role("article")
    expect(article.get_by_text("Running", exact=True)).to_be_visible()
    for verb in ("Stop", "Start", "Close for good", "Move cameras", "Enter it"):
        expect(article.get_by_role("button", name=verb, exact=True)).to_have_count(0)
    article.get_by_role("link", name="Open the list").click()
    expect(page.get_by_role("heading", name="3 people")).to_be_visible()
    expect(page.get_by_role("main").get_by_role("button")).to_have_count(0)
    accessible(page)
    go_to(page, "Alerts")
    page.get_by_role("link", name=re.compile("Wanted by a court")).click()
    expect(page.get_by_role("button", name="Show both pictures")).to_be_visible()
    expect(page.get_by_role("region", name="What you do")).to_have_count(0)
    accessible(page)
