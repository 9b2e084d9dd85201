"""The watch of one deployment at a terminal: from its start until its video, its time or somebody's patience is over."""

import asyncio
import contextlib
import signal
import sys
from datetime import timedelta
from enum import StrEnum
from types import TracebackType

from bowstreet.commands.output import clear_line, draw_line, say
from bowstreet.commands.terminal import Terminal
from bowstreet.process import Process
from bowstreet.recognition.amendment import says_of_camera
from bowstreet.recognition.model import Deployment, DeploymentState
from bowstreet.recognition.ports import CameraState
from bowstreet.video.address import parse_address
from bowstreet.video.model import StreamState

# A press of Ctrl-C is answered before anybody presses again.
LOOK_EVERY_S = 0.25
# How often progress is told where nobody's terminal draws over it.
TELL_EVERY_S = 10.0
# A video file that could not be read so many times in a row will not be read the next time either.
MOST_FAILURES = 3
# The last sightings are on record by then, or never.
SETTLE_S = 10.0
# Whoever stops it waits until every worker is dead and enters that it stopped; after so long nobody is doing it any more.
STOPS_WITHIN_S = 60.0


class Ended(StrEnum):
    """Why the watch is over."""

    VIDEO = "its video is over"
    TIME = "the time that was given is over"
    PERSON = "a person ended it at the terminal"
    ITSELF = "it was stopped"  # by its window, its authority, its list, or somebody at the console
    RECORD = "the record cannot be written"
    UNREADABLE = "its video cannot be read"

    @property
    def is_failure(self) -> bool:
        return self in (Ended.RECORD, Ended.UNREADABLE)


class Interrupts:
    """Ctrl-C and SIGTERM, counted: the first ends the watch, the second whatever is still waited for."""

    def __init__(self) -> None:
        self.count = 0

    def __enter__(self) -> "Interrupts":
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._note)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)

    def _note(self) -> None:
        self.count += 1


class Watch:
    """One deployment that runs."""

    def __init__(
        self, process: Process, deployment_id: str, for_s: float | None, interrupts: Interrupts, terminal: Terminal
    ) -> None:
        self._process, self._deployment_id, self._terminal = process, deployment_id, terminal
        self._recognition, self._clock = process.recognition, process.real_clock
        self._for_s, self._interrupts = for_s, interrupts
        self.states: dict[str, CameraState] = {}
        self._failed_at: dict[str, int] = {}
        self._told_s = 0.0
        self._none_since_s: float | None = None  # that no camera is looked at
        self._kept_out: dict[str, tuple[str, str]] = {}  # why, and what brings it back, as it was told last

    async def run(self) -> Ended:
        began_s = self._told_s = self._clock.monotonic_s()
        files = {one.camera_id for one in self._process.operation.cameras if _is_film(one.address)}
        while True:
            await self._clock.sleep(LOOK_EVERY_S)
            one = self._recognition.get(self._deployment_id)
            self.states = self._recognition.pipeline.states() or self.states
            self._tell(one)
            if (why := self._over(one, files, began_s)) is not None:
                break
        if why in (Ended.VIDEO, Ended.TIME, Ended.PERSON):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._recognition.pipeline.settled(), SETTLE_S)
        if not self._terminal.is_asking:
            clear_line()
        return why

    def _over(self, one: Deployment, files: set[str], began_s: float) -> Ended | None:
        if one.state is not DeploymentState.RUNNING:
            return Ended.ITSELF
        looked_at = self._recognition.pipeline.states()
        if not looked_at and self._process.recorder.failing_since is not None:  # that it stopped cannot be recorded
            return Ended.RECORD
        if self._interrupts.count:
            return Ended.PERSON
        if not looked_at and not self._waits(one):
            return self._stopping()
        self._none_since_s = None
        if self._for_s is not None and self._clock.monotonic_s() - began_s >= self._for_s:
            return Ended.TIME
        if not looked_at or files != set(looked_at):
            return None
        if all(state.state == StreamState.ENDED for state in looked_at.values()):
            return Ended.VIDEO
        analysed = self._recognition.counts(one).analysed
        broken = [state for state in looked_at.values() if state.restarts >= MOST_FAILURES]
        over = [state for state in looked_at.values() if state.state == StreamState.ENDED]
        return Ended.UNREADABLE if broken and not analysed and len(broken) + len(over) == len(looked_at) else None

    def _waits(self, one: Deployment) -> bool:
        """Whether each camera is kept out by itself, which people mend: no end, and its list stays."""
        return len(self._recognition.kept_out(one)) == len(one.plan.cameras)

    def _stopping(self) -> Ended | None:
        """No camera is looked at, and it still runs as far as is on record: it is being stopped, and that is entered last."""
        now_s = self._clock.monotonic_s()
        self._none_since_s = now_s if self._none_since_s is None else self._none_since_s
        return Ended.ITSELF if now_s - self._none_since_s >= STOPS_WITHIN_S else None

    def _tell(self, one: Deployment) -> None:
        """Progress: on a terminal one line that is drawn anew, else a line now and then. What is kept out is told once."""
        now_s = self._clock.monotonic_s()
        if one.state is DeploymentState.RUNNING and not self._terminal.is_asking:
            self._tell_kept_out(one)
        if sys.stderr.isatty():
            if not self._terminal.is_asking:
                draw_line(self._words(one))
        elif now_s - self._told_s >= TELL_EVERY_S:
            self._told_s = now_s
            say(self._words(one))

    def _tell_kept_out(self, one: Deployment) -> None:
        out = {id_: says_of_camera(why, one, id_) for id_, why in self._recognition.kept_out(one).items()}
        told, self._kept_out = self._kept_out, out
        for camera_id, (says, remedy) in out.items():
            if told.get(camera_id) != (says, remedy):
                clear_line()
                say(f"{camera_id} is not looked at: {says}; {remedy}")

    def _words(self, one: Deployment) -> str:
        c = self._recognition.counts(one)
        left = one.plan.ends_at - self._process.clock.now()
        troubles = [f"{camera}: {state.trouble}" for camera, state in self.states.items() if state.state == StreamState.WAITING]
        said = (
            f"{c.tracks:,} faces seen, {c.alerts:,} alerts; {c.frames:,} frames, {c.analysed:,} looked at, {c.dropped:,} dropped"
            f"; {_minutes(left)} left"
        )
        return "; ".join((said, *troubles))[:200]


def _is_film(address: str) -> bool:
    opened = parse_address(address)
    return opened.file and not opened.loop


def _minutes(left: timedelta) -> str:
    seconds = max(0, int(left.total_seconds()))
    return f"{seconds // 3600}:{seconds % 3600 // 60:02d}:{seconds % 60:02d}"
