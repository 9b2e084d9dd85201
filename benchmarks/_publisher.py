"""Cameras for benchmarks, all in one process: pictures made and coded beforehand, sent as H.264 with MISB ST 0601 over UDP for as
long as the input is open. What they cost is the cameras' and is told apart; how many were sent is in a file of eight bytes.

The pictures are a drawn street from the air. Where the checkout has shared/data beside it, a person of a sample clip walks in the
middle of it, as small as from a drone: the detector that ships finds nobody who is drawn.
"""

import os
import sys
import threading
import time
from pathlib import Path

import av
import cv2
import numpy as np

from benchmarks.scene import _pose
from bowstreet.frames import Pixels
from bowstreet.geo import GridPoint
from bowstreet.simulation.broadcast import Encoder, sender
from bowstreet.simulation.scenery.light import LIGHTS
from bowstreet.simulation.scenery.render import Renderer
from bowstreet.simulation.scenery.street import Street
from bowstreet.video import klv

# Forwards and backwards, so that it goes round without a jump; whole seconds, so that each round begins with a keyframe.
MADE = 76
# A clip, from which picture on somebody is in it, and the share of the width at which it is put into the street.
CLIP, FROM, SHARE = "one-by-one-person-detection", 100, 0.22


def walker(width: int, height: int) -> list[Pixels]:
    """Every picture twice: the clip has 10 a second, and 25 are sent. Empty where the clip is not here."""
    folder = next((one for up in Path(__file__).parents if (one := up / "shared/data").exists()), None)
    path = None if folder is None else folder / f"{CLIP}.mp4"
    if path is None or not path.exists():
        return []
    made: list[Pixels] = []
    with av.open(str(path)) as container:
        for number, frame in enumerate(container.decode(video=0)):
            if number >= FROM:
                small = cv2.resize(frame.to_ndarray(format="rgb24"), (round(SHARE * width), round(SHARE * height)))
                made += [np.asarray(small, np.uint8)] * 2
            if len(made) >= MADE:
                break
    return made[:MADE]


def drawn(width: int, height: int, rate_hz: float) -> list[Pixels]:
    street = Street(seed=1, origin=GridPoint(easting_m=531_000.0, northing_m=184_000.0), ground_m_amsl=35.0)
    renderer = Renderer(street, LIGHTS["day"], width, height)
    return [renderer.picture(_pose(0, -50.0, rate_hz), number / rate_hz) for number in range(MADE)]


def main(count_file: str, width: int, height: int, rate_hz: float, addresses: list[str]) -> None:
    pictures, small = drawn(width, height, rate_hz), walker(width, height)
    for picture, person in zip(pictures, small, strict=False):
        down, across = (height - person.shape[0]) // 2, (width - person.shape[1]) // 2
        picture[down : down + person.shape[0], across : across + person.shape[1]] = person
    order = [*range(MADE), *range(MADE - 2, 0, -1)]
    encoder = Encoder(width, height, rate_hz)
    units = [encoder.encode(pictures[one], round(number * 1e6 / rate_hz)) for number, one in enumerate(order)]
    out = [sender(address, rate_hz) for address in addresses]
    over = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.buffer.read(), over.set()), daemon=True).start()
    print("street and walker" if small else "street", flush=True)
    pose = _pose(0, -50.0, rate_hz)
    counter = os.open(count_file, os.O_WRONLY | os.O_CREAT, 0o600)
    began, number = time.monotonic(), 0
    while not over.is_set():
        # The cameras are not in step: each sends in its own part of the period.
        camera, turn = number % len(out), number // len(out)
        unit, keyframe = units[(turn + 19 * camera) % len(units)]
        captured_us = time.time_ns() // 1_000
        out[camera].send(unit, klv.written(captured_us, pose), captured_us, keyframe=keyframe)
        number += 1
        os.pwrite(counter, number.to_bytes(8, "big"), 0)
        time.sleep(max(0.0, began + number / rate_hz / len(out) - time.monotonic()))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]), sys.argv[5:])
