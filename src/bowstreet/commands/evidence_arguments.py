"""The words of `bowstreet evidence`. Nothing else is imported here, so that `--help` answers at once."""

import argparse
from pathlib import Path
from typing import Any

from bowstreet.commands.audit_arguments import KEY_HELP, MASTER_HELP
from bowstreet.commands.later import Later

RECIPIENTS = (
    "data-subject", "prosecutor", "court", "oversight-body", "aviation-authority", "police-force", "emergency-service",
)  # fmt: skip


def add_evidence(commands: Any) -> None:
    """The `evidence` family, added to the command line."""
    evidence = commands.add_parser(
        "evidence",
        help="give out recorded footage, and verify what was given out",
        description="Gives out recorded footage as a bundle that anybody can verify, and verifies one.",
        epilog="examples:\n  bowstreet evidence export --incident INC --by 'A. Supervisor' --out evidence.zip\n"
        "  bowstreet evidence verify evidence.zip --key KEY",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verbs = evidence.add_subparsers(dest="verb", required=True, metavar="VERB")
    _add_export(verbs)
    _add_verify(verbs)


def _add_export(verbs: Any) -> None:
    export = verbs.add_parser(
        "export",
        help="the footage of an incident in one file, while the program is stopped",
        description="Writes a bundle of an incident's footage. It needs the password of somebody who may, and an authorisation\n"
        "in force; that it is given out is in the ledger first. While the program runs the console does this.",
        epilog="example:\n  bowstreet evidence export --incident inc-01M8… --by 'A. Supervisor' --out evidence.zip",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    export.add_argument("--data", type=Path, metavar="DIR", help="a data directory (default ./bowstreet-data)")
    export.add_argument("--config", type=Path, metavar="FILE", help="the operation's configuration, where it has one")
    export.add_argument("--incident", required=True, metavar="ID", help="whose footage")
    export.add_argument("--recording", action="append", default=[], metavar="ID", help="only this one; may be repeated")
    export.add_argument("--by", required=True, metavar="NAME", help="who gives it out: the name of an account with a password")
    export.add_argument("--recipient", choices=RECIPIENTS, help="to whom (default: whom the authorisation's ground is about)")
    export.add_argument(
        "--copies",
        choices=("original", "redacted", "both"),
        default="original",
        help="as received (default), its redacted copy in its stead, or both",
    )
    export.add_argument("--out", type=Path, required=True, metavar="FILE", help="the file to write, such as evidence.zip")
    export.add_argument("--folder", action="store_true", help="write a folder instead of an archive")
    export.add_argument("--simulated", action="store_true", help="say in the C2PA manifests that the cameras were simulated")
    export.add_argument("--master-key", default="", metavar="SOURCE", help=MASTER_HELP)
    export.set_defaults(run=Later("evidence", "export"))


def _add_verify(verbs: Any) -> None:
    verify = verbs.add_parser(
        "verify",
        help="check a bundle of evidence; name the first file that is wrong",
        description="Checks every octet of a bundle offline, and says what it proves and what not. Exit status 1 when anything\n"
        "was changed. 'bowstreet audit verify' does the same.",
        epilog='example:\n  bowstreet evidence verify evidence.zip --key "$(curl -s https://bow.example/log/key)"',
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verify.add_argument("path", type=Path, metavar="BUNDLE", help="the archive, or the folder into which it was unpacked")
    verify.add_argument("--key", metavar="KEY", help=KEY_HELP)
    verify.add_argument("--witness", action="append", default=[], metavar="KEY", help="a witness whose signature it must bear")
    verify.add_argument("--trust", type=Path, metavar="FILE", help="PEM: whose certificates to trust in C2PA manifests")
    verify.add_argument("--json", metavar="FILE", help="write the finding ('-' for standard output)")
    verify.set_defaults(run=Later("evidence", "verify_command"))
