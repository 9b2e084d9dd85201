"""What moves is told by its movement alone while the drone hovers, and a press holds on to what no detector knows."""

from datetime import timedelta

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.tracking_hover import GROUND_M, START, H, Hover, W, counted, holds, is_clear, is_parked

from bowstreet.frames import CameraPose
from bowstreet.geo import Position
from bowstreet.tracking import wire
from bowstreet.tracking.model import Box, Detection, FollowPhase, Quality, Shape
from bowstreet.tracking.motion import CameraMotion, shrunk
from bowstreet.tracking.movers import VEHICLE_M, Movers, beside
from bowstreet.tracking.plane import Plane
from bowstreet.tracking.scene import metre_px, scene
from bowstreet.tracking.terrain import StatedGround

HERE = Position(latitude_deg=51.54, longitude_deg=-0.10)
PLANE, GROUND = Plane(HERE), StatedGround(stated_m_amsl=GROUND_M)


def test_persons_of_six_pixels_and_vehicles_are_told_and_little_else() -> None:
    count = counted(Hover(5), 70)
    assert count.persons > 20
    assert count.vehicles > 100
    assert count.persons_told >= 0.6 * count.persons
    assert count.vehicles_told >= 0.7 * count.vehicles
    assert count.false <= 0.6 * count.looks


def test_what_is_told_by_movement_alone_says_so_and_is_never_good() -> None:
    hover = Hover(5)
    seen = [track for _ in range(40) for track in hover.look()[0].tracks]
    assert any(track.reason == "told by its movement alone" for track in seen)
    assert not any(track.quality is Quality.GOOD for track in seen)


def test_while_the_vehicle_travels_nothing_is_told() -> None:
    hover = Hover(5, travels_mps=5.0)
    assert not [track for _ in range(40) for track in hover.look()[0].tracks]


def test_an_operator_can_switch_it_off() -> None:
    hover = Hover(5)
    hover.look(wire.Setup(ground_m_amsl=GROUND_M, movement=False))
    assert not [track for _ in range(40) for track in hover.look()[0].tracks]


@pytest.mark.parametrize("field_of_view_deg", [60.0, 30.0])
def test_a_press_on_a_parked_car_that_no_detector_knows_holds_it(field_of_view_deg: float) -> None:
    hover = Hover(7, field_of_view_deg=field_of_view_deg)
    for _ in range(5):
        _, there = hover.look()
    held = 0
    cars = [one for one in there if is_parked(one) and is_clear(one) and one.visible > 0.95][:4]
    assert cars
    for number, car in enumerate(cars):
        click = hover.press_on(car)
        found, _ = hover.look(wire.Click(follow_id=f"fol-{number}", x=click.x, y=click.y, sequence=click.sequence))
        for _ in range(5):
            found, there = hover.look()
        now = next(one for one in there if one.name == car.name)
        follow = found.follow
        held += (
            follow is not None and follow.phase is FollowPhase.HELD and follow.box is not None and holds(now, *follow.box.centre)
        )
    assert held >= len(cars) / 2


def test_a_walker_whom_no_detector_knows_is_kept_in_the_picture_of_a_lens_that_is_zoomed_in() -> None:
    hover = Hover(7, field_of_view_deg=20.0, turns=True)
    for _ in range(40):
        found, there = hover.look()
    told = [one for one in found.tracks if one.shape is Shape.PERSON and one.quality is Quality.WEAK]
    walkers = [one for one in there if not is_parked(one) and any(holds(one, *track.box.centre) for track in told)]
    subject = walkers[0]
    orders: tuple[wire.AnyOrder, ...] = (hover.press_on(subject),)
    held = 0
    for _ in range(60):
        found, there = hover.look(*orders)
        orders = ()
        now = next((one for one in there if one.name == subject.name), None)
        follow = found.follow
        held += (
            now is not None and follow is not None and follow.phase is FollowPhase.HELD and follow.box is not None
            and holds(now, *follow.box.centre, near_px=8.0)
        )  # fmt: skip
    assert held >= 54
    assert now is not None
    assert 0.25 * W < now.box[0] < 0.75 * W


def test_what_is_reckoned_to_be_outside_the_picture_is_not_shown() -> None:
    hover = Hover(5)
    for number in range(60):
        if number == 40:
            hover.azimuth_deg += 40.0
        found, _ = hover.look()
        for one in found.tracks:
            assert one.box.left < W
            assert one.box.left + one.box.width > 0


def test_a_press_on_nothing_is_refused_once_and_follows_nobody() -> None:
    movers_see = np.full((H, W, 3), 120, np.uint8)
    hover = Hover(5)
    hover.look()
    hover._renderer.paint = lambda *_, **__: movers_see  # type: ignore[method-assign]
    found, _ = hover.look(wire.Click(follow_id="fol-1", x=0.5, y=0.5, sequence=hover.number))
    assert (found.refused, found.follow) == ("fol-1", None)
    found, _ = hover.look()
    assert found.refused is None


def test_a_mover_that_a_detector_found_is_told_once() -> None:
    def at(x: float, by_motion: bool) -> Detection:
        return Detection(
            box=Box(left=x, top=50, width=10, height=20), shape=Shape.PERSON, score=0.3 if by_motion else 0.9, by_motion=by_motion
        )

    known = at(100, False)
    assert beside([at(102, True), at(300, True)], [known]) == [at(300, True)]


motions = st.builds(
    CameraMotion, a=st.floats(0.5, 2.0), b=st.floats(-0.5, 0.5), right_px=st.floats(-200, 200), down_px=st.floats(-200, 200),
    known=st.booleans(),
)  # fmt: skip
# What differs from the street: left, top, width and height in shares of the picture, and how bright.
patches = st.lists(st.tuples(*(st.floats(0.0, 1.0),) * 2, *(st.floats(0.005, 0.5),) * 2, st.integers(0, 255)), max_size=6)
STILL = CameraMotion(a=1.0, b=0.0, right_px=0.0, down_px=0.0, known=True)
QUIET_LOOKS = 14


class Street:
    """A picture with corners that is always the same, and who is painted on it."""

    def __init__(self, seed: int, high: int, wide: int) -> None:
        coarse = np.random.default_rng(seed).integers(60, 200, (high // 12 + 1, wide // 12 + 1, 1), np.uint8)
        self.pixels = np.repeat(cv2.resize(coarse, (wide, high), interpolation=cv2.INTER_NEAREST)[:, :, None], 3, axis=2)
        self._movers, self._number, self._high, self._wide = Movers(), 0, high, wide

    def look(
        self, painted: list[tuple[float, float, float, float, int]], motion: CameraMotion = STILL, tilt_deg: float = -45.0
    ) -> None:
        """One look; what is told of it is held against the ground."""
        pixels = self.pixels.copy()
        for left, top, across, down, bright in painted:
            x, y = int(left * self._wide), int(top * self._high)
            pixels[y : y + max(1, int(down * self._high)), x : x + max(1, int(across * self._wide))] = bright
        pose = CameraPose(position=HERE, altitude_m_amsl=110.0, heading_deg=0.0, tilt_deg=tilt_deg, horizontal_fov_deg=60.0)
        here = scene(pose, self._wide, self._high, GROUND, PLANE)
        self._number += 1
        at = START + timedelta(seconds=0.2 * self._number)
        self.told = self._movers.look(pixels, shrunk(pixels)[0], motion, here, at)
        for one in self.told:
            each_px = metre_px(here, *one.box.centre)
            assert one.by_motion
            assert each_px is not None
            assert 0.0 < max(one.box.width, one.box.height) <= 1.01 * VEHICLE_M * each_px


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1), size=st.sampled_from([(360, 640), (270, 480), (720, 1280)]),
    looks=st.lists(st.tuples(patches, st.just(STILL) | motions, st.sampled_from([-45.0, -45.0, -90.0, -5.0, 10.0])), max_size=8),
)  # fmt: skip
def test_whatever_is_seen_nothing_larger_than_a_vehicle_is_told(
    seed: int, size: tuple[int, int], looks: list[tuple[list[tuple[float, float, float, float, int]], CameraMotion, float]]
) -> None:
    street = Street(seed, *size)
    for _ in range(QUIET_LOOKS):
        street.look([])
        assert not street.told
    street.look([(0.5, 0.5, 0.012, 0.04, 255)])
    assert any(one.box.holds(0.506 * size[1], 0.52 * size[0]) for one in street.told)
    for painted, motion, tilt_deg in looks:
        street.look(painted, motion, tilt_deg)
