"""Who and what moves through the made-up city: where each is at any time, by arithmetic alone.

Everybody has a name that stays theirs, a place that is a pure function of time, and a body; nobody has a face. Traffic keeps to
the left of the through roads; people walk round their block; in side streets a *subject* walks under a footbridge and trees,
runs, gets into a car, is driven across a road, gets out and walks on, and after a while all of that backwards, for ever.
"""

import math
from functools import lru_cache

import msgspec
import numpy as np

from bowstreet.simulation.scenery.street import (
    ACT,
    KERB,
    PAVEMENT_M,
    SIDE_STREET_M,
    THROUGH_ROAD_M,
    FloatArray,
    Street,
    bridge_at,
    plays,
)

# Length, width, height; body below, cabin above.
CAR_M, VAN_M, BUS_M = (4.4, 1.8, 1.45), (5.4, 2.0, 2.3), (10.8, 2.5, 3.1)
LANE_M, GAP_M = 1.7, 42.0
LANE_MPS = (8.5, 10.0)
WALK_MPS, RUN_MPS = 1.35, 4.2
PERSON_M = 1.75
PAINTS = np.array([
    (28, 30, 34), (196, 198, 200), (232, 232, 230), (120, 124, 130), (34, 58, 110), (150, 26, 30), (70, 84, 76), (92, 110, 140)
], float)  # fmt: skip
BUS_RED = np.array((186.0, 24, 28))
SHIRTS = np.array([
    (44, 46, 54), (60, 74, 110), (120, 42, 44), (200, 196, 188), (86, 100, 72), (150, 120, 84), (70, 70, 72), (24, 26, 30)
], float)  # fmt: skip
TROUSERS = np.array([(38, 42, 58), (52, 48, 44), (30, 30, 32), (96, 88, 74)], float)
SUBJECT_SHIRTS = np.array([(212, 62, 38), (236, 196, 40), (40, 160, 92), (224, 224, 226)], float)


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """One person at one moment. `heading_rad` from the u axis; `stride` swings between -1 and 1; `running` 0 or 1."""

    name: str
    u: float
    v: float
    heading_rad: float
    stride: float
    running: float
    shirt: tuple[float, float, float]
    trousers: tuple[float, float, float]


class Vehicle(msgspec.Struct, frozen=True, kw_only=True):
    """One vehicle at one moment, along one of the streets' axes. `nose` is (1, 0), (-1, 0), (0, 1) or (0, -1)."""

    name: str
    kind: str
    u: float
    v: float
    nose: tuple[int, int]
    paint: tuple[float, float, float]
    speed_mps: float = 0.0

    @property
    def size_m(self) -> tuple[float, float, float]:
        return {"car": CAR_M, "van": VAN_M, "bus": BUS_M}[self.kind]


class Moment(msgspec.Struct, frozen=True, kw_only=True):
    """All who are about at one moment in some blocks. `moving` are the vehicles that move, or may; `parked` tells the others."""

    people: tuple[Person, ...]
    moving: tuple[Vehicle, ...]


def moment(street: Street, cells: list[tuple[int, int]], at_s: float) -> Moment:
    """Who is about in these blocks and the road pieces that belong to them, at a time in seconds."""
    people: list[Person] = []
    moving: list[Vehicle] = []
    for i, j in cells:
        moving += _driving(street, i, j, at_s)
        people += _walking(street, i, j, at_s)
        if plays(i, j):
            person, car = subject(street, i, j, at_s)
            moving.append(car)
            if person is not None:
                people.append(person)
    return Moment(people=tuple(people), moving=tuple(moving))


def _rgb(colour: FloatArray) -> tuple[float, float, float]:
    return float(colour[0]), float(colour[1]), float(colour[2])


# --- vehicles -----------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=4_096)
def parked(street: Street, i: int, j: int) -> tuple[Vehicle, ...]:
    """Along the kerbs of the road pieces, and in the yard, if this block is one."""
    dice, block = street.dice(KERB, i, j), street.block(i, j)
    u0, v0, u1, v1 = block.inside
    found: list[Vehicle] = []

    def put(u: float, v: float, nose: tuple[int, int]) -> None:
        kind = "van" if dice.random() < 0.15 else "car"
        name = f"parked {i} {j} {len(found)}"
        found.append(Vehicle(name=name, kind=kind, u=float(u), v=float(v), nose=nose, paint=_rgb(dice.choice(PAINTS))))

    middle, kerb = street.side_street(i), SIDE_STREET_M / 2 - 1.05
    # The west kerb is kept clear where a subject is driven.
    sides = (1,) if plays(i, j) or plays(i, j - 1) else (-1, 1)
    for side in sides:
        for v in np.arange(v0 + 4.0, v1 - 4.0, 6.2):
            if dice.random() < 0.5:
                put(middle + side * kerb, v + dice.uniform(-0.3, 0.3), (0, 1 if dice.random() < 0.5 else -1))
    road, bay = street.through_road(j), THROUGH_ROAD_M / 2 - 1.1
    for side in (-1, 1):
        for u in np.arange(u0 + 4.0, u1 - 4.0, 6.4):
            if dice.random() < 0.4:
                put(u + dice.uniform(-0.3, 0.3), road + side * bay, (side, 0))
    if block.kind == "yard":
        for v in np.arange(v0 + 6.0, v1 - 6.0, 12.0):
            for u in np.arange(u0 + 30.0, u1 - 3.0, 2.8):
                if dice.random() < 0.6:
                    put(u, v, (0, 1))
    return tuple(found)


def _driving(street: Street, i: int, j: int, at_s: float) -> list[Vehicle]:
    """On this block's piece of the through road: two endless trains, one each way, that keep their order."""
    start, end, road = street.side_street(i), street.side_street(i + 1), street.through_road(j)
    found: list[Vehicle] = []
    for lane, way in enumerate((1, -1)):
        speed = LANE_MPS[lane] + (j % 3) * 0.7
        moved = way * speed * at_s
        for number in range(math.floor((start - moved) / GAP_M) - 1, math.ceil((end - moved) / GAP_M) + 2):
            there, offset, kind, paint = _in_train(street, j, lane, number)
            u = number * GAP_M + offset + moved
            if there and start <= u < end:
                name = f"traffic {j} {lane} {number}"
                vehicle = Vehicle(
                    name=name, kind=kind, u=u, v=road + way * LANE_M, nose=(way, 0), paint=paint, speed_mps=speed
                )  # keeps left
                found.append(vehicle)
    return found


@lru_cache(maxsize=65_536)
def _in_train(street: Street, j: int, lane: int, number: int) -> tuple[bool, float, str, tuple[float, float, float]]:
    dice = street.dice(KERB, 7, j, lane, number)
    kind = str(dice.choice(["car", "van", "bus"], p=[0.76, 0.16, 0.08]))
    paint = BUS_RED if kind == "bus" else dice.choice(PAINTS)
    return bool(dice.random() < 0.62), float(dice.uniform(-12.0, 12.0)), kind, _rgb(paint)


# --- people -------------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=4_096)
def _walkers(street: Street, i: int, j: int) -> tuple[tuple[float, float, float, float, FloatArray, FloatArray], ...]:
    """Of each: where on the way round, speed with its sign, swing and its phase, colours."""
    dice = street.dice(KERB, 9, i, j)
    return tuple(
        (
            dice.uniform(0.0, 400.0), dice.choice((-1.0, 1.0)) * dice.uniform(1.0, 1.6), dice.uniform(0.0, 3.0),
            dice.uniform(0.0, 6.0), dice.choice(SHIRTS), dice.choice(TROUSERS),
        )
        for _ in range(int(dice.integers(1, 7)))
    )  # fmt: skip


def _walking(street: Street, i: int, j: int, at_s: float) -> list[Person]:
    u0, v0, u1, v1 = street.block(i, j).inside
    out = PAVEMENT_M * 0.42
    u0, v0, u1, v1 = u0 - out, v0 - out, u1 + out, v1 + out
    found = []
    for number, (start, speed, swing, phase, shirt, trousers) in enumerate(_walkers(street, i, j)):
        way = start + speed * at_s + swing * math.sin(0.21 * at_s + phase)
        now = speed + 0.21 * swing * math.cos(0.21 * at_s + phase)
        u, v, heading = _round(u0, v0, u1, v1, way)
        heading = heading if now >= 0 else heading + math.pi
        person = Person(
            name=f"person {i} {j} {number}", u=u, v=v, heading_rad=heading, stride=math.sin(way * 4.4), running=0.0,
            shirt=_rgb(shirt), trousers=_rgb(trousers),
        )  # fmt: skip
        found.append(person)
    return found


def _round(u0: float, v0: float, u1: float, v1: float, way: float) -> tuple[float, float, float]:
    """A place on the way round a rectangle, and the heading there."""
    width, depth = u1 - u0, v1 - v0
    way %= 2 * (width + depth)
    if way < width:
        return u0 + way, v0, 0.0
    if way < width + depth:
        return u1, v0 + way - width, math.pi / 2
    if way < 2 * width + depth:
        return u1 - (way - width - depth), v1, math.pi
    return u0, v1 - (way - 2 * width - depth), -math.pi / 2


# --- the subject --------------------------------------------------------------------------------------------------------

# Until when, seconds: walks (under the bridge), runs, gets in, is driven, gets out, walks on, waits.
WALKS_S, RUNS_S, ENTERS_S, DRIVEN_S, LEAVES_S, WALKS_ON_S, ACT_S = 20.0, 25.0, 28.0, 38.0, 41.0, 63.0, 68.0


def act(street: Street, i: int, j: int, at_s: float) -> str:
    """What the subject that begins at (i, j) does: walks, runs, enters, driven, leaves, walks on or waits."""
    step, _ = _script(street, i, j, at_s)
    ends = (WALKS_S, RUNS_S, ENTERS_S, DRIVEN_S, LEAVES_S, WALKS_ON_S)
    names = ("walks", "runs", "enters", "driven", "leaves", "walks on", "waits")
    return names[sum(step >= end for end in ends)]


def _script(street: Street, i: int, j: int, at_s: float) -> tuple[float, bool]:
    """Where in the script, and whether it runs backwards."""
    into = (at_s + _late_s(street, i, j)) % (2 * ACT_S)
    return (into, False) if into < ACT_S else (2 * ACT_S - into, True)


@lru_cache(maxsize=4_096)
def _late_s(street: Street, i: int, j: int) -> float:
    return float(street.dice(ACT, i, j).uniform(0.0, 2 * ACT_S))


def subject(street: Street, i: int, j: int, at_s: float) -> tuple[Person | None, Vehicle]:
    """The subject (None while inside the car) and the car that waits for them or carries them."""
    step, back = _script(street, i, j, at_s)
    middle = street.side_street(i)
    walk_u, kerb_u = middle - SIDE_STREET_M / 2 - 2.0, middle - SIDE_STREET_M / 2 + 1.05
    start = bridge_at(street, i, j)[0] - 12.0
    walked = start + WALKS_S * WALK_MPS
    car_from = walked + (RUNS_S - WALKS_S) * RUN_MPS + 2.0
    car_to = bridge_at(street, i, j + 1)[0] - 8.0
    share = min(1.0, max(0.0, (step - ENTERS_S) / (DRIVEN_S - ENTERS_S)))
    share, rate = share * share * (3.0 - 2.0 * share), 6.0 * share * (1.0 - share) / (DRIVEN_S - ENTERS_S)
    way = -1 if back else 1
    dice = street.dice(ACT, i, j)
    paint = _rgb(PAINTS[int(dice.integers(len(PAINTS)))])
    car = Vehicle(
        name=f"subject's car {i} {j}", kind="car", u=kerb_u, v=car_from + share * (car_to - car_from), nose=(0, way), paint=paint,
        speed_mps=rate * (car_to - car_from),
    )  # fmt: skip
    shirt, trousers = _rgb(SUBJECT_SHIRTS[int(dice.integers(len(SUBJECT_SHIRTS)))]), _rgb(TROUSERS[int(dice.integers(4))])
    running, u, heading = 0.0, walk_u, way * math.pi / 2
    if step < WALKS_S:
        v = start + step * WALK_MPS
    elif step < RUNS_S:
        v, running = walked + (step - WALKS_S) * RUN_MPS, 1.0
    elif step < ENTERS_S:
        inside = (step - RUNS_S) / (ENTERS_S - RUNS_S - 1.0)
        if inside >= 1.0:
            return None, car
        v, u, heading = car_from - 2.0 + inside * 1.6, walk_u + inside * 1.8, (0.0 if way > 0 else math.pi)
    elif step < DRIVEN_S + 1.0:
        return None, car
    elif step < LEAVES_S:
        inside = 1.0 - (step - DRIVEN_S - 1.0) / (LEAVES_S - DRIVEN_S - 1.0)
        v, u, heading = car_to + inside * 0.4, walk_u + inside * 1.8, (math.pi if way > 0 else 0.0)
    else:
        v = car_to + (min(step, WALKS_ON_S) - LEAVES_S) * WALK_MPS
    moving = step < WALKS_ON_S
    person = Person(
        name=f"subject {i} {j}", u=u, v=v, heading_rad=heading, running=running,
        stride=math.sin(v * (2.6 if running else 4.4)) if moving else 0.0, shirt=shirt, trousers=trousers,
    )  # fmt: skip
    return person, car
