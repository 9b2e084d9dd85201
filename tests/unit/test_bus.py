"""What each form of the bus promises beyond the contract."""

import asyncio
from datetime import UTC, datetime

import pytest

from bowstreet.messages import IncidentChanged, VehicleChanged
from bowstreet.runtime import bus as bus_module
from bowstreet.runtime.bus import InlineBus, QueueBus

START = datetime(2026, 11, 23, 15, tzinfo=UTC)


def vehicle(number: int) -> VehicleChanged:
    return VehicleChanged(at=START, vehicle_id=f"v{number}", status="ready")


def incident(number: int) -> IncidentChanged:
    return IncidentChanged(at=START, incident_id=f"i{number}", state="open")


async def test_inline_handles_causes_before_consequences() -> None:
    bus = InlineBus()
    order: list[str] = []

    async def first(message: VehicleChanged) -> None:
        order.append(f"first {message.vehicle_id}")
        if message.vehicle_id == "v0":
            await bus.publish(vehicle(1))
            order.append("published")

    async def second(message: VehicleChanged) -> None:
        order.append(f"second {message.vehicle_id}")

    bus.subscribe(VehicleChanged, first)
    bus.subscribe(VehicleChanged, second)
    await bus.publish(vehicle(0))
    assert order == ["first v0", "published", "second v0", "first v1", "second v1"]


def test_inline_needs_no_loop_and_grows_no_stack() -> None:
    bus = InlineBus()
    count = 0

    async def chain(message: VehicleChanged) -> None:
        nonlocal count
        count += 1
        if count < 5_000:
            await bus.publish(vehicle(count))

    bus.subscribe(VehicleChanged, chain)
    with pytest.raises(StopIteration):
        bus.publish(vehicle(0)).send(None)
    assert count == 5_000


async def test_a_slow_subscriber_delays_nobody() -> None:
    bus = QueueBus()
    gate = asyncio.Event()
    fast: list[str] = []

    async def slow(_: VehicleChanged) -> None:
        await gate.wait()

    async def quick(message: VehicleChanged) -> None:
        fast.append(message.vehicle_id)

    bus.subscribe(VehicleChanged, slow)
    bus.subscribe(VehicleChanged, quick)
    for number in range(10):
        await bus.publish(vehicle(number))
    await asyncio.sleep(0.01)
    assert len(fast) == 10
    gate.set()
    await bus.drain()
    await bus.close()


async def test_far_behind_the_oldest_goes_but_never_evidence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bus_module, "QUEUE_LIMIT", 5)
    bus = QueueBus()
    heard: list[str] = []

    async def hear(message: VehicleChanged | IncidentChanged) -> None:
        heard.append(message.vehicle_id if isinstance(message, VehicleChanged) else message.incident_id)

    bus.subscribe(VehicleChanged, hear)
    bus.subscribe(IncidentChanged, hear)
    for number in range(20):
        await bus.publish(vehicle(number))
        await bus.publish_recorded(incident(number))
    await bus.drain()
    assert [one for one in heard if one.startswith("v")] == [f"v{number}" for number in range(15, 20)]
    assert [one for one in heard if one.startswith("i")] == [f"i{number}" for number in range(20)]
    assert bus.dropped == {"VehicleChanged": 15}
    await bus.close()


@pytest.mark.parametrize("made", [InlineBus, QueueBus])
async def test_failures_are_counted(made: type[InlineBus] | type[QueueBus]) -> None:
    bus = made()

    async def fails(_: VehicleChanged) -> None:
        raise ValueError("on purpose")

    bus.subscribe(VehicleChanged, fails)
    await bus.publish(vehicle(0))
    await bus.drain()
    assert (bus.published, bus.failed) == ({"VehicleChanged": 1}, {"VehicleChanged": 1})
    await bus.close()


async def test_a_handler_may_not_wait_for_itself() -> None:
    bus = QueueBus()

    async def waits(_: VehicleChanged) -> None:
        await bus.drain()

    bus.subscribe(VehicleChanged, waits)
    await bus.publish(vehicle(0))
    await bus.drain()
    assert bus.failed == {"VehicleChanged": 1}
    await bus.close()


async def test_after_close_evidence_is_not_told_as_handled() -> None:
    bus = QueueBus()
    told: list[int] = []
    await bus.close()
    await bus.publish_recorded(incident(0), lambda: told.append(1))
    await asyncio.sleep(0)
    assert told == []


async def test_killed_between_publishing_and_handling_it_is_not_told_as_handled() -> None:
    bus = QueueBus()
    told: list[int] = []

    async def never_ends(_: IncidentChanged) -> None:
        await asyncio.sleep(60)

    bus.subscribe(IncidentChanged, never_ends)
    await bus.publish_recorded(incident(0), lambda: told.append(0))
    await bus.publish_recorded(incident(1), lambda: told.append(1))
    await asyncio.sleep(0)
    await bus.close()
    assert told == []


async def test_a_handler_whose_own_work_is_cancelled_is_heard_from_again() -> None:
    bus = QueueBus()
    heard: list[str] = []

    async def unlucky(message: VehicleChanged) -> None:
        if message.vehicle_id == "v0":
            future = asyncio.get_running_loop().create_future()
            future.cancel()
            await future
        heard.append(message.vehicle_id)

    bus.subscribe(VehicleChanged, unlucky)
    await bus.publish(vehicle(0))
    await bus.publish(vehicle(1))
    await bus.drain()
    assert heard == ["v1"]
    assert bus.failed == {"VehicleChanged": 1}
    await bus.close()
