"""A flight before it is flown: the way out, the time over the scene, the way home, and the charge at which it must turn."""

from collections.abc import Sequence

from bowstreet.airspace.model import Clearance
from bowstreet.flight import energy
from bowstreet.flight.model import Airframe, MissionPlan, Waypoint, Wind
from bowstreet.geo import GridPoint, to_wgs84
from bowstreet.messages import Reason

# Over a scene until people there can do without: five minutes is a first look, and the time until officers come.
ON_SCENE_S = 300.0


def waypoints(points: Sequence[GridPoint], height_m_above_dock: float) -> tuple[Waypoint, ...]:
    """Grid points at one height."""
    return tuple(Waypoint(position=to_wgs84(point), height_m_above_dock=height_m_above_dock) for point in points)


def plan_mission(
    *,
    airframe: Airframe,
    charge_fraction: float,
    clearance: Clearance,
    home_dock_id: str,
    wind: Wind,
    homeward: Sequence[GridPoint] = (),
    on_scene_s: float = ON_SCENE_S,
    least_on_scene_s: float = energy.LEAST_ON_SCENE_S,
    airborne: bool = False,
) -> MissionPlan | Reason:
    """The flight along a cleared route, or the reason why it may not be flown.

    Both ways of the plan begin where they begin (`outbound[0]` is where the drone is, `homeward[0]` the scene) and are flown from
    their second point on.

    Args:
        clearance: the way out, from where the drone is to the scene. Its height above ground is taken as height above the dock.
        wind: at transit height, as measured.
        homeward: cleared grid points from the scene to the dock. Left out, the drone comes home the way it went; it must be
            given for a drone that is turned in the air, which does not start from its dock.
        on_scene_s: what is wanted over the scene; cut to what the charge allows, but not below `least_on_scene_s`.
        airborne: the drone is turned in the air: no launch, no climb.
    """
    if airborne and not homeward:
        return Reason(code="no-way-home", text="a drone turned in the air needs a cleared way home from the new scene")
    if max(wind.speed_mps, wind.gust_mps) > airframe.max_wind_mps:
        return Reason(
            code="wind",
            text=f"gusts of {max(wind.speed_mps, wind.gust_mps):.0f} m/s are above its limit of {airframe.max_wind_mps:.0f} m/s",
        )
    back = tuple(homeward) or tuple(reversed(clearance.waypoints))
    height_m = clearance.height_m_agl
    against = energy.planning_wind(wind)
    home_s = energy.path_s(back, airframe.cruise_mps, against)
    out_s = energy.path_s(clearance.waypoints, airframe.cruise_mps, against)
    needed = energy.needed_fraction(airframe, out_s, home_s, height_m, least_on_scene_s, airborne=airborne)
    if charge_fraction < needed:
        return Reason(code="charge", text=f"needs {needed:.0%} charge to go there and come home, and has {charge_fraction:.0%}")
    spare_s = least_on_scene_s + (charge_fraction - needed) / energy.hover_fraction(airframe, 1.0)
    stay_s = max(least_on_scene_s, min(on_scene_s, spare_s))
    eyes_on_s = energy.eyes_on_s(airframe, energy.path_s(clearance.waypoints, airframe.cruise_mps, wind), airborne=airborne)
    used = (
        energy.out_fraction(airframe, out_s, height_m, airborne=airborne)
        + energy.hover_fraction(airframe, stay_s)
        + energy.home_fraction(airframe, home_s, height_m)
    )
    return MissionPlan(
        outbound=waypoints(clearance.waypoints, height_m),
        homeward=waypoints(back, height_m),
        home_dock_id=home_dock_id,
        expected_eyes_on_s=eyes_on_s,
        on_scene_s=stay_s,
        bingo_fraction=energy.bingo_fraction(airframe, home_s, height_m),
        expected_return_fraction=charge_fraction - used,
    )
