"""kill -9 at each step of what is done with a deployment: the next start uses nothing that is half made, and leaves no file behind."""

import asyncio
from pathlib import Path

import pytest
from tests.killing import Killed
from tests.unit import recognition_deeds as deeds
from tests.unit.recognition_world import OFFICER, OPERATOR, World

from bowstreet.accountability.authority.model import UseCase
from bowstreet.errors import Conflict
from bowstreet.messages import AlertChanged, Erased, ErasureOrdered, WatchlistChanged
from bowstreet.recognition.alerts.model import AlertState
from bowstreet.recognition.model import DeploymentState


@pytest.fixture(scope="module")
def listed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("listed") / "data"
    asyncio.run(deeds.listed(folder))
    return folder


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("running") / "data"
    asyncio.run(deeds.running(folder))
    return folder


def on_list(world: World) -> set[str]:
    """Whom the list that stands names; it must be the only file there is, and have the only key of a list."""
    manifest = deeds.the(world).manifest
    assert manifest is not None
    opened = world.enrolment.open(manifest)
    assert (opened.digest, len(list(opened.entries()))) == (manifest.digest, manifest.images)
    assert [path.name for path in (world.folder / "watchlists").iterdir()] == [f"{manifest.watchlist_id}.list"]
    assert deeds.list_keys(world) == [manifest.watchlist_id]
    return {entry.person.reference for entry in opened.entries()}


async def test_killed_while_a_list_is_imported(listed: Path, tmp_path: Path) -> None:
    """The first list stands or the second does, whole; imported again it is the second, once."""

    async def check(world: World, one: Killed) -> None:
        await world.planning.destroy_ended()
        stands = on_list(world)
        assert stands in (set(deeds.BEFORE), set(deeds.AFTER))
        changed = [said.change for said in await deeds.entries(world, WatchlistChanged)]
        assert changed == ["enrolled"] * (1 if stands == set(deeds.BEFORE) else 2)
        if stands == set(deeds.BEFORE):
            assert not one.through
            await deeds.imported(world)
        assert on_list(world) == set(deeds.AFTER)
        assert len(await deeds.entries(world, WatchlistChanged)) == 2
        assert len(await deeds.entries(world, ErasureOrdered)) == len(await deeds.entries(world, Erased)) == 1

    await deeds.attacked("importing", listed, tmp_path, check)


async def test_killed_while_somebody_is_taken_off_a_list(listed: Path, tmp_path: Path) -> None:
    async def check(world: World, one: Killed) -> None:
        await world.planning.destroy_ended()
        stands = on_list(world)
        assert stands in (set(deeds.AFTER), {deeds.AFTER[1]})
        if stands == set(deeds.AFTER):
            dep = deeds.the(world).deployment_id
            await world.planning.take_off(dep, world.person_id(dep, deeds.AFTER[0]), OPERATOR)
        assert on_list(world) == {deeds.AFTER[1]}

    await deeds.attacked("taking_off", listed, tmp_path, check)


async def test_killed_while_authority_is_asked_for_given_and_ended(listed: Path, tmp_path: Path) -> None:
    """No request and no authority stands that its deployment does not go by, and the next step can be taken."""

    async def check(world: World, one: Killed) -> None:
        dep = deeds.the(world)
        amendment = "" if dep.amendment is None else dep.amendment.authorisation_id
        standing = {
            asked.authorisation_id
            for asked in world.authorities.all()
            if asked.use_case is UseCase.RECOGNITION and not asked.state.is_final
        }
        assert standing == {dep.authorisation_id, amendment} - {""}
        if dep.state is DeploymentState.SUBMITTED:
            await world.planning.withdraw(dep.deployment_id, OPERATOR)
        assert (await world.authorised(dep.deployment_id)).authorised_by == OFFICER

    await deeds.attacked("authorising", listed, tmp_path, check)


async def test_killed_while_an_officer_decides(running: Path, tmp_path: Path) -> None:
    """What was sent again with its key is done once, or said to be uncertain; then what stands on record is what was done."""

    async def check(world: World, one: Killed) -> None:
        [alert] = world.alerts.all()
        done = [said.change for said in await deeds.entries(world, AlertChanged)]
        told = {AlertState.RAISED: [], AlertState.CLAIMED: ["claimed"], AlertState.ENGAGED: ["claimed", "decided"]}
        assert done == told.get(alert.state, ["claimed", "decided", "settled"])
        try:
            answers = await deeds.decided(world)
        except Conflict as error:
            uncertain = error.remedy
        else:
            uncertain = ""
            assert [bytes(answer.body) for answer in answers] == [b"claimed", b"engaged", b"settled"]
        assert not uncertain or "look at the present state" in uncertain
        after = [said.change for said in await deeds.entries(world, AlertChanged)]
        assert after == sorted(set(after), key=["claimed", "decided", "settled"].index)

    await deeds.attacked("deciding", running, tmp_path, check)
