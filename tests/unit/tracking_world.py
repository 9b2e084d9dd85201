"""A small world of known truth: looks of uncertain cameras at places that are known."""

import math
from dataclasses import replace

import numpy as np

from bowstreet.frames import CameraPose
from bowstreet.geo import Position
from bowstreet.tracking import locate
from bowstreet.tracking.camera import view
from bowstreet.tracking.model import Located
from bowstreet.tracking.plane import Plane
from bowstreet.tracking.terrain import StatedGround

HERE = Position(latitude_deg=51.54, longitude_deg=-0.10)
GROUND_M = 30.0


def simulated_looks(count: int, seed: int) -> tuple[int, int, int]:
    """(inside their ellipse, located, refused): the camera is where it was plus an error as large as it says, and so the ground."""
    rng = np.random.default_rng(seed)
    inside = located = refused = 0
    plane = Plane(HERE)
    for _ in range(count):
        told = CameraPose(
            position=HERE, altitude_m_amsl=GROUND_M + rng.uniform(40, 120), heading_deg=rng.uniform(0, 360),
            pan_deg=rng.uniform(-60, 60), tilt_deg=rng.uniform(-90, -12), horizontal_fov_deg=rng.uniform(25, 75),
            position_sigma_m=rng.uniform(0.5, 3.0), altitude_sigma_m=rng.uniform(0.5, 4.0), heading_sigma_deg=rng.uniform(0.5, 4.0),
            tilt_sigma_deg=rng.uniform(0.2, 1.0),
        )  # fmt: skip
        ground = StatedGround(stated_m_amsl=GROUND_M, sigma_m=rng.uniform(0.5, 4.0))
        pixel, sigma_px = rng.uniform((100, 80), (1180, 640)), rng.uniform(1.0, 6.0)
        true = replace(
            told,
            position=plane.to_position(*rng.normal(0, told.position_sigma_m, 2)),
            altitude_m_amsl=told.altitude_m_amsl + rng.normal(0, told.altitude_sigma_m),
            heading_deg=told.heading_deg + rng.normal(0, told.heading_sigma_deg),
            tilt_deg=told.tilt_deg + rng.normal(0, told.tilt_sigma_deg),
            roll_deg=rng.normal(0, locate.ROLL_SIGMA_DEG),
        )
        true_ground = StatedGround(stated_m_amsl=GROUND_M + rng.normal(0, ground.sigma_m))
        found = locate.locate(view(told, 1280, 720), *(pixel + rng.normal(0, sigma_px, 2)), sigma_px, ground)
        if not isinstance(found, Located):
            refused += 1
            continue
        # The truth by the line of sight of the true camera, straight geometry, no code under test but the axes.
        located += 1
        sight = view(true, 1280, 720).sight(*pixel)
        if sight[2] >= 0:
            continue  # it looked at the sky and was given a place all the same: located, and not inside
        along = (true.altitude_m_amsl - true_ground.stated_m_amsl) / -sight[2]
        east, north = plane.to_metres(true.position)
        at_east, at_north = plane.to_metres(found.position)
        off = (east + along * sight[0] - at_east, north + along * sight[1] - at_north)
        assert all(math.isfinite(value) for value in off)
        inside += locate.holds(found.ellipse, *off)
    return inside, located, refused
