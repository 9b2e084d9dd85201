"""How sure a rate is. Pure.

Searches of one person are not independent, so people are what is counted and drawn anew, never single pictures.
"""

import functools
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from scipy.special import betaincinv, ndtri, stdtrit

CONFIDENCE = 0.95
# Fewer people than this on either side of a rate, and drawing anew from them tells too little: the exact interval is taken.
FEW_PEOPLE = 10
FloatArray = npt.NDArray[np.float64]
Weights = npt.NDArray[np.float32]
# Of each person: searches that hit, at each threshold (people × thresholds), and searches.
Counted = tuple[FloatArray, FloatArray]
Method = Literal["none", "clopper-pearson", "bootstrap"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Rate:
    """A share with its interval. `value` is None, and the interval everything, when nothing was counted.

    Attributes:
        hits, of: what was counted.
        subjects: how many people that is from.
    """

    value: float | None
    low: float
    high: float
    hits: int
    of: int
    subjects: int
    method: Method

    def as_json(self) -> dict[str, float | int | str | None]:
        return {
            "value": self.value, "low": self.low, "high": self.high, "hits": self.hits, "of": self.of,
            "subjects": self.subjects, "method": self.method,
        }  # fmt: skip


def clopper_pearson(hits: float, of: float, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """The exact two-sided interval of a binomial share. `hits` may be a fraction, for an effective number of trials.

    C. Clopper, E. Pearson, Biometrika 26 (1934); by quantiles of the beta distribution.
    """
    tail = (1.0 - confidence) / 2.0
    low = 0.0 if hits <= 0 else float(betaincinv(hits, of - hits + 1, tail))
    high = 1.0 if hits >= of else float(betaincinv(hits + 1, of - hits, 1.0 - tail))
    return low, high


@functools.lru_cache(maxsize=8)
def weights(subjects: int, draws: int, seed: int) -> Weights:
    """How often each of the people is drawn, in each of `draws` samples of as many people; shape (draws, subjects)."""
    random = np.random.default_rng(seed)
    often = np.zeros((draws, subjects), np.float32)
    for sample in often:
        sample += np.bincount(random.integers(0, subjects, subjects), minlength=subjects) if subjects else 0
    often.flags.writeable = False
    return often


def drawn(hits: FloatArray, of: FloatArray, often: Weights) -> FloatArray:
    """The rate in each sample. `hits` has shape (subjects, any), `of` (subjects,); NaN where a sample has nothing to count."""
    return share(often @ hits.astype(np.float32), (often @ of.astype(np.float32))[:, None])


def share(hits: npt.NDArray[np.floating[Any]], of: npt.NDArray[np.floating[Any]]) -> FloatArray:
    """NaN where nothing was counted."""
    found: FloatArray = np.full(hits.shape, np.nan)
    np.divide(hits, of, out=found, where=np.broadcast_to(of > 0, hits.shape))
    return found


def rates(hits: FloatArray, of: FloatArray, often: Weights) -> list[Rate]:
    """A rate for each column of `hits` (subjects × columns), `of` the same searches for all."""
    return rates_from(hits, of, drawn(hits, of, often))


def rates_from(hits: FloatArray, of: FloatArray, samples: FloatArray) -> list[Rate]:
    """The same, with the samples' rates (`drawn`) at hand."""
    people = of > 0
    subjects, total = int(people.sum()), float(of.sum())
    if not subjects:
        return [Rate(value=None, low=0.0, high=1.0, hits=0, of=0, subjects=0, method="none")] * hits.shape[1]
    some = ~np.isnan(samples).all(axis=1)
    tail = (1.0 - CONFIDENCE) / 2.0 * 100.0
    ends = np.percentile(samples[some], [tail, 100.0 - tail], axis=0) if some.any() else None
    found = []
    for column in range(hits.shape[1]):
        counted = hits[:, column]
        value = float(counted.sum() / total)
        low, high = clopper_pearson(value * subjects, subjects)
        with_hit, with_miss = int((counted > 0).sum()), int((counted[people] < of[people]).sum())
        method: Method = "clopper-pearson"
        if ends is not None and min(with_hit, with_miss) >= FEW_PEOPLE:
            low, high, method = float(ends[0, column]), float(ends[1, column]), "bootstrap"
        found.append(
            Rate(
                value=value, low=min(low, value), high=max(high, value), hits=round(float(counted.sum())), of=round(total),
                subjects=subjects, method=method,
            )
        )  # fmt: skip
    return found


def difference(group: Counted, rest: Counted, confidence: float) -> tuple[FloatArray, FloatArray]:
    """The interval of a group's rate less the rest's, for each column, at a confidence however near to one: no sample is drawn.

    Each side has its exact interval, and the distances to their ends are put together as those of two independent errors
    (R. Newcombe, Statistics in Medicine 17 (1998); G. Zou and A. Donner, ibid. 27 (2008)).
    """
    (mine, low, high), (others, others_low, others_high) = _spread(*group, confidence), _spread(*rest, confidence)
    less, more = np.hypot(mine - low, others_high - others), np.hypot(high - mine, others - others_low)
    return mine - others - less, mine - others + more


def _spread(hits: FloatArray, of: FloatArray, confidence: float) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Rates of searches that come in people, each with its exact interval: Clopper-Pearson's, with as many trials as would make
    a rate of independent ones as sure as this one is, seen from how people differ (E. Korn and B. Graubard, Survey Methodology
    24 (1998)). Where no search hits, or every one, nothing is seen of that: each person is one trial.
    """
    subjects, total = int((of > 0).sum()), float(of.sum())
    if subjects < 2:
        return np.zeros(hits.shape[1]), np.zeros(hits.shape[1]), np.ones(hits.shape[1])
    tail = (1.0 - confidence) / 2.0
    rate = hits.sum(axis=0) / total
    varies = np.square(hits - of[:, None] * rate).sum(axis=0) * subjects / (subjects - 1) / total**2
    # How people differ is itself seen from few: Student's distribution in the place of the normal one.
    fewer = (ndtri(tail) / stdtrit(subjects - 1, tail)) ** 2
    trials = np.full(rate.shape, total)
    np.divide(rate * (1.0 - rate) * fewer, varies, out=trials, where=varies > 0)
    same = (rate <= 0.0) | (rate >= 1.0)
    trials = np.minimum(np.where(same, total**2 / np.square(of).sum(), trials), total)
    reached, missed = rate * trials, (1.0 - rate) * trials
    low = np.where(rate <= 0.0, 0.0, betaincinv(np.maximum(reached, 1e-12), missed + 1.0, tail))
    high = np.where(rate >= 1.0, 1.0, betaincinv(reached + 1.0, np.maximum(missed, 1e-12), 1.0 - tail))
    return rate, low, high
