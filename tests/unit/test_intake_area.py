"""The operating area: the boundaries that come with the product, and an operator's own."""

import csv
import json
from typing import Any

import msgspec
import numpy as np
import pytest
import shapely
from tests.unit.intake_world import HERE, REAL_CALLS

from bowstreet.errors import BadInput, MalformedConfiguration
from bowstreet.geo import GridPoint, Position, grid_arrays, to_wgs84
from bowstreet.intake import area

# Facts to hold the boundaries against: area in km2 (GLA, ONS). Boroughs by the river are published with their part of it.
AREAS_KM2 = {"Islington": 14.857, "Camden": 21.789, "Haringey": 29.598, "Bromley": 150.135, "Hillingdon": 115.701}
BY_THE_RIVER_KM2 = {"City of London": 3.149, "Westminster": 22.03, "Tower Hamlets": 21.575}


def at(latitude_deg: float, longitude_deg: float) -> Position:
    return Position(latitude_deg=latitude_deg, longitude_deg=longitude_deg)


def test_the_boundaries_are_london_and_small_and_say_whose_they_are() -> None:
    data = area.boroughs_geojson()
    assert len(data) <= 100_000
    told = msgspec.json.decode(data)
    assert told["attribution"] == (
        "Source: Office for National Statistics licensed under the Open Government Licence v3.0. "
        "Contains OS data © Crown copyright and database right"
    )
    assert [one["properties"]["gss"] for one in told["features"]] == [f"E09{number:06d}" for number in range(1, 34)]
    assert all(set(one["properties"]) == {"gss", "name"} for one in told["features"])
    polygons = [borough.polygon for borough in area.london().boroughs]
    assert all(polygon.is_valid for polygon in polygons)
    assert shapely.coverage_is_valid(polygons), "neighbours share their border exactly"


def test_the_boundaries_have_the_published_areas() -> None:
    def on_grid(xy: Any) -> Any:
        return np.stack(grid_arrays(xy[:, 1], xy[:, 0]), axis=1)

    for borough in area.london().boroughs:
        found_km2 = shapely.transform(borough.polygon, on_grid).area / 1e6
        if borough.name in AREAS_KM2:
            assert found_km2 == pytest.approx(AREAS_KM2[borough.name], rel=0.01)
        if borough.name in BY_THE_RIVER_KM2:
            assert 0.9 < found_km2 / BY_THE_RIVER_KM2[borough.name] < 1.0


@pytest.mark.parametrize(
    ("place", "name"),
    [
        (HERE, "Islington"),
        (at(51.5007, -0.1246), "Westminster"),  # the Palace of Westminster
        (at(51.5138, -0.0984), "City of London"),  # St Paul's
        (at(51.4779, -0.0015), "Greenwich"),  # the Royal Observatory
        (at(51.3763, -0.0982), "Croydon"),  # its town hall
        (at(51.5553, -0.1080), "Islington"),  # Arsenal's ground
        (at(51.5076, -0.0994), "Southwark"),  # Bankside
        (at(51.4700, -0.4543), "Hillingdon"),  # Heathrow
    ],
)
def test_known_places_lie_where_they_lie(place: Position, name: str) -> None:
    found = area.london().borough_of(place)
    assert found is not None
    assert found.name == name


@pytest.mark.parametrize(
    "place",
    [at(0, 0), at(-0.1025, 51.54), at(53.48, -2.24), at(51.7520, -1.2577), at(51.6565, -0.3903), at(90, 180), at(-90, -180)],
    ids=["null island", "swapped", "Manchester", "Oxford", "Watford", "corner", "other corner"],
)
def test_places_outside_are_outside(place: Position) -> None:
    assert not area.london().contains(place)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf"), 1e300])
def test_what_is_no_place_is_nowhere(bad: float) -> None:
    assert not area.london().contains(at(bad, -0.1))
    assert not area.london().contains(at(51.5, bad))


def test_the_middle_of_the_river_belongs_to_a_bank() -> None:
    for place in (at(51.4960, 0.0600), at(51.5100, 0.1250), at(51.5080, -0.1180)):
        assert area.london().contains(place)


def test_a_neighbours_street_is_not_ours_however_near() -> None:
    islington, camden = area.of(["Islington"]), area.of(["Camden"])
    over_the_road = at(51.5390, -0.1240)  # Camden, a street's length from the border
    assert camden.contains(over_the_road)
    assert not islington.contains(over_the_road)
    assert islington.contains(HERE)
    assert not camden.contains(HERE)
    west, south, east, north = islington.bounding_box
    assert west < HERE.longitude_deg < east
    assert south < HERE.latitude_deg < north


def test_every_point_of_london_is_in_one_borough_only() -> None:
    each = [area.of([name]) for name in area.london().names]
    rng = np.random.default_rng(5)
    west, south, east, north = area.london().bounding_box
    for x, y in zip(rng.uniform(west, east, 400).tolist(), rng.uniform(south, north, 400).tolist(), strict=True):
        whole = area.london().borough_of(at(y, x))
        held = [one.boroughs[0].name for one in each if one.contains(at(y, x))]
        assert held == ([] if whole is None else [whole.name])


def test_names_are_checked() -> None:
    with pytest.raises(BadInput, match="no borough 'Ankh-Morpork'"):
        area.of(["Ankh-Morpork"])
    with pytest.raises(BadInput, match="empty"):
        area.of([])
    assert area.of(["Islington", "Islington"]).names == ("Islington",)


@pytest.mark.skipif(not REAL_CALLS.exists(), reason=f"the real calls of 2009 are not here ({REAL_CALLS.name})")
def test_real_calls_lie_in_the_boroughs_that_the_brigade_noted() -> None:
    rows = list(csv.DictReader(REAL_CALLS.open(encoding="utf-8")))
    found = [
        area.london().borough_of(to_wgs84(GridPoint(easting_m=float(r["easting"]), northing_m=float(r["northing"]))))
        for r in rows
    ]
    assert None not in found
    wrong = sum(borough.gss != told["borough_gss"] for borough, told in zip(found, rows, strict=True) if borough)
    # Positions are rounded to 50 m and boundaries simplified to 45 m: some calls at a border change sides.
    assert wrong / len(rows) < 0.02


# --- an operator's own -----------------------------------------------------------------------------------------------------

SQUARE = [[[-0.2, 51.4], [-0.1, 51.4], [-0.1, 51.5], [-0.2, 51.5], [-0.2, 51.4]]]


def boundary(**changes: Any) -> bytes:
    feature = {"type": "Feature", "properties": {"name": "Ours"}, "geometry": {"type": "Polygon", "coordinates": SQUARE}}
    return json.dumps({"type": "FeatureCollection", "features": [{**feature, **changes}]}).encode()


def test_an_operators_own_area() -> None:
    ours = area.parse_area(boundary())
    assert ours.names == ("Ours",)
    assert ours.contains(at(51.45, -0.15))
    assert not ours.contains(at(51.55, -0.15))


BOWTIE = [[[-0.2, 51.4], [-0.1, 51.5], [-0.1, 51.4], [-0.2, 51.5], [-0.2, 51.4]]]
METRES = [[[531_000, 180_000], [532_000, 180_000], [532_000, 181_000], [531_000, 180_000]]]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "DecodeError"),
        (b"[]", "TypeError"),
        (b"{}", "KeyError"),
        (b'{"features": []}', "no polygon in it"),
        (b'{"features": [5]}', "TypeError"),
        (boundary(properties={}), "KeyError: 'name'"),
        (boundary(geometry=None), "AttributeError"),
        (boundary(geometry={"type": "Point", "coordinates": [0, 51]}), "'Ours' is no polygon"),
        (boundary(geometry={"type": "Polygon", "coordinates": []}), "'Ours' is no polygon"),
        (boundary(geometry={"type": "Polygon", "coordinates": BOWTIE}), "Self-intersection"),
        (boundary(geometry={"type": "Polygon", "coordinates": METRES}), "not in degrees"),
        (boundary(geometry={"type": "Polygon", "coordinates": [[[0, 1], [2, 3]]]}), "ValueError"),
        (b'{"a":' * 5_000, "RecursionError"),
    ],
)
def test_a_boundary_that_cannot_be_trusted_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(MalformedConfiguration) as caught:
        area.parse_area(data)
    assert reason in caught.value.message
    assert caught.value.remedy
