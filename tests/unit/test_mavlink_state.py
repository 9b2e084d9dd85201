"""What a vehicle has told, put together from packets of different moments."""

import math
from datetime import UTC, datetime
from typing import Any

import pytest
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from bowstreet.flight.mavlink_frames import Packer, Splitter
from bowstreet.flight.mavlink_state import VehicleState

AT = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)


class Told:
    """A vehicle with a position and a charge, whose camera hangs on servos."""

    def __init__(self) -> None:
        self.state, self._packer = VehicleState("drone-0"), Packer(1, 1)
        self.state.servo_mount = True
        self.tells(
            mavlink.MAVLink_heartbeat_message(2, 3, 128, 4, 4, 3),
            mavlink.MAVLink_sys_status_message(0, 0, 0, 250, 22_000, 1_000, 80, 0, 0, 0, 0, 0, 0),
            mavlink.MAVLink_global_position_int_message(0, 515_000_000, -1_000_000, 60_000, 40_000, 0, 0, 0, 0),
        )

    def tells(self, *messages: Any) -> None:
        for message in messages:
            (frame,) = Splitter().datagram(self._packer.pack(message))
            self.state.take(frame, 0.0)

    @property
    def pitch_deg(self) -> float:
        telemetry = self.state.telemetry(AT, 0.0)
        assert telemetry is not None
        return telemetry.gimbal_pitch_deg


def airframe(pitch_deg: float) -> Any:
    return mavlink.MAVLink_attitude_message(0, 0.0, math.radians(pitch_deg), 0.0, 0.0, 0.0, 0.0)


def mount(pitch_deg: float) -> Any:
    return mavlink.MAVLink_mount_status_message(0, 0, round(100.0 * pitch_deg), 0, 0, 0)


def test_a_servo_mounts_angle_is_told_against_the_horizon() -> None:
    told = Told()
    told.tells(airframe(-20.0), mount(-43.0))
    assert told.pitch_deg == pytest.approx(-63.0, abs=0.01)


def test_the_airframe_that_pitches_afterwards_does_not_turn_the_camera() -> None:
    told = Told()
    told.tells(airframe(-20.0), mount(-43.0), airframe(6.0))
    assert told.pitch_deg == pytest.approx(-63.0, abs=0.01)
    told.tells(mount(-69.0))
    assert told.pitch_deg == pytest.approx(-63.0, abs=0.01)


def test_a_mount_that_is_not_on_servos_is_told_against_the_horizon_already() -> None:
    told = Told()
    told.state.servo_mount = False
    told.tells(airframe(-20.0), mount(-63.0))
    assert told.pitch_deg == pytest.approx(-63.0, abs=0.01)
