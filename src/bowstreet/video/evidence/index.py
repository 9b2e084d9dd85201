"""A recording seen as the files that it is exported as: read through once, then each file read again part by part.

What is kept of a recording is some 70 octets a part, whatever the pictures weigh. Nothing is written to any disk in the clear.
"""

import bisect
import struct
from collections.abc import Callable, Iterator
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from bowstreet.errors import Conflict, MalformedProof, NotFound, Refused
from bowstreet.video import footage
from bowstreet.video.evidence import archive
from bowstreet.video.evidence.model import (
    COVERED,
    METADATA,
    MOST_PARTS,
    MOST_VIDEOS,
    PARTS,
    TELEMETRY,
    ExportedFile,
    PartLine,
    line_of,
)
from bowstreet.video.footage import Chain, Part, PartKind

# File, kind, pts, captured, where in the footage, octets of data, SHA-256 of the body.
_ROW = struct.Struct("<HBqqQI32s")
_KINDS = tuple(PartKind)
# Files of a recording by number: the parts, the metadata, the telemetry, what was covered, then the videos.
_PARTS, _METADATA, _TELEMETRY, _COVERED, _VIDEO = range(5)
_FIXED = {_PARTS: PARTS, _METADATA: METADATA, _TELEMETRY: TELEMETRY, _COVERED: COVERED}
_OF_KIND = {PartKind.KLV: _METADATA, PartKind.PLACE: _TELEMETRY, PartKind.RECORD: _COVERED}


class _Tally:
    """What an exported file measures so far."""

    def __init__(self) -> None:
        self.octets = self.crc = 0
        self.sha = sha256()

    def take(self, data: bytes) -> None:
        self.octets += len(data)
        self.crc = archive.crc_of(data, self.crc)
        self.sha.update(data)


def video_name(number: int) -> str:
    """`number` counts from 1."""
    return f"video-{number}.mp4"


def framed(kind: PartKind, data: bytes) -> bytes:
    """How a part stands in its file: what is JSON a line each, everything else as it is."""
    return data + b"\n" if kind in (PartKind.PLACE, PartKind.RECORD) else data


class FileSet:
    """Into which file each part goes, told part by part. The writer and the verifier ask the same."""

    def __init__(self) -> None:
        self.videos = 0

    def of(self, kind: PartKind) -> int:
        """Raises `MalformedProof`: a picture before any head of a file, or too many heads."""
        if kind is PartKind.HEADER:
            self.videos += 1
        if self.videos > MOST_VIDEOS or (kind is PartKind.FRAGMENT and not self.videos):
            raise MalformedProof("pictures without the head of their file, or too many heads", remedy="look for a whole copy")
        return _OF_KIND.get(kind, _VIDEO + self.videos - 1)


def name_of(number: int) -> str:
    """The name of file `number` of a recording."""
    return _FIXED.get(number) or video_name(number - _VIDEO + 1)


class FootageIndex:
    """A recording, or its redacted copy, read through up to `parts` of it.

    Args:
        name: what its parts are sealed and chained under; of an original the recording's id.
        parts: how many; those that come after are left out.
        still: whether it may still be read; asked from any thread, before each part that is given out.

    Raises:
        Refused: it has more parts than any flight records.
        MalformedProof: a part was changed, or fewer are there.
    """

    def __init__(
        self, recording_id: str, path: Path, key: AESGCM, parts: int, still: Callable[[], bool], *, name: str = ""
    ) -> None:
        if parts > MOST_PARTS:
            raise Refused("this recording has more parts than an export takes", remedy="copy it with the operator's own tools")
        self.recording_id, self.path, self._key, self._still = recording_id, path, key, still
        self.name = name or recording_id
        self._rows = bytearray()
        self._tallies: dict[int, _Tally] = {number: _Tally() for number in _FIXED}
        self.chain = footage.start(self.name)
        if parts:  # one that died before its first part may have no file
            with path.open("rb") as file:
                self._read(file, parts)
        if self.chain.parts < parts:
            raise MalformedProof(
                f"recording '{recording_id}' has {self.chain.parts} whole parts, and {parts} were recorded",
                remedy="look for a copy that is whole",
            )

    def _read(self, file: BinaryIO, parts: int) -> None:
        files = FileSet()
        for read in islice(footage.read(file, self.name, self._key), parts):
            part, number = read.part, files.of(read.part.kind)
            digest = sha256(footage.body_of(part)).digest()
            self._rows += _ROW.pack(
                number, _KINDS.index(part.kind), part.pts_us, part.captured_us, read.place, len(part.data), digest,
            )  # fmt: skip
            self._tallies.setdefault(number, _Tally()).take(framed(part.kind, part.data))
            self._tallies[_PARTS].take(line_of(_line(read.chain.parts - 1, self._row(read.chain.parts - 1))))
            self.chain = read.chain

    def _row(self, number: int) -> tuple[Any, ...]:
        return _ROW.unpack_from(self._rows, number * _ROW.size)

    @property
    def reach(self) -> Chain:
        return self.chain

    def files(self) -> list[tuple[ExportedFile, int]]:
        """Every file with its CRC-32, in the order in which they stand: the parts first."""
        numbers = [_PARTS, *sorted(one for one in self._tallies if one >= _VIDEO), _METADATA, _TELEMETRY, _COVERED]
        return [
            (ExportedFile(name=name_of(one), octets=tally.octets, sha256=tally.sha.hexdigest()), tally.crc)
            for one in numbers
            if (tally := self._tallies[one]).octets or one == _PARTS
        ]

    def read_file(self, name: str) -> Iterator[bytes]:
        """The octets of one of them. Raises `NotFound` when the footage was erased meanwhile."""
        if name == PARTS:
            for number in range(self.chain.parts):
                yield line_of(_line(number, self._row(number)))
            return
        with self._open() as file:
            for number, row in self._of(name):
                part = self._part(file, number, row)
                yield framed(part.kind, part.data)

    def _open(self) -> BinaryIO:
        try:
            return self.path.open("rb")
        except FileNotFoundError as error:
            raise self._gone() from error

    def _part(self, file: BinaryIO, number: int, row: tuple[Any, ...]) -> Part:
        if not self._still():  # what is erased while it is given out is given out no further
            raise self._gone()
        part = footage.read_one(file, self.name, self._key, number, row[4])
        if sha256(footage.body_of(part)).digest() != row[6]:
            raise self._gone()
        return part

    def _gone(self) -> NotFound | Conflict:
        if self.name == self.recording_id:
            return NotFound(
                f"recording '{self.recording_id}' was erased meanwhile", remedy="see GET /api/v1/retention for its receipt"
            )
        return Conflict(f"the redacted copy of '{self.recording_id}' was made anew or erased meanwhile", remedy="order it again")

    def _of(self, name: str) -> Iterator[tuple[int, tuple[Any, ...]]]:
        wanted = next(one for one in self._tallies if name_of(one) == name)
        for number in range(self.chain.parts):
            row = self._row(number)
            if row[0] == wanted:
                yield number, row

    def open_video(self, number: int) -> "VideoView":
        """A video file as something that can be read anywhere."""
        return VideoView(self, number)


class VideoView:
    """A video of a recording, read at any place without being written anywhere."""

    def __init__(self, index: FootageIndex, number: int) -> None:
        self._index, self._file = index, index._open()  # noqa: SLF001 - its own kind
        self._parts = [(one, row) for one, row in index._of(video_name(number))]  # noqa: SLF001
        self.parts = len(self._parts)
        self._starts: list[int] = []
        at = 0
        for _, row in self._parts:
            self._starts.append(at)
            at += row[5]
        self.octets = at
        self._held: tuple[int, Part] | None = None

    def read_at(self, at: int, octets: int) -> bytes:
        """So many octets from there on, fewer at the end."""
        found = bytearray()
        place = max(0, bisect.bisect_right(self._starts, at) - 1)
        while len(found) < octets and place < len(self._parts):
            data = self._data(place)
            begin = at + len(found) - self._starts[place]
            found += data[begin : begin + octets - len(found)]
            place += 1
        return bytes(found)

    def _data(self, place: int) -> bytes:
        if self._held is None or self._held[0] != place:
            number, row = self._parts[place]
            self._held = place, self._index._part(self._file, number, row)  # noqa: SLF001
        return self._held[1].data

    def close(self) -> None:
        self._file.close()


def _line(number: int, row: tuple[Any, ...]) -> PartLine:
    return PartLine(captured_us=row[3], kind=_KINDS[row[1]].value, n=number, octets=row[5], pts_us=row[2], sha256=row[6].hex())
