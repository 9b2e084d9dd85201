"""Programs that share nothing with ours fly the simulated drones: pymavlink's own connection, and MAVSDK."""

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest
from pymavlink import mavutil
from pymavlink.dialects.v20 import ardupilotmega as mavlink
from tests.integration.mavlink_world import FleetProgram, both_brands, city, fleet, ground_station

from bowstreet.flight.model import ConfirmFailsafes
from bowstreet.simulation.layout import Autopilot

SPEED = 5.0
ARMED = mavlink.MAV_MODE_FLAG_SAFETY_ARMED


async def open_dock(program: FleetProgram, port: int) -> None:
    """By pymavlink as well: a dock is a MAVLink peer like any other."""

    def ask() -> None:
        link = mavutil.mavlink_connection(f"udpout:127.0.0.1:{port}", source_system=254)
        link.mav.heartbeat_send(mavlink.MAV_TYPE_GCS, mavlink.MAV_AUTOPILOT_INVALID, 0, 0, 0)
        link.wait_heartbeat(timeout=5)
        link.mav.command_long_send(link.target_system, link.target_component, mavlink.MAV_CMD_USER_1, 0, 1, 0, 0, 0, 0, 0, 0)
        assert link.recv_match(type="COMMAND_ACK", blocking=True, timeout=5).result == mavlink.MAV_RESULT_ACCEPTED
        link.close()

    await asyncio.to_thread(ask)
    for _ in range(100):
        if (await program.ask(op="status"))["docks"][0]["lid"] == 2:
            return
        await asyncio.sleep(0.1)
    raise AssertionError("the dock does not open")


def is_autopilot(heartbeat: Any) -> bool:
    """Not the camera's, which PX4 vehicles have beside it."""
    return bool(heartbeat.autopilot != mavlink.MAV_AUTOPILOT_INVALID)


def fly_with_mavutil(port: int, brand: str) -> str:
    """As a script of anybody's would; gives the mode it ends in."""
    link = mavutil.mavlink_connection(f"udpout:127.0.0.1:{port}", source_system=255)

    def beat() -> None:
        link.mav.heartbeat_send(mavlink.MAV_TYPE_GCS, mavlink.MAV_AUTOPILOT_INVALID, 0, 0, 0)

    def wait_for(kind: str, holds: Any, seconds: float = 20.0) -> Any:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            beat()
            message = link.recv_match(type=kind, blocking=True, timeout=0.3)
            if message is not None and holds(message):
                return message
        raise AssertionError(f"no {kind}")

    def command(number: int, *values: float) -> None:
        filled = [*values, *[0.0] * (7 - len(values))]
        link.mav.command_long_send(link.target_system, link.target_component, number, 0, *filled)
        ack = wait_for("COMMAND_ACK", lambda message: message.command == number)
        assert ack.result == mavlink.MAV_RESULT_ACCEPTED, ack

    beat()
    wait_for("HEARTBEAT", is_autopilot)
    command(mavlink.MAV_CMD_SET_MESSAGE_INTERVAL, mavlink.MAVLINK_MSG_ID_GLOBAL_POSITION_INT, 200_000)
    here = wait_for("GLOBAL_POSITION_INT", lambda message: True)
    if brand == "ardupilot":
        command(mavlink.MAV_CMD_DO_SET_MODE, 1, 4)
        command(mavlink.MAV_CMD_COMPONENT_ARM_DISARM, 1)
        command(mavlink.MAV_CMD_NAV_TAKEOFF, 0, 0, 0, 0, 0, 0, 15)
    else:
        nan = float("nan")
        # Either order: this one is the other than our own link's.
        command(mavlink.MAV_CMD_NAV_TAKEOFF, nan, 0, 0, nan, nan, nan, here.alt / 1000.0 + 15)
        command(mavlink.MAV_CMD_COMPONENT_ARM_DISARM, 1)
    wait_for("GLOBAL_POSITION_INT", lambda message: message.relative_alt > 14_000)
    command(mavlink.MAV_CMD_NAV_LAND)
    landed = wait_for("HEARTBEAT", lambda message: is_autopilot(message) and not message.base_mode & ARMED, 30.0)
    link.close()
    return str(mavutil.mode_string_v10(landed))


@both_brands
async def test_pymavlink_flies_one(brand: Autopilot, tmp_path: Path) -> None:
    layout = city([brand])
    async with fleet(layout, tmp_path, SPEED) as program:
        await open_dock(program, layout.docks[0].port)
        assert await asyncio.to_thread(fly_with_mavutil, layout.vehicles[0].port, brand) == "LAND"
        assert (await program.status("drone-0"))["dock"] == "dock-0"


async def test_pymavlink_reads_what_our_link_has_set(tmp_path: Path) -> None:
    """The failsafe parameters, each brand's way of putting an integer into a float."""
    layout = city(["ardupilot", "px4"])
    async with fleet(layout, tmp_path, SPEED), ground_station(layout, SPEED) as station:
        for number in (0, 1):
            await station.ready(f"drone-{number}")
            await station.accepted(f"drone-{number}", ConfirmFailsafes())

        def read(port: int, name: str) -> Any:
            link = mavutil.mavlink_connection(f"udpout:127.0.0.1:{port}", source_system=253)
            link.mav.heartbeat_send(mavlink.MAV_TYPE_ONBOARD_CONTROLLER, mavlink.MAV_AUTOPILOT_INVALID, 0, 0, 0)
            link.wait_heartbeat(timeout=5)
            link.mav.param_request_read_send(link.target_system, 1, name.encode(), -1)
            told = link.recv_match(type="PARAM_VALUE", blocking=True, timeout=5)
            link.close()
            return told.param_value

        assert await asyncio.to_thread(read, layout.vehicles[0].port, "FS_GCS_ENABLE") == 1.0
        inside = await asyncio.to_thread(read, layout.vehicles[1].port, "NAV_DLL_ACT")
        assert 0.0 < inside < 1e-40  # the bytes of the integer 2


def fly_with_mavsdk(port: int) -> None:
    from mavsdk import ComponentType, Configuration, Mavsdk
    from mavsdk.plugins.action import Action
    from mavsdk.plugins.telemetry import Telemetry

    sdk = Mavsdk(Configuration.create_with_component_type(ComponentType.GROUND_STATION))
    sdk.add_any_connection(f"udpout://127.0.0.1:{port}")
    system = sdk.first_autopilot(timeout_s=20.0)
    assert system is not None
    action, telemetry = Action(system), Telemetry(system)
    telemetry.set_rate_position(5.0)  # ArduPilot says nothing of it unasked
    action.arm()
    action.takeoff()
    end = time.monotonic() + 20.0
    while not telemetry.position().relative_altitude_m > 1.5:  # NaN until it was told
        assert time.monotonic() < end
        time.sleep(0.1)
    action.land()
    while telemetry.armed() or telemetry.position().relative_altitude_m > 0.5:
        assert time.monotonic() < end + 20.0
        time.sleep(0.1)
    sdk.destroy()


@pytest.mark.parametrize("brand", ["px4", "ardupilot"])
async def test_mavsdk_flies_one(brand: Autopilot, tmp_path: Path) -> None:
    pytest.importorskip("mavsdk")
    layout = city([brand])
    async with fleet(layout, tmp_path, SPEED) as program:
        await open_dock(program, layout.docks[0].port)
        await asyncio.to_thread(fly_with_mavsdk, layout.vehicles[0].port)
        events = [one["event"] for one in await program.events("drone-0")]
        assert {"arm", "takeoff", "landed"} <= set(events)
