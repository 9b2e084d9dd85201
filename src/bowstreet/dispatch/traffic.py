"""Where our own flights will be: what airspace keeps a new flight apart from."""

import itertools
from collections.abc import Sequence
from datetime import datetime, timedelta

from bowstreet.airspace.model import Trajectory
from bowstreet.flight.model import Mission, Phase, Waypoint
from bowstreet.flight.service import FlightService
from bowstreet.geo import to_grid

# Over the ground, on average over directions of wind: the airframe's cruise. Airspace's separation covers what differs.
TRANSIT_MPS = 15.0
LAUNCH_S = 25.0
_GOING = (Phase.AUTHORISED, Phase.PREFLIGHT, Phase.CLIMBING)


class Traffic:
    """Trajectories of all missions that are not over, made anew only for those that changed their plan or phase."""

    def __init__(self, flight: FlightService) -> None:
        self._flight = flight
        self._known: dict[str, tuple[object, Phase, Trajectory]] = {}

    def __call__(self) -> Sequence[Trajectory]:
        missions = self._flight.active_missions()
        known: dict[str, tuple[object, Phase, Trajectory]] = {}
        for mission in missions:
            before = self._known.get(mission.mission_id)
            if before is not None and before[0] is mission.plan and before[1] is mission.phase:
                known[mission.mission_id] = before
            else:
                known[mission.mission_id] = (mission.plan, mission.phase, trajectory(mission))
        self._known = known
        return [entry[2] for entry in known.values()]


def trajectory(mission: Mission) -> Trajectory:
    """The way that a mission flies next: out and over its scene, or home."""
    plan = mission.plan
    going = mission.phase in (*_GOING, Phase.OUTBOUND, Phase.ON_SCENE)
    way = plan.outbound if going else plan.homeward
    return Trajectory(
        mission_id=mission.mission_id,
        waypoints=tuple(to_grid(waypoint.position) for waypoint in way),
        starts_at=_starts_at(mission, way),
        ground_speed_mps=TRANSIT_MPS,
        height_m_agl=way[0].height_m_above_dock,
    )


def _starts_at(mission: Mission, way: Sequence[Waypoint]) -> datetime:
    since = mission.phase_since or mission.authorised_at
    if mission.phase in _GOING:
        return mission.authorised_at + timedelta(seconds=LAUNCH_S)
    if mission.phase is Phase.ON_SCENE:
        # It is at the end of its way already.
        length_m = sum(to_grid(a.position).distance_m(to_grid(b.position)) for a, b in itertools.pairwise(way))
        return since - timedelta(seconds=length_m / TRANSIT_MPS)
    return since
