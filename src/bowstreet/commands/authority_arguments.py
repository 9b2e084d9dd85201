"""The words of `bowstreet authority`. Nothing else is imported here, so that `--help` answers at once."""

import argparse
from pathlib import Path
from typing import Any

from bowstreet.commands.later import Later

# As `accountability.model.Role` has them, but for programs.
ROLES = (
    "viewer", "dispatcher", "pilot", "supervisor", "planner", "authorising-officer", "recognition-operator",
    "adjudicating-officer", "regulator",
)  # fmt: skip


def add_authority(commands: Any) -> None:
    authority = commands.add_parser(
        "authority",
        help="check authorisations and policies; give authority; make accounts",
        description="Checks authorisations and policies, offline; acts of people on a data directory, at its terminal.",
        epilog='examples:\n  bowstreet authority verify aut-01.txt --key "$(curl -s https://bow.example/log/key)"\n'
        "  bowstreet authority policy city.cedar\n"
        '  bowstreet authority account "A. Supervisor" --role supervisor\n'
        '  bowstreet authority decide --officer "B. Superintendent"',
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verbs = authority.add_subparsers(dest="verb", required=True, metavar="VERB")
    verify = verbs.add_parser(
        "verify",
        help="check a signed authorisation, or an occurrence's report",
        description="Checks a signed document. Exit status 1 when it was changed, or is not signed by that key.",
        epilog='example:\n  bowstreet authority verify aut-01.txt --key "$(curl -s https://bow.example/log/key)"',
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verify.add_argument("file", type=Path, metavar="FILE", help="from GET /api/v1/authorisations/ID/document, or occurrences")
    verify.add_argument("--key", required=True, metavar="KEY", help="the log's key, as its operator publishes it at /log/key")
    verify.add_argument("--json", metavar="FILE", help="write the finding ('-' for standard output)")
    verify.set_defaults(run=Later("authority", "verify"))
    policy = verbs.add_parser(
        "policy",
        help="check a policy, and list what each role may do by it",
        description="Checks a Cedar policy against the schema, and lists what each role may do by it at best.",
        epilog="example:\n  bowstreet authority policy city.cedar",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    policy.add_argument("file", type=Path, nargs="?", metavar="FILE", help="(default: the policy that comes with the product)")
    policy.add_argument("--json", metavar="FILE", help="write it ('-' for standard output)")
    policy.set_defaults(run=Later("authority", "policy"))
    _add_account(verbs)
    _add_decide(verbs)


def _add_account(verbs: Any) -> None:
    account = verbs.add_parser(
        "account",
        help="make an account in a data directory, without the console",
        description="Makes an account in a data directory that no program runs on. The first is a supervisor's; a supervisor "
        "makes every other one. Passwords are asked for at the terminal.",
        epilog='examples:\n  bowstreet authority account "A. Supervisor" --role supervisor\n'
        '  bowstreet authority account "B. Superintendent" --role authorising-officer --by "A. Supervisor"',
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    account.add_argument("name", metavar="NAME", help="of the person, as others see it")
    account.add_argument("--role", choices=ROLES, required=True, metavar="ROLE", help=f"one of {', '.join(ROLES)}")
    account.add_argument("--by", metavar="NAME", help="the supervisor who makes it")
    account.add_argument("--borough", action="append", default=[], metavar="NAME", help="limit it to boroughs; several times")
    account.set_defaults(run=Later("authority_people", "account"))
    _where(account)


def _add_decide(verbs: Any) -> None:
    decide = verbs.add_parser(
        "decide",
        help="give or refuse authority that is asked for, without the console",
        description="Shows what is asked for, and takes an authorising officer's decision at the terminal, by the rules that a "
        "decision in the console goes by: another person than who asked (R3). Exit status 1 when it is refused.",
        epilog='example:\n  bowstreet authority decide aut-01 --officer "B. Superintendent" --data bowstreet-data',
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    decide.add_argument("authorisation", nargs="?", metavar="ID", help="(default: the only one that waits)")
    decide.add_argument("--officer", required=True, metavar="NAME", help="whose account it is")
    decide.set_defaults(run=Later("authority_people", "decide"))
    _where(decide)


def _where(verb: Any) -> None:
    verb.add_argument("--data", type=Path, metavar="DIR", help="where the record is kept (default ./bowstreet-data)")
    verb.add_argument("--config", type=Path, metavar="FILE", help="configuration of the operation")
