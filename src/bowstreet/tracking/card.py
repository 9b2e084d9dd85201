"""A model card: which file a detector is, by whom and under what licence, how it is fed and read, and which classes are shapes.

A card that maps a class to anything but a person or a vehicle, or whose model was made for faces or attributes, is refused: what
the model may know of these never leaves it. Parsed from TOML bytes, no IO.
"""

import hashlib
import re
import tomllib
from enum import StrEnum
from typing import Annotated, Literal

import msgspec

from bowstreet.errors import MalformedConfiguration, Refused
from bowstreet.tracking.model import Shape

REMEDY = "see docs/tracking.md for what a model card holds"
MOST_BYTES = 64 * 1024
# Words of classes that are a face, part of one, or a guess about a person. A model that was taught one of these as a class is no
# detector of shapes, whether or not the card maps it.
NOT_SHAPES = re.compile(
    r"""(?<![a-z])(?:
    faces?|facial|heads?|eyes?|iris|mouth|nose|ears?|lips|skin|hair|beard|gender|sex|male|female|m[ae]n|wom[ae]n|boys?|girls?|child
    |children|kid|baby|adult|elderly|old|young|ages?|ethnicity|ethnic|race|racial|asian|black|white|emotion|happy|sad|angry|smil(?:e|ing)
    |expression|gait|identity|religion|hijab|turban|disab(?:led|ility)|pregnant
    )(?![a-z])""",
    re.IGNORECASE | re.VERBOSE,
)
# Of the common sets: things, whatever their names hold.
HARMLESS = frozenset({"hair drier", "hair dryer"})


class Output(StrEnum):
    """How what the model says is read."""

    SSD = "ssd"  # box codes on anchors, and logits for each class with the background first
    ROWS = "rows"  # for each box: centre and size in pixels of the input, then a probability for each class (YOLO exports)
    QUERIES = "queries"  # for each query: centre and size from 0 to 1, and logits for each class, two outputs (DETR exports)


class Card(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """See docs/tracking.md.

    Attributes:
        classes: the model's own, in order.
        shapes: which of them are a shape; others are thrown away in the adapter.
        scale, shift: pixels from 0 to 255 are multiplied, then shifted.
    """

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    file: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9._-]{1,100}$")]
    sha256: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}$")]
    licence: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    source: Annotated[str, msgspec.Meta(min_length=1, max_length=300)]
    limits: Annotated[str, msgspec.Meta(min_length=1, max_length=1000)]
    output: Output
    width_px: Annotated[int, msgspec.Meta(ge=64, le=2048)]
    height_px: Annotated[int, msgspec.Meta(ge=64, le=2048)]
    layout: Literal["nchw", "nhwc"]
    scale: float
    shift: float = 0.0
    least_score: Annotated[float, msgspec.Meta(ge=0.01, le=0.99)]
    most_overlap: Annotated[float, msgspec.Meta(ge=0.1, le=0.95)] = 0.5
    classes: Annotated[tuple[str, ...], msgspec.Meta(min_length=1, max_length=2000)]
    shapes: dict[str, Shape]


def parse_card(data: bytes) -> Card:
    """Raises `MalformedConfiguration` for what is no card, `Refused` for a model that must not look at people from the air."""
    if len(data) > MOST_BYTES:
        raise MalformedConfiguration("the model card is larger than 64 KB", remedy=REMEDY)
    try:
        card = msgspec.convert(tomllib.loads(data.decode()), Card)
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError, RecursionError) as error:
        raise MalformedConfiguration(f"the model card cannot be used: {str(error)[:200]}", remedy=REMEDY) from None
    if not card.shapes or not set(card.shapes) <= set(card.classes):
        raise MalformedConfiguration("the card's shapes are none of the model's classes", remedy=REMEDY)
    if re.search(r"AGPL|non-?commercial|\bNC\b", card.licence, re.IGNORECASE):
        raise Refused(
            f"the licence {card.licence} does not allow police use here", remedy="use a model under a permissive licence"
        )
    for name in card.classes:
        if name.lower() not in HARMLESS and NOT_SHAPES.search(name):
            raise Refused(
                f"the model has the class '{name[:40]}': from the air only persons and vehicles are looked for, as shapes",
                remedy="use a model without faces, parts of faces or attributes of persons among its classes",
            )
    return card


def verify(card: Card, model: bytes) -> None:
    """The file is the one that the card describes.

    Raises:
        Refused: it is another.
    """
    found = hashlib.sha256(model).hexdigest()
    if found != card.sha256:
        raise Refused(
            f"the model file {card.file} is not the one on its card (SHA-256 {found[:16]}…, wanted {card.sha256[:16]}…)",
            remedy="fetch it again (make models), or correct the card if the model was meant to change",
        )
