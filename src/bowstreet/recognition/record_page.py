"""The public records of deployments as one HTML file: what `/public/recognition` shows, with plots."""

from collections.abc import Sequence
from datetime import datetime
from html import escape

import msgspec

from bowstreet.accountability.disclosure.rates import Rate, false_alerts, rate
from bowstreet.accountability.disclosure.rules import LEAST
from bowstreet.recognition.evaluation import plots
from bowstreet.recognition.evaluation.plots import Axis, Row
from bowstreet.recognition.publication import FEWER, RecordBody, Totals
from bowstreet.recognition.words import NEVER, percent, said, share
from bowstreet.runtime.sheet import sheet, table

# A share over so few says next to nothing about the next one: its line is drawn as a faint one.
FAINT_BELOW = 30


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """Where in the ledger a record was entered, and the first signed checkpoint that covers it: `note` is that, as signed; its
    `size` is 0 where none does yet."""

    digest: str
    entry: int
    origin: str = ""
    size: int = 0
    root: str = ""
    note: str = ""


def html_report(operator: str, bodies: Sequence[RecordBody], sources: Sequence[Source], whole: Totals) -> str:
    """`bodies` newest first, `sources` beside them."""
    parts = [f"<h1>Facial recognition: the public record of {escape(operator)}</h1><p>{NEVER}</p>"]
    if len(bodies) > 1:
        parts += _together(bodies, whole)
    for body, source in zip(bodies, sources, strict=True):
        parts += _deployment(body, source)
    return sheet(f"{operator}: facial recognition", parts)


def _together(bodies: Sequence[RecordBody], whole: Totals) -> list[str]:
    rates = false_alerts(whole.false, whole.alerts, max(whole.faces, whole.alerts))
    rows = [
        (f"{one.planned_from:%Y-%m-%d}", ", ".join(one.boroughs), said(one.use_case), f"{one.faces_seen:,}", f"{one.alerts:,}",
         f"{one.false_alerts:,}", share(one.recognised))
        for one in bodies
    ]  # fmt: skip
    head = ("Day", "Where", "To", "Faces seen", "Alerts", "False alerts", "Volunteers recognised")
    return [
        "<h2>All deployments together</h2>",
        _tiles([
            (whole.deployments, "deployments"), (whole.faces, "faces seen"), (whole.alerts, "alerts"),
            (whole.false, "false alerts"),
        ]),
        *_rates(rates.over_faces, rates.over_alerts, rate(whole.recognised, whole.passes)),
        table(head, rows),
    ]  # fmt: skip


def _deployment(body: RecordBody, source: Source) -> list[str]:
    ran = (
        f"It ran from {body.started_at:%Y-%m-%d %H:%M} to {body.ended_at:%Y-%m-%d %H:%M} UTC."
        if body.started_at
        else "It never ran."
    )
    return [
        f"<h2>{body.planned_from:%Y-%m-%d}, {escape(', '.join(body.boroughs))}</h2><p>{ran}</p>",
        _tiles([
            (body.faces_seen, "faces seen"), (body.alerts, "alerts"), (body.false_alerts, "false alerts"),
            (body.not_established, "alerts of which nobody knows"),
        ]),
        "<h3>How often it was wrong</h3>",
        *_rates(body.rates.over_faces, body.rates.over_alerts, body.recognised),
        "<h3>What and why</h3>", table((), _facts(body)),
        "<h3>Who was looked for</h3>", _listed(body),
        "<h3>What came of alerts</h3>", _outcomes(body),
        "<h3>Check it</h3>", _check(body, source),
    ]  # fmt: skip


def _tiles(told: Sequence[tuple[int, str]]) -> str:
    return (
        '<div class="tiles">'
        + "".join(f'<div class="tile"><b>{n:,}</b><span>{words}</span></div>' for n, words in told)
        + "</div>"
    )


def _rates(over_faces: Rate, over_alerts: Rate, recognised: Rate) -> list[str]:
    """Both denominators, each on its own scale: one in ten thousand passers-by would not be seen beside half of all alerts."""
    high = plots.round_up(over_faces.interval.high)
    faces = Axis(words="share of faces", low=0.0, high=high, percent=True)
    whole = Axis(words="share", low=0.0, high=1.0, percent=True)
    rows_of_whole = [_row("false alerts, of alerts", over_alerts)]
    if recognised.of:
        rows_of_whole.append(_row("volunteers’ passes recognised", recognised))
    shown = [
        plots.intervals([_row("false alerts, of faces seen", over_faces)], faces, "False alerts over all faces seen"),
        plots.intervals(rows_of_whole, whole, "False alerts over all alerts; volunteers recognised"),
    ]
    rows = [
        (name, f"{one.count:,} of {one.of:,}", share(one), f"{percent(one.interval.low)} to {percent(one.interval.high)}")
        for name, one in (
            ("false alerts over all faces seen", over_faces),
            ("false alerts over all alerts", over_alerts),
            ("volunteers’ passes recognised", recognised),
        )
    ]
    note = '<p class="note">Lines are exact 95% intervals (Clopper and Pearson); hollow and dashed: too few to say much.</p>'
    return [*shown, note, table(("Of", "So many", "Share", "95% interval"), rows)]


def _row(name: str, one: Rate) -> Row:
    words = f"{one.count:,} of {one.of:,}"
    return Row(name=name, value=one.share, low=one.interval.low, high=one.interval.high, words=words, faint=one.of < FAINT_BELOW)


def _facts(body: RecordBody) -> list[tuple[str, str]]:
    ring = ", ".join(f"{at.latitude_deg:.4f} {at.longitude_deg:.4f}" for at in body.zone)
    return [
        ("Operator", body.operator), ("To", said(body.use_case)), ("Because", said(body.location_basis)),
        ("Where", ", ".join(body.boroughs)), ("Zone, WGS 84", ring),
        ("Planned", f"{body.planned_from:%Y-%m-%d %H:%M} to {body.planned_until:%Y-%m-%d %H:%M} UTC"),
        ("Ended because", body.why_ended), ("Public notice since", _moment(body.notice_published_at)),
        ("Signs put up", f"{body.signs:,}"), ("Cameras", f"{body.cameras:,}"), ("Threshold", f"{body.threshold:g}"),
        ("Model (SHA-256)", body.model_sha256), ("Authorisation", body.authorisation_id or "none"),
        ("Its digest", body.authority_digest or "none"), ("The list was destroyed", _moment(body.list_destroyed_at)),
        ("Frames that came, and of those dropped", f"{body.frames:,}, {body.frames_dropped:,}"),
    ]  # fmt: skip


def _moment(at: datetime | None) -> str:
    return "–" if at is None else f"{at:%Y-%m-%d %H:%M} UTC"


def _listed(body: RecordBody) -> str:
    whole = f"{body.people:,} people" if body.people is not None else f"{FEWER.capitalize()} people"
    rows = [(said(name), f"{count:,}" if count is not None else FEWER) for name, count in body.categories.items()]
    note = (
        f"<p>{whole} stood on the list. A category is named with at least {LEAST} people; volunteers of the police, who measure "
        "what is missed, are not counted.</p>"
    )
    return note + (table(("Category", "People"), rows) if rows else "")


def _outcomes(body: RecordBody) -> str:
    if body.outcomes:
        note = "<p>Told with this record, with those of earlier deployments that were held back until now.</p>"
        return note + table(("Outcome", "Alerts"), [(name, f"{count:,}") for name, count in sorted(body.outcomes.items())])
    return (
        f"<p>An outcome is told once at least {LEAST} alerts had it, over this and earlier deployments: until then it could "
        "point at one person. None has been reached with this one.</p>"
    )


def _check(body: RecordBody, source: Source) -> str:
    covered = (
        f"The first signed checkpoint that covers it is of <code>{escape(source.origin)}</code>, {source.size:,} entries, root "
        f"<code>{source.root}</code>."
        if source.size
        else "No signed checkpoint covers it yet."
    )
    note = (
        f"<details><summary>The checkpoint as signed</summary><pre>{escape(source.note)}</pre></details>" if source.note else ""
    )
    return (
        f"<p>Record <code>{escape(body.deployment_id)}</code>: the SHA-256 of its JSON is <code>{source.digest}</code>; the "
        f"ledger holds a commitment to it in entry {source.entry:,}, entered with the record and never changed. "
        f"{covered}</p>{note}"
    )
