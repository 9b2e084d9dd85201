"""One subject, chosen by the pilot, held from look to look.

By its track, else by its picture, else by reckoning, with an ellipse that grows.

Who it is again after it was hidden, `rules.choose` decides, by place and by how the shape looks; where that is unclear, the
pilot is asked. What is known of how it looks lives here and is overwritten when the follow ends.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np

from bowstreet.frames import Pixels
from bowstreet.tracking import rules
from bowstreet.tracking.appearance import Appearance, describe
from bowstreet.tracking.ground import GroundFilter, noise
from bowstreet.tracking.handover import OLDEST_S, HandOver, give, take
from bowstreet.tracking.locate import ellipse, mahalanobis2
from bowstreet.tracking.model import (
    Box,
    CandidateShown,
    FollowFound,
    FollowPhase,
    Located,
    Quality,
    Shape,
    Spread,
    seconds_between,
)
from bowstreet.tracking.motion import CameraMotion
from bowstreet.tracking.rules import Candidate, Choice, Chosen
from bowstreet.tracking.scene import Scene, usual_box
from bowstreet.tracking.template import Template
from bowstreet.tracking.tracker import Track, place_of

# Unseen for longer, or known no better than this, the subject is lost: only the pilot says that it is found again.
LOST_S, LOST_ELLIPSE_M = 10.0, 60.0
# In the picture, where there is no place: how far off it may be at once and how fast that grows, in heights of the box.
PICTURE_SPREAD, PICTURE_GROWTH = 0.35, 0.7
# A subject that was handed over, or was hidden, is taken for found when so many looks in a row agree.
AGREEING_LOOKS_HANDED, AGREEING_LOOKS = 3, 2
# A shape that is told by its movement alone is a blob: it must also have gone the subject's way for a moment.
AGREEING_LOOKS_MOVING = 4
# A picture alone must look like the subject, too.
TEMPLATE_LIKENESS, TEMPLATE_SURE, PICTURED_SCORE = 0.8, 0.85, 0.8
# A picture bridges what a detector misses for a moment; longer, it finds a wall of the same grey.
TEMPLATE_BRIDGES_S, TEMPLATE_LASTS_S = 1.0, 3.0
ADAPT_LIKENESS = 0.75
MOST_SHOWN = 6


@dataclass(slots=True)
class Subject:
    """Who is followed. Changed by `step` and the orders; `wipe` ends it."""

    follow_id: str
    shape: Shape
    box: Box | None
    seen_at: datetime
    at: datetime
    track_id: int | None = None
    detected_at: datetime | None = None
    ground: GroundFilter | None = None
    common: Spread | None = None
    looks: Appearance | None = None
    template: Template = field(default_factory=Template)
    phase: FollowPhase = FollowPhase.HELD
    quality: Quality = Quality.WEAK
    reason: str = "chosen by the pilot"
    handed: bool = False
    shape_known: bool = True
    alibis: set[int] = field(default_factory=set)
    agreed: tuple[int, int] = (0, 0)
    shown: tuple[CandidateShown, ...] = ()

    # --- orders -------------------------------------------------------------------------------------------------------

    def lock(self, track: Track, pixels: Pixels, at: datetime) -> None:
        """The pilot says: this one. How it looks is learnt anew."""
        self._forget_looks()
        self.track_id, self.shape, self.handed = track.track_id, track.shape, False
        self.shape_known = not track.by_motion
        self.alibis, self.agreed, self.shown = set(), (0, 0), ()
        self.template.wipe()
        if track.seen_now:
            self._hold(track, describe(pixels, track.box), pixels, at)
            self.reason = "chosen by the pilot"
            return
        # Chosen where it is reckoned to be: what is there now may be a wall, so nothing of it is learnt.
        self._hold(track, None, pixels, track.seen_at)
        self._unseen(at)

    def wipe(self) -> None:
        self._forget_looks()
        self.template.wipe()
        self.phase, self.ground, self.box, self.shown = FollowPhase.IDLE, None, None, ()

    def given(self, scene: Scene) -> HandOver | None:
        """For the next drone; None where there is nothing worth to hand over."""
        if self.ground is None or self.common is None or scene.plane is None:
            return None
        if self.phase in (FollowPhase.LOST, FollowPhase.IDLE):
            return None
        return give(self.follow_id, self.ground, self.common, self.looks, scene.plane)

    def reckoned(self, motion: CameraMotion) -> Box | None:
        """Where it must be after the camera has moved so, before this look has been looked at; None where it is lost."""
        if self.box is None or self.phase in (FollowPhase.LOST, FollowPhase.IDLE):
            return None
        return motion.moved_box(self.box)

    # --- a look -------------------------------------------------------------------------------------------------------

    def step(self, pixels: Pixels, tracks: Sequence[Track], motion: CameraMotion, scene: Scene, at: datetime) -> FollowFound:
        if self.phase is not FollowPhase.IDLE:
            self._reckon(motion, scene, at)
            self._seek(pixels, tracks, scene, at)
            self.at = at
        return self.found(scene)

    def _reckon(self, motion: CameraMotion, scene: Scene, at: datetime) -> None:
        """Where it should be by now."""
        before = self._pixel(scene)
        if self.ground is not None:
            self.ground.advance(at)
        after = self._pixel(scene)
        if self.box is not None:
            box = motion.moved_box(self.box)
            x, y = box.centre
            if before is not None and after is not None:
                x, y = x + after[0] - before[0], y + after[1] - before[1]
            self.box = Box(left=x - box.width / 2, top=y - box.height / 2, width=box.width, height=box.height)
        elif after is not None:
            self.box = usual_box(after, self.shape, scene)

    def _pixel(self, scene: Scene) -> tuple[float, float] | None:
        return None if self.ground is None else scene.pixel(float(self.ground.state[0]), float(self.ground.state[1]))

    def _seek(self, pixels: Pixels, tracks: Sequence[Track], scene: Scene, at: datetime) -> None:
        fitting = [track for track in tracks if track.seen_now and (track.shape is self.shape or not self.shape_known)]
        seen = _apart(fitting, self.track_id)
        by_id = {track.track_id: track for track in seen}
        looks: dict[int, Appearance | None] = {}
        candidates = []
        for track in seen:
            distance2 = self._distance2(track, scene, at)
            if distance2 > rules.FARTHEST_2:
                continue
            looks[track.track_id] = describe(pixels, track.box)
            candidates.append(self._candidate(track, distance2, looks[track.track_id]))
        chosen = rules.choose(candidates)
        self.shown = ()
        match chosen.choice:
            case Choice.MATCH if self._agrees(chosen, moves=by_id[chosen.among[0][0].track_id].by_motion):
                track = by_id[chosen.among[0][0].track_id]
                self._hold(track, looks[track.track_id], pixels, at)
                self.alibis |= {one.track_id for one in seen if one.track_id != track.track_id and one.quality is Quality.GOOD}
            case Choice.UNCLEAR | Choice.MATCH if chosen.choice is Choice.UNCLEAR or self.phase is FollowPhase.LOST:
                self._unseen(at)
                self._ask(chosen, by_id)
            case _:
                if not self._by_picture(pixels, scene, at):
                    self._unseen(at)
        for look in looks.values():
            if look is not None:
                look.wipe()

    def _candidate(self, track: Track, distance2: float, look: Appearance | None) -> Candidate:
        return Candidate(
            track_id=track.track_id, distance2=distance2, course2=self._course2(track),
            same_track=track.track_id == self.track_id,
            likeness=None if look is None or self.looks is None else look.likeness(self.looks),
            alibi=track.track_id in self.alibis and track.track_id != self.track_id,
        )  # fmt: skip

    def _distance2(self, track: Track, scene: Scene, at: datetime) -> float:
        """On the ground where both have a place, else in the picture."""
        located = scene.locate(track.box, track.shape)
        if self.ground is not None and isinstance(located, Located):
            east, north = scene.metres(located)
            spread = self.ground.spread + noise(located.own, located.common)
            if self.handed:
                spread = self.ground.spread + located.own + located.common
            return mahalanobis2(spread, east - float(self.ground.state[0]), north - float(self.ground.state[1]))
        if self.box is None:
            return float("inf")
        unseen_s = max(0.0, seconds_between(self.seen_at, at))
        sigma = max(4.0, self.box.height * (PICTURE_SPREAD + PICTURE_GROWTH * unseen_s))
        (x, y), (their_x, their_y) = self.box.centre, track.box.centre
        return ((x - their_x) ** 2 + (y - their_y) ** 2) / sigma**2

    def _course2(self, track: Track) -> float:
        """Whoever drove north a second ago does not stand at the kerb now: of its speed, what its place does not tell already."""
        if self.ground is None or track.ground is None or track.track_id == self.track_id:
            return 0.0
        off, spread = track.ground.state - self.ground.state, track.ground.covariance + self.ground.covariance
        whole = float(off @ np.linalg.solve(spread, off))
        return max(0.0, whole - float(off[:2] @ np.linalg.solve(spread[:2, :2], off[:2])))

    def _agrees(self, chosen: Chosen, *, moves: bool) -> bool:
        """Whether a match is believed: at once for the track that was held, after some looks in a row for one that comes back."""
        best = chosen.among[0][0]
        count = self.agreed[1] + 1 if self.agreed[0] == best.track_id else 1
        self.agreed = best.track_id, count
        if self.phase in (FollowPhase.LOST, FollowPhase.IDLE):
            return False
        if best.same_track:
            return True
        looks = AGREEING_LOOKS_HANDED if self.handed else AGREEING_LOOKS
        return count >= (max(looks, AGREEING_LOOKS_MOVING) if moves else looks)

    def _hold(self, track: Track, look: Appearance | None, pixels: Pixels, at: datetime) -> None:
        back = track.track_id != self.track_id
        self.track_id, self.box, self.seen_at, self.at, self.detected_at = track.track_id, track.box, at, at, at
        self.phase, self.quality, self.reason = FollowPhase.HELD, track.quality, track.reason
        self.shape, self.shape_known = track.shape, not track.by_motion or (self.shape_known and not back)
        if back:
            self.reason = "found again by its place and shape"
        self.handed = False
        if track.ground is not None:
            # The track's own filter has its whole course; that of the follow begins again from it.
            self.ground = GroundFilter(
                shape=track.shape, at=track.ground.at, state=track.ground.state.copy(), covariance=track.ground.covariance.copy()
            )
            self.common = track.common
        else:
            self.ground = self.common = None
        if look is None:
            return
        if self.looks is None or self.looks.wiped:
            self.looks = look.copy()
        elif not back and track.quality is Quality.GOOD and look.likeness(self.looks) >= ADAPT_LIKENESS:
            self.looks.adapt(look)
        if not back:
            self.template.take(pixels, track.box)

    def _by_picture(self, pixels: Pixels, scene: Scene, at: datetime) -> bool:
        """No detection fits: its picture of the last look, near where it should be."""
        if self.box is None or self.phase in (FollowPhase.LOST, FollowPhase.ASKING) or self.handed:
            return False
        unseen_s = seconds_between(self.seen_at, at)
        undetected_s = 0.0 if self.track_id is None else seconds_between(self.detected_at or self.seen_at, at)
        if unseen_s > TEMPLATE_LASTS_S or undetected_s > TEMPLATE_BRIDGES_S:
            return False
        sought = self.template.seek(pixels, self.box, reach=min(3.0, 0.7 + unseen_s))
        # Where nobody but the pilot tells what is followed, the picture is all there is, and a sure fit stands for a clear one.
        pictured = self.track_id is None
        if sought is None or not (sought.clear or (pictured and sought.score >= PICTURED_SCORE)):
            return False
        look = describe(pixels, sought.box)
        alike = 0.0 if look is None or self.looks is None else look.likeness(self.looks)
        if look is not None:
            look.wipe()
        if self.looks is not None and alike < (rules.LEAST_LIKENESS if pictured else TEMPLATE_LIKENESS):
            return False
        located = scene.locate(sought.box, self.shape)
        if isinstance(located, Located) and not self._take_place(located, scene, at):
            return False
        self.box, self.seen_at, self.phase, self.quality = sought.box, at, FollowPhase.HELD, Quality.WEAK
        if self.track_id is None and sought.score >= TEMPLATE_SURE:
            self.template.take(pixels, sought.box)  # it turns, and nothing else tells how it looks now
        self.reason = f"held by its picture alone ({sought.score:.2f})"
        return True

    def _take_place(self, located: Located, scene: Scene, at: datetime) -> bool:
        """False where the subject cannot have got to."""
        east, north = scene.metres(located)
        spread = noise(located.own, located.common)
        if self.ground is None:
            self.ground = GroundFilter.start(self.shape, at, east, north, spread)
        else:
            off = east - float(self.ground.state[0]), north - float(self.ground.state[1])
            if mahalanobis2(self.ground.spread + spread, *off) > rules.FARTHEST_2:
                return False
            self.ground.update(east, north, spread)
        self.common = located.common
        return True

    def _unseen(self, at: datetime) -> None:
        unseen_s = seconds_between(self.seen_at, at)
        wide_m = ellipse(self.ground.spread).semi_major_m if self.ground is not None else 0.0
        if self.phase is FollowPhase.LOST or unseen_s > LOST_S or (wide_m > LOST_ELLIPSE_M and not self.handed):
            self.phase, self.quality = FollowPhase.LOST, Quality.LOST
            self.reason = f"not seen for {unseen_s:.0f} s: the pilot must find it"
            return
        self.phase, self.quality = FollowPhase.COASTING, Quality.COASTING
        self.reason = f"not seen for {unseen_s:.1f} s, its place is reckoned"
        if self.handed:
            self.reason = "handed over, not found yet"

    def _ask(self, chosen: Chosen, by_id: dict[int, Track]) -> None:
        lost = self.phase is FollowPhase.LOST
        if not lost:
            self.phase, self.quality = FollowPhase.ASKING, Quality.COASTING
        self.reason = "one fits: is it the subject?" if len(chosen.among) == 1 else f"{len(chosen.among)} fit: which one is it?"
        self.shown = tuple(
            CandidateShown(track_id=one.track_id, box=by_id[one.track_id].box, shape=self.shape, fit=round(fit, 2))
            for one, fit in chosen.among[:MOST_SHOWN]
        )

    def found(self, scene: Scene) -> FollowFound:
        return FollowFound(
            follow_id=self.follow_id, phase=self.phase, quality=self.quality, reason=self.reason,
            track_id=self.track_id if self.phase is FollowPhase.HELD else None, shape=self.shape, box=self.box,
            place=place_of(self.ground, self.common or (Spread(east=0.0, north=0.0) if self.handed else None), scene),
            motion=None if self.ground is None else self.ground.motion(),
            unseen_s=max(0.0, round(seconds_between(self.seen_at, self.at), 3)), candidates=self.shown,
        )  # fmt: skip

    def _forget_looks(self) -> None:
        if self.looks is not None:
            self.looks.wipe()
            self.looks = None


def _apart(tracks: Sequence[Track], subject_id: int | None) -> list[Track]:
    """Without blobs that are a part of somebody else who is seen: a body and its shadow are one, and nobody need be asked."""

    def is_part(one: Track, of: Track) -> bool:
        larger = of.box.width * of.box.height > one.box.width * one.box.height
        return of is not one and of.box.holds(*one.box.centre) and (larger or not of.by_motion)

    return [
        one
        for one in tracks
        if not one.by_motion or one.track_id == subject_id or not any(is_part(one, other) for other in tracks)
    ]


def clicked(follow_id: str, track: Track, pixels: Pixels, at: datetime) -> Subject:
    subject = Subject(follow_id=follow_id, shape=track.shape, box=track.box, seen_at=at, at=at)
    subject.lock(track, pixels, at)
    return subject


def clicked_unknown(follow_id: str, x: float, y: float, pixels: Pixels, scene: Scene, at: datetime) -> Subject | None:
    """The pilot clicked where no shape was found: held by its picture, until a detection joins it. None for a blank wall.

    A person is taken; where that much of the picture is all of one grey, the roof of a vehicle.
    """
    for shape in (Shape.PERSON, Shape.VEHICLE):
        usual = usual_box((x, y), shape, scene)
        box = Box(left=usual.left, top=y - usual.height / 2, width=usual.width, height=usual.height)
        subject = Subject(follow_id=follow_id, shape=shape, box=box, seen_at=at, at=at, shape_known=False)
        if subject.template.take(pixels, box):
            break
    else:
        return None
    subject.looks = describe(pixels, box)
    subject.reason = "chosen by the pilot, held by its picture alone"
    located = scene.locate(box, shape)
    if isinstance(located, Located):
        subject.common = located.common
        subject.ground = GroundFilter.start(shape, at, *scene.metres(located), noise(located.own, located.common))
    return subject


def received(given: HandOver, scene: Scene, at: datetime) -> Subject | None:
    """A subject from another drone. None where this one does not know where it is itself, or the news is too old."""
    if scene.plane is None or not -OLDEST_S <= seconds_between(given.at, at) <= OLDEST_S:
        return None
    return Subject(
        follow_id=given.follow_id, shape=given.shape, box=None, seen_at=given.at, at=at, ground=take(given, scene.plane),
        looks=None if given.looks is None else Appearance.from_bytes(given.looks), phase=FollowPhase.COASTING,
        quality=Quality.COASTING, reason="handed over, not found yet", handed=True,
    )  # fmt: skip
