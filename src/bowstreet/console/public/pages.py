"""The pages on flights: all releases together, and one release."""

import html
from collections.abc import Sequence
from datetime import timedelta

import shapely

from bowstreet.accountability.disclosure.areas import Areas
from bowstreet.accountability.disclosure.model import PublicCheckpoint, Release, ReleaseBody
from bowstreet.accountability.disclosure.rules import GENERAL, LEAST, MOST_SHARE
from bowstreet.accountability.disclosure.service import Disclosure
from bowstreet.console.public import plots
from bowstreet.console.public.parts import figures, most_common, span
from bowstreet.console.public.summary import ON_SCENE, Summary, added, by_month, of

NEWEST = 60  # releases in the plot over time and in the list: two months of days; the feed and the JSON have all
# What the map shows around the areas that it tells of: some two kilometres.
AROUND_DEG = 0.02


def index(disclosure: Disclosure, releases: Sequence[tuple[Release, Summary]], borders: shapely.Geometry) -> str:
    """`releases` newest first; `borders` are what the map shows."""
    whole = added(summary for _, summary in releases)
    lead = _lead(disclosure)
    if whole is None or not whole.flights:
        return lead + "<p>No flight has been released yet.</p>" + recognition(whole)
    newest = list(reversed(releases[:NEWEST]))
    day = disclosure.period >= timedelta(days=1)
    over_time = [(f"{one.start:%d %b}" if day else f"{one.start:%H:%M}", summary.flights) for one, summary in newest]
    listed = [
        (one.release_id, summary.flights, summary.air_min, summary.scene_min) for one, summary in releases[:NEWEST]
    ]  # fmt: skip
    return (
        lead
        + _totals(whole)
        + '<h2>All releases together</h2><div class="plots">'
        + plots.columns("time", f"Flights in each of the last {len(newest)} releases", over_time, "Flights")
        + _plots(whole)
        + "</div>"
        + exposure(disclosure.areas, whole, borders)
        + "<h2>By month</h2>"
        + plots.table(
            "All releases, added up by the month they began in (UTC)",
            ("Month", "Releases", "Flights", "Minutes in the air", "Minutes on scene"),
            [(month, s.releases, s.flights, s.air_min, s.scene_min) for month, s in by_month(s for _, s in releases)],
        )
        + "<h2>Releases</h2>"
        + _linked(plots.table(
            "The newest releases", ("Release", "Flights", "Minutes in the air", "Minutes on scene"), listed
        ), [one.release_id for one, _ in releases[:NEWEST]])
        + '<p>All: <a href="/public/releases.json">as JSON</a>, <a href="/public/feed.atom">as a feed</a>.</p>'
        + requests_told(whole)
        + recognition(whole)
    )  # fmt: skip


def release(one: Release, body: ReleaseBody, areas: Areas, borders: shapely.Geometry, host: str, bundle: str) -> str:
    """`host` is the address that was asked, `bundle` the command that verifies one."""
    summary = of(body)
    whole = "All" if not summary.missing else "NOT all"
    return (
        f"<p>{body.start:%Y-%m-%d %H:%M} to {body.end:%Y-%m-%d %H:%M} UTC. "
        f"By the ledger {body.took_off_by_ledger} flights took off; {len(body.flights)} are in this release. "
        f"{whole} of them are here.</p>"
        + _totals(summary)
        + "<h2>What was flown to</h2>"
        + plots.table(
            "Every flight of this release, in mixed order",
            ("No.", "Borough", "Category", "Purpose", "Outcome"),
            [(flight.number, flight.borough, flight.category, flight.purpose, flight.outcome) for flight in body.flights],
        )
        + "<h2>Where drones were seen</h2><p>The same flights in another order: which path is which flight’s is not told, "
        "so that whoever saw a drone over a home does not learn what the call was.</p>"
        + plots.table(
            "The path of every flight of this release, by kilometre square",
            ("Path", "Day", "Hour (UTC)", "Squares, in the order first flown over", "Minutes in the air", "Minutes on scene"),
            [
                (path.number, path.day, path.hour, " ".join(path.squares) or "–", path.air_min, path.scene_min)
                for path in body.paths
            ],
        )
        + '<h2>In figures</h2><div class="plots">'
        + (_plots(summary) if summary.flights else "<p>No flight took off.</p>")
        + "</div>"
        + exposure(areas, summary, borders)
        + requests_told(summary)
        + recognition(summary)
        + check(one, body.checkpoint, host, bundle)
    )


def _lead(disclosure: Disclosure) -> str:
    due = disclosure.next_at()
    coming = "" if due is None else f" The next release comes at {due:%Y-%m-%d %H:%M} UTC."
    return (
        f"<p>Every flight is here: each release covers {span(disclosure.period)}, comes {span(disclosure.delay)} later, is made "
        f"once from the operator's record, and is never changed.{coming} Paths are told by kilometre squares, apart from what "
        f"was flown to. A category is named where at least {LEAST} flights of a release share it with borough and outcome, and "
        f"no more than {MOST_SHARE:.0%} of those do; otherwise it is “{GENERAL}”.</p>"
    )


def _totals(whole: Summary) -> str:
    return figures(
        [
            ("Flights", whole.flights),
            ("Minutes in the air", whole.air_min),
            ("Minutes on scene", whole.scene_min),
            ("Commands allowed and recorded", whole.commands),
            ("Requests refused and recorded", whole.denied),
            ("Authorisations given", whole.authorised),
            ("Subjects erased", whole.erased),
        ]
    )


def _plots(whole: Summary) -> str:
    hours = [(f"{hour:02d}", whole.hours[hour]) for hour in range(24)]
    scenes = [(name, whole.on_scene[name]) for _, name in ON_SCENE]
    return (
        plots.columns("hour", "Flights by hour of the day (UTC)", hours, "Flights")
        + plots.bars("borough", "Flights by borough", most_common(whole.boroughs), "Flights")
        + plots.bars("category", "Flights by category", most_common(whole.categories), "Flights")
        + plots.bars("outcome", "Flights by outcome", most_common(whole.outcomes), "Flights")
        + plots.bars("scene", "Flights by minutes on scene", scenes, "Flights")
    )  # fmt: skip


def exposure(areas: Areas, whole: Summary, borders: shapely.Geometry) -> str:
    """Minutes overhead by area (D7)."""
    minutes = {area: round(seconds / 60.0) for area, seconds in whole.area_seconds.items()}
    said = (
        f"<h2>Minutes overhead</h2><p>By {html.escape(areas.kind)}. What is told of an area is a sum over at least {LEAST} "
        f"flights: "
        "until there are as many, its minutes are held back, and are in a later release then. A place in no area is told by its "
        "kilometre square.</p>"
    )
    if not minutes:
        return said + "<p>No area is told of here.</p>"
    shown = {name: outline for name in minutes if (outline := areas.outline(name)) is not None}
    if shown:
        west, south, east, north = shapely.total_bounds(list(shown.values()))
        near = borders.intersection(shapely.box(west - AROUND_DEG, south - AROUND_DEG, east + AROUND_DEG, north + AROUND_DEG))
        shown |= {name: outline for name in areas.within(near) if (outline := areas.outline(name)) is not None}
    if not shown:
        return said + plots.bars("area", "Minutes overhead by area", most_common(minutes), "Minutes")
    return said + plots.choropleth("area", "Minutes overhead by area", shown, minutes, "Minutes", areas.attribution)


def requests_told(whole: Summary) -> str:
    if not whole.requests:
        return ""
    return (
        "<h2>Requests and complaints</h2>"
        f"<p>Each number is told once at least {LEAST} have come together; until then it is held back for a later release.</p>"
        + plots.table(
            "Requests and complaints, by kind and what became of them",
            ("Kind and state", "Number"),
            sorted(whole.requests.items()),
        )
    )  # fmt: skip


def recognition(whole: Summary | None) -> str:
    """Said from the record: the count of its entries about deployments, up to the latest checkpoint of a release."""
    if whole is None:
        told = "No release has been made yet, so that nothing can be said from the record."
    elif whole.deployments:
        told = (
            f"The record has {whole.deployments:,} entries about recognition deployments. "
            '<a href="/public/recognition">Each deployment has its own record</a>.'
        )
    else:
        told = (
            f"No recognition deployment is in the record: of the {whole.entries:,} entries of the ledger that these figures were "
            "computed from, none is about one."
        )
    return f"<h2>Facial recognition</h2><p>{told}</p>"


def check(one: Release, where: PublicCheckpoint, host: str, bundle: str) -> str:
    address = f"/public/releases/{html.escape(one.release_id)}.json"
    return (
        f'<h2>Check it</h2><p>Computed from the ledger <code>{html.escape(where.origin)}</code> of {where.size:,} entries with '
        f'the '
        f'root <code>{where.root}</code>; that is '
        f'<a href="/public/checkpoints/{where.size}">this signed checkpoint</a> of <a href="/public/checkpoints">many</a>. '
        f'The SHA-256 of '
        f'<a href="{address}">this release’s JSON</a> is <code>{one.digest}</code>; the ledger holds a commitment to it, entered '
        "before it was shown. To compute it yourself:</p>"
        f"<pre>curl -s {html.escape(host)}{address} | sha256sum\n"
        f"curl -s {html.escape(host)}/public/checkpoints/{where.size}</pre>"
        "<p>and to see that it is in the operator’s record, with the bundle that a regulator holds:</p>"
        f"<pre>{html.escape(bundle)}</pre>"
        '<p><a href="/public">All releases</a></p>'
    )  # fmt: skip


def _linked(table: str, release_ids: Sequence[str]) -> str:
    for release_id in release_ids:
        said = html.escape(release_id)
        table = table.replace(
            f'<th scope="row">{said}</th>', f'<th scope="row"><a href="/public/releases/{said}">{said}</a></th>', 1
        )
    return table
