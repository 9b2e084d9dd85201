"""What one MAVLink peer has said of itself, put together. No IO: messages in, `Telemetry` or `DockReport` out."""

import math
from collections import deque
from datetime import datetime
from typing import Any

from pymavlink.dialects.v20 import ardupilotmega as mavlink

from bowstreet.flight.model import DockConfig, DockStatus, Telemetry, VehicleConfig
from bowstreet.flight.ports import DockReport
from bowstreet.geo import Position

ARDUPILOT, PX4 = int(mavlink.MAV_AUTOPILOT_ARDUPILOTMEGA), int(mavlink.MAV_AUTOPILOT_PX4)
PREARM = int(mavlink.MAV_SYS_STATUS_PREARM_CHECK)
# ArduPilot sets its pre-arm bit before its estimator has a position: this flag is the one to wait for.
EKF_POSITION = 16
LIDS = (DockStatus.CLOSED, DockStatus.OPENING, DockStatus.OPEN, DockStatus.CLOSING, DockStatus.JAMMED)
# STATUSTEXT of these severities, emergency to error, are shown with a command that failed.
GRAVE = 3
ARDUPILOT_MODES = {
    0: "STABILIZE",
    3: "AUTO",
    4: "GUIDED",
    5: "LOITER",
    6: "RTL",
    7: "CIRCLE",
    9: "LAND",
    17: "BRAKE",
    21: "SMART_RTL",
}
PX4_AUTO = {1: "READY", 2: "TAKEOFF", 3: "LOITER", 4: "MISSION", 5: "RTL", 6: "LAND"}


class VehiclePeer:
    """One vehicle's state as told by its messages.

    Attributes:
        autopilot: its brand as MAV_AUTOPILOT; None until it was heard.
        home_m_amsl: of the point that its relative heights count from; None until position was heard.
    """

    def __init__(self, config: VehicleConfig) -> None:
        self.config = config
        self.autopilot: int | None = None
        self.custom_mode = 0
        self.armed = False
        self.texts: deque[str] = deque(maxlen=5)
        self._position: Any = None
        self._landed: bool | None = None
        self._charge: float | None = None
        self._fix = 0
        self._prearm = False
        self._ekf = 0
        self._gimbal_deg = 0.0

    @property
    def home_m_amsl(self) -> float | None:
        return None if self._position is None else (self._position.alt - self._position.relative_alt) / 1000.0

    @property
    def mode(self) -> str:
        if self.autopilot == PX4:
            main, sub = (self.custom_mode >> 16) & 0xFF, (self.custom_mode >> 24) & 0xFF
            return PX4_AUTO.get(sub, f"AUTO {sub}") if main == 4 else "ORBIT" if (main, sub) == (3, 1) else f"MODE {main}.{sub}"
        return ARDUPILOT_MODES.get(self.custom_mode, f"MODE {self.custom_mode}")

    def feed(self, message: Any, now: datetime) -> Telemetry | None:
        """Take in a message. A position gives a telemetry, and so does a heartbeat or a landing that changes something."""
        match message.get_type():
            case "GLOBAL_POSITION_INT":
                self._position = message
                return self.telemetry(now)
            case "HEARTBEAT":
                return self._heartbeat(message, now)
            case "EXTENDED_SYS_STATE":
                landed = message.landed_state == mavlink.MAV_LANDED_STATE_ON_GROUND
                changed, self._landed = landed is not self._landed, landed
                return self.telemetry(now) if changed else None
            case _:
                self._note(message)
        return None

    def _note(self, message: Any) -> None:
        """What goes into the next telemetry."""
        match message.get_type():
            case "SYS_STATUS":
                self._prearm = bool(message.onboard_control_sensors_health & PREARM)
                self._charge = self._charged(message)
            case "BATTERY_STATUS" if message.id == 0:
                self._charge = self._charged(message)
            case "GPS_RAW_INT":
                self._fix = message.fix_type
            case "EKF_STATUS_REPORT":
                self._ekf = message.flags
            case "MOUNT_STATUS":
                self._gimbal_deg = message.pointing_a / 100.0
            case "STATUSTEXT" if message.severity <= GRAVE:
                self.texts.append(str(message.text)[:100])

    def _charged(self, message: Any) -> float | None:
        told: int = message.battery_remaining
        return told / 100.0 if told >= 0 else self._charge

    def _heartbeat(self, message: Any, now: datetime) -> Telemetry | None:
        armed = bool(message.base_mode & mavlink.MAV_MODE_FLAG_SAFETY_ARMED)
        changed = armed is not self.armed or message.custom_mode != self.custom_mode
        self.autopilot, self.armed, self.custom_mode = message.autopilot, armed, message.custom_mode
        return self.telemetry(now) if changed else None

    def telemetry(self, now: datetime) -> Telemetry | None:
        """The whole picture; None until position, charge and landed state have all been heard."""
        position = self._position
        if position is None or self._charge is None or self._landed is None or self.autopilot is None:
            return None
        gps_ok = self._fix >= mavlink.GPS_FIX_TYPE_3D_FIX
        ready = self._prearm and gps_ok and (self.autopilot != ARDUPILOT or bool(self._ekf & EKF_POSITION))
        return Telemetry(
            vehicle_id=self.config.vehicle_id,
            at=now,
            position=Position(latitude_deg=position.lat / 1e7, longitude_deg=position.lon / 1e7),
            altitude_m_amsl=position.alt / 1000.0,
            height_m_above_dock=position.relative_alt / 1000.0,
            heading_deg=position.hdg / 100.0 if position.hdg != 65_535 else 0.0,
            ground_speed_mps=(position.vx**2 + position.vy**2) ** 0.5 / 100.0,
            vertical_speed_mps=-position.vz / 100.0,
            charge_fraction=self._charge,
            armed=self.armed,
            landed=self._landed,
            gps_ok=gps_ok,
            ready_to_arm=ready,
            gimbal_pitch_deg=self._gimbal_deg,
            mode=self.mode,
        )


class DockPeer:
    """One dock's state as told by its messages: see ADR 5."""

    def __init__(self, config: DockConfig) -> None:
        self.config = config
        self._lid: int | None = None
        self._pads: dict[int, int] = {}
        self.wind: tuple[float, float] | None = None
        self.gust_mps = 0.0
        self._said: DockReport | None = None

    def feed(self, message: Any, now: datetime) -> DockReport | None:
        """Take in a message; gives a report when it says something new, once lid and all pads are known."""
        kind = message.get_type()
        if kind == "NAMED_VALUE_INT":
            name = message.name if isinstance(message.name, str) else message.name.decode("ascii", "replace")
            name = name.rstrip("\0")
            if name == "LID" and 0 <= message.value < len(LIDS):
                self._lid = message.value
            elif name.startswith("PAD") and name[3:].isdigit() and int(name[3:]) < self.config.pads:
                self._pads[int(name[3:])] = message.value
        elif kind == "WIND_COV":
            speed = math.hypot(message.wind_x, message.wind_y)
            self.wind = (speed, math.degrees(math.atan2(-message.wind_y, -message.wind_x)) % 360.0)
            self.gust_mps = speed + max(0.0, message.var_horiz)
        else:
            return None
        return self._report()

    def _report(self) -> DockReport | None:
        if self._lid is None or len(self._pads) < self.config.pads:
            return None
        report = DockReport(
            dock_id=self.config.dock_id,
            status=LIDS[self._lid],
            pads=tuple(self._pads[number] for number in range(self.config.pads)),
            wind_speed_mps=None if self.wind is None else self.wind[0],
            wind_from_deg=None if self.wind is None else self.wind[1],
        )
        if report == self._said:
            return None
        self._said = report
        return report
