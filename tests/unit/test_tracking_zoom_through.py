"""A subject is kept while the lens that watches it zooms in and out again."""

import math
from dataclasses import replace

import numpy as np
import pytest
from tests.unit.tracking_street import COLOURS, STEP_S, Drone, Street, Thing

from bowstreet.flight.lens import narrowed_deg
from bowstreet.simulation.lens import END_TO_END_S
from bowstreet.tracking.model import FollowPhase, Shape

MOST = 8.0


def through(seed: int) -> tuple[list[bool], list[FollowPhase]]:
    """Whether it was on the subject at each look, and what it said."""
    rng = np.random.default_rng(seed)
    subject = Thing(
        shape=Shape.PERSON, at=np.zeros(2), course=float(rng.uniform(0, 6)), speed=1.4, colours=(COLOURS[0], COLOURS[1])
    )
    other = Thing(shape=Shape.PERSON, at=np.array([4.0, 3.0]), course=2.0, speed=1.2, colours=(COLOURS[2], COLOURS[3]))
    street = Street(rng, [subject, other])
    drone = Drone(street, seed + 50, (40.0, 40.0), 50.0, subject.at)
    drone.true = replace(drone.true, horizontal_fov_deg=60.0)
    for _ in range(10):
        street.advance()
        drone.look()
    drone.look(drone.click(subject))
    zoom, step, on, said = 1.0, math.exp(math.log(MOST) * STEP_S / END_TO_END_S), [], []
    for goal in [1.0] * 10 + [4.0] * 20 + [8.0] * 25 + [1.0] * 20:
        zoom = min(goal, zoom * step) if goal > zoom else max(goal, zoom / step)
        drone.true = replace(drone.true, horizontal_fov_deg=narrowed_deg(60.0, zoom))
        street.advance()
        found, box = drone.look().follow, drone.last[id(subject)]
        assert found is not None
        off = None if box is None or found.box is None else math.dist(found.box.centre, box.centre) / max(box.height, 10.0)
        on.append(off is not None and off < 1.5)
        said.append(found.phase)
    return on, said


@pytest.mark.parametrize("seed", range(4))
def test_it_is_kept_from_the_widest_to_eight_times_and_back(seed: int) -> None:
    on, said = through(seed)
    assert sum(on) >= 0.95 * len(on)
    assert on[-1]
    assert FollowPhase.LOST not in said
