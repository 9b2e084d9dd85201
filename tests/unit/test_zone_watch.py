"""A zone becomes active across the way of a flight that is under way: it goes round or comes home; nothing new is sent through."""

import itertools
from collections.abc import Sequence
from typing import Any

import pytest
import shapely
from tests.unit.airspace_world import zone
from tests.unit.dispatch_town import Town

from bowstreet.airspace.export import write_zones
from bowstreet.dispatch.zone_watch import ZONE_ACTIVE, ZoneWatch
from bowstreet.flight.model import Mission, Phase, Waypoint
from bowstreet.geo import GridPoint, to_grid
from bowstreet.intake.model import Incident
from bowstreet.simulation.agenda import drive


class _Watched(Town):
    def __init__(self) -> None:
        super().__init__()
        kernel = self.kernel
        self.watch = ZoneWatch(kernel.recorder, kernel.clock, kernel.flight, kernel.airspace)

    def until(self, incident: Incident, phase: Phase, within_s: float = 900.0) -> Mission:
        for _ in range(int(within_s)):
            if (mission := self.mission_for(incident)).phase is phase:
                return mission
            self.wait(1.0)
        raise AssertionError(f"it is {self.mission_for(incident).phase}, not {phase}")

    def place_of(self, mission: Mission) -> GridPoint:
        telemetry = self.flight.picture.vehicle(mission.vehicle_id).telemetry
        assert telemetry is not None
        return to_grid(telemetry.position)

    def close(self, at: GridPoint, half_m: float, name: str = "R1") -> Any:
        """A zone is made active round a place, as by a person who imports its file."""
        polygon = shapely.box(at.easting_m - half_m, at.northing_m - half_m, at.easting_m + half_m, at.northing_m + half_m)
        data = write_zones([zone(name, polygon)], issued=self.kernel.clock.now(), provider="test")
        drive(self.kernel.airspace.import_file(data, f"{name}.json", version="1", by="acc-1"))
        drive(self.watch.look())
        return polygon


def middle(a: GridPoint, b: GridPoint) -> GridPoint:
    return GridPoint(easting_m=(a.easting_m + b.easting_m) / 2, northing_m=(a.northing_m + b.northing_m) / 2)


def crosses(way: Sequence[Waypoint], polygon: Any) -> bool:
    points = [to_grid(waypoint.position) for waypoint in way]
    return any(
        polygon.intersects(shapely.LineString([(a.easting_m, a.northing_m), (b.easting_m, b.northing_m)]))
        for a, b in itertools.pairwise(points)
    )


def far_call(town: _Watched) -> Incident:
    return town.call(north=0.012, east=0.004)


def test_a_flight_goes_round_and_arrives() -> None:
    town = _Watched()
    incident = far_call(town)
    mission = town.until(incident, Phase.OUTBOUND)
    at, scene = town.place_of(mission), to_grid(mission.plan.outbound[-1].position)
    polygon = town.close(middle(at, scene), 60.0)
    turned = town.mission_for(incident)
    assert turned.phase is Phase.OUTBOUND
    assert not crosses(turned.plan.outbound, polygon)
    assert not crosses(turned.plan.homeward, polygon)
    for _ in range(5):
        drive(town.watch.look())  # once is enough
    assert town.mission_for(incident) == turned
    town.until(incident, Phase.ON_SCENE)
    town.until(incident, Phase.DONE, 3_000.0)


def test_a_flight_whose_scene_is_closed_comes_home() -> None:
    town = _Watched()
    incident = far_call(town)
    mission = town.until(incident, Phase.OUTBOUND)
    town.close(to_grid(mission.plan.outbound[-1].position), 120.0)
    turned = town.mission_for(incident)
    assert turned.phase is Phase.RETURNING
    assert turned.return_reason is not None
    assert turned.return_reason.code == ZONE_ACTIVE
    town.until(incident, Phase.DONE, 3_000.0)
    later = [one for one in town.flight.missions.all() if one.incident_id == incident.incident_id]
    assert [one.mission_id for one in later] == [mission.mission_id], "nothing else was sent there"


def test_a_drone_on_scene_leaves_a_zone_that_becomes_active_over_it() -> None:
    town = _Watched()
    incident = far_call(town)
    mission = town.until(incident, Phase.ON_SCENE)
    town.close(town.place_of(mission), 150.0)
    assert town.mission_for(incident).phase is Phase.RETURNING
    town.until(incident, Phase.DONE, 3_000.0)


@pytest.mark.parametrize("phase", [Phase.ON_SCENE, Phase.RETURNING])
def test_the_way_home_is_another_one(phase: Phase) -> None:
    town = _Watched()
    incident = far_call(town)
    mission = town.until(incident, phase, 2_000.0)
    at, dock = town.place_of(mission), to_grid(mission.plan.homeward[-1].position)
    polygon = town.close(middle(at, dock), 60.0)
    turned = town.mission_for(incident)
    assert turned.phase is phase
    assert not crosses(turned.plan.homeward, polygon)
    town.until(incident, Phase.DONE, 3_000.0)


def test_what_has_not_left_its_dock_does_not_leave_it() -> None:
    town = _Watched()
    incident = far_call(town)
    mission = town.until(incident, Phase.PREFLIGHT)
    town.close(to_grid(mission.plan.outbound[-1].position), 120.0)
    town.until(incident, Phase.ABORTED)
    assert town.mission_for(incident).took_off_at is None


def test_a_zone_elsewhere_turns_nobody() -> None:
    town = _Watched()
    incident = far_call(town)
    mission = town.until(incident, Phase.OUTBOUND)
    at = town.place_of(mission)
    town.close(GridPoint(easting_m=at.easting_m - 3_000, northing_m=at.northing_m), 100.0)
    assert town.mission_for(incident) == mission
