"""Areas that minutes overhead are told by: London's own cover it whole, and an operator's wards are read strictly."""

import json
from importlib import resources
from pathlib import Path

import pytest
import shapely
from shapely.geometry import mapping

from bowstreet.accountability.disclosure.areas import neighbourhoods, parse_wards
from bowstreet.accountability.disclosure.rules import square_of
from bowstreet.errors import MalformedConfiguration
from bowstreet.geo import Position
from bowstreet.intake import area
from bowstreet.operations import configured_operation


def place(latitude_deg: float, longitude_deg: float) -> Position:
    return Position(latitude_deg=latitude_deg, longitude_deg=longitude_deg)


@pytest.mark.requirement("D7")
def test_londons_neighbourhoods_are_983_and_cover_it() -> None:
    areas = neighbourhoods()
    assert len(areas.names) == 983
    assert "Office for National Statistics" in areas.attribution
    shapes = [outline for name in areas.names if (outline := areas.outline(name)) is not None]
    assert all(one.is_valid for one in shapes)
    whole, london = shapely.union_all(shapes), shapely.union_all([one.polygon for one in area.london().boroughs])
    assert whole.symmetric_difference(london).area / london.area < 0.02
    assert sum(one.area for one in shapes) == pytest.approx(whole.area, rel=0.001), "they do not lie over each other"
    assert areas.of(place(51.5465, -0.1030)).startswith("Islington 0")  # Highbury Corner
    assert areas.of(place(51.5033, -0.1276)).startswith("Westminster 0")  # Downing Street


def test_they_are_small_and_come_with_the_package() -> None:
    file = resources.files("bowstreet.accountability.disclosure").joinpath("data/london_neighbourhoods.json")
    assert len(file.read_bytes()) <= 200_000


def test_a_place_in_no_area_is_told_by_its_square() -> None:
    edinburgh = place(55.9486, -3.1999)
    assert neighbourhoods().of(edinburgh) == square_of(edinburgh) == "NT2573"
    assert neighbourhoods().outline("NT2573") is None


def wards(*features: tuple[str, object], **more: object) -> bytes:
    said = [{"type": "Feature", "properties": {"name": name}, "geometry": one} for name, one in features]
    return json.dumps({"type": "FeatureCollection", "features": said, **more}).encode()


WEST, EAST = (mapping(shapely.box(low, 51.5, low + 0.1, 51.6)) for low in (-0.2, -0.1))


def test_an_operators_wards_from_its_configuration(tmp_path: Path) -> None:
    (tmp_path / "wards.geojson").write_bytes(wards(("Westward", WEST), ("Eastward", EAST), attribution="Contains OS data"))
    (tmp_path / "bowstreet.toml").write_text('[public]\nwards = "wards.geojson"\n')
    areas = configured_operation(tmp_path / "bowstreet.toml", calls=None, headless=True, port=None).wards
    assert areas is not None
    assert (areas.kind, areas.attribution, areas.names) == ("ward", "Contains OS data", ("Westward", "Eastward"))
    assert [areas.of(place(51.55, x)) for x in (-0.15, -0.05)] == ["Westward", "Eastward"]
    assert areas.of(place(51.55, -0.1)) == "Westward", "on a border: the first of the file"
    assert areas.of(place(51.7, -0.15)) == square_of(place(51.7, -0.15))


@pytest.mark.parametrize(
    "data",
    [
        b"", b"[]", b"{}", b'{"features": []}', b'{"features": [{}]}', b"\xff\x00\x93" * 20, wards(("", WEST)), wards(("a", WEST), ("a", EAST)),
        wards(("a", {"type": "Point", "coordinates": [0, 51]})), wards(("a", mapping(shapely.box(530_000, 180_000, 531_000, 181_000)))),
        wards(("a", {"type": "Polygon", "coordinates": [[[0, 51], [1, 52], [1, 51], [0, 52], [0, 51]]]})),
        b'{"features": [{"properties": {"name": "a"}, "geometry": {"type": "Polygon", "coordinates": ' + b"[" * 10_000,
    ],
)  # fmt: skip
def test_what_is_no_file_of_wards_is_refused_in_one_line(data: bytes) -> None:
    with pytest.raises(MalformedConfiguration) as caught:
        parse_wards(data, "wards.geojson")
    assert "wards.geojson" in caught.value.message
    assert "\n" not in caught.value.message
