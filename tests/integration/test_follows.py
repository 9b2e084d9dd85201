"""A follow over the edge and the real services: the camera is turned, the vehicle follows with consent, authority carries it (D4).

The analyst's looks are made here; who makes them in a real run is `test_follow_live`.
"""

import math
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.integration import follow_scene
from tests.integration.console_city import SCENE, City, call
from tests.integration.follow_scene import POSE, Scene, given_another, going_home

from bowstreet.accountability.retention.rules import parse_table
from bowstreet.accountability.retention.service import Retention, shipped_table
from bowstreet.dispatch.follows import FollowsHeld
from bowstreet.dispatch.steering import BY_HAND, HOLDS, KEEPS, OVER, SEARCHES
from bowstreet.flight.model import GoTo, PointGimbal
from bowstreet.messages import AccessDenied, FollowChanged
from bowstreet.runtime.ids import RandomIds
from bowstreet.tracking import search, steer, wire
from bowstreet.tracking.model import (
    Box,
    CandidateShown,
    Ellipse,
    FollowPhase,
    GroundPlace,
    Shape,
)
from bowstreet.tracking.plane import Plane

town, scene = follow_scene.town, follow_scene.scene


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


async def test_a_press_on_nothing_ends_its_follow_at_once_on_record_and_says_why_for_a_while(town: City, scene: Scene) -> None:
    await scene.begin()
    assert (await scene.found())["ended"] is None
    scene.refuses()
    await town.services.follows.look()
    assert (await scene.said())[-1] == ("ended", "not-begun")
    seen = await scene.found()
    assert (seen["follow_id"], seen["ended"]) == ("", "not-begun")
    await scene.passes(40.0)
    assert (await scene.found())["ended"] is None
    assert (await scene.begin()).status_code == 201, "and the pilot may press again"


async def test_an_analyst_ends_no_follow_but_its_own_drones(town: City, scene: Scene) -> None:
    await scene.begin()
    scene.refuses(vehicle_id=next(one for one in town.services.video.streams if one != scene.vehicle_id))
    await town.services.follows.look()
    assert (await scene.said())[-1] == ("following", "")


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


async def test_a_hand_that_turns_again_is_left_alone_from_then_on(town: City, scene: Scene) -> None:
    await scene.begin()
    for _ in range(2):
        await scene.pilot.post(f"/api/v1/missions/{scene.mission_id}/commands", json={"type": "gimbal", "pitch_deg": -80})
        await scene.passes(8.0)
    scene.looks(500.0, 60.0)
    assert (town.link.aimed, (await scene.found())["camera"]) == ([], BY_HAND)


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


# --- another incident, and the way home -----------------------------------------------------------------------------


@pytest.mark.requirement("D4")
@pytest.mark.parametrize("released", [False, True])
async def test_a_follow_does_not_go_with_its_drone_to_another_incident(town: City, scene: Scene, released: bool) -> None:
    await scene.begin()
    scene.looks(500.0, 60.0)
    if released:
        assert (await scene.pilot.delete(f"/api/v1/missions/{scene.mission_id}/control")).status_code == 204
        assert (await scene.said())[-1] == ("following", ""), "nobody flies it now, and it goes on"
    await given_another(town, scene.mission_id)
    assert (await scene.said())[-1] == ("ended", "drone-turned")
    follows = town.services.follows
    assert follows.of_vehicle(scene.vehicle_id) is None
    assert follows.followed_until(scene.vehicle_id) is None
    await scene.passes(4.0)
    aimed = len(town.link.aimed)
    scene.looks(500.0, 60.0)
    assert len(town.link.aimed) == aimed, "not over the next scene either"
    [last] = [one for one in (await town.ledger(FollowChanged)) if one.stage == "ended"]
    assert last.incident_id == scene.incident_id


@pytest.mark.requirement("D4")
async def test_no_worker_is_told_of_a_follow_that_ended_while_it_was_put_on_record(
    town: City, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    record, told = town.recorder.record, []

    async def turned_meanwhile(**what: Any) -> None:
        await record(**what)
        if any(isinstance(one, FollowChanged) for one in what.get("messages", ())):
            monkeypatch.setattr(town.recorder, "record", record)
            await given_another(town, scene.mission_id)

    def tell(_: str, order: wire.AnyOrder) -> None:
        told.append(type(order))

    monkeypatch.setattr(town.services.follows, "_tell", tell)
    monkeypatch.setattr(town.recorder, "record", turned_meanwhile)
    answer = await scene.begin()
    assert (answer.status_code, wire.Click in told) == (409, False), answer.text
    assert town.services.follows.of_vehicle(scene.vehicle_id) is None
    assert await scene.said() == [("following", ""), ("ended", "drone-turned")]


@pytest.mark.requirement("D2")
async def test_nobody_is_followed_from_a_drone_that_was_taken_on_its_way_home(town: City, scene: Scene) -> None:
    await going_home(town, scene)
    assert (await scene.begin()).status_code == 409
    assert town.link.aimed == []
