"""All shapes of one stream, from look to look: each with a filter on the ground, and how well it is held.

Association is OC-SORT with the camera's motion, by `trackforge`.

One tracker for each shape, so that a person at a car is never taken for the car. The ids told are this stream's own.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from trackforge import DEEPOCSORT

from bowstreet.tracking import rules
from bowstreet.tracking.ground import GroundFilter, noise, spread_of
from bowstreet.tracking.locate import ellipse, mahalanobis2
from bowstreet.tracking.model import (
    Box,
    Detection,
    GroundPlace,
    Located,
    Quality,
    Shape,
    Spread,
    TrackFound,
    Why,
    seconds_between,
)
from bowstreet.tracking.motion import CameraMotion
from bowstreet.tracking.scene import Scene

# In looks: 5 s at five a second, as long as `rules.LOST_S`.
KEPT_LOOKS, FIRST_HITS = 25, 1
# A car crosses half its own length between looks.
LEAST_OVERLAP = 0.15
# 99% of a chi-square of two degrees of freedom: a new shape so near to where a missing one must be by now is that one, if it is
# alone.
RELINK_2 = 9.2
# A shape must be seen twice to be told.
TOLD_LOOKS = 2
VELOCITY_LOOKS, INERTIA = 3, 0.2
REMEMBERED = 10
# A place that is further off than this from where the filter is, is another thing's: the filter starts anew.
JUMP_2 = 40.0
SCORE_ADAPTS = 0.2


@dataclass(slots=True)
class Track:
    """One shape. Changed by `Tracks` alone."""

    track_id: int
    shape: Shape
    box: Box
    seen_at: datetime
    score: float
    by_motion: bool = False
    looks: int = 1
    seen: deque[bool] = field(default_factory=lambda: deque([True], maxlen=REMEMBERED))
    ground: GroundFilter | None = None
    common: Spread | None = None
    not_located: Why | None = None
    quality: Quality = Quality.WEAK
    reason: str = ""

    @property
    def seen_now(self) -> bool:
        return self.seen[-1]

    @property
    def is_told(self) -> bool:
        """Whether it is shown. What was told by its movement a few times and moves no more may have been nothing."""
        return self.looks >= (rules.FEW_LOOKS if self.by_motion and not self.seen_now else TOLD_LOOKS)

    def found(self, scene: Scene) -> TrackFound:
        return TrackFound(
            track_id=self.track_id, shape=self.shape, box=self.box, score=round(self.score, 3), quality=self.quality,
            reason=self.reason, place=place_of(self.ground, self.common, scene), not_located=self.not_located,
            motion=None if self.ground is None else self.ground.motion(),
        )  # fmt: skip


def place_of(ground: GroundFilter | None, common: Spread | None, scene: Scene) -> GroundPlace | None:
    if ground is None or common is None or scene.plane is None:
        return None
    position = scene.plane.to_position(float(ground.state[0]), float(ground.state[1]))
    return GroundPlace(position=position, ellipse=ellipse(ground.spread + common))


class Tracks:
    """The shapes of one stream."""

    def __init__(self) -> None:
        self._trackers = {
            shape: DEEPOCSORT(
                max_age=KEPT_LOOKS, min_hits=FIRST_HITS, iou_threshold=LEAST_OVERLAP, delta_t=VELOCITY_LOOKS, inertia=INERTIA
            )
            for shape in Shape
        }
        self._ids: dict[tuple[Shape, int], int] = {}
        self._next_id = 1
        self.tracks: dict[int, Track] = {}

    def update(self, found: Sequence[Detection], motion: CameraMotion, scene: Scene, at: datetime) -> list[Track]:
        """All tracks after this look, those told as lost for the last time included."""
        for track_id in [one.track_id for one in self.tracks.values() if one.quality is Quality.LOST]:
            del self.tracks[track_id]
        self._ids = {key: track_id for key, track_id in self._ids.items() if track_id in self.tracks}
        seen: set[int] = set()
        for shape, tracker in self._trackers.items():
            ones = [one for one in found if one.shape is shape]
            rows = [([one.box.left, one.box.top, one.box.width, one.box.height], one.score, 0) for one in ones]
            for inner, box, score, _, row in tracker.update(rows, [], motion.coefficients()):
                one = ones[row] if row is not None else Detection(box=_box(box), shape=shape, score=score)
                seen.add(self._see(shape, inner, one, scene, at))
        for track in self.tracks.values():
            if track.track_id not in seen:
                self._reckon(track, motion, scene, at)
            track.quality, track.reason = rules.quality(
                rules.Measured(
                    looks=track.looks, share=sum(track.seen) / len(track.seen), score=track.score,
                    unseen_s=0.0 if track.seen_now else max(1e-3, seconds_between(track.seen_at, at)),
                    by_motion=track.by_motion,
                )
            )  # fmt: skip
        return list(self.tracks.values())

    def _see(self, shape: Shape, inner: int, one: Detection, scene: Scene, at: datetime) -> int:
        track_id = self._ids.get((shape, inner))
        if track_id is None:
            track_id = self._missing(one, scene, at)
            if track_id is None:
                track_id, self._next_id = self._next_id, self._next_id + 1
            self._ids[(shape, inner)] = track_id
        if track_id not in self.tracks:
            self.tracks[track_id] = Track(track_id=track_id, shape=shape, box=one.box, seen_at=at, score=one.score)
        track = self.tracks[track_id]
        if track.seen_at != at:
            track.looks += 1
            track.seen.append(True)
        track.box, track.seen_at, track.by_motion = one.box, at, one.by_motion
        track.score += SCORE_ADAPTS * (one.score - track.score)
        measure(track, scene.locate(one.box, shape), scene, at)
        return track_id

    def _missing(self, one: Detection, scene: Scene, at: datetime) -> int | None:
        """The one track that was lost from sight and must be about here by now; None where there is none, or more than one."""
        located = scene.locate(one.box, one.shape)
        if not isinstance(located, Located):
            return None
        east, north = scene.metres(located)
        near = []
        for track in self.tracks.values():
            if track.shape is not one.shape or track.ground is None or track.seen_at >= at:
                continue
            state, covariance = track.ground.predicted(at)
            spread = spread_of(covariance) + noise(located.own, located.common)
            if mahalanobis2(spread, east - float(state[0]), north - float(state[1])) <= RELINK_2:
                near.append(track.track_id)
        return near[0] if len(near) == 1 else None

    def _reckon(self, track: Track, motion: CameraMotion, scene: Scene, at: datetime) -> None:
        """Not seen: its box moves with the street, or with its own course where that is known."""
        track.seen.append(False)
        box = motion.moved_box(track.box)
        if track.ground is not None:
            x, y = box.centre
            before = scene.pixel(float(track.ground.state[0]), float(track.ground.state[1]))
            track.ground.advance(at)
            after = scene.pixel(float(track.ground.state[0]), float(track.ground.state[1]))
            if before is not None and after is not None:
                x, y = x + after[0] - before[0], y + after[1] - before[1]
                box = Box(left=x - box.width / 2, top=y - box.height / 2, width=box.width, height=box.height)
        track.box = box


def measure(track: Track, located: object, scene: Scene, at: datetime) -> None:
    """Take a place into the track's filter; start the filter where there is none or it was another thing's."""
    if not isinstance(located, Located):
        track.not_located = getattr(located, "why", None)
        if track.ground is not None:
            track.ground.advance(at)
        return
    track.not_located, track.common = None, located.common
    east, north = scene.metres(located)
    spread = noise(located.own, located.common)
    if track.ground is not None:
        track.ground.advance(at)
        off = (east - float(track.ground.state[0]), north - float(track.ground.state[1]))
        if mahalanobis2(track.ground.spread + spread, *off) <= JUMP_2:
            track.ground.update(east, north, spread)
            return
    track.ground = GroundFilter.start(track.shape, at, east, north, spread)


def _box(numbers: Sequence[float]) -> Box:
    left, top, width, height = numbers
    return Box(left=left, top=top, width=width, height=height)
