"""`bowstreet audit log62`: the log of processing (DPA 2018 s.62) of a data directory, as a file and as counts to print."""

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path

import msgspec

from bowstreet.accountability.audit import find_record, keyring_of
from bowstreet.accountability.model import Account
from bowstreet.accountability.processing import export
from bowstreet.accountability.sealed import opened_record, opened_row
from bowstreet.accountability.vault import Keyring
from bowstreet.commands.output import DEFAULT_DATA, expect_writable, say, whole_file
from bowstreet.errors import BadInput
from bowstreet.runtime.sqlite import SqliteReader

FORMATS = {".csv": export.as_csv, ".jsonl": export.as_json_lines}


def log62(arguments: argparse.Namespace) -> int:
    """Also while the program runs; names stand in it only of accounts that are still there."""
    out: Path = arguments.out
    if out.suffix not in FORMATS:
        raise BadInput(f"{out} is neither .csv nor .jsonl", remedy="name the file with one of them")
    expect_writable(out)
    filtered = export.wanted(arguments.first, arguments.last, arguments.subject, arguments.account)
    record = find_record(arguments.data or DEFAULT_DATA)
    summary = export.Summary()
    with keyring_of(record.parent, arguments.master_key) as keyring, SqliteReader(record) as reader:
        if keyring is None:
            say("what is sealed cannot be read without --master-key: such lines say only that something was done")
        names = {} if keyring is None else _names(reader, keyring)
        rows = reader.log_rows()
        found = export.lines(
            rows, filtered, names, (lambda row: row) if keyring is None else lambda row: opened_row(row, keyring)
        )
        with whole_file(out) as file:
            file.writelines(line.encode() for line in FORMATS[out.suffix](summary.counted(found)))
    sys.stdout.write(summary.says() + "\n")
    return 0


def _names(reader: SqliteReader, keyring: Keyring) -> Mapping[str, str]:
    accounts = (opened_record(record, keyring) for record in reader.records("account"))
    read = [msgspec.json.decode(record.body, type=Account) for record in accounts if record is not None]
    return {one.account_id: one.name for one in read}
