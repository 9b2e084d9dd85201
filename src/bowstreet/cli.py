"""The command line. It parses words, calls one function, and turns errors into one line and an exit status.

Exit status: 0 done, 1 failure (a run that broke a promise, a ledger that does not verify), 2 bad input.
Modules are imported inside the commands so that `--help` and `--version` answer at once.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from bowstreet import __version__
from bowstreet.commands.audit_arguments import add_audit
from bowstreet.commands.authority_arguments import add_authority
from bowstreet.commands.evidence_arguments import add_evidence
from bowstreet.commands.later import Later
from bowstreet.commands.lfr_arguments import add_lfr
from bowstreet.errors import BadInput, BowstreetError

EXIT_FAILURE = 1
EXIT_BAD_INPUT = 2


class _Parser(argparse.ArgumentParser):
    """argparse whose errors are one line that says what to do."""

    def error(self, message: str) -> NoReturn:
        print(f"bowstreet: {message}; see '{self.prog} --help'", file=sys.stderr)
        raise SystemExit(EXIT_BAD_INPUT)


def _positive(kind: type[int] | type[float]) -> Callable[[str], float]:
    def parse(text: str) -> float:
        try:
            value = kind(text)
        except ValueError:
            value = kind(0)
        if not 0 < value < float("inf"):
            raise argparse.ArgumentTypeError(f"'{text}' is not a number above zero")
        return value

    return parse


def _add_up(commands: "argparse._SubParsersAction[_Parser]") -> None:
    up = commands.add_parser(
        "up",
        help="run every role in one process, live",
        description="Runs every role in one process, live: intake, dispatch, airspace, flight, ledger and console.",
        epilog="examples:\n  bowstreet up --demo\n  bowstreet up --demo --headless --for 120 --speed 5 --json out.json\n"
        "  bowstreet up --config city.toml --data /var/lib/bowstreet",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    up.add_argument(
        "--demo", nargs="?", const="islington", choices=["islington", "london"], help="a simulated city, over real MAVLink"
    )
    up.add_argument("--config", type=Path, metavar="FILE", help="TOML configuration of a real operation")
    up.add_argument("--data", type=Path, metavar="DIR", help="where the record is kept (default ./bowstreet-data)")
    up.add_argument("--port", type=_positive(int), metavar="N", help="port of the console (default 8700)")
    up.add_argument("--headless", action="store_true", help="without the web console")
    up.add_argument("--calls", type=Path, metavar="FILE", help="replay calls from CSV, GeoJSON or JSON lines, the first one now")
    up.add_argument(
        "--partners", type=Path, metavar="FILE", help="share the demo with the TAK partners that FILE names (docs/tak.md)"
    )
    up.add_argument("--speed", type=_positive(float), default=1.0, metavar="X", help="run the demo's clock X times as fast")
    up.add_argument(
        "--for", type=_positive(float), dest="for_s", metavar="SECONDS", help="stop by itself after that many real seconds"
    )
    up.add_argument("--seed", type=int, default=1, metavar="N", help="seed of the demo's calls and weather")
    up.add_argument("--drones", type=_positive(int), metavar="N", help="how many drones the demo has")
    up.add_argument("--json", metavar="FILE", help="write the figures of the run at the end ('-' for standard output)")
    up.set_defaults(run=Later("up", "up"))


def _add_simulate(commands: "argparse._SubParsersAction[_Parser]") -> None:
    simulate = commands.add_parser(
        "simulate",
        help="the same services on a simulated clock, as fast as the machine goes",
        description="The same intake, dispatch, airspace and flight on a simulated clock. Same seed, same result.",
        epilog="examples:\n  bowstreet simulate --calls calls.csv --drones 288 --json -\n"
        "  bowstreet simulate --demand immediate-2014 --days 7 --drones 288 --report week.html",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    source = simulate.add_mutually_exclusive_group(required=True)
    source.add_argument("--calls", type=Path, metavar="FILE", help="calls from CSV, GeoJSON or JSON lines")
    source.add_argument("--demand", metavar="MODEL", help="calls from a demand model, such as immediate-2014")
    simulate.add_argument("--days", type=_positive(float), metavar="N", help="how many days (default: the file's own, or 7)")
    simulate.add_argument("--plan", type=Path, metavar="FILE", help="where docks are and how many drones")
    simulate.add_argument("--drones", type=_positive(int), metavar="N", help="size of the fleet (default 288)")
    simulate.add_argument("--policy", metavar="NAME", default="closest-eta", help="how a drone is chosen (default closest-eta)")
    simulate.add_argument("--seed", type=int, default=1, metavar="N", help="of the model's calls and the weather (default 1)")
    simulate.add_argument("--json", metavar="FILE", help="write the figures ('-' for standard output)")
    simulate.add_argument("--report", type=Path, metavar="FILE.html", help="write a page with plots")
    simulate.set_defaults(run=Later("simulate", "simulate"))


def _add_airspace(commands: "argparse._SubParsersAction[_Parser]") -> None:
    airspace = commands.add_parser(
        "airspace", help="look into zone files", description="Looks into the zone files of an operator."
    )
    verbs = airspace.add_subparsers(dest="verb", required=True, metavar="VERB", parser_class=_Parser)
    check = verbs.add_parser(
        "check",
        help="read zone files as an operation would; name each zone that is not understood",
        description="Reads OpenAir, KML, KMZ, ED-269 and ED-318 files. Exit status 1 when a zone is not understood.",
        epilog="example:\n  bowstreet airspace check nats.kmz tda.txt --out zones-ed318.json",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    check.add_argument("files", type=Path, nargs="+", metavar="FILE")
    check.add_argument("--out", type=Path, metavar="FILE", help="write the zones that are understood as ED-318")
    check.add_argument("--json", metavar="FILE", help="write the finding ('-' for standard output)")
    check.set_defaults(run=Later("airspace", "check"))


def _add_doctor(commands: "argparse._SubParsersAction[_Parser]") -> None:
    doctor = commands.add_parser(
        "doctor",
        help="check configuration, port, disk and clock; say what to do",
        description="Checks what must hold before an operation starts, each with what to do. Exit status 1 when one does not.",
        epilog="example:\n  bowstreet doctor --config city.toml",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    doctor.add_argument("--config", type=Path, metavar="FILE", help="read it as an operation would, with all it names")
    doctor.add_argument("--data", type=Path, metavar="DIR", help="made if it is missing (default ./bowstreet-data)")
    doctor.add_argument("--port", type=_positive(int), metavar="N", help="of the console, in place of the configured one")
    doctor.add_argument("--json", metavar="FILE", help="write the findings ('-' for standard output)")
    doctor.set_defaults(run=Later("doctor", "doctor"))


def _parser() -> _Parser:
    parser = _Parser(
        prog="bowstreet",
        description="Bowstreet: a city's police drones and accountable facial recognition, with a record that anyone can check.",
        epilog="examples:\n  bowstreet up --demo\n  bowstreet simulate --demand immediate-2014 --days 7 --drones 288 --json -\n"
        "  bowstreet audit verify bowstreet-data",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"bowstreet {__version__}")
    parser.add_argument("--debug", action="store_true", help="show where an error came from")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=_Parser)
    for add in (_add_up, _add_simulate, add_audit, add_evidence, add_lfr, _add_airspace, add_authority, _add_doctor):
        add(commands)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point of the `bowstreet` command."""
    words = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in words
    arguments = _parser().parse_args([word for word in words if word != "--debug"])
    try:
        status: int = arguments.run(arguments)
    except BowstreetError as error:
        if debug:
            raise
        print(f"bowstreet: {error}", file=sys.stderr)
        return EXIT_BAD_INPUT if isinstance(error, BadInput) else EXIT_FAILURE
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return EXIT_FAILURE
    except Exception as error:
        if debug:
            raise
        print(f"bowstreet: {type(error).__name__}: {error}; run again with --debug for where, and report it", file=sys.stderr)
        return EXIT_FAILURE
    return status


if __name__ == "__main__":
    sys.exit(main())
