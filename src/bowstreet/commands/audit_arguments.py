"""The words of `bowstreet audit`. Nothing else is imported here, so that `--help` answers at once."""

import argparse
from pathlib import Path
from typing import Any

from bowstreet.commands.later import Later

KEY_HELP = "the log's key, as its operator publishes it at /log/key; one from before a change of key will do"
MASTER_HELP = "opens what is sealed: file:PATH, env:NAME or pkcs11:… (default: beside the data)"


def add_audit(commands: Any) -> None:
    """The `audit` family, added to the command line."""
    audit = commands.add_parser(
        "audit",
        help="check the ledger, bundle it, witness it, change its keys",
        description="Checks the ledger without trusting the operator.",
        epilog="examples:\n  bowstreet audit verify bowstreet-data\n"
        "  bowstreet audit export --data bowstreet-data --out ledger.bundle\n"
        "  bowstreet audit verify --log https://bow.example/log --save last.checkpoint\n"
        "each VERB has its own: bowstreet audit verify --help",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verbs = audit.add_subparsers(dest="verb", required=True, metavar="VERB")
    for add in (_add_verify, _add_export, _add_log62, _add_rotate, _add_witness):
        add(verbs)


def _verb(verbs: Any, name: str, run: Any, *, help: str, description: str, epilog: str) -> Any:  # noqa: A002 - argparse's own word
    verb = verbs.add_parser(
        name, help=help, description=description, epilog=epilog, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    verb.set_defaults(run=run)
    return verb


def _add_verify(verbs: Any) -> None:
    verify = _verb(
        verbs, "verify", Later("audit", "verify"),
        help="recompute everything; name the first wrong entry",
        description="Recomputes every hash of the ledger and the footage in a data directory, of a bundle, a bundle of evidence "
        "or a log elsewhere, and names the first that is wrong.",
        epilog="examples:\n  bowstreet audit verify bowstreet-data\n  bowstreet audit verify ledger.bundle --key KEY\n"
        "  bowstreet audit verify --log https://bow.example/log --key KEY --since last.checkpoint --save last.checkpoint",
    )  # fmt: skip
    verify.add_argument(
        "path", type=Path, nargs="?", metavar="DIR",
        help="a data directory (default ./bowstreet-data), a bundle of the ledger or one of evidence",
    )  # fmt: skip
    verify.add_argument("--data", type=Path, metavar="DIR", help="the same, as an option")
    verify.add_argument("--log", metavar="URL", help="a log elsewhere, read over HTTP: nothing else of its operator is needed")
    verify.add_argument("--master-key", default="", metavar="SOURCE", help=MASTER_HELP)
    verify.add_argument("--key", metavar="KEY", help=f"of a bundle or a log: {KEY_HELP}")
    verify.add_argument(
        "--witness",
        action="append",
        default=[],
        metavar="KEY",
        help="of a bundle or a log: a witness whose signature it must bear",
    )
    verify.add_argument(
        "--since", type=Path, metavar="CHECKPOINT", help="a checkpoint kept earlier: what it stands for must still be there"
    )
    verify.add_argument("--entry", type=int, metavar="N", help="of a log: the entry to look for (default: the last)")
    verify.add_argument("--all", action="store_true", help="of a log: read every entry")
    verify.add_argument("--save", type=Path, metavar="FILE", help="of a log: keep its checkpoint, for --since the next time")
    verify.add_argument("--trust", type=Path, metavar="FILE", help="of evidence: PEM of whose C2PA certificates to trust")
    verify.add_argument("--json", metavar="FILE", help="write the finding ('-' for standard output)")


def _add_export(verbs: Any) -> None:
    export = _verb(
        verbs, "export", Later("audit", "export"),
        help="the whole ledger in one file that anybody can verify elsewhere",
        description="Writes a bundle of the ledger as of its latest signed checkpoint, also while the program runs.",
        epilog="example:\n  bowstreet audit export --out ledger.bundle\n  bowstreet audit verify ledger.bundle",
    )  # fmt: skip
    export.add_argument("--data", type=Path, metavar="DIR", help="a data directory (default ./bowstreet-data)")
    export.add_argument("--out", type=Path, metavar="BUNDLE", required=True, help="the file to write")
    export.add_argument("--master-key", default="", metavar="SOURCE", help="as for verify")


def _add_log62(verbs: Any) -> None:
    log62 = _verb(
        verbs, "log62", Later("log62", "log62"),
        help="who did what with personal data (DPA 2018 s.62), as a file and as counts",
        description="Writes the log of processing as CSV or JSON lines, also while the program runs, and prints its counts.",
        epilog="example:\n  bowstreet audit log62 --data bowstreet-data --from 2026-11-01 --to 2026-11-30 --out november.csv",
    )  # fmt: skip
    log62.add_argument("--data", type=Path, metavar="DIR", help="a data directory (default ./bowstreet-data)")
    log62.add_argument("--from", dest="first", metavar="DAY", help="from this day (UTC) on")
    log62.add_argument("--to", dest="last", metavar="DAY", help="up to this day, which is included")
    log62.add_argument("--subject", metavar="ID", help="about this incident or report only")
    log62.add_argument("--account", metavar="ID", help="by this account only")
    log62.add_argument("--out", type=Path, metavar="FILE", required=True, help="FILE.csv or FILE.jsonl")
    log62.add_argument("--master-key", default="", metavar="SOURCE", help="as for verify")


def _add_rotate(verbs: Any) -> None:
    rotate = _verb(
        verbs, "rotate", Later("rotate", "rotate"),
        help="change the master key, or the key that signs the log",
        description="Puts all keys under another master key (--to), or gives the log a new signing key under the same origin\n"
        "(--log-key), for which the old one signs. On record; refused while it runs; the next start finishes after a crash.",
        epilog="examples:\n  openssl rand -hex 32 > /etc/bowstreet/master.key; chmod 600 /etc/bowstreet/master.key\n"
        "  bowstreet audit rotate --data DIR --to file:/etc/bowstreet/master.key\n  bowstreet audit rotate --data DIR --log-key",
    )  # fmt: skip
    rotate.add_argument("--data", type=Path, metavar="DIR", help="a data directory (default ./bowstreet-data)")
    rotate.add_argument("--master-key", default="", metavar="SOURCE", help="the present one (default: beside the data)")
    what = rotate.add_mutually_exclusive_group(required=True)
    what.add_argument("--to", metavar="SOURCE", help="the next master key: file:PATH, env:NAME or pkcs11:…")
    what.add_argument("--log-key", action="store_true", help="make a new key for the log")


def _add_witness(verbs: Any) -> None:
    witness = _verb(
        verbs, "witness", Later("audit", "witness"),
        help="see to it that somebody's log shows one history to all",
        description="Runs a witness (c2sp.org/tlog-witness): it signs a log's checkpoint only when that continues all it signed.",
        epilog="example:\n  bowstreet audit witness --name regulator.example/witness --log 'KEY' --data witness-data",
    )  # fmt: skip
    witness.add_argument("--name", required=True, metavar="NAME", help="its own name, such as regulator.example/witness")
    witness.add_argument(
        "--log", action="append", required=True, metavar="KEY", help="a log's key or keys (from its /log/key); may be repeated"
    )
    witness.add_argument("--data", type=Path, default=Path("witness-data"), metavar="DIR", help="where it keeps what it signed")
    witness.add_argument("--host", default="127.0.0.1", metavar="ADDRESS", help="where it listens (default 127.0.0.1)")
    witness.add_argument("--port", type=_port, default=8701, metavar="N", help="(default 8701)")


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or not 0 < int(text) < 65_536:
        raise argparse.ArgumentTypeError(f"'{text}' is not a port")
    return int(text)
