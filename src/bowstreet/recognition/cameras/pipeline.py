"""Runs the cameras of the deployment that runs: a worker for each, one list in memory that they share, a lease that is renewed.

Counts reconcile whatever becomes of a worker: what it counted and did not tell is lost with it, and nothing is counted twice.
"""

import asyncio
import traceback
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

import structlog

from bowstreet.errors import BowstreetError, MalformedPacket
from bowstreet.recognition.alerts.model import Look, Sighting
from bowstreet.recognition.cameras import wire
from bowstreet.recognition.cameras.model import Lease, Report, Seen, Setup
from bowstreet.recognition.match import Gallery
from bowstreet.recognition.model import Counts
from bowstreet.recognition.ports import CameraConfig, CameraState, Desk, OperatorsView, RunOrder
from bowstreet.recognition.shared_list import SharedList
from bowstreet.runtime.ports import Clock

log = structlog.get_logger(__name__)

ANALYST = "bowstreet.recognition.cameras.watch:Watch"
# How often operators' views are drawn while somebody watches, and how long after the last was asked for that is.
VIEW_HZ, WATCHED_S = 3.0, 5.0
# Sightings that wait to be recorded. Beyond it the record is slower than people walk, and the oldest are of nobody who is near.
MOST_WAITING = 100
FAILED = "what its cameras saw could not be dealt with"


class Eye(Protocol):
    """A camera's worker, kept running."""

    async def run(self) -> None:
        """Until cancelled, or its file is over; on return no worker runs."""
        ...

    def order(self, data: bytes) -> None: ...

    def state(self) -> CameraState: ...


class OpenEye(Protocol):
    """Makes one. What is told it must not block."""

    def __call__(
        self,
        camera: CameraConfig,
        *,
        analyst: str,
        options: str,
        descriptor: int,
        first: Callable[[], bytes],
        on_report: Callable[[bytes], None],
        on_count: Callable[[int, int, int, int], None],
    ) -> Eye: ...


@dataclass(kw_only=True)
class _Run:
    order: RunOrder
    shared: SharedList
    until: datetime
    usable: frozenset[str]
    eyes: dict[str, Eye] = field(default_factory=dict)
    looking: dict[str, asyncio.Task[None]] = field(default_factory=dict)  # of the eyes
    tasks: list[asyncio.Task[None]] = field(default_factory=list)  # all, also of eyes that were let go of
    views: dict[str, OperatorsView] = field(default_factory=dict)
    watched_s: dict[str, float] = field(default_factory=dict)
    waiting: asyncio.Queue[Sighting] = field(default_factory=lambda: asyncio.Queue(MOST_WAITING))


class CameraPipeline:
    """`ports.Pipeline` over workers.

    Args:
        clock: the operation's.
        real: the machine's, which cameras and workers go by.
        speed: of the operation's clock, as the machine's sees it.
        models: the operator's folder of models, if there is one.
    """

    def __init__(self, clock: Clock, real: Clock, open_eye: OpenEye, *, models: Path | None = None, speed: float = 1.0) -> None:
        self._clock, self._real, self._open_eye = clock, real, open_eye
        self._models, self._speed = models, speed
        self._run: _Run | None = None
        self._failing: asyncio.Task[None] | None = None
        self.desk: Desk | None = None  # set by wiring: the service, which is made with this

    async def start(self, order: RunOrder) -> None:
        await self.stop()
        shared = SharedList.of(Gallery(order.references, threshold_floor=order.threshold_floor))
        usable = frozenset(camera.camera_id for camera in order.cameras)
        run = self._run = _Run(order=order, shared=shared, until=order.until, usable=usable)
        for camera in order.cameras:
            self._open(run, camera)
        run.tasks.append(asyncio.ensure_future(self._submit(run)))

    def _open(self, run: _Run, camera: CameraConfig) -> None:
        eye = run.eyes[camera.camera_id] = self._eye(run, camera)
        looking = run.looking[camera.camera_id] = asyncio.ensure_future(eye.run())
        run.tasks.append(looking)

    def _eye(self, run: _Run, camera: CameraConfig) -> Eye:
        models = "" if self._models is None else str(self._models)
        setup = Setup(descriptor=run.shared.descriptor, model_sha256=run.order.model_sha256, models=models)
        options = wire.setup_text(setup)

        def count(frames: int, analysed: int, dropped: int, corrupt: int) -> None:
            self._count(run, Counts(frames=frames, analysed=analysed, dropped=dropped, corrupt=corrupt))

        return self._open_eye(
            camera, analyst=ANALYST, options=options, descriptor=run.shared.descriptor,
            first=lambda: self._lease(run, camera.camera_id), on_count=count,
            on_report=lambda data: self._take(run, camera.camera_id, data),
        )  # fmt: skip

    def renew(self, until: datetime, cameras: Sequence[CameraConfig], planned: Collection[str]) -> None:
        run = self._run
        if run is None:
            return
        run.until, run.usable = until, frozenset(camera.camera_id for camera in cameras)
        for camera_id in run.views.keys() - run.usable:
            del run.views[camera_id]
        for camera_id in run.eyes.keys() - set(planned):
            del run.eyes[camera_id]
            run.looking.pop(camera_id).cancel()
        for camera_id, eye in run.eyes.items():
            eye.order(self._lease(run, camera_id))
        for camera in cameras:  # authorised, or signed, since it began
            if camera.camera_id not in run.eyes:
                self._open(run, camera)

    async def stop(self) -> None:
        run, self._run = self._run, None
        if run is None:
            return
        self._end(run)
        await asyncio.gather(*run.tasks, return_exceptions=True)
        run.views.clear()

    @staticmethod
    def _end(run: _Run) -> None:
        """At once; whoever would know that its workers are dead waits for its tasks."""
        run.shared.overwrite()  # first: from now on no worker finds anybody
        for task in run.tasks:
            task.cancel()

    async def settled(self) -> None:
        """Returns when every sighting that has come is recorded, or was refused."""
        if self._run is not None:
            await self._run.waiting.join()

    def view(self, camera_id: str) -> OperatorsView | None:
        """What operators see of a camera; asking keeps it drawn. None while nothing came, or nothing runs."""
        run = self._run
        if run is None or camera_id not in run.eyes:
            return None
        first = self._clock_s() - run.watched_s.get(camera_id, -1e9) > WATCHED_S
        run.watched_s[camera_id] = self._clock_s()
        if first:
            run.views.pop(camera_id, None)
            run.eyes[camera_id].order(self._lease(run, camera_id))
        return run.views.get(camera_id)

    def states(self) -> dict[str, CameraState]:
        """Of the cameras that are looked at."""
        return {} if self._run is None else {camera_id: eye.state() for camera_id, eye in self._run.eyes.items()}

    def _clock_s(self) -> float:
        return self._real.monotonic_s()

    def _lease(self, run: _Run, camera_id: str) -> bytes:
        """In the worker's time: it knows the machine's clock alone."""
        left = (run.until - self._clock.now()) / self._speed
        until = self._real.now() + (left if camera_id in run.usable else timedelta(0))
        watched = self._clock_s() - run.watched_s.get(camera_id, -1e9) <= WATCHED_S
        return wire.written(
            Lease(until_us=int(until.timestamp() * 1e6), threshold=run.order.threshold, view_hz=VIEW_HZ if watched else 0.0)
        )

    def _take(self, run: _Run, camera_id: str, data: bytes) -> None:
        if run is not self._run:
            return
        try:
            report = wire.read_report(data)
        except MalformedPacket as error:
            log.warning("a camera's worker says what cannot be", camera=camera_id, what=error.message)
            return
        self._take_report(run, camera_id, report)

    def _take_report(self, run: _Run, camera_id: str, report: Report) -> None:
        if report.new_faces or report.refused:
            self._count(run, Counts(tracks=report.new_faces, refused=report.refused))
        if report.view:
            run.views[camera_id] = OperatorsView(at=self._clock.now(), image=report.view)
        for seen in report.seen:
            if run.waiting.full():
                run.waiting.get_nowait()
                run.waiting.task_done()
                log.error("a sighting was dropped: the record is too slow", camera=camera_id)
            run.waiting.put_nowait(self._sighting(run.order.deployment_id, camera_id, seen))

    def _sighting(self, deployment_id: str, camera_id: str, seen: Seen) -> Sighting:
        now, real_us = self._clock.now(), self._real.now().timestamp() * 1e6

        def moment(at_us: int) -> datetime:
            return now - timedelta(microseconds=max(0.0, real_us - at_us)) * self._speed

        looks = tuple(
            Look(at=moment(look.at_us), person_id=look.person_id, score=look.score, quality=look.quality) for look in seen.looks
        )
        return Sighting(deployment_id=deployment_id, camera_id=camera_id, track_id=seen.track_id, looks=looks, probe=seen.probe)

    def _count(self, run: _Run, more: Counts) -> None:
        if self.desk is not None and run is self._run:
            self.desk.count(run.order.deployment_id, more)

    async def _submit(self, run: _Run) -> None:
        """One at a time: each is on record before the next."""
        while True:
            sighting = await run.waiting.get()
            try:
                assert self.desk is not None
                # A sighting on its way into the record is not torn out of it by a stop.
                await asyncio.shield(self.desk.submit(sighting))
            except BowstreetError as error:
                log.error("a sighting could not be recorded, and nobody is told of it", why=error.message)
            except Exception as error:  # the edge of this task: without it faces would be described, and nobody told of any
                log.error("a sighting could not be dealt with: its deployment ends", error=type(error).__name__, at=_place(error))
                self._end(run)
                self._failing = asyncio.ensure_future(self._fail(run))  # a task of its own: this one is over
            finally:
                run.waiting.task_done()

    async def _fail(self, run: _Run) -> None:
        """Nothing more is looked at, whatever becomes of the deployment's record."""
        if run is not self._run:
            return
        assert self.desk is not None
        try:
            await self.desk.fail(run.order.deployment_id, FAILED)
        except Exception as error:  # the edge of this task
            log.error("a deployment that ended is not on record as ended", error=type(error).__name__, at=_place(error))
        if run is self._run:
            await self.stop()


def _place(error: Exception) -> str:
    """Where it arose. What it says may be about somebody, and stays out of the log."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
