"""A camera for benchmarks, a process of its own: drawn pictures with the moment of capture burnt in, as H.264 over UDP."""

import sys
import time

from benchmarks.scene import _pose
from bowstreet.geo import GridPoint
from bowstreet.simulation.broadcast import Encoder, sender
from bowstreet.simulation.scenery import strip
from bowstreet.simulation.scenery.light import LIGHTS
from bowstreet.simulation.scenery.render import Renderer
from bowstreet.simulation.scenery.street import Street
from bowstreet.video import klv

DRAWN = 25


def main(address: str, seconds: float, width: int, height: int, rate_hz: float) -> None:
    street = Street(seed=1, origin=GridPoint(easting_m=531_000.0, northing_m=184_000.0), ground_m_amsl=35.0)
    renderer = Renderer(street, LIGHTS["day"], width, height)
    poses = [_pose(number, -50.0, rate_hz) for number in range(DRAWN)]
    pictures = [renderer.picture(pose, number / rate_hz) for number, pose in enumerate(poses)]
    encoder, out = Encoder(width, height, rate_hz), sender(address, rate_hz)
    began = time.monotonic()
    number = 0
    while time.monotonic() - began < seconds:
        # Drawn beforehand, forwards and backwards: what is measured begins with the capture.
        at = number % (2 * DRAWN - 2)
        picture = pictures[at if at < DRAWN else 2 * DRAWN - 2 - at].copy()
        captured_us = time.time_ns() // 1_000
        strip.burn(picture, captured_us, "drone-001")
        unit, keyframe = encoder.encode(picture, captured_us)
        out.send(unit, klv.written(captured_us, poses[number % DRAWN]), captured_us, keyframe=keyframe)
        number += 1
        time.sleep(max(0.0, began + number / rate_hz - time.monotonic()))


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]), *(int(one) for one in sys.argv[3:5]), float(sys.argv[5]))
