"""Patches that may be number plates: one is found at any angle and size at which it could be read, and nothing breaks it."""

import math

import cv2
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from tests.filmed_street import STAGES, filmed, plate_mask

from bowstreet.simulation.scenery import plates as drawn
from bowstreet.tracking.finder import Patches
from bowstreet.tracking.model import Box
from bowstreet.tracking.plates import MOST_PLATES, possible_plates


def with_plate(
    width_px: float, turn_rad: float, squeeze: float, around: int, face: int, shade: float
) -> tuple[np.ndarray, np.ndarray]:
    """A picture of one plate on a plain vehicle, and the plate's corners."""
    picture = np.full((240, 320, 3), around, np.uint8)
    half, high = width_px / 2, width_px * drawn.PLATE_M[1] / drawn.PLATE_M[0] * squeeze / 2
    c, s = math.cos(turn_rad), math.sin(turn_rad)
    corners = np.array(
        [(160 + x * c - y * s, 120 + x * s + y * c) for x, y in ((-half, -high), (half, -high), (half, high), (-half, high))]
    )
    drawn.draw(picture, corners, face, shade, 3)
    return picture, corners


@given(
    width_px=st.floats(min_value=45.0, max_value=150.0), turn_rad=st.floats(min_value=0.0, max_value=math.pi),
    squeeze=st.floats(min_value=0.75, max_value=1.0), around=st.integers(min_value=20, max_value=110),
    face=st.sampled_from([1, 2, 3, 4]), shade=st.floats(min_value=0.6, max_value=1.0),
)  # fmt: skip
@settings(deadline=None, max_examples=150)
def test_a_plate_that_can_be_read_is_found_at_any_angle(
    width_px: float, turn_rad: float, squeeze: float, around: int, face: int, shade: float
) -> None:
    """All of its characters lie in what is covered, which is some wider than what is found."""
    picture, corners = with_plate(width_px, turn_rad, squeeze, around, face, shade)
    mask = np.zeros(picture.shape[:2], np.uint8)
    cv2.fillConvexPoly(mask, np.round(corners.mean(0) + 0.9 * (corners - corners.mean(0))).astype(np.int32), 1)
    open_px = mask.astype(bool)
    for box in possible_plates(picture):
        x, y = max(4.0, 0.3 * box.width), max(4.0, 0.3 * box.height)
        left, top = max(0, int(box.left - x)), max(0, int(box.top - y))
        open_px[top : math.ceil(box.top + box.height + y), left : math.ceil(box.left + box.width + x)] = False
    assert open_px.sum() <= 0.05 * mask.sum()


@given(arrays.arrays(np.uint8, st.tuples(st.integers(1, 90), st.integers(1, 90), st.just(3))))
@settings(deadline=None, max_examples=60)
def test_any_picture_gives_boxes_inside_it(picture: np.ndarray) -> None:
    height, width = picture.shape[:2]
    found = possible_plates(picture)
    assert len(found) <= MOST_PLATES
    for box in found:
        assert 0 <= box.left < width
        assert 0 <= box.top < height
        assert box.width > 0 < box.height


def test_noise_is_bounded() -> None:
    noise = np.random.default_rng(1).integers(0, 256, (720, 1280, 3), dtype=np.uint8)
    assert len(possible_plates(noise)) <= MOST_PLATES


def test_a_patch_is_the_same_from_look_to_look_and_another_is_not() -> None:
    patches = Patches()
    boxes = [[Box(left=100 + 20 * n, top=50, width=30, height=10), Box(left=400, top=200, width=30, height=10)] for n in range(4)]
    told = [patches.update(one) for one in boxes]
    assert {tuple(one.track_id for one in look) for look in told} == {(1, 2)}
    assert [one.track_id for one in patches.update([Box(left=800, top=50, width=30, height=10)])] == [3]


def test_the_simulated_streets_plates_are_where_the_truth_says() -> None:
    """Painted once with and once without them: what differs lies in the corners that are told, and most of them differs."""
    [one] = filmed(0.08, width=1280, height=720, height_m=8.0, tilt_deg=-25.0, stage=STAGES[5], fov_deg=22.0, way_rad=1.2)
    shown = [plate for plate in one.plates if plate.visible == 1.0 and plate.height_px > 6]
    assert shown
    original, drawn.draw = drawn.draw, lambda *_: None
    try:
        [bare] = filmed(0.08, width=1280, height=720, height_m=8.0, tilt_deg=-25.0, stage=STAGES[5], fov_deg=22.0, way_rad=1.2)
    finally:
        drawn.draw = original
    differs = (one.pixels.astype(int) - bare.pixels).any(2)
    told = np.zeros(differs.shape, bool)
    for plate in one.plates:
        told |= cv2.dilate(plate_mask(plate, 1280, 720).astype(np.uint8), np.ones((5, 5))).astype(bool)
    assert not (differs & ~told).any()
    for plate in shown:
        mask = plate_mask(plate, 1280, 720)
        assert (differs & mask).sum() > 0.8 * mask.sum()
