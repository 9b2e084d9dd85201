"""A zoom lens over real packets, both brands: it moves, tells what it is at, and its picture and metadata follow."""

import asyncio
import math
from pathlib import Path

import msgspec
import pytest
from tests.integration import mavlink_world
from tests.integration.mavlink_world import (
    GroundStation,
    both_brands,
    city,
    fleet,
    free_ports,
    ground_station,
    vehicle_configs,
)

from bowstreet.flight.lens import narrowed_deg
from bowstreet.flight.model import Arm, ConfirmFailsafes, PointGimbal, TakeOff, VehicleConfig, ZoomCamera
from bowstreet.flight.ports import Outcome
from bowstreet.frames import CameraPose
from bowstreet.geo import GridPoint, to_grid, to_wgs84
from bowstreet.runtime.clock import SystemClock
from bowstreet.simulation.layout import Autopilot, Layout, SceneLayout
from bowstreet.simulation.scenery.truth import Seen, Truth
from bowstreet.tracking.camera import view
from bowstreet.tracking.locate import holds, locate
from bowstreet.tracking.model import Located
from bowstreet.tracking.plane import Plane
from bowstreet.tracking.terrain import StatedGround
from bowstreet.video import klv
from bowstreet.video.ingest import Ingest
from bowstreet.video.model import FromWorker, Metadata, VideoSource

nothing_is_sent_again_in_haste = mavlink_world.nothing_is_sent_again_in_haste
pytestmark = pytest.mark.usefixtures("nothing_is_sent_again_in_haste")
SPEED = 4.0
DRONE = "drone-0"
WIDEST_DEG, MOST = 60.0, 8.0
GROUND_M, WIDTH, HEIGHT = 35.0, 640, 360


def zooming(brand: Autopilot, *, most: float = MOST, video: str = "", truth: str = "") -> Layout:
    layout = city([brand])
    (one,) = layout.vehicles
    scene = SceneLayout(ground_m_amsl=GROUND_M, width_px=WIDTH, height_px=HEIGHT, rate_hz=5.0, truth=truth)
    return msgspec.structs.replace(
        layout, vehicles=(msgspec.structs.replace(one, zoom_most=most, video=video),), scene=scene if video else None
    )


def believed_to_zoom(layout: Layout) -> list[VehicleConfig]:
    """As an operator would configure it."""
    return [msgspec.structs.replace(one, zoom_most=MOST) for one in vehicle_configs(layout)]


def looks_deg(station: GroundStation) -> float:
    told = station.telemetry[DRONE].field_of_view_deg
    return math.nan if told is None else told


async def zoomed(station: GroundStation, zoom: float) -> None:
    await station.accepted(DRONE, ZoomCamera(zoom=zoom))
    wanted = narrowed_deg(WIDEST_DEG, zoom)
    await station.until(lambda: abs(looks_deg(station) - wanted) < 0.02 * wanted, 20.0, f"zoom {zoom}")


@both_brands
async def test_a_lens_goes_where_it_is_asked_and_says_where_it_is(brand: Autopilot, tmp_path: Path) -> None:
    layout = zooming(brand)
    async with (
        fleet(layout, tmp_path, SPEED) as program,
        ground_station(layout, SPEED, believed_to_zoom(layout)) as station,
    ):
        await station.ready(DRONE)
        for zoom in (1.0, 2.0, 8.0, 4.0, 1.0):
            await zoomed(station, zoom)
        commands = await program.events(DRONE, "command")
        assert [one["command"] for one in commands].count(531) == 5
        began = len(station.history)
        await zoomed(station, 8.0)
        passed = [one.field_of_view_deg for one in station.history[began:] if one.field_of_view_deg is not None]
        # A finite speed: it was seen on its way, by what its camera tells twice a second.
        assert any(10.0 < one < 50.0 for one in passed), passed


@both_brands
async def test_a_camera_that_does_not_zoom_says_so(brand: Autopilot, tmp_path: Path) -> None:
    layout = zooming(brand, most=1.0)
    async with fleet(layout, tmp_path, SPEED), ground_station(layout, SPEED, believed_to_zoom(layout)) as station:
        await station.ready(DRONE)
        answer = await station.send(DRONE, ZoomCamera(zoom=4.0))
        assert answer.outcome is Outcome.REJECTED
        assert answer.detail == "its camera does not know how to zoom (UNSUPPORTED)"
        # Nothing has said what its lens is at, and nobody makes a figure up.
        assert station.telemetry[DRONE].field_of_view_deg is None


async def test_a_lens_that_says_nothing_is_found_out(tmp_path: Path) -> None:
    layout = zooming("px4")
    async with (
        fleet(layout, tmp_path, SPEED) as program,
        ground_station(layout, SPEED, believed_to_zoom(layout)) as station,
    ):
        await station.ready(DRONE)
        await program.ask(op="fault", target=DRONE, kind="lens", state="deaf", seconds=600)
        asking = asyncio.ensure_future(station.send(DRONE, ZoomCamera(zoom=4.0)))
        await station.accepted(DRONE, PointGimbal(pitch_deg=-30.0))
        assert not asking.done(), "a gimbal waits for no lens"
        answer = await asking
        assert answer.outcome is Outcome.TIMED_OUT
        assert answer.detail.startswith("its camera does not answer when it is asked to zoom (no acknowledgement of")


class Watched:
    """What the stream of a flight tells, and what was really there."""

    def __init__(self, record: Path) -> None:
        self.said: list[FromWorker] = []
        self._record = record

    async def looks(self, count: int = 12) -> list[tuple[CameraPose, Truth]]:
        """The next so many pictures: the pose that each tells, and its truth."""
        began = len(self.said)
        async with asyncio.timeout(60):
            while sum(isinstance(one, Metadata) for one in self.said[began:]) < count:
                await asyncio.sleep(0.1)
        lines = self._record.read_bytes().split(b"\n")[:-1]
        truths = {one.captured_us: one for one in (msgspec.json.decode(line, type=Truth) for line in lines)}
        sensed = [klv.read(one.data) for one in self.said[began:] if isinstance(one, Metadata)]
        return [
            (one.pose, truths[one.captured_us])
            for one in sensed[2:]
            if one.pose is not None and one.captured_us in truths
        ]  # fmt: skip


def stands(truth: Truth) -> Seen:
    """Some parked car that is well seen: it is where it is when everybody has walked on."""
    cars = [one for one in truth.objects if one.kind != "person" and one.visible > 0.9 and one.name.startswith("parked")]
    return min(cars, key=lambda one: abs(one.box[0] + one.box[2] - WIDTH) + abs(one.box[1] + one.box[3] - HEIGHT))


def towards(pose: CameraPose, car: Seen) -> tuple[float, float]:
    """Tilt and azimuth at which it stands."""
    place = to_wgs84(GridPoint(easting_m=car.easting_m, northing_m=car.northing_m))
    east, north = Plane(pose.position).to_metres(place)
    down = pose.altitude_m_amsl - GROUND_M - 0.8
    return -math.degrees(math.atan2(down, math.hypot(east, north))), math.degrees(math.atan2(east, north)) % 360.0


async def test_the_stream_tells_the_lens_and_places_in_it_stay_right(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    watched = Watched(tmp_path / "truth.jsonl")
    layout = zooming("px4", video=f"udp://127.0.0.1:{port}", truth=str(tmp_path / "truth.jsonl"))
    source = VideoSource(source_id=DRONE, address=f"udp://127.0.0.1:{port}")
    ingest = asyncio.ensure_future(Ingest(source, SystemClock(), watched.said.append).run())
    try:
        async with fleet(layout, tmp_path, SPEED), ground_station(layout, SPEED, believed_to_zoom(layout)) as station:
            await station.ready(DRONE)
            await station.open_dock("dock-0")
            for command in (ConfirmFailsafes(), Arm(), TakeOff(height_m_above_dock=60.0), PointGimbal(pitch_deg=-50.0)):
                await station.accepted(DRONE, command)
            await station.until(lambda: station.telemetry[DRONE].height_m_above_dock > 59.0, 90.0, "up")
            pose, truth = (await watched.looks())[-1]
            car = stands(truth)
            for _ in range(20):
                station.link.aim_gimbal(DRONE, *towards(pose, car))
                await station.clock.sleep(0.5)
            for zoom in (1.0, 4.0, 8.0):
                await zoomed(station, zoom)
                there = 0
                for pose, truth in await watched.looks():
                    assert pose.horizontal_fov_deg == pytest.approx(narrowed_deg(WIDEST_DEG, zoom), rel=0.01)
                    assert truth.pose.horizontal_fov_deg == pytest.approx(pose.horizontal_fov_deg, rel=1e-3)
                    for seen in (one for one in truth.objects if one.name == car.name):
                        there += 1
                        x, y = (seen.box[0] + seen.box[2]) / 2.0, (seen.box[1] + seen.box[3]) / 2.0
                        found = locate(view(pose, WIDTH, HEIGHT), x, y, 3.0, StatedGround(stated_m_amsl=GROUND_M))
                        assert isinstance(found, Located)
                        at = to_grid(found.position)
                        assert holds(found.ellipse, seen.easting_m - at.easting_m, seen.northing_m - at.northing_m)
                        # It fills as much more of the picture as the lens is nearer.
                        assert (seen.box[2] - seen.box[0]) == pytest.approx(zoom * (car.box[2] - car.box[0]), rel=0.5)
                assert there >= 5, zoom
    finally:
        ingest.cancel()
        await asyncio.gather(ingest, return_exceptions=True)
