"""What a simulated autopilot does with MAVLink messages: what its brands have in common. No IO: messages in, answers out.

The habits are those seen on a real ArduCopter 4.7-dev and a real PX4 1.17-alpha: who wants which frame, which mode, which
order of arming and taking off; which parameter switches the response to a lost ground station, and that it is off by default;
what is refused by an acknowledgement, and what by text alone. Where they differ is in `brands`.
"""

import math
import struct
from collections.abc import Callable
from typing import Any, ClassVar

from pymavlink.dialects.v20 import ardupilotmega as mavlink

from bowstreet.geo import GridPoint, Position, to_grid, to_wgs84
from bowstreet.simulation.lens import ZoomLens
from bowstreet.simulation.vehicle import Bodies

ACCEPTED, DENIED, UNSUPPORTED, FAILED = (
    int(mavlink.MAV_RESULT_ACCEPTED), int(mavlink.MAV_RESULT_DENIED),
    int(mavlink.MAV_RESULT_UNSUPPORTED), int(mavlink.MAV_RESULT_FAILED),
)  # fmt: skip
FORCE = 21_196.0
INT8, INT32 = int(mavlink.MAV_PARAM_TYPE_INT8), int(mavlink.MAV_PARAM_TYPE_INT32)
REAL32 = int(mavlink.MAV_PARAM_TYPE_REAL32)
# Both disarm by themselves when armed and not flown, and soon after a landing (DISARM_DELAY, COM_DISARM_PRFLT, COM_DISARM_LAND).
DISARM_IDLE_S, DISARM_LANDED_S = 10.0, 1.5
# Their defaults are 5 and 10 s. Who flies from docks sets more: a gap of some seconds is no reason to give a scene up.
GCS_TIMEOUT_S = 20.0
# Home by itself at this height above home, or where it is when that is higher; at this speed.
RTL_HEIGHT_M, RTL_MPS = 30.0, 10.0
NEAR_HOME_M = 0.7
GIMBAL_DEG_S = 60.0
YAW_LOCK = int(mavlink.GIMBAL_MANAGER_FLAGS_YAW_LOCK)
GIMBAL_COMMANDS = (
    mavlink.MAV_CMD_DO_MOUNT_CONTROL, mavlink.MAV_CMD_DO_GIMBAL_MANAGER_PITCHYAW, mavlink.MAV_CMD_DO_GIMBAL_MANAGER_CONFIGURE,
)  # fmt: skip

Log = Callable[..., None]
Say = Callable[[Any], None]


class Autopilot:
    """The brain of one vehicle: what both brands do.

    Args:
        one: its index in `bodies`.
        log: called for ground truth: arm, take-off, failsafe, each command received.
        say: sends a message to all who listen.
        blocked: whether something above keeps it on the ground: a closed lid.
        boot_s: until its estimator has a position. A real one needs about 40 s; drones in docks are kept switched on.

    Attributes:
        gps: "ok", "off", "stuck" or "jump", as a fault has made it.
        gimbal_fault: "", "stuck" (it says that it obeys, and stays) or "deaf" (it says nothing).
        north_deg: what is added to a bearing on the grid to make it a true one, here.
        fence_m: radius round home beyond which it does not go; 0 for none.
        lens: of its camera.
        lifting: it is about to leave the ground, or has just left it.
    """

    brand = 0
    failsafe_parameter = ""
    default_speed_mps = 0.0
    float_parameters: ClassVar[dict[str, float]] = {}
    integer_parameters: ClassVar[dict[str, int]] = {}
    integer_kind = INT32

    def __init__(
        self, one: int, bodies: Bodies, home: GridPoint, *, log: Log, say: Say, blocked: Callable[[], bool], boot_s: float
    ) -> None:
        self.one, self.bodies, self._log, self._say, self._blocked, self._boot_s = one, bodies, log, say, blocked, boot_s
        self.home, self.home_m_amsl = home, float(bodies.ground_m_amsl[one])
        self.parameters: dict[str, float] = {**self.float_parameters, **self.integer_parameters}
        self.mode = self.mode_at_boot
        self.gcs_heard_s: float | None = None
        self.now_s = 0.0
        self.gps = "ok"
        self.fence_m = 0.0
        self.gimbal_deg = self.gimbal_goal_deg = 0.0
        self.pan_deg = self.pan_goal_deg = 0.0  # from the nose, clockwise
        self.locked_deg: float | None = None  # the bearing from true north to which the camera is turned, if to any
        self.gimbal_fault = ""
        self.lens = ZoomLens(1.0)
        self.north_deg = grid_to_true_deg(home)
        self.lifting_to: float | None = None
        self.armed_at_s = 0.0
        self.landed_at_s: float | None = None  # since it was last armed
        self._expected = 0
        self.mission: list[Any] = []
        bodies.speed_mps[one] = self.default_speed_mps

    # --- what differs ---------------------------------------------------------------------------------------------------

    mode_at_boot = 0
    land_mode = rtl_mode = fly_mode = 0

    def obey(self, number: int, p: list[float], frame: int | None, sender: int) -> int:
        """A command's MAV_RESULT. `frame` is None for COMMAND_LONG."""
        raise NotImplementedError

    def may_arm(self) -> str:
        """Why it does not arm, or "" when it does."""
        raise NotImplementedError

    def pack_integer(self, value: int) -> float:
        raise NotImplementedError

    def unpack_integer(self, value: float) -> int:
        raise NotImplementedError

    def mission_request(self, sequence: int, message: Any) -> Any:
        raise NotImplementedError

    # --- time -----------------------------------------------------------------------------------------------------------

    @property
    def flying(self) -> bool:
        return bool(self.bodies.flying[self.one])

    @property
    def armed(self) -> bool:
        return bool(self.bodies.armed[self.one])

    @property
    def estimates(self) -> bool:
        """Its estimator has a position."""
        return self.gps != "off" and self.now_s > self._boot_s

    @property
    def homing(self) -> bool:
        """On its way home or down, by its own or by order."""
        return self.flying and self.mode in (self.rtl_mode, self.land_mode)

    def think(self, now_s: float) -> None:
        """What it does by itself, each step."""
        passed_s, self.now_s = now_s - self.now_s, now_s
        if not self.gimbal_fault:
            self._turn_camera(GIMBAL_DEG_S * passed_s)
        self.lens.move(passed_s)
        if self.flying:
            self._think_in_the_air()
        elif self.armed:
            self._think_on_the_ground()

    def _turn_camera(self, most_deg: float) -> None:
        self.gimbal_deg += max(-most_deg, min(most_deg, self.gimbal_goal_deg - self.gimbal_deg))
        if self.locked_deg is not None:
            self.pan_goal_deg = self.locked_deg - self.heading_deg
        off = math.remainder(self.pan_goal_deg - self.pan_deg, 360.0)
        self.pan_deg = math.remainder(self.pan_deg + max(-most_deg, min(most_deg, off)), 360.0)

    @property
    def heading_deg(self) -> float:
        """From true north."""
        return (float(self.bodies.heading_deg[self.one]) + self.north_deg) % 360.0

    @property
    def told_gimbal_deg(self) -> float:
        """What it says of its camera's tilt."""
        return self.gimbal_deg

    def point(self, pitch_deg: float, yaw_deg: float, *, to_north: bool) -> int:
        """Turn the camera: ahead of the nose, or to a bearing from true north."""
        if not -90.0 <= pitch_deg <= 45.0:
            return DENIED
        self.gimbal_goal_deg = pitch_deg
        if math.isfinite(yaw_deg):
            self.locked_deg, self.pan_goal_deg = (yaw_deg, self.pan_goal_deg) if to_north else (None, yaw_deg)
        return ACCEPTED

    def _think_on_the_ground(self) -> None:
        if self.lifting_to is not None:
            if not self._blocked():
                self._log("takeoff", to_m_amsl=round(self.lifting_to, 1))
                self.bodies.rise(self.one, self.lifting_to)
            elif self.now_s - self.armed_at_s > DISARM_IDLE_S:
                self._log("blocked")
                self.disarm()
        elif self.landed_at_s is not None:
            if self.now_s - self.landed_at_s > DISARM_LANDED_S:
                self.disarm()
        elif self.now_s - self.armed_at_s > DISARM_IDLE_S:
            self.disarm()

    def _think_in_the_air(self) -> None:
        one, bodies = self.one, self.bodies
        if self.lifting_to is not None and bodies.height_m_amsl[one] >= self.lifting_to - 0.5:
            self.lifting_to = None
            self.risen()
        if self.gcs_silent() and self.parameters[self.failsafe_parameter] > 0 and not self.homing:
            self._log("failsafe", reason="ground station lost")
            self.text(mavlink.MAV_SEVERITY_WARNING, "GCS Failsafe")
            self.lose_ground_station()
        if bodies.failed[one] and self.mode != self.land_mode:
            self.text(mavlink.MAV_SEVERITY_EMERGENCY, "Potential Thrust Loss")
            self.set_mode(self.land_mode)
        if self.mode == self.rtl_mode:
            off_m = math.hypot(bodies.east_m[one] - self.home.easting_m, bodies.north_m[one] - self.home.northing_m)
            if off_m < NEAR_HOME_M:
                self.set_mode(self.land_mode)

    def gcs_silent(self) -> bool:
        return self.gcs_heard_s is not None and self.now_s - self.gcs_heard_s > GCS_TIMEOUT_S

    def risen(self) -> None:
        """Its take-off is done."""

    def lose_ground_station(self) -> None:
        self.set_mode(self.rtl_mode)

    def landed(self) -> None:
        """It stands on the ground again."""
        self.landed_at_s, self.lifting_to = self.now_s, None

    def disarm(self) -> None:
        if self.armed:
            self._log("disarm")
        self.bodies.armed[self.one] = False
        self.lifting_to = self.landed_at_s = None

    def set_mode(self, mode: int) -> None:
        """Into a mode, with what it does at once there."""
        if mode == self.mode:
            return
        self.mode = mode
        if not self.flying:
            return
        self.lifting_to = None  # another mode than that of the take-off ends it
        if mode == self.rtl_mode:
            self.bodies.speed_mps[self.one] = RTL_MPS
            height = max(float(self.bodies.height_m_amsl[self.one]), self.home_m_amsl + RTL_HEIGHT_M)
            self.bodies.go(self.one, self.home.easting_m, self.home.northing_m, height)
        elif mode == self.land_mode:
            self.bodies.descend(self.one)
        else:
            self.enter(mode)

    def enter(self, mode: int) -> None:
        """Any other mode, in the air."""
        self.bodies.stay(self.one)

    # --- messages in ----------------------------------------------------------------------------------------------------

    def handle(self, message: Any, now_s: float) -> list[Any]:
        """The answers to one message."""
        self.now_s = max(self.now_s, now_s)
        match message.get_type():
            case "HEARTBEAT":
                self.hear_ground_station(message)
            case "COMMAND_LONG":
                values = [getattr(message, f"param{number}") for number in range(1, 8)]
                return self._command(message, values, None)
            case "COMMAND_INT":
                return self._command(message, _int_values(message), message.frame)
            case "SET_MODE" if self.brand == mavlink.MAV_AUTOPILOT_ARDUPILOTMEGA:
                self.set_mode(message.custom_mode)
            case "GIMBAL_MANAGER_SET_PITCHYAW" if self.owns_gimbal(message.get_srcSystem()):
                self.point(math.degrees(message.pitch), math.degrees(message.yaw), to_north=locks_yaw(message.flags))
            case "SET_POSITION_TARGET_GLOBAL_INT":
                self.position_target(message)
            case "PARAM_REQUEST_READ" | "PARAM_REQUEST_LIST" | "PARAM_SET":
                return self._parameters(message)
            case "TIMESYNC" if message.tc1 == 0:
                return [mavlink.MAVLink_timesync_message(int(self.now_s * 1e9), message.ts1)]
            case kind if kind.startswith("MISSION_"):
                return self._mission(message)
        return []

    def owns_gimbal(self, sender: int) -> bool:
        """Whether its gimbal manager obeys this one."""
        return True

    def hear_ground_station(self, message: Any) -> None:
        raise NotImplementedError

    def position_target(self, message: Any) -> None:
        """Guided by points."""

    def _command(self, message: Any, values: list[float], frame: int | None) -> list[Any]:
        number, sender = message.command, message.get_srcSystem()
        if number not in (mavlink.MAV_CMD_SET_MESSAGE_INTERVAL, mavlink.MAV_CMD_REQUEST_MESSAGE):
            self._log("command", command=number, confirmation=getattr(message, "confirmation", 0))
        if self.gimbal_fault == "deaf" and number in GIMBAL_COMMANDS:
            return []
        if number == mavlink.MAV_CMD_SET_CAMERA_ZOOM and self.lens.fault == "deaf":
            return []
        result = self._common(number, values)
        if result is None:
            result = self.obey(number, values, frame, sender)
        ack = mavlink.MAVLink_command_ack_message(
            number, result, target_system=sender, target_component=message.get_srcComponent()
        )
        return [ack]

    def _common(self, number: int, p: list[float]) -> int | None:
        """Commands that both brands take alike; None for others."""
        match number:
            case mavlink.MAV_CMD_SET_CAMERA_ZOOM:
                return self.lens.ask(p[0], p[1])
            case mavlink.MAV_CMD_COMPONENT_ARM_DISARM:
                return self._arm(p[0] > 0.5, force=p[1] == FORCE)
            case mavlink.MAV_CMD_NAV_LAND:
                self.set_mode(self.land_mode)
                return ACCEPTED
            case mavlink.MAV_CMD_NAV_RETURN_TO_LAUNCH:
                self.set_mode(self.rtl_mode)
                return ACCEPTED
            case mavlink.MAV_CMD_SET_MESSAGE_INTERVAL | mavlink.MAV_CMD_REQUEST_MESSAGE:
                return ACCEPTED  # carried out by who sends
        return None

    def _arm(self, arm: bool, *, force: bool) -> int:
        if not arm:
            if self.flying and not force:
                self.text(mavlink.MAV_SEVERITY_CRITICAL, "Disarming denied: not landed")
                return FAILED
            self.disarm()
            return ACCEPTED
        why = self.may_arm()
        if why:
            self.text(mavlink.MAV_SEVERITY_CRITICAL, why)
            return FAILED
        if not self.armed:
            bodies, one = self.bodies, self.one
            bodies.armed[one] = True
            self.armed_at_s, self.landed_at_s = self.now_s, None
            self.home = GridPoint(easting_m=float(bodies.east_m[one]), northing_m=float(bodies.north_m[one]))
            self.home_m_amsl = float(bodies.height_m_amsl[one])
            self._log("arm")
        return ACCEPTED

    def begin_take_off(self, to_m_amsl: float) -> int:
        self.lifting_to = to_m_amsl
        return ACCEPTED

    def outside_fence(self, to: GridPoint) -> bool:
        return self.fence_m > 0.0 and to.distance_m(self.home) > self.fence_m

    def set_speed(self, speed_mps: float) -> None:
        """Over the ground; no more than it can fly, through the air."""
        if speed_mps > 0:
            self.bodies.speed_mps[self.one] = speed_mps

    def text(self, severity: int, words: str) -> None:
        self._say(mavlink.MAVLink_statustext_message(severity, words.encode()[:50]))

    # --- parameters -----------------------------------------------------------------------------------------------------

    def _parameters(self, message: Any) -> list[Any]:
        names = list(self.parameters)
        if message.get_type() == "PARAM_REQUEST_LIST":
            return [self._told(name) for name in names]
        name = str(message.param_id).rstrip("\0")
        if message.get_type() == "PARAM_REQUEST_READ" and 0 <= message.param_index < len(names):
            name = names[message.param_index]
        if name not in self.parameters:
            return []  # nothing is said of what does not exist
        if message.get_type() == "PARAM_SET":
            integer = name in self.integer_parameters
            value = self.unpack_integer(message.param_value) if integer else message.param_value
            if math.isfinite(value):
                self.parameters[name] = value
        return [self._told(name)]

    def _told(self, name: str) -> Any:
        names, integer = list(self.parameters), name in self.integer_parameters
        value = self.parameters[name]
        inside = self.pack_integer(int(value)) if integer else float(value)
        return mavlink.MAVLink_param_value_message(
            name.encode(), inside, self.integer_kind if integer else REAL32, len(names), names.index(name)
        )

    # --- missions: taken and given back, not flown ------------------------------------------------------------------------

    def _mission(self, message: Any) -> list[Any]:
        sender, component = message.get_srcSystem(), message.get_srcComponent()
        kind, of = message.get_type(), getattr(message, "mission_type", 0)
        if kind == "MISSION_REQUEST_LIST":
            return [mavlink.MAVLink_mission_count_message(sender, component, len(self.mission) if of == 0 else 0, of)]
        if kind == "MISSION_COUNT":
            self.mission, self._expected = [], message.count
        elif kind in ("MISSION_ITEM", "MISSION_ITEM_INT") and message.seq == len(self.mission):
            self.mission.append(message)
        elif kind == "MISSION_CLEAR_ALL":
            self.mission, self._expected = [], 0
        else:
            return []
        if len(self.mission) < self._expected:
            return [self.mission_request(len(self.mission), message)]
        return [mavlink.MAVLink_mission_ack_message(sender, component, mavlink.MAV_MISSION_ACCEPTED, of)]


def place_of(p: list[float]) -> GridPoint | None:
    """Param 5 and 6 on the grid; None for NaN or what lies nowhere near Britain."""
    if not (math.isfinite(p[4]) and math.isfinite(p[5]) and 49.0 < p[4] < 61.0 and -9.0 < p[5] < 3.0):
        return None
    return to_grid(Position(latitude_deg=p[4], longitude_deg=p[5]))


def locks_yaw(flags: float) -> bool:
    """Whether a command's flags, which came as a float, turn the camera to a bearing from true north."""
    return math.isfinite(flags) and bool(int(flags) & YAW_LOCK)


def grid_to_true_deg(at: GridPoint) -> float:
    """What is added to a bearing on the National Grid to make it one from true north, at a place."""
    here, north = to_wgs84(at), to_wgs84(GridPoint(easting_m=at.easting_m, northing_m=at.northing_m + 100.0))
    east = (north.longitude_deg - here.longitude_deg) * math.cos(math.radians(here.latitude_deg))
    return math.degrees(math.atan2(east, north.latitude_deg - here.latitude_deg))


def _int_values(message: Any) -> list[float]:
    unknown = 0x7FFF_FFFF
    x = math.nan if message.x == unknown else message.x / 1e7
    y = math.nan if message.y == unknown else message.y / 1e7
    return [message.param1, message.param2, message.param3, message.param4, x, y, message.z]


def bits(value: int) -> float:
    """A float that has the bytes of an integer."""
    (inside,) = struct.unpack("<f", struct.pack("<i", value))
    return float(inside)
