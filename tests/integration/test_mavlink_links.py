"""Links: what comes from the wrong address, what is no packet at all, shared ports, TCP, and other programs that watch or fly."""

import asyncio
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from pymavlink.dialects.v20 import ardupilotmega as mavlink
from tests.integration.mavlink_world import GroundStation, city, fleet, free_ports, ground_station

from bowstreet.errors import BadInput, MalformedConfiguration
from bowstreet.flight.mavlink_hub import parse_link
from bowstreet.flight.model import Arm, ConfirmFailsafes, PointGimbal, TakeOff, VehicleConfig
from bowstreet.flight.ports import Outcome
from bowstreet.runtime.clock import ScaledClock

SPEED = 10.0


def config(name: str, link: str, system_id: int) -> VehicleConfig:
    return VehicleConfig(vehicle_id=name, link=link, system_id=system_id, airframe="patrol quadcopter", home_dock_id="dock-0")


class Talker:
    """A vehicle of a few lines: a socket that says what it is told to, to a ground station's port."""

    def __init__(self, port: int, system_id: int) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.connect(("127.0.0.1", port))
        self.mav = mavlink.MAVLink(None, srcSystem=system_id, srcComponent=1)

    def say(self, *messages: Any) -> None:
        for message in messages:
            self.socket.send(message.pack(self.mav))
            self.mav.seq = (self.mav.seq + 1) % 256

    def state(self, height_m: float = 0.0) -> None:
        self.say(
            mavlink.MAVLink_heartbeat_message(2, mavlink.MAV_AUTOPILOT_PX4, 1, 0, 4, 3),
            mavlink.MAVLink_sys_status_message(0, 0, mavlink.MAV_SYS_STATUS_PREARM_CHECK, 0, 0, 0, 80, 0, 0, 0, 0, 0, 0),
            mavlink.MAVLink_gps_raw_int_message(0, 3, 515_000_000, -1_000_000, 0, 0, 0, 0, 0, 9),
            mavlink.MAVLink_global_position_int_message(
                0, 515_000_000, -1_000_000, 35_000 + round(height_m * 1000), round(height_m * 1000), 0, 0, 0, 0
            ),
        )

    def close(self) -> None:
        self.socket.close()


@asynccontextmanager
async def listening(*system_ids: int, speed: float = SPEED) -> AsyncIterator[tuple[GroundStation, int]]:
    """A ground station on one `udpin` port for all of these systems."""
    (port,) = free_ports(1)
    station = GroundStation(
        ScaledClock(speed), [config(f"drone-{one}", f"udpin:127.0.0.1:{port}", one) for one in system_ids], []
    )
    await station.link.start()
    try:
        yield station, port
    finally:
        await station.link.close()


async def test_vehicles_share_a_port_by_system_id() -> None:
    async with listening(1, 2) as (station, port):
        one, two = Talker(port, 1), Talker(port, 2)
        one.state(10.0)
        two.state(20.0)
        await station.until(lambda: len(station.telemetry) == 2, 10.0)
        assert [station.telemetry[f"drone-{n}"].height_m_above_dock for n in (1, 2)] == [10.0, 20.0]
        one.close()
        two.close()


async def test_malformed_packets_disturb_nothing_else() -> None:
    async with listening(1, 2) as (station, port):
        good, bad = Talker(port, 1), Talker(port, 2)
        good.state(10.0)
        bad.state(20.0)
        await station.until(lambda: len(station.telemetry) == 2, 10.0)
        whole = mavlink.MAVLink_heartbeat_message(2, 12, 1, 0, 4, 3).pack(bad.mav)
        for number in range(50):
            bad.socket.send(b"GET / HTTP/1.1\r\n\r\n")
            bad.socket.send(whole[:-1] + bytes([whole[-1] ^ 0xFF]))
            bad.socket.send(whole[: 5 + number % 8])
            bad.socket.send(b"\xfd\x09\x80" + whole[3:])
            bad.socket.send(b"")
            bad.say(mavlink.MAVLink_global_position_int_message(0, 2_000_000_000, 0, 0, 0, 0, 0, 0, 0))
            good.state(10.0 + number)
        await station.until(lambda: station.telemetry["drone-1"].height_m_above_dock == 59.0, 10.0, "the good one is heard")
        assert station.telemetry["drone-2"].height_m_above_dock == 20.0
        link = f"udpin:127.0.0.1:{port}"
        reasons = {reason for where, reason in station.link.rejected if where == link}
        assert {"bad-checksum", "not-mavlink", "out-of-range"} <= reasons
        bad.state(33.0)
        await station.until(lambda: station.telemetry["drone-2"].height_m_above_dock == 33.0, 10.0, "and so is the other, again")
        began_s = station.clock.monotonic_s()
        await station.until(lambda: sum(one.count for one in station.bus.rejected()) >= 100, 20.0, "told")
        assert len(station.bus.rejected()) <= station.clock.monotonic_s() - began_s + 8.0, "at most one a second"
        good.close()
        bad.close()


async def test_strangers_are_counted_and_ignored() -> None:
    async with listening(1) as (station, port):
        known, stranger = Talker(port, 1), Talker(port, 77)
        known.state(10.0)
        stranger.state(99.0)
        await station.until(lambda: station.link.rejected[f"udpin:127.0.0.1:{port}", "unknown-system"] >= 4, 10.0)
        assert list(station.telemetry) == ["drone-1"]
        known.close()
        stranger.close()


async def test_a_system_id_is_not_taken_over_while_its_owner_speaks() -> None:
    # Not as fast as the others: at ten times the speed a busy machine's pause of a second would be the owner's silence of ten.
    async with listening(1, speed=4.0) as (station, port):
        owner, thief = Talker(port, 1), Talker(port, 1)
        owner.state(10.0)
        await station.until(lambda: "drone-1" in station.telemetry, 10.0)
        for _ in range(5):
            thief.state(500.0)
            owner.state(11.0)
            await station.clock.sleep(1.0)
        assert station.telemetry["drone-1"].height_m_above_dock == 11.0
        assert station.link.rejected[f"udpin:127.0.0.1:{port}", "another-address"] >= 5
        # A vehicle that was silent may come back from elsewhere, as radios and networks do.
        await station.clock.sleep(12.0)
        thief.state(12.0)
        await station.until(lambda: station.telemetry["drone-1"].height_m_above_dock == 12.0, 10.0)
        owner.close()
        thief.close()


async def test_two_vehicles_of_one_system_id_at_two_addresses(tmp_path: Path) -> None:
    layout = city(["ardupilot", "px4"], system_ids=[7, 7])
    async with fleet(layout, tmp_path, SPEED) as program, ground_station(layout, SPEED) as station:
        await station.ready("drone-0")
        await station.ready("drone-1")
        await station.accepted("drone-1", Arm())
        await station.until(lambda: station.telemetry["drone-1"].armed, 10.0)
        assert not station.telemetry["drone-0"].armed
        assert not await program.events("drone-0", "arm")


async def test_what_comes_to_our_port_unasked_is_counted(tmp_path: Path) -> None:
    layout = city(["px4"])
    async with fleet(layout, tmp_path, SPEED), ground_station(layout, SPEED) as station:
        await station.ready("drone-0")
        (out,) = station.link._hub._sockets
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.sendto(b"\xfd" * 100, ("127.0.0.1", out.getsockname()[1]))
        await station.until(lambda: station.link.rejected["udpout", "unknown-address"] == 1, 5.0)


class Bridge:
    """TCP to one UDP peer: a serial server, as real vehicles hang on."""

    def __init__(self, peer: tuple[str, int]) -> None:
        self.peer, self.served = peer, 0
        self.writers: list[asyncio.StreamWriter] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.served += 1
        self.writers.append(writer)
        loop = asyncio.get_running_loop()
        out: list[bytes] = []

        class Down(asyncio.DatagramProtocol):
            def datagram_received(self, data: bytes, addr: Any) -> None:
                # Cut and joined at will, as TCP does.
                out.append(data)
                joined = b"".join(out)
                if len(joined) > 100:
                    out.clear()
                    for start in range(0, len(joined), 37):
                        writer.write(joined[start : start + 37])

        up, _ = await loop.create_datagram_endpoint(Down, remote_addr=self.peer)
        try:
            while data := await reader.read(4096):
                up.sendto(data)
        except ConnectionError:
            pass
        finally:
            up.close()
            writer.close()


async def test_tcp_comes_back_after_a_break(tmp_path: Path) -> None:
    layout = city(["px4"])
    bridge = Bridge(("127.0.0.1", layout.vehicles[0].port))
    server = await asyncio.start_server(bridge.serve, "127.0.0.1", 0)
    link = f"tcp:127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with (
        fleet(layout, tmp_path, SPEED) as program,
        ground_station(layout, SPEED, vehicles=[config("drone-0", link, 1)], docks=[]) as station,
    ):
        await station.ready("drone-0")
        await station.accepted("drone-0", ConfirmFailsafes())
        bridge.writers[0].close()
        await station.until(lambda: bridge.served == 2, 30.0, "connected again")
        before = len(station.history)
        await station.until(lambda: len(station.history) > before + 5, 30.0, "heard again")
        await station.accepted("drone-0", PointGimbal(pitch_deg=-20.0))
        assert [one["command"] for one in await program.events("drone-0", "command")][-1] == 1000
        assert not station.link.rejected
    server.close()
    await server.wait_closed()


async def test_a_tcp_peer_that_is_away_is_tried_again(tmp_path: Path) -> None:
    layout = city(["ardupilot"])
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    async with ground_station(layout, SPEED, vehicles=[config("drone-0", f"tcp:127.0.0.1:{port}", 1)], docks=[]) as station:
        assert (await station.send("drone-0", Arm())).outcome is Outcome.TIMED_OUT
        bridge = Bridge(("127.0.0.1", layout.vehicles[0].port))
        server = await asyncio.start_server(bridge.serve, "127.0.0.1", port)
        async with fleet(layout, tmp_path, SPEED):
            await station.ready("drone-0")
        server.close()


@pytest.mark.parametrize(
    "text", ["", "udp:1.2.3.4:5", "udpin:127.0.0.1", "udpout::14550", "tcp:host:0", "tcp:host:70000", "udpin:h:１"]
)
def test_what_is_no_link(text: str) -> None:
    with pytest.raises(MalformedConfiguration) as caught:
        parse_link(text)
    assert "udpin:HOST:PORT" in caught.value.remedy


async def test_links_that_cannot_be_opened() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        station = GroundStation(ScaledClock(SPEED), [config("drone-0", f"udpin:127.0.0.1:{port}", 1)], [])
        with pytest.raises(BadInput, match="cannot be opened"):
            await station.link.start()
        await station.link.close()
    twice = [config("drone-0", "udpout:127.0.0.1:9", 1), config("drone-1", "udpout:localhost:9", 2)]
    station = GroundStation(ScaledClock(SPEED), twice, [])
    with pytest.raises(BadInput, match="one address"):
        await station.link.start()
    await station.link.close()


async def test_our_watcher_watches_and_is_no_ground_station(tmp_path: Path) -> None:
    layout = city(["ardupilot"])
    async with fleet(layout, tmp_path, SPEED) as program:
        async with ground_station(layout, SPEED) as station:
            await station.ready("drone-0")
            await station.open_dock("dock-0")
            await station.accepted("drone-0", ConfirmFailsafes())
            await station.accepted("drone-0", Arm())
            await station.accepted("drone-0", TakeOff(height_m_above_dock=15.0))
            # It is heard before the ground station is gone: the failsafe comes two seconds after that, and is told once.
            watcher = await asyncio.create_subprocess_exec(
                sys.executable, "-u", "-m", "bowstreet.simulation.watch", f"udpout:127.0.0.1:{layout.vehicles[0].port}",
                "--for", "8", stdout=asyncio.subprocess.PIPE,
            )  # fmt: skip
            assert watcher.stdout is not None
            said = (await asyncio.wait_for(watcher.stdout.readline(), 60)).decode()
        said += (await watcher.communicate())[0].decode()
        assert watcher.returncode == 0
        assert "HEARTBEAT GUIDED armed" in said
        assert "POSITION 51.53" in said
        assert "m above home" in said
        # Thirty seconds of the simulation's clock with a watcher and no ground station: its failsafe has acted all the same.
        assert "GCS Failsafe" in said
        assert await program.events("drone-0", "failsafe")


async def test_a_watcher_of_nothing_says_so() -> None:
    (port,) = free_ports(1)
    watcher = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bowstreet.simulation.watch",
        f"udpout:127.0.0.1:{port}",
        "--for",
        "1",
        stderr=asyncio.subprocess.PIPE,
    )
    said = (await watcher.communicate())[1].decode()
    assert watcher.returncode == 1
    assert "nothing was heard" in said
