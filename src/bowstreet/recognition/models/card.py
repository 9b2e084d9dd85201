"""A model card: which file, by whom, under what licence, how it is fed, the threshold's floor, what is known of its accuracy.

A card, or a model, with any output but faces' places and templates is refused: nothing here guesses what people are like
(ACCOUNTABILITY, DESIGN §6). Parsed from TOML bytes, no IO.
"""

import hashlib
import re
import tomllib
from typing import Annotated, ClassVar, Literal

import msgspec
from msgspec import Meta

from bowstreet.errors import MalformedConfiguration, Refused

REMEDY = "see docs/evaluate.md for what a model card holds"
MOST_BYTES = 64 * 1024
# Words in the name of an output, or of a model, that tell what it was made to guess.
ATTRIBUTES = re.compile(
    r"""(?<![a-z])(?:
    ages?|genders?|sex|male|female|m[ae]n|wom[ae]n|child|children|rac(?:e|ial)|ethnic(?:ity)?|asian|black|white|latino|indian
    |emotions?|happy|sad|angry|anger|smil(?:e|ing)|expressions?|attributes?|fairface|beauty|attractive|religion|hijab|turban
    |disab(?:led|ility)|mood|affect|valence|arousal|personality|criminal(?:ity)?|orientation
    )(?![a-z])""",
    re.IGNORECASE | re.VERBOSE,
)
Text = Annotated[str, Meta(min_length=1, max_length=1_000)]
Short = Annotated[str, Meta(min_length=1, max_length=120)]
FileName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}$")]
Digest = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]
# Half precision is faster where the processor has it, and gives other numbers: it is another model, with its own evaluation.
Precision = Literal["f32", "bf16"]


class _Card(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="role"):
    name: Short
    file: FileName
    sha256: Digest
    licence: Short
    source: Text
    limits: Text
    precision: Precision = "f32"


class DetectorCard(_Card, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="role", tag="detector"):
    """Finds faces and their five points.

    Attributes:
        least_score: of what counts as a face, 0 to 1.
        most_overlap: of two boxes that are two faces (intersection over union).
    """

    form: Literal["yunet"]
    least_score: Annotated[float, Meta(ge=0.1, le=0.99)] = 0.6
    most_overlap: Annotated[float, Meta(ge=0.1, le=0.9)] = 0.3

    OUTPUTS: ClassVar[frozenset[str]] = frozenset(
        f"{kind}_{stride}" for kind in ("cls", "obj", "bbox", "kps") for stride in (8, 16, 32)
    )


class EmbedderCard(_Card, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="role", tag="embedder"):
    """Makes a template of an aligned face.

    Attributes:
        form: how the face is fed; `arcface-112` is 112 × 112 pixels, RGB, aligned to five points.
        scale, shift: pixels from 0 to 255 are multiplied, then shifted; SFace does it inside.
        threshold_floor: no deployment may use a lower one.
        threshold: what is used where none is given.
    """

    form: Literal["arcface-112"]
    evaluation: Text
    dimensions: Annotated[int, Meta(ge=64, le=1_024)]
    threshold_floor: Annotated[float, Meta(gt=0.0, lt=1.0)]
    threshold: Annotated[float, Meta(gt=0.0, lt=1.0)]
    scale: Annotated[float, Meta(gt=0.0, le=1.0)] = 1.0
    shift: Annotated[float, Meta(ge=-255.0, le=255.0)] = 0.0


Card = DetectorCard | EmbedderCard


def parse_card(data: bytes) -> Card:
    """Raises `MalformedConfiguration` for what is no card, `Refused` for a model that guesses what people are like."""
    if len(data) > MOST_BYTES:
        raise MalformedConfiguration("the model card is larger than 64 KB", remedy=REMEDY)
    try:
        card: Card = msgspec.convert(tomllib.loads(data.decode()), Card)
    except (ValueError, RecursionError) as error:  # of TOML, UTF-8 and msgspec
        raise MalformedConfiguration(f"the model card cannot be used: {str(error)[:200]}", remedy=REMEDY) from None
    if re.search(r"AGPL|non-?commercial|\bNC\b|research[ -]only", card.licence, re.IGNORECASE):
        raise Refused(
            f"the licence {card.licence} does not allow police use here", remedy="use a model under a permissive licence"
        )
    if ATTRIBUTES.search(card.name) or ATTRIBUTES.search(card.file.replace("_", " ")):
        raise Refused(f"'{card.name}' guesses what people are like", remedy="use a model that makes templates and nothing else")
    if isinstance(card, EmbedderCard) and card.threshold < card.threshold_floor:
        raise MalformedConfiguration("the card's threshold is below its own floor", remedy=REMEDY)
    return card


def check_outputs(card: Card, names: list[str]) -> None:
    """A model may have the outputs that its card's form reads, and no head beside them.

    Raises:
        Refused: it has another.
    """
    for name in names:
        if ATTRIBUTES.search(name.replace("_", " ")):
            raise Refused(f"the model {card.file} has an output '{name[:60]}'", remedy="use a model without attribute heads")
    fits = set(names) == DetectorCard.OUTPUTS if isinstance(card, DetectorCard) else len(names) == 1
    if not fits:
        raise Refused(
            f"the model {card.file} has outputs that its card does not read ({', '.join(names)[:200]})",
            remedy="use a model that finds faces or makes templates, and nothing else",
        )


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
