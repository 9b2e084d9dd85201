"""Two people, or a person and the program, act at the same moment: neither act undoes the other, and nothing looks on after a stop."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from tests.unit.recognition_deeds import entries
from tests.unit.recognition_world import ADJUDICATOR, COLUMNS, OPERATOR, World, photo, row

from bowstreet.accountability.authority.model import Ground, State, UseCase
from bowstreet.accountability.model import Identity as Asker
from bowstreet.accountability.model import Role
from bowstreet.accountability.processing.model import Justification
from bowstreet.errors import BowstreetError, Conflict, NotFound, Refused
from bowstreet.messages import DeploymentChanged
from bowstreet.recognition.alerts.model import Alert, AlertState, Judgement, NotEngaged
from bowstreet.recognition.enrol import MOST_IMPORTS, Import
from bowstreet.recognition.model import Deployment, DeploymentState, EvidenceKind, Obstacle

OTHER = "acc-other"
PORTRAITS = {"a.jpg": photo("P001"), "b.jpg": photo("P002")}


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    made = await World(tmp_path / "data").started()
    yield made
    await made.close()


async def alert(world: World, track: str = "1", person: str = "P001") -> Alert:
    dep = next(one.deployment_id for one in world.recognition.all())
    raised = await world.recognition.submit(world.sighting(dep, world.person_id(dep, person), track=track))
    assert isinstance(raised, Alert)
    return raised


def look(world: World, alert_id: str, by: str) -> asyncio.Task[object]:
    who = Asker(account_id=by, name="", role=Role.DISPATCHER, may=())
    return asyncio.ensure_future(world.alerts.view(alert_id, who, Justification.ADJUDICATION, adjudicates=True))


async def test_a_claim_made_while_another_looks_stands(world: World) -> None:
    await world.running()
    raised = await alert(world)
    looking = look(world, raised.alert_id, OTHER)
    await asyncio.sleep(0)  # it has read the alert, and waits for the picture
    await world.alerts.claim(raised.alert_id, ADJUDICATOR)
    await looking
    now = world.alerts.get(raised.alert_id)
    assert (now.state, now.claimed_by, now.viewed_by) == (AlertState.CLAIMED, ADJUDICATOR, (OTHER,))


async def test_of_two_who_claim_at_once_one_has_it(world: World) -> None:
    await world.running()
    raised = await alert(world)
    both = await asyncio.gather(*(world.alerts.claim(raised.alert_id, by) for by in (ADJUDICATOR, OTHER)), return_exceptions=True)
    assert [type(one) for one in both] == [Alert, Conflict]
    assert world.alerts.get(raised.alert_id).claimed_by == ADJUDICATOR


async def test_a_decision_made_while_time_ends_other_claims_stands(world: World) -> None:
    await world.running("P001", "P002")
    first, second = await alert(world), await alert(world, "2", "P002")
    for one in (first, second):
        await look(world, one.alert_id, ADJUDICATOR)
        await world.alerts.claim(one.alert_id, ADJUDICATOR)
    world.simulated.advance_to(world.clock.now() + timedelta(minutes=4))
    last = max(first.alert_id, second.alert_id)
    timing = asyncio.ensure_future(world.alerts.work())
    await asyncio.sleep(0)  # the first of the two is being written
    await world.alerts.decide(last, ADJUDICATOR, engage=False, judgement=Judgement.NOT_SAME, why_not=NotEngaged.NOT_SAME)
    await timing
    assert world.alerts.get(last).state is AlertState.SETTLED


async def test_a_stop_while_it_starts_leaves_no_camera_looked_at(world: World) -> None:
    await world.running()
    [one] = world.recognition.all()
    await world.recognition.stop(one.deployment_id, OPERATOR)
    starting = asyncio.ensure_future(world.recognition.start(one.deployment_id, OPERATOR))
    while world.recognition.get(one.deployment_id).state is not DeploymentState.RUNNING:
        await asyncio.sleep(0)  # it is on its way into the record: the cameras are not looked at yet
    await world.recognition.stop(one.deployment_id, OTHER)
    with pytest.raises(Refused):
        await starting
    assert world.recognition.get(one.deployment_id).state is DeploymentState.STOPPED
    assert not world.pipeline.running


@pytest.mark.requirement("R2")
async def test_a_camera_moved_while_it_starts_is_not_looked_at(world: World) -> None:
    one = await world.running()
    await world.recognition.stop(one.deployment_id, OPERATOR)
    starting = asyncio.ensure_future(world.recognition.start(one.deployment_id, OPERATOR))
    while world.recognition.get(one.deployment_id).state is not DeploymentState.RUNNING:
        await asyncio.sleep(0)  # it is on its way into the record
    elsewhere = replace(one.plan.cameras[0], position=replace(one.plan.cameras[0].position, latitude_deg=51.5470))
    plan = replace(one.plan, cameras=(elsewhere, one.plan.cameras[1]))
    moving = asyncio.ensure_future(world.planning.amend(one.deployment_id, plan, OTHER))
    started = await starting
    assert [camera.camera_id for camera in world.pipeline.orders[-1].cameras] == ["south"]
    assert started.moved == ("north",)
    await moving


async def test_a_start_does_not_open_what_was_closed_while_its_list_was_read(world: World) -> None:
    await world.running()
    [one] = world.recognition.all()
    await world.recognition.stop(one.deployment_id, OPERATOR)
    starting = asyncio.ensure_future(world.recognition.start(one.deployment_id, OPERATOR))
    await asyncio.sleep(0)  # it reads the list
    await world.recognition.close(one.deployment_id, OTHER)
    with pytest.raises(BowstreetError):
        await starting
    assert world.recognition.get(one.deployment_id).state.is_over
    assert not world.pipeline.running


async def test_a_stop_does_not_open_what_was_closed_meanwhile(world: World) -> None:
    await world.running()
    [one] = world.recognition.all()
    slow = asyncio.Event()
    stop = world.pipeline.stop

    async def slowly() -> None:
        await stop()
        await slow.wait()

    world.pipeline.stop = slowly  # type: ignore[method-assign]
    stopping = asyncio.ensure_future(world.recognition.stop(one.deployment_id, OPERATOR))
    await asyncio.sleep(0)
    world.pipeline.stop = stop  # type: ignore[method-assign]
    await world.recognition.close(one.deployment_id, OTHER)
    slow.set()
    await stopping
    assert world.recognition.get(one.deployment_id).state.is_over


async def test_an_alert_raised_while_it_stops_is_counted(world: World) -> None:
    await world.running()
    [one] = world.recognition.all()
    slow = asyncio.Event()
    stop = world.pipeline.stop

    async def slowly() -> None:
        await slow.wait()
        await stop()

    world.pipeline.stop = slowly  # type: ignore[method-assign]
    stopping = asyncio.ensure_future(world.recognition.stop(one.deployment_id, OPERATOR))
    await asyncio.sleep(0)
    await alert(world)
    slow.set()
    await stopping
    assert world.recognition.get(one.deployment_id).counts.alerts == 1


async def test_nothing_is_raised_by_what_waited_until_authority_was_gone(world: World) -> None:
    await world.running()
    [one] = world.recognition.all()
    sighting = world.sighting(one.deployment_id, world.person_id(one.deployment_id, "P001"))
    before = world.sighting(one.deployment_id, world.person_id(one.deployment_id, "P001"), track="0", scores=(0.7, 0.7))
    first = asyncio.ensure_future(world.recognition.submit(before))
    waits = asyncio.ensure_future(world.recognition.submit(sighting))
    await asyncio.sleep(0)  # one is being written, and the other waits for it
    await world.recognition.stop(one.deployment_id, OPERATOR)
    await first
    assert await waits is Obstacle.NOT_RUNNING


async def test_no_alert_waits_for_the_import_of_another_list(world: World) -> None:
    await world.running()
    [running] = world.recognition.all()
    async with world.book.lock:  # as a long import holds it
        sighting = world.sighting(running.deployment_id, world.person_id(running.deployment_id, "P001"))
        async with asyncio.timeout(10.0):
            assert isinstance(await world.recognition.submit(sighting), Alert)


async def test_a_record_is_published_once_however_many_look(world: World) -> None:
    await world.running()
    [one] = world.recognition.all()
    world.simulated.advance_to(world.clock.now() + timedelta(hours=5))
    await world.recognition.close(one.deployment_id, OPERATOR)
    await asyncio.gather(*(world.recognition.destroy_due() for _ in range(3)))
    assert len(world.records.newest()) == 1
    changes = [row.payload async for row in world.store.log_rows() if b'"published"' in (row.payload or b"")]
    assert len(changes) == 1


async def test_an_import_is_finished_once_and_takes_nothing_after(world: World) -> None:
    one = await world.planned()
    image = "a.jpg"
    made, _ = await world.imported(one.deployment_id, [row("P001", image), row("P002", "b.jpg")], {image: photo("P001")})
    ends = [world.planning.finish_import(one.deployment_id, made.import_id, OPERATOR, leave_out=True) for _ in range(2)]
    late = world.enrolment.add(made, 3, photo("P002"))
    told = await asyncio.gather(*ends, late, return_exceptions=True)
    assert not isinstance(told[0], BaseException)
    assert [type(one) for one in told[1:]] == [NotFound, NotFound]


async def test_an_import_given_up_while_it_is_finished_is_one_or_the_other(world: World) -> None:
    one = await world.planned()
    made, _ = await world.imported(one.deployment_id, [row("P001", "a.jpg")], {"a.jpg": photo("P001")})
    finishing = asyncio.ensure_future(world.planning.finish_import(one.deployment_id, made.import_id, OPERATOR, leave_out=False))
    await asyncio.sleep(0)
    told = await asyncio.gather(finishing, world.enrolment.give_up(made), return_exceptions=True)
    assert all(not isinstance(one, BaseException) or isinstance(one, BowstreetError) for one in told)
    manifest = world.recognition.get(one.deployment_id).manifest
    assert manifest is not None
    assert world.enrolment.open(manifest).digest == manifest.digest


async def test_a_review_written_while_other_authority_expires_stands(world: World) -> None:
    asked = [
        await world.authorities.request(
            world.authorities.requested(
                use_case=UseCase.DISCLOSURE, ground=Ground.THREAT_TO_LIFE, subject_id=f"inc-{number}", boroughs=("Islington",),
                starts_at=world.clock.now(), ends_at=world.clock.now() + timedelta(hours=1), by=OPERATOR,
            ),
            urgent=True,
        )
        for number in range(2)
    ]  # fmt: skip
    world.simulated.advance_to(world.clock.now() + timedelta(hours=2))
    expiring = asyncio.ensure_future(world.authorities.expire())
    await asyncio.sleep(0)  # the first of the two is being written
    await world.authorities.decide(max(one.authorisation_id for one in asked), OTHER, allow=True)
    await expiring
    reviews = {one.authorisation_id: (one.state, one.reviewed_by) for one in world.authorities.all()}
    first, second = sorted(reviews)
    assert (reviews[first], reviews[second]) == ((State.EXPIRED, None), (State.EXPIRED, OTHER))


async def test_of_two_who_submit_at_once_one_does_and_one_request_stands(world: World) -> None:
    one = await world.planned()
    await world.told(one.deployment_id)
    await world.listed(one.deployment_id, "P001")
    both = await asyncio.gather(
        *(world.planning.request_authority(one.deployment_id, by) for by in (OPERATOR, OTHER)), return_exceptions=True
    )
    assert [type(said) for said in both] == [Deployment, Refused]
    assert [asked.authorisation_id for asked in world.authorities.all()] == [
        world.recognition.get(one.deployment_id).authorisation_id
    ]


async def test_of_two_who_amend_at_once_the_last_is_waited_for_and_the_other_request_is_over(world: World) -> None:
    await world.running()
    [one] = world.recognition.all()
    fewer = [replace(one.plan, cameras=(camera,)) for camera in one.plan.cameras]
    await asyncio.gather(*(world.planning.amend(one.deployment_id, plan, OPERATOR) for plan in fewer))
    amendment = world.recognition.get(one.deployment_id).amendment
    assert amendment is not None
    waiting = [asked.authorisation_id for asked in world.authorities.all() if asked.state is State.REQUESTED]
    assert waiting == [amendment.authorisation_id]
    await world.recognition.close(one.deployment_id, OPERATOR)
    assert all(asked.state.is_final for asked in world.authorities.all())


async def test_a_list_that_is_whole_and_not_on_record_yet_is_not_swept_away(world: World) -> None:
    """As when another deployment's list is destroyed at that moment."""
    one = await world.planned()
    for _ in range(2):  # the first list, and one in its place
        made, _ = await world.imported(one.deployment_id, [row("P001", "a.jpg"), row("P002", "b.jpg")], PORTRAITS)
        await _swept_while(world, world.planning.finish_import(one.deployment_id, made.import_id, OPERATOR, leave_out=False))
    await _swept_while(world, world.planning.take_off(one.deployment_id, world.person_id(one.deployment_id, "P001"), OPERATOR))
    manifest = world.recognition.get(one.deployment_id).manifest
    assert manifest is not None
    assert [entry.person.reference for entry in world.enrolment.open(manifest).entries()] == ["P002"]


@pytest.mark.parametrize("change", ["enrolled", "taken-off"])
async def test_what_others_enter_while_a_list_is_made_stands(world: World, monkeypatch: pytest.MonkeyPatch, change: str) -> None:
    one = await world.planned()
    made, _ = await world.imported(one.deployment_id, [row("P001", "a.jpg"), row("P002", "b.jpg")], PORTRAITS)
    if change == "taken-off":
        await world.planning.finish_import(one.deployment_id, made.import_id, OPERATOR, leave_out=False)
        person = world.person_id(one.deployment_id, "P001")
        _then(monkeypatch, world, "without", lambda: world.told(one.deployment_id))
        await world.planning.take_off(one.deployment_id, person, OPERATOR)
    else:
        _then(monkeypatch, world, "finish", lambda: world.told(one.deployment_id))
        await world.planning.finish_import(one.deployment_id, made.import_id, OPERATOR, leave_out=False)
    now = world.recognition.get(one.deployment_id)
    assert now.manifest is not None
    assert [told.kind for told in now.evidence] == [EvidenceKind.NOTICE, EvidenceKind.SIGN]


async def test_what_was_closed_while_its_list_was_made_stays_closed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    one = await world.planned()
    made, _ = await world.imported(one.deployment_id, [row("P001", "a.jpg")], PORTRAITS)
    _then(monkeypatch, world, "finish", lambda: world.recognition.close(one.deployment_id, OTHER))
    with pytest.raises(Refused, match="it is"):
        await world.planning.finish_import(one.deployment_id, made.import_id, OPERATOR, leave_out=False)
    assert world.recognition.get(one.deployment_id).state.is_over
    await world.book.sweep()
    assert not list((world.folder / "watchlists").glob("*"))


def _then(monkeypatch: pytest.MonkeyPatch, world: World, step: str, act: Callable[[], Coroutine[Any, Any, Any]]) -> None:
    """Somebody acts when that step of making a list is done, and before the list is on record."""
    does = getattr(world.enrolment, step)

    async def and_then(*given: Any, **more: Any) -> Any:
        done = await does(*given, **more)
        await act()
        return done

    monkeypatch.setattr(world.enrolment, step, and_then)


async def _swept_while(world: World, act: Coroutine[Any, Any, Any]) -> None:
    doing = asyncio.ensure_future(act)
    while not doing.done():
        await world.book.sweep()
        await asyncio.sleep(0)
    await doing


async def test_nobody_else_has_a_hand_in_a_list_that_bears_its_makers_name(world: World) -> None:
    one = await world.planned()
    made, _ = await world.imported(one.deployment_id, [row("P001", "a.jpg")], PORTRAITS)
    with pytest.raises(Refused, match="somebody else makes this list"):
        await world.planning.finish_import(one.deployment_id, made.import_id, OTHER, leave_out=False)
    await world.planning.finish_import(one.deployment_id, made.import_id, OPERATOR, leave_out=False)


async def test_of_many_who_begin_an_import_at_once_only_so_many_do(world: World) -> None:
    one = await world.planned()
    csv = (COLUMNS + row("P001", "a.jpg")).encode()
    begun = await asyncio.gather(
        *(world.planning.begin_import(one.deployment_id, csv, OPERATOR) for _ in range(MOST_IMPORTS + 3)), return_exceptions=True
    )
    assert [type(said) for said in begun].count(Import) == MOST_IMPORTS
    assert [type(said) for said in begun].count(Refused) == 3
    assert len(list((world.folder / "watchlists").glob("*.draft"))) == MOST_IMPORTS


async def test_of_two_looks_at_once_one_destroys_the_list_and_one_publishes(world: World) -> None:
    """As when a close ends its authority, whose end is looked at, while the second's look is under way."""
    one = await world.running()
    await world.recognition.submit(world.sighting(one.deployment_id, world.person_id(one.deployment_id, "P001")))
    await asyncio.gather(
        world.recognition.close(one.deployment_id, OPERATOR), *(_looked_after(world, turns) for turns in range(60))
    )
    changes = [said.change for said in await entries(world, DeploymentChanged) if said.deployment_id == one.deployment_id]
    assert changes[-3:] == ["closed", "list-destroyed", "published"]
    assert (changes.count("list-destroyed"), changes.count("published")) == (1, 1)


async def _looked_after(world: World, turns: int) -> None:
    for _ in range(turns):
        await asyncio.sleep(0)
    await world.recognition.look()
