"""The wind, as the docks tell it."""

import math
from collections.abc import Iterable

from bowstreet.flight.model import Wind
from bowstreet.flight.ports import DockReport


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
