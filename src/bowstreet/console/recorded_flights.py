"""Flights that are over, as disclosure asks for them: from the records of flight and intake, and the telemetry store."""

from datetime import datetime

import msgspec

from bowstreet.accountability.disclosure.model import Facts
from bowstreet.accountability.disclosure.rules import Track
from bowstreet.errors import NotFound
from bowstreet.flight.model import Telemetry
from bowstreet.flight.service import FlightService
from bowstreet.intake.service import IntakeService
from bowstreet.runtime.ports import TelemetryStore

NO_BOROUGH = "outside the area"
_decode = msgspec.msgpack.Decoder(Telemetry).decode


class RecordedFlights:
    def __init__(self, flight: FlightService, intake: IntakeService, telemetry: TelemetryStore) -> None:
        self._flight, self._intake, self._telemetry = flight, intake, telemetry

    async def facts(self, mission_id: str) -> Facts | None:
        try:
            mission = await self._flight.missions.fetch(mission_id)
            incident = await self._intake.incidents.fetch(mission.incident_id)
        except NotFound:
            return None
        if mission.took_off_at is None or not mission.phase.is_final:
            return None
        borough = self._intake.area.borough_of(incident.position)
        return Facts(
            mission_id=mission_id, vehicle_id=mission.vehicle_id, purpose=mission.purpose, category=incident.category,
            scene=incident.position, borough=NO_BOROUGH if borough is None else borough.name,
            took_off_at=mission.took_off_at, eyes_on_at=mission.eyes_on_at,
            ended_at=mission.landed_at or mission.phase_since or mission.took_off_at,
            outcome=_outcome(mission.phase.value, mission.eyes_on_at),
        )  # fmt: skip

    def is_under_way(self, mission_id: str) -> bool:
        mission = self._flight.missions.find(mission_id)
        return mission is not None and not mission.phase.is_final

    async def track(self, vehicle_id: str, start: datetime, end: datetime) -> Track:
        rows = [_decode(row) for row in await self._telemetry.between(vehicle_id, start, end)]
        return [(row.at, row.position) for row in rows]


def _outcome(phase: str, eyes_on_at: datetime | None) -> str:
    if phase == "lost":
        return "did not come home by itself"
    return "called back on the way" if eyes_on_at is None else "seen, and home"
