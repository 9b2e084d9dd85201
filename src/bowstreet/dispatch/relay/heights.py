"""Which heights are taken at a place, and by whom: what keeps reliefs, and drones in a pilot's hand, apart from who is there."""

from collections.abc import Iterable

from bowstreet.dispatch.leaving import leaves, under_way
from bowstreet.dispatch.relay import rules
from bowstreet.dispatch.relay.ways import Way
from bowstreet.errors import Refused
from bowstreet.flight.control import HIGHEST_M, LOWEST_M, may_go_to
from bowstreet.flight.model import Mission, Phase, Waypoint
from bowstreet.flight.service import FlightService
from bowstreet.geo import GridPoint, Position, to_grid


class Heights:
    """Of all drones of one operation. Nothing is kept here: it is asked of the flights as they are."""

    def __init__(self, flight: FlightService) -> None:
        self._flight = flight

    def taken(self, place: GridPoint) -> list[rules.Taken]:
        """By whoever is over or near the place, goes there, or comes from there: each keeps its height all the way."""
        return [one for _, one in self._taken(Way(place, place))]

    def refuses(self, mission: Mission, start: Position, goal: Waypoint, reach_m: float) -> Refused | None:
        """Why its pilot may not have it go there, to that height above its dock, and be up to `reach_m` around; None when they
        may. Whoever the straight way comes near to counts, not only who is at its end."""
        way, ground_m = Way(to_grid(start), to_grid(goal.position), reach_m), self._ground_m(mission)
        others = [
            (other, one) for other, one in self._taken(way)
            if other.mission_id != mission.mission_id and not self._gone(other, way)
        ]  # fmt: skip
        telemetry = self._flight.picture.vehicle(mission.vehicle_id).telemetry
        from_m = None if telemetry is None else telemetry.altitude_m_amsl
        taken, to_m = [one for _, one in others], ground_m + goal.height_m_above_dock
        met = rules.met(taken, from_m, to_m)
        if met is None:
            return None
        who = next(other.vehicle_id for other, one in others if one is met)
        bands = rules.free(taken, from_m, ground_m, LOWEST_M, HIGHEST_M)
        shown = " and ".join(f"{low_m} to {high_m} m" if low_m < high_m else f"{low_m} m" for low_m, high_m in bands)
        away = f"keep {rules.NEAR_M:.0f} m away, climb or sink before it comes so near, or release control"
        return Refused(
            f"{who} is there or on the way, or comes there or from there, "
            f"{met.altitude_m_amsl - ground_m:.0f} m above this drone's dock: "
            f"{rules.APART_M:.0f} m are kept between two at one place, and neither goes through the other's height",
            remedy=f"free from here: {shown} above the dock" if shown else away,
        )

    def _taken(self, way: Way) -> Iterable[tuple[Mission, rules.Taken]]:
        for mission in under_way(self._flight):
            scene = to_grid(mission.plan.outbound[-1].position)
            if (passage := way.passage(scene, rules.NEAR_M)) is not None:
                dock = self._flight.picture.dock(mission.bound_for).config
                sinks = way.off_m(to_grid(dock.position)) <= rules.NEAR_M
                for height_m in {mission.plan.outbound[-1].height_m_above_dock, mission.plan.homeward[0].height_m_above_dock}:
                    altitude_m = self._ground_m(mission) + height_m
                    yield mission, rules.Taken(altitude_m_amsl=altitude_m, sinks_here=sinks, passage=passage)
            if mission.phase is Phase.CONTROLLED:
                for altitude_m, place, around_m in self._piloted(mission, scene):
                    if (passage := way.passage(place, rules.NEAR_M + around_m)) is not None:
                        yield mission, rules.Taken(altitude_m_amsl=altitude_m, passage=passage)

    def _piloted(self, mission: Mission, scene: GridPoint) -> Iterable[tuple[float, GridPoint, float]]:
        """The heights at which a pilot has it, and to which their orders may have sent it: where, and how far around. They count
        at its scene too, for it is never far from going back there."""
        telemetry = self._flight.picture.vehicle(mission.vehicle_id).telemetry
        if telemetry is not None:
            yield from ((telemetry.altitude_m_amsl, place, 0.0) for place in (to_grid(telemetry.position), scene))
        for goal, around_m in may_go_to(mission):
            altitude_m = self._ground_m(mission) + goal.height_m_above_dock
            yield from ((altitude_m, to_grid(goal.position), around_m), (altitude_m, scene, 0.0))

    def _gone(self, mission: Mission, way: Way) -> bool:
        """It has left, and does not come back."""
        telemetry = self._flight.picture.vehicle(mission.vehicle_id).telemetry
        away = telemetry is not None and way.off_m(to_grid(telemetry.position)) > 2 * rules.NEAR_M
        return away and leaves(mission)

    def _ground_m(self, mission: Mission) -> float:
        """Above which its heights are reckoned: that of the dock it left."""
        return self._flight.picture.dock(mission.dock_id).config.ground_m_amsl
