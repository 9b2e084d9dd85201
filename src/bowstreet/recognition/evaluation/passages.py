"""Tracks as a deployment takes them: which pictures it would have described, and whether they would have been an alert. Pure.

By the very rules that cameras and alerts go by: what they leave out is left out here.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt

from bowstreet.recognition.alerts.model import Look, Raised
from bowstreet.recognition.alerts.rules import judge
from bowstreet.recognition.cameras.model import SeenLook
from bowstreet.recognition.cameras.rules import LEAST_EYES_PX, describes_now, is_told
from bowstreet.recognition.evaluation.searches import NOTHING, FloatArray, Places, Scores

NOBODY = -1
_ANY_TIME = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True, slots=True)
class Glimpse:
    """A face in one picture of a track: how large and how good, whom on the list it is most like, and how much."""

    eyes_px: float
    unified: float
    person: int
    score: float


def alerted(glimpses: Iterable[Glimpse], threshold: float) -> int:
    """The person on the list whom an alert would have named; `NOBODY` where there would have been none."""
    looks: list[SeenLook] = []
    described = waited = 0
    best_described = 0.0
    for at, one in enumerate(glimpses, start=1):
        if one.eyes_px < LEAST_EYES_PX:
            continue
        waited += 1
        if not describes_now(
            eyes_px=one.eyes_px, unified=one.unified, best_described=best_described, described=described, matched=bool(looks),
            waited=waited,
        ):  # fmt: skip
            continue
        described += 1
        best_described = max(best_described, one.unified)
        if one.score < threshold:
            continue
        looks.append(SeenLook(at_us=at, person_id=str(one.person), score=one.score, quality=one.unified / 100.0))
        if is_told(looks, threshold, over=False):
            break
    told = [Look(at=_ANY_TIME, person_id=look.person_id, score=look.score, quality=look.quality) for look in looks]
    judged = judge(told, threshold)
    return int(judged.person_id) if isinstance(judged, Raised) else NOBODY


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Passages:
    """Tracks, each with the places of its pictures that show a face, in the order in which they were taken.

    Attributes:
        eyes_px, unified: of each picture.
        mate: of each picture, as `Probes.mate`.
        scores: of each picture; they name who the likest other person is.
    """

    pictures: Sequence[Places]
    eyes_px: FloatArray
    unified: FloatArray
    mate: Places
    scores: Scores

    def alerts(self, column: int, thresholds: FloatArray) -> npt.NDArray[np.intp]:
        """Whom an alert would name: tracks × thresholds, `NOBODY` where there is none."""
        found = np.full((len(self.pictures), len(thresholds)), NOBODY, np.intp)
        for track in range(len(self.pictures)):
            glimpses = self._glimpses(track, column)
            # Between two scores of its pictures nothing changes.
            steps = np.unique([one.score for one in glimpses])
            level = np.searchsorted(steps, thresholds, side="left")
            for step in np.unique(level[level < len(steps)]):
                found[track, level == step] = alerted(glimpses, float(steps[step]))
        return found

    def highest(self, column: int, least: float, wanted: Places | None) -> FloatArray:
        """For each track the highest threshold, from `least` on, that an alert would have come at; `wanted`: about them."""
        found = np.full(len(self.pictures), NOTHING)
        for track in range(len(self.pictures)):
            glimpses = self._glimpses(track, column)
            for step in np.unique([one.score for one in glimpses if one.score >= least])[::-1]:
                person = alerted(glimpses, float(step))
                if person != NOBODY and (wanted is None or person == wanted[track]):
                    found[track] = step
                    break
        return found

    def _glimpses(self, track: int, column: int) -> list[Glimpse]:
        assert self.scores.who is not None, "a track's pictures are compared with `whom`"
        glimpses = []
        for at in self.pictures[track]:
            mate, other = float(self.scores.mate[at]), float(self.scores.other[at, column])
            person = int(self.mate[at]) if mate >= other else int(self.scores.who[at, column])
            glimpses.append(
                Glimpse(eyes_px=float(self.eyes_px[at]), unified=float(self.unified[at]), person=person, score=max(mate, other))
            )
        return glimpses
