"""Between the sea and the ellipsoid, against an independent table three times as fine."""

import random

import egm96
import pytest

from bowstreet.geo import Position
from bowstreet.tak.geoid import above_ellipsoid_m, undulation_m


def test_it_is_within_a_decimetre_of_an_independent_finer_table() -> None:
    rng = random.Random(7)
    places = [(rng.uniform(49.0, 62.0), rng.uniform(-9.0, 3.0)) for _ in range(2_000)]
    apart = [
        abs((undulation_m(Position(latitude_deg=lat, longitude_deg=lon)) or 0.0) - float(egm96.undulation(lat, lon)))
        for lat, lon in places
    ]
    assert max(apart) < 0.12
    assert sum(apart) / len(apart) < 0.02


def test_over_london_the_sea_is_46_metres_above_the_ellipsoid() -> None:
    place = Position(latitude_deg=51.5074, longitude_deg=-0.1278)
    assert above_ellipsoid_m(place, 100.0) == pytest.approx(146.0, abs=0.3)


@pytest.mark.parametrize(
    ("latitude", "longitude"), [(48.9, 0.0), (62.1, 0.0), (55.0, -9.1), (55.0, 3.1), (-33.9, 151.2), (float("nan"), 0.0)]
)
def test_elsewhere_nothing_is_known(latitude: float, longitude: float) -> None:
    assert undulation_m(Position(latitude_deg=latitude, longitude_deg=longitude)) is None


@pytest.mark.parametrize(("latitude", "longitude"), [(49.0, -9.0), (62.0, 3.0), (49.0, 3.0), (62.0, -9.0)])
def test_its_edges_belong_to_it(latitude: float, longitude: float) -> None:
    assert undulation_m(Position(latitude_deg=latitude, longitude_deg=longitude)) is not None
