"""Redactions of one recording ordered one upon another: none is lost from sight, and the end of one takes nothing of the next."""

import asyncio
from pathlib import Path

from tests.unit.evidence_world import FINDER, World, settled

from bowstreet.messages import RedactionChanged
from bowstreet.video.redaction.service import Redactions


async def test_a_copy_that_is_ordered_at_once_when_all_was_found_ends_with_the_program(tmp_path: Path) -> None:
    world = await World(tmp_path).open()
    recording_id = await world.record(24)
    redactions = Redactions(world.acts, world.clock, world.ids, world.footage, FINDER)
    await redactions.load(world.store)

    async def order(message: RedactionChanged) -> None:
        if message.stage == "found":
            await redactions.make_copy(recording_id, "acc-redacts", "looked through")

    world.acts.bus.subscribe(RedactionChanged, order)
    others = asyncio.all_tasks()
    await redactions.begin(recording_id, "acc-redacts", "asked for by the defence")
    finding = asyncio.all_tasks() - others
    await asyncio.wait(finding)
    making = asyncio.all_tasks() - others
    assert making, "it is at work"
    await redactions.close()
    assert all(task.done() for task in making)


async def test_what_lies_beside_a_recording_and_cannot_be_removed_fails_no_copy(tmp_path: Path) -> None:
    world = await World(tmp_path).open()
    recording_id = await world.record(24)
    redactions = Redactions(world.acts, world.clock, world.ids, world.footage, FINDER)
    await redactions.load(world.store)
    await redactions.begin(recording_id, "acc-redacts", "asked for by the defence")
    await settled(redactions, recording_id)
    world.footage.path_of(recording_id, ".0123456789abcdef.redacted").mkdir()  # no file: it is not unlinked
    await redactions.make_copy(recording_id, "acc-redacts", "looked through")
    await settled(redactions, recording_id)
    assert redactions.copy_reel(recording_id).whole
