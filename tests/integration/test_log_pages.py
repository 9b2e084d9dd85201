"""The public log over HTTP, read by anyone, without signing in, and by a program that is not ours."""

import pytest
from aics_tlog import checkpoint as their_checkpoint
from aics_tlog import note as their_note
from aics_tlog import tiles as their_tiles
from aics_tlog.tiles import MemoryTileReader
from tests.integration.console_city import city

from bowstreet.accountability import tiles
from bowstreet.messages import IncidentChanged


async def test_anyone_reads_the_whole_log_and_checks_it() -> None:
    town = await city()
    log, recorder = town.services.log, town.recorder
    async with town.client() as nobody:
        assert (await nobody.get("/log/checkpoint")).status_code == 404
        changes = [IncidentChanged(at=town.clock.now(), incident_id=f"i-{n}", state="open", reason="secret") for n in range(600)]
        await recorder.record(messages=changes)
        await log.publish(recorder.size, recorder.root)
        answer = await nobody.get("/log/checkpoint")
        said, note = their_checkpoint.checkpoint_from_note(answer.content)
        key = their_note.parse_vkey((await nobody.get("/log/key")).text.strip())
        assert their_checkpoint.verify_checkpoint(note, key, expected_origin="bowstreet.example/city").ok
        fetched = {}
        for level, index, width in tiles.all_of(said.size):
            path = tiles.path_of(level, index, width)
            answer = await nobody.get(f"/log/{path}")
            assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
            assert answer.headers["access-control-allow-origin"] == "*"
            fetched[path] = answer.content
        assert their_tiles.tree_root_from_tiles(MemoryTileReader(fetched), said.size) == said.root
        entries = b"".join(
            [(await nobody.get(f"/log/{tiles.path_of(None, index)}")).content for index in range(said.size // 256)]
        )
        assert b"i-7" in entries
        assert b"secret" not in entries


@pytest.mark.parametrize(
    "path",
    [
        "tile/0/000",
        "tile/9/000",
        "tile/0/000.p/256",
        "tile/0/../checkpoint",
        "tile/entries/1",
        "tile/0/x000/001",
        "tile/x",
        "none",
        "",
    ],
)
async def test_what_is_no_tile_is_refused_in_one_line(path: str) -> None:
    town = await city()
    async with town.client() as nobody:
        answer = await nobody.get(f"/log/{path}")
        assert answer.status_code in (400, 404)
        assert answer.headers["content-type"] == "application/problem+json"
        assert (await nobody.post("/log/checkpoint")).status_code in (403, 405)
