"""Who looks through a recording for what is to be covered: the analyst, at every part of each picture, and content with less.

Whoever is covered in vain is uncovered by a reviewer; whoever is missed is seen by everybody. So what is hardly a shape is told
too. What it finds are outlines, and it is kept nowhere but to cover them.
"""

from collections.abc import Sequence
from pathlib import Path

from msgspec.structs import replace

from bowstreet.frames import Pixels
from bowstreet.tracking.analyst import Lookout
from bowstreet.tracking.card import parse_card, verify
from bowstreet.tracking.detector import SHIPPED_CARD, SHIPPED_MODELS, OpenVinoDetector, TiledDetector
from bowstreet.tracking.model import Detection
from bowstreet.tracking.ports import Detector

# Measured on the simulated street (docs/redaction.md): at 0.2 two to four times as much of the picture is covered for nothing,
# and of people's heads as much as at 0.3, or one in a hundred more.
LEAST_SCORE = 0.3
# An outline that fills more than this of what was looked at is a mistake far more often than somebody so near to a drone. Of a
# part too: who fills most of it is found in the whole picture.
MOST_SHARE = 0.3
# Beside the whole picture its parts, three by three: small shapes are found, at ten times the price (docs/tracking.md).
ACROSS = 3


class Plausible:
    """A detector without what is too large."""

    def __init__(self, detector: Detector) -> None:
        self._detector = detector

    def detect(self, pixels: Pixels) -> Sequence[Detection]:
        most = MOST_SHARE * pixels.shape[0] * pixels.shape[1]
        return [one for one in self._detector.detect(pixels) if one.box.width * one.box.height <= most]


def thorough(card_file: Path = SHIPPED_CARD, folder: Path = SHIPPED_MODELS) -> Lookout:
    """Made with no arguments by the redaction's worker. Raises as `detector.from_card`."""
    card = parse_card(card_file.read_bytes())
    path = folder / card.file
    verify(card, path.read_bytes())
    return Lookout(detector=TiledDetector(Plausible(OpenVinoDetector(replace(card, least_score=LEAST_SCORE), path)), ACROSS))
