"""Reads the running services, changes nothing, and says what of it partners could be shown now."""

import math
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import msgspec

from bowstreet.dispatch.follows import Follows
from bowstreet.flight import lens
from bowstreet.flight.model import Mission, Telemetry
from bowstreet.flight.service import FlightService
from bowstreet.flight.views import VehicleView
from bowstreet.geo import Position
from bowstreet.intake.model import IncidentState
from bowstreet.intake.service import IntakeService
from bowstreet.runtime.ports import Clock
from bowstreet.tak.model import DroneSeen, IncidentSeen, Item, Kind, LookAt, Situation, SubjectSeen
from bowstreet.tracking.model import FollowPhase
from bowstreet.tracking.plane import Plane
from bowstreet.tracking.wire import Findings
from bowstreet.video.service import VideoService

# Moved less than this, a drone hovers, and has no course; positions are good to about a metre.
LEAST_MOVE_M = 3.0
# Findings of which no newer one came for so long are of a picture that stands still.
OLDEST_LOOK = timedelta(seconds=5)
_FLOWN = (IncidentState.ASSIGNED, IncidentState.ON_SCENE)
_PLACED = (FollowPhase.HELD, FollowPhase.COASTING)


class View:
    """Remembers of each drone where it was, of each analyst when it last said something new, of each incident when it changed.

    Args:
        clock: the run's, by which the services tell moments.
        real_clock: this machine's, by which partners are told them.
    """

    def __init__(
        self, intake: IntakeService, flight: FlightService, video: VideoService, follows: Follows, clock: Clock,
        real_clock: Clock, borough_of: Callable[[Position], str | None],
    ) -> None:  # fmt: skip
        self._intake, self._flight, self._video, self._follows = intake, flight, video, follows
        self._clock, self._real_clock, self._borough_of = clock, real_clock, borough_of
        self._moved: dict[str, tuple[Position, float | None]] = {}
        self._looked: dict[str, tuple[int, datetime]] = {}
        self._told: dict[str, tuple[Telemetry, datetime]] = {}
        self._incidents: dict[str, IncidentSeen] = {}

    def now(self) -> Situation:
        """The situation as it is."""
        at, items, standing = self._real_clock.now(), [], set()
        incidents = self._incidents_flown(at)
        items += list[Item](incidents.values())
        flying = self._flight.active_missions()
        for mission in flying:
            if not mission.phase.is_airborne:
                continue
            vehicle = self._flight.picture.vehicle(mission.vehicle_id)
            borough = self._borough_for(mission, incidents)
            standing |= {(Kind.DRONES, mission.vehicle_id)}
            follow = self._follows.of_vehicle(mission.vehicle_id)
            if follow is not None:
                standing.add((Kind.SUBJECTS, follow.id))
            look = self._look(mission.vehicle_id, at)
            drone = self._drone(vehicle, mission, borough, look)
            items += [one for one in (drone, self._look_at(mission, borough, look)) if one is not None]
            if follow is not None and (subject := self._subject(mission, borough, look, follow.id)) is not None:
                items.append(subject)
        self._forget({one.vehicle_id for one in flying})
        return Situation(items=tuple(items), standing=frozenset(standing))

    def _forget(self, flying: set[str]) -> None:
        remembered: tuple[dict[str, Any], ...] = (self._moved, self._looked, self._told)
        for known in remembered:
            for vehicle_id in known.keys() - flying:
                del known[vehicle_id]

    # --- incidents --------------------------------------------------------------------------------------------------------

    def _incidents_flown(self, at: datetime) -> dict[str, IncidentSeen]:
        """Those for which a drone is assigned or there; of the others nobody else is told."""
        found: dict[str, IncidentSeen] = {}
        for incident in self._intake.incidents.in_states(*_FLOWN):
            before = self._incidents.get(incident.incident_id)
            seen = IncidentSeen(
                incident_id=incident.incident_id, borough=self._borough_of(incident.position), position=incident.position,
                grade=incident.grade, category=incident.category, state=incident.state,
                changed_at=at if before is None else before.changed_at,
            )  # fmt: skip
            found[incident.incident_id] = (
                seen if seen == before or before is None else msgspec.structs.replace(seen, changed_at=at)
            )
        self._incidents = found
        return found

    def _borough_for(self, mission: Mission, incidents: dict[str, IncidentSeen]) -> str | None:
        """Where its incident is; on the way home that may be closed already."""
        if mission.incident_id in incidents:
            return incidents[mission.incident_id].borough
        incident = self._intake.incidents.find(mission.incident_id)
        return None if incident is None else self._borough_of(incident.position)

    # --- drones -----------------------------------------------------------------------------------------------------------

    def _drone(self, vehicle: VehicleView, mission: Mission, borough: str | None, look: Findings | None) -> DroneSeen | None:
        """None when it is not known where it is."""
        told = vehicle.telemetry
        if told is None or not vehicle.position_trusted:
            return None
        looks_deg, range_m = self._looks(told, look)
        watches = self._shows(vehicle.vehicle_id)
        return DroneSeen(
            vehicle_id=vehicle.vehicle_id, incident_id=mission.incident_id, borough=borough, taken_at=self._taken_at(told),
            position=told.position, altitude_m_amsl=told.altitude_m_amsl, phase=mission.phase,
            ground_speed_mps=told.ground_speed_mps, course_deg=self._course(vehicle.vehicle_id, told.position),
            charge_fraction=told.charge_fraction, looks_deg=looks_deg if watches else None, tilt_deg=told.gimbal_pitch_deg,
            field_of_view_deg=self._field_of_view_deg(vehicle, told, look), range_m=range_m if watches else None,
        )  # fmt: skip

    def _taken_at(self, told: Telemetry) -> datetime:
        """By this machine's clock: so long ago as it was by the run's. Asked again about the same word it says the same."""
        known = self._told.get(told.vehicle_id)
        if known is not None and known[0] is told:
            return known[1]
        age = max(timedelta(0), self._clock.now() - told.at) + timedelta(seconds=told.position_age_s)
        taken_at = self._real_clock.now() - age
        self._told[told.vehicle_id] = (told, taken_at)
        return taken_at

    def _course(self, vehicle_id: str, at: Position) -> float | None:
        """Over the ground, from where it was; a drone that looks at a scene flies sideways, and its heading is no course."""
        before = self._moved.get(vehicle_id)
        if before is None:
            self._moved[vehicle_id] = (at, None)
            return None
        east, north = Plane(before[0]).to_metres(at)
        if math.hypot(east, north) < LEAST_MOVE_M:
            return before[1]
        course = math.degrees(math.atan2(east, north)) % 360.0
        self._moved[vehicle_id] = (at, course)
        return course

    def _shows(self, vehicle_id: str) -> bool:
        """Whether its camera may look down now (D2)."""
        stream = self._video.of_vehicle(vehicle_id)
        return stream is not None and stream.order.live and not stream.order.level

    @staticmethod
    def _field_of_view_deg(vehicle: VehicleView, told: Telemetry, look: Findings | None) -> float | None:
        """As the stream itself tells it, or its camera; None where neither does."""
        if look is not None and look.pose is not None:
            return look.pose.horizontal_fov_deg
        return lens.field_of_view_deg(vehicle.config, told)

    @staticmethod
    def _looks(told: Telemetry, look: Findings | None) -> tuple[float, float | None]:
        """Azimuth of the camera, and how far away what it looks at is; from the picture where that is located."""
        if look is None or look.looks_at is None:
            return told.heading_deg, None
        east, north = Plane(told.position).to_metres(look.looks_at.position)
        level = math.hypot(east, north)
        if level < 1.0:  # straight down
            return told.heading_deg, None
        return math.degrees(math.atan2(east, north)) % 360.0, level

    # --- what is in the picture -------------------------------------------------------------------------------------------

    def _look(self, vehicle_id: str, at: datetime) -> Findings | None:
        """The last look of its analyst, when it is new and its camera may look down."""
        found = self._follows.latest(vehicle_id)
        if found is None or not self._shows(vehicle_id):
            return None
        known = self._looked.get(vehicle_id)
        if known is None or known[0] != found.sequence:
            self._looked[vehicle_id] = known = (found.sequence, at)
        return found if at - known[1] <= OLDEST_LOOK else None

    def _look_at(self, mission: Mission, borough: str | None, look: Findings | None) -> LookAt | None:
        if look is None or look.looks_at is None:
            return None
        return LookAt(
            vehicle_id=mission.vehicle_id, incident_id=mission.incident_id, borough=borough,
            taken_at=self._looked[mission.vehicle_id][1], position=look.looks_at.position, ellipse=look.looks_at.ellipse,
        )  # fmt: skip

    def _subject(self, mission: Mission, borough: str | None, look: Findings | None, follow_id: str) -> SubjectSeen | None:
        """None while it is not known where it is, or the pilot has not said who it is."""
        found = None if look is None else look.follow
        if found is None or found.follow_id != follow_id or found.place is None or found.phase not in _PLACED:
            return None
        return SubjectSeen(
            follow_id=follow_id, vehicle_id=mission.vehicle_id, incident_id=mission.incident_id, borough=borough,
            taken_at=self._looked[mission.vehicle_id][1], position=found.place.position, ellipse=found.place.ellipse,
            shape=found.shape, quality=found.quality, unseen_s=found.unseen_s, motion=found.motion,
        )  # fmt: skip
