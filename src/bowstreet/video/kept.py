"""Keeps one stream's worker process running: starts it, watches it, and starts it anew when it fails. Others never notice."""

import asyncio
import random
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from bowstreet.errors import MalformedPacket
from bowstreet.runtime import confinement
from bowstreet.video import orders, rules
from bowstreet.video.model import Ended, StreamState, Trouble
from bowstreet.video.pipe import Unframer

LOOK_EVERY_S = 0.5
READ_BYTES = 256 * 1024


class KeptWorker(ABC):
    """A worker, for as long as `run` runs. Who inherits says which program it is, and takes what it says.

    Args:
        address: of the source, as `address.parse_address` understands it.
        hello: its first line of input.
        greeting: an order that each new one is told before its first picture.
        decoder: of its messages; None is that of `pipe`.
        descriptors: file descriptors that it inherits, under the same numbers.
    """

    program: ClassVar[str]

    def __init__(
        self,
        address: str,
        hello: bytes,
        *,
        greeting: Callable[[], orders.AnyOrder] | None = None,
        decoder: Any = None,
        descriptors: Sequence[int] = (),
    ) -> None:
        self._listens = address.startswith("rtsp+listen:")
        self._hello, self._greeting, self._decoder, self._descriptors = hello, greeting, decoder, tuple(descriptors)
        self._worker: asyncio.subprocess.Process | None = None
        self._failures = 0
        self._heard_at = 0.0
        self._told = False  # whether this worker, or who watches it, has said what is wrong

    @property
    @abstractmethod
    def stream_state(self) -> StreamState: ...

    @abstractmethod
    def _enter(self, state: StreamState, *, restarted: bool = False) -> None:
        """It is in this state now; `restarted` counts a failure."""

    @abstractmethod
    def _take(self, message: Any) -> None:
        """Something it said, but for its troubles. Must not block."""

    @abstractmethod
    def _note(self, trouble: Trouble) -> None: ...

    @property
    def worker_pid(self) -> int | None:
        """The process that runs now; None while there is none."""
        return None if self._worker is None else self._worker.pid

    async def run(self) -> None:
        """Until the source ends by itself, or cancelled: on return no worker runs."""
        while True:
            self._enter(StreamState.CONNECTING)
            began = asyncio.get_running_loop().time()
            if await self._once():
                self._enter(StreamState.ENDED)
                return
            well = self.stream_state is StreamState.LIVE and asyncio.get_running_loop().time() - began >= rules.WELL_S
            self._failures = 1 if well else self._failures + 1
            self._enter(StreamState.WAITING, restarted=True)
            # Spread, so that cameras that failed together do not come back together.
            await asyncio.sleep(rules.back_off_s(self._failures) * random.uniform(0.75, 1.25))  # noqa: S311 - no secret

    def _tell(self, order: orders.AnyOrder) -> None:
        """Tell the worker; dropped while there is none."""
        worker = self._worker
        if worker is None or worker.stdin is None or worker.stdin.is_closing():
            return
        # An order is small; a worker that reads none while a megabyte waits is about to be connected anew.
        if worker.stdin.transport.get_write_buffer_size() < orders.MOST_BYTES:
            worker.stdin.write(orders.written(order))

    def _heard(self) -> None:
        """A picture came."""
        self._heard_at = asyncio.get_running_loop().time()
        self._enter(StreamState.LIVE)

    def _trouble(self, trouble: Trouble) -> None:
        self._told = True
        self._note(trouble)

    async def _once(self) -> bool:
        """Run a worker; whether the source ended by itself."""
        try:
            # In a session of its own: Ctrl-C at a terminal is for the program, which ends it.
            worker = await asyncio.create_subprocess_exec(
                *confinement.NICE, sys.executable, "-m", self.program, env=confinement.environment(), limit=READ_BYTES,
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
                pass_fds=self._descriptors, start_new_session=True,
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
            worker.stdin.write(self._hello + b"\n")
            if self._greeting is not None:
                self._tell(self._greeting())
            unframer = Unframer() if self._decoder is None else Unframer(self._decoder)
            while data := await worker.stdout.read(READ_BYTES):
                for message in unframer.feed(data):
                    ended = ended or isinstance(message, Ended)
                    if isinstance(message, Trouble):
                        self._trouble(message)
                    self._take(message)
        except MalformedPacket as error:
            self._trouble(Trouble(code="worker", text=error.message))
        except (BrokenPipeError, ConnectionResetError):
            pass
        finally:
            self._worker = None
            watching.cancel()
            confinement.end(worker)
            status = await asyncio.shield(worker.wait())
        if not ended and not self._told:
            self._trouble(Trouble(code="worker", text=f"its worker ended without a word (exit status {status})"))
        return ended

    async def _watch(self, worker: asyncio.subprocess.Process) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            silent_s = asyncio.get_running_loop().time() - self._heard_at
            had_picture = self.stream_state in (StreamState.LIVE, StreamState.STALLED)
            if not had_picture:
                # A worker that connects gives up by itself; one that listens waits for as long as it takes.
                if not self._listens and silent_s > 4 * rules.RECONNECT_S:
                    confinement.end(worker)
                continue
            self._enter(rules.stream_state(silent_s, had_picture))
            if rules.reconnects(silent_s):
                self._trouble(Trouble(code="stalled", text="nothing came any more; connected anew"))
                confinement.end(worker)
                return
