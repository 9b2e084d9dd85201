"""When would it be there, and can it pay: flight's own arithmetic, for a whole fleet as bounds and for one drone exactly."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from bowstreet.airspace.model import Clearance
from bowstreet.dispatch.fleet import Fleet
from bowstreet.dispatch.model import Drone
from bowstreet.dispatch.reach import home_times_s, out_times_s
from bowstreet.flight.energy import can_afford, eyes_on_s, needed_fraction, path_s, planning_wind
from bowstreet.flight.model import Wind
from bowstreet.geo import FloatArray, GridPoint


def is_airborne(drone: Drone) -> bool:
    """Whether it flies already: then there is no lid, no arming and no climb before it is on its way."""
    return drone.mission_id is not None


def bounds(fleet: Fleet, scene: GridPoint, wind: Wind, on_scene_s: float) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
    """For each drone, the soonest that it could be there (seconds), and whether its charge could pay at best.

    Both are optimistic: straight legs and no height to climb. A drone that fails here fails the exact check.
    """
    against = planning_wind(wind)
    out_s = out_times_s(fleet, scene, wind)
    slow_out_s, slow_home_s = out_times_s(fleet, scene, against), home_times_s(fleet, scene, against)
    arrival_s = np.full(len(fleet), np.inf)
    affordable = np.zeros(len(fleet), dtype=np.bool_)
    for index, airframe in enumerate(fleet.airframes):
        for airborne in (False, True):
            of = (fleet.airframe == index) & (fleet.on_mission == airborne)
            arrival_s[of] = eyes_on_s(airframe, out_s[of], airborne=airborne)
            needed = needed_fraction(airframe, slow_out_s[of], slow_home_s[of], 0.0, on_scene_s, airborne=airborne)
            affordable[of] = fleet.charge[of] >= needed
    return arrival_s, affordable


def exact(drone: Drone, route: Clearance, homeward: Sequence[GridPoint], wind: Wind, on_scene_s: float) -> tuple[float, bool]:
    """Seconds until eyes on the scene by this route, and whether the charge pays for all of it.

    Args:
        homeward: way points from the scene to the dock, both included.
    """
    airframe, airborne = drone.airframe, is_airborne(drone)
    eta_s = eyes_on_s(airframe, path_s(route.waypoints, airframe.cruise_mps, wind), airborne=airborne)
    pays = can_afford(
        airframe, drone.charge_fraction, route.waypoints, homeward, wind, route.height_m_agl, on_scene_s, airborne=airborne
    )
    return eta_s, pays
