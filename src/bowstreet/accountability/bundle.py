"""A bundle: the whole ledger with what its entries commit to, in one file that anybody can verify elsewhere, offline.

It is text, one JSON object a line, each in the one form that it can have, so that a changed byte shows wherever it stands:

    {"bundle":1,"key":…,"made_at":…,"origin":…,"size":…,"version":…}
    {"entry":…,"link":…,"payload":…,"salt":…}                            one for each entry, in order; null when erased
    {"checkpoint":…}                                                     the log's signed checkpoint, with its witnesses
    {"seal":…}                                                           the log's signature over all the lines before

It is read and written line by line, so that a ledger of ten million entries takes no more memory than one of ten.
"""

import base64
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import msgspec

from bowstreet.accountability import checkpoint as checkpoints
from bowstreet.accountability import ledger, transition
from bowstreet.accountability import note as notes
from bowstreet.accountability.merkle import NO_LINK, leaf_hash, link
from bowstreet.accountability.note import Note, Signer, VerifierKey
from bowstreet.accountability.tiles import MOST_ENTRY_BYTES, GrowingTree
from bowstreet.accountability.transition import Transition
from bowstreet.errors import LedgerBroken, MalformedProof
from bowstreet.runtime.ports import LogRow, Store

VERSION = 1
# An entry, and a payload of 256 kB, with their escapes: a line that is longer is none of ours.
MOST_LINE_BYTES = 4 * (MOST_ENTRY_BYTES + 256 * 1024)
TELL_EVERY = 5_000
MOST_KINDS = 1_000  # there are some fifty; a later program may know more
_NOT_ON_RECORD = "what it says of a change of the log's key at entry {} is not what is on record there"

OnProgress = Callable[[int, int], None]
T = TypeVar("T")


class Head(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The first line. Fields stand in alphabetical order. `transitions` lead from the log's first key to `key` (`transition`)."""

    bundle: int
    key: str
    made_at: datetime
    origin: str
    size: int
    transitions: tuple[str, ...] = ()
    version: str


class Row(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """One entry, its link in the chain, and what it commits to as it was recorded; link and salt in hexadecimal."""

    entry: str
    link: str
    payload: str | None
    salt: str | None


class Published(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    checkpoint: str


class Seal(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    seal: str


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What a bundle proves.

    Attributes:
        ok: nothing in it was changed since it was made, and the log's key signed it.
        line: the first line that is wrong, counted from 1; `entry` the entry on it, if it is one.
        kinds: how many entries there are of each kind.
        witnesses: who among those that were asked for has signed its checkpoint, and when.
        missing: those who have not.
        key_known: the log's key was given to the verifier, or one before it that leads to it, and is not believed from the
            bundle itself.
        changes: where the log's key was changed: the index of the entry, and the key from there on.
    """

    ok: bool
    path: str
    origin: str = ""
    entries: int = 0
    erased: int = 0
    root: str = ""
    key: str = ""
    key_known: bool = False
    first_at: datetime | None = None
    last_at: datetime | None = None
    kinds: dict[str, int] = {}
    witnesses: dict[str, datetime] = {}
    changes: dict[int, str] = {}
    missing: tuple[str, ...] = ()
    line: int | None = None
    entry: int | None = None
    what: str = ""


_encode = msgspec.json.Encoder().encode


HEAD, ROWS, TAIL = range(3)

DATABASE = b"SQLite format 3\x00"  # how a database begins


class Digests:
    """Of the first line, of the entries and of the checkpoint's line: what the seal is over."""

    def __init__(self) -> None:
        self._parts = sha256(), sha256(), sha256()

    def take(self, part: int, data: bytes) -> None:
        self._parts[part].update(data)

    def said(self) -> list[str]:
        return [base64.b64encode(part.digest()).decode() for part in self._parts]

    def text(self, origin: str) -> str:
        """The text that is signed."""
        return "\n".join([f"bowstreet bundle v{VERSION}", origin, *self.said(), ""])


# --- writing ----------------------------------------------------------------------------------------------------------


def write(
    out: BinaryIO,
    rows: Iterable[LogRow],
    published: Note,
    key: VerifierKey,
    signer: Signer,
    *,
    made_at: datetime,
    version: str,
    transitions: Iterable[Transition] = (),
    on_progress: OnProgress | None = None,
) -> int:
    """Write a bundle of the log as of a published checkpoint; gives how many entries it holds.

    Args:
        rows: from the beginning, opened (`sealed`); those after the checkpoint are left out.
        transitions: every change of the log's key; those after the checkpoint are left out too.

    Raises:
        LedgerBroken: the rows are not those of the checkpoint.
    """
    lines = _Lines(published, key, made_at, version, transitions)
    out.write(lines.head())
    for row in rows:
        if lines.complete:
            break
        out.write(lines.row(row))
        if on_progress and lines.count % TELL_EVERY == 0:
            on_progress(lines.count, lines.size)
    out.write(lines.tail(lambda text: Note(text=text, signatures=(notes.sign(text, key.name, signer),))))
    return lines.count


async def stream(
    store: Store,
    published: Note,
    key: VerifierKey,
    seal: Callable[[str], Note],
    *,
    made_at: datetime,
    version: str,
    transitions: Iterable[Transition] = (),
) -> AsyncIterator[bytes]:
    """The same, line by line, while the program runs. Broken off it is no bundle: its seal is its end.

    Raises:
        LedgerBroken: the rows are not those of the checkpoint.
    """
    lines = _Lines(published, key, made_at, version, transitions)
    yield lines.head()
    async for row in store.log_rows(0, lines.size):
        yield lines.row(row)
    yield lines.tail(seal)


class _Lines:
    """The lines of a bundle, in order."""

    def __init__(
        self, published: Note, key: VerifierKey, made_at: datetime, version: str, transitions: Iterable[Transition]
    ) -> None:
        self._published, self._said = published, checkpoints.read_text(published.text)
        self._digests, self._tree = Digests(), GrowingTree()
        self._head = Head(
            bundle=VERSION, key=key.write(), made_at=made_at, origin=self._said.origin, size=self._said.size,
            transitions=tuple(one.note for one in transitions if one.index < self._said.size), version=version,
        )  # fmt: skip

    @property
    def size(self) -> int:
        return self._said.size

    @property
    def count(self) -> int:
        return self._tree.size

    @property
    def complete(self) -> bool:
        return self.count == self.size

    def head(self) -> bytes:
        return self._line(HEAD, self._head)

    def row(self, row: LogRow) -> bytes:
        self._tree.append(leaf_hash(row.entry))
        opened = row.payload is not None and row.salt is not None
        said = Row(
            entry=row.entry.decode(),
            link=row.link.hex(),
            payload=row.payload.decode() if opened and row.payload is not None else None,
            salt=row.salt.hex() if opened and row.salt is not None else None,
        )
        return self._line(ROWS, said)

    def tail(self, seal: Callable[[str], Note]) -> bytes:
        if (self.count, self._tree.root()) != (self.size, self._said.root):
            raise LedgerBroken(
                f"the record is not the one whose checkpoint was signed at {self.size} entries",
                remedy="run 'bowstreet audit verify' on the data directory",
            )
        checkpoint = self._line(TAIL, Published(checkpoint=self._published.write().decode()))
        sealed = seal(self._digests.text(self._said.origin)).write().decode()
        return checkpoint + _encode(Seal(seal=sealed)) + b"\n"

    def _line(self, part: int, said: object) -> bytes:
        data = _encode(said) + b"\n"
        self._digests.take(part, data)
        return data


# --- verifying --------------------------------------------------------------------------------------------------------


class _Wrong(Exception):
    def __init__(self, what: str, entry: int | None = None) -> None:
        super().__init__(what)
        self.entry = entry


def is_bundle(path: Path) -> bool:
    """Whether a file is to be read as one: whatever is no database. One that was changed in its first bytes is still one."""
    try:
        with path.open("rb") as file:
            return path.suffix != ".db" and file.read(len(DATABASE)) != DATABASE
    except OSError:
        return False


def verify(
    path: Path,
    *,
    keys: Iterable[VerifierKey] = (),
    witnesses: Iterable[VerifierKey] = (),
    on_progress: OnProgress | None = None,
) -> Finding:
    """Verify a bundle and believe none of it.

    Args:
        keys: the log's, from somewhere else: its operator's public pages, a witness, an earlier bundle. Any of them, the present
            one or one before it, will do.
        witnesses: whose signatures its checkpoint should bear.
    """
    reading = _Reading(path, tuple(keys), tuple(witnesses))
    with path.open("rb") as file:
        try:
            reading.read(_lines(file), on_progress)
        except _Wrong as wrong:
            return reading.finding(line=reading.line, entry=wrong.entry, what=str(wrong))
    return reading.finding()


def _lines(file: BinaryIO) -> Iterator[bytes]:
    while line := file.readline(MOST_LINE_BYTES):
        yield line


class _Reading:
    def __init__(self, path: Path, keys: tuple[VerifierKey, ...], witnesses: tuple[VerifierKey, ...]) -> None:
        self.path, self._known, self._wanted = path, keys, witnesses
        self._transitions: tuple[Transition, ...] = ()
        self._stated: set[tuple[int, str]] = set()
        self._recorded: list[tuple[int, str]] = []
        self.line = 0
        self._digests = Digests()
        self._tree = GrowingTree()
        self._link = NO_LINK
        self._kinds: Counter[str] = Counter()
        self._erased = 0
        self._first_at: datetime | None = None
        self._last_at: datetime | None = None
        self._head: Head | None = None
        self._key: VerifierKey | None = None
        self._witnessed: dict[str, datetime] = {}

    def read(self, lines: Iterator[bytes], on_progress: OnProgress | None) -> None:
        head = self._read_head(self._next(lines, HEAD, Head))
        read_row = msgspec.json.Decoder(Row).decode
        for index in range(head.size):
            self._row(index, self._next(lines, ROWS, Row, read_row, index))
            if on_progress and index % TELL_EVERY == 0:
                on_progress(index, head.size)
        self._checkpoint(head, self._next(lines, TAIL, Published))
        self._seal(head, self._next(lines, None, Seal))
        if next(lines, b""):
            self.line += 1
            raise _Wrong("something was added after the end")

    def _next(
        self,
        lines: Iterator[bytes],
        part: int | None,
        kind: type[T],
        decode: Callable[[bytes], T] | None = None,
        entry: int | None = None,
    ) -> T:
        self.line += 1
        data = next(lines, b"")
        if not data.endswith(b"\n"):
            raise _Wrong("it is cut off", entry)
        try:
            line = decode(data) if decode else msgspec.json.decode(data, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            if self.line == 1:
                raise _Wrong("it does not begin as a bundle does, so it is another file or was changed there", entry) from error
            raise _Wrong(f"this is not the line that belongs here ({error})", entry) from error
        if _encode(line) + b"\n" != data:
            raise _Wrong("it is not written in the one form that it can have", entry)
        if part is not None:
            self._digests.take(part, data)
        return line

    def _read_head(self, head: Head) -> Head:
        if head.bundle != VERSION:
            raise _Wrong(f"a bundle of version {head.bundle}; this program reads version {VERSION}")
        try:
            self._key = notes.read_key(head.key)
            self._transitions = tuple(map(transition.read, head.transitions))
            self._stated = {(one.index, one.digest) for one in self._transitions}
            keys = transition.chain(self._transitions, self._key)
        except MalformedProof as error:
            raise _Wrong(str(error)) from error
        if self._known and not set(keys) & set(self._known):
            raise _Wrong(f"it is of another log than the key that was given: {head.key}")
        if self._key.name != head.origin:
            raise _Wrong("its key is not that of its origin")
        self._head = head
        return head

    def _row(self, index: int, row: Row) -> None:
        data = row.entry.encode()
        try:
            entry = ledger.read_entry(data)
        except ValueError as error:
            raise _Wrong(f"entry {index} is {error}", index) from error
        if entry.index != index:
            raise _Wrong(f"in place {index} stands what was recorded as entry {entry.index}", index)
        if row.payload is not None and row.salt is not None:
            try:
                salt = bytes.fromhex(row.salt)
            except ValueError as error:
                raise _Wrong(f"the salt of entry {index} is not hexadecimal", index) from error
            if salt.hex() != row.salt or ledger.commit_to(row.payload.encode(), salt) != entry.commitment:
                raise _Wrong(f"the payload of entry {index} is not what the entry committed to", index)
        elif row.payload is not row.salt:
            raise _Wrong(f"entry {index} is half erased: its payload and salt go together", index)
        else:
            self._erased += 1
        leaf = leaf_hash(data)
        self._link = link(self._link, leaf)
        if row.link != self._link.hex():
            raise _Wrong(f"entry {index} is not the one that was recorded", index)
        self._tree.append(leaf)
        if entry.kind not in self._kinds:
            self._check_kind(entry.kind, index)
        self._kinds[entry.kind] += 1
        if entry.kind == transition.ENTRY_KIND:
            if (index, entry.subject) not in self._stated:
                raise _Wrong(_NOT_ON_RECORD.format(index), index)
            self._recorded.append((index, entry.subject))
        self._first_at = self._first_at or entry.at
        self._last_at = entry.at

    def _check_kind(self, kind: str, index: int) -> None:
        """Kinds go into the report, so one must not look like a line of it; and there are not millions of them to count."""
        if ledger.KIND.fullmatch(kind) is None or len(self._kinds) >= MOST_KINDS:
            raise _Wrong(f"entry {index} is of a kind that no record has", index)

    def _checkpoint(self, head: Head, line: Published) -> None:
        assert self._key is not None
        try:
            said, note = checkpoints.read(line.checkpoint.encode())
        except MalformedProof as error:
            raise _Wrong(str(error)) from error
        if (said.origin, said.size) != (head.origin, head.size):
            raise _Wrong("its checkpoint is of another log, or of another size")
        if not notes.signed_by(note, self._key):
            raise _Wrong("the log's key did not sign this checkpoint")
        changed = transition.unrecorded(self._transitions, self._recorded)
        if changed is not None:
            raise _Wrong(_NOT_ON_RECORD.format(changed))
        if said.root != self._tree.root():
            raise _Wrong("an entry was edited, exchanged or taken out: they are not those of the signed checkpoint")
        for witness in self._wanted:
            found = checkpoints.cosigned_by(note, witness)
            if found is not None:
                self._witnessed[witness.name] = found.at

    def _seal(self, head: Head, line: Seal) -> None:
        assert self._key is not None
        try:
            note = notes.read(line.seal.encode())
        except MalformedProof as error:
            raise _Wrong(str(error)) from error
        if not notes.signed_by(note, self._key):
            raise _Wrong("the log's key did not sign this seal")
        if note.text == self._digests.text(head.origin):
            return
        self.line, what = self._unlike(note.text)
        raise _Wrong(f"{what} is not what was sealed")

    def _unlike(self, sealed: str) -> tuple[int, str]:
        """Which line, and what of the bundle, differs from what was sealed."""
        there = sealed.split("\n")[2:5]
        same = [one == other for one, other in zip(self._digests.said(), there, strict=False)]
        if same == [False, True, True]:
            return 1, "the first line"
        if same == [True, True, False]:
            return self.line - 1, "the checkpoint's line"
        return self.line, "something"

    def finding(self, line: int | None = None, entry: int | None = None, what: str = "") -> Finding:
        missing = tuple(witness.name for witness in self._wanted if witness.name not in self._witnessed)
        if not what and missing:
            what = f"its checkpoint is not signed by {', '.join(missing)}"
        return Finding(
            ok=not what, path=str(self.path), origin=self._head.origin if self._head else "", entries=self._tree.size,
            erased=self._erased, root=self._tree.root().hex(), key=self._key.write() if self._key else "",
            key_known=bool(self._known),
            changes={one.index: one.new.write() for one in self._transitions}, first_at=self._first_at, last_at=self._last_at,
            kinds=dict(sorted(self._kinds.items())), witnesses=self._witnessed, missing=missing,
            line=line, entry=entry, what=what,
        )  # fmt: skip


def says(finding: Finding) -> str:
    """The finding in plain words: what is proven, and what is not."""
    if not finding.ok:
        where = "" if finding.line is None else f"line {finding.line}: "
        return f"{finding.path} is NOT what was recorded. The first thing that is wrong is {where}{finding.what}."
    lines = [
        f"{finding.path} verifies: {finding.entries:,} entries of {finding.origin}, root {finding.root}.",
        "",
        "Proven:",
        f"- Every entry stands as it was when the log's key signed for {finding.entries:,}: none edited, dropped or reordered.",
        f"- What {finding.entries - finding.erased:,} of them say is what was recorded at the time.",
        *(f"- {name} saw the same history, at {at:%Y-%m-%d %H:%M} UTC." for name, at in finding.witnesses.items()),
        *(
            f"- At entry {index} the log's key became {key}: the key before it signed that, and it is on record there."
            for index, key in finding.changes.items()
        ),
        "",
        "What the entries are about:",
        *(f"- {kind}: {count:,}" for kind, count in finding.kinds.items()),
        "",
        "Not proven:",
        "- That everything that happened was recorded. Compare with what others know: calls, radio, flights that were seen.",
        *(
            [f"- What {finding.erased:,} entries said: their content was erased, and only that they were made is left."]
            if finding.erased
            else []
        ),
        *(
            []
            if finding.key_known
            else [f"- Whose key it is: it is taken from the bundle. Compare it with the published one: {finding.key}"]
        ),
        *(
            []
            if finding.witnesses
            else ["- That others were not shown another history: no witness was asked for (--witness KEY)."]
        ),
    ]
    return "\n".join(lines)


def to_builtins(finding: Finding) -> dict[str, Any]:
    return {**msgspec.to_builtins(finding), "says": says(finding)}
