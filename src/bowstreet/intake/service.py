"""Takes reports in: validates, merges, opens, quarantines; each with its entry in the ledger before anyone hears of it."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec
import structlog

from bowstreet.accountability.recorder import Recorder
from bowstreet.errors import Conflict, MalformedReport
from bowstreet.geo import Position
from bowstreet.intake import rules
from bowstreet.intake.area import OperatingArea
from bowstreet.intake.model import CallReport, CloseReason, Incident, IncidentState, Quarantined
from bowstreet.messages import CallMerged, CallQuarantined, IncidentChanged, IncidentOpened
from bowstreet.runtime.ports import Clock, Ids, Store
from bowstreet.runtime.records import Collection

log = structlog.get_logger(__name__)

# Cells of the search for duplicates: wider than a duplicate may be away (75 m), in degrees at London's latitude.
CELL_LATITUDE_DEG = 0.001
CELL_LONGITUDE_DEG = 0.0015
# What is kept of a report that could not be used: enough to mend it, not enough to fill the disk.
MAX_RAW = 20_000
# Reports that could not be used are all recorded; this many are held at hand for the console.
MAX_HELD = 1_000

Cell = tuple[int, int]


class IntakeService:
    """The incidents of one operation.

    Args:
        max_age: live, reports older than this are refused; None for replays.
        check_future: whether reports ahead of the clock are refused.
    """

    def __init__(
        self,
        recorder: Recorder,
        store: Store,
        clock: Clock,
        ids: Ids,
        area: OperatingArea,
        *,
        max_age: timedelta | None = None,
        check_future: bool = True,
    ) -> None:
        self._recorder, self._store, self._clock, self._ids = recorder, store, clock, ids
        self.area = area
        self._max_age, self._check_future = max_age, check_future
        self.incidents: Collection[Incident] = Collection(
            "incident", Incident, id_of=lambda one: one.incident_id, state_of=lambda one: one.state.value
        )
        self.quarantined: Collection[Quarantined] = Collection("quarantine", Quarantined, id_of=lambda one: one.quarantine_id)
        self._by_reference: dict[str, str] = {}
        self._by_cell: dict[Cell, list[str]] = defaultdict(list)
        self._received = 0
        self._quarantined = 0
        self._refused: set[tuple[str, int | None, str]] = set()

    async def load(self) -> None:
        """Take up what is recorded; what was received before a restart is known after it."""
        await self.incidents.load(self._store)
        await self.quarantined.load(self._store)
        for incident in self.incidents.all():
            self._index(incident)
            self._received += incident.reports
        for one in self.quarantined.all():
            self._refused.add((one.source, one.line, one.reason))
        self._quarantined = len(self.quarantined)
        self._received += self._quarantined

    def counts(self) -> dict[str, int]:
        """`received`, `incidents`, `duplicates`, `quarantined`: every report is one of the last three."""
        incidents = len(self.incidents)
        return {
            "received": self._received,
            "incidents": incidents,
            "duplicates": self._received - incidents - self._quarantined,
            "quarantined": self._quarantined,
        }

    # --- reports ----------------------------------------------------------------------------------------------------

    async def receive_raw(self, row: Mapping[str, Any], source: str, line: int | None = None) -> Incident | Quarantined:
        """A report as it came. One that cannot be used is quarantined with its reason."""
        try:
            report = rules.parse_report(
                row, source=source, area=self.area, now=self._clock.now() if self._check_future else None, max_age=self._max_age
            )
        except MalformedReport as error:
            return await self.quarantine(source, line, str(error), _raw(row))
        return await self.receive(report)

    async def quarantine(self, source: str, line: int | None, reason: str, raw: str) -> Quarantined:
        """Keep what cannot be used, whole, for a person to mend."""
        one = Quarantined(
            quarantine_id=self._ids.new("qua"), at=self._clock.now(), source=source, line=line, reason=reason, raw=raw[:MAX_RAW]
        )
        if line is not None:
            if (source, line, reason) in self._refused:
                return one  # the same line of the same file, replayed after a restart
            self._refused.add((source, line, reason))
        message = CallQuarantined(at=one.at, quarantine_id=one.quarantine_id, source=source, reason=reason)
        await self._recorder.record(save=[(self.quarantined, one)], messages=[message])
        self._quarantined += 1
        self._received += 1
        log.info("a report was quarantined", source=source, line=line)
        while len(self.quarantined) > MAX_HELD:
            self.quarantined.forget(self.quarantined.all()[0].quarantine_id)
        return one

    async def receive(self, report: CallReport) -> Incident:
        """Merge a report into the incident it is about, or open one. The same reference twice is one report."""
        known = self.known(report.source, report.caller_reference)
        if known is not None:
            return known
        same = self._find_same(report)
        return await (self._merge(report, same) if same is not None else self._open(report))

    def known(self, source: str, caller_reference: str | None) -> Incident | None:
        """The incident that a source's reference has become."""
        if caller_reference is None:
            return None
        incident_id = self._by_reference.get(rules.reference_of(source, caller_reference))
        return None if incident_id is None else self.incidents.find(incident_id)

    async def _open(self, report: CallReport) -> Incident:
        now = self._clock.now()
        incident = Incident(
            incident_id=self._ids.new("inc"),
            reported_at=report.reported_at,
            opened_at=now,
            position=report.position,
            grade=report.grade,
            category=report.category,
            caller_references=_references(report),
            text=report.text,
        )
        opened = IncidentOpened(
            at=now,
            incident_id=incident.incident_id,
            grade=incident.grade.value,
            category=incident.category,
            position=incident.position,
            reported_at=incident.reported_at,
        )
        self._index(incident)
        self._received += 1
        try:
            await self._recorder.record(save=[(self.incidents, incident)], messages=[opened])
        except BaseException:
            self._unindex(incident)
            self._received -= 1
            raise
        return self.incidents.get(incident.incident_id)

    async def _merge(self, report: CallReport, incident: Incident) -> Incident:
        now = self._clock.now()
        merged = msgspec.structs.replace(
            incident,
            grade=rules.graver(incident.grade, report.grade),
            reported_at=min(incident.reported_at, report.reported_at),
            caller_references=incident.caller_references + _references(report),
            reports=incident.reports + 1,
            text="\n".join(part for part in (incident.text, report.text) if part)[: rules.MAX_TEXT],
        )
        messages: list[CallMerged | IncidentChanged] = [
            CallMerged(at=now, incident_id=incident.incident_id, reports=merged.reports)
        ]
        if merged.grade is not incident.grade:
            messages.append(
                IncidentChanged(
                    at=now, incident_id=incident.incident_id, state=incident.state.value, reason=f"raised to {merged.grade.value}"
                )
            )
        await self._recorder.record(save=[(self.incidents, merged)], messages=messages)
        for reference in _references(report):
            self._by_reference[reference] = merged.incident_id
        self._received += 1
        return self.incidents.get(incident.incident_id)

    def _find_same(self, report: CallReport) -> Incident | None:
        row, column = _cell(report.position)
        near = [
            incident_id
            for north in (row - 1, row, row + 1)
            for east in (column - 1, column, column + 1)
            for incident_id in self._by_cell.get((north, east), ())
        ]
        for incident_id in sorted(near):
            incident = self.incidents.find(incident_id)
            if incident is not None and rules.is_same(report, incident):
                return incident
        return None

    def _index(self, incident: Incident) -> None:
        for reference in incident.caller_references:
            self._by_reference[reference] = incident.incident_id
        if incident.state is not IncidentState.CLOSED:
            self._by_cell[_cell(incident.position)].append(incident.incident_id)

    def _unindex(self, incident: Incident) -> None:
        for reference in incident.caller_references:
            self._by_reference.pop(reference, None)
        self._unplace(incident)

    def _unplace(self, incident: Incident) -> None:
        cell = _cell(incident.position)
        if incident.incident_id in self._by_cell.get(cell, ()):
            self._by_cell[cell].remove(incident.incident_id)
            if not self._by_cell[cell]:
                del self._by_cell[cell]

    # --- moving on ----------------------------------------------------------------------------------------------------

    def move(
        self,
        incident_id: str,
        state: IncidentState,
        *,
        close_reason: CloseReason | None = None,
        eyes_on_at: datetime | None = None,
        reason: str = "",
    ) -> tuple[Incident, IncidentChanged]:
        """The incident in its new state and the message that says so, for whoever records both with an act of their own.

        Raises:
            Conflict: when its present state does not allow it.
        """
        incident = self.incidents.get(incident_id)
        if not rules.may_move(incident.state, state):
            raise Conflict(
                f"incident {incident_id} is {incident.state.value} and cannot become {state.value}", remedy="look at it again"
            )
        now = self._clock.now()
        moved = msgspec.structs.replace(
            incident,
            state=state,
            close_reason=close_reason,
            eyes_on_at=incident.eyes_on_at or eyes_on_at,
            closed_at=now if state is IncidentState.CLOSED else None,
        )
        if state is IncidentState.CLOSED:
            self._unplace(incident)
        why = reason or (close_reason.value if close_reason else "")
        return moved, IncidentChanged(at=now, incident_id=incident_id, state=state.value, reason=why)

    async def moved(
        self,
        incident_id: str,
        state: IncidentState,
        *,
        close_reason: CloseReason | None = None,
        eyes_on_at: datetime | None = None,
        reason: str = "",
    ) -> None:
        """Record that the incident moved on. Raises `Conflict` when its present state does not allow it."""
        moved, message = self.move(incident_id, state, close_reason=close_reason, eyes_on_at=eyes_on_at, reason=reason)
        await self._recorder.record(save=[(self.incidents, moved)], messages=[message])


def _references(report: CallReport) -> tuple[str, ...]:
    return (rules.reference_of(report.source, report.caller_reference),) if report.caller_reference else ()


def _cell(position: Position) -> Cell:
    return int(position.latitude_deg // CELL_LATITUDE_DEG), int(position.longitude_deg // CELL_LONGITUDE_DEG)


def _raw(row: Mapping[str, Any]) -> str:
    try:
        return msgspec.json.encode(dict(row), enc_hook=str).decode()
    except (TypeError, ValueError, RecursionError, OverflowError):
        return repr(row)
