"""A gimbal steered over real packets, both brands: it turns to a bearing from true north, and one that does not is said."""

import asyncio
import math
from pathlib import Path

from tests.integration.mavlink_world import GroundStation, both_brands, city, fleet, ground_station

from bowstreet.flight.model import PointGimbal
from bowstreet.simulation.layout import Autopilot

SPEED = 4.0
DRONE = "drone-0"


async def steered(station: GroundStation, tilt_deg: float, azimuth_deg: float, seconds: float) -> None:
    """As a follow does: again and again, of the clock that the fleet runs by."""
    for _ in range(math.ceil(seconds / 0.5)):
        station.link.aim_gimbal(DRONE, tilt_deg, azimuth_deg)
        await station.clock.sleep(0.5)


def off_deg(station: GroundStation, tilt_deg: float, azimuth_deg: float) -> float:
    told = station.telemetry[DRONE]
    azimuth = told.heading_deg + told.gimbal_pan_deg
    return max(abs(told.gimbal_pitch_deg - tilt_deg), abs(math.remainder(azimuth - azimuth_deg, 360.0)))


@both_brands
async def test_it_turns_to_a_bearing_and_back_ahead(brand: Autopilot, tmp_path: Path) -> None:
    layout = city([brand])
    async with fleet(layout, tmp_path, speed=SPEED) as program, ground_station(layout, speed=SPEED) as station:
        await station.ready(DRONE)
        for tilt_deg, azimuth_deg in ((-40.0, 100.0), (-60.0, 250.0), (-60.0, 255.0)):
            await steered(station, tilt_deg, azimuth_deg, 8.0)
            assert off_deg(station, tilt_deg, azimuth_deg) < 2.0, (brand, station.telemetry[DRONE])
        assert station.link.gimbal_trouble(DRONE) == ""
        asked = await program.events(DRONE, "command")
        assert len(asked) < 12, "steering is no command each: some are asked to be acknowledged"
        await station.accepted(DRONE, PointGimbal(pitch_deg=0.0))
        await station.until(lambda: abs(station.telemetry[DRONE].gimbal_pan_deg) < 2.0, 10.0, "ahead again")
        assert abs(station.telemetry[DRONE].gimbal_pitch_deg) < 2.0


@both_brands
async def test_one_that_says_nothing_is_found_out_and_heard_again(brand: Autopilot, tmp_path: Path) -> None:
    layout = city([brand])
    async with fleet(layout, tmp_path, speed=SPEED) as program, ground_station(layout, speed=SPEED) as station:
        await station.ready(DRONE)
        await program.ask(op="fault", target=DRONE, kind="gimbal", state="deaf", seconds=40)
        async with asyncio.timeout(30):
            while not station.link.gimbal_trouble(DRONE):
                await steered(station, -40.0, 100.0, 1.0)
        assert "no acknowledgement" in station.link.gimbal_trouble(DRONE)
        async with asyncio.timeout(60):
            while station.link.gimbal_trouble(DRONE):
                await steered(station, -40.0, 100.0, 1.0)
        await steered(station, -40.0, 100.0, 8.0)
        assert off_deg(station, -40.0, 100.0) < 2.0
