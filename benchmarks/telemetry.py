"""300 vehicles at 10 Hz taken in over UDP, stored, sent to 20 consoles at 5 Hz: processor time of the server.

Three processes, as live: the simulated fleet, the server with every role, and the consoles here, which read all they are sent.
The figure is the server's own processor time over a window, in shares of a core, with every vehicle signing and with none.
Baseline: what reading the same packets with the library's own parser costs, and nothing else.
"""

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import msgspec
from pymavlink.dialects.v20 import ardupilotmega as mavlink
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol

from bowstreet.accountability.vehicle_keys.model import SigningKey, SigningKeys
from bowstreet.flight.mavlink_frames import Packer, Splitter
from bowstreet.flight.mavlink_signing import Seal, ticks
from bowstreet.operations import demo_city, demo_operation
from bowstreet.process import Process
from bowstreet.runtime import logs
from bowstreet.simulation.hardware import Hardware
from bowstreet.wiring import start

DRONES, HZ, CONSOLES, SETTLE_S, WINDOW_S = 300, 10.0, 20, 12.0, 20.0
PASSWORD = "three unrelated words"
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


async def serve(folder: Path, port: int, *, signed: bool) -> None:
    """The server process: the whole program, with positions asked for at 10 Hz and no calls."""
    logs.configure("error", "console")
    city = demo_city("london", DRONES)
    operation = demo_operation(city, calls=None, speed=1.0, seed=1, port=port)
    operation = msgspec.structs.replace(operation, position_hz=HZ, demand=None)
    from bowstreet.commands.up import DEMO_WIND

    hardware = Hardware(folder, city, 1.0, DEMO_WIND, 1, signed=signed, cameras=False)
    process = Process(operation, folder, hardware)
    await start(process)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    print(process.setup_token, flush=True)
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, lambda: print(process.flight.received["telemetry"], flush=True))
    await stop.wait()
    await process.stop()
    await hardware.stop()


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / CLOCK_TICKS


def _heard(server: subprocess.Popen[str]) -> int:
    """How many telemetry reports the server has taken in so far, by its own word."""
    assert server.stdout is not None
    server.send_signal(signal.SIGUSR1)
    return int(server.stdout.readline())


async def _watch(port: int, token: str, server: subprocess.Popen[str]) -> dict[str, Any]:
    pid = server.pid
    base = f"http://127.0.0.1:{port}"
    async with httpx.AsyncClient(base_url=base, headers={"Origin": base}, timeout=60.0) as client:
        made = await client.post("/api/v1/setup", json={"token": token, "name": "bench", "password": PASSWORD})
        made.raise_for_status()
        cookie = "; ".join(f"{key}={value}" for key, value in client.cookies.items())
    frames = [0] * CONSOLES
    sockets = [
        await connect(
            f"ws://127.0.0.1:{port}/api/v1/live", subprotocols=[Subprotocol("bowstreet.msgpack")], origin=Origin(base),
            additional_headers={"Cookie": cookie}, max_size=1 << 24,
        )
        for _ in range(CONSOLES)
    ]  # fmt: skip

    async def read(number: int, socket: ClientConnection) -> None:
        async for _ in socket:
            frames[number] += 1

    readers = [asyncio.create_task(read(number, socket)) for number, socket in enumerate(sockets)]
    await asyncio.sleep(SETTLE_S)
    first, seen, heard, began = _cpu_s(pid), list(frames), _heard(server), time.monotonic()
    await asyncio.sleep(WINDOW_S)
    took = time.monotonic() - began
    heard = _heard(server) - heard
    share = (_cpu_s(pid) - first) / took
    slowest = min(now - before for now, before in zip(frames, seen, strict=True)) / took
    for reader in readers:
        reader.cancel()
    for socket in sockets:
        await socket.close()
    return {
        "telemetry_taken_in_per_s": round(heard / took),
        "server_share_of_a_core": round(share, 3),
        "slowest_console_frames_per_s": round(slowest, 2),
    }


def _parse_alone() -> float:
    """Share of a core that the library's parser takes for the same packets: 13.3 a second and vehicle."""
    sender = mavlink.MAVLink(None, srcSystem=1, srcComponent=1)
    packets = []
    for number in range(2_000):
        message: Any = mavlink.MAVLink_global_position_int_message(
            number, 515_000_000, -1_000_000, 100_000, 80_000, 100, 100, 0, 9_000
        )
        packets.append(message.pack(sender))
        sender.seq = (sender.seq + 1) % 256
    reader = mavlink.MAVLink(None)
    began = time.process_time()
    for packet in packets:
        reader.parse_buffer(packet)
    return (time.process_time() - began) / len(packets) * DRONES * (HZ + 3.3)


def _measured(port: int, *, signed: bool) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        words = [sys.executable, "-m", "benchmarks.telemetry", folder, str(port), "signed" if signed else "unsigned"]
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as server:
            assert server.stdout is not None
            token = server.stdout.readline().strip()
            try:
                return asyncio.run(_watch(port, token, server))
            finally:
                server.send_signal(signal.SIGTERM)
                try:
                    server.wait(timeout=60)
                except subprocess.TimeoutExpired:
                    server.kill()


def _check_alone() -> float:
    """Microseconds to check one signed position and to take note of it."""
    packer, now = Packer(1, 1), datetime.now(UTC)
    message: Any = mavlink.MAVLink_global_position_int_message(0, 515_000_000, -1_000_000, 100_000, 80_000, 100, 100, 0, 9_000)
    key, first = SigningKey("bench", bytes(32)), ticks(now)
    frames = [Splitter().datagram(packer.pack(message, key.secret, first + number))[0] for number in range(1, 20_001)]
    seal = Seal(SigningKeys(current=key), first)
    began = time.process_time()
    for frame in frames:
        assert not seal.judge(frame, now).reason
        seal.note(frame)
    return (time.process_time() - began) / len(frames) * 1e6


def run() -> dict[str, Any]:
    """Figures for `make bench`. Those outside `signed` are of unsigned links, as they always were."""
    unsigned, signed = _measured(8_790, signed=False), _measured(8_791, signed=True)
    return {
        "vehicles": DRONES,
        "consoles": CONSOLES,
        **unsigned,
        "signed": signed,
        "signing_adds_share_of_a_core": round(signed["server_share_of_a_core"] - unsigned["server_share_of_a_core"], 3),
        "signature_check_us": round(_check_alone(), 2),
        "target_share_of_a_core": 1.0,
        "baseline_parse_alone_share_of_a_core": round(_parse_alone(), 3),
    }


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), int(sys.argv[2]), signed=sys.argv[3] == "signed"))
