"""A chain of parts checked: each part is what was recorded, in its place, and the heads are those that the ledger vouches for.

Of a recording whose pictures were withheld there are the lines alone, with each part's length and SHA-256: the heads
come out the same.
"""

from collections.abc import Callable, Mapping
from hashlib import sha256

import msgspec

from bowstreet.errors import MalformedProof
from bowstreet.video import footage
from bowstreet.video.evidence import model
from bowstreet.video.evidence.index import FileSet, framed, name_of
from bowstreet.video.evidence.model import PartLine
from bowstreet.video.evidence.reading import Files, Sums, Wrong
from bowstreet.video.footage import MOST_PART_BYTES, Chain, Part, PartKind

TELL_EVERY = 500

Mark = tuple[tuple[int, str], int]
"""What the ledger says that a chain is after so many parts: octets and head (hex); and which entry says so."""
Taken = Callable[[PartKind, bytes, PartLine], None]


class Expected(msgspec.Struct, frozen=True, kw_only=True):
    """A chain as it was exported. `name` is what it begins with; its files are in `folder`."""

    name: str
    folder: str
    parts: int
    octets: int
    head: str
    files: frozenset[str]
    withheld: bool = False

    @property
    def list_name(self) -> str:
        return f"{self.folder}/{model.PARTS}"


class Walked(msgspec.Struct, frozen=True, kw_only=True):
    """How many films there are, and how many parts the last mark that was passed vouches for."""

    videos: int
    anchored: int


class Walk:
    """One chain, from its first part to its last.

    Args:
        marks: by the number of parts.
        taken: told of each part, with its data (nothing, where that is withheld).
        told: how many octets are open, now and then.
    """

    def __init__(
        self,
        files: Files,
        expected: Expected,
        marks: Mapping[int, Mark],
        taken: Taken | None = None,
        told: Callable[[int], None] | None = None,
    ) -> None:
        self._files, self._expected, self._marks = files, expected, marks
        self._taken, self._told = taken, told
        self._lines = files.opened(expected.list_name)
        self._open: dict[int, Sums] = {}
        self._set = FileSet()

    def through(self) -> Walked:
        """Raises `Wrong`."""
        expected, chain, anchored = self._expected, footage.start(self._expected.name), 0
        for number in range(expected.parts):
            try:
                chain = self._part(number, chain)
            except _Unfit as unfit:
                raise self._guilty(number, unfit) from unfit
            mark = self._marks.get(chain.parts)
            if mark is not None:
                if mark[0] != (chain.octets, chain.head.hex()):
                    what = f"up to part {number} it is not what entry {mark[1]} of the ledger vouches for"
                    raise Wrong(expected.list_name, what, number)
                anchored = chain.parts
            if self._told is not None and number % TELL_EVERY == 0:
                self._told(sum(one.octets for one in self._open.values()))
        self._files.matches(expected.list_name, self._lines)
        for file, sums in self._open.items():
            self._files.matches(f"{expected.folder}/{name_of(file)}", sums)
        if (chain.parts, chain.octets, chain.head.hex()) != (expected.parts, expected.octets, expected.head):
            what = "the chain over all parts is not the one that was exported"
            raise Wrong(expected.list_name, what, expected.parts - 1)
        return Walked(videos=self._set.videos, anchored=anchored)

    def _part(self, number: int, chain: Chain) -> Chain:
        """The chain after one part. Raises `_Unfit`."""
        said = self._lines.line()
        line, kind, file = self._line(said, number)
        if self._expected.withheld:
            return self._withheld(line, kind, chain)
        name = f"{self._expected.folder}/{name_of(file)}"
        if file not in self._open:
            if name not in self._expected.files:
                raise _Unfit(f"it belongs into '{name}', which is not there")
            self._open[file] = self._files.opened(name)
        whole = self._open[file].take(line.octets + len(framed(kind, b"")))
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
        if self._taken is not None:
            self._taken(kind, data, line)
        return chain.after(len(body), digest)

    def _line(self, said: bytes, number: int) -> tuple[PartLine, PartKind, int]:
        try:
            line = msgspec.json.decode(said, type=PartLine)
            kind = PartKind(line.kind)
            file = self._set.of(kind)
        except (msgspec.DecodeError, ValueError, MalformedProof, RecursionError) as error:
            raise _Unfit("its line cannot be read") from error
        if model.line_of(line) != said or line.n != number or not 0 <= line.octets <= MOST_PART_BYTES:
            raise _Unfit("its line is not the one that belongs here")
        return line, kind, file

    def _withheld(self, line: PartLine, kind: PartKind, chain: Chain) -> Chain:
        try:
            octets = footage.body_octets(kind, line.pts_us, line.captured_us, line.octets)
            digest = bytes.fromhex(line.sha256)
        except (OverflowError, ValueError) as error:
            raise _Unfit("its line is not the one that belongs here") from error
        if len(digest) != 32 or digest.hex() != line.sha256:
            raise _Unfit("its line is not the one that belongs here")
        if self._taken is not None:
            self._taken(kind, b"", line)
        return chain.after(octets, digest)

    def _guilty(self, number: int, unfit: "_Unfit") -> Wrong:
        """Which file is to blame: the list of parts if that was changed, else the one in which the part stands."""
        name = self._expected.list_name
        self._lines.rest()
        if self._lines.sha.hexdigest() != self._files.said[name].sha256 or not unfit.file:
            return Wrong(name, f"part {number}: {unfit}", number)
        return Wrong(unfit.file, f"part {number} of the recording: {unfit}", number)


class _Unfit(Exception):
    """A part that does not fit its line; `file` where it stands, when that is known."""

    def __init__(self, what: str, file: str = "") -> None:
        super().__init__(what)
        self.file = file
