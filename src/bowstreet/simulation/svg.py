"""Small plots as SVG text: bars, a cumulative line, and a map. No script, no font, no picture from elsewhere."""

from collections.abc import Iterable, Sequence
from html import escape

import numpy as np

from bowstreet.geo import FloatArray

WIDTH, HEIGHT = 720, 260
LEFT, RIGHT, TOP, BOTTOM = 56, 48, 14, 44


class Axes:
    """Data to pixels on one plot area; x and y grow to the right and up."""

    def __init__(self, x: tuple[float, float], y: tuple[float, float], size: tuple[int, int] = (WIDTH, HEIGHT)) -> None:
        self.width, self.height = size
        self._x, self._y = x, y

    def x(self, value: float) -> float:
        low, high = self._x
        return LEFT + (value - low) / (high - low) * (self.width - LEFT - RIGHT)

    def y(self, value: float) -> float:
        low, high = self._y
        return self.height - BOTTOM - (value - low) / (high - low) * (self.height - TOP - BOTTOM)


def _text(x: float, y: float, words: str, *, anchor: str = "middle", turn: bool = False) -> str:
    turned = f' transform="rotate(-90 {x:.1f} {y:.1f})"' if turn else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{turned}>{escape(words)}</text>'


def _line(x1: float, y1: float, x2: float, y2: float, css: str) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{css}"/>'


def _frame(axes: Axes, body: Iterable[str], label: str) -> str:
    return (
        f'<svg viewBox="0 0 {axes.width} {axes.height}" role="img" aria-label="{escape(label)}">'
        f"<title>{escape(label)}</title>{''.join(body)}</svg>"
    )


def _nice_top(value: float) -> float:
    """The next round number at or above `value`."""
    if value <= 0:
        return 1.0
    power = 10.0 ** np.floor(np.log10(value))
    return float(next(step * power for step in (1, 2, 2.5, 5, 10) if step * power >= value - 1e-12))


def _grid(axes: Axes, top: float, words: str) -> list[str]:
    parts = []
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        y = axes.y(share * top)
        parts.append(_line(LEFT, y, axes.width - RIGHT, y, "grid"))
        parts.append(_text(LEFT - 6, y + 4, f"{share * top:,.6g}", anchor="end"))
    parts.append(_text(14, axes.height / 2, words, turn=True))
    return parts


def histogram(seconds: FloatArray, *, bin_s: float, last_s: float, target_s: float, label: str) -> str:
    """Bars of how many arrivals fall into each bin, the share of all so far as a line, and the target as an upright."""
    edges = np.arange(0.0, last_s + bin_s, bin_s)
    counts, _ = np.histogram(np.minimum(seconds, last_s - 1e-9), edges)
    top = _nice_top(float(counts.max(initial=0)))
    axes = Axes((0.0, last_s), (0.0, top))
    body = _grid(axes, top, "incidents")
    for left, count in zip(edges[:-1].tolist(), counts.tolist(), strict=True):
        x, y = axes.x(left), axes.y(count)
        title = f"<title>{left:.0f} to {left + bin_s:.0f} s: {count}</title>"
        body.append(
            f'<rect x="{x + 0.5:.1f}" y="{y:.1f}" width="{axes.x(left + bin_s) - x - 1:.1f}" '
            f'height="{axes.y(0) - y:.1f}" class="bar">{title}</rect>'
        )
    share = np.cumsum(counts) / max(len(seconds), 1)
    points = [(edges[0], 0.0), *zip(edges[1:].tolist(), (share * top).tolist(), strict=True)]
    body.append(f'<polyline points="{" ".join(f"{axes.x(x):.1f},{axes.y(y):.1f}" for x, y in points)}" class="line"/>')
    for part in (0.5, 1.0):
        body.append(_text(axes.width - RIGHT + 6, axes.y(part * top) + 4, f"{part:.0%}", anchor="start"))
    body.append(_line(axes.x(target_s), axes.y(0), axes.x(target_s), TOP, "target"))
    for tick in range(0, int(last_s) + 1, 60):
        body.append(_text(axes.x(tick), axes.height - BOTTOM + 16, f"{tick}{'+' if tick == int(last_s) else ''}"))
    body.append(_text(axes.width / 2, axes.height - 8, "seconds from call to eyes on"))
    return _frame(axes, body, label)


def by_hour(counts: Sequence[int], p50: Sequence[float | None], p90: Sequence[float | None], *, label: str) -> str:
    """For each hour of the day, median and ninetieth percentile as marks, over the number of calls as bars."""
    top = _nice_top(max([value for value in p90 if value is not None] + [1.0]))
    busiest = max([*counts, 1])
    axes = Axes((0.0, 24.0), (0.0, top))
    body = _grid(axes, top, "seconds")
    for hour, count in enumerate(counts):
        x, y = axes.x(hour), axes.y(top * 0.95 * count / busiest)
        title = f"<title>{hour:02d}h: {count} incidents</title>"
        body.append(
            f'<rect x="{x + 2:.1f}" y="{y:.1f}" width="{axes.x(hour + 1) - x - 4:.1f}" '
            f'height="{axes.y(0) - y:.1f}" class="faint">{title}</rect>'
        )
        middle = axes.x(hour + 0.5)
        for value, css, name in ((p50[hour], "dot", "median"), (p90[hour], "ring", "90th percentile")):
            if value is not None:
                body.append(
                    f'<circle cx="{middle:.1f}" cy="{axes.y(value):.1f}" r="5" class="{css}">'
                    f"<title>{hour:02d}h {name}: {value:.0f} s</title></circle>"
                )
        body.append(_text(middle, axes.height - BOTTOM + 16, f"{hour:02d}"))
    body.append(
        _text(
            axes.width / 2, axes.height - 8, "hour of the call (UTC): dot median, ring 90th percentile, bar number of incidents"
        )
    )
    return _frame(axes, body, label)


def city_map(outlines: Sequence[FloatArray], points: FloatArray, classes: Sequence[str], docks: FloatArray, *, label: str) -> str:
    """Outlines, incidents (one dot each, its class sets the colour) and docks; everything in metres on the grid, north up."""
    everything = np.concatenate([*outlines, points.reshape(-1, 2), docks.reshape(-1, 2)])
    (west, south), (east, north) = everything.min(axis=0), everything.max(axis=0)
    width = 720
    scale = (width - 20) / max(east - west, north - south, 1.0)
    height = int((north - south) * scale) + 20

    def place(xy: FloatArray) -> list[tuple[float, float]]:
        return [(10 + (x - west) * scale, height - 10 - (y - south) * scale) for x, y in xy.tolist()]

    body = [
        f'<polygon points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in place(outline))}" class="outline"/>' for outline in outlines
    ]
    body += [
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="1.8" class="{css}"/>' for (x, y), css in zip(place(points), classes, strict=True)
    ]
    body += [f'<rect x="{x - 3:.1f}" y="{y - 3:.1f}" width="6" height="6" class="dock"/>' for x, y in place(docks)]
    return _frame(Axes((0, 1), (0, 1), (width, height)), body, label)
