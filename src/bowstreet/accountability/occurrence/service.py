"""The occurrences of one operation: opened by what the program hears of its flights and by people; every change is recorded."""

from collections.abc import Iterable
from datetime import datetime

import structlog
from msgspec.structs import replace

from bowstreet.accountability.occurrence import document, evidence, rules
from bowstreet.accountability.occurrence.model import Body, Evidence, Findings, Kind, Occurrence, OccurrenceState, Outcome, Sent
from bowstreet.accountability.occurrence.ports import Flights
from bowstreet.accountability.recorder import Recorder
from bowstreet.errors import BadInput, StoreUnavailable
from bowstreet.messages import MissionChanged, OccurrenceChanged
from bowstreet.runtime.ports import Clock, Ids, Store
from bowstreet.runtime.records import Collection

log = structlog.get_logger(__name__)

PROGRAM = "program"


class Occurrences:
    """Raises, beside what each method says, what `Recorder.record` does."""

    retention_class = "occurrence"

    def __init__(self, recorder: Recorder, store: Store, clock: Clock, ids: Ids, flights: Flights) -> None:
        self._recorder, self._store, self._clock, self._ids, self._flights = recorder, store, clock, ids, flights
        self._all: Collection[Occurrence] = Collection(
            "occurrence", Occurrence, id_of=lambda one: one.occurrence_id, state_of=lambda one: one.state
        )
        self._missed: dict[str, Occurrence] = {}  # seen while the record could not be written
        recorder.bus.subscribe(MissionChanged, self._on_changed)

    async def load(self) -> None:
        await self._all.load(self._store)

    def all(self) -> list[Occurrence]:
        return self._all.all()

    def find(self, occurrence_id: str) -> Occurrence | None:
        return self._all.find(occurrence_id)

    def get(self, occurrence_id: str) -> Occurrence:
        """Raises `NotFound`."""
        return self._all.get(occurrence_id)

    def owed(self) -> int:
        """How many have a deadline that runs."""
        return sum(rules.due_at(one) is not None for one in self._all.in_states(OccurrenceState.OPEN, OccurrenceState.REPORTED))

    # --- opened by the program ----------------------------------------------------------------------------------------

    async def _on_changed(self, message: MissionChanged) -> None:
        kind = rules.kind_of(message.phase, message.reason.code)
        if kind is not None:
            await self.observed(kind, message.mission_id, message.at, message.reason.code)

    async def observed(self, kind: Kind, mission_id: str, at: datetime, code: str) -> None:
        """The program saw it. One flight has one occurrence of a kind, however often it is told of it."""
        occurrence_id = f"occ-{mission_id}-{kind}"
        if self._all.find(occurrence_id) is None:
            await self._try(self._made(occurrence_id, kind, at, PROGRAM, mission_id, code))

    async def work(self) -> int:
        """Enter what was seen while the record could not be written; gives how many."""
        missed = list(self._missed.values())
        for one in missed:
            await self._try(one)
        return len(missed) - len(self._missed)

    async def _try(self, one: Occurrence) -> None:
        try:
            await self._save(one, PROGRAM)
            self._missed.pop(one.occurrence_id, None)
        except StoreUnavailable as error:
            self._missed[one.occurrence_id] = one
            log.error("an occurrence could not be recorded yet", kind=one.kind, error=str(error))

    # --- by people ------------------------------------------------------------------------------------------------------

    async def open(
        self, kind: Kind, occurred_at: datetime, findings: Findings, by: str, mission_id: str | None, vehicle_id: str | None
    ) -> Occurrence:
        """A person tells of one.

        Raises:
            BadInput: it lies in the future, or the findings contradict each other, or there is no such flight.
        """
        if occurred_at > self._clock.now():
            raise BadInput("it has not happened yet", remedy="mend the time")
        if mission_id is not None and self._flights.sighting(mission_id) is None:
            raise BadInput(f"there is no flight '{mission_id}'", remedy="leave it out, or look for its number in the record")
        rules.check_findings(findings)
        made = self._made(self._ids.new("occ"), kind, occurred_at, by, mission_id, "")
        about = made.evidence if vehicle_id is None else replace(made.evidence, vehicle_id=vehicle_id)
        return await self._save(replace(made, findings=findings, evidence=about), by)

    async def amend(self, occurrence_id: str, findings: Findings, by: str) -> Occurrence:
        """Raises `NotFound`, `BadInput`, `Refused`."""
        return await self._save(rules.amended(self.get(occurrence_id), findings), by)

    async def report(self, occurrence_id: str, body: Body, reference: str, by: str) -> Occurrence:
        """Keep that a body was told. The ledger's entries about it are attached as they are now. Raises `NotFound`, `Refused`."""
        one = rules.reported(self.get(occurrence_id), Sent(body=body, reference=reference, by=by, at=self._clock.now()))
        return await self._save(await self.with_evidence(one), by)

    async def close(self, occurrence_id: str, outcome: Outcome, by: str) -> Occurrence:
        """Raises `NotFound`, `Refused`."""
        one = rules.closed(self.get(occurrence_id), outcome, by, self._clock.now())
        return await self._save(await self.with_evidence(one), by)

    async def with_evidence(self, one: Occurrence) -> Occurrence:
        """With the places of the ledger's entries about its flight and vehicle; as they were kept, once it is closed."""
        about = one.evidence
        subjects = {about.mission_id, about.vehicle_id, one.occurrence_id} - {None}
        if (one.state is OccurrenceState.CLOSED and about.ledger) or not subjects:
            return one
        found = await evidence.entries_about(
            self._store, frozenset(map(str, subjects)), about.telemetry_from, about.telemetry_until
        )
        return replace(one, evidence=replace(about, ledger=found))

    # --- kept meanwhile -------------------------------------------------------------------------------------------------

    def telemetry_kept(self) -> list[tuple[str, datetime, datetime]]:
        """What must not be thinned away while an occurrence stands: vehicle, from, until."""
        standing = [*self._all.in_states(OccurrenceState.OPEN, OccurrenceState.REPORTED), *self._missed.values()]
        return [
            (one.evidence.vehicle_id, one.evidence.telemetry_from, one.evidence.telemetry_until)
            for one in standing
            if one.evidence.vehicle_id is not None
        ]

    async def since(self) -> Iterable[tuple[str, datetime]]:
        """For retention: from when it was closed."""
        return [(one.occurrence_id, one.closed_at) for one in self._all.all() if one.closed_at is not None]

    def records_of(self, subject_id: str) -> list[tuple[Collection[Occurrence], str]]:
        return [(self._all, subject_id)]

    # --- parts ----------------------------------------------------------------------------------------------------------

    def _made(self, occurrence_id: str, kind: Kind, at: datetime, by: str, mission_id: str | None, code: str) -> Occurrence:
        seen = None if mission_id is None else self._flights.sighting(mission_id)
        about = Evidence(
            mission_id=mission_id, incident_id=None, vehicle_id=None, airframe=None,
            telemetry_from=at - rules.BEFORE, telemetry_until=at + rules.AFTER,
        )  # fmt: skip
        made = Occurrence(
            occurrence_id=occurrence_id, kind=kind, occurred_at=at, known_at=self._clock.now(), opened_by=by, evidence=about,
            findings=rules.first_findings(kind, seen.phase if seen else ""), code=code,
        )  # fmt: skip
        if seen is None:
            return made
        about = replace(
            about, incident_id=seen.incident_id, vehicle_id=seen.vehicle_id, airframe=seen.airframe,
            telemetry_from=min(at, seen.started_at) - rules.BEFORE,
        )  # fmt: skip
        return replace(made, evidence=about, borough=seen.borough, place=seen.place)

    async def _save(self, one: Occurrence, by: str) -> Occurrence:
        said = OccurrenceChanged(
            at=self._clock.now(), occurrence_id=one.occurrence_id, occurrence_kind=one.kind, severity=one.findings.severity,
            state=one.state, by=by, digest=document.digest(one),
        )  # fmt: skip
        await self._recorder.record(save=[(self._all, one)], messages=[said])
        return one
