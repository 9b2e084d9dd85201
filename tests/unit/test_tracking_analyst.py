"""The analyst as the worker drives it: orders in bytes, findings in bytes, nothing from outside that stops it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.tracking_street import COLOURS, GROUND_M, PLANE, START, Drone, H, Street, Thing, TruthDetector, W

from bowstreet.errors import MalformedPacket
from bowstreet.frames import DroneFrame
from bowstreet.tracking import wire
from bowstreet.tracking.analyst import Lookout
from bowstreet.tracking.model import FollowPhase, Quality, Shape, Why


class _Nothing(TruthDetector):
    def __init__(self) -> None:
        pass

    def detect(self, pixels: object) -> list[object]:  # type: ignore[override]
        return []


def _one(speed: float = 1.4) -> tuple[Street, Thing, Drone]:
    rng = np.random.default_rng(5)
    thing = Thing(shape=Shape.PERSON, at=np.zeros(2), course=1.0, speed=speed, colours=(COLOURS[0], COLOURS[1]))
    street = Street(rng, [thing])
    drone = Drone(street, 6, (40.0, 40.0), 50.0, thing.at)
    return street, thing, drone


def _run(street: Street, drone: Drone, looks: int, *orders: wire.AnyOrder) -> wire.Findings:
    found = None
    for number in range(looks):
        street.advance()
        found = drone.look(*(orders if number == 0 else ()))
    assert found is not None
    return found


def test_a_person_is_found_located_and_measured() -> None:
    street, thing, drone = _one()
    found = _run(street, drone, 25)
    (track,) = [one for one in found.tracks if one.quality is Quality.GOOD]
    assert track.shape is Shape.PERSON
    assert track.place is not None
    off = np.array(PLANE.to_metres(track.place.position)) - thing.at
    assert np.hypot(*off) <= track.place.ellipse.semi_major_m
    assert track.motion is not None
    assert track.motion.speed_mps == pytest.approx(thing.speed, abs=3 * track.motion.speed_sigma_mps)
    assert found.looks_at is not None
    assert (found.width_px, found.height_px) == (W, H)
    assert found.trouble == ""


def test_a_click_holds_a_release_forgets() -> None:
    street, thing, drone = _one()
    _run(street, drone, 6)
    held = _run(street, drone, 4, drone.click(thing))
    assert held.follow is not None
    assert held.follow.phase is FollowPhase.HELD
    subject = drone.lookout._subject
    assert subject is not None
    looks = subject.looks
    assert looks is not None
    memory = looks.numbers
    released = _run(street, drone, 1, wire.Release(follow_id="fol-1"))
    assert released.follow is None
    assert not memory.any(), "how the subject looked is overwritten"


def test_a_click_on_what_the_pilot_saw_two_seconds_ago_means_who_stood_there() -> None:
    street, thing, drone = _one(speed=2.0)
    _run(street, drone, 8)
    late = drone.click(thing)
    _run(street, drone, 10)
    held = _run(street, drone, 2, late)
    assert held.follow is not None
    assert held.follow.box is not None
    box = drone.last[id(thing)]
    assert box is not None
    assert held.follow.box.overlap(box) > 0.3


def test_a_shape_that_no_detector_finds_is_held_by_its_picture() -> None:
    street, thing, drone = _one()
    drone.lookout = Lookout(_Nothing(), drone.lookout._terrain)
    _run(street, drone, 3)
    held = _run(street, drone, 5, drone.click(thing))
    assert held.follow is not None
    assert held.follow.phase is FollowPhase.HELD
    assert held.follow.quality is Quality.WEAK
    assert "picture alone" in held.follow.reason


def test_out_of_sight_its_ellipse_grows_and_it_is_lost_in_the_end() -> None:
    street, thing, drone = _one()
    _run(street, drone, 8)
    _run(street, drone, 3, drone.click(thing))
    thing.hidden = (street.now_s, 1e9)
    sizes = []
    for _ in range(45):
        found = _run(street, drone, 1)
        assert found.follow is not None
        if found.follow.phase is FollowPhase.COASTING and found.follow.place is not None:
            sizes.append(found.follow.place.ellipse.semi_major_m)
    assert len(sizes) >= 15, "reckoned for 3 s at least"
    assert sizes[-1] > sizes[0]
    for _ in range(15):
        found = _run(street, drone, 1)
    assert found.follow is not None
    assert found.follow.phase is FollowPhase.LOST


def test_two_alike_side_by_side_after_an_occlusion_the_pilot_is_asked_and_answers() -> None:
    street, thing, drone = _one(speed=1.0)
    _run(street, drone, 10)
    _run(street, drone, 3, drone.click(thing))
    thing.hidden = (street.now_s, street.now_s + 3.0)
    _run(street, drone, 10)
    twin = Thing(
        shape=Shape.PERSON, at=thing.at + np.array([1.6, 1.0]), course=thing.course, speed=thing.speed, colours=thing.colours,
        hidden=thing.hidden,
    )  # fmt: skip
    street.things.append(twin)
    asked = None
    for _ in range(15):
        found = _run(street, drone, 1)
        assert found.follow is not None
        if found.follow.phase is FollowPhase.ASKING and len(found.follow.candidates) == 2:
            asked = found.follow
    assert asked is not None
    wanted = max(asked.candidates, key=lambda one: one.fit)
    held = _run(street, drone, 1, wire.Choose(follow_id="fol-1", track_id=wanted.track_id))
    assert held.follow is not None
    assert held.follow.phase in (FollowPhase.HELD, FollowPhase.COASTING)


def test_without_a_pose_or_a_ground_nothing_is_located_and_that_is_said() -> None:
    street, _, drone = _one()
    drone.lookout = Lookout(drone.detector)
    found = _run(street, drone, 8)
    assert {track.not_located for track in found.tracks} == {Why.NO_TERRAIN}
    assert all(track.place is None for track in found.tracks)
    found = _run(street, drone, 3, wire.Setup(ground_m_amsl=GROUND_M))
    assert any(track.place is not None for track in found.tracks)


def test_a_set_up_that_cannot_be_used_is_told_and_changes_nothing() -> None:
    street, _, drone = _one()
    found = _run(street, drone, 1, wire.Setup(height_files=("/nowhere/heights.asc",)))
    assert "cannot be read" in found.trouble
    assert "cannot be read" in _run(street, drone, 1, wire.Setup(card_file="/nowhere/card.toml")).trouble
    assert _run(street, drone, 1).trouble == ""


@given(data=st.binary(max_size=200))
@settings(max_examples=60, deadline=None)
def test_orders_that_are_none_stop_nothing(data: bytes) -> None:
    lookout = Lookout(_Nothing())  # type: ignore[arg-type]
    lookout.order(data)
    frame = DroneFrame(source_id="s", vehicle_id="v", sequence=1, captured_at=START, pixels=np.zeros((90, 160, 3), np.uint8))
    told = lookout.look(frame)
    assert told is not None
    assert wire.read_findings(told).sequence == 1


@given(data=st.binary(max_size=400))
def test_findings_that_are_none_are_refused(data: bytes) -> None:
    with pytest.raises(MalformedPacket, match="one version"):
        wire.read_findings(data)


def test_eight_megapixels_and_a_change_of_size_are_survived() -> None:
    lookout = Lookout(_Nothing())  # type: ignore[arg-type]
    for number, shape in enumerate([(2160, 3840, 3), (36, 64, 3), (720, 1280, 3)]):
        frame = DroneFrame(source_id="s", vehicle_id="v", sequence=number, captured_at=START, pixels=np.zeros(shape, np.uint8))
        assert lookout.look(frame) is not None
