"""The simulated fleet: a program of its own. Each drone and each dock is a MAVLink peer on its own UDP port on loopback.

    python -m bowstreet.simulation.fleet --layout layout.json --speed 5 --control 127.0.0.1:14500

It answers whoever talks to a peer's port: a ground station, or a watcher with MAVProxy or pymavlink. `--control` opens a TCP
port that takes a JSON object a line: {"op": "status"}, {"op": "log"}, {"op": "stop"}, {"op": "fault", "target": "drone-001",
"kind": "link", "seconds": 10}. It prints one JSON line when it is ready. It ends with its parent, unless `--persist`: then it
goes on, as real drones would, until all have landed and no ground station has been heard for two minutes.
"""

import argparse
import asyncio
import json
import math
import os
import random
import sys
import time
from pathlib import Path
from typing import Any, cast

from pymavlink.dialects.v20 import ardupilotmega as mavlink

from bowstreet.errors import BowstreetError
from bowstreet.flight.model import Wind
from bowstreet.geo import GridPoint
from bowstreet.simulation.autopilot import Autopilot
from bowstreet.simulation.layout import DockLayout, Layout, VehicleLayout, decode
from bowstreet.simulation.station import IN_DOCK_M, PAIRED_M, Station
from bowstreet.simulation.vehicle import Vehicle

# Real seconds between steps; a step covers `speed` times as much, cut into pieces that the kinematics bear.
TICK_S = 0.02
MOST_STEP_S = 0.25
# A peer that has not talked for this long is told nothing more, simulated seconds; and at least this many real ones.
PEER_S = 15.0
PEER_REAL_S = 5.0
# What a vehicle says unasked, seconds apart (0 is never).
DEFAULT_INTERVALS_S = {
    mavlink.MAVLINK_MSG_ID_GLOBAL_POSITION_INT: 0.5,
    mavlink.MAVLINK_MSG_ID_SYS_STATUS: 1.0,
    mavlink.MAVLINK_MSG_ID_BATTERY_STATUS: 2.0,
    mavlink.MAVLINK_MSG_ID_GPS_RAW_INT: 1.0,
    mavlink.MAVLINK_MSG_ID_EXTENDED_SYS_STATE: 1.0,
    mavlink.MAVLINK_MSG_ID_EKF_STATUS_REPORT: 1.0,
    mavlink.MAVLINK_MSG_ID_MOUNT_STATUS: 1.0,
    mavlink.MAVLINK_MSG_ID_HEARTBEAT: 1.0,
}
ORPHANED_REAL_S = 120.0
Address = tuple[str, int]


class Clock:
    """The fleet's own time: real seconds since the start, times the speed."""

    def __init__(self, speed: float) -> None:
        self.speed = speed
        self._start = time.monotonic()

    def now_s(self) -> float:
        return (time.monotonic() - self._start) * self.speed


class Peer(asyncio.DatagramProtocol):
    """A MAVLink peer on a port: packs, parses, and knows who talks to it."""

    def __init__(self, fleet: "Fleet", name: str, system_id: int, port: int) -> None:
        self.fleet, self.name, self.system_id, self.port = fleet, name, system_id, port
        self.mav = mavlink.MAVLink(None, srcSystem=system_id, srcComponent=1)
        self.parsers: dict[Address, Any] = {}
        self.heard: dict[Address, tuple[float, float]] = {}
        self.transport: asyncio.DatagramTransport | None = None
        self.due: dict[int, float] = {}
        self.deaf_until_s = self.mute_until_s = 0.0
        self.delay_s = 0.0
        self.loss = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # The loop's own transports are not subclasses of the one its documentation names.
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: Address) -> None:
        if self.fleet.now_s < self.deaf_until_s or (self.loss and self.fleet.random.random() < self.loss):
            return
        if addr not in self.parsers:
            if len(self.parsers) > 64:
                return
            self.parsers[addr] = mavlink.MAVLink(None)
            self.parsers[addr].robust_parsing = True
        messages = self.parsers[addr].parse_buffer(data) or []
        good = [message for message in messages if message.get_type() != "BAD_DATA"]
        if good:
            self.heard[addr] = (self.fleet.now_s, time.monotonic())
        for message in good:
            if getattr(message, "target_system", self.system_id) in (0, self.system_id):
                for answer in self.handle(message):
                    self.send(answer, addr)

    def handle(self, message: Any) -> list[Any]:
        return []

    def send(self, message: Any, to: Address | None = None) -> None:
        """To one address, or to all who talk to this peer."""
        if self.fleet.now_s < self.mute_until_s or (self.loss and self.fleet.random.random() < self.loss):
            return
        packet = message.pack(self.mav)
        self.mav.seq = (self.mav.seq + 1) % 256
        for address in [to] if to else self.listeners():
            if self.delay_s:
                asyncio.get_running_loop().call_later(self.delay_s / self.fleet.clock.speed, self._put, packet, address)
            else:
                self._put(packet, address)

    def _put(self, packet: bytes, address: Address) -> None:
        if self.transport is not None:
            self.transport.sendto(packet, address)

    def listeners(self) -> list[Address]:
        real = time.monotonic()
        for address, (at_s, at_real) in list(self.heard.items()):
            if self.fleet.now_s - at_s > PEER_S and real - at_real > PEER_REAL_S:
                del self.heard[address], self.parsers[address]
        return list(self.heard)

    def is_due(self, kind: int, every_s: float) -> bool:
        if every_s <= 0 or self.fleet.now_s < self.due.get(kind, 0.0):
            return False
        self.due[kind] = self.fleet.now_s + every_s
        return True


class VehiclePeer(Peer):
    """A drone: vehicle, autopilot and what it says."""

    def __init__(self, fleet: "Fleet", layout: VehicleLayout, station: Station) -> None:
        super().__init__(fleet, layout.vehicle_id, layout.system_id, layout.port)
        self.layout = layout
        at = station.at
        # Pads stand a metre apart; all count as in the dock.
        self.vehicle = Vehicle(
            layout.airframe, at.easting_m + layout.pad, at.northing_m, station.layout.ground_m_amsl, layout.charge_fraction
        )
        self.station: Station | None = station
        station.pads[layout.pad] = layout.system_id
        self.pilot = Autopilot(layout.autopilot, self.vehicle, at, station.layout.ground_m_amsl, self._log)
        self._charged_s = fleet.now_s

    def _log(self, event: str, **more: Any) -> None:
        self.fleet.log(self.name, event, **more)

    def handle(self, message: Any) -> list[Any]:
        return self.pilot.handle(message)

    def step(self, dt_s: float) -> None:
        vehicle, pilot = self.vehicle, self.pilot
        pilot.think(self.fleet.now_s)
        if pilot.took_off():
            if self.station is not None:
                self.station.leave(self.system_id)
                self.station = None
            pilot.lift()
        if vehicle.landed:
            if self.station is not None and not vehicle.armed:
                vehicle.charge_up(dt_s)
            return
        wind = self.fleet.wind
        pieces = max(1, int(dt_s / MOST_STEP_S) + 1)
        for _ in range(pieces):
            vehicle.step(dt_s / pieces, wind)
        self._touch()

    def _touch(self) -> None:
        vehicle = self.vehicle
        below = self.fleet.station_at(GridPoint(easting_m=vehicle.east_m, northing_m=vehicle.north_m))
        ground = below.layout.ground_m_amsl if below is not None else self.pilot.home_m_amsl
        vehicle.ground_m_amsl = ground
        if self.pilot.is_homing() and vehicle.height_m_amsl <= ground + 0.2:
            in_dock = below is not None and below.take(self.system_id)
            self.station = below if in_dock else None
            vehicle.touch_down(ground)
            if below is not None:
                self.pilot.home, self.pilot.home_m_amsl = below.at, ground
            self._log(
                "landed", dock=below.layout.dock_id if in_dock and below else None, near=below.layout.dock_id if below else None
            )

    def speak(self) -> None:
        if not self.listeners():
            return
        for kind, default_s in DEFAULT_INTERVALS_S.items():
            if self.is_due(kind, self.pilot.intervals_s.get(kind, default_s)):
                message = self._say(kind)
                if message is not None:
                    self.send(message)

    def _say(self, kind: int) -> Any:
        vehicle, pilot = self.vehicle, self.pilot
        boot_ms = int(self.fleet.now_s * 1000) & 0xFFFFFFFF
        charge = max(0.0, min(1.0, vehicle.charge + vehicle.told_charge))
        match kind:
            case mavlink.MAVLINK_MSG_ID_HEARTBEAT:
                brand = mavlink.MAV_AUTOPILOT_ARDUPILOTMEGA if pilot.ardupilot else mavlink.MAV_AUTOPILOT_PX4
                state = mavlink.MAV_STATE_ACTIVE if vehicle.armed else mavlink.MAV_STATE_STANDBY
                return mavlink.MAVLink_heartbeat_message(
                    mavlink.MAV_TYPE_QUADROTOR, brand, pilot.base_mode(), pilot.mode, state, 3
                )
            case mavlink.MAVLINK_MSG_ID_GLOBAL_POSITION_INT:
                place, height = pilot.place()
                vx, vy, vz = vehicle.velocity
                return mavlink.MAVLink_global_position_int_message(
                    boot_ms, round(place.latitude_deg * 1e7), round(place.longitude_deg * 1e7), round(height * 1000),
                    round((height - pilot.home_m_amsl) * 1000), round(vy * 100), round(vx * 100), round(-vz * 100),
                    round(vehicle.heading_deg * 100) % 36000,
                )  # fmt: skip
            case mavlink.MAVLINK_MSG_ID_SYS_STATUS:
                health = mavlink.MAV_SYS_STATUS_PREARM_CHECK if (pilot.ardupilot or pilot.ready()) else 0
                present = mavlink.MAV_SYS_STATUS_PREARM_CHECK
                return mavlink.MAVLink_sys_status_message(
                    present, present, health, 100, 22_000, 1_000, round(charge * 100), 0, 0, 0, 0, 0, 0
                )
            case mavlink.MAVLINK_MSG_ID_BATTERY_STATUS:
                return mavlink.MAVLink_battery_status_message(0, 0, 0, 2500, [3700] * 10, 1000, -1, -1, round(charge * 100))
            case mavlink.MAVLINK_MSG_ID_GPS_RAW_INT:
                place, height = pilot.place()
                fix = mavlink.GPS_FIX_TYPE_NO_GPS if pilot.gps == "off" else mavlink.GPS_FIX_TYPE_3D_FIX
                return mavlink.MAVLink_gps_raw_int_message(
                    boot_ms * 1000, fix, round(place.latitude_deg * 1e7), round(place.longitude_deg * 1e7), round(height * 1000),
                    80, 120, 0, 0, 0 if pilot.gps == "off" else 14,
                )  # fmt: skip
            case mavlink.MAVLINK_MSG_ID_EXTENDED_SYS_STATE:
                state = mavlink.MAV_LANDED_STATE_ON_GROUND if vehicle.landed else mavlink.MAV_LANDED_STATE_IN_AIR
                return mavlink.MAVLink_extended_sys_state_message(0, state)
            case mavlink.MAVLINK_MSG_ID_EKF_STATUS_REPORT:
                flags = 831 if pilot.ready() else 0
                return mavlink.MAVLink_ekf_status_report_message(flags, 0.1, 0.1, 0.1, 0.1, 0.1) if pilot.ardupilot else None
            case mavlink.MAVLINK_MSG_ID_MOUNT_STATUS:
                return mavlink.MAVLink_mount_status_message(0, 0, round(vehicle.gimbal_deg * 100), 0, 0)
        return None


class StationPeer(Peer):
    """A dock: lid, pads, anemometer."""

    def __init__(self, fleet: "Fleet", layout: DockLayout) -> None:
        super().__init__(fleet, layout.dock_id, layout.system_id, layout.port)
        self.station = Station(layout)
        self._said: tuple[int, ...] = ()

    def handle(self, message: Any) -> list[Any]:
        if message.get_type() != "COMMAND_LONG":
            return []
        self.fleet.log(self.name, "command", command=message.command, confirmation=message.confirmation)
        if message.command == mavlink.MAV_CMD_SET_MESSAGE_INTERVAL:
            return [mavlink.MAVLink_command_ack_message(message.command, mavlink.MAV_RESULT_ACCEPTED)]
        if message.command != mavlink.MAV_CMD_USER_1:
            return [mavlink.MAVLink_command_ack_message(message.command, mavlink.MAV_RESULT_UNSUPPORTED)]
        moved = self.station.ask(message.param1 > 0.5, self.fleet.now_s)
        result = mavlink.MAV_RESULT_ACCEPTED if moved else mavlink.MAV_RESULT_FAILED
        return [mavlink.MAVLink_command_ack_message(message.command, result)]

    def step(self) -> None:
        self.station.step(self.fleet.now_s)
        if self.station.lid in (0, 3) and any(self._paired(one) for one in self.fleet.vehicles):
            self.station.ask(True, self.fleet.now_s)

    def _paired(self, one: VehiclePeer) -> bool:
        if not one.pilot.is_homing():
            return False
        vehicle, at = one.vehicle, self.station.at
        return abs(vehicle.east_m - at.easting_m) < PAIRED_M and abs(vehicle.north_m - at.northing_m) < PAIRED_M

    def speak(self) -> None:
        if not self.listeners():
            return
        if self.is_due(mavlink.MAVLINK_MSG_ID_HEARTBEAT, 1.0):
            self.send(
                mavlink.MAVLink_heartbeat_message(
                    mavlink.MAV_TYPE_CHARGING_STATION, mavlink.MAV_AUTOPILOT_INVALID, 0, 0, mavlink.MAV_STATE_ACTIVE, 3
                )
            )
        now = (self.station.lid, *self.station.pads)
        if now != self._said or self.is_due(mavlink.MAVLINK_MSG_ID_NAMED_VALUE_INT, 1.0):
            self._said = now
            boot_ms = int(self.fleet.now_s * 1000) & 0xFFFFFFFF
            self.send(mavlink.MAVLink_named_value_int_message(boot_ms, b"LID", self.station.lid))
            for number, system_id in enumerate(self.station.pads):
                self.send(mavlink.MAVLink_named_value_int_message(boot_ms, f"PAD{number}".encode(), system_id))
        if self.is_due(mavlink.MAVLINK_MSG_ID_WIND_COV, 5.0):
            self.send(self._wind())

    def _wind(self) -> Any:
        wind = self.fleet.wind
        to = math.radians(wind.from_deg + 180.0)
        north, east = wind.speed_mps * math.cos(to), wind.speed_mps * math.sin(to)
        gust = max(0.0, wind.gust_mps - wind.speed_mps)
        return mavlink.MAVLink_wind_cov_message(
            int(self.fleet.now_s * 1e6), north, east, 0.0, gust, gust, self.station.layout.ground_m_amsl, 0, 0
        )


class Fleet:
    """All peers, one clock, one wind."""

    def __init__(self, layout: Layout, speed: float) -> None:
        self.layout = layout
        self.clock = Clock(speed)
        self.now_s = 0.0
        self.random = random.Random(layout.seed)  # noqa: S311 - a simulation's dice
        self.wind: Wind = layout.wind
        self.stations = [StationPeer(self, one) for one in layout.docks]
        by_id = {one.name: one for one in self.stations}
        self.vehicles = [VehiclePeer(self, one, by_id[one.dock_id].station) for one in layout.vehicles]
        self.events: list[dict[str, Any]] = []
        self.stopping = asyncio.Event()

    @property
    def peers(self) -> list[Peer]:
        return [*self.stations, *self.vehicles]

    def log(self, name: str, event: str, **more: Any) -> None:
        self.events.append({"at_s": round(self.now_s, 3), "name": name, "event": event, **more})

    def station_at(self, point: GridPoint) -> Station | None:
        near = min(self.stations, key=lambda one: one.station.at.distance_m(point))
        return near.station if near.station.at.distance_m(point) <= IN_DOCK_M else None

    async def open(self, host: str = "127.0.0.1") -> None:
        loop = asyncio.get_running_loop()
        for peer in self.peers:
            await loop.create_datagram_endpoint(lambda peer=peer: peer, local_addr=(host, peer.port))  # type: ignore[misc]

    async def run(self, persist: bool) -> None:
        parent = os.getppid()
        heard_real = time.monotonic()
        while not self.stopping.is_set():
            before = self.now_s
            self.now_s = self.clock.now_s()
            self._gusts()
            for station in self.stations:
                station.step()
                station.speak()
            for vehicle in self.vehicles:
                vehicle.step(self.now_s - before)
                vehicle.speak()
            if any(peer.heard for peer in self.vehicles):
                heard_real = time.monotonic()
            if not persist and os.getppid() != parent:
                return
            if persist and time.monotonic() - heard_real > ORPHANED_REAL_S and all(one.vehicle.landed for one in self.vehicles):
                return
            await asyncio.sleep(TICK_S)

    def _gusts(self) -> None:
        """Wind wanders slowly round what the layout says."""
        base = self.layout.wind
        phase = self.now_s / 600.0
        speed = max(0.0, base.speed_mps * (1.0 + 0.15 * math.sin(phase * 2.1)))
        self.wind = Wind(
            speed_mps=speed,
            from_deg=(base.from_deg + 10.0 * math.sin(phase)) % 360.0,
            gust_mps=max(base.gust_mps, speed),
        )

    # --- control ------------------------------------------------------------------------------------------------------

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                try:
                    answer = self._control(json.loads(line))
                except (ValueError, KeyError, TypeError, BowstreetError) as error:
                    answer = {"error": str(error)}
                writer.write(json.dumps(answer).encode() + b"\n")
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()

    def _control(self, asked: dict[str, Any]) -> dict[str, Any]:
        match asked["op"]:
            case "status":
                return {"now_s": self.now_s, "vehicles": [self._status(one) for one in self.vehicles]}
            case "log":
                return {"events": self.events[int(asked.get("since", 0)) :]}
            case "fault":
                return self._fault(asked)
            case "stop":
                self.stopping.set()
                return {"stopping": True}
        raise ValueError(f"there is no op '{asked['op']}'")

    def _status(self, one: VehiclePeer) -> dict[str, Any]:
        vehicle = one.vehicle
        return {
            "vehicle_id": one.name,
            "landed": vehicle.landed,
            "armed": vehicle.armed,
            "charge": round(vehicle.charge, 4),
            "dock": one.station.layout.dock_id if one.station else None,
            "exhausted": vehicle.exhausted,
        }

    def _fault(self, asked: dict[str, Any]) -> dict[str, Any]:
        peers = {one.name: one for one in self.peers}
        peer = peers[asked["target"]]
        until = self.now_s + float(asked.get("seconds", 60.0))
        match asked["kind"]:
            case "link":
                way = asked.get("way", "both")
                peer.mute_until_s = until if way in ("both", "down") else peer.mute_until_s
                peer.deaf_until_s = until if way in ("both", "up") else peer.deaf_until_s
            case "latency":
                peer.delay_s = float(asked["delay_s"])
            case "loss":
                peer.loss = float(asked["share"])
            case "jam" if isinstance(peer, StationPeer):
                peer.station.jammed_until_s = until
            case "gps" if isinstance(peer, VehiclePeer):
                peer.pilot.gps = str(asked.get("state", "off"))
            case "sag" if isinstance(peer, VehiclePeer):
                peer.vehicle.sag = float(asked["factor"])
            case "gauge" if isinstance(peer, VehiclePeer):
                peer.vehicle.told_charge = float(asked["offset"])
            case _:
                raise ValueError(f"no fault '{asked['kind']}' for {peer.name}")
        self.log(peer.name, "fault", kind=asked["kind"])
        return {"done": True}


def _host_port(text: str) -> Address:
    host, _, port = text.rpartition(":")
    return host or "127.0.0.1", int(port)


async def _main(arguments: argparse.Namespace, layout: Layout) -> None:
    fleet = Fleet(layout, arguments.speed)
    await fleet.open()
    control: Address | None = None
    if arguments.control:
        server = await asyncio.start_server(fleet.serve, *_host_port(arguments.control), limit=1 << 20)
        control = server.sockets[0].getsockname()[:2]
    ready = {"ready": True, "control": control, "vehicles": len(fleet.vehicles), "docks": len(fleet.stations), "pid": os.getpid()}
    sys.stdout.write(json.dumps(ready) + "\n")
    sys.stdout.flush()
    await fleet.run(arguments.persist)


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m bowstreet.simulation.fleet", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--layout", required=True, help="JSON, as bowstreet.simulation.layout writes it")
    parser.add_argument("--speed", type=float, default=1.0, help="times real time")
    parser.add_argument("--control", metavar="HOST:PORT", help="TCP port for faults and ground truth; port 0 chooses one")
    parser.add_argument("--persist", action="store_true", help="outlive the parent, as real drones would")
    try:
        arguments = parser.parse_args()
        asyncio.run(_main(arguments, decode(Path(arguments.layout).read_bytes())))
    except KeyboardInterrupt:
        return 130
    except (BowstreetError, OSError) as error:
        sys.stderr.write(f"fleet: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
