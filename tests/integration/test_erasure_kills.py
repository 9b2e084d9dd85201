"""kill -9 at each step of an erasure: the next start finishes exactly what was begun, and every proof stands."""

import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from tests.unit.intake_world import NOW
from tests.unit.retention_world import MONTH, STEPS, WORDS, World

from bowstreet.accountability.audit import keyring_of, verify_data
from bowstreet.accountability.retention.model import Step
from bowstreet.messages import Erased, ErasureOrdered

ROOT = Path(__file__).parents[2]


async def _entries(world: World, kind: type) -> int:
    return sum([f'"kind":"{kind.__name__}"'.encode() in row.entry async for row in world.store.log_rows()])


@pytest.mark.parametrize("step", STEPS)
async def test_killed_at_each_step(tmp_path: Path, step: str) -> None:
    folder = tmp_path / "data"
    world = await World(folder).started()
    doomed = [await world.closed(number) for number in range(3)]
    world.clock.advance_to(NOW + timedelta(days=3))
    kept = await world.closed(8, "another matter")
    await world.close()

    died = subprocess.run(
        [sys.executable, "-m", "tests.unit.retention_world", str(folder), step],
        cwd=ROOT,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert died.returncode == -9, died.stdout.decode() + died.stderr.decode()

    again = await World(folder, at=NOW + MONTH + timedelta(hours=1), seed=3).started()
    begun = len(again.retention.erasures.in_states(Step.ORDERED))
    assert begun == (0 if step in ("before-order", "after-receipt") else 3)
    finished = await again.retention.work()
    assert finished == (0 if step == "after-receipt" else 3)
    assert await again.retention.work() == 0
    receipts = again.retention.erasures.all()
    assert sorted(one.subject_id for one in receipts) == sorted(doomed)
    assert {one.step for one in receipts} == {Step.DONE}
    assert (await _entries(again, ErasureOrdered), await _entries(again, Erased)) == (3, 3)
    assert [await again.store.get("incident", one) for one in doomed] == [None] * 3
    assert await again.store.get("incident", kept) is not None
    assert not again.contains(WORDS)
    await again.close()
    with keyring_of(folder, "") as keyring:
        found = verify_data(folder, keyring=keyring)
    assert found.ok, found.says()
