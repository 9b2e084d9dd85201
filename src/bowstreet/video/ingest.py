"""Takes one source in, by a worker of its own that is kept running."""

from collections.abc import Callable

import msgspec
import structlog
from msgspec.structs import replace

from bowstreet.runtime.ports import Clock
from bowstreet.video import orders
from bowstreet.video.kept import KeptWorker
from bowstreet.video.model import (
    AccessUnit,
    FromWorker,
    Looked,
    StreamFormat,
    StreamState,
    StreamStatus,
    Trouble,
    VideoSource,
)

log = structlog.get_logger(__name__)

OnMessage = Callable[[FromWorker], None]


class Ingest(KeptWorker):
    """One source, for as long as `run` runs.

    Args:
        clock: real time; a camera knows no other.
        on_message: told everything the worker says, in order. Must not block.
    """

    program = "bowstreet.video.worker"

    def __init__(self, source: VideoSource, clock: Clock, on_message: OnMessage) -> None:
        super().__init__(source.address, msgspec.json.encode(source))
        self.source = source
        self.format: StreamFormat | None = None
        self._clock, self._on_message = clock, on_message
        self.status = StreamStatus(source_id=source.source_id, state=StreamState.CONNECTING, since=clock.now())

    @property
    def stream_state(self) -> StreamState:
        return self.status.state

    def rest(self) -> None:
        """Nothing is asked of the source now."""
        self._enter(StreamState.ENDED)

    def order(self, order: orders.AnyOrder) -> None:
        """Tell the worker; dropped while there is none."""
        self._tell(order)

    def _take(self, message: FromWorker) -> None:
        if isinstance(message, StreamFormat):
            self.format = message
            self.status = replace(self.status, codec=message.codec, width_px=message.width_px, height_px=message.height_px)
        elif isinstance(message, AccessUnit):
            self._heard()
            self.status = replace(
                self.status, units=self.status.units + 1, octets=self.status.octets + len(message.data),
                last_unit_at=self._clock.now(),
            )  # fmt: skip
        elif isinstance(message, Looked):
            self.status = replace(self.status, looked=message)
        self._on_message(message)

    def _enter(self, state: StreamState, *, restarted: bool = False) -> None:
        if state is not self.status.state:
            self.status = replace(self.status, state=state, since=self._clock.now())
        if restarted:
            self.status = replace(self.status, restarts=self.status.restarts + 1)

    def _note(self, trouble: Trouble) -> None:
        corrupt = trouble.count if trouble.code == "corrupt" else self.status.corrupt
        self.status = replace(self.status, trouble=trouble.text, corrupt=corrupt)
        log.warning("trouble with a video stream", source=self.source.source_id, code=trouble.code, count=trouble.count)
