"""One simulated drone between events: straight lines, steady climbs, steady power. A model of its own, not flight's.

Flight plans with its own arithmetic; this one flies. That the two agree within a few per cent is tested, not assumed.
"""

import math

from bowstreet.flight.model import Airframe, Wind
from bowstreet.geo import GridPoint, Position, to_wgs84

# A drone that goes nowhere still corrects its place; below this a leg is not worth flying.
ARRIVED_M = 0.5
# From rest to cruise takes some seconds that the straight lines leave out; what is told must not contradict where it is.
PICK_UP_S = 0.5


def ground_speed_mps(airspeed_mps: float, wind: Wind, east_m: float, north_m: float) -> float:
    """Speed over the ground along a direction while holding the track, at that speed through the air; 0 when the wind wins."""
    length = math.hypot(east_m, north_m)
    if length == 0.0:
        return airspeed_mps
    blows_to = math.radians(wind.from_deg + 180.0)
    wind_east, wind_north = wind.speed_mps * math.sin(blows_to), wind.speed_mps * math.cos(blows_to)
    along = (wind_east * east_m + wind_north * north_m) / length
    across_squared = max(0.0, wind.speed_mps**2 - along**2)
    if across_squared >= airspeed_mps**2:
        return 0.0
    return max(0.0, along + math.sqrt(airspeed_mps**2 - across_squared))


class Craft:
    """State at `at_s`, and how it changes until told otherwise. Heights are above the dock that was left."""

    __slots__ = (
        "airframe",
        "armed",
        "at_s",
        "charge",
        "charging",
        "dock_id",
        "draw",
        "drawing_w",
        "east_m",
        "gimbal_pitch_deg",
        "gps_lost_until_s",
        "ground_m_amsl",
        "heading_deg",
        "heard_s",
        "height_m",
        "home",
        "home_place",
        "landed",
        "least_charge",
        "mode",
        "north_m",
        "place",
        "plan",
        "set_speed_mps",
        "silent_until_s",
        "since_s",
        "sorties",
        "system_id",
        "up_mps",
        "v_east_mps",
        "v_north_mps",
        "vehicle_id",
    )

    def __init__(
        self, vehicle_id: str, system_id: int, airframe: Airframe, dock_id: str, place: Position, home: GridPoint
    ) -> None:
        self.vehicle_id, self.system_id, self.airframe = vehicle_id, system_id, airframe
        self.dock_id: str | None = dock_id
        self.home, self.home_place = home, place
        self.east_m, self.north_m, self.height_m = home.easting_m, home.northing_m, 0.0
        self.ground_m_amsl = 0.0
        self.place: Position | None = place
        self.v_east_mps = self.v_north_mps = self.up_mps = 0.0
        self.heading_deg = 0.0
        self.set_speed_mps: float | None = None
        self.charge, self.least_charge, self.charging = 1.0, 1.0, True
        self.drawing_w, self.draw = 0.0, 1.0
        self.armed, self.landed = False, True
        self.gimbal_pitch_deg = 0.0
        self.mode = "standby"
        self.at_s = self.heard_s = self.since_s = 0.0
        self.silent_until_s = self.gps_lost_until_s = -1.0
        # What was last asked of it: an event for an older plan is out of date and is ignored.
        self.plan = 0
        self.sorties = 0

    @property
    def at(self) -> GridPoint:
        return GridPoint(easting_m=self.east_m, northing_m=self.north_m)

    def position(self) -> Position:
        if self.place is None:
            self.place = to_wgs84(self.at)
        return self.place

    @property
    def ground_speed_mps(self) -> float:
        """As it tells it: a drone that was set going a moment ago has not picked up speed yet."""
        if self.at_s - self.since_s < PICK_UP_S:
            return 0.0
        return math.hypot(self.v_east_mps, self.v_north_mps)

    def settle(self, now_s: float) -> None:
        """Bring the state up to now."""
        passed = now_s - self.at_s
        if passed <= 0.0:
            return
        self.at_s = now_s
        if self.landed:
            if self.charging:
                self.charge = min(1.0, self.charge + passed / self.airframe.charge_full_s)
            return
        if self.v_east_mps or self.v_north_mps:
            self.east_m += self.v_east_mps * passed
            self.north_m += self.v_north_mps * passed
            self.place = None
        self.height_m += self.up_mps * passed
        self.charge -= self.drawing_w * self.draw * passed / 3600.0 / self.airframe.battery_wh
        self.least_charge = min(self.least_charge, self.charge)

    def stay(self) -> None:
        """Stop where it is and hover."""
        self.v_east_mps = self.v_north_mps = self.up_mps = 0.0
        self.drawing_w = self.airframe.hover_w
        self.since_s = self.at_s
        self.plan += 1

    def climb_to(self, height_m: float) -> float:
        """Change height; gives the seconds that it takes."""
        self.stay()
        rise = height_m - self.height_m
        speed = self.airframe.climb_mps if rise > 0 else -self.airframe.descent_mps
        self.up_mps = speed
        return rise / speed if rise else 0.0

    def fly_to(self, goal: GridPoint, wind: Wind) -> float:
        """Fly level towards a goal; gives the seconds that it takes, infinite when the wind wins."""
        self.stay()
        east, north = goal.easting_m - self.east_m, goal.northing_m - self.north_m
        length = math.hypot(east, north)
        if length < ARRIVED_M:
            return 0.0
        speed = ground_speed_mps(self.airframe.cruise_mps, wind, east, north)
        if self.set_speed_mps is not None:
            speed = min(speed, self.set_speed_mps)
        self.heading_deg = math.degrees(math.atan2(east, north)) % 360.0
        if speed <= 0.0:
            return math.inf
        self.v_east_mps, self.v_north_mps = east / length * speed, north / length * speed
        self.drawing_w = self.airframe.cruise_w
        return length / speed

    def put_at(self, goal: GridPoint, place: Position) -> None:
        """Arrived: the exact place, so that no rounding piles up."""
        self.east_m, self.north_m, self.place = goal.easting_m, goal.northing_m, place
