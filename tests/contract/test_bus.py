"""What every bus must do. A further driver (NATS) adds itself to `DRIVERS` and changes nothing else."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime

import pytest

from bowstreet.errors import Refused
from bowstreet.messages import DockChanged, IncidentChanged, Message, VehicleChanged
from bowstreet.runtime.bus import InlineBus, QueueBus
from bowstreet.runtime.ports import Bus

DRIVERS: dict[str, Callable[[], Bus]] = {"inline": InlineBus, "queue": QueueBus}
START = datetime(2026, 11, 23, 15, tzinfo=UTC)


@pytest.fixture(params=DRIVERS)
async def bus(request: pytest.FixtureRequest) -> AsyncIterator[Bus]:
    bus = DRIVERS[request.param]()
    yield bus
    await bus.close()


def vehicle(number: int = 0) -> VehicleChanged:
    return VehicleChanged(at=START, vehicle_id=f"v{number}", status="ready")


class Listener:
    def __init__(self) -> None:
        self.heard: list[Message] = []

    async def __call__(self, message: Message) -> None:
        self.heard.append(message)


async def test_every_subscriber_hears_in_order(bus: Bus) -> None:
    first, second, other = Listener(), Listener(), Listener()
    bus.subscribe(VehicleChanged, first)
    bus.subscribe(VehicleChanged, second)
    bus.subscribe(DockChanged, other)
    for number in range(100):
        await bus.publish(vehicle(number))
    await bus.drain()
    assert first.heard == second.heard == [vehicle(number) for number in range(100)]
    assert other.heard == []


async def test_nobody_listens(bus: Bus) -> None:
    done: list[int] = []
    await bus.publish(vehicle())
    await bus.publish_recorded(IncidentChanged(at=START, incident_id="i", state="open"), lambda: done.append(1))
    await bus.drain()
    assert done == [1]


async def test_a_handler_that_fails_disturbs_no_other(bus: Bus) -> None:
    async def fails(_: VehicleChanged) -> None:
        raise RuntimeError("on purpose")

    after = Listener()
    bus.subscribe(VehicleChanged, fails)
    bus.subscribe(VehicleChanged, after)
    await bus.publish(vehicle(1))
    await bus.publish(vehicle(2))
    await bus.drain()
    assert after.heard == [vehicle(1), vehicle(2)]


async def test_drain_covers_what_handlers_publish(bus: Bus) -> None:
    heard = Listener()

    async def chain(message: VehicleChanged) -> None:
        if message.vehicle_id != "v0":
            await bus.publish(vehicle(int(message.vehicle_id[1:]) - 1))
        await heard(message)

    bus.subscribe(VehicleChanged, chain)
    await bus.publish(vehicle(5))
    await bus.drain()
    assert len(heard.heard) == 6


async def test_undeclared_types_do_not_exist(bus: Bus) -> None:
    class Undeclared:
        at = START

    with pytest.raises(LookupError):
        await bus.publish(Undeclared())  # type: ignore[arg-type]
    with pytest.raises(LookupError):
        await bus.publish_recorded(Undeclared())  # type: ignore[arg-type]
    with pytest.raises(LookupError):
        bus.subscribe(Undeclared, Listener())  # type: ignore[type-var]


async def test_evidence_goes_through_the_recorder(bus: Bus) -> None:
    heard = Listener()
    bus.subscribe(IncidentChanged, heard)
    message = IncidentChanged(at=START, incident_id="i", state="open")
    with pytest.raises(Refused):
        await bus.publish(message)
    await bus.publish_recorded(message)
    await bus.drain()
    assert heard.heard == [message]


async def test_handled_is_told_once_after_the_last_handler(bus: Bus) -> None:
    told: list[int] = []
    heard = Listener()

    async def fails(_: VehicleChanged) -> None:
        raise RuntimeError("on purpose")

    async def listens(message: VehicleChanged) -> None:
        assert not told
        await heard(message)

    bus.subscribe(VehicleChanged, fails)
    bus.subscribe(VehicleChanged, listens)
    await bus.publish_recorded(vehicle(), lambda: told.append(len(heard.heard)))
    await bus.drain()
    assert told == [1]


async def test_close_is_final_and_repeatable(bus: Bus) -> None:
    bus.subscribe(VehicleChanged, Listener())
    await bus.publish(vehicle())
    await bus.drain()
    await bus.close()
    await bus.close()
