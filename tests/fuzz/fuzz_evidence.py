"""A bundle of evidence from a stranger: whatever the bytes, a verdict; and whatever the worker for C2PA says, a word or an error."""

import asyncio
import contextlib
import io
import tempfile
from pathlib import Path

from bowstreet.errors import MalformedPacket
from bowstreet.video.evidence import asking, verify
from bowstreet.video.evidence.model import Copies
from bowstreet.video.evidence.report import says
from tests.unit.evidence_world import World
from tests.unit.test_evidence_redacted import copied, exported


async def _made(folder: Path) -> tuple[bytes, bytes]:
    """A bundle of an original, and one of its redacted copy."""
    world = await World(folder).open()
    recording_id = await world.record(3)
    original = b"".join((await world.export()).as_zip())
    await copied(world, recording_id)
    return original, b"".join((await exported(world, Copies.REDACTED)).as_zip())


with tempfile.TemporaryDirectory() as _folder:
    _GENUINE = asyncio.run(_made(Path(_folder)))

_told = io.BytesIO()
asking.tell(_told, asking.Octets(at=0, count=100))
# Seeds are written by one process and read by another, whose own bundles have other ids: both are genuine.
_WRITTEN = Path(__file__).parents[2] / ".fuzz" / "evidence"
SEEDS = [*_GENUINE, _told.getvalue(), b"PK\x03\x04"]


def fuzz_one(data: bytes) -> None:
    with contextlib.suppress(MalformedPacket):
        asking.hear(io.BytesIO(data))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.zip"
        path.write_bytes(data)
        found = verify.verify(path)
    genuine = data in _GENUINE or any(data == seed.read_bytes() for seed in _WRITTEN.glob("seed-[01]"))
    assert found.ok is genuine
    assert says(found)
