"""How high mean sea level lies above the WGS 84 ellipsoid: what is between a height above the sea and one in Cursor on Target.

EGM96 at a quarter of a degree over Great Britain, bilinear between its points: within 0.1 m of the model, which is itself within
about a metre of the Ordnance datum. Elsewhere nothing is known, and no height is told.
"""

from functools import cache
from importlib import resources
from math import floor

from bowstreet.geo import Position


@cache
def _table() -> tuple[float, float, float, tuple[tuple[int, ...], ...]]:
    first, *rows = resources.files(__package__).joinpath("egm96.csv").read_text(encoding="utf-8").splitlines()
    south, west, step = (float(word) for word in first.split(","))
    return south, west, step, tuple(tuple(int(word) for word in row.split(",")) for row in rows)


def undulation_m(position: Position) -> float | None:
    """Metres that mean sea level stands above the ellipsoid; None outside of the table."""
    south, west, step, rows = _table()
    down, across = (position.latitude_deg - south) / step, (position.longitude_deg - west) / step
    if not (0.0 <= down <= len(rows) - 1 and 0.0 <= across <= len(rows[0]) - 1):
        return None
    row, column = min(floor(down), len(rows) - 2), min(floor(across), len(rows[0]) - 2)
    north, east = down - row, across - column
    lower = rows[row][column] * (1 - east) + rows[row][column + 1] * east
    upper = rows[row + 1][column] * (1 - east) + rows[row + 1][column + 1] * east
    return (lower * (1 - north) + upper * north) / 100.0


def above_ellipsoid_m(position: Position, altitude_m_amsl: float) -> float | None:
    """A height above the sea as one above the ellipsoid; None where the difference is not known."""
    undulation = undulation_m(position)
    return None if undulation is None else altitude_m_amsl + undulation
