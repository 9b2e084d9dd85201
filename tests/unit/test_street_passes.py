"""The simulated street tells who has walked past, once each, for whoever notes a volunteer's pass."""

from pathlib import Path

import pytest

from bowstreet.simulation.pavement.cutout import people
from bowstreet.simulation.pavement.walk import Walk
from bowstreet.simulation.street_cameras import main

SEED, SECONDS, RATE_HZ, EVERY_S = 3, 16.0, 2.0, 2.0


def asked(folder: Path) -> list[str]:
    """For long enough that somebody has walked past."""
    how = ["--seconds", str(SECONDS), "--rate", str(RATE_HZ), "--every", str(EVERY_S), "--seed", str(SEED)]
    return ["--to", f"file:{folder / 'street.ts'}", *how]


@pytest.mark.requirement("R14")
def test_everybody_who_has_walked_past_is_told_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*asked(tmp_path), "--tell-passes"]) == 0
    last_s = SECONDS - 1.0 / RATE_HZ
    gone = [one for one in Walk(people(), SEED, EVERY_S).passes(SECONDS) if one.ends_s <= last_s]
    assert gone
    assert sorted(capsys.readouterr().out.split()) == sorted(one.person_id for one in gone)


def test_nobody_is_told_of_unless_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(asked(tmp_path)) == 0
    assert capsys.readouterr().out == ""
