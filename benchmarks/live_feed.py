"""The live feed to 20 consoles, 300 drones all moving, 5 frames a second: processor time of the serving process.

Baseline: what a first version would do, a message for each drone to each console, encoded for each (with the same encoder,
over the same server). Consoles run in this process and read all they are sent; the server is a process of its own, so its
time is its own.
"""

import asyncio
import math
import multiprocessing
import time
from datetime import datetime
from multiprocessing.connection import Connection
from typing import Any

import argon2
import msgspec
from fastapi import FastAPI
from starlette.websockets import WebSocket
from websockets.asyncio.client import ClientConnection, connect

from bowstreet.accountability.accounts import Accounts
from bowstreet.accountability.credentials import Passwords
from bowstreet.accountability.model import Role
from bowstreet.accountability.processing.service import Consultations
from bowstreet.accountability.recorder import Recorder
from bowstreet.console import live
from bowstreet.console.access import Access
from bowstreet.console.feed import TICK_S, Feed
from bowstreet.console.frames import Picture
from bowstreet.console.limits import Limits
from bowstreet.console.live import LiveFeed
from bowstreet.console.looking import Looking
from bowstreet.console.security import Edge
from bowstreet.console.server import Server
from bowstreet.console.settings import EdgeSettings
from bowstreet.console.views import DroneView, IncidentView, RunView
from bowstreet.runtime.bus import QueueBus
from bowstreet.runtime.clock import SystemClock
from bowstreet.runtime.ids import RandomIds
from bowstreet.runtime.memory import MemoryStore

DRONES, CONSOLES, WINDOW_S = 300, 20, 5.0
HZ = 1 / TICK_S
PASSWORD = "three unrelated words"


def fleet(at_s: float) -> list[DroneView]:
    """300 drones, each on its own circle."""
    return [
        DroneView(
            id=f"d{number:03}",
            dock_id=f"k{number % 72:02}",
            airframe="patrol",
            system_id=number % 254 + 1,
            lat=round(51.5 + 0.05 * math.sin(at_s / 60 + number), 6),
            lon=round(-0.1 + 0.08 * math.cos(at_s / 60 + number), 6),
            heading_deg=round((at_s * 6 + number) % 360, 1),
            ground_speed_mps=15.0,
            height_m_above_dock=90.0,
            charge_fraction=round(1 - (at_s / 1800 + number / 300) % 1, 3),
            status="busy",
            phase="outbound",
            reason="",
            mission_id=f"mis-{number}",
        )
        for number in range(DRONES)
    ]


async def _broadcast_app(clock: SystemClock, settings: EdgeSettings, sights: int = 0) -> tuple[Any, Any, list[str]]:
    """The real feed behind the real edge, with real sessions: one that sees everything, or so many of a borough each. With those
    an incident changes in each frame, so that no two sights may share one."""
    store, bus = MemoryStore(), QueueBus()
    recorder = Recorder(store, bus, clock)
    cheap = Passwords(argon2.PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
    accounts = Accounts(recorder, clock, RandomIds(clock), passwords=cheap)
    await accounts.load(store)
    token = await accounts.new_setup_token()
    assert token is not None
    opened = await accounts.set_up(token, "Bench", PASSWORD, "127.0.0.1")
    tokens = [opened.token]
    for number in range(sights):
        name = f"Bench {number}"
        await accounts.create(opened.identity, name, Role.VIEWER, PASSWORD, (f"borough-{number}",))
        tokens.append((await accounts.sign_in(name, PASSWORD, "127.0.0.1")).token)
    access = Access(accounts, clock, settings, lambda _: None)
    picture = Picture(RunView(demo="bench", speed=1.0, version="0", operator="bench", demand_note=""), clock.now())

    def gather() -> None:
        picture.put_drones(fleet(clock.monotonic_s()))
        if sights:
            number = picture.seq % (2 * sights)
            picture.put_incident(_incident(number, picture.seq, clock.now()), f"borough-{number % sights}")

    feed = Feed(picture, gather, clock)

    looking = Looking(Consultations(recorder, clock, clock), clock)

    async def heartbeat(account_id: str) -> None: ...

    api = FastAPI(openapi_url=None)
    api.include_router(live.router(LiveFeed(feed, access, heartbeat, clock, settings.limits, looking)))
    return Edge(api, settings=settings, clock=clock, denied=access.denied), feed.run, tokens[1:] or tokens


def _incident(number: int, reports: int, at: datetime) -> IncidentView:
    return IncidentView(
        id=f"inc-{number}", grade="I", category="robbery", lat=51.5, lon=-0.1, reported_at=at, opened_at=at, state="open",
        close_reason=None, reports=reports, mission_ids=(), eyes_on_at=None, closed_at=None, waiting_reason="x" * 200,
    )  # fmt: skip


async def _naive_app(clock: SystemClock, settings: EdgeSettings) -> tuple[Any, Any, list[str]]:
    """A message for each drone to each console."""
    api = FastAPI(openapi_url=None)
    sockets: list[WebSocket] = []

    async def serve(socket: WebSocket) -> None:
        await socket.accept()
        sockets.append(socket)
        await socket.receive()

    async def run() -> None:
        due = clock.monotonic_s()
        while True:
            drones = fleet(clock.monotonic_s())
            await asyncio.gather(*(_send_each(socket, drones) for socket in sockets), return_exceptions=True)
            due = max(due + TICK_S, clock.monotonic_s())
            await asyncio.sleep(due - clock.monotonic_s())

    api.add_api_websocket_route("/live", serve)
    return api, run, [""]


async def _send_each(socket: WebSocket, drones: list[DroneView]) -> None:
    for drone in drones:
        await socket.send({"type": "websocket.send", "text": msgspec.json.encode(drone).decode()})


def _serve(kind: str, pipe: Connection) -> None:
    asyncio.run(_serving(kind, pipe))


async def _serving(kind: str, pipe: Connection) -> None:
    clock, settings = SystemClock(), EdgeSettings(port=0, limits=Limits(live_connections_by_account=CONSOLES))
    sights = int(kind) if kind.isdecimal() else 0
    app, run, tokens = await (_naive_app(clock, settings) if kind == "naive" else _broadcast_app(clock, settings, sights))
    server = Server(app, settings)
    await server.start()
    running = asyncio.create_task(run())
    pipe.send((server.port, tokens))
    loop = asyncio.get_running_loop()
    await loop.run_in_executor(None, pipe.recv)  # the consoles are connected
    began = time.process_time()
    await loop.run_in_executor(None, pipe.recv)  # the window is over
    pipe.send(time.process_time() - began)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await server.stop()


class _Console:
    """Reads everything, and counts it."""

    def __init__(self) -> None:
        self.messages = 0
        self.bytes = 0

    async def read(self, socket: ClientConnection) -> None:
        async for message in socket:
            self.messages += 1
            self.bytes += len(message)


async def _measure(kind: str, pipe: Connection, protocol: str | None) -> dict[str, float]:
    port, tokens = pipe.recv()
    address = f"ws://127.0.0.1:{port}/live"
    cookies = [{"Cookie": f"{EdgeSettings().cookie}={tokens[number % len(tokens)]}"} for number in range(CONSOLES)]
    consoles = [_Console() for _ in range(CONSOLES)]
    sockets = [
        await connect(address, additional_headers=cookie, subprotocols=[protocol] if protocol else None, compression=None)  # type: ignore[list-item]
        for cookie in cookies
    ]
    readers = [asyncio.create_task(one.read(socket)) for one, socket in zip(consoles, sockets, strict=True)]
    await asyncio.sleep(1.0)  # past the snapshots
    before, began = [(one.messages, one.bytes) for one in consoles], time.perf_counter()
    pipe.send("begin")
    await asyncio.sleep(WINDOW_S)
    pipe.send("end")
    wall_s = time.perf_counter() - began
    cpu_s = pipe.recv()
    messages = [one.messages - was[0] for one, was in zip(consoles, before, strict=True)]
    sent = sum(one.bytes for one in consoles) - sum(was[1] for was in before)
    for reader in readers:
        reader.cancel()
    await asyncio.gather(*readers, *(socket.close() for socket in sockets), return_exceptions=True)
    each = DRONES if kind == "naive" else 1
    return {
        "server_core_share": cpu_s / wall_s,
        "frames_per_s_slowest_console": min(messages) / each / wall_s,
        "kilobytes_per_frame": sent / max(1, sum(messages)) * each / 1000,
    }


def _one(kind: str, protocol: str | None) -> dict[str, float]:
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe()
    process = spawn.Process(target=_serve, args=(kind, theirs), daemon=True)
    process.start()
    theirs.close()  # so that a server that dies is an end of file here, not a wait
    try:
        return asyncio.run(_measure(kind, ours, protocol))
    finally:
        process.join(10)
        process.kill()


def run() -> dict[str, Any]:
    """Server processor time as a share of one core, frames a second at the slowest console, size of a frame."""
    results: dict[str, Any] = {"drones": DRONES, "consoles": CONSOLES, "wanted_hz": HZ}
    results["msgpack"] = _one("broadcast", "bowstreet.msgpack")
    results["json"] = _one("broadcast", "bowstreet.json")
    # Consoles of one borough each, in the worst case: 10 sights for 20 consoles, and 20.
    results["sights_10_msgpack"] = _one("10", "bowstreet.msgpack")
    results["sights_20_msgpack"] = _one("20", "bowstreet.msgpack")
    results["sights_20_json"] = _one("20", "bowstreet.json")
    results["baseline_message_per_drone"] = _one("naive", None)
    # The baseline may fall behind: compare what a delivered frame costs.
    best, naive = results["msgpack"], results["baseline_message_per_drone"]
    results["cost_per_frame_ratio"] = (naive["server_core_share"] / max(naive["frames_per_s_slowest_console"], 1e-9)) / (
        best["server_core_share"] / best["frames_per_s_slowest_console"]
    )
    return results


if __name__ == "__main__":
    import json

    print(json.dumps(run(), indent=2))
