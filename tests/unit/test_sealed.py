"""What is sealed cannot be read from any file, cannot be moved or changed unseen, and is gone with its key."""

import sqlite3
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bowstreet.accountability.keys import SoftwareMasterKey
from bowstreet.accountability.recorder import Recorder
from bowstreet.accountability.retention.subject_access import held_of
from bowstreet.accountability.sealed import SEALED_KINDS, SECRET_KINDS, SealedStore
from bowstreet.accountability.vault import Vault
from bowstreet.accountability.verify import verify_log
from bowstreet.errors import StoreUnavailable
from bowstreet.messages import IncidentChanged
from bowstreet.runtime.bus import InlineBus
from bowstreet.runtime.clock import SimulatedClock
from bowstreet.runtime.memory import MemoryStore
from bowstreet.runtime.ports import Batch, Record
from bowstreet.runtime.sqlite import SqliteStore

AT = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
SECRET = b"a neighbour shouts at 12 Acacia Avenue"


class Place:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.vault = Vault(folder / "keys.db", SoftwareMasterKey(bytes(range(32))))
        self.inner = SqliteStore(folder / "record.db")
        self.store = SealedStore(self.inner, self.vault)
        self.recorder = Recorder(self.store, InlineBus(), SimulatedClock(AT))

    async def change(self, incident_id: str, reason: str) -> None:
        await self.recorder.record(messages=[IncidentChanged(at=AT, incident_id=incident_id, state="open", reason=reason)])

    def contains(self, what: bytes) -> bool:
        return any(what in path.read_bytes() for path in self.folder.rglob("*") if path.is_file())


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    place = Place(tmp_path)
    await place.recorder.open()
    yield place
    await place.store.close()


async def test_nothing_of_it_stands_in_any_file(place: Place) -> None:
    await place.recorder.record(messages=[])
    await place.store.commit(Batch(puts=[Record(kind="incident", id="inc-1", version=1, state="open", body=SECRET)]))
    await place.change("inc-1", SECRET.decode())
    await place.recorder.flush()
    await place.change("inc-2", "the next transaction forgets what was delivered")
    await place.inner._writer.fold_in()
    assert not place.contains(SECRET)
    (place.folder / "planted").write_bytes(b"..." + SECRET)
    assert place.contains(SECRET), "the search would not have found it"
    found = await place.store.get("incident", "inc-1")
    assert found is not None
    assert found.body == SECRET
    assert [record.body for record in await place.store.find("incident")] == [SECRET]
    rows = [row async for row in place.store.log_rows()]
    assert SECRET in (rows[0].payload or b"")


async def test_destroying_a_key_erases_and_every_proof_stays(place: Place) -> None:
    kinds = ("incident", "decision")
    await place.store.commit(Batch(puts=[Record(kind=kind, id="inc-1", version=1, state="", body=SECRET) for kind in kinds]))
    for number in range(6):
        await place.change(f"inc-{number % 3}", f"said {number}")
    before = await verify_log(place.store.log_rows())
    assert (before.ok, before.erased) == (True, 0)
    assert await place.vault.destroy(["inc-1"]) == 1
    after = await verify_log(place.store.log_rows())
    assert (after.ok, after.erased, after.root) == (True, 2, before.root)
    for kind in kinds:
        assert await place.store.get(kind, "inc-1") is None
        assert await place.store.find(kind) == []


async def test_what_was_changed_or_moved_is_found(place: Place) -> None:
    for number in range(4):
        await place.change("inc-1", f"said {number}")
    await place.store.commit(
        Batch(puts=[Record(kind="incident", id=id_, version=1, state="", body=SECRET) for id_ in ("inc-1", "inc-2")])
    )
    await place.inner._writer.fold_in()
    with sqlite3.connect(place.folder / "record.db") as database:
        database.execute("UPDATE log SET payload = (SELECT payload FROM log WHERE idx = 1) WHERE idx = 2")
        database.execute("UPDATE records SET body = (SELECT body FROM records WHERE id = 'inc-1') WHERE id = 'inc-2'")
    found = await verify_log(place.store.log_rows())
    assert (found.ok, found.first_wrong) == (False, 2)
    with pytest.raises(StoreUnavailable, match="belongs elsewhere"):
        await place.store.get("incident", "inc-2")


async def test_an_entry_that_is_none_is_named_and_not_stumbled_over(place: Place) -> None:
    for number in range(4):
        await place.change("inc-1", f"said {number}")
    await place.inner._writer.fold_in()
    with sqlite3.connect(place.folder / "record.db") as database:
        database.execute("UPDATE log SET entry = CAST('{\"subject\"~' AS BLOB) WHERE idx = 1")
    found = await verify_log(place.store.log_rows())
    assert (found.ok, found.first_wrong) == (False, 1)


async def test_secrets_of_vehicles_and_of_the_program_are_given_to_nobody_as_personal_data() -> None:
    """They are sealed like personal data; a disclosure of what is held of a subject must leave them out."""
    store = MemoryStore()
    puts = [Record(kind=kind, id="drone-7", version=1, state="", body=b'{"secret":"x"}') for kind in sorted(SEALED_KINDS)]
    await store.commit(Batch(puts=puts))
    held = await held_of(store, "drone-7")
    assert {one.kind for one in held.records} == SEALED_KINDS - SECRET_KINDS
