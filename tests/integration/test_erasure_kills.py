"""kill -9 at each step of an erasure: the next start finishes exactly what was begun, and every proof stands."""

import asyncio
from datetime import timedelta
from pathlib import Path

from tests.killing import killed_everywhere
from tests.unit.intake_world import NOW
from tests.unit.retention_world import MONTH, WORDS, World

from bowstreet.accountability.audit import keyring_of, verify_data
from bowstreet.accountability.retention.model import Step
from bowstreet.messages import Erased, ErasureOrdered


async def _entries(world: World, kind: type) -> int:
    return sum([f'"kind":"{kind.__name__}"'.encode() in row.entry async for row in world.store.log_rows()])


async def test_killed_at_each_step(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    world = await World(folder).started()
    doomed = [await world.closed(number) for number in range(3)]
    world.clock.advance_to(NOW + timedelta(days=3))
    kept = await world.closed(8, "another matter")
    await world.close()
    left = await asyncio.to_thread(killed_everywhere, "tests.unit.retention_world:erasing", folder, tmp_path / "kills")
    begun = [await _begun_then_finished(one.folder, doomed, kept) for one in left]
    assert set(begun) == {0, 3}, "some die between the order and the receipt"


async def _begun_then_finished(folder: Path, doomed: list[str], kept: str) -> int:
    """How many were ordered and had no receipt when the next start found them."""
    again = await World(folder, at=NOW + MONTH + timedelta(hours=1), seed=3).started()
    begun, done = (len(again.retention.erasures.in_states(step)) for step in (Step.ORDERED, Step.DONE))
    finished = await again.retention.work()
    assert finished == 3 - done
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
    return begun
