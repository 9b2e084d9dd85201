"""The simulated camera's picture: where things appear, what hides them, and that it is the same each time."""

import cv2
import numpy as np
import pytest
from pymap3d import geodetic2enu

from bowstreet.frames import CameraPose
from bowstreet.geo import GridPoint, to_wgs84
from bowstreet.simulation.broadcast import Encoder
from bowstreet.simulation.scenery import strip
from bowstreet.simulation.scenery.life import (
    ACT_S,
    DRIVEN_S,
    ENTERS_S,
    Moment,
    Person,
    act,
    moment,
    parked,
    subject,
)
from bowstreet.simulation.scenery.light import LIGHTS
from bowstreet.simulation.scenery.render import Renderer
from bowstreet.simulation.scenery.street import Street, bridge_at, plays
from bowstreet.simulation.scenery.truth import Seen, truth
from bowstreet.simulation.scenery.view import View, view

WIDTH, HEIGHT, GROUND_M = 640, 360, 35.0
NOBODY = Moment(people=(), moving=())
STREET = Street(seed=3, origin=GridPoint(easting_m=531_000.0, northing_m=184_000.0), ground_m_amsl=GROUND_M)


def pose_over(u: float, v: float, *, height_m: float = 60.0, heading_deg: float = 40.0, tilt_deg: float = -50.0) -> CameraPose:
    east, north = STREET.to_grid(u, v)
    return CameraPose(
        position=to_wgs84(GridPoint(easting_m=float(east), northing_m=float(north))), altitude_m_amsl=GROUND_M + height_m,
        heading_deg=heading_deg, tilt_deg=tilt_deg, horizontal_fov_deg=60.0,
    )  # fmt: skip


def independent_pixel(pose: CameraPose, u: float, v: float, z: float) -> np.ndarray:
    """By WGS 84, a local tangent plane and OpenCV's own camera: nothing of the renderer's but where the streets lie."""
    east, north = STREET.to_grid(u, v)
    place = to_wgs84(GridPoint(easting_m=float(east), northing_m=float(north)))
    at = pose.position
    enu = geodetic2enu(
        place.latitude_deg, place.longitude_deg, GROUND_M + z, at.latitude_deg, at.longitude_deg, pose.altitude_m_amsl
    )
    heading, tilt, roll = np.radians((pose.heading_deg + pose.pan_deg, pose.tilt_deg, pose.roll_deg))
    # Columns of a turn from the world (east, north, up) to the camera (right, down, ahead), one turn after the other.
    level = np.array(((np.cos(heading), -np.sin(heading), 0), (0, 0, -1), (np.sin(heading), np.cos(heading), 0)))
    tilted, _ = cv2.Rodrigues(np.array((-tilt, 0.0, 0.0)))
    rolled, _ = cv2.Rodrigues(np.array((0.0, 0.0, -roll)))
    turn, _ = cv2.Rodrigues(rolled @ tilted @ level)
    focal = WIDTH / 2 / np.tan(np.radians(pose.horizontal_fov_deg / 2))
    lens = np.array(((focal, 0, (WIDTH - 1) / 2), (0, focal, (HEIGHT - 1) / 2), (0, 0, 1)))
    pixels, _ = cv2.projectPoints(np.array([enu], float), turn, np.zeros(3), lens, None)
    return pixels.reshape(2)


def changed_box(one: np.ndarray, other: np.ndarray) -> tuple[int, int, int, int]:
    rows, columns = np.nonzero(np.abs(one.astype(int) - other).max(axis=2) > 10)
    return columns.min(), rows.min(), columns.max(), rows.max()


def find(objects: tuple[Seen, ...], name: str) -> Seen:
    return next(one for one in objects if one.name == name)


def seen_from(pose: CameraPose) -> View:
    return view(STREET, pose, WIDTH, HEIGHT)


@pytest.mark.parametrize("roll_deg", [0.0, 8.0])
@pytest.mark.parametrize(("heading_deg", "tilt_deg"), [(0.0, -45.0), (130.0, -70.0), (250.0, -20.0)])
def test_places_appear_where_an_independent_camera_has_them(heading_deg: float, tilt_deg: float, roll_deg: float) -> None:
    level = pose_over(12.0, -30.0, heading_deg=heading_deg, tilt_deg=tilt_deg)
    pose = CameraPose(
        position=level.position, altitude_m_amsl=level.altitude_m_amsl, heading_deg=heading_deg - 25.0, pan_deg=25.0,
        tilt_deg=tilt_deg, roll_deg=roll_deg, horizontal_fov_deg=60.0,
    )  # fmt: skip
    seen = seen_from(pose)
    u, v = seen.looks_at(250.0)
    for du, dv, z in ((0.0, 0.0, 0.0), (8.0, -5.0, 0.0), (-10.0, 6.0, 4.0)):
        pixels, depth = seen.seen(np.array((u + du, v + dv, z)))
        assert depth > 0
        assert np.abs(pixels - independent_pixel(pose, u + du, v + dv, z)).max() < 0.5


def test_a_person_and_a_vehicle_are_painted_in_the_stated_pixels() -> None:
    renderer = Renderer(STREET, LIGHTS["rain"], WIDTH, HEIGHT)  # without shadows: those are no part of a body
    boxes = 0
    for i, j in ((0, 0), (2, 3), (4, 0), (6, 3)):
        person, car = subject(STREET, i, j, 5.0)
        target = person or car
        pose = pose_over(target.u - 22.0, target.v - 18.0, height_m=38.0, heading_deg=30.0, tilt_deg=-55.0)
        centre = seen_from(pose).looks_at(300.0)
        pose = pose_over(target.u - 22.0 + target.u - centre[0], target.v - 18.0 + target.v - centre[1], height_m=38.0,
                         heading_deg=30.0, tilt_deg=-55.0)  # fmt: skip
        seen = seen_from(pose)
        about = renderer.about(seen, 5.0)
        objects = {one.name: one for one in truth(STREET, seen, about)}
        whole = renderer.paint(seen, about, noisy=False)
        for one in (*about.people, *about.moving):
            stated = objects.get(one.name)
            if stated is None or stated.visible < 1.0 or min(stated.box) < 2 or stated.box[2] > 637 or stated.box[3] > 357:
                continue
            without = Moment(
                people=tuple(other for other in about.people if other is not one),
                moving=tuple(other for other in about.moving if other is not one),
            )
            painted = changed_box(whole, renderer.paint(seen, without, noisy=False))
            assert np.abs(np.array(painted) - stated.box).max() <= 2.5, (one.name, painted, stated.box)
            boxes += 1
    assert boxes >= 4


def test_what_is_hidden_is_not_painted() -> None:
    """The painter (from far to near) and the truth (by lines of sight) agree on who can be seen."""
    renderer = Renderer(STREET, LIGHTS["rain"], WIDTH, HEIGHT)
    hidden = seen_ones = 0
    for place in range(8):
        pose = pose_over(60.0 * place, 25.0 * place, height_m=45.0, heading_deg=70.0 * place, tilt_deg=-40.0)
        seen = seen_from(pose)
        about = renderer.about(seen, 9.0 * place)
        stated = {one.name: one for one in truth(STREET, seen, about)}
        whole = renderer.paint(seen, about, noisy=False)
        for one in (*about.people, *about.moving):
            true = stated.get(one.name)
            if true is None or min(true.box) < 0 or true.box[2] > WIDTH - 1 or true.box[3] > HEIGHT - 1:
                continue
            without = Moment(
                people=tuple(other for other in about.people if other is not one),
                moving=tuple(other for other in about.moving if other is not one),
            )
            changes = int((np.abs(whole.astype(int) - renderer.paint(seen, without, noisy=False)).max(axis=2) > 6).sum())
            if true.visible == 0.0:
                hidden += 1
                assert changes <= 6, (one.name, changes)
            elif true.visible == 1.0:
                seen_ones += 1
                assert changes > 0, one.name
    assert hidden >= 5
    assert seen_ones >= 5


def test_the_subject_walks_under_a_bridge_and_rides_in_a_car() -> None:
    i, j = 0, 0
    assert plays(i, j)
    times = np.arange(0.0, 2 * ACT_S, 0.1)
    told = {act(STREET, i, j, at) for at in times}
    assert told == {"walks", "runs", "enters", "driven", "leaves", "walks on", "waits"}
    people = [subject(STREET, i, j, at) for at in times]
    places = np.array([(one.u, one.v) if one else (car.u, car.v) for one, car in people])
    # Nobody jumps: a run or a drive at most, and a step into a car.
    steps = np.hypot(*np.diff(places, axis=0).T)
    assert steps.max() < 3.0
    start, end = bridge_at(STREET, i, j)
    under = [at for at, (one, _) in zip(times, people, strict=True) if one is not None and start < one.v < end]
    assert under
    middle = (start + end) / 2
    person = min((one for one, _ in people if one is not None), key=lambda one: abs(one.v - middle))
    looking = pose_over(person.u, person.v - 4.0, height_m=60.0, heading_deg=0.0, tilt_deg=-88.0)
    true = find(truth(STREET, seen_from(looking), Moment(people=(person,), moving=())), person.name)
    assert true.visible < 0.2
    # Nor is anything painted of what passes under it.
    renderer = Renderer(STREET, LIGHTS["rain"], WIDTH, HEIGHT)
    beneath = renderer.paint(seen_from(looking), Moment(people=(person,), moving=()), noisy=False)
    assert np.abs(beneath.astype(int) - renderer.paint(seen_from(looking), NOBODY, noisy=False)).max() <= 6
    inside = [car for one, car in people if one is None]
    assert len(inside) / len(times) == pytest.approx((DRIVEN_S + 1.0 - ENTERS_S + 1.0) / ACT_S, abs=0.05)


def test_the_same_seed_place_and_time_give_the_same_picture() -> None:
    pose = pose_over(30.0, 40.0)
    again = Street(seed=3, origin=STREET.origin, ground_m_amsl=GROUND_M)
    one = Renderer(STREET, LIGHTS["day"], WIDTH, HEIGHT).picture(pose, 17.0)
    other = Renderer(again, LIGHTS["day"], WIDTH, HEIGHT)
    other.picture(pose_over(-300.0, 10.0), 3.0)  # whatever it has looked at before
    assert np.abs(one.astype(int) - other.picture(pose, 17.0, noisy=True)).mean() < 4.0
    cells = [(0, 0), (1, 2)]
    assert moment(STREET, cells, 17.0) == moment(again, cells, 17.0)
    assert parked(STREET, 1, 1) == parked(again, 1, 1)
    elsewhere = Street(seed=4, origin=STREET.origin, ground_m_amsl=GROUND_M)
    assert moment(elsewhere, cells, 17.0) != moment(STREET, cells, 17.0)


@pytest.mark.parametrize("weather", ["day", "dusk", "rain"])
def test_the_burnt_in_clock_survives_h264_and_being_shown_smaller(weather: str) -> None:
    import av

    renderer, encoder = Renderer(STREET, LIGHTS[weather], WIDTH, HEIGHT), Encoder(WIDTH, HEIGHT, 12.5)
    decoder = av.CodecContext.create("h264", "r")
    decoder.thread_count = 1
    told, read, smaller = [], [], []
    for number in range(20):
        captured_us = 1_795_000_000_123_456 + number * 81_234
        picture = renderer.picture(pose_over(5.0 * number, 0.0), number * 0.08)
        strip.burn(picture, captured_us, "drone-001")
        unit, keyframe = encoder.encode(picture, captured_us)
        assert keyframe == (number in (0, 12))
        for frame in decoder.decode(av.Packet(unit)):
            shown = frame.to_ndarray(format="rgb24")
            told.append(captured_us)
            read.append(strip.read(shown))
            smaller.append(strip.read(cv2.resize(shown, (426, 240), interpolation=cv2.INTER_AREA)))
    assert len(read) == 20
    assert read == told
    assert smaller == told


def test_no_clock_is_read_where_none_is() -> None:
    assert strip.read(np.zeros((HEIGHT, WIDTH, 3), np.uint8)) is None
    noise = np.random.default_rng(1).integers(0, 255, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    assert strip.read(noise) is None


def test_nobody_is_listed_twice_and_names_stay() -> None:
    cells = STREET.cells(0.0, 0.0, 150.0)
    early, late = moment(STREET, cells, 0.0), moment(STREET, cells, 2.0)
    names = [one.name for one in (*early.people, *early.moving)]
    assert len(names) == len(set(names))
    before = {one.name: one for one in early.people}
    moved = [np.hypot(one.u - before[one.name].u, one.v - before[one.name].v) for one in late.people if one.name in before]
    assert 0.5 < float(np.median(moved)) < 4.5
    assert all(isinstance(one, Person) for one in early.people)
