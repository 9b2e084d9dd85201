"""What a simulated camera costs a picture: drawing, burning the clock in, H.264, metadata and packets, in processor time of one
core. Baseline: encoding alone of the same pictures, which any source of H.264 would cost.

On scene is what a drone sees while it circles a place; level is the way there, with the horizon and the most buildings.
`cameras_a_core` is how many cameras at that size and rate one core carries, half of them on scene.
"""

import itertools
import time
from typing import Any

from bowstreet.frames import CameraPose
from bowstreet.geo import GridPoint, to_wgs84
from bowstreet.simulation.broadcast import Encoder, Transport
from bowstreet.simulation.scenery import strip
from bowstreet.simulation.scenery.light import LIGHTS
from bowstreet.simulation.scenery.render import Renderer
from bowstreet.simulation.scenery.street import Street
from bowstreet.video import klv

PICTURES = 120
SIZES = {"640x360_12.5Hz": (640, 360, 12.5), "1280x720_10Hz": (1280, 720, 10.0)}
LOOKS = {"on_scene": -50.0, "level": 0.0}


class _Nowhere:
    def put(self, packets: Any) -> None:
        b"".join(packets)

    def close(self) -> None: ...


def _pose(number: int, tilt_deg: float, rate_hz: float) -> CameraPose:
    """On the way at 15 m/s when level, round a place at 3 m/s otherwise."""
    moved = number / rate_hz * (15.0 if tilt_deg == 0.0 else 3.0)
    place = GridPoint(easting_m=531_000.0 + moved, northing_m=184_000.0 + 0.3 * moved)
    return CameraPose(
        position=to_wgs84(place),
        altitude_m_amsl=95.0,
        heading_deg=40.0 + 0.4 * number,
        tilt_deg=tilt_deg,
        horizontal_fov_deg=60.0,
    )


def _measured(width: int, height: int, rate_hz: float, tilt_deg: float) -> dict[str, float]:
    street = Street(seed=1, origin=GridPoint(easting_m=531_000.0, northing_m=184_000.0), ground_m_amsl=35.0)
    renderer, encoder = Renderer(street, LIGHTS["day"], width, height), Encoder(width, height, rate_hz)
    transport = Transport(_Nowhere(), rate_hz, live=True)
    renderer.picture(_pose(0, tilt_deg, rate_hz), 0.0)
    spent = {"draw": 0.0, "clock": 0.0, "encode": 0.0, "send": 0.0}
    size = 0
    for number in range(PICTURES):
        captured_us = 1_795_000_000_000_000 + round(number * 1e6 / rate_hz)
        pose = _pose(number, tilt_deg, rate_hz)
        marks = [time.process_time()]
        picture = renderer.picture(pose, number / rate_hz)
        marks.append(time.process_time())
        strip.burn(picture, captured_us, "drone-001")
        marks.append(time.process_time())
        unit, keyframe = encoder.encode(picture, captured_us)
        marks.append(time.process_time())
        transport.send(unit, klv.written(captured_us, pose), captured_us, keyframe=keyframe)
        marks.append(time.process_time())
        size += len(unit)
        for part, (start, end) in zip(spent, itertools.pairwise(marks), strict=True):
            spent[part] += end - start
    figures = {f"{part}_ms": 1e3 * seconds / PICTURES for part, seconds in spent.items()}
    return {**figures, "all_ms": sum(figures.values()), "kbit_s": size * 8 / PICTURES * rate_hz / 1e3}


def run() -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, (width, height, rate_hz) in SIZES.items():
        looks = {look: _measured(width, height, rate_hz, tilt_deg) for look, tilt_deg in LOOKS.items()}
        mean_ms = sum(one["all_ms"] for one in looks.values()) / len(looks)
        baseline_ms = sum(one["encode_ms"] for one in looks.values()) / len(looks)
        found[name] = {**looks, "cameras_a_core": 1e3 / (mean_ms * rate_hz), "encoding_alone_ms": baseline_ms}
    return found
