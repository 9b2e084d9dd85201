"""A template against the people on a list: every one of them, exactly, in memory. What stays under the threshold leaves no trace.

There is no index that leaves some out: it would add misses that nobody can explain.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bowstreet.errors import BadInput, Refused
from bowstreet.recognition.memory import overwritten, private_pages
from bowstreet.recognition.reference import Reference
from bowstreet.recognition.template import Template, Vector

# An alert shows the person's picture beside few others that are as like, never a list to leaf through.
MOST_CANDIDATES = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """A person on the list who is alike enough: the best of their images says how much."""

    person_id: str
    score: float
    image: int  # of this person's references, in the order in which they were given


class Gallery:
    """The references of one list, in pages that are in no core dump, until `overwrite`.

    Not for several threads at once: scores lie in one buffer that is overwritten after each search.
    """

    def __init__(self, references: Sequence[Reference], *, threshold_floor: float) -> None:
        """Raises `BadInput` for references of different models."""
        ordered = sorted(range(len(references)), key=lambda place: references[place].person_id)  # stable: images keep their order
        sizes = {len(reference.vector) // 4 for reference in references}
        if len(sizes) > 1:
            raise BadInput("the list's references are of different models", remedy="enrol the list again with one model")
        self.dimensions = sizes.pop() if sizes else 0
        self.threshold_floor = threshold_floor
        self._people = sorted({reference.person_id for reference in references})
        number = {person: place for place, person in enumerate(self._people)}
        self._owner = np.array([number[references[place].person_id] for place in ordered], dtype=np.int32)
        pages, _ = private_pages(len(ordered) * (self.dimensions + 1) * 4)
        self._pages = pages
        held = np.frombuffer(pages, dtype=np.float32)
        self._rows = held[: len(ordered) * self.dimensions].reshape(len(ordered), self.dimensions)
        self._scores = held[self._rows.size : self._rows.size + len(ordered)]
        for row, place in enumerate(ordered):
            self._rows[row] = references[place].numbers()
        self._gone = False

    @classmethod
    def over(
        cls, people: Sequence[str], owners: npt.NDArray[np.int32], rows: npt.NDArray[np.float32], *, threshold_floor: float
    ) -> "Gallery":
        """Over rows that lie elsewhere, ordered by owner (`copy_to`). They are overwritten there."""
        made = cls((), threshold_floor=threshold_floor)
        made.dimensions, made._people, made._owner, made._rows = rows.shape[1], list(people), owners, rows
        made._pages, _ = private_pages(len(rows) * 4)
        made._scores = np.frombuffer(made._pages, dtype=np.float32)[: len(rows)]
        return made

    def people(self) -> list[str]:
        """By the numbers that `copy_to` writes."""
        return list(self._people)

    def copy_to(self, owners: npt.NDArray[np.int32], rows: npt.NDArray[np.float32]) -> None:
        """Raises `Conflict` when it was overwritten."""
        if self._gone:
            raise overwritten()
        owners[:], rows[:] = self._owner, self._rows

    def __len__(self) -> int:
        """How many people."""
        return len(self._people)

    @property
    def images(self) -> int:
        return len(self._rows)

    def search(self, template: Template, threshold: float) -> list[Candidate]:
        """Who is at least as alike as `threshold`, the likest first, `MOST_CANDIDATES` at most.

        Raises:
            Refused: the threshold is below the model's floor (R13).
            BadInput: the template is of another model.
            Conflict: the list, or the template, was overwritten.
        """
        if self._gone:
            raise overwritten()
        if not threshold >= self.threshold_floor:
            raise Refused(
                f"the threshold {threshold:g} is below the model's floor {self.threshold_floor:g} (R13)",
                remedy="raise the threshold",
            )
        if not self._people:
            return []
        template.lend(self._compare)
        try:
            alike = np.flatnonzero(self._scores >= threshold)
            likest = alike[np.argsort(-self._scores[alike], kind="stable")]
            best: dict[int, int] = {}  # of each person the best row, as the likest come first
            for row in likest:
                best.setdefault(int(self._owner[row]), int(row))
                if len(best) == MOST_CANDIDATES:
                    break
            return [self._candidate(person, row) for person, row in best.items()]
        finally:
            self._scores.fill(0.0)

    def _compare(self, numbers: Vector) -> None:
        if numbers.size != self.dimensions:
            raise BadInput(
                f"the template has {numbers.size} numbers, the list's have {self.dimensions}", remedy="enrol the list again"
            )
        # Not `dot`: its library would start a thread a core for this, and those wait for each other on a busy machine.
        np.einsum("ij,j->i", self._rows, numbers, out=self._scores)

    def _candidate(self, person: int, row: int) -> Candidate:
        score = min(float(self._scores[row]), 1.0)
        return Candidate(person_id=self._people[person], score=score, image=row - int(np.searchsorted(self._owner, person)))

    def overwrite(self) -> None:
        """Once more does nothing. Nothing can be searched after it."""
        self._gone = True
        if self._rows.flags.writeable:
            self._rows.fill(0.0)
        self._scores.fill(0.0)
        self._people = []
