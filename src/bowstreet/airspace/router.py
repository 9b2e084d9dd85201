"""Ways round zones. Pure.

What is in the way falls into obstacles: zones with their buffer, as far as they touch one another, and what lies outside the
operating volume. A way is looked for among the corners of those obstacles only that the way so far has met, and is tried
against all; so a country's zones cost no more than the few in the way, and the way found is still the shortest among corners.
"""

import itertools
import math
from collections.abc import Iterable, Sequence

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
# The edge of the operating volume has many more corners, and seldom has to be followed closely.
VOLUME_SIMPLIFY_M = 100.0
# How far outside the operating volume the box round it reaches: any amount, as nobody gets there.
VOLUME_BOX_M = 1_000.0
# The segments of a quarter circle. A circle drawn so lies inside the true one by up to a hundredth of its radius; buffers are
# drawn larger by that, so that their sides keep the whole distance too.
QUARTER = 6
DRAWN_M = BUFFER_M / math.cos(math.pi / (4 * QUARTER))
# A drone that starts or ends in a buffer may come this much nearer to the zone on its way, by the rounding of coordinates.
TOUCH_M = 0.001
# Graphs that are remembered, by the obstacles in them.
GRAPHS = 512
# Points that are remembered: docks and scenes are asked for again and again.
POINTS = 20_000


class _Obstacle:
    """Ground that is flown round, the zones in it, and where to turn."""

    def __init__(self, shape: shapely.Geometry, zones: Sequence[Zone], simplify_m: float) -> None:
        self.shape, self.zones = shape, tuple(zones)
        outer = shapely.buffer(shape, simplify_m + CORNER_M, quad_segs=QUARTER)
        self.corners = _corners(shapely.simplify(outer, simplify_m))
        shapely.prepare(self.shape)


class Router:
    """What is in the way, prepared.

    Args:
        zones: that must not be entered.
        volume: the only ground over which one may fly; None when it does not matter.
    """

    def __init__(self, zones: Sequence[Zone], volume: shapely.Geometry | None = None) -> None:
        self.zones = tuple(zones)
        self._shapes = [zone.polygon for zone in zones]
        for polygon in self._shapes:
            shapely.prepare(polygon)
        self._tree = shapely.STRtree(self._shapes)
        self._obstacles = _joined(self.zones)
        if volume is not None:
            outside = shapely.box(*shapely.buffer(shapely.envelope(volume), VOLUME_BOX_M).bounds).difference(volume)
            self._obstacles.append(_Obstacle(outside, (), VOLUME_SIMPLIFY_M))
        self._met = shapely.STRtree([obstacle.shape for obstacle in self._obstacles])
        self._graphs: dict[frozenset[int], tuple[FloatArray, rustworkx.PyGraph]] = {}
        self._at: dict[GridPoint, Zone | None] = {}

    def zone_at(self, point: GridPoint) -> Zone | None:
        """The zone that holds the point, its edge included."""
        if point not in self._at:
            if len(self._at) >= POINTS:
                self._at.clear()
            found = self._tree.query(shapely.Point(point.easting_m, point.northing_m), predicate="intersects")
            self._at[point] = self.zones[int(found.min())] if len(found) else None
        return self._at[point]

    def between(self, start: GridPoint, goal: GridPoint) -> list[Zone]:
        """The zones that the straight line crosses."""
        return [self.zones[int(number)] for number in sorted(self._tree.query(_line(start, goal), predicate="intersects"))]

    def blocking(self, start: GridPoint, goal: GridPoint) -> list[Zone]:
        """The zones that the straight line comes too near to."""
        near = self._tree.query(_line(start, goal), predicate="dwithin", distance=BUFFER_M)
        return [self.zones[int(number)] for number in sorted(near)]

    def way(self, start: GridPoint, goal: GridPoint) -> tuple[GridPoint, ...] | None:
        """The shortest way that stays out of all zones, start and goal included; None when there is none.

        A start or goal inside the buffer (not the zone) may be left or reached as long as the zone comes no nearer; the rest
        keeps the buffer.
        """
        way: tuple[GridPoint, ...] | None = (start, goal)
        met: set[int] = set()
        while way is not None:
            points = np.array([(point.easting_m, point.northing_m) for point in way])
            more = self._crossed(points) - met
            if not more:
                return way
            met |= more
            way = self._among(start, goal, frozenset(met))
        return None

    def way_out(self, start: GridPoint) -> GridPoint:
        """The nearest place outside the zones and their buffers; the start itself when it is there already."""
        point = shapely.Point(start.easting_m, start.northing_m)
        held = [one for one in self._obstacles if one.zones and shapely.intersects(one.shape, point)]
        if not held:
            return start
        edge = shapely.boundary(shapely.buffer(held[0].shape, CORNER_M, quad_segs=QUARTER))
        found = shapely.get_point(shapely.shortest_line(edge, point), 0)
        return GridPoint(easting_m=float(found.x), northing_m=float(found.y))

    # --- what is free -------------------------------------------------------------------------------------------------

    def _crossed(self, way: FloatArray) -> set[int]:
        """The obstacles that stop a way. Only its own two ends may lie in a buffer: a corner between them may not."""
        lines = shapely.linestrings(np.stack([way[:-1], way[1:]], axis=1))
        last = len(lines) - 1
        pairs = self._met.query(lines, predicate="intersects").T
        return {
            int(number)
            for line, number in pairs
            if not self._excused(
                self._obstacles[number], lines[line], [*([way[0]] if line == 0 else []), *([way[-1]] if line == last else [])]
            )
        }

    def _free(self, a: FloatArray, b: FloatArray, obstacles: Iterable[_Obstacle]) -> FloatArray:
        """Which segments from a to b these obstacles leave free."""
        lines = shapely.linestrings(np.stack([a, b], axis=1))
        free = np.ones(len(lines), dtype=bool)
        for obstacle in obstacles:
            left = np.flatnonzero(free)
            for number in left[shapely.intersects(obstacle.shape, lines[left])]:
                free[number] = self._excused(obstacle, lines[number], [a[number], b[number]])
        return free

    @staticmethod
    def _excused(obstacle: _Obstacle, line: shapely.Geometry, may_lie_in_it: Sequence[FloatArray]) -> bool:
        """Whether a segment may be flown although it touches a buffer: one of these ends lies in it, and it goes no nearer to
        any zone."""
        if not obstacle.zones or not any(shapely.intersects_xy(obstacle.shape, *end) for end in may_lie_in_it):
            return False
        ends = shapely.points(list(may_lie_in_it))
        for zone in obstacle.zones:
            kept_m = min(BUFFER_M, float(shapely.distance(zone.polygon, ends).min())) - TOUCH_M
            if shapely.intersects(zone.polygon, line) or shapely.distance(zone.polygon, line) < kept_m:
                return False
        return True

    # --- corners ------------------------------------------------------------------------------------------------------

    def _among(self, start: GridPoint, goal: GridPoint, met: frozenset[int]) -> tuple[GridPoint, ...] | None:
        """The shortest way past these obstacles as if there were no others."""
        corners, graph = self._graph(met)
        if not len(corners):
            return None
        obstacles = [self._obstacles[number] for number in met]
        graph = graph.copy()
        ends = np.array([(start.easting_m, start.northing_m), (goal.easting_m, goal.northing_m)])
        first, last = graph.add_node(len(corners)), graph.add_node(len(corners) + 1)
        for node, end in ((first, ends[0]), (last, ends[1])):
            seen = np.flatnonzero(self._free(np.broadcast_to(end, corners.shape), corners, obstacles))
            lengths = np.hypot(*(corners[seen] - end).T)
            graph.add_edges_from([(node, int(corner), float(length)) for corner, length in zip(seen, lengths, strict=True)])
        paths = rustworkx.dijkstra_shortest_paths(graph, first, target=last, weight_fn=float)
        if last not in paths:
            return None
        middle = [GridPoint(easting_m=float(x), northing_m=float(y)) for x, y in corners[list(paths[last])[1:-1]]]
        return (start, *middle, goal)

    def _graph(self, met: frozenset[int]) -> tuple[FloatArray, rustworkx.PyGraph]:
        """The corners of these obstacles that stand free, and which of them see each other."""
        if met not in self._graphs:
            if len(self._graphs) >= GRAPHS:
                self._graphs.clear()
            obstacles = [self._obstacles[number] for number in sorted(met)]
            corners = np.concatenate([obstacle.corners for obstacle in obstacles])
            held = np.zeros(len(corners), dtype=bool)
            for obstacle in obstacles:
                held |= shapely.intersects_xy(obstacle.shape, corners)
            corners = corners[~held]
            pairs = np.array(list(itertools.combinations(range(len(corners)), 2)), dtype=np.int64).reshape(-1, 2)
            kept = pairs[self._free(corners[pairs[:, 0]], corners[pairs[:, 1]], obstacles)]
            lengths = np.hypot(*(corners[kept[:, 0]] - corners[kept[:, 1]]).T)
            graph = rustworkx.PyGraph(multigraph=False)
            graph.add_nodes_from(list(range(len(corners))))
            graph.add_edges_from([(int(a), int(b), float(length)) for (a, b), length in zip(kept, lengths, strict=True)])
            self._graphs[met] = (corners, graph)
        return self._graphs[met]


def _joined(zones: Sequence[Zone]) -> list[_Obstacle]:
    """Zones with their buffers, those together whose buffers touch."""
    grown = [shapely.buffer(zone.polygon, DRAWN_M, quad_segs=QUARTER) for zone in zones]
    if not grown:
        return []
    whole = shapely.get_parts(shapely.union_all(grown))
    tree = shapely.STRtree(whole)
    members: dict[int, list[Zone]] = {}
    for number, part in tree.query(grown, predicate="intersects").T:
        members.setdefault(int(part), []).append(zones[int(number)])
    return [_Obstacle(whole[part], inside, SIMPLIFY_M) for part, inside in sorted(members.items())]


def _line(start: GridPoint, goal: GridPoint) -> shapely.Geometry:
    return shapely.LineString([(start.easting_m, start.northing_m), (goal.easting_m, goal.northing_m)])


def _corners(shape: shapely.Geometry) -> FloatArray:
    """The corners round which a shortest way may bend: those at which the shape stands out, of its holes those it juts into."""
    rings = [
        ring
        for polygon in shapely.get_parts(shapely.orient_polygons(shape))
        for ring in (polygon.exterior, *polygon.interiors)
        if not ring.is_empty
    ]
    found = [_convex(shapely.get_coordinates(ring)[:-1]) for ring in rings]
    return np.concatenate(found) if found else np.zeros((0, 2))


def _convex(ring: FloatArray) -> FloatArray:
    """Of a ring with its inside on the left, the corners that turn left."""
    before, after = ring - np.roll(ring, 1, axis=0), np.roll(ring, -1, axis=0) - ring
    return ring[before[:, 0] * after[:, 1] - before[:, 1] * after[:, 0] > 0.0]
