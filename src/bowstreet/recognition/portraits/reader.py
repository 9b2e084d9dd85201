"""The program's end of the process that reads images: one image at a time, each with a time of its own."""

import asyncio
import contextlib
import sys
from pathlib import Path
from typing import Any

import msgspec
import structlog

from bowstreet.errors import MalformedConfiguration, StoreUnavailable
from bowstreet.recognition.listing import ReadFace, Unusable
from bowstreet.recognition.portraits.wire import LENGTH, Failed, Ready, decode
from bowstreet.runtime import confinement

log = structlog.get_logger(__name__)

# Loading and compiling takes seconds on a busy machine; an image some tenths of one.
START_S, IMAGE_S = 90.0, 20.0
MOST_ANSWER_BYTES = 1024 * 1024


class PortraitReader:
    """`FaceReader` by a worker process, started with the first image.

    Args:
        models: the operator's folder of models; None is what ships.
        model_sha256: of what must lie there; "" is whatever does.
    """

    def __init__(self, models: Path | None = None, model_sha256: str = "") -> None:
        self._models, self._model_sha256 = models, model_sha256
        self._worker: asyncio.subprocess.Process | None = None
        self._lock = asyncio.Lock()

    async def read(self, image: bytes) -> ReadFace | Unusable:
        """Raises `MalformedConfiguration` where the models cannot be loaded, `StoreUnavailable` where no process can be
        started."""
        async with self._lock:
            worker = await self._started()
            assert worker.stdin is not None
            try:
                async with asyncio.timeout(IMAGE_S):
                    worker.stdin.write(LENGTH.pack(len(image)) + image)
                    await worker.stdin.drain()
                    answer = await _answer(worker)
            except TimeoutError:
                await self._end()
                return Unusable(why="it takes too long to read: it is not an ordinary photograph")
            except (OSError, EOFError, ValueError, msgspec.DecodeError):
                # What was read may have taken the process over: what it says is checked like any other input, and it is ended.
                await self._end()
                return Unusable(why="it broke what reads images: it is not an ordinary photograph")
            except asyncio.CancelledError:
                await self._end()
                raise
            if isinstance(answer, ReadFace | Unusable):
                return answer
            await self._end()
            return Unusable(why="it cannot be read")

    async def close(self) -> None:
        async with self._lock:
            await self._end()

    async def _started(self) -> asyncio.subprocess.Process:
        if self._worker is not None and self._worker.returncode is None:
            return self._worker
        try:
            worker = await asyncio.create_subprocess_exec(
                *confinement.NICE, sys.executable, "-m", "bowstreet.recognition.portraits.worker", str(self._models or ""),
                self._model_sha256, env=confinement.environment(), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
            )  # fmt: skip
        except OSError as error:
            raise StoreUnavailable(
                f"no process can be started to read images ({error.strerror})", remedy="free memory, and try again"
            ) from error
        self._worker = worker
        said: Any = None
        with contextlib.suppress(TimeoutError, OSError, EOFError, ValueError, msgspec.DecodeError):
            async with asyncio.timeout(START_S):
                said = await _answer(worker)
        if isinstance(said, Ready):
            return worker
        await self._end()
        why = said.why if isinstance(said, Failed) else "it ended without a word"
        raise MalformedConfiguration(f"what reads faces cannot be started: {why}", remedy="run 'bowstreet doctor'")

    async def _end(self) -> None:
        worker, self._worker = self._worker, None
        if worker is None:
            return
        confinement.end(worker)
        await worker.wait()


async def _answer(worker: asyncio.subprocess.Process) -> Any:
    """Raises `EOFError`, `ValueError`, `msgspec.DecodeError` for what is no answer."""
    assert worker.stdout is not None
    (length,) = LENGTH.unpack(await worker.stdout.readexactly(LENGTH.size))
    if length > MOST_ANSWER_BYTES:
        raise ValueError("an answer is too large")
    return decode(await worker.stdout.readexactly(length))
