"""The adjudicating officer's feed over a real socket: who may listen, what comes, and what ends it."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest
from tests.integration.console_city import City, city
from tests.integration.test_recognition_routes import API, NAMES, raised, running
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from bowstreet.console import live
from bowstreet.console.server import Server
from bowstreet.console.settings import EdgeSettings


@pytest.fixture
async def served() -> AsyncIterator[tuple[City, int]]:
    town = await city(EdgeSettings(port=0))
    server = Server(town.console.app, EdgeSettings(port=0))
    await server.start()
    yield town, server.port
    town.console.feed.close()
    town.console.alert_feed.close()
    await server.stop()
    await town.services.recognition.close_all()
    town.services.accounts.close()


@asynccontextmanager
async def listening(port: int, cookie: str = "") -> AsyncIterator[ClientConnection]:
    headers = {"Cookie": f"bowstreet={cookie}"} if cookie else {}
    async with connect(f"ws://127.0.0.1:{port}/api/v1/recognition/live", additional_headers=headers) as socket:
        yield socket


async def closed_with(socket: ClientConnection) -> int:
    try:
        async with asyncio.timeout(10):
            while True:
                await socket.recv()
    except ConnectionClosed as closed:
        return closed.rcvd.code if closed.rcvd else 0


async def heard(socket: ClientConnection) -> Any:
    async with asyncio.timeout(10):
        return json.loads(await socket.recv())


async def test_pages_of_one_account_keep_no_other_officer_out(served: tuple[City, int]) -> None:
    town, port = served
    most = EdgeSettings().limits.live_connections_by_account
    async with (
        town.signed_in("adjudicating-officer") as greedy, town.signed_in("regulator") as other, AsyncExitStack() as open_,
    ):  # fmt: skip
        cookie = greedy.cookies["bowstreet"]
        for _ in range(most):
            assert await heard(await open_.enter_async_context(listening(port, cookie)))
        assert await closed_with(await open_.enter_async_context(listening(port, cookie))) == live.TOO_MANY
        async with listening(port, other.cookies["bowstreet"]) as socket:
            assert (await heard(socket))["type"] == "alerts"


async def test_nobody_and_no_other_role_listens(served: tuple[City, int]) -> None:
    town, port = served
    async with listening(port) as socket:
        assert await closed_with(socket) == live.NOT_SIGNED_IN
    async with town.signed_in("recognition-operator") as operator, listening(port, operator.cookies["bowstreet"]) as socket:
        assert await closed_with(socket) == live.NOT_PERMITTED


async def test_an_alert_comes_at_once_without_its_picture(served: tuple[City, int]) -> None:
    town, port = served
    async with town.signed_in("recognition-operator") as operator, town.signed_in("adjudicating-officer") as officer:
        dep = await running(town, operator, NAMES[0])
        async with listening(port, officer.cookies["bowstreet"]) as socket:
            assert (await heard(socket))["alerts"] == []
            alert = await raised(town, dep, NAMES[0])
            [told] = (await heard(socket))["alerts"]
            assert (told["alert_id"], told["state"]) == (alert.alert_id, "raised")
            assert not {"probe", "name", "reference", "listed"} & told.keys()
            await officer.post(f"{API}/alerts/{alert.alert_id}/claim")
            [told] = (await heard(socket))["alerts"]
            assert (told["state"], told["claimed_by_me"]) == ("claimed", True)
            await socket.send("anything")
            assert await closed_with(socket) == live.BAD_MESSAGE


async def test_a_session_that_ended_hears_nothing_more(served: tuple[City, int]) -> None:
    town, port = served
    async with town.signed_in("adjudicating-officer") as officer, listening(port, officer.cookies["bowstreet"]) as socket:
        await heard(socket)
        await officer.delete("/api/v1/session")
        assert await closed_with(socket) == live.NOT_SIGNED_IN
