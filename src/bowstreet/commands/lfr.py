"""`bowstreet lfr`: evaluate a model."""

import argparse
from pathlib import Path
from typing import Any

from bowstreet.commands.output import expect_writable, progress, read_file, say, write_bytes, write_json, write_text
from bowstreet.errors import BadInput
from bowstreet.runtime import config
from bowstreet.runtime.clock import SystemClock


def evaluate(arguments: argparse.Namespace) -> int:
    """How well the model recognises the pictures that are given."""
    from bowstreet.recognition.evaluation.groups import NO_GROUPS, parse_groups
    from bowstreet.recognition.evaluation.page import html_report
    from bowstreet.recognition.evaluation.pairs import parse_pairs
    from bowstreet.recognition.evaluation.run import Options
    from bowstreet.recognition.evaluation.service import evaluate as run

    _check(arguments)
    expect_writable(arguments.json, arguments.report, arguments.equitability)
    options = Options(
        listed=arguments.listed,
        probes=arguments.probes,
        nonlisted=arguments.nonlisted,
        pairs=parse_pairs(read_file(arguments.pairs)) if arguments.pairs else (),
        images=arguments.images,
        groups=parse_groups(read_file(arguments.groups)) if arguments.groups else NO_GROUPS,
        thresholds=arguments.threshold,
        model_folder=_models(arguments),
        workers=arguments.workers,
        seed=arguments.seed,
    )
    with progress("Looking at pictures") as tell:
        result = run(options, SystemClock().now(), tell)
    write_json(arguments.json, result.figures)
    if arguments.report is not None:
        write_text(arguments.report, html_report(result.figures))
    if arguments.equitability is not None and result.report is not None:
        write_bytes(arguments.equitability, result.report)
    if arguments.json != "-":
        _tell(result.figures)
    return 0


def _check(arguments: argparse.Namespace) -> None:
    identified = arguments.probes is not None or arguments.nonlisted is not None
    if arguments.listed is None and not arguments.pairs:
        raise BadInput("nothing is given to evaluate", remedy="give --list, --probes and --nonlisted, or --pairs and --images")
    if (arguments.listed is not None) != identified:
        raise BadInput("--list goes with --probes, --nonlisted, or both", remedy="give the other folders too")
    if (arguments.pairs is None) != (arguments.images is None):
        raise BadInput("--pairs and --images go together", remedy="give both")
    if arguments.equitability is not None and (arguments.probes is None or arguments.nonlisted is None):
        raise BadInput("an equitability report needs --list, --probes and --nonlisted", remedy="give all three")
    if arguments.images is not None and not arguments.images.is_dir():
        raise BadInput(f"{arguments.images} is no folder", remedy="name the folder that holds a folder a person")


def _models(arguments: argparse.Namespace) -> Path | None:
    if arguments.models is not None:
        if not arguments.models.is_dir():
            raise BadInput(f"{arguments.models} is no folder", remedy="name the folder that holds the models and their cards")
        folder: Path = arguments.models
        return folder
    return config.load(arguments.config).recognition.models if arguments.config is not None else None


def _tell(figures: dict[str, Any]) -> None:
    """The main figures, in words."""
    main = figures.get("main_threshold", 0.0)
    for entry in figures.get("identification", []):
        if entry["threshold"] == round(main, 4) and entry["list_size"] == figures["list"]["people"]:
            tpir, fpir = (_words(entry[name]) for name in ("tpir", "fpir"))
            say(f"list of {entry['list_size']:,}, threshold {main:g}, by {entry['unit']}: TPIR {tpir}; FPIR {fpir}")
    if "verification" in figures:
        accuracy = figures["verification"]["accuracy_10fold"]
        say(f"verification, {accuracy['folds']} folds: accuracy {accuracy['mean']:.2%} ± {accuracy['std']:.2%}")
    failed = figures["failure_to_enrol"]
    say(f"failures to enrol: {failed['hits']:,} of {failed['of']:,} pictures; {figures['pictures_per_s']:.1f} pictures/s")


def _words(rate: dict[str, Any]) -> str:
    if rate["value"] is None:
        return "not measured"
    return f"{rate['value']:.2%} ({rate['low']:.2%} to {rate['high']:.2%}, {rate['verdict']})"
