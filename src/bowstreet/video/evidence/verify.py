"""Verify a bundle of evidence and believe none of it: every octet of every file, in bounded memory, without a network.

What is wrong first is named: the file, and of footage the part.
"""

import contextlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from pathlib import Path

import msgspec

from bowstreet import messages as m
from bowstreet.accountability import checkpoint as checkpoints
from bowstreet.accountability import note as notes
from bowstreet.accountability.note import VerifierKey
from bowstreet.errors import MalformedProof
from bowstreet.video import footage
from bowstreet.video.evidence import model, proofs, redacted
from bowstreet.video.evidence.chains import Expected, Mark, Walk
from bowstreet.video.evidence.model import Anchor, Anchoring, Contents, Copies, ExportedRecording, Manifest
from bowstreet.video.evidence.proofs import Anchored, Stand
from bowstreet.video.evidence.reading import Files, Wrong, decoded
from bowstreet.video.evidence.redacted import CopyFound, FilmDigest
from bowstreet.video.evidence.source import Source, open_source

# The files that are read whole: a manifest names at most a few hundred files.
MOST_JSON_BYTES = 8 * 1024 * 1024

OnProgress = Callable[[int, int], None]
Credential = Callable[[Source, str, str], str]
"""Given the source, a video and its C2PA manifest: what is to be said of it. Raises `MalformedProof` when it does not fit."""


class RecordingFound(msgspec.Struct, frozen=True, kw_only=True):
    """What was found of one recording. `anchored`: how many parts the last entry in the ledger vouches for.

    `withheld`: its pictures are not here, only their hashes; `copy` is what stands in their stead, or beside them.
    """

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
    withheld: bool = False
    copy: CopyFound | None = None


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
    which: Copies = Copies.ORIGINAL
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
        self._files = Files(source)
        self._found: list[RecordingFound] = []
        self._credentials: dict[str, str] = {}
        self._disclosed: Anchored | None = None
        self._authorised: Anchored | None = None

    def read(self) -> None:
        manifest = self._read_manifest()
        self._files.check_names(manifest)
        self._files.whole(model.CERTIFICATE)
        contents = self._read_contents(manifest)
        anchors = self._read_ledger()
        self._check_disclosure(contents, anchors)
        for one in contents.recordings:
            self._recording(one, list(proofs.of_recording(anchors, one.recording_id)))
        file, what = self._source.finish(manifest.export_id, self._files.sums)
        if what:
            raise Wrong(file, what)

    # --- the manifest -------------------------------------------------------------------------------------------------

    def _read_manifest(self) -> Manifest:
        signed, said = self._files.small(model.NOTE, notes.MOST_BYTES), self._files.small(model.MANIFEST, MOST_JSON_BYTES)
        try:
            note = notes.read(signed)
        except MalformedProof as error:
            raise Wrong(model.NOTE, error.message) from error
        manifest = decoded(model.MANIFEST, said, Manifest)
        if manifest.bundle not in (model.VERSION, model.WITH_COPY):
            what = f"a bundle of version {manifest.bundle}; this program reads {model.VERSION} and {model.WITH_COPY}"
            raise Wrong(model.MANIFEST, what)
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
        self._files.said = {one.name: one for one in manifest.files}
        return manifest

    def _read_contents(self, manifest: Manifest) -> Contents:
        contents = decoded(model.CONTENTS, self._files.whole(model.CONTENTS, MOST_JSON_BYTES), Contents)
        self._contents = contents
        fixed = (model.CERTIFICATE, model.CONTENTS, model.LEDGER)
        listed = [one for recording in contents.recordings for one in recording.every_file]
        if [*(one.name for one in manifest.files[:3])] != list(fixed) or list(manifest.files[3:]) != listed:
            raise Wrong(model.CONTENTS, "it does not list the files that the manifest does")
        if (contents.export_id, contents.incident_id) != (manifest.export_id, manifest.incident_id):
            raise Wrong(model.CONTENTS, "it is of another export than the manifest")
        mixed = any(one.which is not contents.which for one in contents.recordings)
        if mixed or (manifest.bundle == model.VERSION) is not (contents.which is Copies.ORIGINAL):
            raise Wrong(model.CONTENTS, "it does not say of all recordings alike whether redacted copies are given")
        return contents

    # --- the ledger ---------------------------------------------------------------------------------------------------

    def _read_ledger(self) -> list[Anchored]:
        assert self._key is not None
        name, found = model.LEDGER, list[Anchored]()
        sums = self._files.opened(name)
        number = 0
        try:
            line = sums.line()
            first = decoded(name, line.removesuffix(b"\n"), Anchoring, 1, line)
            self._stand = proofs.read_first(first, self._key, self._known)
            number = 1
            while line := sums.line():
                number += 1
                found.append(proofs.read_anchor(decoded(name, line.removesuffix(b"\n"), Anchor, number, line), self._stand))
        except MalformedProof as error:
            raise Wrong(name, error.message, number) from error
        self._files.matches(name, sums)
        if sorted(found, key=lambda one: one.index) != found:
            raise Wrong(name, "its entries are not in order")
        return found

    def _check_disclosure(self, contents: Contents, anchors: Sequence[Anchored]) -> None:
        told = [one for one in anchors if isinstance(one.message, m.FootageDisclosed)]
        digest = self._files.said[model.CONTENTS].sha256
        if len(told) != 1 or not isinstance(told[0].message, m.FootageDisclosed) or told[0].message.digest != digest:
            raise Wrong(model.LEDGER, "no entry says that this was given out")
        self._disclosed, said, leave = told[0], told[0].message, contents.leave
        given = contents.which.value
        if (said.export_id, said.subject_id, said.by, said.authorisation_id, said.ground, said.recipient, said.copies) != (
            contents.export_id, contents.incident_id, leave.by, leave.authorisation_id, leave.ground, leave.recipient, given,
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
        film = FilmDigest()
        expected = Expected(
            name=one.recording_id, folder=one.recording_id, parts=one.parts, octets=one.octets, head=one.head,
            files=frozenset(file.name for file in one.files), withheld=one.withheld,
        )  # fmt: skip
        recorded = [found for found in anchors if found.kind in proofs.OF_RECORDING]
        walked = Walk(self._files, expected, self._marks(one, recorded), film.part, self._told).through()
        if one.withheld and len(one.files) != 1:
            raise Wrong(model.CONTENTS, "it lists files of a recording whose pictures were withheld")
        self._told(0)
        copy = None if one.copy is None else redacted.check(self._files, one, one.copy, anchors, film)
        self._passed_over(one)
        moments = [found.at for found in recorded]
        self._found.append(
            RecordingFound(
                recording_id=one.recording_id, vehicle_id=one.vehicle_id, started_at=one.started_at, closed_at=one.closed_at,
                parts=one.parts, videos=walked.videos, octets=sum(file.octets for file in one.files), entries=len(recorded),
                anchored=walked.anchored, first_at=min(moments, default=None), last_at=max(moments, default=None),
                dropped=one.dropped, running=one.running, withheld=one.withheld, copy=copy,
            )
        )  # fmt: skip

    def _marks(self, one: ExportedRecording, anchors: Sequence[Anchored]) -> Mapping[int, Mark]:
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
        for file in one.every_file:
            if file.name in self._files.sums:
                continue
            self._files.whole(file.name)
            video = file.name.removesuffix(".c2pa") + ".mp4"
            if video == file.name or video not in self._files.said:
                raise Wrong(file.name, "no part of the recording stands in it")
            if self._credential is not None:
                try:
                    self._credentials[video] = self._credential(self._source, video, file.name)
                except MalformedProof as error:
                    raise Wrong(file.name, error.message) from error

    def _told(self, opened: int) -> None:
        if self._tell is not None:
            self._tell(self._files.done + opened, sum(one.octets for one in self._files.said.values()))

    # --- the finding --------------------------------------------------------------------------------------------------

    def finding(self, wrong: Wrong | None = None) -> Finding:
        witnessed = {}
        for witness in self._wanted:
            seen = None if self._stand is None else checkpoints.cosigned_by(self._stand.note, witness)
            if seen is not None:
                witnessed[witness.name] = seen.at
        missing = tuple(one.name for one in self._wanted if one.name not in witnessed)
        what = wrong.what if wrong else f"its checkpoint is not signed by {', '.join(missing)}" if missing else ""
        contents, manifest, stand, said = self._contents, self._manifest, self._stand, self._files.said
        return Finding(
            ok=not what, path=str(self._source.path), export_id=manifest.export_id if manifest else "",
            incident_id=manifest.incident_id if manifest else "", made_at=manifest.made_at if manifest else None,
            operator=contents.operator if contents else "", leave=contents.leave if contents else None,
            which=contents.which if contents else Copies.ORIGINAL,
            recordings=tuple(self._found), files=len(said), octets=sum(one.octets for one in said.values()),
            origin=manifest.origin if manifest else "", key=self._key.write() if self._key else "",
            key_known=bool(self._known), size=stand.checkpoint.size if stand else 0,
            root=stand.checkpoint.root.hex() if stand else "",
            disclosed_at=self._disclosed.at if self._disclosed else None,
            disclosed_entry=self._disclosed.index if self._disclosed else None,
            authorised_entry=self._authorised.index if self._authorised else None, witnesses=witnessed, missing=missing,
            credentials=self._credentials, file=wrong.file if wrong else model.LEDGER if missing else "",
            part=wrong.part if wrong else None, what=what,
        )  # fmt: skip
