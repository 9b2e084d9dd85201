"""A recording, or a redacted copy of it, laid out so that any stretch of it can be shown: films, pictures, octets.

The whole is read through once, which also shows that nothing in it was changed; afterwards only the parts that are asked for are
opened again, each for itself, so that showing hours of footage takes no more memory than showing seconds.
"""

from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from bowstreet.errors import MalformedPacket, MalformedProof, NotFound
from bowstreet.video import boxes, footage
from bowstreet.video.boxes import Film
from bowstreet.video.footage import Chain, PartKind, Read

# A camera's clock that jumps must not make a recording of years. Longer than a battery lasts.
MOST_GAP_US = 3_600_000_000


class Beside(msgspec.Struct, frozen=True, kw_only=True):
    """What was recorded beside the pictures: when in the recording, its own moment, and what it said."""

    at_us: int
    captured_us: int
    data: bytes


class Clip:
    """One film of a recording: pictures of one format, without a new head. Times are microseconds since the recording's begin."""

    def __init__(self, film: Film, head: Read) -> None:
        self.film = film
        self._places, self._numbers = array("q", [head.place]), array("q", [head.chain.parts - 1])
        self._starts = array("q", [0, len(head.part.data)])
        self.at_us, self.captured_us = array("q"), array("q")
        self.keyframes: list[int] = []  # numbers of pictures
        self.begins_us = 0
        self._first_us = 0

    @property
    def octets(self) -> int:
        return self._starts[-1]

    @property
    def head_octets(self) -> int:
        return self._starts[1]

    def starts(self, picture: int) -> int:
        """Where in the film a picture's octets begin."""
        return self._starts[picture + 1]

    @property
    def offset_us(self) -> int:
        """What is added to the film's own times."""
        return self.begins_us - self._first_us

    def add(self, read: Read, begins_us: int) -> None:
        said = boxes.shown(read.part.data)
        ticks_us = said.ticks * 1_000_000 // self.film.timescale
        if not self.at_us:
            self.begins_us, self._first_us = begins_us, ticks_us
        at_us = max(ticks_us + self.offset_us, self.at_us[-1] + 1 if self.at_us else 0)
        if said.keyframe:
            self.keyframes.append(len(self.at_us))
        self.at_us.append(at_us)
        self.captured_us.append(read.part.captured_us)
        self._places.append(read.place)
        self._numbers.append(read.chain.parts - 1)
        self._starts.append(self._starts[-1] + len(read.part.data))

    def pieces(self, start: int, stop: int) -> Iterator[tuple[int, int, int, int]]:
        """The parts that hold the octets from `start` up to `stop`: number, place, and which octets of each."""
        one = max(0, bisect_right(self._starts, start) - 1)
        while one < len(self._places) and self._starts[one] < stop:
            begin = self._starts[one]
            yield self._numbers[one], self._places[one], max(0, start - begin), min(stop, self._starts[one + 1]) - begin
            one += 1


class Reel:
    """A recording laid out. `whole` is False where its end does not verify: then it goes as far as it does."""

    def __init__(self, name: str, path: Path) -> None:
        self.name, self._path = name, path
        self.clips: list[Clip] = []
        self.places: list[Beside] = []
        self.records: list[bytes] = []  # of a redacted copy
        self.chain: Chain = footage.start(name)
        self.whole = True

    @property
    def lasts_us(self) -> int:
        last = next((clip.at_us[-1] for clip in reversed(self.clips) if clip.at_us), 0)
        return last + 40_000 if last else 0

    def octets(self, clip: int, start: int, stop: int, key: AESGCM) -> Iterator[bytes]:
        """A stretch of a film, part by part. Raises `MalformedProof` for a part that was changed since, `NotFound`."""
        try:
            file = self._path.open("rb")
        except FileNotFoundError as error:
            raise NotFound("it was erased, or its copy made anew, meanwhile", remedy="open it again") from error
        with file:
            for number, place, begin, end in self.clips[clip].pieces(start, stop):
                yield footage.read_one(file, self.name, key, number, place).data[begin:end]

    def read_through(self, reads: Iterable[Read]) -> None:
        for read in reads:
            self.chain = read.chain
            self._take(read)

    def _take(self, read: Read) -> None:
        part = read.part
        if part.kind is PartKind.HEADER:
            self.clips.append(Clip(boxes.film(part.data), read))
        elif part.kind is PartKind.FRAGMENT and self.clips:
            self.clips[-1].add(read, self._begins_us(part.captured_us))
        elif part.kind is PartKind.PLACE:
            at_us = self.clips[-1].at_us[-1] if self.clips and self.clips[-1].at_us else self.lasts_us
            self.places.append(Beside(at_us=at_us, captured_us=part.captured_us, data=part.data))
        elif part.kind is PartKind.RECORD:
            self.records.append(part.data)

    def _begins_us(self, captured_us: int) -> int:
        """When a film begins: as long after the one before as its camera's clock says, never before that one's end."""
        before = next((clip for clip in self.clips if clip.at_us), None)
        if before is None:
            return 0
        gone_us = captured_us - before.captured_us[0] if captured_us and before.captured_us[0] else 0
        return max(self.lasts_us, min(gone_us, self.lasts_us + MOST_GAP_US))


def laid_out(name: str, path: Path, key: AESGCM) -> Reel:
    """Reads a file of footage through. What was changed, or is no film, ends it there: all before it can be shown."""
    reel = Reel(name, path)
    with path.open("rb") as file:
        try:
            reel.read_through(footage.read(file, name, key))
        except (MalformedProof, MalformedPacket):
            reel.whole = False
    return reel
