"""A pilot over a scene that is relieved: the drone in hand comes to nobody's height there, whoever was there first."""

import math
import re

import pytest
from tests.unit.relay_world import RelayTown

from bowstreet.dispatch.relay import rules
from bowstreet.errors import Refused
from bowstreet.flight.model import GoTo, Mission, Orbit, Phase, Waypoint
from bowstreet.flight.reckoning import moved, offset_m
from bowstreet.geo import Position, to_grid
from bowstreet.simulation.agenda import drive

PILOT = "acc-1"


class Hand(RelayTown):
    """The town, and a pilot in it."""

    def take(self, mission: Mission) -> None:
        drive(self.flight.pilots.take(mission.mission_id, PILOT))

    def ground_m(self, mission: Mission) -> float:
        return self.flight.picture.dock(mission.dock_id).config.ground_m_amsl

    def planned_m(self, mission: Mission) -> float:
        """Above the sea."""
        return self.ground_m(mission) + mission.plan.outbound[-1].height_m_above_dock

    def goto(self, mission: Mission, altitude_m: float, place: Position | None = None) -> None:
        height_m = altitude_m - self.ground_m(mission)
        waypoint = Waypoint(position=place or self.incident().position, height_m_above_dock=height_m)
        drive(self.flight.pilots.command(mission.mission_id, PILOT, GoTo(waypoint=waypoint)))

    def flies(self, seconds: float) -> None:
        for _ in range(int(seconds)):
            drive(self.flight.pilots.heartbeat(PILOT))
            self.wait(1)

    def place(self, mission: Mission) -> Position:
        telemetry = self.flight.picture.vehicle(mission.vehicle_id).telemetry
        assert telemetry is not None
        return telemetry.position

    def altitude_m(self, mission: Mission) -> float:
        telemetry = self.flight.picture.vehicle(mission.vehicle_id).telemetry
        assert telemetry is not None
        return telemetry.altitude_m_amsl


@pytest.fixture
def town() -> Hand:
    town = Hand()
    town.keep(60)
    return town


def test_a_pilot_is_not_let_to_the_height_of_the_relief_that_comes_and_is_told_which_are_free(town: Hand) -> None:
    relief, there = town.until_relief(), town.serving()
    town.take(there)
    with pytest.raises(Refused, match=relief.vehicle_id) as refused:
        town.goto(there, town.planned_m(relief))
    with pytest.raises(Refused):
        town.goto(there, town.planned_m(relief) + rules.APART_M - 1.0)
    beside = moved(town.incident().position, 150.0, 0.0)
    with pytest.raises(Refused):
        town.goto(there, town.planned_m(relief), beside)
    height_m = town.planned_m(relief) - town.ground_m(there)
    wide = Waypoint(position=moved(town.incident().position, 400.0, 0.0), height_m_above_dock=height_m)
    with pytest.raises(Refused):
        drive(town.flight.pilots.command(there.mission_id, PILOT, Orbit(centre=wide, radius_m=300.0)))
    words = refused.value.remedy
    assert words.startswith("free from here: "), words
    for height_m in map(float, re.findall(r"\d+", words)):
        waypoint = Waypoint(position=town.incident().position, height_m_above_dock=height_m)
        drive(town.flight.pilots.command(there.mission_id, PILOT, GoTo(waypoint=waypoint)))
    town.goto(there, town.altitude_m(there), elsewhere := moved(town.incident().position, 450.0, 0.0))  # away it may go
    town.flies(60)
    town.goto(there, town.planned_m(relief), elsewhere)  # and there it may


def test_a_pilot_on_the_way_past_a_drone_keeps_off_its_height_too(town: Hand) -> None:
    relief, there = town.until_relief(), town.serving()
    town.take(relief)
    scene, start = town.incident().position, town.place(relief)
    east_m, north_m = offset_m(start, scene)
    away_m = math.hypot(east_m, north_m)
    assert away_m > 2 * rules.NEAR_M, "the way begins beside the scene"
    beside, beyond = (moved(scene, east_m / away_m * off_m, north_m / away_m * off_m) for off_m in (150.0, 300.0))
    above_m = town.altitude_m(relief) - town.planned_m(there)
    other_side_m = town.planned_m(there) - math.copysign(20.0, above_m)
    for place, altitude_m in ((beyond, town.planned_m(there)), (beyond, other_side_m), (beside, other_side_m)):
        with pytest.raises(Refused, match=there.vehicle_id):
            town.goto(relief, altitude_m, place)
    town.goto(relief, town.altitude_m(relief), beyond)


def test_a_pilot_of_the_relief_is_not_let_sink_to_the_height_of_the_drone_that_is_there(town: Hand) -> None:
    relief, there = town.until_relief(), town.serving()
    town.take(relief)
    with pytest.raises(Refused, match=there.vehicle_id):
        town.goto(relief, town.planned_m(there))
    town.goto(relief, town.planned_m(relief))
    town.flies(240)
    above_m = town.altitude_m(relief) - town.planned_m(there)
    assert abs(above_m) >= rules.APART_M - 1.0
    with pytest.raises(Refused, match="through the other's height"):
        town.goto(relief, town.planned_m(there) - math.copysign(15.0, above_m))
    assert town.witness.at_one_height == []


def test_a_relief_is_given_no_height_that_a_pilot_has_just_ordered(town: Hand) -> None:
    assert town.wait(600, lambda: town.serving().phase is Phase.ON_SCENE)
    there = town.serving()
    town.take(there)
    place, free_m = to_grid(town.incident().position), town.planned_m(there) + 2 * rules.APART_M
    before = {one.altitude_m_amsl for one in town.relay.heights.taken(place)}
    town.goto(there, free_m)
    after = {one.altitude_m_amsl for one in town.relay.heights.taken(place)}
    assert after - before == {free_m}
    drive(town.flight.pilots.release(there.mission_id, PILOT))
    assert free_m not in {one.altitude_m_amsl for one in town.relay.heights.taken(place)}


def test_a_drone_that_a_pilot_has_brought_to_another_scene_has_its_height_there(town: Hand) -> None:
    assert town.wait(600, lambda: town.serving().phase is Phase.ON_SCENE)
    there = town.serving()
    elsewhere = moved(town.incident().position, 600.0, 0.0)
    assert town.relay.heights.taken(to_grid(elsewhere)) == []
    town.take(there)
    town.goto(there, town.planned_m(there), elsewhere)
    town.flies(120)
    heights = [one.altitude_m_amsl for one in town.relay.heights.taken(to_grid(elsewhere))]
    assert heights == pytest.approx([town.planned_m(there)] * 2, abs=1.0)
