"""Retention over a real store on disk, sealed: incidents of some age, and what becomes of them."""

import asyncio
import os
import signal
import sys
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.unit.intake_world import NOW, report

from bowstreet.accountability import key_source
from bowstreet.accountability.recorder import Recorder
from bowstreet.accountability.retention.rules import parse_table
from bowstreet.accountability.retention.service import Retention, shipped_table
from bowstreet.accountability.sealed import SealedStore
from bowstreet.accountability.vault import KEYS_FILE, Vault
from bowstreet.intake import area
from bowstreet.intake.holding import ClosedIncidents, ReportsInQuarantine
from bowstreet.intake.model import CloseReason, IncidentState
from bowstreet.intake.service import IntakeService
from bowstreet.runtime.bus import InlineBus
from bowstreet.runtime.clock import SimulatedClock
from bowstreet.runtime.directory import RECORD_FILE
from bowstreet.runtime.ids import SeededIds
from bowstreet.runtime.sqlite import SqliteStore

# What no file may hold once its incident is erased.
WORDS = "the man with the red umbrella at number nine"
MONTH = timedelta(days=31)
# Where a kill may strike: before and after each step of an erasure.
STEPS = ("before-order", "after-order", "before-keys", "after-keys", "before-receipt", "after-receipt")


class Killing:
    """Kills this process outright at one step, before or after the thing is done."""

    def __init__(self, at: str) -> None:
        self.at = at

    def here(self, step: str) -> None:
        if step == self.at:
            sys.stdout.flush()
            os.kill(os.getpid(), signal.SIGKILL)


class KillingKeys:
    def __init__(self, vault: Vault, killing: Killing) -> None:
        self._vault, self._killing = vault, killing

    async def destroy(self, subjects: Iterable[str]) -> int:
        self._killing.here("before-keys")
        count = await self._vault.destroy(subjects)
        self._killing.here("after-keys")
        return count


class KillingRecorder(Recorder):
    """Counts the acts of an erasure: first its order, then its receipt."""

    killing = Killing("")
    acts = 0

    async def record(self, **act) -> None:  # type: ignore[no-untyped-def, override]
        name = ("order", "receipt")[self.acts % 2]
        self.acts += 1
        self.killing.here(f"before-{name}")
        await super().record(**act)
        self.killing.here(f"after-{name}")


class World:
    """One operation's intake and retention on a folder. Made again on the same folder, it is the same after a restart."""

    def __init__(self, folder: Path, *, at: datetime = NOW, seed: int = 1) -> None:
        folder.mkdir(exist_ok=True)
        self.folder, self.clock = folder, SimulatedClock(at)
        self.vault = Vault(folder / KEYS_FILE, key_source.load("", folder))
        self.store = SealedStore(SqliteStore(folder / RECORD_FILE), self.vault)
        self.recorder = Recorder(self.store, InlineBus(), self.clock)
        self.ids = SeededIds(seed, self.clock)
        self.intake = IntakeService(self.recorder, self.store, self.clock, self.ids, area.london(), held_closed=1)
        self.held: set[str] = set()
        self.retention = self.worker(self.recorder, Killing(""))

    def worker(self, recorder: Recorder, killing: Killing) -> Retention:
        name, text = shipped_table()
        return Retention(
            recorder, self.clock, self.ids, KillingKeys(self.vault, killing), parse_table(text, name), "0" * 64,
            [ClosedIncidents(self.intake), ReportsInQuarantine(self.intake)], lambda subject_id: subject_id in self.held,
        )  # fmt: skip

    async def started(self) -> "World":
        await self.recorder.open()
        await self.intake.load()
        await self.retention.load(self.store)
        return self

    async def closed(self, number: int = 0, words: str = WORDS) -> str:
        """An incident with its caller's words, closed now."""
        from tests.unit.intake_world import north

        call = report(position=north(600.0 * number), text=words, caller_reference=f"CAD {number}", reported_at=self.clock.now())
        incident = await self.intake.receive(call)
        await self.intake.moved(incident.incident_id, IncidentState.CLOSED, close_reason=CloseReason.WITHDRAWN, reason=words)
        return incident.incident_id

    def contains(self, what: str) -> bool:
        """Whether any byte of any file says so."""
        return any(what.encode() in path.read_bytes() for path in self.folder.rglob("*") if path.is_file())

    async def close(self) -> None:
        await self.recorder.flush()
        await self.store.close()


async def _killed(folder: Path, step: str) -> None:
    """In a process of its own: erase what is due, and die at that step."""
    world = await World(folder, at=NOW + MONTH, seed=2).started()
    killing = Killing(step)
    recorder = KillingRecorder(world.store, InlineBus(), world.clock)
    recorder.killing = killing
    await recorder.open()
    worker = world.worker(recorder, killing)
    await worker.load(world.store)
    await worker.work()


if __name__ == "__main__":
    asyncio.run(_killed(Path(sys.argv[1]), sys.argv[2]))
    print(f"nothing killed it at {sys.argv[2]}, {datetime.now(UTC)}")
