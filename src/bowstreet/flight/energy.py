"""Time and charge: what a flight takes, and what must be left to come home. Floats, or NumPy arrays of a whole fleet.

The rule of the house: a drone sets off, goes on and stays only while its charge pays for the way home to a free dock, with a
margin for what is not known, and with the reserve untouched. `bingo` is the charge at which it must leave for home.
"""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import TypeVar

from bowstreet.flight.airframes import CLIMB_AWAY_M
from bowstreet.flight.model import Airframe, Waypoint, Wind
from bowstreet.flight.reckoning import offset_m
from bowstreet.geo import FloatArray, GridPoint

Number = TypeVar("Number", float, FloatArray)

# Power in a full climb over power at cruise: lifting 4 kg at 4 m/s takes 157 W on the shaft, about 60% of it reaches the air.
CLIMB_POWER = 1.4
# What the way home is planned to take, over what it should: 15% for an old or cold battery that sags, 8% for the rest.
HOME_MARGIN = 1.25
# The same for the way out. Smaller: what it takes more is seen before the drone is far from home.
OUT_MARGIN = 1.10
# Hover over the dock that is planned for: the lid opens in 10 s, and another drone may land first (33 s from 100 m).
LANDING_WAIT_S = 45.0
# Of the difference between gusts and mean wind, the part that counts as steady headwind when charge is planned.
GUST_SHARE = 0.5
# The least time over a scene for which it is worth flying there.
LEAST_ON_SCENE_S = 120.0
SECONDS_AN_HOUR = 3_600.0


def planning_wind(wind: Wind) -> Wind:
    """The wind to plan charge for: stronger than the mean by a part of the gusts."""
    return Wind(
        speed_mps=wind.speed_mps + GUST_SHARE * max(0.0, wind.gust_mps - wind.speed_mps),
        from_deg=wind.from_deg,
        gust_mps=wind.gust_mps,
    )


def leg_s(east_m: float, north_m: float, airspeed_mps: float, wind: Wind) -> float:
    """Seconds to fly a straight leg while holding the track; infinite when the wind is as fast as the drone.

    The wind triangle: |d - W t| = v t, so (v² - W²) t² + 2 (d.W) t - d² = 0, and the positive root is the time.
    """
    squared = east_m * east_m + north_m * north_m
    if squared == 0.0:
        return 0.0
    margin = airspeed_mps * airspeed_mps - wind.speed_mps * wind.speed_mps
    if margin <= 0.0:
        return math.inf
    blows_from = math.radians(wind.from_deg)
    along = -wind.speed_mps * (east_m * math.sin(blows_from) + north_m * math.cos(blows_from))
    return (math.sqrt(along * along + margin * squared) - along) / margin


def path_s(points: Sequence[GridPoint], airspeed_mps: float, wind: Wind) -> float:
    """Seconds to fly through grid points, from the first to the last."""
    return sum(leg_s(b.easting_m - a.easting_m, b.northing_m - a.northing_m, airspeed_mps, wind) for a, b in pairwise(points))


def route_s(route: Sequence[Waypoint], airspeed_mps: float, wind: Wind) -> float:
    """Seconds to fly through way points, from the first to the last. Changes of height are flown on the way."""
    return sum(leg_s(*offset_m(a.position, b.position), airspeed_mps, wind) for a, b in pairwise(route))


def eyes_on_s(airframe: Airframe, out_s: Number, *, airborne: bool = False) -> Number:
    """Seconds from authority, or from the order to turn when it is airborne, until the drone is over the scene."""
    return out_s if airborne else out_s + airframe.launch_s


def out_fraction(airframe: Airframe, out_s: Number, height_m: float, *, airborne: bool = False) -> Number:
    """Charge that the way out takes, without margin; `height_m` is the transit height above the dock."""
    climb_wh = 0.0 if airborne else height_m / airframe.climb_mps * CLIMB_POWER * airframe.cruise_w / SECONDS_AN_HOUR
    return (out_s * (airframe.cruise_w / SECONDS_AN_HOUR) + climb_wh) / airframe.battery_wh


def hover_fraction(airframe: Airframe, seconds: float) -> float:
    """Charge that hovering, or a slow orbit, takes."""
    return seconds * airframe.hover_w / SECONDS_AN_HOUR / airframe.battery_wh


def home_fraction(airframe: Airframe, home_s: Number, height_m: float) -> Number:
    """Charge that the way home takes, without margin: transit, the wait over the dock, and the descent from `height_m`."""
    landing_wh = (LANDING_WAIT_S + max(0.0, height_m) / airframe.descent_mps) * airframe.hover_w / SECONDS_AN_HOUR
    return (home_s * (airframe.cruise_w / SECONDS_AN_HOUR) + landing_wh) / airframe.battery_wh


def bingo_fraction(airframe: Airframe, home_s: Number, height_m: float) -> Number:
    """Charge at which the drone must leave for home: the way home with its margin, and the whole reserve."""
    return airframe.reserve_fraction + HOME_MARGIN * home_fraction(airframe, home_s, height_m)


def needed_fraction(
    airframe: Airframe, out_s: Number, home_s: Number, height_m: float, on_scene_s: float, *, airborne: bool = False
) -> Number:
    """Charge that a drone must have to be sent: out, `on_scene_s` over the scene, and home from there, all with their margins.

    Args:
        out_s, home_s: seconds of transit, in the wind to plan charge for (`planning_wind`).
        airborne: it need not take off and climb.
    """
    out = OUT_MARGIN * out_fraction(airframe, out_s, height_m, airborne=airborne)
    return out + hover_fraction(airframe, on_scene_s) + bingo_fraction(airframe, home_s, height_m)


def can_afford(
    airframe: Airframe,
    charge_fraction: float,
    out: Sequence[GridPoint],
    home: Sequence[GridPoint],
    wind: Wind,
    height_m: float = CLIMB_AWAY_M,
    on_scene_s: float = LEAST_ON_SCENE_S,
    *,
    airborne: bool = False,
) -> bool:
    """Whether a drone with this charge may be sent along `out` and come back along `home`; what dispatch asks of each candidate.

    Args:
        out: grid points from where it is to the scene.
        home: grid points from the scene to the dock.
        wind: as measured; the margin for gusts is put on here.
    """
    against = planning_wind(wind)
    if max(against.speed_mps, wind.gust_mps) > airframe.max_wind_mps:
        return False
    out_s = path_s(out, airframe.cruise_mps, against)
    home_s = path_s(home, airframe.cruise_mps, against)
    return charge_fraction >= needed_fraction(airframe, out_s, home_s, height_m, on_scene_s, airborne=airborne)


def fraction_to_land(airframe: Airframe, route: Sequence[Waypoint], wind: Wind, height_m: float) -> float:
    """Charge that it takes to fly `route` to its end and land there, without margin or reserve; infinite when the wind wins."""
    return home_fraction(airframe, route_s(route, airframe.cruise_mps, planning_wind(wind)), height_m)
