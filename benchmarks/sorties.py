"""F3: 100,000 sorties in bad weather with bad batteries, flown by the energy rules. How many run out of charge? None may.

What is flown is harsher than what is planned for: the wind turns and rises on the way, batteries sag, gauges lie or stick, the
home dock jams when the drone is on its way or already over it, other drones are in the way, links drop. Three other docks lie
within 2 km of the way home, in any direction. The rules are flight's own; where they are for one flight, their arithmetic is
repeated here for a whole array, and `tests/property` holds the two together.

Baseline: the same sorties by a rule without margin, which leaves for home when the charge is what the way back should take.
"""

from time import perf_counter
from typing import Any

import numpy as np

from bowstreet.flight import air, energy, failsafe
from bowstreet.flight.airframes import PATROL_QUADCOPTER as DRONE
from bowstreet.geo import FloatArray

STEP_S = 10.0
HEIGHT_M = 90.0
LONGEST_S = 5_400.0
# Above the drone's limit for a launch, below its speed: a front that comes while it is out.
STRONGEST_MPS = 14.0


def bingo(drone: Any, home_s: FloatArray, drawn: FloatArray) -> FloatArray:
    """`failsafe.with_draw(energy.bingo_fraction(...))` for an array."""
    plain = energy.bingo_fraction(drone, home_s, HEIGHT_M)
    return drone.reserve_fraction + (plain - drone.reserve_fraction) * np.maximum(1.0, drawn / failsafe.DRAW_PLANNED)


def transit_s(east_m: FloatArray, north_m: FloatArray, speed_mps: FloatArray, from_deg: FloatArray) -> FloatArray:
    """`energy.leg_s` for an array, with a wind for each element."""
    blows_from = np.radians(from_deg)
    along = -speed_mps * (east_m * np.sin(blows_from) + north_m * np.cos(blows_from))
    margin = DRONE.cruise_mps**2 - speed_mps**2
    return (np.sqrt(along**2 + margin * (east_m**2 + north_m**2)) - along) / margin


def ground_mps(track_deg: FloatArray, speed_mps: FloatArray, from_deg: FloatArray) -> FloatArray:
    """Speed over the ground along a track, held in that wind at cruise."""
    off = np.radians(from_deg - track_deg)
    return np.sqrt(DRONE.cruise_mps**2 - (speed_mps * np.sin(off)) ** 2) - speed_mps * np.cos(off)


class Sorties:
    """As many flights as were asked for, each with its own place, weather and faults."""

    def __init__(self, count: int, seed: int, *, margins: bool) -> None:
        self.margins = margins
        rng = self.rng = np.random.default_rng(seed)
        draw = 4 * count
        length_m = rng.uniform(200.0, 6_000.0, draw)
        track_deg = rng.uniform(0.0, 360.0, draw)
        speed_mps = np.clip(np.abs(rng.normal(5.0, 3.5, draw)), 0.0, 12.0)
        gust_mps = speed_mps + np.abs(rng.normal(0.0, 2.0, draw))
        from_deg = rng.uniform(0.0, 360.0, draw)
        charge = rng.uniform(0.35, 1.0, draw)
        east_m, north_m = length_m * np.sin(np.radians(track_deg)), length_m * np.cos(np.radians(track_deg))
        planned_mps = np.minimum(speed_mps + energy.GUST_SHARE * (gust_mps - speed_mps), STRONGEST_MPS)
        out_s = transit_s(east_m, north_m, planned_mps, from_deg)
        home_s = transit_s(-east_m, -north_m, planned_mps, from_deg)
        if margins:
            needed = energy.needed_fraction(DRONE, out_s, home_s, HEIGHT_M, energy.LEAST_ON_SCENE_S)
        else:
            needed = energy.out_fraction(DRONE, out_s, HEIGHT_M) + energy.home_fraction(DRONE, home_s, HEIGHT_M)
        sent = np.flatnonzero((charge >= needed) & (gust_mps <= DRONE.max_wind_mps))[:count]
        self.count = len(sent)
        self.length_m, self.track_deg, self.charge = length_m[sent], track_deg[sent], charge[sent]
        self.speed_mps, self.from_deg, self.gust_mps = speed_mps[sent], from_deg[sent], gust_mps[sent] - speed_mps[sent]
        self._faults()

    def _faults(self) -> None:
        rng, n = self.rng, self.count
        some = lambda share: rng.random(n) < share  # noqa: E731 - a mask, said in a word
        self.draw = np.clip(rng.normal(1.0, 0.06, n), 0.9, 1.2)
        self.sag_at_s = np.where(some(0.05), rng.uniform(0.0, 1_200.0, n), np.inf)
        self.sag = rng.uniform(1.1, 1.3, n)
        self.front_at_s = np.where(some(0.05), rng.uniform(0.0, 1_200.0, n), np.inf)
        self.front_mps = rng.uniform(1.0, 6.0, n)
        self.gauge_off = rng.normal(0.0, 0.01, n)
        self.gauge_stuck_s = np.where(some(0.02), rng.uniform(0.0, 600.0, n), np.inf)
        self.stay_s = rng.uniform(60.0, 1_800.0, n)
        self.late_s = np.where(some(0.10), rng.uniform(1.0, 20.0, n), 0.0)  # silent over the scene until its failsafe turns it
        self.extra_m = np.where(some(0.05), rng.uniform(300.0, 1_500.0, n), 0.0)  # home jams while it is out
        self.onward = some(0.02)  # home jams when it is over it
        self.refuge_m, self.refuge_deg = rng.uniform(300.0, 2_000.0, (3, n)), rng.uniform(0.0, 360.0, (3, n))
        self.wait_s = np.where(some(0.10), rng.uniform(15.0, 90.0, n), 12.0)

    def fly(self) -> dict[str, Any]:
        """All of them, step by step, until the last has landed."""
        n, rng = self.count, self.rng
        capacity = DRONE.battery_wh * energy.SECONDS_AN_HOUR
        start = self.charge.copy()
        charge, gauge_held = self.charge.copy(), self.charge.copy()
        phase = np.zeros(n, dtype=np.int8)  # 0 out, 1 scene, 2 home, 3 onward, 4 waits and lands, 5 down
        left_m, since_s = self.length_m.copy(), np.zeros(n)
        leave_at = np.full(n, np.inf)
        climb_s = HEIGHT_M / DRONE.climb_mps
        charge -= climb_s * energy.CLIMB_POWER * DRONE.cruise_w * self.draw / capacity
        landed = np.full(n, np.nan)
        least = charge.copy()
        back_deg = (self.track_deg + 180.0) % 360.0
        refuged = np.zeros(n, dtype=np.bool_)
        for step in range(int(LONGEST_S / STEP_S)):
            now_s = step * STEP_S
            flying = phase < 5
            if not flying.any():
                break
            self._weather(now_s)
            power = np.where((phase == 0) | (phase == 2) | (phase == 3), DRONE.cruise_w, DRONE.hover_w)
            factor = np.where(now_s >= self.sag_at_s, self.sag, 1.0) * self.draw
            charge = np.where(flying, charge - STEP_S * power * factor / capacity, charge)
            least = np.minimum(least, charge)
            gauge = np.where(now_s >= self.gauge_stuck_s, gauge_held, charge + self.gauge_off)
            gauge_held = gauge
            flown_s = now_s + climb_s
            most = start - flown_s * DRONE.hover_w / capacity + failsafe.GAUGE_SLACK
            believed = np.minimum(gauge, most)
            drawn = np.ones(n)
            if flown_s >= failsafe.DRAW_AFTER_S:
                drawn = np.maximum(1.0, (start - gauge) / (flown_s * DRONE.cruise_w / capacity))
            told_mps = np.clip(self.speed_mps + energy.GUST_SHARE * self.gust_mps + rng.normal(0.0, 0.5, n), 0.0, STRONGEST_MPS)
            length = self.length_m
            east, north = -length * np.sin(np.radians(self.track_deg)), -length * np.cos(np.radians(self.track_deg))
            home_s = transit_s(east, north, told_mps, self.from_deg)
            limit = bingo(DRONE, home_s, drawn) if self.margins else energy.home_fraction(DRONE, home_s, HEIGHT_M)
            low = believed <= limit
            # Out, and over the scene.
            move = np.where(phase == 0, ground_mps(self.track_deg, self.speed_mps, self.from_deg) * STEP_S, 0.0)
            left_m = np.where(phase == 0, left_m - move, left_m)
            arrived = (phase == 0) & (left_m <= 0.0)
            turned = (phase == 0) & ~arrived & low
            since_s = np.where(arrived, now_s, since_s)
            leaving = (phase == 1) & (low | (now_s - since_s >= self.stay_s)) & np.isinf(leave_at)
            leave_at = np.where(leaving, now_s + self.late_s, leave_at)
            gone = (phase == 1) & (now_s >= leave_at)
            left_m = np.where(gone, length + self.extra_m, np.where(turned, length - left_m + self.extra_m, left_m))
            # Home, perhaps onward, and down.
            to_go = np.radians(back_deg)
            rest_s = transit_s(left_m * np.sin(to_go), left_m * np.cos(to_go), told_mps, self.from_deg)
            short = (phase == 2) & ~refuged & (believed <= self._least(rest_s))
            refuge_m, refuge_deg, refuge_s = self._refuge(told_mps)
            taken = short & (refuge_s < rest_s)
            refuged |= short
            left_m, back_deg = np.where(taken, refuge_m, left_m), np.where(taken, refuge_deg, back_deg)
            back = ground_mps(back_deg, self.speed_mps, self.from_deg) * STEP_S
            left_m = np.where((phase == 2) | (phase == 3), left_m - back, left_m)
            over = (phase == 2) & (left_m <= 0.0)
            onward = over & self.onward & ~refuged
            left_m, back_deg = np.where(onward, refuge_m, left_m), np.where(onward, refuge_deg, back_deg)
            waits = (over & ~onward) | ((phase == 3) & (left_m <= 0.0))
            since_s = np.where(waits, now_s, since_s)
            down = (phase == 4) & (now_s - since_s >= self.wait_s + HEIGHT_M / DRONE.descent_mps)
            landed = np.where(down, charge, landed)
            phase = np.select([arrived, turned | gone, onward, waits, down], [1, 2, 3, 4, 5], phase).astype(np.int8)
        return {
            "sorties": n,
            "exhausted": int((least <= 0.0).sum()),
            "not_down": int((phase < 5).sum()),
            "least_charge_on_landing": float(np.nanmin(landed)),
            "share_below_reserve": float((landed < DRONE.reserve_fraction).mean()),
        }

    def _least(self, rest_s: FloatArray) -> FloatArray:
        """Below this the way home has become too dear: as `air.returning` has it."""
        if not self.margins:
            return np.full(self.count, -np.inf)
        home = energy.home_fraction(DRONE, failsafe.DETOUR * rest_s, HEIGHT_M)
        return air.LEAST_RESERVE * DRONE.reserve_fraction + air.LEAST_MARGIN * home

    def _refuge(self, told_mps: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Of three other docks the one that is soonest reached: how far, which way, how long."""
        best_m, best_deg, best_s = self.refuge_m[0], self.refuge_deg[0], np.full(self.count, np.inf)
        for away_m, towards_deg in zip(self.refuge_m, self.refuge_deg, strict=True):
            track = np.radians(towards_deg)
            seconds = transit_s(away_m * np.sin(track), away_m * np.cos(track), told_mps, self.from_deg)
            sooner = seconds < best_s
            best_m, best_deg = np.where(sooner, away_m, best_m), np.where(sooner, towards_deg, best_deg)
            best_s = np.where(sooner, seconds, best_s)
        return best_m, best_deg, best_s

    def _weather(self, now_s: float) -> None:
        """The wind turns and rises; a front may come through."""
        rng, n = self.rng, self.count
        self.from_deg = self.from_deg + rng.normal(0.0, 2.0, n)
        coming = (now_s >= self.front_at_s) & (now_s < self.front_at_s + 120.0)
        rise = np.where(coming, self.front_mps * STEP_S / 120.0, 0.0)
        self.speed_mps = np.clip(self.speed_mps + rng.normal(0.0, 0.08, n) + rise, 0.0, STRONGEST_MPS)


def sorties(count: int, seed: int = 1, *, margins: bool = True) -> dict[str, Any]:
    return Sorties(count, seed, margins=margins).fly()


def run() -> dict[str, Any]:
    started = perf_counter()
    figures = sorties(100_000)
    took_s = perf_counter() - started
    return {**figures, "took_s": took_s, "baseline_without_margin": sorties(20_000, margins=False)}
