"""One ledger on a folder as the program keeps it: sealed store, recorder, signed log. It can be killed at any step it takes."""

import asyncio
import sqlite3
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
from tests.killing import die

from bowstreet.accountability import key_source
from bowstreet.accountability.keys import MasterKey
from bowstreet.accountability.note import Note
from bowstreet.accountability.published import PublishedFile
from bowstreet.accountability.recorder import Recorder
from bowstreet.accountability.rotation import Rotation, open_log
from bowstreet.accountability.sealed import SealedStore
from bowstreet.accountability.vault import Vault, open_vault
from bowstreet.geo import Position
from bowstreet.messages import IncidentChanged, IncidentOpened
from bowstreet.runtime import durable, sqlite
from bowstreet.runtime.bus import InlineBus
from bowstreet.runtime.clock import SimulatedClock
from bowstreet.runtime.directory import RECORD_FILE
from bowstreet.runtime.records import Collection
from bowstreet.runtime.sqlite import SqliteStore

NOW = datetime(2026, 11, 23, 15, tzinfo=UTC)
ORIGIN = "bowstreet.example/islington"
PLACE = Position(latitude_deg=51.54, longitude_deg=-0.1)
OTHER_KEY = "ab" * 32
# Where a kill may strike while an act is recorded and the log is signed. What is not acknowledged yet may be lost, whole.
STEPS = (
    "before the data key", "after the data key", "before the commit", "in the transaction", "before COMMIT", "after the commit",
    "before it is published", "acknowledged",
    "before the checkpoint", "checkpoint written beside", "checkpoint in place", "checkpoint kept", "signed",
)  # fmt: skip
MASTER_STEPS = ("prepared", "ordered", "data keys wrapped", "log key wrapped", "recorded", "done")
LOG_STEPS = ("prepared", "recorded", "change published", "checkpoint signed by both", "key replaced", "done")


class Incident(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    words: str


class House:
    """The record role, made again on the same folder after a crash."""

    def __init__(self, folder: Path, master: MasterKey | None = None, at: datetime = NOW) -> None:
        folder.mkdir(exist_ok=True)
        self.folder, self.clock = folder, SimulatedClock(at)
        self.master = master or key_source.load("", folder)
        self.vault: Vault = open_vault(folder, self.master)
        self.store = SealedStore(SqliteStore(folder / RECORD_FILE), self.vault)
        self.bus = InlineBus()
        self.recorder = Recorder(self.store, self.bus, self.clock)
        self.published = PublishedFile(folder, self.clock)
        self.incidents = Collection("incident", Incident, id_of=lambda one: one.id)

    async def open(self) -> "House":
        await self.recorder.open()
        await self.incidents.load(self.store)
        await Rotation(self.folder, self.recorder, self.published).finish(self.master)
        self.log = open_log(self.folder, self.store, ORIGIN, self.master, self.published)
        await self.log.open()
        return self

    async def act(self, number: int) -> str:
        """An incident with its entries, recorded at once; gives its id when that is durable."""
        id_ = f"inc-{number:04}"
        self.clock.advance_to(max(self.clock.now(), NOW + timedelta(seconds=number)))
        opened = IncidentOpened(
            at=self.clock.now(), incident_id=id_, grade="I", category="burglary", position=PLACE, reported_at=self.clock.now()
        )
        changed = IncidentChanged(at=self.clock.now(), incident_id=id_, state="open")
        await self.recorder.record(
            save=[(self.incidents, Incident(id=id_, words=f"who called {number}"))], messages=[opened, changed]
        )
        return id_

    async def publish(self, *, keep: bool = True) -> Note:
        return await self.log.publish(self.recorder.size, self.recorder.root, keep=keep)

    async def close(self) -> None:
        await self.recorder.flush()
        await self.store.close()


async def filled(folder: Path, acts: int) -> House:
    house = await House(folder).open()
    for number in range(acts):
        await house.act(number)
    await house.publish()
    return house


# --- killed at a step, in a process of its own ---------------------------------------------------------------------------


def _arm(house: House, step: str) -> None:
    """From now on the process dies when it comes to the step."""

    def around(owner: object, name: str, before: str, after: str) -> None:
        real = getattr(owner, name)
        if asyncio.iscoroutinefunction(real):

            async def work(*given, **named):  # type: ignore[no-untyped-def]
                if step == before:
                    die()
                answer = await real(*given, **named)
                if step == after:
                    die()
                return answer
        else:

            def work(*given, **named):  # type: ignore[no-untyped-def]
                if step == before:
                    die()
                answer = real(*given, **named)
                if step == after:
                    die()
                return answer

        setattr(owner, name, work)

    around(house.vault, "keys_for", "before the data key", "after the data key")
    around(house.store._store, "commit", "before the commit", "after the commit")
    around(house.bus, "publish_recorded", "before it is published", "")
    around(sqlite, "_write_record", "in the transaction", "")
    around(sqlite, "_write_batch", "", "before COMMIT")
    around(durable, "move", "checkpoint written beside", "checkpoint in place")
    around(house.published, "add", "before the checkpoint", "")
    around(house.log, "publish", "", "signed")
    from bowstreet.accountability import published

    around(published, "write", "", "checkpoint kept")


async def _act_and_die(folder: Path, step: str) -> None:
    house = await House(folder).open()
    for number in range(100, 103):
        print(await house.act(number), flush=True)
    _arm(house, step)
    print(await house.act(103), flush=True)
    if step == "acknowledged":
        die()
    await house.publish()


def _at(step: str, name: str) -> None:
    if step == name:
        die()


async def _master_and_die(folder: Path, step: str) -> None:
    house = await House(folder).open()
    rotation = Rotation(folder, house.recorder, house.published, on_step=lambda name: _at(step, name))
    await rotation.master(house.vault, house.master, key_source.load("env:OTHER_KEY", folder))


async def _log_key_and_die(folder: Path, step: str) -> None:
    house = await House(folder).open()
    rotation = Rotation(folder, house.recorder, house.published, on_step=lambda name: _at(step, name))
    await rotation.log_key(ORIGIN, house.master)


WAYS = {"act": _act_and_die, "master": _master_and_die, "log-key": _log_key_and_die}


def tamper(folder: Path, *statements: str) -> None:
    """As with a database browser."""
    with sqlite3.connect(folder / RECORD_FILE, isolation_level=None) as connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()


if __name__ == "__main__":
    asyncio.run(WAYS[sys.argv[1]](Path(sys.argv[2]), sys.argv[3]))
    print(f"nothing killed it at {sys.argv[3]}")
