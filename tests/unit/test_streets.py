"""An operator's names of streets: what is near, and where a name stands in a picture."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bowstreet.errors import MalformedConfiguration
from bowstreet.frames import CameraPose
from bowstreet.geo import Position
from bowstreet.tracking.camera import view
from bowstreet.tracking.plane import Plane
from bowstreet.tracking.streets import MOST_IN_PICTURE, Streets, parse_streets

CORNER = Position(latitude_deg=51.5465, longitude_deg=-0.1030)
PLANE = Plane(CORNER)


def at(east_m: float, north_m: float) -> list[float]:
    place = PLANE.to_position(east_m, north_m)
    return [place.longitude_deg, place.latitude_deg]


def file_of(*named: tuple[str, str, Any]) -> bytes:
    features = [
        {"type": "Feature", "properties": {"name": name}, "geometry": {"type": kind, "coordinates": told}}
        for name, kind, told in named
    ]
    return json.dumps({"type": "FeatureCollection", "features": features}).encode()


def town() -> Streets:
    return parse_streets(
        file_of(
            ("Upper Street", "LineString", [at(-500, 0), at(500, 0)]),
            ("Holloway Road", "MultiLineString", [[at(0, 20), at(0, 400)]]),
            ("Highbury Corner", "Point", at(5, 5)),
            ("Far Lane", "LineString", [at(-500, 900), at(500, 900)]),
        )
    )


def test_the_nearest_names_come_first_each_once() -> None:
    near = town().near(PLANE.to_position(0.0, 8.0), most=5)
    assert [one.name for one in near] == ["Highbury Corner", "Upper Street", "Holloway Road"]
    assert near[1].distance_m == pytest.approx(8.0, abs=0.05)
    assert town().near(PLANE.to_position(4_000.0, 4_000.0)) == ()
    assert Streets().near(CORNER) == ()


def test_a_name_stands_where_its_street_is_in_the_picture() -> None:
    # From 60 m south of the corner and 60 m up, looking down at it: the street goes from left to right through the middle.
    pose = CameraPose(
        position=PLANE.to_position(0.0, -60.0), altitude_m_amsl=95.0, heading_deg=0.0, tilt_deg=-45.0, horizontal_fov_deg=60.0
    )
    labels = {one.name: one for one in town().in_picture(view(pose, 640, 360), CORNER)}
    assert "Far Lane" not in labels
    assert labels["Upper Street"].x == pytest.approx(0.5, abs=0.05)
    assert labels["Upper Street"].y == pytest.approx(0.5, abs=0.02)
    assert labels["Holloway Road"].y < labels["Upper Street"].y, "what is further away is higher up"
    assert labels["Highbury Corner"].x > 0.5, "what is in the east is on the right"


@given(
    heading=st.floats(0, 360), tilt=st.floats(-90, 30), up=st.floats(-10, 400), east=st.floats(-300, 300), north=st.floats(-300, 300),
    off=st.floats(0, 500),
)  # fmt: skip
def test_whatever_the_pose_names_are_within_the_picture_and_few(
    heading: float, tilt: float, up: float, east: float, north: float, off: float
) -> None:
    pose = CameraPose(
        position=PLANE.to_position(east, north),
        altitude_m_amsl=35.0 + up,
        heading_deg=heading,
        tilt_deg=tilt,
        horizontal_fov_deg=60.0,
    )
    labels = town().in_picture(view(pose, 640, 360), PLANE.to_position(off, 0.0))
    assert len(labels) <= MOST_IN_PICTURE
    assert len({one.name for one in labels}) == len(labels)
    assert all(0.0 <= one.x <= 1.0 and 0.0 <= one.y <= 1.0 for one in labels)


def test_a_pose_that_is_no_number_puts_no_name_anywhere() -> None:
    pose = CameraPose(position=CORNER, altitude_m_amsl=math.nan, heading_deg=0.0, tilt_deg=-45.0, horizontal_fov_deg=60.0)
    assert town().in_picture(view(pose, 640, 360), CORNER) == ()


@pytest.mark.parametrize(
    "data",
    [
        b"", b"[]", b'{"features": 3}', b'{"features": []}', file_of(("A", "Polygon", [[at(0, 0)]])), file_of(("A", "Point", [200, 0])),
        file_of(("A", "LineString", [["x", "y"]])), file_of(("A" * 200, "Point", at(0, 0))), file_of(("A\x07", "Point", at(0, 0))),
        b'{"features":[{"properties":{"name":"A"},"geometry":{"type":"Point","coordinates":[1e999,0]}}]}', b"[" * 100_000,
    ],
)  # fmt: skip
def test_what_is_no_file_of_streets_is_refused_with_what_to_do(data: bytes) -> None:
    with pytest.raises(MalformedConfiguration) as caught:
        parse_streets(data)
    assert "FeatureCollection" in caught.value.remedy


def test_what_has_no_name_is_passed_over() -> None:
    data = b'{"features":[{"properties":{},"geometry":null},{"properties":{"NAME1":"A1"},"geometry":{"type":"Point","coordinates":[0,51]}}]}'
    assert [one.name for one in parse_streets(data).named] == ["A1"]
