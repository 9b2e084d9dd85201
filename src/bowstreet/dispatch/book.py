"""The fleet as dispatch works with it: flight's word on each drone, turned into rows, and only those that may have changed."""

from datetime import datetime, timedelta

from bowstreet.dispatch.fleet import Fleet
from bowstreet.dispatch.leaving import RELIEVED, WATCH_OVER
from bowstreet.dispatch.model import Drone
from bowstreet.flight.model import DockStatus, Mission, Phase, VehicleStatus
from bowstreet.flight.service import FlightService
from bowstreet.flight.views import VehicleView
from bowstreet.geo import GridPoint, to_grid
from bowstreet.intake.service import IntakeService

# Above this a battery is full as far as planning goes: the drone is not looked at again until something happens to it.
FULL = 0.999
# A drone that comes home for one of these reasons is as good as one on its pad; any other reason is a doubt about it.
FIT_TO_TURN = frozenset({"time-over", "withdrawn", RELIEVED, WATCH_OVER})
# A dock in one of these lets nothing out.
SHUT = frozenset({DockStatus.JAMMED, DockStatus.STALE, DockStatus.UNSEEN})
CHARGE_LOOK = timedelta(seconds=30)


class FleetBook:
    """Rows of a `Fleet`, brought up to date when a decision needs them.

    A drone at rest with a full battery changes only when flight says so. One that flies is looked at before each decision, and
    one that charges every half minute, in which it gains about 1%: what is known of it is never too much.
    """

    def __init__(self, flight: FlightService, intake: IntakeService) -> None:
        self._flight, self._intake = flight, intake
        self._docks: dict[str, GridPoint] = {}
        self._at_dock: dict[str, set[str]] = {}
        self._shut: set[str] = set()
        self._flying: set[str] = set()
        self._charging: set[str] = set()
        self._changed: set[str] = set()
        self._resting: dict[str, datetime] = {}
        self._given: dict[str, str] = {}
        self._refreshed_at: datetime | None = None
        self._charge_at: datetime | None = None
        self.fleet = Fleet(())

    def load(self) -> None:
        """Take in the whole fleet."""
        views = self._flight.picture.docks()
        self._docks = {view.dock_id: to_grid(view.config.position) for view in views}
        self._shut = {view.dock_id for view in views if view.status in SHUT}
        self.fleet = Fleet(self._drone(view) for view in self._flight.picture.vehicles())

    def changed(self, vehicle_id: str) -> None:
        """Flight said something about this drone: its row is written anew before the next decision."""
        self._changed.add(vehicle_id)

    def dock_changed(self, dock_id: str, status: str) -> None:
        """A dock that lets nothing out keeps its drones from being sent."""
        if (status in SHUT) is not (dock_id in self._shut):
            self._shut ^= {dock_id}
            self._changed.update(self._at_dock.get(dock_id, ()))

    def given(self, vehicle_id: str, mission_id: str) -> None:
        """It has been given a mission of which flight may not have heard yet. It is taken from this moment on."""
        self._given[vehicle_id] = mission_id
        self._changed.add(vehicle_id)

    def rest(self, vehicle_id: str, until: datetime) -> None:
        """Leave this drone alone until then: its last launch was broken off."""
        self._resting[vehicle_id] = until
        self._changed.add(vehicle_id)

    def refresh(self, now: datetime) -> Fleet:
        """The fleet as it is now. Asked twice in one moment, only drones that something was said of are looked at again."""
        for vehicle_id in [one for one, until in self._resting.items() if until <= now]:
            del self._resting[vehicle_id]
            self._changed.add(vehicle_id)
        stale = self._changed
        if now != self._refreshed_at:
            self._refreshed_at = now
            stale = stale | self._flying
            if self._charge_at is None or now >= self._charge_at:
                self._charge_at = now + CHARGE_LOOK
                stale = stale | self._charging
        for vehicle_id in sorted(stale):
            if vehicle_id in self.fleet.row:
                self.fleet.put(self._drone(self._flight.picture.vehicle(vehicle_id)))
        self._changed.clear()
        return self.fleet

    def drone(self, vehicle_id: str) -> Drone:
        """One drone as it is now. Raises `NotFound`."""
        return self._drone(self._flight.picture.vehicle(vehicle_id))

    def _drone(self, view: VehicleView) -> Drone:
        home, telemetry, mission = self._docks[view.dock_id], view.telemetry, self._mission(view)
        charge = 0.0 if telemetry is None else telemetry.charge_fraction
        self._sort(view, mission is not None, charge)
        status, why = self._status(view, mission)
        if mission is None or telemetry is None:
            return Drone(
                vehicle_id=view.vehicle_id, dock_id=view.dock_id, at=home, home=home, status=status, charge_fraction=charge,
                airframe=view.airframe, unfit_reason=why,
            )  # fmt: skip
        incident = self._intake.incidents.find(mission.incident_id)
        return Drone(
            vehicle_id=view.vehicle_id, dock_id=view.dock_id, home=home, status=status, charge_fraction=charge,
            at=to_grid(telemetry.position) if mission.phase.is_airborne else home, airframe=view.airframe, unfit_reason=why,
            mission_id=mission.mission_id, mission_incident_id=mission.incident_id, mission_phase=mission.phase.value,
            mission_grade=mission.grade if incident is None else incident.grade.value,
        )  # fmt: skip

    def _sort(self, view: VehicleView, flying: bool, charge: float) -> None:
        """Note how often this drone must be looked at, and which dock it depends on."""
        name = view.vehicle_id
        (self._flying.add if flying else self._flying.discard)(name)
        (self._charging.add if not flying and charge < FULL else self._charging.discard)(name)
        row = self.fleet.row.get(name)
        if row is not None and self.fleet.drones[row].dock_id != view.dock_id:
            self._at_dock[self.fleet.drones[row].dock_id].discard(name)
        self._at_dock.setdefault(view.dock_id, set()).add(name)

    def _status(self, view: VehicleView, mission: Mission | None) -> tuple[VehicleStatus, str]:
        """Flight's word, and what dispatch knows beyond it."""
        if view.status not in _ON_DUTY:
            return view.status, view.reason
        if mission is None:
            if view.dock_id in self._shut:
                return VehicleStatus.UNFIT, f"its dock is {self._flight.picture.dock(view.dock_id).status.value}"
            if view.vehicle_id in self._resting:
                return VehicleStatus.UNFIT, "its last launch was broken off a moment ago"
            return view.status, view.reason
        why = mission.return_reason
        if mission.phase is Phase.RETURNING and why is not None and why.code not in FIT_TO_TURN:
            return VehicleStatus.UNFIT, f"comes home: {why.text}"
        return VehicleStatus.BUSY, view.reason

    def _mission(self, view: VehicleView) -> Mission | None:
        """The mission that a drone has, or was given a moment ago."""
        if view.mission_id is not None:
            self._given.pop(view.vehicle_id, None)
            return self._flight.missions.find(view.mission_id)
        given = self._given.get(view.vehicle_id)
        mission = None if given is None else self._flight.missions.find(given)
        if mission is None or mission.phase.is_final:
            self._given.pop(view.vehicle_id, None)
            return None
        return mission


_ON_DUTY = (VehicleStatus.READY, VehicleStatus.CHARGING, VehicleStatus.BUSY)
