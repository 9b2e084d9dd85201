"""What becomes of a stream and of a drone's camera: state and time in, decision out. Pure.

D2: in transit the camera looks level and nothing is recorded, so that nobody on the way is watched; only over the scene does it
look down. A person may override that, which is recorded before it takes effect, and ends by itself.
"""

from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from bowstreet.video.model import StreamState

# A stream of 25 pictures a second that sends none for so long is stalled; people are told.
STALL_S = 2.0
# Stalled for so long it is connected anew: cameras that restart take 5 to 10 s.
RECONNECT_S = 8.0
FIRST_BACK_OFF_S = 0.5
MOST_BACK_OFF_S = 30.0
# Live for so long, a stream is well again and the next failure starts with a short wait.
WELL_S = 60.0
# A picture that came before it was taken: the camera's clock is ahead of ours. So much is what two set clocks differ by.
MOST_AHEAD_US = 50_000
# No live picture is so old: the camera's clock is behind, or was never set.
MOST_BEHIND_US = 30_000_000
# An override of the camera in transit ends after so long, if nobody ends it before.
OVERRIDE_LIFE = timedelta(minutes=2)


def back_off_s(failures: int) -> float:
    """How long to wait after the `failures`-th failure in a row, doubling up to half a minute. Many cameras on one site that
    fail together are spread by the caller (±25%), so that they do not come back as a storm."""
    return float(min(MOST_BACK_OFF_S, FIRST_BACK_OFF_S * 2.0 ** max(0, min(failures, 16) - 1)))


def stream_state(silent_s: float, had_unit: bool) -> StreamState:
    """What a connected stream is, by how long it has sent nothing."""
    if silent_s < STALL_S:
        return StreamState.LIVE if had_unit else StreamState.CONNECTING
    return StreamState.STALLED


def reconnects(silent_s: float) -> bool:
    return silent_s >= RECONNECT_S


def capture_can_be(captured_us: int, received_us: int) -> bool:
    """Whether a camera's word on when a picture was taken can be believed, held against when it was received here.

    It shows a clock that is far off; one that is off by less than a link's delay is not found, so cameras' clocks are to be set.
    """
    return -MOST_AHEAD_US <= received_us - captured_us <= MOST_BEHIND_US


# --- how often pictures are looked at -----------------------------------------------------------------------------------

# A finding older than this is about where somebody was; then fewer pictures are looked at, so that those are newer.
LATE_S, IN_TIME_S = 0.5, 0.25
# At a walk somebody is then a metre and a half further on: the least at which a follow holds.
LEAST_HZ = 1.0
SLOWER, FASTER_HZ = 0.7, 0.1
# Coded pictures that wait for the decoder: a third of a second's.
MANY_WAITING = 8


def analysed_hz(now_hz: float, asked_hz: float, age_s: float, waiting: int) -> float:
    """How many pictures a second are looked at from now on. Never more than asked; recording is not touched by it.

    Args:
        age_s: how old the last picture was when its finding was there.
        waiting: coded pictures that wait to be decoded.
    """
    least_hz = min(LEAST_HZ, asked_hz)
    if age_s > LATE_S or waiting > MANY_WAITING:
        return max(least_hz, now_hz * SLOWER)
    if age_s < IN_TIME_S:
        return min(asked_hz, now_hz + FASTER_HZ)
    return max(least_hz, min(asked_hz, now_hz))


# --- the camera of a drone ----------------------------------------------------------------------------------------------


class Stage(StrEnum):
    """Where a flight is, as far as its camera is concerned."""

    GROUND = "ground"
    TRANSIT = "transit"
    ON_SCENE = "on-scene"
    LEAVING = "leaving"


class Override(msgspec.Struct, frozen=True, kw_only=True):
    """A person's order to look or record in transit. `reason` is one of `OVERRIDE_REASONS`."""

    by: str
    reason: str
    at: datetime


OVERRIDE_REASONS = ("threat-to-life", "flight-safety", "subject-moved", "collision-avoidance")


class CameraOrder(msgspec.Struct, frozen=True, kw_only=True):
    """What the camera does now. `live` is whether pictures may be shown at all; `why` is for the console and the record."""

    level: bool
    recording: bool
    live: bool
    why: str


def stands(override: Override, now: datetime) -> bool:
    return now < override.at + OVERRIDE_LIFE


def camera_order(stage: Stage, override: Override | None, now: datetime, *, record_ready: bool) -> CameraOrder:
    """D2, as a table.

    Args:
        override: the last that was recorded for this flight, if any.
        record_ready: whether the record can be written: nothing is recorded that the ledger does not know of.
    """
    standing = override is not None and stands(override, now)
    if stage is Stage.GROUND:
        return CameraOrder(level=True, recording=False, live=False, why="on the ground")
    if stage is Stage.ON_SCENE or standing:
        why = "over the scene" if stage is Stage.ON_SCENE else f"ordered in transit: {override.reason if override else ''}"
        return CameraOrder(level=False, recording=record_ready, live=True, why=why)
    why = "level on the way to the scene" if stage is Stage.TRANSIT else "level on the way home"
    return CameraOrder(level=True, recording=False, live=True, why=why)
