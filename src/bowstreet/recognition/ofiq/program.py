"""Runs the operator's OFIQ on some images at a time, in a limited process, and reads what it wrote.

Images go to it in memory and its table comes by a pipe: nothing of a face is written to a disk, and it could write no file if it
wanted to. Where there are no files in memory (not Linux) images lie in a folder that is gone with the run.
"""

import asyncio
import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import structlog

from bowstreet.errors import MeasureUnavailable
from bowstreet.recognition.ofiq import table
from bowstreet.recognition.ofiq.model import OfiqScores, OfiqSettings
from bowstreet.runtime import confinement

log = structlog.get_logger(__name__)

# Its ten models measure some hundred megabytes.
START_S = 60.0
MOST_COMPLAINT_BYTES = 4_096
# Processor time counts all its threads, wall time does not.
THREADS = 8
_CHECK = "run 'bowstreet doctor', and look at [recognition.ofiq] in the configuration"


class Ofiq:
    """OFIQ as it is configured. One run at a time: it takes gigabytes and all processors that it may."""

    def __init__(self, settings: OfiqSettings) -> None:
        self.settings = settings
        self._lock = asyncio.Lock()

    def check(self) -> None:
        """That what is configured is there. Raises `MeasureUnavailable`."""
        s = self.settings
        if not s.program.is_file() or not os.access(s.program, os.X_OK):
            raise MeasureUnavailable(
                f"OFIQ is not at {s.program}, or may not be run", remedy="name OFIQSampleApp, as its BUILD.md makes it"
            )
        if not (s.data / s.configuration).is_file():
            raise MeasureUnavailable(
                f"OFIQ's configuration is not at {s.data / s.configuration}",
                remedy="name the 'data' folder of OFIQ, with its models",
            )

    async def assess(self, images: Sequence[bytes]) -> list[OfiqScores]:
        """What OFIQ says of each image file (JPEG, PNG or WebP), in order.

        Raises:
            MeasureUnavailable: it is not there, fails, takes too long, or writes what is no table of these images.
        """
        async with self._lock:
            left, found = list(range(len(images))), dict[int, OfiqScores]()
            while left:
                said = await self._run([images[at] for at in left])
                found |= {at: one for at, one in zip(left, said, strict=True) if one is not None}
                # The first could not be read, and OFIQ then names no measures: the others are given to it again without it.
                unknown = [at for at in left if at not in found]
                if len(unknown) == len(left):
                    raise MeasureUnavailable("what OFIQ wrote names no measure", remedy=_CHECK)
                left = unknown
            return [found[at] for at in range(len(images))]

    async def _run(self, images: Sequence[bytes]) -> list[OfiqScores | None]:
        self.check()
        limit_s = START_S + self.settings.seconds_each * len(images)
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bowstreet-ofiq-")))
            given = [stack.enter_context(_given(image, folder, number)) for number, image in enumerate(images)]
            names = [name for name, _ in given]
            listed = folder / "images.txt"  # OFIQ takes a list by this ending
            listed.write_text("".join(f"{name}\n" for name in names), "ascii")
            passed = [descriptor for _, descriptor in given if descriptor >= 0]
            written, status, complaint = await self._ended(listed, passed, limit_s)
        if status != 0:
            raise MeasureUnavailable(f"OFIQ ended with status {status}{complaint}", remedy=_CHECK)
        if not written:
            raise MeasureUnavailable(f"OFIQ wrote nothing{complaint}", remedy=_CHECK)
        return table.parse_table(written, names)

    async def _ended(self, listed: Path, passed: Sequence[int], limit_s: float) -> tuple[bytes, int, str]:
        """What it wrote, its status, and its complaint."""
        s = self.settings
        reading, writing = os.pipe()
        with os.fdopen(reading, "rb") as end:
            try:
                worker = await asyncio.create_subprocess_exec(
                    *confinement.NICE, sys.executable, "-m", "bowstreet.recognition.ofiq.launcher", str(int(limit_s * THREADS)),
                    str(s.program.resolve()), "-c", str(s.data.resolve()), "-cf", s.configuration, "-i", str(listed),
                    "-o", f"/dev/fd/{writing}", env=confinement.environment(), stdin=asyncio.subprocess.DEVNULL,
                    stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE, pass_fds=(writing, *passed),
                    cwd=listed.parent,
                )  # fmt: skip
            except OSError as error:
                raise MeasureUnavailable(f"OFIQ cannot be started ({error.strerror})", remedy=_CHECK) from error
            finally:
                os.close(writing)
            try:
                async with asyncio.timeout(limit_s):
                    written, complaint = await asyncio.gather(_all_of(end), _complaint(worker))
                    return written, await worker.wait(), complaint
            except TimeoutError as error:
                raise MeasureUnavailable(
                    f"OFIQ did not end within {limit_s:.0f} s", remedy="give it fewer images_at_once, or more seconds_each"
                ) from error
            finally:
                confinement.end(worker)
                await worker.wait()


@contextmanager
def _given(image: bytes, folder: Path, number: int) -> Iterator[tuple[str, int]]:
    """An image as OFIQ is to find it: its name, and the descriptor to pass on, -1 for none."""
    if not hasattr(os, "memfd_create"):
        path = folder / f"{number}"
        path.write_bytes(image)
        yield str(path), -1
        return
    with os.fdopen(os.memfd_create(f"image {number}"), "wb") as file:
        file.write(image)
        file.flush()
        yield f"/dev/fd/{file.fileno()}", file.fileno()


async def _all_of(end: object) -> bytes:
    """Until it is closed. Raises `MeasureUnavailable` as soon as it is longer than any table."""
    loop, reader = asyncio.get_running_loop(), asyncio.StreamReader()
    transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), end)
    try:
        parts, size = list[bytes](), 0
        while part := await reader.read(65_536):
            size += len(part)
            parts.append(part)
            if size > table.MOST_BYTES:
                raise MeasureUnavailable("OFIQ does not stop writing", remedy=_CHECK)
        return b"".join(parts)
    finally:
        transport.close()


async def _complaint(worker: asyncio.subprocess.Process) -> str:
    """Its first line of errors, in what can be shown: names in it are our own."""
    assert worker.stderr is not None
    said = b""
    with contextlib.suppress(OSError):
        while part := await worker.stderr.read(4_096):
            said = (said + part)[:MOST_COMPLAINT_BYTES]
    shown = "".join(one if one.isprintable() else " " for one in said.decode("ascii", "replace").strip())
    return f": {shown[:300]}" if shown else ""
