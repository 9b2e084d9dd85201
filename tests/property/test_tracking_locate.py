"""Pixel to ground: held against OpenCV's pinhole and pymap3d's WGS 84, and its ellipse against ten thousand simulated looks."""

import math
from dataclasses import replace

import cv2
import numpy as np
import pymap3d
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tests.unit.tracking_world import simulated_looks

from bowstreet.frames import CameraPose
from bowstreet.geo import GridPoint, Position, to_grid, to_wgs84
from bowstreet.tracking import locate
from bowstreet.tracking.camera import view
from bowstreet.tracking.locate import ellipse, holds, mahalanobis2
from bowstreet.tracking.model import Located, NotLocated, Spread, Why
from bowstreet.tracking.plane import Plane
from bowstreet.tracking.terrain import GridGround, StatedGround

HERE = Position(latitude_deg=51.54, longitude_deg=-0.10)
FLAT = StatedGround(stated_m_amsl=30.0)
W, H = 1280, 720

poses = st.builds(
    CameraPose,
    position=st.just(HERE),
    altitude_m_amsl=st.floats(60.0, 150.0),
    heading_deg=st.floats(0.0, 360.0),
    pan_deg=st.floats(-90.0, 90.0),
    tilt_deg=st.floats(-90.0, -15.0),
    roll_deg=st.floats(-10.0, 10.0),
    horizontal_fov_deg=st.floats(20.0, 80.0),
)
pixels = st.tuples(st.floats(0, W), st.floats(0, H))


@given(pose=poses, at=pixels)
@settings(max_examples=300, deadline=None)
def test_back_in_the_picture_where_it_was(pose: CameraPose, at: tuple[float, float]) -> None:
    looked = view(pose, W, H)
    found = locate.locate(looked, *at, 2.0, FLAT)
    assume(isinstance(found, Located))
    assert isinstance(found, Located)
    again = looked.pixel(found.position, found.altitude_m_amsl)
    assert again is not None
    assert again == pytest.approx(at, abs=1e-3)


@given(pose=poses, at=pixels)
@settings(max_examples=200, deadline=None)
def test_as_opencv_and_pymap3d_see_it(pose: CameraPose, at: tuple[float, float]) -> None:
    """Another pinhole (OpenCV's) and another ellipsoid (pymap3d's) put the place that was found at the pixel that was asked."""
    found = locate.locate(view(pose, W, H), *at, 2.0, FLAT)
    assume(isinstance(found, Located))
    assert isinstance(found, Located)
    enu = pymap3d.geodetic2enu(
        found.position.latitude_deg, found.position.longitude_deg, found.altitude_m_amsl,
        HERE.latitude_deg, HERE.longitude_deg, pose.altitude_m_amsl,
    )  # fmt: skip
    # Turned into the camera by elementary rotations: bearing about up, tilt about right, roll about forward.
    a, t, r = (math.radians(v) for v in (pose.heading_deg + pose.pan_deg, pose.tilt_deg, pose.roll_deg))
    level = np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0]])  # looking north, level: right east, down -up, forward north
    about_up = np.array([[math.cos(a), -math.sin(a), 0], [math.sin(a), math.cos(a), 0], [0, 0, 1]])
    about_right = np.array([[1, 0, 0], [0, math.cos(t), math.sin(t)], [0, -math.sin(t), math.cos(t)]])
    about_forward = np.array([[math.cos(r), math.sin(r), 0], [-math.sin(r), math.cos(r), 0], [0, 0, 1]])
    turn = about_forward @ about_right @ level @ about_up
    focal = W / 2 / math.tan(math.radians(pose.horizontal_fov_deg) / 2)
    lens = np.array([[focal, 0, W / 2], [0, focal, H / 2], [0, 0, 1]])
    seen, _ = cv2.projectPoints(np.array([enu]), cv2.Rodrigues(turn)[0], np.zeros(3), lens, None)
    # The plane leaves the Earth's curve out: 8 cm of drop and 4 cm of height at 1 km, under a pixel.
    assert seen.ravel() == pytest.approx(at, abs=1.0)


def test_straight_ahead_down_and_to_the_side() -> None:
    pose = CameraPose(position=HERE, altitude_m_amsl=130.0, heading_deg=90.0, tilt_deg=-45.0, horizontal_fov_deg=60.0)
    found = locate.locate(view(pose, W, H), W / 2, H / 2, 1.0, FLAT)
    assert isinstance(found, Located)
    east, north = Plane(HERE).to_metres(found.position)
    assert (east, north) == pytest.approx((100.0, 0.0), abs=1e-6)
    right = locate.locate(view(pose, W, H), W / 2 + 200, H / 2, 1.0, FLAT)
    assert isinstance(right, Located)
    assert Plane(HERE).to_metres(right.position)[1] < -10.0  # looking east, right is south


@pytest.mark.parametrize(
    ("tilt", "altitude", "why"),
    [(5.0, 130.0, Why.ABOVE_HORIZON), (-6.0, 130.0, Why.GRAZING), (-45.0, 20.0, Why.BELOW_GROUND)],
)
def test_refused_honestly(tilt: float, altitude: float, why: Why) -> None:
    pose = CameraPose(position=HERE, altitude_m_amsl=altitude, heading_deg=0.0, tilt_deg=tilt, horizontal_fov_deg=60.0)
    assert locate.locate(view(pose, W, H), W / 2, H / 2, 1.0, FLAT) == NotLocated(why=why)


def test_a_poorly_known_tilt_is_grazing_sooner() -> None:
    pose = CameraPose(position=HERE, altitude_m_amsl=130.0, heading_deg=0.0, tilt_deg=-14.0, horizontal_fov_deg=60.0)
    assert isinstance(locate.locate(view(pose, W, H), W / 2, H / 2, 1.0, FLAT), Located)
    worse = replace(pose, tilt_sigma_deg=4.0)
    assert locate.locate(view(worse, W, H), W / 2, H / 2, 1.0, FLAT) == NotLocated(why=Why.GRAZING)


@given(pose=poses, at=pixels, factor=st.floats(1.1, 3.0), which=st.sampled_from(["position", "altitude", "heading", "tilt"]))
@settings(max_examples=100, deadline=None)
def test_less_known_is_never_a_smaller_ellipse(pose: CameraPose, at: tuple[float, float], factor: float, which: str) -> None:
    names = {
        "position": "position_sigma_m",
        "altitude": "altitude_sigma_m",
        "heading": "heading_sigma_deg",
        "tilt": "tilt_sigma_deg",
    }
    name = names[which]
    worse = replace(pose, **{name: getattr(pose, name) * factor})
    first = locate.locate(view(pose, W, H), *at, 2.0, FLAT)
    second = locate.locate(view(worse, W, H), *at, 2.0, FLAT)
    assume(isinstance(first, Located) and isinstance(second, Located))
    assert isinstance(first, Located)
    assert isinstance(second, Located)
    assert second.ellipse.semi_major_m >= first.ellipse.semi_major_m - 1e-9
    assert second.ellipse.semi_minor_m >= first.ellipse.semi_minor_m - 1e-9


def test_ten_thousand_looks_are_inside_their_ellipse() -> None:
    inside, located, refused = simulated_looks(10_000, seed=20261123)
    assert located >= 8_000, "most looks must be answered, not refused"
    assert refused > 0
    assert inside / located >= 0.95
    # And not by ellipses too large to help: 0.999 would be an ellipse half as large again.
    assert inside / located <= 0.985


def test_a_hill_is_hit_where_it_stands() -> None:
    """A slope of one in five that rises to the north; the closed form is the line of sight cut with that plane."""
    origin = to_grid(HERE)
    rows = np.arange(41)[:, None] * 50.0 * 0.2 + np.zeros((1, 41))
    ground = GridGround(west_m=origin.easting_m - 1000, south_m=origin.northing_m - 1000, cell_m=50.0, heights=rows)
    pose = CameraPose(position=HERE, altitude_m_amsl=300.0, heading_deg=0.0, tilt_deg=-30.0, horizontal_fov_deg=60.0)
    found = locate.locate(view(pose, W, H), W / 2, H / 2, 1.0, ground)
    assert isinstance(found, Located)
    east, north = Plane(HERE).to_metres(found.position)
    # 200 m under the drone and rising 0.2: 300 − n·tan 30° = 200 + 0.2 n.
    assert north == pytest.approx(100.0 / (math.tan(math.radians(30.0)) + 0.2), rel=0.01)
    assert found.altitude_m_amsl == pytest.approx(200.0 + 0.2 * north, abs=1.0)
    assert abs(east) < 1.0


def test_the_first_hill_hides_the_second() -> None:
    origin = to_grid(HERE)
    heights = np.zeros((41, 41))
    heights[24:26, :], heights[30:32, :] = 80.0, 80.0  # ridges at 200–250 m and 500–550 m to the north
    ground = GridGround(west_m=origin.easting_m - 1000, south_m=origin.northing_m - 1000, cell_m=50.0, heights=heights)
    pose = CameraPose(position=HERE, altitude_m_amsl=120.0, heading_deg=0.0, tilt_deg=-12.0, horizontal_fov_deg=60.0)
    found = locate.locate(view(pose, W, H), W / 2, H / 2, 1.0, ground)
    assert isinstance(found, Located)
    assert 150.0 < Plane(HERE).to_metres(found.position)[1] < 250.0


def test_outside_the_height_file_nothing_is_guessed() -> None:
    origin = to_grid(HERE)
    ground = GridGround(west_m=origin.easting_m - 60, south_m=origin.northing_m - 60, cell_m=50.0, heights=np.zeros((3, 3)))
    pose = CameraPose(position=HERE, altitude_m_amsl=120.0, heading_deg=0.0, tilt_deg=-20.0, horizontal_fov_deg=60.0)
    assert locate.locate(view(pose, W, H), W / 2, H / 2, 1.0, ground) == NotLocated(why=Why.NO_TERRAIN)
    far = to_wgs84(GridPoint(easting_m=origin.easting_m + 5_000, northing_m=origin.northing_m))
    assert ground.height_m_amsl(far) is None


@given(a=st.floats(0.1, 50), b=st.floats(0.1, 50), turn=st.floats(-0.95, 0.95), bearing=st.floats(0, 2 * math.pi))
def test_ellipse_is_the_contour_of_the_covariance(a: float, b: float, turn: float, bearing: float) -> None:
    spread = Spread(east=a * a, north=b * b, both=turn * a * b)
    drawn = ellipse(spread)
    east, north = math.sin(bearing), math.cos(bearing)
    edge = locate.ELLIPSE_SIGMAS / math.sqrt(mahalanobis2(spread, east, north))
    assert holds(drawn, east * edge * 0.999, north * edge * 0.999)
    assert not holds(drawn, east * edge * 1.001, north * edge * 1.001)


@given(east=st.floats(-3000, 3000), north=st.floats(-3000, 3000))
def test_the_plane_inverts_and_agrees_with_pymap3d(east: float, north: float) -> None:
    plane = Plane(HERE)
    place = plane.to_position(east, north)
    assert plane.to_metres(place) == pytest.approx((east, north), abs=1e-6)
    e, n, _ = pymap3d.geodetic2enu(place.latitude_deg, place.longitude_deg, 0.0, HERE.latitude_deg, HERE.longitude_deg, 0.0)
    assert math.hypot(e - east, n - north) <= 0.001 * math.hypot(east, north) + 1e-3
