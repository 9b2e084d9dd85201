"""A model card: whatever the bytes, a card of shapes alone, or a clear error."""

from bowstreet.errors import MalformedConfiguration, Refused
from bowstreet.tracking.card import NOT_SHAPES, parse_card
from bowstreet.tracking.detector import SHIPPED_CARD

SEEDS = [SHIPPED_CARD.read_bytes()]


def fuzz_one(data: bytes) -> None:
    try:
        card = parse_card(data)
    except (MalformedConfiguration, Refused) as error:
        if not (error.message and error.remedy):
            raise AssertionError("an error that does not say what to do") from error
        return
    if any(NOT_SHAPES.search(name) for name in card.shapes):
        raise AssertionError("a card that looks for more than shapes")
