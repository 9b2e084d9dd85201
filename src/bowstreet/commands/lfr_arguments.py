"""The words of `bowstreet lfr`. Nothing else is imported here, so that `--help` answers at once."""

import argparse
from pathlib import Path
from typing import Any


def _share(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0.0 < value < 1.0:
        raise argparse.ArgumentTypeError(f"'{text}' is no score between 0 and 1")
    return value


def _whole(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text[:6]) <= 512):
        raise argparse.ArgumentTypeError(f"'{text}' is no number of processes")
    return int(text)


def add_lfr(commands: Any) -> None:
    lfr = commands.add_parser(
        "lfr",
        help="live facial recognition: evaluate a model, check a list",
        description="Live facial recognition from fixed cameras, with the law built in.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="example:\n  bowstreet lfr evaluate --list list --probes probes --nonlisted others --report evaluation.html",
    )
    verbs = lfr.add_subparsers(dest="verb", required=True, metavar="VERB")
    add_evaluate(verbs)
    add_enrol(verbs)


def add_evaluate(verbs: Any) -> None:
    evaluate = verbs.add_parser(
        "evaluate",
        help="measure how well the model recognises, by group; needed before any deployment",
        description="Measures the face models on pictures of people, a folder a person: open-set identification against a list, "
        "or verification of pairs by LFW's protocol. See docs/evaluate.md.",
        epilog="examples:\n  bowstreet lfr evaluate --list list --probes probes --nonlisted others --groups people.csv "
        "--report evaluation.html\n"
        "  bowstreet lfr evaluate --pairs pairs.txt --images lfw --json -\n"
        "  bowstreet lfr evaluate --list list --probes probes --nonlisted others --threshold 0.55 --equitability report.bow",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    evaluate.add_argument("--list", type=Path, dest="listed", metavar="DIR", help="pictures of the people on the list")
    evaluate.add_argument(
        "--probes", type=Path, metavar="DIR", help="other pictures of the same people; folders inside are tracks"
    )
    evaluate.add_argument("--nonlisted", type=Path, metavar="DIR", help="pictures of people who are not on the list")
    evaluate.add_argument(
        "--pairs", type=Path, metavar="FILE", help="pairs of the same and of different people, as LFW's pairs.txt"
    )
    evaluate.add_argument("--images", type=Path, metavar="DIR", help="where the pairs' pictures are: DIR/Name/Name_0001.jpg")
    evaluate.add_argument(
        "--groups", type=Path, metavar="FILE", help="CSV: person, and a column for each attribute to compare by"
    )
    evaluate.add_argument(
        "--threshold",
        type=_share,
        action="append",
        default=[],
        metavar="T",
        help="to be measured beside the usual ones; several times",
    )
    evaluate.add_argument("--models", type=Path, metavar="DIR", help="an operator's own models, in place of [recognition] models")
    evaluate.add_argument("--config", type=Path, metavar="FILE", help="configuration that names the models")
    evaluate.add_argument("--workers", type=_whole, metavar="N", help="processes that look at pictures (default: one a core)")
    evaluate.add_argument("--seed", type=int, default=1, metavar="N", help="of the samples drawn for intervals (default 1)")
    evaluate.add_argument("--json", metavar="FILE", help="write the figures ('-' for standard output)")
    evaluate.add_argument("--report", type=Path, metavar="FILE.html", help="write a page with plots")
    evaluate.add_argument("--equitability", type=Path, metavar="FILE", help="write the report that a deployment asks for")
    evaluate.set_defaults(run=_evaluate)


def _evaluate(arguments: argparse.Namespace) -> int:
    from bowstreet.commands.lfr import evaluate

    return evaluate(arguments)


# As `recognition.model.DeploymentUse` has them.
USE_CASES = (
    "find-people-wanted", "find-people-under-conditions", "find-people-who-pose-serious-harm", "find-missing-people-at-risk",
)  # fmt: skip


def add_enrol(verbs: Any) -> None:
    enrol = verbs.add_parser(
        "enrol",
        help="check a list and its images, as an import into a deployment will",
        description="Checks a list (CSV) and its images line by line: what is wrong, what a person should look at, each image's "
        "quality, people listed twice. Nothing is kept; the list is imported into its deployment in the console or by HTTP "
        "(docs/recognition.md). Exit status 1 when a line cannot be used.",
        epilog="example:\n  bowstreet lfr enrol --list list.csv --images pictures --json result.json",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    enrol.add_argument("--list", type=Path, dest="listed", metavar="FILE.csv", required=True, help="the list")
    enrol.add_argument("--images", type=Path, metavar="DIR", required=True, help="where the images that it names are")
    enrol.add_argument("--use-case", choices=USE_CASES, default=USE_CASES[0], help=f"what it is for (default {USE_CASES[0]})")
    enrol.add_argument("--threshold", type=_share, metavar="T", help="at which two images count as alike (default: the model's)")
    enrol.add_argument("--models", type=Path, metavar="DIR", help="an operator's own models")
    enrol.add_argument("--json", metavar="FILE", help="write the result of each line ('-' for standard output)")
    enrol.set_defaults(run=_enrol)


def _enrol(arguments: argparse.Namespace) -> int:
    from bowstreet.commands.lfr_enrol import enrol

    return enrol(arguments)
