"""An operator's file of wards: whatever the bytes, areas that answer, or a clear error."""

from bowstreet.accountability.disclosure.areas import parse_wards
from bowstreet.errors import MalformedConfiguration
from bowstreet.geo import Position

SEEDS = [
    (
        b'{"type":"FeatureCollection","features":[{"type":"Feature","properties":{"name":"Ours"},"geometry":{"type":"Polygon",'
        b'"coordinates":[[[-0.2,51.4],[-0.1,51.4],[-0.1,51.5],[-0.2,51.4]]]}}]}'
    ),
    b'{"features":[{"properties":{"name":"A"},"geometry":{"type":"MultiPolygon","coordinates":[[[[0,0],[1,0],[1,1],[0,0]]]]}}]}',
]


def fuzz_one(data: bytes) -> None:
    try:
        found = parse_wards(data, "wards")
    except MalformedConfiguration as error:
        if not (error.message and error.remedy):
            raise AssertionError("an error that does not say what to do") from error
        return
    for name in found.names:
        outline = found.outline(name)
        if outline is None:
            raise AssertionError("an area without an outline")
        point = outline.representative_point()
        if found.of(Position(latitude_deg=point.y, longitude_deg=point.x)) not in found.names:
            raise AssertionError("a point inside is outside")
