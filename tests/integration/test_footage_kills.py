"""kill -9 at each step of a redaction, and of giving footage out: what is on record stands, what is half made goes, and what was at work is told as broken off."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from tests.killing import Killed, killed_everywhere
from tests.left_by_kills import hold
from tests.unit import footage_deeds as deeds
from tests.unit.footage_deeds import Disk

from bowstreet.accountability.audit import keyring_of, verify_data
from bowstreet.accountability.ledger import message_of
from bowstreet.messages import RedactionChanged
from bowstreet.runtime.directory import RECORD_FILE
from bowstreet.runtime.sqlite import SqliteReader
from bowstreet.video.evidence import verify
from bowstreet.video.redaction.model import RedactionState

Check = Callable[[Disk, Killed], Coroutine[Any, Any, None]]


async def made(folder: Path, before: Callable[[Path], Coroutine[Any, Any, None]]) -> Path:
    await before(folder)
    return folder


async def attacked(deed: str, data: Path, kills: Path, check: Check) -> None:
    left = await asyncio.to_thread(killed_everywhere, f"tests.unit.footage_deeds:{deed}", data, kills / "kills")
    await hold(left, lambda one: Disk(one.folder).open(), check)


async def stages(disk: Disk) -> list[str]:
    found = [message_of(row) async for row in disk.store.log_rows()]
    return [said.stage for said in found if isinstance(said, RedactionChanged)]


def files(disk: Disk) -> list[str]:
    """What lies beside a recording."""
    return sorted(path.name.removeprefix(disk.recording_id) for path in disk.world.footage.folder.iterdir())


def whole_copy(disk: Disk) -> int:
    """How many changes by people the copy on record heeds; it must be there, whole, and the only one."""
    one = disk.redactions.all.get(disk.recording_id)
    assert one.copy is not None
    reel = disk.redactions.copy_reel(disk.recording_id)
    assert (reel.whole, len(reel.clips[0].at_us)) == (True, one.copy.pictures)
    assert files(disk) == sorted([".footage", ".found", f".{one.copy.head[:16]}.redacted"])
    return one.copy.edits


async def test_killed_while_heads_and_plates_are_looked_for(tmp_path: Path) -> None:
    data = await made(tmp_path / "data", deeds.recorded)

    async def check(disk: Disk, one: Killed) -> None:
        standing = disk.redactions.all.find(disk.recording_id)
        if standing is None:  # it died before it was begun
            assert files(disk) == [".footage"]
        elif standing.state is RedactionState.READY:
            assert (standing.failed, files(disk), await stages(disk)) == ("", [".footage", ".found"], ["begun", "found"])
        else:
            assert standing.state is RedactionState.FAILED
            assert "begin it again" in standing.failed
            assert await stages(disk) == ["begun", "failed"]
        await disk.found()
        assert files(disk) == [".footage", ".found"]
        assert disk.redactions.all.get(disk.recording_id).looks > 0

    await attacked("finding", data, tmp_path, check)


async def test_killed_while_a_copy_is_made(tmp_path: Path) -> None:
    """The copy that is on record can be given out at any moment: the first until the second is entered, then that."""
    data = await made(tmp_path / "data", deeds.redacted)

    async def check(disk: Disk, one: Killed) -> None:
        standing = disk.redactions.all.get(disk.recording_id)
        heeds = whole_copy(disk)
        told = (await stages(disk))[4:]
        assert (heeds, told) in (
            (0, []), (0, ["copy-ordered", "failed"]), (1, ["copy-ordered", "copy-made"]),
        )  # fmt: skip
        assert ("have the copy made again" in standing.failed) is ("failed" in told)
        if heeds == 0:
            await disk.copied()
        assert whole_copy(disk) == 1
        assert disk.redactions.standing(disk.recording_id).edits == 1

    await attacked("copying", data, tmp_path, check)


async def test_killed_while_it_starts_again(tmp_path: Path) -> None:
    """On what a kill left: the start is finished by the next one."""
    data = await made(tmp_path / "data", deeds.broken_off)

    async def check(disk: Disk, one: Killed) -> None:
        assert whole_copy(disk) == 0
        assert (await stages(disk))[4:] == ["copy-ordered", "failed"]

    await attacked("restarting", data, tmp_path, check)


@pytest.mark.parametrize(("deed", "every"), [("giving_out", 2), ("unpacking", 8)])
async def test_killed_while_evidence_is_given_out(tmp_path: Path, deed: str, every: int) -> None:
    """The bundle is there whole or not at all; the same command again makes it, and each one is on record before it is there."""
    data = await made(tmp_path / "data", deeds.authorised)
    killing = (killed_everywhere, f"tests.unit.footage_deeds:{deed}", data, tmp_path / "kills", every)
    for one in await asyncio.to_thread(*killing):
        out = one.folder / deeds.OUT / deeds.ONE
        assert await disclosed(one.folder) >= int(out.exists()), one
        if not out.exists():
            assert not one.through
            await deeds.given_out(one.folder, unpacked=deed == "unpacking")
        assert verify.verify(out).ok, one
        assert list(out.parent.iterdir()) == [out], one
        with keyring_of(one.folder, "") as keyring:
            found = verify_data(one.folder, keyring=keyring)
        assert found.ok, found.says()


async def disclosed(folder: Path) -> int:
    with SqliteReader(folder / RECORD_FILE) as reader:
        return sum(b'"FootageDisclosed"' in row.entry for row in reader.log_rows())
