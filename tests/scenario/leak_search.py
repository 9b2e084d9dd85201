"""Searches bytes for templates and faces of known people: files, answers, and the memory of running processes (Linux).

A template is known by what it is like, not by its bytes: any 128 floats in a row that point where one of the known people's does,
at whatever scale and of whichever picture of them, are found.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from scipy.signal import oaconvolve

from bowstreet.recognition.models import shipped
from bowstreet.recognition.models.align import aligned

Floats = npt.NDArray[np.float32]
SIZE = 128
# Two pictures of one of these people give more, two people of them less (SFace, measured on openpeople).
ALIKE = 0.78
# A model's raw output is no longer than this; a memory full of pixels is.
LEAST_LENGTH, MOST_LENGTH, MOST_NUMBER = 0.3, 60.0, 30.0
CHUNK = 1 << 20
JPEG = re.compile(rb"\xff\xd8\xff")
MOST_JPEG = 2_000_000


@dataclass(frozen=True, kw_only=True)
class Found:
    """Whose, where, how alike, and as what: `template` or `face`."""

    person_id: str
    where: str
    at: int
    alike: float
    kind: str


class Search:
    """Args: `known` are unit templates, by person."""

    def __init__(self, known: Mapping[str, Floats]) -> None:
        self._people = list(known)
        self._templates = np.stack([known[one] for one in self._people])
        self._models = shipped.load(shipped.find())

    def templates(self, data: bytes | memoryview, where: str) -> list[Found]:
        """As single or double precision, at any multiple of four bytes."""
        whole = len(data) // 8 * 8
        found = self._rows(np.frombuffer(data, np.float32, whole // 4), where, 4)
        doubles = np.frombuffer(data, np.float64, whole // 8)
        with np.errstate(over="ignore", invalid="ignore"):
            return found + self._rows(doubles.astype(np.float32), where, 8)

    def _rows(self, numbers: Floats, where: str, size: int) -> list[Found]:
        found: list[Found] = []
        for start in range(0, max(1, len(numbers) - SIZE + 1), CHUNK):
            part = numbers[start : start + CHUNK + SIZE - 1]
            if len(part) < SIZE:
                continue
            # Most numbers that lie about in memory are none: zeros, pixels, addresses.
            sane = np.abs(part) <= MOST_NUMBER
            clean = np.where(sane, part, 0.0).astype(np.float32)
            spans = np.convolve(~sane, np.ones(SIZE), "valid") if not sane.all() else np.zeros(len(part) - SIZE + 1)
            squares = np.concatenate(([0.0], np.cumsum(np.square(clean, dtype=np.float64))))
            length = np.sqrt(np.maximum(squares[SIZE:] - squares[:-SIZE], 0.0))
            usable = (spans < 0.5) & (length > LEAST_LENGTH) & (length < MOST_LENGTH)
            if not usable.any():
                continue
            for place, person_id in enumerate(self._people):
                dots = oaconvolve(clean, self._templates[place][::-1], "valid")
                alike = np.where(usable, dots / np.maximum(length, 1e-9), 0.0)
                best = int(np.argmax(alike))
                if alike[best] > ALIKE:
                    found.append(
                        Found(
                            person_id=person_id, where=where, at=(start + best) * size, alike=float(alike[best]), kind="template"
                        )
                    )
        return found

    def faces(self, data: bytes, where: str) -> list[Found]:
        """In JPEGs, whatever they lie in."""
        found: list[Found] = []
        for match in JPEG.finditer(data):
            coded = np.frombuffer(data[match.start() : match.start() + MOST_JPEG], np.uint8)
            picture = cv2.imdecode(coded, cv2.IMREAD_COLOR_RGB)
            if picture is None:
                continue
            for face in self._models.detector.detect_in_still(picture):
                with self._models.embedder.embed(aligned(picture, face.points)) as template:
                    alike = template.lend(lambda numbers: self._templates @ numbers)
                best = int(np.argmax(alike))
                if alike[best] > ALIKE:
                    person_id = self._people[best]
                    found.append(Found(person_id=person_id, where=where, at=match.start(), alike=float(alike[best]), kind="face"))
        return found

    def file(self, path: Path) -> list[Found]:
        data = path.read_bytes()
        shifted = [self.templates(data[shift:], str(path)) for shift in range(4)] if len(data) >= SIZE * 4 else []
        return [one for some in shifted for one in some] + self.faces(data, str(path))

    def pages(self, memory: Iterable[tuple[str, bytes]], whose: str) -> list[Found]:
        """What `pages` gave of a process."""
        return [one for where, data in memory for one in self.templates(data, f"{whose} {where}")]


def pages(pid: int) -> Iterator[tuple[str, bytes]]:
    """Every page that the process could write and that is in memory or swap, as a core dump would hold it."""
    maps = Path(f"/proc/{pid}/maps").read_text().splitlines()
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory, Path(f"/proc/{pid}/pagemap").open("rb") as table:
        for line in maps:
            span, mode, *_, name = [*line.split(maxsplit=5), ""][:6]
            start, end = (int(one, 16) for one in span.split("-"))
            if "w" not in mode or name.startswith(("[vvar", "[vsyscall")):
                continue
            for first, count in _held(table, start, end):
                memory.seek(first)
                try:
                    yield f"{first:x} {name}", memory.read(count)
                except OSError:
                    continue


def _held(table, start: int, end: int) -> Iterator[tuple[int, int]]:  # type: ignore[no-untyped-def]
    """Runs of pages that are in memory (bit 63) or in swap (bit 62), at most 64 MB each."""
    page = 4096
    table.seek(start // page * 8)
    entries = np.frombuffer(table.read((end - start) // page * 8), np.uint64)
    held = np.concatenate(([False], (entries >> np.uint64(62)) != 0, [False]))
    edges = np.flatnonzero(held[1:] != held[:-1])
    for first, last in edges.reshape(-1, 2):
        for at in range(int(first), int(last), 16_384):
            yield start + at * page, (min(int(last), at + 16_384) - at) * page
