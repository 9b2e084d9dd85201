"""A follow over the edge and the real services: the camera is turned, the vehicle follows with consent, authority carries it (D4).

The analyst's looks are made here; who makes them in a real run is `test_follow_live`.
"""

import math
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from msgspec.structs import replace as other
from tests.integration.console_city import DOCKS, SCENE, City, call, city, telemetry
from tests.integration.test_api_routes import fly, open_docks, town_home

from bowstreet.accountability.retention.rules import parse_table
from bowstreet.accountability.retention.service import Retention, shipped_table
from bowstreet.dispatch.follows import FollowsHeld
from bowstreet.dispatch.steering import BY_HAND, HOLDS, KEEPS, OVER, SEARCHES
from bowstreet.flight.failsafe import PILOT_SILENT_S
from bowstreet.flight.model import GoTo, Phase, PointGimbal, Telemetry
from bowstreet.flight.reckoning import between
from bowstreet.frames import CameraPose
from bowstreet.geo import Position
from bowstreet.messages import AccessDenied, CommandIssued, FollowChanged, FollowConsentChanged
from bowstreet.runtime.ids import RandomIds
from bowstreet.tracking import rules, search, steer, wire
from bowstreet.tracking.model import (
    Box,
    CandidateShown,
    Ellipse,
    FollowFound,
    FollowPhase,
    GroundPlace,
    Motion,
    Quality,
    Shape,
    Timing,
)
from bowstreet.tracking.plane import Plane
from bowstreet.video.model import Finding, StreamState, VideoSource

GROUND_M = 30.0
POSE = CameraPose(position=SCENE, altitude_m_amsl=90.0, heading_deg=0.0, tilt_deg=-45.0, horizontal_fov_deg=60.0)
W, H = 640, 360


def hovers(vehicle_id: str, town: City, at: Position = SCENE, charge: float = 1.0) -> Telemetry:
    return other(telemetry(vehicle_id, town.clock.now(), at, height_m=60.0, charge=charge), ground_speed_mps=0.0)


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
        video = self.town.services.video
        stream = video.of_vehicle(self.vehicle_id)
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


# --- the camera -----------------------------------------------------------------------------------------------------


async def test_the_camera_is_turned_after_the_subject_with_one_entry_in_the_record(town: City, scene: Scene) -> None:
    assert (await scene.begin()).status_code == 201
    before = town.recorder.size
    for _ in range(50):
        town.clock.advance_to(town.clock.now() + timedelta(seconds=0.2))
        scene.looks(500.0, 60.0)
    assert len(town.link.aimed) == 50
    vehicle_id, tilt_deg, azimuth_deg = town.link.aimed[-1]
    assert vehicle_id == scene.vehicle_id
    assert POSE.tilt_deg < tilt_deg <= POSE.tilt_deg + steer.FASTEST_DEG_S * 0.2 + 1e-9
    assert 0.0 < azimuth_deg <= steer.FASTEST_DEG_S * 0.2 + 1e-9
    assert (await scene.found())["camera"] == KEEPS
    assert town.recorder.size == before, "no entry for a turn"
    scene.looks(320.0, 180.0)
    assert len(town.link.aimed) == 50, "in the middle it rests"


@pytest.mark.requirement("D2")
async def test_the_camera_is_not_turned_on_the_way_home_nor_after_the_follow(town: City, scene: Scene) -> None:
    await scene.begin()
    scene.looks(500.0, 60.0)
    assert len(town.link.aimed) == 1
    await town.services.dispatch.recall(scene.mission_id, town.people["supervisor"].account_id, "test")
    for _ in range(3):
        town.clock.advance_to(town.clock.now() + timedelta(seconds=0.2))
        scene.looks(500.0, 60.0)
    assert len(town.link.aimed) == 1
    assert (await scene.said())[-1] == ("ended", "lost")
    assert isinstance(town.link.sent[-1][1], GoTo | PointGimbal)


async def test_the_pilots_own_hand_comes_first(town: City, scene: Scene) -> None:
    await scene.begin()
    await scene.pilot.post(f"/api/v1/missions/{scene.mission_id}/commands", json={"type": "gimbal", "pitch_deg": -80})
    scene.looks(500.0, 60.0)
    assert (town.link.aimed, (await scene.found())["camera"]) == ([], BY_HAND)
    await scene.passes(12.0)
    scene.looks(500.0, 60.0)
    assert len(town.link.aimed) == 1


async def test_a_lost_subject_is_waited_for_then_looked_for_then_said_to_be_lost(town: City, scene: Scene) -> None:
    await scene.begin()
    place = GroundPlace(position=SCENE, ellipse=Ellipse(semi_major_m=60.0, semi_minor_m=30.0, bearing_deg=45.0))
    says, azimuths = [], set()
    pose = replace(POSE, position=Plane(SCENE).to_position(0.0, -60.0))
    for _ in range(200):
        town.clock.advance_to(town.clock.now() + timedelta(seconds=0.2))
        scene.looks(phase=FollowPhase.LOST, place=place, pose=pose)
        if (standing := town.services.follows.of_vehicle(scene.vehicle_id)) is None:
            break
        steered = town.services.follows.steering.of(standing.id)
        assert steered is not None
        says.append(steered.says)
        if town.link.aimed:
            _, tilt_deg, azimuth_deg = town.link.aimed[-1]
            azimuths.add(round(azimuth_deg))
            pose = replace(pose, tilt_deg=tilt_deg, heading_deg=azimuth_deg)
        if steered.is_over:
            await town.services.follows.look()
    assert list(dict.fromkeys(says)) == [HOLDS, SEARCHES, OVER]
    assert says.count(HOLDS) == pytest.approx(search.HOLD_S / 0.2, abs=1)
    assert says.count(SEARCHES) == pytest.approx(search.SCAN_S / 0.2, abs=2)
    assert len(azimuths) > 20, "it looks to both sides"
    assert await scene.said() == [("following", ""), ("ended", "lost")]


async def test_somebody_who_fits_is_offered_and_not_passed_over(town: City, scene: Scene) -> None:
    await scene.begin()
    shown = (CandidateShown(track_id=7, box=Box(left=1, top=1, width=9, height=20), shape=Shape.PERSON, fit=1.0),)
    for _ in range(100):
        town.clock.advance_to(town.clock.now() + timedelta(seconds=0.2))
        scene.looks(phase=FollowPhase.LOST, candidates=shown)
    await town.services.follows.look()
    assert town.link.aimed == [], "the camera holds still while the pilot looks"
    seen = await scene.found()
    assert [one["track_id"] for one in seen["follow"]["candidates"]] == [7]
    assert (await scene.pilot.post(f"{scene.path}/choose", json={"track_id": 7})).status_code == 204
    scene.looks(500.0, 60.0)
    assert (await scene.found())["camera"] == KEEPS


@pytest.mark.parametrize(("axis", "words"), [("both", "does not turn"), ("pan", "sideways")])
async def test_a_gimbal_that_does_not_turn_is_said_and_recorded_once(town: City, scene: Scene, axis: str, words: str) -> None:
    await scene.begin()
    tilt_deg = POSE.tilt_deg
    for _ in range(60):
        town.clock.advance_to(town.clock.now() + timedelta(seconds=0.2))
        tilt_deg += 0.3 if axis == "pan" else 0.0
        scene.looks(500.0, 60.0, pose=replace(POSE, tilt_deg=tilt_deg))
        await town.services.follows.look()
    seen = await scene.found()
    assert words in seen["camera_trouble"]
    assert await scene.said() == [("following", ""), ("following", "gimbal-does-not-answer")]


async def test_a_gimbal_that_refuses_is_said_in_its_own_word(town: City, scene: Scene) -> None:
    await scene.begin()
    town.link.gimbal_says = "DENIED"
    scene.looks(500.0, 60.0)
    assert (await scene.found())["camera_trouble"] == "DENIED"


@pytest.mark.parametrize(
    "lie", [{"horizontal_fov_deg": 0.0}, {"tilt_deg": math.nan}, {"heading_deg": math.inf}, {"altitude_m_amsl": -math.inf}]
)
async def test_what_cannot_be_turns_nothing(town: City, scene: Scene, lie: dict[str, float]) -> None:
    await scene.begin()
    scene.looks(500.0, 60.0, pose=replace(POSE, **lie))
    scene.looks(math.nan, 60.0)
    assert town.link.aimed == []


# --- the vehicle ----------------------------------------------------------------------------------------------------


def there(north_m: float, metres: float = 4.0) -> GroundPlace:
    position = Plane(SCENE).to_position(0.0, north_m)
    return GroundPlace(position=position, ellipse=Ellipse(semi_major_m=metres, semi_minor_m=metres, bearing_deg=0.0))


async def test_the_vehicle_follows_with_the_pilots_consent_and_stays_without(town: City, scene: Scene) -> None:
    await scene.begin()
    await scene.passes(4.0)
    scene.looks(place=there(200.0))
    await scene.passes(4.0)
    assert scene.moves() == [], "nobody has consented"
    async with town.signed_in("supervisor") as supervisor:
        assert (await supervisor.post(f"{scene.path}/consent")).status_code == 409, "only who flies it"
    assert (await scene.pilot.post(f"{scene.path}/consent")).status_code == 204
    scene.looks(place=there(200.0), motion=Motion(speed_mps=2.0, speed_sigma_mps=0.2, direction_deg=0.0))
    await scene.passes(0.5)
    [move] = scene.moves()
    east, north = Plane(SCENE).to_metres(move.waypoint.position)
    assert (east, north) == pytest.approx((0.0, 204.0 - 60.0), abs=1.0), "as far off as it is high, and ahead of the walk"
    assert move.waypoint.height_m_above_dock == 60.0
    await scene.passes(0.5)
    assert len(scene.moves()) == 1, "not with every look"
    assert (await scene.found())["vehicle"] == "it follows"
    assert (await scene.pilot.delete(f"{scene.path}/consent")).status_code == 204
    scene.looks(place=there(300.0))
    await scene.passes(8.0)
    assert len(scene.moves()) == 1
    assert (await scene.pilot.delete(f"{scene.path}/consent")).status_code == 404
    said = await town.ledger(FollowConsentChanged)
    assert [(one.given, one.why, one.by) for one in said] == [
        (True, "", town.people["pilot"].account_id), (False, "revoked", town.people["pilot"].account_id),
    ]  # fmt: skip
    issued = [one for one in await town.ledger(CommandIssued) if one.command == "GoTo" and one.target_id == scene.vehicle_id]
    assert len(issued) >= 1, "each move is a command on record"


async def consenting(scene: Scene) -> None:
    await scene.begin()
    assert (await scene.pilot.post(f"{scene.path}/consent")).status_code == 204


async def ends(town: City) -> list[str]:
    return [one.why for one in await town.ledger(FollowConsentChanged) if not one.given]


async def test_consent_ends_when_the_pilot_gives_up_control(town: City, scene: Scene) -> None:
    await consenting(scene)
    assert (await scene.pilot.delete(f"/api/v1/missions/{scene.mission_id}/control")).status_code == 204
    before = len(scene.moves())
    scene.looks(place=there(200.0))
    await scene.passes(1.0)
    assert (await ends(town), len(scene.moves())) == (["control-given-up"], before)


async def test_consent_ends_when_the_pilot_is_not_heard_and_moves_do_not_count_as_a_word(town: City, scene: Scene) -> None:
    await consenting(scene)
    for _ in range(math.ceil(PILOT_SILENT_S) + 3):
        scene.looks(place=there(200.0))
        await scene.passes(1.0, heard=False)
    assert await ends(town) == ["pilot-silent"]


async def test_consent_ends_when_the_subject_is_lost(town: City, scene: Scene) -> None:
    await consenting(scene)
    scene.looks(phase=FollowPhase.LOST, place=there(200.0))
    await scene.passes(1.0)
    assert await ends(town) == ["subject-lost"]


async def test_consent_ends_at_bingo(town: City, scene: Scene) -> None:
    await consenting(scene)
    flight = town.services.flight
    await flight.on_telemetry(hovers(scene.vehicle_id, town, charge=0.29))
    if not flight.missions.get(scene.mission_id).alarmed:  # how low is low is flight's to say
        for charge in (0.27, 0.25, 0.23, 0.21):
            await town.advance(0.5)
            await flight.on_telemetry(hovers(scene.vehicle_id, town, charge=charge))
            if flight.missions.get(scene.mission_id).alarmed:
                break
    assert flight.missions.get(scene.mission_id).alarmed
    scene.looks(place=there(200.0))
    await town.services.follows.look()
    assert await ends(town) == ["bingo"]
    assert (await scene.pilot.post(f"{scene.path}/consent")).status_code == 409


async def test_consent_ends_with_the_link(town: City, scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    await consenting(scene)
    scene.looks(500.0, 60.0)
    monkeypatch.setattr(town.link, "heard_s_ago", lambda target_id: 30.0)
    await town.advance(1.0)
    assert town.services.flight.missions.get(scene.mission_id).phase is Phase.CONTINGENCY
    await town.services.follows.look()
    assert await ends(town) == ["link-lost"]
    aimed, moved = len(town.link.aimed), len(scene.moves())
    scene.looks(500.0, 60.0, place=there(200.0))
    await town.services.follows.look()
    assert (len(town.link.aimed), len(scene.moves())) == (aimed, moved), "nothing is ordered against its own failsafe"


@pytest.mark.requirement("D4")
async def test_consent_ends_with_the_time_of_the_follow(town: City, scene: Scene) -> None:
    await consenting(scene)
    town.clock.advance_to(town.clock.now() + rules.FOLLOW_LASTS)
    await town.services.follows.look()
    assert await ends(town) == ["time-is-up"]
    assert (await scene.said())[-1] == ("ended", "no-authority")


async def test_where_the_vehicle_may_not_fly_it_stays_and_says_why(town: City, scene: Scene) -> None:
    await consenting(scene)
    scene.looks(place=there(1_300.0))
    await scene.passes(0.5)
    assert "300 m" not in str((await scene.found())["vehicle"])
    first = len(scene.moves())
    scene.looks(place=there(1_300.0))
    await scene.passes(4.0, at=Plane(SCENE).to_position(0.0, 990.0))
    assert "from the incident" in (await scene.found())["vehicle"]
    scene.looks(place=there(200.0, metres=40.0))
    await scene.passes(4.0)
    assert "known to 40 m" in (await scene.found())["vehicle"]
    pilots = town.services.flight.pilots
    pilots._may_fly = lambda mission, start, end, height_m: steer_refusal(end)
    scene.looks(place=there(200.0))
    await scene.passes(4.0)
    assert "a zone" in (await scene.found())["vehicle"]
    assert len(scene.moves()) == first


def steer_refusal(end: Position) -> Any:
    """A zone that lies on the way, and not at its end."""
    from bowstreet.messages import Reason

    _, north_m = Plane(SCENE).to_metres(end)
    return Reason(code="airspace-zone", text="a zone lies on the way") if 60.0 < north_m < 100.0 else None


# --- how long (D4) --------------------------------------------------------------------------------------------------


async def authority(town: City, scene: Scene, minutes: float, **changes: Any) -> str:
    """One in force, as a supervisor asks for it and an authorising officer gives it."""
    now = town.clock.now()
    asked = {
        "use_case": "follow", "ground": "missing-person-at-risk", "subject_id": scene.incident_id, "boroughs": ["Islington"],
        "starts_at": now.isoformat(), "ends_at": (now + timedelta(minutes=minutes)).isoformat(), **changes,
    }  # fmt: skip
    async with town.signed_in("supervisor") as supervisor, town.signed_in("authorising-officer") as officer:
        made = await supervisor.post("/api/v1/authorisations", json=asked)
        assert made.status_code == 201, made.text
        at = f"/api/v1/authorisations/{made.json()['authorisation_id']}"
        assert (await officer.post(f"{at}/decision", json={"allow": True})).status_code == 200
    return str(made.json()["authorisation_id"])


async def after(town: City, minutes: float) -> None:
    town.clock.advance_to(town.clock.now() + timedelta(minutes=minutes))
    await town.services.flight.pilots.heartbeat(town.people["pilot"].account_id)
    await town.services.follows.look()


@pytest.mark.requirement("D4")
async def test_past_its_time_it_asks_goes_on_with_authority_and_ends_when_that_expires(town: City, scene: Scene) -> None:
    await scene.begin()
    await after(town, 26)
    assert (await scene.found())["asks"] is True
    given = await authority(town, scene, 60)
    seen = await scene.found()
    assert (seen["asks"], seen["authorisation_id"]) == (False, given), "at once, not at the next look"
    for _ in range(2):
        await after(town, 15)
        assert (await scene.found())["follow_id"] == scene.follow_id
    await after(town, 20)
    assert (await scene.found())["follow_id"] == scene.follow_id
    await after(town, 11)
    assert (await scene.found())["follow_id"] == ""
    said = await town.ledger(FollowChanged)
    assert [(one.stage, one.why) for one in said] == [
        ("following", ""), ("asking", ""), ("following", ""), ("ended", "no-authority"),
    ]  # fmt: skip
    assert [one.authorisation_id for one in said] == ["", "", given, given]
    assert (await scene.begin()).status_code == 409, "and no other follow of this incident begins"


@pytest.mark.requirement("D4")
async def test_a_revoked_authority_ends_it_at_once(town: City, scene: Scene) -> None:
    await scene.begin()
    given = await authority(town, scene, 120)
    await after(town, 40)
    assert town.services.follows.of_vehicle(scene.vehicle_id) is not None
    async with town.signed_in("supervisor") as supervisor:
        assert (await supervisor.post(f"/api/v1/authorisations/{given}/revoke")).status_code == 200
    assert town.services.follows.of_vehicle(scene.vehicle_id) is None
    assert (await scene.said())[-1] == ("ended", "authority-withdrawn")


@pytest.mark.requirement("D4")
@pytest.mark.parametrize("changes", [{"boroughs": ["Camden"]}, {"subject_id": "inc-other"}])
async def test_authority_for_something_else_carries_nobody(town: City, scene: Scene, changes: dict[str, Any]) -> None:
    await scene.begin()
    await authority(town, scene, 120, **changes)
    await after(town, 31)
    assert (await scene.said())[-1] == ("ended", "no-authority")


@pytest.mark.requirement("D4")
async def test_an_authority_given_after_the_end_lets_a_new_follow_begin(town: City, scene: Scene) -> None:
    await scene.begin()
    await after(town, 20)
    await scene.found()  # the session goes on
    await after(town, 11)
    assert (await scene.begin()).status_code == 409
    await authority(town, scene, 30)
    again = await scene.begin()
    assert again.status_code == 201, again.text


# --- how much is kept -----------------------------------------------------------------------------------------------


async def test_a_hundred_clicks_leave_one_follow_in_memory_and_the_clock_where_it_was(town: City, scene: Scene) -> None:
    first = (await scene.begin()).json()["ends_at"]
    for _ in range(100):
        town.clock.advance_to(town.clock.now() + timedelta(seconds=1))
        assert (await scene.begin()).json()["ends_at"] == first
    follows = town.services.follows
    assert len(follows.standing) == 1
    assert len(await follows.standing.stored()) == 101
    async with town.signed_in("dispatcher") as dispatcher:
        closed = await dispatcher.post(f"/api/v1/incidents/{scene.incident_id}/close", json={"reason": "resolved"})
        assert closed.status_code in (200, 204), closed.text
    assert len(follows.standing) == 0
    assert (await scene.said())[-1] == ("ended", "incident-closed")


@pytest.mark.requirement("D4")
async def test_follows_are_erased_when_their_period_is_over(town: City, scene: Scene) -> None:
    await scene.begin()
    await after(town, 31)
    name, text = shipped_table()
    held: set[str] = set()

    class Keys:
        async def destroy(self, subjects: Any) -> int:
            return len(list(subjects))

    retention = Retention(
        town.recorder, town.clock, RandomIds(town.clock), Keys(), parse_table(text, name), "0" * 64,
        [FollowsHeld(town.services.follows, held.__contains__)], held.__contains__,
    )  # fmt: skip
    await retention.load(town.store)
    assert await retention.work() == 0
    town.clock.advance_to(town.clock.now() + timedelta(days=32))
    held.add(scene.incident_id)
    assert await retention.work() == 0, "a hold on the incident holds its follows"
    held.clear()
    assert await retention.work() == 1
    assert await town.services.follows.standing.stored() == []


async def test_nobody_else_ends_or_consents(town: City, scene: Scene) -> None:
    await scene.begin()
    async with town.signed_in("dispatcher") as dispatcher:
        assert (await dispatcher.post(f"{scene.path}/consent")).status_code == 403
        assert (await dispatcher.post("/api/v1/incidents", json=call(id="cad-9"))).status_code in (200, 201)
    assert len(await town.ledger(AccessDenied)) == 1
