"""Who looks through a recording for what is to be covered: the analyst, at every part of each picture, and content with less.

Whoever is covered in vain is uncovered by a reviewer; whoever is missed is seen by everybody. So even what is hardly a shape is
told. What it finds are outlines, and it is kept nowhere but to cover them.
"""

from pathlib import Path

from msgspec.structs import replace

from bowstreet.tracking.analyst import Lookout
from bowstreet.tracking.card import parse_card, verify
from bowstreet.tracking.detector import SHIPPED_CARD, SHIPPED_MODELS, OpenVinoDetector, TiledDetector

# Beside the whole picture its parts, three by three: small shapes are found, at ten times the price (docs/tracking.md).
ACROSS = 3
LEAST_SCORE = 0.2


def thorough(card_file: Path = SHIPPED_CARD, folder: Path = SHIPPED_MODELS) -> Lookout:
    """Made with no arguments by the redaction's worker. Raises as `detector.from_card`."""
    card = parse_card(card_file.read_bytes())
    path = folder / card.file
    verify(card, path.read_bytes())
    return Lookout(detector=TiledDetector(OpenVinoDetector(replace(card, least_score=LEAST_SCORE), path), ACROSS))
