"""A deployment from plan to public record, with real faces of people who do not exist: each step on record, nothing left in the end."""

import json
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace
from tests.unit.recognition_world import ADJUDICATOR, CAMERAS, HIGHBURY, OFFICER, OPERATOR, PROBE, SECOND, World, people

from bowstreet.accountability import ledger
from bowstreet.accountability.audit import keyring_of, verify_data
from bowstreet.accountability.authority.model import State
from bowstreet.accountability.model import Identity as Asker
from bowstreet.accountability.model import Role
from bowstreet.accountability.processing.model import Justification
from bowstreet.errors import NotFound, Refused, StoreUnavailable
from bowstreet.geo import Position
from bowstreet.messages import Erased
from bowstreet.recognition import rules
from bowstreet.recognition.alerts.model import Alert, AlertState, Disposal, IdentityFound, Judgement, Sighting, Withheld
from bowstreet.recognition.model import Counts, DeploymentState, Obstacle, PlacedCamera
from bowstreet.recognition.planning import Planning


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    made = await World(tmp_path / "data").started()
    yield made
    await made.close()


def officer(account_id: str = ADJUDICATOR) -> Asker:
    return Asker(account_id=account_id, name="", role=Role.DISPATCHER, may=())


async def test_from_authority_to_receipt_and_record(world: World) -> None:
    names = list(people())
    planned = await world.planned()
    dep = planned.deployment_id
    await world.told(dep)
    listed = await world.listed(dep, *names[:6], volunteers=names[6:8])
    assert listed.manifest is not None
    assert (listed.manifest.people, listed.manifest.images, listed.manifest.volunteers) == (8, 16, 2)
    with pytest.raises(Refused, match="R2"):
        await world.recognition.start(dep, OPERATOR)
    await world.authorised(dep)
    assert world.why_not() is Obstacle.NOT_RUNNING
    await world.recognition.start(dep, OPERATOR)
    assert world.why_not() is None
    assert world.pipeline.running

    wanted = world.person_id(dep, names[0])
    raised = await world.recognition.submit(world.sighting(dep, wanted))
    assert isinstance(raised, Alert)
    assert await world.recognition.submit(world.sighting(dep, wanted)) is Withheld.REPEATED
    seeded = await world.recognition.submit(world.sighting(dep, world.person_id(dep, names[6]), track="2"))
    assert isinstance(seeded, Alert)
    assert seeded.state is AlertState.SEEDED
    await world.recognition.passed(dep, seeded.person_id, "north", OPERATOR)
    await world.recognition.passed(dep, world.person_id(dep, names[7]), "north", OPERATOR)

    await world.alerts.claim(raised.alert_id, ADJUDICATOR)
    with pytest.raises(Refused, match="R11"):
        await world.alerts.decide(raised.alert_id, ADJUDICATOR, engage=True, judgement=Judgement.SAME)
    _, probe = await world.alerts.view(raised.alert_id, officer(), Justification.ADJUDICATION, adjudicates=True)
    assert probe.image == PROBE
    await world.alerts.decide(raised.alert_id, ADJUDICATOR, engage=True, judgement=Judgement.SAME)
    await world.alerts.settle(raised.alert_id, ADJUDICATOR, IdentityFound.CONFIRMED_TRUE, Disposal.ARREST)

    await world.advance(hours=5)
    over = world.recognition.get(dep)
    assert over.state is DeploymentState.PUBLISHED
    assert not world.pipeline.running
    assert over.manifest is not None
    with pytest.raises(NotFound, match="destroyed"):
        world.enrolment.open(over.manifest)
    assert not list((world.folder / "watchlists").iterdir())
    receipts = [ledger.message_of(row) async for row in world.store.log_rows()]
    assert [one.subject_id for one in receipts if isinstance(one, Erased)] == [over.manifest.watchlist_id]

    [record] = world.records.newest()
    told = json.loads(record.text)
    assert record.digest == over.record_digest
    assert told["people"] == 6
    assert told["categories"] == {"wanted-by-court": 6}
    assert (told["alerts"], told["false_alerts"]) == (1, 0)
    assert (told["recognised"]["count"], told["recognised"]["of"]) == (1, 2)
    assert told["outcomes"] == {}  # one arrest is fewer than five
    assert not any(name in record.text for name in names)
    assert await world.recognition.submit(world.sighting(dep, wanted, track="9")) is Obstacle.NOT_RUNNING


async def test_nothing_of_a_person_lies_open_in_any_file(world: World) -> None:
    one = await world.running(*list(people())[:2])
    raised = await world.recognition.submit(world.sighting(one.deployment_id, world.person_id(one.deployment_id, "P001")))
    assert isinstance(raised, Alert)
    assert one.manifest is not None
    entry = next(world.enrolment.open(one.manifest).entries())
    await world.recorder.settle()
    for secret in (PROBE, entry.image[1_000:1_100], entry.vector, b"Name of P001"):
        assert not world.contains(secret)
    assert world.contains(one.deployment_id.encode())  # the search would find it


async def test_the_ledger_verifies_after_all_of_it(world: World) -> None:
    one = await world.running("P001")
    await world.recognition.close(one.deployment_id, OPERATOR)
    await world.recognition.look()
    await world.close()
    with keyring_of(world.folder, "") as keyring:
        assert verify_data(world.folder, keyring=keyring).ok
    assert OFFICER


async def test_what_is_entered_while_a_stop_waits_for_the_cameras_stays_counted(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sighting on its way into the record is not torn out of it by a stop, nor is its count."""
    names = list(people())[:1]
    for ends in (world.recognition.stop, world.recognition.close):
        one = await world.running(*names)
        dep = one.deployment_id
        sighting = world.sighting(dep, world.person_id(dep, names[0]))

        async def last(sighting: Sighting = sighting) -> None:
            world.recognition.count(sighting.deployment_id, Counts(frames=7, tracks=1))
            assert isinstance(await world.recognition.submit(sighting), Alert)

        monkeypatch.setattr(world.pipeline, "stop", last)
        await ends(dep, OPERATOR)
        monkeypatch.undo()
        counts = world.recognition.get(dep).counts
        assert (counts.frames, counts.tracks, counts.alerts) == (7, 1, len(world.alerts.of(dep))) == (7, 1, 1)


async def test_what_was_counted_survives_a_record_that_cannot_be_written(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    dep = (await world.running(next(iter(people())))).deployment_id
    world.recognition.count(dep, Counts(frames=100, analysed=90, dropped=10, tracks=4))

    async def full(batch: object) -> None:
        raise StoreUnavailable("the disk is full", remedy="make room")

    with monkeypatch.context() as broken:
        broken.setattr(world.store._store, "commit", full)
        world.simulated.advance_to(world.clock.now() + timedelta(seconds=11))
        await world.recognition.look()  # counts cannot be entered, so it stops; that cannot be entered either
        assert not world.pipeline.running
        await world.recognition.look()
    await world.recognition.look()
    one = world.recognition.get(dep)
    assert one.state is DeploymentState.STOPPED
    assert one.counts == Counts(frames=100, analysed=90, dropped=10, tracks=4)


async def test_an_alert_is_where_its_camera_stands(world: World) -> None:
    """Whoever is limited to a borough sees the alerts of cameras there, and of no other."""
    north, south = HIGHBURY, replace(HIGHBURY, latitude_deg=HIGHBURY.latitude_deg - 0.0005)

    def boroughs_of(places: Sequence[Position]) -> tuple[str, ...]:
        return tuple(sorted({"Hackney" if at.latitude_deg < HIGHBURY.latitude_deg - 0.0001 else "Islington" for at in places}))

    world.planning = world.recognition.planning = Planning(world.book, CAMERAS, boroughs_of)
    plan = replace(
        world.a_plan(),
        cameras=(PlacedCamera(camera_id="north", position=north), PlacedCamera(camera_id="south", position=south)),
    )
    dep = (await world.planning.plan(plan, OPERATOR)).deployment_id
    assert world.recognition.get(dep).plan.boroughs == ("Hackney", "Islington")
    await world.told(dep)
    await world.listed(dep, "P001")
    await world.authorised(dep)
    await world.recognition.start(dep, OPERATOR)
    wanted = world.person_id(dep, "P001")
    raised = [
        await world.recognition.submit(world.sighting(dep, wanted, camera=camera, track=camera)) for camera in ("north", "south")
    ]
    assert [one.borough for one in raised if isinstance(one, Alert)] == ["Islington", "Hackney"]


@pytest.mark.requirement("R2", "R3")
async def test_an_amendment_authorised_by_whoever_runs_it_is_not_taken_and_its_authority_ends(world: World) -> None:
    one = await world.running()
    await world.recognition.stop(one.deployment_id, OPERATOR)
    await world.recognition.start(one.deployment_id, SECOND)
    north, south = one.plan.cameras
    elsewhere = replace(north, position=replace(north.position, latitude_deg=51.5470))
    asked = await world.planning.amend(one.deployment_id, replace(one.plan, cameras=(elsewhere, south)), OPERATOR)
    assert asked.amendment is not None
    await world.authorities.decide(asked.amendment.authorisation_id, SECOND, allow=True)
    now = world.recognition.get(one.deployment_id)
    assert (now.state, now.plan, now.amendment, now.why) == (DeploymentState.RUNNING, one.plan, None, rules.NOT_TAKEN)
    assert world.authorities.get(asked.amendment.authorisation_id).state is State.REVOKED
    assert (world.why_not("north"), world.why_not("south")) == (Obstacle.CAMERA_MOVED, None)
    assert world.pipeline.cameras == {"south"}


@pytest.mark.requirement("R2", "R13")
async def test_a_plan_that_was_made_within_a_second_is_amended_from_a_page_that_knows_milliseconds(world: World) -> None:
    asked = world.a_plan()
    asked = replace(
        asked, starts_at=asked.starts_at.replace(microsecond=123_456), ends_at=asked.ends_at.replace(microsecond=654_321)
    )
    dep = (await world.planning.plan(asked, OPERATOR)).deployment_id
    await world.told(dep)
    await world.listed(dep, "P001")
    await world.authorised(dep)
    plan = (await world.recognition.start(dep, OPERATOR)).plan
    north, south = plan.cameras
    elsewhere = replace(north, position=replace(north.position, latitude_deg=51.5470))
    starts_at, ends_at = (one - timedelta(microseconds=one.microsecond % 1_000) for one in (plan.starts_at, plan.ends_at))
    await world.planning.amend(dep, replace(plan, starts_at=starts_at, ends_at=ends_at, cameras=(elsewhere, south)), OPERATOR)
    assert world.why_not("north") is Obstacle.CAMERA_MOVED
