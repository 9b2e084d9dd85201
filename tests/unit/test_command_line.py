"""The command line: what cannot be done is said in one line that says what to do, with the exit status promised for it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from bowstreet.cli import main


@pytest.fixture(autouse=True)
def logs_of_its_own() -> Iterator[None]:
    """A command sets up logs to the standard error of its test; the next test has another."""
    yield
    structlog.reset_defaults()


@pytest.mark.parametrize(
    ("words", "status"),
    [
        ("up --demo --headless --calls {rubbish}", 2),
        ("up --demo --headless --calls {folder}/none.csv", 2),
        ("up --config {rubbish}", 2),
        ("up --config {folder}/none.toml", 2),
        ("up --demo --headless --data {rubbish}", 1),
        ("simulate --calls {rubbish} --json -", 2),
        ("simulate --demand nowhere --json -", 2),
        ("audit verify {folder}/none", 2),
        ("audit verify {rubbish}", 1),
        ("audit export --data {folder} --out {folder}/x", 2),
        ("audit verify {bundle}", 1),
        ("audit verify {bundle} --key nonsense", 2),
        ("audit witness --name w --log nonsense --data {folder}/w", 2),
        ("airspace check {rubbish}", 2),
    ],
)
def test_one_line_that_says_what_to_do(words: str, status: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "rubbish").write_bytes(b"\xff\xfe\x00 rubbish")
    (tmp_path / "bundle").write_bytes(b'{"bundle":1}\n')
    (tmp_path / "data").mkdir()
    filled = words.format(folder=tmp_path, rubbish=tmp_path / "rubbish", bundle=tmp_path / "bundle")
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
    "words", ["", "up", "simulate", "audit verify", "audit export", "audit witness", "doctor", "airspace check"]
)
def test_help_has_an_example(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*words.split(), "--help"])
    assert ended.value.code == 0
    assert "example" in capsys.readouterr().out
