"""The airspace of one operation: its zones, what is active, who has leave, and ways through it."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

import msgspec
import numpy as np
import shapely

from bowstreet.accountability.recorder import Recorder
from bowstreet.airspace import rules
from bowstreet.airspace.model import Activation, Clearance, Permission, Refusal, Trajectory, Zone
from bowstreet.airspace.router import Router
from bowstreet.errors import NotFound
from bowstreet.geo import FloatArray, GridPoint
from bowstreet.messages import Reason, ZoneChanged
from bowstreet.runtime.ports import Clock, Store
from bowstreet.runtime.records import Collection

# Mean height of London's ground (OS terrain, about 10 to 60 m where people live): docks tell their own, routes cross many.
LONDON_GROUND_M_AMSL = 30.0
# Cruise over the ground assumed when heights are kept apart; slower and faster flights are covered by the separation.
TRANSIT_MPS = 15.0
# The activation state of all zones is looked at again after this long at the latest.
RECHECK_S = 1.0


class Switched(msgspec.Struct, frozen=True, kw_only=True):
    """A person's word that a zone applies, or does not, whatever its times say."""

    zone_id: str
    active: bool
    by: str
    reason: str
    at: datetime


class _Picture:
    """What follows from one set of active zones."""

    def __init__(self, router: Router, barred: list[Zone], allowed: list[Zone], volume: shapely.Geometry | None) -> None:
        self.router, self.barred, self.allowed, self.volume = router, barred, allowed, volume
        self.ways: dict[tuple[GridPoint, GridPoint], Clearance | Refusal] = {}
        self.refused: dict[GridPoint, Reason | None] = {}


class AirspaceService:
    """Clears routes.

    Args:
        operator: whose leave counts.
        traffic: where our other flights will be; set once flight is there.
    """

    def __init__(
        self,
        recorder: Recorder,
        store: Store,
        clock: Clock,
        *,
        zones: Iterable[Zone],
        permissions: Sequence[Permission] = (),
        operator: str,
        ground_m_amsl: float = LONDON_GROUND_M_AMSL,
    ) -> None:
        self._recorder, self._store, self._clock = recorder, store, clock
        self._zones = {zone.zone_id: zone for zone in zones}
        self._permissions = tuple(permissions)
        self.operator = operator
        self._ground_m_amsl = ground_m_amsl
        self._switched: Collection[Switched] = Collection("zone-switch", Switched, id_of=lambda one: one.zone_id)
        self.traffic: Callable[[], Sequence[Trajectory]] = tuple
        self._pictures: dict[frozenset[str], _Picture] = {}
        self._current: _Picture | None = None
        self._looked_at: datetime | None = None

    async def load(self) -> None:
        await self._switched.load(self._store)

    # --- zones --------------------------------------------------------------------------------------------------------

    @property
    def zones(self) -> tuple[Zone, ...]:
        return tuple(self._zones.values())

    def is_active(self, zone: Zone) -> bool:
        """Whether it applies now: by a person's word if there is one, else by its times."""
        switched = self._switched.find(zone.zone_id)
        return rules.is_active(zone, self._clock.now()) if switched is None else switched.active

    async def activate(self, zone_id: str, active: bool, by: str, reason: str) -> None:
        """A person's word, from now on. Raises `NotFound`."""
        if zone_id not in self._zones:
            raise NotFound(f"there is no zone '{zone_id}'", remedy="ask for the list of zones")
        now = self._clock.now()
        switched = Switched(zone_id=zone_id, active=active, by=by, reason=reason, at=now)
        message = ZoneChanged(at=now, zone_id=zone_id, change="activated" if active else "deactivated", by=by)
        await self._recorder.record(save=[(self._switched, switched)], messages=[message])
        self._looked_at = None

    def _picture(self) -> _Picture:
        now = self._clock.now()
        if self._current is not None and self._looked_at is not None and (now - self._looked_at).total_seconds() < RECHECK_S:
            return self._current
        active = [self._as_switched(zone) for zone in self._zones.values() if self.is_active(zone)]
        barred, allowed = rules.forbidding(
            active,
            operator=self.operator,
            permissions=self._permissions,
            height_m_agl=rules.LEVELS_M[-1],
            ground_m_amsl=self._ground_m_amsl,
            now=now,
        )
        volumes = rules.operating_volumes(active, operator=self.operator, permissions=self._permissions, now=now)
        key = frozenset(zone.zone_id for zone in (*barred, *allowed, *volumes))
        if key not in self._pictures:
            volume = shapely.union_all([zone.polygon for zone in volumes]) if volumes else None
            if volume is not None:
                shapely.prepare(volume)
            self._pictures[key] = _Picture(Router(barred), barred, allowed, volume)
        self._current, self._looked_at = self._pictures[key], now
        return self._current

    def _as_switched(self, zone: Zone) -> Zone:
        """An active zone whose times are set aside when a person has said that it applies."""
        return zone if self._switched.find(zone.zone_id) is None else msgspec.structs.replace(zone, activations=(Activation(),))

    # --- ways ---------------------------------------------------------------------------------------------------------

    def clear(self, start: GridPoint, goal: GridPoint) -> Clearance | Refusal:
        """A way from start to goal at a height that keeps it apart from our other flights; or why there is none."""
        cleared = self._way(start, goal)
        if isinstance(cleared, Refusal):
            return cleared
        level = rules.choose_level(cleared.waypoints, TRANSIT_MPS, self._clock.now(), self.traffic())
        if level is None:
            text = "every transit level on the way is taken by our other flights"
            return Refusal(reasons=(Reason(code="airspace-traffic", text=text),))
        if level == cleared.height_m_agl:
            return cleared
        return msgspec.structs.replace(cleared, height_m_agl=level)

    def _way(self, start: GridPoint, goal: GridPoint) -> Clearance | Refusal:
        picture = self._picture()
        key = (start, goal)
        if key not in picture.ways:
            if len(picture.ways) > 20_000:
                picture.ways.clear()
            picture.ways[key] = rules.clear_route(
                start, goal, router=picture.router, allowed=picture.allowed, volume=picture.volume, height_m_agl=rules.LEVELS_M[0]
            )
        return picture.ways[key]

    def way_home(self, start: GridPoint, goal: GridPoint) -> tuple[GridPoint, ...] | None:
        """A way for a drone that must land somewhere: round zones; None when there is none."""
        if self._picture().router.zone_at(start) is not None:
            return (start, goal)  # it is inside already: the shortest way out is the best
        return self._picture().router.way(start, goal)

    def refuses(self, goal: GridPoint) -> Reason | None:
        """Why nobody may fly to a place; None when that is not so."""
        picture = self._picture()
        if goal not in picture.refused:
            if len(picture.refused) > 20_000:
                picture.refused.clear()
            picture.refused[goal] = self._refused(picture, goal)
        return picture.refused[goal]

    @staticmethod
    def _refused(picture: _Picture, goal: GridPoint) -> Reason | None:
        inside = picture.router.zone_at(goal)
        if inside is not None:
            return Reason(code="airspace-zone", text=f"the place is in {inside.name} ({inside.zone_id})")
        if picture.volume is None or not shapely.intersects_xy(picture.volume, goal.easting_m, goal.northing_m):
            return Reason(code="airspace-outside-operating-volume", text="the place is outside the active operating volume")
        return None

    def breaches(self, easting_m: FloatArray, northing_m: FloatArray) -> list[tuple[int, str]]:
        """Which of many places are inside a zone without leave: (place, zone id)."""
        found: list[tuple[int, str]] = []
        for zone in self._picture().barred:
            inside = shapely.intersects_xy(zone.polygon, easting_m, northing_m)
            found += [(int(number), zone.zone_id) for number in np.flatnonzero(inside)]
        return found

    def affected(self, trajectories: Iterable[Trajectory]) -> list[str]:
        """Missions whose way crosses a zone that is active now and that we have no leave for."""
        picture = self._picture()
        return [
            one.mission_id
            for one in trajectories
            if any(picture.router.between(a, b) for a, b in zip(one.waypoints, one.waypoints[1:], strict=False))
        ]
