"""A lost subject is looked for where it can be, for a bounded time; a gimbal that turns is never called silent, one that stays is."""

import math
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from bowstreet.frames import CameraPose
from bowstreet.geo import Position
from bowstreet.tracking import handover, search, steer
from bowstreet.tracking.locate import ellipse, holds
from bowstreet.tracking.model import Ellipse, FollowFound, FollowPhase, GroundPlace, Motion, Quality, Shape, Spread
from bowstreet.tracking.plane import Plane
from bowstreet.tracking.search import Stage
from bowstreet.video import rules as video_rules

HERE = Position(latitude_deg=51.54, longitude_deg=-0.10)
NOW = datetime(2026, 11, 28, 9, tzinfo=UTC)
ELLIPSES = st.builds(
    lambda major, share, bearing: Ellipse(semi_major_m=major, semi_minor_m=major * share, bearing_deg=bearing),
    st.floats(1.0, 500.0), st.floats(0.05, 1.0), st.floats(0.0, 180.0),
)  # fmt: skip


@given(fits=st.lists(st.integers(0, 30), min_size=1, max_size=400), step=st.floats(0.1, 1.0))
def test_it_ends_whoever_fits_and_goes_forward_while_nobody_does(fits: list[int], step: float) -> None:
    most_s = search.HOLD_S + search.SCAN_S + search.ANSWER_S
    for number, fit in enumerate(fits):
        stage = search.stage(number * step, fit)
        if number * step >= most_s:
            assert stage is Stage.OVER
        if 0 < fit <= search.MOST_ASKED and number * step < most_s:
            assert stage is Stage.HOLDS, "the picture stays still while the pilot looks"
    alone = [search.stage(number * step, 0) for number in range(len(fits))]
    assert alone == sorted(alone, key=list(Stage).index)


@given(one=ELLIPSES, lost_s=st.floats(0.0, 100.0))
def test_it_is_looked_for_within_the_ellipse_and_no_further_than_it_can_be(one: Ellipse, lost_s: float) -> None:
    place = GroundPlace(position=HERE, ellipse=one)
    assert len(search.spots(place)) == search.RING_SPOTS + 1
    east, north = Plane(HERE).to_metres(search.spot(place, lost_s))
    assert holds(one, east * 0.99, north * 0.99)
    assert math.hypot(east, north) <= search.MOST_RADIUS_M * search.RING_SHARE + 0.1


@given(
    tilt=st.floats(-89, 0),
    heading=st.floats(0, 360),
    pan=st.floats(-180, 180),
    east=st.floats(-300, 300),
    north=st.floats(-300, 300),
)
def test_turning_to_a_place_gets_there_no_faster_than_it_may(
    tilt: float, heading: float, pan: float, east: float, north: float
) -> None:
    pose = CameraPose(
        position=HERE, altitude_m_amsl=100.0, heading_deg=heading, tilt_deg=tilt, pan_deg=pan, horizontal_fov_deg=60.0
    )
    place = Plane(HERE).to_position(east, north)
    for _ in range(60):
        aim = steer.towards(pose, place, 30.0, 0.2)
        if aim is None:
            break
        assert abs(aim.tilt_rate_deg_s) <= steer.FASTEST_DEG_S + 1e-6
        assert abs(aim.azimuth_rate_deg_s) <= steer.FASTEST_DEG_S + 1e-6
        pose = CameraPose(
            position=HERE, altitude_m_amsl=100.0, heading_deg=heading, tilt_deg=aim.tilt_deg,
            pan_deg=aim.azimuth_deg - heading, horizontal_fov_deg=60.0,
        )  # fmt: skip
    if math.hypot(east, north) > 1.001:
        assert steer.towards(pose, place, 30.0, 0.2) is None
        bearing = math.degrees(math.atan2(east, north))
        assert abs(math.remainder(pose.heading_deg + pose.pan_deg - bearing, 360.0)) < steer.REST_SHARE * 60.0 + 1e-6


@given(turns=st.lists(st.floats(-30.0, 30.0), min_size=1, max_size=60), obeys=st.booleans())
def test_who_stays_is_silent_and_who_turns_is_not(turns: list[float], obeys: bool) -> None:
    at_deg, one = 0.0, None
    told_s = 0.0
    for number, turn in enumerate(turns):
        one = search.axis(one, turn, at_deg, number * 0.5)
        told_s = 0.0 if abs(turn) < search.TOLD_DEG else told_s + 0.5
        if obeys:
            at_deg += turn
            assert not search.is_silent(one, number * 0.5)
        else:
            assert search.is_silent(one, number * 0.5) == (told_s - 0.5 >= search.SILENT_S)


@given(
    one=ELLIPSES, speed=st.floats(0, 30), sigma=st.floats(0.01, 5), direction=st.none() | st.floats(0, 360),
    phase=st.sampled_from(list(FollowPhase)),
)  # fmt: skip
def test_what_is_remembered_is_where_it_was_with_no_less_doubt(
    one: Ellipse, speed: float, sigma: float, direction: float | None, phase: FollowPhase
) -> None:
    found = FollowFound(
        follow_id="f", phase=phase, quality=Quality.GOOD, reason="", shape=Shape.PERSON,
        place=GroundPlace(position=HERE, ellipse=one), motion=Motion(speed_mps=speed, speed_sigma_mps=sigma, direction_deg=direction),
    )  # fmt: skip
    given_ = handover.remembered(found, NOW)
    if phase is FollowPhase.LOST:
        assert given_ is None
        return
    assert given_ is not None
    assert (given_.position, given_.at, given_.looks) == (HERE, NOW, None)
    back = ellipse(Spread(east=given_.spread_east, north=given_.spread_north, both=given_.spread_both))
    assert math.isclose(back.semi_major_m, min(200.0, one.semi_major_m), rel_tol=0.02)
    assert math.isclose(back.semi_minor_m, min(200.0, one.semi_minor_m), rel_tol=0.02)
    assert math.isclose(math.hypot(given_.east_mps, given_.north_mps), 0.0 if direction is None else speed, abs_tol=1e-6)


@given(
    looks=st.lists(st.tuples(st.floats(0.0, 20.0), st.integers(0, 30)), max_size=200), asked=st.floats(0.2, 30.0)
)  # fmt: skip
def test_never_more_pictures_are_looked_at_than_asked_and_never_none(looks: list[tuple[float, int]], asked: float) -> None:
    hz = asked
    for age_s, waiting in looks:
        before, hz = hz, video_rules.analysed_hz(hz, asked, age_s, waiting)
        assert min(video_rules.LEAST_HZ, asked) <= hz <= asked
        if age_s > video_rules.LATE_S or waiting > video_rules.MANY_WAITING:
            assert hz <= before
        elif age_s < video_rules.IN_TIME_S:
            assert hz >= before
    for _ in range(1_000):
        hz = video_rules.analysed_hz(hz, asked, 0.0, 0)
    assert hz == asked, "a machine that is free again is used again"
