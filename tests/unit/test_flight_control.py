"""A pilot takes a drone, flies it, leaves it, or is gone."""

import pytest
from tests.unit.flight_world import NO_ANSWER, Crashed, Pilotless, place, refusal
from tests.unit.test_flight_missions import flying

from bowstreet.errors import Conflict, NotFound, NotPermitted, Refused
from bowstreet.flight import control
from bowstreet.flight.model import Command, Disarm, GoTo, Hold, Land, Orbit, Phase, PointGimbal, Waypoint, ZoomCamera
from bowstreet.flight.ports import Settled
from bowstreet.messages import ControlReleased, ControlTaken, VehicleGrounded, VehicleReleased


async def taken(phase: Phase = Phase.ON_SCENE, **options) -> Pilotless:  # type: ignore[no-untyped-def]
    world = await flying(until=phase, **options)
    for kind in (ControlTaken, ControlReleased):
        world.bus.subscribe(kind, world._hear)
    await world.flight.pilots.take("m1", "acc-1")
    return world


def alive(world: Pilotless, pilot: str = "acc-1"):  # type: ignore[no-untyped-def]
    """An `until` that never ends, and keeps the pilot's console alive."""

    def beat() -> bool:
        world.flight.pilots.heard(pilot)
        return world.phase("m1").is_final

    return beat


@pytest.mark.parametrize("phase", [Phase.OUTBOUND, Phase.ON_SCENE, Phase.RETURNING])
async def test_taken_it_holds_and_released_it_goes_on(phase: Phase) -> None:
    world = await taken(phase)
    assert world.phase("m1") is Phase.CONTROLLED
    assert isinstance(world.world.sent[-1][2], Hold)
    await world.run(20, until=alive(world))
    await world.flight.pilots.release("m1", "acc-1")
    assert world.phase("m1") is phase
    assert world.mission("m1").pilot is None
    await world.run(900, until=world.over("m1"))
    assert world.phase("m1") is Phase.DONE
    assert world.mission("m1").eyes_on_at is not None
    kinds = [type(one) for one in world.said if isinstance(one, ControlTaken | ControlReleased)]
    assert kinds == [ControlTaken, ControlReleased]


@pytest.mark.parametrize("phase", [Phase.PREFLIGHT, Phase.CLIMBING])
async def test_not_to_be_taken_before_it_is_on_its_way(phase: Phase) -> None:
    world = await flying(until=phase)
    with pytest.raises(Conflict):
        await world.flight.pilots.take("m1", "acc-1")


async def test_only_one_pilot_and_only_that_one_commands() -> None:
    world = await taken()
    with pytest.raises(Conflict, match="another pilot"):
        await world.flight.pilots.take("m1", "acc-2")
    with pytest.raises(NotPermitted):
        await world.flight.pilots.command("m1", "acc-2", Hold())
    with pytest.raises(NotPermitted):
        await world.flight.pilots.release("m1", "acc-2")
    with pytest.raises(NotFound):
        await world.flight.pilots.take("m9", "acc-1")
    await world.flight.pilots.take("m1", "acc-1")  # twice is once
    assert sum(isinstance(one, ControlTaken) for one in world.said) == 1


async def test_pilot_flies() -> None:
    world = await taken()
    there = Waypoint(position=place(700, 900), height_m_above_dock=60.0)
    await world.flight.pilots.command("m1", "acc-1", GoTo(waypoint=there))
    await world.flight.pilots.command("m1", "acc-1", PointGimbal(pitch_deg=-45.0))
    await world.run(30, until=alive(world))
    drone = world.world.drones["v1"]
    assert drone.at == there.position
    assert drone.gimbal_deg == -45.0
    assert world.phase("m1") is Phase.CONTROLLED
    await world.flight.pilots.release("m1", "acc-1")
    assert drone.gimbal_deg != -45.0  # level, or at the scene: never as the pilot left it


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (GoTo(waypoint=Waypoint(position=place(700, 900), height_m_above_dock=300.0)), "300 m"),
        (GoTo(waypoint=Waypoint(position=place(700, 900), height_m_above_dock=2.0)), "2 m"),
        (GoTo(waypoint=Waypoint(position=place(25_000, 900), height_m_above_dock=60.0)), "charge"),
        (Orbit(centre=Waypoint(position=place(700, 900), height_m_above_dock=60.0), radius_m=9_000.0), "circle"),
        (PointGimbal(pitch_deg=-120.0), "camera"),
        (Land(waypoint=Waypoint(position=place(700, 900), height_m_above_dock=0.0)), "not for a pilot"),
        (Disarm(), "not for a pilot"),
        (ZoomCamera(zoom=20.0), "zooms from 1 to 8 times"),
        (ZoomCamera(zoom=0.5), "zooms from 1 to 8 times"),
    ],
)
async def test_what_a_pilot_may_not_ask(command, words) -> None:  # type: ignore[no-untyped-def]
    world = await taken()
    sent = len(world.world.sent)
    with pytest.raises(Refused, match=words):
        await world.flight.pilots.command("m1", "acc-1", command)
    assert len(world.world.sent) == sent


def goto(east_m: float, height_m: float) -> GoTo:
    return GoTo(waypoint=Waypoint(position=place(east_m, 900), height_m_above_dock=height_m))


async def test_it_is_on_record_where_a_pilots_orders_may_have_it_go_until_one_of_them_was_taken() -> None:
    world = await taken()
    first, second, third = goto(700, 60.0), goto(600, 70.0), goto(500, 80.0)

    async def ordered(command: GoTo | Hold, *answer: Settled) -> list[float]:
        world.world.answers[type(command)] = list(answer)
        await world.flight.pilots.command("m1", "acc-1", command)
        return [goal.height_m_above_dock for goal, _ in control.may_go_to(world.mission("m1"))]

    assert await ordered(first) == [60.0]
    assert await ordered(second, refusal("outside its fence")) == [60.0], "it flies on to the first"
    assert await ordered(second, NO_ANSWER) == [60.0, 70.0], "which of them is not known"
    assert await ordered(third) == [80.0]
    assert await ordered(Hold(), refusal("not now")) == [80.0]
    assert await ordered(Hold()) == []
    assert await ordered(first) == [60.0]
    await world.flight.pilots.release("m1", "acc-1")
    assert control.may_go_to(world.mission("m1")) == ()
    await world.flight.pilots.take("m1", "acc-1")
    assert control.may_go_to(world.mission("m1")) == ()


async def test_where_a_pilot_has_sent_it_is_known_after_a_kill_too() -> None:
    world = await taken()
    first, second = goto(700, 60.0), goto(600, 70.0)
    await world.flight.pilots.command("m1", "acc-1", first)

    def killed(command_id: str, command: Command) -> None:
        raise Crashed

    world.world.before_send = killed
    with pytest.raises(Crashed):
        await world.flight.pilots.command("m1", "acc-1", second)
    world.world.before_send = lambda command_id, command: None
    world.world.gone()
    again = await Pilotless(world.world, world.store).start()
    await again.run(2, until=alive(again))
    assert again.phase("m1") is Phase.CONTROLLED
    goals = [goal for goal, _ in control.may_go_to(again.mission("m1"))]
    assert goals == [first.waypoint, second.waypoint], "whether the second was sent is not known"
    assert again.world.drones["v1"].target == first.waypoint
    await again.flight.pilots.take("m1", "acc-1")  # the same pilot: it flies on as it was sent
    assert [goal for goal, _ in control.may_go_to(again.mission("m1"))] == goals
    await again.flight.pilots.command("m1", "acc-1", Hold())
    assert control.may_go_to(again.mission("m1")) == ()


async def test_airspace_refuses_a_pilot_too() -> None:
    world = await taken(pilot_may_fly=lambda mission, start, place, reach_m: Refused("a prison is there"))
    with pytest.raises(Refused, match="prison"):
        await world.flight.pilots.command(
            "m1", "acc-1", GoTo(waypoint=Waypoint(position=place(700, 900), height_m_above_dock=60.0))
        )
    await world.flight.pilots.command("m1", "acc-1", Hold())


async def test_silent_console_is_flagged_within_5_s_and_then_taken_back() -> None:
    world = await taken()
    since = world.world.clock.now()
    await world.run(30, until=lambda: world.mission("m1").orphaned_at is not None)
    assert (world.world.clock.now() - since).total_seconds() <= 5.0
    assert world.phase("m1") is Phase.CONTROLLED
    await world.run(30, until=lambda: world.phase("m1") is not Phase.CONTROLLED)
    assert (world.world.clock.now() - since).total_seconds() <= 16.0
    assert world.phase("m1") in (Phase.ON_SCENE, Phase.RETURNING)
    assert "taken-back" in world.codes("m1")
    assert sum(isinstance(one, ControlReleased) for one in world.said) == 1
    await world.run(900, until=world.over("m1"))
    assert world.phase("m1") is Phase.DONE


async def test_pilot_who_comes_back_in_time_keeps_it_and_another_may_take_an_orphan() -> None:
    world = await taken()
    await world.run(30, until=lambda: world.mission("m1").orphaned_at is not None)
    await world.flight.pilots.heartbeat("acc-1")
    await world.run(2, until=alive(world))
    assert (world.mission("m1").pilot, world.mission("m1").orphaned_at) == ("acc-1", None)
    await world.run(30, until=lambda: world.mission("m1").orphaned_at is not None)
    await world.flight.pilots.take("m1", "acc-2")
    assert (world.phase("m1"), world.mission("m1").pilot) == (Phase.CONTROLLED, "acc-2")
    released = [one.pilot for one in world.said if isinstance(one, ControlReleased)]
    assert released == ["acc-1"]


async def test_below_bingo_the_pilot_is_told_and_at_the_least_it_comes_home() -> None:
    world = await taken()
    drone = world.world.drones["v1"]
    drone.charge = 0.34
    world.world.drones["v1"].draw = 3.0
    await world.run(900, until=lambda: alive(world)() or world.phase("m1") is Phase.RETURNING)
    codes = world.codes("m1")
    assert codes.index("bingo") < codes.index("hard-minimum")
    assert codes.count("bingo") == 1
    await world.run(900, until=world.over("m1"))
    assert world.phase("m1") is Phase.DONE
    assert not drone.exhausted


async def test_link_lost_under_a_pilot_ends_control() -> None:
    world = await taken()
    world.world.drones["v1"].silent = True
    await world.run(10, until=alive(world))
    assert (world.phase("m1"), world.mission("m1").pilot) == (Phase.CONTINGENCY, None)
    world.world.drones["v1"].silent = False
    await world.run(900, until=world.over("m1"))
    assert world.phase("m1") is Phase.DONE


async def test_recall_overrules_the_pilot() -> None:
    world = await taken()
    await world.recall("m1")
    assert (world.phase("m1"), world.mission("m1").pilot) == (Phase.RETURNING, None)


async def test_turned_under_a_pilot_it_flies_there_when_it_is_released() -> None:
    world = await taken()
    await world.turn("m1", "inc-other", place(-500, 700))
    assert world.phase("m1") is Phase.CONTROLLED
    await world.flight.pilots.release("m1", "acc-1")
    assert world.phase("m1") is Phase.OUTBOUND
    await world.run(600, until=lambda: world.phase("m1") is Phase.ON_SCENE)
    assert world.mission("m1").serving == "inc-other"


async def test_pilot_may_take_a_drone_whose_position_is_lost() -> None:
    world = await flying(until=Phase.ON_SCENE)
    world.world.drones["v1"].gps_ok = False
    await world.run(2)
    await world.flight.pilots.take("m1", "acc-1")
    await world.run(5, until=alive(world))
    assert world.phase("m1") is Phase.CONTROLLED
    assert not world.flight.picture.vehicle("v1").position_trusted


async def test_grounded_vehicle_is_sent_nowhere() -> None:
    world = await flying(until=Phase.OUTBOUND)
    await world.flight.ground("v1", "acc-9", "smells of smoke")
    assert world.flight.picture.vehicle("v1").status.value == "grounded"
    assert world.phase("m1") is Phase.OUTBOUND
    await world.flight.ground("v2", "acc-9", "propeller")
    await world.authorise("m2", "v2", place(300, 300))
    assert world.phase("m2") is Phase.ABORTED
    await world.flight.release("v2", "acc-9", "mended")
    await world.authorise("m3", "v2", place(300, 300))
    assert world.phase("m3") is Phase.PREFLIGHT
    again = await Pilotless(world.world, world.store).start()
    assert again.flight.picture.vehicle("v1").status.value == "grounded"
    with pytest.raises(NotFound):
        await world.flight.ground("v99", "acc-9", "")


async def test_who_grounds_and_releases_is_recorded() -> None:
    world = await flying(until=Phase.OUTBOUND)
    for kind in (VehicleGrounded, VehicleReleased):
        world.bus.subscribe(kind, world._hear)
    before = world.flight._recorder.size
    await world.flight.release("v2", "acc-9", "was never out")
    await world.flight.ground("v2", "acc-9", "propeller")
    await world.flight.release("v2", "acc-8", "mended")
    assert world.flight._recorder.size == before + 2
    told = [one for one in world.said if isinstance(one, VehicleGrounded | VehicleReleased)]
    assert [(type(one), one.by, one.reason) for one in told] == [
        (VehicleGrounded, "acc-9", "propeller"),
        (VehicleReleased, "acc-8", "mended"),
    ]
