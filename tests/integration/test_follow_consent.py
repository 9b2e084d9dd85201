"""The vehicle follows a subject by its pilot's consent alone, and only where it may fly."""

import math

import pytest
from tests.integration import follow_scene
from tests.integration.console_city import SCENE, City
from tests.integration.follow_scene import Scene, hovers, there

from bowstreet.errors import Refused
from bowstreet.flight.failsafe import PILOT_SILENT_S
from bowstreet.flight.model import Phase
from bowstreet.geo import Position
from bowstreet.messages import CommandIssued, FollowConsentChanged
from bowstreet.tracking import rules
from bowstreet.tracking.model import (
    FollowPhase,
    Motion,
)
from bowstreet.tracking.plane import Plane

town, scene = follow_scene.town, follow_scene.scene


# --- the vehicle ----------------------------------------------------------------------------------------------------


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
    pilots._may_fly = lambda mission, start, place, reach_m: steer_refusal(place.position)
    scene.looks(place=there(200.0))
    await scene.passes(4.0)
    assert "a zone" in (await scene.found())["vehicle"]
    assert len(scene.moves()) == first


def steer_refusal(at: Position) -> Refused | None:
    """A zone that lies on the way, and not at its end."""
    _, north_m = Plane(SCENE).to_metres(at)
    return Refused("a zone lies on the way", remedy="go round it") if 60.0 < north_m < 100.0 else None
