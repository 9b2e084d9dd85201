"""One simulated dock: lid, pads, anemometer. It also opens by itself for its own drones that come home without being asked."""

from bowstreet.geo import GridPoint, Position, to_grid
from bowstreet.simulation.layout import DockLayout

CLOSED, OPENING, OPEN, CLOSING, JAMMED = range(5)
LID_S = 8.0
# A drone in a landing mode this near is let in: docks and their drones are paired by radio.
PAIRED_M = 150.0
IN_DOCK_M = 6.0


class Station:
    """Mutable state of one dock.

    Attributes:
        pads: system id of the vehicle on each pad, 0 when free.
        jammed_until_s: the lid does not move until then.
    """

    def __init__(self, layout: DockLayout) -> None:
        self.layout = layout
        self.at: GridPoint = to_grid(Position(latitude_deg=layout.latitude_deg, longitude_deg=layout.longitude_deg))
        self.pads = [0] * layout.pads
        self.lid = CLOSED
        self._moves_until_s = 0.0
        self.jammed_until_s = 0.0

    def ask(self, open_lid: bool, now_s: float) -> bool:
        """Open or close the lid; False when it is jammed."""
        if now_s < self.jammed_until_s:
            return False
        if open_lid and self.lid in (CLOSED, CLOSING):
            self.lid, self._moves_until_s = OPENING, now_s + LID_S
        elif not open_lid and self.lid in (OPEN, OPENING):
            self.lid, self._moves_until_s = CLOSING, now_s + LID_S
        return True

    def step(self, now_s: float) -> None:
        if now_s < self.jammed_until_s:
            self.lid = JAMMED
        elif self.lid == JAMMED:
            self.lid = CLOSED
        elif self.lid == OPENING and now_s >= self._moves_until_s:
            self.lid = OPEN
        elif self.lid == CLOSING and now_s >= self._moves_until_s:
            self.lid = CLOSED

    def take(self, system_id: int) -> bool:
        """A vehicle lands in it; False when the lid is not open or no pad is free."""
        if self.lid != OPEN or 0 not in self.pads:
            return False
        self.pads[self.pads.index(0)] = system_id
        return True

    def leave(self, system_id: int) -> None:
        if system_id in self.pads:
            self.pads[self.pads.index(system_id)] = 0
