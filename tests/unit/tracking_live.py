"""What a drone over the simulated street sends, as its analyst gets it: through H.264, with the clock burnt in, by a gimbal that takes time.

It circles the scene first, as every flight does, then hovers; who is pressed on is followed, and the gimbal turns after them.
"""

import math
from datetime import timedelta
from fractions import Fraction

import av
import msgspec
import numpy as np
from tests.unit.tracking_hover import GROUND_M, HEIGHT_M, START, H, NoDetector, W, holds, is_parked

from bowstreet.frames import CameraPose, DroneFrame, Pixels
from bowstreet.geo import GridPoint
from bowstreet.simulation.autopilot import GIMBAL_DEG_S
from bowstreet.simulation.broadcast import Encoder
from bowstreet.simulation.cameras import Drift, Look, pose_at
from bowstreet.simulation.scenery import strip
from bowstreet.simulation.scenery.light import LIGHTS
from bowstreet.simulation.scenery.render import Renderer
from bowstreet.simulation.scenery.street import Street
from bowstreet.simulation.scenery.truth import Seen, truth
from bowstreet.simulation.scenery.view import view
from bowstreet.tracking import steer, trim, wire
from bowstreet.tracking.analyst import Lookout
from bowstreet.tracking.model import FollowPhase, Quality, Shape, TrackFound
from bowstreet.tracking.terrain import StatedGround

FRAMES_HZ, LOOKS_HZ, WIDEST_DEG = 12.5, 5.0, 60.0
# From a look until the gimbal begins to do what was ordered by it.
LATE_S = 0.25
EAST_M, NORTH_M, CIRCLE_M, CIRCLES = 531_500.0, 185_000.0, 40.0, 12
# So long it hovers before anybody is chosen, and for anybody to be found at most.
SETTLES, MOST_LOOKS = 30, 80
# Who is chosen moves, and is well inside the picture.
LEAST_MPS, SIDE_PX, TOP_PX = 0.7, 60, 40
NEAR_PX, SEEN_SHARE = 8.0, 0.5


class Live:
    """One flight. `look` gives what the analyst says of it and who is truly in the picture."""

    def __init__(self, seed: int) -> None:
        self._street = Street(seed=seed, origin=GridPoint(easting_m=EAST_M, northing_m=NORTH_M), ground_m_amsl=GROUND_M)
        self._renderer, self._drift = Renderer(self._street, LIGHTS["day"], W, H), Drift(seed, 0)
        self._encoder, self._decoder = Encoder(W, H, FRAMES_HZ, gop_s=1.0), av.CodecContext.create("h264", "r")
        self.lookout = Lookout(NoDetector(), StatedGround(stated_m_amsl=GROUND_M))
        self._tilt_deg, self._azimuth_deg = -63.0, 180.0
        self._goal, self._ordered = (-63.0, 180.0), list[tuple[float, tuple[float, float]]]()
        self._trim = trim.Trim()
        self.frames = self.number = 0
        for number in range(CIRCLES):
            on = number / CIRCLE_M
            self._place = (EAST_M + CIRCLE_M * math.sin(on), NORTH_M + CIRCLE_M * math.cos(on))
            self._azimuth_deg = 180.0 + math.degrees(on)
            self._goal = (-63.0, self._azimuth_deg)
            self.look()
        self._place, self._tilt_deg, self._azimuth_deg, self._goal = (EAST_M, NORTH_M), -45.0, 60.0, (-45.0, 60.0)

    def look(self, *orders: wire.AnyOrder) -> tuple[wire.Findings, tuple[Seen, ...]]:
        while True:
            pixels, told, there, at_s = self._frame()
            if pixels is not None and int(at_s * LOOKS_HZ) != int((at_s - 1.0 / FRAMES_HZ) * LOOKS_HZ):
                break
        self.number += 1
        for order in orders:
            self.lookout.order(wire.written(order))
        found = self.lookout.findings(
            DroneFrame(
                source_id="s", vehicle_id="v", sequence=self.number, captured_at=START + timedelta(seconds=at_s),
                pixels=np.ascontiguousarray(pixels), pose=told,
            )
        )  # fmt: skip
        self._turn(found, told, at_s)
        return found, there

    def press_on(self, track: TrackFound) -> wire.Click:
        x, y = track.box.centre
        return wire.Click(follow_id="fol-1", x=x / W, y=y / H, sequence=self.number)

    def _frame(self) -> tuple[Pixels | None, CameraPose, tuple[Seen, ...], float]:
        at_s = self.frames / FRAMES_HZ
        self.frames += 1
        while self._ordered and self._ordered[0][0] <= at_s:
            self._goal = self._ordered.pop(0)[1]
        most = GIMBAL_DEG_S / FRAMES_HZ
        self._tilt_deg += max(-most, min(most, self._goal[0] - self._tilt_deg))
        self._azimuth_deg += max(-most, min(most, math.remainder(self._goal[1] - self._azimuth_deg, 360.0)))
        pose = pose_at(
            Look(
                number=0, east_m=self._place[0] + 0.15 * math.sin(at_s / 3), north_m=self._place[1], up_m_amsl=GROUND_M + HEIGHT_M,
                v_east=0.0, v_north=0.0, v_up=0.0, heading_deg=60.0, turn_deg_s=0.0, tilt_deg=self._tilt_deg,
                pan_deg=self._azimuth_deg - 60.0,
            ),
            0.0, WIDEST_DEG,
        )  # fmt: skip
        seen = view(self._street, pose, W, H)
        about = self._renderer.about(seen, at_s)
        picture = self._renderer.paint(seen, about)
        taken_us = round(START.timestamp() * 1e6 + at_s * 1e6)
        strip.burn(picture, taken_us, "drone-001")
        unit, _ = self._encoder.encode(picture, taken_us)
        packet = av.Packet(unit)
        packet.pts, packet.time_base = self.frames, Fraction(2, 25)
        shown = self._decoder.decode(packet)
        pixels = shown[0].to_ndarray(format="rgb24") if shown else None
        return pixels, self._drift.believed(pose, 1.0 / FRAMES_HZ), truth(self._street, seen, about), at_s

    def _turn(self, found: wire.Findings, told: CameraPose, at_s: float) -> None:
        follow, step_s = found.follow, 1.0 / LOOKS_HZ
        if follow is None or follow.box is None or follow.phase not in (FollowPhase.HELD, FollowPhase.COASTING):
            self._trim = trim.Trim()
            return
        aim = steer.aim(told, W, H, *follow.box.centre, follow.phase, follow.quality, step_s)
        self._trim = trim.looked(self._trim, told, W, H, *follow.box.centre, step_s)
        if aim is not None:
            ordered = trim.order(self._trim, aim)
            self._trim = msgspec.structs.replace(self._trim, ordered=ordered)
            self._ordered.append((at_s + LATE_S, ordered))


def followed(seed: int, shape: Shape, looks: int) -> tuple[int, int]:
    """In how many looks somebody was held who moved and was pressed on, and in how many they could be seen; up to `looks`."""
    live, name, orders = Live(seed), "", tuple[wire.AnyOrder, ...]()
    held = seen = 0
    for number in range(SETTLES + MOST_LOOKS + looks):
        found, there = live.look(*orders)
        orders = ()
        if not name:
            for track in found.tracks if SETTLES <= number < SETTLES + MOST_LOOKS else ():
                walker = next((one for one in there if not is_parked(one) and holds(one, *track.box.centre)), None)
                if walker is not None and _may_be_chosen(track, shape):
                    name, orders, looks = walker.name, (live.press_on(track),), number + looks
                    break
            continue
        if number > looks:
            break
        now, follow = next((one for one in there if one.name == name), None), found.follow
        if now is None or now.visible < SEEN_SHARE:
            break  # gone behind a tree or a house: whoever comes out again is another question
        seen += 1
        on = follow is not None and follow.box is not None and holds(now, *follow.box.centre, near_px=NEAR_PX)
        held += on and follow is not None and follow.phase is FollowPhase.HELD
    return held, seen


def _may_be_chosen(track: TrackFound, shape: Shape) -> bool:
    inside = SIDE_PX < track.box.left < W - SIDE_PX and TOP_PX < track.box.top < H - TOP_PX
    moves = track.motion is not None and track.motion.speed_mps > LEAST_MPS
    return track.shape is shape and track.quality is Quality.WEAK and inside and moves
