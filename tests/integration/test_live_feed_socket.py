"""The live feed over a real socket: who may look, what comes, what a slow or rude console meets."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.integration.console_city import City, call, city, telemetry
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from bowstreet.accountability.model import Role
from bowstreet.console import live
from bowstreet.console.limits import Limits, Rate
from bowstreet.console.server import Server
from bowstreet.console.settings import EdgeSettings
from bowstreet.geo import Position
from bowstreet.messages import AccessDenied
from bowstreet.runtime.bus import QueueBus
from bowstreet.runtime.sqlite import SqliteStore


class Live:
    """A city that is served over a real socket. Frames turn when a test says so."""

    def __init__(self, town: City, server: Server) -> None:
        self.town = town
        self.port = server.port

    async def cookie(self, role: str) -> str:
        async with self.town.signed_in(role) as client:
            return f"bowstreet={client.cookies['bowstreet']}"

    @asynccontextmanager
    async def open(self, cookie: str = "", *, protocol: str | None = None, **headers: str) -> AsyncIterator[ClientConnection]:
        said = {"Cookie": cookie, **headers} if cookie else headers
        protocols: Any = [protocol] if protocol else None
        address = f"ws://127.0.0.1:{self.port}/api/v1/live"
        async with connect(address, additional_headers=said, subprotocols=protocols, compression=None) as socket:
            yield socket


@asynccontextmanager
async def served(limits: Limits | None = None) -> AsyncIterator[Live]:
    settings = EdgeSettings(port=0, limits=limits or Limits())
    town = await city(settings)
    await town.hear_all()
    server = Server(town.console.app, settings)
    await server.start()
    try:
        async with asyncio.timeout(20):
            yield Live(town, server)
    finally:
        town.console.feed.close()
        await server.stop()
        town.services.accounts.close()


async def heard(socket: ClientConnection) -> dict[str, Any]:
    said = await socket.recv()
    return json.loads(said) if isinstance(said, str) else msgspec.msgpack.decode(said)  # type: ignore[no-any-return]


async def closed_with(socket: ClientConnection) -> int:
    while True:
        try:
            await socket.recv()
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else 1006


@pytest.mark.parametrize("protocol", ["bowstreet.json", "bowstreet.msgpack", None])
async def test_snapshot_then_ticks(protocol: str | None) -> None:
    async with served() as live_city:
        town = live_city.town
        cookie = await live_city.cookie("viewer")
        town.console.feed.turn()
        async with live_city.open(cookie, protocol=protocol) as socket:
            assert socket.subprotocol == protocol
            snapshot = await heard(socket)
            assert snapshot["type"] == "snapshot"
            assert snapshot["me"] | {"account_id": ""} == {
                "account_id": "", "name": "A viewer", "role": "viewer", "may": ["see"], "boroughs": [],
            }  # fmt: skip
            assert [drone["id"] for drone in snapshot["drones"]] == ["d1", "d2"]
            assert [dock["id"] for dock in snapshot["docks"]] == ["k1", "k2"]
            assert snapshot["wind"] == {"speed_mps": 4.0, "from_deg": 240, "gust_mps": 6.0}
            assert snapshot["ledger"]["size"] == town.recorder.size - 1  # that somebody looks was entered since
            async with town.program() as cad:
                incident = (await cad.post("/api/v1/incidents", json=call())).json()
            town.console.feed.turn()
            tick = await heard(socket)
            assert (tick["type"], tick["seq"]) == ("tick", snapshot["seq"] + 1)
            assert [i["id"] for i in tick["incidents"]] == [incident["id"]]
            assert tick["incidents"][0]["state"] == "assigned"
            assert tick["missions"][0]["route"]
            assert "launch" in [event["kind"] for event in tick["events"]]
            [moved] = [row for row in tick["d"] if row[7] == "busy"] or [None]
            assert moved is not None
            at = telemetry("d2", town.clock.now() + timedelta(seconds=1), Position(latitude_deg=51.556, longitude_deg=-0.115))
            town.clock.advance_to(at.at)
            await town.services.flight.on_telemetry(at)
            town.console.feed.turn()
            tick = await heard(socket)
            assert [1, 51.556, -0.115] in [row[:3] for row in tick["d"]]
            assert "incidents" not in tick


async def test_reconnecting_gets_what_stands_and_the_timeline() -> None:
    async with served() as live_city:
        cookie = await live_city.cookie("viewer")
        async with live_city.town.program() as cad:
            await cad.post("/api/v1/incidents", json=call())
        live_city.town.console.feed.turn()
        for _ in range(2):
            async with live_city.open(cookie) as socket:
                snapshot = await heard(socket)
                assert len(snapshot["incidents"]) == len(snapshot["missions"]) == 1
                assert "Immediate call: robbery" in [event["text"] for event in snapshot["events"]]
                assert [event["seq"] for event in snapshot["events"]] == list(range(1, len(snapshot["events"]) + 1))


async def test_a_restart_keeps_the_timeline() -> None:
    async with served() as live_city:
        async with live_city.town.program() as cad:
            await cad.post("/api/v1/incidents", json=call())
        again = await city(store=live_city.town.store, clock=live_city.town.clock)
        shown = again.console.scene.picture.snapshot(live_me())
        assert "Immediate call: robbery" in [event.text for event in shown.events]
        assert [i.id for i in shown.incidents] == [i.incident_id for i in live_city.town.services.intake.incidents.all()]
        assert len(shown.missions) == 1


def live_me() -> Any:
    from bowstreet.console.frames import Me

    return Me(account_id="a", name="a", role="viewer", may=())


# --- who may look -----------------------------------------------------------------------------------------------------


async def test_without_a_session_it_is_closed_at_once() -> None:
    async with served() as live_city:
        async with live_city.open() as socket:
            assert await closed_with(socket) == live.NOT_SIGNED_IN
        async with live_city.open("bowstreet=stolen") as socket:
            assert await closed_with(socket) == live.NOT_SIGNED_IN
        assert [denial.rule for denial in await live_city.town.ledger(AccessDenied)] == ["nobody", "session"]


@pytest.mark.parametrize("headers", [{"Origin": "http://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}])
async def test_another_origin_does_not_get_through_the_handshake(headers: dict[str, str]) -> None:
    async with served() as live_city:
        cookie = await live_city.cookie("viewer")
        with pytest.raises(InvalidStatus) as refused:
            async with live_city.open(cookie, **headers):
                pass
        assert refused.value.response.status_code == 403
        assert [denial.rule for denial in await live_city.town.ledger(AccessDenied)] == ["origin"]


async def test_the_own_origin_does() -> None:
    async with served() as live_city:
        cookie = await live_city.cookie("viewer")
        async with live_city.open(cookie, Origin=f"http://127.0.0.1:{live_city.port}") as socket:
            assert (await heard(socket))["type"] == "snapshot"


async def test_a_role_that_may_not_look() -> None:
    async with served() as live_city:
        _, secret = await live_city.town.services.accounts.tokens.issue(live_city.town.people["supervisor"], "CAD")
        async with live_city.open(Authorization=f"Bearer {secret}") as socket:
            assert await closed_with(socket) == live.NOT_PERMITTED


async def test_it_closes_when_the_session_ends() -> None:
    async with (
        served() as live_city,
        live_city.town.signed_in("viewer") as viewer,
        live_city.open(f"bowstreet={viewer.cookies['bowstreet']}") as socket,
    ):
        await heard(socket)
        assert (await viewer.delete("/api/v1/session")).status_code == 204
        assert await closed_with(socket) == live.NOT_SIGNED_IN


async def test_looking_alone_keeps_no_session_alive() -> None:
    async with served() as live_city:
        town = live_city.town
        async with live_city.open(await live_city.cookie("viewer")) as socket:
            await heard(socket)
            town.clock.advance_to(town.clock.now() + timedelta(minutes=31))
            assert await closed_with(socket) == live.NOT_SIGNED_IN


async def test_it_closes_when_the_account_is_disabled() -> None:
    async with served() as live_city:
        town = live_city.town
        async with live_city.open(await live_city.cookie("viewer")) as socket:
            await heard(socket)
            await town.services.accounts.disable(town.people["supervisor"], town.people["viewer"].account_id)
            assert await closed_with(socket) == live.NOT_SIGNED_IN


# --- heartbeats and rudeness ------------------------------------------------------------------------------------------


async def test_it_closes_when_a_programs_token_is_revoked() -> None:
    async with served() as live_city:
        town = live_city.town
        supervisor = town.people["supervisor"]
        token, secret = await town.services.accounts.tokens.issue(supervisor, "wall screen", Role.VIEWER)
        async with live_city.open(Authorization=f"Bearer {secret}") as socket:
            assert (await heard(socket))["type"] == "snapshot"
            await town.services.accounts.tokens.revoke(supervisor, token.token_id)
            assert await closed_with(socket) == live.NOT_SIGNED_IN


async def test_a_heartbeat_reaches_flight_and_keeps_the_session() -> None:
    async with served() as live_city:
        town = live_city.town
        heartbeats: list[str] = []
        hear = town.services.flight.pilots.heartbeat

        async def listen(account_id: str) -> None:
            heartbeats.append(account_id)
            await hear(account_id)

        town.console.live._on_heartbeat = listen
        async with live_city.open(await live_city.cookie("pilot")) as socket:
            await heard(socket)
            town.clock.advance_to(town.clock.now() + timedelta(minutes=29))
            await socket.send('{"type": "heartbeat"}')
            await socket.send(b'{"type":"heartbeat"}')
            while len(heartbeats) < 2:
                await asyncio.sleep(0.01)
            town.clock.advance_to(town.clock.now() + timedelta(minutes=29))
            town.console.feed.turn()
            assert (await heard(socket))["type"] == "tick"
        assert heartbeats == [town.people["pilot"].account_id] * 2


@pytest.mark.parametrize(
    "said", ["", "heartbeat", "{}", '{"type": "fire"}', '{"type": "heartbeat", "x": 1}', b"\xff\x00", "[" * 4000, '"\\ud800"']
)
async def test_what_is_not_understood_closes_it(said: str | bytes) -> None:
    async with served() as live_city, live_city.open(await live_city.cookie("viewer")) as socket:
        await heard(socket)
        await socket.send(said)
        assert await closed_with(socket) == live.BAD_MESSAGE


async def test_a_huge_message_closes_it() -> None:
    async with served() as live_city, live_city.open(await live_city.cookie("viewer")) as socket:
        await heard(socket)
        await socket.send("x" * 10_000)
        assert await closed_with(socket) == 1009


async def test_chatter_closes_it() -> None:
    limits = Limits(live_messages=Rate(burst=5, per_s=0))
    async with served(limits) as live_city, live_city.open(await live_city.cookie("viewer")) as socket:
        await heard(socket)
        for _ in range(6):
            await socket.send('{"type": "heartbeat"}')
        assert await closed_with(socket) == live.TOO_MANY


async def test_too_many_consoles_of_one_account() -> None:
    async with served(Limits(live_connections_by_account=2)) as live_city:
        cookie = await live_city.cookie("viewer")
        async with live_city.open(cookie) as one, live_city.open(cookie) as two:
            await heard(one)
            await heard(two)
            async with live_city.open(cookie) as three:
                assert await closed_with(three) == live.TOO_MANY
        await asyncio.sleep(0.1)
        async with live_city.open(cookie) as again:
            assert (await heard(again))["type"] == "snapshot"


# --- slow consoles ----------------------------------------------------------------------------------------------------


async def _fill(live_city: Live, frames: int) -> None:
    """Turn frames that are large: a console that does not read them backs up."""
    from bowstreet.console.views import EventView

    picture = live_city.town.console.scene.picture
    for number in range(frames):
        for line in range(20):
            text = f"{number}/{line} " + "x" * 5_000
            picture.put_event(EventView(seq=0, at=live_city.town.clock.now(), kind="test", text=text, severity="info"))
        live_city.town.console.feed.turn()
        await asyncio.sleep(0)


async def test_a_slow_console_skips_frames_and_delays_nobody() -> None:
    async with served() as live_city:
        cookie, feed = await live_city.cookie("viewer"), live_city.town.console.feed
        slow_address = f"ws://127.0.0.1:{live_city.port}/api/v1/live"
        async with connect(
            slow_address, additional_headers={"Cookie": cookie}, compression=None, max_queue=1, max_size=None
        ) as slow:
            async with live_city.open(cookie) as quick:
                await heard(quick)
                started = feed.seq
                for _ in range(120):
                    await _fill(live_city, 1)
                    assert (await heard(quick))["seq"] == feed.seq
            frames = [await heard(slow)]
            while frames[-1]["seq"] < feed.seq:
                frames.append(await heard(slow))
        assert frames[0]["type"] == "snapshot"
        seqs = [frame["seq"] for frame in frames]
        assert seqs == sorted(set(seqs))
        assert len(seqs) < feed.seq - started  # it skipped some…
        last_events = [event["seq"] for frame in frames for event in frame.get("events", [])]
        assert max(last_events) == 120 * 20 + (
            frames[0]["events"][-1]["seq"] if frames[0]["events"] else 0
        )  # …and ends up to date


async def test_a_console_that_takes_nothing_is_let_go() -> None:
    async with served(Limits(live_stall_s=0.3)) as live_city:
        town = live_city.town
        reader, writer = await asyncio.open_connection("127.0.0.1", live_city.port, limit=1024)
        cookie = await live_city.cookie("viewer")
        writer.write(
            b"GET /api/v1/live HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nCookie: "
            + cookie.encode()
            + b"\r\n\r\n"
        )
        assert b"101" in await reader.readline()
        for _ in range(200):
            await _fill(live_city, 1)
            await asyncio.sleep(0.001)
        async with asyncio.timeout(10):
            while town.console.live.connections:
                await asyncio.sleep(0.05)
        writer.transport.abort()


async def test_the_server_stops_while_consoles_look() -> None:
    settings = EdgeSettings(port=0)
    town = await city(settings)
    server = Server(town.console.app, settings)
    await server.start()
    live_city = Live(town, server)
    running = asyncio.create_task(town.console.feed.run())
    async with live_city.open(await live_city.cookie("viewer")) as socket:
        await heard(socket)
        await heard(socket)
        town.console.feed.close()
        stopping = asyncio.create_task(server.stop())
        assert await closed_with(socket) == 1012
        async with asyncio.timeout(8):
            await stopping
    await running
    assert town.console.live.connections == 0


async def test_as_it_runs_live(tmp_path: Path) -> None:
    """SQLite, the queueing bus, frames at their own pace: a call over HTTP is on another's screen within a second."""
    settings = EdgeSettings(port=0)
    store, bus = SqliteStore(tmp_path / "record.db"), QueueBus()
    town = await city(settings, store, bus=bus)
    await town.hear_all()
    server = Server(town.console.app, settings)
    await server.start()
    running = asyncio.create_task(town.console.run())
    live_city = Live(town, server)
    async with asyncio.timeout(30), live_city.open(await live_city.cookie("viewer")) as socket:
        assert (await heard(socket))["type"] == "snapshot"
        async with town.program() as cad:
            incident = (await cad.post("/api/v1/incidents", json=call())).json()
        began = asyncio.get_running_loop().time()
        seen: set[str] = set()
        while not {"incident-opened", "launch"} <= seen:
            tick = await heard(socket)
            seen |= {event["kind"] for event in tick.get("events", [])}
            assert all(one["id"] == incident["id"] for one in tick.get("incidents", []))
        assert asyncio.get_running_loop().time() - began < 10
    town.console.feed.close()
    await running
    await server.stop()
    await bus.close()
    await store.close()
    town.services.accounts.close()
