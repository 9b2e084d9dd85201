"""How each brand of autopilot wants to be asked. No IO: a command in, the steps of a conversation out.

Learnt on a real ArduCopter 4.7-dev and a real PX4 1.17-alpha. What differs: ArduCopter wants GUIDED before anything and
heights above home; PX4 wants heights above sea, `param2` of a reposition exactly 1, and knows DO_ORBIT, which ArduCopter does
not.
"""

import struct
from typing import Any, NamedTuple

from pymavlink.dialects.v20 import ardupilotmega as mavlink

from bowstreet.flight.mavlink_peer import ARDUPILOT, PX4
from bowstreet.flight.model import (
    Arm,
    Command,
    ConfirmFailsafes,
    Disarm,
    GoTo,
    Hold,
    Land,
    Orbit,
    PointGimbal,
    SetSpeed,
    TakeOff,
    Waypoint,
)

GUIDED, CIRCLE, BRAKE = 4, 7, 17
NAN = float("nan")
# FS_GCS_ENABLE 1: return to launch when the ground station is lost. NAV_DLL_ACT 2: return.
FAILSAFES = {ARDUPILOT: ("FS_GCS_ENABLE", 1), PX4: ("NAV_DLL_ACT", 2)}


class Say(NamedTuple):
    """Send a command and wait for its acknowledgement. `message` has the target filled in later by `addressed`."""

    message: Any


class Mode(NamedTuple):
    """Be in this custom mode, confirmed by heartbeat."""

    custom_mode: int


class Parameter(NamedTuple):
    """Have this integer parameter at this value, confirmed by reading it back."""

    name: str
    value: int


Conversation = list[Say | Mode | Parameter]


class Unsupported(NamedTuple):
    """This brand cannot be asked for that."""

    why: str


def conversation(command: Command, autopilot: int, system_id: int, home_m_amsl: float) -> Conversation | Unsupported:
    """The steps that carry out a command on a brand.

    Args:
        autopilot: MAV_AUTOPILOT of the vehicle's heartbeat.
        home_m_amsl: of the point that its relative heights count from.
    """
    if autopilot not in (ARDUPILOT, PX4):
        return Unsupported(f"autopilot {autopilot} is neither ArduPilot nor PX4")
    brand = _ArduPilot(system_id, home_m_amsl) if autopilot == ARDUPILOT else _Px4(system_id, home_m_amsl)
    return brand.steps(command)


class _Brand:
    """What both share."""

    autopilot: int

    def __init__(self, system_id: int, home_m_amsl: float) -> None:
        self.system_id, self.home_m_amsl = system_id, home_m_amsl

    def steps(self, command: Command) -> Conversation | Unsupported:
        match command:
            case ConfirmFailsafes():
                return [Parameter(*FAILSAFES[self.autopilot])]
            case Arm():
                return self.arm()
            case Disarm():
                return [self.long(mavlink.MAV_CMD_COMPONENT_ARM_DISARM, 0)]
            case TakeOff():
                return self.take_off(command.height_m_above_dock)
            case SetSpeed():
                return [self.long(mavlink.MAV_CMD_DO_CHANGE_SPEED, 1, command.ground_speed_mps, -1)]
            case GoTo():
                return self.go_to(command.waypoint)
            case Orbit():
                return self.orbit(command.centre, command.radius_m)
            case Hold():
                return self.hold()
            case PointGimbal():
                return self.gimbal(command.pitch_deg)
            case Land():
                return [self.long(mavlink.MAV_CMD_NAV_LAND, 0, 0, 0, NAN, 0, 0, 0)]
        return Unsupported(f"{type(command).__name__} is not asked of vehicles")

    def long(self, number: int, *values: float) -> Say:
        filled = [*values, *[0.0] * (7 - len(values))]
        return Say(mavlink.MAVLink_command_long_message(self.system_id, 1, number, 0, *filled))

    def at(self, number: int, frame: int, waypoint: Waypoint, height_m: float, *values: float) -> Say:
        filled = [*values, *[0.0] * (4 - len(values))]
        place = waypoint.position
        return Say(
            mavlink.MAVLink_command_int_message(
                self.system_id, 1, frame, number, 0, 0, *filled,
                round(place.latitude_deg * 1e7), round(place.longitude_deg * 1e7), height_m,
            )
        )  # fmt: skip

    def arm(self) -> Conversation:
        return [self.long(mavlink.MAV_CMD_COMPONENT_ARM_DISARM, 1)]

    def take_off(self, height_m: float) -> Conversation:
        raise NotImplementedError

    def go_to(self, waypoint: Waypoint) -> Conversation:
        raise NotImplementedError

    def orbit(self, centre: Waypoint, radius_m: float) -> Conversation:
        raise NotImplementedError

    def hold(self) -> Conversation:
        raise NotImplementedError

    def gimbal(self, pitch_deg: float) -> Conversation:
        raise NotImplementedError


class _ArduPilot(_Brand):
    autopilot = ARDUPILOT

    def arm(self) -> Conversation:
        return [Mode(GUIDED), *super().arm()]

    def take_off(self, height_m: float) -> Conversation:
        return [Mode(GUIDED), self.long(mavlink.MAV_CMD_NAV_TAKEOFF, 0, 0, 0, 0, 0, 0, height_m)]

    def go_to(self, waypoint: Waypoint) -> Conversation:
        frame = mavlink.MAV_FRAME_GLOBAL_RELATIVE_ALT_INT
        return [Mode(GUIDED), self.at(mavlink.MAV_CMD_DO_REPOSITION, frame, waypoint, waypoint.height_m_above_dock, -1, 1)]

    def orbit(self, centre: Waypoint, radius_m: float) -> Conversation:
        return [Parameter("CIRCLE_RADIUS", round(radius_m * 100)), Mode(CIRCLE)]

    def hold(self) -> Conversation:
        return [Mode(BRAKE), Mode(GUIDED)]

    def gimbal(self, pitch_deg: float) -> Conversation:
        mode = mavlink.MAV_MOUNT_MODE_MAVLINK_TARGETING
        return [self.long(mavlink.MAV_CMD_DO_MOUNT_CONTROL, pitch_deg, 0, 0, 0, 0, 0, mode)]


class _Px4(_Brand):
    autopilot = PX4

    def take_off(self, height_m: float) -> Conversation:
        return [self.long(mavlink.MAV_CMD_NAV_TAKEOFF, NAN, 0, 0, NAN, NAN, NAN, self.home_m_amsl + height_m)]

    def go_to(self, waypoint: Waypoint) -> Conversation:
        height_m = self.home_m_amsl + waypoint.height_m_above_dock
        return [self.at(mavlink.MAV_CMD_DO_REPOSITION, mavlink.MAV_FRAME_GLOBAL_INT, waypoint, height_m, -1, 1, 0, NAN)]

    def orbit(self, centre: Waypoint, radius_m: float) -> Conversation:
        height_m = self.home_m_amsl + centre.height_m_above_dock
        return [self.at(mavlink.MAV_CMD_DO_ORBIT, mavlink.MAV_FRAME_GLOBAL_INT, centre, height_m, radius_m, NAN, 0, NAN)]

    def hold(self) -> Conversation:
        flags = mavlink.MAV_MODE_FLAG_CUSTOM_MODE_ENABLED
        return [self.long(mavlink.MAV_CMD_DO_SET_MODE, flags, 4, 3)]

    def gimbal(self, pitch_deg: float) -> Conversation:
        return [self.long(mavlink.MAV_CMD_DO_GIMBAL_MANAGER_PITCHYAW, pitch_deg, 0, NAN, NAN, 0, 0, 0)]


# --- parameters: both send integers in a float, each in its own way -------------------------------------------------------


def parameter_message(autopilot: int, system_id: int, name: str, value: int) -> Any:
    """PARAM_SET as the brand reads it."""
    if autopilot == ARDUPILOT:
        inside, kind = float(value), mavlink.MAV_PARAM_TYPE_REAL32
    else:
        (inside,), kind = struct.unpack("<f", struct.pack("<i", value)), mavlink.MAV_PARAM_TYPE_INT32
    return mavlink.MAVLink_param_set_message(system_id, 1, name.encode(), inside, kind)


def parameter_value(autopilot: int, message: Any) -> int:
    """The integer that a PARAM_VALUE carries."""
    if autopilot == ARDUPILOT or message.param_type == mavlink.MAV_PARAM_TYPE_REAL32:
        told: float = message.param_value
        return round(told)
    (inside,) = struct.unpack("<i", struct.pack("<f", message.param_value))
    return int(inside)
