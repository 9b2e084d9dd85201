"""Eyes that are kept on a scene for one to two hours: how long each hand-over leaves it dark, and how near two drones come to one
height. London's simulated fleet, healthy, in seeded wind; a witness looks each second at where the drones really are.

Baseline: the same calls without a relay, where each scene has the eyes that it is flown to with. Measured apart, with a fleet
that fails: what a bad day costs.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from bowstreet.dispatch.policy import policy_named
from bowstreet.dispatch.relay.model import WatchReason
from bowstreet.geo import Position, to_grid
from bowstreet.intake.model import CallReport, Grade
from bowstreet.messages import LaunchAuthorised, Message, WatchHandedOver
from bowstreet.simulation.agenda import drive
from bowstreet.simulation.kernel import Kernel, World
from bowstreet.simulation.mishaps import FaultRates
from bowstreet.simulation.overwatch import Overwatch
from bowstreet.simulation.run import simulated_city

START = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
DRONES = 300
SEED = 7
MINUTES = (60, 75, 90, 105, 120)
# Scenes over London, each far enough from the others to have docks of its own.
PLACES = [(51.46 + 0.035 * row, -0.22 + 0.06 * column) for row in range(4) for column in range(5)]
FAULTS = FaultRates(link_loss=0.05, gps_loss=0.05, lid_jam=0.02, battery_sag=0.1, arm_refused=0.02)


class _Run:
    """All scenes at once."""

    def __init__(self, *, relay: bool, faults: FaultRates) -> None:
        world = World(city=simulated_city(DRONES), policy=policy_named("closest-eta"), seed=SEED, faults=faults)
        self.kernel = Kernel(world, START)
        self.kernel.start()
        self.gaps_s: list[float] = []
        self.launches = 0
        self.kernel.bus.subscribe(WatchHandedOver, self._handed)
        self.kernel.bus.subscribe(LaunchAuthorised, self._launched)
        self.scenes: list[tuple[Overwatch, datetime, str]] = []
        for number, (latitude, longitude) in enumerate(PLACES):
            self._scene(number, Position(latitude_deg=latitude, longitude_deg=longitude), relay=relay)

    def _scene(self, number: int, position: Position, *, relay: bool) -> None:
        kernel = self.kernel
        if kernel.airspace.refuses(to_grid(position)) is not None:
            return
        call = CallReport(reported_at=START, position=position, grade=Grade.IMMEDIATE, category="robbery", source="benchmark")
        incident_id = drive(kernel.intake.receive(call)).incident_id
        until = START + timedelta(minutes=MINUTES[number % len(MINUTES)])
        if relay:
            drive(kernel.relay.keep(incident_id, WatchReason.SUSPECT_NEARBY, until, "benchmark"))
        self.scenes.append((Overwatch(kernel.link, to_grid(position)), until, incident_id))

    async def _handed(self, message: WatchHandedOver) -> None:
        self.gaps_s.append(message.gap_s)

    async def _launched(self, message: Message) -> None:
        self.launches += 1

    def run(self) -> dict[str, Any]:
        kernel = self.kernel
        for second in range(1, max(MINUTES) * 60 + 1):
            kernel.run_to(START + timedelta(seconds=second))
            for witness, until, _ in self.scenes:
                if kernel.clock.now() < until:
                    witness.look(kernel.agenda.now_s)
        kernel.finish()
        seen, dark = (sum(getattr(one, name) for one, _, _ in self.scenes) for name in ("seen_s", "dark_s"))
        witnessed = [gap for one, _, _ in self.scenes for gap in one.gaps_s]
        least = min(one.least_apart_m for one, _, _ in self.scenes)
        return {
            "scenes": len(self.scenes),
            "launches": self.launches,
            "hand_overs": len(self.gaps_s),
            "gap_p50_s": _percentile(self.gaps_s, 50),
            "gap_p95_s": _percentile(self.gaps_s, 95),
            "gap_most_s": max(self.gaps_s, default=0.0),
            "witnessed_gap_most_s": max(witnessed, default=0.0),
            "eyes_on_share": seen / max(1.0, seen + dark),
            "at_one_height": sum(len(one.at_one_height) for one, _, _ in self.scenes),
            "least_apart_m": least if np.isfinite(least) else None,
            "most_over_one_scene": max(one.most_there for one, _, _ in self.scenes),
            "exhaustions": kernel.link.counts["exhaustions"],
            "pad_conflicts": kernel.link.counts["pad_conflicts"],
        }


def _percentile(values: list[float], which: float) -> float:
    return float(np.percentile(values, which)) if values else 0.0


def run() -> dict[str, Any]:
    return {
        "healthy": _Run(relay=True, faults=FaultRates()).run(),
        "baseline_without_relay": _Run(relay=False, faults=FaultRates()).run(),
        "with_faults": _Run(relay=True, faults=FAULTS).run(),
    }
