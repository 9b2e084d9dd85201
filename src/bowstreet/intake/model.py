"""What a call is, before and after it becomes an incident. Frozen values."""

from datetime import datetime
from enum import StrEnum

import msgspec

from bowstreet.geo import Position


class Grade(StrEnum):
    """The Metropolitan Police's call grades, gravest first."""

    IMMEDIATE = "I"
    SIGNIFICANT = "S"
    EXTENDED = "E"
    REFERRED = "R"

    @property
    def rank(self) -> int:
        """0 is the gravest."""
        return "ISER".index(self.value)


class IncidentState(StrEnum):
    OPEN = "open"  # waits for a drone, or for a decision that none flies
    ASSIGNED = "assigned"  # a launch is authorised
    ON_SCENE = "on-scene"
    CLOSED = "closed"


class CloseReason(StrEnum):
    ATTENDED = "attended"
    UNSERVED = "unserved"  # eyes would have come too late to matter
    NOT_FLOWN = "not-flown"  # its grade is not one that drones fly to
    WITHDRAWN = "withdrawn"  # closed by a person


class CallReport(msgspec.Struct, frozen=True, kw_only=True):
    """One report as a CAD, a file or an operator gives it, validated. `text` is personal data: never logged."""

    reported_at: datetime
    position: Position
    grade: Grade
    category: str
    source: str
    caller_reference: str | None = None
    text: str = ""


class Incident(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happened, however many people rang about it.

    `reports` counts callers, `repeats` how often a report with a known reference came again.
    """

    incident_id: str
    reported_at: datetime
    opened_at: datetime
    position: Position
    grade: Grade
    category: str
    state: IncidentState = IncidentState.OPEN
    close_reason: CloseReason | None = None
    caller_references: tuple[str, ...] = ()
    reports: int = 1
    repeats: int = 0
    text: str = ""
    eyes_on_at: datetime | None = None
    closed_at: datetime | None = None


class Quarantined(msgspec.Struct, frozen=True, kw_only=True):
    """A report that could not be used, kept for a person to mend; `line` is 1-based in the file it came from."""

    quarantine_id: str
    at: datetime
    source: str
    line: int | None
    reason: str
    raw: str
