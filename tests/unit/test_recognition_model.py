"""R12, R13: a plan, its list and what looks at cameras are of one model; whatever is replaced, faces of one model are never compared
with a list of another."""

from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace
from tests.unit.recognition_world import MODEL, OPERATOR, World, photo

from bowstreet.errors import MalformedConfiguration, OtherModel, Refused
from bowstreet.recognition import rules
from bowstreet.recognition.cameras import wire
from bowstreet.recognition.cameras.model import Setup
from bowstreet.recognition.cameras.watch import Watch
from bowstreet.recognition.match import Gallery
from bowstreet.recognition.model import DeploymentState, Manifest, Obstacle
from bowstreet.recognition.models import shipped
from bowstreet.recognition.portraits.reader import PortraitReader
from bowstreet.recognition.shared_list import SharedList

OTHER = "cd" * 32


async def authorised(folder: Path) -> str:
    """A deployment that could be started, made by a program that has ended since."""
    world = await World(folder).started()
    one = await world.planned()
    await world.told(one.deployment_id)
    listed = await world.listed(one.deployment_id, "P001")
    assert listed.manifest is not None
    assert listed.manifest.model_sha256 == MODEL == listed.plan.model_sha256
    await world.authorised(one.deployment_id)
    assert world.recognition.against(world.recognition.get(one.deployment_id), OPERATOR) == []
    await world.close()
    return one.deployment_id


@pytest.mark.requirement("R12", "R13")
async def test_another_model_after_a_restart_needs_plan_list_and_authority_anew(tmp_path: Path) -> None:
    dep = await authorised(tmp_path / "data")
    world = await World(tmp_path / "data", seed=2, model=OTHER).started()
    try:
        one = world.recognition.get(dep)
        against = world.recognition.against(one, OPERATOR)
        assert Obstacle.OTHER_MODEL in against
        assert Obstacle.BELOW_FLOOR not in against, "no threshold would mend it"
        with pytest.raises(Refused, match="the model in use is not the one that is planned") as refused:
            await world.recognition.start(dep, OPERATOR)
        assert "save the plan again, and import its list again" in refused.value.remedy
        assert world.pipeline.orders == []

        await world.planning.withdraw(dep, OPERATOR)
        with pytest.raises(Refused, match="the model in use"):
            await world.planning.request_authority(dep, OPERATOR)
        with pytest.raises(Refused, match="the model in use"):
            await world.listed(dep, "P002")
        planned = await world.planning.replan(dep, world.a_plan(), OPERATOR)
        assert planned.plan.model_sha256 == OTHER
        against = world.recognition.against(planned, OPERATOR)
        assert Obstacle.LIST_MODEL in against
        assert Obstacle.OTHER_MODEL not in against
        with pytest.raises(Refused, match="its list was not made with the model that is planned"):
            await world.planning.request_authority(dep, OPERATOR)

        await world.listed(dep, "P001")
        await world.told(dep)
        await world.authorised(dep)
        assert (await world.recognition.start(dep, OPERATOR)).state is DeploymentState.RUNNING
        assert world.pipeline.orders[0].model_sha256 == OTHER
    finally:
        await world.close()


@pytest.mark.requirement("R12")
async def test_a_list_of_which_nobody_knows_the_model_is_imported_again(tmp_path: Path) -> None:
    """As lists are that were made before it was put down."""
    dep = await authorised(tmp_path / "data")
    world = await World(tmp_path / "data", seed=2).started()
    try:
        one = world.recognition.get(dep)
        said = msgspec.to_builtins(one.manifest)
        del said["model_sha256"]
        older = replace(one, manifest=msgspec.convert(said, Manifest))
        await world.book.save(older, "as before", OPERATOR)
        assert world.recognition.against(older, OPERATOR) == [Obstacle.LIST_MODEL]
        with pytest.raises(Refused) as refused:
            await world.recognition.start(dep, OPERATOR)
        assert "import the list again" in refused.value.remedy
        await world.planning.withdraw(dep, OPERATOR)
        await world.listed(dep, "P001")
        await world.authorised(dep)
        assert (await world.recognition.start(dep, OPERATOR)).state is DeploymentState.RUNNING
        # Were it there while it runs, it would end it.
        standing = world.book.standing(replace(world.recognition.get(dep), manifest=older.manifest))
        assert rules.must_stop(standing, world.clock.now()) is not None
        assert rules.may_process(world.frame(), standing, world.clock.now()) is not None
    finally:
        await world.close()


def replaced(folder: Path) -> Path:
    """An operator's folder whose models are run in another way than the shipped ones."""
    folder.mkdir(exist_ok=True)
    card = (shipped.CARDS / "yunet_2023mar.toml").read_text()
    assert "least_score = 0.6" in card
    (folder / "detector.toml").write_text(card.replace("least_score = 0.6", "least_score = 0.7"))
    assert shipped.find(folder).sha256 != MODEL
    return folder


@pytest.mark.requirement("R12", "R13")
def test_what_looks_at_a_camera_refuses_other_models(tmp_path: Path) -> None:
    shared = SharedList.of(Gallery([], threshold_floor=0.4))
    try:
        for sha256, folder in ((MODEL, replaced(tmp_path / "models")), (OTHER, None), ("", None)):
            setup = Setup(descriptor=shared.descriptor, model_sha256=sha256, models="" if folder is None else str(folder))
            with pytest.raises(OtherModel):
                Watch(wire.setup_text(setup))
        Watch(wire.setup_text(Setup(descriptor=shared.descriptor, model_sha256=MODEL)))
    finally:
        shared.overwrite()


async def test_what_reads_a_lists_images_refuses_other_models(tmp_path: Path) -> None:
    reader = PortraitReader(replaced(tmp_path / "models"), MODEL)
    with pytest.raises(MalformedConfiguration, match="they were replaced"):
        await reader.read(photo("P001"))
    await reader.close()
