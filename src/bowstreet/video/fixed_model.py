"""A fixed camera's source, and what its worker tells. Frozen values; the latter travel between the worker and the program."""

import msgspec

from bowstreet.video.model import Ended, Finding, StreamState, Trouble


class FixedSource(msgspec.Struct, frozen=True, kw_only=True):
    """A fixed camera that is looked at. `address` is one that `address.parse_address` understands, and may hold a password.

    Attributes:
        analyst: what looks at its pictures inside the worker, as `module:class`; chosen in `wiring` alone.
        options: for the analyst, in its own encoding.
        analysed_hz: how many pictures a second are looked at; the newest each time.
    """

    camera_id: str
    address: str
    analyst: str
    options: str = ""
    analysed_hz: float = 5.0

    def __repr__(self) -> str:
        return f"<FixedSource {self.camera_id}>"


class Opened(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """What the source turned out to send."""

    codec: str
    width_px: int
    height_px: int


class Tally(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Counted since the last one. Told twice a second while pictures come: that it stops coming is a stall."""

    frames: int
    analysed: int
    dropped: int
    corrupt: int


Said = Opened | Tally | Finding | Trouble | Ended


class FixedStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How a camera's stream is. `trouble` is what went wrong last, in plain words."""

    camera_id: str
    state: StreamState
    restarts: int = 0
    codec: str = ""
    width_px: int = 0
    height_px: int = 0
    trouble: str = ""
