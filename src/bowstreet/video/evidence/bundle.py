"""A bundle put together: what is known of it before its first byte is given, and then its bytes, in order, a part at a time."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path

import msgspec

from bowstreet.accountability.note import Note, VerifierKey
from bowstreet.video.evidence import archive, certificate, model
from bowstreet.video.evidence.archive import Member
from bowstreet.video.evidence.index import FootageIndex
from bowstreet.video.evidence.model import Anchor, Anchoring, Contents, ExportedFile, Manifest
from bowstreet.video.evidence.proofs import Anchored

# What is handed on at once.
CHUNK_BYTES = 256 * 1024

Read = Callable[[], Iterator[bytes]]


class _File(msgspec.Struct, frozen=True, kw_only=True):
    """A file of the bundle, and what gives its octets."""

    said: ExportedFile
    crc: int
    read: Read


class Bundle:
    """One that is whole: how long it is, and its octets."""

    def __init__(self, export_id: str, files: Sequence[_File]) -> None:
        self.export_id, self._files = export_id, files
        members = [Member(name=f"{export_id}/{one.said.name}", octets=one.said.octets, crc=one.crc) for one in files]
        self._members = archive.placed(members)
        self.octets = archive.length(self._members)

    @property
    def files(self) -> list[ExportedFile]:
        return [one.said for one in self._files]

    def as_zip(self) -> Iterator[bytes]:
        """The archive. Raises `NotFound` when the footage was erased meanwhile: what was given until then does not verify."""
        return _chunked(self._zipped())

    def _zipped(self) -> Iterator[bytes]:
        for member, file in zip(self._members, self._files, strict=True):
            yield archive.header(member)
            yield from file.read()
        yield from archive.directory(self._members)

    def into_folder(self, folder: Path) -> None:
        """The same, unpacked. Raises `OSError`."""
        for file in self._files:
            path = folder / file.said.name
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with path.open("xb") as out:
                for data in file.read():
                    out.write(data)


class Draft:
    """What is known of a bundle before its disclosure is on record.

    Args:
        indexes: by folder: each recording's, and each copy's.
        credentials: C2PA manifests by folder and name of the video.
    """

    def __init__(
        self,
        contents: Contents,
        indexes: Mapping[str, FootageIndex],
        credentials: Mapping[tuple[str, str], bytes],
    ) -> None:
        self._indexes, self._credentials = indexes, credentials
        self._media: list[_File] = []
        listed = []
        for one in contents.recordings:
            files = self._files_of(one.recording_id, withheld=one.withheld)
            self._media += files
            copy = one.copy
            if copy is not None:
                copied = self._files_of(model.copy_folder(one.recording_id))
                self._media += copied
                copy = msgspec.structs.replace(copy, files=tuple(file.said for file in copied))
            listed.append(msgspec.structs.replace(one, files=tuple(file.said for file in files), copy=copy))
        self.contents = msgspec.structs.replace(contents, recordings=tuple(listed))
        self._written = model.encode(self.contents)

    @property
    def digest(self) -> str:
        """What the entry of the disclosure commits to: SHA-256 of recordings.json, hex."""
        return sha256(self._written).hexdigest()

    def _files_of(self, folder: str, *, withheld: bool = False) -> list[_File]:
        index, found = self._indexes[folder], []
        for said, crc in index.files():
            if withheld and said.name != model.PARTS:
                continue
            name = f"{folder}/{said.name}"
            found.append(
                _File(said=msgspec.structs.replace(said, name=name), crc=crc, read=_reader(index, said.name))
            )  # fmt: skip
            credential = self._credentials.get((folder, said.name))
            if credential is not None:
                found.append(_held(name.removesuffix(".mp4") + ".c2pa", credential))
        return found

    def finished(
        self,
        first: Anchoring,
        anchors: Sequence[Anchor],
        *,
        anchored: Sequence[Anchored],
        note: Note,
        key: VerifierKey,
        people: Mapping[str, str],
        credential: str,
        version: str,
        attest: Callable[[str], Note],
    ) -> Bundle:
        """The whole, signed. `anchors` are in the ledger of `note`, and `anchored` is what they say."""
        ledger = model.line_of(first) + b"".join(map(model.line_of, anchors))
        rest = [_held(model.CONTENTS, self._written), _held(model.LEDGER, ledger), *self._media]
        facts = certificate.Facts(
            contents=self.contents, people=people, files=[one.said for one in rest[:2]], anchors=anchored, note=note, key=key,
            credential=credential, version=version,
        )  # fmt: skip
        files = [_held(model.CERTIFICATE, certificate.page(facts).encode()), *rest]
        manifest = Manifest(
            bundle=_version(self.contents), export_id=self.contents.export_id, files=tuple(one.said for one in files),
            incident_id=self.contents.incident_id, key=key.write(), made_at=self.contents.made_at, origin=key.name,
            version=version,
        )  # fmt: skip
        written = model.encode(manifest)
        signed = attest(model.signed_text(key.name, sha256(written).hexdigest())).write()
        return Bundle(self.contents.export_id, [_held(model.NOTE, signed), _held(model.MANIFEST, written), *files])


def _version(contents: Contents) -> int:
    return model.VERSION if all(one.copy is None for one in contents.recordings) else model.WITH_COPY


def _held(name: str, data: bytes) -> _File:
    said = ExportedFile(name=name, octets=len(data), sha256=sha256(data).hexdigest())
    return _File(said=said, crc=archive.crc_of(data), read=lambda: iter((data,)))


def _reader(index: FootageIndex, name: str) -> Read:
    return lambda: index.read_file(name)


def _chunked(pieces: Iterator[bytes]) -> Iterator[bytes]:
    held = bytearray()
    for piece in pieces:
        held += piece
        if len(held) >= CHUNK_BYTES:
            yield bytes(held)
            held.clear()
    if held:
        yield bytes(held)
