"""The fleet as others may see it, made anew from what the service knows whenever it is asked for."""

from collections.abc import Mapping

from bowstreet.errors import NotFound
from bowstreet.flight.book import Book
from bowstreet.flight.docks import Docks
from bowstreet.flight.fleet import Craft
from bowstreet.flight.model import DockStatus
from bowstreet.flight.ports import VehicleLink
from bowstreet.flight.views import DockView, VehicleView


class Picture:
    """Reads what `FlightService` keeps, and changes nothing."""

    def __init__(self, crafts: Mapping[str, Craft], docks: Docks, book: Book, link: VehicleLink) -> None:
        self._crafts, self._docks, self._book, self._link = crafts, docks, book, link

    def vehicle(self, vehicle_id: str) -> VehicleView:
        craft = self._crafts.get(vehicle_id)
        if craft is None:
            raise NotFound(f"there is no vehicle '{vehicle_id}'", remedy="ask for the list of vehicles")
        mission = None if craft.mission_id is None else self._book.mission(craft.mission_id)
        status, reason = craft.judge(self._link.heard_s_ago(vehicle_id))
        return VehicleView(
            vehicle_id=vehicle_id,
            config=craft.config,
            airframe=craft.airframe,
            status=status,
            reason=reason,
            dock_id=craft.last_dock if mission is None else mission.bound_for,
            mission_id=craft.mission_id,
            phase=None if mission is None else mission.phase,
            telemetry=craft.telemetry,
            position_trusted=not craft.doubt,
        )

    def vehicles(self) -> list[VehicleView]:
        """All vehicles, in the order in which they are configured."""
        return [self.vehicle(vehicle_id) for vehicle_id in self._crafts]

    def dock(self, dock_id: str) -> DockView:
        if dock_id not in self._docks.configs:
            raise NotFound(f"there is no dock '{dock_id}'", remedy="ask for the list of docks")
        report = self._docks.reports.get(dock_id)
        status = self._docks.status(dock_id)
        return DockView(
            dock_id=dock_id,
            config=self._docks.configs[dock_id],
            status=status,
            reason="not heard for more than 10 s" if status is DockStatus.STALE else "",
            pads_taken=0 if report is None else sum(pad != 0 for pad in report.pads),
            pads_free=max(0, self._docks.pads_free(dock_id)),
            wind_speed_mps=None if report is None else report.wind_speed_mps,
            wind_from_deg=None if report is None else report.wind_from_deg,
        )

    def docks(self) -> list[DockView]:
        """All docks, in the order in which they are configured."""
        return [self.dock(dock_id) for dock_id in self._docks.configs]
