"""What is done with footage, each a deed that `tests.killing` kills at every step: redacted, and given out as evidence."""

import argparse
import contextlib
import io
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from msgspec.structs import replace
from tests.killing import Steps
from tests.unit.evidence_data import INCIDENT, NAME, PASSWORD, stopped
from tests.unit.evidence_world import FINDER, START, World, settled

from bowstreet.accountability import key_source
from bowstreet.accountability.sealed import SealedStore
from bowstreet.accountability.vault import open_vault
from bowstreet.commands import evidence
from bowstreet.runtime.clock import SimulatedClock
from bowstreet.runtime.directory import RECORD_FILE
from bowstreet.runtime.sqlite import SqliteStore
from bowstreet.video.evidence.bundle import Bundle
from bowstreet.video.evidence.service import Exporter, Order
from bowstreet.video.footage import FootageWriter
from bowstreet.video.redaction.model import RedactionState
from bowstreet.video.redaction.service import Redactions

BY, WHOLE = "acc-redacts", (0, 10_000_000)
OUT, ONE = "out", "one.bundle"


class Disk:
    """An operation that records, redacts and exports, on a folder. Made again on it, it is the same after a restart."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        self.folder, master = folder, key_source.load("", folder)
        vault = open_vault(folder, master)
        self.store = SealedStore(SqliteStore(folder / RECORD_FILE), vault)
        before: Any = SimpleNamespace(clock=SimulatedClock(START), store=self.store, keys=vault)
        self.world = World(folder, world=before)
        self.redactions = Redactions(self.world.acts, self.world.clock, self.world.ids, self.world.footage, FINDER)

    async def open(self) -> "Disk":
        await self.world.open()
        await self.redactions.load(self.store)
        return self

    @property
    def recording_id(self) -> str:
        [one] = self.world.footage.recordings.all()
        return one.recording_id

    async def found(self) -> None:
        await self.redactions.begin(self.recording_id, BY, "asked for by the defence")
        await settled(self.redactions, self.recording_id)

    async def copied(self) -> None:
        await self.redactions.make_copy(self.recording_id, BY, "looked through")
        await settled(self.redactions, self.recording_id)

    async def close(self) -> None:
        await self.redactions.close()
        await self.world.acts.flush()
        await self.store.close()


# --- folders as they are before a deed ----------------------------------------------------------------------------------------


async def recorded(folder: Path) -> None:
    """A recording, closed."""
    disk = await Disk(folder).open()
    await disk.world.record(24)
    await disk.close()


async def redacted(folder: Path) -> None:
    """With a copy, and a region that a person added since."""
    await recorded(folder)
    disk = await Disk(folder).open()
    await disk.found()
    await disk.copied()
    await disk.redactions.add(disk.recording_id, BY, "a house number", WHOLE, (0, 0, 16, 16))
    await disk.close()


async def broken_off(folder: Path) -> None:
    """As by a kill while another copy was made, and one that was finished and not entered."""
    await redacted(folder)
    disk = await Disk(folder).open()
    one = disk.redactions.all.get(disk.recording_id)
    await disk.redactions._change(replace(one, state=RedactionState.MAKING), "copy-ordered", BY, "looked through")
    for left in (".part", ".0123456789abcdef.redacted"):
        disk.world.footage.path_of(disk.recording_id, left).write_bytes(b"half a copy")
    await disk.close()


async def authorised(folder: Path) -> None:
    """A recording that somebody may give out, and a place to put it."""
    await stopped(folder)
    (folder / OUT).mkdir()


# --- deeds --------------------------------------------------------------------------------------------------------------------


async def finding(folder: Path, steps: Steps) -> None:
    disk = await Disk(folder).open()
    steps.begin()
    await disk.found()


async def copying(folder: Path, steps: Steps) -> None:
    """A copy in the place of the first, with what was added covered in it."""
    disk = await Disk(folder).open()
    writes, real = 0, FootageWriter.append

    def append(writer: FootageWriter, part: Any) -> None:
        nonlocal writes
        real(writer, part)
        writes += 1
        if writes % 8 == 0:
            steps.here(f"after {writes} parts of the copy")

    FootageWriter.append = append  # type: ignore[method-assign]
    steps.begin()
    await disk.copied()


async def restarting(folder: Path, steps: Steps) -> None:
    """The start on what a kill left: a draft of a copy, and a redaction at work."""
    disk = Disk(folder)
    steps.begin()
    await disk.open()


async def giving_out(folder: Path, steps: Steps) -> None:
    """`bowstreet evidence export` on the data, killed from the moment at which the bundle is put together."""
    real = Exporter.make

    async def make(self: Exporter, export_id: str, order: Order) -> Bundle:
        steps.begin()
        return await real(self, export_id, order)

    Exporter.make = make  # type: ignore[method-assign]
    await given_out(folder, unpacked=False)


async def unpacking(folder: Path, steps: Steps) -> None:
    """The same into a folder, from its first file on."""
    real = Bundle.into_folder

    def into_folder(self: Bundle, to: Path) -> None:
        steps.begin()
        real(self, to)

    Bundle.into_folder = into_folder  # type: ignore[method-assign]
    await given_out(folder, unpacked=True)


async def given_out(folder: Path, *, unpacked: bool) -> None:
    with patched_stdin(PASSWORD):
        await evidence._export(folder, None, _words(folder / OUT / ONE, unpacked=unpacked))


def _words(out: Path, *, unpacked: bool) -> argparse.Namespace:
    return argparse.Namespace(
        incident=INCIDENT, by=NAME, recipient="", recording=[], copies="original", out=out, folder=unpacked, simulated=True,
        master_key="",
    )  # fmt: skip


@contextlib.contextmanager
def patched_stdin(said: str) -> Iterator[None]:
    """What a person types."""
    before, sys.stdin = sys.stdin, io.StringIO(f"{said}\n")
    try:
        yield
    finally:
        sys.stdin = before
