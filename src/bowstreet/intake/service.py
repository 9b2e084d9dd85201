"""Takes reports in: validates, merges, opens, quarantines; each with its entry in the ledger before anyone hears of it."""

from collections import deque
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec
import structlog

from bowstreet.accountability.recorder import Recorder
from bowstreet.errors import Conflict, MalformedReport, NotFound, Refused, StoreUnavailable
from bowstreet.intake import rules
from bowstreet.intake.area import OperatingArea
from bowstreet.intake.known import Places, References
from bowstreet.intake.model import CallReport, CloseReason, Incident, IncidentState, Quarantined
from bowstreet.intake.quarantine import Quarantine
from bowstreet.messages import CallMerged, IncidentChanged, IncidentOpened, Message
from bowstreet.runtime.ports import Clock, Ids, Store
from bowstreet.runtime.records import Collection

log = structlog.get_logger(__name__)

# More open incidents than London has in a week of immediate calls are a fault of the sender. What comes then is kept in
# quarantine for a person, so that a flood neither fills the memory nor buries the calls that are there.
MAX_OPEN = 10_000
# How often a report is put forward again when another act on the same records came in between.
MAX_ATTEMPTS = 3


class IntakeService:
    """The incidents of one operation.

    Args:
        max_age: live, reports older than this are refused; None for replays.
        check_future: whether reports ahead of the clock are refused.
        held_closed: closed incidents that stay at hand; older ones are in the store only. None keeps all, for a simulation.

    Attributes:
        incidents: those at hand, every open one among them.
        quarantined: the latest reports that could not be used.
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
        held_closed: int | None = None,
    ) -> None:
        self._recorder, self._store, self._clock, self._ids = recorder, store, clock, ids
        self.area = area
        self._max_age, self._check_future = max_age, check_future
        self.incidents: Collection[Incident] = Collection(
            "incident", Incident, id_of=lambda one: one.incident_id, state_of=lambda one: one.state.value
        )
        self._quarantine = Quarantine(recorder, clock, ids)
        self._references, self._places = References(), Places()
        self._held_closed = held_closed
        self._closed: deque[str] = deque()
        self._reports = 0
        self._incidents = 0
        recorder.bus.subscribe(IncidentChanged, self._on_changed)

    @property
    def quarantined(self) -> Collection[Quarantined]:
        return self._quarantine.collection

    async def load(self) -> None:
        """Take up what is recorded; what was received before a restart is known after it."""
        await self.incidents.load(self._store)
        await self._quarantine.load(self._store)
        await self._references.load(self._store)
        for incident in self.incidents.all():
            self._places.add(incident)
            self._reports += incident.reports + incident.repeats
            if incident.state is IncidentState.CLOSED:
                self._closed.append(incident.incident_id)
        self._incidents = len(self.incidents)
        self._let_go()

    def counts(self) -> dict[str, int]:
        """`received`, `incidents`, `duplicates`, `quarantined`: every report is one of the last three."""
        return {
            "received": self._reports + self._quarantine.total,
            "incidents": self._incidents,
            "duplicates": self._reports - self._incidents,
            "quarantined": self._quarantine.total,
        }

    # --- reports ----------------------------------------------------------------------------------------------------

    async def receive_raw(
        self, row: Mapping[str, Any], source: str, line: int | None = None, part: int = 1
    ) -> Incident | Quarantined:
        """A report as it came. One that cannot be used is quarantined with its reason."""
        try:
            report = rules.parse_report(
                row, source=source, area=self.area, now=self._clock.now() if self._check_future else None, max_age=self._max_age
            )
            return await self.receive(report)
        except (MalformedReport, Refused) as error:
            return await self.quarantine(source, line, str(error), _raw(row), part)

    async def quarantine(self, source: str, line: int | None, reason: str, raw: str, part: int = 1) -> Quarantined:
        """Keep what cannot be used, for a person to mend. A row of a file is kept once, however often the file is replayed.

        Args:
            line: of the file it came from, counted from 1; None for what came by itself.
            part: which of the reports on that line.
        """
        return await self._quarantine.keep(source, None if line is None else (line, part), reason, raw)

    async def receive(self, report: CallReport) -> Incident:
        """Merge a report into the incident it is about, or open one. A reference leads to the same incident for ever.

        Raises:
            Refused: far too many incidents are open.
            StoreUnavailable: it could not be recorded. Nothing happened; offer it again.
        """
        for _ in range(MAX_ATTEMPTS):
            try:
                return await self._receive(report)
            except Conflict:
                log.info("a report is put forward again", source=report.source)
                self._references.doubt()
        raise StoreUnavailable("what the report is about keeps changing", remedy="offer it again")

    async def _receive(self, report: CallReport) -> Incident:
        known = await self.referred(report.source, report.caller_reference)
        # From here to the recorder nothing waits, so that two reports of one thing never open two incidents.
        same = known or self._find_same(report)
        return await (self._open(report) if same is None else self._merge(report, same, again=known is not None))

    async def referred(self, source: str, caller_reference: str | None) -> Incident | None:
        """The incident that a source's reference has become, however long ago."""
        if not caller_reference:
            return None
        incident_id = await self._references.fetch(rules.reference_of(source, caller_reference))
        try:
            return None if incident_id is None else await self.incidents.fetch(incident_id)
        except NotFound:
            return None  # its time of retention is over: what comes now is something new

    def known(self, source: str, caller_reference: str | None) -> Incident | None:
        """The same without waiting: of those that are at hand."""
        if not caller_reference:
            return None
        incident_id = self._references.find(rules.reference_of(source, caller_reference))
        return None if incident_id is None else self.incidents.find(incident_id)

    def is_quarantined(self, source: str, line: int, part: int = 1) -> bool:
        """Whether this row of a file was put into quarantine before; of those that are at hand."""
        return self._quarantine.has(source, (line, part))

    async def _open(self, report: CallReport) -> Incident:
        if len(self.incidents) >= MAX_OPEN and len(self.incidents.in_states(IncidentState.OPEN)) >= MAX_OPEN:
            raise Refused(f"{MAX_OPEN} incidents are open already", remedy="look at who sends them, then give this one again")
        now = self._clock.now()
        incident = Incident(
            incident_id=self._ids.new("inc"),
            reported_at=report.reported_at,
            opened_at=now,
            position=report.position,
            grade=report.grade,
            category=report.category,
            caller_references=rules.references_of(report),
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
        self._places.add(incident)
        await self._record(report, incident, [opened])
        self._incidents += 1
        return self.incidents.find(incident.incident_id) or incident

    async def _merge(self, report: CallReport, incident: Incident, *, again: bool) -> Incident:
        now = self._clock.now()
        merged = rules.merge(incident, report, again=again)
        messages: list[Message] = []
        if merged.reports != incident.reports:
            messages.append(CallMerged(at=now, incident_id=incident.incident_id, reports=merged.reports))
        if merged.grade is not incident.grade:
            why = f"raised to {merged.grade.value}"
            messages.append(IncidentChanged(at=now, incident_id=incident.incident_id, state=merged.state.value, reason=why))
        if merged.reported_at != incident.reported_at:
            self._places.add(merged)
        await self._record(report, merged, messages)
        return self.incidents.find(incident.incident_id) or merged

    async def _record(self, report: CallReport, incident: Incident, messages: list[Message]) -> None:
        references = rules.references_of(report)
        known = self._references.saves(references, incident.incident_id)
        await self._recorder.record(save=[(self.incidents, incident), *known], messages=messages)
        self._references.hold(references)
        self._reports += 1

    def _find_same(self, report: CallReport) -> Incident | None:
        """The one that was opened first, should there be several."""
        near = (self.incidents.find(incident_id) for incident_id in self._places.near(report))
        same = [incident for incident in near if incident is not None and rules.is_duplicate(report, incident)]
        return min(same, key=lambda incident: incident.incident_id, default=None)

    # --- moving on ----------------------------------------------------------------------------------------------------

    def move(
        self,
        incident_id: str,
        state: IncidentState,
        *,
        close_reason: CloseReason | None = None,
        eyes_on_at: datetime | None = None,
        reason: str = "",
        by: str = "",
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
        why = reason or (close_reason.value if close_reason else "")
        return moved, IncidentChanged(at=now, incident_id=incident_id, state=state.value, reason=why, by=by)

    async def moved(
        self,
        incident_id: str,
        state: IncidentState,
        *,
        close_reason: CloseReason | None = None,
        eyes_on_at: datetime | None = None,
        reason: str = "",
        by: str = "",
    ) -> None:
        """Record that the incident moved on. Raises `Conflict` when its present state does not allow it."""
        moved, message = self.move(incident_id, state, close_reason=close_reason, eyes_on_at=eyes_on_at, reason=reason, by=by)
        await self._recorder.record(save=[(self.incidents, moved)], messages=[message])

    async def _on_changed(self, message: IncidentChanged) -> None:
        if message.state == IncidentState.CLOSED:
            self._closed.append(message.incident_id)
            self._let_go()

    def _let_go(self) -> None:
        """Keep only so many closed incidents at hand. One that was opened again, or fetched, waits for its next turn."""
        if self._held_closed is None:
            self._closed.clear()
            return
        while len(self._closed) > self._held_closed:
            incident = self.incidents.find(self._closed.popleft())
            if incident is not None and incident.state is IncidentState.CLOSED:
                self.incidents.forget(incident.incident_id)


def _raw(row: Mapping[str, Any]) -> str:
    try:
        return msgspec.json.encode(dict(row), enc_hook=str).decode()
    except (TypeError, ValueError, RecursionError, OverflowError):
        return ", ".join(f"{key!a}: {_shown(value)}" for key, value in row.items())


def _shown(value: object) -> str:
    try:
        return ascii(value)
    except (ValueError, RecursionError):  # a whole number of thousands of digits, or what is nested without end
        return f"({type(value).__name__})"
