"""Links for officers: who makes them, whom they open to, how they end, and what is on record before anything is seen."""

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from typing import Any

import httpx
import msgspec
import pytest
from tests.integration.console_city import START, City, call, city
from tests.integration.test_picture_of_incident import _handed_over, _listened_to, _live
from tests.integration.test_video_live import DARK, SHOWN, free_port, sending
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from bowstreet.accountability.model import Action
from bowstreet.console.server import Server
from bowstreet.console.settings import EdgeSettings
from bowstreet.messages import AccessDenied, Consulted, OfficerLinkChanged, VideoLeft, VideoWatched
from bowstreet.runtime.clock import SimulatedClock, SystemClock
from bowstreet.video.model import VideoSource

NEW = {"recipient": "NI 4127", "purpose": "attending"}


@pytest.fixture
async def town() -> AsyncIterator[City]:
    made = await city()
    await made.hear_all()
    yield made
    made.services.accounts.close()


async def made(town: City, **more: Any) -> tuple[str, str, str]:
    """An incident, a link to it, and the link's secret."""
    async with town.signed_in("dispatcher") as room:
        incident_id = (await room.post("/api/v1/incidents", json=call(text="he has a knife"))).json()["id"]
        answer = await room.post(f"/api/v1/incidents/{incident_id}/links", json=NEW | more)
        assert answer.status_code == 201, answer.text
        said = answer.json()
    assert said["address"].startswith("http://127.0.0.1:8700/officer#")
    return incident_id, said["link"]["link_id"], said["address"].partition("#")[2]


async def opened(town: City, phone: httpx.AsyncClient, secret: str) -> httpx.Response:
    return await phone.post("/api/v1/officer/open", json={"secret": secret})


async def changes(town: City) -> list[str]:
    return [one.change for one in await town.ledger(OfficerLinkChanged)]


async def test_a_link_shows_one_incident_to_whoever_was_given_it(town: City) -> None:
    incident_id, link_id, secret = await made(town)
    assert len(secret) >= 43, "256 bits"
    async with town.client() as phone:
        answer = await opened(town, phone, secret)
        assert answer.status_code == 200, answer.text
        said = answer.json()
        assert said["link"]["recipient"] == "NI 4127"
        assert said["state"]["scene"]["grade"] == "I"
        assert said["state"]["watcher"]["eyes_on"] is False
        assert "he has a knife" not in answer.text
        assert incident_id not in answer.text, "what it is called in the room is no matter of the phone's"
        assert answer.headers["cache-control"] == "no-store"
        cookie = answer.headers["set-cookie"]
        assert all(part in cookie for part in ("HttpOnly", "SameSite=strict", "Path=/api/v1/officer"))
        assert (await phone.get(f"/api/v1/officer/{link_id}")).status_code == 200
        assert (await phone.get("/api/v1/incidents")).status_code == 401
    assert await changes(town) == ["made", "opened"]
    [looked] = [one for one in await town.ledger(Consulted) if one.what == "officer-page"]
    assert (looked.by, looked.subject_id, looked.role) == (link_id, incident_id, "officer")


async def test_a_demo_tells_the_officer_its_own_time_but_ends_no_link_by_it() -> None:
    town = await city(speed=5.0, real_clock=SystemClock())
    await town.hear_all()
    _, link_id, secret = await made(town)
    async with town.client() as phone:
        first = (await opened(town, phone, secret)).json()["state"]
        await town.advance(20.0)
        then = (await phone.get(f"/api/v1/officer/{link_id}")).json()["state"]
    assert first["speed"] == 5.0
    assert datetime.fromisoformat(first["now"]) == START
    assert datetime.fromisoformat(then["now"]) - START == timedelta(seconds=20)
    arrives = [datetime.fromisoformat(one["watcher"]["eta_at"]) for one in (first, then)]
    assert arrives[0] == arrives[1] > START, "counted by the same clock it comes nearer"
    assert then["expires_at"] == first["expires_at"]
    town.services.accounts.close()


async def test_nothing_that_opens_it_is_kept(town: City) -> None:
    _, link_id, secret = await made(town)
    async with town.client() as phone:
        await opened(town, phone, secret)
        [device] = [value for name, value in phone.cookies.items() if link_id in name]
    kept = [record.body for kind in ("officer-link", "idempotency", "decision") for record in await town.store.find(kind)]
    rows = [row async for row in town.store.log_rows()]
    everything = b"".join([*kept, *(row.entry + (row.payload or b"") for row in rows)])
    assert link_id.encode() in everything
    for secret_part in (secret, device):
        assert secret_part.encode() not in everything
    assert b"NI 4127" not in b"".join(row.entry + (row.payload or b"") for row in rows), (
        "who it is for stands in its record alone"
    )


async def test_another_device_is_turned_away_on_record_and_the_first_goes_on(town: City) -> None:
    incident_id, link_id, secret = await made(town)
    async with town.client() as phone, town.client() as other:
        await opened(town, phone, secret)
        refused = await opened(town, other, secret)
        assert refused.status_code == 409
        assert "another device" in refused.json()["detail"]
        assert not other.cookies
        assert (await opened(town, phone, secret)).status_code == 200
        assert (await other.get(f"/api/v1/officer/{link_id}")).status_code == 401
        assert (await phone.get(f"/api/v1/officer/{link_id}")).status_code == 200
    assert await changes(town) == ["made", "opened", "turned-away"]
    async with town.signed_in("supervisor") as room:
        [shown] = (await room.get(f"/api/v1/incidents/{incident_id}/links")).json()
    assert (shown["devices"], shown["turned_away"], shown["state"]) == (1, 1, "opened")


async def test_a_device_never_takes_a_secret_that_was_there_before(town: City) -> None:
    """Whoever can put a cookie into a browser must not know by it what opens the link."""
    _, link_id, secret = await made(town)
    planted = "x" * 43
    async with town.client(cookies={f"bowstreet-{link_id}": planted}) as phone:
        answer = await opened(town, phone, secret)
        assert answer.status_code == 200
        assert planted not in answer.headers["set-cookie"]
    async with town.client(cookies={f"bowstreet-{link_id}": planted}) as thief:
        assert (await thief.get(f"/api/v1/officer/{link_id}")).status_code == 401


async def test_two_devices_may_open_it_when_two_were_allowed(town: City) -> None:
    _, _, secret = await made(town, devices=2)
    async with town.client() as one, town.client() as two, town.client() as three:
        assert [(await opened(town, phone, secret)).status_code for phone in (one, two, three)] == [200, 200, 409]


@pytest.mark.requirement("F15")
async def test_guessing_is_refused_limited_and_recorded_and_locks_nobody_out(town: City) -> None:
    _, link_id, secret = await made(town)
    async with town.client() as guesser:
        codes = [(await opened(town, guesser, f"{number:043}")).status_code for number in range(20)]
        assert codes[:10] == [401] * 10
        assert set(codes[10:]) == {429}
        assert (await guesser.get(f"/api/v1/officer/{link_id}")).status_code == 429, "a link without its cookie is a guess too"
        # Officers share their carrier's addresses with everybody: a right link opens from there all the same.
        assert (await opened(town, guesser, secret)).status_code == 200
    denials = await town.ledger(AccessDenied)
    assert {(one.action, one.rule) for one in denials} == {("open-link", "no-such-link"), ("open-link", "not-this-device")}
    assert len({one.subject for one in denials}) == 1
    assert len(denials) == 21


@pytest.mark.parametrize("how", ["expired", "revoked", "closed", "maker"])
async def test_a_link_ends(town: City, how: str) -> None:
    incident_id, link_id, secret = await made(town, minutes=30)
    async with town.client() as phone:
        await opened(town, phone, secret)
        if how == "expired":
            town.clock.advance_to(START + timedelta(minutes=29, seconds=59))
            assert (await phone.get(f"/api/v1/officer/{link_id}")).status_code == 200
            town.clock.advance_to(START + timedelta(minutes=30))
        elif how == "revoked":
            async with town.signed_in("supervisor") as room:
                assert (await room.post(f"/api/v1/officer-links/{link_id}/revoke")).json()["ended"] == "revoked"
        elif how == "closed":
            await town.services.dispatch.withdraw(incident_id, "acc-1", "done")
        else:
            await town.services.accounts.disable(town.people["supervisor"], town.people["dispatcher"].account_id)
        for answer in (await phone.get(f"/api/v1/officer/{link_id}"), await opened(town, phone, secret)):
            assert answer.status_code == 409, answer.text
            assert "ask the control room" in answer.json()["remedy"]
    await town.services.officer_links.work()
    [end] = [one for one in await town.ledger(OfficerLinkChanged) if one.change == "ended"]
    assert end.why == {"closed": "incident-closed", "maker": "maker-may-not"}.get(how, how)


async def test_words_are_shown_only_when_the_room_said_so_and_each_look_is_recorded(town: City) -> None:
    _, plain_id, plain = await made(town)
    async with town.client() as phone:
        await opened(town, phone, plain)
        assert (await phone.get(f"/api/v1/officer/{plain_id}/words")).status_code == 409
    town.clock.advance_to(START + timedelta(seconds=20))
    _, link_id, secret = await made(town, words=True)
    async with town.client() as phone:
        await opened(town, phone, secret)
        assert (await phone.get(f"/api/v1/officer/{link_id}/words")).json()["text"] == "he has a knife"
    assert [one.by for one in await town.ledger(Consulted) if one.what == "words"] == [link_id]


async def test_no_link_to_a_closed_incident_nor_without_end(town: City) -> None:
    incident_id, _, _ = await made(town)
    async with town.signed_in("dispatcher") as room:
        links = f"/api/v1/incidents/{incident_id}/links"
        for wrong in (
            {"minutes": 300},
            {"minutes": 1},
            {"devices": 9},
            {"recipient": " "},
            {"recipient": "<b>"},
            {"purpose": "press"},
        ):
            assert (await room.post(links, json=NEW | wrong)).status_code == 422, wrong
        await town.services.dispatch.withdraw(incident_id, "acc-1", "done")
        assert (await room.post(links, json=NEW)).status_code == 409


async def test_who_is_limited_to_boroughs_links_to_those_only_and_what_they_gave_ends_with_their_leave(town: City) -> None:
    incident_id, _, _ = await made(town)
    supervisor = town.people["supervisor"]
    accounts = town.services.accounts
    away = await accounts.create(
        supervisor, "Of Camden", msgspec.convert("dispatcher", type(supervisor.role)), "three unrelated words", ("Camden",)
    )
    async with town.client() as room:
        signed = await room.post("/api/v1/session", json={"name": "Of Camden", "password": "three unrelated words"})
        room.headers["X-Bowstreet-CSRF"] = signed.json()["csrf"]
        assert (await room.post(f"/api/v1/incidents/{incident_id}/links", json=NEW)).status_code == 403
        assert (await room.get(f"/api/v1/incidents/{incident_id}/links")).status_code == 403
    from bowstreet.accountability.authority.policy import What

    assert accounts.may_now(away.account_id, Action.LINK_OFFICERS, What(borough="Camden"))
    assert not accounts.may_now(away.account_id, Action.LINK_OFFICERS, What(borough="Islington"))


async def test_the_page_is_told_to_browsers_with_the_strictest_rules(town: City) -> None:
    async with town.client() as phone:
        answer = await phone.get("/officer")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["content-security-policy"].startswith(
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';"
    )
    assert "noindex" in answer.headers["x-robots-tag"]


# --- over real sockets, with real pictures ------------------------------------------------------------------------------


class Street:
    """Two drones whose cameras send, one incident, and a link that is open."""

    def __init__(self, town: City, port: int, incident_id: str, link_id: str, secret: str) -> None:
        self.town, self.port = town, port
        self.incident_id, self.link_id, self.secret, self.cookie = incident_id, link_id, secret, ""

    async def open(self) -> "Street":
        async with self.town.client() as phone:
            assert (await opened(self.town, phone, self.secret)).status_code == 200
            self.cookie = "; ".join(f"{name}={value}" for name, value in phone.cookies.items())
        return self

    def phone(self, what: str = "live") -> connect:
        address = f"ws://127.0.0.1:{self.port}/api/v1/officer/{self.link_id}/{what}"
        return connect(address, additional_headers={"Cookie": self.cookie})


@asynccontextmanager
async def street(
    *, open_it: bool = True, limit_s: float = 90.0, camera: tuple[str, ...] = (), **more: Any
) -> AsyncIterator[Street]:
    ports = free_port(), free_port()
    settings = EdgeSettings(port=0)
    sources = tuple(
        VideoSource(source_id=f"cam-d{number}", vehicle_id=f"d{number}", address=f"udp://127.0.0.1:{port}")
        for number, port in enumerate(ports, start=1)
    )
    town = await city(settings, video=sources, real_clock=SystemClock())
    await town.hear_all()
    server = Server(town.console.app, settings)
    await server.start()
    running = asyncio.ensure_future(town.services.video.run())
    try:
        for vehicle in ("d1", "d2"):
            town.services.video.steer(vehicle, SHOWN)
        await _listened_to(*ports)
        async with (
            asyncio.timeout(limit_s),
            sending(f"udp://127.0.0.1:{ports[0]}", limit_s, *camera),
            sending(f"udp://127.0.0.1:{ports[1]}", limit_s, *camera),
        ):
            incident_id, link_id, secret = await made(town, **more)
            async with town.signed_in("dispatcher") as room:
                await room.post("/api/v1/incidents", json=call(id="cad-9", latitude=51.553, longitude=-0.115))
            for vehicle in ("d1", "d2"):
                town.services.video.steer(vehicle, SHOWN)
            await _live(town, "cam-d1", "cam-d2")
            world = Street(town, server.port, incident_id, link_id, secret)
            yield await world.open() if open_it else world
    finally:
        await town.console.viewings.close()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        town.console.feed.close()
        await server.stop()
        town.services.accounts.close()


async def picture(socket: ClientConnection) -> tuple[float, float, bytes]:
    """The next one: when it was taken, when it was sent, and the JPEG."""
    await socket.send('{"type":"more"}')
    while True:
        said = await socket.recv()
        if isinstance(said, bytes):
            taken_ms, sent_ms = struct.unpack(">dd", said[:16])
            return taken_ms, sent_ms, said[16:]


async def closed_with(socket: ClientConnection) -> int | None:
    try:
        async with asyncio.timeout(3):
            while True:
                await socket.recv()
    except ConnectionClosed:
        return socket.close_code


async def test_small_pictures_come_when_asked_and_only_then() -> None:
    async with street() as world:
        stream = world.town.services.video.find(_source(world))
        async with world.phone() as socket:
            taken = [await picture(socket) for _ in range(5)]
            assert all(jpeg.startswith(b"\xff\xd8\xff") and len(jpeg) < 12_000 for _, _, jpeg in taken)
            moments = [one[0] for one in taken]
            assert moments == sorted(set(moments)), "each is newer than the one before"
            assert all(0 <= sent - moment < 5_000 for moment, sent, _ in taken)
            # A phone that asks for nothing for a while is next shown what is now, not what it missed.
            await asyncio.sleep(1.5)
            moment, sent, _ = await picture(socket)
            assert 0 <= sent - moment < 5_000
            assert moment - moments[-1] > 1_000
            [viewing] = await world.town.ledger(VideoWatched)
            assert (viewing.by, viewing.way, viewing.source_id) == (world.link_id, "stills", stream.source.source_id)
            assert (viewing.incident_id, viewing.justification) == (world.incident_id, "incident-handling")
        async with asyncio.timeout(5):
            while len(stream.stills):
                await asyncio.sleep(0.05)
        async with asyncio.timeout(10):  # one that was being made may still come
            while True:
                before = stream.stills.number
                await asyncio.sleep(0.7)
                if stream.stills.number == before:
                    break  # nobody looks, and none is made
        assert [one.viewing_id for one in await world.town.ledger(VideoLeft)] == [viewing.viewing_id]


def _source(world: Street) -> str:
    mission = world.town.services.dispatch.serving(world.incident_id)
    assert mission is not None
    return f"cam-{mission.vehicle_id}"


async def test_the_picture_goes_with_the_watch_and_the_officer_is_told() -> None:
    async with street() as world, world.phone() as socket:
        await picture(socket)
        first = _source(world)
        await socket.send('{"type":"go"}')
        while not isinstance(state := await socket.recv(), str):
            continue
        assert msgspec.json.decode(state)["alerts"] == []
        second = await _handed_over(world.town, world.incident_id)
        longest, last = 0.0, asyncio.get_running_loop().time()
        async with asyncio.timeout(15):
            while len(await world.town.ledger(VideoLeft)) == 0:
                await picture(socket)
                now = asyncio.get_running_loop().time()
                longest, last = max(longest, now - last), now
        assert longest < 5.0, "the picture did not go dark"
        said = [type(one).__name__ + ":" + getattr(one, "source_id", "") for one in await _viewings(world.town)]
        assert said == [f"VideoWatched:{first}", f"VideoWatched:{second}", "VideoLeft:"]
        await socket.send('{"type":"go"}')
        while True:
            said_now = await socket.recv()
            if isinstance(said_now, str):
                break
        assert msgspec.json.decode(said_now)["watcher"]["name"] == second.removeprefix("cam-")


async def _viewings(town: City) -> list[Any]:
    watched, left = await town.ledger(VideoWatched), await town.ledger(VideoLeft)
    return [*watched, *left] if not left or watched[-1].at <= left[0].at else [*watched[:-1], *left, watched[-1]]


@pytest.mark.parametrize("what", ["live", "mse"])
async def test_what_is_open_is_cut_the_moment_the_link_is_revoked(what: str) -> None:
    async with street() as world, world.phone(what) as socket:
        if what == "live":
            await picture(socket)
        else:
            for _ in range(6):
                await socket.recv()
        async with world.town.signed_in("supervisor") as room:
            assert (await room.post(f"/api/v1/officer-links/{world.link_id}/revoke")).status_code == 200
        assert await closed_with(socket) == 4410
        async with asyncio.timeout(3):
            while len(world.town.console.viewings):
                await asyncio.sleep(0.02)
        async with world.phone(what) as again:
            assert await closed_with(again) == 4410


async def test_a_closed_incident_ends_what_is_open() -> None:
    async with street() as world, world.phone() as socket:
        await picture(socket)
        await world.town.services.dispatch.withdraw(world.incident_id, "acc-1", "done")
        assert await closed_with(socket) == 4410


async def test_without_the_cookie_a_socket_shows_nothing() -> None:
    async with street() as world:
        world.cookie = f"bowstreet-{world.link_id}=guess"
        async with world.phone() as socket:
            assert await closed_with(socket) == 4401
        assert await world.town.ledger(VideoWatched) == []


@pytest.mark.parametrize("said", ["{}", "more", '{"type":"more","and":' + "[" * 500, '{"type":"ping"}', "x" * 5_000])
async def test_a_phone_that_says_what_it_should_not_is_closed(said: str) -> None:
    async with street() as world, world.phone() as socket:
        await socket.send(said)
        assert await closed_with(socket) in (4400, 1009)


async def test_a_dark_camera_shows_no_small_picture() -> None:
    async with street() as world, world.phone() as socket:
        await picture(socket)
        for vehicle in ("d1", "d2"):
            world.town.services.video.steer(vehicle, DARK)
        await socket.send('{"type":"more"}')
        said = []
        with suppress(TimeoutError):
            async with asyncio.timeout(2):
                while True:
                    said.append(await socket.recv())
        assert not any(isinstance(one, bytes) for one in said)


# --- no other incident --------------------------------------------------------------------------------------------------


async def test_what_is_told_after_a_restart_is_new_to_a_phone_that_heard_more_before(town: City) -> None:
    _, link_id, secret = await made(town, minutes=30)
    async with town.client() as phone:
        await opened(town, phone, secret)
        town.clock.advance_to(START + timedelta(minutes=29))
        told = (await phone.get(f"/api/v1/officer/{link_id}")).json()["state"]["alerts"][-1]["seq"]
        cookies = dict(phone.cookies.items())
    again = await city(store=town.store, clock=SimulatedClock(START + timedelta(minutes=29, seconds=10)))
    async with again.client(cookies=cookies) as phone:
        alerts = (await phone.get(f"/api/v1/officer/{link_id}")).json()["state"]["alerts"]
    assert [one["kind"] for one in alerts] == ["ends-soon"]
    assert alerts[0]["seq"] > told
    assert alerts[0]["seq"] < 2**53, "as a page counts"
    again.services.accounts.close()
