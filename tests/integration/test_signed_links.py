"""Signed links over real sockets: an independent peer is believed, who shares its address is not, and keys change in flight."""

import asyncio
import sys
from pathlib import Path

from pymavlink.dialects.v20 import ardupilotmega as mavlink
from tests.integration.mavlink_world import (
    FleetProgram,
    above,
    city,
    dock_configs,
    dock_place,
    fleet,
    free_ports,
    vehicle_configs,
)
from tests.integration.signed_world import Attacker, Independent, messages, operation, station_of

from bowstreet.accountability.vehicle_keys.model import KeyState
from bowstreet.flight.model import Arm, ConfirmFailsafes, GoTo, TakeOff, VehicleConfig
from bowstreet.runtime.clock import ScaledClock

SPEED = 10.0
ARM = int(mavlink.MAV_CMD_COMPONENT_ARM_DISARM)


def listened(port: int, signing: str = "required") -> list[VehicleConfig]:
    link = f"udpin:127.0.0.1:{port}"
    return [
        VehicleConfig(vehicle_id="d", link=link, system_id=1, airframe="patrol-quadcopter", home_dock_id="k", signing=signing)
    ]


async def test_who_has_no_key_moves_and_answers_nothing(tmp_path: Path) -> None:
    [port], clock = free_ports(1), ScaledClock(SPEED)
    async with operation(tmp_path, clock) as made:
        vehicle = Independent(port, await made.secret("d"))
        async with station_of(made, listened(port)) as station:
            link = f"udpin:127.0.0.1:{port}"
            await vehicle.tells(station, 10.0)
            await station.until(lambda: bool(vehicle.heard("HEARTBEAT")), 10.0, "it believes us")
            talk = station.link._peers["d"].talk  # what every command is said through
            for attacker in (Attacker(vehicle), Attacker(vehicle, bytes(32))):
                attacker.say(*messages(99.0))
                arming = asyncio.create_task(talk.long(ARM, 1.0))
                for _ in range(10):
                    attacker.say(mavlink.MAVLink_command_ack_message(ARM, 0))
                    await asyncio.sleep(0.05)
                assert (await arming).result is None, "nobody's acknowledgement"
            assert station.telemetry["d"].height_m_above_dock == 10.0
            assert station.link.rejected[link, "unsigned"] >= 14
            assert station.link.rejected[link, "bad-signature"] >= 14
            await station.until(lambda: {one.reason for one in station.bus.rejected()} >= {"unsigned", "bad-signature"}, 10.0)
            # A bad signature with the last timestamp there is has not shut the vehicle out.
            vehicle.heard("what it was told meanwhile")
            arming = asyncio.create_task(talk.long(ARM, 1.0))
            await station.until(lambda: any(one.command == ARM for one in vehicle.heard("COMMAND_LONG")), 10.0, "it is asked")
            vehicle.link.mav.send(mavlink.MAVLink_command_ack_message(ARM, 0))
            assert (await arming).accepted
            await vehicle.tells(station, 11.0)
        vehicle.close()


async def test_a_stranger_with_no_key_is_never_heard_of(tmp_path: Path) -> None:
    """Nor answered: who has no key does not learn from us where it stands."""
    [port], clock = free_ports(1), ScaledClock(SPEED)
    async with operation(tmp_path, clock) as made:
        await made.secret("d")
        async with station_of(made, listened(port)) as station:
            stranger = Independent(port, None)
            for _ in range(5):
                stranger.state(10.0)
                await station.clock.sleep(1.0)
            assert station.link.heard_s_ago("d") is None
            assert not station.telemetry
            assert stranger.link.recv_msg() is None
            stranger.close()


async def test_what_was_captured_is_refused_at_once_and_after_a_restart(tmp_path: Path) -> None:
    [port], clock = free_ports(1), ScaledClock(SPEED)
    link = f"udpin:127.0.0.1:{port}"
    async with operation(tmp_path, clock) as made:
        vehicle = Independent(port, await made.secret("d"))
        async with station_of(made, listened(port)) as station:
            await vehicle.tells(station, 10.0)
            captured = list(vehicle.captured)
            await vehicle.tells(station, 20.0)
            for packet in captured:
                vehicle.raw(packet)
            await station.until(lambda: station.link.rejected[link, "replayed"] == len(captured), 10.0)
            assert station.telemetry["d"].height_m_above_dock == 20.0
            vehicle.heard("HEARTBEAT")
            used = station.link.seals.of("d").last
            captured = list(vehicle.captured)
    async with operation(tmp_path, clock) as made, station_of(made, listened(port)) as station:
        assert station.link.seals.of("d").last > used, "a timestamp could be used again"
        for packet in captured:
            vehicle.raw(packet)
        await station.until(lambda: station.link.rejected[link, "timestamp-behind"] == len(captured), 10.0)
        assert station.link.heard_s_ago("d") is None
        # The vehicle itself, whose clock stands where it stood, is told the time and is believed from then on.
        await station.until(lambda: bool(vehicle.heard("TIMESYNC")), 10.0, "told our time")
        await vehicle.tells(station, 30.0)
    vehicle.close()


async def test_a_radio_on_the_link_disturbs_nothing(tmp_path: Path) -> None:
    [port], clock = free_ports(1), ScaledClock(SPEED)
    async with operation(tmp_path, clock) as made:
        vehicle = Independent(port, await made.secret("d"))
        async with station_of(made, listened(port)) as station:
            await vehicle.tells(station, 10.0)
            heard_s = station.link.heard_s_ago("d")
            await station.clock.sleep(1.0)
            Attacker(vehicle).say(*[mavlink.MAVLink_radio_status_message(0, 0, 0, 0, 0, 0, 0)] * 5)
            await station.clock.sleep(1.0)
            now_s = station.link.heard_s_ago("d")
            assert heard_s is not None
            assert now_s is not None
            assert now_s > heard_s + 1.5, "unsigned words do not make a vehicle heard"
            assert {reason for _, reason in station.link.rejected} <= {"timestamp-behind"}
        vehicle.close()


async def test_the_first_key_of_a_vehicle_that_flew_unsigned(tmp_path: Path) -> None:
    """Both are believed until it signs; from then on, and after a restart, nothing unsigned is."""
    [port], clock = free_ports(1), ScaledClock(SPEED)
    link = f"udpin:127.0.0.1:{port}"
    async with operation(tmp_path, clock) as made:
        before = Independent(port, None)
        async with station_of(made, listened(port, "")) as station:
            await before.tells(station, 10.0)
            assert station.link.seals.unsigned() == ["d"]
            secret = await made.secret("d")
            await before.tells(station, 11.0)
            before.link.setup_signing(secret, link_id=7)
            await before.tells(station, 12.0)
            await station.until(lambda: made.keys.of("d")[0].state is KeyState.IN_USE, 10.0)
            await station.until(lambda: station.link.seals.unsigned() == [], 10.0)
            Attacker(before).say(*messages(99.0))
            await station.until(lambda: station.link.rejected[link, "unsigned"] == 4, 10.0)
            await made.keys.revoke("d", "acc-supervisor")
            before.state(13.0)
            await station.until(lambda: station.link.rejected[link, "no-signing-key"] == 4, 10.0)
            Attacker(before).say(*messages(99.0))
            await station.until(lambda: station.link.rejected[link, "unsigned"] == 8, 10.0)
            assert "no signing key" in (await station.send("d", Arm())).detail
            assert station.telemetry["d"].height_m_above_dock == 12.0
            assert await made.changes("d") == ["made", "in-use", "revoked"]
        before.close()


async def _loaded(program: FleetProgram, name: str, secret: bytes) -> None:
    assert (await program.ask(op="key", target=name, secret=secret.hex())).get("done")


async def test_a_key_is_rotated_in_flight_and_the_mission_goes_on(tmp_path: Path) -> None:
    """Both brands, in the air between dock and scene: the vehicle's side is changed seconds after ours."""
    layout, clock = city(["ardupilot", "px4"]), ScaledClock(SPEED)
    names = [one.vehicle_id for one in layout.vehicles]
    async with operation(tmp_path, clock) as made, fleet(layout, tmp_path, SPEED) as program:
        for issued in await made.keys.make(names, "acc-supervisor"):
            await _loaded(program, issued.key.vehicle_id, issued.secret)
        async with station_of(made, vehicle_configs(layout), dock_configs(layout)) as station:

            async def fly(number: int, name: str) -> None:
                goal = above(dock_place(layout, number), 60.0, east_m=400.0)
                await station.ready(name)
                await station.open_dock(f"dock-{number}")
                await station.accepted(name, ConfirmFailsafes())
                await station.accepted(name, Arm())
                await station.accepted(name, TakeOff(height_m_above_dock=60.0))
                await station.until(lambda: station.telemetry[name].height_m_above_dock > 55.0, 60.0)
                await station.accepted(name, GoTo(waypoint=goal))
                issued = await made.keys.rotate(name, "acc-supervisor")
                await station.clock.sleep(3.0)
                [old, new] = made.keys.of(name)
                assert (old.state, new.state) == (KeyState.IN_USE, KeyState.COMING)
                await _loaded(program, name, issued.secret)
                await station.until(lambda: made.keys.of(name)[1].state is KeyState.IN_USE, 10.0, "in use")
                await station.accepted(name, GoTo(waypoint=goal))
                await station.until(
                    lambda: abs(station.telemetry[name].position.longitude_deg - goal.position.longitude_deg) < 5e-5,
                    90.0,
                    "there",
                )
                age_s = station.link.heard_s_ago(name)
                assert age_s is not None
                assert age_s < 2.0
                assert made.keys.of(name)[0].state is KeyState.REPLACED

            async with asyncio.TaskGroup() as group:
                for number, name in enumerate(names):
                    group.create_task(fly(number, name), name=name)
        for name in names:
            assert not await program.events(name, "failsafe")
            assert await made.changes(name) == ["made", "in-use", "rotated", "replaced", "in-use"]


async def test_who_watches_without_the_key_is_told_and_not_obeyed(tmp_path: Path) -> None:
    layout, secret = city(["ardupilot"]), bytes(range(32))
    async with fleet(layout, tmp_path, 1.0) as program:
        await _loaded(program, "drone-0", secret)
        said = []
        for words in ([], ["--key", secret.hex()]):
            watcher = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "bowstreet.simulation.watch", f"udpout:127.0.0.1:{layout.vehicles[0].port}", "--for", "6",
                *words, stdout=asyncio.subprocess.PIPE,
            )  # fmt: skip
            said.append((await watcher.communicate())[0].decode())
    assert all("HEARTBEAT" in one for one in said), said
    assert ["POSITION" in one for one in said] == [False, True]
