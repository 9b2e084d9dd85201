"""Takes one source in: runs its worker, watches it, and connects anew when it fails. Other streams never notice."""

import asyncio
import contextlib
import os
import random
import signal
import sys
from collections.abc import Callable

import msgspec
import structlog
from msgspec.structs import replace

from bowstreet.errors import MalformedPacket
from bowstreet.runtime.ports import Clock
from bowstreet.video import orders, rules
from bowstreet.video.model import (
    AccessUnit,
    Ended,
    FromWorker,
    Looked,
    StreamFormat,
    StreamState,
    StreamStatus,
    Trouble,
    VideoSource,
)
from bowstreet.video.pipe import Unframer

log = structlog.get_logger(__name__)

LOOK_EVERY_S = 0.5
READ_BYTES = 256 * 1024
# What a worker needs of the environment, and nothing else of it.
ENVIRONMENT = ("PATH", "PYTHONPATH", "LANG", "HOME", "LD_LIBRARY_PATH")

# The program that flies comes first, from a worker's first moment: its start is what costs most. POSIX.
NICE = ("nice", "-n", "5")

OnMessage = Callable[[FromWorker], None]


class Ingest:
    """One source, for as long as `run` runs.

    Args:
        clock: real time; a camera knows no other.
        on_message: told everything the worker says, in order. Must not block.
    """

    def __init__(self, source: VideoSource, clock: Clock, on_message: OnMessage) -> None:
        self.source = source
        self.format: StreamFormat | None = None
        self._clock = clock
        self._on_message = on_message
        self._worker: asyncio.subprocess.Process | None = None
        self._failures = 0
        self._heard_at = 0.0
        self._told = False  # whether this worker, or who watches it, has said what is wrong
        self.status = StreamStatus(source_id=source.source_id, state=StreamState.CONNECTING, since=clock.now())

    @property
    def worker_pid(self) -> int | None:
        """The process that takes it in now; None while there is none."""
        return None if self._worker is None else self._worker.pid

    async def run(self) -> None:
        """Until the source ends by itself, or cancelled."""
        while True:
            self._enter(StreamState.CONNECTING)
            began = asyncio.get_running_loop().time()
            if await self._once():
                self._enter(StreamState.ENDED)
                return
            well = self.status.state is StreamState.LIVE and asyncio.get_running_loop().time() - began >= rules.WELL_S
            self._failures = 1 if well else self._failures + 1
            self._enter(StreamState.WAITING)
            self.status = replace(self.status, restarts=self.status.restarts + 1)
            # Spread, so that cameras that failed together do not come back together.
            await asyncio.sleep(rules.back_off_s(self._failures) * random.uniform(0.75, 1.25))  # noqa: S311 - no secret

    def rest(self) -> None:
        """Nothing is asked of the source now."""
        self._enter(StreamState.ENDED)

    def order(self, order: orders.AnyOrder) -> None:
        """Tell the worker; dropped while there is none."""
        worker = self._worker
        if worker is None or worker.stdin is None or worker.stdin.is_closing():
            return
        # An order is small; a worker that reads none while a megabyte waits is about to be connected anew.
        if worker.stdin.transport.get_write_buffer_size() < orders.MOST_BYTES:
            worker.stdin.write(orders.written(order))

    async def _once(self) -> bool:
        """Run a worker; whether the source ended by itself."""
        environment = {name: os.environ[name] for name in ENVIRONMENT if name in os.environ}
        try:
            worker = await asyncio.create_subprocess_exec(
                *NICE, sys.executable, "-m", "bowstreet.video.worker", env=environment, limit=READ_BYTES,
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
            )  # fmt: skip
        except OSError as error:  # no memory, no file handles: as any other failure, it is tried again
            self._trouble(Trouble(code="worker", text=f"no worker could be started ({error.strerror})"))
            return False
        assert worker.stdin is not None
        assert worker.stdout is not None
        self._worker = worker
        self._heard_at = asyncio.get_running_loop().time()
        self._told = False
        watching = asyncio.ensure_future(self._watch(worker))
        ended = False
        try:
            worker.stdin.write(msgspec.json.encode(self.source) + b"\n")
            unframer = Unframer()
            while data := await worker.stdout.read(READ_BYTES):
                for message in unframer.feed(data):
                    ended = ended or isinstance(message, Ended)
                    self._take(message)
        except MalformedPacket as error:
            self._trouble(Trouble(code="worker", text=error.message))
        except (BrokenPipeError, ConnectionResetError):
            pass
        finally:
            self._worker = None
            watching.cancel()
            _end(worker)
            status = await asyncio.shield(worker.wait())
        if not ended and not self._told:
            self._trouble(Trouble(code="worker", text=f"its worker ended without a word (exit status {status})"))
        return ended

    async def _watch(self, worker: asyncio.subprocess.Process) -> None:
        listens = self.source.address.startswith("rtsp+listen:")
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            silent_s = asyncio.get_running_loop().time() - self._heard_at
            had_unit = self.status.state in (StreamState.LIVE, StreamState.STALLED)
            if not had_unit:
                # A worker that connects gives up by itself; one that listens waits for as long as it takes.
                if not listens and silent_s > 4 * rules.RECONNECT_S:
                    _end(worker)
                continue
            self._enter(rules.stream_state(silent_s, had_unit))
            if rules.reconnects(silent_s):
                self._trouble(Trouble(code="stalled", text="nothing came any more; connected anew"))
                _end(worker)
                return

    def _take(self, message: FromWorker) -> None:
        if isinstance(message, StreamFormat):
            self.format = message
            self.status = replace(self.status, codec=message.codec, width_px=message.width_px, height_px=message.height_px)
        elif isinstance(message, AccessUnit):
            self._heard_at = asyncio.get_running_loop().time()
            if self.status.state is not StreamState.LIVE:
                self._enter(StreamState.LIVE)
            self.status = replace(
                self.status, units=self.status.units + 1, octets=self.status.octets + len(message.data),
                last_unit_at=self._clock.now(),
            )  # fmt: skip
        elif isinstance(message, Looked):
            self.status = replace(self.status, looked=message)
        elif isinstance(message, Trouble):
            self._trouble(message)
        self._on_message(message)

    def _enter(self, state: StreamState) -> None:
        if state is not self.status.state:
            self.status = replace(self.status, state=state, since=self._clock.now())

    def _trouble(self, trouble: Trouble) -> None:
        self._told = True
        corrupt = trouble.count if trouble.code == "corrupt" else self.status.corrupt
        self.status = replace(self.status, trouble=trouble.text, corrupt=corrupt)
        log.warning("trouble with a video stream", source=self.source.source_id, code=trouble.code, count=trouble.count)


def _end(worker: asyncio.subprocess.Process) -> None:
    """Kill a worker. `Process.kill` first asks whether it is dead, which takes its exit status from under the loop's own watcher:
    "Unknown child process pid", and a status of 255. Until the loop has that status the process id is the worker's alone."""
    if worker.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(worker.pid, signal.SIGKILL)
