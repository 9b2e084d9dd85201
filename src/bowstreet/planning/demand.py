"""How many calls, when and where: a demand model made of published figures, each with its source beside it.

A Poisson process whose rate is the product of a yearly total, a share by borough, a profile by hour and a factor by date, all in
London's local time. No published weekday profile is at hand, so all weekdays are alike. Within a borough, places are uniform.
Boroughs share calls as they share recorded crime, which measures where police record, not where people call: read plans made
with it accordingly. It says where calls may come from, never who or where will offend.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Generic, TypeVar

import msgspec
import numpy as np
import shapely

from bowstreet.errors import BadInput
from bowstreet.geo import FloatArray, Position
from bowstreet.intake.area import Borough, of
from bowstreet.intake.model import CallReport, Grade

# Offences recorded by the Metropolitan Police, March 2025 to February 2026 (MPS recorded crime, OGL v2). It says
# where police record, not where people call. The City of London has a force of its own and is not in it.
OFFENCES: dict[str, int] = {
    "Barking and Dagenham": 20_175, "Barnet": 28_940, "Bexley": 15_855, "Brent": 32_782, "Bromley": 23_796, "Camden": 40_112,
    "Croydon": 33_893, "Ealing": 32_111, "Enfield": 28_791, "Greenwich": 28_009, "Hackney": 32_710,
    "Hammersmith and Fulham": 21_092, "Haringey": 28_689, "Harrow": 16_658, "Havering": 19_486, "Hillingdon": 31_167,
    "Hounslow": 26_912, "Islington": 30_746, "Kensington and Chelsea": 22_280, "Kingston upon Thames": 11_906, "Lambeth": 37_646,
    "Lewisham": 29_277, "Merton": 13_537, "Newham": 40_742, "Redbridge": 24_502, "Richmond upon Thames": 11_755,
    "Southwark": 39_826, "Sutton": 13_216, "Tower Hamlets": 37_017, "Waltham Forest": 23_606, "Wandsworth": 26_960,
    "Westminster": 80_718,
}  # fmt: skip

# Share of calls by hour of local time, 00 to 23, per cent: calls of 2009 (London Fire Brigade incident records, OGL v3).
HOURS_PERCENT = (
    3.3, 2.6, 2.0, 2.0, 1.8, 1.4, 1.4, 2.1, 2.3, 3.2, 3.6, 4.6, 4.8, 5.5, 5.4, 5.5, 6.2, 7.1, 6.9, 6.9, 6.4, 5.8, 5.0, 4.1,
)  # fmt: skip
_HOURS = tuple(percent / sum(HOURS_PERCENT) for percent in HOURS_PERCENT)

# Factors of 2014 against the mean day (MPS, 999 demand 2014).
MONTHS: Mapping[int, float] = {7: 1.09}
DAYS: Mapping[tuple[int, int], float] = {(12, 25): 0.66, (12, 31): 1.34, (10, 31): 1.79}
MOST_FACTOR = max(1.0, *MONTHS.values(), *DAYS.values())
# No published figure by weekday is at hand: uniform. Monday first.
WEEKDAYS = (1.0,) * 7
DAYS_A_YEAR = 365.25
_DAYS_IN_JULY = 31
# The factors only move calls about: with this many mean days in a year, its total stays the published one.
_MEAN_DAYS = DAYS_A_YEAR + _DAYS_IN_JULY * (MONTHS[7] - 1.0) + sum(factor - 1.0 for factor in DAYS.values())

# Yearly totals over London.
IMMEDIATE_2014 = 482_255  # I-grade calls of 2014, 1,321 a day (MPS)
ALL_999_2018 = 2_177_747  # 999 calls of 2017/18, 5,966 a day (london.gov.uk, MQ 2018/2956)
# Nine drones at three sites, in Islington, the West End and Hyde Park, were sent to about 200 incidents a week (the Commissioner
# of the Metropolitan Police, 2026, as reported by the press: check before quoting it). The model puts all of them in Islington,
# as the demo puts all nine drones there.
PILOT_WEEK = 200

# How calls of all grades divide. The I share is 1,321 of 5,966 a day by the two figures above (different years); the rest is an
# assumption: no published split is at hand.
SHARES_ALL: Mapping[Grade, float] = {
    Grade.IMMEDIATE: 0.22, Grade.SIGNIFICANT: 0.38, Grade.EXTENDED: 0.15, Grade.REFERRED: 0.25,
}  # fmt: skip
# What the pilot flew to: emergencies in progress. An assumption.
SHARES_PILOT: Mapping[Grade, float] = {Grade.IMMEDIATE: 0.7, Grade.SIGNIFICANT: 0.3}
SHARES_IMMEDIATE: Mapping[Grade, float] = {Grade.IMMEDIATE: 1.0}

# A closed list in the words of police call types, all equally likely: an assumption. No published split is used, none is guessed.
CATEGORIES = (
    "burglary in progress", "robbery", "assault", "domestic incident", "disturbance", "missing person at risk", "collision",
    "suspicious person", "theft in progress", "weapon seen", "concern for safety", "alarm activation",
)  # fmt: skip

CAVEAT = (
    "Boroughs share calls as they share recorded crime, which measures where police record, not where people call. Hours are "
    "those of fire calls of 2009. Weekdays are alike, call types equally likely, places uniform within a borough: assumptions."
)

# Calls are made in batches of this many, so that each costs little.
BATCH = 512
T = TypeVar("T")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_HOUR_S = 3_600.0


class DemandModel(msgspec.Struct, frozen=True, kw_only=True):
    """Calls for some boroughs. `yearly` is their number a year, `shares` how grades divide them."""

    name: str
    yearly: float
    shares: Mapping[Grade, float]
    boroughs: tuple[str, ...]
    source: str
    caveat: str = CAVEAT

    @staticmethod
    def london() -> "DemandModel":
        """Immediate calls over the 32 boroughs: what a city of drones is sized for."""
        return _london("immediate-2014", IMMEDIATE_2014, SHARES_IMMEDIATE, "MPS: 482,255 I-grade calls in 2014")

    def for_boroughs(self, names: Sequence[str]) -> "DemandModel":
        """The same model for some of its boroughs, with their share of the calls."""
        for name in names:
            if name not in self.boroughs:
                raise BadInput(
                    f"the demand model '{self.name}' knows no borough '{name}'",
                    remedy=f"use names such as {', '.join(sorted(self.boroughs)[:4])}",
                )
        served = tuple(dict.fromkeys(names))
        share = sum(OFFENCES[name] for name in served) / sum(OFFENCES[name] for name in self.boroughs)
        return msgspec.structs.replace(self, boroughs=served, yearly=self.yearly * share)

    def rate_per_hour(self, at: datetime) -> float:
        """Calls an hour at this moment (any aware time)."""
        local = london_time(at)
        mean_day = self.yearly / _MEAN_DAYS
        return mean_day * _HOURS[local.hour] * day_factor(local)

    def calls(self, start: datetime, seed: int, factor: float = 1.0) -> Iterator[CallReport]:
        """Calls without end, in order of time, the same for the same start and seed.

        Thinning of a Poisson process at the highest rate (Lewis and Shedler, 1979).

        Args:
            factor: multiplies the rate, for demonstrations; say so where it is shown.
        """
        if not (factor >= 0.0 and np.isfinite(factor)):
            raise BadInput("the demand factor is not a number from 0", remedy="1 is the model as published")
        rng = np.random.default_rng(seed)
        places, grades = _Places(self.boroughs, rng), _Choice(list(self.shares), list(self.shares.values()), rng)
        categories = _Choice(CATEGORIES, [1.0] * len(CATEGORIES), rng)
        peak = self.yearly / _MEAN_DAYS * max(_HOURS) * MOST_FACTOR * factor
        if peak <= 0.0:
            return
        at = start.astimezone(UTC)
        source, prefix, number = f"demand:{self.name}", f"{seed}-{(at - _EPOCH).total_seconds():.0f}", 0
        while True:
            gaps = rng.exponential(_HOUR_S / peak, BATCH).tolist()
            for gap_s, level in zip(gaps, (rng.random(BATCH) * peak).tolist(), strict=True):
                at += timedelta(seconds=gap_s)
                if level >= self.rate_per_hour(at) * factor:
                    continue
                number += 1
                yield CallReport(
                    reported_at=at,
                    position=places.next(),
                    grade=grades.next(),
                    category=categories.next(),
                    source=source,
                    caller_reference=f"{prefix}-{number}",
                )


def day_factor(local: datetime) -> float:
    """Calls of this day against the mean day."""
    dated = DAYS.get((local.month, local.day))
    return WEEKDAYS[local.weekday()] * (MONTHS.get(local.month, 1.0) if dated is None else dated)


def london_time(at: datetime) -> datetime:
    """The hands of London's clocks, as an aware time that still says UTC: for looking up hours and dates, for nothing else.

    British Summer Time runs from 01:00 UTC on the last Sunday of March to 01:00 UTC on that of October (Summer Time Act 1972 as
    amended 2002); computed here, so that no time zone database has to be installed.
    """
    at = at.astimezone(UTC)
    if not 3 <= at.month <= 10:
        return at
    if 3 < at.month < 10:
        return at + timedelta(hours=1)
    change = datetime(at.year, at.month, 31, 1, tzinfo=UTC)
    change -= timedelta(days=(change.weekday() + 1) % 7)
    return at + timedelta(hours=1) if (at >= change) == (at.month == 3) else at


class _Choice(Generic[T]):
    """Weighted choice, drawn in batches."""

    def __init__(self, things: Sequence[T], weights: Sequence[float], rng: np.random.Generator) -> None:
        self._things, self._rng = things, rng
        self._bounds = np.cumsum(np.asarray(weights, dtype=np.float64))
        self._ready: list[int] = []

    def next(self) -> T:
        if not self._ready:
            drawn = np.searchsorted(self._bounds, self._rng.random(BATCH) * self._bounds[-1], side="right")
            self._ready = drawn.tolist()
        return self._things[self._ready.pop()]


class _Places:
    """Uniform places inside boroughs chosen by their share, made in batches."""

    def __init__(self, names: Sequence[str], rng: np.random.Generator) -> None:
        self._boroughs = of(names).boroughs
        self._which = _Choice(range(len(self._boroughs)), [OFFENCES[one.name] for one in self._boroughs], rng)
        self._rng = rng
        self._ready: list[list[Position]] = [[] for _ in self._boroughs]

    def next(self) -> Position:
        which = self._which.next()
        if not self._ready[which]:
            self._ready[which] = self._inside(self._boroughs[which])
        return self._ready[which].pop()

    def _inside(self, borough: Borough) -> list[Position]:
        west, south, east, north = borough.polygon.bounds
        found: list[Position] = []
        while not found:
            x: FloatArray = self._rng.uniform(west, east, BATCH)
            y: FloatArray = self._rng.uniform(south, north, BATCH)
            inside = shapely.contains_xy(borough.polygon, x, y)
            pairs = zip(x[inside].tolist(), y[inside].tolist(), strict=True)
            found = [Position(latitude_deg=latitude, longitude_deg=longitude) for longitude, latitude in pairs]
        return found


def _london(name: str, yearly: float, shares: Mapping[Grade, float], source: str) -> DemandModel:
    return DemandModel(name=name, yearly=yearly, shares=shares, boroughs=tuple(OFFENCES), source=source)


def _all_999() -> DemandModel:
    return _london("all-999-2018", ALL_999_2018, SHARES_ALL, "london.gov.uk MQ 2018/2956: 2,177,747 calls in 2017/18")


def _pilot() -> DemandModel:
    return DemandModel(
        name="pilot-200-a-week",
        yearly=PILOT_WEEK * DAYS_A_YEAR / 7,
        shares=SHARES_PILOT,
        boroughs=("Islington",),
        source="Metropolitan Police pilot: about 200 incidents a week for nine drones at three sites, here all in Islington",
    )


MODELS: Mapping[str, Callable[[], DemandModel]] = {
    "immediate-2014": DemandModel.london,
    "all-999-2018": _all_999,
    "pilot-200-a-week": _pilot,
}


def model_named(name: str) -> DemandModel:
    """Raises `BadInput` for a name that is not registered."""
    if name not in MODELS:
        raise BadInput(f"there is no demand model '{name}'", remedy=f"use one of {', '.join(MODELS)}")
    return MODELS[name]()
