"""The faces that walk past one camera, from picture to picture. Association by place alone (OC-SORT, by `trackforge`), never by
what a face is like: that would need a template of everybody."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field

from trackforge import DEEPOCSORT

from bowstreet.recognition.cameras.model import SeenLook
from bowstreet.recognition.models.model import Face

# In pictures looked at: a second and a half at five a second.
KEPT_LOOKS = 7
LEAST_OVERLAP = 0.1
# A face is counted when it was found a second time: a pattern that looks like one for a moment is no face that was seen.
COUNTED_AFTER = 2
_STILL = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0]  # the camera does not move


@dataclass(slots=True)
class Pass:
    """One face on its way. Holds no template. `probe` and `looks` are of pictures that reached the threshold only."""

    track_id: str
    face: Face
    found: int = 1
    missed: int = 0
    described: int = 0
    best_described: float = 0.0
    waited: int = 0
    looks: list[SeenLook] = field(default_factory=list)
    probe: bytes = b""
    told: bool = False


class Passes:
    """All passes of one camera."""

    def __init__(self) -> None:
        self._begun = secrets.token_hex(4)
        self.forget()

    def forget(self) -> None:
        """Everything of everybody."""
        self._tracker = DEEPOCSORT(max_age=KEPT_LOOKS, min_hits=1, iou_threshold=LEAST_OVERLAP, delta_t=3, inertia=0.2)
        self._passes: dict[int, Pass] = {}
        self._begun = secrets.token_hex(4)

    def update(self, faces: Sequence[Face]) -> tuple[list[Pass], list[Pass], int]:
        """The passes that are in this picture, those that are over, and how many faces count for the first time."""
        rows = [([one.left, one.top, one.width, one.height], one.score, 0) for one in faces]
        here: list[Pass] = []
        new = 0
        for number, _, _, _, row in self._tracker.update(rows, [], _STILL):
            if row is None:
                continue
            one = self._passes.get(number)
            if one is None:
                one = self._passes[number] = Pass(track_id=f"{self._begun}-{number}", face=faces[row])
            else:
                one.face, one.found, one.missed = faces[row], one.found + 1, 0
                new += one.found == COUNTED_AFTER
            here.append(one)
        seen = {id(one) for one in here}
        for one in self._passes.values():
            one.missed += id(one) not in seen
        gone = [number for number, one in self._passes.items() if one.missed > KEPT_LOOKS]
        return here, [self._passes.pop(number) for number in gone], new

    def known(self) -> list[Pass]:
        """Also those that are hidden for a moment."""
        return list(self._passes.values())
