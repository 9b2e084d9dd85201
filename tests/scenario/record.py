"""The record of a run, read from outside as its operator may: the store with the keys that lie beside it."""

import json
from pathlib import Path
from typing import Any

from bowstreet.accountability.audit import keyring_of
from bowstreet.accountability.sealed import opened_record
from bowstreet.runtime.sqlite import SqliteReader


def records(folder: Path, kind: str) -> list[dict[str, Any]]:
    """All records of a kind in the data directory `folder`, in order of id."""
    with SqliteReader(folder / "record.db") as reader, keyring_of(folder, "") as keyring:
        assert keyring is not None
        opened = [opened_record(record, keyring) for record in reader.records(kind)]
        return [json.loads(record.body) for record in opened if record is not None]
