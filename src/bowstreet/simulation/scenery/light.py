"""Daylight, dusk and rain: what the light does to colours, shadows and noise. Made up to look plausible, not measured."""

from typing import Literal

import msgspec
import numpy as np

from bowstreet.simulation.scenery.street import FloatArray

Weather = Literal["day", "dusk", "rain"]


class Light(msgspec.Struct, frozen=True, kw_only=True):
    """`shadow` is how far a shadow falls (u, v) for each metre of height, None for none; `noise` is in levels of 255."""

    name: Weather
    tint: tuple[float, float, float]
    sky: tuple[float, float, float]
    haze: tuple[float, float, float]
    shadow: tuple[float, float] | None
    noise: float
    lit: bool = False
    streaks: int = 0
    # Light on faces that look to u-, u+, v-, v+.
    faces: tuple[float, float, float, float] = (0.82, 1.0, 0.7, 0.9)


LIGHTS: dict[str, Light] = {
    "day": Light(
        name="day", tint=(1.0, 1.0, 1.0), sky=(142, 176, 214), haze=(196, 206, 214), shadow=(-0.62, 0.45), noise=2.0,
    ),
    "dusk": Light(
        name="dusk", tint=(0.46, 0.44, 0.58), sky=(92, 84, 112), haze=(104, 92, 104), shadow=None, noise=5.0, lit=True,
        faces=(0.86, 0.92, 0.84, 0.88),
    ),
    "rain": Light(
        name="rain", tint=(0.76, 0.79, 0.82), sky=(150, 156, 162), haze=(160, 166, 170), shadow=None, noise=4.0, streaks=160,
        faces=(0.88, 0.94, 0.86, 0.9),
    ),
}  # fmt: skip


def noises(light: Light, height_px: int, width_px: int, seed: int) -> list[np.ndarray]:
    """A few pictures of noise to be added, as signed levels; one a frame in turn, shifted each time."""
    import cv2

    dice = np.random.default_rng([seed, 11])
    found = []
    for _ in range(4):
        grain = dice.normal(0.0, light.noise, (height_px, width_px, 1))
        if light.streaks:
            wet = np.zeros((height_px, width_px), np.float32)
            for x, y, length in dice.uniform((0, 0, 8), (width_px, height_px, 26), (light.streaks, 3)):
                cv2.line(wet, (int(x), int(y)), (int(x - length * 0.2), int(y + length)), 26.0, 1)
            grain = grain + wet[..., None]
        found.append(np.repeat(grain, 3, axis=2).astype(np.int16))
    return found


def tinted(colours: FloatArray, light: Light) -> FloatArray:
    return np.asarray(np.clip(colours * np.array(light.tint), 0.0, 255.0))
