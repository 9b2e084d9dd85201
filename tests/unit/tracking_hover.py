"""The simulated street as a drone that hovers 80 m above it sees it, with who is really there: for what moves and what is pressed on."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from bowstreet.frames import DroneFrame
from bowstreet.geo import GridPoint
from bowstreet.simulation.cameras import Drift, Look, pose_at
from bowstreet.simulation.scenery.light import LIGHTS
from bowstreet.simulation.scenery.render import Renderer
from bowstreet.simulation.scenery.street import Street
from bowstreet.simulation.scenery.truth import Seen, truth
from bowstreet.simulation.scenery.view import view
from bowstreet.tracking import steer, wire
from bowstreet.tracking.analyst import Lookout
from bowstreet.tracking.model import Quality, Shape, TrackFound
from bowstreet.tracking.terrain import StatedGround

GROUND_M, HEIGHT_M, LOOKS_HZ = 30.0, 80.0, 5.0
W, H = 640, 360
START = datetime(2026, 11, 28, 12, tzinfo=UTC)
# A blob tells a place this well, pixels; what is nearer to the picture's edge or to the strip at its top is left out.
NEAR_PX, EDGE_PX, STRIP_PX = 4.0, 8.0, 28.0
MOSTLY_SEEN = 0.6


class NoDetector:
    """Knows no shape at all, as a detector of photographs does from so high up."""

    def detect(self, pixels: object) -> list[Any]:
        return []


class Hover:
    """A drone above the street; `travels_mps` to the north for one that does not hover. A camera that `turns` goes after whom it follows."""

    def __init__(self, seed: int, *, field_of_view_deg: float = 60.0, travels_mps: float = 0.0, turns: bool = False) -> None:
        self.street = Street(seed=seed, origin=GridPoint(easting_m=531_500.0, northing_m=185_000.0), ground_m_amsl=GROUND_M)
        self.lookout = Lookout(NoDetector(), StatedGround(stated_m_amsl=GROUND_M))
        self._renderer, self._drift = Renderer(self.street, LIGHTS["day"], W, H), Drift(seed, 0)
        self._view_deg, self._travels_mps = field_of_view_deg, travels_mps
        self.number = 0
        self.tilt_deg, self.azimuth_deg, self._turns = -45.0, 60.0, turns

    def look(self, *orders: wire.AnyOrder) -> tuple[wire.Findings, tuple[Seen, ...]]:
        """The next look, and who is truly in its picture."""
        at_s = self.number / LOOKS_HZ
        self.number += 1
        sways = 0.15 * math.sin(at_s / 3)
        pose = pose_at(
            Look(
                number=0, east_m=531_500.0 + sways, north_m=185_000.0 + self._travels_mps * at_s, up_m_amsl=GROUND_M + HEIGHT_M,
                v_east=0.0, v_north=0.0, v_up=0.0, heading_deg=60.0 + 2 * sways, turn_deg_s=0.0, tilt_deg=self.tilt_deg,
                pan_deg=self.azimuth_deg - 60.0,
            ),
            0.0, self._view_deg,
        )  # fmt: skip
        seen = view(self.street, pose, W, H)
        about = self._renderer.about(seen, at_s)
        told = self._drift.believed(pose, 1.0 / LOOKS_HZ)
        pixels = np.ascontiguousarray(self._renderer.paint(seen, about))
        for order in orders:
            self.lookout.order(wire.written(order))
        found = self.lookout.findings(
            DroneFrame(
                source_id="s", vehicle_id="v", sequence=self.number, captured_at=START + timedelta(seconds=at_s), pixels=pixels,
                pose=told,
            )
        )  # fmt: skip
        if self._turns and found.follow is not None and found.follow.box is not None:
            x, y = found.follow.box.centre
            aim = steer.aim(told, W, H, x, y, found.follow.phase, found.follow.quality, 1.0 / LOOKS_HZ)
            if aim is not None:
                self.tilt_deg, self.azimuth_deg = aim.tilt_deg, aim.azimuth_deg
        return found, truth(self.street, seen, about)

    def press_on(self, one: Seen) -> wire.Click:
        x, y = (one.box[0] + one.box[2]) / 2, (one.box[1] + one.box[3]) / 2
        return wire.Click(follow_id="fol-1", x=x / W, y=y / H, sequence=self.number)


def is_clear(one: Seen) -> bool:
    left, top, right, low = one.box
    return one.visible > MOSTLY_SEEN and left > EDGE_PX and right < W - EDGE_PX and top > STRIP_PX and low < H - EDGE_PX


def is_parked(one: Seen) -> bool:
    return one.name.startswith("parked")


def holds(one: Seen, x: float, y: float, near_px: float = NEAR_PX) -> bool:
    left, top, right, low = one.box
    return left - near_px <= x <= right + near_px and top - near_px <= y <= low + near_px


@dataclass(kw_only=True)
class Counted:
    """Over all looks: who moved and was clear to see, who of them was told, and what was told where nobody moves."""

    persons: int = 0
    persons_told: int = 0
    vehicles: int = 0
    vehicles_told: int = 0
    false: int = 0
    looks: int = 0


def counted(hover: Hover, looks: int, after: int = 20) -> Counted:
    count = Counted()
    for found, there in _looks(hover, looks):
        if hover.number <= after:
            continue
        count.looks += 1
        told = [one for one in found.tracks if one.quality in (Quality.GOOD, Quality.WEAK)]
        movers = [one for one in there if not is_parked(one)]
        for one in filter(is_clear, movers):
            is_told = any(holds(one, *track.box.centre) for track in told)
            if one.kind == Shape.PERSON:
                count.persons, count.persons_told = count.persons + 1, count.persons_told + is_told
            else:
                count.vehicles, count.vehicles_told = count.vehicles + 1, count.vehicles_told + is_told
        count.false += sum(not _somebody(track, movers) for track in told)
    return count


def _looks(hover: Hover, looks: int) -> Iterator[tuple[wire.Findings, tuple[Seen, ...]]]:
    for _ in range(looks):
        yield hover.look()


def _somebody(track: TrackFound, there: list[Seen]) -> bool:
    return any(holds(one, *track.box.centre, near_px=2 * NEAR_PX) for one in there)
