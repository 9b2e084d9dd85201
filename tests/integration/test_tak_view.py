"""What partners could be shown, read from real services while a drone flies, looks and follows."""

import math
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from tests.integration.console_city import SCENE, City, city, telemetry
from tests.integration.follow_scene import over_the_scene
from tests.integration.test_api_routes import fly, open_docks, town_home

from bowstreet.flight.reckoning import distance_m
from bowstreet.geo import Position, to_grid
from bowstreet.tak.model import DroneSeen, IncidentSeen, Kind, LookAt, Situation, SubjectSeen
from bowstreet.tak.view import View
from bowstreet.tracking import wire
from bowstreet.tracking.model import Box, Ellipse, FollowFound, FollowPhase, GroundPlace, Motion, Quality, Shape, Timing
from bowstreet.video.model import Finding, VideoSource

ELLIPSE = Ellipse(semi_major_m=6.0, semi_minor_m=3.0, bearing_deg=20.0)
NEAR = Position(latitude_deg=SCENE.latitude_deg + 0.0005, longitude_deg=SCENE.longitude_deg)


@pytest.fixture
async def town() -> AsyncIterator[City]:
    sources = tuple(VideoSource(source_id=one, vehicle_id=one, address="udp://127.0.0.1:9") for one in ("d1", "d2"))
    made = await city(video=sources)
    await made.hear_all()
    await open_docks(made)
    yield made
    made.services.accounts.close()


async def airborne(town: City, vehicle_id: str, mission_id: str) -> Position:
    """It has climbed, and is a little north of its dock; nothing of what it told contradicts itself."""
    home = town_home(town, vehicle_id)
    for height_m in (0.0, 0.0, 20.0, 45.0, 90.0, 90.0, 90.0):
        await town.advance(2.0)
        said = telemetry(vehicle_id, town.clock.now(), home, height_m=height_m)
        await town.services.flight.on_telemetry(msgspec.structs.replace(said, ground_speed_mps=0.0))
        await open_docks(town)
    assert town.services.flight.missions.get(mission_id).phase.is_airborne
    return await moved(town, vehicle_id, home, 30.0)


async def moved(town: City, vehicle_id: str, start: Position, north_m: float) -> Position:
    """It tells, two seconds later, that it is so far north of there."""
    await town.advance(2.0)
    at = Position(latitude_deg=start.latitude_deg + north_m / 111_250.0, longitude_deg=start.longitude_deg)
    await town.services.flight.on_telemetry(telemetry(vehicle_id, town.clock.now(), at, height_m=90.0))
    return at


def view_of(town: City) -> View:
    told = town.services

    def borough_of(at: Position) -> str | None:
        found = told.intake.area.borough_of(at)
        return None if found is None else found.name

    return View(told.intake, told.flight, told.video, told.follows, town.clock, town.clock, borough_of)


def findings(follow_id: str = "", *, sequence: int = 1, phase: FollowPhase = FollowPhase.HELD) -> wire.Findings:
    followed = FollowFound(
        follow_id=follow_id, phase=phase, quality=Quality.GOOD, reason="", shape=Shape.PERSON,
        box=Box(left=1, top=1, width=9, height=20), place=GroundPlace(position=NEAR, ellipse=ELLIPSE),
        motion=Motion(speed_mps=1.4, speed_sigma_mps=0.2, direction_deg=80.0),
    )  # fmt: skip
    return wire.Findings(
        sequence=sequence, captured_us=0, width_px=640, height_px=360, tracks=(), camera_motion_known=True,
        timing=Timing(motion_ms=1, detect_ms=1, track_ms=1, follow_ms=1),
        looks_at=GroundPlace(position=NEAR, ellipse=ELLIPSE), follow=followed if follow_id else None,
    )  # fmt: skip


def find(town: City, vehicle_id: str, found: wire.Findings) -> None:
    stream = town.services.video.of_vehicle(vehicle_id)
    assert stream is not None
    town.services.follows._on_finding(stream.source, Finding(sequence=found.sequence, captured_us=0, data=wire.written(found)))


def only(situation: Situation, kind: type[Any]) -> Any:
    (one,) = [item for item in situation.items if isinstance(item, kind)]
    return one


async def test_on_the_ground_nothing_is_there_to_be_shared(town: City) -> None:
    assert view_of(town).now() == Situation()


async def test_a_drone_on_its_way_shows_itself_and_not_where_it_looks(town: City) -> None:
    view = view_of(town)
    async with town.signed_in("dispatcher") as dispatcher:
        incident_id, mission_id, vehicle_id = await fly(town, dispatcher)
        assert [type(one) for one in view.now().items] == [IncidentSeen], (
            "the incident has a drone, which still stands in its dock"
        )
        await airborne(town, vehicle_id, mission_id)
        find(town, vehicle_id, findings())
        seen = view.now()
        drone, incident = only(seen, DroneSeen), only(seen, IncidentSeen)
        assert (drone.vehicle_id, drone.incident_id, drone.borough) == (vehicle_id, incident_id, "Islington")
        assert (drone.looks_deg, drone.range_m) == (None, None), "its camera is level on the way (D2)"
        assert not [one for one in seen.items if isinstance(one, LookAt | SubjectSeen)]
        assert (incident.state, incident.grade) == ("assigned", "I")
        assert (Kind.DRONES, vehicle_id) in seen.standing


async def test_a_course_is_where_it_moved_and_not_where_its_nose_points(town: City) -> None:
    view = view_of(town)
    async with town.signed_in("dispatcher") as dispatcher:
        _, mission_id, vehicle_id = await fly(town, dispatcher)
        start = await airborne(town, vehicle_id, mission_id)
        assert only(view.now(), DroneSeen).course_deg is None, "it was seen at one place only"
        for metres in (0.5, 20.0, 21.0):
            await moved(town, vehicle_id, start, metres)
            course = only(view.now(), DroneSeen).course_deg
            assert course is None if metres < 1 else course == pytest.approx(0.0, abs=0.5)  # its heading is 90


async def test_what_is_known_since_long_is_told_as_of_then(town: City) -> None:
    view = view_of(town)
    async with town.signed_in("dispatcher") as dispatcher:
        _, mission_id, vehicle_id = await fly(town, dispatcher)
        await airborne(town, vehicle_id, mission_id)
        heard = town.clock.now()
        town.clock.advance_to(heard + timedelta(seconds=4))
        first = only(view.now(), DroneSeen)
        town.clock.advance_to(heard + timedelta(seconds=6))
        assert first.taken_at == heard
        assert only(view.now(), DroneSeen) == first, "the same word is the same item, not a newer one"


async def test_a_position_that_is_not_trusted_is_not_shared(town: City) -> None:
    view = view_of(town)
    async with town.signed_in("dispatcher") as dispatcher:
        _, mission_id, vehicle_id = await fly(town, dispatcher)
        at = await airborne(town, vehicle_id, mission_id)
        assert only(view.now(), DroneSeen)
        bad = telemetry(vehicle_id, town.clock.now() + timedelta(seconds=1), at, height_m=90.0)
        await town.services.flight.on_telemetry(msgspec.structs.replace(bad, gps_ok=False))
        seen = view.now()
        assert not [one for one in seen.items if isinstance(one, DroneSeen)]
        assert (Kind.DRONES, vehicle_id) in seen.standing, "it is still there: it goes stale, and is not taken off the map"


@pytest.mark.requirement("D2", "D4")
async def test_a_look_and_a_followed_subject_are_seen_while_they_are_new_and_the_camera_may_look(town: City) -> None:
    view = view_of(town)
    async with town.signed_in("dispatcher") as dispatcher, town.signed_in("pilot") as pilot:
        _, mission_id, vehicle_id = await fly(town, dispatcher)
        await over_the_scene(town, vehicle_id, mission_id)
        at = SCENE
        assert (await pilot.post(f"/api/v1/missions/{mission_id}/control")).status_code == 204
        me = town.people["pilot"].account_id
        follow = (await town.services.follows.begin(mission_id, me, 0.5, 0.5, 1)).id
        find(town, vehicle_id, findings(follow))
        seen = view.now()
        look, subject, drone = only(seen, LookAt), only(seen, SubjectSeen), only(seen, DroneSeen)
        assert look.position == subject.position == NEAR
        assert (subject.follow_id, subject.shape, subject.ellipse) == (follow, Shape.PERSON, ELLIPSE)
        off_deg = math.remainder(drone.looks_deg - to_grid(at).bearing_deg(to_grid(NEAR)), 360.0)
        assert abs(off_deg) < 2.0, "to what is in the picture"
        assert drone.range_m == pytest.approx(distance_m(at, NEAR), rel=0.01)

        find(town, vehicle_id, findings("fol-of-somebody-else", sequence=2))
        assert not [one for one in view.now().items if isinstance(one, SubjectSeen)]
        find(town, vehicle_id, findings(follow, sequence=3, phase=FollowPhase.ASKING))
        waits = view.now()
        assert not [one for one in waits.items if isinstance(one, SubjectSeen)], "the pilot has not said who it is"
        assert (Kind.SUBJECTS, follow) in waits.standing

        find(town, vehicle_id, findings(follow, sequence=4))
        assert only(view.now(), SubjectSeen)
        town.clock.advance_to(town.clock.now() + timedelta(seconds=5.5))
        assert not [one for one in view.now().items if isinstance(one, LookAt | SubjectSeen)], "the picture stands still"

        find(town, vehicle_id, findings(follow, sequence=5))
        await town.services.follows.end(follow, me)
        over = view.now()
        assert not [one for one in over.items if isinstance(one, SubjectSeen)]
        assert (Kind.SUBJECTS, follow) not in over.standing
