"""Watch any MAVLink vehicle or dock: a short program on pymavlink alone, with nothing of this program's own link.

    python -m bowstreet.simulation.watch udpout:127.0.0.1:14601

It says a heartbeat once a second, so that a peer that speaks only when spoken to answers; asks for a few messages; and prints
what comes. It sends no command that moves anything, and its heartbeats are those of an observer, not of a ground station: they
never keep a vehicle's own failsafe from acting.
"""

import argparse
import sys
from typing import Any

from pymavlink import mavutil
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from bowstreet.runtime.clock import SystemClock

# A system id of its own: ArduPilot counts the heartbeats of 255 for its failsafe, and PX4 those of type GCS.
WATCHER_SYSTEM, WATCHER_COMPONENT = 250, int(mavlink.MAV_COMP_ID_ONBOARD_COMPUTER)
WANTED = ("GLOBAL_POSITION_INT", "SYS_STATUS", "GPS_RAW_INT", "EXTENDED_SYS_STATE")


def line(message: Any) -> str:
    """What is printed of a message."""
    kind, who = message.get_type(), message.get_srcSystem()
    match kind:
        case "HEARTBEAT":
            armed = "armed" if message.base_mode & mavlink.MAV_MODE_FLAG_SAFETY_ARMED else "disarmed"
            return f"{who:3d} HEARTBEAT {mavutil.mode_string_v10(message)} {armed}"
        case "GLOBAL_POSITION_INT":
            speed_mps = (message.vx**2 + message.vy**2) ** 0.5 / 100.0
            place = f"{message.lat / 1e7:.6f} {message.lon / 1e7:.6f}"
            return f"{who:3d} POSITION {place} {message.relative_alt / 1000.0:6.1f} m above home {speed_mps:5.1f} m/s"
        case "SYS_STATUS":
            return f"{who:3d} BATTERY {message.battery_remaining}%"
        case "STATUSTEXT":
            return f"{who:3d} SAYS {message.text}"
        case "COMMAND_ACK":
            return f"{who:3d} ACK command {message.command} result {message.result}"
        case _:
            fields = {name: value for name, value in message.to_dict().items() if name != "mavpackettype"}
            return f"{who:3d} {kind} {fields}"


def _ask(link: Any, rate_hz: float) -> None:
    for name in WANTED:
        number = getattr(mavlink, f"MAVLINK_MSG_ID_{name}")
        link.mav.command_long_send(
            link.target_system,
            link.target_component,
            mavlink.MAV_CMD_SET_MESSAGE_INTERVAL,
            0,
            number,
            1e6 / rate_hz,
            0,
            0,
            0,
            0,
            0,
        )


def watch(address: str, seconds: float | None, rate_hz: float, write: Any, key: bytes = b"") -> int:
    """Print what a peer says for so long, or until interrupted; gives how many messages came. `key` is that of one that signs."""
    link = mavutil.mavlink_connection(
        address, source_system=WATCHER_SYSTEM, source_component=WATCHER_COMPONENT, dialect="ardupilotmega"
    )
    if key:
        link.mav = mavlink.MAVLink(link, srcSystem=WATCHER_SYSTEM, srcComponent=WATCHER_COMPONENT)
        link.mav.robust_parsing = True
        link.first_byte = False  # mavutil would else put another in its place when it first hears MAVLink 2
        link.setup_signing(key)
    clock = SystemClock()
    began, beat, asked, count = clock.monotonic_s(), -1.0, False, 0
    try:
        while seconds is None or clock.monotonic_s() - began < seconds:
            if clock.monotonic_s() - beat > 1.0:
                beat = clock.monotonic_s()
                link.mav.heartbeat_send(mavlink.MAV_TYPE_ONBOARD_CONTROLLER, mavlink.MAV_AUTOPILOT_INVALID, 0, 0, 0)
            message = link.recv_match(blocking=True, timeout=0.5)
            if message is None or message.get_type() == "BAD_DATA":
                continue
            count += 1
            if not asked and message.get_type() == "HEARTBEAT" and message.autopilot != mavlink.MAV_AUTOPILOT_INVALID:
                asked = True
                _ask(link, rate_hz)
            write(line(message) + "\n")
    finally:
        link.close()
    return count


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m bowstreet.simulation.watch", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("address", help="as mavutil takes it: udpout:HOST:PORT, udpin:HOST:PORT, tcp:HOST:PORT")
    parser.add_argument("--for", dest="seconds", type=float, metavar="SECONDS", help="stop after so long")
    parser.add_argument("--rate", type=float, default=1.0, metavar="HZ", help="messages of a kind a second")
    parser.add_argument("--key", metavar="HEX", default="", help="a signing vehicle's key; without it asking is in vain")
    arguments = parser.parse_args()
    try:
        key = bytes.fromhex(arguments.key)
    except ValueError:
        sys.stderr.write("watch: a key is 64 digits in hex\n")
        return 2
    try:
        count = watch(arguments.address, arguments.seconds, max(0.1, arguments.rate), sys.stdout.write, key)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return 0  # whoever read along has seen enough
    except OSError as error:
        sys.stderr.write(f"watch: {arguments.address} cannot be opened ({error}); give udpout:HOST:PORT of a peer\n")
        return 2
    if count == 0:
        sys.stderr.write("watch: nothing was heard; is the peer running, and is this its port?\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
