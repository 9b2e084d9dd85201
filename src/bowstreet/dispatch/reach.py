"""How soon, for a whole fleet at once: straight legs in wind, as bounds that no exact route can beat.

With a steady wind the time over a polyline is never less than over the straight line between its ends (time is a norm of the
displacement), so these bounds decide in which order drones deserve the exact check, and which cannot be the answer at all.
"""

import math

import numpy as np

from bowstreet.dispatch.fleet import Fleet
from bowstreet.flight.model import Wind
from bowstreet.geo import FloatArray, GridPoint


def leg_times_s(east_m: FloatArray, north_m: FloatArray, airspeed_mps: FloatArray, wind: Wind) -> FloatArray:
    """Seconds to fly each displacement at that airspeed in that wind; infinite where the wind wins.

    Args:
        east_m, north_m: displacements, metres on the grid.
        airspeed_mps: speed through the air.
    """
    blows_to = math.radians(wind.from_deg + 180.0)
    wind_east, wind_north = wind.speed_mps * math.sin(blows_to), wind.speed_mps * math.cos(blows_to)
    # |d - W t| = v t, so (v² - W²) t² + 2 (d.W) t - d² = 0, and the positive root is the time.
    distance_squared = east_m**2 + north_m**2
    along = east_m * wind_east + north_m * wind_north
    margin = airspeed_mps**2 - wind.speed_mps**2
    with np.errstate(divide="ignore", invalid="ignore"):
        times = (np.sqrt(along**2 + margin * distance_squared) - along) / margin
    # A wind as fast as the drone: it is treated as unflyable in every direction; the limit on wind comes first anyhow.
    times = np.where(margin > 0.0, times, np.inf)
    return np.where(distance_squared > 0.0, times, 0.0)


def out_times_s(fleet: Fleet, scene: GridPoint, wind: Wind) -> FloatArray:
    """For each drone, seconds of cruise in a straight line from where it is to the scene."""
    return leg_times_s(scene.easting_m - fleet.east_m, scene.northing_m - fleet.north_m, fleet.cruise_mps, wind)


def home_times_s(fleet: Fleet, scene: GridPoint, wind: Wind) -> FloatArray:
    """For each drone, seconds of cruise in a straight line from the scene to its dock."""
    return leg_times_s(fleet.dock_east_m - scene.easting_m, fleet.dock_north_m - scene.northing_m, fleet.cruise_mps, wind)
