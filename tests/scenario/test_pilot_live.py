"""The whole program, live, over real MAVLink. See pilot_live.md."""

import json
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.scenario.record import records

from bowstreet.flight.legs import is_level
from bowstreet.flight.model import Telemetry

CALLS = """id,reported_at,latitude,longitude,grade,category
a,2026-11-01T20:00:00+00:00,51.5400,-0.1050,I,robbery
b,2026-11-01T20:00:20+00:00,51.5401,-0.1051,I,robbery
c,2026-11-01T20:00:40+00:00,51.5500,-0.1100,S,burglary
d,2026-11-01T20:00:50+00:00,0,0,I,assault
"""
SPEED = "6"


def _bowstreet(*words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bowstreet", *words], cwd=folder, capture_output=True, text=True, timeout=280, check=False
    )


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("pilot")
    (folder / "calls.csv").write_text(CALLS)
    words = f"up --demo --headless --speed {SPEED} --for 25 --calls calls.csv --data data --json out.json"
    done = _bowstreet(*words.split(), folder=folder)
    assert done.returncode == 0, done.stderr[-4000:]
    return folder, json.loads((folder / "out.json").read_text())


@pytest.mark.live
@pytest.mark.requirement("D1", "D5", "P3", "P4", "F8")
def test_calls_are_served_and_everybody_comes_home(ran: tuple[Path, dict[str, Any]]) -> None:
    folder, said = ran
    assert said["calls"] == {"received": 4, "incidents": 2, "duplicates": 1, "quarantined": 1}
    assert said["flights"]["launched"] == said["flights"]["arrived"] == said["flights"]["returned"] == 2
    assert said["flights"]["not_returned"] == 0
    assert said["ledger"]["verified"] is True
    assert 30 < said["call_to_eyes_s"]["p50"] < 180

    [held] = records(folder / "data", "quarantine")
    assert held["line"] == 5
    assert "0, 0" in held["reason"]
    incidents = {incident["incident_id"]: incident for incident in records(folder / "data", "incident")}
    for mission in records(folder / "data", "mission"):
        assert mission["purpose"] == "999-response"
        assert mission["incident_id"] in incidents
        assert mission["reasons"]
        assert mission["phase"] == "done"
    audit = _bowstreet("audit", "verify", "data", "--json", "-", folder=folder)
    assert audit.returncode == 0, audit.stdout
    assert json.loads(audit.stdout)["reconciled"] == {"mission": 2, "incident": 2}


@pytest.mark.live
@pytest.mark.requirement("D2")
def test_camera_is_level_in_transit(ran: tuple[Path, dict[str, Any]]) -> None:
    folder, _ = ran
    with sqlite3.connect(f"file:{folder / 'data/telemetry.db'}?mode=ro", uri=True) as database:
        rows = [row for (row,) in database.execute("SELECT row FROM telemetry")]
    heard = [msgspec.msgpack.decode(row, type=Telemetry) for row in rows]
    looked_down = 0
    for mission in records(folder / "data", "mission"):
        eyes_on = datetime.fromisoformat(mission["eyes_on_at"]).astimezone(UTC)
        took_off = datetime.fromisoformat(mission["took_off_at"]).astimezone(UTC)
        for telemetry in heard:
            if telemetry.vehicle_id == mission["vehicle_id"] and took_off <= telemetry.at < eyes_on:
                # A camera on servos tells its angle to the airframe, and the airframe its own in another packet: while the
                # drone brakes their sum is off by what it pitched between the two. The same bound as the check before take-off.
                assert is_level(telemetry)
            looked_down += telemetry.vehicle_id == mission["vehicle_id"] and telemetry.gimbal_pitch_deg < -20.0
    assert looked_down > 0


@pytest.mark.live
@pytest.mark.requirement("F14")
def test_an_edited_record_is_found(ran: tuple[Path, dict[str, Any]]) -> None:
    folder, said = ran
    index = said["ledger"]["entries"] // 2
    with sqlite3.connect(folder / "data/record.db") as database:
        (entry,) = database.execute("SELECT entry FROM log WHERE idx = ?", (index,)).fetchone()
        changed = bytes(entry[:-3]) + bytes([entry[-3] ^ 1]) + bytes(entry[-2:])
        database.execute("UPDATE log SET entry = ? WHERE idx = ?", (changed, index))
    audit = _bowstreet("audit", "verify", "data", folder=folder)
    assert audit.returncode == 1
    assert f"entry {index}" in audit.stdout
