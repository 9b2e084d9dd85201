"""What one MAVLink peer has said of itself, put together. No IO: frames in, `Telemetry` or `DockReport` out.

Positions and heartbeats are two in three of all packets and are read here with `struct`; the dialect's classes read the rest.
"""

import math
import struct
from collections import deque
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, NamedTuple

from pymavlink.dialects.v20 import ardupilotmega as mavlink

from bowstreet.errors import MalformedPacket
from bowstreet.flight.mavlink_frames import Frame, decode
from bowstreet.flight.mavlink_lens import SETTINGS, VIEW, LensState
from bowstreet.flight.mavlink_modes import mode_name
from bowstreet.flight.model import DockStatus, Telemetry
from bowstreet.flight.ports import DockReport
from bowstreet.geo import Position

ARDUPILOT, PX4 = int(mavlink.MAV_AUTOPILOT_ARDUPILOTMEGA), int(mavlink.MAV_AUTOPILOT_PX4)
HEARTBEAT, POSITION = int(mavlink.MAVLINK_MSG_ID_HEARTBEAT), int(mavlink.MAVLINK_MSG_ID_GLOBAL_POSITION_INT)
_HEARTBEAT, _POSITION = struct.Struct("<IBBBBB"), struct.Struct("<IiiiihhhH")
_INVALID = int(mavlink.MAV_AUTOPILOT_INVALID)
_ARMED = int(mavlink.MAV_MODE_FLAG_SAFETY_ARMED)
# "Pre-arm checks pass." ArduPilot sets it early: its estimator has a position only when the second flag is there (after ~40 s).
PREARM = int(mavlink.MAV_SYS_STATUS_PREARM_CHECK)
EKF_POSITION = int(mavlink.ESTIMATOR_POS_HORIZ_ABS)
YAW_FROM_NORTH = int(mavlink.GIMBAL_DEVICE_FLAGS_YAW_IN_EARTH_FRAME)
YAW_FROM_NOSE = int(mavlink.GIMBAL_DEVICE_FLAGS_YAW_IN_VEHICLE_FRAME)
# Sensors without which a multicopter cannot be trusted in the air. Others (RC, terrain, logging…) fail on sound docked drones.
VITAL = {
    int(mavlink.MAV_SYS_STATUS_SENSOR_3D_GYRO): "gyroscope",
    int(mavlink.MAV_SYS_STATUS_SENSOR_3D_ACCEL): "accelerometer",
    int(mavlink.MAV_SYS_STATUS_SENSOR_3D_MAG): "compass",
    int(mavlink.MAV_SYS_STATUS_SENSOR_ABSOLUTE_PRESSURE): "barometer",
    int(mavlink.MAV_SYS_STATUS_SENSOR_MOTOR_OUTPUTS): "motors",
    int(mavlink.MAV_SYS_STATUS_SENSOR_BATTERY): "battery",
    int(mavlink.MAV_SYS_STATUS_SENSOR_PROPULSION): "propulsion",
}
# Words of these severities (emergency, alert, critical) count as faults for a while: autopilots repeat what lasts.
GRAVE = int(mavlink.MAV_SEVERITY_CRITICAL)
GRAVE_FOR_S = 15.0
# What ArduPilot and PX4 begin their complaints before arming with: over when their checks pass.
BEFORE_ARMING = ("prearm", "preflight", "arm:", "arming", "health")
# GPS_RAW_INT comes once a second, positions more often; several may be lost on a poor link.
GPS_STALE_S = 5.0
POSITION_STALE_S = 3.0
# A heartbeat gives a telemetry when no position did for this long.
QUIET_S = 0.9
OUT_OF_RANGE = "out-of-range"


class Fix(NamedTuple):
    """GLOBAL_POSITION_INT in its own units: degrees × 1e7, millimetres, cm/s (north, east, down), degrees × 100."""

    boot_ms: int
    latitude_e7: int
    longitude_e7: int
    altitude_mm: int
    relative_mm: int
    north_cms: int
    east_cms: int
    down_cms: int
    heading_cdeg: int


class Text(NamedTuple):
    """A STATUSTEXT and when it came, monotonic seconds."""

    at_s: float
    severity: int
    text: str


class VehicleState:
    """One vehicle as its messages tell it.

    Attributes:
        autopilot: its brand, MAV_AUTOPILOT; None until its autopilot was heard.
        component_id: of its autopilot.
        fix: its last position; None until it has one.
        lens: what its camera tells of its zoom.
        servo_mount: its camera hangs on servos: ArduPilot then tells the angle to the airframe, not to the horizon.
    """

    def __init__(self, vehicle_id: str, lens: LensState | None = None) -> None:
        self.vehicle_id, self.lens = vehicle_id, lens or LensState()
        self.autopilot: int | None = None
        self.component_id = int(mavlink.MAV_COMP_ID_AUTOPILOT1)
        self.custom_mode = 0
        self.armed = False
        self.landed_state = int(mavlink.MAV_LANDED_STATE_UNDEFINED)
        self.fix: Fix | None = None
        self.fix_at_s = -math.inf
        self.heartbeat_at_s = -math.inf
        self.texts: deque[Text] = deque(maxlen=12)
        self.servo_mount = False
        self.estimator = 0
        self._told_at_s = -math.inf
        self._charge: float | None = None
        self._gps, self._gps_at_s = 0, -math.inf
        self._sensors = (0, 0, 0)
        self._gimbal_deg = self._pitch_deg = self._pitch_then_deg = self._pan_deg = 0.0
        self._heading_deg = 0.0
        self._read: dict[int, Callable[[Any, float], bool]] = {
            int(mavlink.MAVLINK_MSG_ID_SYS_STATUS): self._sys_status,
            int(mavlink.MAVLINK_MSG_ID_BATTERY_STATUS): self._battery,
            int(mavlink.MAVLINK_MSG_ID_GPS_RAW_INT): self._gps_raw,
            int(mavlink.MAVLINK_MSG_ID_EKF_STATUS_REPORT): self._ekf,
            int(mavlink.MAVLINK_MSG_ID_EXTENDED_SYS_STATE): self._extended,
            int(mavlink.MAVLINK_MSG_ID_ATTITUDE): self._attitude,
            int(mavlink.MAVLINK_MSG_ID_MOUNT_STATUS): self._mount_status,
            int(mavlink.MAVLINK_MSG_ID_MOUNT_ORIENTATION): self._mount_orientation,
            int(mavlink.MAVLINK_MSG_ID_GIMBAL_DEVICE_ATTITUDE_STATUS): self._gimbal_device,
            int(mavlink.MAVLINK_MSG_ID_STATUSTEXT): self._status_text,
        }

    # --- in -----------------------------------------------------------------------------------------------------------

    def take(self, frame: Frame, now_s: float) -> bool:
        """Take in a frame of this vehicle; says whether it gives a telemetry.

        Raises:
            MalformedPacket: for fields that cannot be.
        """
        number = frame.message_id
        if number == POSITION:
            return self._position(frame, now_s)
        if number == HEARTBEAT:
            return self._heartbeat(frame, now_s)
        if number in (VIEW, SETTINGS):
            self.lens.take(decode(frame), frame.component_id, self.component_id, now_s)
            return False
        read = self._read.get(number)
        return False if read is None else read(decode(frame), now_s)

    def _position(self, frame: Frame, now_s: float) -> bool:
        fix = Fix(*_POSITION.unpack(frame.payload))
        if abs(fix.latitude_e7) > 900_000_000 or abs(fix.longitude_e7) > 1_800_000_000:
            raise MalformedPacket(f"{OUT_OF_RANGE}: position", remedy="look at what sends it")
        if fix.latitude_e7 == 0 and fix.longitude_e7 == 0:
            return False  # what ArduPilot says before it has a position
        self.fix, self.fix_at_s = fix, now_s
        if fix.heading_cdeg < 36_000:
            self._heading_deg = fix.heading_cdeg / 100.0
        return True

    def _heartbeat(self, frame: Frame, now_s: float) -> bool:
        custom_mode, kind, autopilot, base_mode, _, _ = _HEARTBEAT.unpack(frame.payload)
        if autopilot == _INVALID:
            self.lens.beats(kind, frame.component_id)
            return False  # its camera or gimbal
        armed = bool(base_mode & _ARMED)
        changed = (armed, custom_mode, autopilot) != (self.armed, self.custom_mode, self.autopilot)
        self.autopilot, self.component_id = autopilot, frame.component_id
        self.armed, self.custom_mode, self.heartbeat_at_s = armed, custom_mode, now_s
        return changed or now_s - self._told_at_s > QUIET_S

    def _sys_status(self, message: Any, now_s: float) -> bool:
        self._sensors = (
            message.onboard_control_sensors_present, message.onboard_control_sensors_enabled,
            message.onboard_control_sensors_health,
        )  # fmt: skip
        self._charged(message.battery_remaining)
        return False

    def _battery(self, message: Any, now_s: float) -> bool:
        if message.id == 0:
            self._charged(message.battery_remaining)
        return False

    def _charged(self, percent: int) -> None:
        if 0 <= percent <= 100:
            self._charge = percent / 100.0

    def _gps_raw(self, message: Any, now_s: float) -> bool:
        before, self._gps, self._gps_at_s = self._gps, message.fix_type, now_s
        return (before >= 3) is not (self._gps >= 3)

    def _ekf(self, message: Any, now_s: float) -> bool:
        self.estimator = message.flags
        return False

    def _extended(self, message: Any, now_s: float) -> bool:
        before, self.landed_state = self.landed, message.landed_state
        return before is not self.landed

    def _attitude(self, message: Any, now_s: float) -> bool:
        if math.isfinite(message.pitch):
            self._pitch_deg = math.degrees(message.pitch)
        return False

    def _mount_status(self, message: Any, now_s: float) -> bool:
        return self._pointing(message.pointing_a / 100.0, message.pointing_c / 100.0)

    def _mount_orientation(self, message: Any, now_s: float) -> bool:
        return self._pointing(message.pitch, message.yaw)

    def _gimbal_device(self, message: Any, now_s: float) -> bool:
        w, x, y, z = message.q
        sine, yaw_rad = 2.0 * (w * y - z * x), math.atan2(2.0 * (w * z + x * y), 1.0 - 2.0 * (y * y + z * z))
        if not (math.isfinite(sine) and math.isfinite(yaw_rad)):
            return False
        locked = message.flags & mavlink.GIMBAL_DEVICE_FLAGS_YAW_LOCK
        if message.flags & YAW_FROM_NORTH or (locked and not message.flags & YAW_FROM_NOSE):
            yaw_rad -= math.radians(self._heading_deg)
        return self._pointing(math.degrees(math.asin(max(-1.0, min(1.0, sine)))), math.degrees(yaw_rad))

    def _pointing(self, pitch_deg: float, pan_deg: float) -> bool:
        if math.isfinite(pitch_deg) and abs(pitch_deg) <= 180.0:
            # Told to the airframe, it means nothing with a later pitch of the airframe: the camera kept level meanwhile.
            self._gimbal_deg, self._pitch_then_deg = pitch_deg, self._pitch_deg
        if math.isfinite(pan_deg) and abs(pan_deg) <= 720.0:
            self._pan_deg = math.remainder(pan_deg, 360.0)
        return False

    def _status_text(self, message: Any, now_s: float) -> bool:
        text = str(message.text).strip()
        if message.id and message.chunk_seq and self.texts:
            last = self.texts.pop()
            text = last.text + text
        self.texts.append(Text(now_s, message.severity, text[:300]))
        return False

    # --- out ----------------------------------------------------------------------------------------------------------

    @property
    def landed(self) -> bool:
        """By its own detector; one that has none stands when it is not armed."""
        if self.landed_state == mavlink.MAV_LANDED_STATE_UNDEFINED:
            return not self.armed
        return bool(self.landed_state == mavlink.MAV_LANDED_STATE_ON_GROUND)

    @property
    def heading_deg(self) -> float:
        """From true north, as last told."""
        return self._heading_deg

    @property
    def mode(self) -> str:
        return mode_name(self.autopilot, self.custom_mode)

    @property
    def position(self) -> Position | None:
        fix = self.fix
        return None if fix is None else Position(latitude_deg=fix.latitude_e7 / 1e7, longitude_deg=fix.longitude_e7 / 1e7)

    @property
    def home_m_amsl(self) -> float | None:
        """Of the point that its relative heights count from."""
        return None if self.fix is None else (self.fix.altitude_mm - self.fix.relative_mm) / 1000.0

    def texts_since(self, at_s: float, severity: int = int(mavlink.MAV_SEVERITY_WARNING)) -> list[str]:
        """What it said from then on, of that severity or graver."""
        return [one.text for one in self.texts if one.at_s >= at_s and one.severity <= severity]

    def gps_ok(self, now_s: float) -> bool:
        fresh = now_s - self._gps_at_s <= GPS_STALE_S and now_s - self.fix_at_s <= POSITION_STALE_S
        return fresh and bool(self._gps >= mavlink.GPS_FIX_TYPE_3D_FIX)

    def ready_to_arm(self, now_s: float) -> bool:
        passes = bool(self._sensors[2] & PREARM) and self.gps_ok(now_s)
        return passes and (self.autopilot != ARDUPILOT or bool(self.estimator & EKF_POSITION))

    def faults(self, now_s: float) -> tuple[str, ...]:
        """Vital sensors that it calls unhealthy, and what it said gravely and lately."""
        present, enabled, health = self._sensors
        bad = present & enabled & ~health
        found = [name for bit, name in VITAL.items() if bad & bit]
        if self.texts:
            found += self._grave(now_s, arming=bool(health & PREARM))
        return tuple(dict.fromkeys(found))

    def _grave(self, now_s: float, *, arming: bool) -> Iterable[str]:
        for one in self.texts:
            over = arming and one.text.lower().startswith(BEFORE_ARMING)
            if one.severity <= GRAVE and now_s - one.at_s <= GRAVE_FOR_S and not over:
                yield one.text

    def telemetry(self, now: datetime, now_s: float) -> Telemetry | None:
        """The whole picture; None until its autopilot, position and charge have been heard."""
        fix = self.fix
        if fix is None or self._charge is None or self.autopilot is None:
            return None
        self._told_at_s = now_s
        gimbal_deg = self._gimbal_deg + (self._pitch_then_deg if self.servo_mount else 0.0)
        return Telemetry(
            vehicle_id=self.vehicle_id,
            at=now,
            position=Position(latitude_deg=fix.latitude_e7 / 1e7, longitude_deg=fix.longitude_e7 / 1e7),
            altitude_m_amsl=fix.altitude_mm / 1000.0,
            height_m_above_dock=fix.relative_mm / 1000.0,
            heading_deg=self._heading_deg,
            ground_speed_mps=math.hypot(fix.north_cms, fix.east_cms) / 100.0,
            vertical_speed_mps=-fix.down_cms / 100.0,
            charge_fraction=self._charge,
            armed=self.armed,
            landed=self.landed,
            gps_ok=self.gps_ok(now_s),
            ready_to_arm=self.ready_to_arm(now_s),
            gimbal_pitch_deg=gimbal_deg,
            mode=self.mode,
            faults=self.faults(now_s),
            position_age_s=max(0.0, now_s - self.fix_at_s),
            gimbal_pan_deg=self._pan_deg,
            field_of_view_deg=self.lens.field_of_view_deg(now_s),
        )


LIDS = (DockStatus.CLOSED, DockStatus.OPENING, DockStatus.OPEN, DockStatus.CLOSING, DockStatus.JAMMED)
# What has not changed is said again this often, so that nobody takes an old wind for a new one.
REPORT_S = 5.0


class DockState:
    """One dock as its messages tell it (ADR 5): `LID`, `PAD0`… in NAMED_VALUE_INT, its anemometer in WIND_COV."""

    def __init__(self, dock_id: str, pads: int) -> None:
        self.dock_id, self._count = dock_id, pads
        self.component_id = int(mavlink.MAV_COMP_ID_AUTOPILOT1)
        self._lid: int | None = None
        self._pads: dict[int, int] = {}
        self.wind: tuple[float, float] | None = None  # speed, blowing from
        self.gust_mps = 0.0
        self._said: DockReport | None = None
        self._said_at_s = -math.inf

    def take(self, frame: Frame, now_s: float) -> bool:
        """Take in a frame of this dock; says whether there is something to report."""
        if frame.message_id == HEARTBEAT:
            self.component_id = frame.component_id
        elif frame.message_id == mavlink.MAVLINK_MSG_ID_NAMED_VALUE_INT:
            self._named(decode(frame))
        elif frame.message_id == mavlink.MAVLINK_MSG_ID_WIND_COV:
            self._wind(decode(frame))
        report = self.report()
        return report is not None and (report != self._said or now_s - self._said_at_s >= REPORT_S)

    def _named(self, message: Any) -> None:
        name = str(message.name).rstrip("\0")
        if name == "LID" and 0 <= message.value < len(LIDS):
            self._lid = message.value
        elif name.startswith("PAD") and name[3:].isdecimal() and int(name[3:]) < self._count and 0 <= message.value <= 255:
            self._pads[int(name[3:])] = message.value

    def _wind(self, message: Any) -> None:
        speed_mps = math.hypot(message.wind_x, message.wind_y)
        if not math.isfinite(speed_mps):
            raise MalformedPacket(f"{OUT_OF_RANGE}: wind", remedy="look at the dock's anemometer")
        self.wind = (speed_mps, math.degrees(math.atan2(-message.wind_y, -message.wind_x)) % 360.0)
        # Variability is in m/s as well: what gusts add to the mean.
        self.gust_mps = speed_mps + (max(0.0, message.var_horiz) if math.isfinite(message.var_horiz) else 0.0)

    def report(self) -> DockReport | None:
        """What it says now; None until its lid and all its pads were told."""
        if self._lid is None or len(self._pads) < self._count:
            return None
        return DockReport(
            dock_id=self.dock_id,
            status=LIDS[self._lid],
            pads=tuple(self._pads[number] for number in range(self._count)),
            wind_speed_mps=None if self.wind is None else self.wind[0],
            wind_from_deg=None if self.wind is None else self.wind[1],
            wind_gust_mps=None if self.wind is None else self.gust_mps,
        )

    def said(self, report: DockReport, now_s: float) -> None:
        self._said, self._said_at_s = report, now_s
