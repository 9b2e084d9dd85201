"""Runs an evaluation: has every picture looked at, compares, counts, and says how much of the time went into the models."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from bowstreet import __version__
from bowstreet.errors import BadInput
from bowstreet.recognition.evaluation import gather
from bowstreet.recognition.evaluation.examiner.pool import Examiners, Source, read_still
from bowstreet.recognition.evaluation.figures import identified, verified
from bowstreet.recognition.evaluation.folders import stills
from bowstreet.recognition.evaluation.model import Looked, Part, Still
from bowstreet.recognition.evaluation.pairs import Picture
from bowstreet.recognition.evaluation.run import Options, Run
from bowstreet.recognition.models import shipped

Progress = Callable[[int, int], None]
PERCENTILES = (50, 95, 99)
NAMED_FAILURES = 20


@dataclass(slots=True)
class Evaluation:
    """The figures, as `--json` gives them, and the report for deployments where people were identified."""

    figures: dict[str, Any]
    report: bytes | None = None


def evaluate(options: Options, now: datetime, progress: Progress = lambda done, total: None) -> Evaluation:
    """Raises `BadInput` for folders that hold nothing, `Refused` and `MalformedConfiguration` for models that cannot be used."""
    run = Run(options=options, files=shipped.find(options.model_folder), began=time.perf_counter())
    wanted = _stills(run)
    _look(run, wanted, progress)
    figures: dict[str, Any] = {
        "model": run.files.described(), "made_at": now.isoformat(), "version": __version__, "seed": options.seed,
        "groups": {"attributes": list(options.groups.attributes), "source": "given by the evaluator"},
    }  # fmt: skip
    report = None
    if options.listed is not None:
        found, report = identified(run, now)
        figures |= found
    if options.pairs:
        figures["verification"] = verified(run)
    figures["failure_to_enrol"] = _failures(run, Part.LIST if options.listed is not None else Part.PAIRS)
    figures["failure_to_acquire"] = {part: _failures(run, part) for part in run.looked if part is not Part.LIST}
    figures["ignored"] = dict(run.ignored)
    figures["probe_people_not_on_the_list"] = run.strangers
    figures["failed"] = _named_failures(run)
    figures |= _times(run)
    return Evaluation(figures=figures, report=report)


def _stills(run: Run) -> list[Still]:
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


def _place_strangers(run: Run, wanted: list[Still], listed: set[str]) -> None:
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


def _look(run: Run, wanted: list[Still], progress: Progress) -> None:
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


def _failures(run: Run, part: Part) -> dict[str, Any]:
    looked = run.looked.get(part, [])
    rate, reasons = gather.failures(looked, run.options.seed)
    people, without = gather.people_without(looked)
    return {"rate": rate.value, **rate.as_json(), "reasons": reasons, "people": people, "people_without_a_template": without}


def _named_failures(run: Run) -> list[dict[str, str]]:
    named = [
        {"part": part, "person": one.still.person, "file": one.still.path.name, "reason": str(one.found.reason)}
        for part, looked in run.looked.items()
        for one in looked
        if one.found.reason is not None
    ]
    return named[:NAMED_FAILURES]


def _times(run: Run) -> dict[str, Any]:
    """By the wall clock: of the time that all workers had, from models loaded to figures counted, what the models took."""
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
            "wall": whole, "workers": run.workers, "loading": run.loading_s, "inference": inference,
            "decode": sum(one.decode_s for one in spent),
            "rest_of_looking": sum(one.total_s - one.decode_s - one.inference_s for one in spent),
            "counting": whole - run.looking_s,
        },
        "pictures": len(spent), "pictures_per_s": len(spent) / run.looking_s if run.looking_s else 0.0,
        "latency_ms": latency,
    }  # fmt: skip
