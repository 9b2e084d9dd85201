"""The page of a simulated run: one HTML file with its plots inside, that asks nothing of any network."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np

from bowstreet.dispatch.policy import TARGETS
from bowstreet.geo import FloatArray, to_grid
from bowstreet.intake.model import CloseReason, Incident
from bowstreet.runtime.sheet import sheet
from bowstreet.simulation import svg
from bowstreet.simulation.figures import PROMISE_S, call_to_eyes_s, flatten, hours

# More dots than this only make the file heavy: every further call is left off the map in equal steps, and the caption says so.
MAP_LIMIT = 6_000
LAST_BIN_S = 600.0
BIN_S = 15.0

_STYLE = """
.bar { fill: var(--blue); } .faint { fill: var(--faint); } .line { fill: none; stroke: var(--amber); stroke-width: 2; }
.dot { fill: var(--blue); } .ring { fill: none; stroke: var(--amber); stroke-width: 2; }
.outline { fill: none; stroke: var(--soft); stroke-width: .7; } .dock { fill: var(--ink); stroke: var(--paper); }
.within { fill: var(--green); } .later { fill: var(--amber); } .never { fill: var(--red); }
td:last-child { text-align: right; word-break: break-all; }
"""

_HISTOGRAM_NOTE = (
    '<p class="note">Bars: incidents that a drone saw. Line: share of them seen so far (right-hand scale). '
    f"Dashed: {PROMISE_S:.0f} s.</p>"
)


def html_report(
    figures: Mapping[str, Any], incidents: Sequence[Incident], docks: FloatArray, outlines: Sequence[FloatArray]
) -> str:
    """The whole page.

    Args:
        figures: as `--json` gives them.
        incidents: all incidents of the run.
        docks: one row a dock, metres on the grid.
        outlines: borough boundaries, metres on the grid.
    """
    wanted = [one for one in incidents if one.grade in TARGETS and one.close_reason is not CloseReason.WITHDRAWN]
    seconds = call_to_eyes_s(wanted)
    parts = [
        _head(figures),
        _tiles(figures),
        "<h2>From call to eyes on the scene</h2>",
        svg.histogram(
            seconds,
            bin_s=BIN_S,
            last_s=LAST_BIN_S,
            target_s=PROMISE_S,
            label=f"How many of {len(seconds)} incidents were seen after how many seconds; the last bar holds all later ones",
        ),
        _HISTOGRAM_NOTE,
        _unserved(figures),
        "<h2>By hour of the day</h2>",
        svg.by_hour(
            *hours(wanted), label="Median and ninetieth percentile of call to eyes for each hour, and incidents in that hour"
        ),
        "<h2>Where</h2>",
        _map(wanted, docks, outlines),
        _observed(figures.get("compared_with_observed")),
        "<h2>All figures</h2>",
        _table({key: value for key, value in figures.items() if key != "assumed"}),
    ]
    return sheet("Bowstreet simulation", parts, _STYLE)


def _head(figures: Mapping[str, Any]) -> str:
    words = (
        f"{figures['drones']} drones at {figures['docks']} docks, policy {figures['policy']}, seed {figures['seed']}, "
        f"{figures['from']} to {figures['to']}, calls from {figures['source']}. Bowstreet {figures['version']}."
    )
    return (
        f'<h1>A simulated city</h1><p class="note">{escape(words)} Dock positions are illustrative unless a plan was given.</p>'
    )


def _seconds(value: float | None) -> str:
    return "none" if value is None else f"{value:.0f} s"


def _tiles(figures: Mapping[str, Any]) -> str:
    eyes, flights = figures["call_to_eyes_s"], figures["flights"]
    share = eyes["share_within_120_s"]
    tiles = [
        (f"{figures['calls']['incidents']:,}", "incidents"),
        (_seconds(eyes["p50"]), "median, call to eyes"),
        (_seconds(eyes["p90"]), "90th percentile"),
        ("none" if share is None else f"{share:.1%}", "of all seen within 120 s"),
        (f"{figures['unserved']:,}", "unserved in time"),
        (f"{flights['launched']:,}", f"flights, {flights['not_returned']} not returned"),
        (
            "verifies" if figures["ledger"]["verified"] else "DOES NOT VERIFY",
            f"ledger of {figures['ledger']['entries']:,} entries",
        ),
    ]
    return '<div class="tiles">' + "".join(f'<div class="tile"><b>{b}</b><span>{s}</span></div>' for b, s in tiles) + "</div>"


def _class(incident: Incident) -> str:
    if incident.eyes_on_at is None:
        return "never"
    return "within" if (incident.eyes_on_at - incident.reported_at).total_seconds() <= PROMISE_S else "later"


def _map(incidents: Sequence[Incident], docks: FloatArray, outlines: Sequence[FloatArray]) -> str:
    step = -(-len(incidents) // MAP_LIMIT) or 1
    shown = incidents[::step]
    places = [to_grid(one.position) for one in shown]
    points = np.array([(place.easting_m, place.northing_m) for place in places], dtype=np.float64).reshape(-1, 2)
    drawn = svg.city_map(
        outlines, points, [_class(one) for one in shown], docks, label="Incidents and docks on the map, north up"
    )
    keys = [("within", "seen within 120 s"), ("later", "seen later"), ("never", "not seen")]
    key = "".join(
        f'<span><svg viewBox="0 0 12 12"><circle cx="6" cy="6" r="4" class="{css}"/></svg> {text}</span>' for css, text in keys
    )
    key += '<span><svg viewBox="0 0 12 12"><rect x="2" y="2" width="8" height="8" class="dock"/></svg> dock</span>'
    left_off = "" if step == 1 else f'<p class="note">One in {step} incidents is drawn.</p>'
    return f'{drawn}<p class="note key">{key}</p>{left_off}'


def _unserved(figures: Mapping[str, Any]) -> str:
    """Why incidents were not flown to in time, and what was assumed that made it so."""
    if not figures["unserved"]:
        return ""
    wind = figures["wind"]
    rows = {**figures["unserved_because"], **figures["airspace_refused"]}
    weather = (
        f"Gusts were above {wind['limit_mps']:g} m/s for {wind['share_of_time_above_limit']:.1%} of the time; "
        f"the mean wind was {wind['mean_mps']:g} m/s."
    )
    notes = "".join(f'<p class="note">{escape(text)}</p>' for text in (weather, *figures["assumed"].values()))
    return f"<h2>The {figures['unserved']:,} that were not served in time</h2>{_table(rows)}{notes}"


def _observed(compared: Mapping[str, Any] | None) -> str:
    if compared is None:
        return ""
    rows = {key: value for key, value in compared.items() if key != "note"}
    return f'<h2>Beside the first arrivals that were observed</h2>{_table(rows)}<p class="note">{escape(compared["note"])}</p>'


def _table(figures: Mapping[str, Any]) -> str:
    rows = (f"<tr><td>{escape(name)}</td><td>{escape(str(value))}</td></tr>" for name, value in flatten(figures))
    return f"<table>{''.join(rows)}</table>"
