"""The peers there are: drones and docks. What each says on MAVLink of what it is."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from bowstreet.flight.lens import narrowed_deg, percent_of
from bowstreet.flight.model import Wind
from bowstreet.geo import GridPoint
from bowstreet.runtime.ports import Clock
from bowstreet.simulation.brands import BRANDS
from bowstreet.simulation.dock import CLOSED, CLOSING, IN_DOCK_M, PAIRED_M, Dock
from bowstreet.simulation.layout import DockLayout, VehicleLayout
from bowstreet.simulation.lens import ZoomLens
from bowstreet.simulation.peers import HEARTBEAT, POSITION, Air, Listener, Peer
from bowstreet.simulation.vehicle import Bodies

Log = Callable[..., None]

SYS_STATUS, GPS, EXTENDED = (
    int(mavlink.MAVLINK_MSG_ID_SYS_STATUS), int(mavlink.MAVLINK_MSG_ID_GPS_RAW_INT),
    int(mavlink.MAVLINK_MSG_ID_EXTENDED_SYS_STATE),
)  # fmt: skip
BATTERY, EKF = int(mavlink.MAVLINK_MSG_ID_BATTERY_STATUS), int(mavlink.MAVLINK_MSG_ID_EKF_STATUS_REPORT)
MOUNT, GIMBAL = int(mavlink.MAVLINK_MSG_ID_MOUNT_STATUS), int(mavlink.MAVLINK_MSG_ID_GIMBAL_DEVICE_ATTITUDE_STATUS)
ATTITUDE, HUD, ORBIT = (
    int(mavlink.MAVLINK_MSG_ID_ATTITUDE), int(mavlink.MAVLINK_MSG_ID_VFR_HUD), int(mavlink.MAVLINK_MSG_ID_ORBIT_EXECUTION_STATUS),
)  # fmt: skip
VIEW, SETTINGS = int(mavlink.MAVLINK_MSG_ID_CAMERA_FOV_STATUS), int(mavlink.MAVLINK_MSG_ID_CAMERA_SETTINGS)
VERSION, CAMERA = int(mavlink.MAVLINK_MSG_ID_AUTOPILOT_VERSION), int(mavlink.MAVLINK_MSG_ID_CAMERA_INFORMATION)
LOCATION, SYSTEM, BASIC_ID = (
    int(mavlink.MAVLINK_MSG_ID_OPEN_DRONE_ID_LOCATION), int(mavlink.MAVLINK_MSG_ID_OPEN_DRONE_ID_SYSTEM),
    int(mavlink.MAVLINK_MSG_ID_OPEN_DRONE_ID_BASIC_ID),
)  # fmt: skip
# ArduPilot says nothing but heartbeats until it is asked; PX4 floods a normal link.
ARDUPILOT_S = {HEARTBEAT: 1.0}
PX4_S = {
    HEARTBEAT: 1.0, POSITION: 0.2, SYS_STATUS: 1.0, GPS: 1.0, EXTENDED: 0.5, BATTERY: 2.0, GIMBAL: 0.5, ATTITUDE: 0.07, HUD: 0.25,
    ORBIT: 0.5, LOCATION: 1.0, SYSTEM: 1.0,
}  # fmt: skip
# REQUEST_DATA_STREAM, as older ground stations ask for everything at once.
ALL = (POSITION, SYS_STATUS, GPS, EXTENDED, BATTERY, EKF, MOUNT, ATTITUDE, HUD)
CAMERA_COMPONENT = int(mavlink.MAV_COMP_ID_CAMERA)
SENSORS = (
    mavlink.MAV_SYS_STATUS_SENSOR_3D_GYRO | mavlink.MAV_SYS_STATUS_SENSOR_3D_ACCEL | mavlink.MAV_SYS_STATUS_SENSOR_3D_MAG
    | mavlink.MAV_SYS_STATUS_SENSOR_ABSOLUTE_PRESSURE | mavlink.MAV_SYS_STATUS_SENSOR_GPS
    | mavlink.MAV_SYS_STATUS_SENSOR_MOTOR_OUTPUTS | mavlink.MAV_SYS_STATUS_SENSOR_BATTERY
)  # fmt: skip
PREARM, FENCE = mavlink.MAV_SYS_STATUS_PREARM_CHECK, mavlink.MAV_SYS_STATUS_GEOFENCE
# All of the estimator but the terrain: attitude, velocities, relative and absolute position.
EKF_GOOD, EKF_POSITION = 831, 16
# Nose down in forward flight, degrees for each m/s: 30 at 15 m/s.
PITCH_DEG = -2.0
JUMP_M = 3_000.0


class Drone(Peer):
    """A vehicle: a body, an autopilot, and what it says. `dock` is where it stands, `pad` on which of its pads.

    Attributes:
        gauge: what it says of its charge minus what it is (a wrong gauge).
        stuck_at: the position that a stuck receiver goes on telling.
    """

    def __init__(
        self,
        one: int,
        layout: VehicleLayout,
        dock: Dock,
        bodies: Bodies,
        clock: Clock,
        real: Clock,
        air: Air,
        log: Log,
        boot_s: float,
    ) -> None:
        self.default_s = ARDUPILOT_S if layout.autopilot == "ardupilot" else PX4_S
        super().__init__(layout.vehicle_id, layout.system_id, layout.port, clock, real, air)
        self.one, self.layout, self.bodies = one, layout, bodies
        self.dock: Dock | None = dock
        self.pad: int | None = layout.pad
        dock.pads[layout.pad] = layout.system_id
        place = dock.pad_place(layout.pad)
        bodies.touch_down(one, place.easting_m, place.northing_m, dock.layout.ground_m_amsl)
        bodies.charging[one] = True
        brand = BRANDS[layout.autopilot]
        self._truth = log
        self.autopilot = brand(
            one,
            bodies,
            place,
            log=self._log,
            say=self.say,
            blocked=lambda: self.dock is not None and not self.dock.is_open,
            boot_s=boot_s,
        )
        self.is_px4 = layout.autopilot == "px4"
        self.autopilot.lens = ZoomLens(layout.zoom_most)
        if layout.signing_key:
            self.take_key(layout.signing_key)
        self.gauge = 0.0
        self.stuck_at: tuple[int, int] | None = None
        self.told_deg = (0.0, 0.0)  # latitude, longitude, set by the fleet for all at once
        self._camera_s = 0.0
        self._says: dict[int, Callable[[float], Any]] = {
            HEARTBEAT: self._heartbeat, SYS_STATUS: self._sys_status, GPS: self._gps, EXTENDED: self._extended,
            BATTERY: self._battery, EKF: self._ekf, MOUNT: self._mount, GIMBAL: self._gimbal, ATTITUDE: self._attitude,
            ORBIT: self._orbit, HUD: self._hud, VERSION: self._version, CAMERA: self._camera, LOCATION: self._location,
            SYSTEM: self._system, BASIC_ID: self._basic_id, POSITION: self._position, VIEW: self._view, SETTINGS: self._settings,
        }  # fmt: skip

    def _log(self, event: str, **more: Any) -> None:
        self._truth(self.name, event, **more)

    # --- between sky and dock -----------------------------------------------------------------------------------------------

    def look_down(self, docks: list[Dock], points: Any) -> None:
        """Leave the pad, or come down on one. `points` are the docks' places, east and north."""
        one, bodies = self.one, self.bodies
        if not bodies.flying[one]:
            return
        east, north = float(bodies.east_m[one]), float(bodies.north_m[one])
        height_m = float(bodies.height_m_amsl[one])
        if self.dock is not None:
            if height_m > bodies.ground_m_amsl[one] + 1.0:
                self.dock.leave(self.pad or 0)
                self.dock = self.pad = None
            return
        nearest = int(np.argmin((points[:, 0] - east) ** 2 + (points[:, 1] - north) ** 2))
        below = docks[nearest] if math.hypot(points[nearest, 0] - east, points[nearest, 1] - north) <= IN_DOCK_M else None
        if below is not None:
            bodies.ground_m_amsl[one] = below.layout.ground_m_amsl
        coming_down = self.autopilot.mode == self.autopilot.land_mode or bool(bodies.failed[one])
        if coming_down and height_m <= bodies.ground_m_amsl[one] + 0.05:
            self._touch_down(below, GridPoint(easting_m=east, northing_m=north))

    def _touch_down(self, below: Dock | None, at: GridPoint) -> None:
        pad = None if below is None else below.take(self.system_id)
        if below is not None and pad is not None:
            self.dock, self.pad, at = below, pad, below.pad_place(pad)
            self.bodies.charging[self.one] = True
        self.bodies.touch_down(self.one, at.easting_m, at.northing_m, float(self.bodies.ground_m_amsl[self.one]))
        self.autopilot.landed()
        near = None if below is None else below.layout.dock_id
        self._log(
            "landed", dock=near if pad is not None else None, near=near, charge=round(float(self.bodies.charge[self.one]), 4)
        )

    @property
    def comes_home(self) -> bool:
        """By itself, with no ground station that would open a dock for it."""
        autopilot = self.autopilot
        return autopilot.homing and (autopilot.mode == autopilot.rtl_mode or autopilot.gcs_silent())

    def is_near(self, dock: Dock) -> bool:
        off_e, off_n = self.bodies.east_m[self.one] - dock.at.easting_m, self.bodies.north_m[self.one] - dock.at.northing_m
        return math.hypot(off_e, off_n) < PAIRED_M

    # --- MAVLink ------------------------------------------------------------------------------------------------------------

    def handle(self, message: Any, listener: Listener, now_s: float) -> list[Any]:
        if message.get_type() == "REQUEST_DATA_STREAM":
            rate_hz = message.req_message_rate if message.start_stop else 0
            for kind in ALL:
                listener.ask(kind, 1.0 / rate_hz if rate_hz else -1.0, None)
            return []
        if self.is_px4 and getattr(message, "command", None) == mavlink.MAV_CMD_SET_CAMERA_ZOOM and message.target_component == 1:
            return []  # its autopilot is no camera, and says nothing of it
        return self.autopilot.handle(message, now_s)

    def speak(self, now_s: float) -> None:
        super().speak(now_s)
        if self.is_px4 and int(now_s) != int(self._camera_s):
            # Its camera is a component of its own; ArduPilot answers as camera itself.
            self._camera_s = now_s
            beat = mavlink.MAVLink_heartbeat_message(
                mavlink.MAV_TYPE_CAMERA, mavlink.MAV_AUTOPILOT_INVALID, 0, 0, mavlink.MAV_STATE_ACTIVE, 3
            )
            for listener in self.listeners.values():
                self.send(beat, listener, CAMERA_COMPONENT)

    def send(self, message: Any, listener: Listener, component: int = 1) -> None:
        zoomed = message.get_type() == "COMMAND_ACK" and message.command == mavlink.MAV_CMD_SET_CAMERA_ZOOM
        if self.is_px4 and (zoomed or message.get_type().startswith("CAMERA_")):
            component = CAMERA_COMPONENT
        super().send(message, listener, component)

    def believed(self) -> tuple[int, int]:
        """Where it believes to be, degrees × 1e7: wrong when its receiver is."""
        latitude, longitude = self.told_deg
        here = round(latitude * 1e7), round(longitude * 1e7)
        if self.autopilot.gps == "stuck":
            self.stuck_at = self.stuck_at or here
            return self.stuck_at
        self.stuck_at = None
        if self.autopilot.gps == "jump":
            return here[0], here[1] + round(JUMP_M / (111_320.0 * math.cos(math.radians(latitude))) * 1e7)
        return here

    def position(self, now_s: float) -> tuple[int, ...]:
        one, bodies = self.one, self.bodies
        height_mm = round(float(bodies.height_m_amsl[one]) * 1000.0)
        return (
            self._boot_ms(now_s), *self.believed(), height_mm, height_mm - round(self.autopilot.home_m_amsl * 1000.0),
            round(float(bodies.v_north[one]) * 100.0), round(float(bodies.v_east[one]) * 100.0),
            round(float(-bodies.v_up[one]) * 100.0),
            round(self.autopilot.heading_deg * 100.0) % 36_000,
        )  # fmt: skip

    def message(self, kind: int, now_s: float) -> Any:
        build = self._says.get(kind)
        return None if build is None else build(now_s)

    def _boot_ms(self, now_s: float) -> int:
        return int(now_s * 1000.0) & 0xFFFF_FFFF

    def _air_mps(self) -> float:
        return float(math.hypot(self.bodies.v_east[self.one], self.bodies.v_north[self.one]))

    def _pitch_deg(self) -> float:
        return PITCH_DEG * self._air_mps() if self.autopilot.flying else 0.0

    def _percent(self) -> int:
        return round(100.0 * max(0.0, min(1.0, float(self.bodies.charge[self.one]) + self.gauge)))

    def _position(self, now_s: float) -> Any:
        return mavlink.MAVLink_global_position_int_message(*self.position(now_s))

    def _heartbeat(self, now_s: float) -> Any:
        flags = mavlink.MAV_MODE_FLAG_CUSTOM_MODE_ENABLED | (mavlink.MAV_MODE_FLAG_SAFETY_ARMED if self.autopilot.armed else 0)
        state = mavlink.MAV_STATE_ACTIVE if self.autopilot.armed else mavlink.MAV_STATE_STANDBY
        return mavlink.MAVLink_heartbeat_message(
            mavlink.MAV_TYPE_QUADROTOR, self.autopilot.brand, flags, self.autopilot.mode, state, 3
        )

    def _sys_status(self, now_s: float) -> Any:
        # ArduPilot's pre-arm bit is early: it is set before its estimator has a position.
        health = SENSORS | (PREARM if self.autopilot.estimates or not self.is_px4 else 0)
        if self.autopilot.gps == "off":
            health &= ~mavlink.MAV_SYS_STATUS_SENSOR_GPS
        if self.bodies.failed[self.one]:
            health &= ~(mavlink.MAV_SYS_STATUS_SENSOR_MOTOR_OUTPUTS | PREARM)
        has = SENSORS | PREARM
        if not self.is_px4:
            # ArduPilot calls a fence sound also when there is none; ground stations read its absence as a breach.
            health |= FENCE
            has |= FENCE if self.autopilot.fence_m > 0.0 else 0
        millivolts = 3_300 * 6 + round(900 * 6 * float(self.bodies.charge[self.one]))
        return mavlink.MAVLink_sys_status_message(has, has, health, 250, millivolts, 1_000, self._percent(), 0, 0, 0, 0, 0, 0)

    def _battery(self, now_s: float) -> Any:
        cell = 3_300 + round(900 * float(self.bodies.charge[self.one]))
        return mavlink.MAVLink_battery_status_message(0, 0, 3, 2_500, [cell] * 6 + [65_535] * 4, 1_000, -1, -1, self._percent())

    def _gps(self, now_s: float) -> Any:
        fix = mavlink.GPS_FIX_TYPE_NO_FIX if self.autopilot.gps == "off" else mavlink.GPS_FIX_TYPE_3D_FIX
        height_mm = round(float(self.bodies.height_m_amsl[self.one]) * 1000.0)
        speed = round(100.0 * self._air_mps())
        seen = 0 if self.autopilot.gps == "off" else 17
        return mavlink.MAVLink_gps_raw_int_message(
            int(now_s * 1e6), fix, *self.believed(), height_mm, 80, 120, speed, 65_535, seen
        )

    def _extended(self, now_s: float) -> Any:
        if not self.autopilot.flying:
            state = mavlink.MAV_LANDED_STATE_ON_GROUND
        elif self.autopilot.lifting_to is not None:
            state = mavlink.MAV_LANDED_STATE_TAKEOFF
        elif self.autopilot.mode == self.autopilot.land_mode:
            state = mavlink.MAV_LANDED_STATE_LANDING
        else:
            state = mavlink.MAV_LANDED_STATE_IN_AIR
        return mavlink.MAVLink_extended_sys_state_message(0, state)

    def _ekf(self, now_s: float) -> Any:
        if self.is_px4:
            return None
        flags = EKF_GOOD if self.autopilot.estimates else EKF_GOOD & ~EKF_POSITION
        return mavlink.MAVLink_ekf_status_report_message(flags, 0.1, 0.1, 0.1, 0.1, 0.0)

    def _mount(self, now_s: float) -> Any:
        if self.is_px4:
            return None
        # A servo mount tells the angle to the airframe.
        angles = (100.0 * (self.autopilot.gimbal_deg - self._pitch_deg()), 0.0, 100.0 * self.autopilot.pan_deg)
        return mavlink.MAVLink_mount_status_message(0, 0, *map(round, angles), 0)

    def _gimbal(self, now_s: float) -> Any:
        deg = self.autopilot.told_gimbal_deg - (0.0 if self.is_px4 else self._pitch_deg())
        half, turn = math.radians(deg) / 2.0, math.radians(self.autopilot.pan_deg) / 2.0
        # Turned sideways first, then tilted.
        q = [
            math.cos(turn) * math.cos(half), -math.sin(turn) * math.sin(half), math.cos(turn) * math.sin(half),
            math.sin(turn) * math.cos(half),
        ]  # fmt: skip
        flags = mavlink.GIMBAL_DEVICE_FLAGS_ROLL_LOCK | mavlink.GIMBAL_DEVICE_FLAGS_PITCH_LOCK
        flags |= mavlink.GIMBAL_DEVICE_FLAGS_YAW_IN_VEHICLE_FRAME
        return mavlink.MAVLink_gimbal_device_attitude_status_message(0, 0, self._boot_ms(now_s), flags, q, 0.0, 0.0, 0.0, 0)

    def _attitude(self, now_s: float) -> Any:
        yaw = math.remainder(math.radians(self.autopilot.heading_deg), math.tau)
        return mavlink.MAVLink_attitude_message(self._boot_ms(now_s), 0.0, math.radians(self._pitch_deg()), yaw, 0.0, 0.0, 0.0)

    def _hud(self, now_s: float) -> Any:
        one, bodies = self.one, self.bodies
        speed = self._air_mps()
        return mavlink.MAVLink_vfr_hud_message(
            speed, speed, int(self.autopilot.heading_deg), 50, float(bodies.height_m_amsl[one]), float(bodies.v_up[one])
        )

    def _orbit(self, now_s: float) -> Any:
        if not self.is_px4 or self.autopilot.mode != getattr(self.autopilot, "ORBIT", None):
            return None
        frame = mavlink.MAV_FRAME_GLOBAL
        latitude_e7, longitude_e7 = self.believed()
        height_m = float(self.bodies.goal_up[self.one])
        return mavlink.MAVLink_orbit_execution_status_message(
            int(now_s * 1e6), float(self.bodies.radius_m[self.one]), frame, latitude_e7, longitude_e7, height_m
        )

    def _version(self, now_s: float) -> Any:
        bytewise, cast = (
            mavlink.MAV_PROTOCOL_CAPABILITY_PARAM_ENCODE_BYTEWISE,
            mavlink.MAV_PROTOCOL_CAPABILITY_PARAM_ENCODE_C_CAST,
        )
        can = (
            mavlink.MAV_PROTOCOL_CAPABILITY_MAVLINK2 | mavlink.MAV_PROTOCOL_CAPABILITY_COMMAND_INT
            | mavlink.MAV_PROTOCOL_CAPABILITY_MISSION_INT | (bytewise if self.is_px4 else cast)
        )  # fmt: skip
        version = 0x01_11_00_00 if self.is_px4 else 0x04_07_00_00
        uid = [*self.name.encode()[:18].ljust(18, b"\0")]
        return mavlink.MAVLink_autopilot_version_message(
            can, version, version, 0, 0, [0] * 8, [0] * 8, [0] * 8, 0, 0, self.one + 1, uid
        )

    def _camera(self, now_s: float) -> Any:
        return mavlink.MAVLink_camera_information_message(
            self._boot_ms(now_s),
            [*b"simulated".ljust(32, b"\0")],
            [*b"camera".ljust(32, b"\0")],
            1,
            24.0,
            6.3,
            4.7,
            1280,
            720,
            0,
            1 | (mavlink.CAMERA_CAP_FLAGS_HAS_BASIC_ZOOM if self.layout.zoom_most > 1.0 else 0),
            0,
            b"",
        )

    def _view(self, now_s: float) -> Any:
        """ArduPilot tells a parameter, whatever the lens does."""
        lens, widest_deg = self.autopilot.lens, self.layout.field_of_view_deg
        view_deg = narrowed_deg(widest_deg, lens.zoom) if self.is_px4 else widest_deg
        unknown = 0x7FFF_FFFF
        here = (*self.believed(), round(float(self.bodies.height_m_amsl[self.one]) * 1000.0))
        return mavlink.MAVLink_camera_fov_status_message(
            self._boot_ms(now_s), *here, unknown, unknown, unknown, [1.0, 0.0, 0.0, 0.0], view_deg, math.nan
        )

    def _settings(self, now_s: float) -> Any:
        lens = self.autopilot.lens
        percent = percent_of(lens.zoom, lens.most) if lens.most > 1.0 else math.nan
        return mavlink.MAVLink_camera_settings_message(self._boot_ms(now_s), 1, percent, math.nan)

    def _location(self, now_s: float) -> Any:
        one, bodies = self.one, self.bodies
        latitude_e7, longitude_e7 = self.believed()
        height_m = float(bodies.height_m_amsl[one])
        return mavlink.MAVLink_open_drone_id_location_message(
            0, 0, bytes(20), 2 if self.autopilot.flying else 1, round(self.autopilot.heading_deg * 100.0) % 36_000,
            round(100.0 * self._air_mps()), round(100.0 * float(bodies.v_up[one])), latitude_e7, longitude_e7, height_m, height_m,
            0, height_m - self.autopilot.home_m_amsl, 10, 4, 4, 3, now_s % 3_600.0, 1,
        )  # fmt: skip

    def _system(self, now_s: float) -> Any:
        latitude_e7, longitude_e7 = self.believed()
        return mavlink.MAVLink_open_drone_id_system_message(
            0, 0, bytes(20), 0, 0, latitude_e7, longitude_e7, 1, 0, -1000.0, -1000.0, 0, 0, self.autopilot.home_m_amsl, int(now_s)
        )

    def _basic_id(self, now_s: float) -> Any:
        uas_id = f"SIMULATED-{self.one:06d}".encode().ljust(20, b"\0")
        return mavlink.MAVLink_open_drone_id_basic_id_message(0, 0, bytes(20), 1, 2, uas_id)


NAMED_INT, WIND_COV = int(mavlink.MAVLINK_MSG_ID_NAMED_VALUE_INT), int(mavlink.MAVLINK_MSG_ID_WIND_COV)


class Station(Peer):
    """A dock as a peer: its lid, pads and anemometer (ADR 5)."""

    def __init__(self, layout: DockLayout, clock: Clock, real: Clock, air: Air, log: Log, wind: Callable[[], Wind]) -> None:
        self.default_s = {HEARTBEAT: 1.0, NAMED_INT: 1.0, WIND_COV: 5.0}
        super().__init__(layout.dock_id, layout.system_id, layout.port, clock, real, air)
        self.dock, self._log, self._wind_now = Dock(layout), log, wind
        self._told: tuple[int, ...] = ()

    def handle(self, message: Any, listener: Listener, now_s: float) -> list[Any]:
        if message.get_type() != "COMMAND_LONG":
            return []
        number, result = message.command, mavlink.MAV_RESULT_UNSUPPORTED
        if number == mavlink.MAV_CMD_USER_1:
            self._log(self.name, "command", command=number, confirmation=message.confirmation, open=message.param1 > 0.5)
            result = mavlink.MAV_RESULT_ACCEPTED if self.dock.ask(message.param1 > 0.5, now_s) else mavlink.MAV_RESULT_FAILED
        elif number in (mavlink.MAV_CMD_SET_MESSAGE_INTERVAL, mavlink.MAV_CMD_REQUEST_MESSAGE):
            result = mavlink.MAV_RESULT_ACCEPTED
        return [
            mavlink.MAVLink_command_ack_message(
                number, result, target_system=message.get_srcSystem(), target_component=message.get_srcComponent()
            )
        ]

    def step(self, now_s: float, homing: list[Drone]) -> None:
        """`homing` are the drones that come home by themselves."""
        dock = self.dock
        dock.step(now_s)
        if homing and dock.lid in (CLOSED, CLOSING) and any(drone.is_near(dock) for drone in homing):
            self._log(self.name, "opens for its own")
            dock.ask(True, now_s)

    def speak(self, now_s: float) -> None:
        told = (self.dock.lid, *self.dock.pads)
        if told != self._told:
            self._told = told
            for listener in self.listeners.values():
                self._tell_state(listener, now_s)
        super().speak(now_s)

    def _tell_state(self, listener: Listener, now_s: float) -> None:
        boot_ms = int(now_s * 1000.0) & 0xFFFF_FFFF
        self.send(mavlink.MAVLink_named_value_int_message(boot_ms, b"LID", self.dock.lid), listener)
        for number, system_id in enumerate(self.dock.pads):
            self.send(mavlink.MAVLink_named_value_int_message(boot_ms, f"PAD{number}".encode(), system_id), listener)

    def message(self, kind: int, now_s: float) -> Any:
        if kind == HEARTBEAT:
            return mavlink.MAVLink_heartbeat_message(
                mavlink.MAV_TYPE_CHARGING_STATION, mavlink.MAV_AUTOPILOT_INVALID, 0, 0, mavlink.MAV_STATE_ACTIVE, 3
            )
        return self._wind(now_s) if kind == WIND_COV else None

    def tell(self, kind: int, listener: Listener, now_s: float) -> None:
        if kind == NAMED_INT:
            self._tell_state(listener, now_s)
        else:
            super().tell(kind, listener, now_s)

    def _wind(self, now_s: float) -> Any:
        wind = self._wind_now()
        to = math.radians(wind.from_deg + 180.0)
        north, east = wind.speed_mps * math.cos(to), wind.speed_mps * math.sin(to)
        gust = max(0.0, wind.gust_mps - wind.speed_mps)
        return mavlink.MAVLink_wind_cov_message(
            int(now_s * 1e6), north, east, 0.0, gust, gust, self.dock.layout.ground_m_amsl, 0.0, 0.0
        )
