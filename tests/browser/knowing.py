"""An analyst for tests that follow: the one that ships, with a detector that is told who is in the picture.

What the shipped detector finds from the air is measured elsewhere (`make bench ARGS=tracking`); here it is the way from a press on
a shape to the drone's worker and back that is tried. The simulated camera writes down who is in each picture, and burns into the
picture which one it is.
"""

import functools
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from bowstreet.frames import Pixels
from bowstreet.simulation.scenery import strip
from bowstreet.simulation.scenery.truth import Seen, Truth
from bowstreet.tracking.analyst import Lookout
from bowstreet.tracking.model import Box, Detection, Shape

LEAST_VISIBLE = 0.6
PATIENCE_S = 0.2  # the picture is sent before it is written down


class Told:
    """The truth file as it grows."""

    def __init__(self, path: Path) -> None:
        self._path, self._read, self._rest = path, 0, b""
        self.seen: dict[int, tuple[Seen, ...]] = {}

    def at(self, captured_us: int) -> tuple[Seen, ...]:
        until = time.monotonic() + PATIENCE_S
        while captured_us not in self.seen:
            self._more()
            if captured_us not in self.seen and time.monotonic() > until:
                return ()
            time.sleep(0.01)
        return self.seen[captured_us]

    def near(self, captured_us: int) -> tuple[Seen, ...]:
        """Of the picture that was taken then, by a clock that counts in ninetieths of a millisecond."""
        self._more()
        closest = min(self.seen, key=lambda one: abs(one - captured_us), default=0)
        return self.seen[closest] if abs(closest - captured_us) < 1_000 else ()

    def _more(self) -> None:
        if not self._path.exists():
            return
        with self._path.open("rb") as file:
            file.seek(self._read)
            data = file.read()
        self._read += len(data)
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            one = msgspec.json.decode(line, type=Truth)
            self.seen[one.captured_us] = one.objects


def box_of(one: Seen) -> Box:
    left, top, right, bottom = one.box
    return Box(left=left, top=top, width=right - left, height=bottom - top)


class KnowingDetector:
    def __init__(self, path: Path) -> None:
        self._told = Told(path)

    def detect(self, pixels: Pixels) -> Sequence[Detection]:
        captured_us = strip.read(pixels)
        if captured_us is None:  # a part of a picture
            return []
        return [
            Detection(box=box_of(one), shape=Shape.PERSON if one.kind == "person" else Shape.VEHICLE, score=0.9)
            for one in self._told.at(captured_us)
            if one.visible >= LEAST_VISIBLE and one.kind == "person"
        ]


def lookout(path: str) -> Callable[[], Lookout]:
    """What a worker makes its analyst with."""
    return functools.partial(Lookout, KnowingDetector(Path(path)))
