"""Who and what stands on a list: a person, an image of theirs with its measures, a row of an import. Frozen values.

All of it is personal data and lies in the list's sealed file only. `repr` shows none of it.
"""

from datetime import date
from enum import StrEnum

import msgspec

from bowstreet.recognition.model import Category, ImageSource, LegalBasis, Risk
from bowstreet.recognition.models.model import Quality


class ImageQuality(Quality, frozen=True, kw_only=True):
    """What was measured of an image, by OFIQ too where that is plugged in: its unified quality score, and as `ofiq_components`
    the quality values beside it, each 0 to 100; None where it could not assess one."""

    ofiq: float | None = None
    ofiq_components: dict[str, float | None] = msgspec.field(default_factory=dict)


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody on a list. `person_id` is a pseudonym made here; `reference` is the operator's own number for them."""

    person_id: str
    reference: str
    name: str
    category: Category
    risk: Risk
    under_18: bool = False
    vulnerable: bool = False

    def __repr__(self) -> str:
        return f"<Person {self.person_id}>"

    @property
    def needs_review(self) -> bool:
        """Whether a second person has to approve it (R6)."""
        return self.under_18 or self.vulnerable


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One image of one person, as the list's file has it. `image` is a JPEG made here, `vector` what a model made of it."""

    person: Person
    source: ImageSource
    legal_basis: LegalBasis
    captured_on: date
    quality: ImageQuality
    image: bytes
    vector: bytes
    aged: bool = False

    def __repr__(self) -> str:
        return f"<Entry of {self.person.person_id}>"


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A line of an import that can be used, before its image came. `line` counts from 1, the line of names included."""

    line: int
    reference: str
    name: str
    image: str  # a file's name, without folders
    category: Category
    source: ImageSource
    legal_basis: LegalBasis
    captured_on: date
    risk: Risk
    under_18: bool
    vulnerable: bool

    def __repr__(self) -> str:
        return f"<Row {self.line}>"


class RowState(StrEnum):
    WAITS = "waits-for-its-image"
    READY = "ready"
    BAD = "bad"


class RowResult(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a line: `why` says what is wrong with it, `remarks` what a person should look at. No name stands in it."""

    line: int
    state: RowState
    image: str = ""
    why: str = ""
    remarks: tuple[str, ...] = ()
    quality: ImageQuality | None = None


class ReadFace(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The one face of an image, read in a limited process: a JPEG without any other data, its quality, what a model makes of
    it."""

    image: bytes
    quality: ImageQuality
    vector: bytes
    remarks: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return "<ReadFace>"


class Unusable(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Why an image cannot stand on a list (R5)."""

    why: str
