"""A gimbal that is steered after a subject, by the rules as they run, against a gimbal as gimbals are: it stays in the picture."""

import math
from dataclasses import dataclass, field

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bowstreet.flight.lens import narrowed_deg
from bowstreet.frames import CameraPose
from bowstreet.geo import Position
from bowstreet.tracking import steer, trim
from bowstreet.tracking.model import FollowPhase, Quality
from bowstreet.tracking.trim import Trim

HERE = Position(latitude_deg=51.5, longitude_deg=-0.1)
WIDTH, HEIGHT = 640, 360
STEP_S, DT_S, GIMBAL_DEG_S = 0.2, 0.02, 60.0
WANTED = steer.Aim(tilt_deg=-45.0, azimuth_deg=10.0, tilt_rate_deg_s=0.0, azimuth_rate_deg_s=0.0)


@dataclass(kw_only=True)
class Plant:
    """A gimbal that turns where it is told and tells another place, and a subject that goes round at some rate."""

    zoom: float
    off_azimuth_deg: float = 0.0
    off_tilt_deg: float = 0.0
    rate_deg_s: float = 0.0
    late_s: float = 0.3  # from the picture to the gimbal's hearing of it
    pixels_off: float = 2.0
    azimuth_deg: float = 0.0
    tilt_deg: float = -45.0
    subject_deg: float = 0.0
    goal: tuple[float, float] = (-45.0, 0.0)
    under_way: list[tuple[float, tuple[float, float]]] = field(default_factory=list)

    @property
    def view_deg(self) -> float:
        return narrowed_deg(60.0, self.zoom)

    def move(self, now_s: float) -> None:
        self.subject_deg += self.rate_deg_s * DT_S
        while self.under_way and self.under_way[0][0] <= now_s:
            self.goal = self.under_way.pop(0)[1]
        most = GIMBAL_DEG_S * DT_S
        self.tilt_deg += max(-most, min(most, self.goal[0] - self.tilt_deg))
        self.azimuth_deg += max(-most, min(most, math.remainder(self.goal[1] - self.azimuth_deg, 360.0)))

    def seen(self, number: int) -> tuple[float, float]:
        """Where the subject stands in the picture; a detector's box trembles."""
        focal = WIDTH / 2 / math.tan(math.radians(self.view_deg) / 2)
        right = math.radians(math.remainder(self.subject_deg - self.azimuth_deg, 360.0)) * math.cos(math.radians(self.tilt_deg))
        low = math.radians(self.tilt_deg + 45.0)
        tremble = self.pixels_off * (-1) ** number
        return WIDTH / 2 + focal * math.tan(right) + tremble, HEIGHT / 2 + focal * math.tan(low) + tremble

    def pose(self) -> CameraPose:
        return CameraPose(
            position=HERE, altitude_m_amsl=100.0, heading_deg=(self.azimuth_deg + self.off_azimuth_deg) % 360.0,
            tilt_deg=self.tilt_deg + self.off_tilt_deg, horizontal_fov_deg=self.view_deg,
        )  # fmt: skip


def farthest(plant: Plant, seconds: float = 25.0, *, after_s: float = 6.0, trims: bool = True) -> tuple[float, float]:
    """How far from the middle it came, as a share of half the picture: at all, and once it had settled."""
    known, worst, settled, looks = Trim(), 0.0, 0.0, 0
    for tick in range(round(seconds / DT_S)):
        now_s = tick * DT_S
        if tick % round(STEP_S / DT_S) == 0:
            x, y = plant.seen(looks)
            looks += 1
            off = max(abs(x / WIDTH - 0.5), abs(y / HEIGHT - 0.5)) * 2.0
            worst, settled = max(worst, off), max(settled, off if now_s > after_s else 0.0)
            pose = plant.pose()
            aim = steer.aim(pose, WIDTH, HEIGHT, x, y, FollowPhase.HELD, Quality.GOOD, STEP_S)
            if trims:
                known = trim.looked(known, pose, WIDTH, HEIGHT, x, y, STEP_S)
            if aim is not None:
                ordered = trim.order(known, aim)
                known = msgspec.structs.replace(known, ordered=ordered)
                plant.under_way.append((now_s + plant.late_s, ordered))
        plant.move(now_s)
    return worst, settled


@given(
    zoom=st.sampled_from([1.0, 2.0, 4.0, 8.0]), azimuth=st.floats(-2.8, 2.8), tilt=st.floats(-0.7, 0.7),
    rate=st.floats(-1.5, 1.5), late_s=st.floats(0.1, 0.5),
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_whoever_walks_stays_near_the_middle_whatever_the_compass_says(
    zoom: float, azimuth: float, tilt: float, rate: float, late_s: float
) -> None:
    plant = Plant(zoom=zoom, off_azimuth_deg=azimuth, off_tilt_deg=tilt, rate_deg_s=rate, late_s=late_s)
    plant.subject_deg = plant.view_deg / 8.0
    worst, settled = farthest(plant)
    assert worst < 1.0, "it left the picture"
    assert settled < 0.35


def test_after_a_gap_nothing_is_led_by_how_fast_it_went_before() -> None:
    pose = Plant(zoom=8.0).pose()
    known = Trim()
    for x in (320.0, 400.0, 480.0):
        known = trim.looked(known, pose, WIDTH, HEIGHT, x, 180.0, STEP_S)
    assert trim.order(known, WANTED)[1] > 10.2
    known = trim.looked(trim.interrupted(known), pose, WIDTH, HEIGHT, 320.0, 180.0, STEP_S)
    assert trim.order(known, WANTED) == (-45.0, 10.0)


@pytest.mark.parametrize("zoom", [1.0, 2.0, 4.0, 8.0])
def test_a_car_stays_in_the_picture(zoom: float) -> None:
    assert farthest(Plant(zoom=zoom, rate_deg_s=6.0))[0] < 0.8


def test_without_what_is_learnt_it_would_be_lost_at_eight_times() -> None:
    crooked = {"zoom": 8.0, "off_azimuth_deg": 2.8, "off_tilt_deg": 0.7, "subject_deg": 1.0}
    assert farthest(Plant(**crooked), trims=False)[0] > 0.7
    assert farthest(Plant(**crooked))[1] < 0.35
