"""The kinds of drone that the program knows by name. An operator adds a kind with its maker's figures.

The demo's "patrol quadcopter" is no product. Its figures are those of a 4 kg class quadcopter with a camera gimbal as makers
of police drones publish them (36 min of hover from 260 Wh, 15 m/s cruise, 12 m/s of wind), rounded to the careful side.
"""

from collections.abc import Mapping

from bowstreet.errors import NotFound
from bowstreet.flight.model import Airframe

# How high a drone climbs straight up before it sets off: clear of the parapets and masts of the roofs that docks stand on.
# The rest of the climb to transit height is flown on the way, which brings eyes about ten seconds earlier.
CLIMB_AWAY_M = 40.0

PATROL_QUADCOPTER = Airframe(
    name="patrol quadcopter",
    cruise_mps=15.0,
    climb_mps=4.0,
    descent_mps=3.0,
    battery_wh=263.0,
    cruise_w=500.0,  # 31.6 min at cruise
    hover_w=440.0,  # 35.9 min of hover
    max_wind_mps=12.0,
    launch_s=25.0,  # lid 10 s with the checks beside it, arming 2 s, climb to 40 m in 10 s, 3 s in hand
    charge_full_s=2_400.0,
    reserve_fraction=0.25,
)

AIRFRAMES: Mapping[str, Airframe] = {airframe.name: airframe for airframe in (PATROL_QUADCOPTER,)}


def airframe_named(name: str) -> Airframe:
    """Raises `NotFound` for a kind that is not in the catalogue."""
    if name not in AIRFRAMES:
        raise NotFound(f"there is no airframe '{name}'", remedy=f"use one of {', '.join(sorted(AIRFRAMES))}")
    return AIRFRAMES[name]
