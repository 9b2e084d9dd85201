"""What a drone's camera does while its flight goes on, over the edge and the real services (D2, D4)."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from httpx import AsyncClient
from msgspec.structs import replace
from tests.integration import follow_scene
from tests.integration.console_city import SCENE, City
from tests.integration.follow_scene import FAR, Scene, given_another, going_home, hovers
from tests.integration.test_api_routes import airborne, fly, open_docks

from bowstreet.errors import StoreUnavailable
from bowstreet.flight.model import PointGimbal
from bowstreet.geo import Position
from bowstreet.messages import CameraSteered, RecordingClosed, RecordingStarted, RunChanged
from bowstreet.runtime.ports import Batch
from bowstreet.video.footage import FootageWriter, Part
from bowstreet.video.model import Fragment, Header
from bowstreet.video.recorder import RecordingState
from bowstreet.video.rules import OVERRIDE_LIFE, Stage, camera_order
from bowstreet.video.service import Stream

town, scene = follow_scene.town, follow_scene.scene
DOWN = {"type": "gimbal", "pitch_deg": -45}


@pytest.mark.requirement("D2")
async def test_a_camera_is_level_on_the_way_and_looks_down_by_a_persons_order_that_ends(town: City) -> None:
    await open_docks(town)
    async with town.signed_in("dispatcher") as dispatcher, town.signed_in("pilot") as pilot:
        _, mission_id, vehicle_id = await fly(town, dispatcher)
        early = await pilot.post(f"/api/v1/missions/{mission_id}/camera", json={"reason": "threat-to-life"})
        assert early.status_code == 409
        await airborne(town, vehicle_id, mission_id)
        stream = town.services.video.of_vehicle(vehicle_id)
        assert stream is not None
        assert (stream.order.level, stream.order.recording) == (True, False)
        assert (await pilot.post(f"/api/v1/missions/{mission_id}/camera", json={"reason": "curiosity"})).status_code == 422
        assert (await pilot.post(f"/api/v1/missions/{mission_id}/camera", json={"reason": "threat-to-life"})).status_code == 204
        assert (stream.order.level, stream.order.recording) == (False, True)
        said = await town.ledger(CameraSteered)
        assert [one.by != "" for one in said][-1]
        town.clock.advance_to(town.clock.now() + OVERRIDE_LIFE)
        await town.services.eyes.look()
        assert (stream.order.level, stream.order.recording) == (True, False)


@pytest.mark.requirement("D2")
async def test_an_order_to_look_down_ends_when_the_drone_is_given_another_incident(town: City) -> None:
    await open_docks(town)
    async with town.signed_in("dispatcher") as dispatcher, town.signed_in("pilot") as pilot:
        incident_id, mission_id, vehicle_id = await fly(town, dispatcher)
        await airborne(town, vehicle_id, mission_id)
        stream = town.services.video.of_vehicle(vehicle_id)
        assert stream is not None
        assert (await pilot.post(f"/api/v1/missions/{mission_id}/camera", json={"reason": "threat-to-life"})).status_code == 204
        assert (stream.order.level, stream.order.recording) == (False, True)
        await given_another(town, mission_id)
        assert (stream.order.level, stream.order.recording) == (True, False)
        await town.services.eyes.look()
        assert (stream.order.level, stream.order.recording) == (True, False)
        [recording] = town.services.footage.recordings.all()
        assert (recording.incident_id, recording.state) == (incident_id, RecordingState.CLOSED)


@pytest.mark.requirement("D2")
@pytest.mark.parametrize(("at", "sees"), [(FAR, False), (SCENE, True)], ids=["elsewhere", "beside"])
async def test_what_a_drone_saw_of_one_incident_is_not_recorded_on_as_of_the_next(scene: Scene, at: Position, sees: bool) -> None:
    town = scene.town
    assert (await scene.pilot.delete(f"/api/v1/missions/{scene.mission_id}/control")).status_code == 204
    stream = town.services.video.of_vehicle(scene.vehicle_id)
    assert stream is not None
    assert stream.order.recording
    await given_another(town, scene.mission_id, at)
    assert (stream.order.level, stream.order.recording) == (not sees, sees)
    kept = town.services.footage.recordings.all()
    assert {one.incident_id: one.state for one in kept} == {scene.incident_id: RecordingState.CLOSED} | (
        {"inc-graver": RecordingState.OPEN} if sees else {}
    )


@pytest.mark.requirement("D2")
@pytest.mark.parametrize("by", ["person", "scene"])
async def test_a_drone_that_is_turned_while_its_camera_is_ordered_records_nothing_of_the_first_incident(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    town, record = scene.town, scene.town.recorder.record
    stream = town.services.video.of_vehicle(scene.vehicle_id)
    assert stream is not None
    await town.services.footage.stop(stream.source.source_id, "test")
    stream.order = camera_order(Stage.TRANSIT, None, town.clock.now(), record_ready=True)

    async def turned_meanwhile(**what: Any) -> None:
        await record(**what)
        if any(isinstance(one, CameraSteered) for one in what.get("messages", ())):
            monkeypatch.undo()
            await given_another(town, scene.mission_id)

    monkeypatch.setattr(town.recorder, "record", turned_meanwhile)
    if by == "person":
        path = f"/api/v1/missions/{scene.mission_id}/camera"
        assert (await scene.pilot.post(path, json={"reason": "threat-to-life"})).status_code == 409
    else:
        await town.services.eyes.look()
    assert town.services.flight.missions.get(scene.mission_id).incident_id == "inc-graver"
    assert (stream.order.level, stream.order.recording) == (True, False)
    assert not town.services.eyes.is_overridden(scene.mission_id)
    assert not town.services.footage.is_recording(stream.source.source_id)
    assert len(town.services.footage.recordings.all()) == 1, "the one that the test has ended"


@pytest.mark.requirement("D2")
async def test_a_recording_of_an_incident_that_its_drone_has_left_gives_way_to_one_of_its_own(scene: Scene) -> None:
    town, footage = scene.town, scene.town.services.footage
    stream = town.services.video.of_vehicle(scene.vehicle_id)
    assert stream is not None
    await footage.start(stream.source, scene.mission_id, "inc-before")
    assert footage.incident_of(stream.source.source_id) == "inc-before"
    await town.services.eyes.look()
    assert footage.incident_of(stream.source.source_id) == scene.incident_id
    assert [one.incident_id for one in footage.recordings.in_states(RecordingState.OPEN)] == [scene.incident_id]


@pytest.mark.requirement("D2")
async def test_a_pilot_who_takes_it_on_its_way_home_is_not_over_the_scene(scene: Scene) -> None:
    town = scene.town
    stream = town.services.video.of_vehicle(scene.vehicle_id)
    assert stream is not None
    assert (stream.order.level, stream.order.recording) == (False, True), "the pilot has it over the scene"
    await going_home(town, scene)
    assert (stream.order.level, stream.order.recording, stream.order.why) == (True, False, "level on the way home")
    assert (await town.ledger(CameraSteered))[-1].why == "level on the way home"


@pytest.mark.requirement("D2")
async def test_a_pilot_turns_the_camera_down_on_the_way_only_by_an_order_on_record(scene: Scene) -> None:
    town, path = scene.town, f"/api/v1/missions/{scene.mission_id}"
    await going_home(town, scene)
    refused = await scene.pilot.post(f"{path}/commands", json=DOWN)
    assert refused.status_code == 409, refused.text
    assert "on record" in refused.json()["remedy"]
    assert (await scene.pilot.post(f"{path}/commands", json={"type": "gimbal", "pitch_deg": 10})).status_code == 204
    assert (await scene.pilot.post(f"{path}/camera", json={"reason": "flight-safety"})).status_code == 204
    assert (await scene.pilot.post(f"{path}/commands", json=DOWN)).status_code == 204
    assert town.link.sent[-1][1] == PointGimbal(pitch_deg=-45.0)
    town.clock.advance_to(town.clock.now() + OVERRIDE_LIFE)
    await town.services.eyes.look()
    assert PointGimbal(pitch_deg=0.0) in [one for _, one, _ in town.link.sent[-2:]], "its end turns the camera level again"
    assert (await scene.pilot.post(f"{path}/commands", json=DOWN)).status_code == 409


async def tilted_down_by_order(scene: Scene) -> None:
    """On its way home under its pilot, who by an order on record has turned its camera down."""
    await going_home(scene.town, scene)
    path = f"/api/v1/missions/{scene.mission_id}"
    assert (await scene.pilot.post(f"{path}/camera", json={"reason": "flight-safety"})).status_code == 204
    assert (await scene.pilot.post(f"{path}/commands", json=DOWN)).status_code == 204
    await heard_at(scene, -45.0)


async def heard_at(scene: Scene, pitch_deg: float) -> None:
    await scene.town.services.flight.on_telemetry(replace(hovers(scene.vehicle_id, scene.town), gimbal_pitch_deg=pitch_deg))


def levelled(town: City, since: int) -> int:
    return sum(one == PointGimbal(pitch_deg=0.0) for _, one, _ in town.link.sent[since:])


@pytest.mark.requirement("D2")
async def test_a_camera_whose_turn_up_was_lost_is_turned_level_again_until_it_is(scene: Scene) -> None:
    town, eyes = scene.town, scene.town.services.eyes
    await tilted_down_by_order(scene)
    town.clock.advance_to(town.clock.now() + OVERRIDE_LIFE)
    before = len(town.link.sent)
    for _ in range(20):
        await eyes.look()
        town.clock.advance_to(town.clock.now() + timedelta(seconds=1))
        await heard_at(scene, -45.0)
    assert 3 <= levelled(town, before) <= 6, "each is on record: not every second"
    await heard_at(scene, -4.0)
    before = len(town.link.sent)
    await looks(town, 40)
    assert levelled(town, before) == 0


@pytest.mark.requirement("D2")
async def test_a_camera_that_was_left_looking_down_is_turned_level_after_a_restart(scene: Scene) -> None:
    town = scene.town
    await tilted_down_by_order(scene)
    stream = town.services.video.of_vehicle(scene.vehicle_id)
    assert stream is not None
    # What a program that starts knows: no order of a person, and each camera ordered level.
    town.services.eyes._overrides.clear()
    stream.order = camera_order(Stage.GROUND, None, town.clock.now(), record_ready=True)
    before = len(town.link.sent)
    await town.services.eyes.look()
    assert levelled(town, before) == 1


@pytest.mark.requirement("D2")
async def test_while_the_order_to_look_down_is_not_kept_for_want_of_a_record_no_pilot_turns_it_down(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    town, record = scene.town, scene.town.recorder.record
    await tilted_down_by_order(scene)

    async def takes_no_order(**what: Any) -> None:
        if any(isinstance(one, CameraSteered) for one in what.get("messages", ())):
            raise StoreUnavailable("the disk is full", remedy="make room")
        await record(**what)

    stream = town.services.video.of_vehicle(scene.vehicle_id)
    assert stream is not None
    monkeypatch.setattr(town.recorder, "failing_since", town.clock.now())
    monkeypatch.setattr(town.recorder, "record", takes_no_order)
    before = len(town.link.sent)
    await town.services.eyes.look()
    assert stream.order.level
    assert levelled(town, before) == 1
    refused = await scene.pilot.post(f"/api/v1/missions/{scene.mission_id}/commands", json=DOWN)
    assert refused.status_code == 409, refused.text
    monkeypatch.undo()


async def looking_down(town: City, pilot: AsyncClient, dispatcher: AsyncClient) -> tuple[Stream, str]:
    """A drone in transit that records by a person's order, or would."""
    await open_docks(town)
    _, mission_id, vehicle_id = await fly(town, dispatcher)
    await airborne(town, vehicle_id, mission_id)
    stream = town.services.video.of_vehicle(vehicle_id)
    assert stream is not None
    assert (await pilot.post(f"/api/v1/missions/{mission_id}/camera", json={"reason": "threat-to-life"})).status_code == 204
    return stream, mission_id


async def shown_recording(client: AsyncClient, stream: Stream) -> bool:
    [one] = [one for one in (await client.get("/api/v1/video")).json() if one["source_id"] == stream.source.source_id]
    return bool(one["recording"])


async def looks(town: City, seconds: int) -> None:
    for _ in range(seconds):
        town.clock.advance_to(town.clock.now() + timedelta(seconds=1))
        await town.services.eyes.look()


async def test_a_recording_that_is_ordered_and_does_not_run_is_begun_again(town: City, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: FootageWriter, *_: object) -> None:
        raise OSError(28, "No space left on device")

    async with town.signed_in("dispatcher") as dispatcher, town.signed_in("pilot") as pilot:
        with monkeypatch.context() as disk:
            disk.setattr(FootageWriter, "__init__", full)
            stream, mission_id = await looking_down(town, pilot, dispatcher)
            assert stream.order.recording
            assert not await shown_recording(pilot, stream), "what is shown is what truly is"
            await looks(town, 30)
            tried = len(await town.ledger(RecordingStarted))
            assert 3 <= tried <= 8, "with a growing wait: each is in the ledger"
            assert len(await town.ledger(RecordingClosed)) == tried
        await looks(town, 30)
        assert await shown_recording(pilot, stream)
        assert len(await town.ledger(RecordingStarted)) == tried + 1
        [going_on] = town.services.footage.recordings.in_states(RecordingState.OPEN)
        assert going_on.mission_id == mission_id
        await town.services.footage.close()


async def test_a_recording_that_the_disk_ended_is_followed_by_another(town: City, monkeypatch: pytest.MonkeyPatch) -> None:
    async with town.signed_in("dispatcher") as dispatcher, town.signed_in("pilot") as pilot:
        stream, _ = await looking_down(town, pilot, dispatcher)
        assert await shown_recording(pilot, stream)

        def full(self: FootageWriter, part: Part) -> None:
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as disk:
            disk.setattr(FootageWriter, "append", full)
            town.services.footage.take(stream.source, Header(data=b"head"))
            town.services.footage.take(
                stream.source, Fragment(sequence=0, pts_us=0, captured_us=1, keyframe=True, data=b"picture")
            )
            async with asyncio.timeout(5):
                while not await town.ledger(RecordingClosed):
                    await asyncio.sleep(0.01)
        assert not await shown_recording(pilot, stream)
        await looks(town, 2)
        assert await shown_recording(pilot, stream)
        await town.services.footage.close()


async def test_what_ends_while_nothing_can_be_recorded_is_closed_by_itself_afterwards(
    town: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refused(batch: Batch) -> None:
        raise StoreUnavailable("the disk is full", remedy="make room")

    async with town.signed_in("dispatcher") as dispatcher, town.signed_in("pilot") as pilot:
        stream, _ = await looking_down(town, pilot, dispatcher)
        [recording] = town.services.footage.recordings.in_states(RecordingState.OPEN)
        with monkeypatch.context() as disk:
            disk.setattr(town.recorder.store, "commit", refused)
            with pytest.raises(StoreUnavailable):
                await town.recorder.record(messages=[RunChanged(at=town.clock.now(), change="noise", detail="")])
            await looks(town, 3)
            assert not town.services.footage.is_recording(stream.source.source_id)
            assert town.services.footage.recordings.get(recording.recording_id).state is RecordingState.OPEN
        await looks(town, 3)
        kept = town.services.footage.recordings.get(recording.recording_id)
        assert (kept.state, kept.why_closed) == (RecordingState.CLOSED, "no record can be written")
        assert len(await town.ledger(RecordingClosed)) == 1
        assert await shown_recording(pilot, stream), "and it goes on in a recording of its own"
        await town.services.footage.close()
