"""Parts that every public page is made of."""

import html
from collections.abc import Mapping, Sequence
from datetime import timedelta
from http import HTTPStatus

from starlette.responses import Response

HTML = "text/html; charset=utf-8"
JSON = "application/json"
# A form's browser must say where it comes from, which it does not under `no-referrer` (Fetch standard, Origin header).
REFERRER = {"Referrer-Policy": "same-origin"}
PLACES = (
    ("/public", "Flights"),
    ("/public/recognition", "Facial recognition"),
    ("/public/checkpoints", "Check the record"),
    ("/public/requests", "Ask or complain"),
)


def page(
    title: str, body: str, *, at: str = "", status: HTTPStatus = HTTPStatus.OK, cache: str = "no-cache"
) -> Response:  # fmt: skip
    """`at` is the place that is marked in the list of places. `body` is HTML."""
    here = {at: ' aria-current="page"'}
    places = "".join(f'<li><a href="{address}"{here.get(address, "")}>{name}</a></li>' for address, name in PLACES)
    shown = (
        f'<!doctype html><html lang="en-GB"><head><meta charset="utf-8"><title>{html.escape(title)}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="/favicon.svg">'
        '<link rel="stylesheet" href="/public/style.css">'
        '<link rel="alternate" type="application/atom+xml" title="Releases" href="/public/feed.atom"></head><body>'
        f'<a class="skip" href="#main">To the content</a><header><nav aria-label="Public pages"><ul>{places}</ul></nav></header>'
        f'<main id="main"><h1>{html.escape(title)}</h1>{body}</main></body></html>'
    )
    return Response(shown, status, {"Cache-Control": cache, **REFERRER}, HTML)


def figures(told: Sequence[tuple[str, int]]) -> str:
    return '<dl class="figures">' + "".join(f"<div><dt>{name}</dt><dd>{value:,}</dd></div>" for name, value in told) + "</dl>"


def most_common(counts: Mapping[str, int], most: int = 40) -> list[tuple[str, int]]:
    """Greatest first, then by name. What is beyond `most` is added up."""
    rows = sorted(counts.items(), key=lambda one: (-one[1], one[0]))
    rest = sum(value for _, value in rows[most:])
    return [*rows[:most], *([("all others", rest)] if rest else [])]


def span(span: timedelta) -> str:
    minutes = span.total_seconds() / 60.0
    return f"{minutes:g} minutes" if minutes < 120.0 else f"{minutes / 60.0:g} hours"
