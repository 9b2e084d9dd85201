"""A witness of a simulated scene: who sees it, second by second, by where the drones really are, and at which heights they are.

It asks the simulated vehicles, not the program that flies them.
"""

import math

import msgspec

from bowstreet.geo import GridPoint
from bowstreet.simulation.craft import Craft
from bowstreet.simulation.discrete import DiscreteFleet

# Over the scene: the circle that is flown round it, and what GPS may be off.
OVER_M = 60.0
# A camera that looks down this much shows what is below; level, in transit, it shows none of it.
DOWN_DEG = -30.0
# Two drones nearer to each other than this, over the ground, are at one place, and at one height when nearer than that.
BESIDE_M, ONE_HEIGHT_M = 80.0, 5.0
# How far from the scene heights are compared.
AROUND_M = 200.0


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """Two drones at one place and one height, at a moment (seconds of the run)."""

    at_s: float
    one: str
    other: str
    apart_m: float


class Overwatch:
    """What was seen of one scene, looked at each second.

    Attributes:
        seen_s, dark_s: seconds with and without a camera on it, since it was seen for the first time.
        gaps_s: each time without one, seconds.
        at_one_height: every two drones that were at one place and height near it.
        least_apart_m: the least difference of height of any two that were beside each other near it.
        most_there: the most drones over it at once.
    """

    def __init__(self, link: DiscreteFleet, scene: GridPoint) -> None:
        self._link, self._scene = link, scene
        self.seen_s = self.dark_s = 0.0
        self.gaps_s: list[float] = []
        self.at_one_height: list[Pair] = []
        self.least_apart_m = math.inf
        self.most_there = 0
        self._dark = False

    def look(self, now_s: float, passed_s: float = 1.0) -> None:
        """One look, of so many seconds."""
        around = []
        for craft in self._link.up.values():
            craft.settle(now_s)
            if craft.at.distance_m(self._scene) <= AROUND_M:
                around.append(craft)
        self._heights(around, now_s)
        there = [one for one in around if one.at.distance_m(self._scene) <= OVER_M]
        self.most_there = max(self.most_there, len(there))
        if any(one.gimbal_pitch_deg <= DOWN_DEG and now_s >= one.silent_until_s for one in there):
            self.seen_s += passed_s
            self._dark = False
        elif self.seen_s:
            self.dark_s += passed_s
            if not self._dark:
                self.gaps_s.append(0.0)
            self._dark = True
            self.gaps_s[-1] += passed_s

    def _heights(self, around: list[Craft], now_s: float) -> None:
        for number, one in enumerate(around):
            for other in around[number + 1 :]:
                if one.at.distance_m(other.at) > BESIDE_M:
                    continue
                apart_m = abs(one.ground_m_amsl + one.height_m - other.ground_m_amsl - other.height_m)
                self.least_apart_m = min(self.least_apart_m, apart_m)
                if apart_m < ONE_HEIGHT_M:
                    self.at_one_height.append(Pair(at_s=now_s, one=one.vehicle_id, other=other.vehicle_id, apart_m=apart_m))
