"""The footage of a data directory held against its ledger, from outside, also while the program runs: `bowstreet audit verify`.

Every recording's chain is computed anew. Each anchor of the ledger must be a place that the chain goes through; what a record in
the store says counts for nothing. Footage whose key was destroyed must be on record as erased.
"""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from bowstreet import messages as m
from bowstreet.accountability.ledger import message_of, read_entry
from bowstreet.errors import MalformedProof
from bowstreet.runtime.ports import LogRow
from bowstreet.video import footage
from bowstreet.video.footage import Chain

OnProgress = Callable[[int, int], None]
FOLDER, SUFFIX = "footage", ".footage"
_KINDS = frozenset({"RecordingStarted", "RecordingAnchored", "RecordingClosed"})


class Anchors(msgspec.Struct, kw_only=True):
    """What the ledger says of one recording: heads by the number of parts, with the entry that says so."""

    marks: dict[int, tuple[int, str, int]] = {}
    closed: bool = False
    erased: bool = False


class FootageReport(msgspec.Struct, frozen=True, kw_only=True):
    """What was found. `first_wrong` is the recording, `what` says how it is wrong. `sealed`: those that no key was given for."""

    ok: bool
    recordings: int = 0
    erased: int = 0
    sealed: int = 0
    parts: int = 0
    octets: int = 0
    anchors: int = 0
    first_wrong: str = ""
    what: str = ""

    def says(self) -> str:
        if not self.ok:
            return f"footage: recording '{self.first_wrong}' is the first that is wrong: {self.what}"
        if self.sealed:
            return f"footage: {self.sealed:,} recordings are sealed and were not opened: give --master-key"
        return (
            f"footage: {self.recordings:,} recordings of {self.parts:,} parts verify against {self.anchors:,} entries; "
            f"{self.erased:,} were erased"
        )


def collected(rows: Iterable[LogRow], opened: Callable[[LogRow], LogRow]) -> dict[str, Anchors]:
    """What the ledger says of every recording. `opened` opens a row; those that are of no concern are left as they are."""
    found: dict[str, Anchors] = {}
    for one in rows:
        if b'"Record' not in one.entry and b'"Erased"' not in one.entry:
            continue
        entry, row = read_entry(one.entry), opened(one)
        message = message_of(row) if row.payload is not None and row.salt is not None else None
        if isinstance(message, m.Erased) and message.retention_class == "footage":
            found.setdefault(message.subject_id, Anchors()).erased = True
        elif entry.kind in _KINDS:
            known = found.setdefault(entry.subject, Anchors())  # the subject is in the entry itself, whatever became of its key
            if isinstance(message, m.RecordingAnchored | m.RecordingClosed):
                known.marks[message.parts] = message.octets, message.head, row.index
                known.closed = known.closed or isinstance(message, m.RecordingClosed)
    return found


def listed(folder: Path) -> list[Path]:
    """The files of footage. To be read before the ledger: a recording is in the ledger before its file is made."""
    return sorted(folder.glob(f"*{SUFFIX}")) if folder.is_dir() else []


def verify(
    folder: Path, there: Iterable[Path], anchors: Mapping[str, Anchors], find_key: Callable[[str], AESGCM | None],
    on_progress: OnProgress | None = None,
) -> FootageReport:  # fmt: skip
    """Hold every file of `folder` (a data directory's footage) against the anchors; `there` is what was `listed` before."""
    report = FootageReport(ok=True)
    for number, (recording_id, one) in enumerate(anchors.items()):
        if on_progress:
            on_progress(number, len(anchors))
        try:
            report = _one(folder, recording_id, one, find_key, report)
        except MalformedProof as error:
            return msgspec.structs.replace(report, ok=False, first_wrong=recording_id, what=error.message)
    strange = [path.stem for path in there if path.stem not in anchors]
    if strange:
        return msgspec.structs.replace(report, ok=False, first_wrong=strange[0], what="the ledger knows no such recording")
    return report


def _one(
    folder: Path, recording_id: str, one: Anchors, find_key: Callable[[str], AESGCM | None], report: FootageReport
) -> FootageReport:
    path, key = folder / f"{recording_id}{SUFFIX}", find_key(recording_id)
    if one.erased:
        return msgspec.structs.replace(report, erased=report.erased + 1)
    if key is None:
        if path.exists():
            raise _wrong("its key is gone, and no entry says that it was erased")
        raise _wrong("its file and its key are gone, and no entry says that it was erased")
    last = max(one.marks, default=0)
    if not path.exists() or footage.is_stub(path):
        if last:
            raise _wrong(f"its file is gone, and the ledger vouches for {last:,} parts")
        return msgspec.structs.replace(report, recordings=report.recordings + 1)
    chain = footage.start(recording_id)
    with path.open("rb") as file:
        for read in footage.read(file, recording_id, key):
            chain = read.chain
            _check(chain, one)
    if chain.parts < last:
        raise _wrong(f"it ends after {chain.parts:,} parts, and entry {one.marks[last][2]} of the ledger vouches for {last:,}")
    if one.closed and chain.parts > last:
        raise _wrong(f"it goes on after part {last - 1}, where entry {one.marks[last][2]} of the ledger says that it ended")
    return msgspec.structs.replace(
        report, recordings=report.recordings + 1, parts=report.parts + chain.parts, octets=report.octets + chain.octets,
        anchors=report.anchors + len(one.marks),
    )  # fmt: skip


def _check(chain: Chain, one: Anchors) -> None:
    mark = one.marks.get(chain.parts)
    if mark is not None and (chain.octets, chain.head.hex()) != mark[:2]:
        raise _wrong(f"up to part {chain.parts - 1} it is not what entry {mark[2]} of the ledger vouches for")


def _wrong(what: str) -> MalformedProof:
    return MalformedProof(what, remedy="look for a copy that is whole")
