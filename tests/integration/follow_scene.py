"""A drone over a scene, a stream of its pictures and what an analyst finds there: for the tests of following."""

import math
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from msgspec.structs import replace as other
from tests.integration.console_city import DOCKS, SCENE, City, city, telemetry
from tests.integration.test_api_routes import fly, open_docks, town_home

from bowstreet.flight.model import GoTo, Phase, Telemetry
from bowstreet.flight.reckoning import between
from bowstreet.frames import CameraPose
from bowstreet.geo import Position
from bowstreet.messages import FollowChanged, MissionRetasked
from bowstreet.tracking import wire
from bowstreet.tracking.model import (
    Box,
    Ellipse,
    FollowFound,
    FollowPhase,
    GroundPlace,
    Quality,
    Shape,
    Timing,
)
from bowstreet.tracking.plane import Plane
from bowstreet.video.model import Finding, StreamState, VideoSource

GROUND_M = 30.0
POSE = CameraPose(position=SCENE, altitude_m_amsl=90.0, heading_deg=0.0, tilt_deg=-45.0, horizontal_fov_deg=60.0)
W, H = 640, 360
FAR = Position(latitude_deg=51.5530, longitude_deg=-0.1150)


def hovers(vehicle_id: str, town: City, at: Position = SCENE, charge: float = 1.0) -> Telemetry:
    return other(telemetry(vehicle_id, town.clock.now(), at, height_m=60.0, charge=charge), ground_speed_mps=0.0)


def there(north_m: float, metres: float = 4.0) -> GroundPlace:
    position = Plane(SCENE).to_position(0.0, north_m)
    return GroundPlace(position=position, ellipse=Ellipse(semi_major_m=metres, semi_minor_m=metres, bearing_deg=0.0))


class Scene:
    """A pilot's drone over a scene, and what its analyst says."""

    def __init__(self, town: City, pilot: httpx.AsyncClient, mission_id: str, vehicle_id: str, incident_id: str) -> None:
        self.town, self.pilot = town, pilot
        self.mission_id, self.vehicle_id, self.incident_id = mission_id, vehicle_id, incident_id
        self.follow_id = ""
        self.sequence = 0
        self.before = len(town.link.sent)

    @property
    def path(self) -> str:
        return f"/api/v1/follows/{self.follow_id}"

    async def begin(self) -> httpx.Response:
        said = {"x": 0.5, "y": 0.5, "sequence": self.sequence}
        answer = await self.pilot.post(f"/api/v1/missions/{self.mission_id}/follow", json=said)
        if answer.status_code == 201:
            self.follow_id = answer.json()["follow_id"]
        return answer

    def looks(self, x: float = 320.0, y: float = 180.0, *, phase: FollowPhase = FollowPhase.HELD, **changes: Any) -> None:
        """One look of its analyst, with the subject there in the picture."""
        pose, place = changes.pop("pose", POSE), changes.pop("place", None)
        self.sequence += 1
        if place is None:
            place = GroundPlace(position=SCENE, ellipse=Ellipse(semi_major_m=4.0, semi_minor_m=3.0, bearing_deg=20.0))
        follow = FollowFound(
            follow_id=self.follow_id, phase=phase, quality=Quality.GOOD, reason="", shape=Shape.PERSON,
            box=Box(left=x - 5, top=y - 10, width=10, height=20), place=place,
        )  # fmt: skip
        found = wire.Findings(
            sequence=self.sequence, captured_us=1, width_px=W, height_px=H, tracks=(), camera_motion_known=True, pose=pose,
            timing=Timing(motion_ms=0, detect_ms=0, track_ms=0, follow_ms=0), follow=other(follow, **changes),
        )  # fmt: skip
        self._tells(found)

    def refuses(self, vehicle_id: str = "") -> None:
        """Its analyst, or another drone's, found nothing to hold on to where the pilot pressed."""
        self.sequence += 1
        self._tells(
            wire.Findings(
                sequence=self.sequence, captured_us=1, width_px=W, height_px=H, tracks=(), camera_motion_known=True, pose=POSE,
                timing=Timing(motion_ms=0, detect_ms=0, track_ms=0, follow_ms=0), refused=self.follow_id,
            ),
            vehicle_id,
        )  # fmt: skip

    def _tells(self, found: wire.Findings, vehicle_id: str = "") -> None:
        video = self.town.services.video
        stream = video.of_vehicle(vehicle_id or self.vehicle_id)
        assert stream is not None
        stream.tells_pose = True
        stream.ingest._enter(StreamState.LIVE)
        video._take(stream, Finding(sequence=self.sequence, captured_us=1, data=wire.written(found)))

    async def passes(self, seconds: float, *, heard: bool = True, at: Position = SCENE) -> None:
        """Time, in which the vehicle and its pilot are heard."""
        for _ in range(max(1, math.ceil(seconds / 2.0))):
            await self.town.advance(min(2.0, seconds))
            await self.town.services.flight.on_telemetry(hovers(self.vehicle_id, self.town, at))
            if heard:
                await self.town.services.flight.pilots.heartbeat(self.town.people["pilot"].account_id)
            await self.town.services.flight.tick()
        await self.town.services.follows.look()

    async def found(self) -> dict[str, Any]:
        answer = await self.pilot.get(f"/api/v1/missions/{self.mission_id}/found")
        assert answer.status_code == 200
        seen: dict[str, Any] = answer.json()
        return seen

    def moves(self) -> list[GoTo]:
        sent = self.town.link.sent[self.before :]
        return [command for target, command, _ in sent if target == self.vehicle_id and isinstance(command, GoTo)]

    async def said(self) -> list[tuple[str, str]]:
        return [(one.stage, one.why) for one in await self.town.ledger(FollowChanged)]


@pytest.fixture
async def town() -> AsyncIterator[City]:
    sources = tuple(
        VideoSource(source_id=f"d{number}", vehicle_id=f"d{number}", address="udp://127.0.0.1:9")
        for number in range(1, len(DOCKS) + 1)
    )
    made = await city(video=sources)
    await made.services.follows.load(made.store)
    await made.hear_all()
    yield made
    made.services.accounts.close()


@pytest.fixture
async def scene(town: City) -> AsyncIterator[Scene]:
    await open_docks(town)
    async with town.signed_in("dispatcher") as dispatcher, town.signed_in("pilot") as pilot:
        incident_id, mission_id, vehicle_id = await fly(town, dispatcher)
        await over_the_scene(town, vehicle_id, mission_id)
        assert (await pilot.post(f"/api/v1/missions/{mission_id}/control")).status_code == 204
        yield Scene(town, pilot, mission_id, vehicle_id, incident_id)


async def over_the_scene(town: City, vehicle_id: str, mission_id: str) -> None:
    """Fly there as a drone does, without a jump."""
    home = town_home(town, vehicle_id)
    way = [(home, height_m) for height_m in (0.0, 0.0, 20.0, 40.0, 60.0, 60.0)]
    for position, height_m in (*way, *((one, 60.0) for one in between(home, SCENE, 28.0))):
        await town.advance(2.0)
        said = telemetry(vehicle_id, town.clock.now(), position, height_m=height_m)
        await town.services.flight.on_telemetry(other(said, ground_speed_mps=0.0 if position is home else 15.0))
        await open_docks(town)
    assert town.services.flight.missions.get(mission_id).phase is Phase.ON_SCENE


async def given_another(town: City, mission_id: str, at: Position = FAR) -> None:
    """What dispatch does to a drone in the air when a graver call needs it."""
    before = town.services.flight.missions.get(mission_id)
    start, scene = before.plan.outbound[0], before.plan.outbound[-1]
    way = other(before.plan, outbound=(start, other(scene, position=at)))
    said = MissionRetasked(
        at=town.clock.now(), mission_id=mission_id, vehicle_id=before.vehicle_id, from_incident_id=before.incident_id,
        to_incident_id="inc-graver", reasons=(),
    )  # fmt: skip
    after = other(before, incident_id="inc-graver", plan=way)
    await town.recorder.record(save=[(town.services.flight.missions, after)], messages=[said])


async def going_home(town: City, scene: Scene) -> None:
    """Called back, and then taken by the pilot again."""
    await town.services.dispatch.recall(scene.mission_id, town.people["supervisor"].account_id, "test")
    assert town.services.flight.missions.get(scene.mission_id).phase is Phase.RETURNING
    assert (await scene.pilot.post(f"/api/v1/missions/{scene.mission_id}/control")).status_code == 204
    mission = town.services.flight.missions.get(scene.mission_id)
    assert mission.phase is Phase.CONTROLLED
    assert mission.eyes_on_at is not None
