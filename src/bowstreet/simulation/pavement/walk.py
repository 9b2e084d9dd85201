"""Who walks past when: pure, from a seed. Times are seconds of the scene, distances metres from the camera along the pavement."""

import bisect
import math
from collections.abc import Sequence

import msgspec
import numpy as np

# From where somebody can be seen to where the picture cuts them off.
FAR_M, NEAR_M = 13.0, 2.8
# An unhurried pace, and its spread (Bohannon 1997: 1.3 to 1.4 m/s at ease).
PACE_M_S, PACE_SIGMA_M_S = 1.3, 0.15
LANES_M = (-0.95, -0.35, 0.3, 0.9)
# Nobody comes back sooner than this, and nobody walks through the one in front.
AGAIN_S, SAME_LANE_S = 25.0, 3.0
STEP_M, BOB_M = 0.72, 0.02


class Pass(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody's way past the camera."""

    person_id: str
    begins_s: float
    ends_s: float
    lane_m: float
    pace_m_s: float
    height_m: float


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """Where somebody is at a moment: metres ahead of the camera, to its right, and the top of the head above the ground."""

    person_id: str
    ahead_m: float
    right_m: float
    height_m: float


class Walk:
    """An endless sequence of passes, the same for the same seed and people.

    Args:
        every_s: mean time between two people.
    """

    def __init__(self, people: Sequence[str], seed: int, every_s: float = 4.0) -> None:
        self._people, self._every_s = tuple(people), every_s
        self._dice = np.random.default_rng([seed, 17])
        heights = np.random.default_rng([seed, 18]).normal(1.71, 0.08, len(self._people))
        self._height = dict(zip(self._people, np.clip(heights, 1.52, 1.95).tolist(), strict=True))
        self._passes: list[Pass] = []
        self._next_s = 1.0
        self._free_s: dict[float, float] = {}
        self._again_s: dict[str, float] = {}

    def passes(self, until_s: float) -> list[Pass]:
        """All that begin before `until_s`, from the first on."""
        while self._next_s < until_s:
            self._one()
        return self._passes[: bisect.bisect_left(self._passes, until_s, key=lambda one: one.begins_s)]

    def at(self, scene_s: float) -> list[Standing]:
        """Who is there now, the farthest first."""
        longest_s = (FAR_M - NEAR_M) / (PACE_M_S - 3 * PACE_SIGMA_M_S)
        known = self.passes(scene_s + 0.001)
        first = bisect.bisect_left(known, scene_s - longest_s, key=lambda one: one.begins_s)
        there = [_standing(one, scene_s) for one in known[first:] if one.begins_s <= scene_s < one.ends_s]
        return sorted(there, key=lambda one: -one.ahead_m)

    def _one(self) -> None:
        dice, begins_s = self._dice, self._next_s
        self._next_s += 0.6 + dice.exponential(max(self._every_s - 0.6, 0.1))
        pace_m_s = PACE_M_S + PACE_SIGMA_M_S * float(np.clip(dice.normal(), -2.5, 2.5))
        lanes = [lane for lane in LANES_M if self._free_s.get(lane, 0.0) <= begins_s]
        free = [one for one in self._people if self._again_s.get(one, 0.0) <= begins_s]
        lane, who = dice.random(2)
        if not lanes or not free:
            return
        lane_m, person_id = lanes[int(lane * len(lanes))], free[int(who * len(free))]
        ends_s = begins_s + (FAR_M - NEAR_M) / pace_m_s
        self._free_s[lane_m] = begins_s + SAME_LANE_S
        self._again_s[person_id] = ends_s + AGAIN_S
        self._passes.append(
            Pass(
                person_id=person_id, begins_s=begins_s, ends_s=ends_s, lane_m=lane_m, pace_m_s=pace_m_s,
                height_m=self._height[person_id],
            )
        )  # fmt: skip


def _standing(one: Pass, scene_s: float) -> Standing:
    walked_m = (scene_s - one.begins_s) * one.pace_m_s
    phase = math.pi * walked_m / STEP_M
    return Standing(
        person_id=one.person_id, ahead_m=FAR_M - walked_m, right_m=one.lane_m + BOB_M * math.sin(phase),
        height_m=one.height_m - BOB_M * abs(math.sin(phase)),
    )  # fmt: skip
