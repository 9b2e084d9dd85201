"""Missions from authority to the closed lid, and what is done when a part of one does not go as it should."""

import pytest
from tests.unit.flight_world import NO_ANSWER, START, Pilotless, place, small_world

from bowstreet.flight.model import (
    Arm,
    CloseDock,
    ConfirmFailsafes,
    Disarm,
    DockStatus,
    GoTo,
    Hold,
    Land,
    OpenDock,
    Orbit,
    Phase,
    PointGimbal,
    TakeOff,
    VehicleStatus,
)
from bowstreet.flight.ports import Outcome, Settled
from bowstreet.messages import CommandIssued, CommandSettled

REFUSED = Settled(outcome=Outcome.REJECTED, detail="no")


async def flying(scene=(600, 800), *, until: Phase | None = None, **options) -> Pilotless:  # type: ignore[no-untyped-def]
    """A mission m1 of v1 on its way, as far as the phase `until`."""
    pilotless = await Pilotless(small_world(), **options).start()
    await pilotless.run(2)
    await pilotless.authorise("m1", "v1", place(*scene))
    if until is not None:
        await pilotless.run(600, until=lambda: pilotless.phase("m1") is until)
        assert pilotless.phase("m1") is until
    return pilotless


async def test_there_and_back() -> None:
    world = await flying()
    await world.run(900, until=world.over("m1"))
    mission = world.mission("m1")
    assert world.phases("m1") == ["preflight", "climbing", "outbound", "on-scene", "returning", "landing", "done"]
    assert mission.eyes_on_at is not None
    assert mission.took_off_at is not None
    assert mission.landed_at is not None
    assert (mission.eyes_on_at - mission.authorised_at).total_seconds() == pytest.approx(mission.plan.expected_eyes_on_s, abs=10)
    assert world.world.docks["d1"].status is DockStatus.CLOSED
    assert world.world.conflicts() == 0
    assert max(world.world.ids_sent().values()) == 1
    assert world.flight.picture.vehicle("v1").status is VehicleStatus.CHARGING
    # The camera looked down over the scene only: what it flew with the camera down is the last bit to the scene's centre.
    assert world.world.drones["v1"].low_gimbal_m < 20


async def test_every_command_is_in_the_record_before_it_is_sent_and_settled_after() -> None:
    world = await flying()
    issued: set[str] = set()
    world.world.before_send = lambda command_id, command: issued.add(command_id)
    recorded_first: list[bool] = []
    world.world.after_send = lambda command_id, command: recorded_first.append(
        any(isinstance(one, CommandIssued) and one.command_id == command_id for one in world.said)
    )
    await world.run(900, until=world.over("m1"))
    await world.flight.flush()
    assert all(recorded_first)
    settled = [one.command_id for one in world.said if isinstance(one, CommandSettled)]
    assert sorted(settled) == sorted(world.world.ids_sent())
    assert len(settled) == len(set(settled))


async def test_nothing_flies_without_incident_and_purpose() -> None:
    import msgspec

    from bowstreet.messages import LaunchAuthorised

    world = await Pilotless(small_world()).start()
    await world.run(2)
    mission = msgspec.structs.replace(world.planned("m1", "v1", place(600, 800)), purpose="")
    order = LaunchAuthorised(
        at=START, mission_id="m1", incident_id=mission.incident_id, vehicle_id="v1", dock_id="d1", purpose="",
        authorised_by="dispatch", reasons=(),
    )  # fmt: skip
    await world.recorder.record(save=[(world.flight.missions, mission)], messages=[order])
    assert world.phase("m1") is Phase.ABORTED
    assert world.world.sent == []


async def test_second_mission_for_a_busy_vehicle_is_called_off() -> None:
    world = await flying(until=Phase.OUTBOUND)
    await world.authorise("m2", "v1", place(300, 0))
    assert world.phase("m2") is Phase.ABORTED
    assert world.mission("m2").return_reason.code == "busy"  # type: ignore[union-attr]
    await world.run(900, until=world.over("m1"))
    assert world.phase("m1") is Phase.DONE


@pytest.mark.parametrize(
    ("command", "answers", "code"),
    [
        (OpenDock, [REFUSED] * 3, "dock-closed"),
        (OpenDock, [NO_ANSWER] * 3, "dock-closed"),
        (ConfirmFailsafes, [REFUSED] * 3, "failsafes"),
        (Arm, [REFUSED], "arm-refused"),
        (Arm, [NO_ANSWER], "did-not-arm"),
        (TakeOff, [REFUSED], "take-off-refused"),
        (TakeOff, [NO_ANSWER], "did-not-rise"),
    ],
)
async def test_launch_that_fails_is_called_off(command, answers, code) -> None:  # type: ignore[no-untyped-def]
    world = await Pilotless(small_world()).start()
    await world.run(2)
    world.world.answers[command] = list(answers)
    await world.authorise("m1", "v1", place(600, 800))
    await world.run(120, until=world.over("m1"))
    mission = world.mission("m1")
    assert mission.phase is Phase.ABORTED
    assert mission.return_reason is not None
    assert mission.return_reason.code == code
    assert mission.took_off_at is None
    drone = world.world.drones["v1"]
    assert drone.landed
    assert not drone.armed
    sent = [type(one) for _, _, one in world.world.sent]
    assert sent.count(Arm) <= 1
    assert sent.count(TakeOff) <= 1
    await world.run(60)
    assert world.world.docks["d1"].status is DockStatus.CLOSED
    assert world.flight.picture.vehicle("v1").status is VehicleStatus.READY


@pytest.mark.parametrize("command", [OpenDock, ConfirmFailsafes, GoTo, Orbit, PointGimbal, Land, CloseDock])
async def test_one_failure_of_what_may_be_repeated_does_not_end_a_flight(command) -> None:  # type: ignore[no-untyped-def]
    for answer in (REFUSED, NO_ANSWER):
        world = await Pilotless(small_world()).start()
        await world.run(2)
        world.world.answers[command] = [answer]
        await world.authorise("m1", "v1", place(600, 800))
        await world.run(900, until=world.over("m1"))
        mission = world.mission("m1")
        assert mission.phase is Phase.DONE, (command, answer)
        assert mission.eyes_on_at is not None
        assert max(world.world.ids_sent().values()) == 1
        await world.run(120)
        assert world.world.docks["d1"].status is DockStatus.CLOSED


async def test_drone_that_does_not_get_there_comes_home() -> None:
    world = await flying(until=Phase.OUTBOUND)
    world.world.answers[GoTo] = [REFUSED, REFUSED]
    # Accepted, and not flown: as a geofence does on some autopilots.
    world.world.drones["v1"].target = None
    await world.run(600, until=lambda: world.phase("m1") is Phase.RETURNING)
    assert world.mission("m1").return_reason.code == "no-progress"  # type: ignore[union-attr]
    await world.run(600, until=world.over("m1"))
    assert world.phase("m1") is Phase.DONE
    assert world.mission("m1").eyes_on_at is None


async def test_orbit_that_is_refused_becomes_a_hold() -> None:
    world = await flying(until=Phase.OUTBOUND)
    world.world.answers[Orbit] = [REFUSED]
    await world.run(600, until=lambda: world.phase("m1") is Phase.ON_SCENE)
    await world.run(2)
    assert isinstance(world.world.sent[-1][2], Hold)
    await world.run(600, until=world.over("m1"))
    assert world.phase("m1") is Phase.DONE


async def test_camera_that_does_not_turn_is_told() -> None:
    world = await flying(until=Phase.OUTBOUND)
    world.world.answers[PointGimbal] = [REFUSED] * 9
    await world.run(600, until=world.over("m1"))
    assert world.phase("m1") is Phase.DONE
    assert world.codes("m1").count("camera") == 2  # over the scene, and on the way home
    assert len([one for _, _, one in world.world.sent if isinstance(one, PointGimbal)]) == 1 + 3 + 3


# --- called back, turned ----------------------------------------------------------------------------------------------


async def test_recall_before_take_off_calls_it_off() -> None:
    world = await flying(until=Phase.PREFLIGHT)
    await world.recall("m1")
    assert world.phase("m1") is Phase.ABORTED
    assert world.world.drones["v1"].take_offs == 0
    await world.run(30)
    assert world.world.docks["d1"].status is DockStatus.CLOSED


@pytest.mark.parametrize("arms", [False, True])
async def test_recall_after_the_order_to_arm_disarms_first(arms: bool) -> None:
    world = await Pilotless(small_world()).start()
    await world.run(2)
    world.world.answers[Arm] = [Settled(outcome=Outcome.ACCEPTED)]  # heard, and not shown yet
    await world.authorise("m1", "v1", place(600, 800))
    await world.run(30, until=lambda: world.mission("m1").arm_ordered)
    world.world.drones["v1"].armed = arms
    await world.recall("m1")
    await world.run(30, until=world.over("m1"))
    assert world.phase("m1") is Phase.ABORTED
    drone = world.world.drones["v1"]
    assert (drone.take_offs, drone.armed) == (0, False)
    assert Disarm in [type(one) for _, _, one in world.world.sent]


async def test_recall_while_it_climbs_brings_it_back() -> None:
    world = await flying(until=Phase.CLIMBING)
    await world.run(3)
    await world.recall("m1")
    await world.run(300, until=world.over("m1"))
    assert world.phase("m1") is Phase.DONE
    assert "outbound" not in world.phases("m1")
    assert world.world.conflicts() == 0


@pytest.mark.parametrize("phase", [Phase.OUTBOUND, Phase.ON_SCENE, Phase.RETURNING, Phase.LANDING])
async def test_recall_in_the_air_brings_it_home_once(phase: Phase) -> None:
    world = await flying(until=phase)
    await world.recall("m1")
    await world.recall("m1")
    assert world.phase("m1") in (Phase.RETURNING, Phase.LANDING)
    await world.run(600, until=world.over("m1"))
    assert world.phase("m1") is Phase.DONE
    assert world.phases("m1").count("returning") == 1


@pytest.mark.parametrize("phase", [Phase.CLIMBING, Phase.OUTBOUND, Phase.ON_SCENE, Phase.RETURNING])
async def test_turned_in_the_air_it_flies_to_the_other_scene(phase: Phase) -> None:
    world = await flying(until=phase)
    await world.turn("m1", "inc-other", place(-500, 700))
    await world.run(600, until=lambda: world.mission("m1").serving == "inc-other" and world.phase("m1") is Phase.ON_SCENE)
    assert world.mission("m1").eyes_on_at == world.world.clock.now()
    await world.run(900, until=world.over("m1"))
    mission = world.mission("m1")
    assert (mission.phase, mission.incident_id) == (Phase.DONE, "inc-other")
    assert world.world.drones["v1"].take_offs == 1


async def test_turned_on_its_way_down_it_lands_and_has_not_seen_the_new_scene() -> None:
    world = await flying(until=Phase.LANDING)
    await world.run(60, until=lambda: world.mission("m1").land_ordered)
    await world.turn("m1", "inc-other", place(-500, 700))
    await world.run(300, until=world.over("m1"))
    mission = world.mission("m1")
    assert (mission.phase, mission.eyes_on_at) == (Phase.DONE, None)
    assert "too-late" in world.codes("m1")


# --- docks ------------------------------------------------------------------------------------------------------------


async def test_lid_that_jams_at_launch_calls_it_off() -> None:
    world = await Pilotless(small_world()).start()
    await world.run(2)
    await world.authorise("m1", "v1", place(600, 800))
    world.world.docks["d1"].jammed = True
    await world.run(5, until=world.over("m1"))
    assert world.phase("m1") is Phase.ABORTED
    assert world.mission("m1").return_reason.code == "dock-jammed"  # type: ignore[union-attr]


@pytest.mark.parametrize("phase", [Phase.OUTBOUND, Phase.ON_SCENE, Phase.RETURNING, Phase.LANDING])
@pytest.mark.parametrize("trouble", ["jams", "taken", "silent"])
async def test_home_dock_lost_diverts_within_5_s(phase: Phase, trouble: str) -> None:
    world = await flying(until=phase)
    home = world.world.docks["d1"]
    if trouble == "jams":
        home.jammed = True
    elif trouble == "taken":
        home.pads = [77, 78]
    else:
        home.silent = True
    since = world.world.clock.now()
    await world.run(30, until=lambda: world.mission("m1").diverted_to is not None)
    # A dock is silent for 10 s before that is taken for more than a gap.
    within_s = 5.0 + (10.0 if trouble == "silent" else 0.0)
    assert (world.world.clock.now() - since).total_seconds() <= within_s
    assert world.mission("m1").diverted_to == "d2"
    await world.run(900, until=world.over("m1"))
    assert world.phase("m1") is Phase.DONE
    assert 1 in world.world.docks["d2"].pads
    assert world.world.conflicts() == 0
    assert world.flight.picture.vehicle("v1").dock_id == "d2"


async def test_dock_that_does_not_open_diverts() -> None:
    world = await flying(until=Phase.RETURNING)
    world.world.answers[OpenDock] = [NO_ANSWER] * 4
    await world.run(300, until=world.over("m1"))
    assert (world.phase("m1"), world.mission("m1").diverted_to) == (Phase.DONE, "d2")


async def test_never_two_to_one_pad() -> None:
    """Both drones of d1 find it jammed; d2 has one pad left, d3 one."""
    world = await Pilotless(small_world()).start()
    await world.run(2)
    await world.authorise("m1", "v1", place(600, 800))
    await world.authorise("m2", "v2", place(650, 800))
    await world.run(600, until=lambda: world.phase("m1") is Phase.ON_SCENE)
    world.world.docks["d1"].jammed = True
    await world.run(5)
    assert {world.mission("m1").diverted_to, world.mission("m2").diverted_to} == {"d2", "d3"}
    await world.run(1_200, until=world.over("m1", "m2"))
    assert (world.phase("m1"), world.phase("m2")) == (Phase.DONE, Phase.DONE)
    assert world.world.conflicts() == 0


async def test_two_of_one_dock_take_turns_and_the_lid_stays_open_between_them() -> None:
    world = await Pilotless(small_world()).start()
    await world.run(2)
    await world.authorise("m1", "v1", place(600, 800))
    await world.authorise("m2", "v2", place(610, 800))
    closed_under = []
    world.world.after_send = lambda command_id, command: closed_under.append(
        isinstance(command, CloseDock) and any(one.armed and one.height_m < 20 for one in world.world.drones.values())
    )
    together = 0

    def count() -> bool:
        nonlocal together
        low = [one for one in world.world.drones.values() if not one.landed and one.height_m < 35 and one.ground_speed_mps < 1]
        together = max(together, len(low))
        return world.over("m1", "m2")()

    await world.run(1_200, until=count)
    assert (world.phase("m1"), world.phase("m2")) == (Phase.DONE, Phase.DONE)
    assert together == 1
    assert not any(closed_under)
    assert world.world.conflicts() == 0
    await world.run(90)
    assert world.world.docks["d1"].status is DockStatus.CLOSED


async def test_no_dock_at_all_lands_in_the_end_and_is_lost() -> None:
    world = await flying(until=Phase.ON_SCENE)
    for dock in world.world.docks.values():
        dock.jammed = True
    await world.run(3_600, step_s=1.0, until=world.over("m1"))
    drone = world.world.drones["v1"]
    assert drone.landed
    assert not drone.exhausted
    assert "cannot-land" in world.codes("m1")


async def test_lid_left_open_is_closed() -> None:
    world = await Pilotless(small_world()).start()
    world.world.docks["d3"].status = DockStatus.OPEN
    await world.run(90)
    assert world.world.docks["d3"].status is DockStatus.CLOSED
    assert world.world.sent[0][0].startswith("d3-idle-")


async def test_lid_that_does_not_close_does_not_hold_the_mission() -> None:
    world = await flying(until=Phase.LANDING)
    await world.run(60, until=lambda: world.mission("m1").landed_at is not None)
    world.world.docks["d1"].jammed = True
    await world.run(60, until=world.over("m1"))
    assert world.codes("m1")[-1] == "lid-open"
    assert world.phase("m1") is Phase.DONE
