"""Plots as inline SVG: bars, columns, a map. No script, no colour that carries meaning alone, and each with its table beside it.

The viewBox is as wide as a phone, so that words stay readable there. Colours come from the style sheet: dark, light and print.
"""

import math
from collections.abc import Mapping, Sequence
from html import escape

import shapely

Rows = Sequence[tuple[str, int]]

WIDTH = 400
LABEL_WIDTH = 150
ROW = 22
HEIGHT, LEFT, BOTTOM, TOP = 190, 40, 26, 10
# Classes of the map, lightest first; more cannot be told apart by eye.
SHADES = 5


def bars(name: str, title: str, rows: Rows, unit: str) -> str:
    """Lying bars, longest first as given. `name` is unique on the page."""
    longest = max((value for _, value in rows), default=0) or 1
    parts = []
    for number, (label, value) in enumerate(rows):
        y, width = ROW * number, max(1.0, (WIDTH - LABEL_WIDTH - 56) * value / longest)
        short = label if len(label) <= 24 else label[:23] + "…"
        parts.append(
            f'<text x="{LABEL_WIDTH - 6}" y="{y + 15}" text-anchor="end">{escape(short)}</text>'
            f'<rect class="bar" x="{LABEL_WIDTH}" y="{y + 3}" rx="2" height="16" width="{width:.1f}"/>'
            f'<text x="{LABEL_WIDTH + width + 5:.1f}" y="{y + 15}">{value:,}</text>'
        )
    return _figure(name, title, rows, unit, (WIDTH, ROW * len(rows)), parts)


def columns(name: str, title: str, rows: Rows, unit: str, *, marks: int = 6) -> str:
    """Standing columns in order, such as of time; about so many of them are labelled."""
    top = _round_up(max((value for _, value in rows), default=0))
    each = (WIDTH - LEFT - 6) / max(1, len(rows))
    every = max(1, math.ceil(len(rows) / marks))
    ground = HEIGHT - BOTTOM
    parts = []
    for share in (0.0, 0.5, 1.0):
        y = ground - share * (ground - TOP)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - 6}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text x="{LEFT - 5}" y="{y + 4:.1f}" text-anchor="end">{share * top:,.3g}</text>')
    for number, (label, value) in enumerate(rows):
        x, height = LEFT + each * number, (ground - TOP) * value / top
        gap = min(2.0, each / 5)
        parts.append(
            f'<rect class="bar" x="{x + gap / 2:.1f}" y="{ground - height:.1f}" width="{each - gap:.1f}" height="{height:.1f}">'
            f"<title>{escape(label)}: {value:,}</title></rect>"
        )
        if number % every == 0:
            parts.append(f'<text x="{x + each / 2:.1f}" y="{HEIGHT - 8}" text-anchor="middle">{escape(label)}</text>')
    return _figure(name, title, rows, unit, (WIDTH, HEIGHT), parts)


def choropleth(
    name: str, title: str, outlines: Mapping[str, shapely.Geometry], values: Mapping[str, int], unit: str, credit: str
) -> str:
    """Areas shaded by value, north up; those without one are told apart by their hatching, not by colour alone."""
    west, south, east, north = shapely.total_bounds(list(outlines.values()))
    squeeze = math.cos(math.radians((south + north) / 2))
    scale = (WIDTH - 4) / max((east - west) * squeeze, 1e-6)
    height = math.ceil((north - south) * scale) + 4
    edges = shades(values)
    parts = [
        (
            f'<pattern id="{name}-none" width="6" height="6" patternUnits="userSpaceOnUse">'
            '<path class="hatch" d="M0 6L6 0"/></pattern>'
        )
    ]
    for area, polygon in outlines.items():
        path = _path(polygon, west, north, scale, squeeze)
        value = values.get(area)
        if value is None:
            parts.append(f'<path class="area" fill="url(#{name}-none)" d="{path}"><title>{escape(area)}: not told</title></path>')
        else:
            shade = shade_of(value, edges)
            parts.append(f'<path class="area s{shade}" d="{path}"><title>{escape(area)}: {value:,} {escape(unit)}</title></path>')
    key = "".join(
        f'<li><svg class="swatch" viewBox="0 0 16 16" aria-hidden="true"><rect class="s{number}" width="16" height="16"/></svg> '
        f"{low:,}{f' to {high:,}' if high > low else ''}</li>"
        for number, (low, high) in enumerate(edges)
    )
    rows = sorted(values.items(), key=lambda one: (-one[1], one[0]))
    legend = (
        f'<ul class="key">{key}<li>hatched: not told yet, or never flown over</li></ul>'
        + (f'<p class="credit">{escape(credit)}</p>' if credit else "")
    )  # fmt: skip
    return _figure(name, title, rows, unit, (WIDTH, height), parts, after=legend)


def shades(values: Mapping[str, int]) -> list[tuple[int, int]]:
    """Classes of as many areas each (quantiles), from and to; fewer where values are few."""
    ordered = sorted(values.values())
    if not ordered:
        return []
    cuts: list[tuple[int, int]] = []
    for number in range(SHADES):
        part = ordered[len(ordered) * number // SHADES : len(ordered) * (number + 1) // SHADES]
        if not part:
            continue
        low, high = part[0], part[-1]
        if cuts and low <= cuts[-1][1]:
            low = cuts[-1][1] + 1
            if high < low:
                continue
        cuts.append((low, high))
    return cuts


def shade_of(value: int, edges: Sequence[tuple[int, int]]) -> int:
    return next((number for number, (_, high) in enumerate(edges) if value <= high), len(edges) - 1)


def table(caption: str, heads: Sequence[str], rows: Sequence[Sequence[object]], *, hidden_caption: bool = False) -> str:
    """A table whose first column names its rows. Cells are escaped."""
    head = "".join(f'<th scope="col">{escape(one)}</th>' for one in heads)
    body = "".join(
        f'<tr><th scope="row">{escape(str(row[0]))}</th>' + "".join(f"<td>{_cell(cell)}</td>" for cell in row[1:]) + "</tr>"
        for row in rows
    )
    css = ' class="unseen"' if hidden_caption else ""
    return (
        f'<div class="wide" tabindex="0" role="region" '
        f'aria-label="{escape(caption)}"><table><caption{css}>{escape(caption)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _cell(cell: object) -> str:
    return "–" if cell is None else f"{cell:,}" if isinstance(cell, int) else escape(str(cell))


def _figure(
    name: str, title: str, rows: Rows, unit: str, size: tuple[int, int], parts: Sequence[str], after: str = ""
) -> str:  # fmt: skip
    told = f"{title}: the table beside it has every number." if len(rows) > 6 else "; ".join(f"{one} {n:,}" for one, n in rows)
    return (
        f'<section class="plot" aria-labelledby="{name}-h"><h3 id="{name}-h">{escape(title)}</h3><figure>'
        f'<svg viewBox="0 0 {size[0]} {size[1]}" role="img" aria-labelledby="{name}-t" aria-describedby="{name}-d">'
        f'<title id="{name}-t">{escape(title)}</title><desc '
        f'id="{name}-d">{escape(told)}</desc>{"".join(parts)}</svg>{after}</figure>'
        + table(f"{title}, as a table", ("Name", unit), rows, hidden_caption=True)
        + "</section>"
    )


def _path(polygon: shapely.Geometry, west: float, north: float, scale: float, squeeze: float) -> str:
    found = []
    for part in getattr(polygon, "geoms", [polygon]):
        for ring in (part.exterior, *part.interiors):
            points = shapely.get_coordinates(ring).tolist()[:-1]
            said = " ".join(f"{2 + (x - west) * squeeze * scale:.1f},{2 + (north - y) * scale:.1f}" for x, y in points)
            found.append(f"M{said}Z")
    return "".join(found)


def _round_up(value: int) -> float:
    """The next round number at or above `value`; at least 2, so that the middle line is a whole number."""
    if value <= 2:
        return 2.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 4, 5, 6, 8, 10) if step * power >= value)
