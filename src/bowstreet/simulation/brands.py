"""The two brands of simulated autopilot: where ArduCopter and PX4 differ. See `autopilot` for what they share."""

import math
import struct
from typing import Any, ClassVar

from pymavlink.dialects.v20 import ardupilotmega as mavlink

from bowstreet.geo import GridPoint
from bowstreet.simulation.autopilot import (
    ACCEPTED,
    DENIED,
    FAILED,
    INT8,
    INT32,
    UNSUPPORTED,
    Autopilot,
    bits,
    locks_yaw,
    place_of,
)

RELATIVE_FRAMES = (mavlink.MAV_FRAME_GLOBAL_RELATIVE_ALT, mavlink.MAV_FRAME_GLOBAL_RELATIVE_ALT_INT)


class Copter(Autopilot):
    """ArduCopter."""

    STABILIZE, GUIDED, LOITER, RTL, CIRCLE, LAND, BRAKE = 0, 4, 5, 6, 7, 9, 17
    brand = int(mavlink.MAV_AUTOPILOT_ARDUPILOTMEGA)
    failsafe_parameter = "FS_GCS_ENABLE"
    default_speed_mps = 10.0
    float_parameters: ClassVar[dict[str, float]] = {"WPNAV_SPEED": 1000.0, "CIRCLE_RADIUS": 1000.0, "RTL_ALT": 3000.0}
    # Off by default, as on the real one. The mount is on servos. Remote ID is off as well.
    integer_parameters: ClassVar[dict[str, int]] = {"FS_GCS_ENABLE": 0, "MAV_GCS_SYSID": 255, "MNT1_TYPE": 1, "DID_ENABLE": 0}
    integer_kind = INT8
    mode_at_boot, land_mode, rtl_mode, fly_mode = STABILIZE, LAND, RTL, GUIDED
    _by_points = False

    def pack_integer(self, value: int) -> float:
        return float(value)

    def unpack_integer(self, value: float) -> int:
        return round(value) if math.isfinite(value) else 0

    def hear_ground_station(self, message: Any) -> None:
        # It counts heartbeats of one system only.
        if message.get_srcSystem() == self.parameters["MAV_GCS_SYSID"]:
            self.gcs_heard_s = self.now_s

    def may_arm(self) -> str:
        if not self.estimates:
            return "Arm: Need Position Estimate"
        if self.mode not in (self.STABILIZE, self.GUIDED, self.LOITER):
            return "Arm: Mode not armable"
        return "Arm: Battery 1 low" if self.bodies.charge[self.one] < 0.05 else ""

    def lose_ground_station(self) -> None:
        self.set_mode(self.LAND if self.parameters["FS_GCS_ENABLE"] == 5 else self.RTL)

    def enter(self, mode: int) -> None:
        one, bodies = self.one, self.bodies
        self._by_points = False
        if mode == self.CIRCLE:
            # Centred ahead of the nose, by the radius.
            radius_m, heading = self.parameters["CIRCLE_RADIUS"] / 100.0, math.radians(bodies.heading_deg[one])
            east, north = bodies.east_m[one] + radius_m * math.sin(heading), bodies.north_m[one] + radius_m * math.cos(heading)
            bodies.circle(one, east, north, float(bodies.height_m_amsl[one]), radius_m)
        else:
            bodies.stay(one)

    def obey(self, number: int, p: list[float], frame: int | None, sender: int) -> int:
        match number:
            case mavlink.MAV_CMD_DO_SET_MODE:
                return self._mode(int(p[1]) if math.isfinite(p[1]) else -1)
            case mavlink.MAV_CMD_NAV_TAKEOFF:
                return self._take_off(p[6], frame)
            case mavlink.MAV_CMD_DO_REPOSITION:
                return self._reposition(p, frame)
            case mavlink.MAV_CMD_DO_CHANGE_SPEED:
                if self.mode != self.GUIDED:
                    return FAILED
                self.set_speed(p[1])
                return ACCEPTED
            case mavlink.MAV_CMD_DO_MOUNT_CONTROL:
                return self.point(p[0], p[2], to_north=False)
            case mavlink.MAV_CMD_DO_GIMBAL_MANAGER_PITCHYAW:
                return self.point(p[0], p[1], to_north=locks_yaw(p[4]))
        return UNSUPPORTED  # DO_ORBIT among them

    def _mode(self, mode: int) -> int:
        if mode not in (self.STABILIZE, self.GUIDED, self.LOITER, self.RTL, self.CIRCLE, self.LAND, self.BRAKE):
            return FAILED
        if mode in (self.GUIDED, self.LOITER, self.RTL, self.CIRCLE) and not self.estimates:
            self.text(mavlink.MAV_SEVERITY_WARNING, "Mode change failed: requires position")
            return FAILED
        self.set_mode(mode)
        return ACCEPTED

    def _take_off(self, height_m: float, frame: int | None) -> int:
        if self.mode != self.GUIDED or not self.armed or self.flying or not height_m > 0:
            return FAILED
        if frame is not None and frame not in RELATIVE_FRAMES:
            return DENIED
        return self.begin_take_off(self.home_m_amsl + height_m)

    def _reposition(self, p: list[float], frame: int | None) -> int:
        to = place_of(p)
        if to is None or not math.isfinite(p[6]):
            return DENIED
        if self.mode != self.GUIDED and not int(p[1]) & 1:
            return DENIED
        if not self.flying or self.outside_fence(to):
            return FAILED
        relative = frame is None or frame in RELATIVE_FRAMES
        self.mode, self.lifting_to = self.GUIDED, None
        self._go(to, p[6] + self.home_m_amsl if relative else p[6])
        return ACCEPTED

    def _go(self, to: GridPoint, height_m_amsl: float) -> None:
        if not self._by_points:
            self.bodies.speed_mps[self.one] = self.parameters["WPNAV_SPEED"] / 100.0
            self._by_points = True
        self.bodies.go(self.one, to.easting_m, to.northing_m, height_m_amsl)

    def set_mode(self, mode: int) -> None:
        if mode != self.mode:
            self._by_points = False
        super().set_mode(mode)

    def begin_take_off(self, to_m_amsl: float) -> int:
        self._by_points = False
        return super().begin_take_off(to_m_amsl)

    def position_target(self, message: Any) -> None:
        if self.mode != self.GUIDED or not self.flying or message.coordinate_frame not in RELATIVE_FRAMES:
            return
        to = place_of([0.0, 0.0, 0.0, 0.0, message.lat_int / 1e7, message.lon_int / 1e7])
        if to is None or message.type_mask & 0b111:
            return
        self._go(to, message.alt + self.home_m_amsl)
        if not message.type_mask & 1 << 10:
            self.bodies.face_deg[self.one] = (math.degrees(message.yaw) - self.north_deg) % 360.0

    def mission_request(self, sequence: int, message: Any) -> Any:
        return mavlink.MAVLink_mission_request_message(message.get_srcSystem(), message.get_srcComponent(), sequence)


class Px4(Autopilot):
    """PX4."""

    LOITER, TAKEOFF, RTL, LAND, ORBIT = (
        4 << 16 | 3 << 24,
        4 << 16 | 2 << 24,
        4 << 16 | 5 << 24,
        4 << 16 | 6 << 24,
        3 << 16 | 1 << 24,
    )
    POSCTL = 3 << 16
    brand = int(mavlink.MAV_AUTOPILOT_PX4)
    failsafe_parameter = "NAV_DLL_ACT"
    default_speed_mps = 5.0
    float_parameters: ClassVar[dict[str, float]] = {"MIS_TAKEOFF_ALT": 2.5, "MPC_XY_CRUISE": 5.0}
    # Off by default, as on the real one.
    integer_parameters: ClassVar[dict[str, int]] = {"NAV_DLL_ACT": 0, "COM_DL_LOSS_T": 20}
    integer_kind = INT32
    mode_at_boot, land_mode, rtl_mode, fly_mode = LOITER, LAND, RTL, LOITER

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self._gimbal_owner: int | None = None

    @property
    def told_gimbal_deg(self) -> float:
        return self.gimbal_goal_deg  # the set-point, at once

    def owns_gimbal(self, sender: int) -> bool:
        return self._gimbal_owner == sender

    def pack_integer(self, value: int) -> float:
        return bits(value)

    def unpack_integer(self, value: float) -> int:
        return int(struct.unpack("<i", struct.pack("<f", value))[0])

    def hear_ground_station(self, message: Any) -> None:
        if message.type == mavlink.MAV_TYPE_GCS:
            self.gcs_heard_s = self.now_s

    def may_arm(self) -> str:
        if not self.estimates:
            return "Arming denied: no valid position"
        if self.mode not in (self.LOITER, self.TAKEOFF, self.POSCTL):
            return "Arming denied: mode not armable"
        return "Arming denied: low battery" if self.bodies.charge[self.one] < 0.05 else ""

    def risen(self) -> None:
        if self.mode == self.TAKEOFF:
            self.mode = self.LOITER

    def lose_ground_station(self) -> None:
        response = self.parameters["NAV_DLL_ACT"]
        self.set_mode({1: self.LOITER, 3: self.LAND}.get(int(response), self.RTL))

    def obey(self, number: int, p: list[float], frame: int | None, sender: int) -> int:
        match number:
            case mavlink.MAV_CMD_DO_SET_MODE:
                return self._mode(p)
            case mavlink.MAV_CMD_NAV_TAKEOFF:
                return self._take_off(p[6])
            case mavlink.MAV_CMD_DO_REPOSITION:
                return self._reposition(p)
            case mavlink.MAV_CMD_DO_ORBIT:
                return self._orbit(p)
            case mavlink.MAV_CMD_DO_CHANGE_SPEED:
                self.set_speed(p[1])
                return ACCEPTED
            case mavlink.MAV_CMD_DO_GIMBAL_MANAGER_CONFIGURE:
                self._gimbal_owner = int(p[0]) if math.isfinite(p[0]) else None
                return ACCEPTED
            case mavlink.MAV_CMD_DO_GIMBAL_MANAGER_PITCHYAW:
                return self.point(p[0], p[1], to_north=locks_yaw(p[4])) if self.owns_gimbal(sender) else DENIED
        return UNSUPPORTED

    def _mode(self, p: list[float]) -> int:
        if not (math.isfinite(p[1]) and math.isfinite(p[2])):
            return DENIED
        mode = int(p[1]) << 16 | int(p[2]) << 24
        if mode not in (self.LOITER, self.TAKEOFF, self.RTL, self.LAND, self.POSCTL):
            return DENIED
        self.set_mode(mode)
        return ACCEPTED

    def _take_off(self, height_m_amsl: float) -> int:
        if self.flying:
            return int(mavlink.MAV_RESULT_TEMPORARILY_REJECTED)
        here_m = float(self.bodies.height_m_amsl[self.one])
        if not math.isfinite(height_m_amsl):
            height_m_amsl = here_m + self.parameters["MIS_TAKEOFF_ALT"]
        # Above sea, not above home: a height below where it stands is taken for the least that counts as a take-off.
        self.mode = self.TAKEOFF
        return self.begin_take_off(max(height_m_amsl, here_m + 1.0))

    def _reposition(self, p: list[float]) -> int:
        if p[1] != 1.0:
            return UNSUPPORTED
        if not self.flying:
            return DENIED
        self.mode, self.lifting_to = self.LOITER, None
        to, height_m_amsl = place_of(p), p[6]
        if to is None or not math.isfinite(height_m_amsl):
            self.bodies.stay(self.one)  # all unknown: stop here
            return ACCEPTED
        if self.outside_fence(to):
            self.text(mavlink.MAV_SEVERITY_CRITICAL, "Reposition is outside geofence")
            self.bodies.stay(self.one)
            return ACCEPTED
        self.set_speed(p[0])
        # Whatever the frame says, the height is above sea.
        self.bodies.go(self.one, to.easting_m, to.northing_m, height_m_amsl)
        return ACCEPTED

    def _orbit(self, p: list[float]) -> int:
        to = place_of(p)
        if not self.flying or to is None:
            return DENIED
        self.mode, self.lifting_to = self.ORBIT, None
        if math.isfinite(p[1]) and p[1] > 0:
            self.set_speed(p[1])
        height = p[6] if math.isfinite(p[6]) else float(self.bodies.height_m_amsl[self.one])
        self.bodies.circle(self.one, to.easting_m, to.northing_m, height, max(1.0, abs(p[0])))
        return ACCEPTED

    def mission_request(self, sequence: int, message: Any) -> Any:
        return mavlink.MAVLink_mission_request_int_message(message.get_srcSystem(), message.get_srcComponent(), sequence)


BRANDS: dict[str, type[Autopilot]] = {"ardupilot": Copter, "px4": Px4}
