"""Who looks through a recording for what is to be covered: the analyst, at every part of each picture, and content with less.

Whoever is covered in vain is uncovered by a reviewer; whoever is missed is seen by everybody. So what is hardly a shape is told
too, and so are patches that may be number plates (`plates`), whether or not their vehicle was found. What it finds are outlines,
kept nowhere but to cover them.
"""

import math
from collections.abc import Sequence
from pathlib import Path

import msgspec
from msgspec.structs import replace

from bowstreet.frames import DroneFrame, Pixels
from bowstreet.tracking.analyst import Lookout
from bowstreet.tracking.card import parse_card, verify
from bowstreet.tracking.detector import SHIPPED_CARD, SHIPPED_MODELS, OpenVinoDetector, TiledDetector
from bowstreet.tracking.model import Box, Detection
from bowstreet.tracking.plates import possible_plates
from bowstreet.tracking.ports import Detector

# Measured on the simulated street (docs/redaction.md): at 0.2 two to four times as much of the picture is covered for nothing,
# and of people's heads as much as at 0.3, or one in a hundred more.
LEAST_SCORE = 0.3
# An outline that fills more than this of what was looked at is a mistake far more often than somebody so near to a drone. Of a
# part too: who fills most of it is found in the whole picture.
MOST_SHARE = 0.3
# Beside the whole picture its parts, three by three: small shapes are found, at ten times the price (docs/tracking.md).
ACROSS = 3
# A patch is the same as in the look before when it is no further from where it should be: a sixth of a second's turn of a camera.
PATCH_PX, PATCH_WIDTHS, MISSED_LOOKS = 24.0, 1.5, 3


class Plausible:
    """A detector without what is too large."""

    def __init__(self, detector: Detector) -> None:
        self._detector = detector

    def detect(self, pixels: Pixels) -> Sequence[Detection]:
        most = MOST_SHARE * pixels.shape[0] * pixels.shape[1]
        return [one for one in self._detector.detect(pixels) if one.box.width * one.box.height <= most]


class Patch(msgspec.Struct, frozen=True, kw_only=True):
    """What may be a plate, and which of the look before it is."""

    track_id: int
    shape: str
    box: Box


class Outlines(msgspec.Struct, frozen=True, kw_only=True):
    """All of one look."""

    width_px: int
    height_px: int
    tracks: tuple[object, ...]


class Patches:
    """Which patch is which, from look to look: the nearest to where it should be by how it moved. One that is missed too often
    begins anew."""

    def __init__(self) -> None:
        self._last: dict[int, _Last] = {}
        self._next = 1

    def update(self, boxes: Sequence[Box]) -> tuple[Patch, ...]:
        free, now, found = dict(self._last), dict[int, _Last](), []
        for box in boxes:
            x, y = box.centre
            reach = max(PATCH_PX, PATCH_WIDTHS * max(box.width, box.height))
            away = {number: math.hypot(x - one.x, y - one.y) for number, one in free.items()}
            nearest = min(away, key=lambda number: away[number], default=0)
            if nearest and away[nearest] <= reach:
                was, number = free.pop(nearest), nearest
                looks = was.missed + 1
                across, down = (x - was.box.centre[0]) / looks, (y - was.box.centre[1]) / looks
            else:
                number, across, down = self._next, 0.0, 0.0
                self._next += 1
            now[number] = _Last(box=box, x=x + across, y=y + down, across=across, down=down)
            found.append(Patch(track_id=number, shape="plate", box=box))
        self._last = {**{number: one.on() for number, one in free.items() if one.missed < MISSED_LOOKS}, **now}
        return tuple(found)


class _Last(msgspec.Struct, frozen=True, kw_only=True):
    """Where a patch was seen last, how it moves a look, and where its middle should be in the next look."""

    box: Box
    x: float
    y: float
    across: float
    down: float
    missed: int = 0

    def on(self) -> "_Last":
        return replace(self, x=self.x + self.across, y=self.y + self.down, missed=self.missed + 1)


class Thorough:
    """Outlines of persons and vehicles, and patches that may be plates."""

    def __init__(self, lookout: Lookout) -> None:
        self._lookout, self._patches = lookout, Patches()

    def look(self, frame: DroneFrame) -> bytes:
        found = self._lookout.findings(frame)
        patches = self._patches.update(possible_plates(frame.pixels))
        return msgspec.msgpack.encode(
            Outlines(width_px=found.width_px, height_px=found.height_px, tracks=(*found.tracks, *patches))
        )


def thorough(card_file: Path = SHIPPED_CARD, folder: Path = SHIPPED_MODELS) -> Thorough:
    """Made with no arguments by the redaction's worker. Raises as `detector.from_card`."""
    card = parse_card(card_file.read_bytes())
    path = folder / card.file
    verify(card, path.read_bytes())
    return Thorough(
        Lookout(detector=TiledDetector(Plausible(OpenVinoDetector(replace(card, least_score=LEAST_SCORE), path)), ACROSS))
    )
