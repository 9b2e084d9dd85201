"""A zoom over the edge and the real services: asked, refused, on record, shown to all consoles; and what reckons with the lens."""

from dataclasses import replace

import msgspec
import pytest
from tests.integration import follow_scene
from tests.integration.console_city import City
from tests.integration.follow_scene import POSE, Scene, hovers

from bowstreet.dispatch.steering import KEEPS, TOO_NEAR
from bowstreet.flight.lens import narrowed_deg
from bowstreet.flight.model import ZoomCamera
from bowstreet.messages import CommandIssued
from bowstreet.video.model import StreamState
from bowstreet.video.orders import PoseKnown

town, scene = follow_scene.town, follow_scene.scene
FOUR = {"type": "zoom", "zoom": 4}


@pytest.fixture
def zooming(town: City, scene: Scene) -> Scene:
    """The same drone, with a zoom lens."""
    craft = town.services.flight._crafts[scene.vehicle_id]
    craft.config = msgspec.structs.replace(craft.config, zoom_most=8.0)
    return scene


async def test_a_fixed_lens_is_refused_in_words(town: City, scene: Scene) -> None:
    answer = await scene.pilot.post(f"/api/v1/missions/{scene.mission_id}/commands", json=FOUR)
    assert answer.status_code == 409
    assert "its camera has no zoom lens, as it is configured" in answer.text
    assert not any(isinstance(command, ZoomCamera) for _, command, *_ in town.link.sent)


async def test_it_is_on_record_and_all_consoles_see_it(town: City, zooming: Scene) -> None:
    picture, at = town.console.scene.picture, town.clock.now()
    town.console.scene.gather()
    picture.turn(at)
    seen = picture.seq
    answer = await zooming.pilot.post(f"/api/v1/missions/{zooming.mission_id}/commands", json=FOUR)
    assert answer.status_code == 204, answer.text
    assert town.link.sent[-1][1] == ZoomCamera(zoom=4.0)
    assert [one.command for one in await town.ledger(CommandIssued)][-1] == "ZoomCamera"
    told = msgspec.structs.replace(hovers(zooming.vehicle_id, town), field_of_view_deg=narrowed_deg(60.0, 4.0))
    await town.services.flight.on_telemetry(told)
    town.console.scene.gather()
    picture.turn(at)
    tick = picture.tick(seen)
    assert [one.zoom for one in tick.missions] == [4.0]
    assert [one.zoom for one in tick.drones if one.id == zooming.vehicle_id] == [4.0]
    assert (await zooming.pilot.delete(f"/api/v1/missions/{zooming.mission_id}/control")).status_code == 204
    assert ZoomCamera(zoom=1.0) in [command for _, command, *_ in town.link.sent]


@pytest.mark.parametrize("looks_deg", [15.0, None])
async def test_a_stream_without_metadata_is_told_the_lens_as_it_is_or_nothing(
    town: City, zooming: Scene, looks_deg: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = town.services.video.of_vehicle(zooming.vehicle_id)
    assert stream is not None
    stream.ingest._enter(StreamState.LIVE)
    said: list[PoseKnown] = []
    monkeypatch.setattr(town.services.video, "tell", lambda vehicle_id, pose: said.append(pose))
    town.services.eyes.heard(msgspec.structs.replace(hovers(zooming.vehicle_id, town), field_of_view_deg=looks_deg))
    assert [one.horizontal_fov_deg for one in said] == [looks_deg]
    pose = said[0].as_pose()
    assert (None if pose is None else pose.horizontal_fov_deg) == looks_deg


async def test_a_gimbal_is_not_steered_by_a_late_pose_through_a_narrow_lens(town: City, zooming: Scene) -> None:
    assert (await zooming.begin()).status_code == 201
    near = replace(POSE, horizontal_fov_deg=narrowed_deg(60.0, 8.0))
    zooming.looks(500.0, 60.0, pose=near)
    assert len(town.link.aimed) == 1
    steered = town.services.follows.steering.of(zooming.follow_id)
    assert steered is not None
    assert steered.says == KEEPS
    stream = town.services.video.of_vehicle(zooming.vehicle_id)
    assert stream is not None
    stream.tells_pose = False
    found = town.services.follows.latest(zooming.vehicle_id)
    assert found is not None
    town.services.follows.steering.take(zooming.mission_id, zooming.vehicle_id, found, 30.0)
    assert steered.says == TOO_NEAR
    assert len(town.link.aimed) == 1
