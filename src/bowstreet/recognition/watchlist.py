"""The file of a list: entries, each sealed under the list's own key. With the key destroyed nothing of it can be read (R9).

The file: a magic line, then for each entry its length (4 octets) and its sealed octets; the entry's number is bound to the
seal. The digest is a chain over all entries from the version of the rules on categories on, so that a list is the authorised
one or is not (R4).
"""

import os
import struct
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from bowstreet.accountability.keys import open_with, seal_with
from bowstreet.errors import StoreUnavailable
from bowstreet.recognition.listing import Entry, Person
from bowstreet.runtime import durable

MAGIC = b"bowstreet watchlist 1\n"
_LENGTH = struct.Struct(">I")
# An image of an entry is made here and measures tens of kilobytes.
MOST_ENTRY_BYTES = 1024 * 1024
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Entry).decode


def first_link(watchlist_id: str, policy: str) -> bytes:
    return sha256(f"bowstreet watchlist {watchlist_id} {policy}".encode()).digest()


def draft_of(path: Path) -> Path:
    """Where a list is written before it is whole."""
    return path.with_suffix(".draft")


class ListWriter:
    """Writes a new list beside its place; `finish` puts it there whole. What is given up leaves nothing."""

    def __init__(self, path: Path, watchlist_id: str, policy: str, key: AESGCM) -> None:
        self._path, self._draft, self._id, self._key = path, draft_of(path), watchlist_id, key
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
        self._file: BinaryIO = os.fdopen(os.open(self._draft, flags, 0o600), "wb")
        self._file.write(MAGIC)
        self._link, self.entries = first_link(watchlist_id, policy), 0

    def append(self, entry: Entry) -> None:
        """Raises `OSError` when the disk is full."""
        body = _encode(entry)
        sealed = seal_with(self._key, body, _context(self._id, self.entries))
        self._file.write(_LENGTH.pack(len(sealed)) + sealed)
        self._link, self.entries = sha256(self._link + sha256(body).digest()).digest(), self.entries + 1

    def finish(self) -> str:
        """Durable and in its place; gives the digest, hex."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        durable.move(self._draft, self._path)
        return self._link.hex()

    def give_up(self) -> None:
        self._file.close()
        self._draft.unlink(missing_ok=True)


class ListFile:
    """A list that stands. Nothing of it is held opened but where each person's entries are.

    Raises:
        StoreUnavailable: it is not there, or was changed since it was written.
    """

    def __init__(self, path: Path, watchlist_id: str, policy: str, key: AESGCM) -> None:
        self._path, self._id, self._key = path, watchlist_id, key
        self._places: dict[str, list[tuple[int, int]]] = {}  # number and offset of each entry, by person
        link = first_link(watchlist_id, policy)
        for number, offset, entry, body in self._scan():
            self._places.setdefault(entry.person.person_id, []).append((number, offset))
            link = sha256(link + sha256(body).digest()).digest()
        self.digest = link.hex()

    def people(self) -> list[str]:
        return list(self._places)

    def entries(self) -> Iterator[Entry]:
        """Every entry, in order, one at a time."""
        for _, _, entry, _ in self._scan():
            yield entry

    def entry(self, person_id: str, image: int = 0) -> Entry | None:
        """One image of a person; None when there is none."""
        places = self._places.get(person_id, ())
        if not 0 <= image < len(places):
            return None
        number, offset = places[image]
        with self._open() as file:
            file.seek(offset)
            return self._read(file, number)[0]

    def person(self, person_id: str) -> Person | None:
        entry = self.entry(person_id)
        return None if entry is None else entry.person

    def _open(self) -> BinaryIO:
        try:
            return self._path.open("rb")
        except OSError as error:
            raise self._broken() from error

    def _scan(self) -> Iterator[tuple[int, int, Entry, bytes]]:
        with self._open() as file:
            if file.read(len(MAGIC)) != MAGIC:
                raise self._broken()
            number, size = 0, os.fstat(file.fileno()).st_size
            while (offset := file.tell()) < size:
                entry, body = self._read(file, number)
                yield number, offset, entry, body
                number += 1

    def _read(self, file: BinaryIO, number: int) -> tuple[Entry, bytes]:
        head = file.read(_LENGTH.size)
        length = _LENGTH.unpack(head)[0] if len(head) == _LENGTH.size else MOST_ENTRY_BYTES + 1
        if length > MOST_ENTRY_BYTES:
            raise self._broken()
        try:
            body = open_with(self._key, file.read(length), _context(self._id, number))
            return _decode(body), body
        except (InvalidTag, msgspec.DecodeError, ValueError) as error:
            raise self._broken() from error

    def _broken(self) -> StoreUnavailable:
        return StoreUnavailable(f"the list '{self._id}' is missing or was changed", remedy="import it again")


def _context(watchlist_id: str, number: int) -> bytes:
    return b"watchlist %s %d" % (watchlist_id.encode(), number)
