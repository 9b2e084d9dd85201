"""The wind, as the docks tell it or somebody who knows better."""

import math
from collections.abc import Callable, Iterable

from bowstreet.flight.model import Wind
from bowstreet.flight.ports import DockReport
from bowstreet.runtime.ports import Clock

# For a drone in the air when nobody tells the wind any more: a windy day in London, so that it comes home early, not late.
UNKNOWN_WIND = Wind(speed_mps=8.0, from_deg=240.0, gust_mps=11.0)
# How often the docks' wind is put together.
WIND_S = 5.0


def wind_at_docks(reports: Iterable[DockReport]) -> Wind | None:
    """The mean wind of all docks that tell one, and as gust the strongest gust or wind of any; None when none does.

    What a dock tells is taken as the wind at transit height: a dock that measures lower has to scale it itself.
    """
    told = [
        (report.wind_speed_mps, report.wind_from_deg, report.wind_gust_mps or 0.0)
        for report in reports
        if report.wind_speed_mps is not None and report.wind_from_deg is not None
    ]
    if not told:
        return None
    east = sum(speed * math.sin(math.radians(from_deg)) for speed, from_deg, _ in told) / len(told)
    north = sum(speed * math.cos(math.radians(from_deg)) for speed, from_deg, _ in told) / len(told)
    speed_mps = math.hypot(east, north)
    return Wind(
        speed_mps=round(speed_mps, 2),
        from_deg=round(math.degrees(math.atan2(east, north)) % 360.0, 1),
        gust_mps=round(max(speed_mps, *(max(speed, gust) for speed, _, gust in told)), 2),
    )


class Weather:
    """The wind that flights reckon with. `ask` tells it at transit height; without one the docks do."""

    def __init__(self, clock: Clock, ask: Callable[[], Wind | None] | None) -> None:
        self._clock, self._ask = clock, ask
        self._last = UNKNOWN_WIND
        self._at_docks: Wind | None = None
        self._put_together_s = -WIND_S

    def hear(self, report: DockReport, all_reports: Iterable[DockReport]) -> None:
        if report.wind_speed_mps is not None and self._clock.monotonic_s() - self._put_together_s >= WIND_S:
            self._put_together_s = self._clock.monotonic_s()
            self._at_docks = wind_at_docks(all_reports)

    def wind(self) -> Wind | None:
        """None when nobody tells it."""
        return self._at_docks if self._ask is None else self._ask()

    def known(self) -> Wind:
        """The last that was told."""
        self._last = self.wind() or self._last
        return self._last
