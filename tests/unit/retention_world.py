"""Retention over a real store on disk, sealed: incidents of some age, and what becomes of them."""

from datetime import datetime, timedelta
from pathlib import Path

from tests.killing import Steps
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
        name, text = shipped_table()
        self.retention = Retention(
            self.recorder, self.clock, self.ids, self.vault, parse_table(text, name), "0" * 64,
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


async def erasing(folder: Path, steps: Steps) -> None:
    """What is due after a month is erased."""
    world = await World(folder, at=NOW + MONTH, seed=2).started()
    steps.begin()
    await world.retention.work()
