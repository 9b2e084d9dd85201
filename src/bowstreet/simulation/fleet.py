"""The simulated fleet: a program of its own. Each drone and each dock is a MAVLink peer on its own UDP port on loopback.

    python -m bowstreet.simulation.fleet --layout layout.json --speed 5 --control 127.0.0.1:14500

A peer answers whoever talks to its port: a ground station, or a watcher with MAVProxy or pymavlink. `--ground-station` names one
that is told without having asked. `--control` opens a TCP port that takes a JSON object a line: {"op": "status"},
{"op": "log", "since": 0}, {"op": "stop"}, {"op": "fault", "target": "drone-001", "kind": "link", "seconds": 10} (see
`simulation.faults`), {"op": "wind", "speed_mps": 8, "from_deg": 240}, {"op": "key", "target": "drone-001", "secret": "…hex"}.

It prints one JSON line when it is ready. It ends with its parent, unless `--persist`: then it goes on, as real drones would,
until all have landed and no ground station has been heard for two minutes.
"""

import argparse
import asyncio
import json
import math
import os
import random
import sys
from pathlib import Path
from typing import Any

import numpy as np

from bowstreet.errors import BadInput, BowstreetError
from bowstreet.flight.model import Wind
from bowstreet.geo import wgs84_arrays
from bowstreet.runtime.clock import ScaledClock, SystemClock
from bowstreet.simulation import faults
from bowstreet.simulation.camera_feed import CameraFeed
from bowstreet.simulation.layout import Layout, decode
from bowstreet.simulation.machines import Drone, Station
from bowstreet.simulation.peers import Address, Air, Peer
from bowstreet.simulation.vehicle import Bodies

# Real seconds between steps; a step covers `speed` times as much, cut into pieces that the kinematics bear.
TICK_S = 0.02
MOST_STEP_S = 0.1
# A machine that was suspended does not bring an hour of flight in one step.
MOST_CATCH_UP_S = 60.0
ORPHANED_REAL_S = 120.0
HOUSEKEEPING_REAL_S = 1.0
# Until an estimator has its position. Docks keep their drones switched on: a real one needs 40 s from cold.
BOOT_S = 3.0
# Gusts wander about this part of the wind, and it backs and veers by so much, in some minutes.
GUSTINESS, VEER_DEG, WANDER_S = 0.15, 10.0, 600.0


class Fleet:
    """All peers, one clock, one wind."""

    def __init__(self, layout: Layout, speed: float, *, seed: int | None = None, boot_s: float = BOOT_S) -> None:
        self.clock, self.real = ScaledClock(speed), SystemClock()
        self.now_s = 0.0
        self.base_wind = self.wind = layout.wind
        self.events: list[dict[str, Any]] = []
        self.stopping = asyncio.Event()
        self.writers: set[asyncio.StreamWriter] = set()
        self._undo: list[tuple[float, str, faults.Undo]] = []
        dice = random.Random(layout.seed if seed is None else seed)  # noqa: S311 - a simulation's dice
        self.bodies = Bodies(
            [vehicle.airframe for vehicle in layout.vehicles], [vehicle.charge_fraction for vehicle in layout.vehicles]
        )
        self.stations = [
            Station(one, self.clock, self.real, Air(self.clock, dice), self.log, lambda: self.wind) for one in layout.docks
        ]
        docks = {station.name: station.dock for station in self.stations}
        self.drones = [
            Drone(number, one, docks[one.dock_id], self.bodies, self.clock, self.real, Air(self.clock, dice), self.log, boot_s)
            for number, one in enumerate(layout.vehicles)
        ]
        self.cameras = CameraFeed(layout, self.drones, speed, self.real)
        self._docks = list(docks.values())
        self._points = np.array([(dock.at.easting_m, dock.at.northing_m) for dock in self._docks])
        self.peers: dict[str, Peer] = {peer.name: peer for peer in (*self.stations, *self.drones)}

    def log(self, name: str, event: str, **more: Any) -> None:
        """Ground truth, for tests and figures: what really happened, by simulated time."""
        self.events.append({"at_s": round(self.clock.monotonic_s(), 3), "name": name, "event": event, **more})

    def open(self, host: str, ground_station: Address | None) -> None:
        """Raises `BadInput` for a port that is taken."""
        for peer in self.peers.values():
            try:
                peer.open(host)
            except OSError as error:
                what = f"UDP port {peer.port} of {peer.name} cannot be opened ({error.strerror})"
                raise BadInput(what, remedy="end the other fleet, or write a layout with other ports") from error
            if ground_station is not None:
                peer.listen_to(ground_station)

    async def close(self) -> None:
        await self.cameras.close()
        for peer in self.peers.values():
            peer.close()
        for writer in list(self.writers):
            writer.close()
        await asyncio.sleep(0.0)

    async def run(self, *, persist: bool) -> None:
        """Until it is told to stop, its parent is gone, or nobody needs it any more."""
        parent, tidied_s = os.getppid(), 0.0
        began_s = self.real.monotonic_s()
        while not self.stopping.is_set():
            self.tick()
            real_s = self.real.monotonic_s()
            if real_s - tidied_s >= HOUSEKEEPING_REAL_S:
                tidied_s = real_s
                for peer in self.peers.values():
                    peer.forget_silent(self.now_s)
                if self._orphaned(real_s, began_s) if persist else os.getppid() != parent:
                    return
            # In step with the clock, so that what is due ten times a second is not always just missed.
            await self.real.sleep(TICK_S - (self.real.monotonic_s() - began_s) % TICK_S)

    def _orphaned(self, real_s: float, began_s: float) -> bool:
        heard_s = max((drone.ground_station_real_s or began_s for drone in self.drones), default=began_s)
        return real_s - heard_s > ORPHANED_REAL_S and not self.bodies.flying.any()

    # --- time -----------------------------------------------------------------------------------------------------------

    def tick(self) -> None:
        """Catch up with the clock, and say what is due."""
        now_s = self.clock.monotonic_s()
        passed_s = min(now_s - self.now_s, MOST_CATCH_UP_S)
        pieces = max(1, math.ceil(passed_s / MOST_STEP_S))
        for piece in range(1, pieces + 1):
            self._step(passed_s / pieces, now_s - passed_s * (1.0 - piece / pieces))
        self.now_s = now_s
        latitude, longitude = wgs84_arrays(self.bodies.east_m, self.bodies.north_m)
        for drone, told_deg in zip(self.drones, zip(latitude.tolist(), longitude.tolist(), strict=True), strict=True):
            drone.told_deg = told_deg
            drone.speak(now_s)
        for station in self.stations:
            station.speak(now_s)
        self.cameras.tell(now_s)

    def _step(self, dt_s: float, now_s: float) -> None:
        self._blow(now_s)
        self._end_faults(now_s)
        if dt_s > 0.0:
            self.bodies.step(dt_s, self.wind)
        homing: list[Drone] = []
        for drone in self.drones:
            drone.autopilot.think(now_s)
            if drone.autopilot.flying:
                drone.look_down(self._docks, self._points)
                if drone.comes_home:
                    homing.append(drone)
        for station in self.stations:
            station.step(now_s, homing)

    def _blow(self, now_s: float) -> None:
        base, phase = self.base_wind, now_s / WANDER_S * math.tau
        speed = base.speed_mps * (1.0 + GUSTINESS * math.sin(2.1 * phase))
        from_deg = (base.from_deg + VEER_DEG * math.sin(phase)) % 360.0
        self.wind = Wind(speed_mps=speed, from_deg=from_deg, gust_mps=max(base.gust_mps, speed))

    # --- control --------------------------------------------------------------------------------------------------------

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One control connection."""
        self.writers.add(writer)
        try:
            while line := await reader.readline():
                writer.write(json.dumps(self._answer(line)).encode() + b"\n")
                await writer.drain()
        except (ConnectionError, ValueError):
            pass  # gone, or a line without end
        finally:
            self.writers.discard(writer)
            writer.close()

    def _answer(self, line: bytes) -> dict[str, Any]:
        try:
            asked = json.loads(line)
            if not isinstance(asked, dict):
                raise BadInput("a request is a JSON object", remedy='such as {"op": "status"}')
            return self.control(asked)
        except (ValueError, TypeError, RecursionError, BowstreetError) as error:
            return {"error": str(error)}

    def control(self, asked: dict[str, Any]) -> dict[str, Any]:
        """One request. Raises `BadInput` for what is none."""
        match asked.get("op"):
            case "status":
                return {
                    "now_s": self.now_s,
                    "vehicles": [self._drone_status(one) for one in self.drones],
                    "docks": [self._dock_status(one) for one in self.stations],
                    "wind": {"speed_mps": self.wind.speed_mps, "from_deg": self.wind.from_deg, "gust_mps": self.wind.gust_mps},
                }
            case "log":
                since = int(asked.get("since", 0))
                return {"events": self.events[max(0, since) :], "next": len(self.events)}
            case "fault":
                return self._fault(asked)
            case "wind":
                self.base_wind = faults.wind(self.base_wind, asked)
                return {"done": True}
            case "key":
                return self._key(asked)
            case "stop":
                self.stopping.set()
                return {"stopping": True}
        raise BadInput(f"there is no op '{asked.get('op')}'", remedy="use status, log, fault, wind, key or stop")

    def _fault(self, asked: dict[str, Any]) -> dict[str, Any]:
        name, kind = str(asked.get("target")), str(asked.get("kind"))
        if name not in self.peers:
            raise BadInput(f"there is no peer '{name}'", remedy="use the id of a vehicle or dock")
        undo = faults.begin(self.peers[name], kind, asked)
        self.log(name, "fault", kind=kind)
        seconds = asked.get("seconds")
        if isinstance(seconds, int | float) and not isinstance(seconds, bool):
            self._undo.append((self.clock.monotonic_s() + seconds, f"{name} {kind}", undo))
        return {"done": True}

    def _key(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Load a signing key into a vehicle, as over its cable: `secret` in hex, "" for none."""
        name = str(asked.get("target"))
        if name not in self.peers:
            raise BadInput(f"there is no peer '{name}'", remedy="use the id of a vehicle")
        secret = bytes.fromhex(str(asked.get("secret", "")))
        if len(secret) not in (0, 32):
            raise BadInput("a signing key has 32 bytes", remedy="give them in hex")
        self.peers[name].take_key(secret)
        return {"done": True}

    def _end_faults(self, now_s: float) -> None:
        for entry in [one for one in self._undo if now_s >= one[0]]:
            self._undo.remove(entry)
            entry[2]()
            name, _, kind = entry[1].partition(" ")
            self.log(name, "fault over", kind=kind)

    def _drone_status(self, drone: Drone) -> dict[str, Any]:
        one, bodies = drone.one, self.bodies
        return {
            "vehicle_id": drone.name,
            "landed": not bool(bodies.flying[one]),
            "armed": bool(bodies.armed[one]),
            "charge": round(float(bodies.charge[one]), 4),
            "dock": drone.dock.layout.dock_id if drone.dock is not None else None,
            "pad": drone.pad,
            "exhausted": bool(bodies.failed[one] and bodies.charge[one] <= 0.0),
            "mode": drone.autopilot.mode,
            "latitude_deg": drone.told_deg[0],
            "longitude_deg": drone.told_deg[1],
            "height_m": round(float(bodies.height_m_amsl[one]) - drone.autopilot.home_m_amsl, 2),
            "ground_speed_mps": round(math.hypot(bodies.v_east[one], bodies.v_north[one]), 2),
        }

    def _dock_status(self, station: Station) -> dict[str, Any]:
        return {"dock_id": station.name, "lid": station.dock.lid, "pads": station.dock.pads}


def _host_port(text: str) -> Address:
    host, _, port = text.rpartition(":")
    if not port.isdecimal() or int(port) > 65_535:
        raise BadInput(f"'{text}' is no address", remedy="use HOST:PORT")
    return host or "127.0.0.1", int(port)


async def _main(arguments: argparse.Namespace, layout: Layout) -> None:
    fleet = Fleet(layout, arguments.speed, seed=arguments.seed, boot_s=arguments.boot_seconds)
    fleet.open(arguments.host, _host_port(arguments.ground_station) if arguments.ground_station else None)
    await fleet.cameras.start()
    control: Address | None = None
    if arguments.control:
        server = await asyncio.start_server(fleet.serve, *_host_port(arguments.control), limit=1 << 20)
        control = server.sockets[0].getsockname()[:2]
    ready = {
        "ready": True, "control": control, "vehicles": len(fleet.drones), "docks": len(fleet.stations), "pid": os.getpid(),
        "ports": {name: peer.port for name, peer in fleet.peers.items()},
    }  # fmt: skip
    sys.stdout.write(json.dumps(ready) + "\n")
    sys.stdout.flush()
    try:
        await fleet.run(persist=arguments.persist)
    finally:
        await fleet.close()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bowstreet.simulation.fleet", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--layout", required=True, metavar="FILE", help="JSON, as bowstreet.simulation.layout writes it")
    parser.add_argument("--speed", type=float, default=1.0, metavar="X", help="times real time")
    parser.add_argument("--seed", type=int, metavar="N", help="of what is left to chance (default: the layout's)")
    parser.add_argument("--host", default="127.0.0.1", help="where the peers' ports are opened")
    parser.add_argument("--ground-station", metavar="HOST:PORT", help="is told from the beginning, without having asked")
    parser.add_argument("--control", metavar="HOST:PORT", help="TCP port for faults and ground truth; port 0 chooses one")
    parser.add_argument("--boot-seconds", type=float, default=BOOT_S, metavar="S", help="until estimators have their position")
    parser.add_argument("--persist", action="store_true", help="outlive the parent, as real drones would")
    return parser


def main() -> int:
    arguments = _parser().parse_args()
    try:
        if not arguments.speed > 0.0:
            raise BadInput("a speed is above zero", remedy="use --speed 1 or more")
        asyncio.run(_main(arguments, decode(Path(arguments.layout).read_bytes())))
    except KeyboardInterrupt:
        return 130
    except (BowstreetError, OSError) as error:
        sys.stderr.write(f"fleet: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
