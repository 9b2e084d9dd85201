"""A subject that is lost: the gimbal holds, then looks where it can be by now, then it is said to be lost. Pure.

And whether a gimbal does what it is told, by where the picture says that it looks.
"""

import math
from enum import StrEnum

import msgspec

from bowstreet.frames import CameraPose
from bowstreet.geo import Position
from bowstreet.tracking.model import GroundPlace
from bowstreet.tracking.plane import Plane

# Lost (ten seconds unseen), most come back where they went out of sight: look there a little longer before looking elsewhere.
HOLD_S = 3.0
# On each spot, with the turn to it: three looks of the analyst's on the way and three when it stands.
DWELL_S = 2.0
# Round the ellipse's middle, at this share of its half axes; beyond so many metres it is anywhere.
RING_SHARE, RING_SPOTS, MOST_RADIUS_M = 0.6, 8, 60.0
SCAN_S = DWELL_S * (RING_SPOTS + 1)
# Somebody fits and the pilot is asked: so much longer for an answer before it is lost for good. More than a few that fit are no
# question that a person can answer.
ANSWER_S, MOST_ASKED = 30.0, 3

# Told to turn by more than this for so long, and not turned by even a third of it: it does not answer.
TOLD_DEG, TURNED_DEG, SILENT_S = 3.0, 1.0, 4.0


class Stage(StrEnum):
    HOLDS = "holds"
    SCANS = "scans"
    OVER = "over"


def stage(lost_s: float, fit: int) -> Stage:
    """What is done about a subject that has been lost for so long, when so many fit now."""
    asked = 0 < fit <= MOST_ASKED
    if lost_s >= HOLD_S + SCAN_S + (ANSWER_S if asked else 0.0):
        return Stage.OVER
    return Stage.HOLDS if asked or lost_s < HOLD_S else Stage.SCANS


def spots(place: GroundPlace) -> tuple[Position, ...]:
    """Where to look, in order: the middle, then round it."""
    plane, ellipse = Plane(place.position), place.ellipse
    long_m, short_m = (RING_SHARE * min(MOST_RADIUS_M, one) for one in (ellipse.semi_major_m, ellipse.semi_minor_m))
    along = math.radians(ellipse.bearing_deg)
    found = [place.position]
    for number in range(RING_SPOTS):
        angle = math.tau * number / RING_SPOTS
        ahead, aside = long_m * math.cos(angle), short_m * math.sin(angle)
        east = ahead * math.sin(along) + aside * math.cos(along)
        found.append(plane.to_position(east, ahead * math.cos(along) - aside * math.sin(along)))
    return tuple(found)


def spot(place: GroundPlace, lost_s: float) -> Position:
    """Where to look now."""
    where = spots(place)
    return where[min(len(where) - 1, max(0, int((lost_s - HOLD_S) / DWELL_S)))]


class Axis(msgspec.Struct, frozen=True, kw_only=True):
    """One axis of a gimbal that is told to turn: since when, and where it was then."""

    since_s: float
    at_deg: float


def axis(before: Axis | None, told_by_deg: float, at_deg: float, now_s: float) -> Axis | None:
    """After one more order. None while there is nothing to doubt: it need not turn, or it has turned."""
    if abs(told_by_deg) < TOLD_DEG:
        return None
    if before is None or abs(math.remainder(at_deg - before.at_deg, 360.0)) >= TURNED_DEG:
        return Axis(since_s=now_s, at_deg=at_deg)
    return before


def is_silent(one: Axis | None, now_s: float) -> bool:
    return one is not None and now_s - one.since_s >= SILENT_S


def off_axes(pose: CameraPose, tilt_deg: float, azimuth_deg: float) -> tuple[float, float]:
    """How far it is told to turn: up, and to the right."""
    return tilt_deg - pose.tilt_deg, math.remainder(azimuth_deg - pose.heading_deg - pose.pan_deg, 360.0)
