"""What makes a report an incident, two reports one incident, and an incident move on. Pure."""

import math
import re
import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import msgspec

from bowstreet.errors import MalformedReport
from bowstreet.geo import GridPoint, Position, great_circle_m, to_wgs84
from bowstreet.intake.model import CallReport, CloseReason, Grade, Incident, IncidentState

# A report may be ahead of our clock by what two badly set clocks are apart.
MAX_AHEAD = timedelta(minutes=5)
MAX_CATEGORY = 100
MAX_REFERENCE = 200
# A CAD's remarks run to some thousand characters; more is not a call.
MAX_TEXT = 10_000
# Callers to one scene are placed by their phones, or by their own words, or at the nearest address: each may be some tens of
# metres off, and two of them together 75. Two scenes nearer than that are one picture to a drone. Chosen by us.
SAME_PLACE_M = 75.0
# People ring about one thing within minutes of each other; after five it may have happened again. Chosen by us.
SAME_TIME = timedelta(minutes=5)
# When a report names its place twice, in degrees and on the grid, the two must agree: published grid points are rounded to 50 m
# or 100 m, and farther apart than this one of them is a mistake, and nobody knows which.
PLACES_AGREE_M = 250.0
# A row dated before this was never dated: 1970 and 1900 are what programs write for "unknown".
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
# References of one incident that are kept with it. A flood of callers to one scene must not make its record grow without end.
MAX_REFERENCES = 100

GRADES = {
    "i": Grade.IMMEDIATE, "immediate": Grade.IMMEDIATE, "1": Grade.IMMEDIATE,
    "s": Grade.SIGNIFICANT, "significant": Grade.SIGNIFICANT, "2": Grade.SIGNIFICANT,
    "e": Grade.EXTENDED, "extended": Grade.EXTENDED, "3": Grade.EXTENDED,
    "r": Grade.REFERRED, "referred": Grade.REFERRED, "4": Grade.REFERRED,
}  # fmt: skip

# Call types that may be two callers' words for one scene. Anything else is the same only as itself. Chosen by us.
KINDRED: tuple[frozenset[str], ...] = (
    frozenset({"assault", "robbery", "weapon seen", "disturbance", "domestic incident"}),
    frozenset({"burglary in progress", "burglary", "theft in progress", "suspicious person", "alarm activation"}),
    frozenset({"concern for safety", "missing person at risk"}),
)
# A caller who could not say what it is rings about whatever is there.
UNSPECIFIC = frozenset({"unknown", "other", "not stated"})

# Digits with a point and an exponent, and nothing that only Python takes for a number ("1_000", digits of other scripts).
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)

MOVES: dict[IncidentState, frozenset[IncidentState]] = {
    IncidentState.OPEN: frozenset({IncidentState.ASSIGNED, IncidentState.CLOSED}),
    IncidentState.ASSIGNED: frozenset({IncidentState.OPEN, IncidentState.ON_SCENE, IncidentState.CLOSED}),
    # Assigned again: the drone over the scene had to leave before its relief was there.
    IncidentState.ON_SCENE: frozenset({IncidentState.OPEN, IncidentState.ASSIGNED, IncidentState.CLOSED}),
    IncidentState.CLOSED: frozenset(),
}


class Area(Protocol):
    def contains(self, position: Position) -> bool: ...


def may_move(before: IncidentState, after: IncidentState) -> bool:
    """Whether an incident may go from one state to another. Closed is final, but for what `merge` says."""
    return after in MOVES[before]


def parse_report(
    row: Mapping[str, Any], *, source: str, area: Area, now: datetime | None = None, max_age: timedelta | None = None
) -> CallReport:
    """A validated report. Keys that are not known are left alone.

    Args:
        row: as a CAD or a file gives it: see `OUTSIDE` "A file of calls"; values may be text.
        now: when given, reports from the future are refused.
        max_age: when given, older reports are refused; a replay gives none.

    Raises:
        MalformedReport: says which key is wrong, how, and what to do.
    """
    reported_at = _moment(row.get("reported_at"), now, max_age)
    position = _position(row)
    if not area.contains(position):
        raise _outside(position, area)
    return CallReport(
        reported_at=reported_at,
        position=position,
        grade=_grade(row.get("grade")),
        category=_words(row.get("category"), "category", MAX_CATEGORY, required=True),
        text=_words(row.get("text"), "text", MAX_TEXT, lines=True),
        caller_reference=_words(row.get("id"), "id", MAX_REFERENCE) or None,
        source=source,
    )


def _wrong(what: str, remedy: str) -> MalformedReport:
    return MalformedReport(what, remedy=remedy)


def read_moment(value: object) -> datetime:
    """A time as a report gives it: ISO 8601 with an offset. In UTC.

    Raises:
        MalformedReport: when it is none, or one that no call has.
    """
    remedy = "give ISO 8601 with an offset, such as 2026-11-23T21:04:05+00:00"
    if value is None or value == "":
        raise _wrong("reported_at is missing", remedy)
    try:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value).strip())
    except ValueError:
        raise _wrong("reported_at is not a time", remedy) from None
    if moment.utcoffset() is None:
        raise _wrong("reported_at has no offset from UTC", remedy)
    try:
        moment = moment.astimezone(UTC)
    except OverflowError:
        raise _wrong("reported_at is not a time of this age", remedy) from None
    if moment < EARLIEST:
        raise _wrong(f"reported_at lies before {EARLIEST.year}, so it was never set", remedy)
    return moment


def _moment(value: object, now: datetime | None, max_age: timedelta | None) -> datetime:
    moment = read_moment(value)
    if now is not None and moment > now + MAX_AHEAD:
        raise _wrong("reported_at lies in the future", "set the clocks of the CAD and of this machine")
    if now is not None and max_age is not None and moment < now - max_age:
        raise _wrong(f"reported_at is more than {max_age} ago", "replay old calls with --calls")
    return moment


def _number(row: Mapping[str, Any], key: str) -> float | None:
    """A number, or text that is one; None when nothing is given."""
    value = row.get(key)
    if value is None:
        return None
    if isinstance(value, str):
        value = value.strip()
        if not value:
            return None
        if value.lower().lstrip("+-") in ("nan", "inf", "infinity"):
            raise _wrong(f"{key} is not a finite number", f"give {key} as a number")
        if not _NUMBER.fullmatch(value):
            raise _wrong(f"{key} is not a number", f"give {key} as a number")
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise _wrong(f"{key} is not a number", f"give {key} as a number")
    try:
        number = float(value)
    except (ValueError, OverflowError):
        number = math.inf
    if not math.isfinite(number):
        raise _wrong(f"{key} is not a finite number", f"give {key} as a number")
    return number


def _position(row: Mapping[str, Any]) -> Position:
    degrees = _degrees(_number(row, "latitude"), _number(row, "longitude"))
    grid = _grid(_number(row, "easting"), _number(row, "northing"))
    if degrees is not None and grid is not None and great_circle_m(degrees, grid) > PLACES_AGREE_M:
        raise _wrong("latitude and longitude are another place than easting and northing", "give one of the two, or both alike")
    place = degrees or grid
    if place is None:
        raise _wrong("the place is missing", "give latitude and longitude (WGS 84), or easting and northing (EPSG:27700)")
    return place


def reported_position(raw: str) -> Position | None:
    """Where a report that could not be used says that it is; None when that cannot be told."""
    try:
        row = msgspec.json.decode(raw)
        return _position(row) if isinstance(row, dict) else None
    except (msgspec.DecodeError, MalformedReport, RecursionError, UnicodeEncodeError):
        return None


def _degrees(latitude: float | None, longitude: float | None) -> Position | None:
    if latitude is None and longitude is None:
        return None
    if latitude is None or longitude is None:
        raise _wrong(f"{'latitude' if latitude is None else 'longitude'} is missing", "give both latitude and longitude")
    if latitude == 0.0 and longitude == 0.0:
        raise _wrong("the place is 0, 0", "give the place of the incident; 0, 0 means that it was not known")
    if not (-90.0 <= latitude <= 90.0 and -180.0 <= longitude <= 180.0):
        raise _wrong("latitude or longitude is out of range", "give WGS 84 degrees, or easting and northing")
    return Position(latitude_deg=latitude, longitude_deg=longitude)


def _grid(easting: float | None, northing: float | None) -> Position | None:
    if easting is None and northing is None:
        return None
    if easting is None or northing is None:
        raise _wrong(f"{'easting' if easting is None else 'northing'} is missing", "give both easting and northing")
    if easting == 0.0 and northing == 0.0:
        raise _wrong("the place is 0, 0", "give the place of the incident; 0, 0 means that it was not known")
    # The grid's own extent, metres: beyond it the projection gives nonsense.
    if not (0.0 <= easting < 700_000.0 and 0.0 <= northing < 1_300_000.0):
        raise _wrong("easting or northing is off the British National Grid", "give metres in EPSG:27700")
    return to_wgs84(GridPoint(easting_m=easting, northing_m=northing))


def _outside(position: Position, area: Area) -> MalformedReport:
    swapped = Position(latitude_deg=position.longitude_deg, longitude_deg=position.latitude_deg)
    if abs(position.longitude_deg) <= 90.0 and area.contains(swapped):
        return _wrong("latitude and longitude are swapped", "give latitude first: in London it is near 51.5")
    return _wrong("the place is outside the operating area", "hand the call to the force that polices it")


def _grade(value: object) -> Grade:
    grade = GRADES.get(str(value).strip().lower()) if value is not None else None
    if grade is None:
        raise _wrong("grade is missing" if value in (None, "") else "grade is not known", "use I, S, E or R")
    return grade


def _words(value: object, key: str, longest: int, *, required: bool = False, lines: bool = False) -> str:
    if value is None or value == "":
        if required:
            raise _wrong(f"{key} is missing", f"say what {key} it is")
        return ""
    # References are often whole numbers; one of hundreds of digits is not a reference.
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() <= 256:
        value = str(value)
    if not isinstance(value, str):
        raise _wrong(f"{key} is not text", f"give {key} as text")
    text = value.strip()
    if len(text) > longest:
        raise _wrong(f"{key} is longer than {longest} characters", f"shorten {key}")
    if not text.isprintable() and not all(_is_plain(char, lines) for char in text):
        raise _wrong(f"{key} has control characters in it", f"give {key} as plain text")
    if required and not text:
        raise _wrong(f"{key} is missing", f"say what {key} it is")
    return text


def _is_plain(char: str, lines: bool) -> bool:
    """Free text may have lines and whatever people's telephones write; a name or a reference only what can be seen."""
    if char.isprintable() or unicodedata.category(char) == "Zs":
        return True
    return lines and (char in "\r\n\t" or unicodedata.category(char) not in ("Cc", "Cs"))


# --- two reports, one incident ---------------------------------------------------------------------------------------------


def reference_of(source: str, caller_reference: str) -> str:
    """How a caller's reference stands in an incident: references of two sources never meet."""
    return f"{source}#{caller_reference}"


def references_of(report: CallReport) -> tuple[str, ...]:
    """The report's reference with its source, if it has one."""
    return (reference_of(report.source, report.caller_reference),) if report.caller_reference else ()


def compatible(a: str, b: str) -> bool:
    """Whether two call types may be two callers' words for one scene."""
    a, b = a.casefold(), b.casefold()
    return a == b or a in UNSPECIFIC or b in UNSPECIFIC or any(a in kin and b in kin for kin in KINDRED)


def is_duplicate(report: CallReport, incident: Incident) -> bool:
    """Whether a report is about an incident that is known: by the same caller reference, whatever else it says; or by place,
    time and kind, as long as the incident still takes callers in."""
    if any(reference in incident.caller_references for reference in references_of(report)):
        return True
    return (
        abs(report.reported_at - incident.reported_at) <= SAME_TIME
        and takes_in(incident, report)
        and compatible(report.category, incident.category)
        and great_circle_m(report.position, incident.position) <= SAME_PLACE_M
    )


def takes_in(incident: Incident, report: CallReport) -> bool:
    """Whether an incident may take in a report of another caller.

    An open one may. A closed one only when the call changes nothing: eyes were on the scene at or after the call was made, or no
    drone flies to such a call (and if it is graver, `merge` opens the incident again). One that was withdrawn or went unserved
    does not swallow a new caller: that is a new incident.
    """
    if incident.state is not IncidentState.CLOSED or incident.close_reason is CloseReason.NOT_FLOWN:
        return True
    seen = incident.close_reason is CloseReason.ATTENDED and incident.eyes_on_at is not None
    return seen and incident.eyes_on_at is not None and report.reported_at <= incident.eyes_on_at


def graver(a: Grade, b: Grade) -> Grade:
    """The graver of two grades: a merged report may raise an incident's grade, never lower it."""
    return a if a.rank <= b.rank else b


def is_news(grade: Grade, incident: Incident) -> bool:
    """Whether a repeated report changes what is known: only a graver grade does."""
    return grade.rank < incident.grade.rank


def merge(incident: Incident, report: CallReport, *, again: bool = False) -> Incident:
    """The incident with one more report in it.

    The gravest grade, the earliest time and the set of references do not depend on the order of reports, and a report that comes
    again changes nothing but how often it came. Place and category stay those of the report that came first: a drone may be on
    its way. An incident that was closed because no drone flies to its grade opens again when it becomes graver: it was never
    considered as what it is.

    Args:
        again: the report's reference is known to be this incident's, though it may not be among those kept with it.
    """
    again = again or any(one in incident.caller_references for one in references_of(report))
    grade = graver(incident.grade, report.grade)
    fresh = tuple(one for one in references_of(report) if one not in incident.caller_references)
    reopens = incident.close_reason is CloseReason.NOT_FLOWN and is_news(report.grade, incident)
    return msgspec.structs.replace(
        incident,
        grade=grade,
        reported_at=min(incident.reported_at, report.reported_at),
        caller_references=(incident.caller_references + fresh)[:MAX_REFERENCES],
        reports=incident.reports + (not again),
        repeats=incident.repeats + again,
        text=_joined(incident.text, report.text),
        state=IncidentState.OPEN if reopens else incident.state,
        close_reason=None if reopens else incident.close_reason,
        closed_at=None if reopens else incident.closed_at,
    )


def _joined(known: str, more: str) -> str:
    if not more or f"\n{more}\n" in f"\n{known}\n":
        return known  # said before, in whole lines
    return f"{known}\n{more}"[:MAX_TEXT] if known else more
