"""A face model's card: whatever the bytes, a card of a model that finds faces or makes templates, or a clear error."""

from bowstreet.errors import MalformedConfiguration, Refused
from bowstreet.recognition.models.card import ATTRIBUTES, EmbedderCard, parse_card
from bowstreet.recognition.models.shipped import CARDS

SEEDS = [path.read_bytes() for path in sorted(CARDS.glob("*.toml"))]


def fuzz_one(data: bytes) -> None:
    try:
        card = parse_card(data)
    except (MalformedConfiguration, Refused) as error:
        if not (error.message and error.remedy):
            raise AssertionError("an error that does not say what to do") from error
        return
    if ATTRIBUTES.search(card.name):
        raise AssertionError("a model that guesses what people are like")
    if isinstance(card, EmbedderCard) and not 0.0 < card.threshold_floor <= card.threshold < 1.0:
        raise AssertionError("a threshold below its floor")
