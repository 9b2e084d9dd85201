"""The streams of one operation: taken in, shown to those who may see, handed to who records."""

import asyncio
from collections.abc import Callable, Iterable

import structlog

from bowstreet.errors import NotFound, Refused
from bowstreet.runtime.ports import Clock
from bowstreet.video import orders
from bowstreet.video.ingest import Ingest
from bowstreet.video.model import (
    AccessUnit,
    Finding,
    Fragment,
    FromWorker,
    Header,
    Metadata,
    PoseBy,
    Still,
    StreamFormat,
    StreamStatus,
    VideoSource,
)
from bowstreet.video.newest import Newest
from bowstreet.video.rules import CameraOrder
from bowstreet.video.watching import Audience, Viewer

log = structlog.get_logger(__name__)

# What may be shown of a fixed camera is decided by its deployment, not here.
ALWAYS = CameraOrder(level=False, recording=False, live=True, why="")
# One process and some 80 MB each. A city's fleet beyond it is watched through a media server.
MOST_STREAMS = 24
OnFinding = Callable[[VideoSource, Finding], None]
OnPart = Callable[[VideoSource, Header | Fragment | Metadata], None]


class Stream:
    """One source while the operation runs."""

    def __init__(self, source: VideoSource, ingest: Ingest) -> None:
        self.source, self.ingest = source, ingest
        self.header: Header | None = None
        self.pictures: Audience[AccessUnit] = Audience()
        self.fragments: Audience[Fragment] = Audience()
        self.stills = Newest(lambda hz: ingest.order(orders.StillsWanted(hz=hz)))
        self.tells_pose = False  # by metadata of its own (MISB ST 0601) that is new and can be true
        self.order = (
            ALWAYS if not source.vehicle_id else CameraOrder(level=True, recording=False, live=False, why="on the ground")
        )

    @property
    def format(self) -> StreamFormat | None:
        return self.ingest.format


class VideoService:
    """All streams. A drone's is taken in while it flies.

    `clock` is real time, by which pictures are stamped: cameras know no other.
    `on_finding` and `on_part` are told what analysts find and what can be recorded; they must not block."""

    def __init__(self, sources: Iterable[VideoSource], clock: Clock, most: int = MOST_STREAMS) -> None:
        self.clock, self._most = clock, most
        self._running = False
        self._on_finding: list[OnFinding] = []
        self._on_part: list[OnPart] = []
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self.streams: dict[str, Stream] = {}
        self._by_vehicle: dict[str, Stream] = {}  # asked for with every packet of telemetry
        for source in sources:
            self._add(source)

    def listen(self, *, on_finding: OnFinding | None = None, on_part: OnPart | None = None) -> None:
        if on_finding is not None:
            self._on_finding.append(on_finding)
        if on_part is not None:
            self._on_part.append(on_part)

    def _add(self, source: VideoSource) -> Stream:
        ingest = Ingest(source, self.clock, lambda message: self._take(stream, message))
        stream = Stream(source, ingest)
        self.streams[source.source_id] = stream
        if source.vehicle_id:
            self._by_vehicle[source.vehicle_id] = stream
        return stream

    async def run(self) -> None:
        """Take in the sources that are always wanted, and drones' from when they are woken; until cancelled."""
        self._running = True
        try:
            for stream in self.streams.values():
                if not stream.source.vehicle_id or stream.order.live:
                    self._begin(stream)
            await asyncio.Event().wait()
        finally:
            self._running = False
            for task in tuple(self._tasks.values()):
                task.cancel()
            await asyncio.gather(*self._tasks.values(), return_exceptions=True)
            for stream in self.streams.values():
                stream.pictures.close()
                stream.fragments.close()
                stream.stills.clear()

    def wake(self, vehicle_id: str) -> None:
        """A drone is about to fly: take its pictures in. One process a stream, so not more than `most` at once."""
        stream = self.of_vehicle(vehicle_id)
        if stream is None or stream.source.source_id in self._tasks:
            return
        if len(self._tasks) >= self._most:
            log.warning("too many streams at once", source=stream.source.source_id, most=self._most)
            return
        self._begin(stream)

    def rest(self, vehicle_id: str) -> None:
        """It is on the ground."""
        stream = self.of_vehicle(vehicle_id)
        task = None if stream is None else self._tasks.get(stream.source.source_id)
        if task is not None:
            task.cancel()

    def _begin(self, stream: Stream) -> None:
        source_id = stream.source.source_id
        if not self._running or source_id in self._tasks:
            return
        task = self._tasks[source_id] = asyncio.ensure_future(stream.ingest.run())
        task.add_done_callback(lambda _: self._ended(stream))

    def _ended(self, stream: Stream) -> None:
        self._tasks.pop(stream.source.source_id, None)
        stream.header, stream.tells_pose = None, False
        stream.stills.clear()
        stream.ingest.rest()

    def now_s(self) -> float:
        """Real seconds: cameras know no other time."""
        return self.clock.monotonic_s()

    def passed_over(self) -> int:
        """Pictures that were due to be looked at and were not, of all streams as they are connected now."""
        told = [looked for one in self.streams.values() if (looked := one.ingest.status.looked) is not None]
        return sum(one.passed_over + one.undecoded for one in told)

    def find(self, source_id: str) -> Stream:
        """Raises `NotFound`."""
        stream = self.streams.get(source_id)
        if stream is None:
            raise NotFound(f"there is no video source '{source_id}'", remedy="look at GET /api/v1/video")
        return stream

    def of_vehicle(self, vehicle_id: str) -> Stream | None:
        return self._by_vehicle.get(vehicle_id)

    def statuses(self) -> list[StreamStatus]:
        return [stream.ingest.status for stream in self.streams.values()]

    def steer(self, vehicle_id: str, order: CameraOrder) -> None:
        """What the camera of a drone may show from now on. Who watches what may not be seen any more sees no more of it."""
        stream = self.of_vehicle(vehicle_id)
        if stream is None or stream.order == order:
            return
        stream.order = order
        if not order.live:
            stream.pictures.close()
            stream.fragments.close()
            stream.stills.clear()

    def tell(self, vehicle_id: str, order: orders.AnyOrder) -> None:
        stream = self.of_vehicle(vehicle_id)
        if stream is not None:
            stream.ingest.order(order)

    def join(self, source_id: str) -> Viewer[AccessUnit]:
        """Watch coded pictures. Leave with `leave`. Raises `NotFound`, and `Refused` while nothing may be shown."""
        return self.shown(source_id).pictures.join()

    def join_fragments(self, source_id: str) -> tuple[Header, Viewer[Fragment]]:
        """The same as MP4. Raises `Refused` also before the first picture."""
        stream = self.shown(source_id)
        if stream.header is None:
            raise Refused("nothing has come from this source yet", remedy="try again when it is live")
        return stream.header, stream.fragments.join()

    def shown(self, source_id: str) -> Stream:
        """A source that may be shown now. Raises `NotFound`, and `Refused` while nothing may be shown."""
        stream = self.find(source_id)
        if not stream.order.live:
            raise Refused(f"this camera shows nothing now: {stream.order.why}", remedy="watch again when the drone flies")
        return stream

    def _take(self, stream: Stream, message: FromWorker) -> None:
        if isinstance(message, AccessUnit):
            if stream.order.live:
                stream.pictures.give(message)
        elif isinstance(message, Still):
            if stream.order.live:
                stream.stills.put(message)
        elif isinstance(message, StreamFormat):
            stream.stills.ask_again()  # a worker that comes new has been asked for nothing
            stream.tells_pose = False
        elif isinstance(message, PoseBy):
            stream.tells_pose = message.stream
        elif isinstance(message, Finding):
            for on_finding in self._on_finding:
                on_finding(stream.source, message)
        elif isinstance(message, Header | Fragment | Metadata):
            self._take_part(stream, message)

    def _take_part(self, stream: Stream, message: Header | Fragment | Metadata) -> None:
        if isinstance(message, Header):
            stream.header = message
            stream.fragments.close()  # a player takes the new head by joining again
        elif isinstance(message, Fragment) and stream.order.live:
            stream.fragments.give(message)
        for on_part in self._on_part:
            on_part(stream.source, message)
