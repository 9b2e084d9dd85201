"""The public pages on facial recognition: what is announced, what was done and how it went, each deployment on its own (R15)."""

import html
from collections.abc import Sequence
from datetime import datetime

from bowstreet.accountability.disclosure.rates import Rate, false_alerts, rate
from bowstreet.accountability.disclosure.rules import LEAST
from bowstreet.console.public import plots
from bowstreet.console.public.parts import figures
from bowstreet.recognition.model import Deployment, EvidenceKind, PublicRecord
from bowstreet.recognition.publication import RecordBody, Totals, totals
from bowstreet.recognition.words import NEVER, percent, said, share

AT = "/public/recognition"


def announced(deployments: Sequence[Deployment], now: datetime) -> list[Deployment]:
    """Deployments that the public was told of, and that are not over; soonest first."""
    told = [
        one for one in deployments
        if not one.state.is_over and one.state != "planned" and one.plan.ends_at > now
        and any(evidence.kind is EvidenceKind.NOTICE and evidence.since <= now for evidence in one.evidence)
    ]  # fmt: skip
    return sorted(told, key=lambda one: one.plan.starts_at)


def index(coming: Sequence[Deployment], bodies: Sequence[RecordBody]) -> str:
    """`bodies` newest first."""
    whole = totals(bodies)
    lead = f"<p>Where and when cameras compare faces with a list of wanted people, why, and how it went. {NEVER}</p>"
    return lead + _coming(coming) + _done(whole, bodies)


def _coming(coming: Sequence[Deployment]) -> str:
    if not coming:
        return "<h2>Announced</h2><p>No deployment is announced.</p>"
    rows = [
        (
            f"{one.plan.starts_at:%Y-%m-%d %H:%M} to {one.plan.ends_at:%H:%M} UTC", ", ".join(one.plan.boroughs),
            said(one.plan.use_case), said(one.plan.location_basis), len(one.plan.cameras),
        )
        for one in coming
    ]  # fmt: skip
    return "<h2>Announced</h2>" + plots.table(
        "Deployments that are planned or under way", ("When", "Where", "To", "Why here", "Cameras"), rows
    )


def _done(whole: Totals, bodies: Sequence[RecordBody]) -> str:
    if not bodies:
        return "<h2>Done</h2><p>No deployment has been completed.</p>"
    rows = [
        (
            f"{one.planned_from:%Y-%m-%d}", ", ".join(one.boroughs), said(one.use_case), one.faces_seen, one.alerts,
            one.false_alerts, share(one.recognised),
        )
        for one in bodies
    ]  # fmt: skip
    links = "".join(
        f'<li><a href="{AT}/{html.escape(one.deployment_id)}">{one.planned_from:%Y-%m-%d}, {html.escape(", ".join(one.boroughs))}'
        "</a></li>"
        for one in bodies
    )
    return (
        "<h2>All deployments together</h2>"
        + figures(
            [
                ("Deployments", whole.deployments),
                ("Faces seen", whole.faces),
                ("Alerts", whole.alerts),
                ("False alerts", whole.false),
            ]
        )
        + _rates(whole)
        + "<h2>Each deployment</h2>"
        + plots.table(
            "Newest first", ("Day", "Where", "To", "Faces seen", "Alerts", "False alerts", "Volunteers recognised"), rows
        )
        + f"<h3>Their records</h3><ul>{links}</ul>"
        + f'<p>All as <a href="{AT}.json">JSON</a>.</p>'
    )


def _rates(whole: Totals) -> str:
    told = false_alerts(whole.false, whole.alerts, max(whole.faces, whole.alerts))
    return (
        "<p>How often it was wrong, over both denominators, with the range that the true share lies in with 95% confidence "
        "(Clopper and Pearson):</p>"
        + plots.table(
            "False alerts, and volunteers who were recognised",
            ("Of", "So many", "Share", "95% interval"),
            [
                ("false alerts over all faces seen", *_row(told.over_faces)),
                ("false alerts over all alerts", *_row(told.over_alerts)),
                ("volunteers’ passes recognised", *_row(rate(whole.recognised, whole.passes))),
            ],
        )
    )


def _row(one: Rate) -> tuple[str, str, str]:
    return f"{one.count:,} of {one.of:,}", share(one), f"{percent(one.interval.low)} to {percent(one.interval.high)}"


def page(one: PublicRecord, body: RecordBody, host: str, bundle: str) -> str:
    """The record of one deployment."""
    ran = (
        f"It ran from {body.started_at:%Y-%m-%d %H:%M} to {body.ended_at:%Y-%m-%d %H:%M} UTC"
        if body.started_at
        else "It never ran"
    )
    facts = [
        ("To", said(body.use_case)), ("Because", said(body.location_basis)), ("Where", ", ".join(body.boroughs)),
        ("Planned", f"{body.planned_from:%Y-%m-%d %H:%M} to {body.planned_until:%H:%M} UTC"), ("Ended because", body.why_ended),
        ("Public notice since", _moment(body.notice_published_at)), ("Signs put up", body.signs), ("Cameras", body.cameras),
        ("Threshold", f"{body.threshold:g}"), ("Model (SHA-256)", body.model_sha256),
        ("Authorisation", body.authorisation_id or "none"), ("Its digest", body.authority_digest or "none"),
        ("The list was destroyed", _moment(body.list_destroyed_at)),
    ]  # fmt: skip
    rate_rows = [
        ("false alerts over all faces seen", *_row(body.rates.over_faces)),
        ("false alerts over all alerts", *_row(body.rates.over_alerts)),
        ("volunteers’ passes recognised", *_row(body.recognised)),
    ]
    return (
        f"<p>{ran}. {NEVER}</p>"
        + figures(
            [
                ("Faces seen", body.faces_seen),
                ("Alerts", body.alerts),
                ("False alerts", body.false_alerts),
                ("Alerts of which nobody knows", body.not_established),
            ]
        )
        + "<h2>What and why</h2>"
        + plots.table("The deployment", ("Question", "Answer"), facts)
        + "<h2>How often it was wrong</h2>"
        + plots.table("Shares, with exact 95% intervals", ("Of", "So many", "Share", "95% interval"), rate_rows)
        + _list(body)
        + _outcomes(body)
        + _where(body)
        + _check(one, host, bundle)
    )


def _moment(at: datetime | None) -> str:
    return "–" if at is None else f"{at:%Y-%m-%d %H:%M} UTC"


def _list(body: RecordBody) -> str:
    whole = f"{body.people:,} people" if body.people is not None else f"fewer than {LEAST} people"
    rows = [(said(name), f"{count:,}" if count is not None else f"fewer than {LEAST}") for name, count in body.categories.items()]
    return (
        f"<h2>Who was looked for</h2><p>{whole} stood on the list. A category is named with at least {LEAST} people; volunteers "
        "of the police, who measure what is missed, are not counted.</p>"
        + plots.table("The list, by why people stood on it", ("Category", "People"), rows)
    )


def _outcomes(body: RecordBody) -> str:
    told = "<h2>What came of alerts</h2>"
    if not body.outcomes:
        return told + (
            f"<p>An outcome is told once at least {LEAST} alerts had it, over this and earlier deployments: until then it could "
            "point at one person. None has been reached with this one.</p>"
        )
    return (
        told
        + "<p>Told with this record, with those of earlier deployments that were held back until now.</p>"
        + plots.table("Outcomes", ("Outcome", "Alerts"), sorted(body.outcomes.items()))
    )


def _where(body: RecordBody) -> str:
    ring = ", ".join(f"{at.latitude_deg:.4f} {at.longitude_deg:.4f}" for at in body.zone)
    return f"<h2>The zone</h2><p>Corners, WGS 84 latitude and longitude: <code>{html.escape(ring)}</code></p>"


def _check(one: PublicRecord, host: str, bundle: str) -> str:
    address = f"{AT}/{html.escape(one.deployment_id)}.json"
    return (
        f'<h2>Check it</h2><p>The SHA-256 of <a href="{address}">this record’s JSON</a> is <code>{one.digest}</code>; the ledger '
        "holds a commitment to it, entered with the record and never changed. To compute it yourself:</p>"
        f"<pre>curl -s {html.escape(host)}{address} | sha256sum</pre>"
        "<p>and to see that it is in the operator’s record, with the bundle that a regulator holds:</p>"
        f'<pre>{html.escape(bundle)}</pre><p><a href="{AT}">All deployments</a></p>'
    )
