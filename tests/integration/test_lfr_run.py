"""`bowstreet lfr run` and `lfr report` as people run them: real video, real workers, the real record; two people at a terminal."""

import json
import os
import re
import resource
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.integration.lfr_terminal import (
    ADJUDICATOR,
    OFFICER,
    OPERATOR,
    Program,
    accounts,
    document,
    film,
    password,
)

from bowstreet.accountability import ledger
from bowstreet.accountability.audit import keyring_of, verify_data
from bowstreet.accountability.sealed import opened_row
from bowstreet.messages import AlertChanged, AlertViewed, Consulted
from bowstreet.runtime.directory import RECORD_FILE
from bowstreet.runtime.sqlite import SqliteReader

pytestmark = pytest.mark.live
WANTED, OTHER = "P001", "P002"
AS_OPERATOR = ("Password of recognition operator", password(OPERATOR))
AS_OFFICER = ("Password of authorising officer", password(OFFICER))
GIVES = ("Your decision:", "1")


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixteen seconds in which the wanted one and others walk past."""
    return film(tmp_path_factory.mktemp("street") / "street.ts")


@pytest.fixture(scope="module")
def peopled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("peopled") / "data"
    accounts(folder)
    return folder


@pytest.fixture
def data(peopled: Path, tmp_path: Path) -> Path:
    """A data directory with the four accounts, and nothing else."""
    shutil.copytree(peopled, tmp_path / "data")
    return tmp_path / "data"


@pytest.fixture(autouse=True)
def passwords(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """And no program outlives its test."""
    monkeypatch.setenv("OPERATOR_PASSWORD", password(OPERATOR))
    monkeypatch.setenv("ADJUDICATOR_PASSWORD", password(ADJUDICATOR))
    yield
    Program.end_all()


def unattended(doc: Path, data: Path, *words: str | Path) -> Program:
    return Program("lfr", "run", doc, "--data", data, "--operator-password", "env:OPERATOR_PASSWORD", *words, terminal=False)


@pytest.fixture(scope="module")
def document_of_all(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return document(tmp_path_factory.mktemp("document"), [WANTED])


@pytest.fixture(scope="module")
def permitted(peopled: Path, document_of_all: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a first run asks for, an officer gave at a terminal of their own."""
    folder = tmp_path_factory.mktemp("permitted") / "data"
    shutil.copytree(peopled, folder)
    words = ["lfr", "run", document_of_all, "--data", folder, "--camera", __file__]
    status, _, said = Program(*words).answer(AS_OPERATOR, (AS_OFFICER[0], "not the password")).end()
    assert (status, "name or password is wrong" in said) == (1, True), said
    status, _, said = Program("authority", "decide", "--officer", OFFICER, "--data", folder).answer(AS_OFFICER, GIVES).end()
    assert status == 0, said
    return folder


@pytest.fixture
def ready(permitted: Path, tmp_path: Path) -> Path:
    """A data directory whose deployment is authorised and has not run."""
    shutil.copytree(permitted, tmp_path / "data")
    return tmp_path / "data"


def records(data: Path, kind: str) -> list[dict[str, Any]]:
    with SqliteReader(data / RECORD_FILE) as reader:
        return [json.loads(one.body) for one in reader.records(kind)]


def verified(data: Path) -> bool:
    with keyring_of(data, "") as keyring:
        return verify_data(data, keyring=keyring).ok


@pytest.mark.requirement("R2", "R3", "R9", "R15")
def test_two_people_run_a_file_to_its_public_record(street: Path, data: Path, tmp_path: Path) -> None:
    doc = document(tmp_path / "doc", [WANTED], adjudicating_officer=ADJUDICATOR)
    program = Program(
        "lfr", "run", doc, "--data", data, "--camera", street, "--json", tmp_path / "run.json", "--alerts", "-",
        "--officer-password", "env:ADJUDICATOR_PASSWORD",
    )  # fmt: skip
    shown = program.answer(AS_OPERATOR, AS_OFFICER).until("Your decision:")
    assert all(words in shown for words in ("find-people-wanted", "1 people, 2 images", "notice-1", "photo-1", "Islington"))
    status, out, said = program.answer(("> ", "1"), ("answer it?", "leave it to others")).end()
    assert status == 0, said
    told = json.loads((tmp_path / "run.json").read_text())
    assert (told["state"], told["ended"], told["alerts"]["raised"]) == ("published", "its video is over", 1)
    assert told["counts"]["frames"] == 400
    assert told["counts"]["analysed"] + told["counts"]["dropped"] + told["counts"]["corrupt"] == 400
    assert told["faces_seen"] >= 3
    assert told["ledger"]["verified"]
    assert not list((data / "watchlists").iterdir())
    lines = [json.loads(line) for line in out.splitlines()]
    assert [line["state"] for line in lines] == ["raised", "lapsed"]  # nobody else could answer it
    assert not {"name", "reference", "person_id"} & set(lines[0])
    _reported(data, told, tmp_path)


def _reported(data: Path, told: dict[str, Any], tmp_path: Path) -> None:
    """The public record is read again from the folder, and nothing there changes by it."""
    before = {path: path.read_bytes() for path in data.rglob("*") if path.is_file()}
    page = tmp_path / "record.html"
    command = [sys.executable, "-m", "bowstreet", "lfr", "report", "--data", str(data), "--json", "-", "--report", str(page)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert {path: path.read_bytes() for path in data.rglob("*") if path.is_file() and path.suffix != ".db-shm"} == {
        path: data for path, data in before.items() if path.suffix != ".db-shm"
    }
    [one] = json.loads(done.stdout)["deployments"]
    record = one["record"]
    assert (one["sha256"], record["alerts"], record["people"]) == (told["public_record_sha256"], 1, None)
    assert record["rates"]["over_alerts"]["of"] == 1
    assert record["rates"]["over_faces"]["of"] == told["faces_seen"]
    assert one["checkpoint"]["size"] > one["entry"]
    text = page.read_text()
    assert "fewer than 5" in text.lower()
    assert "<svg" in text
    assert "http" not in re.sub(r"<pre>.*?</pre>", "", text)


@pytest.mark.requirement("R2", "R3")
def test_without_anothers_authority_nothing_is_looked_at(street: Path, data: Path, tmp_path: Path) -> None:
    doc = document(tmp_path / "doc", [WANTED])
    status, out, said = unattended(doc, data, "--camera", street, "--json", "-").end()
    assert (status, out) == (1, "")
    assert "bowstreet authority decide aut-" in said
    assert said.splitlines()[-1].startswith("bowstreet: dep-")
    [one] = records(data, "deployment")
    assert (one["state"], one["counts"]["frames"], one["started_at"]) == ("submitted", 0, None)
    # Whoever runs it does not authorise it, and another role cannot.
    for name in (OPERATOR, ADJUDICATOR):
        status, _, said = (
            Program("authority", "decide", "--officer", name, "--data", data)
            .answer(("Password of authorising officer", password(name)))
            .end()
        )
        assert status == 1, said
    status, _, said = Program("authority", "decide", "--officer", OFFICER, "--data", data).answer(AS_OFFICER, GIVES).end()
    assert status == 0, said
    status, out, said = unattended(doc, data, "--camera", street, "--json", "-").end()
    assert status == 0, said
    assert (json.loads(out)["deployment_id"], json.loads(out)["alerts"]["raised"]) == (one["deployment_id"], 1)


@pytest.mark.requirement("R11")
def test_an_officer_at_the_terminal_looks_and_decides(street: Path, data: Path, tmp_path: Path) -> None:
    doc = document(tmp_path / "doc", [WANTED], adjudicating_officer=ADJUDICATOR)
    program = Program("lfr", "run", doc, "--data", data, "--camera", street, "--json", "-")
    program.answer(AS_OPERATOR, AS_OFFICER, GIVES, ("Password of adjudicating officer", password(ADJUDICATOR)))
    program.answer(("answer it?", "1"))
    shown = program.until("What do you see?")
    assert shown.count("▀") > 1_000  # both pictures, on a screen of their own
    assert "\x1b[?1049h" in shown
    assert "A person must decide" in " ".join(shown.split())
    assert f"Synthetic {WANTED}" in shown
    os.write(program._ours, b"same-person\n")
    program.answer(("Your decision:", "1"), ("who was it?", "not known yet"), ("who was it?", "confirmed-true"))
    status, out, said = program.answer(("What came of it?", "no-action")).end()
    assert status == 0, said
    told = json.loads(out)
    assert (told["state"], told["alerts"]["by_state"]) == ("published", {"settled": 1})
    with keyring_of(data, "") as keyring, SqliteReader(data / RECORD_FILE) as reader:
        assert keyring is not None
        messages = [ledger.message_of(opened_row(row, keyring)) for row in reader.log_rows()]
    changes = [one.change for one in messages if isinstance(one, AlertChanged)]
    assert changes == ["claimed", "decided", "settled"]
    [viewed] = [one for one in messages if isinstance(one, AlertViewed)]
    assert viewed.role == "adjudicating-officer"
    [record] = records(data, "public-deployment")
    assert json.loads(record["text"])["not_established"] == 0


@pytest.mark.requirement("R11")
def test_an_officer_whose_session_ended_and_who_mistypes_goes_on(street: Path, data: Path, tmp_path: Path) -> None:
    """And whoever sees another person is not asked whether to walk up to them."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    doc = document(tmp_path / "doc", [WANTED], adjudicating_officer=ADJUDICATOR)
    program = Program("lfr", "run", doc, "--data", data, "--camera", street, "--port", str(port), "--json", "-")
    program.answer(AS_OPERATOR, AS_OFFICER, GIVES, ("Password of adjudicating officer", password(ADJUDICATOR)))
    program.answer(("answer it?", "1"), ("What do you see?", "not-the-same-person"))
    program.until("Your decision:")
    assert "walk up" not in program.until("> ")
    _end_other_sessions(f"http://127.0.0.1:{port}/api/v1")
    os.write(program._ours, b"do not\n")
    program.answer(("again: ", "not the password"), ("answer it?", "1"), ("again: ", password(ADJUDICATOR)))
    program.answer(("answer it?", "1"), ("What do you see?", "not-the-same-person"), ("Your decision:", "do not"))
    status, out, said = program.end()
    assert status == 0, said
    told = json.loads(out)
    assert (told["state"], told["alerts"]["by_state"]) == ("published", {"settled": 1})


def _end_other_sessions(api: str) -> None:
    """The adjudicating officer's, from a browser of theirs."""
    with httpx.Client(timeout=30) as browser:
        opened = browser.post(f"{api}/session", json={"name": ADJUDICATOR, "password": password(ADJUDICATOR)})
        browser.headers["X-Bowstreet-CSRF"] = opened.json()["csrf"]
        [other] = [one["session_id"] for one in browser.get(f"{api}/sessions").json() if not one["here"]]
        assert browser.post(f"{api}/sessions/{other}/end").status_code == 204


@pytest.mark.requirement("R9", "R11")
def test_a_program_that_listened_and_died_ends_nothing(street: Path, ready: Path, tmp_path: Path, document_of_all: Path) -> None:
    text = document_of_all.read_text().replace("[people]", f'[people]\nadjudicating_officer = "{ADJUDICATOR}"')
    doc = document_of_all.with_name("heard.toml")
    doc.write_text(text)
    words = ("--alerts", "-", "--officer-password", "env:ADJUDICATOR_PASSWORD", "--json", tmp_path / "run.json")
    program = unattended(doc, ready, "--camera", street, *words)
    assert program.process.stdout is not None
    program.process.stdout.close()
    shown = program.until("no more: Broken pipe; the deployment goes on")
    assert "raised" in shown + program.until("published")
    status, _, said = program.end()
    assert status == 0, said
    told = json.loads((tmp_path / "run.json").read_text())
    assert (told["state"], told["alerts"]["raised"], told["ledger"]["verified"]) == ("published", 1, True)


@pytest.mark.requirement("R2", "R6", "R16")
def test_refused_authority_leaves_a_plan(street: Path, data: Path, tmp_path: Path) -> None:
    """And who is under 18 is on the list only by the word of another than who listed them (R6)."""
    doc = document(tmp_path / "doc", [WANTED], under_18=True)
    program = Program("lfr", "run", doc, "--data", data, "--camera", street)
    program.answer(AS_OPERATOR, AS_OFFICER, ("on the list?", "approve"), ("Your decision:", "refuse it"), ("Why?", "2"))
    status, _, said = program.end()
    assert (status, "authority was refused" in said) == (1, True), said
    [one] = records(data, "deployment")
    assert (one["state"], one["counts"]["frames"]) == ("planned", 0)
    assert (one["manifest"]["to_review"], one["manifest"]["reviewed"]) == ([], 1)
    with keyring_of(data, "") as keyring, SqliteReader(data / RECORD_FILE) as reader:
        assert keyring is not None
        messages = [ledger.message_of(opened_row(row, keyring)) for row in reader.log_rows()]
    assert [one.what for one in messages if isinstance(one, Consulted)] == ["watchlist"]


@pytest.mark.requirement("R4")
def test_who_is_struck_off_the_file_is_taken_off_the_list(street: Path, data: Path, tmp_path: Path) -> None:
    doc = document(tmp_path / "doc", [WANTED, OTHER])
    refuse = (("Your decision:", "refuse it"), ("Why?", "2"))
    assert Program("lfr", "run", doc, "--data", data, "--camera", street).answer(AS_OPERATOR, AS_OFFICER, *refuse).end()[0] == 1
    csv = tmp_path / "doc" / "list.csv"
    csv.write_text("".join(line for line in csv.read_text().splitlines(keepends=True) if not line.startswith(OTHER)))
    program = Program("lfr", "run", doc, "--data", data, "--camera", street)
    program.answer(AS_OPERATOR).until("taken off the list")
    assert "1 people, 2 images" in program.answer(AS_OFFICER).until("Your decision:")
    assert program.answer(("> ", "2"), ("Why?", "2")).end()[0] == 1


def test_a_wrong_password_plans_nothing(street: Path, data: Path, tmp_path: Path) -> None:
    doc = document(tmp_path / "doc", [WANTED])
    program = Program("lfr", "run", doc, "--data", data, "--camera", street)
    status, _, said = program.answer(("Password of recognition operator", "no such password")).end()
    assert (status, "name or password is wrong" in said) == (1, True), said
    assert records(data, "deployment") == []


@pytest.mark.requirement("R9", "F7")
def test_killed_it_goes_on_when_it_is_run_again_and_its_list_is_destroyed(
    street: Path, ready: Path, document_of_all: Path
) -> None:
    doc, data = document_of_all, ready
    program = unattended(doc, data, "--camera", f"file+loop:{street}")
    program.until("is running")
    _alerted(data, program)
    program.kill()
    [before] = records(data, "deployment")
    assert before["state"] == "running"  # as it lay
    [kept] = (data / "watchlists").iterdir()
    status, out, said = unattended(doc, data, "--camera", street, "--json", "-").end()
    assert status == 0, said
    told = json.loads(out)
    assert told["deployment_id"] == before["deployment_id"]
    # What was raised before the kill is there still; the file is seen again from its start.
    assert told["counts"]["alerts"] + told["counts"]["repeated"] >= 2
    assert told["alerts"]["raised"] >= 1
    assert not kept.exists()
    assert told["list"]["destroyed_at"]
    assert verified(data)


def _alerted(data: Path, program: Program) -> None:
    for _ in range(400):
        if records(data, "deployment")[0]["state"] == "running" and _alerts(data):
            return
        time.sleep(0.2)
    raise AssertionError(f"no alert: {program.said}")


def _alerts(data: Path) -> int:
    with SqliteReader(data / RECORD_FILE) as reader:
        return sum(1 for _ in reader.records("alert"))


@pytest.mark.requirement("R9", "F7")
def test_what_was_killed_can_be_finished(street: Path, ready: Path, document_of_all: Path) -> None:
    doc, data = document_of_all, ready
    program = unattended(doc, data, "--camera", f"file+loop:{street}")
    _alerted(data, program)
    looking = workers(program)
    program.kill()
    assert looking
    asked = Program("lfr", "report", "--data", data, terminal=False)
    status, _, said = asked.end()
    assert (status, "no deployment has a public record" in said) == (1, True)
    finish = Program("lfr", "run", "--finish", "--operator", OPERATOR, "--data", data, "--json", "-")
    status, out, said = finish.answer(AS_OPERATOR).end()
    assert status == 0, said
    assert len(json.loads(out)["published"]) == 1
    assert not any(map(lives, looking))
    assert not list((data / "watchlists").iterdir())
    [one] = records(data, "deployment")
    assert (one["state"], one["counts"]["alerts"]) == ("published", 1)
    assert verified(data)


@pytest.mark.requirement("R2", "R16")
@pytest.mark.skipif(sys.platform != "linux", reason="another process's limits are set on Linux alone")
def test_the_loss_of_the_record_ends_it(street: Path, ready: Path, document_of_all: Path) -> None:
    """From one moment on the kernel lets none of the program's files grow: the disk is full."""
    doc, data = document_of_all, ready
    program = unattended(doc, data, "--camera", f"file+loop:{street}")
    _alerted(data, program)
    looking = workers(program)
    assert len(looking) == 1
    resource.prlimit(program.process.pid, resource.RLIMIT_FSIZE, (0, 0))
    status, _, said = program.end()
    assert (status, "the record cannot be written" in said) == (1, True), said
    assert not any(map(lives, looking))
    finish = Program("lfr", "run", "--finish", "--operator", OPERATOR, "--data", data).answer(AS_OPERATOR)
    status, _, said = finish.end()
    assert status == 0, said
    assert not list((data / "watchlists").iterdir())
    assert verified(data)


def workers(program: Program) -> list[int]:
    """That look at cameras for it."""
    command = ["pgrep", "-P", str(program.process.pid), "-f", "bowstreet.video.fixed_worker"]
    return [int(one) for one in subprocess.run(command, capture_output=True, text=True, check=False).stdout.split()]


def lives(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists() and "fixed_worker" in Path(f"/proc/{pid}/cmdline").read_text()


@pytest.mark.requirement("R2", "R9")
def test_a_stream_over_rtsp_until_somebody_has_seen_enough(ready: Path, document_of_all: Path, tmp_path: Path) -> None:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    doc, data = document_of_all, ready
    program = unattended(doc, data, "--camera", f"north=rtsp+listen://127.0.0.1:{port}/north", "--json", "-")
    program.until("is running")
    camera = _sending(port)
    try:
        _alerted(data, program)
        looking = workers(program)
        program.interrupt()
        status, out, said = program.end()
    finally:
        camera.kill()
        camera.wait()
    assert status == 0, said
    told = json.loads(out)
    assert (told["state"], told["ended"], told["alerts"]["raised"]) == ("published", "a person ended it at the terminal", 1)
    assert not list((data / "watchlists").iterdir())
    assert not any(map(lives, looking))


def _sending(port: int) -> "subprocess.Popen[bytes]":
    """A camera that sends as soon as it is let."""
    command = [
        sys.executable,
        "-m",
        "bowstreet.simulation.street_cameras",
        "--to",
        f"rtsp://127.0.0.1:{port}/north",
        "--every",
        "2.5",
    ]
    for _ in range(60):
        camera = subprocess.Popen([*command, "--seed", "2"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            camera.wait(5)
        except subprocess.TimeoutExpired:
            return camera
    raise AssertionError("nobody listens")


@pytest.mark.requirement("R2")
def test_it_ends_by_itself_when_its_time_is_over(street: Path, ready: Path, document_of_all: Path) -> None:
    doc, data = document_of_all, ready
    status, out, said = unattended(doc, data, "--camera", f"file+loop:{street}", "--for", "6", "--pause", "--json", "-").end()
    assert status == 0, said
    assert (json.loads(out)["state"], json.loads(out)["ended"]) == ("stopped", "the time that was given is over")
    assert len(list((data / "watchlists").iterdir())) == 1  # sealed, until it is run again
    status, out, said = unattended(doc, data, "--camera", f"file+loop:{street}", "--for", "3", "--json", "-").end()
    assert (status, json.loads(out)["state"]) == (0, "published"), said
    assert not list((data / "watchlists").iterdir())


def test_what_is_no_video_is_told_and_its_list_destroyed(ready: Path, document_of_all: Path, tmp_path: Path) -> None:
    doc, data = document_of_all, ready
    rubbish = tmp_path / "rubbish.mp4"
    rubbish.write_bytes(os.urandom(100_000))
    status, out, said = unattended(doc, data, "--camera", rubbish, "--json", "-").end()
    assert (status, "its video cannot be read" in said) == (1, True), said
    assert json.loads(out)["state"] == "published"
    assert not list((data / "watchlists").iterdir())


@pytest.mark.requirement("R2", "R9")
def test_before_its_window_it_waits_and_can_be_given_up(street: Path, data: Path, tmp_path: Path) -> None:
    doc = document(tmp_path / "doc", [WANTED], opens_in_s=3_600.0)
    program = Program("lfr", "run", doc, "--data", data, "--camera", street).answer(AS_OPERATOR, AS_OFFICER, GIVES)
    program.until("waiting for the window")
    program.interrupt()
    status, _, said = program.end()
    assert (status, "it has not begun" in said) == (1, True), said
    [one] = records(data, "deployment")
    assert (one["state"], one["counts"]["frames"]) == ("submitted", 0)
    status, _, said = Program("lfr", "run", doc, "--finish", "--data", data).answer(AS_OPERATOR).end()
    assert status == 0, said
    assert not list((data / "watchlists").iterdir())
    [one] = records(data, "deployment")
    assert (one["state"], one["why"]) == ("published", "given up by a person")


@pytest.mark.requirement("R15")
def test_the_console_beside_it_shows_the_public_what_runs(street: Path, ready: Path, document_of_all: Path) -> None:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    program = unattended(document_of_all, ready, "--camera", f"file+loop:{street}", "--port", str(port), "--json", "-")
    shown = program.until("is running")
    assert f"http://127.0.0.1:{port}" in shown
    page = httpx.get(f"http://127.0.0.1:{port}/public/recognition", timeout=30).text
    assert "Islington" in page
    assert "Test Police" in page
    _alerted(ready, program)
    program.interrupt()
    program.until("waiting for officers to answer 1 alerts")
    program.interrupt()
    status, out, said = program.end()
    assert status == 0, said
    assert json.loads(out)["alerts"]["by_state"] == {"lapsed": 1}
