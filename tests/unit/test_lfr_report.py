"""`bowstreet lfr report` on the records of several deployments."""

import argparse
import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from tests.unit.ledger_world import ORIGIN
from tests.unit.recognition_deeds import opened
from tests.unit.recognition_world import OPERATOR

from bowstreet.accountability import key_source
from bowstreet.accountability.published import Line, PublishedFile
from bowstreet.accountability.rotation import open_log
from bowstreet.commands.lfr_report import report


async def published(folder: Path, count: int) -> list[int]:
    """Deployments one after the other, and a signed checkpoint after each; gives their sizes."""
    world, sizes = await opened(folder, minutes=0), []
    log = open_log(folder, world.store, ORIGIN, key_source.load("", folder), PublishedFile(folder, world.clock))
    await log.open()
    for _ in range(count):
        one = await world.running()
        await world.recognition.close(one.deployment_id, OPERATOR)
        await world.recognition.look()
        await log.publish(world.recorder.size, world.recorder.root, keep=True)
        sizes.append(world.recorder.size)
    await world.close()
    return sizes


async def test_the_checkpoints_are_read_once_and_each_record_gets_the_first_that_covers_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = await published(tmp_path / "data", 3)
    reads, real = [], PublishedFile.history

    def history(self: PublishedFile, most: int) -> list[Line]:
        reads.append(most)
        return real(self, most)

    monkeypatch.setattr(PublishedFile, "history", history)
    asked: dict[str, Any] = {"data": tmp_path / "data", "deployment": None, "master_key": "", "report": None}
    out = tmp_path / "report.json"
    assert await asyncio.to_thread(report, argparse.Namespace(**asked, json=str(out))) == 0
    told = json.loads(out.read_text())["deployments"]
    found = sorted((one["entry"], one["checkpoint"]["size"]) for one in told)
    assert [size for _, size in found] == sizes
    assert len(reads) == 1
