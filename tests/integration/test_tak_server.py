"""Sharing by TLS with a real TAK server, received from it by an independent client."""

import asyncio
import hashlib
import re
import signal
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.integration.tak_world import (
    ORIGIN,
    PLACE,
    Authority,
    Device,
    Operation,
    Taky,
    all_of,
    drone,
    free_port,
    incident,
    partner,
    until,
)

from bowstreet.errors import PartnerUnavailable, StoreUnavailable
from bowstreet.messages import Message, PartnerShown, SharingChanged, SharingCounted
from bowstreet.runtime.clock import ScaledClock, SystemClock
from bowstreet.runtime.ports import Batch
from bowstreet.tak.events import DELETE, DRONE, MARKER, SUBJECT, uid_of
from bowstreet.tak.model import Kind, TlsFiles
from bowstreet.tak.server import TakServer

# The second is what is left of it where the server's reason comes late, on a busy machine.
REFUSED = "refuses this program's certificate|closes the connection at once"


class World:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.authority = Authority(folder, "authority")
        self.server = Taky(folder, self.authority, free_port())
        self.url = f"tls://127.0.0.1:{self.server.port}"

    def files(self, name: str, **changes: object) -> TlsFiles:
        certificate, key = self.authority.issue(name)
        told = {"authority": self.authority.file, "certificate": certificate, "private_key": key} | changes
        return TlsFiles(**told)  # type: ignore[arg-type]

    def operation(self, **changes: object) -> Operation:
        return Operation(partner(port=self.server.port, tls=self.files("bowstreet"), **changes))


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    made = World(tmp_path)
    await made.server.start()
    yield made
    await made.server.stop(signal.SIGKILL)


def digest(certificate: Path) -> str:
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(certificate.read_text())).hexdigest()


async def test_another_client_of_the_server_sees_what_is_shared_and_that_it_is_over(world: World) -> None:
    operation, device = world.operation(), Device()
    async with device.listening(world.url, world.files("device")):
        async with operation.running():
            operation.situation = all_of(operation.now())
            await until("all three arrive", lambda: device.of(DRONE) and device.of(MARKER) and device.of(SUBJECT))
            operation.situation = all_of(operation.now(), incident(operation.now()))
            gone = {uid_of(ORIGIN, Kind.DRONES, "drone-1"), uid_of(ORIGIN, Kind.SUBJECTS, "fol-1")}
            await until("deletions arrive", lambda: len(device.of(DELETE)) >= 2)
            assert {one.find("detail/link").get("uid") for one in device.of(DELETE)} == gone  # type: ignore[union-attr]
        last = uid_of(ORIGIN, Kind.INCIDENTS, "inc-1")
        await until("at the end nothing stays", lambda: device.of(DELETE)[-1].find("detail/link").get("uid") == last)  # type: ignore[union-attr]
    (point,) = [one.find("point") for one in device.of(DRONE)[:1]]
    assert point is not None
    assert (float(point.get("lat", 0)), float(point.get("lon", 0))) == pytest.approx(
        (PLACE.latitude_deg, PLACE.longitude_deg), abs=1e-6
    )
    assert float(point.get("hae", 0)) == pytest.approx(98.0 + 45.97, abs=0.3)

    begun, connected, ended = operation.of(SharingChanged)
    assert (begun.stage, begun.recipient, begun.address) == ("begun", "fire brigade", f"tls://127.0.0.1:{world.server.port}")
    assert begun.certificate == digest(world.folder / "bowstreet.crt")
    assert begun.authority == digest(world.authority.file)
    assert (connected.stage, connected.server) == ("connected", digest(world.server.certificate))
    assert (ended.stage, ended.why) == ("ended", "the program is stopping")
    assert [(one.incident_id, one.what, one.follow_id) for one in operation.of(PartnerShown)] == [
        ("inc-1", "incident-shown", ""), ("inc-1", "subject-shown", "fol-1"),
    ]  # fmt: skip
    counted = operation.of(SharingCounted)
    assert sum(one.sent.get("subjects", 0) for one in counted) == 2  # it, and that it is over


async def test_nothing_is_sent_before_it_is_on_record(world: World) -> None:
    """Whoever is told of an entry waits a while, and nothing has come through by then."""
    operation, device = world.operation(), Device()
    order: list[tuple[str, int]] = []

    async def heard(message: Message) -> None:
        await asyncio.sleep(0.4)
        order.append((type(message).__name__, len(device.events)))

    for kind in (SharingChanged, PartnerShown):
        operation.bus.subscribe(kind, heard)
    async with device.listening(world.url, world.files("device")):
        operation.situation = all_of(operation.now(), incident(operation.now()))
        async with operation.running():
            await until("the incident arrives", lambda: device.of(MARKER))
            assert order == [("SharingChanged", 0), ("SharingChanged", 0), ("PartnerShown", 0)]


async def test_what_cannot_be_recorded_is_not_shared(world: World) -> None:
    operation, device = world.operation(), Device()
    record = operation.recorder.store.commit

    async def full(batch: Batch) -> None:
        raise StoreUnavailable("the disk is full", remedy="make room")

    async with device.listening(world.url, world.files("device")), operation.running():
        operation.situation = all_of(operation.now(), incident(operation.now()))
        await until("the incident arrives", lambda: device.of(MARKER))
        operation.store.commit = full  # type: ignore[method-assign]
        operation.situation = all_of(operation.now(), drone(operation.now(), incident_id="inc-2"), incident(operation.now()))
        await until("the failure is known", lambda: operation.recorder.failing_since)
        told = len(device.events)
        for number in range(3):
            operation.situation = all_of(operation.now(), drone(operation.now(), incident_id=f"inc-{number}"))
            await asyncio.sleep(1.1)
        assert len(device.events) == told
        operation.store.commit = record  # type: ignore[method-assign]
        operation.situation = all_of(operation.now(), drone(operation.now()))
        await until("it goes on", lambda: device.of(DRONE))


async def test_a_server_that_is_killed_and_back_gets_everything_again(world: World) -> None:
    operation, device = world.operation(), Device()
    async with operation.running():
        operation.situation = all_of(operation.now(), incident(operation.now()))
        channel = operation.sharing.outgoing[0].channel
        await until("connected", lambda: channel.is_open)
        await world.server.stop(signal.SIGKILL)
        await until("noticed", lambda: not channel.is_open and channel.trouble)
        assert "cannot be reached, or was lost" in channel.trouble.message  # type: ignore[union-attr]
        assert operation.sharing.outgoing[0].partner.address in channel.trouble.message  # type: ignore[union-attr]
        await world.server.start()
        async with device.listening(world.url, world.files("device")):
            await until("told again", lambda: device.of(MARKER))
        assert channel.connections == 2
    stages = [one.stage for one in operation.of(SharingChanged)]
    assert stages == ["begun", "connected", "ended"], "the same server with the same certificate is no news"


@pytest.mark.parametrize(
    ("which", "says"),
    [
        ("another authority's server", "has a certificate that is not believed"),
        ("another name", "is not made out to"),
        ("another authority's client", REFUSED),
        ("an expired client", REFUSED),
        ("not the pinned one", "shows another certificate than the pinned one"),
        ("nobody there", "cannot be reached"),
    ],
)
async def test_whoever_is_not_who_they_should_be_gets_nothing(world: World, which: str, says: str) -> None:
    stranger = Authority(world.folder / "stranger", "stranger")
    own = world.files("bowstreet")
    foreign, foreign_key = stranger.issue("bowstreet")
    expired, expired_key = world.authority.issue("expired", days=-1)
    tls = {
        "another authority's server": world.files("a", authority=stranger.file),
        "another name": world.files("b", server_name="tak.example.org"),
        "another authority's client": world.files("c", certificate=foreign, private_key=foreign_key),
        "an expired client": world.files("d", certificate=expired, private_key=expired_key),
        "not the pinned one": world.files("e", pinned="0" * 64),
        "nobody there": own,
    }[which]
    port = free_port() if which == "nobody there" else world.server.port
    device = Device()
    operation = Operation(partner(port=port, tls=tls))
    async with device.listening(world.url, world.files("device")), operation.running():
        operation.situation = all_of(operation.now())
        trouble = await until("trouble", lambda: operation.sharing.outgoing[0].channel.trouble)
        assert isinstance(trouble, PartnerUnavailable)
        assert re.search(says, trouble.message)
        assert "fire brigade" in trouble.message
        assert trouble.remedy
    assert not device.events
    assert not operation.of(PartnerShown)
    assert [one.stage for one in operation.of(SharingChanged)] == ["begun", "ended"]


async def test_a_pinned_certificate_is_believed_whatever_its_name(world: World) -> None:
    tls = world.files("pinning", pinned=digest(world.server.certificate), server_name="tak.example.org")
    clock = SystemClock()
    way = TakServer(partner(port=world.server.port, tls=tls), ORIGIN, clock)
    assert await way.open() == digest(world.server.certificate)
    await way.close()


async def test_a_server_that_speaks_no_tls_is_told_so(tmp_path: Path) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"<event/>\n" * 10)
        writer.close()

    plain = await asyncio.start_server(talk, "127.0.0.1", 0)
    world = World(tmp_path)
    way = TakServer(partner(port=plain.sockets[0].getsockname()[1], tls=world.files("x")), ORIGIN, SystemClock())
    with pytest.raises(PartnerUnavailable, match="does not speak TLS"):
        await way.open()
    await way.close()
    plain.close()
    await plain.wait_closed()


async def test_a_server_that_falls_silent_is_taken_for_gone(world: World) -> None:
    """It is stopped in its tracks: the connection stands, and nothing comes. Our clock goes thirty times as fast."""
    way = TakServer(partner(port=world.server.port, tls=world.files("patient")), ORIGIN, ScaledClock(30.0))
    await way.open()
    assert world.server._program is not None
    listening = asyncio.ensure_future(way.broken())
    await asyncio.sleep(2.5)  # more than it may be silent for, of our clock; it answers
    assert not listening.done()
    world.server._program.send_signal(signal.SIGSTOP)
    with pytest.raises(PartnerUnavailable, match="does not answer: it has been silent for"):
        await asyncio.wait_for(listening, 60)
    await way.close()
