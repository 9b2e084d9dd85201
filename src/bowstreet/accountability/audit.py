"""The audit of a data directory, from outside: `bowstreet audit verify`. It believes nothing that it can recompute.

The database is opened for reading only, also while the program runs; what is checked is the record as of that moment.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from pathlib import Path

import msgspec
from msgspec.structs import astuple

from bowstreet.accountability import key_source, published
from bowstreet.accountability.sealed import opened_rows
from bowstreet.accountability.vault import KEYS_FILE, Keyring
from bowstreet.accountability.verify import Verification, Verifier
from bowstreet.errors import KeyUnavailable, NotFound
from bowstreet.runtime.directory import RECORD_FILE
from bowstreet.runtime.sqlite import SqliteReader

# A record of this kind exists only because of an entry of that kind about it: "no action without its entry".
CAUSES = {"mission": "LaunchAuthorised", "incident": "IncidentOpened"}

# Rows between two signs of life.
CHUNK = 1_000

OnProgress = Callable[[int, int], None]


class Unaccounted(msgspec.Struct, frozen=True, kw_only=True):
    """A record that the ledger does not account for."""

    kind: str
    id: str
    missing: str


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What an audit found. `reconciled` counts, by kind, the records that have their entry."""

    ok: bool
    path: str
    verification: Verification
    reconciled: dict[str, int]
    unaccounted: tuple[Unaccounted, ...]
    checkpoints: int
    checkpoints_unreadable: int

    def says(self) -> str:
        """In a sentence, for people."""
        found = self.verification
        if not found.ok:
            return f"{self.path}: entry {found.first_wrong} is the first that is wrong: {found.what}"
        if self.unaccounted:
            first = self.unaccounted[0]
            more = f" and {len(self.unaccounted) - 1:,} more records lack theirs" if len(self.unaccounted) > 1 else ""
            return f"{self.path}: {first.kind} '{first.id}' has no {first.missing} entry{more}"
        records = ", ".join(f"{count:,} {kind}s" for kind, count in self.reconciled.items())
        sealed = f" ({found.sealed:,} payloads are sealed and were not opened)" if found.sealed else ""
        verify = f"{found.entries:,} entries verify{sealed}, root {found.root}"
        return f"{self.path}: {verify}; every one of {records} is accounted for"


@contextlib.contextmanager
def keyring_of(path: Path, source: str) -> Iterator[Keyring | None]:
    """What opens the payloads of a data directory; None when it has none, or no master key is given and the right one does not
    lie beside it.

    Raises:
        KeyUnavailable: the master key that is given cannot be read, or is not the one that the data were written under.
    """
    folder = find_record(path).parent
    if not (folder / KEYS_FILE).exists() or (not source and not (folder / key_source.OWN_FILE).exists()):
        yield None
        return
    try:
        keyring = Keyring(folder / KEYS_FILE, key_source.load(source, folder))
    except KeyUnavailable:
        if source:
            raise
        yield None  # the key beside the data is an old one: the ledger verifies, and what is sealed stays sealed
        return
    try:
        yield keyring
    finally:
        keyring.close_reading()


def find_record(path: Path) -> Path:
    """The database in a data directory, or the database itself.

    Raises:
        NotFound: when there is none.
    """
    record = path / RECORD_FILE if path.is_dir() else path
    if not record.is_file():
        raise NotFound(f"there is no record at {path}", remedy=f"name a data directory (it holds {RECORD_FILE}), or that file")
    return record


def verify_data(
    path: Path,
    *,
    known: Mapping[int, bytes] | None = None,
    causes: Mapping[str, str] | None = None,
    keyring: Keyring | None = None,
    on_progress: OnProgress | None = None,
) -> Report:
    """Verify the ledger at `path` and reconcile the records with it.

    Args:
        path: a data directory or its database.
        known: roots from elsewhere, by ledger size, besides those in the directory.
        causes: which entry each kind of record must have; `CAUSES` by default.
        keyring: opens the payloads, so that they are held against what the entries commit to.
        on_progress: told how many entries of how many are done.

    Raises:
        NotFound: there is no record there.
        StoreUnavailable: it cannot be read.
    """
    record = find_record(path)
    # Read before the ledger: one written meanwhile could not make it look too short.
    roots, unreadable = published.read(record.parent)
    causes = CAUSES if causes is None else causes
    with SqliteReader(record) as reader:
        subjects: dict[str, set[str]] = {cause: set() for cause in causes.values()}
        found = _verify(reader, {**roots, **(known or {})}, subjects, keyring, on_progress)
        unaccounted, reconciled = _reconcile(reader, causes, subjects) if found.ok else ((), {})
    return Report(
        ok=found.ok and not unaccounted, path=str(record), verification=found, reconciled=reconciled, unaccounted=unaccounted,
        checkpoints=len(roots), checkpoints_unreadable=unreadable,
    )  # fmt: skip


def _verify(
    reader: SqliteReader,
    roots: Mapping[int, bytes],
    subjects: dict[str, set[str]],
    keyring: Keyring | None,
    on_progress: OnProgress | None,
) -> Verification:
    verifier = Verifier(roots, subjects)
    total = reader.log_size()
    rows = reader.log_columns() if keyring is None else map(astuple, opened_rows(reader.log_rows(), keyring))
    done = -1
    while verifier.add_columns(islice(rows, CHUNK)) and verifier.entries > done:
        done = verifier.entries
        if on_progress:
            on_progress(done, total)
    return verifier.finish()


def _reconcile(
    reader: SqliteReader, causes: Mapping[str, str], subjects: Mapping[str, set[str]]
) -> tuple[tuple[Unaccounted, ...], dict[str, int]]:
    unaccounted: list[Unaccounted] = []
    reconciled: dict[str, int] = {}
    for kind, cause in causes.items():
        reconciled[kind] = 0
        for record in reader.records(kind):
            if record.id in subjects[cause]:
                reconciled[kind] += 1
            else:
                unaccounted.append(Unaccounted(kind=kind, id=record.id, missing=cause))
    return tuple(unaccounted), reconciled
