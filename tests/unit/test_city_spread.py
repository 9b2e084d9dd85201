"""Docks spread over an area: inside it, apart from each other, out of what is to be avoided, and always in the same places."""

import itertools

import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from bowstreet.errors import BadInput
from bowstreet.geo import GridPoint
from bowstreet.simulation.spread import spread

SQUARE = shapely.box(530_000, 180_000, 534_000, 184_000)


def _inside(area: object, points: list[GridPoint]) -> bool:
    return all(shapely.covers(area, shapely.Point(point.easting_m, point.northing_m)) for point in points)


@given(count=st.integers(1, 12), width=st.floats(500, 9_000), height=st.floats(500, 9_000))
@settings(max_examples=40, deadline=None)
def test_as_many_as_asked_inside_and_apart(count: int, width: float, height: float) -> None:
    area = shapely.box(530_000, 180_000, 530_000 + width, 180_000 + height)
    points = spread(area, count)
    assert len(points) == count
    assert _inside(area, points)
    assert len(set(points)) == count
    assert points == spread(area, count)


def test_four_docks_quarter_a_square() -> None:
    points = spread(SQUARE, 4)
    gaps = [a.distance_m(b) for a, b in itertools.combinations(points, 2)]
    # The best places are the centres of the four quarters, 2 km apart.
    assert min(gaps) > 1_600


def test_nothing_stands_in_what_is_avoided() -> None:
    avoided = shapely.Point(532_000, 182_000).buffer(1_500)
    points = spread(SQUARE, 6, avoid=avoided)
    assert len(points) == 6
    assert not any(shapely.covers(avoided, shapely.Point(p.easting_m, p.northing_m)) for p in points)


def test_hollow_area_keeps_its_docks_on_its_ground() -> None:
    ring = SQUARE.difference(shapely.box(530_300, 180_300, 533_700, 183_700))
    assert _inside(ring, spread(ring, 1))


def test_no_ground_left_is_said() -> None:
    with pytest.raises(BadInput, match="no ground"):
        spread(SQUARE, 2, avoid=SQUARE.buffer(10))


def test_a_sliver_still_holds_a_dock() -> None:
    sliver = shapely.box(530_000, 180_000, 534_000, 180_000.5)
    assert _inside(sliver, spread(sliver, 1))
