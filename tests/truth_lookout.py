"""An analyst whose detector knows what is really in a simulated picture: the pictures tell when they were taken, and the simulated
cameras write down what was in each. All else is the analyst that ships. For the tests: nothing that ships finds whom the simulator
draws.
"""

import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

from bowstreet.frames import Pixels
from bowstreet.simulation.scenery import strip
from bowstreet.simulation.scenery.truth import Seen, Truth
from bowstreet.tracking.analyst import Lookout
from bowstreet.tracking.model import Box, Detection, Shape

# Less of somebody is no shape for any detector; and a body of less pixels neither.
LEAST_VISIBLE, LEAST_PX = 0.4, 6.0
WAITS_S = 0.3
NEAR_US = 80_000
# Pictures of late among which one is sought.
LAST = 200


class TruthFile:
    """What the cameras write, read as it grows."""

    def __init__(self, path: Path) -> None:
        self._path, self._at = path, 0
        self._rest = b""
        self.by_moment: dict[int, Truth] = {}

    def read(self) -> None:
        if not self._path.exists():
            return
        with self._path.open("rb") as file:
            file.seek(self._at)
            data = file.read()
        self._at += len(data)
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            one = msgspec.json.decode(line, type=Truth)
            self.by_moment[one.captured_us] = one

    def near(self, vehicle_id: str, captured_us: int) -> Truth | None:
        """The picture of this vehicle that was taken then, give or take a picture's time on its way."""
        self.read()
        close = [
            one for one in list(self.by_moment.values())[-LAST:]
            if one.vehicle_id == vehicle_id and abs(one.captured_us - captured_us) < NEAR_US
        ]  # fmt: skip
        return min(close, key=lambda one: abs(one.captured_us - captured_us), default=None)

    def of(self, captured_us: int) -> Truth | None:
        """Of one picture; written a moment after it was sent."""
        until = time.monotonic() + WAITS_S
        while captured_us not in self.by_moment and time.monotonic() < until:
            self.read()
            time.sleep(0.005)
        return self.by_moment.get(captured_us)


class TruthDetector:
    def __init__(self, path: Path) -> None:
        self._truth = TruthFile(path)

    def detect(self, pixels: Pixels) -> Sequence[Detection]:
        captured_us = strip.read(pixels)
        truth = None if captured_us is None else self._truth.of(captured_us)
        if truth is None:
            return []  # a part of a picture has no strip
        height, width = pixels.shape[:2]
        return [found for one in truth.objects if (found := shape_of(one, width, height)) is not None]


def shape_of(one: Seen, width: int, height: int) -> Detection | None:
    left, top, right, low = one.box
    inside = left >= 0 and top >= 0 and right < width and low < height
    if one.visible < LEAST_VISIBLE or low - top < LEAST_PX or not inside:
        return None
    shape = Shape.PERSON if one.kind == "person" else Shape.VEHICLE
    return Detection(box=Box(left=left, top=top, width=right - left, height=low - top), shape=shape, score=0.8)


def lookout(path: str) -> Lookout:
    return Lookout(detector=TruthDetector(Path(path)))
