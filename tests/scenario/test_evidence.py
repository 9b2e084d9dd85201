"""Footage that is evidence: kept by a hold, given out under authority, verified by somebody else; and gone when its time is. See
evidence.md."""

from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

import pytest
from tests.unit.evidence_world import World, as_file, flipped

from bowstreet.accountability.authority.model import Ground, UseCase
from bowstreet.accountability.ledger import message_of, read_entry
from bowstreet.accountability.processing.model import Processing
from bowstreet.accountability.processing.rules import line
from bowstreet.accountability.retention.rules import parse_table
from bowstreet.accountability.retention.service import Retention, shipped_table
from bowstreet.errors import NotFound, Refused
from bowstreet.runtime.ids import RandomIds
from bowstreet.video.evidence import verify
from bowstreet.video.recorder import FootageHeld


class Destroyed:
    def __init__(self, world: World) -> None:
        self._world = world

    async def destroy(self, subjects: Iterable[str]) -> int:
        return sum(self._world.keys.made.pop(one, None) is not None for one in subjects)


def retention(world: World) -> Retention:
    def is_held(subject_id: str) -> bool:
        return world.authorities.covering(UseCase.LEGAL_HOLD, subject_id) is not None

    name, text = shipped_table()
    return Retention(
        world.acts, world.clock, RandomIds(world.clock), Destroyed(world), parse_table(text, name), "0" * 64,
        [FootageHeld(world.footage, is_held)], is_held,
    )  # fmt: skip


async def held(world: World, days: int) -> None:
    asked = world.authorities.requested(
        use_case=UseCase.LEGAL_HOLD, ground=Ground.INVESTIGATION, subject_id="inc-1", boroughs=("Islington",),
        starts_at=world.clock.now(), ends_at=world.clock.now() + timedelta(days=days), by="acc-asks",
    )  # fmt: skip
    await world.authorities.request(asked)
    await world.authorities.decide(asked.authorisation_id, "acc-gives", allow=True)


@pytest.mark.requirement("D3", "R10")
async def test_footage_goes_after_28_days_unless_it_is_evidence(tmp_path: Path) -> None:
    world = await World(tmp_path).open()
    kept, gone = await world.record(12), await world.record(12, incident_id="inc-2")
    worker = retention(world)
    await held(world, days=30)
    world.clock.advance_to(world.clock.now() + timedelta(days=28, hours=1))
    assert await worker.work() == 1
    assert (world.folder / f"{kept}.footage").exists()
    found = verify.verify(as_file(await world.export(), tmp_path / "one.zip"), keys=[world.log.key])
    assert found.ok, found.what
    world.exporter._find_erased = worker.receipt_of
    leave = await world.leave("inc-2")
    with pytest.raises(Refused, match="no footage of this incident is kept"):
        await world.export(leave=leave)
    with pytest.raises(NotFound, match=r"was erased on 2026-12-26 .* \(receipt era-"):
        await world.export(gone, leave=leave)
    world.clock.advance_to(world.clock.now() + timedelta(days=3))  # the hold is over
    assert await worker.work() == 1
    assert world.footage.sweep() == 1
    with pytest.raises(Refused):
        await world.export()


@pytest.mark.requirement("R16", "R17")
async def test_who_gave_out_what_to_whom_is_on_record_and_anybody_can_check_it(tmp_path: Path) -> None:
    world = await World(tmp_path).open()
    await world.record(12)
    bundle = await world.export()
    path = as_file(bundle, tmp_path / "one.zip")
    disclosures = []
    async for row in world.store.log_rows():
        entry = read_entry(row.entry)
        one = line(entry.index, entry.at, entry.kind, entry.subject, message_of(row), {})
        if one is not None and one.processing is Processing.DISCLOSURE:
            disclosures.append((one.what, one.subject_id, one.by, one.recipient, one.justification))
    assert disclosures == [("footage-disclosed", "inc-1", "acc-asks", "prosecutor", "criminal-proceedings")]
    found = verify.verify(path, keys=[world.log.key])
    assert found.ok
    assert found.leave is not None
    assert (found.leave.by, found.leave.authorised_by, found.disclosed_entry) == ("acc-asks", "acc-gives", found.size - 1)
    path.write_bytes(flipped(path.read_bytes(), bundle.octets // 2))
    assert not verify.verify(path, keys=[world.log.key]).ok
