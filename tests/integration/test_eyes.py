"""What a drone's camera does while its flight goes on, over the edge and the real services (D2, D4)."""

from collections.abc import AsyncIterator

import pytest
from tests.integration.console_city import City, city
from tests.integration.test_api_routes import airborne, fly, open_docks

from bowstreet.messages import CameraSteered
from bowstreet.video.model import VideoSource
from bowstreet.video.rules import OVERRIDE_LIFE


@pytest.fixture
async def town() -> AsyncIterator[City]:
    probe = await city()
    vehicles = [view.vehicle_id for view in probe.services.flight.picture.vehicles()]
    probe.services.accounts.close()
    sources = tuple(VideoSource(source_id=one, vehicle_id=one, address="udp://127.0.0.1:9") for one in vehicles)
    made = await city(video=sources)
    await made.hear_all()
    yield made
    made.services.accounts.close()


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
