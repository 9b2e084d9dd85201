"""A real record in a real file, tampered with as by a database browser: each time the first wrong entry is named."""

import asyncio
import random
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from bowstreet.accountability import ledger, published
from bowstreet.accountability.audit import find_record, verify_data
from bowstreet.accountability.merkle import NO_LINK, Frontier, leaf_hash, link
from bowstreet.accountability.published import Line
from bowstreet.accountability.recorder import Recorder
from bowstreet.accountability.verify import verify_log, verify_rows
from bowstreet.errors import BadInput, LedgerBroken, StoreUnavailable
from bowstreet.geo import Position
from bowstreet.messages import IncidentOpened, LaunchAuthorised, Message, MissionChanged, Reason
from bowstreet.runtime.bus import QueueBus
from bowstreet.runtime.clock import SimulatedClock
from bowstreet.runtime.records import Collection
from bowstreet.runtime.sqlite import SqliteReader, SqliteStore

START = datetime(2026, 11, 23, 15, tzinfo=UTC)
INCIDENTS = 60
ENTRIES = INCIDENTS * 3
PLACE = Position(latitude_deg=51.54, longitude_deg=-0.1)
EDIT = "UPDATE log SET entry = CAST(replace(CAST(entry AS TEXT), 'mis-', 'mjs-') AS BLOB) WHERE idx = 100"


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    id: str


def story(number: int) -> tuple[str, str, list[Message]]:
    at = START + timedelta(minutes=number)
    incident, mission = f"inc-{number:03}", f"mis-{number:03}"
    why = Reason(code="closest", text="first there")
    return incident, mission, [
        IncidentOpened(at=at, incident_id=incident, grade="I", category="burglary", position=PLACE, reported_at=at),
        LaunchAuthorised(
            at=at, mission_id=mission, incident_id=incident, vehicle_id="v", dock_id="d", purpose="999",
            authorised_by="p", reasons=(why,),
        ),
        MissionChanged(at=at, mission_id=mission, vehicle_id="v", incident_id=incident, phase="outbound", reason=why),
    ]  # fmt: skip


async def make(folder: Path) -> None:
    store = SqliteStore(folder / "record.db")
    recorder = Recorder(store, QueueBus(), SimulatedClock(START))
    incidents = Collection("incident", Kept, id_of=lambda one: one.id)
    missions = Collection("mission", Kept, id_of=lambda one: one.id)
    for number in range(INCIDENTS):
        incident, mission, messages = story(number)
        await recorder.record(save=[(incidents, Kept(id=incident)), (missions, Kept(id=mission))], messages=messages)
        if number == INCIDENTS // 2:
            published.write(folder, Line(at=START, size=recorder.size, root=recorder.root.hex()))
    await store.close()


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("original")
    asyncio.run(make(folder))
    return folder


@pytest.fixture
def data(original: Path, tmp_path: Path) -> Path:
    for file in original.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    return tmp_path


def tamper(folder: Path, *statements: str) -> None:
    connection = sqlite3.connect(folder / "record.db", isolation_level=None)
    for statement in statements:
        connection.execute(statement)
    connection.close()


def test_what_is_right_verifies(data: Path) -> None:
    steps: list[tuple[int, int]] = []
    report = verify_data(data, on_progress=lambda done, total: steps.append((done, total)))
    assert report.ok, report
    assert report.verification.entries == ENTRIES
    assert report.reconciled == {"mission": INCIDENTS, "incident": INCIDENTS}
    assert report.checkpoints == 1
    assert steps[-1] == (ENTRIES, ENTRIES)
    assert "180 entries verify" in report.says()
    assert verify_data(data / "record.db").ok
    assert msgspec.json.encode(report)


def _swap(one: int, other: int) -> tuple[str, ...]:
    """Two whole rows change places."""
    return (
        f"UPDATE log SET idx = -1 WHERE idx = {one}",
        f"UPDATE log SET idx = {one} WHERE idx = {other}",
        f"UPDATE log SET idx = {other} WHERE idx = -1",
    )


@pytest.mark.parametrize(
    ("statements", "first_wrong", "says"),
    [
        ([EDIT], 100, "entry 100 was edited"),
        (["UPDATE log SET leaf_hash = zeroblob(32) WHERE idx = 7"], 7, "leaf hash of entry 7 was edited"),
        (["UPDATE log SET link = zeroblob(32) WHERE idx = 0"], 0, "link after entry 0 was edited"),
        (["UPDATE log SET link = zeroblob(32) WHERE idx = 179"], 179, "link after entry 179"),
        (["UPDATE log SET entry = x'00', leaf_hash = zeroblob(32) WHERE idx = 50"], 50, "entry 50 and its hashes"),
        (["UPDATE log SET payload = x'00' WHERE idx = 33"], 33, "payload of entry 33"),
        (["UPDATE log SET salt = zeroblob(32) WHERE idx = 33"], 33, "payload of entry 33"),
        (["UPDATE log SET salt = NULL WHERE idx = 33"], 33, "half erased"),
        (["UPDATE log SET payload = NULL WHERE idx = 33"], 33, "half erased"),
        (["UPDATE log SET entry = 'words' WHERE idx = 12"], 12, "entry 12 was edited"),
        (["UPDATE log SET link = 5 WHERE idx = 12"], 12, "link after entry 12"),
        (["UPDATE log SET payload = CAST(x'80ff' AS TEXT) WHERE idx = 12"], 12, "payload of entry 12"),
        (["DELETE FROM log WHERE idx = 90"], 90, "entry 90 is missing"),
        (["DELETE FROM log WHERE idx = 0"], 0, "entry 0 is missing"),
        (["DELETE FROM log WHERE idx BETWEEN 20 AND 40"], 20, "entry 20 is missing"),
        (["DELETE FROM log WHERE idx = 90", "UPDATE log SET idx = idx - 1 WHERE idx > 90"], 90, ""),
        (["UPDATE log SET idx = -1 WHERE idx = 5"], 0, "entry -1 comes"),
        (_swap(10, 11), 10, ""),
        (_swap(3, 170), 3, ""),
        (["DELETE FROM log WHERE idx >= 80"], 80, "cut short: it ends after 80 entries, and once held 93"),
        (["DELETE FROM log"], 0, "cut short"),
        (["INSERT INTO log SELECT idx + 999, entry, leaf_hash, link, payload, salt FROM log WHERE idx = 5"], 180, "missing"),
    ],
)  # fmt: skip
def test_tampering_is_found(data: Path, statements: list[str], first_wrong: int, says: str) -> None:
    tamper(data, *statements)
    report = verify_data(data)
    assert not report.ok
    assert report.verification.first_wrong == first_wrong
    assert says in report.verification.what
    assert f"entry {first_wrong} is the first that is wrong" in report.says()


def test_any_single_changed_byte_is_found(data: Path) -> None:
    rng = random.Random(20261123)
    with SqliteReader(data / "record.db") as reader:
        rows = list(reader.log_rows())
    for _ in range(300):
        index = rng.randrange(len(rows))
        field = rng.choice(["entry", "leaf_hash", "link", "payload", "salt"])
        value = bytearray(getattr(rows[index], field))
        value[rng.randrange(len(value))] ^= 1 << rng.randrange(8)
        bent = [*rows[:index], msgspec.structs.replace(rows[index], **{field: bytes(value)}), *rows[index + 1 :]]
        assert verify_rows(bent).first_wrong == index, (index, field)


async def test_a_recorder_refuses_a_tampered_ledger(data: Path) -> None:
    tamper(data, EDIT)
    store = SqliteStore(data / "record.db")
    with pytest.raises(LedgerBroken):
        await Recorder(store, QueueBus(), SimulatedClock(START)).open()
    await store.close()


def _forged(folder: Path, change: Callable[[int, bytes], bytes | None]) -> None:
    """Rewrite the ledger whole, every hash made right again: what an operator could do to their own record."""
    with SqliteReader(folder / "record.db") as reader:
        rows = list(reader.log_rows())
    frontier, last = Frontier(), NO_LINK
    connection = sqlite3.connect(folder / "record.db", isolation_level=None)
    connection.execute("DELETE FROM log")
    for row in rows:
        entry = change(row.index, row.entry)
        if entry is None:
            continue
        entry = msgspec.json.encode(msgspec.structs.replace(ledger.read_entry(entry), index=frontier.size))
        index = frontier.size
        frontier.append(leaf_hash(entry))
        last = link(last, leaf_hash(entry))
        connection.execute(
            "INSERT INTO log VALUES (?, ?, ?, ?, ?, ?)", (index, entry, leaf_hash(entry), last, row.payload, row.salt)
        )
    connection.close()


def test_a_ledger_rewritten_whole_does_not_fit_its_checkpoint(data: Path) -> None:
    _forged(data, lambda index, entry: None if index == 30 else entry)
    report = verify_data(data)
    assert not report.ok
    assert report.verification.first_wrong == 92
    assert "rewritten" in report.verification.what


@pytest.mark.parametrize(
    "shared",
    [
        lambda one, two: (one + b"\n" + two[:60], two[60:]),
        lambda one, two: (one + b"\n" + two, b""),
        lambda one, two: (one + b"\n", two),
    ],
)
def test_entries_that_are_right_only_together_are_found(
    data: Path, shared: Callable[[bytes, bytes], tuple[bytes, bytes]]
) -> None:
    """Every hash is right, and so is all text of all entries in a row: only where one ends and the next begins is not."""
    with SqliteReader(data / "record.db") as reader:
        rows = list(reader.log_rows())
    entries = [row.entry for row in rows]
    entries[40:42] = shared(*entries[40:42])
    last = NO_LINK
    connection = sqlite3.connect(data / "record.db", isolation_level=None)
    connection.execute("DELETE FROM log")
    for row, entry in zip(rows, entries, strict=True):
        last = link(last, leaf_hash(entry))
        columns = (row.index, entry, leaf_hash(entry), last, row.payload, row.salt)
        connection.execute("INSERT INTO log VALUES (?, ?, ?, ?, ?, ?)", columns)
    connection.close()
    (data / published.FILE).unlink()
    found = verify_data(data).verification
    assert (found.ok, found.first_wrong) == (False, 40)
    assert "entry 40" in found.what


def test_an_act_left_out_of_a_forged_ledger_shows_in_the_records(data: Path) -> None:
    """The operator forges the ledger and the checkpoints too; the mission without its launch entry is still there."""
    left_out: list[int] = []

    def change(index: int, entry: bytes) -> bytes | None:
        if b"LaunchAuthorised" in entry and b"mis-030" in entry:
            left_out.append(index)
            return None
        return entry

    _forged(data, change)
    assert len(left_out) == 1
    (data / published.FILE).unlink()
    report = verify_data(data)
    assert report.verification.ok
    assert not report.ok
    assert [(one.kind, one.id, one.missing) for one in report.unaccounted] == [("mission", "mis-030", "LaunchAuthorised")]
    assert "mission 'mis-030' has no LaunchAuthorised entry" in report.says()


def test_a_root_known_from_elsewhere_finds_it_all(data: Path) -> None:
    root = bytes.fromhex(verify_data(data).verification.root)
    (data / published.FILE).unlink()
    assert verify_data(data, known={ENTRIES: root}).ok
    tamper(data, "DELETE FROM log WHERE idx = 179")
    assert verify_data(data).verification.ok  # nothing in the folder shows it any more…
    report = verify_data(data, known={ENTRIES: root})  # …but whoever has the root sees it
    assert report.verification.first_wrong == 179


async def test_erased_payloads_leave_everything_provable(data: Path) -> None:
    store = SqliteStore(data / "record.db")
    for index in (0, 5, 179):
        await store.erase_payload(index)
    await store.close()
    report = verify_data(data)
    assert report.ok
    assert report.verification.erased == 3


async def test_audited_while_the_program_runs(data: Path) -> None:
    store = SqliteStore(data / "record.db")
    recorder = Recorder(store, QueueBus(), SimulatedClock(START))
    await recorder.record(messages=story(99)[2])
    report = await asyncio.to_thread(verify_data, data)
    assert report.ok
    assert report.verification.entries == ENTRIES + 3
    assert (await verify_log(store.log_rows())).root == recorder.root.hex()
    await store.close()


def test_where_there_is_nothing_to_audit(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none", tmp_path / "none.db"):
        with pytest.raises(BadInput, match="no record"):
            find_record(path)
    (tmp_path / "record.db").write_bytes(b"no database at all, just words" * 200)
    with pytest.raises(StoreUnavailable, match="no database"):
        verify_data(tmp_path)


async def test_an_empty_ledger_verifies(tmp_path: Path) -> None:
    await SqliteStore(tmp_path / "record.db").close()
    report = verify_data(tmp_path)
    assert (report.ok, report.verification.entries) == (True, 0)


# --- checkpoints -------------------------------------------------------------------------------------------------------


def test_checkpoints_come_back_and_a_torn_line_is_counted(tmp_path: Path) -> None:
    assert published.read(tmp_path) == ({}, 0)
    for size in (1, 5, 5):
        published.write(tmp_path, Line(at=START, size=size, root=bytes([size] * 32).hex()))
    with (tmp_path / published.FILE).open("ab") as file:
        file.write(b'{"at":"2026-11')
    assert published.read(tmp_path) == ({1: b"\x01" * 32, 5: b"\x05" * 32}, 1)


def test_checkpoints_that_contradict_each_other_fit_no_ledger(data: Path) -> None:
    published.write(data, Line(at=START, size=93, root="00" * 32))
    assert verify_data(data).verification.first_wrong == 92


def test_checkpoints_that_cannot_be_written_say_so(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable):
        published.write(tmp_path / "none", Line(at=START, size=0, root=""))
