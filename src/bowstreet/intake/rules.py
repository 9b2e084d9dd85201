"""What makes a report an incident, two reports one incident, and an incident move on. Pure."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from bowstreet.errors import BadInput, MalformedReport
from bowstreet.geo import GridPoint, Position, great_circle_m, to_wgs84
from bowstreet.intake.model import CallReport, Grade, Incident, IncidentState

# A report may be ahead of our clock by what two badly set clocks are apart.
MAX_AHEAD = timedelta(minutes=5)
MAX_CATEGORY = 100
MAX_REFERENCE = 200
# A CAD's remarks run to some thousand characters; more is not a call.
MAX_TEXT = 10_000
# Callers to one scene are placed by their phones or their words: within a street's length, within minutes.
SAME_PLACE_M = 75.0
SAME_TIME = timedelta(minutes=5)

GRADES = {
    "i": Grade.IMMEDIATE, "immediate": Grade.IMMEDIATE, "1": Grade.IMMEDIATE,
    "s": Grade.SIGNIFICANT, "significant": Grade.SIGNIFICANT, "2": Grade.SIGNIFICANT,
    "e": Grade.EXTENDED, "extended": Grade.EXTENDED, "3": Grade.EXTENDED,
    "r": Grade.REFERRED, "referred": Grade.REFERRED, "4": Grade.REFERRED,
}  # fmt: skip

MOVES: dict[IncidentState, frozenset[IncidentState]] = {
    IncidentState.OPEN: frozenset({IncidentState.ASSIGNED, IncidentState.CLOSED}),
    IncidentState.ASSIGNED: frozenset({IncidentState.OPEN, IncidentState.ON_SCENE, IncidentState.CLOSED}),
    IncidentState.ON_SCENE: frozenset({IncidentState.OPEN, IncidentState.CLOSED}),
    IncidentState.CLOSED: frozenset(),
}


class Area(Protocol):
    def contains(self, position: Position) -> bool: ...


def may_move(before: IncidentState, after: IncidentState) -> bool:
    """Whether an incident may go from one state to another. Closed is final."""
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


def _moment(value: object, now: datetime | None, max_age: timedelta | None) -> datetime:
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
    if now is not None and moment > now + MAX_AHEAD:
        raise _wrong("reported_at lies in the future", "set the clocks of the CAD and of this machine")
    if now is not None and max_age is not None and moment < now - max_age:
        raise _wrong(f"reported_at is more than {max_age} ago", "replay old calls with --calls")
    return moment


def _number(row: Mapping[str, Any], key: str) -> float | None:
    value = row.get(key)
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        raise _wrong(f"{key} is not a number", f"give {key} as a number")
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        raise _wrong(f"{key} is not a number", f"give {key} as a number") from None
    if not math.isfinite(number):
        raise _wrong(f"{key} is not a finite number", f"give {key} as a number")
    return number


def _position(row: Mapping[str, Any]) -> Position:
    latitude, longitude = _number(row, "latitude"), _number(row, "longitude")
    easting, northing = _number(row, "easting"), _number(row, "northing")
    if latitude is not None and longitude is not None:
        if latitude == 0.0 and longitude == 0.0:
            raise _wrong("the place is 0, 0", "give the place of the incident; 0, 0 means that it was not known")
        if not (-90.0 <= latitude <= 90.0 and -180.0 <= longitude <= 180.0):
            raise _wrong("latitude or longitude is out of range", "give WGS 84 degrees, or easting and northing")
        return Position(latitude_deg=latitude, longitude_deg=longitude)
    if easting is not None and northing is not None:
        # The grid's own extent, metres: beyond it the projection gives nonsense.
        if not (0.0 < easting < 700_000.0 and 0.0 < northing < 1_300_000.0):
            raise _wrong("easting or northing is off the British National Grid", "give metres in EPSG:27700")
        return to_wgs84(GridPoint(easting_m=easting, northing_m=northing))
    raise _wrong("the place is missing", "give latitude and longitude (WGS 84), or easting and northing (EPSG:27700)")


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
    if not isinstance(value, str | int):
        raise _wrong(f"{key} is not text", f"give {key} as text")
    text = str(value).strip()
    if len(text) > longest:
        raise _wrong(f"{key} is longer than {longest} characters", f"shorten {key}")
    if any(not (char.isprintable() or (lines and char in "\r\n\t")) for char in text):
        raise _wrong(f"{key} has control characters in it", f"give {key} as plain text")
    if required and not text:
        raise _wrong(f"{key} is missing", f"say what {key} it is")
    return text


def is_same(report: CallReport, incident: Incident) -> bool:
    """Whether a report is about an incident that is known: the same kind of thing, at one place, at one time."""
    return (
        incident.state is not IncidentState.CLOSED
        and report.category.casefold() == incident.category.casefold()
        and abs(report.reported_at - incident.reported_at) <= SAME_TIME
        and great_circle_m(report.position, incident.position) <= SAME_PLACE_M
    )


def graver(a: Grade, b: Grade) -> Grade:
    """The graver of two grades: a merged report may raise an incident's grade, never lower it."""
    return a if a.rank <= b.rank else b


def reference_of(source: str, caller_reference: str) -> str:
    """How a caller's reference stands in an incident: references of two sources never meet."""
    return f"{source}#{caller_reference}"


def require_move(before: IncidentState, after: IncidentState) -> None:
    """Raises `BadInput` for a move that is not one."""
    if not may_move(before, after):
        raise BadInput(f"an incident that is {before.value} cannot become {after.value}", remedy="look at its present state")
