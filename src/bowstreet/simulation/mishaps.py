"""What goes wrong with simulated vehicles and docks: how often, and drawn from a seed, sortie by sortie."""

import random
from collections import Counter

import msgspec

# Lengths of link and position loss that the fault list names.
LINK_LOSSES_S = (1.0, 10.0, 60.0)
GPS_LOSSES_S = (2.0, 10.0)
# When in a sortie a fault begins: on the way out as often as over the scene.
WITHIN_S = (5.0, 150.0)
# An old or cold battery: what flying draws, over what it should.
SAG = 1.15


class FaultRates(msgspec.Struct, frozen=True, kw_only=True):
    """How likely each fault is in one sortie. All zero: nothing fails."""

    link_loss: float = 0.0
    gps_loss: float = 0.0
    lid_jam: float = 0.0
    battery_sag: float = 0.0
    arm_refused: float = 0.0


class Sortie(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What will go wrong in one sortie. A loss is the seconds from take-off until it begins, and the seconds that it lasts."""

    draw: float = 1.0
    link_loss: tuple[float, float] | None = None
    gps_loss: tuple[float, float] | None = None


class Mishaps:
    """Draws what goes wrong, and counts what is drawn.

    Attributes:
        rates: how likely each is; may be changed while a simulation runs.
    """

    def __init__(self, rates: FaultRates, seed: int, counts: Counter[str]) -> None:
        self.rates = rates
        self._counts = counts
        self._random = random.Random(f"bowstreet faults {seed}")  # noqa: S311 - chance, not a secret

    def lid_jams(self) -> bool:
        """Whether a lid that begins to open jams."""
        return self._happens(self.rates.lid_jam, "lid_jams")

    def arm_refused(self) -> bool:
        """Whether a vehicle's own checks refuse to arm."""
        return self._happens(self.rates.arm_refused, "arm_refused")

    def sortie(self) -> Sortie:
        """For the sortie that begins now."""
        sags = self._happens(self.rates.battery_sag, "battery_sags")
        return Sortie(
            draw=SAG if sags else 1.0,
            link_loss=self._loss(self.rates.link_loss, LINK_LOSSES_S),
            gps_loss=self._loss(self.rates.gps_loss, GPS_LOSSES_S),
        )

    def _loss(self, rate: float, lengths_s: tuple[float, ...]) -> tuple[float, float] | None:
        if not self._chance(rate):
            return None
        lasts_s = self._random.choice(lengths_s)
        return self._random.uniform(*WITHIN_S), lasts_s

    def _happens(self, rate: float, name: str) -> bool:
        happens = self._chance(rate)
        if happens:
            self._counts[name] += 1
        return happens

    def _chance(self, rate: float) -> bool:
        # What never happens draws nothing, so that one kind of fault more leaves the others as they were.
        return rate > 0.0 and self._random.random() < rate
