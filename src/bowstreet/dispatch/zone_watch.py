"""Looks after a zone that becomes active across the way of a flight: it goes round, or it comes home."""

from collections.abc import Sequence

import structlog

from bowstreet.accountability.recorder import Recorder
from bowstreet.airspace.model import Clearance
from bowstreet.airspace.service import AirspaceService
from bowstreet.errors import BowstreetError
from bowstreet.flight.model import Mission, Phase, Waypoint
from bowstreet.flight.plan import waypoints
from bowstreet.flight.service import FlightService
from bowstreet.geo import GridPoint, to_grid
from bowstreet.messages import Reason, RecallOrdered, ZoneChanged
from bowstreet.runtime.ports import Clock

log = structlog.get_logger(__name__)

# How often flights are held against what is active now: a zone may become active by its own times, without a word from anybody.
LOOK_EVERY_S = 1.0
ZONE_ACTIVE = "zone-active"
_ON_THE_GROUND = (Phase.AUTHORISED, Phase.PREFLIGHT)
_ABOVE_ITS_PLACE = (Phase.ON_SCENE, Phase.CONTROLLED)
_LOOKED_AFTER = (*_ON_THE_GROUND, Phase.CLIMBING, Phase.OUTBOUND, *_ABOVE_ITS_PLACE, Phase.RETURNING)


class ZoneWatch:
    """Holds the rest of every flight's way against the zones that are active now."""

    def __init__(self, recorder: Recorder, clock: Clock, flight: FlightService, airspace: AirspaceService) -> None:
        self._recorder, self._clock, self._flight, self._airspace = recorder, clock, flight, airspace
        self._known: dict[str, frozenset[str]] = {}  # mission -> the zones that it was turned for
        recorder.bus.subscribe(ZoneChanged, self._on_zone)

    async def run(self) -> None:
        """For live wiring, as a task."""
        while True:
            await self._clock.sleep(LOOK_EVERY_S)
            await self.look()

    async def look(self) -> None:
        """Once: every flight whose way crosses what is active is turned."""
        missions = self._flight.active_missions()
        self._known = {one.mission_id: self._known[one.mission_id] for one in missions if one.mission_id in self._known}
        for mission in missions:
            if mission.phase not in _LOOKED_AFTER or mission.recovering_since is not None:
                continue
            try:
                await self._look_after(mission)
            except BowstreetError as error:
                # One flight's trouble is not another's; the next look tries again.
                log.error("a flight could not be kept out of a zone", mission_id=mission.mission_id, error=str(error))

    async def _on_zone(self, message: ZoneChanged) -> None:
        await self.look()

    async def _look_after(self, mission: Mission) -> None:
        at = self._place_of(mission)
        plan = mission.plan
        scene = to_grid(plan.outbound[-1].position)
        going = mission.phase in (*_ON_THE_GROUND, Phase.CLIMBING, Phase.OUTBOUND)
        home = (at, *_points(plan.homeward[mission.leg :])) if mission.phase is Phase.RETURNING else _points(plan.homeward)
        out = (at, *_points(plan.outbound[mission.leg :])) if going else (at,)
        in_the_way = self._airspace.crossed(out)
        in_the_way_home = self._airspace.crossed(home)
        crossed = in_the_way | in_the_way_home
        known = self._known.get(mission.mission_id, frozenset())
        if not crossed - known:
            return  # what it could be turned for, it was
        if going and in_the_way:
            await self._go_round(mission, at, scene)
        elif mission.phase in _ABOVE_ITS_PLACE and in_the_way:
            await self._call_back(mission)
        else:
            await self._home_another_way(mission, at if mission.phase is Phase.RETURNING else scene)
        self._known[mission.mission_id] = known | crossed

    async def _go_round(self, mission: Mission, at: GridPoint, scene: GridPoint) -> None:
        """Outbound: by another way, or back. What has not left its dock does not leave it."""
        if mission.phase is not Phase.OUTBOUND:
            await self._call_back(mission)
            return
        out = self._airspace.clear(at, scene)
        home = self._airspace.way_home(scene, self._dock_of(mission))
        if not isinstance(out, Clearance) or home is None:
            await self._call_back(mission)
            return
        height_m = mission.plan.outbound[-1].height_m_above_dock
        text = "a zone became active on its way: it goes round"
        reason = Reason(code=ZONE_ACTIVE, text=text, vehicle_id=mission.vehicle_id)
        await self._flight.reroute(mission.mission_id, waypoints(out.waypoints, height_m), waypoints(home, height_m), reason)

    async def _home_another_way(self, mission: Mission, start: GridPoint) -> None:
        home = self._airspace.way_home(start, self._dock_of(mission))
        if home is None:
            return  # there is none that is better than the one it has
        height_m = mission.plan.homeward[0].height_m_above_dock
        way = waypoints(home, height_m)
        if _points(way) == _points(mission.plan.homeward):
            return
        text = "a zone became active on its way home: it goes round"
        reason = Reason(code=ZONE_ACTIVE, text=text, vehicle_id=mission.vehicle_id)
        await self._flight.reroute(mission.mission_id, (), way, reason)

    async def _call_back(self, mission: Mission) -> None:
        if mission.return_reason is not None:
            return
        text = "a zone became active where it flies, and there is no way round"
        reason = Reason(code=ZONE_ACTIVE, text=text, vehicle_id=mission.vehicle_id)
        order = RecallOrdered(at=self._clock.now(), mission_id=mission.mission_id, ordered_by="dispatch", reason=reason)
        await self._recorder.record(messages=[order])

    def _place_of(self, mission: Mission) -> GridPoint:
        """Where it is, by its last word; on the way's first point before it was heard."""
        telemetry = self._flight.picture.vehicle(mission.vehicle_id).telemetry
        return to_grid(mission.plan.outbound[0].position if telemetry is None else telemetry.position)

    def _dock_of(self, mission: Mission) -> GridPoint:
        return to_grid(self._flight.picture.dock(mission.bound_for).config.position)


def _points(way: Sequence[Waypoint]) -> tuple[GridPoint, ...]:
    return tuple(to_grid(waypoint.position) for waypoint in way)
