"""Runs an evaluation: has every picture looked at, compares, counts, and says how much of the time went into the models."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from bowstreet import __version__
from bowstreet.errors import BadInput
from bowstreet.recognition.evaluation import gather, identification, rules, verification
from bowstreet.recognition.evaluation import report as reports
from bowstreet.recognition.evaluation.examiner.pool import Examiners, Source, read_still
from bowstreet.recognition.evaluation.folders import stills
from bowstreet.recognition.evaluation.groups import NO_GROUPS, Groups
from bowstreet.recognition.evaluation.identification import GroupRates, Side
from bowstreet.recognition.evaluation.intervals import Rate, rates
from bowstreet.recognition.evaluation.model import Looked, Part, Still
from bowstreet.recognition.evaluation.pairs import Pair, Picture
from bowstreet.recognition.evaluation.searches import list_sizes
from bowstreet.recognition.models import shipped
from bowstreet.recognition.reference import Reference

Progress = Callable[[int, int], None]
PERCENTILES = (50, 95, 99)
NAMED_FAILURES = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """What is evaluated. Either the three folders, or pairs and their images, or both."""

    listed: Path | None = None
    probes: Path | None = None
    nonlisted: Path | None = None
    pairs: Sequence[Pair] = ()
    images: Path | None = None
    groups: Groups = NO_GROUPS
    thresholds: Sequence[float] = ()
    model_folder: Path | None = None
    workers: int | None = None
    seed: int = 1


@dataclass(slots=True)
class Evaluation:
    """The figures, as `--json` gives them, and the report for deployments where people were identified."""

    figures: dict[str, Any]
    report: bytes | None = None


@dataclass(slots=True)
class _Run:
    options: Options
    files: shipped.ModelFiles
    began: float
    looked: dict[Part, list[Looked]] = field(default_factory=dict)
    ignored: Counter[str] = field(default_factory=Counter)
    strangers: int = 0
    workers: int = 1
    looking_s: float = 0.0
    loading_s: float = 0.0


def evaluate(options: Options, now: datetime, progress: Progress = lambda done, total: None) -> Evaluation:
    """Raises `BadInput` for folders that hold nothing, `Refused` and `MalformedConfiguration` for models that cannot be used."""
    run = _Run(options=options, files=shipped.find(options.model_folder), began=time.perf_counter())
    wanted = _stills(run)
    _look(run, wanted, progress)
    figures: dict[str, Any] = {
        "model": run.files.described(), "made_at": now.isoformat(), "version": __version__, "seed": options.seed,
        "groups": {"attributes": list(options.groups.attributes), "source": "given by the evaluator"},
    }  # fmt: skip
    report = None
    if options.listed is not None:
        found, report = _identification(run, now)
        figures |= found
    if options.pairs:
        figures["verification"] = _verification(run)
    figures["failure_to_enrol"] = _failures(run, Part.LIST if options.listed is not None else Part.PAIRS)
    figures["failure_to_acquire"] = {part: _failures(run, part) for part in run.looked if part is not Part.LIST}
    figures["ignored"] = dict(run.ignored)
    figures["probe_people_not_on_the_list"] = run.strangers
    figures["failed"] = _named_failures(run)
    figures |= _times(run)
    return Evaluation(figures=figures, report=report)


def _stills(run: _Run) -> list[Still]:
    options = run.options
    wanted: list[Still] = []
    for part, folder in ((Part.LIST, options.listed), (Part.PROBES, options.probes), (Part.NONLISTED, options.nonlisted)):
        if folder is not None:
            wanted += stills(part, folder, run.ignored)
    listed = {still.person for still in wanted if still.part is Part.LIST}
    both = sorted(listed & {still.person for still in wanted if still.part is Part.NONLISTED})
    if both:
        raise BadInput(
            f"{len(both)} people are on the list and among those who are not, such as '{both[0][:60]}'",
            remedy="give each person one place: a listed person there would count as a false alert",
        )
    _place_strangers(run, wanted, listed)
    if options.pairs:
        assert options.images is not None
        named = dict.fromkeys(picture for pair in options.pairs for picture in (pair.first, pair.second))
        wanted += [_of_pair(options.images, picture) for picture in named]
    return wanted


def _place_strangers(run: _Run, wanted: list[Still], listed: set[str]) -> None:
    """Probes of people who are not on the list are non-mated searches, wherever they lie."""
    people = {still.person for still in wanted if still.part is Part.PROBES}
    if people and not people & listed:
        raise BadInput(
            "no person among the probes is on the list", remedy="name each person's folder the same in --list and --probes"
        )
    run.strangers = len(people - listed)
    for place, still in enumerate(wanted):
        if still.part is Part.PROBES and still.person not in listed:
            wanted[place] = replace(still, part=Part.NONLISTED)


def _of_pair(images: Path, picture: Picture) -> Still:
    """LFW's own names: `Name/Name_0001.jpg`. A person's folder that is a link is not followed."""
    person, number = picture
    folder = images / person
    names = [f"{person}_{number:04d}{ending}" for ending in (".jpg", ".png", ".jpeg", ".webp")]
    path = next((folder / name for name in names if (folder / name).is_file()), folder / names[0])
    return Still(part=Part.PAIRS, person=person, track=f"{number}", path=path)


def _source(still: Still) -> Source:
    if still.part is Part.PAIRS and still.path.parent.is_symlink():
        return lambda: read_still(Path("/dev/null/a-link"))
    return partial(read_still, still.path)


def _look(run: _Run, wanted: list[Still], progress: Progress) -> None:
    began = time.perf_counter()
    examiners = Examiners(run.options.model_folder, run.options.workers)
    run.workers = examiners.workers

    def sources() -> Iterator[tuple[int, Source]]:
        for place, still in enumerate(wanted):
            yield place, _source(still)

    found: dict[int, Looked] = {}
    progress(0, len(wanted))
    for done, (place, answer) in enumerate(examiners.examine(sources()), start=1):
        found[place] = Looked(still=wanted[place], found=answer)
        progress(done, len(wanted))
    # In the order of the folders, whichever worker was faster: same pictures, same figures.
    for place in range(len(wanted)):
        run.looked.setdefault(wanted[place].part, []).append(found[place])
    run.looking_s, run.loading_s = time.perf_counter() - began, examiners.loading_s


def _identification(run: _Run, now: datetime) -> tuple[dict[str, Any], bytes]:
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
        if unit == "track":
            looked = {part: gather.best_shots(ones) for part, ones in looked.items()}
        mated, nonmated = (
            gather.search(ones, sorted({one.still.person for one in ones}), listed, places, sizes, options.seed)
            for ones in (looked[Part.PROBES], looked[Part.NONLISTED])
        )
        card = run.files.embedder
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
        # The last unit is what a deployment does: the best shot of a track where there are tracks.
        report = _report(run, now, unit, listed.people, len(listed.vectors), full)
    found["main_threshold"] = main
    found["equitability"] = {
        "sha256": reports.digest(report), "expires_at": reports.expiry(now).isoformat(), "model_sha256": run.files.sha256
    }  # fmt: skip
    return found, report


def _units(run: _Run) -> tuple[str, ...]:
    """Tracks are looked at where folders inside a person's folder make some."""
    folders = any(one.still.track.endswith("/") for part in (Part.PROBES, Part.NONLISTED) for one in run.looked.get(part, []))
    return ("frame", "track") if folders else ("frame",)


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


def _report(run: _Run, now: datetime, unit: str, people: int, images: int, entries: list[dict[str, Any]]) -> bytes:
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


def _verification(run: _Run) -> dict[str, Any]:
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


def _failures(run: _Run, part: Part) -> dict[str, Any]:
    looked = run.looked.get(part, [])
    rate, reasons = gather.failures(looked, run.options.seed)
    people, without = gather.people_without(looked)
    return {"rate": rate.value, **rate.as_json(), "reasons": reasons, "people": people, "people_without_a_template": without}


def _named_failures(run: _Run) -> list[dict[str, str]]:
    named = [
        {"part": part, "person": one.still.person, "file": one.still.path.name, "reason": str(one.found.reason)}
        for part, looked in run.looked.items()
        for one in looked
        if one.found.reason is not None
    ]
    return named[:NAMED_FAILURES]


def _times(run: _Run) -> dict[str, Any]:
    """By the wall clock: of the time that all workers had, from models loaded to figures counted, what was spent in the models."""
    spent = [one.found.spent for looked in run.looked.values() for one in looked]
    whole = time.perf_counter() - run.began
    inference = sum(one.inference_s for one in spent)
    with_face = [one.found.spent for looked in run.looked.values() for one in looked if one.found.reason is None]
    latency = {
        name: {f"p{at}": float(np.percentile(values, at)) * 1e3 for at in PERCENTILES} if values else None
        for name, values in (
            ("decode", [one.decode_s for one in with_face]), ("detect", [one.detect_s for one in with_face]),
            ("embed", [one.embed_s for one in with_face]), ("picture", [one.total_s for one in with_face]),
        )
    }  # fmt: skip
    return {
        "inference_share_of_time": inference / max(whole * run.workers - run.loading_s, 1e-9),
        "time_s": {
            "wall": whole, "workers": run.workers, "loading": run.loading_s, "inference": inference, "decode": sum(one.decode_s for one in spent),
            "rest_of_looking": sum(one.total_s - one.decode_s - one.inference_s for one in spent),
            "counting": whole - run.looking_s,
        },
        "pictures": len(spent), "pictures_per_s": len(spent) / run.looking_s if run.looking_s else 0.0,
        "latency_ms": latency,
    }  # fmt: skip
