"""The words of `bowstreet lfr`. Nothing else is imported here, so that `--help` answers at once."""

import argparse
from pathlib import Path
from typing import Any

from bowstreet.commands.later import Later


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
        help="live facial recognition: evaluate a model, check a list, run a deployment, read its record",
        description="Live facial recognition from fixed cameras, with the law built in.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="example:\n  bowstreet lfr evaluate --list list --probes probes --nonlisted others --report evaluation.html",
    )
    verbs = lfr.add_subparsers(dest="verb", required=True, metavar="VERB")
    add_evaluate(verbs)
    add_enrol(verbs)
    add_run(verbs)
    add_report(verbs)


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
    evaluate.set_defaults(run=Later("lfr", "evaluate"))


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
    enrol.add_argument(
        "--config", type=Path, metavar="FILE", help="the operation's configuration: measure with its models and its OFIQ"
    )
    enrol.add_argument("--json", metavar="FILE", help="write the result of each line ('-' for standard output)")
    enrol.set_defaults(run=Later("lfr_enrol", "enrol"))


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0.0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"'{text}' is no time in seconds")
    return value


def add_run(verbs: Any) -> None:
    run = verbs.add_parser(
        "run",
        help="run a deployment on real video, under authority, to its public record",
        description="Runs one recognition deployment at a terminal: authorise, list, match, decide, destroy, publish, by the "
        "rules and services of 'bowstreet up'. DEPLOYMENT says what for, why here, where, when, which cameras, whose list, and "
        "that the public was told (docs/recognition.md). Two people sign in by accounts of this data directory, which "
        "'bowstreet authority account' makes: who runs it, and who authorises it. A video file's end, the window's end, the loss "
        "of authority or record, or Ctrl-C end it: then its list is destroyed and its record published. Killed, it goes on when "
        "the same is run again within its window.",
        epilog="examples:\n  bowstreet lfr run market.toml --camera street.mp4\n"
        "  bowstreet lfr run market.toml --camera north=rtsp://camera.example/stream --camera south=usb:/dev/video0 --for 3600\n"
        "  bowstreet lfr run market.toml --port 8700   (officers see and answer alerts at http://127.0.0.1:8700/)\n"
        "  bowstreet lfr run market.toml --json - --operator-password file:/run/secrets/operator",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    run.add_argument("document", type=Path, nargs="?", metavar="DEPLOYMENT", help="the deployment, TOML or JSON")
    run.add_argument(
        "--camera", action="append", default=[], metavar="[ID=]ADDRESS",
        help="a camera's address in place of the document's: a file, rtsp://…, usb:/dev/video0; several times",
    )  # fmt: skip
    run.add_argument("--data", type=Path, metavar="DIR", help="where the record is kept (default ./bowstreet-data)")
    run.add_argument("--config", type=Path, metavar="FILE", help="configuration of the operation; its drones are left out")
    run.add_argument("--port", type=_port, metavar="N", help="also the console, for officers who answer alerts")
    run.add_argument("--for", type=_seconds, dest="for_s", metavar="SECONDS", help="end it after that many seconds")
    run.add_argument("--pause", action="store_true", help="at the end leave it stopped, to be run again within its window")
    run.add_argument(
        "--finish", action="store_true", help="close what was left by a kill or a pause, or this deployment: destroy, publish"
    )
    run.add_argument("--operator", metavar="NAME", help="who finishes")
    run.add_argument("--leave-out", action="store_true", help="go on without lines of the list that cannot be used")
    run.add_argument("--alerts", metavar="FILE", help="write each alert as a line of JSON ('-' for standard output)")
    run.add_argument("--json", metavar="FILE", help="write what came of it at the end ('-' for standard output)")
    run.add_argument("--operator-password", default="", metavar="SOURCE", help="file:PATH or env:NAME, instead of asking for it")
    run.add_argument("--officer-password", default="", metavar="SOURCE", help="the same, of the adjudicating officer")
    run.set_defaults(run=Later("lfr_run", "run"))


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text[:6]) <= 65_535):
        raise argparse.ArgumentTypeError(f"'{text}' is no port")
    return int(text)


def add_report(verbs: Any) -> None:
    report = verbs.add_parser(
        "report",
        help="the public record of a deployment that is over",
        description="Reads the public records of deployments from a data directory, as /public/recognition shows them, verifies "
        "the ledger that they were entered in, and says where. Reads only; needs no program that runs and no network.",
        epilog="examples:\n  bowstreet lfr report --data bowstreet-data --report record.html\n"
        "  bowstreet lfr report dep-01 --json -",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    report.add_argument("deployment", nargs="?", metavar="DEPLOYMENT", help="one, by its id (default: all that have a record)")
    report.add_argument("--data", type=Path, metavar="DIR", help="where the record is kept (default ./bowstreet-data)")
    report.add_argument("--master-key", default="", metavar="SOURCE", help="where it is not beside the data (docs/keys.md)")
    report.add_argument("--json", metavar="FILE", help="write it ('-' for standard output)")
    report.add_argument("--report", type=Path, metavar="FILE.html", help="write a page with plots")
    report.set_defaults(run=Later("lfr_report", "report"))
