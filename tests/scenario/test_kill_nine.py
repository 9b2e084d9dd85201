"""kill -9 at random moments of a live run. See kill_nine.md."""

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.scenario.figures import measured
from tests.scenario.record import records

KILLS = int(os.environ.get("BOWSTREET_KILLS", "8"))
SPEED, EVERY_S = 10.0, 40.0
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


class Witness:
    """What the drones themselves say that they did: the simulated fleet is another program, and is not killed."""

    def __init__(self, folder: Path) -> None:
        self._note = folder / "data" / "fleet.json"
        self.events: list[dict[str, Any]] = []

    def look(self) -> None:
        """Read what is new. Nothing, while no fleet flies."""
        try:
            port = json.loads(self._note.read_bytes())["control_port"]
            answer = asyncio.run(self._ask(port))
        except (OSError, ValueError):
            return
        self.events += answer["events"]

    async def _ask(self, port: int) -> dict[str, Any]:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 26)
        writer.write(json.dumps({"op": "log", "since": len(self.events)}).encode() + b"\n")
        answer: dict[str, Any] = json.loads(await reader.readline())
        writer.close()
        return answer

    def flights(self) -> Counter[str]:
        """How often each drone took off."""
        return Counter(one["name"] for one in self.events if one["event"] == "takeoff")

    def aloft(self) -> set[str]:
        last = {one["name"]: one["event"] for one in self.events if one["event"] in ("takeoff", "landed")}
        return {name for name, event in last.items() if event == "takeoff"}


@pytest.mark.live
@pytest.mark.requirement("P1", "P2", "P3", "F7")
def test_nothing_is_lost_and_nothing_flies_twice(tmp_path: Path) -> None:
    rng = random.Random(SEED)
    lifetimes = [rng.uniform(0.5, 6.0) for _ in range(KILLS)]
    names = _calls(tmp_path / "calls.csv", count=int(sum(lifetimes) * SPEED / EVERY_S) + 5, every_s=EVERY_S, rng=rng)
    witness = Witness(tmp_path)
    in_the_air = 0
    for lifetime in lifetimes:
        process = _start(tmp_path)
        time.sleep(lifetime)
        assert process.poll() is None, (tmp_path / "log.txt").read_text()[-4000:]
        process.send_signal(signal.SIGKILL)
        process.wait()
        witness.look()
        in_the_air += bool(witness.aloft())
    # On a busy machine the killed ones may have come to no call at all: the last has time for each, and to bring all home.
    last_s = len(names) * EVERY_S / SPEED + 40.0
    last = _start(tmp_path, "--for", f"{last_s:.0f}", "--json", str(tmp_path / "out.json"))
    try:
        give_up_s = time.monotonic() + last_s + 240
        while (status := last.poll()) is None and time.monotonic() < give_up_s:
            witness.look()
            time.sleep(0.5)
    finally:
        last.kill()
    log = (tmp_path / "log.txt").read_text()[-6000:]
    assert status == 0, log
    figures = json.loads((tmp_path / "out.json").read_text())
    assert figures["ledger"]["verified"] is True
    assert figures["flights"]["not_returned"] == 0

    incidents = records(tmp_path / "data", "incident")
    kept = {reference for incident in incidents for reference in incident["caller_references"]}
    assert {name for name in names if not any(name in reference for reference in kept)} == set(), "incidents were lost"

    missions = records(tmp_path / "data", "mission")
    assert all(mission["phase"] in {"done", "aborted"} for mission in missions), [mission["phase"] for mission in missions]
    flown = [mission for mission in missions if mission["took_off_at"] is not None]
    seen_by: dict[object, list[dict[str, object]]] = {}
    for mission in flown:
        seen_by.setdefault(mission["incident_id"], []).append(mission)
    for incident_id, flights in seen_by.items():
        assert sum(flight["eyes_on_at"] is not None for flight in flights) <= 1, f"{incident_id} was flown twice"
    took_off = Counter(str(mission["vehicle_id"]) for mission in flown)
    # A drone may leave as the program dies and be back, by its own failsafe, before it is started again: that is said to be uncertain.
    uncertain = Counter(str(one["vehicle_id"]) for one in missions if (one["return_reason"] or {}).get("code") == "uncertain")
    assert took_off <= witness.flights() <= took_off + uncertain, "the record and the drones' own word on who flew differ"
    assert witness.aloft() == set()
    measured(
        "F7",
        kills=KILLS,
        kills_with_drones_in_the_air=in_the_air,
        calls=len(names),
        incidents_lost=0,
        flights=len(flown),
        flown_twice=0,
        not_returned=figures["flights"]["not_returned"],
        ledger_entries=figures["ledger"]["entries"],
        ledger_verified=figures["ledger"]["verified"],
    )
