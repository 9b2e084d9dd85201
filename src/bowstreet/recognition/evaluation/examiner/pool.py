"""Runs the workers, gives each the next photograph, and counts what could not be used; a worker that dies is replaced."""

import collections
import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TypeVar

from bowstreet.errors import MalformedPacket, Refused
from bowstreet.recognition.evaluation.examiner.model import (
    MOST_FILE_BYTES,
    CannotWork,
    Examine,
    Examined,
    FromWorker,
    Hello,
    Ready,
    Reason,
)
from bowstreet.recognition.evaluation.examiner.pipe import answer, send
from bowstreet.runtime import confinement

# A large picture on a busy machine takes a second; a decoder that hangs never ends.
ANSWER_S = 60.0
# At a worker at once: one is looked at, the others wait there, so that it never waits for the program on a busy machine.
IN_HAND = 4
# There is a worker for each core.
_ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
Key = TypeVar("Key")
Source = Callable[[], bytes | Reason]


class Worker:
    """One process. Its calls block."""

    def __init__(self, model_folder: Path | None) -> None:
        environment = confinement.environment() | _ONE_THREAD
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bowstreet.recognition.evaluation.examiner.worker"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment,
            start_new_session=True,  # so that whatever it may have started ends with it
        )  # fmt: skip
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._in, self._out = self._process.stdin, self._process.stdout
        self._due: float | None = None
        self._watching = threading.Condition()
        self._ended = False
        threading.Thread(target=self._watch, daemon=True).start()
        self._send(Hello(model_folder="" if model_folder is None else str(model_folder.absolute())))

    def ready(self) -> None:
        """Waits until the models are loaded.

        Raises:
            Refused: they cannot be used, or no worker can be run.
        """
        said = self.answer()
        if isinstance(said, CannotWork):
            raise Refused(said.message, remedy=said.remedy)
        if not isinstance(said, Ready):
            raise Refused("the process that looks at pictures does not start", remedy="see whether bowstreet doctor says why")

    def _send(self, message: Hello | Examine) -> bool:
        try:
            send(self._in, message)
        except (BrokenPipeError, ValueError, OSError):
            return False
        return True

    def ask(self, number: int, data: bytes) -> bool:
        """False when the worker is gone."""
        return self._send(Examine(number=number, data=data))

    def answer(self) -> FromWorker | None:
        """None when the worker is gone, or had to be ended."""
        self._expect(time.perf_counter() + ANSWER_S)
        try:
            return answer(self._out)
        except (MalformedPacket, ValueError, OSError):
            return None
        finally:
            self._expect(None)

    def _expect(self, due: float | None) -> None:
        with self._watching:
            self._due = due
            self._watching.notify()

    def _watch(self) -> None:
        with self._watching:
            while not self._ended:
                left = None if self._due is None else self._due - time.perf_counter()
                if left is not None and left <= 0:
                    self._kill()
                    return
                self._watching.wait(left)

    def _kill(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def close(self) -> None:
        with self._watching:
            self._ended = True
            self._watching.notify()
        with contextlib.suppress(OSError):
            self._in.close()
        try:
            self._process.wait(2)
        except subprocess.TimeoutExpired:
            self._kill()
            self._process.wait()
        with contextlib.suppress(OSError):
            self._out.close()


class Examiners:
    """Several workers over one run.

    Args:
        model_folder: the operator's, or None for what ships.
        workers: as many as cores that may be used.
    """

    def __init__(self, model_folder: Path | None = None, workers: int | None = None) -> None:
        self._folder = model_folder
        self._loading: list[float] = []
        self.workers = workers or len(os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1))

    @property
    def loading_s(self) -> float:
        """How long all workers together took until they had their models."""
        return sum(self._loading)

    def examine(self, pictures: Iterable[tuple[Key, Source]]) -> Iterator[tuple[Key, Examined]]:
        """Each picture's answer, in whatever order they come. A source is called in a thread, and gives bytes or a reason.

        Raises:
            Refused: the models cannot be used.
        """
        waiting, told = iter(pictures), threading.Lock()
        answers: queue.Queue[tuple[Key, Examined] | BaseException | None] = queue.Queue(1_000)
        stop = threading.Event()

        def following() -> tuple[Key, Source] | None:
            with told:
                return None if stop.is_set() else next(waiting, None)

        def work() -> None:
            try:
                _Hand(self._folder, following, answers.put, stop, self._loading.append).run()
            except BaseException as error:  # handed to who asked
                answers.put(error)
            finally:
                answers.put(None)

        threads = [threading.Thread(target=work, daemon=True) for _ in range(self.workers)]
        for thread in threads:
            thread.start()
        left = len(threads)
        try:
            while left:
                said = answers.get()
                if said is None:
                    left -= 1
                elif isinstance(said, BaseException):
                    raise said
                else:
                    yield said
        finally:
            stop.set()
            while left:
                left -= answers.get() is None
            for thread in threads:
                thread.join()


class _Hand:
    """What one thread does with one worker at a time."""

    def __init__(
        self,
        folder: Path | None,
        following: Callable[[], tuple[Key, Source] | None],
        tell: Callable[[tuple[Key, Examined]], None],
        stop: threading.Event,
        loaded: Callable[[float], None],
    ) -> None:
        self._loaded = loaded
        self._folder, self._following, self._tell, self._stop = folder, following, tell, stop
        self._held: collections.deque[tuple[Key, bytes]] = collections.deque()

    def run(self) -> None:
        worker = Worker(self._folder)
        try:
            began = time.perf_counter()
            worker.ready()
            self._loaded(time.perf_counter() - began)
            while not self._stop.is_set():
                alive = self._fill(worker)
                if not self._held:
                    return
                said = worker.answer() if alive else None
                if isinstance(said, Examined):
                    self._tell((self._held.popleft()[0], said))
                    continue
                # Gone over the first one in hand; the others are asked again of a new worker.
                worker.close()
                self._tell((self._held.popleft()[0], Examined(number=0, reason=Reason.WORKER_LOST)))
                worker = Worker(self._folder)
                worker.ready()
                for _, data in list(self._held):
                    worker.ask(0, data)
        finally:
            worker.close()

    def _fill(self, worker: Worker) -> bool:
        while len(self._held) < IN_HAND:
            item = self._following()
            if item is None:
                return True
            key, source = item
            data = source()
            if isinstance(data, Reason):
                self._tell((key, Examined(number=0, reason=data)))
                continue
            self._held.append((key, data))
            if not worker.ask(0, data):
                return False
        return True


def read_still(path: Path) -> bytes | Reason:
    """A regular file's bytes. No link is followed: it could lead out of the folder that was named."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError):
        return Reason.UNREADABLE
    try:
        with os.fdopen(handle, "rb", buffering=0) as file:
            data = file.read(MOST_FILE_BYTES + 1) or b""
            while len(data) <= MOST_FILE_BYTES and (more := file.read(MOST_FILE_BYTES)):
                data += more
    except OSError:  # a folder, a device, a disk that fails
        return Reason.UNREADABLE
    return Reason.TOO_LARGE if len(data) > MOST_FILE_BYTES else data
