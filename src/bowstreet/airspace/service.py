"""The airspace of one operation: its zones, what is active, who has leave, and ways through it."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta

import msgspec
import numpy as np
import shapely

from bowstreet.accountability.recorder import Recorder
from bowstreet.airspace import rules
from bowstreet.airspace.export import write_zones
from bowstreet.airspace.model import Clearance, Permission, Refusal, Trajectory, Zone
from bowstreet.airspace.register import Imported, Register
from bowstreet.airspace.router import Router
from bowstreet.geo import FloatArray, GridPoint
from bowstreet.messages import Reason
from bowstreet.runtime.ports import Clock, Store

# Mean height of London's ground (OS terrain, about 10 to 60 m where people live): docks tell their own, routes cross many.
LONDON_GROUND_M_AMSL = 30.0
# Cruise over the ground assumed when heights are kept apart; slower and faster flights are covered by the separation.
TRANSIT_MPS = 15.0
# The activation state of all zones is looked at again after this long at the latest.
RECHECK_S = 1.0
# Beyond the operating volume no drone gets further than this: five minutes lost in a gale.
REACH_M = 10_000.0
# Pictures that are remembered: one for each set of active zones.
PICTURES = 64


class _Picture:
    """What follows from one set of active zones."""

    def __init__(self, barred: list[Zone], allowed: list[Zone], volumes: list[Zone], highest_m_agl: float) -> None:
        self.barred = barred = _near(barred, volumes)
        self.allowed, self.highest_m_agl = allowed, highest_m_agl
        self.volume = shapely.union_all([zone.polygon for zone in volumes]) if volumes else None
        if self.volume is not None:
            shapely.prepare(self.volume)
        self.router = Router(barred, self.volume)
        # For a drone that must come home, wherever it is.
        self.anywhere = self.router if self.volume is None else Router(barred)
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
        self._clock = clock
        self.operator = operator
        self._ground_m_amsl = ground_m_amsl
        self.register = Register(recorder, store, clock, zones, permissions)
        self.traffic: Callable[[], Sequence[Trajectory]] = tuple
        self._pictures: dict[tuple[frozenset[str], ...], _Picture] = {}
        self._looks: dict[timedelta, tuple[datetime, _Picture]] = {}
        self._seen_changes = self.register.changes

    async def load(self) -> None:
        await self.register.load()

    # --- zones --------------------------------------------------------------------------------------------------------

    @property
    def zones(self) -> tuple[Zone, ...]:
        return self.register.zones

    @property
    def permissions(self) -> tuple[Permission, ...]:
        return self.register.permissions

    def is_active(self, zone: Zone) -> bool:
        """Whether it applies now: by a person's word if there is one, else by its times."""
        said = self.register.as_said(zone)
        return said is not None and rules.is_active(said, self._clock.now())

    async def activate(self, zone_id: str, active: bool, by: str, reason: str, until: datetime | None = None) -> None:
        """A person's word, from now on or until then. Raises `NotFound`, `BadInput`."""
        await self.register.switch(zone_id, active, by, reason, until)

    async def import_file(
        self, data: bytes, name: str, *, version: str, by: str, source: str = "", partly: bool = False
    ) -> Imported:
        """Take in a file of zones: see `Register.import_file`."""
        return await self.register.import_file(data, name, version=version, by=by, source=source, partly=partly)

    async def grant(self, permission: Permission, by: str) -> None:
        """Enter leave: see `Register.grant`."""
        await self.register.grant(permission, by)

    def export(self) -> bytes:
        """What is in force, as ED-318 GeoJSON: every zone with the times that people have given it."""
        said = [self.register.as_said(zone) for zone in self.zones]
        return write_zones([zone for zone in said if zone is not None], issued=self._clock.now(), provider=self.operator)

    def _picture(self, ahead: timedelta = rules.NO_TIME) -> _Picture:
        """What is in the way now, or of a flight that begins now."""
        now = self._clock.now()
        if self._seen_changes != self.register.changes:
            self._seen_changes = self.register.changes
            self._pictures.clear()
            self._looks.clear()
        looked_at, picture = self._looks.get(ahead, (None, None))
        if picture is None or looked_at is None or not 0.0 <= (now - looked_at).total_seconds() < RECHECK_S:
            picture = self._look(now, ahead)
            self._looks[ahead] = (now, picture)
        return picture

    def _look(self, now: datetime, ahead: timedelta) -> _Picture:
        said = [one for zone in self.zones if (one := self.register.as_said(zone)) is not None]
        barred, allowed = rules.forbidding(
            said,
            operator=self.operator,
            permissions=self.permissions,
            highest_m_agl=rules.LEVELS_M[-1],
            ground_m_amsl=self._ground_m_amsl,
            now=now,
            ahead=ahead,
        )
        volumes = rules.operating_volumes(said, operator=self.operator, permissions=self.permissions, now=now, ahead=ahead)
        volumes = [one for one in volumes if self._top_m_agl(one) >= rules.LEVELS_M[0]]
        key = tuple(frozenset(zone.zone_id for zone in some) for some in (barred, allowed, volumes))
        if key not in self._pictures:
            if len(self._pictures) >= PICTURES:
                self._pictures.clear()
            highest_m = min((self._top_m_agl(one) for one in volumes), default=0.0)
            self._pictures[key] = _Picture(barred, allowed, volumes, highest_m)
        return self._pictures[key]

    def _top_m_agl(self, volume: Zone) -> float:
        return rules.sure_ceiling_m_agl(volume.upper, self._ground_m_amsl) - rules.HEIGHT_MARGIN_M

    # --- ways ---------------------------------------------------------------------------------------------------------

    def clear(self, start: GridPoint, goal: GridPoint, levels: Sequence[float] = rules.LEVELS_M) -> Clearance | Refusal:
        """A way from start to goal at a height that keeps it apart from our other flights; or why there is none.

        Args:
            levels: the transit levels that it may have, lowest first.
        """
        cleared = self._way(start, goal)
        if isinstance(cleared, Refusal):
            return cleared
        highest_m = self._picture(rules.FLIGHT_TIME).highest_m_agl
        level = rules.choose_level(cleared.waypoints, TRANSIT_MPS, self._clock.now(), self.traffic(), highest_m, levels)
        if level is None:
            text = "every transit level on the way is taken by our other flights"
            return Refusal(reasons=(Reason(code="airspace-traffic", text=text),))
        if level == cleared.height_m_agl:
            return cleared
        return msgspec.structs.replace(cleared, height_m_agl=level)

    def _way(self, start: GridPoint, goal: GridPoint) -> Clearance | Refusal:
        picture = self._picture(rules.FLIGHT_TIME)
        key = (start, goal)
        if key not in picture.ways:
            if len(picture.ways) > 20_000:
                picture.ways.clear()
            picture.ways[key] = rules.clear_route(
                start, goal, router=picture.router, allowed=picture.allowed, volume=picture.volume, height_m_agl=rules.LEVELS_M[0]
            )
        return picture.ways[key]

    def way_home(self, start: GridPoint, goal: GridPoint) -> tuple[GridPoint, ...] | None:
        """A way for a drone that must land somewhere: round zones, from inside one by its nearest edge; None when there is none.

        The operating volume does not hold it back when there is no way inside it.
        """
        picture = self._picture()
        return _home(picture.router, start, goal) or _home(picture.anywhere, start, goal)

    def refuses(self, goal: GridPoint) -> Reason | None:
        """Why nobody may fly to a place; None when that is not so."""
        picture = self._picture(rules.FLIGHT_TIME)
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

    def strayed(self, easting_m: FloatArray, northing_m: FloatArray) -> set[int]:
        """Which of many places are where we may not fly now: in a zone without leave, or outside the operating volume."""
        volume = self._picture().volume
        within = np.zeros(len(easting_m), bool) if volume is None else shapely.intersects_xy(volume, easting_m, northing_m)
        return {number for number, _ in self.breaches(easting_m, northing_m)} | set(map(int, np.flatnonzero(~within)))

    def crossed(self, way: Sequence[GridPoint]) -> frozenset[str]:
        """The zones without leave, active now, that a way crosses or its one point lies in."""
        router = self._picture().router
        return frozenset(zone.zone_id for a, b in zip(way, way[1:] or way, strict=False) for zone in router.between(a, b))


def _home(router: Router, start: GridPoint, goal: GridPoint) -> tuple[GridPoint, ...] | None:
    if router.zone_at(start) is None:
        return router.way(start, goal)
    outside = router.way_out(start)
    onward = router.way(outside, goal)
    return None if onward is None else (start, *onward)


def _near(zones: list[Zone], volumes: list[Zone]) -> list[Zone]:
    """The zones that a flight can come to: a file for a whole country has thousands that it cannot."""
    if not volumes:
        return zones
    reach = shapely.box(*shapely.buffer(shapely.box(*shapely.total_bounds([one.polygon for one in volumes])), REACH_M).bounds)
    return [zone for zone in zones if shapely.intersects(reach, zone.polygon)]
