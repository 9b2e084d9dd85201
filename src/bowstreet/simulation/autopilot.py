"""What a simulated autopilot does with MAVLink messages, with the habits of ArduCopter or of PX4. No IO.

The habits are those seen on real ones: who wants which frame, which mode, which order of arming and taking off, which parameter
switches the failsafe for a lost ground station, and that it is off by default.
"""

import struct
from collections.abc import Callable
from typing import Any

from pymavlink.dialects.v20 import ardupilotmega as mavlink

from bowstreet.geo import GridPoint, Position, to_grid, to_wgs84
from bowstreet.simulation.vehicle import Vehicle

# ArduCopter's custom modes.
STABILIZE, GUIDED, LOITER, RTL, CIRCLE, LAND = 0, 4, 5, 6, 7, 9
# PX4's main and sub modes as custom_mode carries them.
PX4_LOITER, PX4_TAKEOFF, PX4_RTL, PX4_LAND, PX4_ORBIT = (
    (4 << 16) | (3 << 24), (4 << 16) | (2 << 24), (4 << 16) | (5 << 24), (4 << 16) | (6 << 24), (3 << 16) | (1 << 24),
)  # fmt: skip
MODE_NAMES = {
    "ardupilot": {STABILIZE: "STABILIZE", GUIDED: "GUIDED", LOITER: "LOITER", RTL: "RTL", CIRCLE: "CIRCLE", LAND: "LAND"},
    "px4": {PX4_LOITER: "LOITER", PX4_TAKEOFF: "TAKEOFF", PX4_RTL: "RTL", PX4_LAND: "LAND", PX4_ORBIT: "ORBIT"},
}
FAILSAFE_PARAMETER = {"ardupilot": "FS_GCS_ENABLE", "px4": "NAV_DLL_ACT"}
# Silence of the ground station before the failsafe acts: FS_GCS_TIMEOUT 5 s, COM_DL_LOSS_T 10 s.
GCS_TIMEOUT_S = {"ardupilot": 5.0, "px4": 10.0}
DISARM_IDLE_S = 10.0  # armed and not taken off
EKF_S = 3.0  # until the estimator has its position
LAND_DETECT_M = 0.15

ACCEPTED, DENIED, UNSUPPORTED, FAILED = (
    mavlink.MAV_RESULT_ACCEPTED, mavlink.MAV_RESULT_DENIED, mavlink.MAV_RESULT_UNSUPPORTED, mavlink.MAV_RESULT_FAILED,
)  # fmt: skip
Log = Callable[..., None]


class Autopilot:
    """The brain of one vehicle.

    Args:
        kind: "ardupilot" or "px4".
        home: where it stands: the pad.
        log: called for ground truth: arm, take-off, landing, each command received.
    """

    def __init__(self, kind: str, vehicle: Vehicle, home: GridPoint, home_m_amsl: float, log: Log) -> None:
        self.kind = kind
        self.ardupilot = kind == "ardupilot"
        self.vehicle = vehicle
        self.home = home
        self.home_m_amsl = home_m_amsl
        self._log = log
        self.mode = STABILIZE if self.ardupilot else PX4_LOITER
        self.parameters: dict[str, float] = {FAILSAFE_PARAMETER[kind]: 0.0, "CIRCLE_RADIUS": 1000.0}
        self.intervals_s: dict[int, float] = {}
        self.gcs_heard_s: float | None = None
        self.armed_at_s = 0.0
        self.gps = "ok"  # ok, off, stuck, jump
        self._stuck: tuple[float, float] | None = None
        self._takeoff_m_amsl: float | None = None
        self.now_s = 0.0

    # --- time ---------------------------------------------------------------------------------------------------------

    def think(self, now_s: float) -> None:
        """What it does by itself, each step."""
        self.now_s = now_s
        vehicle = self.vehicle
        if vehicle.armed and vehicle.landed and self._takeoff_m_amsl is None and now_s - self.armed_at_s > DISARM_IDLE_S:
            vehicle.armed = False
        silent = self.gcs_heard_s is not None and now_s - self.gcs_heard_s > GCS_TIMEOUT_S[self.kind]
        if (
            silent
            and not vehicle.landed
            and self.parameters[FAILSAFE_PARAMETER[self.kind]] > 0
            and self.mode not in self._homing()
        ):
            self._log("failsafe", reason="ground station lost")
            self._go_home()
        if vehicle.exhausted and not vehicle.landed:
            self._set_mode(LAND if self.ardupilot else PX4_LAND)
        if self._takeoff_m_amsl is not None and vehicle.height_m_amsl >= self._takeoff_m_amsl - 0.5:
            self._takeoff_m_amsl = None
            if not self.ardupilot:
                self.mode = PX4_LOITER
        self._homeward()

    def _homing(self) -> tuple[int, ...]:
        return (RTL, LAND) if self.ardupilot else (PX4_RTL, PX4_LAND)

    def is_homing(self) -> bool:
        return self.mode in self._homing() and not self.vehicle.landed

    def _go_home(self) -> None:
        self.mode = RTL if self.ardupilot else PX4_RTL
        self.vehicle.orbit = None
        self.vehicle.target = (
            self.home.easting_m,
            self.home.northing_m,
            max(self.vehicle.height_m_amsl, self.home_m_amsl + 30.0),
        )

    def _homeward(self) -> None:
        vehicle = self.vehicle
        if self.mode == (RTL if self.ardupilot else PX4_RTL) and not vehicle.landed and vehicle.target is not None:
            east, north = vehicle.target[0] - vehicle.east_m, vehicle.target[1] - vehicle.north_m
            if abs(east) < 1.0 and abs(north) < 1.0:
                self._set_mode(LAND if self.ardupilot else PX4_LAND)

    def _set_mode(self, mode: int) -> None:
        vehicle = self.vehicle
        if mode == self.mode:
            return
        self.mode = mode
        vehicle.orbit = None
        if mode == (RTL if self.ardupilot else PX4_RTL):
            self._go_home()
        elif mode == (LAND if self.ardupilot else PX4_LAND):
            at = vehicle.target or (vehicle.east_m, vehicle.north_m, 0.0)
            near = abs(at[0] - vehicle.east_m) < 10.0 and abs(at[1] - vehicle.north_m) < 10.0
            vehicle.target = (at[0], at[1], -1e4) if near else (vehicle.east_m, vehicle.north_m, -1e4)
        elif mode == CIRCLE and self.ardupilot:
            radius_m = self.parameters["CIRCLE_RADIUS"] / 100.0
            vehicle.orbit = (vehicle.east_m, vehicle.north_m, radius_m)
        elif not vehicle.landed:
            vehicle.target = (vehicle.east_m, vehicle.north_m, vehicle.height_m_amsl)

    def took_off(self) -> bool:
        """Whether it should leave the ground now."""
        return self.vehicle.armed and self.vehicle.landed and self._takeoff_m_amsl is not None

    def lift(self) -> None:
        vehicle = self.vehicle
        vehicle.landed = False
        assert self._takeoff_m_amsl is not None
        vehicle.target = (vehicle.east_m, vehicle.north_m, self._takeoff_m_amsl)
        self._log("takeoff")

    # --- messages in --------------------------------------------------------------------------------------------------

    def handle(self, message: Any) -> list[Any]:
        """The answers to one message, not yet packed."""
        match message.get_type():
            case "HEARTBEAT":
                if message.get_srcSystem() == 255:
                    self.gcs_heard_s = self.now_s
                return []
            case "COMMAND_LONG":
                return self._command(message, [getattr(message, f"param{n}") for n in range(1, 8)], relative=True)
            case "COMMAND_INT":
                values = [
                    message.param1,
                    message.param2,
                    message.param3,
                    message.param4,
                    message.x / 1e7,
                    message.y / 1e7,
                    message.z,
                ]
                relative = message.frame in (mavlink.MAV_FRAME_GLOBAL_RELATIVE_ALT, mavlink.MAV_FRAME_GLOBAL_RELATIVE_ALT_INT)
                return self._command(message, values, relative=relative)
            case "SET_MODE":
                if self.ardupilot:
                    self._set_mode(message.custom_mode)
                return []
            case "PARAM_REQUEST_READ":
                return self._parameter(message.param_id)
            case "PARAM_SET":
                return self._set_parameter(message)
        return []

    def _command(self, message: Any, values: list[float], *, relative: bool) -> list[Any]:
        number = message.command
        self._log("command", command=number, confirmation=getattr(message, "confirmation", 0))
        result = self._obey(number, values, relative)
        return [mavlink.MAVLink_command_ack_message(number, result)]

    def _obey(self, number: int, p: list[float], relative: bool) -> int:
        match number:
            case mavlink.MAV_CMD_COMPONENT_ARM_DISARM:
                return self._arm(p[0] > 0.5, force=p[1] == 21196)
            case mavlink.MAV_CMD_NAV_TAKEOFF:
                return self._take_off(p[6])
            case mavlink.MAV_CMD_DO_REPOSITION:
                return self._reposition(p, relative)
            case mavlink.MAV_CMD_DO_ORBIT:
                return self._orbit(p)
            case mavlink.MAV_CMD_NAV_LAND:
                self._set_mode(LAND if self.ardupilot else PX4_LAND)
                return int(ACCEPTED)
            case mavlink.MAV_CMD_NAV_RETURN_TO_LAUNCH:
                self._set_mode(RTL if self.ardupilot else PX4_RTL)
                return int(ACCEPTED)
            case mavlink.MAV_CMD_DO_SET_MODE:
                self._set_mode(int(p[1]) if self.ardupilot else (int(p[1]) << 16) | (int(p[2]) << 24))
                return int(ACCEPTED)
            case mavlink.MAV_CMD_DO_CHANGE_SPEED:
                if p[1] > 0:
                    self.vehicle.speed_mps = min(p[1], self.vehicle.airframe.cruise_mps)
                return int(ACCEPTED)
            case mavlink.MAV_CMD_SET_MESSAGE_INTERVAL:
                self.intervals_s[int(p[0])] = p[1] / 1e6
                return int(ACCEPTED)
            case mavlink.MAV_CMD_DO_GIMBAL_MANAGER_PITCHYAW | mavlink.MAV_CMD_DO_MOUNT_CONTROL:
                self.vehicle.gimbal_deg = max(-90.0, min(30.0, p[0]))
                return int(ACCEPTED)
        return int(UNSUPPORTED)

    def _arm(self, arm: bool, *, force: bool) -> int:
        vehicle = self.vehicle
        if not arm:
            if not vehicle.landed and not force:
                return int(FAILED)
            vehicle.armed = False
            return int(ACCEPTED)
        if not self.ready():
            return int(FAILED)
        if self.ardupilot and self.mode not in (GUIDED, LOITER, STABILIZE):
            return int(FAILED)
        if not vehicle.armed:
            vehicle.armed, self.armed_at_s = True, self.now_s
            self._log("arm")
        return int(ACCEPTED)

    def _take_off(self, height_m: float) -> int:
        vehicle = self.vehicle
        if self.ardupilot:
            if self.mode != GUIDED or not vehicle.armed or not vehicle.landed:
                return int(FAILED)
            self._takeoff_m_amsl = self.home_m_amsl + height_m
            return int(ACCEPTED)
        if not vehicle.landed:
            return int(DENIED)
        if height_m <= self.home_m_amsl + 1.0:
            return int(DENIED)  # it takes heights above sea
        self.mode, self._takeoff_m_amsl = PX4_TAKEOFF, height_m
        return int(ACCEPTED)

    def _reposition(self, p: list[float], relative: bool) -> int:
        vehicle = self.vehicle
        if vehicle.landed or not vehicle.armed:
            return int(DENIED)
        if not self.ardupilot and (relative or p[1] != 1):
            return int(DENIED)
        if self.ardupilot and self.mode != GUIDED and not int(p[1]) & 1:
            return int(DENIED)
        to = to_grid(Position(latitude_deg=p[4], longitude_deg=p[5]))
        height = p[6] + self.home_m_amsl if relative else p[6]
        if p[0] > 0:
            vehicle.speed_mps = min(p[0], vehicle.airframe.cruise_mps)
        vehicle.orbit, vehicle.target = None, (to.easting_m, to.northing_m, height)
        self._takeoff_m_amsl = None
        self.mode = GUIDED if self.ardupilot else PX4_LOITER
        return int(ACCEPTED)

    def _orbit(self, p: list[float]) -> int:
        if self.ardupilot:
            return int(UNSUPPORTED)
        if self.vehicle.landed:
            return int(DENIED)
        centre = to_grid(Position(latitude_deg=p[4], longitude_deg=p[5]))
        self.mode = PX4_ORBIT
        self.vehicle.orbit = (centre.easting_m, centre.northing_m, max(5.0, abs(p[0])))
        self.vehicle.target = (centre.easting_m, centre.northing_m, p[6])
        return int(ACCEPTED)

    def _parameter(self, name: str) -> list[Any]:
        name = name.rstrip("\0")
        if name not in self.parameters:
            return []
        value = self.parameters[name]
        if self.ardupilot:
            return [mavlink.MAVLink_param_value_message(name.encode(), value, mavlink.MAV_PARAM_TYPE_INT8, 1, 0)]
        # PX4 puts the bytes of an integer into the float.
        (inside,) = struct.unpack("<f", struct.pack("<i", int(value)))
        return [mavlink.MAVLink_param_value_message(name.encode(), inside, mavlink.MAV_PARAM_TYPE_INT32, 1, 0)]

    def _set_parameter(self, message: Any) -> list[Any]:
        name = message.param_id.rstrip("\0")
        if name in self.parameters:
            value = message.param_value
            if not self.ardupilot:
                (value,) = struct.unpack("<i", struct.pack("<f", value))
            self.parameters[name] = float(value)
        return self._parameter(name)

    # --- what it says -------------------------------------------------------------------------------------------------

    def ready(self) -> bool:
        return self.gps == "ok" and self.now_s > EKF_S and self.vehicle.charge > 0.1

    def base_mode(self) -> int:
        return int(mavlink.MAV_MODE_FLAG_CUSTOM_MODE_ENABLED) | (
            int(mavlink.MAV_MODE_FLAG_SAFETY_ARMED) if self.vehicle.armed else 0
        )

    def place(self) -> tuple[Position, float]:
        """Where it believes to be, and its height above sea: wrong when its receiver is."""
        east, north = self.vehicle.east_m, self.vehicle.north_m
        if self.gps == "stuck":
            self._stuck = self._stuck or (east, north)
            east, north = self._stuck
        elif self.gps == "jump":
            east += 3_000.0
        else:
            self._stuck = None
        return to_wgs84(GridPoint(easting_m=east, northing_m=north)), self.vehicle.height_m_amsl
