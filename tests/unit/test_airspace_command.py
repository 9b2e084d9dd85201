"""`bowstreet airspace check`: what an operation would take from a file, before it takes it."""

import json
from pathlib import Path

import pytest

from bowstreet.cli import main

GOOD = "AC R\nAN EGR157 HYDE PARK\nAL SFC\nAH 1400ft AMSL\nV X=51:30:23 N 000:09:15 W\nDC 1\n"


def test_what_is_understood_is_written_as_ed_318_and_read_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, target = tmp_path / "zones.txt", tmp_path / "zones.json"
    source.write_text(GOOD)
    assert main(["airspace", "check", str(source), "--out", str(target)]) == 0
    assert "1 zones, 0 not understood" in capsys.readouterr().out
    assert main(["airspace", "check", str(target), "--json", "-"]) == 0
    (told,) = json.loads(capsys.readouterr().out)["files"]
    assert told["zones"] == [{"zone_id": "EGR157", "name": "EGR157 HYDE PARK", "restriction": "REQ_AUTHORISATION"}]


def test_what_is_not_understood_is_named_with_its_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "zones.txt"
    source.write_text(GOOD + "AC R\nAN BAD\nAL high\n")
    assert main(["airspace", "check", str(source)]) == 1
    assert "line 9 (BAD): the height 'high' is not understood; write such as" in capsys.readouterr().out


def test_no_zone_file_is_one_line_and_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "zones.txt"
    source.write_text("hello")
    assert main(["airspace", "check", str(source)]) == 2
    assert capsys.readouterr().err.count("\n") == 1
