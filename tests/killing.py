"""kill -9 at every step: a deed is done again and again in processes of their own, each of which dies one step later than the last.

A step is whatever changes what is on the disk: a file made, put in another's place or removed; a write to a file of SQLite, before it
is handed over and after it is durable; and what a deed names besides. The last process gets through. A process that it had started
must be gone too.

    python -m tests.killing MODULE:DEED DATA KILLS EVERY
"""

import asyncio
import functools
import importlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Awaitable, Callable
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from bowstreet.runtime.sqlite_file import Writer

ROOT = Path(__file__).parents[1]
CHANGES = frozenset({"os.rename", "os.remove", "os.link", "os.mkdir", "os.rmdir", "os.truncate"})
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
# A worker that was started has to see that its program is gone.
GONE_WITHIN_S = 20.0
RESULTS = "results.jsonl"
# More steps than that are a deed that never ends.
MOST_STEPS = 400


class Killed(NamedTuple):
    """What was left by a process that died before a step, or got through."""

    number: int
    before: str
    folder: Path
    through: bool


def die() -> None:
    sys.stdout.flush()
    os.kill(os.getpid(), signal.SIGKILL)


class Steps:
    """Counts the steps that a deed takes in a folder, from `begin` on, and dies at one."""

    def __init__(self, folder: Path, dies_at: int, told: Path) -> None:
        self._below, self._dies_at, self._told = f"{folder}{os.sep}", dies_at, told
        self._begun, self._count, self._lock = False, 0, threading.Lock()
        self.around(Writer, "write")

    def begin(self) -> None:
        if not self._begun:
            self._begun = True
            sys.addaudithook(self._heard)

    def here(self, name: str) -> None:
        """A step of this name."""
        if not self._begun:
            return
        with self._lock:
            if self._count == self._dies_at:
                self._told.write_text(name)
                die()
            self._count += 1

    def around(self, owner: Any, name: str) -> None:
        """Two steps of each call of a function: before it, and after."""
        real: Callable[..., Any] = getattr(owner, name)
        said = f"{owner.__name__}.{name}"
        if asyncio.iscoroutinefunction(real):

            @functools.wraps(real)
            async def work(*given: Any, **named: Any) -> Any:
                self.here(f"before {said}")
                answer = await real(*given, **named)
                self.here(f"after {said}")
                return answer
        else:

            @functools.wraps(real)
            def work(*given: Any, **named: Any) -> Any:
                self.here(f"before {said}")
                answer = real(*given, **named)
                self.here(f"after {said}")
                return answer

        setattr(owner, name, work)

    def _heard(self, event: str, given: tuple[Any, ...]) -> None:
        if event == "open":
            path, changes = given[0], bool(given[2] & WRITING)
        else:
            path, changes = (given[0] if given else None), event in CHANGES
        if changes and isinstance(path, str | os.PathLike) and os.fspath(path).startswith(self._below):
            self.here(f"before {event} of {os.fspath(path).removeprefix(self._below)}")


Deed = Callable[[Path, Steps], Awaitable[None]]


def killed_everywhere(deed: str, data: Path, kills: Path, every: int = 1) -> list[Killed]:
    """What is left of copies of a folder by a deed that died before each of its steps; the last got through.

    Args:
        deed: `MODULE:FUNCTION`, a `Deed`.
        every: of many steps that are alike, die at each such.
    """
    kills.mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "tests.killing", deed, str(data), str(kills), str(every)],
        cwd=ROOT, capture_output=True, text=True, timeout=900, check=False, env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2_000:] + done.stderr[-4_000:]
    told = [json.loads(line) for line in (kills / RESULTS).read_text().splitlines()]
    found = [Killed(**{**one, "folder": Path(one["folder"])}) for one in told]
    assert len(found) > 1, "it takes no step"
    assert [one.through for one in found] == [False] * (len(found) - 1) + [True]
    return found


def _every(deed: Deed, data: Path, kills: Path, every: int) -> None:
    for number in count(0, every):
        assert number < MOST_STEPS, "it takes too many steps"
        folder, told = kills / f"{number:03}", kills / f"{number:03}.step"
        shutil.copytree(data, folder)
        child = os.fork()
        if not child:
            _do(deed, folder, Steps(folder, number, told))
        _, status = os.waitpid(child, 0)
        if os.WIFEXITED(status) and os.WEXITSTATUS(status):
            raise SystemExit(f"the deed failed when it was to die at step {number}")
        if left := _left(child):
            raise SystemExit(f"{left} went on after it was killed at step {number}")
        before = told.read_text() if told.exists() else ""
        through = os.WIFEXITED(status)
        with (kills / RESULTS).open("a") as results:
            results.write(json.dumps({"number": number, "before": before, "folder": str(folder), "through": through}) + "\n")
        if through:
            return


def _do(deed: Deed, folder: Path, steps: Steps) -> NoReturn:
    status = 1
    try:
        os.setsid()
        asyncio.run(deed(folder, steps))  # type: ignore[arg-type]
        status = 0
    except BaseException:
        traceback.print_exc()
    sys.stderr.flush()
    os._exit(status)


def _left(session: int) -> list[str]:
    """Processes of a session that are still there after a while."""
    give_up = time.monotonic() + GONE_WITHIN_S
    while (found := _of(session)) and time.monotonic() < give_up:
        time.sleep(0.02)
    return found


def _of(session: int) -> list[str]:
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            said = path.read_text().rpartition(")")[2].split()
            if int(said[3]) == session and said[0] != "Z":
                found.append((path.parent / "cmdline").read_text().replace("\0", " "))
        except OSError:  # it has ended
            continue
    return found


if __name__ == "__main__":
    module, _, name = sys.argv[1].partition(":")
    _every(getattr(importlib.import_module(module), name), Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]))
