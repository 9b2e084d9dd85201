"""Sources of video and what comes from them. Frozen values; these also travel between a worker and the program."""

from datetime import datetime
from enum import StrEnum

import msgspec

# What a picture may measure: 4096 × 2304 covers 4K cameras; beyond it a stream is more likely hostile than useful.
MOST_PIXELS = 4096 * 2304
# One coded picture. A 4K intra picture at high quality is some 1.5 MB.
MOST_UNIT_BYTES = 4 * 1024 * 1024


class Codec(StrEnum):
    H264 = "h264"
    H265 = "hevc"


class StreamState(StrEnum):
    CONNECTING = "connecting"
    LIVE = "live"
    STALLED = "stalled"  # connected, and nothing comes
    WAITING = "waiting"  # failed; tried again after a while
    ENDED = "ended"  # a file that was played through, or stopped by a person


class CapturedBy(StrEnum):
    """Who says when a picture was taken. Each by its own clock."""

    NOBODY = ""
    METADATA = "metadata"  # the precision time stamp that came along (MISB ST 0601)
    SENDER = "sender"  # the sender's report on its RTP times (RFC 3550, 6.4.1)


class VideoSource(msgspec.Struct, frozen=True, kw_only=True):
    """Where video comes from. `address` is one that `address.parse_address` understands.

    Attributes:
        vehicle_id: the drone that it is mounted on; "" for a fixed camera.
        analyst: what looks at its pictures inside the worker, as `module:class`; chosen in `wiring` alone. "" is nobody.
        analysed_hz: how many pictures a second are looked at; the newest each time.
    """

    source_id: str
    address: str
    vehicle_id: str = ""
    analyst: str = ""
    analysed_hz: float = 5.0


class StreamFormat(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """What a source turned out to send. `headers` are the parameter sets (SPS, PPS; for H.265 VPS too), Annex B."""

    codec: Codec
    width_px: int
    height_px: int
    frame_rate_hz: float
    headers: bytes


class AccessUnit(msgspec.Struct, frozen=True, kw_only=True, tag=True, gc=False):
    """One coded picture, as received, Annex B.

    Attributes:
        sequence: counts from 0 since the worker connected.
        pts_us: presentation time by the stream's own clock, from 0 at its first unit.
        received_us: when the worker had it, microseconds of Unix time by this machine's clock.
        captured_us: when the camera took it, by the camera's or the sender's clock, as `captured_by` says; 0 when nobody does.
    """

    sequence: int
    pts_us: int
    received_us: int
    keyframe: bool
    data: bytes
    captured_us: int = 0
    captured_by: CapturedBy = CapturedBy.NOBODY


class Header(msgspec.Struct, frozen=True, kw_only=True, tag=True, gc=False):
    """The head of a fragmented MP4: a player needs it before any fragment. A new one ends the file before it."""

    data: bytes


class Fragment(msgspec.Struct, frozen=True, kw_only=True, tag=True, gc=False):
    """One picture as a fragment of MP4. It comes one picture late: it tells how long its picture lasted.

    Attributes:
        captured_us: as its `AccessUnit`; when it was received, where `captured_by` is nobody.
        at_us: the time that its player shows it at, by the file's own clock.
    """

    sequence: int
    pts_us: int
    captured_us: int
    keyframe: bool
    data: bytes
    captured_by: CapturedBy = CapturedBy.NOBODY
    received_us: int = 0
    at_us: int = 0


class Metadata(msgspec.Struct, frozen=True, kw_only=True, tag=True, gc=False):
    """A packet of metadata that came with the pictures (MISB ST 0601 local set), as received."""

    pts_us: int
    received_us: int
    data: bytes


class PoseBy(msgspec.Struct, frozen=True, kw_only=True, tag=True, gc=False):
    """Whether the stream itself tells where its camera was, from the next finding on; told when it changes. Not at first."""

    stream: bool


class Finding(msgspec.Struct, frozen=True, kw_only=True, tag=True, gc=False):
    """What the analyst found in one picture, in its own encoding."""

    sequence: int
    captured_us: int
    data: bytes


class Still(msgspec.Struct, frozen=True, kw_only=True, tag=True, gc=False):
    """One picture, small, as JPEG: for whoever's link does not carry the stream. Made only while somebody asks.

    `captured_us` is when it was taken, as far as that is known, else when the worker had it; microseconds of Unix time.
    """

    sequence: int
    captured_us: int
    width_px: int
    height_px: int
    data: bytes


class Trouble(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Something wrong with a stream. `code` is stable; `text` is for people and holds nothing that the stream said."""

    code: str
    text: str
    count: int = 1


class Looked(msgspec.Struct, frozen=True, kw_only=True, tag=True, gc=False):
    """How the analyst keeps up, since the worker connected.

    Attributes:
        looked: pictures that were looked at.
        passed_over: that were due, and gave way to a newer one.
        undecoded: that were not even decoded, for too many waited.
        analysed_hz: how many a second are due now; less than was asked where the machine is busy.
        age_ms: how old the last picture was when its finding was there.
    """

    looked: int
    passed_over: int
    undecoded: int
    analysed_hz: float
    age_ms: float


class Ended(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The source has no more to give."""


FromWorker = StreamFormat | AccessUnit | Header | Fragment | Metadata | PoseBy | Finding | Looked | Still | Trouble | Ended


class StreamStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How a stream is doing, for people."""

    source_id: str
    state: StreamState
    since: datetime
    codec: str = ""
    width_px: int = 0
    height_px: int = 0
    units: int = 0
    octets: int = 0
    corrupt: int = 0
    restarts: int = 0
    last_unit_at: datetime | None = None
    looked: Looked | None = None
    trouble: str = ""
