"""Cities to simulate: where docks stand and which drones live in them. Illustrative: no real dock stands at these places."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import numpy as np
import shapely

from bowstreet.errors import BadInput
from bowstreet.flight.airframes import AIRFRAMES, PATROL_QUADCOPTER
from bowstreet.flight.model import Airframe, DockConfig, VehicleConfig
from bowstreet.geo import FloatArray, GridPoint, Position, grid_arrays, to_grid, to_wgs84
from bowstreet.intake.area import CITY_OF_LONDON, OperatingArea
from bowstreet.intake.area import london as london_area
from bowstreet.simulation.spread import spread

# One drone is out, one is charged and one pad stays free for a drone that is diverted: the shape of the docks that are sold.
PADS_A_DOCK = 3
DRONES_A_DOCK = 2
# 32 boroughs with nine each: what the Islington pilot has, everywhere.
DEFAULT_LONDON_DRONES = 288
# Roofs of some storeys above the ground of the Thames basin; there is no terrain model in the demo.
DOCK_GROUND_M_AMSL = 35.0
# System ids of vehicles in MAVLink are 1 to 255; each simulated peer has its own port, so they may repeat over a city.
DOCK_SYSTEM_ID = 200
FIRST_PORT = 14_600
# Near to the edge of a restriction zone a drone can go one way only.
KEEP_OFF_M = 100.0


class City(msgspec.Struct, frozen=True, kw_only=True):
    """Docks and drones of a demo, with the area that they serve. `outlines` are borough boundaries on the National Grid."""

    name: str
    docks: tuple[DockConfig, ...]
    vehicles: tuple[VehicleConfig, ...]
    airframes: tuple[Airframe, ...]
    area: OperatingArea
    outlines: tuple[FloatArray, ...]

    def dock_points(self) -> FloatArray:
        """One row a dock, metres east and north."""
        places = [to_grid(dock.position) for dock in self.docks]
        return np.array([(place.easting_m, place.northing_m) for place in places], dtype=np.float64)

    def max_wind_mps(self) -> float:
        """The gusts that the hardiest of its drones may fly in."""
        used = {vehicle.airframe for vehicle in self.vehicles}
        return max(airframe.max_wind_mps for airframe in self.airframes if airframe.name in used)


# Typed by us from a street map to about 30 m, illustrative. None is within 400 m of Pentonville prison.
_ISLINGTON: tuple[tuple[str, float, float, int], ...] = (
    ("Tolpuddle Street", 51.5346, -0.1087, 3),
    ("Holloway", 51.5563, -0.1196, 2),
    ("Highbury", 51.5521, -0.0975, 2),
    ("Finsbury", 51.5262, -0.1003, 2),
)


def islington(drones: int | None = None) -> City:
    """The pilot: nine drones at four docks of three pads."""
    wanted = sum(count for *_, count in _ISLINGTON) if drones is None else drones
    places = [(name, Position(latitude_deg=lat, longitude_deg=lon)) for name, lat, lon, _ in _ISLINGTON]
    counts = [count for *_, count in _ISLINGTON] if drones is None else _shares(wanted, [1.0] * len(places))
    if max(counts) > PADS_A_DOCK:
        raise BadInput(f"{wanted} drones do not fit the pilot's {len(places) * PADS_A_DOCK} pads", remedy="use --demo london")
    area = london_area()
    return _city(
        "islington", list(zip(places, counts, strict=True)), area, [b.polygon for b in area.boroughs if b.name == "Islington"]
    )


def london(drones: int = DEFAULT_LONDON_DRONES, *, avoid: Any = None) -> City:
    """All 32 boroughs of the Metropolitan Police, docks spread evenly over each; the City has its own force.

    Args:
        drones: shared out equally, the odd ones to the largest boroughs.
        avoid: shapely geometry on the National Grid in which no dock may stand, such as flight restriction zones.
    """
    area = london_area()
    boroughs = [borough for borough in area.boroughs if borough.name != CITY_OF_LONDON]
    polygons = [on_grid(borough.polygon) for borough in boroughs]
    keep_off = None if avoid is None else avoid.buffer(KEEP_OFF_M)
    open_ground = [polygon if keep_off is None else polygon.difference(keep_off) for polygon in polygons]
    # A borough that is all restricted gets none; its neighbours get its share.
    weights = [0.0 if ground.area < 0.02 * polygon.area else 1.0 for ground, polygon in zip(open_ground, polygons, strict=True)]
    order = sorted(range(len(boroughs)), key=lambda one: -open_ground[one].area)
    counts = _shares(drones, weights, order)
    filled: list[tuple[tuple[str, Position], int]] = []
    for borough, ground, count in zip(boroughs, open_ground, counts, strict=True):
        docks = -(-count // DRONES_A_DOCK)
        points = spread(ground, docks) if docks else []
        for number, (point, here) in enumerate(zip(points, _shares(count, [1.0] * docks), strict=True), start=1):
            filled.append(((f"{borough.name} {number}", to_wgs84(_whole(point))), here))
    return _city("london", filled, area, [borough.polygon for borough in area.boroughs])


def planned(docks: Sequence[tuple[str, Position, int]]) -> City:
    """A city from a plan: docks with their names, places and numbers of drones."""
    area = london_area()
    filled = [((name, position), count) for name, position, count in docks]
    return _city("plan", filled, area, [borough.polygon for borough in area.boroughs])


def _whole(point: GridPoint) -> GridPoint:
    return GridPoint(easting_m=round(point.easting_m), northing_m=round(point.northing_m))


def _shares(total: int, weights: Sequence[float], order: Iterable[int] | None = None) -> list[int]:
    """Whole shares in proportion to the weights; what is left over goes one each, in `order`."""
    whole = sum(weights)
    shares = [int(total * weight / whole) for weight in weights]
    takers = [one for one in (order or range(len(weights))) if weights[one] > 0]
    for position in range(total - sum(shares)):
        shares[takers[position % len(takers)]] += 1
    return shares


def _city(name: str, filled: Sequence[tuple[tuple[str, Position], int]], area: OperatingArea, outlines: Iterable[Any]) -> City:
    docks: list[DockConfig] = []
    vehicles: list[VehicleConfig] = []
    port = FIRST_PORT
    for number, ((place, position), count) in enumerate(filled, start=1):
        dock_id = f"dock-{number:03d}"
        pads = max(PADS_A_DOCK, count)
        docks.append(
            DockConfig(
                dock_id=dock_id, name=place, position=position, ground_m_amsl=DOCK_GROUND_M_AMSL, pads=pads,
                link=f"udpout:127.0.0.1:{port}", system_id=DOCK_SYSTEM_ID,
            )
        )  # fmt: skip
        port += 1
        for _ in range(count):
            serial = len(vehicles) + 1
            vehicles.append(
                VehicleConfig(
                    vehicle_id=f"drone-{serial:03d}", link=f"udpout:127.0.0.1:{port}", system_id=(serial - 1) % 190 + 1,
                    airframe=PATROL_QUADCOPTER.name, home_dock_id=dock_id,
                )
            )  # fmt: skip
            port += 1
    return City(
        name=name, docks=tuple(docks), vehicles=tuple(vehicles), airframes=tuple(AIRFRAMES.values()), area=area,
        outlines=tuple(ring for outline in outlines for ring in rings(on_grid(outline))),
    )  # fmt: skip


def on_grid(geometry: Any) -> Any:
    """A shapely geometry from WGS 84 degrees (longitude, latitude) to the National Grid."""

    def convert(xy: FloatArray) -> FloatArray:
        return np.stack(grid_arrays(xy[:, 1], xy[:, 0]), axis=1)

    return shapely.transform(geometry, convert)


def rings(geometry: Any) -> list[FloatArray]:
    """Outer rings of a (multi)polygon, one array of points each."""
    return [shapely.get_coordinates(shapely.get_exterior_ring(part)) for part in shapely.get_parts(geometry)]
