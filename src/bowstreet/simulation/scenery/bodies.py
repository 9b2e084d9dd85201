"""People as shapes: legs that step, a torso, arms, a head without a face. What is drawn and what is true come from one table."""

import math

import cv2
import numpy as np

from bowstreet.frames import Pixels
from bowstreet.simulation.scenery.life import PERSON_M, Person
from bowstreet.simulation.scenery.light import Light, tinted
from bowstreet.simulation.scenery.street import FloatArray
from bowstreet.simulation.scenery.view import NEAR_M, View

HAIR, SKIN = (58.0, 44.0, 36.0), (186.0, 150.0, 126.0)
# Limbs: from, to (joints below) and half their width in metres.
FOOT_L, FOOT_R, HIP_L, HIP_R, SHOULDER_L, SHOULDER_R, HAND_L, HAND_R, HEAD = range(9)
HEAD_M, TORSO_M, LEG_M, ARM_M = 0.13, 0.17, 0.085, 0.06


def joints(one: Person) -> FloatArray:
    """Places of the joints, (9, 3) in metres of the street."""
    reach = 0.3 + 0.22 * one.running
    step = one.stride * reach
    lean = 0.14 * one.running
    along = np.array((-step, step, 0.0, 0.0, lean, lean, lean + 0.7 * step, lean - 0.7 * step, lean * 1.3))
    across = np.array((0.1, -0.1, 0.1, -0.1, 0.19, -0.19, 0.25, -0.25, 0.0))
    lift = 0.1 + 0.25 * one.running
    up = np.array((
        0.08 + lift * max(0.0, -one.stride) * 0.3, 0.08 + lift * max(0.0, one.stride) * 0.3, 0.88, 0.88, 1.38, 1.38, 0.86, 0.86,
        PERSON_M - HEAD_M,
    ))  # fmt: skip
    c, s = math.cos(one.heading_rad), math.sin(one.heading_rad)
    return np.stack((one.u + along * c - across * s, one.v + along * s + across * c, up), axis=1)


RADII = np.array((LEG_M, LEG_M, LEG_M, LEG_M, TORSO_M, TORSO_M, ARM_M, ARM_M, HEAD_M))


def box(seen: View, one: Person) -> tuple[float, float, float, float] | None:
    """The pixels that the body spans: x0, y0, x1, y1; None when it is behind the camera."""
    pixels, depth = seen.seen(joints(one))
    if depth.min() < NEAR_M:
        return None
    radii = RADII * seen.focal_px / depth
    low, high = (pixels - radii[:, None]).min(0), (pixels + radii[:, None]).max(0)
    return float(low[0]), float(low[1]), float(high[0]), float(high[1])


def draw(picture: Pixels, pixels: FloatArray, scale: float, one: Person, light: Light) -> None:
    """The body at the pixels of its joints; `scale` is pixels a metre there."""
    at = np.round(pixels * 8.0).astype(int).tolist()

    def limb(a: int, b: int, radius: float, colour: tuple[float, ...]) -> None:
        cv2.line(picture, at[a], at[b], colour, max(1, round(2.0 * radius * scale)), cv2.LINE_AA, 3)

    shirt, trousers = _rgb(one.shirt, light), _rgb(one.trousers, light)
    limb(FOOT_L, HIP_L, LEG_M, trousers)
    limb(FOOT_R, HIP_R, LEG_M, trousers)
    sleeve = tuple(0.82 * part for part in shirt)
    if scale > 9.0:
        limb(SHOULDER_L, HAND_L, ARM_M, sleeve)
        limb(SHOULDER_R, HAND_R, ARM_M, sleeve)
    torso = [at[SHOULDER_L], at[SHOULDER_R], at[HIP_R], at[HIP_L]]
    cv2.polylines(picture, [np.array(torso)], True, shirt, max(1, round(0.2 * scale)), cv2.LINE_AA, 3)
    cv2.fillConvexPoly(picture, np.array(torso), shirt, cv2.LINE_AA, 3)
    cv2.circle(
        picture, at[HEAD], max(8, round(HEAD_M * scale * 8)), _rgb(HAIR if scale < 14.0 else SKIN, light), -1, cv2.LINE_AA, 3
    )
    if scale >= 14.0:
        top = (at[HEAD][0], at[HEAD][1] - round(0.04 * scale * 8))
        cv2.circle(picture, top, max(8, round(0.1 * scale * 8)), _rgb(HAIR, light), -1, cv2.LINE_AA, 3)


def shadow(picture: Pixels, seen: View, one: Person, light: Light, colour: tuple[float, ...]) -> None:
    """Where the sun does not reach the street."""
    if light.shadow is None:
        return
    fall = np.array(light.shadow) * PERSON_M
    pixels, depth = seen.seen(np.array(((one.u, one.v, 0.0), (one.u + fall[0], one.v + fall[1], 0.0))))
    if depth.min() < NEAR_M:
        return
    a, b = np.round(np.clip(pixels, -4_000, 4_000) * 8.0).astype(int).tolist()
    cv2.line(picture, a, b, colour, max(1, round(0.36 * seen.focal_px / depth[0])), cv2.LINE_AA, 3)


def _rgb(colour: tuple[float, ...], light: Light) -> tuple[float, ...]:
    return tuple(tinted(np.array(colour), light).tolist())
