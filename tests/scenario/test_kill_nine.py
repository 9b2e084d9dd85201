"""kill -9 at random moments of a live run. See kill_nine.md."""

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

KILLS = int(os.environ.get("BOWSTREET_KILLS", "8"))
SPEED = 10.0
SEED = int(os.environ.get("BOWSTREET_KILL_SEED", "20261123"))

# Corners of a rectangle inside Islington, degrees WGS 84.
SOUTH, NORTH, WEST, EAST = 51.530, 51.560, -0.120, -0.098


def _calls(path: Path, count: int, every_s: float, rng: random.Random) -> list[str]:
    start = datetime(2026, 11, 1, 20, 0, tzinfo=UTC)
    rows = ["id,reported_at,latitude,longitude,grade,category"]
    names = []
    for number in range(count):
        name = f"call-{number}"
        at = (start + timedelta(seconds=number * every_s)).isoformat()
        rows.append(f"{name},{at},{rng.uniform(SOUTH, NORTH):.6f},{rng.uniform(WEST, EAST):.6f},{rng.choice('IS')},burglary")
        names.append(name)
    path.write_text("\n".join(rows) + "\n")
    return names


def _start(folder: Path, *more: str) -> subprocess.Popen[bytes]:
    words = [
        sys.executable,
        "-m",
        "bowstreet",
        "up",
        "--demo",
        "--headless",
        "--speed",
        str(SPEED),
        "--data",
        str(folder / "data"),
    ]
    with (folder / "log.txt").open("ab") as log:
        return subprocess.Popen([*words, "--calls", str(folder / "calls.csv"), *more], stdout=log, stderr=log, cwd=folder)


def _records(folder: Path, kind: str) -> list[dict[str, object]]:
    with sqlite3.connect(f"file:{folder / 'data' / 'record.db'}?mode=ro", uri=True) as database:
        return [json.loads(body) for (body,) in database.execute("SELECT body FROM records WHERE kind = ? ORDER BY id", (kind,))]


@pytest.mark.live
@pytest.mark.requirement("P1", "P2", "P3", "F7")
def test_nothing_is_lost_and_nothing_flies_twice(tmp_path: Path) -> None:
    rng = random.Random(SEED)
    lifetimes = [rng.uniform(1.5, 6.0) for _ in range(KILLS)]
    names = _calls(tmp_path / "calls.csv", count=int(sum(lifetimes) * SPEED / 40) + 5, every_s=40.0, rng=rng)
    for lifetime in lifetimes:
        process = _start(tmp_path)
        time.sleep(lifetime)
        assert process.poll() is None, (tmp_path / "log.txt").read_text()[-4000:]
        process.send_signal(signal.SIGKILL)
        process.wait()
    last = _start(tmp_path, "--for", "60", "--json", str(tmp_path / "out.json"))
    try:
        status = last.wait(timeout=300)
    finally:
        last.kill()
    log = (tmp_path / "log.txt").read_text()[-6000:]
    assert status == 0, log
    figures = json.loads((tmp_path / "out.json").read_text())
    assert figures["ledger"]["verified"] is True
    assert figures["flights"]["not_returned"] == 0

    incidents = _records(tmp_path, "incident")
    kept = {reference for incident in incidents for reference in incident["caller_references"]}
    assert {name for name in names if not any(name in reference for reference in kept)} == set(), "incidents were lost"

    missions = _records(tmp_path, "mission")
    assert all(mission["phase"] in {"done", "aborted"} for mission in missions), [mission["phase"] for mission in missions]
    flown = [mission for mission in missions if mission["took_off_at"] is not None]
    seen_by: dict[object, list[dict[str, object]]] = {}
    for mission in flown:
        seen_by.setdefault(mission["incident_id"], []).append(mission)
    for incident_id, flights in seen_by.items():
        assert sum(flight["eyes_on_at"] is not None for flight in flights) <= 1, f"{incident_id} was flown twice"
    commands = _records(tmp_path, "command")
    again = [key for key, times in Counter(command["command_id"] for command in commands).items() if times > 1]
    assert again == []
