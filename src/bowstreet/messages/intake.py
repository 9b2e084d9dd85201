"""What intake tells: calls become incidents, and incidents move on."""

from datetime import datetime

from bowstreet.geo import Position
from bowstreet.messages.base import Message


class IncidentOpened(Message, frozen=True, kw_only=True):
    incident_id: str
    grade: str
    category: str
    position: Position
    reported_at: datetime


class CallMerged(Message, frozen=True, kw_only=True):
    incident_id: str
    reports: int


class CallQuarantined(Message, frozen=True, kw_only=True):
    quarantine_id: str
    source: str
    reason: str


class IncidentChanged(Message, frozen=True, kw_only=True):
    """The incident moved on: `state` is one of `intake.model.IncidentState`."""

    incident_id: str
    state: str
    reason: str = ""
    by: str = ""  # the account of the person who did it; "" when it followed from something else
