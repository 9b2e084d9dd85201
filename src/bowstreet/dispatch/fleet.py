"""The fleet as columns: one row a drone, so that a whole city is looked at in a few array operations.

Rows stay in order of `vehicle_id`, which makes every tie between drones come out the same each time. The rules only read it;
the service writes a row when a drone changes.
"""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from bowstreet.dispatch.model import Drone
from bowstreet.flight.model import Airframe, Phase, VehicleStatus
from bowstreet.geo import FloatArray
from bowstreet.intake.model import Grade

STATUSES: tuple[VehicleStatus, ...] = tuple(VehicleStatus)
_STATUS_CODE = {status: code for code, status in enumerate(STATUSES)}
PHASES: tuple[Phase, ...] = tuple(Phase)
_PHASE_CODE = {phase.value: code for code, phase in enumerate(PHASES)}
NO_PHASE = -1
# Ranks below every real grade: a drone without a mission serves nobody.
NO_GRADE = len(Grade)


def status_code(status: VehicleStatus) -> int:
    """How a status stands in `Fleet.status`."""
    return _STATUS_CODE[status]


def phase_code(phase: str | None) -> int:
    """How a mission phase stands in `Fleet.phase`; `NO_PHASE` for none."""
    return NO_PHASE if phase is None else _PHASE_CODE[phase]


class Fleet:
    """Drones and, beside them, their columns (float64, one entry a drone).

    Attributes:
        drones: the rows, in order of vehicle id.
        east_m, north_m: where each is, National Grid.
        charge: fraction of a full battery.
        status, phase, rank: codes of `status_code` and `phase_code`, and the rank of the grade that its mission serves.
        airframes: the distinct airframes; `airframe` holds each row's index into them.
        cruise_mps, max_wind_mps: of each one's airframe.
        dock_east_m, dock_north_m: the dock each would return to.
        on_mission: whether it has one.
    """

    def __init__(self, drones: Iterable[Drone]) -> None:
        self.drones = sorted(drones, key=lambda drone: drone.vehicle_id)
        self.row = {drone.vehicle_id: row for row, drone in enumerate(self.drones)}
        self.airframes: list[Airframe] = []
        self._airframe_index: dict[Airframe, int] = {}
        size = len(self.drones)
        self.east_m, self.north_m, self.charge = (np.zeros(size) for _ in range(3))
        self.dock_east_m, self.dock_north_m = np.zeros(size), np.zeros(size)
        self.cruise_mps, self.max_wind_mps = np.zeros(size), np.zeros(size)
        self.on_mission = np.zeros(size, dtype=np.bool_)
        self.status, self.phase, self.rank, self.airframe = (np.zeros(size, dtype=np.int64) for _ in range(4))
        self._near: dict[float, FloatArray] = {}
        self._hardiest_mps: float | None = None
        for row in range(size):
            self._write(row)

    def __len__(self) -> int:
        return len(self.drones)

    def put(self, drone: Drone) -> None:
        """Replace one drone's row. Raises `KeyError` for a drone that was not in the fleet."""
        row = self.row[drone.vehicle_id]
        if self.drones[row] != drone:
            self.drones[row] = drone
            self._write(row)

    def _write(self, row: int) -> None:
        drone = self.drones[row]
        self.east_m[row], self.north_m[row] = drone.at.easting_m, drone.at.northing_m
        home = drone.home or drone.at
        if (self.dock_east_m[row], self.dock_north_m[row]) != (home.easting_m, home.northing_m):
            self.dock_east_m[row], self.dock_north_m[row] = home.easting_m, home.northing_m
            self._near.clear()
        self.charge[row] = drone.charge_fraction
        self.on_mission[row] = drone.mission_id is not None
        self.status[row] = status_code(drone.status)
        self.phase[row] = phase_code(drone.mission_phase)
        self.rank[row] = NO_GRADE if drone.mission_grade is None else Grade(drone.mission_grade).rank
        self.airframe[row] = self._index_of(drone.airframe)
        if self.max_wind_mps[row] != drone.airframe.max_wind_mps:
            self._hardiest_mps = None
        self.cruise_mps[row], self.max_wind_mps[row] = drone.airframe.cruise_mps, drone.airframe.max_wind_mps

    def hardiest_mps(self) -> float:
        """The wind that the hardiest of them may fly in; 0 without a drone."""
        if self._hardiest_mps is None:
            self._hardiest_mps = float(self.max_wind_mps.max(initial=0.0))
        return self._hardiest_mps

    def _index_of(self, airframe: Airframe) -> int:
        if airframe not in self._airframe_index:
            self._airframe_index[airframe] = len(self.airframes)
            self.airframes.append(airframe)
        return self._airframe_index[airframe]

    def near(self, radius_m: float) -> FloatArray:
        """Square matrix: 1 where two docks are within that distance of each other, and on the diagonal."""
        if radius_m not in self._near:
            east, north = self.dock_east_m, self.dock_north_m
            squared = (east[:, None] - east) ** 2 + (north[:, None] - north) ** 2
            self._near[radius_m] = (squared <= radius_m**2).astype(np.float64)
        return self._near[radius_m]

    def with_status(self, *statuses: VehicleStatus) -> npt.NDArray[np.bool_]:
        """Mask of the drones in any of `statuses`."""
        return np.isin(self.status, [status_code(status) for status in statuses])
