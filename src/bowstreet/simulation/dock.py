"""One simulated dock: lid, pads, and the drones that it lets in."""

from bowstreet.geo import GridPoint, Position, to_grid
from bowstreet.simulation.layout import DockLayout

CLOSED, OPENING, OPEN, CLOSING, JAMMED = range(5)
# What makers of docks publish is 5 to 15 s.
LID_S = 10.0
# A drone that comes home by itself is let in: docks and their drones are paired by radio, with no ground station between.
PAIRED_M = 150.0
# A landing drone this near to the middle comes down in the dock.
IN_DOCK_M = 3.0
PAD_PITCH_M = 1.0


class Dock:
    """Mutable state of one dock.

    Attributes:
        pads: system id of the vehicle on each pad, 0 when free.
        jammed: its lid does not move.
    """

    def __init__(self, layout: DockLayout) -> None:
        self.layout = layout
        self.at: GridPoint = to_grid(Position(latitude_deg=layout.latitude_deg, longitude_deg=layout.longitude_deg))
        self.pads = [0] * layout.pads
        self.jammed = False
        self._lid = CLOSED
        self._moves_until_s = 0.0

    @property
    def lid(self) -> int:
        """As it tells it."""
        return JAMMED if self.jammed else self._lid

    @property
    def is_open(self) -> bool:
        """As it stands, jammed or not."""
        return self._lid == OPEN

    def pad_place(self, pad: int) -> GridPoint:
        offset_m = (pad - (len(self.pads) - 1) / 2.0) * PAD_PITCH_M
        return GridPoint(easting_m=self.at.easting_m + offset_m, northing_m=self.at.northing_m)

    def ask(self, open_lid: bool, now_s: float) -> bool:
        """Open or close the lid; False when it is jammed."""
        if self.jammed:
            return False
        if open_lid and self._lid in (CLOSED, CLOSING):
            self._lid, self._moves_until_s = OPENING, now_s + LID_S
        elif not open_lid and self._lid in (OPEN, OPENING):
            self._lid, self._moves_until_s = CLOSING, now_s + LID_S
        return True

    def step(self, now_s: float) -> None:
        if self.jammed:
            self._moves_until_s = now_s + LID_S
        elif self._lid == OPENING and now_s >= self._moves_until_s:
            self._lid = OPEN
        elif self._lid == CLOSING and now_s >= self._moves_until_s:
            self._lid = CLOSED

    def take(self, system_id: int) -> int | None:
        """A vehicle comes down in it: its pad, or None when the lid is not open or no pad is free."""
        if not self.is_open or 0 not in self.pads:
            return None
        pad = self.pads.index(0)
        self.pads[pad] = system_id
        return pad

    def leave(self, pad: int) -> None:
        self.pads[pad] = 0
