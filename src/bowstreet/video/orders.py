"""What the program tells a worker: where its camera is, what the analyst is ordered, whether small pictures are wanted."""

import struct
from collections.abc import Iterator
from typing import Any, BinaryIO

import msgspec

from bowstreet.frames import CameraPose
from bowstreet.geo import Position

_LENGTH = struct.Struct(">I")
MOST_BYTES = 1_000_000


class PoseKnown(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Where the camera is by the vehicle's telemetry: for streams that do not tell it, and to hold against what others tell.

    Attributes:
        horizontal_fov_deg: None where nobody tells what its lens is at: then no place in its picture can be told.
        speed_mps: over ground.
        age_s: of its position.
    """

    position: Position
    altitude_m_amsl: float
    heading_deg: float
    tilt_deg: float
    horizontal_fov_deg: float | None
    pan_deg: float = 0.0
    speed_mps: float
    age_s: float

    def as_pose(self) -> CameraPose | None:
        if self.horizontal_fov_deg is None:
            return None
        return CameraPose(
            position=self.position, altitude_m_amsl=self.altitude_m_amsl, heading_deg=self.heading_deg, tilt_deg=self.tilt_deg,
            pan_deg=self.pan_deg, horizontal_fov_deg=self.horizontal_fov_deg,
        )  # fmt: skip


class Order(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """For the analyst, in its own encoding."""

    data: bytes


class StillsWanted(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Make so many small pictures a second from now on; 0 for none."""

    hz: float


AnyOrder = PoseKnown | Order | StillsWanted
_decoder: Any = msgspec.msgpack.Decoder(AnyOrder)


def written(order: AnyOrder) -> bytes:
    body = msgspec.msgpack.encode(order)
    return _LENGTH.pack(len(body)) + body


def read_orders(source: BinaryIO) -> Iterator[AnyOrder]:
    """Until the program goes."""
    while len(head := source.read(_LENGTH.size)) == _LENGTH.size:
        (length,) = _LENGTH.unpack(head)
        body = source.read(min(length, MOST_BYTES))
        yield _decoder.decode(body)
