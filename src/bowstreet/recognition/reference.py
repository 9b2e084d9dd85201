"""What is kept of a face on a list until the list is destroyed: the one form of a template that can be written, sealed.

Only enrolment, the list, matching and evaluation may import this (an import contract holds it): a face that walked past has
no way to become one.
"""

from dataclasses import dataclass, field

import numpy as np

from bowstreet.errors import BadInput
from bowstreet.recognition.template import LEAST, MOST, Template, Vector


@dataclass(frozen=True, kw_only=True, slots=True)
class Reference:
    """One image of one person on a list. `vector` is of unit length, float32, little-endian: 512 bytes for 128 numbers."""

    person_id: str
    vector: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.vector) % 4 or not LEAST * 4 <= len(self.vector) <= MOST * 4:
            raise BadInput(f"a reference of {len(self.vector)} bytes is none", remedy="enrol the person again")
        numbers = self.numbers()
        if not (np.isfinite(numbers).all() and abs(float(np.dot(numbers, numbers)) - 1.0) < 1e-3):
            raise BadInput("a reference is not of unit length", remedy="enrol the person again: what was kept is damaged")

    def numbers(self) -> Vector:
        """Read-only, one row."""
        return np.frombuffer(self.vector, dtype="<f4")


def keep(person_id: str, template: Template) -> Reference:
    """For a person on a list. The template itself stays to be overwritten by its holder."""
    return Reference(person_id=person_id, vector=template.lend(lambda numbers: numbers.astype("<f4").tobytes()))
