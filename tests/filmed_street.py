"""A flight over the simulated street, filmed with known truth: where in each picture every head and every vehicle is."""

import asyncio
import functools
import math
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import cv2
import msgspec
import numpy as np

from bowstreet.flight.model import Telemetry
from bowstreet.frames import CameraPose, DroneFrame, Pixels
from bowstreet.geo import GridPoint, to_wgs84
from bowstreet.simulation.broadcast import Encoder
from bowstreet.simulation.scenery import bodies
from bowstreet.simulation.scenery.life import Moment
from bowstreet.simulation.scenery.light import LIGHTS
from bowstreet.simulation.scenery.render import Renderer
from bowstreet.simulation.scenery.street import Street
from bowstreet.simulation.scenery.truth import Plate, plates_seen, truth
from bowstreet.simulation.scenery.view import View, view
from bowstreet.video import klv
from bowstreet.video.fragments import Fragmenter
from bowstreet.video.model import AccessUnit, Codec, Fragment, Header, Metadata, StreamFormat, VideoSource
from bowstreet.video.recorder import FootageRecorder

GROUND_M, LOW_M = 35.0, 14.0
# Places of the street (u, v) with people about.
STAGES = ((238.0, -45.6), (238.0, 100.0), (-123.6, 187.2), (-184.2, 10.9), (401.5, -180.6), (4.2, 54.2))
STREET = Street(seed=3, origin=GridPoint(easting_m=531_000.0, northing_m=184_000.0), ground_m_amsl=GROUND_M)
SOURCE = VideoSource(source_id="cam", address="udp://127.0.0.1:1", vehicle_id="d1")


@dataclass(frozen=True, kw_only=True)
class Head:
    """A disc in the picture, and which share of the person can be seen."""

    name: str
    x: float
    y: float
    radius_px: float
    visible: float


@dataclass(frozen=True, kw_only=True)
class Filmed:
    """One picture and what is in it. `vehicles` are boxes x0, y0, x1, y1 with the share that can be seen."""

    at_us: int
    pixels: Pixels
    pose: CameraPose
    heads: tuple[Head, ...]
    vehicles: tuple[tuple[str, tuple[float, float, float, float], float], ...]
    plates: tuple[Plate, ...] = ()


class Knowing:
    """A finder that knows what is in the pictures of `filmed`, and misses one look in ten of each shape."""

    def __init__(self, height_m: float = 26.0, stage: tuple[float, float] = STAGES[0]) -> None:
        self._height_m, self._stage = height_m, stage

    def look(self, frame: DroneFrame) -> bytes:
        height, width = frame.pixels.shape[:2]
        seen, about = scene_at(frame.captured_at.timestamp(), width, height, self._height_m, stage=self._stage)[1:]
        tracks = []
        for number, one in enumerate(sorted(truth(STREET, seen, about), key=lambda one: one.name)):
            if one.visible < 0.2 or hash((frame.sequence, number)) % 10 == 0:
                continue
            left, top, right, bottom = one.box
            box = {"left": left, "top": top, "width": right - left, "height": bottom - top}
            track = zlib.crc32(one.name.encode())
            tracks.append({"track_id": track, "shape": "person" if one.kind == "person" else "vehicle", "box": box})
        return msgspec.msgpack.encode({"width_px": width, "height_px": height, "tracks": tracks})


knowing_low = functools.partial(Knowing, LOW_M)


def filmed(
    seconds: float,
    rate_hz: float = 12.5,
    width: int = 960,
    height: int = 540,
    height_m: float = 26.0,
    tilt_deg: float = -38.0,
    stage: tuple[float, float] = STAGES[0],
    fov_deg: float = 60.0,
    way_rad: float = 0.0,
) -> Iterator[Filmed]:
    """A slow circle round a street with people on it, begun on the side that `way_rad` says."""
    renderer = Renderer(STREET, LIGHTS["day"], width, height)
    for number in range(round(seconds * rate_hz)):
        at_s = number / rate_hz
        pose, seen, about = scene_at(at_s, width, height, height_m, tilt_deg, renderer, stage, fov_deg, way_rad)
        shown = {one.name: one for one in truth(STREET, seen, about)}
        heads = []
        for person in about.people:
            pixels, depth = seen.seen(bodies.joints(person))
            if person.name in shown and depth[bodies.HEAD] > 0.5:
                x, y = (float(one) for one in pixels[bodies.HEAD])
                radius = bodies.HEAD_M * seen.focal_px / float(depth[bodies.HEAD])
                heads.append(Head(name=person.name, x=x, y=y, radius_px=radius, visible=shown[person.name].visible))
        vehicles = tuple((one.name, one.box, one.visible) for one in shown.values() if one.kind != "person")
        yield Filmed(
            at_us=round(at_s * 1e6), pixels=renderer.paint(seen, about), pose=pose, heads=tuple(heads), vehicles=vehicles,
            plates=plates_seen(STREET, seen, about),
        )  # fmt: skip


@functools.cache
def _painter(width: int, height: int) -> Renderer:
    return Renderer(STREET, LIGHTS["day"], width, height)


def scene_at(
    at_s: float,
    width: int,
    height: int,
    height_m: float = 26.0,
    tilt_deg: float = -38.0,
    renderer: Renderer | None = None,
    stage: tuple[float, float] = STAGES[0],
    fov_deg: float = 60.0,
    way_rad: float = 0.0,
) -> tuple[CameraPose, View, Moment]:
    u, v = stage
    turn = way_rad + 0.05 * at_s
    away = height_m / math.tan(math.radians(-tilt_deg))
    here_u, here_v = u - away * math.cos(turn), v - away * math.sin(turn)
    east, north = (float(one) for one in STREET.to_grid(here_u, here_v))
    to_east, to_north = (float(one) for one in STREET.to_grid(u, v))
    pose = CameraPose(
        position=to_wgs84(GridPoint(easting_m=east, northing_m=north)), altitude_m_amsl=GROUND_M + height_m,
        heading_deg=math.degrees(math.atan2(to_east - east, to_north - north)) % 360.0, tilt_deg=tilt_deg,
        horizontal_fov_deg=fov_deg,
    )  # fmt: skip
    seen = view(STREET, pose, width, height)
    return pose, seen, (renderer or _painter(width, height)).about(seen, 20.0 + at_s)


def parts_of(pictures: list[Filmed], began: datetime, rate_hz: float = 12.5) -> Iterator[Header | Fragment | Metadata]:
    """What a stream's worker says of it, as received."""
    height, width = pictures[0].pixels.shape[:2]
    encoder = Encoder(width, height, rate_hz)
    fragmenter: Fragmenter | None = None
    before: AccessUnit | None = None
    began_us = int(began.timestamp() * 1e6)
    for number, one in enumerate(pictures):
        data, keyframe = encoder.encode(one.pixels, one.at_us)
        yield Metadata(pts_us=one.at_us, received_us=began_us + one.at_us, data=klv.written(began_us + one.at_us, one.pose))
        unit = AccessUnit(
            sequence=number, pts_us=one.at_us, received_us=began_us + one.at_us, keyframe=keyframe, data=data,
            captured_us=began_us + one.at_us,
        )  # fmt: skip
        if fragmenter is None:
            form = StreamFormat(codec=Codec.H264, width_px=width, height_px=height, frame_rate_hz=rate_hz, headers=b"")
            fragmenter = Fragmenter(form, data)
            yield Header(data=fragmenter.header())
        made = fragmenter.fragment(unit)
        if made and before is not None:
            yield Fragment(
                sequence=before.sequence,
                pts_us=before.pts_us,
                captured_us=before.captured_us,
                keyframe=before.keyframe,
                data=made,
            )
        before = unit


def told(one: Filmed, began: datetime, vehicle_id: str) -> Telemetry:
    height_m = one.pose.altitude_m_amsl - GROUND_M
    return Telemetry(
        vehicle_id=vehicle_id, at=began + timedelta(microseconds=one.at_us), position=one.pose.position,
        altitude_m_amsl=one.pose.altitude_m_amsl, height_m_above_dock=height_m, heading_deg=one.pose.heading_deg,
        ground_speed_mps=3.0, vertical_speed_mps=0.0, charge_fraction=0.7, armed=True, landed=False, gps_ok=True,
        ready_to_arm=True, gimbal_pitch_deg=one.pose.tilt_deg,
    )  # fmt: skip


async def recorded(
    footage: FootageRecorder, pictures: list[Filmed], began: datetime, *, mission_id: str = "mis-1", incident_id: str = "inc-1",
    without: range = range(0),
) -> str:  # fmt: skip
    """A closed recording of it, its telemetry beside it four times a second. `without`: pictures that never came."""
    recording_id = await footage.start(SOURCE, mission_id, incident_id)
    places = iter(pictures[::3])
    for number, part in enumerate(parts_of([one for at, one in enumerate(pictures) if at not in without], began)):
        footage.take(SOURCE, part)
        if isinstance(part, Fragment) and part.sequence % 3 == 0 and (place := next(places, None)) is not None:
            said = told(place, began, SOURCE.vehicle_id)
            footage.place(SOURCE.source_id, said.at, msgspec.json.encode(said))
        if number % 200 == 199:
            await asyncio.sleep(0.05)  # the disk keeps up
    await footage.stop(SOURCE.source_id, "left the scene")
    return recording_id


def plate_mask(one: Plate, width: int, height: int) -> np.ndarray:
    """Which pixels of a picture show a plate."""
    mask = np.zeros((height, width), np.uint8)
    cv2.fillConvexPoly(mask, np.round(np.array(one.corners)).astype(np.int32), 1)
    return mask.astype(bool)


def head_mask(one: Filmed, least_visible: float = 0.5) -> np.ndarray:
    """Which pixels of a picture show a head that is to be seen."""
    height, width = one.pixels.shape[:2]
    rows, columns = np.mgrid[0:height, 0:width]
    mask = np.zeros((height, width), bool)
    for head in one.heads:
        if head.visible >= least_visible:
            mask |= (columns - head.x) ** 2 + (rows - head.y) ** 2 <= head.radius_px**2
    return mask
