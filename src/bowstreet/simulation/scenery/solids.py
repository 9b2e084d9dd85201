"""Everything upright in the neighbourhood as arrays: buildings, bridges, parked and moving vehicles, crowns, windows."""

import math
from collections.abc import Sequence
from functools import lru_cache

import msgspec
import numpy as np

from bowstreet.simulation.scenery.life import Vehicle, parked
from bowstreet.simulation.scenery.street import BoolArray, Boxes, FloatArray, IntArray, Street, Trees

# A window every so many metres along a front, on each storey.
WINDOW_EVERY_M, WINDOW_M, STOREY_M = 3.4, (1.2, 1.5), 3.0
GLASS = (46.0, 52.0, 62.0)
# Which corners of a box make its faces: top, u-, u+, v-, v+. Corner n has u1 for bit 1, v1 for bit 2, z1 for bit 4.
FACES = np.array(((4, 5, 7, 6), (0, 2, 6, 4), (1, 3, 7, 5), (0, 1, 5, 4), (2, 3, 7, 6)))


class Solids(msgspec.Struct, frozen=True, kw_only=True):
    """`free` boxes are ordered by the distance of their middle, the others by their slab; `part` by what lies on what.

    `windows` are corners of panes (m, 4, 3), of box `owner` and its face `on`.
    """

    boxes: Boxes
    free: FloatArray
    part: IntArray
    trees: Trees
    windows: FloatArray
    owner: IntArray
    on: IntArray

    def with_vehicles(self, street: Street, vehicles: Sequence[Vehicle]) -> "Solids":
        """The same, and vehicles that move."""
        if not vehicles:
            return self
        boxes, part = vehicle_boxes(street, vehicles)
        return msgspec.structs.replace(
            self, boxes=_joined([self.boxes, boxes]), free=np.concatenate((self.free, np.ones(len(part)))),
            part=np.concatenate((self.part, part)),
        )  # fmt: skip


def solids_of(street: Street, far: Sequence[tuple[int, int]], near: Sequence[tuple[int, int]]) -> Solids:
    """Buildings of the far blocks; what is parked and grows in the near ones."""
    blocks = [street.block(i, j) for i, j in far]
    boxes = [block.buildings for block in blocks]
    standing = sum(len(one.layer) for one in boxes)
    panes, owner, on, start = [], [], [], 0
    for block in blocks:
        here, whose, face = _windows(street, block.i, block.j)
        panes.append(here)
        owner.append(whose + start)
        on.append(face)
        start += len(block.buildings.layer)
    still = [vehicle_boxes(street, parked(street, i, j), (i, j)) for i, j in near]
    part = np.concatenate([np.zeros(standing, np.int64), *(one[1] for one in still)])
    trees = [street.block(i, j).trees for i, j in near]
    return Solids(
        boxes=_joined([*boxes, *(one[0] for one in still)]),
        free=(np.arange(len(part)) >= standing).astype(float),
        part=part,
        trees=Trees(
            at=_stacked([one.at for one in trees], 4), stands=_stacked([one.stands for one in trees], 8),
            layer=np.concatenate([np.zeros(0, np.int64), *(one.layer for one in trees)]),
            shade=np.concatenate([np.zeros(0), *(one.shade for one in trees)]),
        ),
        windows=np.concatenate([np.zeros((0, 4, 3)), *panes]),
        owner=np.concatenate([np.zeros(0, np.int64), *owner]),
        on=np.concatenate([np.zeros(0, np.int64), *on]),
    )  # fmt: skip


def _stacked(arrays: Sequence[FloatArray], width: int) -> FloatArray:
    return np.concatenate([np.zeros((0, width)), *arrays])


def _joined(boxes: Sequence[Boxes]) -> Boxes:
    return Boxes(
        ends=_stacked([one.ends for one in boxes], 6), top=_stacked([one.top for one in boxes], 3),
        side=_stacked([one.side for one in boxes], 3), stands=_stacked([one.stands for one in boxes], 8),
        layer=np.concatenate([np.zeros(0, np.int64), *(one.layer for one in boxes)]),
    )  # fmt: skip


_parked: dict[tuple[Street, tuple[int, int]], tuple[Boxes, IntArray]] = {}


def vehicle_boxes(
    street: Street, vehicles: Sequence[Vehicle], parked_at: tuple[int, int] | None = None
) -> tuple[Boxes, IntArray]:
    """A body and a cabin each, a row after the other; and which part is which. Those that are parked are kept."""
    if parked_at is not None and (street, parked_at) in _parked:
        return _parked[street, parked_at]
    rows, tops, sides = [], [], []
    for one in vehicles:
        body, cabin = parts(one)
        paint = np.array(one.paint)
        rows += [body, cabin]
        tops += [paint, paint * 1.04]
        sides += [paint * 0.92, np.array(GLASS) if one.kind != "bus" else paint * 0.55 + np.array(GLASS) * 0.45]
    ends = np.array(rows, float).reshape(-1, 6)
    u, v = (ends[:, 0] + ends[:, 3]) / 2, (ends[:, 1] + ends[:, 4]) / 2
    strips = street.strips(np.repeat(u[::2], 2), np.repeat(v[::2], 2))
    boxes = Boxes(
        ends=ends, top=np.array(tops, float).reshape(-1, 3), side=np.array(sides, float).reshape(-1, 3),
        stands=np.concatenate((strips, strips[:, 2:], u[:, None], u[:, None]), axis=1), layer=np.zeros(len(ends), np.int64),
    )  # fmt: skip
    found = boxes, np.tile(np.array((0, 1)), len(vehicles))
    if parked_at is not None:
        if len(_parked) > 4_096:
            _parked.clear()
        _parked[street, parked_at] = found
    return found


def parts(one: Vehicle) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Body and cabin of a vehicle: u0, v0, z0, u1, v1, z1 each."""
    length, width, height = one.size_m
    low, cabin = {"car": (0.82, (-0.38, 0.2)), "van": (1.1, (-0.49, 0.36)), "bus": (1.2, (-0.5, 0.5))}[one.kind]

    def box(back: float, front: float, inset: float, z0: float, z1: float) -> tuple[float, ...]:
        (nu, nv), half = one.nose, width / 2 - inset
        along = sorted((back * length, front * length), key=lambda end: end * (nu or nv))
        if nu:
            ends = sorted((along[0] * nu, along[1] * nu))
            return one.u + ends[0], one.v - half, z0, one.u + ends[1], one.v + half, z1
        ends = sorted((along[0] * nv, along[1] * nv))
        return one.u - half, one.v + ends[0], z0, one.u + half, one.v + ends[1], z1

    return box(-0.5, 0.5, 0.0, 0.25, low), box(*cabin, 0.12, low, height)


@lru_cache(maxsize=4_096)
def _windows(street: Street, i: int, j: int) -> tuple[FloatArray, IntArray, IntArray]:
    """Panes of a block's buildings, each building's number in its block, and on which face."""
    panes: list[list[tuple[float, float, float]]] = []
    owner: list[int] = []
    on: list[int] = []
    buildings = street.block(i, j).buildings
    for number, (u0, v0, z0, u1, v1, z1) in enumerate(buildings.ends.tolist()):
        if z0 > 0.0 or z1 < 5.0:
            continue
        for face, (low, high) in enumerate(((v0, v1), (v0, v1), (u0, u1), (u0, u1)), start=1):
            across = max(1, math.floor((high - low) / WINDOW_EVERY_M))
            gap = (high - low) / across
            level = {1: u0, 2: u1, 3: v0, 4: v1}[face]
            for storey in range(int((z1 - 0.8) / STOREY_M)):
                for column in range(across):
                    a = low + (column + 0.5) * gap - WINDOW_M[0] / 2
                    z = storey * STOREY_M + 0.9
                    pane = ((a, z), (a + WINDOW_M[0], z), (a + WINDOW_M[0], z + WINDOW_M[1]), (a, z + WINDOW_M[1]))
                    panes.append([(level, p, q) if face <= 2 else (p, level, q) for p, q in pane])
                    owner.append(number)
                    on.append(face)
    return np.array(panes, float).reshape(-1, 4, 3), np.array(owner, np.int64), np.array(on, np.int64)


def corners(ends: FloatArray) -> FloatArray:
    """The eight corners of boxes: (n, 6) to (n, 8, 3)."""
    found = np.empty((len(ends), 8, 3))
    for corner in range(8):
        found[:, corner, 0] = ends[:, 3 if corner & 1 else 0]
        found[:, corner, 1] = ends[:, 4 if corner & 2 else 1]
        found[:, corner, 2] = ends[:, 5 if corner & 4 else 2]
    return found


def facing(ends: FloatArray, at: FloatArray) -> BoolArray:
    """Which of the five faces (top, u-, u+, v-, v+) look at a place: (n, 5) of truth values."""
    u, v, z = at.tolist()
    return np.stack((z > ends[:, 5], u < ends[:, 0], u > ends[:, 3], v < ends[:, 1], v > ends[:, 4]), axis=1)
