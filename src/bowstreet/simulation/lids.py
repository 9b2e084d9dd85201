"""Simulated docks: their lids and pads, as events on the agenda."""

from collections.abc import Coroutine, Iterable
from typing import Any

from bowstreet.flight.model import CloseDock, DockConfig, DockStatus, OpenDock
from bowstreet.flight.ports import DockReport, OnDock, Outcome, Settled
from bowstreet.geo import GridPoint, Position, to_grid
from bowstreet.simulation.agenda import Agenda
from bowstreet.simulation.mishaps import Mishaps

# A lid opens or closes in about ten seconds (makers of docks give 5 to 20).
LID_S = 10.0
# A jammed lid is freed by a person who has to come by.
JAM_S = 1_800.0
# Reports come about once a second on a thinned link: what an event's news waits at most.
REPORT_S = 0.5
# Nearer than this a landing is in the dock; farther off it is beside it.
IN_DOCK_M = 10.0

ACCEPTED = Settled(outcome=Outcome.ACCEPTED)


class SimulatedDock:
    """A dock: its lid, its pads, and who is on them."""

    __slots__ = ("at", "config", "pads", "plan", "status")

    def __init__(self, config: DockConfig) -> None:
        self.config = config
        self.at = to_grid(config.position)
        self.status = DockStatus.CLOSED
        self.pads = [0] * config.pads
        # What was last asked of the lid: an event for an older plan is out of date and is ignored.
        self.plan = 0

    def park(self, system_id: int) -> None:
        """Stand a vehicle on the first free pad. Raises `ValueError` when there is none."""
        self.pads[self.pads.index(0)] = system_id

    def leave(self, system_id: int) -> None:
        self.pads[self.pads.index(system_id)] = 0


class Lids:
    """All docks of a simulation, and what lids do when they are told.

    Attributes:
        docks: by id.
        on_dock: told what docks report; nobody until somebody listens.
    """

    def __init__(self, agenda: Agenda, docks: Iterable[DockConfig], mishaps: Mishaps) -> None:
        self._agenda, self._mishaps = agenda, mishaps
        self.docks = {dock.dock_id: SimulatedDock(dock) for dock in docks}
        self._places = {_near_key(dock.config.position): dock for dock in self.docks.values()}
        self.on_dock: OnDock | None = None

    def is_dock(self, position: Position) -> bool:
        """Whether a dock stands there."""
        return _near_key(position) in self._places

    def below(self, here: GridPoint, position: Position) -> SimulatedDock | None:
        """The dock under a place; None when a landing there is beside every dock."""
        near = self._places.get(_near_key(position)) or min(self.docks.values(), key=lambda dock: dock.at.distance_m(here))
        return near if near.at.distance_m(here) <= IN_DOCK_M else None

    async def report(self, dock: SimulatedDock) -> None:
        if self.on_dock is not None:
            # Docks tell no wind here: dispatch and flight are given the weather itself.
            await self.on_dock(DockReport(dock_id=dock.config.dock_id, status=dock.status, pads=tuple(dock.pads)))

    def report_soon(self, dock: SimulatedDock) -> None:
        self._agenda.after(REPORT_S, lambda: self.report(dock))

    # --- commands -----------------------------------------------------------------------------------------------------

    def open(self, target_id: str, command: OpenDock) -> Settled:
        dock = self.docks[command.dock_id]
        still = dock.status in (DockStatus.OPEN, DockStatus.JAMMED)  # a lid that does not move does not jam
        if not still and self._mishaps.lid_jams():
            return self._jam(dock)
        return self._move(dock, DockStatus.OPENING, DockStatus.OPEN)

    def close(self, target_id: str, command: CloseDock) -> Settled:
        return self._move(self.docks[command.dock_id], DockStatus.CLOSING, DockStatus.CLOSED)

    def _move(self, dock: SimulatedDock, moving: DockStatus, ended: DockStatus) -> Settled:
        if dock.status is DockStatus.JAMMED:
            return Settled(outcome=Outcome.REJECTED, detail="lid jammed")
        dock.plan += 1
        if dock.status is ended:
            self._after(dock, REPORT_S, ended)
        else:
            # That it moves is seen with its next report; none is made for that alone.
            dock.status = moving
            self._after(dock, LID_S, ended)
        return ACCEPTED

    def _jam(self, dock: SimulatedDock) -> Settled:
        dock.plan += 1
        self._after(dock, REPORT_S, DockStatus.JAMMED)
        self._after(dock, JAM_S, DockStatus.CLOSED)
        return ACCEPTED

    def _after(self, dock: SimulatedDock, wait_s: float, status: DockStatus) -> None:
        plan = dock.plan
        self._agenda.after(wait_s, lambda: self._ended(dock, plan, status))

    def _ended(self, dock: SimulatedDock, plan: int, status: DockStatus) -> Coroutine[Any, Any, None] | None:
        if dock.plan != plan:
            return None
        dock.status = status
        return self.report(dock)


def _near_key(position: Position) -> tuple[float, float]:
    """The same for two positions of one dock that came by different arithmetic."""
    return round(position.latitude_deg, 5), round(position.longitude_deg, 5)
