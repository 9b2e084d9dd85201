"""Docks: which has a pad left, whose turn it is to rise or land, whether a lid may close. Never two vehicles to one pad.

`Docks` holds what docks last said and which missions are bound where. The service writes it; the rules only ask.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

import msgspec

from bowstreet.flight.model import CloseDock, Command, DockConfig, DockStatus, Mission, OpenDock, Phase, Waypoint
from bowstreet.flight.ports import DockReport
from bowstreet.flight.reckoning import distance_m, offset_m
from bowstreet.geo import Position

# The way from a position, at a height above the dock that was left, to a point over another dock; None when none is clear.
FindRoute = Callable[[Position, Position, float], tuple[Waypoint, ...] | None]

# A dock that has not been heard for this long cannot be counted on to open. Its lid is closed by itself in most makes.
DOCK_STALE_S = 10.0
# Nearer than this to the dock's own position is in the dock: pads of one dock stand side by side, and GPS errs by a few metres.
IN_DOCK_M = 15.0
# A word of a dock that comes sooner after an order may have been said before it.
WORD_ON_ITS_WAY = timedelta(seconds=0.4)
WORKING = frozenset({DockStatus.CLOSED, DockStatus.OPENING, DockStatus.OPEN, DockStatus.CLOSING})


class Claim(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One mission's hold on a dock.

    Attributes:
        column: it is between the pad and the height at which it is out of others' way.
        lid: it needs the lid open.
    """

    mission_id: str
    vehicle_id: str
    dock_id: str
    column: bool
    lid: bool


def claim_of(mission: Mission) -> Claim:
    """The dock that a mission has a hold on: where it stands until it rises, then where it will land."""
    phase = mission.phase
    doing = mission.resume if phase is Phase.CONTINGENCY else phase
    on_its_way_up = doing in (Phase.PREFLIGHT, Phase.CLIMBING)
    rising = mission.arm_ordered and on_its_way_up
    landing = mission.land_ordered and mission.landed_at is None
    return Claim(
        mission_id=mission.mission_id,
        vehicle_id=mission.vehicle_id,
        dock_id=mission.dock_id if phase in (Phase.AUTHORISED, Phase.PREFLIGHT, Phase.CLIMBING) else mission.bound_for,
        column=rising or landing,
        lid=on_its_way_up
        or landing
        or (phase is Phase.RETURNING and mission.lid_ordered)
        or (phase is Phase.LANDING and mission.landed_at is None),
    )


class Docks:
    """All docks of an operation, what they last said, and who is bound for them.

    Args:
        docks: the docks, each with its place.
        system_ids: of each vehicle, as pads tell them. They are 8 bits, and repeat in a city.
        find_route: asks airspace for a way to another dock.
    """

    def __init__(self, docks: Iterable[DockConfig], system_ids: Mapping[str, int], find_route: FindRoute) -> None:
        self.configs = {dock.dock_id: dock for dock in docks}
        self.find_route = find_route
        self.reports: dict[str, DockReport] = {}
        self.silent: set[str] = set()
        self._places = {dock.position: dock_id for dock_id, dock in self.configs.items()}
        self._system_ids = system_ids
        self._parked: dict[str, set[str]] = {dock_id: set() for dock_id in self.configs}
        self._claims: dict[str, dict[str, Claim]] = {dock_id: {} for dock_id in self.configs}
        self._by_mission: dict[str, Claim] = {}
        self._free: dict[str, dict[str, int]] = {dock_id: {} for dock_id in self.configs}  # reckoned since the last change
        self._idle_since: dict[str, datetime] = {}
        self._ordered: dict[str, tuple[DockStatus, datetime]] = {}  # what a lid does by order, until it says so itself

    # --- written by the service -------------------------------------------------------------------------------------

    def hear(self, report: DockReport, now: datetime) -> bool:
        """Take in a report; whether it says anything new about lid or pads."""
        before = self.reports.get(report.dock_id)
        news = report.dock_id in self.silent or before is None or (before.status, before.pads) != (report.status, report.pads)
        self.reports[report.dock_id] = report
        self.silent.discard(report.dock_id)
        ordered = self._ordered.get(report.dock_id)
        if ordered is not None and (report.status is not DockStatus.OPEN or self._is_answer(ordered, now)):
            del self._ordered[report.dock_id]
        self._free[report.dock_id].clear()
        return news

    @staticmethod
    def _is_answer(ordered: tuple[DockStatus, datetime], now: datetime) -> bool:
        """A word that says "open" after an order to open, and was not on its way already when that was given."""
        return ordered[0] is DockStatus.OPENING and now - ordered[1] >= WORD_ON_ITS_WAY

    def ordered(self, command: Command, now: datetime) -> None:
        """Take note of an order to a lid. One that was ordered to close is not open any more, though its last word was so; nor
        is it when it was ordered to open again, until it says so anew."""
        if isinstance(command, CloseDock):
            self._ordered[command.dock_id] = DockStatus.CLOSING, now
        elif isinstance(command, OpenDock) and command.dock_id in self._ordered:
            self._ordered[command.dock_id] = DockStatus.OPENING, now

    def claim(self, mission: Mission) -> None:
        """Take note of a mission as it is now. A mission that is over holds nothing."""
        old = self._by_mission.pop(mission.mission_id, None)
        if old is not None:
            del self._claims[old.dock_id][old.mission_id]
            if old.dock_id in self._free:
                self._free[old.dock_id].clear()
        if not mission.phase.is_final:
            new = claim_of(mission)
            self._by_mission[mission.mission_id] = new
            # A dock that was taken out of the configuration while a mission was under way keeps its claims, and has no pads.
            self._claims.setdefault(new.dock_id, {})[new.mission_id] = new
            if new.dock_id in self._free:
                self._free[new.dock_id].clear()

    def park(self, vehicle_id: str, dock_id: str | None) -> None:
        """Take note of where a vehicle stands: in this dock, or in none."""
        for standing, vehicles in self._parked.items():
            if vehicle_id in vehicles:
                vehicles.discard(vehicle_id)
                self._free[standing].clear()
        if dock_id is not None:
            self._parked[dock_id].add(vehicle_id)
            self._free[dock_id].clear()

    def bound_there(self, dock_id: str) -> list[str]:
        """The missions that have a hold on this dock."""
        return list(self._claims[dock_id])

    # --- asked by the rules -----------------------------------------------------------------------------------------

    def status(self, dock_id: str) -> DockStatus:
        """What it last said of itself; STALE when that was too long ago."""
        report = self.reports.get(dock_id)
        if report is None:
            return DockStatus.UNSEEN
        if dock_id in self.silent:
            return DockStatus.STALE
        ordered = self._ordered.get(dock_id)
        return ordered[0] if ordered is not None and report.status is DockStatus.OPEN else report.status

    def pads_free(self, dock_id: str, but: str = "") -> int:
        """Pads that nobody stands on and nobody is bound for, leaving the mission `but` and its vehicle out of account."""
        known = self._free.get(dock_id)
        if known is None:
            return 0
        free = known.get(but)
        if free is None:
            free = known[but] = self._pads_free(dock_id, but)
        return free

    def _pads_free(self, dock_id: str, but: str) -> int:
        report, claims = self.reports.get(dock_id), self._claims[dock_id].values()
        seen = () if report is None else report.pads
        pads = self.configs[dock_id].pads if report is None else min(self.configs[dock_id].pads, len(report.pads))
        holders = self._parked[dock_id] | {one.vehicle_id for one in claims if one.mission_id != but}
        holders -= {one.vehicle_id for one in claims if one.mission_id == but}
        # Whatever else stands on the pads is a stranger. One that rises or lands may be seen there for a moment, and is none.
        known = self._parked[dock_id] | {one.vehicle_id for one in claims if one.column and self._is_seen(one.vehicle_id, seen)}
        strangers = max(0, sum(pad != 0 for pad in seen) - len(known))
        return pads - len(holders) - strangers

    def _is_seen(self, vehicle_id: str, pads: Sequence[int]) -> bool:
        return self._system_ids[vehicle_id] in pads

    def is_seen_on_pad(self, dock_id: str, vehicle_id: str) -> bool:
        """Whether the dock sees this vehicle, and not only another one of the same number, on a pad."""
        report, number = self.reports.get(dock_id), self._system_ids[vehicle_id]
        others = sum(self._system_ids[other] == number for other in self._parked[dock_id] if other != vehicle_id)
        return report is not None and sum(pad == number for pad in report.pads) > others

    def trouble(self, dock_id: str, mission: Mission) -> str:
        """Why this mission cannot count on landing there, or "" when it can."""
        status = self.status(dock_id)
        if status not in WORKING:
            return f"dock {dock_id} is {status.value}"
        return "" if self.pads_free(dock_id, mission.mission_id) > 0 else f"dock {dock_id} has no pad left"

    def column_free(self, dock_id: str, mission_id: str) -> bool:
        """Whether no other drone is rising from the dock or going down to it."""
        return not any(one.column for one in self._claims.get(dock_id, {}).values() if one.mission_id != mission_id)

    def lid_needed(self, dock_id: str, but: str = "") -> bool:
        """Whether a mission other than `but` needs the lid open."""
        return any(one.lid for one in self._claims.get(dock_id, {}).values() if one.mission_id != but)

    def position(self, dock_id: str) -> Position:
        return self.configs[dock_id].position

    def near(self, position: Position) -> str | None:
        """The dock in which a vehicle at this position stands, if any."""
        if (exactly := self._places.get(position)) is not None:
            return exactly
        found, least_m = None, IN_DOCK_M
        for dock_id, config in self.configs.items():
            # A degree is 111 km: most docks are ruled out without a square root.
            if abs(config.position.latitude_deg - position.latitude_deg) > 0.001:
                continue
            metres = distance_m(config.position, position)
            if metres <= least_m:
                found, least_m = dock_id, metres
        return found

    def refuges(self, position: Position, mission: Mission, most: int = 6) -> list[str]:
        """Docks that this mission can count on, nearest first; not the one that it is bound for."""
        able = [dock_id for dock_id in self.configs if dock_id != mission.bound_for and not self.trouble(dock_id, mission)]

        def squared_m(dock_id: str) -> tuple[float, str]:
            east, north = offset_m(position, self.configs[dock_id].position)
            return east * east + north * north, dock_id

        return sorted(able, key=squared_m)[:most]

    def height_of(self, dock_id: str, left_dock_id: str) -> float:
        """How much higher a dock stands than the one that was left, metres."""
        left = self.configs.get(left_dock_id)
        return 0.0 if left is None else self.configs[dock_id].ground_m_amsl - left.ground_m_amsl

    def left_open(self, now: datetime, after: timedelta) -> list[str]:
        """Docks whose lid nobody has needed for that long, and which are open all the same. Each is named once in that time."""
        found = []
        for dock_id, report in self.reports.items():
            if report.status is not DockStatus.OPEN or dock_id in self.silent or self.lid_needed(dock_id):
                self._idle_since.pop(dock_id, None)
            elif now - self._idle_since.setdefault(dock_id, now) >= after:
                self._idle_since[dock_id] = now
                found.append(dock_id)
        return found
