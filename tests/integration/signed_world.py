"""Vehicles that sign: a real book of keys on a real store, a ground station with it, and a peer by pymavlink's `mavutil`."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from pymavlink import mavutil
from pymavlink.dialects.v20 import ardupilotmega as mavlink
from tests.integration.mavlink_world import GroundStation

from bowstreet.accountability import ledger
from bowstreet.accountability.keys import SoftwareMasterKey
from bowstreet.accountability.recorder import Recorder
from bowstreet.accountability.sealed import SealedStore
from bowstreet.accountability.vault import Vault
from bowstreet.accountability.vehicle_keys.service import VehicleKeys
from bowstreet.flight.mavlink_seals import Seals
from bowstreet.flight.model import DockConfig, VehicleConfig
from bowstreet.messages import VehicleKeyChanged
from bowstreet.runtime.bus import InlineBus
from bowstreet.runtime.clock import ScaledClock
from bowstreet.runtime.ids import RandomIds
from bowstreet.runtime.sqlite import SqliteStore

MASTER = SoftwareMasterKey(bytes(range(32)))


class Operation:
    """The part of one that has to do with keys. Opened twice on one folder, it was started again."""

    def __init__(self, folder: Path, clock: ScaledClock) -> None:
        self.folder, self.clock = folder, clock
        self.vault = Vault(folder / "keys.db", MASTER)
        self.store = SealedStore(SqliteStore(folder / "record.db"), self.vault)
        self.recorder = Recorder(self.store, InlineBus(), clock)
        self.keys = VehicleKeys(self.recorder, clock, RandomIds(clock), self.vault.destroy)

    async def changes(self, vehicle_id: str) -> list[str]:
        said = [ledger.message_of(row) async for row in self.store.log_rows()]
        return [one.change for one in said if isinstance(one, VehicleKeyChanged) and one.vehicle_id == vehicle_id]

    async def secret(self, vehicle_id: str) -> bytes:
        """The vehicle's first key, just made."""
        [issued] = await self.keys.make([vehicle_id], "acc-supervisor")
        return issued.secret


@asynccontextmanager
async def operation(folder: Path, clock: ScaledClock) -> AsyncIterator[Operation]:
    made = Operation(folder, clock)
    await made.recorder.open()
    await made.keys.load(made.store)
    try:
        yield made
    finally:
        await made.store.close()


@asynccontextmanager
async def station_of(
    made: Operation, vehicles: list[VehicleConfig], docks: list[DockConfig] | None = None
) -> AsyncIterator[GroundStation]:
    seals = Seals(made.clock, vehicles, made.keys, made.recorder)
    await seals.open(made.store)
    station = GroundStation(made.clock, vehicles, docks or [], seals)
    await station.link.start()
    try:
        yield station
    finally:
        await station.link.close()


class Independent:
    """A vehicle by `mavutil`: its own framing, signing and checking. What goes out is kept, as somebody listening would."""

    def __init__(self, port: int, secret: bytes | None, system_id: int = 1) -> None:
        self.link = mavutil.mavlink_connection(f"udpout:127.0.0.1:{port}", source_system=system_id, source_component=1)
        self.link.mav = mavlink.MAVLink(self.link, srcSystem=system_id, srcComponent=1)
        self.link.mav.robust_parsing = True
        self.link.first_byte = False  # mavutil would else put another in its place when it first hears MAVLink 2
        if secret is not None:
            self.link.setup_signing(secret, link_id=7)
        self.captured: list[bytes] = []
        send = self.link.write

        def kept(data: bytes) -> None:
            self.captured.append(bytes(data))
            send(data)

        self.link.write = kept

    def state(self, height_m: float, mav: Any = None) -> None:
        """Heartbeat, health and position."""
        for message in messages(height_m):
            (mav or self.link.mav).send(message)

    async def tells(self, station: GroundStation, height_m: float) -> None:
        """Says so, and hears what it is told, until the ground station believes it. Its clock stands still but for that."""

        def is_known() -> bool:
            return "d" in station.telemetry and station.telemetry["d"].height_m_above_dock == height_m

        for _ in range(100):
            self.link.recv_msg()
            self.state(height_m)
            await asyncio.sleep(0.02)
            if is_known():
                return
        raise AssertionError(("never believed", station.link.rejected))

    def raw(self, packet: bytes) -> None:
        """From the vehicle's own address and port, as who shares its network can."""
        self.link.port.sendto(packet, self.link.destination_addr)

    def heard(self, kind: str) -> list[Any]:
        """What it believes of what has come."""
        found = []
        while (message := self.link.recv_msg()) is not None:
            if message.get_type() == kind:
                found.append(message)
        return found

    def close(self) -> None:
        self.link.close()


class Attacker:
    """Somebody at the vehicle's own address without its key."""

    def __init__(self, vehicle: Independent, secret: bytes | None = None) -> None:
        self.vehicle = vehicle
        self.mav = mavlink.MAVLink(None, srcSystem=1, srcComponent=1)
        if secret is not None:
            self.mav.signing.secret_key, self.mav.signing.sign_outgoing = secret, True
            self.mav.signing.link_id, self.mav.signing.timestamp = 7, 2**48 - 2_000

    def say(self, *said: Any) -> None:
        for message in said:
            self.vehicle.raw(message.pack(self.mav))


def messages(height_m: float) -> list[Any]:
    return [
        mavlink.MAVLink_heartbeat_message(2, mavlink.MAV_AUTOPILOT_PX4, 1, 0, 4, 3),
        mavlink.MAVLink_sys_status_message(0, 0, mavlink.MAV_SYS_STATUS_PREARM_CHECK, 0, 0, 0, 80, 0, 0, 0, 0, 0, 0),
        mavlink.MAVLink_gps_raw_int_message(0, 3, 515_000_000, -1_000_000, 0, 0, 0, 0, 0, 9),
        mavlink.MAVLink_global_position_int_message(
            0, 515_000_000, -1_000_000, 35_000 + round(height_m * 1000), round(height_m * 1000), 0, 0, 0, 0
        ),
    ]
