"""The public record of a deployment, made from what is on record of it (R15). Pure.

It tells when, where, why, how large the list was and of which categories, how many faces were seen, alerts and how many of those
were false, over both denominators with exact intervals, and how many volunteers' passes were recognised. A category stands in it
with at least `LEAST` people, and so does what is left over; nothing tells who was on the list, where somebody was seen, or when.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import msgspec

from bowstreet.accountability.disclosure.rates import FalseAlerts, Rate, false_alerts, rate
from bowstreet.accountability.disclosure.rules import LEAST
from bowstreet.recognition.alerts import rules as alert_rules
from bowstreet.recognition.alerts.model import Alert, AlertState, Disposal, IdentityFound
from bowstreet.recognition.model import Deployment, EvidenceKind, Opportunity
from bowstreet.recognition.volunteers import recognised

OTHERS = "other categories"
FEWER = f"fewer than {LEAST}"


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """A corner of the zone, WGS 84 to four places: some ten metres."""

    latitude_deg: float
    longitude_deg: float


class RecordBody(msgspec.Struct, frozen=True, kw_only=True):
    """A deployment as the public sees it. Its JSON, keys in order, is what the ledger has the digest of.

    `people` and a category's count are None where fewer than five are meant. `outcomes` hold what can be told since the last
    record: kinds of outcome with at least five, those that were held back before with them.
    """

    deployment_id: str
    operator: str
    ran: bool
    planned_from: datetime
    planned_until: datetime
    started_at: datetime | None
    ended_at: datetime
    why_ended: str
    use_case: str
    location_basis: str
    boroughs: tuple[str, ...]
    zone: tuple[Place, ...]
    cameras: int
    notice_published_at: datetime | None
    signs: int
    authorisation_id: str
    authority_digest: str
    threshold: float
    model_sha256: str
    people: int | None
    categories: dict[str, int | None]
    list_destroyed_at: datetime | None
    faces_seen: int
    alerts: int
    false_alerts: int
    not_established: int
    rates: FalseAlerts
    recognised: Rate
    outcomes: dict[str, int]
    frames_dropped: int
    frames: int


def grouped(counts: Mapping[str, int]) -> dict[str, int | None]:
    """Categories with at least `LEAST` each; the rest together, to which the smallest named ones are added until it has as many.

    Where all together are fewer there is no number at all. So no subtraction gives a number below `LEAST`.
    """
    ordered = sorted(((name, count) for name, count in counts.items() if count > 0), key=lambda one: (one[1], one[0]))
    if not ordered:
        return {}
    named = [(name, count) for name, count in ordered if count >= LEAST]
    rest = sum(count for _, count in ordered if count < LEAST)
    while 0 < rest < LEAST and named:
        rest += named.pop(0)[1]
    told: dict[str, int | None] = dict(sorted(named))
    if rest:
        told[OTHERS] = rest if rest >= LEAST else None
    return told


def outcome_kinds(alerts: Iterable[Alert]) -> Counter[str]:
    """What became of alerts, each in one word; volunteers' are no part of it."""
    return Counter(_kind(one) for one in alerts if one.state is not AlertState.SEEDED)


def _kind(one: Alert) -> str:
    outcome = one.outcome
    if outcome is None:
        return "nobody answered"
    if not outcome.engaged:
        return "not engaged"
    if outcome.identity is IdentityFound.UNCONFIRMED:
        return "engaged, identity not established"
    return {
        Disposal.ARREST: "engaged, arrest",
        Disposal.OTHER: "engaged, another disposal",
        Disposal.NONE: "engaged, no action",
    }[outcome.disposal]


def record(
    one: Deployment, alerts: Sequence[Alert], opportunities: Sequence[Opportunity], outcomes: Mapping[str, int],
    *, operator: str, authority_digest: str,
) -> RecordBody:  # fmt: skip
    """Made once, when the list is destroyed.

    Args:
        outcomes: what can be told of outcomes now (`disclosure.rules.tell`).
    """
    assert one.closed_at is not None, "a record is of what is over"
    real = [alert for alert in alerts if alert.state is not AlertState.SEEDED]
    seeded = [alert for alert in alerts if alert.state is AlertState.SEEDED]
    hits, strays = recognised(seeded, opportunities)
    false = sum(alert_rules.is_false(alert) for alert in real) + strays
    raised = len(real) + strays
    manifest = one.manifest
    listed = 0 if manifest is None else manifest.people - manifest.volunteers
    categories = {} if manifest is None else {name.value: n for name, n in manifest.categories.items() if name != "volunteer"}
    notices = [told.since for told in one.evidence if told.kind is EvidenceKind.NOTICE]
    return RecordBody(
        deployment_id=one.deployment_id, operator=operator, ran=one.started_at is not None,
        planned_from=one.plan.starts_at, planned_until=one.plan.ends_at, started_at=one.started_at, ended_at=one.closed_at,
        why_ended=one.why, use_case=one.plan.use_case, location_basis=one.plan.location_basis, boroughs=one.plan.boroughs,
        zone=tuple(
            Place(latitude_deg=round(at.latitude_deg, 4), longitude_deg=round(at.longitude_deg, 4)) for at in one.plan.zone
        ),
        cameras=len(one.plan.cameras), notice_published_at=min(notices, default=None),
        signs=sum(told.kind is EvidenceKind.SIGN for told in one.evidence), authorisation_id=one.authorisation_id,
        authority_digest=authority_digest, threshold=one.plan.threshold, model_sha256=one.plan.model_sha256,
        people=listed if listed >= LEAST else None, categories=grouped(categories),
        list_destroyed_at=None if manifest is None else manifest.destroyed_at,
        # A volunteer's face is a face seen, as everybody's; an alert about one is told with recognition, not among alerts.
        faces_seen=one.counts.tracks, alerts=raised, false_alerts=false,
        not_established=sum(_not_established(alert) for alert in real),
        rates=false_alerts(false, raised, max(one.counts.tracks, raised)), recognised=rate(hits, len(opportunities)),
        outcomes=dict(outcomes), frames_dropped=one.counts.dropped, frames=one.counts.frames,
    )  # fmt: skip


def _not_established(alert: Alert) -> bool:
    """Whether nobody found out if the alert was right: neither denominator may hide those."""
    outcome = alert.outcome
    if outcome is None:
        return True
    return outcome.identity is IdentityFound.UNCONFIRMED and not alert_rules.is_false(alert)


def written(body: RecordBody) -> str:
    """JSON with keys in order: the bytes that are served, and that the digest is of."""
    return msgspec.json.encode(body, order="sorted").decode()


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def read(text: str) -> RecordBody:
    """What `written` wrote. Raises `msgspec.DecodeError`."""
    return msgspec.json.decode(text, type=RecordBody)


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    """Sums over all records."""

    deployments: int
    faces: int
    alerts: int
    false: int
    passes: int
    recognised: int


def totals(bodies: Sequence[RecordBody]) -> Totals:
    return Totals(
        deployments=sum(one.ran for one in bodies), faces=sum(one.faces_seen for one in bodies),
        alerts=sum(one.alerts for one in bodies), false=sum(one.false_alerts for one in bodies),
        passes=sum(one.recognised.of for one in bodies), recognised=sum(one.recognised.count for one in bodies),
    )  # fmt: skip
