"""A data key for each subject, wrapped under the master key. Destroying one makes all that was sealed under it unreadable, in
every copy, for ever: what erasure means for a record that must never be edited.

The wrapped keys lie in a file of their own, so that a backup of the record does not carry them along: back it up apart, and
keep those backups no longer than what they open may be kept.
"""

import sqlite3
from collections import OrderedDict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from bowstreet.accountability import keys
from bowstreet.accountability.key_source import KEYS_FILE as KEYS_FILE
from bowstreet.accountability.keys import MasterKey
from bowstreet.errors import KeyUnavailable, StoreUnavailable
from bowstreet.runtime.directory import RECORD_FILE
from bowstreet.runtime.sqlite_file import Writer, connect, connect_read_only, migrate, unavailable

SCHEMA = "CREATE TABLE data_keys (subject TEXT PRIMARY KEY, wrapped BLOB NOT NULL, master TEXT NOT NULL) WITHOUT ROWID"
SCHEMA_VERSION = 1
# Opened keys that stay at hand: those of a busy day. Unwrapping costs 2 µs in software and milliseconds in a hardware module.
MOST_OPEN = 20_000


class Keyring:
    """The data keys of one data directory, for reading.

    Raises:
        StoreUnavailable: the file cannot be opened.
        KeyUnavailable: it was written under another master key.
    """

    def __init__(self, path: Path, master: MasterKey) -> None:
        self._path = path
        self._master = master
        # Reads are by primary key, a few microseconds each; they are done in place.
        self._read = connect_read_only(path)
        self._open: OrderedDict[str, AESGCM] = OrderedDict()
        strangers = self._rows("SELECT DISTINCT master FROM data_keys WHERE master <> ?", master.name)
        if strangers:
            raise KeyUnavailable(
                f"{path} was written under the master key {strangers[0][0]}, not {master.name}",
                remedy="give that master key, or change it with 'bowstreet audit rotate'",
            )

    def find(self, subject: str) -> AESGCM | None:
        """The key of a subject; None when there is none, or none any more. Raises `KeyUnavailable`."""
        known = self._open.get(subject)
        if known is not None:
            self._open.move_to_end(subject)
            return known
        rows = self._rows("SELECT wrapped FROM data_keys WHERE subject = ?", subject)
        if not rows:
            return None
        return self._remember(subject, keys.cipher(self._master.unwrap(rows[0][0], _context(subject))))

    def close_reading(self) -> None:
        self._read.close()
        self._open.clear()

    def _rows(self, query: str, *parameters: str) -> list[tuple[Any, ...]]:
        try:
            return self._read.execute(query, parameters).fetchall()
        except sqlite3.Error as error:
            raise unavailable(error, self._path) from error

    def _remember(self, subject: str, key: AESGCM) -> AESGCM:
        self._open[subject] = key
        if len(self._open) > MOST_OPEN:
            self._open.popitem(last=False)
        return key


class Vault(Keyring):
    """The data keys of one data directory, made and destroyed here. Raises as `Keyring` does."""

    def __init__(self, path: Path, master: MasterKey) -> None:
        connection = connect(path, synchronous="FULL")
        migrate(connection, path, SCHEMA, SCHEMA_VERSION)
        self._writer = Writer(connection, path)
        super().__init__(path, master)

    async def keys_for(self, subjects: Iterable[str]) -> dict[str, AESGCM]:
        """A key for each subject, made where there is none, durably before it is given out."""
        found = {subject: key for subject in subjects if (key := self.find(subject)) is not None}
        missing = sorted(set(subjects) - set(found))
        if missing:
            made = {subject: keys.new_key() for subject in missing}
            rows = [(subject, self._master.wrap(key, _context(subject)), self._master.name) for subject, key in made.items()]
            await self._writer.write(lambda connection: connection.executemany("INSERT INTO data_keys VALUES (?, ?, ?)", rows))
            for subject in missing:
                found[subject] = self._remember(subject, keys.cipher(made[subject]))
        return found

    async def destroy(self, subjects: Iterable[str]) -> int:
        """Destroy the keys of subjects, from the file and from its write-ahead log; gives how many there were."""
        doomed = [(subject,) for subject in set(subjects)]
        for (subject,) in doomed:
            self._open.pop(subject, None)

        def work(connection: sqlite3.Connection) -> int:
            return sum(connection.execute("DELETE FROM data_keys WHERE subject = ?", one).rowcount for one in doomed)

        count = int(await self._writer.write(work))
        await self._writer.fold_in()
        return count

    async def rewrap(self, master: MasterKey) -> int:
        """Put every key under another master key, in one transaction; gives how many. The old one opens nothing more."""
        old = self._rows("SELECT subject, wrapped FROM data_keys ORDER BY subject")
        rows = [
            (master.wrap(self._master.unwrap(wrapped, _context(subject)), _context(subject)), master.name, subject)
            for subject, wrapped in old
        ]
        await self._writer.write(
            lambda connection: connection.executemany("UPDATE data_keys SET wrapped = ?, master = ? WHERE subject = ?", rows)
        )
        await self._writer.fold_in()
        self._master = master
        return len(rows)

    async def close(self) -> None:
        self.close_reading()
        await self._writer.close()


def open_vault(folder: Path, master: MasterKey) -> Vault:
    """The vault of a data directory, made with it. Raises as `Vault` does, and `KeyUnavailable` where its file was lost."""
    path = folder / KEYS_FILE
    if not path.exists() and (folder / RECORD_FILE).exists():
        raise KeyUnavailable(
            f"{path} is missing, and with it every data key of the record beside it",
            remedy="put back a copy of it; without one nothing about anybody can be read again: keep this directory, whose "
            "ledger still verifies ('bowstreet audit verify'), and begin another with --data",
        )
    return Vault(path, master)


def seal(key: AESGCM, plain: bytes, context: bytes) -> bytes:
    return keys.seal_with(key, plain, context)


def unseal(key: AESGCM, sealed: bytes, context: bytes) -> bytes:
    """Raises `StoreUnavailable` for what was changed since, or stood somewhere else."""
    try:
        return keys.open_with(key, sealed, context)
    except InvalidTag as error:
        raise StoreUnavailable(
            f"what is sealed as {context.decode(errors='replace')} was changed, or belongs elsewhere",
            remedy="run 'bowstreet audit verify', and restore a backup elsewhere",
        ) from error


def _context(subject: str) -> bytes:
    return b"data key of " + subject.encode()
