"""The table of periods, and what was erased by it. Frozen values."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

import msgspec


class RetentionClass(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"since": "from"}):
    """One row: what is kept, from when, how long, and who says so."""

    name: Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z-]{1,39}$")]
    what: Annotated[str, msgspec.Meta(min_length=1, max_length=300)]
    since: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    days: Annotated[float, msgspec.Meta(gt=0, le=36_525)]
    source: Annotated[str, msgspec.Meta(min_length=1, max_length=300)]
    held: bool = True


class Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    version: Annotated[str, msgspec.Meta(min_length=1, max_length=80)]
    classes: tuple[RetentionClass, ...]

    def find(self, name: str) -> RetentionClass | None:
        return next((one for one in self.classes if one.name == name), None)


class Step(StrEnum):
    ORDERED = "ordered"  # on record; keys and records may still be there
    DONE = "done"


class Erasure(msgspec.Struct, frozen=True, kw_only=True):
    """One erasure, from its order to its receipt. `by` is the table's version, or the account of whoever ordered it."""

    erasure_id: str
    subject_id: str
    retention_class: str
    by: str
    due_at: datetime
    ordered_at: datetime
    step: Step = Step.ORDERED
    done_at: datetime | None = None


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """What is held of one class: subjects whose period runs or is over, and the next time that one is."""

    retention_class: str
    subjects: int
    due: int
    kept_by_hold: int
    next_due_at: datetime | None


class Due(msgspec.Struct, frozen=True, kw_only=True):
    """Something whose period is over."""

    subject_id: str
    retention_class: str
    due_at: datetime
