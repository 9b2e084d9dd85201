"""The command line: what cannot be done is said in one line that says what to do, with the exit status promised for it."""

import argparse
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.fuzz.fuzz_deployment_file import WHOLE as DEPLOYMENT

from bowstreet.cli import _parser, main
from bowstreet.console.settings import EdgeSettings

EXAMPLE = Path(__file__).parents[2] / "deploy/city.example.toml"


@pytest.mark.parametrize(
    ("words", "status"),
    [
        ("up --demo --headless --calls {rubbish}", 2),
        ("up --demo --headless --calls {folder}/none.csv", 2),
        ("up --config {rubbish}", 2),
        ("up --config {folder}/none.toml", 2),
        ("up --demo --headless --data {rubbish}", 1),
        ("up --demo --headless --json {folder}/none/out.json", 2),
        ("up --config {city} --speed 5", 2),
        ("up --config {city} --drones 3", 2),
        ("simulate --demand immediate-2014 --report {folder}/none/week.html", 2),
        ("simulate --demand immediate-2014 --json {folder}", 2),
        ("simulate --calls {rubbish} --json -", 2),
        ("simulate --demand nowhere --json -", 2),
        ("audit verify {folder}/none", 2),
        ("audit verify {rubbish}", 1),
        ("audit export --data {folder} --out {folder}/x", 2),
        ("audit verify {bundle}", 1),
        ("audit verify {bundle} --key nonsense", 2),
        ("audit witness --name w --log nonsense --data {folder}/w", 2),
        ("airspace check {rubbish}", 2),
        ("lfr run", 2),
        ("lfr run {rubbish}", 2),
        ("lfr run {folder}/none.toml", 2),
        ("lfr run {deployment}", 2),
        ("lfr run {deployment} --json - --alerts -", 2),
        ("lfr run {deployment} --json {folder}/none/out.json", 2),
        ("lfr run {deployment} --config {rubbish}", 2),
        ("lfr run --finish --data {folder}/new --config {rubbish}", 2),
        ("lfr report --data {folder}/none", 2),
        ("lfr report --data {rubbish}", 2),
        ("authority decide --officer Somebody --data {folder}/new", 2),
        ("authority decide aut-1 --officer Somebody --data {folder}/new", 2),
        ("authority account Somebody --role supervisor --data {folder}/new", 1),
        ("authority account Somebody --role viewer --data {folder}/new", 1),
    ],
)
def test_one_line_that_says_what_to_do(words: str, status: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "rubbish").write_bytes(b"\xff\xfe\x00 rubbish")
    (tmp_path / "bundle").write_bytes(b'{"bundle":1}\n')
    (tmp_path / "data").mkdir()
    (tmp_path / "market.toml").write_bytes(DEPLOYMENT)  # what it names is not beside it
    filled = words.format(
        folder=tmp_path, rubbish=tmp_path / "rubbish", bundle=tmp_path / "bundle", city=EXAMPLE,
        deployment=tmp_path / "market.toml",
    )  # fmt: skip
    assert main(filled.split()) == status
    said = capsys.readouterr()
    lines = (said.err or said.out).strip().splitlines()
    assert len(lines) == 1
    assert "Traceback" not in lines[0]


@pytest.mark.parametrize("words", ["", "nonsense", "up --speed 0 --demo", "up --demo paris", "simulate", "audit", "up --port x"])
def test_a_wrong_word_is_exit_status_two(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words.split())
    assert ended.value.code == 2
    assert "--help" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        "",
        "up",
        "simulate",
        "audit verify",
        "audit export",
        "audit witness",
        "doctor",
        "airspace check",
        "lfr",
        "lfr run",
        "lfr report",
        "authority account",
        "authority decide",
    ],
)
def test_help_has_an_example(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*words.split(), "--help"])
    assert ended.value.code == 0
    assert "example" in capsys.readouterr().out


def test_the_doctor_reads_a_configuration_as_an_operation_would(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = tmp_path / "good.toml"
    good.write_text(EXAMPLE.read_text().replace("operating-volume", str(EXAMPLE.parent / "operating-volume")))
    bad = tmp_path / "bad.toml"
    bad.write_text(EXAMPLE.read_text())  # the zones that it names are not beside it
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        good.write_text(good.read_text().replace("port = 8700", f"port = {port}"))
        assert main(["doctor", "--config", str(good), "--data", str(tmp_path / "data")]) == 1
        said = capsys.readouterr().out
        assert "ok    configuration: 1 vehicles, 1 docks, 1 files of zones" in said
        assert f"FAIL  port: cannot listen on 127.0.0.1 port {port}" in said
    assert main(["doctor", "--config", str(bad), "--data", str(tmp_path / "data")]) == 1
    assert "operating-volume.example.geojson cannot be read" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("settings", "address"),
    [
        (EdgeSettings(), "http://127.0.0.1:8700"),
        (EdgeSettings(host="::1"), "http://[::1]:8700"),
        (EdgeSettings(host="0.0.0.0"), "http://127.0.0.1:8700"),
        (EdgeSettings(https=True, hosts=frozenset({"drones.example"})), "https://drones.example"),
        (
            EdgeSettings(certificate=Path("c"), private_key=Path("k"), hosts=frozenset({"drones.example"})),
            "https://drones.example:8700",
        ),
    ],
)
def test_the_address_that_is_printed_is_the_one_people_reach(settings: EdgeSettings, address: str) -> None:
    assert settings.address(8700) == address


def commands_of(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """Every command that does something, with its verbs."""
    below = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    for action in below:
        for one in action.choices.values():
            yield from commands_of(one)
    if not below:
        yield parser


def test_every_command_is_there_when_it_is_called() -> None:
    """Their modules are imported late, so nothing else would miss one that was renamed."""
    found = [one.get_default("run") for one in commands_of(_parser())]
    assert len(found) > 15
    assert all(callable(one.load()) for one in found)
