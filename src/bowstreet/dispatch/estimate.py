"""When would it be there, and can it pay: flight's own arithmetic, for a whole fleet as bounds and for one drone exactly."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from bowstreet.airspace.model import Clearance
from bowstreet.dispatch.fleet import Fleet
from bowstreet.dispatch.model import Drone
from bowstreet.dispatch.reach import straight_times_s
from bowstreet.flight.energy import can_afford, eyes_on_s, path_s, return_fraction
from bowstreet.flight.model import Wind
from bowstreet.geo import FloatArray, GridPoint

# `return_fraction` is plain arithmetic and takes arrays as well as numbers; its signature speaks of one drone.
_returns: Any = return_fraction


def is_airborne(drone: Drone) -> bool:
    """Whether it flies already: then there is no lid, no arming and no climb before it is on its way."""
    return drone.mission_id is not None


def bounds(fleet: Fleet, scene: GridPoint, wind: Wind, on_scene_s: float) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
    """For each drone, the soonest that it could be there, and whether its charge could pay at best.

    Both are optimistic: straight legs and no height to climb. A drone that fails here fails the exact check.
    """
    out_s, home_s = straight_times_s(fleet, scene, wind)
    arrival_s = out_s + np.where(fleet.on_mission, 0.0, fleet.per_airframe([frame.launch_s for frame in fleet.airframes]))
    affordable = np.zeros(len(fleet), dtype=np.bool_)
    for index, airframe in enumerate(fleet.airframes):
        of = fleet.airframe == index
        left = _returns(airframe, fleet.charge[of], out_s=out_s[of], on_scene_s=on_scene_s, home_s=home_s[of], height_m=0.0)
        affordable[of] = left >= airframe.reserve_fraction
    return arrival_s, affordable


def exact(drone: Drone, route: Clearance, homeward: Sequence[GridPoint], wind: Wind, on_scene_s: float) -> tuple[float, bool]:
    """Seconds until eyes on the scene by this route, and whether the charge pays for all of it.

    Args:
        homeward: way points from the scene to the dock, both included.
    """
    airframe = drone.airframe
    out_s = path_s(route.waypoints, airframe.cruise_mps, wind)
    home_s = path_s(homeward, airframe.cruise_mps, wind)
    height_m = route.height_m_agl
    if is_airborne(drone):
        # It is at height already; counting the climb again leaves the estimate on the safe side.
        eta_s = out_s
    else:
        eta_s = eyes_on_s(airframe, out_s, height_m)
    pays = can_afford(airframe, drone.charge_fraction, out_s=out_s, on_scene_s=on_scene_s, home_s=home_s, height_m=height_m)
    return eta_s, pays
