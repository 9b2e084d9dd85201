"""Fixed cameras over a simulated pavement: a process of its own that draws what each sees and sends it, as real cameras do.

    python -m bowstreet.simulation.street_cameras --to udp://127.0.0.1:9000 --seconds 60
    python -m bowstreet.simulation.street_cameras --to file:street.ts --seconds 60 --truth truth.jsonl

Everybody in the pictures is wholly synthetic (`openpeople`). It ends by itself, or with its input when `--with-input` is given.
"""

import argparse
import math
import os
import sys
import threading
import time
from pathlib import Path
from typing import BinaryIO

import msgspec

from bowstreet.errors import BowstreetError
from bowstreet.frames import CameraPose
from bowstreet.geo import Position
from bowstreet.runtime.clock import SystemClock
from bowstreet.runtime.ports import Clock
from bowstreet.simulation.broadcast import Encoder, sender
from bowstreet.simulation.cameras import unix_us
from bowstreet.simulation.pavement.cutout import cut_out, people
from bowstreet.simulation.pavement.paint import CAMERA_UP_M, Head, Painter
from bowstreet.simulation.pavement.walk import Walk
from bowstreet.video import klv

WIDTH_PX, HEIGHT_PX = 1280, 720
# Upper Street at Islington Green; a fixed camera tells its place as an airborne one does, and with it when it took a picture.
PLACE = Position(latitude_deg=51.5363, longitude_deg=-0.1028)
GROUND_M_AMSL, FIELD_OF_VIEW_DEG = 33.0, 46.3


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the truth: whose heads are where in one picture, the nearest last."""

    camera: int
    captured_us: int
    scene_s: float
    heads: tuple[Head, ...]


class StreetCamera:
    """One camera. `number` tells it from others: other people walk there."""

    def __init__(self, address: str, number: int, painter: Painter, walk: Walk, rate_hz: float, truth: BinaryIO | None) -> None:
        self._number, self._painter, self._walk, self._truth = number, painter, walk, truth
        self._asked_s = 0.0
        self._encoder = Encoder(WIDTH_PX, HEIGHT_PX, rate_hz, crf=23)
        self._sender = sender(address, rate_hz)
        self._pose = CameraPose(
            position=PLACE, altitude_m_amsl=GROUND_M_AMSL + CAMERA_UP_M, heading_deg=12.0, tilt_deg=-6.0,
            horizontal_fov_deg=FIELD_OF_VIEW_DEG,
        )  # fmt: skip

    def take(self, scene_s: float, captured_us: int) -> None:
        standing = self._walk.at(scene_s)
        unit, keyframe = self._encoder.encode(self._painter.paint(standing), captured_us)
        self._sender.send(unit, klv.written(captured_us, self._pose), captured_us, keyframe=keyframe)
        if self._truth is not None:
            heads = tuple(self._painter.heads(standing))
            line = Shown(camera=self._number, captured_us=captured_us, scene_s=scene_s, heads=heads)
            self._truth.write(msgspec.json.encode(line) + b"\n")
            self._truth.flush()

    def gone_by(self, scene_s: float) -> list[str]:
        """Who has walked past since this was last asked."""
        ended = [one for one in self._walk.passes(scene_s) if self._asked_s < one.ends_s <= scene_s]
        self._asked_s = scene_s
        return [one.person_id for one in ended]

    def close(self) -> None:
        self._sender.close()


class StreetCameras:
    """All that were asked for, one after the other on one core. A file is written as fast as the machine draws."""

    def __init__(self, asked: argparse.Namespace, clock: Clock) -> None:
        self._rate_hz: float = asked.rate
        self._clock, self._live = clock, not asked.to[0].startswith("file:")
        self._tells: bool = asked.tell_passes
        self._truth = asked.truth.open("wb") if asked.truth else None
        who = asked.people or people()
        cutouts = {one: cut_out(one) for one in who}
        self._cameras = [
            StreetCamera(
                address, number, Painter(cutouts, WIDTH_PX, HEIGHT_PX, asked.seed + number),
                Walk(who, asked.seed + number, asked.every), asked.rate, self._truth,
            )
            for number, address in enumerate(asked.to)
        ]  # fmt: skip
        self._begun_us = unix_us(clock)
        self._taken = 0

    def step(self) -> float:
        """Take the pictures that are due; gives the scene's time, seconds."""
        scene_s = self._taken / self._rate_hz
        due_us = self._begun_us + round(scene_s * 1e6)
        if self._live:
            late_s = (unix_us(self._clock) - due_us) / 1e6
            if late_s < 0:
                time.sleep(-late_s)
            elif late_s > 1.0 / self._rate_hz:  # a picture that is late by more than its time is left out
                self._taken += int(late_s * self._rate_hz)
                return scene_s
        for camera in self._cameras:
            camera.take(scene_s, unix_us(self._clock) if self._live else due_us)
            for person_id in camera.gone_by(scene_s) if self._tells else ():
                sys.stdout.write(f"{person_id}\n")
                sys.stdout.flush()
        self._taken += 1
        return scene_s

    def close(self) -> None:
        for camera in self._cameras:
            camera.close()
        if self._truth is not None:
            self._truth.close()


def main(args: list[str] | None = None) -> int:
    asked = _arguments().parse_args(args)
    if asked.with_input:
        threading.Thread(target=_end_with_input, daemon=True).start()
    try:
        cameras = StreetCameras(asked, SystemClock())
    except BowstreetError as error:
        _arguments().error(str(error))
    try:
        last_s = math.inf if asked.seconds is None else asked.seconds - 1.0 / asked.rate
        while cameras.step() < last_s - 1e-6:
            pass
    except KeyboardInterrupt:
        pass
    finally:
        cameras.close()
    return 0


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="street_cameras", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--to", action="append", required=True, help="udp://HOST:PORT, rtsp://… (pushed) or file:PATH, each a camera"
    )
    parser.add_argument("--rate", type=float, default=25.0, help="pictures a second (25)")
    parser.add_argument("--every", type=float, default=4.0, help="mean seconds between two people (4)")
    parser.add_argument("--seed", type=int, default=1, help="who comes when (1)")
    parser.add_argument("--seconds", type=float, help="how long (until stopped)")
    parser.add_argument("--people", nargs="+", help="ids of openpeople (all)")
    parser.add_argument("--truth", type=Path, help="a file for whose head is where, a JSON line a picture")
    parser.add_argument("--tell-passes", action="store_true", help="print the id of everybody who has walked past, a line each")
    parser.add_argument("--with-input", action="store_true", help="end when the input does")
    return parser


def _end_with_input() -> None:
    while sys.stdin.buffer.read(4_096):
        pass
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
