"""The ledger under everything that may befall it: each test does it, and finds it or survives it."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import uvicorn
from tests.unit.ledger_world import NOW, ORIGIN, STEPS, House, filled, tamper

from bowstreet.accountability import checkpoint as checkpoints
from bowstreet.accountability import published
from bowstreet.accountability.audit import Report, keyring_of, verify_data
from bowstreet.accountability.ledger import read_entry
from bowstreet.accountability.note import Note, SoftwareSigner
from bowstreet.accountability.published import FILE, LATEST_FILE
from bowstreet.accountability.recorder import Recorder
from bowstreet.accountability.witness import WitnessDesk
from bowstreet.accountability.witness_http import RemoteWitness, application
from bowstreet.cli import main
from bowstreet.errors import LedgerBroken
from bowstreet.messages import IncidentChanged
from bowstreet.runtime import clock as clocks
from bowstreet.runtime.bus import InlineBus
from bowstreet.runtime.clock import ScaledClock
from bowstreet.runtime.sqlite import SqliteReader

ROOT = Path(__file__).parents[2]
ACTS = 40
ENTRIES = 2 * ACTS
_SWAP = (
    "UPDATE log SET idx = -1 WHERE idx = 10", "UPDATE log SET idx = 10 WHERE idx = 11", "UPDATE log SET idx = 11 WHERE idx = -1",
)  # fmt: skip


def audited(folder: Path, known: Note | None = None) -> Report:
    roots = {} if known is None else {(said := checkpoints.read_text(known.text)).size: said.root}
    with keyring_of(folder, "") as keyring:
        return verify_data(folder, known=roots, keyring=keyring)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ledger") / "data"
    asyncio.run(_made(folder))
    return folder


async def _made(folder: Path) -> None:
    await (await filled(folder, ACTS)).close()


@pytest.fixture
def data(original: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(original, tmp_path / "data"))


# --- somebody changes it ------------------------------------------------------------------------------------------------


@pytest.mark.requirement("F14")
@pytest.mark.parametrize(
    ("statements", "first_wrong"),
    [
        (["UPDATE log SET entry = CAST(replace(CAST(entry AS TEXT), 'inc-', 'ink-') AS BLOB) WHERE idx = 20"], 20),
        (["UPDATE log SET payload = substr(payload, 1, 40) || x'00' || substr(payload, 42) WHERE idx = 21"], 21),
        (["DELETE FROM log WHERE idx = 30"], 30),
        (["DELETE FROM log WHERE idx = 30", "UPDATE log SET idx = idx - 1 WHERE idx > 30"], 30),
        (_SWAP, 10),
        (["DELETE FROM log WHERE idx >= 70"], 70),
        (["DELETE FROM log"], 0),
    ],
    ids=["edited", "sealed payload edited", "dropped", "dropped and closed up", "reordered", "cut short", "emptied"],
)  # fmt: skip
async def test_what_was_changed_is_named_and_nothing_is_appended(
    data: Path, statements: list[str], first_wrong: int, capsys: pytest.CaptureFixture[str]
) -> None:
    tamper(data, *statements)
    found = audited(data)
    assert (found.ok, found.verification.first_wrong) == (False, first_wrong)
    assert await asyncio.to_thread(main, ["audit", "verify", str(data)]) == 1
    assert f"entry {first_wrong} is the first that is wrong" in capsys.readouterr().out
    if "payload" not in statements[0]:  # what an entry commits to is the auditor's to open; the chain is the program's
        house = House(data)
        with pytest.raises(LedgerBroken):
            await house.open()
        await house.close()


@pytest.mark.requirement("F14")
async def test_the_tail_cut_off_and_an_old_checkpoint_put_back(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The whole directory as it was yesterday, checkpoints and all: only what others kept can tell, and it does."""
    old = Path(shutil.copytree(data, tmp_path / "yesterday"))
    async with witnessing(tmp_path / "witness") as (desk, address):
        house = await _witnessed(data, desk, address)
        await house.act(90)
        newest = await house.publish()
        assert checkpoints.cosigned_by(newest, desk.key) is not None
        await house.close()
        (tmp_path / "kept").write_bytes(newest.write())

        assert audited(old).ok  # in itself it is whole
        found = audited(old, newest)
        assert found.verification.first_wrong == ENTRIES
        assert "cut short" in found.says()
        assert await asyncio.to_thread(main, ["audit", "verify", str(old), "--since", str(tmp_path / "kept")]) == 1
        assert f"once held {ENTRIES + 2}" in capsys.readouterr().out
        # It may go on by itself, but no witness signs for it, not even when it is longer again.
        house = await _witnessed(old, desk, address)
        for number in (91, 92):
            await house.act(number)
            assert checkpoints.cosigned_by(await house.publish(), desk.key) is None
        await house.close()


@pytest.mark.requirement("F14")
async def test_an_old_checkpoint_alone_put_back(data: Path) -> None:
    """The record is whole, the signed checkpoint is an older one: nothing is wrong, and the log goes on from where it stands."""
    old = (data / LATEST_FILE).read_bytes()
    house = await House(data).open()
    await house.act(90)
    await house.publish()
    await house.close()
    (data / LATEST_FILE).write_bytes(old)
    house = await House(data).open()
    said = checkpoints.read_text((await house.publish()).text)
    assert (said.size, said.root) == (ENTRIES + 2, house.recorder.root)
    await house.close()
    # A shorter record with that older checkpoint still contradicts those that were kept for good beside it.
    tamper(data, f"DELETE FROM log WHERE idx >= {ENTRIES}")
    (data / LATEST_FILE).write_bytes(old)
    assert audited(data).verification.first_wrong == ENTRIES


@pytest.mark.requirement("F14")
async def test_forked(data: Path, tmp_path: Path) -> None:
    """One key, two histories that part after the same beginning: a witness signs for one of them, ever."""
    other = Path(shutil.copytree(data, tmp_path / "other"))
    async with witnessing(tmp_path / "witness") as (desk, address):
        one, two = await _witnessed(data, desk, address), await _witnessed(other, desk, address)
        assert checkpoints.cosigned_by(await one.publish(), desk.key) is not None
        await one.act(91)
        await two.act(92)
        mine, theirs = await one.publish(), await two.publish()
        assert checkpoints.cosigned_by(mine, desk.key) is not None
        assert checkpoints.cosigned_by(theirs, desk.key) is None
        await two.act(93)
        assert checkpoints.cosigned_by(await two.publish(), desk.key) is None
        await one.close()
        await two.close()
    # Whoever holds one side's checkpoint sees that the other is not its continuation, and where at the latest they part.
    found = audited(other, mine)
    assert found.verification.first_wrong == ENTRIES + 1
    assert "rewritten" in found.says()
    assert audited(data, mine).ok


@pytest.mark.requirement("F10", "F14")
async def test_the_clock_is_moved_back(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By an hour while it runs, and by a year before it starts again: the record's time goes on, and it verifies."""
    wall = datetime(2027, 6, 1, 12, tzinfo=UTC)
    monkeypatch.setattr(clocks, "_wall", lambda: wall)
    last = NOW
    for back in (timedelta(0), timedelta(hours=1), timedelta(days=365)):
        wall -= back
        house = await House(data).open()
        clock = ScaledClock(1.0, last)
        recorder = Recorder(house.store, InlineBus(), clock)
        await recorder.open()
        for _ in range(2):
            await recorder.record(messages=[IncidentChanged(at=clock.now(), incident_id="inc-0001", state="open")])
            wall -= timedelta(hours=1)
        last = clock.now()
        await house.close()
    with SqliteReader(data / "record.db") as reader:
        moments = [read_entry(row.entry).at for row in reader.log_rows()]
    assert moments == sorted(moments)
    assert moments[-1] >= datetime(2027, 6, 1, 12, tzinfo=UTC)
    assert audited(data).ok


# --- the machine fails ---------------------------------------------------------------------------------------------------


@pytest.mark.requirement("F10", "F14", "P1", "P3")
def test_the_disk_is_full_at_each_write(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.scenario.full_disk", str(tmp_path)], cwd=ROOT, capture_output=True, text=True, timeout=400
    )
    assert done.returncode == 0, done.stderr[-3_000:]
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert [one for one in told if one["wrong"]] == []
    for deed in {one["deed"] for one in told}:
        refused = {one["refused"] for one in told if one["deed"] == deed}
        assert refused == {True, False}, f"{deed}: the limits do not reach from before its first write to after its last"


@pytest.mark.requirement("F7", "P1", "P3")
@pytest.mark.parametrize("step", STEPS)
async def test_killed_at_each_step_of_an_act(step: str, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    await (await filled(folder, 3)).close()
    died = subprocess.run(
        [sys.executable, "-m", "tests.unit.ledger_world", "act", str(folder), step],
        cwd=ROOT, env={**os.environ, "OTHER_KEY": "ab" * 32}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert died.returncode == -9, died.stdout + died.stderr
    acknowledged = set(died.stdout.split())
    assert {f"inc-{number:04}" for number in (100, 101, 102)} <= acknowledged

    durable = STEPS.index(step) >= STEPS.index("after the commit")
    again = House(folder)
    heard: list[str] = []

    async def hear(message: IncidentChanged) -> None:
        heard.append(message.incident_id)

    again.bus.subscribe(IncidentChanged, hear)
    await again.open()
    held = {one.id for one in again.incidents.all()}
    assert acknowledged <= held
    assert ("inc-0103" in held) is durable, "it is there whole, or not at all"
    with SqliteReader(folder / "record.db") as reader:
        entries = [read_entry(row.entry) for row in reader.log_rows()]
    assert sum(entry.subject == "inc-0103" for entry in entries) == (2 if durable else 0)
    await again.recorder.recover()
    if durable and "inc-0103" not in acknowledged:
        assert "inc-0103" in heard, "what was committed and perhaps not told is told again"
    await again.act(104)
    note = await again.publish()
    await again.close()
    found = audited(folder, note)
    assert found.ok, found.says()
    assert found.checkpoints_unreadable == 0


@pytest.mark.requirement("F14")
async def test_a_line_torn_by_a_power_cut_costs_no_other(data: Path) -> None:
    with (data / FILE).open("ab") as file:
        file.write(b'{"at":"2026-11-23T1')
    house = await House(data).open()
    await house.act(90)
    await house.publish()
    await house.close()
    roots, unreadable = published.read(data)
    assert (set(roots), unreadable) == ({ENTRIES, ENTRIES + 2}, 1)
    assert audited(data).ok


# --- a witness ------------------------------------------------------------------------------------------------------------


async def _witnessed(folder: Path, desk: WitnessDesk, address: str) -> House:
    house = await House(folder).open()
    desk._logs.setdefault(ORIGIN, []).append(house.log.key)
    house.log._witnesses = [RemoteWitness(address, desk.key)]
    return house


@asynccontextmanager
async def witnessing(folder: Path) -> AsyncIterator[tuple[WitnessDesk, str]]:
    """A real one on a real socket."""
    folder.mkdir()
    desk = WitnessDesk("regulator.example/witness", SoftwareSigner(bytes([2] * 32)), [], folder, ScaledClock())
    server = uvicorn.Server(uvicorn.Config(application(desk), port=0, log_level="error", lifespan="off"))
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        yield desk, f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        await serving
