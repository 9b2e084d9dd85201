"""Verifies somebody's log over HTTP (c2sp.org/tlog-tiles) from nothing but `/log/…`, and believes none of it.

What it proves: the latest checkpoint is signed by the log's key; it continues a checkpoint that was kept earlier; an entry is in
it; and, when everything is read, that the published entries are those of the checkpoint, each in its place.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import httpx
import msgspec

from bowstreet.accountability import checkpoint as checkpoints
from bowstreet.accountability import ledger, tiles, transition
from bowstreet.accountability import note as notes
from bowstreet.accountability.answers import PLAIN, TooMuch, check_plain
from bowstreet.accountability.checkpoint import Checkpoint
from bowstreet.accountability.merkle import leaf_hash, verify_consistency, verify_inclusion
from bowstreet.accountability.note import Note, VerifierKey
from bowstreet.accountability.tiles import WIDTH, GrowingTree, TiledTree
from bowstreet.accountability.transition import Transition
from bowstreet.errors import LedgerBroken, LinkFailure, MalformedProof, NotFound
from bowstreet.runtime.clock import SystemClock

PATIENCE_S = 30.0
# For a whole answer: 16 MiB over a line of one megabit a second.
MOST_S = 150.0
# The largest thing a log gives out is a tile of 256 entries of 65,535 bytes.
MOST_BYTES = WIDTH * (tiles.MOST_ENTRY_BYTES + 2)

Fetch = Callable[[str], bytes]
"""What stands under the log's address at a path. Raises `NotFound` or `LinkFailure`."""
OnProgress = Callable[[int, int], None]


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What a log was found to prove.

    Attributes:
        key_known: its key was given, or one before it that leads to it, and is not believed from the log itself.
        since: the size of the earlier checkpoint that this one continues.
        entry: the entry that was shown to be in it, as it stands.
        entries_read: how many entries were read and found in their places.
        witnesses: who among those asked for has signed the checkpoint; `missing` has not.
        note: the checkpoint, to be kept for the next time.
    """

    ok: bool
    origin: str
    size: int
    root: str
    key: str
    key_known: bool
    changes: dict[int, str]
    since: int | None
    index: int | None
    entry: str
    entries_read: int
    witnesses: dict[str, datetime]
    missing: tuple[str, ...]
    note: str

    def says(self) -> str:
        """In plain words: what is proven, and what is not."""
        opened = [] if self.index is None else [f"- Entry {self.index} is in it: {self.entry}"]
        since = [] if self.since is None else [f"- It continues the one at {self.since:,} entries: none of those was changed."]
        read = [] if not self.entries_read else [f"- All {self.entries_read:,} published entries are those of this checkpoint."]
        lines = [
            f"{self.origin} stands at {self.size:,} entries, root {self.root}.",
            "",
            "Proven:",
            "- The log's key signed this checkpoint.",
            *since, *opened, *read,
            *(f"- {name} saw the same history, at {at:%Y-%m-%d %H:%M} UTC." for name, at in self.witnesses.items()),
            *(f"- At entry {at} the log's key became {key}: the key before it signed that." for at, key in self.changes.items()),
            "",
            "Not proven:",
            *(f"- {name} has not signed it." for name in self.missing),
            *([] if since else ["- That an older history was not exchanged: keep this checkpoint (--save) for --since."]),
            *([] if read else ["- What the other entries say: they were not read (--all)."]),
            *([] if self.key_known else [f"- Whose key it is: it is taken from the log itself. Compare it: {self.key}"]),
            *([] if self.witnesses else ["- That others were not shown another history: no witness was found (--witness KEY)."]),
            "- That everything that happened was recorded. Compare with what others know.",
        ]  # fmt: skip
        return "\n".join(lines)


def fetch_over(client: httpx.Client, address: str, path: str) -> bytes:
    """A `Fetch` once it is given its client and address. What is larger than a log gives out is broken off."""
    where = f"{address.rstrip('/')}/{path}"
    try:
        clock = SystemClock()
        with client.stream("GET", where, headers={"Accept-Encoding": PLAIN}) as answer:
            if answer.status_code == HTTPStatus.NOT_FOUND:
                raise NotFound(f"{where} does not exist", remedy="give the address of a log, such as https://bow.example/log")
            if answer.status_code != HTTPStatus.OK:
                raise LinkFailure(f"{where} answers {answer.status_code}", remedy="ask its operator")
            check_plain(answer)
            data = bytearray()
            for part in answer.iter_raw():
                data += part
                if len(data) > MOST_BYTES:
                    raise TooMuch
                if clock.monotonic_s() > MOST_S:
                    raise LinkFailure(f"{where} answers too slowly", remedy="try again, or from a place nearer to it")
            return bytes(data)
    except TooMuch as error:
        raise LinkFailure(f"{where} answers with more than a log has", remedy="check the address") from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise LinkFailure(f"{where} cannot be reached ({type(error).__name__})", remedy="check the address") from error


def verify_over(address: str, **asked: Any) -> Seen:
    """`verify` of the log at an address."""
    with httpx.Client(timeout=PATIENCE_S, follow_redirects=False) as client:
        try:
            return verify(partial(fetch_over, client, address), **asked)
        except MalformedProof as error:
            if urlsplit(address).path.strip("/"):
                raise
            # The operator's front page answers for every path: who left out /log is told so.
            raise MalformedProof(
                f"{address} is wrong: {error.message}",
                remedy="give the address of the log itself, such as https://bow.example/log",
            ) from error


def verify(
    fetch: Fetch,
    *,
    keys: Iterable[VerifierKey] = (),
    since: Note | None = None,
    index: int | None = None,
    everything: bool = False,
    witnesses: Iterable[VerifierKey] = (),
    on_progress: OnProgress = lambda done, total: None,
) -> Seen:
    """Verify what a log publishes.

    Args:
        keys: the log's, from somewhere else; any of them, the present one or one before it, will do.
        since: a checkpoint kept earlier.
        index: which entry to look for; the last one by default.
        everything: read all entries.

    Raises:
        LedgerBroken: the log is not what it says, or not what it was. The message says which.
        LinkFailure, NotFound: it cannot be reached, or lacks something.
        MalformedProof: what it gives out is not in its form.
    """
    said, note = checkpoints.read(fetch("checkpoint"))
    key, changes, known = _key(fetch, note, said, tuple(keys))
    tree = TiledTree(said.size, lambda level, at, width: fetch(tiles.path_of(level, at, width)))
    if tree.root() != said.root:
        raise _broken("the tiles are not those of the signed checkpoint")
    for change in changes:
        entry = _included(fetch, tree, said, change.index)
        if (entry.kind, entry.subject) != (transition.ENTRY_KIND, change.digest):
            raise _broken(f"the change of its key at entry {change.index} is not what is on record there")
    before = None if since is None else _continued(tree, said, since, {key, *(one.old for one in changes)})
    index = said.size - 1 if index is None and said.size else index
    text = ""
    if index is not None:
        text = ledger.encode_entry(_included(fetch, tree, said, index)).decode()
    signed = {one.name: checkpoints.cosigned_by(note, one) for one in witnesses}
    missing = tuple(name for name, found in signed.items() if found is None)
    return Seen(
        ok=not missing, origin=said.origin, size=said.size, root=said.root.hex(), key=key.write(), key_known=known,
        changes={one.index: one.new.write() for one in changes}, since=before, index=index, entry=text,
        entries_read=_read_all(fetch, said, on_progress) if everything else 0,
        witnesses={name: found.at for name, found in signed.items() if found is not None}, missing=missing,
        note=note.write().decode(),
    )  # fmt: skip


def _key(
    fetch: Fetch, note: Note, said: Checkpoint, known: tuple[VerifierKey, ...]
) -> tuple[VerifierKey, tuple[Transition, ...], bool]:
    """The key that signed, how it came to be the log's, and whether that begins with a key that was known."""
    key = notes.read_keys(fetch("key").decode(errors="replace"))[0]
    changes = _transitions(fetch)
    chain = transition.chain(changes, key)
    if key.name != said.origin:
        raise _broken("its key is not that of its origin")
    if not notes.signed_by(note, key):
        raise _broken("the log's key did not sign its checkpoint")
    if known and not set(chain) & set(known):
        raise _broken(f"it is signed by another key than the one that was given: {key.write()}")
    if any(one.index >= said.size for one in changes):
        raise _broken("its key was changed beyond its checkpoint")
    return key, changes, bool(known)


def _transitions(fetch: Fetch) -> tuple[Transition, ...]:
    try:
        said = fetch("key-transitions")
    except NotFound:
        return ()  # a log that knows of no such thing never changed its key
    try:
        return tuple(map(transition.read, msgspec.json.decode(said, type=list[str])))
    except msgspec.DecodeError as error:
        raise MalformedProof("its changes of key cannot be read", remedy="fetch them again") from error


def _continued(tree: TiledTree, said: Checkpoint, since: Note, keys: set[VerifierKey]) -> int:
    old = checkpoints.read_text(since.text)
    if old.origin != said.origin or not any(notes.signed_by(since, key) for key in keys):
        raise MalformedProof("the earlier checkpoint is not of this log", remedy="give one that this log signed")
    if old.size > said.size:
        raise _broken(f"it stands at {said.size} entries, and once signed for {old.size}: it was cut short, or is an old copy")
    if not verify_consistency(old.size, old.root, said.size, said.root, tree.consistency(old.size)):
        raise _broken(f"it does not continue the checkpoint at {old.size} entries: what came before was rewritten")
    return old.size


def _included(fetch: Fetch, tree: TiledTree, said: Checkpoint, index: int) -> ledger.Entry:
    if not 0 <= index < said.size:
        raise NotFound(f"there is no entry {index} in a log of {said.size}", remedy=f"ask for 0 to {said.size - 1}")
    at, within = divmod(index, WIDTH)
    stored = _entries(fetch, said.size, at)[within]
    if not verify_inclusion(leaf_hash(stored), index, said.size, tree.inclusion(index), said.root):
        raise _broken(f"entry {index} is not the one of the signed checkpoint")
    return _entry(stored, index)


def _read_all(fetch: Fetch, said: Checkpoint, on_progress: OnProgress) -> int:
    """Every entry, and every tile against them: what others will be given proofs from."""
    tree = GrowingTree()
    above: list[bytes] = []
    for at in range(-(-said.size // WIDTH)):
        stored = _entries(fetch, said.size, at)
        for within, one in enumerate(stored):
            _entry(one, at * WIDTH + within)
        leaves = list(map(leaf_hash, stored))
        _same_tile(fetch, 0, at, leaves)
        tree.extend(leaves)
        if len(leaves) == WIDTH:
            above.append(tiles.root_of_hashes(leaves))
        on_progress(tree.size, said.size)
    for level in range(1, tiles.MOST_LEVEL + 1):
        rows = [above[start : start + WIDTH] for start in range(0, len(above), WIDTH)]
        for at, row in enumerate(rows):
            _same_tile(fetch, level, at, row)
        above = [tiles.root_of_hashes(row) for row in rows if len(row) == WIDTH]
    if tree.root() != said.root:
        raise _broken("its published entries are not those of the signed checkpoint")
    return tree.size


def _same_tile(fetch: Fetch, level: int, at: int, row: list[bytes]) -> None:
    path = tiles.path_of(level, at, len(row))
    if fetch(path) != b"".join(row):
        raise _broken(f"{path} is not the tile of the published entries")


def _entries(fetch: Fetch, size: int, at: int) -> list[bytes]:
    width = tiles.width_of(size, 0, at)
    stored = tiles.unbundle(fetch(tiles.path_of(None, at, width)))
    if len(stored) != width:
        raise MalformedProof(f"a tile of {len(stored)} entries where {width} belong", remedy="fetch it again")
    return stored


def _entry(stored: bytes, index: int) -> ledger.Entry:
    try:
        entry = ledger.read_entry(stored)
    except ValueError as error:
        raise _broken(f"entry {index} is {error}") from error
    if entry.index != index:
        raise _broken(f"in place {index} stands what was recorded as entry {entry.index}")
    return entry


def _broken(what: str) -> LedgerBroken:
    return LedgerBroken(f"the log is not what it should be: {what}", remedy="keep both checkpoints: they are the proof")
