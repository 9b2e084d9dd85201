"""Scores of searches: every probe against every person on the list, and against smaller lists drawn from it. Pure.

A *mated* search is of a person who is on the list, a *non-mated* one of somebody who is not (ISO/IEC 19795-1). A search that
found no face is kept: of a mated one it is a miss, for a non-mated one nothing can be raised.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
Vectors = npt.NDArray[np.float32]
Places = npt.NDArray[np.intp]
Flags = npt.NDArray[np.bool_]
NOTHING = -np.inf
BLOCK = 256


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Gallery:
    """References in rows, those of a person together; `starts` is each person's first row."""

    vectors: Vectors
    starts: Places

    @property
    def people(self) -> int:
        return len(self.starts)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Probes:
    """Searches.

    Attributes:
        vectors: one row each; zeros where no face was found.
        acquired: whether one was.
        subject: whose it is, counted from 0 among the searches' own people.
        mate: the person on the list, or -1: for a non-mated search, or one whose person could not be enrolled.
    """

    vectors: Vectors
    acquired: npt.NDArray[np.bool_]
    subject: Places
    mate: Places

    def __len__(self) -> int:
        return len(self.subject)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Scores:
    """For each search (rows) and size of list (columns).

    Attributes:
        mate: of the person themselves; -inf for non-mated searches and where no face was found.
        other: of the likest other person on that list.
        who: who that is; None where it was not asked for.
    """

    sizes: tuple[int, ...]
    mate: FloatArray
    other: FloatArray
    who: Places | None = None

    def right(self, column: int) -> FloatArray:
        """The score at which a mated search finds the right person first (rank 1); -inf where it does at none."""
        other = self.other[:, column]
        return np.where(self.mate >= other, self.mate, NOTHING)


def list_sizes(people: int) -> tuple[int, ...]:
    """1, 2, 5, 10, 20, 50 and so on below the number of people, and that number."""
    steps = [base * 10**power for power in range(7) for base in (1, 2, 5)]
    return (*(step for step in steps if 10 <= step < people), people)


def compare(probes: Probes, gallery: Gallery, sizes: tuple[int, ...], seed: int, *, whom: bool = False) -> Scores:
    """All scores.

    A smaller list is the first of the people in a random order, with the mate of a mated search always on it.

    Args:
        whom: also name the likest other person.
    """
    people = gallery.people
    order = np.random.default_rng(seed).permutation(people)
    stands = np.argsort(order)
    mate = np.full(len(probes), NOTHING)
    other = np.full((len(probes), len(sizes)), NOTHING)
    who = np.full((len(probes), len(sizes)), -1, np.intp) if whom else None
    for start in range(0, len(probes) if people else 0, BLOCK):
        rows = np.arange(start, min(start + BLOCK, len(probes)))
        rows = rows[probes.acquired[rows]]
        if not rows.size:
            continue
        best = np.maximum.reduceat(probes.vectors[rows] @ gallery.vectors.T, gallery.starts, axis=1)
        mates = probes.mate[rows]
        mated = np.flatnonzero(mates >= 0)
        mate[rows[mated]] = best[mated, mates[mated]]
        best[mated, mates[mated]] = NOTHING
        ordered = best[:, order]
        running = np.maximum.accumulate(ordered, axis=1)
        # Where the best so far stands: the last place at which it was reached.
        standing = np.arange(people, dtype=np.int32)
        leader = np.maximum.accumulate(np.where(ordered >= running, standing, 0), axis=1) if whom else None
        for column, size in enumerate(sizes):
            # A mated search leaves one place to the mate.
            others = np.where(mates >= 0, size - 1, size)
            # Where the mate stands among the first, one more of the others does.
            reach = others + (stands[np.maximum(mates, 0)] < size) * (mates >= 0)
            last = np.minimum(reach, people) - 1
            other[rows, column] = np.where(reach > 0, running[np.arange(len(rows)), last], NOTHING)
            if who is not None and leader is not None:
                who[rows, column] = np.where(reach > 0, order[leader[np.arange(len(rows)), last]], -1)
    return Scores(sizes=sizes, mate=mate, other=other, who=who)


def per_subject(
    scores: FloatArray, counted: npt.NDArray[np.bool_], subject: Places, thresholds: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """For each person: how many of their counted searches reach each threshold, and how many there are."""
    people = int(subject.max(initial=-1)) + 1
    reached = np.zeros((people, len(thresholds)))
    rising = np.argsort(thresholds)
    # A score reaches all thresholds up to itself: one count for each search, summed from above.
    level = np.searchsorted(thresholds[rising], scores[counted], side="right")
    steps = np.zeros((people, len(thresholds) + 1))
    np.add.at(steps, (subject[counted], level), 1.0)
    reached[:, rising] = steps[:, ::-1].cumsum(axis=1)[:, ::-1][:, 1:]
    return reached, np.bincount(subject[counted], minlength=people).astype(np.float64)


def hits_per_subject(hit: Flags, counted: Flags, subject: Places) -> tuple[FloatArray, FloatArray]:
    """The same, of searches that are known to hit at each threshold or not (searches × thresholds)."""
    people = int(subject.max(initial=-1)) + 1
    reached = np.zeros((people, hit.shape[1]))
    np.add.at(reached, subject[counted], hit[counted])
    return reached, np.bincount(subject[counted], minlength=people).astype(np.float64)
