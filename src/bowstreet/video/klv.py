"""MISB ST 0601 local sets: when a picture was taken, from where, looking where. Parsed by `stanag4609` (MIT), inside the worker.

What a stream says of itself may be wrong or a lie: values that no drone can have are passed over, and `poses` holds positions
against telemetry before anybody relies on them.
"""

import math
from datetime import UTC, datetime
from typing import Any

import msgspec
from stanag4609 import st0601
from stanag4609.errors import Stanag4609Error
from stanag4609.st0601 import FieldDecodingMode

from bowstreet.errors import MalformedPacket
from bowstreet.frames import CameraPose
from bowstreet.geo import Position

# Local set tags (ST 0601.19).
TIME, HEADING, PITCH, ROLL, LATITUDE, LONGITUDE, ALTITUDE, FIELD_OF_VIEW, PAN, TILT, SENSOR_ROLL, VERSION = (
    2, 5, 6, 7, 13, 14, 15, 16, 18, 19, 20, 65,
)  # fmt: skip
ST0601_VERSION = 19
# Before this nobody flew what is read here; a clock that says less is not set.
EARLIEST_US = int(datetime(2015, 1, 1, tzinfo=UTC).timestamp() * 1e6)
MOST_BYTES = 16_384


class Sensed(msgspec.Struct, frozen=True, kw_only=True):
    """What a local set tells. `captured_us` is Unix time; `pose` is None when it does not tell all of it."""

    captured_us: int
    pose: CameraPose | None


def read(data: bytes) -> Sensed:
    """Read a local set, its checksum verified.

    Raises:
        MalformedPacket: it is none, its checksum is wrong, or its time is impossible.
    """
    if len(data) > MOST_BYTES:
        raise MalformedPacket("a metadata packet is too large", remedy="send local sets of less than 16 KB")
    try:
        said = st0601.decode_uas_local_set(data, require_version=False, field_decoding=FieldDecodingMode.PRESERVE)
        captured_us = said.misp_timestamp_microseconds
    except (Stanag4609Error, ValueError, ArithmeticError, LookupError, TypeError, AttributeError) as error:
        raise MalformedPacket("metadata that is no ST 0601 local set", remedy="look at the encoder's settings") from error
    if captured_us is None or captured_us < EARLIEST_US:
        raise MalformedPacket("metadata without a usable time", remedy="set the encoder's clock")
    return Sensed(captured_us=int(captured_us), pose=_pose(said))


def _pose(said: Any) -> CameraPose | None:
    told = {tag: _number(said, tag) for tag in (HEADING, PITCH, LATITUDE, LONGITUDE, ALTITUDE, FIELD_OF_VIEW, PAN, TILT)}
    heading, pitch, latitude, longitude = told[HEADING], told[PITCH], told[LATITUDE], told[LONGITUDE]
    altitude, view, pan, tilt = told[ALTITUDE], told[FIELD_OF_VIEW], told[PAN], told[TILT]
    if heading is None or latitude is None or longitude is None or altitude is None or view is None or tilt is None:
        return None
    if not (1.0 <= view <= 170.0 and abs(latitude) <= 90.0 and abs(longitude) <= 180.0 and -500.0 <= altitude <= 20_000.0):
        return None
    # Angles relative to a level airframe are angles in the earth frame; a multirotor's gimbal takes pitch and roll out.
    down = (tilt + (pitch or 0.0) + 180.0) % 360.0 - 180.0
    return CameraPose(
        position=Position(latitude_deg=latitude, longitude_deg=longitude), altitude_m_amsl=altitude, heading_deg=heading % 360.0,
        pan_deg=pan or 0.0, tilt_deg=max(-90.0, min(90.0, down)), roll_deg=_number(said, SENSOR_ROLL) or 0.0,
        horizontal_fov_deg=view,
    )  # fmt: skip


def _number(said: Any, tag: int) -> float | None:
    value = said.value(tag)
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


def written(captured_us: int, pose: CameraPose) -> bytes:
    """A local set as a drone's encoder sends it: what the simulated camera and the tests speak."""
    values = {
        TIME: captured_us, HEADING: pose.heading_deg % 360.0, PITCH: 0.0, ROLL: 0.0, LATITUDE: pose.position.latitude_deg,
        LONGITUDE: pose.position.longitude_deg, ALTITUDE: pose.altitude_m_amsl, FIELD_OF_VIEW: pose.horizontal_fov_deg,
        PAN: pose.pan_deg % 360.0, TILT: pose.tilt_deg, SENSOR_ROLL: pose.roll_deg % 360.0, VERSION: ST0601_VERSION,
    }  # fmt: skip
    return bytes(st0601.encode_uas_local_set(values))
