"""Docks: which has a pad left, whose turn it is to rise or land, whether a lid may close. Never two vehicles to one pad.

`Docks` holds what docks last said and which missions are bound where. The service writes it; the rules only ask.
"""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

import msgspec

from bowstreet.flight.model import DockConfig, DockStatus, Mission, Phase, Waypoint
from bowstreet.flight.ports import DockReport
from bowstreet.flight.reckoning import distance_m, offset_m
from bowstreet.geo import Position

# The way from a position, at a height above the dock that was left, to a point over another dock; None when none is clear.
FindRoute = Callable[[Position, Position, float], tuple[Waypoint, ...] | None]

# A dock that has not been heard for this long cannot be counted on to open. Its lid is closed by itself in most makes.
DOCK_STALE_S = 10.0
# Nearer than this to the dock's own position is in the dock: pads of one dock stand side by side, and GPS errs by a few metres.
IN_DOCK_M = 15.0
# A dock looks full for a moment when a drone leaves, until its sensors say so; what is asked later is not that moment.
WORKING = frozenset({DockStatus.CLOSED, DockStatus.OPENING, DockStatus.OPEN, DockStatus.CLOSING})


class Claim(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One mission's hold on a dock.

    Attributes:
        on_pad: its vehicle still stands on the pad, or stands there again.
        column: it is between the pad and the height at which it is out of others' way.
        lid: it needs the lid open.
    """

    mission_id: str
    vehicle_id: str
    dock_id: str
    on_pad: bool
    column: bool
    lid: bool


def claim_of(mission: Mission) -> Claim:
    """The dock that a mission has a hold on: where it stands until it rises, then where it will land."""
    phase = mission.phase
    on_pad = phase in (Phase.AUTHORISED, Phase.PREFLIGHT) or mission.landed_at is not None
    rising = mission.arm_ordered and phase in (Phase.PREFLIGHT, Phase.CLIMBING)
    landing = mission.land_ordered and mission.landed_at is None
    return Claim(
        mission_id=mission.mission_id,
        vehicle_id=mission.vehicle_id,
        dock_id=mission.dock_id if phase in (Phase.AUTHORISED, Phase.PREFLIGHT, Phase.CLIMBING) else mission.bound_for,
        on_pad=on_pad,
        column=rising or landing,
        lid=phase in (Phase.PREFLIGHT, Phase.CLIMBING) or (phase is Phase.LANDING and mission.landed_at is None),
    )


class Docks:
    """All docks of an operation, what they last said, and who is bound for them.

    Args:
        docks: the docks, each with its place.
        find_route: asks airspace for a way to another dock.
    """

    def __init__(self, docks: Iterable[DockConfig], find_route: FindRoute) -> None:
        self.configs = {dock.dock_id: dock for dock in docks}
        self.find_route = find_route
        self.reports: dict[str, DockReport] = {}
        self.silent: set[str] = set()
        self.parked: dict[str, dict[str, int]] = {dock_id: {} for dock_id in self.configs}  # vehicle -> system id
        self._claims: dict[str, dict[str, Claim]] = {dock_id: {} for dock_id in self.configs}
        self._by_mission: dict[str, Claim] = {}
        self._idle_since: dict[str, datetime] = {}

    # --- written by the service -------------------------------------------------------------------------------------

    def claim(self, mission: Mission) -> None:
        """Take note of a mission as it is now. A mission that is over holds nothing."""
        old = self._by_mission.pop(mission.mission_id, None)
        if old is not None:
            self._claims.get(old.dock_id, {}).pop(old.mission_id, None)
        if not mission.phase.is_final:
            new = claim_of(mission)
            self._by_mission[mission.mission_id] = new
            self._claims.setdefault(new.dock_id, {})[new.mission_id] = new

    def park(self, vehicle_id: str, system_id: int, dock_id: str | None) -> None:
        """Take note of where a vehicle stands: in this dock, or in none."""
        for vehicles in self.parked.values():
            vehicles.pop(vehicle_id, None)
        if dock_id is not None:
            self.parked[dock_id][vehicle_id] = system_id

    def bound_there(self, dock_id: str) -> list[str]:
        """The missions that have a hold on this dock."""
        return list(self._claims[dock_id])

    # --- asked by the rules -----------------------------------------------------------------------------------------

    def status(self, dock_id: str) -> DockStatus:
        """What it last said of itself; STALE when that was too long ago."""
        report = self.reports.get(dock_id)
        if report is None:
            return DockStatus.UNSEEN
        return DockStatus.STALE if dock_id in self.silent else report.status

    def pads_free(self, dock_id: str, but: str = "") -> int:
        """Pads that nobody stands on and nobody is bound for; the claim of the mission `but` does not count."""
        config = self.configs.get(dock_id)
        if config is None:
            return 0
        report = self.reports.get(dock_id)
        seen = 0 if report is None else sum(pad != 0 for pad in report.pads)
        pads = config.pads if report is None else min(config.pads, len(report.pads))
        taken = max(seen, len(self.parked[dock_id]))
        return pads - taken - sum(not one.on_pad for one in self._claims[dock_id].values() if one.mission_id != but)

    def has_pad(self, dock_id: str, mission: Mission, system_id: int) -> bool:
        """Whether there is a pad for this mission's vehicle: a free one, or the one that it has just come to stand on."""
        if self.pads_free(dock_id, mission.mission_id) > 0:
            return True
        return mission.land_ordered and self.is_seen_on_pad(dock_id, mission.vehicle_id, system_id)

    def is_seen_on_pad(self, dock_id: str, vehicle_id: str, system_id: int) -> bool:
        """The dock sees it. System ids are 8 bits and repeat in a city: those known to stand there are counted out."""
        report = self.reports.get(dock_id)
        others = sum(number == system_id for other, number in self.parked[dock_id].items() if other != vehicle_id)
        return report is not None and sum(pad == system_id for pad in report.pads) > others

    def trouble(self, dock_id: str, mission: Mission, system_id: int) -> str:
        """Why this mission cannot count on landing there, or "" when it can."""
        status = self.status(dock_id)
        if status not in WORKING:
            return f"dock {dock_id} is {status.value}"
        return "" if self.has_pad(dock_id, mission, system_id) else f"dock {dock_id} has no pad left"

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
        found, least_m = None, IN_DOCK_M
        for dock_id, config in self.configs.items():
            # A degree is 111 km: most docks are ruled out without a square root.
            if abs(config.position.latitude_deg - position.latitude_deg) > 0.001:
                continue
            metres = distance_m(config.position, position)
            if metres <= least_m:
                found, least_m = dock_id, metres
        return found

    def refuges(self, position: Position, mission: Mission, system_id: int, most: int = 6) -> list[str]:
        """Docks that this mission can count on, nearest first; not the one that it is bound for."""
        able = [
            dock_id for dock_id in self.configs if dock_id != mission.bound_for and not self.trouble(dock_id, mission, system_id)
        ]

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
