"""An operator's boundary file: whatever the bytes, an area that answers, or a clear error."""

from bowstreet.errors import MalformedConfiguration
from bowstreet.geo import Position
from bowstreet.intake import area

SEEDS = [
    (
        b'{"type":"FeatureCollection","features":[{"type":"Feature","properties":{"name":"Ours"},"geometry":{"type":"Polygon",'
        b'"coordinates":[[[-0.2,51.4],[-0.1,51.4],[-0.1,51.5],[-0.2,51.4]]]}}]}'
    ),
    b'{"features":[{"properties":{"name":"A"},"geometry":{"type":"MultiPolygon","coordinates":[[[[0,0],[1,0],[1,1],[0,0]]]]}}]}',
]


def fuzz_one(data: bytes) -> None:
    try:
        found = area.parse_area(data)
    except MalformedConfiguration as error:
        if not (error.message and error.remedy):
            raise AssertionError("an error that does not say what to do") from error
        return
    point = found.boroughs[0].polygon.representative_point()
    if not found.contains(Position(latitude_deg=point.y, longitude_deg=point.x)):
        raise AssertionError("a point inside is outside")
