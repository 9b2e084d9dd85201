"""An operator's file of streets: whatever the bytes, names that can be asked for and drawn, or a clear error."""

from bowstreet.errors import MalformedConfiguration
from bowstreet.frames import CameraPose
from bowstreet.tracking import streets
from bowstreet.tracking.camera import view

SEEDS = [
    (
        b'{"type":"FeatureCollection","features":[{"type":"Feature","properties":{"name":"Upper Street"},"geometry":'
        b'{"type":"LineString","coordinates":[[-0.103,51.54],[-0.1025,51.545]]}}]}'
    ),
    (
        b'{"features":[{"properties":{"NAME1":"Angel"},"geometry":{"type":"Point","coordinates":[-0.1058,51.5322,4]}},'
        b'{"properties":null,"geometry":null},{"properties":{"name":"A1"},"geometry":{"type":"MultiLineString",'
        b'"coordinates":[[[0,0],[0,1]],[[1,1]]]}}]}'
    ),
]


def fuzz_one(data: bytes) -> None:
    try:
        found = streets.parse_streets(data)
    except MalformedConfiguration as error:
        if not (error.message and error.remedy):
            raise AssertionError("an error that does not say what to do") from error
        return
    first = found.named[0]
    near = found.near(first.line[0], most=500, within_m=5.0)
    if first.name not in [one.name for one in near]:
        raise AssertionError("a street is not near its own beginning")
    pose = CameraPose(position=first.line[0], altitude_m_amsl=80.0, heading_deg=10.0, tilt_deg=-89.0, horizontal_fov_deg=60.0)
    for label in found.in_picture(view(pose, 640, 360), first.line[0]):
        if not (0.0 <= label.x <= 1.0 and 0.0 <= label.y <= 1.0):
            raise AssertionError("a name beside the picture")
