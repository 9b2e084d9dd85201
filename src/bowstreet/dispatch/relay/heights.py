"""Which heights are taken at a place, and by whom: what keeps reliefs, and drones in a pilot's hand, apart from who is there."""

from collections.abc import Iterable

from bowstreet.dispatch.leaving import leaves, under_way
from bowstreet.dispatch.relay import rules
from bowstreet.errors import Refused
from bowstreet.flight.control import HIGHEST_M, LOWEST_M
from bowstreet.flight.model import Mission, Phase, Waypoint
from bowstreet.flight.service import FlightService
from bowstreet.geo import GridPoint, Position, to_grid


class Heights:
    """Of all drones of one operation. Nothing is kept here: it is asked of the flights as they are."""

    def __init__(self, flight: FlightService) -> None:
        self._flight = flight

    def taken(self, place: GridPoint) -> list[rules.Taken]:
        """By whoever is over or near the place, goes there, or comes from there: each keeps its height all the way."""
        return [one for _, one in self._taken(place, 0.0)]

    def refuses(self, mission: Mission, start: Position, goal: Waypoint, reach_m: float) -> Refused | None:
        """Why its pilot may not have it there, at that height above its dock, up to `reach_m` around; None when they may.

        From within the place it may not climb or sink through another's height either: from beside it, it may.
        """
        place, ground_m = to_grid(goal.position), self._ground_m(mission)
        others = [
            (other, one) for other, one in self._taken(place, reach_m)
            if other.mission_id != mission.mission_id and not self._gone(other, place, reach_m)
        ]  # fmt: skip
        taken, to_m, from_m = [one for _, one in others], ground_m + goal.height_m_above_dock, None
        telemetry = self._flight.picture.vehicle(mission.vehicle_id).telemetry
        if telemetry is not None and to_grid(start).distance_m(place) <= rules.NEAR_M + reach_m:
            from_m = telemetry.altitude_m_amsl
        met = rules.met(taken, from_m, to_m)
        if met is None:
            return None
        who = next(other.vehicle_id for other, one in others if one is met)
        bands = rules.free(taken, from_m, ground_m + LOWEST_M, ground_m + HIGHEST_M)
        shown = " and ".join(f"{low - ground_m:.0f} to {high - ground_m:.0f} m" for low, high in bands)
        return Refused(
            f"{who} is there, or on its way there or from there, {met.altitude_m_amsl - ground_m:.0f} m above this drone's dock: "
            f"{rules.APART_M:.0f} m are kept between two at one place, and neither goes through the other's height",
            remedy=f"free from here: {shown} above the dock" if shown else f"keep {rules.NEAR_M:.0f} m away, or release control",
        )

    def _taken(self, place: GridPoint, reach_m: float) -> Iterable[tuple[Mission, rules.Taken]]:
        near_m = rules.NEAR_M + reach_m
        for mission in under_way(self._flight):
            there = to_grid(mission.plan.outbound[-1].position)
            of_scene = there.distance_m(place) <= near_m
            if of_scene:
                dock = self._flight.picture.dock(mission.bound_for).config
                sinks = to_grid(dock.position).distance_m(place) <= rules.NEAR_M
                for height_m in {mission.plan.outbound[-1].height_m_above_dock, mission.plan.homeward[0].height_m_above_dock}:
                    yield mission, rules.Taken(altitude_m_amsl=self._ground_m(mission) + height_m, sinks_here=sinks)
            if mission.phase is Phase.CONTROLLED:
                yield from ((mission, one) for one in self._piloted(mission, place, near_m, of_scene=of_scene))

    def _piloted(self, mission: Mission, place: GridPoint, near_m: float, *, of_scene: bool) -> Iterable[rules.Taken]:
        """Where a pilot has it, and where they have just sent it."""
        telemetry = self._flight.picture.vehicle(mission.vehicle_id).telemetry
        if telemetry is not None and (of_scene or to_grid(telemetry.position).distance_m(place) <= near_m):
            yield rules.Taken(altitude_m_amsl=telemetry.altitude_m_amsl)
        sent = self._flight.pilots.sent_to(mission)
        if sent is not None and (of_scene or to_grid(sent[0].position).distance_m(place) <= near_m + sent[1]):
            yield rules.Taken(altitude_m_amsl=self._ground_m(mission) + sent[0].height_m_above_dock)

    def _gone(self, mission: Mission, place: GridPoint, reach_m: float) -> bool:
        """It has left, and does not come back."""
        telemetry = self._flight.picture.vehicle(mission.vehicle_id).telemetry
        away = telemetry is not None and to_grid(telemetry.position).distance_m(place) > 2 * rules.NEAR_M + reach_m
        return away and leaves(mission)

    def _ground_m(self, mission: Mission) -> float:
        """Above which its heights are reckoned: that of the dock it left."""
        return self._flight.picture.dock(mission.dock_id).config.ground_m_amsl
