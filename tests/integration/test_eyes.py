"""What a drone's camera does while its flight goes on, over the edge and the real services (D2, D4)."""

import pytest
from tests.integration import follow_scene
from tests.integration.console_city import SCENE, City
from tests.integration.follow_scene import FAR, Scene, given_another, going_home
from tests.integration.test_api_routes import airborne, fly, open_docks

from bowstreet.flight.model import PointGimbal
from bowstreet.geo import Position
from bowstreet.messages import CameraSteered
from bowstreet.video.recorder import RecordingState
from bowstreet.video.rules import OVERRIDE_LIFE

town, scene = follow_scene.town, follow_scene.scene


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
    down = {"type": "gimbal", "pitch_deg": -45}
    refused = await scene.pilot.post(f"{path}/commands", json=down)
    assert refused.status_code == 409, refused.text
    assert "on record" in refused.json()["remedy"]
    assert (await scene.pilot.post(f"{path}/commands", json={"type": "gimbal", "pitch_deg": 10})).status_code == 204
    assert (await scene.pilot.post(f"{path}/camera", json={"reason": "flight-safety"})).status_code == 204
    assert (await scene.pilot.post(f"{path}/commands", json=down)).status_code == 204
    assert town.link.sent[-1][1] == PointGimbal(pitch_deg=-45.0)
    town.clock.advance_to(town.clock.now() + OVERRIDE_LIFE)
    await town.services.eyes.look()
    assert PointGimbal(pitch_deg=0.0) in [one for _, one, _ in town.link.sent[-2:]], "its end turns the camera level again"
    assert (await scene.pilot.post(f"{path}/commands", json=down)).status_code == 409
