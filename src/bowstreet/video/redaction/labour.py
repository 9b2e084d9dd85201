"""Runs the worker on one film of a recording: feeds it, and takes what it says, believed as little as any other input."""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Iterator

import msgspec

from bowstreet.errors import Conflict, MalformedPacket
from bowstreet.runtime.confinement import NICE, end, environment
from bowstreet.video.model import Ended, FromWorker, Trouble
from bowstreet.video.pipe import Unframer
from bowstreet.video.redaction.worker import LENGTH, Job

READ_BYTES = 256 * 1024
# A worker that says nothing so long hangs: a look takes a tenth of a second.
SILENT_S = 120.0


async def worked(job: Job, film: Iterator[bytes]) -> AsyncIterator[FromWorker]:
    """Everything the worker says of a film, to its end.

    Raises:
        Conflict: it ended before the film's end; what is wrong is said.
    """
    worker = await asyncio.create_subprocess_exec(
        *NICE, *NICE, sys.executable, "-m", "bowstreet.video.redaction.worker", env=environment(), limit=READ_BYTES,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    feeding = asyncio.ensure_future(_feed(worker, job, film))
    trouble, ended = "its worker ended without a word", False
    try:
        assert worker.stdout is not None
        unframer = Unframer()
        while data := await _read(worker.stdout):
            for message in unframer.feed(data):
                if isinstance(message, Trouble) and message.code != "corrupt":
                    trouble = message.text
                ended = ended or isinstance(message, Ended)
                yield message
    except MalformedPacket as error:
        trouble = error.message
    except TimeoutError:
        trouble = "its worker has hung"
    finally:
        feeding.cancel()
        end(worker)
        await asyncio.gather(feeding, return_exceptions=True)
        await asyncio.shield(worker.wait())
    if not ended:
        raise Conflict(f"the recording could not be worked through: {trouble}", remedy="look at the recording in the player")


async def _read(out: asyncio.StreamReader) -> bytes:
    async with asyncio.timeout(SILENT_S):
        return await out.read(READ_BYTES)


async def _feed(worker: asyncio.subprocess.Process, job: Job, film: Iterator[bytes]) -> None:
    assert worker.stdin is not None
    worker.stdin.write(msgspec.json.encode(job) + b"\n")
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        while parts := await asyncio.to_thread(_some, film):
            worker.stdin.write(b"".join(LENGTH.pack(len(part)) + part for part in parts))
            await worker.stdin.drain()
        worker.stdin.write(LENGTH.pack(0))
        await worker.stdin.drain()


def _some(film: Iterator[bytes]) -> list[bytes]:
    parts, size = [], 0
    while size < READ_BYTES and (part := next(film, b"")):
        parts.append(part)
        size += len(part)
    return parts
