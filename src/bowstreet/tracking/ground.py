"""Where a shape is on the ground and how it moves. Pure numbers; time comes in.

A Kalman filter in metres that assumes a steady course, disturbed by as much as persons and vehicles turn and brake.

What all looks of a drone share (its heading is off by a degree, always to the same side) is no noise that averages out. So the
filter takes in each look's own spread and a part of the common one, and the common spread is added to what is told.
"""

import math
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from bowstreet.tracking.camera import Vector
from bowstreet.tracking.model import Motion, Shape, Spread, degrees, seconds_between

# One standard deviation of acceleration: a person starts to run within a second; a car brakes and turns.
ACCELERATION_MPS2 = {Shape.PERSON: 1.0, Shape.VEHICLE: 2.5}
# Before it is known, the speed may be anything up to about twice this.
FIRST_SPEED_MPS = {Shape.PERSON: 2.0, Shape.VEHICLE: 8.0}
# How much of the pose's error changes from look to look: AHRS and GNSS errors are slow against a second, about a fifth is not.
JITTER_SHARE = 0.2
# Speed is told with a direction only beyond so many of its standard deviations.
MOVES_SIGMAS = 2.5
# Further behind than this a filter says nothing any more.
LONGEST_STEP_S = 60.0


def noise(own: Spread, common: Spread) -> Spread:
    """What one look's place is off by, apart from what it shares with its neighbours in time."""
    return own + common.times(JITTER_SHARE**2)


@dataclass(slots=True)
class GroundFilter:
    """State: east, north (metres), and their speeds."""

    shape: Shape
    at: datetime
    state: Vector
    covariance: Vector

    @classmethod
    def start(cls, shape: Shape, at: datetime, east_m: float, north_m: float, spread: Spread) -> "GroundFilter":
        speed = FIRST_SPEED_MPS[shape] ** 2
        covariance = np.diag([spread.east, spread.north, speed, speed])
        covariance[0, 1] = covariance[1, 0] = spread.both
        return cls(shape=shape, at=at, state=np.array([east_m, north_m, 0.0, 0.0]), covariance=covariance)

    def predicted(self, at: datetime) -> tuple[Vector, Vector]:
        """State and covariance at another time; earlier ones are the same as now."""
        step = min(LONGEST_STEP_S, max(0.0, seconds_between(self.at, at)))
        move = np.eye(4)
        move[0, 2] = move[1, 3] = step
        push = ACCELERATION_MPS2[self.shape] ** 2
        added = np.zeros((4, 4))
        # White acceleration, held for a second: the usual discrete form would let a person at 5 looks a second turn too little.
        added[0, 0] = added[1, 1] = push * step**3 / 3
        added[0, 2] = added[2, 0] = added[1, 3] = added[3, 1] = push * step**2 / 2
        added[2, 2] = added[3, 3] = push * step
        return move @ self.state, move @ self.covariance @ move.T + added

    def advance(self, at: datetime) -> None:
        self.state, self.covariance = self.predicted(at)
        self.at = max(self.at, at)

    def update(self, east_m: float, north_m: float, spread: Spread) -> None:
        """Take in a place at the filter's own time (`advance` first)."""
        measured = np.array([[spread.east, spread.both], [spread.both, spread.north]])
        gain = np.linalg.solve((self.covariance[:2, :2] + measured).T, self.covariance[:, :2].T).T
        self.state = self.state + gain @ (np.array([east_m, north_m]) - self.state[:2])
        keep = np.eye(4)
        keep[:, :2] -= gain
        # Joseph's form stays symmetric and positive over hours.
        self.covariance = keep @ self.covariance @ keep.T + gain @ measured @ gain.T

    @property
    def spread(self) -> Spread:
        return spread_of(self.covariance)

    def motion(self) -> Motion:
        return motion_of(self.state, self.covariance)


def spread_of(covariance: Vector) -> Spread:
    return Spread(east=float(covariance[0, 0]), north=float(covariance[1, 1]), both=float(covariance[0, 1]))


def motion_of(state: Vector, covariance: Vector) -> Motion:
    speed = float(math.hypot(state[2], state[3]))
    # Along the course where there is one; else the larger of the two.
    if speed > 1e-6:
        course = np.array([state[2], state[3]]) / speed
        sigma = math.sqrt(max(0.0, float(course @ covariance[2:, 2:] @ course)))
    else:
        sigma = math.sqrt(max(float(covariance[2, 2]), float(covariance[3, 3])))
    if speed <= MOVES_SIGMAS * sigma:
        return Motion(speed_mps=speed, speed_sigma_mps=sigma)
    across = np.array([-state[3], state[2]]) / speed
    aside = math.sqrt(max(0.0, float(across @ covariance[2:, 2:] @ across)))
    return Motion(
        speed_mps=speed, speed_sigma_mps=sigma, direction_deg=degrees(math.atan2(state[2], state[3])),
        direction_sigma_deg=math.degrees(math.atan2(aside, speed)),
    )  # fmt: skip
