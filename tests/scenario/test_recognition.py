"""A recognition deployment from authority to public record. See recognition.md."""

import json
import shutil
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from tests.killing import Killed
from tests.unit import recognition_deeds as deeds
from tests.unit.recognition_deeds import entries
from tests.unit.recognition_world import ADJUDICATOR, OFFICER, OPERATOR, THRESHOLD, World, people, row

from bowstreet.accountability.audit import keyring_of, verify_data
from bowstreet.accountability.authority.model import Ground, Refusal
from bowstreet.accountability.authority.model import UseCase as AuthorityUseCase
from bowstreet.accountability.model import Identity as Asker
from bowstreet.accountability.model import Role
from bowstreet.accountability.processing.model import Justification
from bowstreet.accountability.retention.model import Step
from bowstreet.accountability.vault import KEYS_FILE
from bowstreet.errors import BadInput, NotFound, Refused, StoreUnavailable
from bowstreet.messages import AlertViewed, DeploymentChanged, DeploymentPublished, Erased, ErasureOrdered
from bowstreet.recognition.alerts.model import Alert, AlertState, Disposal, IdentityFound, Judgement, NotEngaged
from bowstreet.recognition.model import (
    Counts,
    DeploymentState,
    DeploymentUse,
    EvidenceKind,
    LocationBasis,
    Obstacle,
    PlacedCamera,
)
from bowstreet.recognition.watchlist import ListFile

NAMES = list(people())
MINUTE = 60.0


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    made = await World(tmp_path / "data").started()
    yield made
    await made.close()


async def an_alert(world: World, deployment_id: str, person: str = NAMES[0], **more: Any) -> Alert:
    made = await world.recognition.submit(world.sighting(deployment_id, world.person_id(deployment_id, person), **more))
    assert isinstance(made, Alert), made
    return made


def officer(account_id: str) -> Asker:
    return Asker(account_id=account_id, name="", role=Role.ADJUDICATING_OFFICER, may=())


async def look(world: World, alert: Alert, by: str = ADJUDICATOR) -> None:
    await world.alerts.view(alert.alert_id, officer(by), Justification.ADJUDICATION, adjudicates=True)


@pytest.mark.requirement("R2", "R4", "R12", "R13", "R15", "R18")
async def test_nothing_starts_while_anything_is_missing(world: World) -> None:
    planned = await world.planned()
    dep = planned.deployment_id
    with pytest.raises(Refused, match="R4"):
        await world.planning.request_authority(dep, OPERATOR)
    await world.listed(dep, NAMES[0])
    with pytest.raises(Refused, match="R18") as covert:
        await world.planning.request_authority(dep, OPERATOR)
    assert "Regulation of Investigatory Powers Act 2000" in covert.value.remedy
    await world.planning.tell(dep, EvidenceKind.NOTICE, world.clock.now(), "notice-1", (), OPERATOR)
    await world.authorised(dep)
    missing = set(world.recognition.against(world.recognition.get(dep), OPERATOR))
    assert missing == {Obstacle.NO_SIGNS}
    with pytest.raises(Refused, match="R15"):
        await world.recognition.start(dep, OPERATOR)
    await world.planning.tell(dep, EvidenceKind.SIGN, world.clock.now(), "photo-1", ("north", "south"), OPERATOR)
    world.models.reported = False
    with pytest.raises(Refused, match="R12"):
        await world.recognition.start(dep, OPERATOR)
    world.models.reported = True
    with pytest.raises(BadInput, match="R13"):
        await world.planned(threshold=0.39)
    assert world.recognition.may_process(world.frame()) is Obstacle.NOT_RUNNING
    assert not world.pipeline.orders
    await world.recognition.start(dep, OPERATOR)
    assert world.recognition.may_process(world.frame()) is None
    assert world.recognition.may_process(world.frame("elsewhere")) is Obstacle.NOT_THIS_CAMERA


@pytest.mark.requirement("R1", "R5")
async def test_questions_are_closed(world: World) -> None:
    plan = replace(world.a_plan(), use_case=DeploymentUse.MISSING, location_basis=LocationBasis.CRIME_HOTSPOT)
    with pytest.raises(BadInput, match="R1"):
        await world.planning.plan(plan, OPERATOR)
    planned = await world.planned()
    wrong = [row("a", "a.jpg", category="missing-at-risk"), row("b", "b.jpg", source="family-of-missing-person")]
    made, _ = await world.imported(planned.deployment_id, wrong, {})
    assert [("no place" in one.why, "R5" in one.why) for one in made.results.values()] == [(True, False), (False, True)]


@pytest.mark.requirement("R1", "R4")
async def test_a_list_is_not_turned_to_another_use(world: World) -> None:
    dep = (await world.planned()).deployment_id
    await world.told(dep)
    await world.listed(dep, NAMES[0])
    other = replace(world.a_plan(), use_case=DeploymentUse.MISSING, location_basis=LocationBasis.EXPECTED)
    await world.planning.replan(dep, other, OPERATOR)
    assert Obstacle.LIST_MISPLACED in world.recognition.against(world.recognition.get(dep), OPERATOR)
    with pytest.raises(Refused, match="R4"):
        await world.planning.request_authority(dep, OPERATOR)


@pytest.mark.requirement("R3", "R6")
async def test_authority_is_given_by_somebody_else(world: World) -> None:
    planned = await world.planned()
    dep = planned.deployment_id
    await world.told(dep)
    made, _ = await world.imported(
        dep, [row(NAMES[0], "a.jpg", under_18="yes")], {"a.jpg": (people()[NAMES[0]] / "studio_portrait.jpg").read_bytes()}
    )
    await world.planning.finish_import(dep, made.import_id, OPERATOR, leave_out=False)
    with pytest.raises(Refused, match="R6"):
        await world.planning.request_authority(dep, OPERATOR)
    await world.planning.review(dep, world.person_id(dep, NAMES[0]), OFFICER, approve=True)
    one = await world.planning.request_authority(dep, OPERATOR)
    with pytest.raises(Refused, match="whoever asks"):
        await world.authorities.decide(one.authorisation_id, OPERATOR, allow=True)
    await world.authorities.decide(one.authorisation_id, OFFICER, allow=False, because=Refusal.TOO_WIDE)
    refused = world.recognition.get(dep)
    assert (refused.state, refused.why) == (DeploymentState.PLANNED, "authority refused: place or window too wide")
    one = await world.planning.request_authority(dep, OPERATOR)
    await world.authorities.decide(one.authorisation_id, OFFICER, allow=True)
    with pytest.raises(Refused, match="R3"):
        await world.recognition.start(dep, OFFICER)
    assert (await world.recognition.start(dep, "acc-another")).state is DeploymentState.RUNNING


@pytest.mark.parametrize("loss", ["window", "authority", "record"])
@pytest.mark.requirement("R2")
async def test_it_stops_by_itself(world: World, loss: str, monkeypatch: pytest.MonkeyPatch) -> None:
    one = await world.running(NAMES[0])
    dep = one.deployment_id
    assert world.pipeline.until is not None
    assert world.pipeline.until - world.clock.now() <= timedelta(seconds=5)
    if loss == "window":
        await world.advance(hours=3, minutes=59, seconds=58)
        assert world.pipeline.running
        await world.advance(seconds=2)
    elif loss == "authority":
        await world.authorities.revoke(one.authorisation_id, OFFICER)
    else:

        async def full(batch: object) -> None:
            raise StoreUnavailable("the disk is full", remedy="make room")

        monkeypatch.setattr(world.store._store, "commit", full)
        await world.recognition.look()
        world.clock.advance_to(world.clock.now() + timedelta(seconds=11))
        await world.recognition.look()
    assert not world.pipeline.running
    assert world.recognition.may_process(world.frame()) is not None
    assert await world.recognition.submit(world.sighting(dep, "per-anybody")) in set(Obstacle)
    assert not world.alerts.all()
    if loss == "record":
        assert world.recognition.get(dep).state is DeploymentState.RUNNING  # that it stopped cannot be recorded yet
        monkeypatch.undo()
        await world.recognition.look()
        assert world.recognition.get(dep).why == "the record cannot be written (R16)"
    assert world.recognition.get(dep).state is not DeploymentState.RUNNING
    assert (await entries(world, DeploymentChanged))[-1].by == "program"


@pytest.mark.requirement("R2", "F7")
async def test_a_program_that_died_does_not_go_on_by_itself(world: World) -> None:
    one = await world.running(NAMES[0])
    copied = world.folder.parent / "as it lay"
    shutil.copytree(world.folder, copied)  # what kill -9 leaves: nothing was closed
    again = await World(copied, at=world.clock.now(), seed=5).started()
    stopped = again.recognition.get(one.deployment_id)
    assert (stopped.state, stopped.why) == (DeploymentState.STOPPED, "the program ended while it ran")
    assert again.recognition.may_process(again.frame()) is Obstacle.NOT_RUNNING
    assert not again.pipeline.orders
    await again.recognition.start(one.deployment_id, OPERATOR)
    assert again.recognition.may_process(again.frame()) is None
    await again.close()


@pytest.mark.requirement("R2", "R13")
async def test_a_moved_camera_waits_for_an_amended_authority(world: World) -> None:
    one = await world.running(NAMES[0])
    dep = one.deployment_id
    north, south = one.plan.cameras
    elsewhere = replace(north, position=replace(north.position, latitude_deg=51.5470))
    with pytest.raises(Refused, match="R13"):
        await world.planning.amend(dep, replace(one.plan, cameras=(elsewhere, south), threshold=THRESHOLD + 0.1), OPERATOR)
    moved = await world.planning.amend(dep, replace(one.plan, cameras=(elsewhere, south)), OPERATOR)
    assert world.recognition.may_process(world.frame("north")) is Obstacle.CAMERA_MOVED
    assert world.recognition.may_process(world.frame("south")) is None
    await world.recognition.look()
    assert world.pipeline.cameras == {"south"}
    assert moved.amendment is not None
    await world.authorities.decide(moved.amendment.authorisation_id, OFFICER, allow=True)
    amended = world.recognition.get(dep)
    assert (amended.revision, amended.plan.cameras[0], amended.moved) == (2, elsewhere, ())
    assert world.recognition.may_process(world.frame("north")) is None
    assert world.authorities.get(one.authorisation_id).state == "revoked"
    # A refused amendment leaves the camera unused until somebody says that it stands where it was authorised.
    third = replace(amended.plan, cameras=(PlacedCamera(camera_id="north", position=north.position), south))
    asked = await world.planning.amend(dep, third, OPERATOR)
    assert asked.amendment is not None
    await world.authorities.decide(asked.amendment.authorisation_id, OFFICER, allow=False)
    assert world.recognition.may_process(world.frame("north")) is Obstacle.CAMERA_MOVED
    await world.planning.put_back(dep, "north", OPERATOR)
    assert world.recognition.may_process(world.frame("north")) is None


@pytest.mark.requirement("R11", "R16")
async def test_an_alert_is_a_persons_decision(world: World) -> None:
    one = await world.running(*NAMES[:4])
    alert = await an_alert(world, one.deployment_id)
    with pytest.raises(Refused, match="do not have"):
        await world.alerts.decide(alert.alert_id, ADJUDICATOR, engage=True, judgement=Judgement.SAME)
    await world.alerts.claim(alert.alert_id, ADJUDICATOR)
    with pytest.raises(Refused, match="R11"):
        await world.alerts.decide(alert.alert_id, ADJUDICATOR, engage=True, judgement=Judgement.SAME)
    await look(world, alert)
    await world.alerts.ask_opinion(alert.alert_id, ADJUDICATOR)
    with pytest.raises(Refused, match="another officer"):
        await world.alerts.give_opinion(alert.alert_id, ADJUDICATOR, Judgement.SAME)
    with pytest.raises(Refused, match="waited for"):
        await world.alerts.decide(alert.alert_id, ADJUDICATOR, engage=True, judgement=Judgement.SAME)
    await look(world, alert, "acc-second")
    await world.alerts.give_opinion(alert.alert_id, "acc-second", Judgement.NOT_SAME)
    settled = await world.alerts.decide(
        alert.alert_id, ADJUDICATOR, engage=False, judgement=Judgement.NOT_SAME, why_not=NotEngaged.NOT_SAME
    )
    assert settled.state is AlertState.SETTLED
    assert [(one.by, one.role) for one in await entries(world, AlertViewed)] == [
        (ADJUDICATOR, "adjudicating-officer"), ("acc-second", "adjudicating-officer"),
    ]  # fmt: skip
    left = await an_alert(world, one.deployment_id, NAMES[1], track="2")
    await world.alerts.claim(left.alert_id, ADJUDICATOR)
    await world.advance(seconds=3 * MINUTE)
    assert world.alerts.get(left.alert_id).state is AlertState.RAISED
    await world.advance(seconds=7 * MINUTE)
    assert (world.alerts.get(left.alert_id).state, world.alerts.get(left.alert_id).outcome) == (AlertState.LAPSED, None)


@pytest.mark.requirement("R9")
@pytest.mark.parametrize("waits", [False, True])
async def test_the_list_is_destroyed_within_a_day_with_a_receipt(world: World, waits: bool) -> None:
    one = await world.running(NAMES[0])
    dep = one.deployment_id
    alert = await an_alert(world, dep)
    await world.alerts.claim(alert.alert_id, ADJUDICATOR)
    await look(world, alert)
    if waits:  # an officer is with the person when it is closed
        await world.alerts.decide(alert.alert_id, ADJUDICATOR, engage=True, judgement=Judgement.SAME)
    copied = world.folder.parent / "kept aside"
    shutil.copytree(world.folder / "watchlists", copied)
    await world.recognition.close(dep, OPERATOR)
    closed_at = world.clock.now()
    await world.recognition.look()
    if waits:
        assert world.recognition.get(dep).state is DeploymentState.CLOSED
        await world.advance(hours=11, minutes=59)
        assert world.recognition.get(dep).state is DeploymentState.CLOSED
        await world.advance(hours=11, minutes=2)
    over = world.recognition.get(dep)
    assert over.state in (DeploymentState.DESTROYED, DeploymentState.PUBLISHED)
    assert over.manifest is not None
    assert over.manifest.destroyed_at is not None
    assert over.manifest.destroyed_at - closed_at < timedelta(hours=24)
    watchlist_id = over.manifest.watchlist_id
    assert not list((world.folder / "watchlists").iterdir())
    assert world.vault.find(watchlist_id) is None
    assert watchlist_id.encode() not in (world.folder / KEYS_FILE).read_bytes()
    with pytest.raises(NotFound):
        world.enrolment.open(over.manifest)
    other = (await world.vault.keys_for(["another"]))["another"]
    with pytest.raises(StoreUnavailable):
        ListFile(copied / f"{watchlist_id}.list", watchlist_id, over.manifest.policy, other)
    [receipt] = [one for one in world.retention.erasures.all() if one.subject_id == watchlist_id]
    assert receipt.step is Step.DONE


@pytest.mark.requirement("R9", "F7")
async def test_killed_while_the_list_is_destroyed(tmp_path: Path) -> None:
    await deeds.running(tmp_path / "data")

    async def check(world: World, one: Killed) -> None:
        before = deeds.the(world)
        if not before.state.is_over:
            await world.recognition.close(before.deployment_id, OPERATOR)
        await world.recognition.look()
        assert deeds.the(world).state is DeploymentState.PUBLISHED
        assert (deeds.list_keys(world), list((world.folder / "watchlists").iterdir())) == ([], [])
        assert (len(await entries(world, ErasureOrdered)), len(await entries(world, Erased))) == (1, 1)
        assert len(await entries(world, DeploymentPublished)) == len(world.records.newest()) == 1
        assert [alert.state for alert in world.alerts.all()] == [AlertState.LAPSED]
        assert [asked.state for asked in world.authorities.all() if not asked.state.is_final] == []

    await deeds.attacked("ending", tmp_path / "data", tmp_path, check)


@pytest.mark.requirement("R10")
async def test_alerts_stay_a_month_and_no_longer(world: World) -> None:
    one = await world.running(*NAMES[:2])
    kept, gone = await an_alert(world, one.deployment_id), await an_alert(world, one.deployment_id, NAMES[1], track="2")
    await world.recognition.close(one.deployment_id, OPERATOR)
    world.clock.advance_to(world.clock.now() + timedelta(days=30))
    await world.retention.work()
    assert {one.alert_id for one in world.alerts.all()} == {kept.alert_id, gone.alert_id}
    held = world.authorities.requested(
        use_case=AuthorityUseCase.LEGAL_HOLD, ground=Ground.CRIMINAL_PROCEEDINGS, subject_id=kept.alert_id,
        boroughs=("Islington",), starts_at=world.clock.now(), ends_at=world.clock.now() + timedelta(days=9), by=OPERATOR,
    )  # fmt: skip
    await world.authorities.request(held)
    await world.authorities.decide(held.authorisation_id, OFFICER, allow=True)
    world.clock.advance_to(world.clock.now() + timedelta(days=2))
    await world.retention.work()
    assert [one.alert_id for one in world.alerts.all()] == [kept.alert_id]
    assert await world.store.get("probe", gone.alert_id) is None
    assert await world.store.get("probe", kept.alert_id) is not None
    world.clock.advance_to(world.clock.now() + timedelta(days=9))
    await world.retention.work()
    assert not world.alerts.all()
    assert {gone.alert_id, kept.alert_id} <= {one.subject_id for one in await entries(world, Erased)}


@pytest.mark.requirement("R14", "R15")
async def test_the_public_record_says_how_it_went(world: World) -> None:
    planned = await world.planned()
    dep = planned.deployment_id
    await world.told(dep)
    await world.listed(dep, *NAMES[:6], volunteers=NAMES[6:8])
    await world.authorised(dep)
    await world.recognition.start(dep, OPERATOR)
    service = world.recognition
    for number, (identity, disposal) in enumerate(
        [(IdentityFound.CONFIRMED_TRUE, Disposal.ARREST), (IdentityFound.CONFIRMED_FALSE, Disposal.NONE)]
    ):
        alert = await an_alert(world, dep, NAMES[number], track=str(number))
        await world.alerts.claim(alert.alert_id, ADJUDICATOR)
        await look(world, alert)
        await world.alerts.decide(alert.alert_id, ADJUDICATOR, engage=True, judgement=Judgement.SAME)
        await world.alerts.settle(alert.alert_id, ADJUDICATOR, identity, disposal)
    await an_alert(world, dep, NAMES[6], track="v")
    for name in (NAMES[6], NAMES[7], NAMES[7]):
        await service.passed(dep, world.person_id(dep, name), "north", OPERATOR)
    service.count(dep, Counts(frames=9_000, analysed=8_000, dropped=1_000, tracks=4_000))
    await service.close(dep, OPERATOR)
    await service.look()
    [record] = world.records.newest()
    told = json.loads(record.text)
    assert (told["alerts"], told["false_alerts"], told["faces_seen"]) == (2, 1, 4_000)
    over_faces, over_alerts = told["rates"]["over_faces"], told["rates"]["over_alerts"]
    assert (over_faces["count"], over_faces["of"], over_alerts["of"]) == (1, 4_000, 2)
    assert over_faces["interval"]["low"] < 1 / 4_000 < over_faces["interval"]["high"]
    assert (told["recognised"]["count"], told["recognised"]["of"]) == (1, 3)
    assert (told["people"], told["categories"], told["outcomes"]) == (6, {"wanted-by-court": 6}, {})
    assert (told["use_case"], told["location_basis"], told["boroughs"]) == (
        "find-people-wanted", "recorded-crime-hotspot", ["Islington"],
    )  # fmt: skip
    assert not any(name in record.text for name in (*NAMES, "per-", ADJUDICATOR, OPERATOR, OFFICER))


@pytest.mark.requirement("R17")
async def test_a_regulator_finds_it_whole(world: World) -> None:
    one = await world.running(NAMES[0])
    await world.recognition.close(one.deployment_id, OPERATOR)
    await world.recognition.look()
    changes = [said.change for said in await entries(world, DeploymentChanged)]
    assert changes == [
        "planned", "told-by-public-notice", "told-by-sign", "enrolled", "submitted", "authority-in-force", "started", "closed",
        "list-destroyed", "published",
    ]  # fmt: skip
    await world.close()
    with keyring_of(world.folder, "") as keyring:
        found = verify_data(world.folder, keyring=keyring)
    assert found.ok, found.says()
