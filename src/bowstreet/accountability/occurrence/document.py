"""A report of an occurrence: facts to read and print, and the same as text that is signed with the log's key."""

import hashlib
import html
from datetime import datetime

import msgspec
import rfc8785

from bowstreet.accountability import signed_document
from bowstreet.accountability.note import VerifierKey
from bowstreet.accountability.occurrence import rules
from bowstreet.accountability.occurrence.model import Occurrence

HEAD = "Bowstreet occurrence v1"


def text_of(one: Occurrence) -> str:
    """The text that is signed: RFC 8785."""
    return f"{HEAD}\n{rfc8785.dumps(msgspec.to_builtins(one)).decode()}\n"


def digest(one: Occurrence) -> str:
    """SHA-256 of that text, hex: what the ledger commits to at each change."""
    return hashlib.sha256(text_of(one).encode()).hexdigest()


def read(data: bytes, key: VerifierKey) -> Occurrence:
    """Check a report. Raises `MalformedProof`: it is none, was changed, or is not signed by `key`."""
    return signed_document.read(data, key, HEAD, Occurrence, text_of, "GET /api/v1/occurrences/ID/document")


def says(one: Occurrence) -> list[tuple[str, str]]:
    """The facts in the order a reader wants them."""
    found, about = one.findings, one.evidence
    due = rules.due_at(one)
    place = one.place
    where = "not known" if place is None else (
        f"{place.latitude_deg:.5f}, {place.longitude_deg:.5f}; {place.height_m_above_dock:.0f} m above its dock"
    )  # fmt: skip
    return [
        ("Occurrence", one.occurrence_id),
        ("What", one.kind.value + (f" ({one.code})" if one.code else "")),
        ("Occurred", _moment(one.occurred_at)),
        ("Known since", f"{_moment(one.known_at)}, by {one.opened_by}"),
        ("Class", found.severity.value),
        ("Phase of flight", found.phase.value),
        ("Injuries", found.injuries.value),
        ("Damage", found.damage.value),
        ("Airspace", found.airspace.value),
        ("Crewed aircraft involved", found.crewed_aircraft.value),
        ("Where", f"{where}{f'; {one.borough}' if one.borough else ''}"),
        ("Aircraft", f"{about.vehicle_id or 'not known'}, unmanned{f', {about.airframe}' if about.airframe else ''}"),
        ("Flight", about.mission_id or "not known"),
        ("Incident flown for", about.incident_id or "not known"),
        ("Telemetry", f"{_moment(about.telemetry_from)} to {_moment(about.telemetry_until)}"),
        ("Ledger entries", f"{len(about.ledger)}: {_places(about.ledger)}" if about.ledger else "attached when it is reported"),
        ("Must be reported to", ", ".join(sorted(body.upper() for body in rules.duties(found))) or "nobody, as found so far"),
        ("Due", "nothing is owed" if due is None else _moment(due)),
        *(("Reported", f"to the {s.body.upper()} at {_moment(s.at)} by {s.by}: {s.reference}") for s in one.sent),
        ("State", one.state.value + (f": {one.outcome.value}, by {one.closed_by}" if one.outcome else "")),
    ]


def _places(entries: tuple[int, ...]) -> str:
    """Such as 3-5, 9."""
    parts: list[list[int]] = []
    for entry in entries:
        if parts and entry == parts[-1][-1] + 1:
            parts[-1] = [parts[-1][0], entry]
        else:
            parts.append([entry])
    return ", ".join("-".join(map(str, part)) for part in parts)


def to_html(one: Occurrence, signed: bytes, key: VerifierKey) -> str:
    """A page to print. No script, no outside address."""
    rows = "".join(f"<tr><th scope=row>{html.escape(name)}<td>{html.escape(said)}" for name, said in says(one))
    return signed_document.page("Occurrence", one.occurrence_id, rows, signed, key)


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"
