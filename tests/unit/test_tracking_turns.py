"""A follow by movement alone outlives the turns that the camera makes after it, and what is burnt into the picture is nobody."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.tracking_live import Live, followed

from bowstreet.tracking.model import Box, Shape
from bowstreet.tracking.motion import CameraMotion
from bowstreet.tracking.overlay import Overlay

STRIP_PX = 30


# Before the street was laid anew from near, and without what is burnt in, a vehicle was held for 7 looks: two seconds.
@pytest.mark.parametrize(("shape", "seeds", "least_looks"), [(Shape.PERSON, (8, 9, 10), 120), (Shape.VEHICLE, (5, 6, 7), 75)])
def test_whom_nobody_but_movement_tells_is_held_while_the_camera_turns_after_them(
    shape: Shape, seeds: tuple[int, ...], least_looks: int
) -> None:
    runs = [followed(seed, shape, 60) for seed in seeds]
    held, seen = sum(one for one, _ in runs), sum(one for _, one in runs)
    assert seen >= least_looks, runs
    assert held >= 0.75 * seen, runs


def test_the_clock_that_is_burnt_into_the_picture_is_learnt_on_the_way_round_and_is_nobody() -> None:
    live = Live(6)
    mask = live.lookout._overlay.mask
    assert mask is not None
    high = mask.shape[0]
    strip = round(STRIP_PX / 2)
    assert (mask[:strip] > 0).mean() > 0.6
    assert (mask[strip : high // 2] > 0).mean() < 0.1, "the street is no writing"
    for _ in range(30):
        found, _ = live.look()
        assert not [one for one in found.tracks if one.box.centre[1] < STRIP_PX - 4]


def past(overlay: Overlay, looks: range, *, block: bool = False, shapes: tuple[Box, ...] = ()) -> None:
    """The street goes by under a camera that turns; `block` is somebody whom it keeps in the middle."""
    coarse = np.random.default_rng(4).integers(40, 220, (60, 100), np.uint8)
    street = cv2.resize(coarse, (800, 480), interpolation=cv2.INTER_CUBIC)
    for number in looks:
        left, top = 5 * number, 2 * number
        small = street[top : top + 180, left : left + 320].copy()
        if block:
            small[80:100, 145:175] = 20
        overlay.look(small, CameraMotion(right_px=-5.0, down_px=-2.0, known=True), 1.0, shapes)


def test_a_picture_with_nothing_written_on_it_has_none() -> None:
    overlay = Overlay()
    past(overlay, range(40))
    assert overlay.mask is None


def test_whom_the_camera_keeps_in_the_middle_is_not_written_on_the_picture() -> None:
    kept, unknown = Overlay(), Overlay()
    past(kept, range(40), block=True, shapes=(Box(left=145, top=80, width=30, height=20),))
    assert kept.mask is None
    past(unknown, range(40), block=True)
    assert unknown.mask is not None, "what nobody knows for a shape would be"
    assert unknown.mask[80:100, 145:175].any()
    past(unknown, range(40, 90))
    assert unknown.mask is None, "and is forgotten when it is gone"


@settings(max_examples=60, deadline=None)
@given(
    looks=st.lists(
        st.tuples(
            st.integers(0, 2**32 - 1), st.sampled_from([(180, 320), (90, 160), (240, 320)]), st.floats(0.5, 2.0),
            st.floats(-400.0, 400.0), st.floats(-400.0, 400.0), st.booleans(),
        ),
        max_size=12,
    )
)  # fmt: skip
def test_whatever_is_seen_the_mask_is_of_the_pictures_size(
    looks: list[tuple[int, tuple[int, int], float, float, float, bool]],
) -> None:
    overlay = Overlay()
    for seed, size, nearer, right, down, known in looks:
        small = np.random.default_rng(seed).integers(0, 256, size, np.uint8)
        overlay.look(small, CameraMotion(a=nearer, right_px=right, down_px=down, known=known), 0.5)
        assert overlay.mask is None or overlay.mask.shape == size
