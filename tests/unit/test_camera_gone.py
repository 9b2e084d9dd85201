"""A camera of the plan that the configuration no longer has: nothing starts on it, and what runs goes on without it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from msgspec.structs import replace
from structlog.testing import capture_logs
from tests.unit.recognition_deeds import Remembered
from tests.unit.recognition_world import CAMERAS, OFFICER, OPERATOR, World

from bowstreet.errors import Refused
from bowstreet.recognition.amendment import says_of_camera
from bowstreet.recognition.model import DeploymentState, EvidenceKind, Obstacle

NORTH, SOUTH = CAMERAS


@pytest.fixture
async def folder(tmp_path: Path) -> Path:
    """Of a program that ended while a deployment of both cameras ran."""
    world = await World(tmp_path / "data", reader=Remembered(tmp_path)).started()
    await world.running()
    await world.close()
    return tmp_path / "data"


async def again(folder: Path, *cameras: object) -> World:
    """The program on that folder, with these cameras."""
    return await World(folder, seed=2, cameras=cameras).started()  # type: ignore[arg-type]


@pytest.fixture
async def without_south(folder: Path) -> AsyncIterator[World]:
    world = await again(folder, NORTH)
    yield world
    await world.close()


@pytest.mark.requirement("R2", "R9")
async def test_nothing_starts_with_a_camera_that_is_not_configured(without_south: World) -> None:
    world, [one] = without_south, without_south.recognition.all()
    assert world.recognition.against(one, OPERATOR) == [Obstacle.NO_CAMERA]
    with pytest.raises(Refused, match="a camera of the plan is not configured") as refused:
        await world.recognition.start(one.deployment_id, OPERATOR)
    assert "put it back into the configuration" in refused.value.remedy
    assert world.recognition.get(one.deployment_id).state is DeploymentState.STOPPED
    assert world.pipeline.orders == []
    await world.recognition.look()
    planned = await world.planning.withdraw(one.deployment_id, OPERATOR)
    await world.planning.replan(one.deployment_id, world.a_plan(), OPERATOR)
    await world.told(one.deployment_id)
    await world.authorised(one.deployment_id)
    assert (await world.recognition.start(planned.deployment_id, OPERATOR)).state is DeploymentState.RUNNING


@pytest.mark.requirement("R2", "R9")
async def test_an_amendment_that_adds_a_camera_that_is_gone_ends_nothing(tmp_path: Path) -> None:
    """Asked for before the program was started without it, authorised while it runs: acts, looks and the list's end go on."""
    world = await World(tmp_path / "data").started()
    one = await world.running(cameras=("north",))
    both = replace(one.plan, cameras=(*one.plan.cameras, replace(one.plan.cameras[0], camera_id="south")))
    asked = await world.planning.amend(one.deployment_id, both, OPERATOR)
    assert asked.amendment is not None
    await world.close()
    world = await again(tmp_path / "data", NORTH)
    try:
        dep = one.deployment_id
        await world.recognition.start(dep, OPERATOR)
        await world.authorities.decide(asked.amendment.authorisation_id, OFFICER, allow=True)
        await world.planning.tell(dep, EvidenceKind.SIGN, world.clock.now(), "photo-2", ("south",), OPERATOR)
        now = world.recognition.get(dep)
        assert len(now.plan.cameras) == 2
        assert world.recognition.kept_out(now) == {"south": Obstacle.NO_CAMERA}
        assert "not configured" in says_of_camera(Obstacle.NO_CAMERA, now, "south")[0]
        await world.recognition.look()
        assert world.pipeline.cameras == {"north"}
        await world.recognition.close(dep, OPERATOR)
        await world.recognition.look()
        assert world.recognition.get(dep).state is DeploymentState.PUBLISHED
    finally:
        await world.close()


async def test_an_act_that_is_on_record_is_not_told_as_failed_by_what_follows_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = await World(tmp_path / "data").started()
    try:

        def breaks() -> None:
            raise KeyError("south")

        monkeypatch.setattr(world.book, "changed", breaks)
        with capture_logs() as said:
            one = await world.planned()
        assert world.recognition.get(one.deployment_id) == one
        assert [told["error"] for told in said if told["log_level"] == "error"] == ["KeyError"]
    finally:
        await world.close()
