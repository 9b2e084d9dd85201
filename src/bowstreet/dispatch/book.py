"""The fleet as dispatch works with it: flight's word on each drone, turned into rows, and only those that may have changed."""

from datetime import datetime

from bowstreet.dispatch.fleet import Fleet
from bowstreet.dispatch.model import Drone
from bowstreet.flight.model import DockStatus, VehicleStatus
from bowstreet.flight.service import FlightService
from bowstreet.flight.views import VehicleView
from bowstreet.geo import GridPoint, to_grid
from bowstreet.intake.service import IntakeService

# Above this a battery is full as far as planning goes: the drone is not looked at again until something happens to it.
FULL = 0.999
# A dock in one of these lets nothing out.
SHUT = (DockStatus.JAMMED, DockStatus.STALE, DockStatus.UNSEEN)


class FleetBook:
    """Rows of a `Fleet`, brought up to date when a decision needs them.

    A drone at rest with a full battery changes only when flight says so; one that flies or charges changes by itself and is
    looked at before each decision.
    """

    def __init__(self, flight: FlightService, intake: IntakeService) -> None:
        self._flight, self._intake = flight, intake
        self._docks: dict[str, GridPoint] = {}
        self._moving: set[str] = set()
        self._changed: set[str] = set()
        self._resting: dict[str, datetime] = {}
        self.fleet = Fleet(())

    def load(self) -> None:
        """Take in the whole fleet."""
        self._docks = {view.dock_id: to_grid(view.config.position) for view in self._flight.dock_views()}
        self.fleet = Fleet(self._drone(view) for view in self._flight.vehicle_views())

    def changed(self, vehicle_id: str) -> None:
        """Flight said something about this drone: its row is written anew before the next decision."""
        self._changed.add(vehicle_id)

    def dock_changed(self, dock_id: str) -> None:
        self._changed.update(drone.vehicle_id for drone in self.fleet.drones if drone.dock_id == dock_id)

    def rest(self, vehicle_id: str, until: datetime) -> None:
        """Leave this drone alone until then: its last launch was broken off."""
        self._resting[vehicle_id] = until
        self._changed.add(vehicle_id)

    def refresh(self, now: datetime) -> Fleet:
        """The fleet as it is now."""
        for vehicle_id in [one for one, until in self._resting.items() if until <= now]:
            del self._resting[vehicle_id]
            self._changed.add(vehicle_id)
        for vehicle_id in sorted(self._changed | self._moving):
            if vehicle_id in self.fleet.row:
                self.fleet.put(self._drone(self._flight.vehicle_view(vehicle_id)))
        self._changed.clear()
        return self.fleet

    def drone(self, vehicle_id: str) -> Drone:
        """One drone as it is now. Raises `NotFound`."""
        return self._drone(self._flight.vehicle_view(vehicle_id))

    def _drone(self, view: VehicleView) -> Drone:
        home = self._docks[view.dock_id]
        status, why = view.status, view.reason
        telemetry = view.telemetry
        charge = 0.0 if telemetry is None else telemetry.charge_fraction
        mission = None if view.mission_id is None else self._flight.missions.find(view.mission_id)
        if mission is None and status in (VehicleStatus.READY, VehicleStatus.CHARGING):
            dock = self._flight.dock_view(view.dock_id)
            if dock.status in SHUT:
                status, why = VehicleStatus.UNFIT, f"its dock is {dock.status.value}"
            elif view.vehicle_id in self._resting:
                status, why = VehicleStatus.UNFIT, "its last launch was broken off a moment ago"
        flies = mission is not None and mission.phase.is_airborne and telemetry is not None
        if mission is not None or charge < FULL:
            self._moving.add(view.vehicle_id)
        else:
            self._moving.discard(view.vehicle_id)
        incident = None if mission is None else self._intake.incidents.find(mission.incident_id)
        grade = None if mission is None else (incident.grade.value if incident is not None else mission.grade)
        return Drone(
            vehicle_id=view.vehicle_id,
            dock_id=view.dock_id,
            at=to_grid(telemetry.position) if flies and telemetry is not None else home,
            home=home,
            status=VehicleStatus.BUSY if mission is not None and status in _ON_DUTY else status,
            charge_fraction=charge,
            airframe=view.airframe,
            unfit_reason=why,
            mission_id=None if mission is None else mission.mission_id,
            mission_incident_id=None if mission is None else mission.incident_id,
            mission_grade=grade,
            mission_phase=None if mission is None else mission.phase.value,
        )


_ON_DUTY = (VehicleStatus.READY, VehicleStatus.CHARGING, VehicleStatus.BUSY)
