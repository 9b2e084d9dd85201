"""What was found in the pictures, as figures: identification, verification, and the report for deployments."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
import numpy as np

from bowstreet import __version__
from bowstreet.recognition.evaluation import gather, identification, rules, verification
from bowstreet.recognition.evaluation import report as reports
from bowstreet.recognition.evaluation.identification import GroupRates, Side
from bowstreet.recognition.evaluation.intervals import Rate, rates
from bowstreet.recognition.evaluation.model import Looked, Part
from bowstreet.recognition.evaluation.pairs import Pair, Picture
from bowstreet.recognition.evaluation.run import Run
from bowstreet.recognition.evaluation.searches import list_sizes
from bowstreet.recognition.reference import Reference


def identified(run: Run, now: datetime) -> tuple[dict[str, Any], bytes]:
    options, dimensions = run.options, run.files.embedder.dimensions
    listed, places = gather.gallery(run.looked[Part.LIST], dimensions)
    sizes = list_sizes(listed.people)
    entries: list[dict[str, Any]] = []
    found: dict[str, Any] = {
        "identification": entries,
        "det": {},
        "list": {"people": listed.people, "images": len(listed.vectors)},
    }
    report: bytes = b""
    for unit in _units(run):
        looked = {part: run.looked.get(part, []) for part in (Part.PROBES, Part.NONLISTED)}
        card = run.files.embedder
        if unit == "track":
            looked = {part: gather.in_tracks(ones) for part, ones in looked.items()}
            mated, nonmated = (
                gather.passed(ones, _people(ones), listed, places, sizes, options.seed, card.threshold_floor)
                for ones in (looked[Part.PROBES], looked[Part.NONLISTED])
            )
            looked = {part: gather.best_shots(ones) for part, ones in looked.items()}
        else:
            mated, nonmated = (
                gather.search(ones, _people(ones), listed, places, sizes, options.seed)
                for ones in (looked[Part.PROBES], looked[Part.NONLISTED])
            )
        thresholds = identification.thresholds_for(options.thresholds, card.threshold_floor, card.threshold, nonmated)
        main = options.thresholds[0] if options.thresholds else card.threshold
        tallies = identification.tally(mated, nonmated, len(sizes) - 1, thresholds, options.seed)
        groups = identification.by_group(tallies, mated, nonmated, options.groups)
        full = _entries(unit, sizes, len(sizes) - 1, mated, nonmated, thresholds, tallies, groups)
        entries += full
        for column in range(len(sizes) - 1):
            at = np.array([round(main, 4)])
            smaller = identification.tally(mated, nonmated, column, at, options.seed)
            entries += _entries(unit, sizes, column, mated, nonmated, at, smaller, [])
        found["det"][unit] = identification.det(mated, nonmated, len(sizes) - 1)
        found.setdefault("strata", {})[unit] = {
            "threshold": main,
            **identification.strata(
                mated, nonmated, gather.measures(looked[Part.PROBES], looked[Part.NONLISTED]), main, options.seed
            ),
        }
        # The last unit is what a deployment does, where there are tracks: whom it would have alerted about.
        report = _report(run, now, unit, listed.people, len(listed.vectors), full)
    found["main_threshold"] = main
    found["equitability"] = {
        "sha256": reports.digest(report), "expires_at": reports.expiry(now).isoformat(), "model_sha256": run.files.sha256
    }  # fmt: skip
    return found, report


def _units(run: Run) -> tuple[str, ...]:
    """Tracks are looked at where everybody who is searched has some: a folder inside a person's folder is one."""
    searched = [ones for part in (Part.PROBES, Part.NONLISTED) if (ones := run.looked.get(part))]
    return ("frame", "track") if searched and all(gather.all_in_tracks(ones) for ones in searched) else ("frame",)


def _people(looked: Sequence[Looked]) -> list[str]:
    return sorted({one.still.person for one in looked})


def _entries(
    unit: str, sizes: tuple[int, ...], column: int, mated: Side, nonmated: Side, thresholds: Any,
    tallies: identification.Tallies, groups: list[GroupRates],
) -> list[dict[str, Any]]:  # fmt: skip
    tpir = rates(tallies.right, tallies.mated, tallies.mated_weights)
    fpir = rates(tallies.false, tallies.nonmated, tallies.nonmated_weights)
    wrong = identification.misidentified(mated, column, thresholds)
    return [
        {
            "unit": unit, "list_size": sizes[column], "threshold": round(float(threshold), 4),
            "tpir": _judged(tpir[place], rules.judge_tpir(tpir[place])),
            "fpir": _judged(fpir[place], rules.judge_fpir(fpir[place])),
            "misidentified": {"hits": wrong[place], "of": len(mated.probes)},
            "groups": [_group(one, place) for one in groups],
        }
        for place, threshold in enumerate(thresholds)
    ]  # fmt: skip


def _judged(rate: Rate, verdict: str) -> dict[str, Any]:
    return rate.as_json() | {"verdict": str(verdict)}


def _group(one: GroupRates, place: int) -> dict[str, Any]:
    tpir, fpir = one.tpir[place], one.fpir[place]
    return {
        "group": dict(one.group.values), "name": one.group.name,
        "tpir": _judged(tpir, rules.judge_tpir(tpir)) | {"compared": str(one.tpir_compared[place])},
        "fpir": _judged(fpir, rules.judge_fpir(fpir)) | {"compared": str(one.fpir_compared[place])},
    }  # fmt: skip


def _report(run: Run, now: datetime, unit: str, people: int, images: int, entries: list[dict[str, Any]]) -> bytes:
    floor = run.files.embedder.threshold_floor
    findings = [
        {
            "threshold": entry["threshold"], "tpir": _measured(entry["tpir"]), "fpir": _measured(entry["fpir"]),
            "tpir_verdict": entry["tpir"]["verdict"], "fpir_verdict": entry["fpir"]["verdict"],
            "groups": [
                {
                    "name": group["name"], "tpir": _measured(group["tpir"]), "fpir": _measured(group["fpir"]),
                    "tpir_verdict": group["tpir"]["verdict"], "fpir_verdict": group["fpir"]["verdict"],
                    "tpir_compared": group["tpir"]["compared"], "fpir_compared": group["fpir"]["compared"],
                }
                for group in entry["groups"]
            ],
        }
        for entry in entries
        if entry["threshold"] >= floor
    ]  # fmt: skip
    enrol, _ = gather.failures(run.looked[Part.LIST], run.options.seed)
    searched = run.looked.get(Part.PROBES, []) + run.looked.get(Part.NONLISTED, [])
    acquire, _ = gather.failures(searched, run.options.seed)
    report = msgspec.convert(
        {
            "made_at": now, "expires_at": reports.expiry(now), "program": f"bowstreet {__version__}", "unit": unit,
            "model_sha256": run.files.sha256, "model_name": run.files.described()["name"], "threshold_floor": floor,
            "list_size": people, "images": images, "findings": findings,
            "failure_to_enrol": _measured(enrol.as_json()), "failure_to_acquire": _measured(acquire.as_json()),
        },
        reports.EquitabilityReport,
    )  # fmt: skip
    return reports.write_report(report)


def _measured(rate: dict[str, Any]) -> dict[str, Any]:
    return {name: rate[name] for name in ("value", "low", "high", "hits", "of", "subjects")}


def verified(run: Run) -> dict[str, Any]:
    vectors: dict[Picture, Any] = {}
    for one in run.looked[Part.PAIRS]:
        if one.found.reason is None:
            reference = Reference(person_id=one.still.person, vector=one.found.vector)
            vectors[one.still.person, int(one.still.track)] = reference.numbers()
    pairs = run.options.pairs

    def score(pair: Pair) -> float:
        if pair.first not in vectors or pair.second not in vectors:
            return verification.NO_SCORE
        return float(np.dot(vectors[pair.first], vectors[pair.second]))

    scores = np.array([score(pair) for pair in pairs])
    same = np.array([pair.same for pair in pairs], dtype=bool)
    fold = np.array([pair.fold for pair in pairs], dtype=np.intp)
    points = verification.det(scores, same)
    card = run.files.embedder
    at = sorted({*run.options.thresholds, card.threshold_floor, card.threshold})
    return {
        "pairs": len(pairs), "pairs_without_a_face": int((scores == verification.NO_SCORE).sum()),
        "accuracy_10fold": verification.over_folds(scores, same, fold),
        "at_threshold": [verification.error_rates(scores, same, threshold) for threshold in at],
        "equal_error_rate": verification.equal_error_rate(points), "det": points,
    }  # fmt: skip
