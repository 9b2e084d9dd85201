"""A street of known truth, drawn through a pinhole: persons and vehicles that walk, drive and are hidden, seen by drones whose poses are
off by what they say. The detector is a fake that knows the truth and makes a detector's mistakes; all else is the program's own.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import cv2
import numpy as np

from bowstreet.frames import CameraPose, DroneFrame, Pixels
from bowstreet.geo import Position
from bowstreet.tracking import steer, wire
from bowstreet.tracking.analyst import Lookout
from bowstreet.tracking.camera import View, view
from bowstreet.tracking.handover import HandOver
from bowstreet.tracking.model import Box, Detection, FollowPhase, Shape
from bowstreet.tracking.plane import Plane
from bowstreet.tracking.terrain import StatedGround

START = datetime(2026, 11, 27, 12, tzinfo=UTC)
ORIGIN = Position(latitude_deg=51.54, longitude_deg=-0.10)
PLANE = Plane(ORIGIN)
GROUND_M = 30.0
STEP_S = 0.2
W, H = 640, 360
TEXTURE_M, TEXTURE_PX = 400.0, 1600
COLOURS = [
    (200, 30, 30), (30, 60, 190), (30, 140, 50), (230, 220, 60), (20, 20, 25), (235, 235, 235), (120, 70, 30), (150, 40, 150), (250, 130, 20),
]  # fmt: skip


@dataclass(kw_only=True)
class Thing:
    """A person or vehicle: where it is, how fast, in which colours."""

    shape: Shape
    at: np.ndarray
    course: float
    speed: float
    colours: tuple[tuple[int, int, int], tuple[int, int, int]]
    hidden: tuple[float, float] = (-1.0, -1.0)

    def is_hidden(self, now_s: float) -> bool:
        return self.hidden[0] <= now_s < self.hidden[1]

    @property
    def size(self) -> tuple[float, float]:
        return (0.6, 1.7) if self.shape is Shape.PERSON else (3.5, 1.6)

    @property
    def velocity(self) -> np.ndarray:
        return self.speed * np.array([math.sin(self.course), math.cos(self.course)])


class Street:
    """Everything that is there, and its time."""

    def __init__(self, rng: np.random.Generator, things: list[Thing]) -> None:
        self.rng, self.things, self.now_s = rng, things, 0.0
        rough = cv2.resize(rng.integers(60, 150, (100, 100), np.uint8), (TEXTURE_PX, TEXTURE_PX), interpolation=cv2.INTER_NEAREST)
        grain = rng.integers(-20, 20, (TEXTURE_PX, TEXTURE_PX), np.int16)
        self.texture = cv2.cvtColor(np.clip(rough + grain, 0, 255).astype(np.uint8), cv2.COLOR_GRAY2RGB)

    def advance(self) -> None:
        self.now_s += STEP_S
        for thing in self.things:
            agile = 0.25 if thing.shape is Shape.PERSON else 0.08
            thing.course += self.rng.normal(0, agile * math.sqrt(STEP_S))
            thing.speed = max(0.0, thing.speed + self.rng.normal(0, 0.3 * math.sqrt(STEP_S)))
            thing.at = thing.at + thing.velocity * STEP_S

    @property
    def at(self) -> datetime:
        return START + timedelta(seconds=self.now_s)


class Drone:
    """Hovers, and turns its gimbal by the program's own rule. What it says of its pose is off by a constant and a tremble."""

    def __init__(self, street: Street, seed: int, where: tuple[float, float], height_m: float, toward: np.ndarray) -> None:
        self.rng, self.street = np.random.default_rng(seed), street
        off = toward - np.array(where)
        self.true = CameraPose(
            position=PLANE.to_position(*where), altitude_m_amsl=GROUND_M + height_m, heading_deg=math.degrees(math.atan2(off[0], off[1])),
            tilt_deg=-math.degrees(math.atan2(height_m, math.hypot(*off))), horizontal_fov_deg=28.0,
        )  # fmt: skip
        self.bias = self.rng.normal(0, 1, 5)
        self.sequence = 0
        self.last: dict[int, Box | None] = {}
        self.detector = TruthDetector(self)
        self.lookout = Lookout(self.detector, StatedGround(stated_m_amsl=GROUND_M))

    def point(self, toward: np.ndarray) -> None:
        """Its pilot looks where the first drone says that the subject is."""
        east, north = toward - np.array(PLANE.to_metres(self.true.position))
        height = self.true.altitude_m_amsl - GROUND_M
        heading, tilt = math.degrees(math.atan2(east, north)), -math.degrees(math.atan2(height, math.hypot(east, north)))
        self.true = replace(self.true, heading_deg=heading, tilt_deg=tilt)

    def told(self) -> CameraPose:
        true, bias = self.true, (0.9 * self.bias + 0.15 * self.rng.normal(0, 1, 5)).tolist()
        east, north = PLANE.to_metres(true.position)
        return replace(
            true, position=PLANE.to_position(east + bias[0] * true.position_sigma_m, north + bias[1] * true.position_sigma_m),
            altitude_m_amsl=true.altitude_m_amsl + bias[2] * true.altitude_sigma_m,
            heading_deg=true.heading_deg + bias[3] * true.heading_sigma_deg, tilt_deg=true.tilt_deg + bias[4] * true.tilt_sigma_deg,
        )  # fmt: skip

    def view(self) -> View:
        return view(self.true, W, H)

    def box(self, thing: Thing) -> Box | None:
        """Where it is in the picture, hidden or not; None outside."""
        looked = self.view()
        place = PLANE.to_position(*thing.at)
        foot, head = looked.pixel(place, GROUND_M), looked.pixel(place, GROUND_M + thing.size[1])
        if foot is None or head is None:
            return None
        away = math.dist(PLANE.to_metres(self.true.position), thing.at)
        scale = looked.focal_px / math.hypot(away, self.true.altitude_m_amsl - GROUND_M)
        wide = thing.size[0] * scale
        # Looked at from above it is as deep as it is wide.
        deep = min(thing.size[0], 2.0) * scale * math.sin(-math.radians(self.true.tilt_deg)) * 0.5
        box = Box(left=foot[0] - wide / 2, top=head[1] - deep / 2, width=wide, height=foot[1] - head[1] + deep)
        x, y = box.centre
        return box if 0 <= x < W and 0 <= y < H else None

    def picture(self) -> Pixels:
        looked = self.view()
        metres = TEXTURE_M / TEXTURE_PX
        corners = np.array([[1.0, 1.0], [W - 1.0, 1.0], [W - 1.0, H - 1.0], [1.0, H - 1.0]])
        east, north = PLANE.to_metres(self.true.position)
        ground = []
        for corner in corners:
            sight = looked.sight(*corner)
            along = (self.true.altitude_m_amsl - GROUND_M) / max(1e-3, -sight[2])
            ground.append(
                ((east + along * sight[0] + TEXTURE_M / 2) / metres, (TEXTURE_M / 2 - north - along * sight[1]) / metres)
            )
        matrix = cv2.getPerspectiveTransform(np.array(ground, np.float32), corners.astype(np.float32))
        picture = cv2.warpPerspective(self.street.texture, matrix, (W, H), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
        for thing in sorted(self.street.things, key=lambda one: -math.dist(one.at, (east, north))):
            box = self.box(thing)
            if box is None or thing.is_hidden(self.street.now_s):
                continue
            left, right = max(0, round(box.left)), min(W, round(box.left + box.width))
            top, middle, low = round(box.top), round(box.top + box.height * 0.5), round(box.top + box.height)
            picture[max(0, top) : max(0, middle), left:right] = thing.colours[0]
            picture[max(0, middle) : max(0, low), left:right] = thing.colours[1]
        noise = self.rng.integers(-12, 12, picture.shape, np.int16)
        return np.clip(picture + noise, 0, 255).astype(np.uint8)

    def look(self, *orders: wire.AnyOrder) -> wire.Findings:
        for order in orders:
            self.lookout.order(wire.written(order))
        self.sequence += 1
        self.pose = self.told()
        self.last = {id(thing): self.box(thing) for thing in self.street.things}
        data = self.lookout.look(
            DroneFrame(
                source_id="s",
                vehicle_id="v",
                sequence=self.sequence,
                captured_at=self.street.at,
                pixels=self.picture(),
                pose=self.pose,
            )
        )
        assert data is not None
        found = wire.read_findings(data)
        self._turn(found)
        return found

    def _turn(self, found: wire.Findings) -> None:
        """The gimbal follows; the drone drifts."""
        east, north = PLANE.to_metres(self.true.position)
        east, north = (np.array([east, north]) + self.rng.normal(0, 0.05, 2)).tolist()
        self.true = replace(self.true, position=PLANE.to_position(east, north))
        if found.follow is None or found.follow.box is None:
            return
        follow = found.follow
        aim = steer.aim(self.true, W, H, *follow.box.centre, follow.phase, follow.quality, STEP_S)
        if aim is not None:
            self.true = replace(self.true, heading_deg=aim.azimuth_deg, tilt_deg=min(-15.0, aim.tilt_deg))

    def click(self, thing: Thing) -> wire.Click:
        box = self.last[id(thing)]  # in the picture that the pilot saw: the gimbal may have turned since, and things moved
        assert box is not None, "the subject is in the picture when it is chosen"
        x, y = box.centre
        return wire.Click(follow_id="fol-1", x=min(1.0, x / W), y=min(1.0, y / H), sequence=self.sequence)


class TruthDetector:
    """Knows what is there, misses one in ten, trembles by a twentieth of a height, and sometimes sees what is not there."""

    misses, trembles, invents = 0.1, 0.05, 0.03

    def __init__(self, drone: Drone) -> None:
        self.drone = drone

    def detect(self, pixels: Pixels) -> Sequence[Detection]:
        if pixels.shape != (H, W, 3):
            return []  # a part of the picture: which one, the fake cannot know
        rng, found = self.drone.rng, []
        east_north = PLANE.to_metres(self.drone.true.position)
        shown: list[Box] = []
        for thing in sorted(self.drone.street.things, key=lambda one: math.dist(one.at, east_north)):
            box = self.drone.box(thing)
            if box is None or thing.is_hidden(self.drone.street.now_s):
                continue
            if any(box.overlap(nearer) > 0.6 for nearer in shown):
                continue  # behind another
            shown.append(box)
            if rng.random() > self.misses:
                found.append(Detection(box=self._trembling(box), shape=thing.shape, score=float(rng.uniform(0.5, 0.9))))
        if rng.random() < self.invents:
            x, y = rng.uniform((0, 0), (W - 20, H - 40)).tolist()
            found.append(Detection(box=Box(left=x, top=y, width=10, height=24), shape=Shape.PERSON, score=0.4))
        return found

    def _trembling(self, box: Box) -> Box:
        left, top, right, low = self.drone.rng.normal(0, self.trembles * box.height, 4).tolist()
        wide, high = max(3.0, box.width + right - left), max(3.0, box.height + low - top)
        return Box(left=box.left + left, top=box.top + top, width=wide, height=high)


def crowd(rng: np.random.Generator, shape: Shape, hidden: tuple[float, float], others: int) -> tuple[Street, Thing]:
    """A subject and others near by, most in other colours."""

    def colours() -> tuple[tuple[int, int, int], tuple[int, int, int]]:
        upper, lower = rng.integers(len(COLOURS), size=2)
        return COLOURS[upper], COLOURS[lower]

    speed = rng.uniform(0.8, 2.0) if shape is Shape.PERSON else rng.uniform(3.0, 9.0)
    subject = Thing(
        shape=shape, at=np.array([0.0, 0.0]), course=rng.uniform(0, 2 * math.pi), speed=speed, colours=colours(), hidden=hidden
    )
    things = [subject]
    for _ in range(others):
        other = Shape.PERSON if rng.random() < 0.7 else Shape.VEHICLE
        spread = 10.0 if other is Shape.PERSON else 20.0
        at = rng.normal(0, spread, 2)
        if np.hypot(*at) < 3.0:
            at = at + 4.0
        pace = rng.uniform(0.0, 1.8) if other is Shape.PERSON else rng.uniform(0.0, 6.0)
        things.append(Thing(shape=other, at=at, course=rng.uniform(0, 2 * math.pi), speed=pace, colours=colours()))
    return Street(rng, things), subject


def verdict(looks: Sequence[wire.Findings], truths: Sequence[Box | None]) -> str:
    """Of the last second: `kept` when the subject was held and nobody else; `wrong` when somebody else was held."""
    held = False
    for found, truth in zip(looks, truths, strict=True):
        assert found.follow is not None
        if found.follow.phase is FollowPhase.HELD:
            assert found.follow.box is not None
            if truth is None or found.follow.box.overlap(truth) < 0.2:
                return "wrong"
            held = True
    return "kept" if held else str(looks[-1].follow and looks[-1].follow.phase)


def occlusion_run(seed: int, hidden_s: float = 3.0) -> str:
    """`kept`, or what happened instead, after the subject was hidden for so long."""
    rng = np.random.default_rng(seed)
    shape = Shape.PERSON if rng.random() < 0.7 else Shape.VEHICLE
    street, subject = crowd(rng, shape, (4.0, 4.0 + hidden_s), int(rng.integers(3, 9)))
    bearing, away = rng.uniform(0, 2 * math.pi), rng.uniform(40, 90)
    drone = Drone(street, seed + 1, (away * math.sin(bearing), away * math.cos(bearing)), rng.uniform(40, 80), subject.at)
    looks, truths = [], []
    while street.now_s < 4.0 + hidden_s + 2.0:
        street.advance()
        orders = [drone.click(subject)] if drone.sequence == 6 else []
        looks.append(drone.look(*orders))
        truths.append(drone.last[id(subject)])
    return verdict(looks[-5:], truths[-5:])


def relay_run(seed: int) -> str:
    """`kept`, or what happened instead, three seconds after the subject was handed to a second drone on another side."""
    rng = np.random.default_rng(seed)
    street, subject = crowd(rng, Shape.PERSON if rng.random() < 0.7 else Shape.VEHICLE, (-1.0, -1.0), int(rng.integers(3, 9)))
    bearing, away = rng.uniform(0, 2 * math.pi), rng.uniform(40, 90)
    first = Drone(street, seed + 1, (away * math.sin(bearing), away * math.cos(bearing)), rng.uniform(40, 80), subject.at)
    second: Drone | None = None
    passed = False
    handed: HandOver | None = None
    looks, truths = [], []
    while street.now_s < 9.0:
        street.advance()
        if handed is None:
            orders: list[wire.AnyOrder] = [first.click(subject)] if first.sequence == 6 else []
            if street.now_s >= 6.0:
                orders = [wire.Give(follow_id="fol-1")]
            told = first.look(*orders)
            handed = told.given
            if street.now_s >= 6.0 and handed is None:
                return "not given"
        if second is None and street.now_s >= 4.0:
            # It comes in from another side and looks at where the first says that the subject is.
            turn = bearing + rng.uniform(0.5, 2.0) * rng.choice([-1, 1])
            place = told.follow.place if told.follow is not None else None
            toward = np.array(PLANE.to_metres(place.position)) if place is not None else subject.at
            where = (away * math.sin(turn), away * math.cos(turn))
            second = Drone(street, seed + 2, where, first.true.altitude_m_amsl - GROUND_M + 10.0, toward)
        elif second is not None:
            if handed is None and told.follow is not None and told.follow.place is not None:
                second.point(np.array(PLANE.to_metres(told.follow.place.position)))
            looks.append(second.look(*([wire.Receive(given=handed)] if handed is not None and not passed else [])))
            truths.append(second.last[id(subject)])
            passed = handed is not None
    assert second is not None
    return verdict(looks[-5:], truths[-5:])
