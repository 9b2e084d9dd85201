"""The analyst that a stream's worker loads: looks at each picture, keeps the tracks and the follow, tells what it found.

A look costs one run of the detector on the whole picture, and one on a part of it: round the followed subject, else in turn
over the picture where tiles are asked for. All on one thread: eight streams share two cores.
"""

import time
from collections import deque
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import cv2

from bowstreet.errors import BowstreetError
from bowstreet.frames import DroneFrame, Pixels
from bowstreet.tracking import detector as detectors
from bowstreet.tracking import follow, wire
from bowstreet.tracking.camera import View
from bowstreet.tracking.handover import HandOver
from bowstreet.tracking.locate import locate
from bowstreet.tracking.model import Box, Detection, FollowFound, FollowPhase, GroundPlace, Located, Timing
from bowstreet.tracking.motion import CameraMotion, MotionEstimator, motion_by_pose, shrunk
from bowstreet.tracking.movers import Movers, beside
from bowstreet.tracking.overlay import Overlay
from bowstreet.tracking.plane import Plane
from bowstreet.tracking.ports import Detector, Terrain
from bowstreet.tracking.reading import merged
from bowstreet.tracking.scene import Scene, scene
from bowstreet.tracking.terrain import GridGround, KnownGround, parse_grid
from bowstreet.tracking.tracker import Tracks

# A click is about what the pilot saw, which is a second old on a bad link; so long the boxes of earlier looks are kept.
LOOKS_KEPT = 50
# How far beside a box a click still means it.
CLICK_NEAR_PX = 12.0
# The part looked at closer, in heights of the subject, and at least in pixels of the picture.
CLOSER_HEIGHTS, CLOSER_LEAST_PX = 6.0, 200.0
# Pictures wider than this are tracked at full size all the same; only the detector shrinks them.
SMALL_SHAPE_SHARE = 0.2


@dataclass(frozen=True, slots=True)
class _Look:
    """What an earlier look saw, for clicks that come late. `motion` led from the look before to it."""

    sequence: int
    boxes: tuple[tuple[int, Box], ...]
    motion: CameraMotion


class Lookout:
    """Implements the shape of `video.ports.Analyst`. Made with no arguments by the worker; with its own detector by the tests."""

    def __init__(self, detector: Detector | None = None, terrain: Terrain | None = None) -> None:
        cv2.setNumThreads(1)
        self._detector, self._terrain = detector, terrain or KnownGround(grids=(), stated_m_amsl=None)
        self._setup = wire.Setup()
        self._trouble = ""
        self._orders: list[wire.AnyOrder] = []
        self._estimator, self._overlay = MotionEstimator(), Overlay()
        self._tracks, self._movers = Tracks(), Movers()
        self._looks: deque[_Look] = deque(maxlen=LOOKS_KEPT)
        self._plane: Plane | None = None
        self._subject: follow.Subject | None = None
        self._given: HandOver | None = None
        self._refused: str | None = None
        self._view: View | None = None
        self._turn = 0

    def order(self, data: bytes) -> None:
        """Taken up at the next look. What cannot be read is told with the next findings."""
        try:
            self._orders.append(wire.read_order(data))
        except BowstreetError as error:
            self._trouble = error.message

    def look(self, frame: DroneFrame) -> bytes | None:
        return wire.written(self.findings(frame))

    def findings(self, frame: DroneFrame) -> wire.Findings:
        pixels, at = frame.pixels, frame.captured_at
        height, width = pixels.shape[:2]
        began = time.thread_time_ns()
        self._set_up()
        if frame.pose is not None and self._plane is None:
            self._plane = Plane(frame.pose.position)
        here = scene(frame.pose, width, height, self._terrain, self._plane)
        grey, scale = shrunk(pixels)
        moving = [track.box for track in self._tracks.tracks.values()]
        motion = self._estimator.update(grey, scale, moving, self._overlay.mask)
        if self._subject is not None and self._subject.box is not None:
            moving.append(self._subject.box)
        self._overlay.look(grey, motion, scale, moving)
        if not motion.known and here.view is not None and self._view is not None:
            motion = motion_by_pose(self._view, here.view)
        self._view = here.view
        moved = time.thread_time_ns()
        detections = self._detect(pixels)
        if self._setup.movement:
            subject = None if self._subject is None else self._subject.reckoned(motion)
            movers = self._movers.look(pixels, grey, motion, here, at, subject, self._overlay.mask)
            detections += beside(movers, detections)
        detected = time.thread_time_ns()
        tracks = self._tracks.update(detections, motion, here, at)
        self._looks.append(_Look(frame.sequence, tuple((one.track_id, one.box) for one in tracks), motion))
        tracked = time.thread_time_ns()
        self._given = None
        # A drone that does not know yet where it is takes a hand-over up when it does.
        waits: list[wire.AnyOrder] = [order for order in self._orders if isinstance(order, wire.Receive) and here.plane is None]
        for order in self._orders:
            if order not in waits:
                self._obey(order, pixels, here, at)
        self._orders = [*waits[-1:]]
        followed: FollowFound | None = None
        if self._subject is not None:
            followed = self._subject.step(pixels, tracks, motion, here, at)
        ended = time.thread_time_ns()
        trouble, self._trouble, refused, self._refused = self._trouble, "", self._refused, None
        return wire.Findings(
            sequence=frame.sequence, captured_us=int(at.timestamp() * 1e6), width_px=width, height_px=height,
            tracks=tuple(track.found(here) for track in tracks if track.is_told and _touches(track.box, width, height)),
            camera_motion_known=motion.known, looks_at=_looks_at(here),
            follow=followed, given=self._given, refused=refused, trouble=trouble, pose=frame.pose,
            timing=Timing(
                motion_ms=(moved - began) / 1e6, detect_ms=(detected - moved) / 1e6, track_ms=(tracked - detected) / 1e6,
                follow_ms=(ended - tracked) / 1e6,
            ),
        )  # fmt: skip

    # --- looking ------------------------------------------------------------------------------------------------------

    def _detect(self, pixels: Pixels) -> list[Detection]:
        if self._detector is None:
            try:
                self._detector = detectors.shipped()
            except BowstreetError as error:
                self._trouble = str(error)
                return []
        found = list(self._detector.detect(pixels))
        part = self._part(pixels)
        if part is None:
            return found
        return merged(found + detectors.look_closer(self._detector, pixels, [part]), detectors.SAME_OVERLAP)

    def _part(self, pixels: Pixels) -> Box | None:
        """What to look at closer in this look."""
        height, width = pixels.shape[:2]
        subject = self._subject
        if subject is not None and subject.box is not None and subject.phase is not FollowPhase.LOST:
            if subject.box.height > SMALL_SHAPE_SHARE * height:
                return None
            side = max(CLOSER_LEAST_PX, CLOSER_HEIGHTS * max(subject.box.height, subject.box.width))
            return detectors.around(*subject.box.centre, side, width, height)
        if self._setup.tiles < 2:
            return None
        parts = detectors.tiles(width, height, self._setup.tiles)
        self._turn += 1
        return parts[self._turn % len(parts)]

    # --- orders -------------------------------------------------------------------------------------------------------

    def _set_up(self) -> None:
        """Set-ups come first: the picture is looked at with them."""
        for order in [one for one in self._orders if isinstance(one, wire.Setup)]:
            try:
                grids: tuple[GridGround, ...] = tuple(parse_grid(Path(name).read_bytes()) for name in order.height_files)
                if order.card_file is not None:
                    folder = Path(order.model_folder or Path(order.card_file).parent)
                    self._detector = detectors.from_card(Path(order.card_file), folder)
            except BowstreetError as error:
                self._trouble = str(error)
                continue
            except OSError as error:
                self._trouble = f"the height file {error.filename} cannot be read"
                continue
            self._terrain = KnownGround(grids=grids, stated_m_amsl=order.ground_m_amsl)
            self._setup = order

    def _obey(self, order: wire.AnyOrder, pixels: Pixels, here: Scene, at: datetime) -> None:
        match order:
            case wire.Click():
                self._click(order, pixels, here, at)
            case wire.Choose():
                track = self._tracks.tracks.get(order.track_id)
                if track is None or self._subject is None or self._subject.follow_id != order.follow_id:
                    self._trouble = "who was chosen is not in the picture any more"
                else:
                    self._subject.lock(track, pixels, at)
            case wire.Release():
                if self._subject is not None and self._subject.follow_id == order.follow_id:
                    self._end()
            case wire.Give():
                if self._subject is not None and self._subject.follow_id == order.follow_id:
                    self._given = self._subject.given(here)
                if self._given is None:
                    self._trouble = "there is nobody to hand over, or not known where"
            case wire.Receive():
                subject = follow.received(order.given, here, at)
                if subject is None:
                    self._trouble = "the hand-over cannot be taken: it is too old, or this drone does not know where it is"
                else:
                    self._end()
                    self._subject = subject
            case wire.Setup():
                pass

    def _click(self, order: wire.Click, pixels: Pixels, here: Scene, at: datetime) -> None:
        height, width = pixels.shape[:2]
        x, y = order.x * width, order.y * height
        then = next((look for look in self._looks if look.sequence >= order.sequence), self._looks[-1])
        track = self._tracks.tracks.get(_at(then.boxes, x, y))
        if track is not None:
            self._end()
            self._subject = follow.clicked(order.follow_id, track, pixels, at)
            return
        # Nobody was found there: where that spot is now, by the camera's motion since.
        for look in self._looks:
            if look.sequence > then.sequence:
                x, y = look.motion.moved(x, y)
        subject = follow.clicked_unknown(order.follow_id, x, y, pixels, here, at)
        if subject is None:
            self._refused = order.follow_id
            return
        self._end()
        self._subject = subject

    def _end(self) -> None:
        if self._subject is not None:
            self._subject.wipe()
            self._subject = None


def _at(boxes: tuple[tuple[int, Box], ...], x: float, y: float) -> int:
    """The smallest box that holds the point, else the nearest one close by; -1 for none."""
    holding = sorted((box.width * box.height, track_id) for track_id, box in boxes if box.holds(x, y))
    if holding:
        return holding[0][1]
    near = sorted((_beside(box, x, y), track_id) for track_id, box in boxes)
    return near[0][1] if near and near[0][0] <= CLICK_NEAR_PX else -1


def _touches(box: Box, width: int, height: int) -> bool:
    """Whether any of it is in the picture: the camera turns away from what is reckoned to be beside it."""
    return box.left < width and box.top < height and box.left + box.width > 0 and box.top + box.height > 0


def _beside(box: Box, x: float, y: float) -> float:
    across = max(box.left - x, 0.0, x - box.left - box.width)
    return float((across**2 + max(box.top - y, 0.0, y - box.top - box.height) ** 2) ** 0.5)


def _looks_at(here: Scene) -> GroundPlace | None:
    if here.view is None:
        return None
    found = locate(here.view, here.view.width_px / 2, here.view.height_px / 2, 1.0, here.terrain)
    return GroundPlace(position=found.position, ellipse=found.ellipse) if isinstance(found, Located) else None
