"""Links, positions, batteries and winds that fail in flight."""

from datetime import timedelta

import msgspec
import pytest
from tests.unit.flight_world import START, Pilotless, place, small_world
from tests.unit.test_flight_missions import flying

from bowstreet.flight.airframes import PATROL_QUADCOPTER
from bowstreet.flight.failsafe import STALE_S
from bowstreet.flight.model import Phase, PointGimbal, Telemetry, VehicleStatus, Wind
from bowstreet.flight.position import JUMPED, OFF, STUCK, Fix, judge
from bowstreet.geo import Position
from bowstreet.messages import MissionChanged, VehicleChanged

# --- link -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("phase", [Phase.CLIMBING, Phase.OUTBOUND, Phase.ON_SCENE, Phase.RETURNING, Phase.LANDING])
@pytest.mark.parametrize("lasts_s", [1, 10, 60])
async def test_link_loss(phase: Phase, lasts_s: int) -> None:
    world = await flying(until=phase)
    drone = world.world.drones["v1"]
    since = world.world.clock.now()
    drone.silent = True
    sent = len(world.world.sent)
    marked: list[float] = []

    def watch() -> bool:
        if not marked and world.flight.picture.vehicle("v1").status is VehicleStatus.STALE:
            marked.append((world.world.clock.now() - since).total_seconds())
        return False

    await world.run(lasts_s, until=watch)
    if lasts_s > STALE_S:
        assert marked
        assert marked[0] <= 3.5
        assert world.phase("m1") is Phase.CONTINGENCY
        # Nothing was ordered while nobody could hear it; only the lid may have been, which is another peer.
        assert [one for one in world.world.sent[sent:] if one[1] == "v1"] == []
    else:
        assert "contingency" not in world.phases("m1")
    drone.silent = False
    await world.run(900, until=world.over("m1"))
    assert world.phase("m1") is Phase.DONE
    assert drone.take_offs == 1
    assert world.world.conflicts() == 0
    if lasts_s == 10 and phase is Phase.OUTBOUND:
        assert world.mission("m1").eyes_on_at is not None  # a short gap does not end a flight
    if lasts_s == 60 and phase in (Phase.CLIMBING, Phase.OUTBOUND):
        assert world.mission("m1").eyes_on_at is None


async def test_one_way_link_is_no_loss_until_something_is_ordered() -> None:
    world = await flying(until=Phase.ON_SCENE)
    drone = world.world.drones["v1"]
    drone.deaf = True
    drone.own_failsafe_s = 200.0
    await world.run(200, until=lambda: world.codes("m1").count("no-progress") == 1)
    assert world.phase("m1") is Phase.RETURNING
    drone.deaf = False
    await world.run(900, until=world.over("m1"))
    assert world.phase("m1") is Phase.DONE


@pytest.mark.parametrize("phase", [Phase.OUTBOUND, Phase.ON_SCENE])
async def test_who_comes_home_by_itself_gives_its_scene_up(phase: Phase) -> None:
    """It does not hear us, and we hear it: its own failsafe acts, and the incident need not wait."""
    world = await flying(until=phase)
    drone = world.world.drones["v1"]
    drone.deaf = True
    await world.run(40, until=lambda: world.phase("m1") is Phase.RETURNING)
    assert "own-failsafe" in world.codes("m1")
    drone.deaf = False
    await world.run(900, until=world.over("m1"))
    assert world.phase("m1") is Phase.DONE
    assert drone.take_offs == 1


async def test_never_heard_again_is_lost_when_its_charge_must_be_gone() -> None:
    world = await flying(until=Phase.OUTBOUND)
    world.world.drones["v1"].silent = True
    world.world.docks["d1"].jammed = True  # its own failsafe brings it over a closed lid
    await world.run(3_600, step_s=1.0, until=world.over("m1"))
    assert world.phase("m1") is Phase.LOST
    assert (world.world.clock.now() - world.mission("m1").authorised_at) < timedelta(minutes=40)
    assert world.flight.picture.vehicle("v1").status is VehicleStatus.STALE


async def test_landed_by_itself_in_its_dock_is_home() -> None:
    world = await flying(until=Phase.OUTBOUND)
    drone = world.world.drones["v1"]
    drone.silent = True
    await world.run(30)
    # What its own failsafe does while nobody hears it.
    drone.at, drone.height_m = place(0, 0), 0.0
    world.world._touch(drone)
    drone.silent = False
    await world.run(60, until=world.over("m1"))
    assert world.phase("m1") is Phase.DONE
    assert "landed-unobserved" in world.codes("m1")


async def test_landed_elsewhere_calls_for_a_person() -> None:
    world = await flying(until=Phase.OUTBOUND)
    await world.run(20)
    drone = world.world.drones["v1"]
    drone.height_m = 0.0
    world.world._touch(drone)
    await world.run(5, until=world.over("m1"))
    assert world.phase("m1") is Phase.LOST
    view = world.flight.picture.vehicle("v1")
    assert (view.status, view.reason) == (VehicleStatus.UNFIT, "not in a dock")


async def test_replacement_can_be_offered_while_it_is_stale() -> None:
    """The status that dispatch hears of: STALE within 3 s, and no second mission for the same vehicle."""
    world = await flying(until=Phase.ON_SCENE)
    world.world.drones["v1"].silent = True
    await world.run(3)
    told = [one.status for one in world.said if isinstance(one, VehicleChanged) and one.vehicle_id == "v1"]
    assert told[-1] == "stale"
    await world.authorise("m2", "v1", place(100, 100))
    assert world.phase("m2") is Phase.ABORTED


# --- position ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["off", "stuck", "wrong"])
@pytest.mark.parametrize("lasts_s", [8, 40])
async def test_position_fault_is_found_labelled_and_flown_through(fault: str, lasts_s: int) -> None:
    world = await flying(until=Phase.OUTBOUND)
    await world.run(10)
    drone = world.world.drones["v1"]
    if fault == "off":
        drone.gps_ok = False
    elif fault == "stuck":
        drone.shown_at = drone.at
    else:
        drone.shown_at = Position(latitude_deg=drone.at.latitude_deg + 0.01, longitude_deg=drone.at.longitude_deg)
    await world.run(lasts_s, until=lambda: world.phase("m1") is Phase.CONTINGENCY)
    assert world.phase("m1") is Phase.CONTINGENCY
    assert not world.flight.picture.vehicle("v1").position_trusted
    assert drone.gimbal_deg == 0.0
    await world.run(lasts_s)
    assert world.phase("m1") is Phase.CONTINGENCY  # wrong stays wrong, however long it is
    drone.gps_ok, drone.shown_at = True, None
    await world.run(900, until=world.over("m1"))
    assert world.phase("m1") is Phase.DONE
    assert world.flight.picture.vehicle("v1").position_trusted


async def test_blind_for_good_it_comes_down_where_it_is() -> None:
    world = await flying(until=Phase.OUTBOUND)
    world.world.drones["v1"].gps_ok = False
    await world.run(900, until=world.over("m1"))
    assert world.phase("m1") is Phase.LOST
    assert world.world.drones["v1"].landed
    assert not world.world.drones["v1"].exhausted


def word(seconds: float, position: Position, speed_mps: float = 10.0, *, gps_ok: bool = True) -> Telemetry:
    return Telemetry(
        vehicle_id="v", at=START + timedelta(seconds=seconds), position=position, altitude_m_amsl=100.0,
        height_m_above_dock=70.0, heading_deg=0.0, ground_speed_mps=speed_mps, vertical_speed_mps=0.0, charge_fraction=0.8,
        armed=True, landed=False, gps_ok=gps_ok, ready_to_arm=False, gimbal_pitch_deg=0.0,
    )  # fmt: skip


def follow(*words: Telemetry) -> Fix:
    fix = None
    for one in words:
        fix = judge(fix, one)
    assert fix is not None
    return fix


def test_what_a_drone_can_have_flown_is_believed() -> None:
    assert follow(*(word(k * 0.1, place(k * 1.0, 0)) for k in range(200))).doubt == ""
    assert follow(word(0, place(0, 0)), word(60, place(900, 0))).doubt == ""  # a gap


def test_off_stuck_and_wrong_are_told_apart() -> None:
    assert follow(word(0, place(0, 0)), word(1, place(10, 0), gps_ok=False)).doubt == OFF
    assert follow(*(word(k, place(0, 0)) for k in range(4))).doubt == STUCK
    assert follow(word(0, place(0, 0)), word(0.1, place(500, 0))).doubt == JUMPED


def test_a_word_without_a_new_position_does_not_say_that_it_stands_still() -> None:
    """After a gap in the link a heartbeat may come before the next position."""
    words = [word(0.0, place(0, 0)), word(0.2, place(2, 0))]
    words += [msgspec.structs.replace(word(seconds, place(2, 0)), position_age_s=seconds - 0.2) for seconds in (1.2, 2.2, 3.0)]
    assert follow(*words, word(3.1, place(45, 0), 15.0)).doubt == ""
    assert follow(*words[:2], *(word(seconds, place(2, 0)) for seconds in (1.2, 2.2, 3.0))).doubt == "gps-stuck"


def test_hovering_is_not_stuck() -> None:
    assert follow(*(word(k, place(0, 0), 0.0) for k in range(600))).doubt == ""


def test_led_astray_stays_untrusted_until_it_is_back() -> None:
    astray = [word(0, place(0, 0), 0.0), *(word(k, place(800 + k, 0), 1.0) for k in range(1, 300))]
    assert follow(*astray).doubt == JUMPED
    assert follow(*astray, word(300, place(5, 0), 1.0)).doubt == ""


def test_words_out_of_order_change_nothing() -> None:
    first = follow(word(5, place(0, 0)))
    assert judge(first, word(4, place(900, 0))) is first


# --- battery and wind -------------------------------------------------------------------------------------------------


async def test_bingo_brings_it_home_before_its_time_is_over() -> None:
    world = await Pilotless(small_world()).start()
    world.world.drones["v1"].charge = 0.46
    await world.run(2)
    await world.authorise("m1", "v1", place(600, 800))
    world.world.drones["v1"].draw = 1.6  # worse than any margin
    await world.run(900, until=world.over("m1"))
    assert world.phase("m1") is Phase.DONE
    assert world.mission("m1").return_reason.code == "bingo"  # type: ignore[union-attr]
    assert not world.world.drones["v1"].exhausted


@pytest.mark.parametrize("gauge", [lambda charge: 0.9, lambda charge: min(1.0, charge + 0.3)])
async def test_gauge_that_does_not_fall_is_overruled_by_the_clock(gauge) -> None:  # type: ignore[no-untyped-def]
    """It tells 90% for ever, or 30% too much: the time in the air says otherwise."""
    import msgspec

    from bowstreet.flight.failsafe import believed_charge

    world = await flying(until=Phase.OUTBOUND)
    drone = world.world.drones["v1"]
    drone.gauge = gauge
    await world.run(1)
    mission = msgspec.structs.replace(world.mission("m1"), charge_at_take_off=0.9)
    after = world.world.clock.now() + timedelta(minutes=10)
    word_then = msgspec.structs.replace(world.world.telemetry(drone), at=after)
    least = 10 * 60 * PATROL_QUADCOPTER.hover_w / 3600 / PATROL_QUADCOPTER.battery_wh
    assert believed_charge(mission, word_then, PATROL_QUADCOPTER, after) <= 0.9 - least + 0.03


async def test_wind_that_rises_over_the_scene_brings_it_home_sooner() -> None:
    stays = []
    for rising in (False, True):
        world = await Pilotless(small_world(Wind(speed_mps=2.0, from_deg=225.0))).start()
        world.world.drones["v1"].charge = 0.62
        await world.run(2)
        mission = await world.authorise("m1", "v1", place(1_500, 1_500))
        import msgspec

        long = msgspec.structs.replace(mission, plan=msgspec.structs.replace(mission.plan, on_scene_s=900.0))
        await world.recorder.record(save=[(world.flight.missions, long)])
        await world.run(600, until=lambda world=world: world.phase("m1") is Phase.ON_SCENE)
        assert world.phase("m1") is Phase.ON_SCENE
        since = world.world.clock.now()
        if rising:
            world.world.wind = Wind(speed_mps=9.0, from_deg=225.0)
        await world.run(900, until=lambda world=world: world.phase("m1") is Phase.RETURNING)
        stays.append((world.world.clock.now() - since).total_seconds())
        await world.run(1_800, until=world.over("m1"))
        assert world.phase("m1") is Phase.DONE
        assert world.world.drones["v1"].charge > 0.2
    assert stays[1] < stays[0] - 60


async def test_short_of_charge_on_the_way_home_takes_the_nearer_dock() -> None:
    """Home is 2.4 km off and the wind has turned against it; d3 is right below."""
    world = await Pilotless(small_world()).start()
    await world.run(2)
    await world.authorise("m1", "v1", place(2_400, 600))
    await world.run(900, until=lambda: world.phase("m1") is Phase.RETURNING)
    world.world.drones["v1"].charge = 0.12
    await world.run(900, until=world.over("m1"))
    assert (world.phase("m1"), world.mission("m1").diverted_to) in ((Phase.DONE, "d3"), (Phase.DONE, "d2"))
    assert "short-of-charge" in world.codes("m1")
    assert not world.world.drones["v1"].exhausted


async def test_camera_is_level_wherever_the_rules_fly_off_the_scene() -> None:
    world = await flying(until=Phase.ON_SCENE)
    world.world.drones["v1"].gps_ok = False
    await world.run(2)
    pitches = [one.pitch_deg for _, _, one in world.world.sent if isinstance(one, PointGimbal)]
    assert pitches[-1] == 0.0
    world.world.drones["v1"].gps_ok = True
    await world.run(1)
    assert world.phase("m1") is Phase.ON_SCENE
    assert world.world.drones["v1"].gimbal_deg < -30


async def test_changes_are_told_once() -> None:
    world = await flying(until=Phase.ON_SCENE)
    world.world.drones["v1"].silent = True
    await world.run(15)
    told = [one for one in world.said if isinstance(one, MissionChanged) and one.phase == "contingency"]
    assert len(told) == 1
