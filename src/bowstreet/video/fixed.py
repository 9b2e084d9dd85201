"""Looks at one fixed camera: runs its worker, watches it, and connects anew when it fails. Other cameras never notice."""

import asyncio
import contextlib
import os
import random
import sys
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import structlog
from msgspec.structs import replace

from bowstreet.errors import MalformedPacket
from bowstreet.video import orders, rules
from bowstreet.video.fixed_model import FixedSource, FixedStatus, Opened, Said, Tally
from bowstreet.video.ingest import ENVIRONMENT, LOOK_EVERY_S, NICE, READ_BYTES
from bowstreet.video.model import Ended, Finding, StreamState, Trouble
from bowstreet.video.pipe import Unframer

log = structlog.get_logger(__name__)

OnFinding = Callable[[Finding], None]
OnTally = Callable[[Tally], None]
_decoder: Any = msgspec.msgpack.Decoder(Said)


class FixedCamera:
    """One camera, for as long as `run` runs.

    Args:
        descriptors: file descriptors that the worker inherits, under the same numbers.
        first: orders that every new worker is told before its first picture.
        on_finding, on_tally: told what the analyst says, and what was counted. Must not block.
    """

    def __init__(
        self,
        source: FixedSource,
        on_finding: OnFinding,
        on_tally: OnTally,
        *,
        descriptors: Sequence[int] = (),
        first: Callable[[], bytes] | None = None,
    ) -> None:
        self.source = source
        self.status = FixedStatus(camera_id=source.camera_id, state=StreamState.CONNECTING)
        self._on_finding, self._on_tally = on_finding, on_tally
        self._descriptors, self._first = tuple(descriptors), first
        self._worker: asyncio.subprocess.Process | None = None
        self._failures = 0
        self._told = False  # whether this worker, or who watches it, has said what is wrong
        self._heard_at = 0.0

    async def run(self) -> None:
        """Until the source ends by itself, or cancelled: on return no worker runs."""
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

    def order(self, data: bytes) -> None:
        """Tell the worker's analyst; dropped while there is none."""
        worker = self._worker
        if worker is None or worker.stdin is None or worker.stdin.is_closing():
            return
        if worker.stdin.transport.get_write_buffer_size() < orders.MOST_BYTES:
            worker.stdin.write(orders.written(orders.Order(data=data)))

    async def _once(self) -> bool:
        environment = {name: os.environ[name] for name in ENVIRONMENT if name in os.environ}
        try:
            worker = await asyncio.create_subprocess_exec(
                *NICE, sys.executable, "-m", "bowstreet.video.fixed_worker", env=environment, limit=READ_BYTES,
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
                pass_fds=self._descriptors, start_new_session=True,
            )  # fmt: skip
        except OSError as error:  # no memory, no file handles: as any other failure, it is tried again
            self._trouble(Trouble(code="worker", text=f"no worker could be started ({error.strerror})"))
            return False
        assert worker.stdin is not None
        assert worker.stdout is not None
        self._worker, self._heard_at = worker, asyncio.get_running_loop().time()
        watching = asyncio.ensure_future(self._watch(worker))
        self._told = ended = False
        try:
            worker.stdin.write(msgspec.json.encode(self.source) + b"\n")
            if self._first is not None:
                self.order(self._first())
            unframer = Unframer(_decoder)
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
            with contextlib.suppress(ProcessLookupError):
                worker.kill()
            status = await asyncio.shield(worker.wait())
        if not ended and not self._told:
            self._trouble(Trouble(code="worker", text=f"its worker ended without a word (exit status {status})"))
        return ended

    async def _watch(self, worker: asyncio.subprocess.Process) -> None:
        listens = self.source.address.startswith("rtsp+listen:")
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            silent_s = asyncio.get_running_loop().time() - self._heard_at
            had_picture = self.status.state in (StreamState.LIVE, StreamState.STALLED)
            if not had_picture:
                # A worker that connects gives up by itself; one that listens waits for as long as it takes.
                if not listens and silent_s > 4 * rules.RECONNECT_S:
                    worker.kill()
                continue
            self._enter(rules.stream_state(silent_s, had_picture))
            if rules.reconnects(silent_s):
                self._trouble(Trouble(code="stalled", text="nothing came any more; connected anew"))
                worker.kill()
                return

    def _take(self, message: Said) -> None:
        if isinstance(message, Finding):
            self._on_finding(message)
        elif isinstance(message, Tally):
            if message.frames:
                self._heard_at = asyncio.get_running_loop().time()
                self._enter(StreamState.LIVE)
            self._on_tally(message)
        elif isinstance(message, Opened):
            self.status = replace(self.status, codec=message.codec, width_px=message.width_px, height_px=message.height_px)
        elif isinstance(message, Trouble):
            self._trouble(message)

    def _enter(self, state: StreamState) -> None:
        if state is not self.status.state:
            self.status = replace(self.status, state=state)

    def _trouble(self, trouble: Trouble) -> None:
        self._told = True
        self.status = replace(self.status, trouble=trouble.text)
        log.warning("trouble with a fixed camera", camera=self.source.camera_id, code=trouble.code, count=trouble.count)
