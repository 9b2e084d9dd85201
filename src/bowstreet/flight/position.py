"""Whether what a vehicle says of its place can be believed: off, stuck, or somewhere it cannot have got to.

A position is trusted again only when it is where the drone can have flown to since it was last trusted. A receiver that is led
astray and stays there stays untrusted.
"""

import math

import msgspec

from bowstreet.flight.model import Telemetry
from bowstreet.flight.reckoning import distance_m
from bowstreet.geo import Position

# What GPS may err by itself, and what a drone drifts while it holds its place.
SLACK_M = 30.0
# Reported speed is taken with this margin when it is reckoned how far the drone can have come.
SPEED_MARGIN = 1.3
# Faster over the ground than any drone of this size in the strongest wind it may fly in (15 + 12 m/s, doubled).
FASTEST_MPS = 54.0
# After a silence as long as this, what it said of its speed before tells nothing.
GAP_S = 3.0
# A position that is told again and again while the drone says that it flew this far is stuck.
STUCK_AFTER_M = 20.0
STILL_M = 0.2

OFF, STUCK, JUMPED = "gps-off", "gps-stuck", "gps-wrong"


class Fix(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What is held of a vehicle's place after its last word.

    Attributes:
        doubt: why it is not trusted; "" when it is.
        at_s: when it last spoke, seconds since the epoch; `told_s` when it last told a position.
        position, speed_mps: what it said.
        trusted: the last position that was believed, and
        reach_m: how far it can have come from there.
        still_m: how far it says it flew since its position last changed.
    """

    doubt: str
    at_s: float
    told_s: float
    position: Position
    speed_mps: float
    trusted: Position
    reach_m: float = 0.0
    still_m: float = 0.0


def judge(before: Fix | None, telemetry: Telemetry) -> Fix:
    """The fix after one more word of the vehicle. Words out of order change nothing."""
    at_s = telemetry.at.timestamp()
    position, speed_mps = telemetry.position, telemetry.ground_speed_mps
    if before is None:
        doubt = "" if telemetry.gps_ok else OFF
        told_s = at_s - telemetry.position_age_s
        return Fix(doubt=doubt, at_s=at_s, told_s=told_s, position=position, speed_mps=speed_mps, trusted=position)
    if at_s < before.at_s:
        return before
    # A word that carries the position of an earlier one says nothing of how the drone has moved since.
    told_s = max(before.told_s, at_s - telemetry.position_age_s)
    seconds = told_s - before.told_s
    moved_m = distance_m(before.position, position)
    reach_m = before.reach_m + _flown_m(seconds, max(speed_mps, before.speed_mps))
    still_m = 0.0 if moved_m > STILL_M else before.still_m + speed_mps * min(seconds, GAP_S)
    if telemetry.landed:
        still_m = 0.0
    if not telemetry.gps_ok:
        doubt = OFF
    elif still_m > STUCK_AFTER_M:
        doubt = STUCK
    elif (moved_m if not before.doubt else distance_m(before.trusted, position)) > SLACK_M + reach_m:
        doubt = JUMPED
    else:
        return Fix(doubt="", at_s=at_s, told_s=told_s, position=position, speed_mps=speed_mps, trusted=position, still_m=still_m)
    return Fix(
        doubt=doubt, at_s=at_s, told_s=told_s, position=position, speed_mps=speed_mps, trusted=before.trusted,
        reach_m=reach_m, still_m=still_m,
    )  # fmt: skip


def _flown_m(seconds: float, speed_mps: float) -> float:
    """How far it can have come in that time."""
    if not math.isfinite(speed_mps):
        speed_mps = FASTEST_MPS
    return (FASTEST_MPS if seconds > GAP_S else SPEED_MARGIN * speed_mps) * seconds
