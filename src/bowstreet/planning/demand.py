"""How many calls, when and where: a demand model made of published figures, each with its source beside it.

A Poisson process whose rate is the product of a yearly total, a share by borough, a profile by hour and a factor by date. No
published weekday profile is at hand, so all weekdays are alike. Within a borough, places are uniform. Boroughs share calls as they
share recorded crime, which measures where police record, not where people call: read plans made with it accordingly.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta

import msgspec
import numpy as np
import shapely

from bowstreet.errors import BadInput
from bowstreet.geo import FloatArray, Position
from bowstreet.intake.area import Borough, of
from bowstreet.intake.model import CallReport, Grade

# Offences recorded by the Metropolitan Police, March 2025 to February 2026 (MPS recorded crime, OGL v2).
OFFENCES: dict[str, int] = {
    "Barking and Dagenham": 20_175, "Barnet": 28_940, "Bexley": 15_855, "Brent": 32_782, "Bromley": 23_796, "Camden": 40_112,
    "Croydon": 33_893, "Ealing": 32_111, "Enfield": 28_791, "Greenwich": 28_009, "Hackney": 32_710,
    "Hammersmith and Fulham": 21_092, "Haringey": 28_689, "Harrow": 16_658, "Havering": 19_486, "Hillingdon": 31_167,
    "Hounslow": 26_912, "Islington": 30_746, "Kensington and Chelsea": 22_280, "Kingston upon Thames": 11_906, "Lambeth": 37_646,
    "Lewisham": 29_277, "Merton": 13_537, "Newham": 40_742, "Redbridge": 24_502, "Richmond upon Thames": 11_755,
    "Southwark": 39_826, "Sutton": 13_216, "Tower Hamlets": 37_017, "Waltham Forest": 23_606, "Wandsworth": 26_960,
    "Westminster": 80_718,
}  # fmt: skip

# Share of calls by hour, 00 to 23, per cent: 6,770 calls of 2009 (London Fire Brigade incident records, OGL v3).
HOURS_PERCENT = (
    3.3, 2.6, 2.0, 2.0, 1.8, 1.4, 1.4, 2.1, 2.3, 3.2, 3.6, 4.6, 4.8, 5.5, 5.4, 5.5, 6.2, 7.1, 6.9, 6.9, 6.4, 5.8, 5.0, 4.1,
)  # fmt: skip

# Factors of 2014 against the mean day (MPS, 999 demand 2014).
JULY = 1.09
DAYS: dict[tuple[int, int], float] = {(12, 25): 0.66, (12, 31): 1.34, (10, 31): 1.79}

# Yearly totals over London.
IMMEDIATE_2014 = 482_255  # I-grade calls of 2014, 1,321 a day (MPS)
ALL_999_2018 = 2_177_747  # 999 calls of 2017/18, 5,966 a day (london.gov.uk, MQ 2018/2956)
PILOT_WEEK = 200  # incidents a week that nine drones of the Islington pilot flew to (Metropolitan Police, 2025)

# How calls of all grades divide. The I share is 1,321 of 5,966 a day by the two figures above (different years); the rest is an
# assumption: no published split is at hand.
SHARES_ALL: Mapping[Grade, float] = {
    Grade.IMMEDIATE: 0.22, Grade.SIGNIFICANT: 0.38, Grade.EXTENDED: 0.15, Grade.REFERRED: 0.25,
}  # fmt: skip
# What the pilot flew to: emergencies in progress. An assumption.
SHARES_PILOT: Mapping[Grade, float] = {Grade.IMMEDIATE: 0.7, Grade.SIGNIFICANT: 0.3}
SHARES_IMMEDIATE: Mapping[Grade, float] = {Grade.IMMEDIATE: 1.0}

# A closed list in the words of police call types, all equally likely: no published split by place is used, and none is guessed.
CATEGORIES = (
    "burglary in progress", "robbery", "assault", "domestic incident", "disturbance", "missing person at risk", "collision",
    "suspicious person", "theft in progress", "weapon seen", "concern for safety", "alarm activation",
)  # fmt: skip

# Calls are made in batches of this many, so that places cost little each.
BATCH = 512


class DemandModel(msgspec.Struct, frozen=True, kw_only=True):
    """Calls for some boroughs. `yearly` is their number a year before factors by date."""

    name: str
    yearly: float
    shares: Mapping[Grade, float]
    boroughs: tuple[str, ...]
    source: str

    def for_boroughs(self, names: Sequence[str]) -> "DemandModel":
        """The same model for some of its boroughs, with their share of the calls."""
        for name in names:
            if name not in OFFENCES:
                raise BadInput(
                    f"the demand model knows no borough '{name}'", remedy=f"use names such as {', '.join(sorted(OFFENCES)[:4])}"
                )
        share = sum(OFFENCES[name] for name in names) / sum(OFFENCES[name] for name in self.boroughs)
        return msgspec.structs.replace(self, boroughs=tuple(names), yearly=self.yearly * share)

    def rate_per_hour(self, at: datetime) -> float:
        """Calls an hour at this moment (UTC taken as local time: the profile is too coarse to tell the two apart)."""
        day = self.yearly / 365.25
        date_factor = DAYS.get((at.month, at.day), JULY if at.month == 7 else 1.0)
        return day * HOURS_PERCENT[at.hour] / sum(HOURS_PERCENT) * date_factor

    def calls(self, start: datetime, seed: int, factor: float = 1.0) -> Iterator[CallReport]:
        """Calls without end, in order of time, the same for the same seed.

        Args:
            factor: multiplies the rate, for demonstrations; say so where it is shown.
        """
        rng = np.random.default_rng(seed)
        places = _Places(self.boroughs, rng)
        grades, weights = list(self.shares), np.array(list(self.shares.values()))
        peak = self.yearly / 365.25 * max(HOURS_PERCENT) / sum(HOURS_PERCENT) * max(JULY, *DAYS.values()) * factor
        if peak <= 0.0:
            return
        at = start.astimezone(UTC)
        number = 0
        while True:
            for gap, luck in zip(rng.exponential(1.0 / peak, BATCH), rng.random(BATCH), strict=True):
                at += timedelta(hours=float(gap))
                if luck * peak >= self.rate_per_hour(at) * factor:
                    continue  # thinning (Lewis and Shedler, 1979)
                number += 1
                yield CallReport(
                    reported_at=at,
                    position=places.next(),
                    grade=grades[int(rng.choice(len(grades), p=weights / weights.sum()))],
                    category=CATEGORIES[int(rng.integers(len(CATEGORIES)))],
                    source=f"demand:{self.name}",
                    caller_reference=f"{seed}-{start.timestamp():.0f}-{number}",
                )


class _Places:
    """Uniform places inside boroughs chosen by their share, made in batches."""

    def __init__(self, names: Sequence[str], rng: np.random.Generator) -> None:
        boroughs = {borough.name: borough for borough in of(list(names)).boroughs}
        self._boroughs = [boroughs[name] for name in names]
        weights = np.array([OFFENCES[name] for name in names], dtype=np.float64)
        self._weights = weights / weights.sum()
        self._rng = rng
        self._ready: list[list[Position]] = [[] for _ in names]

    def next(self) -> Position:
        which = int(self._rng.choice(len(self._boroughs), p=self._weights))
        if not self._ready[which]:
            self._ready[which] = self._inside(self._boroughs[which])
        return self._ready[which].pop()

    def _inside(self, borough: Borough) -> list[Position]:
        west, south, east, north = borough.polygon.bounds
        x: FloatArray = self._rng.uniform(west, east, BATCH)
        y: FloatArray = self._rng.uniform(south, north, BATCH)
        inside = shapely.contains_xy(borough.polygon, x, y)
        found = [Position(latitude_deg=float(b), longitude_deg=float(a)) for a, b in zip(x[inside], y[inside], strict=True)]
        return found or self._inside(borough)


def _london(name: str, yearly: float, shares: Mapping[Grade, float], source: str) -> DemandModel:
    return DemandModel(name=name, yearly=yearly, shares=shares, boroughs=tuple(OFFENCES), source=source)


def _pilot() -> DemandModel:
    whole = _london(
        "pilot-200-a-week", 0.0, SHARES_PILOT, "Metropolitan Police, Islington pilot 2025: about 200 incidents a week"
    )
    return msgspec.structs.replace(whole, boroughs=("Islington",), yearly=PILOT_WEEK * 365.25 / 7)


MODELS: dict[str, Callable[[], DemandModel]] = {
    "immediate-2014": lambda: _london("immediate-2014", IMMEDIATE_2014, SHARES_IMMEDIATE, "MPS: 482,255 I-grade calls in 2014"),
    "all-999-2018": lambda: _london(
        "all-999-2018", ALL_999_2018, SHARES_ALL, "london.gov.uk MQ 2018/2956: 2,177,747 calls in 2017/18"
    ),
    "pilot-200-a-week": _pilot,
}


def model_named(name: str) -> DemandModel:
    """Raises `BadInput` for a name that is not registered."""
    if name not in MODELS:
        raise BadInput(f"there is no demand model '{name}'", remedy=f"use one of {', '.join(MODELS)}")
    return MODELS[name]()


def expected(model: DemandModel, start: datetime, days: float) -> float:
    """How many calls the model expects in that time."""
    hours = math.floor(days * 24)
    return sum(model.rate_per_hour(start + timedelta(hours=hour)) for hour in range(hours))
