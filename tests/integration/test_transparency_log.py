"""The log signs one history, witnesses see to it, and an independent program checks both."""

import asyncio
import random
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path

import httpx
import pytest
import uvicorn
from aics_tlog import checkpoint as their_checkpoint
from aics_tlog import note as their_note
from aics_tlog import tiles as their_tiles
from aics_tlog.verified import audit_tiles

from bowstreet.accountability import checkpoint as checkpoints
from bowstreet.accountability import note as notes
from bowstreet.accountability import tiles, witness
from bowstreet.accountability.merkle import leaf_hash, verify_inclusion
from bowstreet.accountability.note import SoftwareSigner
from bowstreet.accountability.published import LATEST_FILE, PublishedFile
from bowstreet.accountability.recorder import Recorder
from bowstreet.accountability.transparency_log import TransparencyLog
from bowstreet.accountability.witness import WitnessDesk
from bowstreet.accountability.witness_http import SIZE_TYPE, RemoteWitness, application
from bowstreet.errors import LedgerBroken, LinkFailure, NotFound
from bowstreet.messages import IncidentChanged
from bowstreet.runtime.bus import InlineBus
from bowstreet.runtime.clock import SimulatedClock
from bowstreet.runtime.sqlite import SqliteStore

AT = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
ORIGIN = "bowstreet.example/islington"
LOG_KEY, WITNESS_KEY = SoftwareSigner(bytes([1] * 32)), SoftwareSigner(bytes([2] * 32))


class House:
    """A ledger in a real file, with its log."""

    def __init__(self, folder: Path, *witnesses: RemoteWitness) -> None:
        self.folder = folder
        self.clock = SimulatedClock(AT)
        self.store = SqliteStore(folder / "record.db")
        self.recorder = Recorder(self.store, InlineBus(), self.clock)
        self.log = TransparencyLog(self.store, ORIGIN, LOG_KEY, PublishedFile(folder, self.clock), witnesses)

    async def open(self) -> "House":
        await self.recorder.open()
        await self.log.open()
        return self

    async def act(self, count: int, word: str = "x") -> None:
        messages = [IncidentChanged(at=AT, incident_id=f"inc-{n}", state="open", reason=word) for n in range(count)]
        await self.recorder.record(messages=messages)

    async def publish(self) -> notes.Note:
        return await self.log.publish(self.recorder.size, self.recorder.root)

    async def close(self) -> None:
        await self.store.close()


@asynccontextmanager
async def house(folder: Path, *witnesses: RemoteWitness) -> AsyncIterator[House]:
    folder.mkdir(exist_ok=True)
    made = House(folder, *witnesses)
    try:
        yield await made.open()
    finally:
        await made.close()


@asynccontextmanager
async def witnessing(folder: Path) -> AsyncIterator[tuple[WitnessDesk, str]]:
    """A real witness on a real socket."""
    folder.mkdir(exist_ok=True)
    log_key = notes.VerifierKey(name=ORIGIN, kind=notes.PLAIN, public_key=LOG_KEY.public_key)
    desk = WitnessDesk("regulator.example/witness", WITNESS_KEY, [log_key], folder, SimulatedClock(AT))
    server = uvicorn.Server(uvicorn.Config(application(desk), port=0, log_level="error", lifespan="off"))
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield desk, f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        await serving


async def as_files(log: TransparencyLog, folder: Path) -> None:
    """The log as static files, whole and partial tiles, as a client would fetch them."""
    note = log.note
    assert note is not None
    size = checkpoints.read_text(note.text).size
    for level, index, width in tiles.all_of(size):
        path = folder / tiles.path_of(level, index, width)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(await log.tile(level, index, width))
        if level == 0:
            path = folder / tiles.path_of(None, index, width)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(await log.entries(index, width))


@pytest.mark.parametrize("count", [1, 255, 256, 257, 1_300])
async def test_an_independent_program_audits_the_whole_log(count: int, tmp_path: Path) -> None:
    async with house(tmp_path / "data") as one:
        await one.act(count)
        note = await one.publish()
        await as_files(one.log, tmp_path / "www")
        reader = their_tiles.FileSystemTileReader(tmp_path / "www")
        said, their = their_checkpoint.checkpoint_from_note(note.write())
        assert their_checkpoint.verify_checkpoint(their, their_note.parse_vkey(one.log.key.write())).ok
        report = audit_tiles(reader, said.size, said.root)
        assert report
        assert their_tiles.tree_root_from_tiles(reader, count) == one.recorder.root
        for index in random.Random(count).sample(range(count), min(count, 20)):
            entry = their_tiles.read_entry(reader, index, count)
            proof = await one.log.inclusion(index, count)
            assert proof == their_tiles.inclusion_proof_from_tiles(reader, index, count)
            assert verify_inclusion(leaf_hash(entry), index, count, proof, one.recorder.root)


async def test_only_what_was_published_is_given_out(tmp_path: Path) -> None:
    async with house(tmp_path) as one:
        await one.act(10)
        with pytest.raises(NotFound):
            await one.log.entries(0, 10)
        await one.publish()
        await one.act(10)
        assert len(tiles.unbundle(await one.log.entries(0, 10))) == 10
        for level, index, width in ((0, 0, 11), (0, 1, 1), (1, 0, 1)):
            with pytest.raises(NotFound):
                await one.log.tile(level, index, width)


async def test_it_goes_on_after_a_restart_and_signs_no_second_history(tmp_path: Path) -> None:
    async with house(tmp_path) as one:
        await one.act(300)
        first = await one.publish()
    async with house(tmp_path) as one:
        assert one.log.note == first
        await one.act(300)
        await one.publish()
    (tmp_path / "old").mkdir()
    with sqlite3.connect(tmp_path / "record.db") as database:
        database.execute("DELETE FROM log WHERE idx >= 500")
    with pytest.raises(LedgerBroken, match="cut short"):
        await House(tmp_path).log.open()


async def test_a_record_rewritten_whole_is_not_signed(tmp_path: Path) -> None:
    async with house(tmp_path / "true") as one, house(tmp_path / "false") as other:
        await one.act(300)
        await one.publish()
        await other.act(300, "another story")
        (tmp_path / "false" / LATEST_FILE).write_bytes((tmp_path / "true" / LATEST_FILE).read_bytes())
        with pytest.raises(LedgerBroken, match="rewritten"):
            await House(tmp_path / "false").log.open()


async def test_a_root_that_is_not_that_of_the_leaves_is_not_signed(tmp_path: Path) -> None:
    async with house(tmp_path) as one:
        await one.act(5)
        with pytest.raises(LedgerBroken):
            await one.log.publish(5, bytes(32))
        assert one.log.note is None


async def test_a_witness_signs_what_continues(tmp_path: Path) -> None:
    async with witnessing(tmp_path / "witness") as (desk, address):
        remote = RemoteWitness(address, desk.key)
        async with house(tmp_path / "data", remote) as one:
            for count in (0, 1, 300, 256, 0):
                await one.act(count)
                note = await one.publish()
                found = checkpoints.cosigned_by(note, desk.key)
                assert found is not None
                assert found.at == AT
            their = their_note.parse_note(note.write())
            result = their_checkpoint.verify_checkpoint(
                their, their_note.parse_vkey(one.log.key.write()), [their_note.parse_vkey(desk.key.write())], quorum=1
            )
            assert (result.ok, result.cosignature_count) == (True, 1)
        # A log that has forgotten what the witness saw is told, and goes on.
        async with house(tmp_path / "data", RemoteWitness(address, desk.key)) as one:
            await one.act(3)
            assert checkpoints.cosigned_by(await one.publish(), desk.key) is not None


async def test_a_witness_does_not_sign_two_histories(tmp_path: Path) -> None:
    async with witnessing(tmp_path / "witness") as (desk, address):
        async with house(tmp_path / "one", RemoteWitness(address, desk.key)) as one:
            await one.act(300)
            await one.publish()
        async with house(tmp_path / "two", RemoteWitness(address, desk.key)) as two:
            for count in (200, 100, 50):  # shorter, as long, longer
                await two.act(count, "another story")
                assert checkpoints.cosigned_by(await two.publish(), desk.key) is None


async def test_a_witness_that_is_gone_or_lies_stops_nothing(tmp_path: Path) -> None:
    nobody = RemoteWitness("http://127.0.0.1:9", notes.VerifierKey(name="w", kind=4, public_key=WITNESS_KEY.public_key))
    async with witnessing(tmp_path / "witness") as (desk, address):
        wrong = notes.VerifierKey(name=desk.key.name, kind=4, public_key=LOG_KEY.public_key)
        liar = RemoteWitness(address, wrong)
        async with house(tmp_path / "data", nobody, liar) as one:
            await one.act(3)
            note = await one.publish()
            assert len(note.signatures) == 1
            assert notes.signed_by(note, one.log.key)
            for remote in (nobody, liar):
                with pytest.raises(LinkFailure):
                    await remote.cosign(note, lambda old: one.log.consistency(old, 3))


def submission(size: int, root: bytes, old: int = 0, proof: tuple[bytes, ...] = (), signer: SoftwareSigner = LOG_KEY) -> bytes:
    note = checkpoints.sign(checkpoints.Checkpoint(origin=ORIGIN, size=size, root=root), ORIGIN, signer)
    return witness.write_request(witness.Request(old_size=old, proof=proof, checkpoint=note.write()))


async def test_the_witness_protocol_word_for_word(tmp_path: Path) -> None:
    async with witnessing(tmp_path / "w") as (desk, address), httpx.AsyncClient(base_url=address) as client:
        assert (await client.get("/")).text.strip() == desk.key.write()

        async def say(body: bytes) -> tuple[int, str]:
            answer = await client.post("/add-checkpoint", content=body)
            return answer.status_code, answer.headers["content-type"]

        root = leaf_hash(b"x")
        unknown = checkpoints.sign(checkpoints.Checkpoint(origin="else", size=1, root=root), "else", LOG_KEY).write()
        assert (await say(b"old 0\n\n" + unknown))[0] == HTTPStatus.NOT_FOUND
        assert (await say(submission(1, root, signer=WITNESS_KEY)))[0] == HTTPStatus.FORBIDDEN
        assert (await say(submission(1, root, old=2)))[0] == HTTPStatus.BAD_REQUEST
        for rubbish in (b"", b"old x\n\n", b"old 0\nAAAA\n\nx", b"old 0\n", b"\xff\n\nx"):
            assert (await say(rubbish))[0] == HTTPStatus.BAD_REQUEST
        assert (await say(b"x" * 100_000))[0] == HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        assert (await say(submission(1, root)))[0] == HTTPStatus.OK
        assert await say(submission(1, root)) == (HTTPStatus.CONFLICT, SIZE_TYPE)
        assert (await say(submission(1, bytes(32), old=1)))[0] == HTTPStatus.CONFLICT
        assert (await say(submission(2, bytes(32), old=1, proof=(bytes(32),))))[0] == HTTPStatus.UNPROCESSABLE_ENTITY
        assert (await say(submission(1, root, old=1)))[0] == HTTPStatus.OK
        assert (await client.get("/add-checkpoint")).status_code == HTTPStatus.METHOD_NOT_ALLOWED


async def test_a_witness_remembers_over_a_restart_and_signs_nothing_that_it_cannot_keep(tmp_path: Path) -> None:
    root = leaf_hash(b"x")
    async with witnessing(tmp_path / "w") as (desk, _):
        assert desk.add_checkpoint(submission(1, root)).verdict is witness.Verdict.SIGNED
    async with witnessing(tmp_path / "w") as (desk, address):
        assert desk.add_checkpoint(submission(1, root)).verdict is witness.Verdict.OTHER_SIZE
        seen = next((tmp_path / "w").glob("seen-*.json"))
        seen.write_bytes(b"{")
        async with httpx.AsyncClient() as client:
            answer = await client.post(f"{address}/add-checkpoint", content=submission(1, root, old=1))
        assert answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE
