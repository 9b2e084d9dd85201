"""Zones and a service to try airspace on: round numbers on the National Grid, in Islington."""

from datetime import UTC, datetime, timedelta
from typing import Any

import shapely

from bowstreet.accountability.recorder import Recorder
from bowstreet.airspace.model import Datum, Limit, Permission, Restriction, Zone
from bowstreet.airspace.rules import OPERATING_VOLUME
from bowstreet.airspace.service import AirspaceService
from bowstreet.geo import GridPoint, Position, to_grid
from bowstreet.runtime.bus import InlineBus
from bowstreet.runtime.clock import SimulatedClock
from bowstreet.runtime.memory import MemoryStore

# A Monday.
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
EAST, NORTH = 531_000.0, 184_000.0
GROUND = Limit(height_m=0.0, datum=Datum.AGL)


def at(east_m: float, north_m: float) -> GridPoint:
    return GridPoint(easting_m=EAST + east_m, northing_m=NORTH + north_m)


def square(east_m: float, north_m: float, half_m: float) -> Any:
    return shapely.box(EAST + east_m - half_m, NORTH + north_m - half_m, EAST + east_m + half_m, NORTH + north_m + half_m)


def zone(zone_id: str, polygon: Any, **more: Any) -> Zone:
    told: dict[str, Any] = {
        "name": f"the {zone_id}", "kind": "COMMON", "restriction": Restriction.PROHIBITED, "lower": GROUND,
        "upper": Limit(height_m=600.0, datum=Datum.AGL), "source": "test",
    }  # fmt: skip
    return Zone(zone_id=zone_id, polygon=polygon, **{**told, **more})


def volume(half_m: float = 20_000.0, **more: Any) -> Zone:
    told: dict[str, Any] = {
        "kind": OPERATING_VOLUME, "restriction": Restriction.CONDITIONAL, "upper": Limit(height_m=120.0, datum=Datum.AGL),
        "permitted_operators": frozenset({"met"}), "polygon": square(0, 0, half_m),
    }  # fmt: skip
    told |= more
    return zone("TDA", told.pop("polygon"), **told)


class World:
    """A service on a memory store, with a clock to push on."""

    def __init__(self, *zones: Zone, permissions: tuple[Permission, ...] = (), store: MemoryStore | None = None) -> None:
        self.clock, self.store, self.bus = SimulatedClock(NOW), store or MemoryStore(), InlineBus()
        self.recorder = Recorder(self.store, self.bus, self.clock)
        self.zones, self.permissions = zones, permissions
        self.airspace = self._service()

    def _service(self) -> AirspaceService:
        return AirspaceService(
            self.recorder, self.store, self.clock, zones=self.zones, permissions=self.permissions, operator="met"
        )

    async def restarted(self) -> AirspaceService:
        """The same store, a new process."""
        self.recorder = Recorder(self.store, self.bus, self.clock)
        self.airspace = self._service()
        await self.airspace.load()
        return self.airspace

    def wait(self, **span: float) -> None:
        self.clock.advance_to(self.clock.now() + timedelta(**span))


def ground(latitude: float, longitude: float) -> shapely.Point:
    """A place in degrees, on the National Grid."""
    point = to_grid(Position(latitude_deg=latitude, longitude_deg=longitude))
    return shapely.Point(point.easting_m, point.northing_m)


def feet(value: float, datum: Datum) -> Limit:
    return Limit(height_m=value * 0.3048, datum=datum)
