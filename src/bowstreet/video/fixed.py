"""Looks at one fixed camera, by a worker of its own that is kept running."""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import structlog
from msgspec.structs import replace

from bowstreet.video import orders
from bowstreet.video.fixed_model import FixedSource, FixedStatus, Opened, Said, Tally
from bowstreet.video.kept import KeptWorker
from bowstreet.video.model import Finding, StreamState, Trouble

log = structlog.get_logger(__name__)

OnFinding = Callable[[Finding], None]
OnTally = Callable[[Tally], None]
_decoder: Any = msgspec.msgpack.Decoder(Said)


class FixedCamera(KeptWorker):
    """One camera, for as long as `run` runs.

    Args:
        descriptors: file descriptors that the worker inherits, under the same numbers.
        first: an order that every new worker is told before its first picture.
        on_finding, on_tally: told what the analyst says, and what was counted. Must not block.
    """

    program = "bowstreet.video.fixed_worker"

    def __init__(
        self,
        source: FixedSource,
        on_finding: OnFinding,
        on_tally: OnTally,
        *,
        descriptors: Sequence[int] = (),
        first: Callable[[], bytes] | None = None,
    ) -> None:
        greeting = None if first is None else lambda: orders.Order(data=first())
        super().__init__(
            source.address, msgspec.json.encode(source), greeting=greeting, decoder=_decoder, descriptors=descriptors
        )
        self.source = source
        self.status = FixedStatus(camera_id=source.camera_id, state=StreamState.CONNECTING)
        self._on_finding, self._on_tally = on_finding, on_tally

    @property
    def stream_state(self) -> StreamState:
        return self.status.state

    def order(self, data: bytes) -> None:
        """Tell the worker's analyst; dropped while there is none."""
        self._tell(orders.Order(data=data))

    def _take(self, message: Said) -> None:
        if isinstance(message, Finding):
            self._on_finding(message)
        elif isinstance(message, Tally):
            if message.frames:
                self._heard()
            self._on_tally(message)
        elif isinstance(message, Opened):
            self.status = replace(self.status, codec=message.codec, width_px=message.width_px, height_px=message.height_px)

    def _enter(self, state: StreamState, *, restarted: bool = False) -> None:
        self.status = replace(self.status, state=state, restarts=self.status.restarts + restarted)

    def _note(self, trouble: Trouble) -> None:
        self.status = replace(self.status, trouble=trouble.text)
        log.warning("trouble with a fixed camera", camera=self.source.camera_id, code=trouble.code, count=trouble.count)
