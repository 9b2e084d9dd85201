"""Sharing by multicast, received by an independent client that joined the group; and more to tell than anybody can take."""

import signal
from pathlib import Path

import pytest
from tests.integration.tak_world import (
    ORIGIN,
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

from bowstreet.messages import PartnerShown, SharingChanged
from bowstreet.runtime.metrics import Metrics
from bowstreet.tak.datagrams import Datagrams
from bowstreet.tak.events import DELETE, DRONE, MARKER, SUBJECT, uid_of
from bowstreet.tak.model import Kind, Situation, TlsFiles
from bowstreet.tak.outbox import MOST_WAITING

GROUP = "239.2.3.1"  # the one that TAK devices listen to by themselves


async def test_who_joined_the_group_sees_what_is_shared() -> None:
    port = free_port()
    operation, device = Operation(partner(host=GROUP, port=port)), Device()
    async with device.listening(f"udp://{GROUP}:{port}"):
        async with operation.running():
            operation.situation = all_of(operation.now())
            await until("all three arrive", lambda: device.of(DRONE) and device.of(MARKER) and device.of(SUBJECT))
        await until("at the end all are taken back", lambda: len(device.of(DELETE)) == 3)
    begun, ended = operation.of(SharingChanged)
    assert (begun.address, begun.certificate, begun.server) == (f"udp://{GROUP}:{port}", "", "")
    assert ended.stage == "ended"
    assert len(operation.of(PartnerShown)) == 2


@pytest.mark.parametrize(
    ("shares", "boroughs", "types"),
    [
        ({Kind.INCIDENTS}, set(), {MARKER}),
        ({Kind.DRONES}, {"Islington"}, {DRONE}),
        ({Kind.SUBJECTS, Kind.DRONES}, {"Hackney"}, set()),
        (set(Kind), {"Islington", "Hackney"}, {MARKER, DRONE, SUBJECT}),
    ],
)
async def test_a_partner_sees_the_kinds_and_boroughs_that_are_named(
    shares: set[Kind], boroughs: set[str], types: set[str]
) -> None:
    port = free_port()
    limited = partner(host=GROUP, port=port, shares=frozenset(shares), boroughs=frozenset(boroughs))
    whole = partner(name="mark", host=GROUP, port=port)
    operation, device = Operation(limited, whole), Device()
    seen: list[str] = []
    async with device.listening(f"udp://{GROUP}:{port}"), operation.running():
        one, other = operation.sharing.outgoing
        await until("both can send", lambda: one.channel.is_open and other.channel.is_open)
        operation.situation = all_of(operation.now())
        await until("the mark's three have gone", lambda: sum(other.channel.sent.values()) == 3)
        await until("what is sent arrives", lambda: len(device.events) == 3 + len(types))
        assert {key for key, _ in one.told} <= shares
        assert sum(one.channel.sent.values()) == len(types)
        seen += [event.get("type", "") for event in device.events]
    assert {type_ for type_ in set(seen) if seen.count(type_) == 2} == types
    shown = [said for said in operation.of(PartnerShown) if said.recipient == "fire brigade"]
    assert bool(shown) is bool(types)


async def test_sharing_ends_by_itself_when_its_time_is_over() -> None:
    port = free_port()
    probe = Operation()
    from datetime import timedelta

    operation = Operation(partner(host=GROUP, port=port, until=probe.now() + timedelta(seconds=10)))
    device = Device()
    async with device.listening(f"udp://{GROUP}:{port}"), operation.running():
        operation.situation = all_of(operation.now())
        await until("all three arrive", lambda: len(device.events) >= 3)
        await until("it is over", lambda: [one.stage for one in operation.of(SharingChanged)] == ["begun", "ended"])
        assert operation.of(SharingChanged)[-1].why == "its time is over"
        await until("all are taken back", lambda: len(device.of(DELETE)) == 3)
        told = len(device.events)
        operation.situation = all_of(operation.now(), drone(operation.now(), "drone-2"))
        await operation.sharing.work()
        assert len(device.events) == told
    assert [one.stage for one in operation.of(SharingChanged)] == ["begun", "ended"]


async def test_a_program_that_was_killed_says_at_its_next_start_that_sharing_ended() -> None:
    operation = Operation(partner(host=GROUP, port=free_port()))
    await operation.sharing.load(operation.store)
    await operation.sharing.work()
    task = operation.sharing.outgoing[0].task
    assert task is not None
    task.cancel()
    again = Operation()
    again.recorder.store = operation.store
    await again.recorder.open()
    await again.sharing.load(operation.store)
    (said,) = again.of(SharingChanged)
    assert (said.stage, said.why) == ("ended", "the program ended without saying so")
    assert said.sharing_id == operation.of(SharingChanged)[0].sharing_id
    await again.sharing.load(operation.store)
    assert len(again.of(SharingChanged)) == 1, "once"


async def test_nobody_listening_at_one_address_harms_nothing() -> None:
    way = Datagrams(partner(port=free_port()))
    await way.open()
    for _ in range(5):
        await way.send(b"<event/>")
    await way.close()


async def test_a_flood_is_dropped_oldest_first_and_counted(tmp_path: Path) -> None:
    """The server is stopped in its tracks and takes nothing more; a city too large by far is to be told."""
    authority = Authority(tmp_path)
    server = Taky(tmp_path, authority, free_port())
    await server.start()
    certificate, key = authority.issue("bowstreet")
    tls = TlsFiles(authority=authority.file, certificate=certificate, private_key=key)
    operation = Operation(partner(port=server.port, tls=tls))
    metrics = Metrics()
    operation.sharing.register(metrics)
    try:
        async with operation.running():
            one = operation.sharing.outgoing[0]
            await until("connected", lambda: one.channel.is_open)
            assert server._program is not None
            server._program.send_signal(signal.SIGSTOP)
            now = operation.now()
            many = [drone(now, f"drone-{number:05d}") for number in range(3 * MOST_WAITING)]
            operation.situation = Situation(items=(incident(now), *many))
            await until("it is dropped", lambda: one.outbox.dropped > 0)
            assert len(one.outbox) <= MOST_WAITING
            assert one.outbox.dropped == 3 * MOST_WAITING + 1 - MOST_WAITING
            text = metrics.render().decode()
            assert f'bowstreet_tak_dropped_events_total{{partner="fire brigade"}} {one.outbox.dropped}.0' in text
            server._program.send_signal(signal.SIGCONT)
            last = uid_of(ORIGIN, Kind.DRONES, many[-1].vehicle_id)
            assert ("drones", many[-1].vehicle_id) in one.told, last
    finally:
        await server.stop(signal.SIGKILL)


async def test_what_nobody_foresaw_ends_no_sharing_for_good(monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    operation, device = Operation(partner(host=GROUP, port=port)), Device()
    async with device.listening(f"udp://{GROUP}:{port}"), operation.running():
        one = operation.sharing.outgoing[0]
        await until("it can send", lambda: one.channel.is_open)

        async def fail(data: bytes) -> None:
            monkeypatch.undo()
            raise RuntimeError("unforeseen")

        monkeypatch.setattr(one.channel._way, "send", fail)
        operation.situation = all_of(operation.now())
        await until("all three arrive all the same", lambda: len({event.get("type") for event in device.events}) == 3)
