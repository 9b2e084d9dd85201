"""A follow is kept through three seconds out of sight and through a relay; and each of the parts that keep it, by properties."""

import math
from collections import Counter
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.tracking_street import occlusion_run, relay_run

from bowstreet.frames import CameraPose
from bowstreet.geo import Position
from bowstreet.tracking import handover, steer
from bowstreet.tracking.appearance import LENGTH, Appearance, describe
from bowstreet.tracking.camera import view
from bowstreet.tracking.ground import GroundFilter
from bowstreet.tracking.model import Box, Ellipse, FollowPhase, GroundPlace, Quality, Shape, Spread
from bowstreet.tracking.motion import MotionEstimator, motion_by_pose, shrunk
from bowstreet.tracking.plane import Plane
from bowstreet.tracking.rules import Candidate, Choice, choose
from bowstreet.tracking.template import Template

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
HERE = Position(latitude_deg=51.54, longitude_deg=-0.10)


# Other seeds than those that the thresholds were chosen on; benchmarks/tracking.py runs more. Of 40 runs, 36 is what a rate of 95%
# gives or beats in 95 of 100 cases, so that this test fails when the rate falls, not by chance.
def test_kept_through_three_seconds_out_of_sight() -> None:
    ends = Counter(occlusion_run(seed) for seed in range(2000, 2040))
    assert ends["kept"] >= 36, ends
    assert ends["wrong"] <= 1, ends


def test_kept_through_a_relay() -> None:
    ends = Counter(relay_run(seed) for seed in range(2000, 2040))
    assert ends["kept"] >= 36, ends
    assert ends["wrong"] <= 1, ends


candidates = st.lists(
    st.builds(
        Candidate, track_id=st.integers(1, 99), distance2=st.floats(0, 40), likeness=st.none() | st.floats(0, 1),
        same_track=st.booleans(), alibi=st.booleans(),
    ),
    max_size=6,
    unique_by=lambda one: one.track_id,
)  # fmt: skip


@given(ones=candidates)
def test_choice_does_not_depend_on_the_order_and_takes_nobody_far_or_unlike(ones: list[Candidate]) -> None:
    chosen = choose(ones)
    assert choose(ones[::-1]).choice is chosen.choice
    for one, _ in chosen.among:
        assert one.distance2 <= 13.8
        assert one.likeness is None or one.likeness >= 0.65


@given(likeness=st.floats(0.85, 1.0), distance2=st.floats(0, 4))
def test_two_alike_in_one_place_are_never_chosen_between(likeness: float, distance2: float) -> None:
    two = [Candidate(track_id=number, distance2=distance2, likeness=likeness) for number in (1, 2)]
    chosen = choose(two)
    assert chosen.choice is Choice.UNCLEAR
    assert len(chosen.among) == 2


def test_whoever_was_seen_beside_the_subject_is_not_the_subject() -> None:
    twin = Candidate(track_id=2, distance2=0.5, likeness=0.97, alibi=True)
    assert choose([twin]).choice is Choice.NOBODY


@given(
    speed=st.floats(0.5, 15.0), course=st.floats(0, 2 * math.pi), seed=st.integers(0, 1000), shape=st.sampled_from(list(Shape))
)
@settings(max_examples=40, deadline=None)
def test_speed_and_direction_over_the_ground(speed: float, course: float, seed: int, shape: Shape) -> None:
    rng = np.random.default_rng(seed)
    spread = Spread(east=0.25, north=0.25)
    ground = GroundFilter.start(shape, NOW, 0.0, 0.0, spread)
    for step in range(1, 40):
        at = NOW + timedelta(seconds=0.2 * step)
        ground.advance(at)
        east, north = np.array([math.sin(course), math.cos(course)]) * speed * 0.2 * step + rng.normal(0, 0.5, 2)
        ground.update(float(east), float(north), spread)
    told = ground.motion()
    assert abs(told.speed_mps - speed) <= 4 * told.speed_sigma_mps
    if told.direction_deg is not None and speed > 4.0:
        assert abs((told.direction_deg - math.degrees(course) + 180) % 360 - 180) < 30


@given(seed=st.integers(0, 500))
@settings(max_examples=25, deadline=None)
def test_standing_still_has_no_direction(seed: int) -> None:
    rng = np.random.default_rng(seed)
    spread = Spread(east=1.0, north=1.0)
    ground = GroundFilter.start(Shape.PERSON, NOW, 0.0, 0.0, spread)
    directions = 0
    for step in range(1, 60):
        ground.advance(NOW + timedelta(seconds=0.2 * step))
        ground.update(*rng.normal(0, 1.0, 2).tolist(), spread)
        directions += ground.motion().direction_deg is not None
    assert directions <= 12  # 2.5 standard deviations are passed by chance, seldom


@given(unseen=st.floats(0.1, 10.0), more=st.floats(0.1, 10.0), shape=st.sampled_from(list(Shape)))
def test_the_ellipse_grows_while_unseen(unseen: float, more: float, shape: Shape) -> None:
    ground = GroundFilter.start(shape, NOW, 0.0, 0.0, Spread(east=1.0, north=2.0, both=0.5))
    _, first = ground.predicted(NOW + timedelta(seconds=unseen))
    _, later = ground.predicted(NOW + timedelta(seconds=unseen + more))
    assert np.linalg.det(later[:2, :2]) > np.linalg.det(first[:2, :2])
    assert np.linalg.eigvalsh(later).min() > 0


def _street(seed: int, shift: tuple[int, int] = (0, 0)) -> np.ndarray:
    rng = np.random.default_rng(seed)
    rough = np.kron(rng.integers(0, 255, (60, 100), np.uint8), np.ones((12, 12), np.uint8))
    x, y = 200 + shift[0], 150 + shift[1]
    return np.repeat(rough[y : y + 360, x : x + 640, None], 3, axis=2)


@given(seed=st.integers(0, 100), x=st.integers(-40, 40), y=st.integers(-30, 30))
@settings(max_examples=20, deadline=None)
def test_the_cameras_motion_is_found(seed: int, x: int, y: int) -> None:
    estimator = MotionEstimator()
    assert not estimator.update(*shrunk(_street(seed)), []).known
    motion = estimator.update(*shrunk(_street(seed, (x, y))), [])
    assert motion.known
    assert motion.moved(300.0, 200.0) == pytest.approx((300.0 - x, 200.0 - y), abs=2.0)


def test_a_blank_wall_tells_no_motion() -> None:
    estimator = MotionEstimator()
    blank = np.full((360, 640, 3), 90, np.uint8)
    estimator.update(*shrunk(blank), [])
    assert not estimator.update(*shrunk(blank), []).known


@given(turn=st.floats(-6, 6), nod=st.floats(-4, 4))
@settings(max_examples=40, deadline=None)
def test_motion_by_pose_is_where_a_distant_place_goes(turn: float, nod: float) -> None:
    pose = CameraPose(position=HERE, altitude_m_amsl=100.0, heading_deg=10.0, tilt_deg=-40.0, horizontal_fov_deg=40.0)
    turned = CameraPose(
        position=HERE, altitude_m_amsl=100.0, heading_deg=10.0 + turn, tilt_deg=-40.0 + nod, horizontal_fov_deg=40.0
    )
    before, now = view(pose, 640, 360), view(turned, 640, 360)
    place = Plane(HERE).to_position(20.0, 95.0)
    was, is_now = before.pixel(place, 30.0), now.pixel(place, 30.0)
    assert was is not None
    assert is_now is not None
    assert motion_by_pose(before, now).moved(*was) == pytest.approx(is_now, abs=12.0)


def _thing(upper: tuple[int, int, int], lower: tuple[int, int, int], size: int = 30) -> np.ndarray:
    picture = _street(7)
    picture = picture.copy()
    picture[100 : 100 + size, 200 : 200 + size // 2] = upper
    picture[100 + size : 100 + 2 * size, 200 : 200 + size // 2] = lower
    return picture


@given(size=st.integers(8, 60), other=st.integers(8, 60))
@settings(max_examples=30, deadline=None)
def test_a_shape_is_like_itself_at_another_size_and_unlike_another(size: int, other: int) -> None:
    red, blue, green = (200, 30, 30), (30, 40, 200), (30, 170, 40)
    one = describe(_thing(red, blue, size), Box(left=200, top=100, width=size // 2, height=2 * size))
    same = describe(_thing(red, blue, other), Box(left=200, top=100, width=other // 2, height=2 * other))
    unlike = describe(_thing(green, green, other), Box(left=200, top=100, width=other // 2, height=2 * other))
    if one is None or same is None or unlike is None:
        assert min(size, other) < 16  # too small to tell is said, not guessed
        return
    assert one.likeness(same) > 0.9
    assert one.likeness(unlike) < 0.6


def test_what_is_remembered_is_overwritten() -> None:
    numbers = np.random.default_rng(1).random(LENGTH).astype(np.float32)
    memory = Appearance(numbers)
    held = memory.numbers
    memory.wipe()
    assert memory.wiped
    assert not held.any()
    template = Template()
    assert template.take(_thing((255, 0, 0), (0, 0, 255)), Box(left=190, top=90, width=40, height=70))
    patch = template._patch
    template.wipe()
    assert not patch.any()


@given(data=st.binary(max_size=300))
def test_a_look_from_outside_is_of_its_length_or_none(data: bytes) -> None:
    found = Appearance.from_bytes(data)
    assert (found is not None) == (len(data) == LENGTH)


@given(east=st.floats(-500, 500), north=st.floats(-500, 500), ve=st.floats(-20, 20), vn=st.floats(-20, 20))
def test_what_is_handed_over_arrives(east: float, north: float, ve: float, vn: float) -> None:
    giver, taker = Plane(HERE), Plane(Plane(HERE).to_position(400.0, -300.0))
    ground = GroundFilter.start(Shape.VEHICLE, NOW, east, north, Spread(east=1.0, north=2.0, both=0.3))
    ground.state[2:] = ve, vn
    taken = handover.take(handover.give("f", ground, Spread(east=3.0, north=3.0), None, giver), taker)
    back = taker.to_position(float(taken.state[0]), float(taken.state[1]))
    assert giver.to_metres(back) == pytest.approx((east, north), abs=1e-3)
    assert taken.state[2:].tolist() == pytest.approx([ve, vn])
    assert taken.spread.east == pytest.approx(4.0)  # the giver's pose is in it


@given(
    x=st.floats(0, 640), y=st.floats(0, 360), tilt=st.floats(-90, 0), roll=st.floats(-20, 20), step=st.floats(0.02, 1.0),
    phase=st.sampled_from(list(FollowPhase)), quality=st.sampled_from(list(Quality)), late=st.booleans(),
)  # fmt: skip
def test_the_gimbal_turns_no_faster_than_it_may_and_only_after_a_held_subject(
    x: float, y: float, tilt: float, roll: float, step: float, phase: FollowPhase, quality: Quality, late: bool
) -> None:
    pose = CameraPose(
        position=HERE, altitude_m_amsl=100.0, heading_deg=0.0, tilt_deg=tilt, roll_deg=roll, horizontal_fov_deg=60.0
    )
    aim = steer.aim(pose, 640, 360, x, y, phase, quality, step, tells_late=late)
    if phase not in (FollowPhase.HELD, FollowPhase.COASTING):
        assert aim is None
    elif aim is not None:
        assert abs(aim.azimuth_rate_deg_s) <= steer.FASTEST_DEG_S + 1e-6
        assert abs(aim.tilt_rate_deg_s) <= steer.FASTEST_DEG_S + 1e-6
        assert -90.0 <= aim.tilt_deg <= 0.0


@given(
    east=st.floats(-150, 150), north=st.floats(20, 250), tilt=st.floats(-70, -15), roll=st.floats(-10, 10),
    quality=st.sampled_from([Quality.GOOD, Quality.WEAK]),
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_the_gimbal_brings_the_subject_to_the_middle_and_rests(
    east: float, north: float, tilt: float, roll: float, quality: Quality
) -> None:
    place, heading = Plane(HERE).to_position(east, north), 0.0
    for _ in range(60):
        pose = CameraPose(
            position=HERE, altitude_m_amsl=100.0, heading_deg=heading, tilt_deg=tilt, roll_deg=roll, horizontal_fov_deg=60.0
        )
        at = view(pose, 640, 360).pixel(place, 20.0)
        if at is None:
            return  # it starts behind the camera
        aim = steer.aim(pose, 640, 360, *at, FollowPhase.HELD, quality, 0.2)
        if aim is None:
            break
        heading, tilt = aim.azimuth_deg, aim.tilt_deg
    rest = steer.REST_SHARE if quality is Quality.GOOD else steer.WEAK_REST_SHARE
    assert math.hypot(at[0] - 320, at[1] - 180) / 640 < rest


def test_the_vehicle_stands_off_with_consent_alone() -> None:
    pose = CameraPose(position=HERE, altitude_m_amsl=110.0, heading_deg=0.0, tilt_deg=-20.0, horizontal_fov_deg=60.0)
    sure = Ellipse(semi_major_m=5.0, semi_minor_m=3.0, bearing_deg=0.0)
    subject = GroundPlace(position=Plane(HERE).to_position(0.0, 200.0), ellipse=sure)
    consent = steer.Consent(pilot="p", given_at=NOW, until=NOW + timedelta(minutes=30))

    def asked(
        consent: steer.Consent | None, phase: FollowPhase = FollowPhase.HELD, at: datetime = NOW, incident: Position = HERE
    ) -> object:
        return steer.stand_off(pose, 30.0, subject, (0.0, 0.0), phase, consent, incident, at)

    goal = asked(consent)
    assert isinstance(goal, steer.GoTo)
    assert Plane(HERE).to_metres(goal.position) == pytest.approx(
        (0.0, 120.0), abs=0.1
    )  # 80 m short of the subject: as high as it is
    assert goal.altitude_m_amsl == 110.0
    assert isinstance(asked(None), steer.Stays)
    assert isinstance(asked(consent, at=NOW + timedelta(minutes=30)), steer.Stays)
    assert isinstance(asked(consent, at=NOW - timedelta(seconds=1)), steer.Stays)
    assert isinstance(asked(consent, FollowPhase.COASTING), steer.Stays)
    for lie in (math.nan, math.inf):
        subject = GroundPlace(position=Position(latitude_deg=lie, longitude_deg=-0.1), ellipse=sure)
        assert isinstance(asked(consent), steer.Stays)
    subject = GroundPlace(position=Plane(HERE).to_position(0.0, 200.0), ellipse=sure)
    far = Plane(HERE).to_position(0.0, 120.0 - steer.FARTHEST_FROM_INCIDENT_M)
    assert isinstance(asked(consent, incident=Plane(far).to_position(0.0, 1.0)), steer.GoTo)
    assert isinstance(asked(consent, incident=Plane(far).to_position(0.0, -1.0)), steer.Stays)


@given(
    east=st.floats(-400, 400), north=st.floats(-400, 400), ve=st.floats(-15, 15), vn=st.floats(-15, 15), height=st.floats(20, 120)
)
def test_the_vehicle_is_never_sent_nearer_than_the_least_stand_off(
    east: float, north: float, ve: float, vn: float, height: float
) -> None:
    pose = CameraPose(position=HERE, altitude_m_amsl=30.0 + height, heading_deg=0.0, tilt_deg=-20.0, horizontal_fov_deg=60.0)
    place = GroundPlace(
        position=Plane(HERE).to_position(east, north), ellipse=Ellipse(semi_major_m=5.0, semi_minor_m=3.0, bearing_deg=0.0)
    )
    consent = steer.Consent(pilot="p", given_at=NOW, until=NOW + timedelta(minutes=30))
    goal = steer.stand_off(pose, 30.0, place, (ve, vn), FollowPhase.HELD, consent, HERE, NOW)
    if isinstance(goal, steer.GoTo):
        expected = (east + ve * steer.LEAD_S, north + vn * steer.LEAD_S)
        now, then = math.hypot(*expected), math.dist(Plane(HERE).to_metres(goal.position), expected)
        assert then >= min(now, steer.LEAST_STAND_OFF_M) - 1e-6
