"""A subject handed to the next drone: where it was, how it moved, how its shape looked. Passed on in memory, never recorded.

The next drone's camera is off in its own way, so the whole uncertainty of both counts; and it sees the subject from another
side, so the look alone decides nothing.
"""

import math
from datetime import datetime
from typing import Annotated

import msgspec
import numpy as np

from bowstreet.geo import Position
from bowstreet.tracking.appearance import Appearance
from bowstreet.tracking.ground import GroundFilter
from bowstreet.tracking.locate import ELLIPSE_SIGMAS
from bowstreet.tracking.model import FollowFound, FollowPhase, Motion, Name, Shape, Spread
from bowstreet.tracking.plane import Plane

# Older than this the subject may be anywhere: nothing is handed over, the pilot clicks.
OLDEST_S = 30.0
# Where a subject is known no better than this, it is not known.
MOST_M = 200.0
Metres2 = Annotated[float, msgspec.Meta(ge=0.0, le=1e6)]


class HandOver(msgspec.Struct, frozen=True, kw_only=True):
    """The whole state of a follow. `spread_*` in m², with what the giving drone's pose is off by; `looks` by `Appearance`."""

    follow_id: Name
    shape: Shape
    at: datetime
    position: Position
    spread_east: Metres2
    spread_north: Metres2
    spread_both: float
    east_mps: Annotated[float, msgspec.Meta(ge=-100.0, le=100.0)]
    north_mps: Annotated[float, msgspec.Meta(ge=-100.0, le=100.0)]
    speed_variance: Metres2
    looks: Annotated[bytes, msgspec.Meta(max_length=256)] | None = None


def give(follow_id: str, ground: GroundFilter, common: Spread, looks: Appearance | None, plane: Plane) -> HandOver:
    spread = ground.spread + common
    return HandOver(
        follow_id=follow_id, shape=ground.shape, at=ground.at,
        position=plane.to_position(float(ground.state[0]), float(ground.state[1])),
        spread_east=spread.east, spread_north=spread.north, spread_both=spread.both,
        east_mps=float(np.clip(ground.state[2], -100, 100)), north_mps=float(np.clip(ground.state[3], -100, 100)),
        speed_variance=float((ground.covariance[2, 2] + ground.covariance[3, 3]) / 2),
        looks=None if looks is None else looks.to_bytes(),
    )  # fmt: skip


def remembered(found: FollowFound, at: datetime) -> HandOver | None:
    """What a last look still tells of a subject, when the worker that held it has died: where, and how it moved, not its looks.
    None where the place was not known."""
    if found.place is None or found.shape is None or found.phase is FollowPhase.LOST:
        return None
    ellipse, along = found.place.ellipse, math.radians(found.place.ellipse.bearing_deg)
    major, minor = ((min(MOST_M, one) / ELLIPSE_SIGMAS) ** 2 for one in (ellipse.semi_major_m, ellipse.semi_minor_m))
    east, north = math.sin(along), math.cos(along)
    motion = found.motion or Motion(speed_mps=0.0, speed_sigma_mps=2.0)
    course = math.radians(motion.direction_deg or 0.0)
    speed = 0.0 if motion.direction_deg is None else min(100.0, motion.speed_mps)
    values = (major, minor, along, motion.speed_sigma_mps, speed, course)
    if not all(math.isfinite(one) for one in values):
        return None
    return HandOver(
        follow_id=found.follow_id, shape=found.shape, at=at, position=found.place.position,
        spread_east=major * east**2 + minor * north**2, spread_north=major * north**2 + minor * east**2,
        spread_both=(major - minor) * east * north, east_mps=speed * math.sin(course), north_mps=speed * math.cos(course),
        speed_variance=min(1e4, motion.speed_sigma_mps**2),
    )  # fmt: skip


def take(given: HandOver, plane: Plane) -> GroundFilter:
    """The filter that goes on from there, with all of the giver's uncertainty in it."""
    east, north = plane.to_metres(given.position)
    spread = Spread(east=given.spread_east, north=given.spread_north, both=given.spread_both)
    ground = GroundFilter.start(given.shape, given.at, east, north, spread)
    ground.state[2:] = given.east_mps, given.north_mps
    ground.covariance[2, 2] = ground.covariance[3, 3] = given.speed_variance
    return ground
