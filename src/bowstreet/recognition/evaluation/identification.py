"""Open-set identification in figures: rates with intervals at thresholds, by group, by size of the list, by quality. Pure.

TPIR(N, 1, T): of mated searches, the share that finds the right person first, at or above T, on a list of N. A search without a
face is a miss, and so is one of a person whose pictures could not be enrolled. FPIR(N, T): of non-mated searches with a face, the
share that finds anybody at or above T. (ISO/IEC 19795-1; 30137-1 for cameras.) A track finds whom an alert would have named.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from bowstreet.recognition.evaluation import rules
from bowstreet.recognition.evaluation.groups import Group, Groups
from bowstreet.recognition.evaluation.intervals import (
    CONFIDENCE,
    Counted,
    FloatArray,
    Rate,
    Weights,
    difference,
    rates,
    rates_from,
    share,
    weights,
)
from bowstreet.recognition.evaluation.passages import NOBODY, Passages
from bowstreet.recognition.evaluation.report import Compared
from bowstreet.recognition.evaluation.searches import NOTHING, Probes, Scores, hits_per_subject, per_subject

DRAWS = 1_000
DET_POINTS = 200
GROUPS_AT_ONCE = 32
TARGET_FPIR = (0.01, 0.001)
THRESHOLD_STEP, HIGHEST_THRESHOLD = 0.05, 0.8
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Side:
    """The mated, or the non-mated, searches of one kind (frames or tracks).

    Attributes:
        scores: of a track those at which an alert begins, against the whole list only.
        people: their names, as `probes.subject` counts them.
        passages: what tracks are made of; None for frames.
    """

    probes: Probes
    scores: Scores
    people: Sequence[str]
    passages: Passages | None = None

    def finds(self, column: int, thresholds: FloatArray) -> tuple[Flags, Flags]:
        """Whether each search finds the right person, and whether somebody else: searches × thresholds. One search finds one."""
        if self.passages is None:
            right = self.scores.right(column)
            other = np.where(self.scores.other[:, column] > self.scores.mate, self.scores.other[:, column], NOTHING)
            return right[:, None] >= thresholds, other[:, None] >= thresholds
        named, mate = self.passages.alerts(column, thresholds), self.probes.mate[:, None]
        return (named == mate) & (mate != NOBODY), (named != NOBODY) & (named != mate)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Tallies:
    """For each person of both sides: searches, and those at or above each threshold; with samples drawn from the people."""

    thresholds: FloatArray
    right: FloatArray
    mated: FloatArray
    false: FloatArray
    nonmated: FloatArray
    mated_weights: Weights
    nonmated_weights: Weights


def thresholds_for(given: Sequence[float], floor: float, default: float, nonmated: Side) -> FloatArray:
    """What is asked for, what the model's card says, an even scale, and where one in 100 and in 1,000 non-mated searches hit."""
    scale = np.arange(floor, HIGHEST_THRESHOLD + 1e-9, THRESHOLD_STEP)
    wanted = {round(float(value), 4) for value in (*given, floor, default, *scale)}
    reached = np.sort(nonmated.scores.other[nonmated.probes.acquired, -1])[::-1]
    for target in TARGET_FPIR:
        allowed = int(len(reached) * target)
        if allowed >= 1 and np.isfinite(reached[allowed]):
            wanted.add(float(max(floor, np.floor(reached[allowed] * 1e4 + 1.0) / 1e4)))
    return np.array(sorted(value for value in (round(one, 4) for one in wanted) if 0.0 < value < 1.0))


def tally(mated: Side, nonmated: Side, column: int, thresholds: FloatArray, seed: int) -> Tallies:
    right, of_mated = _counted(mated, column, thresholds, is_mated=True)
    false, of_nonmated = _counted(nonmated, column, thresholds, is_mated=False)
    return Tallies(
        thresholds=thresholds, right=right, mated=of_mated, false=false, nonmated=of_nonmated,
        mated_weights=weights(len(of_mated), DRAWS, seed), nonmated_weights=weights(len(of_nonmated), DRAWS, seed + 1),
    )  # fmt: skip


def _counted(side: Side, column: int, thresholds: FloatArray, *, is_mated: bool) -> Counted:
    counted = np.ones(len(side.probes), bool) if is_mated else side.probes.acquired
    if side.passages is not None:
        return hits_per_subject(side.finds(column, thresholds)[not is_mated], counted, side.probes.subject)
    scores = side.scores.right(column) if is_mated else side.scores.other[:, column]
    return per_subject(scores, counted, side.probes.subject, thresholds)


@dataclass(frozen=True, kw_only=True, slots=True)
class GroupRates:
    group: Group
    tpir: list[Rate]
    fpir: list[Rate]
    tpir_compared: list[Compared]
    fpir_compared: list[Compared]


def by_group(tallies: Tallies, mated: Side, nonmated: Side, groups: Groups) -> list[GroupRates]:
    """Each group's rates at every threshold, and whether they differ from everybody else's.

    Somebody of whom the attribute is not known is in neither. Intervals of differences are as wide as looking at so many groups
    needs (Bonferroni).
    """
    looked_at = groups.all()
    tpir = _against(tallies.right, tallies.mated, tallies.mated_weights, groups, looked_at, mated.people)
    fpir = _against(tallies.false, tallies.nonmated, tallies.nonmated_weights, groups, looked_at, nonmated.people)
    return [
        GroupRates(group=group, tpir=t, fpir=f, tpir_compared=t_compared, fpir_compared=f_compared)
        for group, (t, t_compared), (f, f_compared) in zip(looked_at, tpir, fpir, strict=True)
    ]


def _against(
    hits: FloatArray, of: FloatArray, often: Weights, groups: Groups, looked_at: Sequence[Group], people: Sequence[str]
) -> Iterator[tuple[list[Rate], list[Compared]]]:
    confidence = 1.0 - (1.0 - CONFIDENCE) / max(1, len(looked_at))
    members = list(groups.members(looked_at, people))
    for start in range(0, len(members), GROUPS_AT_ONCE):
        some = members[start : start + GROUPS_AT_ONCE]
        counts = [(hits * inside[:, None], of * inside) for inside, _ in some]
        # One large product in place of many small ones: that is where the time of an evaluation's counting goes.
        columns = np.concatenate([np.column_stack([hit, searches]) for hit, searches in counts], axis=1).astype(np.float32)
        samples = (often @ columns).reshape(len(often), len(some), -1)
        for place, (inside, known) in enumerate(some):
            others = known & ~inside
            rates_in = rates_from(*counts[place], share(samples[:, place, :-1], samples[:, place, -1:]))
            rest = hits * others[:, None], of * others
            yield rates_in, _compared(counts[place], rest, confidence)


def _compared(group: Counted, rest: Counted, confidence: float) -> list[Compared]:
    people, others = (int((of > 0).sum()) for _, of in (group, rest))
    lows, highs = difference(group, rest, confidence)
    return [rules.compare(people, others, float(low), float(high)) for low, high in zip(lows, highs, strict=True)]


def det(mated: Side, nonmated: Side, column: int) -> list[dict[str, float]]:
    """False negative against false positive identification rate, at rising thresholds."""
    right = np.sort(mated.scores.right(column))
    false = np.sort(nonmated.scores.other[nonmated.probes.acquired, column])
    usable = np.concatenate([right, false])
    usable = usable[np.isfinite(usable)]
    if not usable.size or not len(false):
        return []
    # Close together where strangers' best scores end, as that is where a threshold is chosen.
    tail = np.quantile(false[np.isfinite(false)], 1.0 - np.geomspace(1e-5, 1.0, DET_POINTS)) if np.isfinite(false).any() else []
    thresholds = np.unique(np.concatenate([np.quantile(usable, np.linspace(0, 1, DET_POINTS)), tail]))
    if mated.passages is None:
        fpir = 1.0 - np.searchsorted(false, thresholds, side="left") / len(false)
        fnir = np.searchsorted(right, thresholds, side="left") / max(len(right), 1)
    else:
        fpir = nonmated.finds(column, thresholds)[1][nonmated.probes.acquired].mean(axis=0)
        fnir = 1.0 - mated.finds(column, thresholds)[0].sum(axis=0) / max(len(right), 1)
    return [
        {"threshold": float(t), "fpir": float(a), "fnir": float(b)} for t, a, b in zip(thresholds, fpir, fnir, strict=True)
    ]  # fmt: skip


# Bounds of the strata that are looked at, and of which measure.
STRATA: dict[str, tuple[float, ...]] = {
    "eyes_px": (12, 20, 30, 45, 60, 90, 150),
    "yaw_deg": (10, 20, 30, 45),
    "pitch_deg": (10, 20, 30),
    "sharpness": (0.25, 0.5, 0.75),
    "mean_luminance": (0.2, 0.4, 0.6, 0.8),
    "illumination_uniformity": (0.7, 0.8, 0.9),
    "unified": (20, 40, 60, 80),
}


def strata(
    mated: Side, nonmated: Side, measures: dict[str, tuple[FloatArray, FloatArray]], threshold: float, seed: int
) -> dict[str, list[dict[str, Any]]]:
    """Rates by what was measured of the searched face. `measures`: mated and non-mated values, NaN without a face."""
    at = np.array([threshold])
    right, false = mated.finds(-1, at)[0], nonmated.finds(-1, at)[1]
    found: dict[str, list[dict[str, Any]]] = {}
    for name, bounds in STRATA.items():
        edges = (-np.inf, *bounds, np.inf)
        of_mated, of_nonmated = (np.abs(values) for values in measures[name])
        found[name] = []
        for low, high in itertools.pairwise(edges):
            here, beside = (of_mated >= low) & (of_mated < high), (of_nonmated >= low) & (of_nonmated < high)
            if not here.any() and not beside.any():
                continue
            tpir = _rate(right, here, mated.probes.subject, seed)
            fpir = _rate(false, beside & nonmated.probes.acquired, nonmated.probes.subject, seed)
            found[name].append(
                {
                    "from": None if np.isinf(low) else low, "to": None if np.isinf(high) else high,
                    "tpir": tpir.as_json() | {"verdict": rules.judge_tpir(tpir)},
                    "fpir": fpir.as_json() | {"verdict": rules.judge_fpir(fpir)},
                }
            )  # fmt: skip
    return found


def _rate(hit: Flags, counted: Flags, subject: npt.NDArray[np.intp], seed: int) -> Rate:
    hits, of = hits_per_subject(hit, counted, subject)
    return rates(hits, of, weights(len(of), DRAWS // 2, seed))[0]


def misidentified(mated: Side, column: int, thresholds: FloatArray) -> list[int]:
    """Mated searches that put another person of the list first, at or above each threshold: an alert about the wrong one."""
    return [int(count) for count in mated.finds(column, thresholds)[1].sum(axis=0)]
