"""The disk is full while drones fly. See disk_full.md."""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.scenario.figures import measured
from tests.scenario.record import records

resource = pytest.importorskip("resource", reason="a limit on the size of files is set from outside")

SPEED = 10.0
# The second call comes while nothing can be written.
CALLS = """id,reported_at,latitude,longitude,grade,category
a,2026-11-01T20:00:00+00:00,51.5400,-0.1050,I,robbery
b,2026-11-01T20:01:10+00:00,51.5500,-0.1100,I,burglary
"""
FULL_REAL_S = 8.0


def _events(folder: Path) -> list[dict[str, Any]]:
    """What the drones' own program wrote down: it goes on writing."""
    try:
        port = json.loads((folder / "data/fleet.json").read_bytes())["control_port"]
        return asyncio.run(_ask(port))
    except (OSError, ValueError):
        return []


async def _ask(port: int) -> list[dict[str, Any]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 26)
    writer.write(b'{"op": "log"}\n')
    answer: dict[str, Any] = json.loads(await reader.readline())
    writer.close()
    return list(answer["events"])


def _take_offs(folder: Path) -> list[str]:
    return [one["name"] for one in _events(folder) if one["event"] == "takeoff"]


def _until(what: str, is_so: Callable[[], Any], limit_s: float) -> None:
    give_up_s = time.monotonic() + limit_s
    while not is_so():
        assert time.monotonic() < give_up_s, f"not in {limit_s:g} s: {what}"
        time.sleep(0.1)


@pytest.mark.live
@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="only Linux limits another process")
@pytest.mark.requirement("F10", "F14", "P1", "P3")
def test_a_disk_that_is_full_for_a_while(tmp_path: Path) -> None:
    (tmp_path / "calls.csv").write_text(CALLS)
    words = f"up --demo --headless --speed {SPEED} --calls calls.csv --data data --json out.json --for 20"
    program = subprocess.Popen(
        [sys.executable, "-m", "bowstreet", *words.split()], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    try:
        _until("a drone takes off", lambda: _take_offs(tmp_path), 60)
        time.sleep(2.0)
        limits = resource.prlimit(program.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(program.pid, resource.RLIMIT_FSIZE, (1, limits[1]))  # no byte can be written any more
        time.sleep(FULL_REAL_S)
        assert len(_take_offs(tmp_path)) == 1, "nothing is launched that cannot be recorded"
        assert program.poll() is None
        resource.prlimit(program.pid, resource.RLIMIT_FSIZE, limits)
        said, _ = program.communicate(timeout=240)
    finally:
        program.kill()
    assert program.returncode == 0, said.decode()[-4000:]
    figures = json.loads((tmp_path / "out.json").read_text())
    assert figures["ledger"]["verified"] is True
    assert figures["flights"]["not_returned"] == 0

    first, *others = sorted(records(tmp_path / "data", "mission"), key=lambda one: str(one["authorised_at"]))
    assert first["phase"] == "done"
    assert first["return_reason"]["code"] == "no-record", "it came home, and that is on record"
    assert first["landed_at"] is not None
    assert others, "launches go on"
    assert all(one["phase"] == "done" for one in others)
    incidents = records(tmp_path / "data", "incident")
    assert sorted(one["caller_references"][0][-1] for one in incidents) == ["a", "b"], "no call is lost"
    assert all(one["eyes_on_at"] is not None for one in incidents)
    assert "cannot be recorded" in said.decode(), "people are told"
    measured("F10", what=f"disk full for {FULL_REAL_S * SPEED:g} s", **{"launched meanwhile": 0, "calls lost": 0, "not home": 0})
