"""The public pages: what was flown, from releases that are bound to the ledger. No sign-in, no script, no cookie."""

import html
from collections import Counter
from collections.abc import Iterable
from datetime import timedelta
from http import HTTPStatus
from importlib import resources

import msgspec
from fastapi import APIRouter
from starlette.responses import Response

from bowstreet.accountability.disclosure.model import Release, ReleaseBody
from bowstreet.accountability.disclosure.rules import GENERAL, LEAST
from bowstreet.accountability.disclosure.service import Disclosure
from bowstreet.accountability.transparency_log import TransparencyLog
from bowstreet.console.log import ANYONE
from bowstreet.console.static_files import IMMUTABLE
from bowstreet.errors import NotFound

PAGE = "text/html; charset=utf-8"
JSON = "application/json"
NEWEST = 60  # releases that the first page adds up: two months of days


class ReleaseLine(msgspec.Struct, frozen=True, kw_only=True):
    release_id: str
    digest: str
    flights: int
    address: str


def router(disclosure: Disclosure, log: TransparencyLog) -> APIRouter:
    routes = APIRouter(prefix="/public", include_in_schema=False)

    @routes.api_route("", methods=["GET", "HEAD"])
    async def index() -> Response:
        newest = sorted(disclosure.releases.all(), key=lambda one: one.start, reverse=True)[:NEWEST]
        return _page(f"{disclosure.operator}: flights", _index(disclosure, [(one, _read(one)) for one in newest], log))

    @routes.api_route("/style.css", methods=["GET", "HEAD"])
    async def style() -> Response:
        return Response(resources.files("bowstreet.console").joinpath("public.css").read_bytes(), media_type="text/css")

    @routes.api_route("/releases.json", methods=["GET", "HEAD"])
    async def releases() -> Response:
        lines = [
            ReleaseLine(
                release_id=one.release_id, digest=one.digest, flights=len(_read(one).flights),
                address=f"/public/releases/{one.release_id}.json",
            )
            for one in disclosure.releases.all()
        ]  # fmt: skip
        return Response(msgspec.json.encode(lines), media_type=JSON, headers={**ANYONE, "Cache-Control": "no-cache"})

    @routes.api_route("/releases/{release_id}.json", methods=["GET", "HEAD"])
    async def release_json(release_id: str) -> Response:
        text = _found(disclosure, release_id).text
        return Response(text, media_type=JSON, headers={**ANYONE, "Cache-Control": IMMUTABLE})

    @routes.api_route("/releases/{release_id}", methods=["GET", "HEAD"])
    async def release_page(release_id: str) -> Response:
        one = _found(disclosure, release_id)
        return _page(f"Release {release_id}", _release(one, _read(one)))

    return routes


def _found(disclosure: Disclosure, release_id: str) -> Release:
    one = disclosure.releases.find(release_id)
    if one is None:
        raise NotFound("there is no such release", remedy="see /public for those that there are")
    return one


def _read(one: Release) -> ReleaseBody:
    return msgspec.json.decode(one.text, type=ReleaseBody)


def _page(title: str, body: str) -> Response:
    shown = (
        f'<!doctype html><html lang="en-GB"><head><meta charset="utf-8"><title>{html.escape(title)}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="stylesheet" href="/public/style.css">'
        f"</head><body><main><h1>{html.escape(title)}</h1>{body}</main></body></html>"
    )
    return Response(shown, HTTPStatus.OK, {"Cache-Control": "no-cache"}, PAGE)


# --- parts of pages ---------------------------------------------------------------------------------------------------


def _index(disclosure: Disclosure, releases: list[tuple[Release, ReleaseBody]], log: TransparencyLog) -> str:
    bodies = [body for _, body in releases]
    flights = [flight for body in bodies for flight in body.flights]
    due = disclosure.next_at()
    coming = "" if due is None else f" The next release comes at {due:%Y-%m-%d %H:%M} UTC."
    covers, later = (_span(span) for span in (disclosure.period, disclosure.delay))
    lead = (
        f"<p>Every flight is here: each release covers {covers}, comes {later} later, is made once from the "
        f"operator's record, and is never changed.{coming} Paths are told by kilometre squares. "
        f"A category is named where at least {LEAST} flights of a "
        f"release share it in a borough; otherwise it is “{GENERAL}”.</p>"
    )
    if not flights:
        return lead + "<p>No flight has been released yet.</p>" + _check(log)
    rows = "".join(
        f'<tr><th scope="row"><a href="/public/releases/{html.escape(one.release_id)}">{html.escape(one.release_id)}</a></th>'
        f"<td>{len(body.flights)}</td><td>{sum(flight.air_min or 0 for flight in body.flights)}</td></tr>"
        for one, body in releases
    )
    return (
        lead
        + _figures(bodies)
        + _bars("Flights by borough", Counter(flight.borough for flight in flights))
        + _bars("Flights by category", Counter(flight.category for flight in flights))
        + _bars("Minutes overhead by kilometre square", _minutes(bodies))
        + '<h2>Releases</h2><table><thead><tr><th scope="col">Release</th><th scope="col">Flights</th>'
        f'<th scope="col">Minutes in the air</th></tr></thead><tbody>{rows}</tbody></table>'
        "<h2>Facial recognition</h2><p>No recognition deployment has been held.</p>" + _check(log)
    )


def _release(one: Release, body: ReleaseBody) -> str:
    rows = "".join(
        f"<tr><td>{flight.number}</td><td>{flight.day}</td><td>{_or_dash(flight.hour)}</td><td>{html.escape(flight.borough)}</td>"
        f"<td>{html.escape(flight.category)}</td><td>{html.escape(flight.purpose)}</td><td>{html.escape(flight.outcome)}</td>"
        f"<td>{_or_dash(flight.air_min)}</td><td>{html.escape(' '.join(flight.squares))}</td></tr>"
        for flight in body.flights
    )
    heads = "".join(
        f'<th scope="col">{head}</th>'
        for head in ("No.", "Day", "Hour (UTC)", "Borough", "Category", "Purpose", "Outcome", "Minutes", "Squares")
    )
    whole = "All" if len(body.flights) == body.took_off_by_ledger else "NOT all"
    return (
        f"<p>{body.start:%Y-%m-%d %H:%M} to {body.end:%Y-%m-%d %H:%M} UTC. "
        f"By the ledger {body.took_off_by_ledger} flights took off; {len(body.flights)} are in this release. "
        f"{whole} of them are here.</p>" + _figures([body])
        + f'<div class="wide"><table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>'
        + _bars("Minutes overhead by kilometre square", _minutes([body]))
        + "<h2>Check it</h2><p>Computed from the ledger "
        f"<code>{html.escape(body.checkpoint.origin)}</code> of {body.checkpoint.size:,} entries with the root "
        f"<code>{body.checkpoint.root}</code>. The SHA-256 of <a href='/public/releases/{html.escape(one.release_id)}.json'>this "
        f"release's JSON</a> is <code>{one.digest}</code>; the ledger holds a commitment to it, entered before it was shown.</p>"
        '<p><a href="/public">All releases</a></p>'
    )  # fmt: skip


def _figures(bodies: Iterable[ReleaseBody]) -> str:
    bodies = list(bodies)
    told = [
        ("Flights", sum(len(body.flights) for body in bodies)),
        ("Commands allowed and recorded", sum(body.commands for body in bodies)),
        ("Requests refused and recorded", sum(body.denied for body in bodies)),
        ("Authorisations given", sum(body.authorised for body in bodies)),
        ("Subjects erased", sum(body.erased for body in bodies)),
    ]
    return '<dl class="figures">' + "".join(f"<div><dt>{name}</dt><dd>{value:,}</dd></div>" for name, value in told) + "</dl>"


def _minutes(bodies: Iterable[ReleaseBody]) -> Counter[str]:
    seconds: Counter[str] = Counter()
    for body in bodies:
        seconds.update(body.seconds_over)
    return Counter({square: round(spent_s / 60.0) for square, spent_s in seconds.items() if spent_s >= 30})


def _bars(title: str, counts: Counter[str], most: int = 24) -> str:
    """A bar chart as SVG, and the same in words for who does not see it."""
    rows = counts.most_common(most)
    if not rows:
        return ""
    longest, parts = max(value for _, value in rows), []
    for number, (name, value) in enumerate(rows):
        y, width = 24 * number, max(2, round(360 * value / longest))
        parts.append(
            f'<text x="196" y="{y + 16}" text-anchor="end">{html.escape(name)}</text>'
            f'<rect x="204" y="{y + 3}" rx="2" height="18" width="{width}"/><text x="{212 + width}" y="{y + 16}">{value:,}</text>'
        )
    said = "; ".join(f"{html.escape(name)} {value:,}" for name, value in rows)
    return (
        f'<h2>{title}</h2><svg role="img" viewBox="0 0 640 {24 * len(rows)}" aria-label="{title}: {said}">{"".join(parts)}</svg>'
    )


def _check(log: TransparencyLog) -> str:
    latest = "" if log.note is None else f"<pre>{html.escape(log.note.write().decode())}</pre>"
    return (
        "<h2>Check it yourself</h2><p>Every act is an entry of a public log that cannot be changed without being seen "
        "(C2SP tlog-tiles). Its latest signed checkpoint, with the signatures of its witnesses, is below and at "
        f'<a href="/log/checkpoint">/log/checkpoint</a>; its key is at <a href="/log/key">/log/key</a>. Keep a copy: a later '
        f"checkpoint must continue it.</p>{latest}"
        "<p>What this does not prove: that all that happened was recorded, or that what was erased was not copied before.</p>"
    )


def _span(span: timedelta) -> str:
    minutes = span.total_seconds() / 60.0
    return f"{minutes:g} minutes" if minutes < 120.0 else f"{minutes / 60.0:g} hours"


def _or_dash(value: int | None) -> str:
    return "–" if value is None else str(value)
