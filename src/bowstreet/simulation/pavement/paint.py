"""The picture of a fixed camera over a pavement, and whose heads are where in it."""

from collections.abc import Mapping

import cv2
import msgspec
import numpy as np
import numpy.typing as npt

from bowstreet.frames import Pixels
from bowstreet.simulation.pavement.cutout import Cutout, Plane
from bowstreet.simulation.pavement.walk import Standing

CAMERA_UP_M = 2.3
# A lens that is made for faces: 46 degrees across.
FOCAL_WIDTHS = 1.17
# The optical axis is a little down: the horizon lies so far above the middle, of the height.
HORIZON = 0.355
# Of a body: how tall a head is, and how wide (with hair).
HEAD_TALL, HEAD_WIDE = 0.165, 0.135
# The fronts of the houses: how far from the middle of the street, and where along it one ends and the next begins.
STREET_HALF_M, FRONTS_M = 4.2, (5.0, 13.0, 19.0, 26.0, 38.0, 60.0)
NOISE_SIGMA = 2.0


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """Where somebody's head is, pixels; whoever is nearer stands before it."""

    person_id: str
    left: float
    top: float
    width: float
    height: float
    ahead_m: float


class Painter:
    """Draws what is there.

    Args:
        cutouts: everybody who may walk past, by id.
    """

    def __init__(self, cutouts: Mapping[str, Cutout], width_px: int = 1280, height_px: int = 720, seed: int = 0) -> None:
        self._cutouts, self._width, self._height = cutouts, width_px, height_px
        self._focal = FOCAL_WIDTHS * width_px
        self._ground = _street(width_px, height_px, int(HORIZON * height_px), np.random.default_rng([seed, 19]))
        noise = np.random.default_rng([seed, 20]).normal(0.0, NOISE_SIGMA, (height_px + 64, width_px + 64, 1))
        self._noise = np.repeat(np.round(noise), 3, axis=2).astype(np.int8)
        self._count = 0

    def paint(self, standing: list[Standing]) -> Pixels:
        """Those who stand farthest come first."""
        picture = self._ground.copy()
        for one in standing:
            self._blend(picture, one)
        self._count += 1
        down, right = self._count * 29 % 64, self._count * 47 % 64
        noise = self._noise[down : down + self._height, right : right + self._width]
        return np.asarray(cv2.add(picture, noise, dtype=cv2.CV_8U), np.uint8)

    def heads(self, standing: list[Standing]) -> list[Head]:
        """Whose heads are in the picture, the nearest last."""
        found = []
        for one in standing:
            scale, centre, top = self._place(one)
            tall, wide = HEAD_TALL * one.height_m * scale, HEAD_WIDE * one.height_m * scale
            if -wide / 2 < centre < self._width + wide / 2 and -tall < top < self._height:
                head = Head(
                    person_id=one.person_id, left=centre - wide / 2, top=top, width=wide, height=tall, ahead_m=one.ahead_m
                )
                found.append(head)
        return found

    def _place(self, one: Standing) -> tuple[float, float, float]:
        """Pixels a metre there, and where the middle and the top of the body are."""
        scale = self._focal / one.ahead_m
        return scale, self._width / 2 + one.right_m * scale, HORIZON * self._height + (CAMERA_UP_M - one.height_m) * scale

    def _blend(self, picture: Plane, one: Standing) -> None:
        scale, centre, top = self._place(one)
        tall = one.height_m * scale
        body = self._fitting(one.person_id, tall)
        ratio = tall / body.shape[0]
        left = centre - body.shape[1] * ratio / 2
        x0, x1 = max(0, int(left)), min(self._width, int(left + body.shape[1] * ratio) + 1)
        y0, y1 = max(0, int(top)), min(self._height, int(top + tall) + 1)
        if x0 >= x1 or y0 >= y1:
            return
        matrix = np.array(((ratio, 0.0, left - x0), (0.0, ratio, top - y0)))
        drawn = cv2.warpAffine(body, matrix, (x1 - x0, y1 - y0), flags=cv2.INTER_LINEAR)
        part = picture[y0:y1, x0:x1]
        share = drawn[..., 3:].astype(np.uint16)
        part[:] = (drawn[..., :3] * share + part * (255 - share) + 127) // 255

    def _fitting(self, person_id: str, tall: float) -> Plane:
        """The smallest that need not be enlarged."""
        sizes = self._cutouts[person_id].sizes
        return next((one for one in reversed(sizes) if one.shape[0] >= tall), sizes[0])


def _street(width: int, height: int, horizon: int, dice: np.random.Generator) -> Plane:
    """A street without anybody: sky, fronts of houses with windows, slabs that run to the horizon."""
    picture = np.zeros((height, width, 3), np.uint8)
    sky = np.linspace((196, 208, 220), (226, 230, 232), max(horizon, 1))
    picture[:horizon] = sky[:, None]
    _slabs(picture, horizon)
    for near_m, far_m in zip(FRONTS_M[-2::-1], FRONTS_M[:0:-1], strict=True):
        for side in (-1, 1):
            _house(picture, horizon, side, (near_m, far_m), dice)
    return cv2.GaussianBlur(picture, (0, 0), 0.8)


def _house(picture: Plane, horizon: int, side: int, front_m: tuple[float, float], dice: np.random.Generator) -> None:
    """One front of the row on one side, from the near end to the far one."""
    width = picture.shape[1]
    near_m, far_m = front_m

    def at(ahead_m: float, up_m: float) -> tuple[int, int]:
        scale = FOCAL_WIDTHS * width / ahead_m
        return int(width / 2 + side * STREET_HALF_M * scale), int(horizon - (up_m - CAMERA_UP_M) * scale)

    def area(one_m: float, other_m: float, low_m: float, high_m: float) -> npt.NDArray[np.int32]:
        corners = at(one_m, low_m), at(other_m, low_m), at(other_m, high_m), at(one_m, high_m)
        return np.array(corners, np.int32)

    wall = dice.integers(95, 150) + np.array((18, 4, -8))
    tall_m = 8.0 + 3.0 * float(dice.random())
    cv2.fillPoly(picture, [area(near_m, far_m, 0.0, tall_m)], wall.tolist())
    for storey_m in (0.8, 3.7, 6.4):
        for column in range(3):
            one_m, other_m = (near_m + (far_m - near_m) * (column + part) / 3 for part in (0.25, 0.75))
            cv2.fillPoly(picture, [area(one_m, other_m, storey_m, storey_m + 1.6)], (70, 78, 90))


def _slabs(picture: Plane, horizon: int) -> None:
    height, width = picture.shape[:2]
    rows = np.arange(height - horizon, dtype=np.float32)[:, None]
    picture[horizon:] = np.clip(118 + rows * 0.09, 0, 255)[..., None].astype(np.uint8)
    for metres in np.arange(1.2, 40.0, 0.9):
        y = int(horizon + CAMERA_UP_M * FOCAL_WIDTHS * width / metres)
        if y < height:
            cv2.line(picture, (0, y), (width, y), (98, 98, 98), 1, cv2.LINE_AA)
    for right_m in np.arange(-9.0, 9.1, 0.9):
        far, near = FOCAL_WIDTHS * width / 60.0, FOCAL_WIDTHS * width / 1.5
        ends = [(int(width / 2 + right_m * scale), int(horizon + CAMERA_UP_M * scale)) for scale in (far, near)]
        cv2.line(picture, ends[0], ends[1], (98, 98, 98), 1, cv2.LINE_AA)
