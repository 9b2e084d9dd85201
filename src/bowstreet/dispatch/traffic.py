"""Where our flights will be, for airspace to keep the next one apart from them."""

from bowstreet.airspace.model import Trajectory
from bowstreet.flight.model import Mission, Phase
from bowstreet.flight.service import FlightService
from bowstreet.geo import to_grid

# Cruise over the ground that trajectories are laid out with; the same that airspace takes for the flight it clears.
TRANSIT_MPS = 15.0
OUTWARD = (Phase.AUTHORISED, Phase.PREFLIGHT, Phase.CLIMBING, Phase.OUTBOUND, Phase.ON_SCENE)


def trajectory(mission: Mission) -> Trajectory:
    """The part of a mission's way that it is on: out and over the scene, or home."""
    out = mission.phase in OUTWARD
    waypoints = mission.plan.outbound if out else mission.plan.homeward
    way = tuple(to_grid(waypoint.position) for waypoint in waypoints)
    if out and mission.plan.homeward:
        way = (to_grid(mission.plan.homeward[-1].position), *way)  # it starts over its dock
    elif mission.plan.outbound:
        way = (to_grid(mission.plan.outbound[-1].position), *way)
    starts_at = mission.authorised_at if out else mission.phase_since or mission.authorised_at
    return Trajectory(
        mission_id=mission.mission_id,
        waypoints=way,
        starts_at=starts_at,
        ground_speed_mps=TRANSIT_MPS,
        height_m_agl=waypoints[0].height_m_above_dock,
    )


def trajectories(flight: FlightService) -> list[Trajectory]:
    """Of all missions that are not over."""
    return [trajectory(mission) for mission in flight.missions.all() if not mission.phase.is_final]
