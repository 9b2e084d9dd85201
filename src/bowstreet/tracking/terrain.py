"""How high the ground is: a stated height, or an operator's height file. Parsing takes bytes and does no IO.

The file is an Arc/Info ASCII grid on the British National Grid, metres above Ordnance Datum Newlyn (mean sea level), as OS
Terrain 50 comes. Grids that join are given one after another.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bowstreet.errors import MalformedConfiguration
from bowstreet.geo import FloatArray, Position, to_grid

# OS Terrain 50 states 4 m root mean square error in height; a stated height of a level street is taken for as good.
GRID_SIGMA_M, STATED_SIGMA_M = 4.0, 4.0
MOST_CELLS = 4_000_000
MOST_BYTES = 64 * 1024 * 1024
LOWEST_M, HIGHEST_M = -500.0, 9_000.0
HEAD = {"ncols", "nrows", "xllcorner", "yllcorner", "xllcenter", "yllcenter", "cellsize", "nodata_value"}


@dataclass(frozen=True, kw_only=True, slots=True)
class StatedGround:
    """Level ground at one height that the operator states."""

    stated_m_amsl: float
    sigma_m: float = STATED_SIGMA_M
    step_m: float = math.inf

    def height_m_amsl(self, place: Position) -> float | None:
        return self.stated_m_amsl


@dataclass(frozen=True, kw_only=True, slots=True)
class GridGround:
    """Heights at the centres of square cells. `heights` counts from the south; NaN where nothing is known."""

    west_m: float
    south_m: float
    cell_m: float
    heights: FloatArray
    sigma_m: float = GRID_SIGMA_M

    @property
    def step_m(self) -> float:
        return self.cell_m / 2

    def height_m_amsl(self, place: Position) -> float | None:
        point = to_grid(place)
        column, row = (point.easting_m - self.west_m) / self.cell_m, (point.northing_m - self.south_m) / self.cell_m
        rows, columns = self.heights.shape
        if not (0 <= column <= columns - 1 and 0 <= row <= rows - 1):
            return None
        left, low = min(int(column), columns - 2), min(int(row), rows - 2)
        across, up = column - left, row - low
        four = self.heights[low : low + 2, left : left + 2]
        height = float(
            (four[0, 0] * (1 - across) + four[0, 1] * across) * (1 - up) + (four[1, 0] * (1 - across) + four[1, 1] * across) * up
        )
        return None if math.isnan(height) else height


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownGround:
    """The first height file that knows, else the height that was stated, else nothing."""

    grids: Sequence[GridGround]
    stated_m_amsl: float | None

    @property
    def sigma_m(self) -> float:
        return max([STATED_SIGMA_M, *(grid.sigma_m for grid in self.grids)])

    @property
    def step_m(self) -> float:
        return min([math.inf, *(grid.step_m for grid in self.grids)])

    def height_m_amsl(self, place: Position) -> float | None:
        return next((height for grid in self.grids if (height := grid.height_m_amsl(place)) is not None), self.stated_m_amsl)


def parse_grid(data: bytes) -> GridGround:
    """An ASCII grid.

    Raises:
        MalformedConfiguration: it is none, is too large, or holds heights that no ground has.
    """
    if len(data) > MOST_BYTES:
        raise _malformed("is larger than 64 MB")
    lines = data.decode("ascii", "replace").splitlines()
    head: dict[str, float] = {}
    body = 0
    for number, line in enumerate(lines[:10]):
        words = line.lower().split()
        if len(words) != 2 or words[0] not in HEAD:
            body = number
            break
        head[words[0]] = _number(words[1])
        body = number + 1
    try:
        columns, rows, cell = int(head["ncols"]), int(head["nrows"]), head["cellsize"]
        west = head["xllcenter"] if "xllcenter" in head else head["xllcorner"] + cell / 2
        south = head["yllcenter"] if "yllcenter" in head else head["yllcorner"] + cell / 2
    except KeyError as missing:
        raise _malformed(f"does not tell {missing.args[0]}") from None
    if columns < 2 or rows < 2 or columns * rows > MOST_CELLS or not 0.1 <= cell <= 10_000.0:
        raise _malformed("has too few or too many cells, or cells of no usable size")
    heights = _heights(" ".join(lines[body:]), rows, columns, head.get("nodata_value", -9999.0))
    return GridGround(west_m=west, south_m=south, cell_m=cell, heights=heights)


def _heights(text: str, rows: int, columns: int, missing: float) -> FloatArray:
    try:
        values = np.array(text.split(), dtype=np.float64)
    except ValueError:
        raise _malformed("holds something that is no number") from None
    if values.size != rows * columns:
        raise _malformed(f"tells {rows} × {columns} cells and holds {values.size}")
    values[values == missing] = np.nan
    if np.any((values < LOWEST_M) | (values > HIGHEST_M) | np.isinf(values)):
        raise _malformed("holds heights that no ground has")
    return np.asarray(values.reshape(rows, columns)[::-1].copy())  # a file begins in the north


def _number(word: str) -> float:
    try:
        value = float(word)
    except ValueError:
        raise _malformed(f"has '{word[:20]}' where a number is needed") from None
    if not math.isfinite(value):
        raise _malformed("has a number that is none")
    return value


def _malformed(what: str) -> MalformedConfiguration:
    return MalformedConfiguration(
        f"the height file {what}", remedy="give an Arc/Info ASCII grid on the British National Grid, such as OS Terrain 50"
    )
