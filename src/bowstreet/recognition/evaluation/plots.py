"""Small plots as SVG text: curves, on plain or logarithmic axes, and rates with their intervals. No script, no font."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 720, 300
LEFT, RIGHT, TOP, BOTTOM = 66, 28, 14, 46
ROW_PX, LABEL_PX = 24, 250


@dataclass(frozen=True, kw_only=True, slots=True)
class Series:
    """A line through points; `band` are lower and upper ends beside each."""

    name: str
    css: str
    points: Sequence[tuple[float, float]]
    band: Sequence[tuple[float, float, float]] = ()
    dots: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Axis:
    words: str
    low: float
    high: float
    log: bool = False
    percent: bool = False

    def share(self, value: float) -> float:
        if not self.log:
            return (value - self.low) / (self.high - self.low)
        inside = min(max(value, self.low), self.high)
        return math.log(inside / self.low) / math.log(self.high / self.low)

    def ticks(self) -> list[float]:
        if self.log:
            first, last = math.ceil(math.log10(self.low) - 1e-9), math.floor(math.log10(self.high) + 1e-9)
            return [10.0**power for power in range(first, last + 1)]
        return [self.low + (self.high - self.low) * step / 5 for step in range(6)]

    def say(self, value: float) -> str:
        return f"{value * 100:.4g}%" if self.percent else f"{value:,.6g}"


def _text(x: float, y: float, words: str, anchor: str = "middle", turn: bool = False, css: str = "") -> str:
    turned = f' transform="rotate(-90 {x:.1f} {y:.1f})"' if turn else ""
    named = f' class="{css}"' if css else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{turned}{named}>{escape(words)}</text>'


def _line(x1: float, y1: float, x2: float, y2: float, css: str) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{css}"/>'


def _frame(height: float, body: Iterable[str], label: str) -> str:
    return (
        f'<svg viewBox="0 0 {WIDTH} {height:.0f}" role="img" aria-label="{escape(label, quote=True)}">'
        f"<title>{escape(label)}</title>{''.join(body)}</svg>"
    )


def curves(series: Sequence[Series], across: Axis, up: Axis, label: str, upright: float | None = None) -> str:
    """Lines on one plot; `upright` marks one place across, such as the threshold."""

    def x(value: float) -> float:
        return LEFT + across.share(value) * (WIDTH - LEFT - RIGHT)

    def y(value: float) -> float:
        return HEIGHT - BOTTOM - up.share(value) * (HEIGHT - TOP - BOTTOM)

    body = [
        _text(LEFT + (WIDTH - LEFT - RIGHT) / 2, HEIGHT - 6, across.words),
        _text(12, (TOP + HEIGHT - BOTTOM) / 2, up.words, turn=True),
    ]
    for tick in across.ticks():
        body += [_line(x(tick), TOP, x(tick), HEIGHT - BOTTOM, "grid"), _text(x(tick), HEIGHT - BOTTOM + 16, across.say(tick))]
    for tick in up.ticks():
        body += [_line(LEFT, y(tick), WIDTH - RIGHT, y(tick), "grid"), _text(LEFT - 5, y(tick) + 4, up.say(tick), "end")]
    if upright is not None and across.low <= upright <= across.high:
        body.append(_line(x(upright), TOP, x(upright), HEIGHT - BOTTOM, "target"))
    for one in series:
        body += [_line(x(at), y(low), x(at), y(high), f"{one.css} whisker") for at, low, high in one.band]
        if one.points:
            way = " ".join(f"{x(a):.1f},{y(b):.1f}" for a, b in one.points)
            body.append(f'<polyline points="{way}" class="{one.css}"/>')
        if one.dots:
            body += [f'<circle cx="{x(a):.1f}" cy="{y(b):.1f}" r="3.5" class="{one.css} dot"/>' for a, b in one.points]
    return _frame(HEIGHT, body, label)


def key(series: Sequence[Series]) -> str:
    lines = "".join(
        f'<span><svg viewBox="0 0 24 12"><line x1="1" y1="6" x2="23" y2="6" class="{one.css}"/></svg> {escape(one.name)}</span>'
        for one in series
    )
    return f'<p class="note key">{lines}</p>'


def round_up(value: float) -> float:
    """A share at or above `value` that divides evenly into five."""
    return next((step for step in (0.0005, 0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5) if step >= value), 1.0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """A rate with its interval; `faint` where it says too little."""

    name: str
    value: float | None
    low: float
    high: float
    words: str
    faint: bool


def intervals(rows: Sequence[Row], axis: Axis, label: str, whole: float | None = None) -> str:
    """A dot and a line for each row; `whole` is everybody's rate, as an upright."""
    height = TOP + ROW_PX * len(rows) + BOTTOM

    def x(value: float) -> float:
        return LABEL_PX + axis.share(value) * (WIDTH - LABEL_PX - RIGHT)

    body = [_text((LABEL_PX + WIDTH - RIGHT) / 2, height - 6, axis.words)]
    for tick in axis.ticks():
        body += [_line(x(tick), TOP, x(tick), height - BOTTOM, "grid"), _text(x(tick), height - BOTTOM + 16, axis.say(tick))]
    if whole is not None:
        body.append(_line(x(whole), TOP, x(whole), height - BOTTOM, "target"))
    for place, row in enumerate(rows):
        y = TOP + ROW_PX * (place + 0.5)
        css = "weak" if row.faint else "first"
        body.append(_text(LABEL_PX - 8, y + 4, row.name[:44], "end", css="label"))
        if row.value is None:
            body.append(_text(LABEL_PX + 6, y + 4, "nobody", "start"))
            continue
        body.append(
            f"<g><title>{escape(f'{row.name}: {row.words}')}</title>{_line(x(row.low), y, x(row.high), y, f'{css} whisker')}"
        )
        body.append(f'<circle cx="{x(row.value):.1f}" cy="{y:.1f}" r="4.5" class="{css} dot"/></g>')
    return _frame(height, body, label)
