"""kill -9 at every command boundary: nothing is sent twice, nothing flies twice, and every mission ends."""

from collections import Counter
from datetime import timedelta

import msgspec
import pytest
from tests.unit.flight_world import Crashed, Pilotless, place, small_world

from bowstreet.errors import StoreUnavailable
from bowstreet.flight.model import Arm, Command, OpenDock, Phase, TakeOff
from bowstreet.flight.service import NO_RECORD_S
from bowstreet.messages import CommandIssued, CommandSettled, LaunchAuthorised
from bowstreet.runtime.memory import MemoryStore

ORDERS = 16  # of an undisturbed flight; see the first test


async def fly_until_crash(number: int, *, before: bool) -> tuple[Pilotless, str]:
    """A flight whose program is killed right before or right after its n-th command is sent."""
    world = await Pilotless(small_world()).start()
    await world.run(2)
    sent = 0
    killed = ""

    def kill(command_id: str, command: Command) -> None:
        nonlocal sent, killed
        sent += 1
        if sent == number:
            killed = type(command).__name__
            raise Crashed

    if before:
        world.world.before_send = kill
    else:
        world.world.after_send = kill
    with pytest.raises(Crashed):  # noqa: PT012 - one life of the program
        await world.authorise("m1", "v1", place(600, 800))
        await world.run(900, until=world.over("m1"))
        raise AssertionError(f"only {sent} commands were sent")
    world.world.gone()
    world.world.before_send = world.world.after_send = lambda command_id, command: None
    return world, killed


async def test_how_many_orders_a_flight_has() -> None:
    world = await Pilotless(small_world()).start()
    await world.run(2)
    await world.authorise("m1", "v1", place(600, 800))
    await world.run(900, until=world.over("m1"))
    assert len(world.world.sent) == ORDERS


@pytest.mark.parametrize("down_s", [0.0, 8.0, 200.0])
@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("number", range(1, ORDERS + 1))
async def test_killed_at_a_command(number: int, before: bool, down_s: float) -> None:
    first, killed = await fly_until_crash(number, before=before)
    world = first.world
    for _ in range(int(down_s / 0.5)):
        await world.step(0.5)
    again = await Pilotless(world, first.store).start()
    uncertain = {one.command_id for one in again.said if isinstance(one, CommandSettled) and one.outcome == "uncertain"}
    assert f"m1-{number:03d}" in uncertain
    await again.run(1_200, until=again.over("m1"))
    mission, drone = again.mission("m1"), world.drones["v1"]
    assert mission.phase in (Phase.DONE, Phase.ABORTED), (killed, mission)
    assert max([0, *world.ids_sent().values()]) <= 1
    sent = Counter(type(command) for _, _, command in world.sent)
    assert sent[Arm] <= 1
    assert sent[TakeOff] <= 1
    assert drone.take_offs <= 1
    assert drone.landed
    assert not drone.armed
    if mission.phase is Phase.ABORTED:
        # It never left: the incident can be flown by another mission.
        assert drone.take_offs == 0
    else:
        assert drone.take_offs == 1
    assert world.conflicts() == 0
    await again.run(120)
    assert again.flight.picture.vehicle("v1").status.value in ("ready", "charging")
    # And the vehicle can be sent again.
    await again.authorise("m2", "v1", place(300, 300))
    await again.run(900, until=again.over("m2"))
    assert again.phase("m2") is Phase.DONE


@pytest.mark.parametrize("second_s", [0.5, 3.0, 12.0])
@pytest.mark.parametrize("number", [1, 4, 5, 9, 12, 14])
async def test_killed_again_while_it_recovers(number: int, second_s: float) -> None:
    first, _ = await fly_until_crash(number, before=False)
    again = await Pilotless(first.world, first.store).start()
    await again.run(second_s)
    first.world.gone()
    third = await Pilotless(first.world, first.store).start()
    await third.run(1_200, until=third.over("m1"))
    assert third.phase("m1") in (Phase.DONE, Phase.ABORTED)
    assert max(first.world.ids_sent().values()) == 1
    assert first.world.drones["v1"].take_offs <= 1


async def test_authority_that_was_recorded_and_not_heard_of_is_used_when_it_is_fresh() -> None:
    """Killed between dispatch's record and flight's first command."""
    for age_s, phase in ((5, Phase.DONE), (300, Phase.ABORTED)):
        world = small_world()
        first = await Pilotless(world).start()
        await first.run(2)
        mission = first.planned("m1", "v1", place(600, 800))
        await first.recorder.record(save=[(first.flight.missions, mission)])
        world.gone()
        world.clock.advance_to(world.clock.now() + timedelta(seconds=age_s))
        again = await Pilotless(world, first.store).start()
        await again.run(900, until=again.over("m1"))
        assert again.phase("m1") is phase
        assert max([0, *world.ids_sent().values()]) <= 1


async def test_authority_delivered_again_starts_nothing_twice() -> None:
    world = await Pilotless(small_world()).start()
    await world.run(2)
    mission = await world.authorise("m1", "v1", place(600, 800))
    await world.run(20)
    order = LaunchAuthorised(
        at=world.world.clock.now(), mission_id="m1", incident_id=mission.incident_id, vehicle_id="v1", dock_id="d1",
        purpose="response-999", authorised_by="dispatch", reasons=(),
    )  # fmt: skip
    await world.bus.publish_recorded(order)
    await world.run(900, until=world.over("m1"))
    await world.bus.publish_recorded(order)
    await world.run(5)
    assert world.phase("m1") is Phase.DONE
    assert Counter(type(one) for _, _, one in world.world.sent)[OpenDock] == 2


async def test_landed_while_nobody_looked() -> None:
    first, _ = await fly_until_crash(12, before=False)  # on its way home
    world, drone = first.world, first.world.drones["v1"]
    world.docks["d1"].status = world.docks["d1"].status.OPEN
    drone.at, drone.height_m = place(0, 0), 0.0
    world._touch(drone)
    again = await Pilotless(world, first.store).start()
    await again.run(60, until=again.over("m1"))
    assert again.phase("m1") is Phase.DONE
    assert "landed-unobserved" in again.codes("m1")


async def test_not_heard_after_the_start_is_not_lost_at_once() -> None:
    first, _ = await fly_until_crash(9, before=False)  # on its way out
    first.world.drones["v1"].silent = True
    first.world.drones["v1"].own_failsafe_s = 10_000.0
    again = await Pilotless(first.world, first.store).start()
    await again.run(60)
    assert again.phase("m1") is Phase.CONTINGENCY
    first.world.drones["v1"].silent = False
    await again.run(900, until=again.over("m1"))
    assert again.phase("m1") is Phase.DONE


async def test_under_a_pilot_it_stays_with_the_pilot_or_comes_back() -> None:
    world = await Pilotless(small_world()).start()
    await world.run(2)
    await world.authorise("m1", "v1", place(600, 800))
    await world.run(600, until=lambda: world.phase("m1") is Phase.ON_SCENE)
    await world.flight.pilots.take("m1", "acc-1")
    world.world.gone()
    again = await Pilotless(world.world, world.store).start()
    await again.run(3)
    assert (again.phase("m1"), again.mission("m1").pilot) == (Phase.CONTROLLED, "acc-1")
    await again.run(900, until=again.over("m1"))
    assert again.phase("m1") is Phase.DONE


async def test_vehicle_that_is_gone_from_the_configuration() -> None:
    first, _ = await fly_until_crash(9, before=False)
    del first.world.drones["v1"]
    again = await Pilotless(first.world, first.store).start()
    assert again.phase("m1") is Phase.LOST
    assert again.codes("m1") == ["no-vehicle"]
    assert [one.phase for one in again.flight.missions.all()] == [Phase.LOST]


async def test_dock_that_is_gone_from_the_configuration() -> None:
    first, _ = await fly_until_crash(9, before=False)
    del first.world.docks["d1"]
    again = await Pilotless(first.world, first.store).start()
    await again.run(1_200, until=again.over("m1"))
    assert again.phase("m1") is Phase.DONE
    assert again.mission("m1").diverted_to in ("d2", "d3")


# --- the record cannot be written -------------------------------------------------------------------------------------


class FullDisk(MemoryStore):
    """A store that takes nothing while `full`."""

    full = False

    async def commit(self, batch) -> None:  # type: ignore[no-untyped-def]
        if self.full:
            raise StoreUnavailable("no space left", remedy="make some")
        await super().commit(batch)


@pytest.mark.parametrize("phase", [Phase.CLIMBING, Phase.OUTBOUND, Phase.ON_SCENE, Phase.RETURNING, Phase.LANDING])
async def test_flights_fail_safe(phase: Phase) -> None:
    store = FullDisk()
    world = await Pilotless(small_world(), store).start()
    await world.run(2)
    await world.authorise("m1", "v1", place(600, 800))
    await world.run(600, until=lambda: world.phase("m1") is phase)
    store.full = True
    drone = world.world.drones["v1"]
    await world.run(900, until=lambda: drone.landed)
    assert drone.landed
    assert drone.at == place(0, 0)
    assert world.world.conflicts() == 0
    assert world.phase("m1") is phase  # as far as anybody can know
    store.full = False
    await world.run(60, until=world.over("m1"))
    assert world.phase("m1") is Phase.DONE
    issued = [one.command_id for one in world.said if isinstance(one, CommandIssued)]
    assert set(issued) >= set(world.world.ids_sent())
    assert len(set(issued)) == len(issued)


async def test_a_flight_with_nothing_to_record_comes_home_when_others_cannot_record() -> None:
    store = FullDisk()
    world = await Pilotless(small_world(), store).start()
    await world.run(2)
    await world.authorise("m1", "v1", place(600, 800))
    await world.run(600, until=lambda: world.phase("m1") is Phase.ON_SCENE)
    await world.run(5)
    store.full = True
    with pytest.raises(StoreUnavailable):
        await world.flight.ground("v2", "acc-1", "somebody else's act")
    await world.run(NO_RECORD_S - 2.0)
    assert world.flight.mission_of("v1").return_reason is None, "no hiccup brings it home"
    await world.run(5)
    assert world.flight.mission_of("v1").return_reason.code == "no-record"
    store.full = False
    await world.run(900, until=world.over("m1"))
    assert world.phase("m1") is Phase.DONE
    assert "no-record" in world.codes("m1")


@pytest.mark.parametrize("when", ["before", "preflight"])
async def test_launches_fail_closed(when: str) -> None:
    store = FullDisk()
    world = await Pilotless(small_world(), store).start()
    await world.run(2)
    if when == "before":
        store.full = True
        with pytest.raises(StoreUnavailable):
            await world.authorise("m1", "v1", place(600, 800))
        assert world.world.sent == []
        return
    await world.authorise("m1", "v1", place(600, 800))
    store.full = True
    await world.run(30)
    assert world.world.drones["v1"].take_offs == 0
    assert not world.world.drones["v1"].armed
    store.full = False
    await world.run(900, until=world.over("m1"))
    assert world.phase("m1") in (Phase.DONE, Phase.ABORTED)


async def test_mission_survives_its_encoding() -> None:
    world = await Pilotless(small_world()).start()
    await world.run(2)
    await world.authorise("m1", "v1", place(600, 800))
    await world.run(100)
    mission = world.mission("m1")
    assert msgspec.json.decode(msgspec.json.encode(mission), type=type(mission)) == mission
