"""Weather for a simulated city: wind that wanders as wind does, the same for the same seed.

Speed and direction each follow an Ornstein-Uhlenbeck process. Speed is mapped through the normal distribution onto a Weibull one,
the usual shape of wind climates; direction wanders about the prevailing one. Constants are assumptions, each with its source;
they make plausible days, not a forecast and not a climate study.
"""

import math
import random
from datetime import datetime, timedelta
from statistics import NormalDist

from bowstreet.flight.model import Wind
from bowstreet.runtime.ports import Clock

# Mean wind over London at 10 m over open ground is near 4.1 m/s (Met Office station averages for Heathrow 1991-2020, from general
# knowledge: check before quoting). Carried by the logarithmic profile to a blending height of 60 m (roughness 0.03 m) and from
# there over a city (roughness 1 m) to 100 m: 4.1 * ln(60/0.03)/ln(10/0.03) * ln(100/1)/ln(60/1) = 6.0 m/s at transit height.
MEAN_SPEED_MPS = 6.0
# Rayleigh winds, Weibull shape 2: the default of IEC 61400-1 where nothing better is known.
WEIBULL_SHAPE = 2.0
# A pressure system takes a good half day to pass: the hours over which wind forgets itself.
SPEED_MEMORY_H = 14.0
DIRECTION_MEMORY_H = 24.0
# South-west is the prevailing wind of lowland England (Met Office); it wanders by about a sixth of the compass.
PREVAILING_FROM_DEG = 240.0
DIRECTION_SPREAD_DEG = 60.0
# Gust over mean at 100 m above a city: turbulence near 0.14 and a peak factor of 2.5 for a few seconds within ten minutes
# (our choice; EN 1991-1-4 takes 3.5 for structures, which stand for fifty years).
GUST_FACTOR = 1.35
# A report each ten minutes, as stations give it (WMO No. 8: wind is the mean over ten minutes).
STEP_S = 600.0


class SeededWind:
    """A wind source on a clock: `wind()` is the ten-minute wind at transit height now, over the whole city.

    Steps are drawn in order as time reaches them, so the wind at a moment depends on the seed and the start alone.

    Attributes:
        reports: every ten-minute report up to the last time that the wind was asked for.
    """

    def __init__(self, seed: int, clock: Clock, *, mean_mps: float = MEAN_SPEED_MPS) -> None:
        self._clock = clock
        self._random = random.Random(f"bowstreet wind {seed}")  # noqa: S311 - weather, not a secret
        self._normal = NormalDist()
        self._scale_mps = mean_mps / math.gamma(1.0 + 1.0 / WEIBULL_SHAPE)
        self._until = clock.now()
        self._speed_z = self._random.gauss(0.0, 1.0)
        self._direction_z = self._random.gauss(0.0, 1.0)
        self._wind = self._make()
        self.reports = [self._wind]

    def wind(self) -> Wind:
        """The wind now. The same object is returned within one ten-minute step."""
        now = self._clock.now()
        while now >= self._until:
            self._step()
        return self._wind

    @property
    def changes_at(self) -> datetime:
        """When the present report ends."""
        return self._until

    def _step(self) -> None:
        self._speed_z = self._wander(self._speed_z, SPEED_MEMORY_H)
        self._direction_z = self._wander(self._direction_z, DIRECTION_MEMORY_H)
        self._until += timedelta(seconds=STEP_S)
        self._wind = self._make()
        self.reports.append(self._wind)

    def _wander(self, z: float, memory_h: float) -> float:
        """One exact step of a unit Ornstein-Uhlenbeck process."""
        keep = math.exp(-STEP_S / (memory_h * 3600.0))
        return keep * z + math.sqrt(1.0 - keep * keep) * self._random.gauss(0.0, 1.0)

    def _make(self) -> Wind:
        share = min(self._normal.cdf(self._speed_z), 1.0 - 1e-9)
        speed = self._scale_mps * (-math.log1p(-share)) ** (1.0 / WEIBULL_SHAPE)
        return Wind(
            speed_mps=speed,
            from_deg=(PREVAILING_FROM_DEG + DIRECTION_SPREAD_DEG * self._direction_z) % 360.0,
            gust_mps=speed * GUST_FACTOR,
        )
