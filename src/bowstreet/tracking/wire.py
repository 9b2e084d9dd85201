"""Between the program and a stream's analyst: orders in, findings out, as MessagePack. Pure: bytes in, values or an error out."""

from typing import Annotated, Any

import msgspec

from bowstreet.errors import MalformedPacket
from bowstreet.frames import CameraPose
from bowstreet.tracking.handover import HandOver
from bowstreet.tracking.model import FollowFound, GroundPlace, Name, Timing, TrackFound

MOST_BYTES = 1_000_000
Share = Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]


class Setup(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """How to look. Files are the operator's, by path; without a card the detector that ships looks.

    Attributes:
        ground_m_amsl: how high level ground is, where no height file knows; None: unknown there, and nothing is located.
        tiles: beside the whole picture, so many by so many parts of it are looked at, one a look in turn; 0 for none.
        movement: shapes that no detector finds are told by their movement, while the vehicle hovers (`movers`).
    """

    ground_m_amsl: Annotated[float, msgspec.Meta(ge=-500.0, le=9_000.0)] | None = None
    height_files: Annotated[tuple[str, ...], msgspec.Meta(max_length=20)] = ()
    card_file: str | None = None
    model_folder: str | None = None
    tiles: Annotated[int, msgspec.Meta(ge=0, le=4)] = 0
    movement: bool = True


class Click(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Follow what stands here: shares of the picture's width and height, in the picture of that sequence."""

    follow_id: Name
    x: Share
    y: Share
    sequence: int


class Choose(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The pilot's answer: it is this one."""

    follow_id: Name
    track_id: int


class Release(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The follow is over: what is known of how the subject looks is overwritten."""

    follow_id: Name


class Give(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Tell the state of the follow, once, for the next drone."""

    follow_id: Name


class Receive(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Find the subject that another drone hands over."""

    given: HandOver


AnyOrder = Setup | Click | Choose | Release | Give | Receive


class Findings(msgspec.Struct, frozen=True, kw_only=True):
    """What one look found. `trouble`: in words, empty when all is well; `given`: once after `Give`; `pose`: the camera's then.

    `refused`: once, the follow whose click found nothing to hold on to.
    """

    sequence: int
    captured_us: int
    width_px: int
    height_px: int
    tracks: Annotated[tuple[TrackFound, ...], msgspec.Meta(max_length=500)]
    timing: Timing
    camera_motion_known: bool
    looks_at: GroundPlace | None = None
    follow: FollowFound | None = None
    given: HandOver | None = None
    refused: Name | None = None
    trouble: str = ""
    pose: CameraPose | None = None


_encoder = msgspec.msgpack.Encoder()
_orders: Any = msgspec.msgpack.Decoder(AnyOrder)
_findings: Any = msgspec.msgpack.Decoder(Findings)


def written(value: AnyOrder | Findings) -> bytes:
    return _encoder.encode(value)


def read_order(data: bytes) -> AnyOrder:
    """Raises `MalformedPacket`."""
    return _read(_orders, data)  # type: ignore[no-any-return]


def read_findings(data: bytes) -> Findings:
    """A worker reads bytes from outside: what it says is read as carefully. Raises `MalformedPacket`."""
    return _read(_findings, data)  # type: ignore[no-any-return]


def _read(decoder: Any, data: bytes) -> Any:
    if len(data) > MOST_BYTES:
        raise MalformedPacket("a tracking message is larger than 1 MB", remedy="restart the stream's worker")
    try:
        return decoder.decode(data)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise MalformedPacket("bytes that are no tracking message", remedy="run program and worker of one version") from error
