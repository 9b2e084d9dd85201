"""A made-up city without end: roads, blocks of buildings, trees, bridges. The same for the same seed and place, at any time.

Streets lie on a lattice that is turned against the grid. `u` and `v` are metres along its two directions from the origin, `z`
metres above the street, which is flat. Roads along `u` are through roads; roads along `v` are side streets. Everything stands in
a strip in `u` and one in `v`, each a road with its pavements or the blocks between two roads, and within them in slabs. All are
divided by straight lines, so that a painter who goes strip by strip from far to near never paints the far over the near.
"""

import math
from functools import cached_property, lru_cache

import msgspec
import numpy as np
import numpy.typing as npt

from bowstreet.geo import GridPoint

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

# Lattice of the streets, metres, and by how much a street may lie off it.
COLUMN_M, ROW_M, OFF_COLUMN_M, OFF_ROW_M = 112.0, 86.0, 10.0, 6.0
SIDE_STREET_M, THROUGH_ROAD_M, PAVEMENT_M = 8.4, 13.2, 4.0
# Sizes that OpenStreetMap shows for terraces in inner London, roughly.
PLOT_M, DEPTH_M, STOREY_M = 7.0, 11.0, 3.0
BRIDGE_M = (5.2, 6.6)
# Hashes take no negative numbers.
_SHIFT = 1 << 20
STREET, BLOCK, KERB, ACT = 1, 2, 3, 4
BRICKS = np.array([(150, 104, 82), (164, 126, 100), (128, 92, 78), (176, 158, 132), (196, 188, 176), (142, 116, 106)], float)
ROOFS = np.array([(92, 88, 90), (112, 96, 88), (78, 82, 90), (124, 116, 108)], float)
PALE = np.array([(188, 190, 192), (170, 176, 184), (150, 158, 168), (202, 194, 180)], float)


class Boxes(msgspec.Struct, frozen=True, kw_only=True):
    """Upright boxes along the streets' axes.

    A row each: `ends` holds u0, v0, z0, u1, v1, z1; `top` and `side` RGB colours; `stands` where the strips begin and end, in u
    and v, and the slabs within them, in v and u; `layer` is 0 on the ground, 1 for crowns, 2 for bridges over a road.
    """

    ends: FloatArray
    top: FloatArray
    side: FloatArray
    stands: FloatArray
    layer: IntArray


class Trees(msgspec.Struct, frozen=True, kw_only=True):
    """Crowns: `at` holds u, v, z of the middle and the radius; `stands` and `layer` as of boxes; `shade` is how light a green."""

    at: FloatArray
    stands: FloatArray
    layer: IntArray
    shade: FloatArray


class Block(msgspec.Struct, frozen=True, kw_only=True):
    """One block (i, j) with the road pieces south and west of it. `kind`: park, terrace, towers, offices or yard."""

    i: int
    j: int
    kind: str
    inside: tuple[float, float, float, float]  # u0, v0, u1, v1 within the pavements
    buildings: Boxes
    trees: Trees


class Street(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """The city at one place. `ground_m_amsl` is the height of its streets."""

    seed: int
    origin: GridPoint
    ground_m_amsl: float

    @cached_property
    def turn_rad(self) -> float:
        """How the streets lie against the grid, anticlockwise."""
        return math.radians(12.0 + 24.0 * self.dice(STREET, 0, 0).random())

    def dice(self, *what: int) -> np.random.Generator:
        """Chance that is always the same for the same seed, place and thing."""
        place = (round(self.origin.easting_m) + _SHIFT, round(self.origin.northing_m) + _SHIFT)
        return np.random.default_rng([self.seed, *place, *(one + _SHIFT for one in what)])

    def to_street(self, easting_m: FloatArray | float, northing_m: FloatArray | float) -> tuple[FloatArray, FloatArray]:
        """National Grid to the streets' own axes."""
        east, north = np.asarray(easting_m) - self.origin.easting_m, np.asarray(northing_m) - self.origin.northing_m
        c, s = math.cos(self.turn_rad), math.sin(self.turn_rad)
        return east * c + north * s, north * c - east * s

    def to_grid(self, u: FloatArray | float, v: FloatArray | float) -> tuple[FloatArray, FloatArray]:
        """The streets' own axes to the National Grid."""
        c, s = math.cos(self.turn_rad), math.sin(self.turn_rad)
        u, v = np.asarray(u), np.asarray(v)
        return self.origin.easting_m + u * c - v * s, self.origin.northing_m + u * s + v * c

    # --- the lattice ----------------------------------------------------------------------------------------------------

    def side_street(self, i: int) -> float:
        """Where (in u) the middle of a side street lies."""
        return _off(self, 0, i) * OFF_COLUMN_M + i * COLUMN_M

    def through_road(self, j: int) -> float:
        """Where (in v) the middle of a through road lies."""
        return _off(self, 1, j) * OFF_ROW_M + j * ROW_M

    def block(self, i: int, j: int) -> Block:
        return _block(self, i, j)

    def cells(self, u: float, v: float, reach_m: float) -> list[tuple[int, int]]:
        """Blocks within a distance, and some beyond."""
        i0, i1 = math.floor((u - reach_m) / COLUMN_M) - 1, math.ceil((u + reach_m) / COLUMN_M)
        j0, j1 = math.floor((v - reach_m) / ROW_M) - 1, math.ceil((v + reach_m) / ROW_M)
        return [(i, j) for i in range(i0, i1 + 1) for j in range(j0, j1 + 1)]

    def strips(self, u: FloatArray, v: FloatArray) -> FloatArray:
        """Where the strips begin and end in which points lie, a row each: u from, u to, v from, v to."""
        return np.concatenate((self._strip(u, 0), self._strip(v, 1)), axis=-1)

    def _strip(self, at: FloatArray, axis: int) -> FloatArray:
        if not at.size:
            return np.zeros((0, 2))
        edges = _edges(self, axis, math.floor(float(at.min()) / 1_000.0), math.ceil(float(at.max()) / 1_000.0))
        after = np.searchsorted(edges, at, side="right")
        return np.stack((edges[after - 1], edges[after]), axis=-1)

    def __hash__(self) -> int:
        return hash((self.seed, self.origin, self.ground_m_amsl))


@lru_cache(maxsize=256)
def _edges(street: Street, axis: int, low_km: int, high_km: int) -> FloatArray:
    """The building lines from before one kilometre until after another."""
    step, half = (COLUMN_M, SIDE_STREET_M / 2 + PAVEMENT_M) if axis == 0 else (ROW_M, THROUGH_ROAD_M / 2 + PAVEMENT_M)
    middle = street.side_street if axis == 0 else street.through_road
    numbers = range(math.floor(low_km * 1_000.0 / step) - 2, math.ceil(high_km * 1_000.0 / step) + 3)
    return np.array([middle(n) + side * half for n in numbers for side in (-1, 1)])


@lru_cache(maxsize=65_536)
def _off(street: Street, axis: int, n: int) -> float:
    return float(street.dice(STREET, axis + 1, n).uniform(-1.0, 1.0))


@lru_cache(maxsize=4_096)
def _block(street: Street, i: int, j: int) -> Block:
    dice = street.dice(BLOCK, i, j)
    u0 = street.side_street(i) + SIDE_STREET_M / 2 + PAVEMENT_M
    u1 = street.side_street(i + 1) - SIDE_STREET_M / 2 - PAVEMENT_M
    v0 = street.through_road(j) + THROUGH_ROAD_M / 2 + PAVEMENT_M
    v1 = street.through_road(j + 1) - THROUGH_ROAD_M / 2 - PAVEMENT_M
    kind = str(dice.choice(["terrace", "towers", "offices", "park", "yard"], p=[0.52, 0.14, 0.16, 0.1, 0.08]))
    inside = (u0, v0, u1, v1)
    rows = {"terrace": _terrace, "towers": _towers, "offices": _offices, "park": _nothing, "yard": _nothing}[kind](dice, inside)
    rows += _bridge(street, i, j)
    ends = np.array([row[0] for row in rows], float).reshape(-1, 6)
    strips = street.strips((ends[:, 0] + ends[:, 3]) / 2, (ends[:, 1] + ends[:, 4]) / 2)
    slabs = np.stack((ends[:, 1], ends[:, 4], ends[:, 0], ends[:, 3]), axis=1)
    # What spans a street has no slab of its own: it hides, as a layer, all that passes under it.
    spans = np.array([row[3] for row in rows], bool)
    slabs[spans, :2] = strips[spans, 2:]
    buildings = _boxes(rows, strips, slabs)
    return Block(i=i, j=j, kind=kind, inside=inside, buildings=buildings, trees=_trees(street, dice, i, j, kind, inside))


# What a building is before it stands in arrays: its ends, top, side, and whether it spans the street.
Row = tuple[tuple[float, ...], FloatArray, FloatArray, bool]


def _boxes(rows: list[Row], strips: FloatArray, slabs: FloatArray) -> Boxes:
    return Boxes(
        ends=np.array([row[0] for row in rows], float).reshape(-1, 6),
        top=np.array([row[1] for row in rows], float).reshape(-1, 3),
        side=np.array([row[2] for row in rows], float).reshape(-1, 3),
        stands=np.concatenate((strips, slabs), axis=1),
        layer=np.array([2 if row[3] else 0 for row in rows], np.int64),
    )


def _terrace(dice: np.random.Generator, inside: tuple[float, float, float, float]) -> list[Row]:
    """Two rows of houses, each to its road, with gardens between."""
    u0, v0, u1, v1 = inside
    rows: list[Row] = []
    for front, back in ((v0 + 1.0, v0 + 1.0 + DEPTH_M), (v1 - 1.0 - DEPTH_M, v1 - 1.0)):
        houses = int((u1 - u0 - 2.0) / PLOT_M)
        width = (u1 - u0 - 2.0) / houses
        brick, roof, storeys = dice.choice(BRICKS), dice.choice(ROOFS), int(dice.integers(2, 5))
        for house in range(houses):
            if dice.random() < 0.3:
                brick, roof, storeys = dice.choice(BRICKS), dice.choice(ROOFS), int(dice.integers(2, 5))
            if dice.random() < 0.06:
                continue
            left = u0 + 1.0 + house * width
            ends = (left, front, 0.0, left + width, back, storeys * STOREY_M + 1.0)
            rows.append((ends, roof * dice.uniform(0.9, 1.1), brick * dice.uniform(0.93, 1.07), False))
    return rows


def _towers(dice: np.random.Generator, inside: tuple[float, float, float, float]) -> list[Row]:
    u0, v0, u1, v1 = inside
    middle, width, depth = (v0 + v1) / 2, (u1 - u0) / 3.4, (v1 - v0) / 2.6
    rows: list[Row] = []
    for share in (0.25, 0.75):
        centre = u0 + share * (u1 - u0)
        ends = (centre - width / 2, middle - depth / 2, 0.0, centre + width / 2, middle + depth / 2,
                STOREY_M * int(dice.integers(5, 9)))  # fmt: skip
        rows.append((ends, dice.choice(ROOFS) * 1.1, dice.choice(PALE), False))
    return rows


def _offices(dice: np.random.Generator, inside: tuple[float, float, float, float]) -> list[Row]:
    u0, v0, u1, v1 = inside
    rows: list[Row] = []
    across, along = 3, 2
    for number in range(across * along):
        column, row = number % across, number // across
        left, near = u0 + 1.5 + column * (u1 - u0) / across, v0 + 1.5 + row * (v1 - v0) / along
        ends = (left, near, 0.0, left + (u1 - u0) / across - 3.0, near + (v1 - v0) / along - 3.0,
                STOREY_M * int(dice.integers(3, 6)) + 1.0)  # fmt: skip
        rows.append((ends, dice.choice(ROOFS) * dice.uniform(1.0, 1.25), dice.choice(PALE), False))
    return rows


def _nothing(dice: np.random.Generator, inside: tuple[float, float, float, float]) -> list[Row]:
    return []


def has_bridge(i: int, j: int) -> bool:
    """A footbridge spans the side street: where somebody plays a part, and here and there besides."""
    return plays(i, j) or (3 * i + 5 * j) % 7 == 0


def plays(i: int, j: int) -> bool:
    """Whether a subject begins here: one for six blocks, so that there is one about anywhere."""
    return i % 2 == 0 and j % 3 == 0


def bridge_at(street: Street, i: int, j: int) -> tuple[float, float]:
    """Where a footbridge begins and ends, in v."""
    start = street.through_road(j) + THROUGH_ROAD_M / 2 + PAVEMENT_M + 16.0
    return start, start + 3.5


def _bridge(street: Street, i: int, j: int) -> list[Row]:
    if not has_bridge(i, j):
        return []
    middle, half, (start, end) = street.side_street(i), SIDE_STREET_M / 2 + PAVEMENT_M, bridge_at(street, i, j)
    ends = (middle - half, start, BRIDGE_M[0], middle + half, end, BRIDGE_M[1])
    return [(ends, np.array((132.0, 130, 126)), np.array((112.0, 110, 108)), True)]


def _trees(
    street: Street, dice: np.random.Generator, i: int, j: int, kind: str, inside: tuple[float, float, float, float]
) -> Trees:
    u0, v0, u1, v1 = inside
    at: list[tuple[float, float, float, float]] = []
    middle = street.side_street(i)
    for side in (-1.0, 1.0):
        for v in np.arange(v0 + 6.0, v1 - 4.0, 11.0):
            if dice.random() < 0.55:
                radius = dice.uniform(1.7, 2.5)
                at.append((middle + side * (SIDE_STREET_M / 2 + 1.3), v + dice.uniform(-1, 1), 3.2 + radius, radius))
    road = street.through_road(j) + THROUGH_ROAD_M / 2 + 1.3
    for u in np.arange(u0 + 8.0, u1 - 6.0, 17.0):
        if dice.random() < 0.4:
            radius = dice.uniform(1.7, 2.4)
            at.append((u + dice.uniform(-2, 2), road, 3.2 + radius, radius))
    inner = {"park": 26, "terrace": 9, "towers": 7}.get(kind, 0)
    low, high = (v0 + 4.0, v1 - 4.0) if kind == "park" else (v0 + DEPTH_M + 4.5, v1 - DEPTH_M - 4.5)
    if kind == "towers":
        low, high = v0 + 4.0, v0 + 6.0
    outside = len(at)
    for _ in range(inner):
        radius = dice.uniform(1.6, 3.0)
        at.append((dice.uniform(u0 + 4.0, u1 - 4.0), dice.uniform(low, high), 2.2 + radius, radius))
    crowns = np.array(at, float).reshape(-1, 4)
    strips = street.strips(crowns[:, 0], crowns[:, 1])
    slabs = np.stack((np.full(len(at), low - 3.0), np.full(len(at), high + 3.0), crowns[:, 0], crowns[:, 0]), axis=1)
    slabs[:outside, :2] = strips[:outside, 2:]
    layer = np.where(np.arange(len(at)) < outside, 1, 0)
    return Trees(at=crowns, stands=np.concatenate((strips, slabs), axis=1), layer=layer, shade=dice.random(len(at)))
