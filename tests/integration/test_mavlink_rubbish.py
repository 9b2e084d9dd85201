"""Rubbish on real sockets: each packet that cannot be used is counted with a reason, the log says so once, nothing else suffers."""

import asyncio
import random
import socket
from collections.abc import Iterator

import pytest
from pymavlink.dialects.v20 import ardupilotmega as mavlink
from structlog.testing import capture_logs
from tests.integration.mavlink_world import GroundStation
from tests.integration.test_mavlink_links import Talker, listening
from tests.property.mavlink_packets import crafted

from bowstreet.flight.mavlink_frames import Packer
from bowstreet.flight.mavlink_rejects import LOG_EVERY_S, Rejects
from bowstreet.flight.model import Arm
from bowstreet.flight.ports import Outcome
from bowstreet.runtime.metrics import Metrics

ROUNDS, A_ROUND = 40, 150
LINE = "packets could not be used"


def rubbish(seed: int, system_id: int) -> Iterator[bytes]:
    """What is no packet, without end: noise, other protocols, and frames that are bent, cut, empty or of unknown kinds."""
    chance = random.Random(seed)
    whole = Packer(system_id, 1).pack(mavlink.MAVLink_heartbeat_message(2, 12, 1, 0, 4, 3))
    while True:
        yield chance.randbytes(chance.randint(1, 300))
        yield b"GET / HTTP/1.1\r\n\r\n"
        yield whole[:-1] + bytes([whole[-1] ^ chance.randint(1, 255)])
        yield whole[: chance.randint(1, len(whole) - 1)]
        yield b""
        yield b"\xfd" * chance.randint(1, 400)
        yield crafted(0, bytes(9), flags=0x80, system_id=system_id)
        yield crafted(9_999_999, chance.randbytes(20), system_id=system_id)
        yield chance.randbytes(20_000) if chance.random() < 0.05 else b"\xfe"


async def flood(station: GroundStation, good: Talker, sender: socket.socket, system_id: int) -> None:
    """Rounds of rubbish, behind each of which the good vehicle is heard."""
    junk = rubbish(7, system_id)
    for number in range(ROUNDS):
        for _ in range(A_ROUND):
            sender.send(next(junk))
        if number == ROUNDS // 2:
            await asyncio.sleep(0.2)  # noise that is left over does not wait for more
        await heard(station, good, 10.0 + number)


async def heard(station: GroundStation, good: Talker, height_m: float) -> None:
    good.state(height_m)
    await station.until(lambda: station.telemetry["drone-1"].height_m_above_dock == height_m, 60.0, f"heard at {height_m} m")


def counted(station: GroundStation) -> dict[str, int]:
    return {reason: count for (_, reason), count in station.link.rejected.items()}


def shown(station: GroundStation) -> dict[str, float]:
    """What Prometheus is told."""
    metrics = Metrics()
    station.link.rejects.register(metrics)
    name = "bowstreet_mavlink_packets_rejected_total{"
    lines = [line for line in metrics.render().decode().splitlines() if line.startswith(name)]
    return {line.split('"')[1]: float(line.rpartition(" ")[2]) for line in lines}


async def test_from_an_address_that_is_nobodys() -> None:
    with capture_logs() as lines:
        async with listening(1) as (station, port):
            good, stranger = Talker(port, 1), Talker(port, 1)
            await station.until(lambda: _ready(station, good), 20.0)
            began_s = station.clock.monotonic_s()
            await flood(station, good, stranger.socket, 1)
            counts = counted(station)
            # Every datagram leaves at least one count: also what is only the beginning of a frame, or nothing at all.
            assert sum(counts.values()) >= ROUNDS * A_ROUND
            assert {"not-mavlink", "bad-checksum", "unsupported-flags", "unknown-address"} <= set(counts)
            assert shown(station) == counts
            # Nothing is kept of an address that is not ours.
            assert len(station.link._hub.all_endpoints()) == 1
            await station.clock.sleep(2.0)
            told = [line for line in lines if line["event"] == LINE]
            assert {line["reason"] for line in told} == set(counts)
            spent_s = station.clock.monotonic_s() - began_s
            assert len(told) <= len(counts) * (2 + spent_s / LOG_EVERY_S)
            assert set(told[0]) == {"event", "link", "reason", "count", "log_level"}, "never what a packet says"
            good.close()
            stranger.close()


async def test_from_a_vehicles_own_address() -> None:
    async with listening(1, 2) as (station, port):
        good, other = Talker(port, 1), Talker(port, 2)
        await station.until(lambda: _ready(station, good), 20.0)
        other.state(20.0)
        await station.until(lambda: "drone-2" in station.telemetry, 20.0)
        # The one that is heard is also the one that sends the rubbish: each good datagram of its own counts.
        await flood(station, good, good.socket, 1)
        assert {"not-mavlink", "bad-checksum", "unsupported-flags", "truncated"} <= set(counted(station))
        assert station.telemetry["drone-2"].height_m_above_dock == 20.0
        other.state(33.0)
        await station.until(lambda: station.telemetry["drone-2"].height_m_above_dock == 33.0, 20.0)
        good.close()
        other.close()


async def test_from_somebody_who_says_to_be_a_vehicle() -> None:
    """Good frames with its system id from another address: positions, and acknowledgements of what it never did."""
    # Slower: at ten times the speed a busy machine's pause of a second would be the vehicle's silence of ten, and let another in.
    async with listening(1, speed=4.0) as (station, port):
        good, thief = Talker(port, 1), Talker(port, 1)
        await station.until(lambda: _ready(station, good), 20.0)
        order = asyncio.create_task(station.send("drone-1", Arm()))
        number = 0
        while not order.done():
            for _ in range(20):
                thief.say(mavlink.MAVLink_command_ack_message(mavlink.MAV_CMD_COMPONENT_ARM_DISARM, 0))
                thief.state(900.0)
            number += 1
            await heard(station, good, float(number))
        assert order.result().outcome is Outcome.TIMED_OUT
        assert max(one.height_m_above_dock for one in station.history) < 900.0
        assert counted(station) == {"another-address": number * 20 * 5}
        good.close()
        thief.close()


def _ready(station: GroundStation, good: Talker) -> bool:
    if "drone-1" not in station.telemetry:
        good.state(1.0)
    return "drone-1" in station.telemetry


def test_a_line_a_minute_for_each_link_and_reason() -> None:
    rejects = Rejects()
    with capture_logs() as lines:
        for second in range(150):
            for _ in range(1_000):
                rejects.add("udpin:0.0.0.0:14550", "not-mavlink")
            if second == 70:
                rejects.add("tcp:10.0.0.9:5760", "bad-checksum")
            rejects.log(float(second))
    said = [(line["link"], line["reason"], line["count"]) for line in lines]
    assert said == [
        ("udpin:0.0.0.0:14550", "not-mavlink", 1_000),
        ("udpin:0.0.0.0:14550", "not-mavlink", 60_000),
        ("tcp:10.0.0.9:5760", "bad-checksum", 1),
        ("udpin:0.0.0.0:14550", "not-mavlink", 60_000),
    ]
    assert rejects.by_reason() == {"not-mavlink": 150_000.0, "bad-checksum": 1.0}


@pytest.mark.parametrize("reasons", [["a"], ["a", "b", "a"], ["b", "b", "a", "c"]])
def test_each_is_told_once(reasons: list[str]) -> None:
    rejects = Rejects()
    for reason in reasons:
        rejects.add("link", reason)
    told = [one for _ in reasons for one in rejects.take_untold()]
    assert sorted(told) == sorted(("link", reason, reasons.count(reason)) for reason in set(reasons))
    assert [count for *_, count in told] == sorted((count for *_, count in told), reverse=True)
