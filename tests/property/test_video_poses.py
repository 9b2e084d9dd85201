"""Where a picture was taken from: the stream's own word while it is new and can be true, else telemetry, else nobody's."""

import math
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from bowstreet.frames import CameraPose
from bowstreet.geo import EARTH_RADIUS_M, Position
from bowstreet.video.orders import PoseKnown
from bowstreet.video.poses import BOTH_OFF_M, MOST_AGE_S, MOST_TELEMETRY_AGE_S, Poses, can_be

HERE = Position(latitude_deg=51.54, longitude_deg=-0.1)
NOON_US = 1_795_000_000_000_000


def north(metres: float) -> Position:
    return Position(latitude_deg=HERE.latitude_deg + math.degrees(metres / EARTH_RADIUS_M), longitude_deg=HERE.longitude_deg)


def told(metres: float = 0.0, up_m: float = 95.0) -> CameraPose:
    return CameraPose(position=north(metres), altitude_m_amsl=up_m, heading_deg=90.0, tilt_deg=-45.0, horizontal_fov_deg=60.0)


def known(metres: float = 0.0, *, speed_mps: float = 0.0, age_s: float = 0.0, fov_deg: float | None = 62.0) -> PoseKnown:
    return PoseKnown(
        position=north(metres), altitude_m_amsl=95.0, heading_deg=91.0, tilt_deg=-44.0, horizontal_fov_deg=fov_deg,
        speed_mps=speed_mps, age_s=age_s,
    )  # fmt: skip


@given(later_s=st.floats(-5.0, 5.0), heard=st.booleans())
def test_a_pose_older_than_its_age_places_nothing(later_s: float, heard: bool) -> None:
    poses = Poses()
    poses.tell(told(), NOON_US, 100.0)
    if heard:
        poses.know(known(), 100.0)
    placed = poses.at(NOON_US + round(later_s * 1e6), 100.0)
    new = abs(round(later_s * 1e6)) <= MOST_AGE_S * 1e6
    assert placed.by_stream is new
    assert placed.pose == (told() if new else known().as_pose() if heard else None)


def test_a_camera_whose_clock_stands_still_keeps_no_pose_either() -> None:
    poses = Poses()
    poses.tell(told(), NOON_US, 100.0)
    assert poses.at(NOON_US, 100.0 + MOST_AGE_S).by_stream
    assert poses.at(NOON_US, 100.1 + MOST_AGE_S).pose is None


def test_telemetry_grows_old_too_and_where_its_lens_is_unknown_there_is_no_pose() -> None:
    poses = Poses()
    poses.know(known(age_s=1.0), 100.0)
    assert poses.at(0, 99.9 + MOST_TELEMETRY_AGE_S - 1.0).pose is not None
    assert poses.at(0, 100.1 + MOST_TELEMETRY_AGE_S - 1.0).pose is None
    poses.know(known(fov_deg=None), 200.0)
    assert poses.at(0, 200.0).pose is None


@given(speed_mps=st.floats(0.0, 25.0), age_s=st.floats(0.0, 2.0), late_s=st.floats(0.0, 1.0), off_m=st.floats(-9.0, 9.0))
def test_what_a_drone_can_have_flown_is_believed(speed_mps: float, age_s: float, late_s: float, off_m: float) -> None:
    """Its telemetry and its stream are late by what links are late by, and each is off by what receivers are off by."""
    assert can_be(told(speed_mps * (age_s + late_s) + off_m), known(speed_mps=speed_mps), age_s)


def test_a_position_further_away_than_that_is_refused_and_telemetry_taken() -> None:
    poses = Poses()
    poses.know(known(), 100.0)
    poses.tell(told(400.0), NOON_US, 100.0)
    placed = poses.at(NOON_US, 100.0)
    assert (placed.by_stream, poses.refused) == (False, True)
    assert placed.pose == known().as_pose()
    assert not can_be(replace(told(), altitude_m_amsl=195.0), known(), 0.0), "a height can lie too"
    assert not can_be(told(3 * BOTH_OFF_M), known(), 0.0), "it hovers: nothing explains 30 m"
    poses.tell(told(3.0), NOON_US, 100.2)
    assert poses.at(NOON_US, 100.2).by_stream
    assert not poses.refused


def test_who_has_lied_is_not_believed_because_telemetry_stops() -> None:
    poses = Poses()
    poses.know(known(), 100.0)
    poses.tell(told(400.0), NOON_US, 100.0)
    assert not poses.at(NOON_US, 100.0).by_stream
    poses.tell(told(400.0), NOON_US, 110.0)
    assert poses.at(NOON_US, 110.0).pose is None
