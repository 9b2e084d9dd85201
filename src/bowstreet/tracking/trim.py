"""How a gimbal obeys, learnt from what it does: so that a subject stays in the picture of a lens that is zoomed in. Pure.

A camera tells its pose by one compass and turns by another: what it tells may be some degrees off what it was ordered. Through a
lens of 60 degrees nobody sees that; at eight times zoom it is half the picture. So the difference is learnt and taken off each
order. And what moves across a narrow picture is ahead of every order by as long as an order takes: it is led by that.
"""

import math

import msgspec

from bowstreet.frames import CameraPose
from bowstreet.tracking.steer import FASTEST_DEG_S, HIGHEST_TILT_DEG, LOWEST_TILT_DEG, Aim, bearing

# The difference is learnt over so long: slow beside a gimbal on its way, quick beside a compass that drifts.
LEARNS_S = 1.5
# More than this is no compass that is off, but a gimbal on its way, or one that does not turn: other rules find that out.
MOST_DEG = 4.5
# Of how fast the subject goes across: a detector's boxes tremble by some pixels from look to look.
RATE_S = 0.8
# From a picture's capture until what was ordered by it has been turned to.
LEAD_S = 0.3


class Trim(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one gimbal. `tilt_deg`, `azimuth_deg`: what its camera tells less what it was ordered."""

    tilt_deg: float = 0.0
    azimuth_deg: float = 0.0
    tilt_rate_deg_s: float = 0.0  # the subject's, as the camera tells
    azimuth_rate_deg_s: float = 0.0
    subject: tuple[float, float] | None = None  # tilt and azimuth at the last look
    ordered: tuple[float, float] | None = None


def looked(trim: Trim, pose: CameraPose, width_px: int, height_px: int, x: float, y: float, step_s: float) -> Trim:
    """After a look that has the subject at a pixel, so long after the last."""
    tilt_deg, azimuth_deg = bearing(pose, width_px, height_px, x, y)
    tilt_rate, azimuth_rate = trim.tilt_rate_deg_s, trim.azimuth_rate_deg_s
    if trim.subject is not None and step_s > 0.0:
        share = min(1.0, step_s / RATE_S)
        tilt_rate += share * (_within((tilt_deg - trim.subject[0]) / step_s, FASTEST_DEG_S) - tilt_rate)
        moved_deg = math.remainder(azimuth_deg - trim.subject[1], 360.0)
        azimuth_rate += share * (_within(moved_deg / step_s, FASTEST_DEG_S) - azimuth_rate)
    tilt_off, azimuth_off = trim.tilt_deg, trim.azimuth_deg
    if trim.ordered is not None:
        tilt_off = _learnt(tilt_off, pose.tilt_deg - trim.ordered[0], step_s)
        told_off = math.remainder(pose.heading_deg + pose.pan_deg - trim.ordered[1], 360.0)
        azimuth_off = _learnt(azimuth_off, told_off, step_s)
    return Trim(
        tilt_deg=tilt_off, azimuth_deg=azimuth_off, tilt_rate_deg_s=tilt_rate, azimuth_rate_deg_s=azimuth_rate,
        subject=(tilt_deg, azimuth_deg), ordered=trim.ordered,
    )  # fmt: skip


def interrupted(trim: Trim) -> Trim:
    """After a while without looks: how fast the subject goes is not known any more."""
    return msgspec.structs.replace(trim, subject=None, tilt_rate_deg_s=0.0, azimuth_rate_deg_s=0.0)


def order(trim: Trim, aim: Aim) -> tuple[float, float]:
    """Tilt and azimuth to order, so that the camera will tell that it looks where it should."""
    tilt_deg = aim.tilt_deg - trim.tilt_deg + LEAD_S * trim.tilt_rate_deg_s
    azimuth_deg = aim.azimuth_deg - trim.azimuth_deg + LEAD_S * trim.azimuth_rate_deg_s
    return max(LOWEST_TILT_DEG, min(HIGHEST_TILT_DEG, tilt_deg)), azimuth_deg % 360.0


def _learnt(known_deg: float, told_deg: float, step_s: float) -> float:
    return known_deg if abs(told_deg) > MOST_DEG else known_deg + min(1.0, step_s / LEARNS_S) * (told_deg - known_deg)


def _within(value: float, most: float) -> float:
    return max(-most, min(most, value))
