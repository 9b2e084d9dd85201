"""A zoom lens over real packets, both brands: it moves, tells what it is at, and its picture and metadata follow."""

import asyncio
import math
from pathlib import Path

import msgspec
import pytest
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
from bowstreet.geo import to_grid
from bowstreet.runtime.clock import SystemClock
from bowstreet.simulation.layout import Autopilot, Layout, SceneLayout
from bowstreet.simulation.scenery.truth import Seen, Truth
from bowstreet.tracking.camera import view
from bowstreet.tracking.locate import holds, locate
from bowstreet.tracking.model import Located
from bowstreet.tracking.terrain import StatedGround
from bowstreet.video import klv
from bowstreet.video.ingest import Ingest
from bowstreet.video.model import FromWorker, Metadata, VideoSource

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
        assert answer.detail == "it does not know how to (UNSUPPORTED)"
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
        assert answer.detail.startswith("it does not answer (no acknowledgement of")


def middle(one: Seen) -> tuple[float, float]:
    """Where it stands: the foot of its box."""
    return (one.box[0] + one.box[2]) / 2.0, one.box[3]


async def test_the_stream_tells_the_lens_and_places_in_it_stay_right(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    record = tmp_path / "truth.jsonl"
    layout = zooming("px4", video=f"udp://127.0.0.1:{port}", truth=str(record))
    said: list[FromWorker] = []
    ingest = asyncio.ensure_future(
        Ingest(VideoSource(source_id=DRONE, address=f"udp://127.0.0.1:{port}"), SystemClock(), said.append).run()
    )
    try:
        async with fleet(layout, tmp_path, SPEED), ground_station(layout, SPEED, believed_to_zoom(layout)) as station:
            await station.ready(DRONE)
            await station.open_dock("dock-0")
            for command in (ConfirmFailsafes(), Arm(), TakeOff(height_m_above_dock=60.0), PointGimbal(pitch_deg=-50.0)):
                await station.accepted(DRONE, command)
            await station.until(lambda: station.telemetry[DRONE].height_m_above_dock > 59.0, 90.0, "up")
            for zoom in (1.0, 4.0, 8.0):
                await zoomed(station, zoom)
                began = len(said)
                async with asyncio.timeout(60):
                    while sum(isinstance(one, Metadata) for one in said[began:]) < 12:
                        await asyncio.sleep(0.1)
                truths = {one.captured_us: one for one in read_truths(record)}
                sensed = [klv.read(one.data) for one in said[began:] if isinstance(one, Metadata)]
                seen = inside = 0
                for one in sensed[2:]:
                    assert one.pose is not None
                    assert one.pose.horizontal_fov_deg == pytest.approx(narrowed_deg(WIDEST_DEG, zoom), rel=0.01)
                    if one.captured_us not in truths:
                        continue
                    shown = view(one.pose, WIDTH, HEIGHT)
                    assert truths[one.captured_us].pose.horizontal_fov_deg == pytest.approx(one.pose.horizontal_fov_deg, rel=1e-3)
                    for thing in truths[one.captured_us].objects:
                        if thing.kind != "person" or not (thing.box[1] > 0 and thing.box[3] < HEIGHT):
                            continue
                        found = locate(shown, *middle(thing), 3.0, StatedGround(stated_m_amsl=GROUND_M))
                        assert isinstance(found, Located)
                        place = to_grid(found.position)
                        seen += 1
                        inside += holds(found.ellipse, thing.easting_m - place.easting_m, thing.northing_m - place.northing_m)
                print("SEEN", zoom, seen, inside)
                assert inside == seen, (zoom, seen, inside)
    finally:
        ingest.cancel()
        await asyncio.gather(ingest, return_exceptions=True)


def read_truths(record: Path) -> list[Truth]:
    lines = record.read_bytes().split(b"\n")[:-1]
    return [msgspec.json.decode(line, type=Truth) for line in lines]
