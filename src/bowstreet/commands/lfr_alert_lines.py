"""Lines to a program that listens to alerts, written beside the program: one that is gone, or reads no more, holds nothing up.

A thread writes, for a pipe that nobody empties blocks whoever writes to it; and what is shared with other programs, as standard
output is, must not be made non-blocking under their hands.
"""

import asyncio
import contextlib
import os
import queue
import select
import sys
import threading
from pathlib import Path

from bowstreet.commands.output import say

# Changes of alerts that wait for a reader. A day's deployment has fewer; whoever is so far behind does not read.
MOST_WAITING = 1_000
# At the end a reader that is slow has so long for what is left.
CLOSE_S = 5.0


class AlertLines:
    """To a file, a pipe, or standard output for `-`. It tells once that lines are written no more, and then drops them.

    Made inside a loop, which is where it is told.
    """

    def __init__(self, target: str) -> None:
        self._target = target
        self._loop = asyncio.get_running_loop()
        self._waiting: queue.Queue[bytes | None] = queue.Queue(MOST_WAITING)
        self._lock = threading.Lock()
        self._over = False
        # It keeps no program alive whose reader never comes, or never reads.
        self._thread = threading.Thread(target=self._write, name="alert lines", daemon=True)
        self._thread.start()

    def put(self, line: bytes) -> None:
        """Gives back at once, and raises nothing."""
        if self._over:
            return
        try:
            self._waiting.put_nowait(line + b"\n")
        except queue.Full:
            self._give_up("whoever reads them has stopped reading")

    async def close(self) -> None:
        """What waits is written, if it is read soon."""
        if not self._over:
            with contextlib.suppress(queue.Full):
                self._waiting.put_nowait(None)
            await asyncio.to_thread(self._thread.join, CLOSE_S)
            if self._thread.is_alive():
                self._give_up("whoever reads them has stopped reading")

    def _give_up(self, why: str) -> None:
        """From either thread."""
        with self._lock:
            first, self._over = not self._over, True
        if first:
            with contextlib.suppress(RuntimeError):  # the loop is over, and everything is told
                self._loop.call_soon_threadsafe(
                    say, f"alerts are written to {self._where} no more: {why}; the deployment goes on"
                )

    @property
    def _where(self) -> str:
        return "standard output" if self._target == "-" else self._target

    # --- the thread ------------------------------------------------------------------------------------------------------------

    def _write(self) -> None:
        try:
            descriptor = self._opened()
        except OSError as error:
            self._give_up(error.strerror or "it cannot be opened")
            return
        try:
            while (line := self._waiting.get()) is not None and not self._over:
                _write_whole(descriptor, line)
        except OSError as error:
            self._give_up(error.strerror or "it cannot be written")
        finally:
            with contextlib.suppress(OSError):
                os.close(descriptor)

    def _opened(self) -> int:
        """A named pipe waits here until somebody reads it."""
        if self._target == "-":
            return os.dup(sys.stdout.fileno())
        return os.open(Path(self._target), os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o666)


def _write_whole(descriptor: int, line: bytes) -> None:
    """By the descriptor itself: a buffer's lock, held for ever, would keep the program from ending."""
    while line:
        try:
            line = line[os.write(descriptor, line) :]
        except BlockingIOError:  # another program made it so
            waits = select.poll()
            waits.register(descriptor, select.POLLOUT)
            waits.poll()
