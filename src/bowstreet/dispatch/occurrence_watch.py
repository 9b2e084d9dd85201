"""Flights as occurrences see them, and what only a look at the whole sky shows: two too near, one where it may not be."""

import itertools

import numpy as np

from bowstreet.accountability.occurrence.model import Kind, LastHeard, Sighting
from bowstreet.accountability.occurrence.service import Occurrences
from bowstreet.airspace.service import AirspaceService
from bowstreet.errors import NotFound
from bowstreet.flight.model import Mission, Phase, Telemetry
from bowstreet.flight.service import FlightService
from bowstreet.geo import to_grid
from bowstreet.intake.service import IntakeService
from bowstreet.runtime.ports import Clock

LOOK_EVERY_S = 1.0
# Seen so often in a row, so that one wrong position is nothing.
LOOKS = 3
# Levels are 5 m apart and drones on one level are kept 80 m apart: nearer than half of the one and the other, no plan meant it.
NEAR_M, NEAR_HEIGHT_M = 40.0, 2.5
# At a dock and over a scene ways begin and end together; what is kept apart there is kept apart by time.
_UNDER_WAY = (Phase.OUTBOUND, Phase.ON_SCENE, Phase.RETURNING, Phase.CONTROLLED, Phase.CONTINGENCY)


class KnownFlights:
    """The port of `accountability.occurrence`, from the records of flight and intake."""

    def __init__(self, flight: FlightService, intake: IntakeService) -> None:
        self._flight, self._intake = flight, intake

    def sighting(self, mission_id: str) -> Sighting | None:
        mission = self._flight.missions.find(mission_id)
        if mission is None:
            return None
        seen = _telemetry(self._flight, mission.vehicle_id)
        incident = self._intake.incidents.find(mission.incident_id)
        borough = None if incident is None else self._intake.area.borough_of(incident.position)
        return Sighting(
            mission_id=mission_id, vehicle_id=mission.vehicle_id, airframe=_airframe(self._flight, mission.vehicle_id),
            incident_id=mission.incident_id, borough=None if borough is None else borough.name,
            phase=(mission.resume or mission.phase).value, started_at=mission.took_off_at or mission.authorised_at,
            place=None if seen is None else LastHeard(
                latitude_deg=seen.position.latitude_deg, longitude_deg=seen.position.longitude_deg,
                height_m_above_dock=seen.height_m_above_dock,
            ),
        )  # fmt: skip


class OccurrenceWatch:
    """Looks at all that fly, once a second."""

    def __init__(self, occurrences: Occurrences, clock: Clock, flight: FlightService, airspace: AirspaceService) -> None:
        self._occurrences, self._clock, self._flight, self._airspace = occurrences, clock, flight, airspace
        self._looks: dict[tuple[Kind, str], int] = {}

    async def run(self) -> None:
        """For live wiring, as a task."""
        while True:
            await self._clock.sleep(LOOK_EVERY_S)
            await self.look()

    async def look(self) -> None:
        """Once."""
        flying = [
            (mission, seen)
            for mission in self._flight.active_missions()
            if mission.phase in _UNDER_WAY and (seen := _telemetry(self._flight, mission.vehicle_id)) and not seen.landed
        ]
        now_seen = {(Kind.INFRINGEMENT, one) for one in self._inside(flying)} | {(Kind.SEPARATION, one) for one in _near(flying)}
        self._looks = {key: self._looks.get(key, 0) + 1 for key in now_seen}
        for (kind, mission_id), looks in self._looks.items():
            if looks == LOOKS:
                await self._occurrences.observed(kind, mission_id, self._clock.now(), "seen")

    def _inside(self, flying: list[tuple[Mission, Telemetry]]) -> set[str]:
        points = [to_grid(seen.position) for _, seen in flying]
        eastings, northings = (np.array([getattr(point, axis) for point in points]) for axis in ("easting_m", "northing_m"))
        if not points:
            return set()
        return {flying[number][0].mission_id for number in self._airspace.strayed(eastings, northings)}


def _near(flying: list[tuple[Mission, Telemetry]]) -> set[str]:
    """Both flights of each pair that are too near each other."""
    if len(flying) < 2:
        return set()
    points = [to_grid(seen.position) for _, seen in flying]
    # In order of easting: only those within reach along it are compared.
    order = sorted(range(len(flying)), key=lambda number: points[number].easting_m)
    found = set()
    for place, one in enumerate(order):
        for other in itertools.islice(order, place + 1, None):
            if points[other].easting_m - points[one].easting_m >= NEAR_M:
                break
            apart_m = abs(flying[one][1].altitude_m_amsl - flying[other][1].altitude_m_amsl)
            if apart_m < NEAR_HEIGHT_M and points[one].distance_m(points[other]) < NEAR_M:
                found |= {flying[one][0].mission_id, flying[other][0].mission_id}
    return found


def _telemetry(flight: FlightService, vehicle_id: str) -> Telemetry | None:
    try:
        return flight.picture.vehicle(vehicle_id).telemetry
    except NotFound:  # it is not configured any more
        return None


def _airframe(flight: FlightService, vehicle_id: str) -> str:
    try:
        return flight.picture.vehicle(vehicle_id).airframe.name
    except NotFound:
        return "not known"
