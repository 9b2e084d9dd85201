"""A bundle of evidence from a stranger: whatever the bytes, a verdict; and whatever the worker for C2PA says, a word or an error."""

import asyncio
import contextlib
import io
import tempfile
from pathlib import Path

from bowstreet.errors import MalformedPacket
from bowstreet.video.evidence import asking, verify
from bowstreet.video.evidence.report import says
from tests.unit.evidence_world import World


async def _made(folder: Path) -> bytes:
    world = await World(folder).open()
    await world.record(3)
    return b"".join((await world.export()).as_zip())


with tempfile.TemporaryDirectory() as _folder:
    _GENUINE = asyncio.run(_made(Path(_folder)))

_told = io.BytesIO()
asking.tell(_told, asking.Octets(at=0, count=100))
SEEDS = [_GENUINE, _told.getvalue(), b"PK\x03\x04"]


def fuzz_one(data: bytes) -> None:
    with contextlib.suppress(MalformedPacket):
        asking.hear(io.BytesIO(data))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.zip"
        path.write_bytes(data)
        found = verify.verify(path)
    assert found.ok is (data == _GENUINE)
    assert says(found)
