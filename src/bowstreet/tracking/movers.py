"""What moves, told by its movement alone: small shapes that no detector of photographs finds from the air.

The street behind is remembered as a running mean in the pixels of one picture; each look is laid on it by corners that both show.
What differs by more than the street itself trembles, and is as large on the ground as a person or a vehicle, is a mover. It works
while the vehicle hovers; while it travels, roofs and trees move against the street too, and nothing is told.
"""

import math
from collections import deque
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import cv2
import numpy as np

from bowstreet.frames import Pixels
from bowstreet.tracking.model import Box, Detection, Shape, seconds_between
from bowstreet.tracking.motion import CameraMotion, Gray
from bowstreet.tracking.scene import Scene, metre_px, usual_box

# Pictures are looked at this wide: a person from 80 m is six pixels high here.
WIDTH_PX = 640
# Corners of the street by which a look is laid on it, in the picture that camera motion is told by, too.
MOST_CORNERS, CORNER_QUALITY, CORNER_APART_PX = 120, 0.01, 8
FLOW_WINDOW, FEWEST_AGREEING, LEAST_SHARE = (13, 13), 30, 0.5
# First from afar, as a turn leaves it, then near: levels of the pyramid, and how far off a corner still agrees.
LAYINGS = ((1, 2.0), (0, 0.75))
# The street's memory: it forgets within so many looks, is laid anew on a look this far off, and tells nothing before so many.
MEMORY_LOOKS, REANCHOR_SHARE, FEWEST_LOOKS, ZOOMS = 15, 0.06, 8, 1.05
# How far a pixel must leave what stands next to it, in levels of grey and in the pixel's own mean deviation.
LEAST_LEVELS, DEVIATIONS, USUAL_DEVIATION, MOST_DEVIATION = 12, 3.0, 6.0, 14.0
# Of each look, into the memory of a pixel that has been seen so many times; before the fewest it tells nothing.
SHARES = np.array([1.0 / min(seen + 1, MEMORY_LOOKS) for seen in range(256)], np.float32)
FEWEST_SEEN, TURNS_PX = 3, 2.0
EDGE_PX = 6
# Faster than this, over two seconds, is no hover.
HOVER_MPS, HOVER_LOOKS = 1.0, 10
# How long a mover is, metres on the ground: a person with a stride and a shadow, a bus; parts nearer than a metre are one.
PERSON_M, VEHICLE_M, LEAST_M, JOINED_M = 2.6, 13.0, 0.35, 1.0
LEAST_PX, MOST_FOUND = 6, 40
# While the lens moves, the subject alone is told: so near to where it must be, in its own sizes.
BESIDE_SIZES = 1.5
# Less sure than any detector: it may be a tree in the wind.
SCORE = 0.3

Matrix = Any


class Movers:
    """The street of one stream, as it looks without those who move."""

    def __init__(self) -> None:
        self._street: Any = None  # mean grey, float
        self._tremble: Any = None  # mean deviation of each pixel, float
        self._age: Any = None  # looks that each pixel has been seen in; 0 where it never was
        self._anchor: Any = None  # the small picture that the street lies on
        self._corners: Any = None
        self._onto: Matrix = np.eye(3)  # from the street's pixels to those of the last look
        self._looks, self._zooms = 0, False  # since the street was laid anew, or the lens moved
        self._places: deque[tuple[datetime, float, float]] = deque(maxlen=HOVER_LOOKS)

    def look(
        self, pixels: Pixels, small: Gray, motion: CameraMotion, scene: Scene, at: datetime, subject: Box | None = None,
        written: Gray | None = None,
    ) -> list[Detection]:  # fmt: skip
        """What moves now.

        Args:
            pixels: the picture, RGB; small: the same in grey, as camera motion is told by it.
            motion: of the whole picture since the last look.
            subject: where whoever is followed is, or must be: not forgotten into the street when standing still, and told
                while the lens moves, when nobody else is.
            written: 255 where something is burnt into the picture, of the size of `small`: no part of the street.
        """
        if scene.view is None or not self._hovers(scene, at):
            self._forget()
            return []
        scale = min(1.0, WIDTH_PX / pixels.shape[1])
        grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
        if scale < 1.0:
            grey = cv2.resize(grey, (0, 0), fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        grey = cv2.GaussianBlur(grey, (3, 3), 0)
        onto = self._laid(small, motion, small.shape[1] / pixels.shape[1], grey.shape)
        if onto is None:
            self._begin(grey, small, written)
            return []
        self._onto, self._looks = onto, self._looks + 1
        laid = cv2.warpPerspective(grey, onto, grey.shape[::-1], flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
        inside = self._inside(onto, grey.shape, written)
        mask = self._leaves(laid, inside, _joined_px(scene, scale))
        middle = pixels.shape[1] / 2, pixels.shape[0] / 2
        still = math.dist(motion.moved(*middle), middle) * scale < TURNS_PX
        self._learn(laid, inside, None if subject is None else _on_street(subject, scale, onto), still=still)
        found = self._told(mask, scene, scale)
        if self._looks < FEWEST_LOOKS:
            found = [one for one in found if self._zooms and subject is not None and _is_by(one.box, subject)]
        self._reanchor(grey.shape, small, written)
        return found

    # --- the street -----------------------------------------------------------------------------------------------------

    def _forget(self) -> None:
        self._street, self._looks = None, 0

    def _begin(self, grey: Any, small: Gray, written: Gray | None) -> None:
        self._street, self._tremble = grey.astype(np.float32), np.full(grey.shape, USUAL_DEVIATION, np.float32)
        self._onto, self._looks, self._zooms = np.eye(3), 0, False
        self._age = np.minimum(self._inside(self._onto, grey.shape, written), np.uint8(1))
        self._anchored(small, written)

    def _anchored(self, small: Gray, written: Gray | None) -> None:
        self._anchor = small
        street = None if written is None or written.shape != small.shape else cv2.bitwise_not(written)
        self._corners = cv2.goodFeaturesToTrack(small, MOST_CORNERS, CORNER_QUALITY, CORNER_APART_PX, mask=street)

    def _hovers(self, scene: Scene, at: datetime) -> bool:
        assert scene.view is not None
        if scene.plane is None:
            return False
        self._places.append((at, *scene.plane.to_metres(scene.view.pose.position)))
        then, east, north = self._places[0]
        passed_s = seconds_between(then, at)
        if passed_s < 0.5:
            return False
        return math.dist(self._places[-1][1:], (east, north)) <= HOVER_MPS * passed_s

    def _laid(self, small: Gray, motion: CameraMotion, share: float, shape: tuple[int, ...]) -> Matrix | None:
        """From the street's pixels to this look's; None where that cannot be told."""
        same = self._anchor is not None and self._anchor.shape == small.shape and self._street is not None
        if not same or not motion.known or self._street.shape != shape or self._corners is None:
            return None
        size = np.diag([small.shape[1] / shape[1], small.shape[0] / shape[0], 1.0])
        about = motion.matrix(share) @ size @ self._onto @ np.linalg.inv(size)
        for levels, within_px in LAYINGS:
            about = self._closer(small, about, levels, within_px)
            if about is None:
                return None
        return np.linalg.inv(size) @ about @ size

    def _closer(self, small: Gray, about: Matrix, levels: int, within_px: float) -> Matrix | None:
        """Where the anchor's corners are found again, from where they are thought to be."""
        high, wide = small.shape
        first = cv2.perspectiveTransform(self._corners, about).astype(np.float32)
        x, y = first[:, 0, 0], first[:, 0, 1]
        here = (x > 0) & (y > 0) & (x < wide - 1) & (y < high - 1)
        if int(here.sum()) < FEWEST_AGREEING:
            return None
        nowhere: Any = None
        corners = self._corners[here]
        # The anchor as it would look from here: rolled, tilted and zoomed, a corner's surroundings are not the same any more.
        expected = cv2.warpPerspective(self._anchor, about, (wide, high), borderMode=cv2.BORDER_REPLICATE)
        there, status, _ = cv2.calcOpticalFlowPyrLK(expected, small, first[here], nowhere, winSize=FLOW_WINDOW, maxLevel=levels)
        good = status.ravel() == 1
        if int(good.sum()) < FEWEST_AGREEING:
            return None
        matrix, agree = cv2.findHomography(corners[good], there[good], cv2.RANSAC, within_px)
        if matrix is None or int(agree.sum()) < max(FEWEST_AGREEING, LEAST_SHARE * int(good.sum())):
            return None
        return matrix

    def _inside(self, onto: Matrix, shape: tuple[int, ...], written: Gray | None) -> Any:
        """Where the street's picture and this look both are, without the edges and without what is written on the look."""
        high, wide = shape
        whole = np.zeros(shape, np.uint8)
        cv2.rectangle(whole, (EDGE_PX, EDGE_PX), (wide - 1 - EDGE_PX, high - 1 - EDGE_PX), 255, -1)
        shown = whole if written is None else cv2.subtract(whole, cv2.resize(written, (wide, high)))
        laid = cv2.warpPerspective(shown, onto, (wide, high), flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP)
        return cv2.bitwise_and(laid, whole)

    def _leaves(self, laid: Any, inside: Any, joined_px: int) -> Any:
        """The pixels that are neither the street's nor a neighbour's: laid a pixel wrong, an edge is still an edge."""
        street, tremble = cv2.convertScaleAbs(self._street), cv2.convertScaleAbs(self._tremble, alpha=DEVIATIONS)
        near = np.ones((3, 3), np.uint8)
        off = cv2.max(cv2.subtract(laid, cv2.dilate(street, near)), cv2.subtract(cv2.erode(street, near), laid))
        leaves = (off > np.maximum(tremble, LEAST_LEVELS)) & (self._age >= FEWEST_SEEN)
        return cv2.morphologyEx(np.where(leaves, inside, np.uint8(0)), cv2.MORPH_CLOSE, np.ones((joined_px, joined_px), np.uint8))

    def _learn(self, laid: Any, inside: Any, subject: tuple[int, int, int, int] | None, *, still: bool) -> None:
        if subject is not None:
            left, top, right, low = subject
            inside = inside.copy()
            inside[max(0, top) : max(0, low), max(0, left) : max(0, right)] = 0
        self._tremble[self._age == 0] = USUAL_DEVIATION
        off = np.minimum(cv2.absdiff(laid, cv2.convertScaleAbs(self._street)), np.uint8(MOST_DEVIATION))
        # The first looks weigh more, so that whoever stood there at the first is forgotten as fast as anybody.
        share = cv2.LUT(self._age, SHARES)
        cv2.add(self._street, share * (laid - self._street), self._street, mask=inside)
        if still:  # while the camera turns a picture is coarse, and no measure of how still the street is
            cv2.accumulateWeighted(off, self._tremble, 1.0 / MEMORY_LOOKS, mask=inside)
        self._age = cv2.add(self._age, np.minimum(inside, np.uint8(1)))

    def _reanchor(self, shape: tuple[int, ...], small: Gray, written: Gray | None) -> None:
        """The camera has turned, or its lens has moved: the street is laid on this look."""
        high, wide = shape
        corners = np.array([[[0.0, 0.0], [wide, 0.0], [0.0, high], [wide, high]]], np.float32)
        now = cv2.perspectiveTransform(corners, self._onto)
        zooms = not 1.0 / ZOOMS < math.dist(now[0, 0], now[0, 3]) / math.hypot(wide, high) < ZOOMS
        if not zooms and float(np.linalg.norm(now - corners, axis=2).mean()) < REANCHOR_SHARE * wide:
            return
        if zooms:  # what was seen through another lens is a coarse memory, soon learnt over
            self._age, self._looks, self._zooms = np.minimum(self._age, np.uint8(FEWEST_SEEN)), 0, True
        self._age = cv2.warpPerspective(self._age, self._onto, (wide, high), flags=cv2.INTER_NEAREST)
        self._street = cv2.warpPerspective(self._street, self._onto, (wide, high))
        self._tremble = cv2.warpPerspective(self._tremble, self._onto, (wide, high))
        self._onto = np.eye(3)
        self._anchored(small, written)

    # --- who ------------------------------------------------------------------------------------------------------------

    def _told(self, mask: Any, scene: Scene, scale: float) -> list[Detection]:
        outlines, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        rows = sorted((cv2.boundingRect(one) for one in outlines), key=lambda one: -one[2] * one[3])
        found = []
        for left, top, wide, high in rows[:MOST_FOUND]:
            if wide * high < LEAST_PX:
                break
            x, y, w = (self._onto @ np.array([left + wide / 2, top + high / 2, 1.0])).tolist()
            one = _shaped(x / w / scale, y / w / scale, wide / scale, high / scale, scene)
            if one is not None:
                found.append(one)
        return found


def _joined_px(scene: Scene, scale: float) -> int:
    """Parts of one mover this near to each other are one; odd, as kernels are."""
    assert scene.view is not None
    each_px = metre_px(scene, scene.view.width_px / 2, scene.view.height_px / 2)
    return 3 if each_px is None else max(3, min(15, round(JOINED_M * each_px * scale) | 1))


def _is_by(box: Box, subject: Box) -> bool:
    reach = max(subject.width, subject.height)
    return math.dist(box.centre, subject.centre) <= BESIDE_SIZES * reach


def _on_street(box: Box, scale: float, onto: Matrix) -> tuple[int, int, int, int]:
    """A box of this look in the street's pixels: left, top, right, low."""
    corners = np.array([[box.left, box.top], [box.left + box.width, box.top + box.height]], np.float32) * scale
    (left, top), (right, low) = cv2.perspectiveTransform(corners[None], np.linalg.inv(onto))[0].tolist()
    return int(left) - 1, int(top) - 1, int(right) + 2, int(low) + 2


def _shaped(x: float, y: float, wide: float, high: float, scene: Scene) -> Detection | None:
    """A person or a vehicle by its size on the ground; None for what is neither, or stands where no size can be told."""
    each_px = metre_px(scene, x, y)
    if each_px is None or not LEAST_M <= max(wide, high) / each_px <= VEHICLE_M:
        return None
    shape = Shape.PERSON if max(wide, high) / each_px <= PERSON_M else Shape.VEHICLE
    usual = usual_box((x, y), shape, scene)
    # Parts of it may be as grey as the street: never smaller than a usual one.
    wide, high = max(wide, usual.width), max(high, usual.height)
    return Detection(
        box=Box(left=x - wide / 2, top=y - high / 2, width=wide, height=high), shape=shape, score=SCORE, by_motion=True
    )  # fmt: skip


def beside(movers: Sequence[Detection], found: Sequence[Detection]) -> list[Detection]:
    """The movers that a detector did not find itself."""
    return [one for one in movers if not any(other.box.holds(*one.box.centre) for other in found)]
