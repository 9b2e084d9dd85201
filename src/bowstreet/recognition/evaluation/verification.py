"""One picture against another: accuracy over folds, error rates and their trade-off. Pure."""

from typing import Any

import numpy as np
import numpy.typing as npt

from bowstreet.recognition.evaluation.intervals import clopper_pearson

FloatArray = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
# A pair of which a picture shows no face is taken for two people.
NO_SCORE = -2.0
DET_POINTS = 200


def best_threshold(scores: FloatArray, same: Flags) -> float:
    """Which divides most pairs rightly; half way between the scores on either side of it, the lowest of several as good."""
    order = np.argsort(scores, kind="stable")
    ranked, right = scores[order], same[order]
    # Cut before place k: those before are told different, the others the same.
    correct = np.concatenate([[0], np.cumsum(~right)]) + (right.sum() - np.concatenate([[0], np.cumsum(right)]))
    # No cut between two equal scores.
    correct[1:-1][ranked[1:] == ranked[:-1]] = -1
    cut = int(np.argmax(correct))
    if cut == 0:
        return float(ranked[0])
    if cut == len(ranked):
        return float(np.nextafter(ranked[-1], np.inf))
    middle = float((ranked[cut - 1] + ranked[cut]) / 2.0)
    # Of two neighbours among the numbers there is no middle.
    return middle if middle > ranked[cut - 1] else float(ranked[cut])


def over_folds(scores: FloatArray, same: Flags, fold: npt.NDArray[np.intp]) -> dict[str, Any]:
    """Each fold decided at the threshold that is best for the others, as LFW wants it; a single one at its own: that flatters."""
    folds = int(fold.max()) + 1
    accuracies, thresholds = [], []
    for one in range(folds):
        held = fold == one
        learnt = ~held if folds > 1 else held
        threshold = best_threshold(scores[learnt], same[learnt])
        thresholds.append(threshold)
        accuracies.append(float(((scores[held] >= threshold) == same[held]).mean()))
    spread = float(np.std(accuracies, ddof=1)) if folds > 1 else 0.0
    return {
        "mean": float(np.mean(accuracies)), "std": spread, "standard_error": spread / folds**0.5, "folds": folds,
        "cross_validated": folds > 1, "by_fold": accuracies, "threshold_by_fold": thresholds,
    }  # fmt: skip


def error_rates(scores: FloatArray, same: Flags, threshold: float) -> dict[str, Any]:
    """False match and false non-match rates at a threshold, with exact intervals (pairs taken as independent, as is usual)."""
    false_match, false_non_match = int((scores[~same] >= threshold).sum()), int((scores[same] < threshold).sum())
    different, alike = int((~same).sum()), int(same.sum())
    return {
        "threshold": threshold,
        "fmr": {"value": false_match / different, **_ends(false_match, different), "hits": false_match, "of": different},
        "fnmr": {"value": false_non_match / alike, **_ends(false_non_match, alike), "hits": false_non_match, "of": alike},
    }  # fmt: skip


def _ends(hits: int, of: int) -> dict[str, float]:
    low, high = clopper_pearson(hits, of)
    return {"low": low, "high": high}


def det(scores: FloatArray, same: Flags) -> list[dict[str, float]]:
    """The detection error trade-off: at rising thresholds, how many strangers match and how many of the same do not."""
    usable = scores[scores > NO_SCORE]
    if not usable.size:
        return []
    thresholds = np.unique(np.quantile(usable, np.linspace(0.0, 1.0, DET_POINTS)))
    strangers, alike = np.sort(scores[~same]), np.sort(scores[same])
    fmr = 1.0 - np.searchsorted(strangers, thresholds, side="left") / max(len(strangers), 1)
    fnmr = np.searchsorted(alike, thresholds, side="left") / max(len(alike), 1)
    return [
        {"threshold": float(t), "fmr": float(a), "fnmr": float(b)} for t, a, b in zip(thresholds, fmr, fnmr, strict=True)
    ]  # fmt: skip


def equal_error_rate(points: list[dict[str, float]]) -> float | None:
    if not points:
        return None
    nearest = min(points, key=lambda point: abs(point["fmr"] - point["fnmr"]))
    return (nearest["fmr"] + nearest["fnmr"]) / 2.0
