"""What is kept of a face on a list until the list is destroyed: the one form of a template that can be written, sealed by its owner.

Only enrolment, the list, matching and evaluation may import this (an import contract holds it): a face that walked past has
no way to become one.
"""

from dataclasses import dataclass, field

import numpy as np

from bowstreet.errors import BadInput
from bowstreet.recognition.template import BYTES, DIMENSIONS, Template, Vector


@dataclass(frozen=True, kw_only=True, slots=True)
class Reference:
    """One image of one person on a list. `vector` is 512 bytes: unit length, float32, little-endian."""

    person_id: str
    vector: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.vector) != BYTES:
            raise BadInput(f"a reference has {BYTES} bytes, not {len(self.vector)}", remedy="enrol the person again")
        numbers = self.numbers()
        if not (np.isfinite(numbers).all() and abs(float(np.dot(numbers, numbers)) - 1.0) < 1e-3):
            raise BadInput("a reference is not of unit length", remedy="enrol the person again: what was kept is damaged")

    def numbers(self) -> Vector:
        """Read-only, shape (128,)."""
        return np.frombuffer(self.vector, dtype="<f4", count=DIMENSIONS)


def keep(person_id: str, template: Template) -> Reference:
    """For a person on a list. The template itself stays to be overwritten by its holder."""
    return Reference(person_id=person_id, vector=template.lend(lambda numbers: numbers.astype("<f4").tobytes()))
