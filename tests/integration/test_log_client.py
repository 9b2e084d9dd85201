"""A stranger with nothing but the log's address: what it verifies, and that it is not fooled. Over a real socket."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
import uvicorn
from fastapi import FastAPI
from tests.unit.ledger_world import ORIGIN, House, filled, tamper

from bowstreet.accountability import checkpoint as checkpoints
from bowstreet.accountability import log_client, tiles
from bowstreet.accountability import note as notes
from bowstreet.accountability.log_client import Fetch, verify
from bowstreet.accountability.note import SoftwareSigner, VerifierKey
from bowstreet.accountability.rotation import Rotation, open_log
from bowstreet.cli import main
from bowstreet.console.log import router
from bowstreet.errors import LedgerBroken, LinkFailure, MalformedProof, NotFound

STRANGER = VerifierKey(name=ORIGIN, kind=notes.PLAIN, public_key=SoftwareSigner(bytes([9] * 32)).public_key)


@asynccontextmanager
async def served(house: House) -> AsyncIterator[str]:
    app = FastAPI()
    app.include_router(router(house.log))
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", lifespan="off"))
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/log"
    finally:
        server.should_exit = True
        await serving


async def cli(*words: str) -> int:
    return await asyncio.to_thread(main, ["audit", "verify", *words])


async def test_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    house = await filled(tmp_path / "data", 300)
    kept = str(tmp_path / "kept")
    async with served(house) as address:
        key = httpx.get  # the key is read as anybody would
        known = await asyncio.to_thread(lambda: key(f"{address}/key").text)
        assert await cli("--log", address, "--key", known, "--save", kept) == 0
        assert "600 entries" in capsys.readouterr().out
        for number in range(300, 310):
            await house.act(number)
        await house.publish()
        assert await cli("--log", address, "--key", known, "--since", kept, "--entry", "7", "--all", "--json", "-") == 0
        told = capsys.readouterr().out
        assert '"since": 600' in told
        assert '"entries_read": 620' in told
        assert '\\"index\\":7' in told
        assert await cli("--log", address, "--key", STRANGER.write()) == 1
        assert "another key" in capsys.readouterr().err
        assert await cli("--log", address, "--entry", "620") == 2
        witness = VerifierKey(name="w", kind=notes.COSIGNATURE, public_key=STRANGER.public_key)
        assert await cli("--log", address, "--witness", witness.write()) == 1
        assert "has not signed it" in capsys.readouterr().out
        assert await cli("--log", address + "/nothing") == 2
    assert await cli("--log", address) == 1
    assert "cannot be reached" in capsys.readouterr().err
    await house.close()


async def _pages(house: House) -> dict[str, bytes]:
    """Everything that the log gives out, as a mirror keeps it."""
    note = house.log.note
    assert note is not None
    size = checkpoints.read_text(note.text).size
    pages = {"checkpoint": note.write(), "key": (house.log.key.write() + "\n").encode()}
    for level, index, width in tiles.all_of(size):
        pages[tiles.path_of(level, index, width)] = await house.log.tile(level, index, width)
        if level == 0:
            pages[tiles.path_of(None, index, width)] = await house.log.entries(index, width)
    return pages


def mirror(pages: dict[str, bytes]) -> Fetch:
    def fetch(path: str) -> bytes:
        if path not in pages:
            raise NotFound(path, remedy="")
        return pages[path]

    return fetch


async def test_any_changed_byte_of_any_page_is_found(tmp_path: Path) -> None:
    house = await filled(tmp_path, 150)
    pages, key = await _pages(house), house.log.key
    await house.close()
    assert verify(mirror(pages), keys=[key], everything=True).entries_read == 300
    for path, page in pages.items():
        for at in range(0, len(page), max(1, len(page) // 40)):
            bent = bytearray(page)
            bent[at] ^= 1 << at % 8
            with pytest.raises((LedgerBroken, MalformedProof)):
                verify(mirror({**pages, path: bytes(bent)}), keys=[key], everything=True)
        whole = page.rstrip(b"\n") if path == "key" else page  # a newline more or less after a key is no other key
        for cut in (whole[:-1], b"", whole + whole[-1:]):
            with pytest.raises((LedgerBroken, MalformedProof)):
                verify(mirror({**pages, path: cut}), keys=[key], everything=True)


async def test_a_log_cut_short_or_rewritten_is_caught_by_a_kept_checkpoint(tmp_path: Path) -> None:
    house = await filled(tmp_path / "one", 20)
    other = await filled(tmp_path / "two", 15)
    signer = SoftwareSigner(bytes([4] * 32))
    one, two = await _under(house, signer), await _under(other, signer)
    longer = await two(20)
    since = notes.read((await one(20))["checkpoint"])
    with pytest.raises(LedgerBroken, match="rewritten"):
        verify(mirror(longer), since=since)
    shorter = {**longer, "checkpoint": (await two(10))["checkpoint"]}
    with pytest.raises(LedgerBroken, match="cut short"):
        verify(mirror({**await two(10)}), since=since)
    with pytest.raises((LedgerBroken, NotFound)):
        verify(mirror(shorter))
    with pytest.raises(MalformedProof, match="not of this log"):
        verify(mirror(await one(20)), since=notes.Note(text=since.text, signatures=()))
    await house.close()
    await other.close()


async def _under(house: House, signer: SoftwareSigner):  # type: ignore[no-untyped-def]
    """The pages of this record's beginnings, as if one key had signed them."""
    rows = [row async for row in house.store.log_rows()]

    async def pages(size: int) -> dict[str, bytes]:
        from bowstreet.accountability.merkle import root_of

        leaves = [row.leaf_hash for row in rows[:size]]
        note = checkpoints.sign(checkpoints.Checkpoint(origin=ORIGIN, size=size, root=root_of(leaves)), ORIGIN, signer)
        key = VerifierKey(name=ORIGIN, kind=notes.PLAIN, public_key=signer.public_key)
        return {
            "checkpoint": note.write(), "key": key.write().encode(),
            tiles.path_of(0, 0, size): b"".join(leaves), tiles.path_of(None, 0, size): tiles.bundle([row.entry for row in rows[:size]]),
        }  # fmt: skip

    return pages


async def test_a_changed_key_is_followed_over_http(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    house = await filled(tmp_path / "data", 5)
    first, before = house.log.key, house.log.note
    assert before is not None
    (tmp_path / "kept").write_bytes(before.write())
    await Rotation(house.folder, house.recorder, house.published).log_key(ORIGIN, house.master)
    house.log = open_log(house.folder, house.store, ORIGIN, house.master, house.published)
    await house.log.open()
    await house.publish()
    async with served(house) as address:
        async with httpx.AsyncClient() as client:
            both = (await client.get(f"{address}/key")).text
        assert both.splitlines() == [house.log.key.write(), first.write()]
        for known in (both, first.write(), house.log.key.write()):
            assert await cli("--log", address, "--key", known, "--since", str(tmp_path / "kept")) == 0
        assert "At entry 10 the log's key became" in capsys.readouterr().out
    await house.close()


async def test_an_answer_without_end_is_broken_off() -> None:
    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        with contextlib.suppress(OSError):
            while True:
                writer.write(bytes(1 << 16))
                await writer.drain()

    server = await asyncio.start_server(endless, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    with pytest.raises(LinkFailure, match="more than a log has"):
        await asyncio.to_thread(log_client.verify_over, f"http://127.0.0.1:{port}")
    server.close()


def test_tampering_world_is_real(tmp_path: Path) -> None:
    """What this file calls a mirror is what the log gives out: a record that was changed gives other pages."""

    async def pages(change: bool) -> dict[str, bytes]:
        house = await filled(tmp_path / str(change), 2)
        if change:
            tamper(house.folder, "UPDATE log SET leaf_hash = zeroblob(32) WHERE idx = 1")
        made = await _pages(house)
        await house.close()
        return made

    with pytest.raises(LedgerBroken, match="tiles"):
        verify(mirror(asyncio.run(pages(change=True))))
    assert verify(mirror(asyncio.run(pages(change=False)))).ok
