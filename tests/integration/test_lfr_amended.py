"""Who decides at a terminal on an amended plan is shown it beside the present one."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace
from tests.integration import test_lfr_run as run
from tests.integration.lfr_terminal import OFFICER, Program, document

from bowstreet.operations import recognition_operation
from bowstreet.process import Process
from bowstreet.recognition.model import PlacedCamera
from bowstreet.recognition.ports import CameraConfig
from bowstreet.wiring import start

pytestmark = pytest.mark.live
peopled, data, passwords = run.peopled, run.data, run.passwords


async def amended(folder: Path) -> str:
    """North is moved and south added, the zone is larger and it ends an hour earlier, as a program of the operator's may ask."""
    cameras = [CameraConfig(camera_id=name, name=f"{name} side", address="file:/nowhere") for name in ("north", "south")]
    process = Process(recognition_operation(None, cameras=cameras), folder)
    try:
        await start(process, "recognition")
        [one] = process.recognition.all()
        plan, here = one.plan, one.plan.cameras[0].position
        zone = (*plan.zone[:2], replace(plan.zone[2], longitude_deg=-0.1010), plan.zone[3])
        north = PlacedCamera(camera_id="north", position=replace(here, latitude_deg=51.5470))
        south = PlacedCamera(camera_id="south", position=here)
        asked = replace(plan, cameras=(north, south), zone=zone, ends_at=plan.ends_at - timedelta(hours=1))
        made = await process.recognition.planning.amend(one.deployment_id, asked, one.planned_by)
        assert made.amendment is not None
        return made.amendment.authorisation_id
    finally:
        await process.stop()


@pytest.mark.requirement("R2", "R4")
def test_an_amended_plan_is_shown_beside_the_present_one(data: Path, tmp_path: Path) -> None:
    assert run.unattended(document(tmp_path / "doc", [run.WANTED]), data, "--camera", __file__).end()[0] == 1
    authority = asyncio.run(amended(data))
    officer = Program("authority", "decide", authority, "--officer", OFFICER, "--data", data)
    shown = " ".join(officer.until(run.AS_OFFICER[0]).split())
    for words in (
        "Changes camera north is moved by 56 m: to 51.54700,-0.10300 from 51.54650,-0.10300",
        "Changes camera south is added, at 51.54650,-0.10300",
        "Changes the zone is another: 50,151 m²",
        "Changes it ends 60 minutes earlier: at ",
        "Cameras now north at 51.54650,-0.10300",
        "Cameras north at 51.54700,-0.10300, south at 51.54650,-0.10300",
        "Zone now 51.54550,-0.10450 51.54750,-0.10450 51.54750,-0.10150 51.54550,-0.10150",
        "Zone 51.54550,-0.10450 51.54750,-0.10450 51.54750,-0.10100 51.54550,-0.10150",
    ):
        assert words in shown, shown
    # The deployment's own authority is asked for by the plan that stands.
    [first] = [one["authorisation_id"] for one in run.records(data, "authorisation") if one["authorisation_id"] != authority]
    officer.kill()
    shown = " ".join(Program("authority", "decide", first, "--officer", OFFICER, "--data", data).until(run.AS_OFFICER[0]).split())
    assert "Cameras north at 51.54650,-0.10300" in shown
    assert "Changes" not in shown
