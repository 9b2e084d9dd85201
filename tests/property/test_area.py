"""The raster that makes the area fast says the same as the polygons themselves."""

import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from bowstreet.geo import Position
from bowstreet.intake import area

LONDON = area.london()
POLYGONS = [borough.polygon for borough in LONDON.boroughs]
WEST, SOUTH, EAST, NORTH = LONDON.bounding_box
VERTICES = [tuple(point) for polygon in POLYGONS for point in shapely.get_coordinates(polygon)]
nudge = st.floats(-0.006, 0.006)
anywhere = st.tuples(st.floats(WEST - 0.1, EAST + 0.1), st.floats(SOUTH - 0.1, NORTH + 0.1))
at_a_border = st.tuples(st.sampled_from(VERTICES), nudge, nudge).map(lambda v: (float(v[0][0]) + v[1], float(v[0][1]) + v[2]))
on_a_border = st.sampled_from(VERTICES).map(lambda v: (float(v[0]), float(v[1])))
on_a_cell = st.tuples(st.integers(-52, 34), st.integers(5128, 5170)).map(lambda v: (v[0] * area.CELL_DEG, v[1] * area.CELL_DEG))


def by_the_polygons(x: float, y: float) -> set[str]:
    """All names that are right: on a border there are several."""
    point = shapely.Point(x, y)
    holding = {borough.name for borough in LONDON.boroughs if borough.polygon.intersects(point)}
    if holding:
        return holding
    distances = {borough.name: borough.polygon.distance(point) for borough in LONDON.boroughs}
    least = min(distances.values())
    return {name for name, distance in distances.items() if distance == least and distance <= area.EDGE_DEG}


@settings(max_examples=500, deadline=None)
@given(anywhere | at_a_border | on_a_border | on_a_cell)
def test_the_raster_agrees_with_the_polygons(place: tuple[float, float]) -> None:
    x, y = place
    found = LONDON.borough_of(Position(latitude_deg=y, longitude_deg=x))
    right = by_the_polygons(x, y)
    assert (found is None and not right) or (found is not None and found.name in right)


@settings(max_examples=100, deadline=None)
@given(st.sets(st.sampled_from(LONDON.names), min_size=1, max_size=4), anywhere | at_a_border)
def test_a_part_of_london_is_what_it_is_of_london(names: set[str], place: tuple[float, float]) -> None:
    position = Position(latitude_deg=place[1], longitude_deg=place[0])
    ours, whole = area.of(sorted(names)), LONDON.borough_of(position)
    right = by_the_polygons(*place)
    if len(right) <= 1:  # on a border between ours and others it is ours
        assert ours.contains(position) is (whole is not None and whole.name in names)
    elif right <= names:
        assert ours.contains(position)
