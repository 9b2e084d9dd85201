"""How simulated quadcopters move and what that costs: kinematics and batteries of a whole fleet at once, in NumPy.

Positions are metres on the National Grid, heights metres above mean sea level. What a drone wants is its autopilot's business.
A model apart from the flight rules' estimates of energy and time, so that neither checks itself.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from bowstreet.flight.model import Airframe, Wind

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

STAY, GO, ROUND = 0, 1, 2
# Multicopters of this size in their makers' default tuning.
ACCELERATION_MPS2, RISE_MPS2 = 3.0, 2.0
# Braking begins earlier than full deceleration needs.
BRAKING_SHARE = 0.7
# The fastest through the air, over cruise: what is left against gusts.
TOP_SPEED = 1.25
# Climbing at full rate draws this much more.
CLIMB_POWER = 0.35
# On the ground: motors turning, over hover; computers and radio, watts.
IDLE_SHARE, STANDBY_W = 0.12, 8.0
# The last metres of a landing are flown slowly.
FLARE_M, FLARE_MPS = 5.0, 1.0
# An empty battery, or a broken rotor: it comes down under what is left.
FALL_MPS = 8.0
SECONDS_AN_HOUR = 3_600.0
LANDING_GOAL_M = -1.0e4


class Bodies:
    """State and goals of all vehicles, one element each. Autopilots set goals; `step` moves on.

    Attributes:
        east_m, north_m, height_m_amsl: where they are.
        v_east, v_north, v_up: m/s over the ground.
        speed_mps: the ground speed asked for.
        flying: off the ground. `armed`: motors on. `charging`: on a pad that charges.
        sag: energy drawn over energy modelled. `failed`: cannot stay up.
        face_deg: where the nose is to point; NaN for where it flies.
    """

    def __init__(self, airframes: Sequence[Airframe], charge: Sequence[float]) -> None:
        count = len(airframes)

        def zeros() -> FloatArray:
            return np.zeros(count)

        self.east_m, self.north_m, self.height_m_amsl, self.ground_m_amsl = zeros(), zeros(), zeros(), zeros()
        self.v_east, self.v_north, self.v_up = zeros(), zeros(), zeros()
        self.heading_deg, self.face_deg = zeros(), np.full(count, np.nan)
        self.charge = np.array(charge, dtype=np.float64)
        self.flying, self.armed = np.zeros(count, dtype=np.bool_), np.zeros(count, dtype=np.bool_)
        self.charging, self.failed = np.zeros(count, dtype=np.bool_), np.zeros(count, dtype=np.bool_)
        self.sag = np.ones(count)
        self.kind = np.zeros(count, dtype=np.int8)
        self.goal_east, self.goal_north, self.goal_up = zeros(), zeros(), zeros()
        self.radius_m = np.ones(count)
        self.cruise = np.array([one.cruise_mps for one in airframes])
        self.speed_mps = self.cruise.copy()
        self._climb = np.array([one.climb_mps for one in airframes])
        self._descent = np.array([one.descent_mps for one in airframes])
        self._wh = np.array([one.battery_wh for one in airframes])
        self._hover_w = np.array([one.hover_w for one in airframes])
        self._cruise_w = np.array([one.cruise_w for one in airframes])
        self._full_s = np.array([one.charge_full_s for one in airframes])

    # --- goals ----------------------------------------------------------------------------------------------------------

    def stay(self, one: int) -> None:
        """Come to a stop, and hold this height."""
        self.kind[one], self.goal_up[one] = STAY, self.height_m_amsl[one]
        self.face_deg[one] = np.nan

    def go(self, one: int, east_m: float, north_m: float, height_m_amsl: float) -> None:
        self.kind[one] = GO
        self.goal_east[one], self.goal_north[one], self.goal_up[one] = east_m, north_m, height_m_amsl
        self.face_deg[one] = np.nan

    def circle(self, one: int, east_m: float, north_m: float, height_m_amsl: float, radius_m: float) -> None:
        """Clockwise round a point, nose to the middle."""
        self.go(one, east_m, north_m, height_m_amsl)
        self.kind[one], self.radius_m[one] = ROUND, radius_m

    def rise(self, one: int, height_m_amsl: float) -> None:
        """Off the ground, straight up."""
        self.go(one, self.east_m[one], self.north_m[one], height_m_amsl)
        self.flying[one] = True
        self.charging[one] = False

    def descend(self, one: int) -> None:
        """Straight down from where it comes to a stop, to the ground."""
        self.kind[one], self.goal_up[one] = STAY, LANDING_GOAL_M
        self.face_deg[one] = np.nan

    def touch_down(self, one: int, east_m: float, north_m: float, ground_m_amsl: float) -> None:
        self.flying[one] = False
        self.east_m[one], self.north_m[one] = east_m, north_m
        self.height_m_amsl[one] = self.ground_m_amsl[one] = ground_m_amsl
        self.v_east[one] = self.v_north[one] = self.v_up[one] = 0.0
        self.stay(one)

    # --- time -----------------------------------------------------------------------------------------------------------

    def step(self, dt_s: float, wind: Wind) -> None:
        """Move on by some time: at most about a quarter of a second, for the kinematics to hold."""
        to_rad = np.radians(wind.from_deg + 180.0)
        w_east, w_north = wind.speed_mps * float(np.sin(to_rad)), wind.speed_mps * float(np.cos(to_rad))
        self.failed |= self.flying & (self.charge <= 0.0)
        air = self._move(dt_s, w_east, w_north)
        self._turn(dt_s)
        self._spend(dt_s, air)

    def _move(self, dt_s: float, w_east: float, w_north: float) -> FloatArray:
        """New velocities and places; gives the speed through the air."""
        want_east, want_north = self._wanted(dt_s, w_east, w_north)
        # What it wants through the air is at most what it can.
        air_east, air_north = want_east - w_east, want_north - w_north
        top = self.cruise * TOP_SPEED
        share = np.minimum(1.0, top / np.maximum(np.hypot(air_east, air_north), 1e-9))
        d_east, d_north = air_east * share + w_east - self.v_east, air_north * share + w_north - self.v_north
        most = ACCELERATION_MPS2 * dt_s
        share = np.minimum(1.0, most / np.maximum(np.hypot(d_east, d_north), 1e-9)) * self.flying
        self.v_east += d_east * share
        self.v_north += d_north * share
        self.v_up += np.clip(self._wanted_up(dt_s) - self.v_up, -RISE_MPS2 * dt_s, RISE_MPS2 * dt_s) * self.flying
        self.east_m += self.v_east * dt_s
        self.north_m += self.v_north * dt_s
        self.height_m_amsl = np.maximum(self.height_m_amsl + self.v_up * dt_s, self.ground_m_amsl)
        return np.hypot(self.v_east - w_east, self.v_north - w_north)

    def _wanted(self, dt_s: float, w_east: float, w_north: float) -> tuple[FloatArray, FloatArray]:
        """Velocity over the ground that each would like."""
        east, north = self.goal_east - self.east_m, self.goal_north - self.north_m
        distance = np.hypot(east, north)
        safe = np.maximum(distance, 1e-9)
        u_east, u_north = east / safe, north / safe
        along = w_east * u_east + w_north * u_north
        across2 = w_east * w_east + w_north * w_north - along * along
        reachable = np.maximum(0.0, along + np.sqrt(np.maximum(0.0, (self.cruise * TOP_SPEED) ** 2 - across2)))
        braking = np.sqrt(2.0 * BRAKING_SHARE * ACCELERATION_MPS2 * distance)
        speed = np.minimum(np.minimum(self.speed_mps, reachable), np.minimum(braking, distance / dt_s))
        # Round a point: along the circle, and in or out to its radius.
        inward = np.clip(distance - self.radius_m, -self.speed_mps, self.speed_mps)
        around = np.sqrt(np.maximum(0.0, self.speed_mps**2 - inward**2))
        going, circling = (self.kind == GO) & ~self.failed, (self.kind == ROUND) & ~self.failed
        want_east = going * u_east * speed + circling * (u_east * inward - u_north * around)
        want_north = going * u_north * speed + circling * (u_north * inward + u_east * around)
        return want_east, want_north

    def _wanted_up(self, dt_s: float) -> FloatArray:
        gap = self.goal_up - self.height_m_amsl
        slowing = np.sqrt(2.0 * BRAKING_SHARE * RISE_MPS2 * np.abs(gap))
        descent = np.where(
            (self.goal_up == LANDING_GOAL_M) & (self.height_m_amsl - self.ground_m_amsl < FLARE_M), FLARE_MPS, self._descent
        )
        fastest = np.where(gap > 0.0, self._climb, descent)
        up = np.sign(gap) * np.minimum(np.minimum(fastest, slowing), np.abs(gap) / dt_s)
        return np.where(self.failed, -FALL_MPS, up)

    def _turn(self, dt_s: float) -> None:
        moving = np.hypot(self.v_east, self.v_north) > 1.0
        course = np.degrees(np.arctan2(self.v_east, self.v_north))
        inward = np.degrees(np.arctan2(self.goal_east - self.east_m, self.goal_north - self.north_m))
        want = np.where(self.kind == ROUND, inward, np.where(moving, course, self.heading_deg))
        want = np.where(np.isnan(self.face_deg), want, self.face_deg)
        off = (want - self.heading_deg + 180.0) % 360.0 - 180.0
        self.heading_deg = (self.heading_deg + np.clip(off, -90.0 * dt_s, 90.0 * dt_s) * self.flying) % 360.0

    def _spend(self, dt_s: float, air: FloatArray) -> None:
        cube = np.minimum(air / self.cruise, 2.0) ** 3
        watts = self._hover_w + (self._cruise_w - self._hover_w) * cube
        watts = watts * (1.0 + CLIMB_POWER * np.maximum(0.0, self.v_up) / self._climb)
        watts = np.where(self.flying, watts, np.where(self.armed, IDLE_SHARE * self._hover_w, STANDBY_W))
        spent = watts * self.sag * dt_s / SECONDS_AN_HOUR / self._wh
        gained = dt_s / self._full_s
        self.charge = np.clip(self.charge + np.where(self.charging, gained, -spent), 0.0, 1.0)
