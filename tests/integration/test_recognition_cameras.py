"""From pictures to alerts, with nothing in between replaced."""

import asyncio
import os
import signal
from pathlib import Path

import pytest
from msgspec.structs import replace
from tests.integration import recognition_street
from tests.integration.recognition_street import SECONDS, THRESHOLD, WANTED, opened, walked_near, workers
from tests.unit.recognition_world import OFFICER, OPERATOR

from bowstreet.recognition.model import EvidenceKind, PlacedCamera

street = recognition_street.street


@pytest.mark.requirement("R7", "R8")
async def test_listed_people_who_walk_past_raise_one_alert_each_and_nobody_else_does(
    street: tuple[Path, Path], tmp_path: Path
) -> None:
    film, truth = street
    near = walked_near(truth)
    assert near > set(WANTED)  # others walk there too
    async with opened(tmp_path / "data", north=f"file:{film}") as one:
        await one.run(*WANTED)
        assert await one.until(lambda: one.pipeline.view("north") is not None)
        assert await one.until(lambda: one.pipeline.states()["north"].state == "ended", SECONDS + 60)
        assert await one.until(lambda: len(one.alerts) >= 2, 5)
        assert sorted(one.alerts) == sorted(WANTED)
        counts = one.counts()
        assert counts.frames == SECONDS * 25
        assert counts.analysed + counts.dropped + counts.corrupt == counts.frames
        assert counts.analysed > SECONDS * 2
        # Who is still far at the end may count too; where the worker waited while somebody was near, the pass is seen as two.
        assert len(near) - 2 <= counts.tracks <= len(near) + 4
        assert counts.alerts == 2
        assert counts.matched == 2 + counts.repeated + counts.inconsistent
        view = one.pipeline.view("north")
        assert view is None or view.image.startswith(b"\xff\xd8")


@pytest.mark.requirement("R2", "R9")
async def test_a_stop_ends_the_workers_and_overwrites_the_list(street: tuple[Path, Path], tmp_path: Path) -> None:
    film, _ = street
    async with opened(tmp_path / "data", north=f"file+loop:{film}", south=f"file+loop:{film}") as one:
        await one.run(*WANTED)
        assert await one.until(lambda: one.counts().analysed > 10)
        assert len(workers()) == 2
        run = one.pipeline._run
        assert run is not None
        gallery = run.shared.gallery
        rows = gallery._rows
        assert abs(rows).max() > 0
        await one.world.recognition.stop(one.deployment_id, OPERATOR)
        assert workers() == []
        assert not abs(rows).max()
        assert one.pipeline.states() == {}


@pytest.mark.requirement("R2")
async def test_a_program_that_says_nothing_any_more_ends_the_looking(street: tuple[Path, Path], tmp_path: Path) -> None:
    """The worker's lease runs out by itself: the program hangs, and nothing is processed."""
    film, _ = street
    async with opened(tmp_path / "data", north=f"file+loop:{film}") as one:
        await one.run(*WANTED)
        assert await one.until(lambda: one.counts().analysed > 10)
        before = one.counts()
        await asyncio.sleep(6.5)  # no look, so no word; the lease is 5 s
        after = one.counts()
        await asyncio.sleep(1.5)
        last = one.counts()
        assert last.refused > after.refused > before.refused
        assert last.tracks == after.tracks


@pytest.mark.requirement("R2", "R15")
async def test_cameras_come_and_go_while_it_runs(street: tuple[Path, Path], tmp_path: Path) -> None:
    """One that is added begins once it is authorised and signed, and ends with the plan that has it; one that is moved is looked
    at no more, and the other goes on."""
    film, _ = street
    async with opened(tmp_path / "data", north=f"file+loop:{film}", south=f"file+loop:{film}") as one:
        running = await one.world.running(*WANTED, threshold=THRESHOLD, cameras=("north",))
        dep = one.deployment_id = running.deployment_id
        [north], planning = running.plan.cameras, one.world.planning
        south = PlacedCamera(camera_id="south", position=north.position)
        asked = await planning.amend(dep, replace(running.plan, cameras=(north, south)), OPERATOR)
        assert asked.amendment is not None
        await one.world.authorities.decide(asked.amendment.authorisation_id, OFFICER, allow=True)
        assert set(one.pipeline.states()) == {"north"}
        await planning.tell(dep, EvidenceKind.SIGN, one.world.clock.now(), "photo-2", ("south",), OPERATOR)
        assert await one.until(lambda: all(state.state == "live" for state in one.pipeline.states().values()))
        assert len(workers()) == len(one.pipeline.states()) == 2

        fewer = await planning.amend(dep, running.plan, OPERATOR)
        assert fewer.amendment is not None
        await one.world.authorities.decide(fewer.amendment.authorisation_id, OFFICER, allow=True)
        assert set(one.pipeline.states()) == {"north"}
        assert await one.until(lambda: len(workers()) == 1)
        again = await planning.amend(dep, replace(running.plan, cameras=(north, south)), OPERATOR)
        assert again.amendment is not None
        await one.world.authorities.decide(again.amendment.authorisation_id, OFFICER, allow=True)
        await planning.tell(dep, EvidenceKind.SIGN, one.world.clock.now(), "photo-3", ("south",), OPERATOR)
        assert await one.until(lambda: len(workers()) == 2 and one.pipeline.states()["south"].state == "live")

        elsewhere = replace(north, position=replace(north.position, latitude_deg=51.5470))
        await planning.amend(dep, replace(asked.amendment.plan, cameras=(elsewhere, south)), OPERATOR)
        before = one.counts()
        assert await one.until(lambda: one.counts().refused > before.refused + 5 and one.counts().tracks > before.tracks)


async def test_a_worker_killed_is_started_again_and_the_other_never_notices(street: tuple[Path, Path], tmp_path: Path) -> None:
    film, _ = street
    async with opened(tmp_path / "data", north=f"file+loop:{film}", south=f"file+loop:{film}") as one:
        await one.run(*WANTED)
        assert await one.until(lambda: all(state.state == "live" for state in one.pipeline.states().values()))
        os.kill(workers()[0], signal.SIGKILL)
        assert await one.until(lambda: sum(state.restarts for state in one.pipeline.states().values()) == 1)
        assert await one.until(lambda: all(state.state == "live" for state in one.pipeline.states().values()))
        assert await one.until(lambda: len(one.alerts) >= 2)


async def test_a_camera_that_is_none_is_told_and_the_other_goes_on(street: tuple[Path, Path], tmp_path: Path) -> None:
    film, _ = street
    rubbish = tmp_path / "rubbish.mp4"
    rubbish.write_bytes(os.urandom(100_000))
    async with opened(tmp_path / "data", north=f"file:{rubbish}", south=f"file+loop:{film}") as one:
        await one.run(*WANTED)
        assert await one.until(lambda: one.pipeline.states()["north"].restarts > 0)
        assert one.pipeline.states()["north"].trouble.startswith("the source cannot be read")
        assert await one.until(lambda: one.counts().analysed > 10)
