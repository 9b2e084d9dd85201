"""Ways round polygons: a visibility graph over their corners, made once for a set of zones. Pure."""

import itertools
from collections.abc import Sequence

import numpy as np
import rustworkx
import shapely

from bowstreet.airspace.model import Zone
from bowstreet.geo import FloatArray, GridPoint

# Kept from a zone's edge: position error of 10 m, track error in gusts, and a turn at 15 m/s.
BUFFER_M = 60.0
# Corners stand this much further out than the obstacle they go round, so that a way along an edge does not touch it.
CORNER_M = 5.0
# Edges of the buffered zones may be moved outwards by this much to have fewer corners.
SIMPLIFY_M = 20.0
# The segments of a quarter circle: within a hundredth of the radius.
QUARTER = 6


class Router:
    """What is in the way, prepared.

    Args:
        zones: that must not be entered.
    """

    def __init__(self, zones: Sequence[Zone]) -> None:
        self.zones = tuple(zones)
        self._zone_shapes = [zone.polygon for zone in zones]
        grown = [shapely.buffer(polygon, BUFFER_M, quad_segs=QUARTER) for polygon in self._zone_shapes]
        self._obstacle = shapely.union_all(grown) if grown else shapely.Polygon()
        outer = shapely.buffer(self._obstacle, SIMPLIFY_M + CORNER_M, quad_segs=QUARTER)
        self._corners: FloatArray = _corners(shapely.simplify(outer, SIMPLIFY_M))
        shapely.prepare(self._obstacle)
        for polygon in self._zone_shapes:
            shapely.prepare(polygon)
        self._graph: rustworkx.PyGraph | None = None

    def zone_at(self, point: GridPoint) -> Zone | None:
        """The zone that holds the point, its edge included."""
        for zone, polygon in zip(self.zones, self._zone_shapes, strict=True):
            if shapely.intersects_xy(polygon, point.easting_m, point.northing_m):
                return zone
        return None

    def between(self, start: GridPoint, goal: GridPoint) -> list[Zone]:
        """The zones that the straight line crosses."""
        line = shapely.LineString([(start.easting_m, start.northing_m), (goal.easting_m, goal.northing_m)])
        return [zone for zone, polygon in zip(self.zones, self._zone_shapes, strict=True) if shapely.intersects(polygon, line)]

    def way(self, start: GridPoint, goal: GridPoint) -> tuple[GridPoint, ...] | None:
        """The shortest way that stays out of all zones, start and goal included; None when there is none.

        A start or goal inside the buffer (not the zone) may be left or reached straight; the rest keeps the buffer.
        """
        ends = np.array([(start.easting_m, start.northing_m), (goal.easting_m, goal.northing_m)])
        if self._free(ends[:1], ends[1:])[0]:
            return (start, goal)
        return self._round(start, goal, ends)

    def _free(self, a: FloatArray, b: FloatArray) -> FloatArray:
        """Which segments from a to b stay clear of the obstacle; in the buffer round an end only the zones themselves count."""
        lines = shapely.linestrings(np.stack([a, b], axis=1))
        crossed = shapely.intersects(self._obstacle, lines)
        for number in np.flatnonzero(crossed):
            near = shapely.intersects_xy(self._obstacle, *a[number]) or shapely.intersects_xy(self._obstacle, *b[number])
            if near and not any(shapely.intersects(polygon, lines[number]) for polygon in self._zone_shapes):
                crossed[number] = False
        return np.asarray(~crossed)

    def _round(self, start: GridPoint, goal: GridPoint, ends: FloatArray) -> tuple[GridPoint, ...] | None:
        corners = self._corners
        if not len(corners):
            return None
        graph = self._built().copy()
        first, last = graph.add_node(len(corners)), graph.add_node(len(corners) + 1)
        for node, end in ((first, ends[0]), (last, ends[1])):
            open_to = np.flatnonzero(self._free(np.broadcast_to(end, corners.shape), corners))
            lengths = np.hypot(*(corners[open_to] - end).T)
            graph.add_edges_from([(node, int(corner), float(length)) for corner, length in zip(open_to, lengths, strict=True)])
        paths = rustworkx.dijkstra_shortest_paths(graph, first, target=last, weight_fn=float)
        if last not in paths:
            return None
        middle = [GridPoint(easting_m=float(x), northing_m=float(y)) for x, y in corners[list(paths[last])[1:-1]]]
        return (start, *middle, goal)

    def _built(self) -> rustworkx.PyGraph:
        if self._graph is None:
            corners = self._corners
            graph = rustworkx.PyGraph(multigraph=False)
            graph.add_nodes_from(list(range(len(corners))))
            pairs = np.array(list(itertools.combinations(range(len(corners)), 2)), dtype=np.int64).reshape(-1, 2)
            free = self._free(corners[pairs[:, 0]], corners[pairs[:, 1]])
            kept = pairs[free]
            lengths = np.hypot(*(corners[kept[:, 0]] - corners[kept[:, 1]]).T)
            graph.add_edges_from([(int(a), int(b), float(length)) for (a, b), length in zip(kept, lengths, strict=True)])
            self._graph = graph
        return self._graph


def _corners(shape: shapely.Geometry) -> FloatArray:
    rings = [ring for polygon in shapely.get_parts(shape) for ring in (polygon.exterior, *polygon.interiors)]
    found = [shapely.get_coordinates(ring)[:-1] for ring in rings if not ring.is_empty]
    return np.concatenate(found) if found else np.zeros((0, 2))
