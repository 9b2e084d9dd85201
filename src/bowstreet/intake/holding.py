"""What intake holds of people, for retention: closed incidents with what belongs to them, and reports in quarantine."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from bowstreet.intake.model import IncidentState
from bowstreet.intake.service import IntakeService
from bowstreet.runtime.records import Collection


class ClosedIncidents:
    """From the moment an incident was closed.

    Args:
        beside: other records under an incident's id, such as the decisions about it.
    """

    retention_class = "incident"

    def __init__(self, intake: IntakeService, beside: Sequence[Collection[Any]] = ()) -> None:
        self._intake, self._beside = intake, tuple(beside)

    async def since(self) -> Iterable[tuple[str, datetime]]:
        closed = await self._intake.incidents.stored(IncidentState.CLOSED)
        return [(one.incident_id, one.closed_at or one.opened_at) for one in closed]

    def records_of(self, subject_id: str) -> Sequence[tuple[Collection[Any], str]]:
        return [(self._intake.incidents, subject_id), *((collection, subject_id) for collection in self._beside)]


class ReportsInQuarantine:
    """From the moment a report was received."""

    retention_class = "quarantine"

    def __init__(self, intake: IntakeService) -> None:
        self._intake = intake

    async def since(self) -> Iterable[tuple[str, datetime]]:
        return [(one.quarantine_id, one.at) for one in await self._intake.quarantined.stored()]

    def records_of(self, subject_id: str) -> Sequence[tuple[Collection[Any], str]]:
        return [(self._intake.quarantined, subject_id)]
