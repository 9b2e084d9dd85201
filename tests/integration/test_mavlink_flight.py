"""The link flies the simulated fleet: real packets over real sockets to another program, both brands' habits."""

from pathlib import Path

import pytest
from pymavlink.dialects.v20 import ardupilotmega as mavlink
from tests.integration import mavlink_world
from tests.integration.mavlink_world import (
    BRANDS,
    FleetProgram,
    GroundStation,
    above,
    both_brands,
    city,
    dock_place,
    fleet,
    ground_station,
)  # fmt: skip

from bowstreet.flight.model import (
    Arm,
    CloseDock,
    ConfirmFailsafes,
    Disarm,
    GoTo,
    Hold,
    Land,
    OpenDock,
    Orbit,
    PointGimbal,
    SetSpeed,
    TakeOff,
)
from bowstreet.flight.ports import Outcome
from bowstreet.flight.reckoning import distance_m
from bowstreet.simulation.layout import Autopilot

# Acknowledgements within fractions of a real second: these run alone.
pytestmark = pytest.mark.live
nothing_is_sent_again_in_haste = mavlink_world.nothing_is_sent_again_in_haste

SPEED = 25.0
# Armed and not flown, both brands disarm after ten seconds of the fast clock; retransmission keeps to real time.
LOSSY_SPEED = 4.0
# A second of latency is a fifth of a real one: more than a busy machine adds of its own.
LATE_SPEED = 5.0


async def fly_to(station: GroundStation, number: int, height_m: float = 40.0) -> None:
    """Off the pad and up."""
    drone, dock = f"drone-{number}", f"dock-{number}"
    await station.ready(drone)
    await station.open_dock(dock)
    await station.accepted(drone, ConfirmFailsafes())
    await station.accepted(drone, Arm())
    await station.accepted(drone, TakeOff(height_m_above_dock=height_m))
    await station.until(lambda: station.telemetry[drone].height_m_above_dock > height_m - 2.0, 60.0, "climbed")


@both_brands
async def test_out_round_the_scene_and_home(brand: Autopilot, tmp_path: Path) -> None:
    layout = city([brand])
    place = dock_place(layout, 0)
    async with fleet(layout, tmp_path, SPEED) as program, ground_station(layout, SPEED) as station:
        await fly_to(station, 0)
        scene = above(place, 80.0, east_m=350.0, north_m=150.0)
        await station.accepted("drone-0", SetSpeed(ground_speed_mps=13.0))
        await station.accepted("drone-0", GoTo(waypoint=scene))
        await station.until(
            lambda: distance_m(station.telemetry["drone-0"].position, scene.position) < 150.0, 60.0, "well on its way"
        )
        assert station.telemetry["drone-0"].ground_speed_mps == pytest.approx(13.0, abs=1.0)
        # The camera looks level in flight, told against the horizon also where the autopilot tells it to the airframe.
        assert station.telemetry["drone-0"].gimbal_pitch_deg == pytest.approx(0.0, abs=6.0)
        await station.until(lambda: distance_m(station.telemetry["drone-0"].position, scene.position) < 5.0, 60.0, "at the scene")
        await station.accepted("drone-0", PointGimbal(pitch_deg=-63.0))
        await station.accepted("drone-0", Orbit(centre=scene, radius_m=40.0))
        await station.until(
            lambda: abs(distance_m(station.telemetry["drone-0"].position, scene.position) - 40.0) < 3.0, 60.0, "on the circle"
        )
        began = len(station.history)
        await station.clock.sleep(30.0)
        round_it = station.history[began:]
        assert all(abs(distance_m(one.position, scene.position) - 40.0) < 6.0 for one in round_it)
        assert max(distance_m(round_it[0].position, one.position) for one in round_it) > 40.0, "it goes round"
        assert all(one.height_m_above_dock == pytest.approx(80.0, abs=1.0) for one in round_it)
        assert station.telemetry["drone-0"].gimbal_pitch_deg == pytest.approx(-63.0, abs=4.0)
        await station.accepted("drone-0", Hold())
        await station.until(lambda: station.telemetry["drone-0"].ground_speed_mps < 0.3, 30.0, "holds")
        await station.accepted("drone-0", GoTo(waypoint=above(place, 60.0)))
        await station.until(lambda: distance_m(station.telemetry["drone-0"].position, place) < 10.0, 90.0, "home")
        await station.accepted("drone-0", Land(waypoint=above(place, 0.0)))
        await station.until(
            lambda: station.telemetry["drone-0"].landed and not station.telemetry["drone-0"].armed, 90.0, "landed"
        )
        await station.until(lambda: station.reports["dock-0"].pads == (1, 0, 0), 10.0, "seen on its pad")
        await station.accepted("dock-0", CloseDock(dock_id="dock-0"))
        truth = await program.events("drone-0")
        assert [one["event"] for one in truth if one["event"] in ("arm", "takeoff", "landed", "disarm")] == [
            "arm", "takeoff", "landed", "disarm",
        ]  # fmt: skip
        assert next(one for one in truth if one["event"] == "landed")["dock"] == "dock-0"
        assert not station.link.rejected


@both_brands
async def test_what_is_ordered_after_an_orbit_is_not_undone(brand: Autopilot, tmp_path: Path) -> None:
    layout = city([brand])
    place = dock_place(layout, 0)
    async with fleet(layout, tmp_path, SPEED), ground_station(layout, SPEED) as station:
        await fly_to(station, 0)
        scene = above(place, 80.0, east_m=60.0)
        await station.accepted("drone-0", Orbit(centre=scene, radius_m=20.0))
        await station.clock.sleep(15.0)
        away = above(place, 80.0, east_m=60.0, north_m=400.0)
        await station.accepted("drone-0", GoTo(waypoint=away))
        await station.until(lambda: distance_m(station.telemetry["drone-0"].position, scene.position) > 150.0, 60.0, "it leaves")


async def resent(program: FleetProgram, station: GroundStation) -> bool:
    """Whether a command came that had been sent before. The few of a flight may all come at once: three in a hundred do; of thirty
    more none does. (COMMAND_INT has no confirmation field, so that it does not show.)"""
    for number in range(30):
        if any(one.get("confirmation", 0) > 0 for one in await program.events("drone-0", "command")):
            return True
        await station.accepted("drone-0", PointGimbal(pitch_deg=-10.0 - number))
    return False


@both_brands
async def test_three_packets_in_ten_lost(brand: Autopilot, tmp_path: Path) -> None:
    """Every command comes through by retransmission, and none acts twice."""
    layout = city([brand])
    place = dock_place(layout, 0)
    async with fleet(layout, tmp_path, LOSSY_SPEED, "--seed", "7") as program, ground_station(layout, LOSSY_SPEED) as station:
        await station.ready("drone-0")
        for name in ("drone-0", "dock-0"):
            await program.ask(op="fault", target=name, kind="loss", share=0.3)
        await fly_to(station, 0, 15.0)
        await station.accepted("drone-0", SetSpeed(ground_speed_mps=12.0))
        for east_m in (60.0, 20.0, 80.0, 0.0):
            await station.accepted("drone-0", GoTo(waypoint=above(place, 20.0, east_m=east_m)))
        await station.until(lambda: distance_m(station.telemetry["drone-0"].position, place) < 3.0, 60.0, "back over the dock")
        assert await resent(program, station), "what is lost is sent again"
        await station.accepted("drone-0", Land(waypoint=above(place, 0.0)))
        await station.until(
            lambda: station.telemetry["drone-0"].landed and not station.telemetry["drone-0"].armed, 90.0, "landed"
        )
        truth = await program.events("drone-0")
        counts = {name: sum(one["event"] == name for one in truth) for name in ("arm", "takeoff", "landed")}
        assert counts == {"arm": 1, "takeoff": 1, "landed": 1}


@both_brands
async def test_ground_station_lost_for_good(brand: Autopilot, tmp_path: Path) -> None:
    """The vehicle's own failsafe, once confirmed, brings it home into its dock, which lets it in."""
    layout = city([brand])
    place = dock_place(layout, 0)
    async with fleet(layout, tmp_path, SPEED) as program:
        async with ground_station(layout, SPEED) as station:
            await fly_to(station, 0)
            await station.accepted("drone-0", GoTo(waypoint=above(place, 60.0, east_m=150.0)))
            await station.accepted("dock-0", CloseDock(dock_id="dock-0"))
            await station.until(lambda: distance_m(station.telemetry["drone-0"].position, place) > 100.0, 60.0, "away")
            clock = station.clock
        for _ in range(200):
            if (await program.status("drone-0"))["dock"] == "dock-0" and not (await program.status("drone-0"))["armed"]:
                break
            await clock.sleep(1.0)
        events = [one["event"] for one in await program.events("drone-0")]
        assert events.count("failsafe") == 1
        assert (await program.status("drone-0"))["dock"] == "dock-0"
        assert [one["event"] for one in await program.events("dock-0")].count("opens for its own") >= 1


async def test_failsafe_is_off_until_confirmed(tmp_path: Path) -> None:
    """As on the real ones: what is not confirmed does not act."""
    layout = city(BRANDS)
    async with fleet(layout, tmp_path, SPEED) as program:
        async with ground_station(layout, SPEED) as station:
            for number in (0, 1):
                drone, dock = f"drone-{number}", f"dock-{number}"
                await station.ready(drone)
                await station.open_dock(dock)
                await station.accepted(drone, Arm())
                await station.accepted(drone, TakeOff(height_m_above_dock=30.0))
            await station.until(lambda: all(one.height_m_above_dock > 28.0 for one in station.telemetry.values()), 60.0)
        await station.clock.sleep(40.0)
        for number in (0, 1):
            assert not await program.events(f"drone-{number}", "failsafe")
            assert not (await program.status(f"drone-{number}"))["landed"]


async def test_link_lost_for_a_while_and_one_way(tmp_path: Path) -> None:
    layout = city(["px4"])
    place = dock_place(layout, 0)
    async with fleet(layout, tmp_path, SPEED) as program, ground_station(layout, SPEED) as station:
        await fly_to(station, 0)
        await program.ask(op="fault", target="drone-0", kind="link", seconds=15)
        await station.until(lambda: (station.link.heard_s_ago("drone-0") or 0.0) > 3.0, 20.0, "silent")
        sent = await station.send("drone-0", GoTo(waypoint=above(place, 60.0, east_m=50.0)))
        assert sent.outcome in (Outcome.TIMED_OUT, Outcome.ACCEPTED)
        await station.until(lambda: (station.link.heard_s_ago("drone-0") or 9.0) < 1.5, 20.0, "heard again")
        assert not await program.events("drone-0", "failsafe")
        # It is heard, and hears nothing.
        await program.ask(op="fault", target="drone-0", kind="link", way="up", seconds=40)
        before = len(await program.events("drone-0", "command"))
        settled = await station.send("drone-0", GoTo(waypoint=above(place, 60.0, east_m=90.0)))
        assert settled.outcome is Outcome.TIMED_OUT
        assert len(await program.events("drone-0", "command")) == before
        await station.until(lambda: (station.link.heard_s_ago("drone-0") or 9.0) < 2.0, 10.0, "still heard")
        # Nothing is sent after the call has ended: what was given up stays given up.
        await station.clock.sleep(20.0)
        assert len(await program.events("drone-0", "command")) == before


@both_brands
async def test_who_is_not_heard_but_hears_us_comes_home_by_itself(brand: Autopilot, tmp_path: Path) -> None:
    """Our heartbeats would keep it where it was sent last, for as long as its battery lasts."""
    layout = city([brand])
    async with fleet(layout, tmp_path, SPEED) as program, ground_station(layout, SPEED) as station:
        await fly_to(station, 0)
        await program.ask(op="fault", target="drone-0", kind="link", way="down", seconds=70)
        await station.clock.sleep(30.0)
        assert not await program.events("drone-0", "failsafe"), "a short gap does not end a flight"
        await station.clock.sleep(20.0)
        assert await program.events("drone-0", "failsafe")
        await station.until(lambda: (station.link.heard_s_ago("drone-0") or 99.0) < 2.0, 60.0, "heard again")


async def test_latency_of_two_seconds(tmp_path: Path) -> None:
    """Late acknowledgements of what was sent again are not taken for those of the next command."""
    layout = city(["ardupilot"])
    place = dock_place(layout, 0)
    async with fleet(layout, tmp_path, LATE_SPEED) as program, ground_station(layout, LATE_SPEED) as station:
        await fly_to(station, 0, 15.0)
        await program.ask(op="fault", target="drone-0", kind="fence", radius_m=300.0)
        await program.ask(op="fault", target="drone-0", kind="latency", delay_s=1.0)
        await station.accepted("drone-0", GoTo(waypoint=above(place, 60.0, east_m=50.0)))
        refused = await station.send("drone-0", GoTo(waypoint=above(place, 60.0, east_m=500.0)))
        assert refused.outcome is Outcome.REJECTED, refused


@pytest.mark.usefixtures("nothing_is_sent_again_in_haste")
@both_brands
async def test_a_place_outside_its_fence(brand: Autopilot, tmp_path: Path) -> None:
    """ArduCopter refuses in the acknowledgement; PX4 accepts, and only says that it does not go."""
    layout = city([brand])
    place = dock_place(layout, 0)
    async with fleet(layout, tmp_path, 5.0) as program, ground_station(layout, 5.0) as station:
        await fly_to(station, 0, 20.0)
        await program.ask(op="fault", target="drone-0", kind="fence", radius_m=200.0)
        await station.accepted("drone-0", GoTo(waypoint=above(place, 40.0, east_m=100.0)))
        settled = await station.send("drone-0", GoTo(waypoint=above(place, 40.0, east_m=400.0)))
        assert settled.outcome is Outcome.REJECTED
        assert "FAILED" in settled.detail if brand == "ardupilot" else "outside geofence" in settled.detail
        orders = [one for one in await program.events("drone-0", "command") if one["command"] == mavlink.MAV_CMD_DO_REPOSITION]
        assert len(orders) == 2


async def test_refusals_carry_their_reason(tmp_path: Path) -> None:
    layout = city(BRANDS)
    async with fleet(layout, tmp_path, SPEED, "--boot-seconds", "100000") as program, ground_station(layout, SPEED) as station:
        await station.until(lambda: len(station.telemetry) == 2, 60.0)
        for drone in ("drone-0", "drone-1"):
            assert not station.telemetry[drone].ready_to_arm, "its estimator has no position yet"
            settled = await station.send(drone, Arm())
            assert settled.outcome is Outcome.REJECTED
        assert "Mode change failed" in (await station.send("drone-0", Arm())).detail
        assert "no valid position" in (await station.send("drone-1", Arm())).detail
        assert not await program.events("drone-0", "arm")
        await program.ask(op="fault", target="dock-0", kind="jam")
        jammed = await station.send("dock-0", OpenDock(dock_id="dock-0"))
        assert jammed.outcome is Outcome.REJECTED
        await station.until(lambda: station.reports["dock-0"].status.value == "jammed", 10.0)
        assert (await station.send("dock-0", Arm())).outcome is Outcome.REJECTED


async def test_armed_and_not_flown_disarms_and_can_be_disarmed(tmp_path: Path) -> None:
    layout = city(BRANDS)
    async with fleet(layout, tmp_path, SPEED) as program, ground_station(layout, SPEED) as station:
        for drone in ("drone-0", "drone-1"):
            await station.ready(drone)
            await station.accepted(drone, Arm())
            await station.accepted(drone, Disarm())
            await station.until(lambda drone=drone: not station.telemetry[drone].armed, 5.0)
            await station.accepted(drone, Arm())
        await station.until(lambda: not any(one.armed for one in station.telemetry.values()), 30.0, "disarm by themselves")
        assert not await program.events("drone-0", "takeoff")


async def test_a_closed_lid_keeps_it_down(tmp_path: Path) -> None:
    layout = city(["px4"])
    async with fleet(layout, tmp_path, SPEED) as program, ground_station(layout, SPEED) as station:
        await station.ready("drone-0")
        await station.accepted("drone-0", Arm())
        await station.send("drone-0", TakeOff(height_m_above_dock=30.0))
        await station.clock.sleep(15.0)
        assert [one["event"] for one in await program.events("drone-0") if one["event"] in ("takeoff", "blocked")] == ["blocked"]


@pytest.mark.usefixtures("nothing_is_sent_again_in_haste")
async def test_no_command_goes_out_twice(tmp_path: Path) -> None:
    layout = city(["ardupilot"])
    async with fleet(layout, tmp_path, SPEED) as program, ground_station(layout, SPEED) as station:
        await station.ready("drone-0")
        first = await station.link.send("drone-0", PointGimbal(pitch_deg=-10.0), "one-id")
        again = await station.link.send("drone-0", PointGimbal(pitch_deg=-10.0), "one-id")
        assert (first.outcome, again.outcome) == (Outcome.ACCEPTED, Outcome.REJECTED)
        assert len(await program.events("drone-0", "command")) == 1


async def test_silence_is_a_time_out(tmp_path: Path) -> None:
    layout = city(["ardupilot"])
    async with ground_station(layout, SPEED) as station:
        settled = await station.send("drone-0", Arm())
        assert settled.outcome is Outcome.TIMED_OUT
        assert station.link.heard_s_ago("drone-0") is None


async def test_gps_off_stuck_and_wrong(tmp_path: Path) -> None:
    layout = city(["ardupilot"])
    place = dock_place(layout, 0)
    async with fleet(layout, tmp_path, SPEED) as program, ground_station(layout, SPEED) as station:
        await fly_to(station, 0)
        await program.ask(op="fault", target="drone-0", kind="gps", state="off", seconds=15)
        await station.until(lambda: not station.telemetry["drone-0"].gps_ok, 8.0, "off")
        await station.until(lambda: station.telemetry["drone-0"].gps_ok, 30.0, "on again")
        await program.ask(op="fault", target="drone-0", kind="gps", state="jump", seconds=60)
        await station.until(lambda: distance_m(station.telemetry["drone-0"].position, place) > 2_000.0, 30.0, "jumped")
        await station.until(lambda: distance_m(station.telemetry["drone-0"].position, place) < 100.0, 120.0, "back")
        await station.accepted("drone-0", GoTo(waypoint=above(place, 50.0, east_m=300.0)))
        await station.until(lambda: station.telemetry["drone-0"].ground_speed_mps > 5.0, 20.0, "moving")
        await program.ask(op="fault", target="drone-0", kind="gps", state="stuck")
        await station.until(lambda: station.history[-1].position == station.history[-2].position, 10.0, "stuck")
        first = station.telemetry["drone-0"].position
        await station.clock.sleep(4.0)
        assert station.telemetry["drone-0"].position == first
        assert station.telemetry["drone-0"].ground_speed_mps > 2.0


async def test_battery_faults_and_a_broken_rotor(tmp_path: Path) -> None:
    layout = city(BRANDS)
    async with fleet(layout, tmp_path, SPEED) as program, ground_station(layout, SPEED) as station:
        await fly_to(station, 0)
        await program.ask(op="fault", target="drone-0", kind="charge", fraction=0.5)
        await program.ask(op="fault", target="drone-0", kind="gauge", offset=0.2)
        await station.until(
            lambda: station.telemetry["drone-0"].charge_fraction == pytest.approx(0.7, abs=0.02), 5.0, "wrong gauge"
        )
        await program.ask(op="fault", target="drone-0", kind="motor")
        await station.until(lambda: station.telemetry["drone-0"].landed, 60.0, "down")
        assert any("Thrust" in fault or fault == "motors" for one in station.history for fault in one.faults)


async def _confirmed(program: FleetProgram, station: GroundStation) -> None:
    for number in (0, 1):
        await station.ready(f"drone-{number}")
        settled = await station.send(f"drone-{number}", ConfirmFailsafes())
        assert settled.outcome is Outcome.ACCEPTED


async def test_failsafes_are_read_set_and_read_back(tmp_path: Path) -> None:
    layout = city(BRANDS)
    async with fleet(layout, tmp_path, SPEED) as program, ground_station(layout, SPEED) as station:
        await _confirmed(program, station)
        await _confirmed(program, station)  # what is on is left as it is
