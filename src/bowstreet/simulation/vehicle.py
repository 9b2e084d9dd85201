"""One simulated quadcopter: where it is, how fast, how much charge. Kinematics only; what it wants is the autopilot's business.

Positions are metres on the National Grid, heights metres above mean sea level. A model apart from the flight rules' energy
estimates, so that neither checks itself.
"""

import math

from bowstreet.flight.model import Airframe, Wind

ACCELERATION_MPS2 = 3.0
# Climbing at full rate draws this much more than cruise.
CLIMB_POWER = 1.35
# On the ground with motors off: computers, radio.
IDLE_W = 8.0
NEAR_M = 0.3
NEAR_HEIGHT_M = 0.2


class Vehicle:
    """Mutable state of one vehicle.

    Attributes:
        target: where it flies to, (east, north, height above sea), or None to stay.
        speed_mps: ground speed asked for; what the wind leaves of it is flown.
        sag: energy drawn over energy modelled.
        told_charge: what it says of its charge minus what it is (a wrong gauge).
    """

    def __init__(self, airframe: Airframe, east_m: float, north_m: float, ground_m_amsl: float, charge: float) -> None:
        self.airframe = airframe
        self.east_m, self.north_m, self.height_m_amsl = east_m, north_m, ground_m_amsl
        self.ground_m_amsl = ground_m_amsl
        self.velocity = (0.0, 0.0, 0.0)
        self.heading_deg = 0.0
        self.charge = charge
        self.armed = False
        self.landed = True
        self.target: tuple[float, float, float] | None = None
        self.orbit: tuple[float, float, float] | None = None  # centre east, north, radius
        self.speed_mps = airframe.cruise_mps
        self.sag = 1.0
        self.told_charge = 0.0
        self.gimbal_deg = 0.0
        self.exhausted = False

    def step(self, dt_s: float, wind: Wind) -> None:
        """Move on by some time, at most about half a second for the kinematics to hold."""
        if self.landed:
            self._draw(IDLE_W if not self.armed else self.airframe.hover_w * 0.1, dt_s)
            return
        vx, vy = self._horizontal(dt_s, wind)
        vz = self._vertical(dt_s)
        self.velocity = (vx, vy, vz)
        self.east_m += vx * dt_s
        self.north_m += vy * dt_s
        self.height_m_amsl += vz * dt_s
        moving = math.hypot(vx, vy) > 2.0
        watts = self.airframe.cruise_w if moving else self.airframe.hover_w
        self._draw(watts * (CLIMB_POWER if vz > 0.5 else 1.0), dt_s)
        if moving and self.orbit is None:
            self.heading_deg = math.degrees(math.atan2(vx, vy)) % 360.0
        if self.height_m_amsl <= self.ground_m_amsl:
            self.height_m_amsl = self.ground_m_amsl

    def _horizontal(self, dt_s: float, wind: Wind) -> tuple[float, float]:
        if self.orbit is not None:
            return self._circle(dt_s)
        if self.target is None:
            return self._toward((0.0, 0.0), dt_s)
        east, north = self.target[0] - self.east_m, self.target[1] - self.north_m
        distance_m = math.hypot(east, north)
        if distance_m < NEAR_M:
            return (east / dt_s * 0.5, north / dt_s * 0.5)
        # Slow down so as to stop at the target; never cover more than what is left.
        speed = min(self._reachable(east, north, wind), math.sqrt(2.0 * ACCELERATION_MPS2 * distance_m), distance_m / dt_s)
        return self._toward((east / distance_m * speed, north / distance_m * speed), dt_s)

    def _reachable(self, east: float, north: float, wind: Wind) -> float:
        """Ground speed along this track that the airspeed allows in this wind."""
        track = math.atan2(east, north)
        from_wind = track - math.radians(wind.from_deg)
        cross, head = wind.speed_mps * math.sin(from_wind), wind.speed_mps * math.cos(from_wind)
        airspeed = self.airframe.cruise_mps
        if abs(cross) >= airspeed:
            return 0.0
        return max(0.0, min(self.speed_mps * 1.6, math.sqrt(airspeed**2 - cross**2) - head))

    def _circle(self, dt_s: float) -> tuple[float, float]:
        assert self.orbit is not None
        centre_east, centre_north, radius_m = self.orbit
        east, north = self.east_m - centre_east, self.north_m - centre_north
        distance_m = math.hypot(east, north) or 1.0
        speed = min(5.0, self.airframe.cruise_mps)
        inward = max(-speed, min(speed, (distance_m - radius_m)))
        self.heading_deg = math.degrees(math.atan2(-east, -north)) % 360.0
        around = math.sqrt(max(0.0, speed**2 - inward**2))
        ux, uy = east / distance_m, north / distance_m
        return self._toward((-inward * ux + around * uy, -inward * uy - around * ux), dt_s)

    def _toward(self, wanted: tuple[float, float], dt_s: float) -> tuple[float, float]:
        dx, dy = wanted[0] - self.velocity[0], wanted[1] - self.velocity[1]
        change = math.hypot(dx, dy)
        most = ACCELERATION_MPS2 * dt_s
        share = 1.0 if change <= most else most / change
        return self.velocity[0] + dx * share, self.velocity[1] + dy * share

    def _vertical(self, dt_s: float) -> float:
        if self.target is None:
            return 0.0
        gap_m = self.target[2] - self.height_m_amsl
        if abs(gap_m) < NEAR_HEIGHT_M:
            return gap_m / dt_s * 0.5
        fastest = self.airframe.climb_mps if gap_m > 0 else self.airframe.descent_mps
        return math.copysign(min(fastest, abs(gap_m) / dt_s), gap_m)

    def _draw(self, watts: float, dt_s: float) -> None:
        self.charge -= watts * self.sag * dt_s / 3_600.0 / self.airframe.battery_wh
        if self.charge <= 0.0:
            self.charge = 0.0
            if not self.landed:
                self.exhausted = True

    def charge_up(self, dt_s: float) -> None:
        """On a pad: linear to full."""
        self.charge = min(1.0, self.charge + dt_s / self.airframe.charge_full_s)

    def touch_down(self, ground_m_amsl: float) -> None:
        """Motors off, on the ground."""
        self.landed, self.armed = True, False
        self.velocity = (0.0, 0.0, 0.0)
        self.ground_m_amsl = self.height_m_amsl = ground_m_amsl
        self.target, self.orbit = None, None
