"""Verify a bundle of evidence and believe none of it: every octet of every file, in bounded memory, without a network.

What is wrong first is named: the file, and of footage the part.
"""

import contextlib
import io
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import TypeVar

import msgspec

from bowstreet import messages as m
from bowstreet.accountability import checkpoint as checkpoints
from bowstreet.accountability import note as notes
from bowstreet.accountability.note import VerifierKey
from bowstreet.errors import MalformedProof
from bowstreet.video import footage
from bowstreet.video.evidence import archive, model, proofs
from bowstreet.video.evidence.index import FileSet, framed, name_of
from bowstreet.video.evidence.model import (
    Anchor,
    Anchoring,
    Contents,
    ExportedFile,
    ExportedRecording,
    Manifest,
    PartLine,
)
from bowstreet.video.evidence.proofs import Anchored, Stand
from bowstreet.video.evidence.source import Source, open_source
from bowstreet.video.footage import MOST_PART_BYTES, Chain, Part, PartKind

# The files that are read whole: a manifest names at most a few hundred files.
MOST_JSON_BYTES = 8 * 1024 * 1024
TELL_EVERY = 500

OnProgress = Callable[[int, int], None]
Credential = Callable[[Source, str, str], str]
"""Given the source, a video and its C2PA manifest: what is to be said of it. Raises `MalformedProof` when it does not fit."""
T = TypeVar("T")


class RecordingFound(msgspec.Struct, frozen=True, kw_only=True):
    """What was found of one recording. `anchored`: how many parts the last entry in the ledger vouches for."""

    recording_id: str
    vehicle_id: str
    started_at: datetime
    closed_at: datetime | None
    parts: int
    videos: int
    octets: int
    entries: int
    anchored: int
    first_at: datetime | None
    last_at: datetime | None
    dropped: int
    running: bool


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What a bundle proves.

    Attributes:
        ok: nothing in it was changed since it was made, and the log's key signed it.
        file: the first that is wrong; `part` which part of its footage, counted from 0, or which line.
        credentials: what the C2PA manifest of each video says of itself.
        key_known, witnesses, missing: as for a bundle of the ledger.
    """

    ok: bool
    path: str
    export_id: str = ""
    incident_id: str = ""
    made_at: datetime | None = None
    operator: str = ""
    leave: model.Leave | None = None
    recordings: tuple[RecordingFound, ...] = ()
    files: int = 0
    octets: int = 0
    origin: str = ""
    key: str = ""
    key_known: bool = False
    size: int = 0
    root: str = ""
    disclosed_at: datetime | None = None
    disclosed_entry: int | None = None
    authorised_entry: int | None = None
    witnesses: dict[str, datetime] = {}
    missing: tuple[str, ...] = ()
    credentials: dict[str, str] = {}
    file: str = ""
    part: int | None = None
    what: str = ""


class Wrong(Exception):
    """Found something."""

    def __init__(self, file: str, what: str, part: int | None = None) -> None:
        super().__init__(what)
        self.file, self.what, self.part = file, what, part


def verify(
    path: Path,
    *,
    keys: Iterable[VerifierKey] = (),
    witnesses: Iterable[VerifierKey] = (),
    credential: Credential | None = None,
    on_progress: OnProgress | None = None,
) -> Finding:
    """Args as for `accountability.bundle.verify`; `credential` looks at C2PA manifests, which are passed over without it."""
    with contextlib.closing(open_source(path)) as source:
        reading = _Reading(source, tuple(keys), tuple(witnesses), credential, on_progress)
        try:
            reading.read()
        except Wrong as wrong:
            return reading.finding(wrong)
        return reading.finding()


class _Sums:
    """What one file measures, as far as it was read."""

    def __init__(self, file: io.BufferedReader, crc: bool) -> None:
        self._file, self._crc = file, crc
        self.sha, self.crc, self.octets = sha256(), 0, 0

    def take(self, octets: int) -> bytes:
        return self._seen(self._file.read(octets))

    def line(self, most: int) -> bytes:
        return self._seen(self._file.readline(most))

    def rest(self) -> None:
        while self.take(256 * 1024):
            pass

    def _seen(self, data: bytes) -> bytes:
        self.sha.update(data)
        self.octets += len(data)
        if self._crc:
            self.crc = archive.crc_of(data, self.crc)
        return data


class _Reading:
    def __init__(
        self, source: Source, keys: tuple[VerifierKey, ...], witnesses: tuple[VerifierKey, ...], credential: Credential | None,
        on_progress: OnProgress | None,
    ) -> None:  # fmt: skip
        self._source, self._known, self._wanted = source, keys, witnesses
        self._credential, self._tell = credential, on_progress
        self._manifest: Manifest | None = None
        self._contents: Contents | None = None
        self._stand: Stand | None = None
        self._key: VerifierKey | None = None
        self._files: dict[str, ExportedFile] = {}
        self._sums: dict[str, int] = {}
        self._done = 0
        self._found: list[RecordingFound] = []
        self._credentials: dict[str, str] = {}
        self._disclosed: Anchored | None = None
        self._authorised: Anchored | None = None

    def read(self) -> None:
        manifest = self._read_manifest()
        self._check_names(manifest)
        self._whole(model.CERTIFICATE)
        contents = self._read_contents(manifest)
        anchors = self._read_ledger()
        self._check_disclosure(contents, anchors)
        for one in contents.recordings:
            self._recording(one, list(proofs.of_recording(anchors, one.recording_id)))
        file, what = self._source.finish(manifest.export_id, self._sums)
        if what:
            raise Wrong(file, what)

    # --- the manifest -------------------------------------------------------------------------------------------------

    def _read_manifest(self) -> Manifest:
        signed, said = self._small(model.NOTE, notes.MOST_BYTES), self._small(model.MANIFEST, MOST_JSON_BYTES)
        try:
            note = notes.read(signed)
        except MalformedProof as error:
            raise Wrong(model.NOTE, error.message) from error
        manifest = self._decoded(model.MANIFEST, said, Manifest)
        if manifest.bundle != model.VERSION:
            raise Wrong(model.MANIFEST, f"a bundle of version {manifest.bundle}; this program reads version {model.VERSION}")
        try:
            key = notes.read_key(manifest.key)
        except MalformedProof as error:
            raise Wrong(model.MANIFEST, error.message) from error
        if key.name != manifest.origin:
            raise Wrong(model.MANIFEST, "its key is not that of its origin")
        if not notes.signed_by(note, key) or note.write() != signed or len(note.signatures) != 1:
            raise Wrong(model.NOTE, "the log's key did not sign this")
        if note.text != model.signed_text(manifest.origin, sha256(said).hexdigest()):
            raise Wrong(model.MANIFEST, "it is not what the log's key signed")
        self._key, self._manifest = key, manifest
        self._files = {one.name: one for one in manifest.files}
        return manifest

    def _check_names(self, manifest: Manifest) -> None:
        expected = [model.NOTE, model.MANIFEST, *(one.name for one in manifest.files)]
        there = list(self._source.octets)
        if len(set(expected)) != len(expected):
            raise Wrong(model.MANIFEST, "it names a file twice")
        if self._source.checks_sums:
            for at, name in enumerate(expected):
                if at >= len(there) or there[at] != name:
                    raise Wrong(name, self._source.broken() or "it is missing, or another stands in its place")
        for name in expected:
            if name not in self._source.octets:
                raise Wrong(name, "it is missing")
            if name in self._files and self._source.octets[name] != self._files[name].octets:
                raise Wrong(name, f"it has {self._source.octets[name]:,} octets, and {self._files[name].octets:,} were exported")
        if foreign := [name for name in there if name not in set(expected)]:
            raise Wrong(foreign[0], "it was not exported: somebody put it there")
        if self._source.broken():
            raise Wrong("(the archive)" if self._source.checks_sums else "(the folder)", self._source.broken())

    def _read_contents(self, manifest: Manifest) -> Contents:
        contents = self._decoded(model.CONTENTS, self._whole(model.CONTENTS, MOST_JSON_BYTES), Contents)
        self._contents = contents
        fixed = (model.CERTIFICATE, model.CONTENTS, model.LEDGER)
        listed = [one for recording in contents.recordings for one in recording.files]
        if [*(one.name for one in manifest.files[:3])] != list(fixed) or list(manifest.files[3:]) != listed:
            raise Wrong(model.CONTENTS, "it does not list the files that the manifest does")
        if (contents.export_id, contents.incident_id) != (manifest.export_id, manifest.incident_id):
            raise Wrong(model.CONTENTS, "it is of another export than the manifest")
        return contents

    # --- the ledger ---------------------------------------------------------------------------------------------------

    def _read_ledger(self) -> list[Anchored]:
        assert self._key is not None
        name, found = model.LEDGER, list[Anchored]()
        sums = self._opened(name)
        number = 0
        try:
            first = self._line(sums, name, 1, Anchoring)
            self._stand = proofs.read_first(first, self._key, self._known)
            number = 1
            while line := sums.line(proofs.MOST_LINE_BYTES):
                number += 1
                found.append(proofs.read_anchor(self._decoded(name, line.removesuffix(b"\n"), Anchor, number, line), self._stand))
        except MalformedProof as error:
            raise Wrong(name, error.message, number) from error
        self._matches(name, sums)
        if sorted(found, key=lambda one: one.index) != found:
            raise Wrong(name, "its entries are not in order")
        return found

    def _check_disclosure(self, contents: Contents, anchors: Sequence[Anchored]) -> None:
        told = [one for one in anchors if isinstance(one.message, m.FootageDisclosed)]
        digest = self._files[model.CONTENTS].sha256
        if len(told) != 1 or not isinstance(told[0].message, m.FootageDisclosed) or told[0].message.digest != digest:
            raise Wrong(model.LEDGER, "no entry says that this was given out")
        self._disclosed, said, leave = told[0], told[0].message, contents.leave
        if (said.export_id, said.subject_id, said.by, said.authorisation_id, said.ground, said.recipient) != (
            contents.export_id, contents.incident_id, leave.by, leave.authorisation_id, leave.ground, leave.recipient,
        ):  # fmt: skip
            raise Wrong(model.CONTENTS, "it does not say of its disclosure what the ledger says")
        for one in anchors:
            if (
                isinstance(one.message, m.AuthorisationChanged)
                and one.message.authorisation_id == leave.authorisation_id
                and one.message.state == "in-force"
            ):
                self._authorised = self._authorised or one

    # --- footage ------------------------------------------------------------------------------------------------------

    def _recording(self, one: ExportedRecording, anchors: Sequence[Anchored]) -> None:
        marks = self._marks(one, anchors)
        names = {file.name for file in one.files}
        lines = self._opened(f"{one.recording_id}/{model.PARTS}")
        opened: dict[int, _Sums] = {}
        files, chain = FileSet(), footage.start(one.recording_id)
        anchored = 0
        for number in range(one.parts):
            try:
                chain = self._part(one.recording_id, number, lines, files, opened, names, chain)
            except _Unfit as unfit:
                raise self._guilty(one.recording_id, number, unfit, lines, opened) from unfit
            if (mark := marks.get(chain.parts)) is not None:
                if mark[0] != (chain.octets, chain.head.hex()):
                    what = f"up to part {number} it is not what entry {mark[1]} of the ledger vouches for"
                    raise Wrong(f"{one.recording_id}/{model.PARTS}", what, number)
                anchored = chain.parts
            if self._tell and number % TELL_EVERY == 0:
                self._told(opened)
        self._end(one, chain, lines, opened)
        self._passed_over(one)
        moments = [found.at for found in anchors]
        self._found.append(
            RecordingFound(
                recording_id=one.recording_id, vehicle_id=one.vehicle_id, started_at=one.started_at, closed_at=one.closed_at,
                parts=one.parts, videos=files.videos, octets=sum(file.octets for file in one.files), entries=len(anchors),
                anchored=anchored, first_at=min(moments, default=None), last_at=max(moments, default=None),
                dropped=one.dropped, running=one.running,
            )
        )  # fmt: skip

    def _part(
        self, recording_id: str, number: int, lines: _Sums, files: FileSet, opened: dict[int, _Sums], names: set[str],
        chain: Chain,
    ) -> Chain:  # fmt: skip
        """The chain after one part. Raises `_Unfit`."""
        try:
            said = lines.line(proofs.MOST_LINE_BYTES)
            line = msgspec.json.decode(said, type=PartLine)
            kind = PartKind(line.kind)
            file = files.of(kind)
        except (msgspec.DecodeError, ValueError, MalformedProof, RecursionError) as error:
            raise _Unfit("its line cannot be read") from error
        if model.line_of(line) != said or line.n != number or not 0 <= line.octets <= MOST_PART_BYTES:
            raise _Unfit("its line is not the one that belongs here")
        name = f"{recording_id}/{name_of(file)}"
        if file not in opened:
            if name not in names:
                raise _Unfit(f"it belongs into '{name}', which is not there")
            opened[file] = self._opened(name)
        whole = opened[file].take(line.octets + len(framed(kind, b"")))
        data = whole[: line.octets]
        if framed(kind, data) != whole:
            raise _Unfit("it does not stand there whole", name)
        try:
            body = footage.body_of(Part(kind=kind, pts_us=line.pts_us, captured_us=line.captured_us, data=data))
        except OverflowError as error:
            raise _Unfit("its line is not the one that belongs here") from error
        digest = sha256(body).digest()
        if digest.hex() != line.sha256:
            raise _Unfit("it is not what was recorded", name)
        return Chain(parts=chain.parts + 1, octets=chain.octets + len(body), head=sha256(chain.head + digest).digest())

    def _guilty(self, recording_id: str, number: int, unfit: "_Unfit", lines: _Sums, opened: dict[int, _Sums]) -> Wrong:
        """Which file is to blame: the list of parts if that was changed, else the one in which the part stands."""
        name = f"{recording_id}/{model.PARTS}"
        lines.rest()
        if lines.sha.hexdigest() != self._files[name].sha256 or not unfit.file:
            return Wrong(name, f"part {number}: {unfit}", number)
        return Wrong(unfit.file, f"part {number} of the recording: {unfit}", number)

    def _end(self, one: ExportedRecording, chain: Chain, lines: _Sums, opened: dict[int, _Sums]) -> None:
        last = one.parts - 1
        self._matches(f"{one.recording_id}/{model.PARTS}", lines)
        for file, sums in opened.items():
            self._matches(f"{one.recording_id}/{name_of(file)}", sums)
        if (chain.parts, chain.octets, chain.head.hex()) != (one.parts, one.octets, one.head):
            raise Wrong(f"{one.recording_id}/{model.PARTS}", "the chain over all parts is not the one that was exported", last)
        self._told({})

    def _marks(self, one: ExportedRecording, anchors: Sequence[Anchored]) -> dict[int, tuple[tuple[int, str], int]]:
        """What the ledger says that the chain is, by the number of parts. Raises `Wrong`."""
        name, marks, closed = f"{one.recording_id}/{model.PARTS}", {}, None
        started = [found.message for found in anchors if isinstance(found.message, m.RecordingStarted)]
        if len(started) != 1 or (
            started[0].at, started[0].source_id, started[0].vehicle_id, started[0].mission_id, started[0].incident_id,
        ) != (one.started_at, one.source_id, one.vehicle_id, one.mission_id, one.incident_id):  # fmt: skip
            raise Wrong(model.LEDGER, f"no entry says that recording '{one.recording_id}' was begun as is told")
        for found in anchors:
            if isinstance(found.message, m.RecordingAnchored | m.RecordingClosed):
                said = found.message
                marks[said.parts] = (said.octets, said.head), found.index
                if said.parts > one.parts:
                    raise Wrong(name, f"entry {found.index} of the ledger vouches for {said.parts} parts; {one.parts} are here")
                closed = said if isinstance(said, m.RecordingClosed) else closed
        if (closed is None) is not one.running or (closed is not None and closed.parts != one.parts):
            raise Wrong(name, "it ends elsewhere than the ledger says that the recording did")
        if marks.get(0, ((0, one.head), 0))[0] != (0, footage.start(one.recording_id).head.hex()) and 0 in marks:
            raise Wrong(name, "the ledger's entry for an empty recording is of another")
        return marks

    def _passed_over(self, one: ExportedRecording) -> None:
        """What no part stands in: C2PA manifests."""
        for file in one.files:
            if file.name in self._sums:
                continue
            self._whole(file.name)
            video = file.name.removesuffix(".c2pa") + ".mp4"
            if video == file.name or video not in self._files:
                raise Wrong(file.name, "no part of the recording stands in it")
            if self._credential is not None:
                try:
                    self._credentials[video] = self._credential(self._source, video, file.name)
                except MalformedProof as error:
                    raise Wrong(file.name, error.message) from error

    # --- files --------------------------------------------------------------------------------------------------------

    def _opened(self, name: str) -> _Sums:
        try:
            return _Sums(self._source.open(name), self._source.checks_sums)
        except (KeyError, OSError) as error:
            raise Wrong(name, self._source.broken() or "it is missing") from error

    def _small(self, name: str, most: int) -> bytes:
        """A file that the manifest does not vouch for."""
        sums = self._opened(name)
        data = sums.take(most + 1)
        if len(data) > most:
            raise Wrong(name, "it is too long")
        self._sums[name] = sums.crc
        return data

    def _whole(self, name: str, most: int = 0) -> bytes:
        """A file, held against the manifest; its content only when it may be that long."""
        sums = self._opened(name)
        data = sums.take(most + 1) if most else b""
        if most and len(data) > most:
            raise Wrong(name, "it is too long")
        sums.rest()
        self._matches(name, sums)
        return data

    def _matches(self, name: str, sums: _Sums) -> None:
        """To its end it is what the manifest says."""
        sums.rest()
        said = self._files.get(name)
        if said is None or (said.octets, said.sha256) != (sums.octets, sums.sha.hexdigest()):
            raise Wrong(name, "it is not what was exported")
        self._sums[name] = sums.crc
        self._done += sums.octets

    def _told(self, opened: dict[int, _Sums]) -> None:
        if self._tell is not None:
            total = sum(one.octets for one in self._files.values())
            self._tell(self._done + sum(one.octets for one in opened.values()), total)

    def _line(self, sums: _Sums, name: str, number: int, kind: type[T]) -> T:
        line = sums.line(proofs.MOST_LINE_BYTES)
        return self._decoded(name, line.removesuffix(b"\n"), kind, number, line)

    def _decoded(self, name: str, data: bytes, kind: type[T], number: int | None = None, line: bytes | None = None) -> T:
        try:
            said = msgspec.json.decode(data, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise Wrong(name, f"it does not say what belongs here ({error})", number) from error
        if (model.line_of(said) if line is not None else model.encode(said)) != (data if line is None else line):
            raise Wrong(name, "it is not written in the one form that it can have", number)
        return said

    # --- the finding --------------------------------------------------------------------------------------------------

    def finding(self, wrong: Wrong | None = None) -> Finding:
        witnessed = {}
        for witness in self._wanted:
            seen = None if self._stand is None else checkpoints.cosigned_by(self._stand.note, witness)
            if seen is not None:
                witnessed[witness.name] = seen.at
        missing = tuple(one.name for one in self._wanted if one.name not in witnessed)
        what = wrong.what if wrong else f"its checkpoint is not signed by {', '.join(missing)}" if missing else ""
        contents, manifest, stand = self._contents, self._manifest, self._stand
        return Finding(
            ok=not what, path=str(self._source.path), export_id=manifest.export_id if manifest else "",
            incident_id=manifest.incident_id if manifest else "", made_at=manifest.made_at if manifest else None,
            operator=contents.operator if contents else "", leave=contents.leave if contents else None,
            recordings=tuple(self._found), files=len(self._files), octets=sum(one.octets for one in self._files.values()),
            origin=manifest.origin if manifest else "", key=self._key.write() if self._key else "",
            key_known=bool(self._known), size=stand.checkpoint.size if stand else 0,
            root=stand.checkpoint.root.hex() if stand else "",
            disclosed_at=self._disclosed.at if self._disclosed else None,
            disclosed_entry=self._disclosed.index if self._disclosed else None,
            authorised_entry=self._authorised.index if self._authorised else None, witnesses=witnessed, missing=missing,
            credentials=self._credentials, file=wrong.file if wrong else model.LEDGER if missing else "",
            part=wrong.part if wrong else None, what=what,
        )  # fmt: skip


class _Unfit(Exception):
    """A part that does not fit its line; `file` where it stands, when that is known."""

    def __init__(self, what: str, file: str = "") -> None:
        super().__init__(what)
        self.file = file
