"""Flight modes of ArduCopter and PX4: their numbers and names."""

from pymavlink.dialects.v20 import ardupilotmega as mavlink

# ArduCopter's custom_mode.
STABILIZE, GUIDED, LAND = 0, 4, 9
_COPTER = {
    0: "STABILIZE", 1: "ACRO", 2: "ALT_HOLD", 3: "AUTO", 4: "GUIDED", 5: "LOITER", 6: "RTL", 7: "CIRCLE", 9: "LAND", 11: "DRIFT",
    13: "SPORT", 14: "FLIP", 15: "AUTOTUNE", 16: "POSHOLD", 17: "BRAKE", 18: "THROW", 19: "AVOID_ADSB", 20: "GUIDED_NOGPS",
    21: "SMART_RTL", 22: "FLOWHOLD", 23: "FOLLOW", 24: "ZIGZAG", 26: "AUTOROTATE", 27: "AUTO_RTL",
}  # fmt: skip

# PX4 has a main mode and, under AUTO, a sub mode.
PX4_AUTO = 4
PX4_TAKEOFF, PX4_LOITER, PX4_RTL, PX4_LAND = 2, 3, 5, 6
_PX4_MAIN = {1: "MANUAL", 2: "ALTCTL", 3: "POSCTL", 4: "AUTO", 5: "ACRO", 6: "OFFBOARD", 7: "STABILIZED", 8: "RATTITUDE"}
_PX4_SUB = {
    1: "READY", 2: "TAKEOFF", 3: "LOITER", 4: "MISSION", 5: "RTL", 6: "LAND", 8: "FOLLOW_TARGET", 9: "PRECLAND",
}  # fmt: skip
_PX4_POSCTL, _PX4_ORBIT = 3, 1


def px4_mode(sub: int) -> int:
    """The custom_mode of a sub mode of AUTO."""
    return PX4_AUTO << 16 | sub << 24


def mode_name(autopilot: int | None, custom_mode: int) -> str:
    """What people call it; "mode 123" for one that is not known."""
    if autopilot == mavlink.MAV_AUTOPILOT_PX4:
        main, sub = custom_mode >> 16 & 0xFF, custom_mode >> 24 & 0xFF
        if main == PX4_AUTO and sub in _PX4_SUB:
            return f"AUTO.{_PX4_SUB[sub]}"
        if (main, sub) == (_PX4_POSCTL, _PX4_ORBIT):
            return "ORBIT"
        return _PX4_MAIN.get(main, f"mode {custom_mode}")
    return _COPTER.get(custom_mode, f"mode {custom_mode}")
