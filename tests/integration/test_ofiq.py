"""OFIQ as a plug-in, by `tests.ofiq_peer`: a program of ours that speaks as OFIQ's sample application does. The real one was not here."""

import json
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from tests.integration.console_city import City, city
from tests.integration.test_recognition_routes import API, a_plan, imported
from tests.ofiq_peer import MEASURES
from tests.unit.recognition_world import COLUMNS, people, photo, row

from bowstreet.cli import main
from bowstreet.errors import MeasureUnavailable
from bowstreet.recognition.ofiq.model import OfiqScores, OfiqSettings
from bowstreet.recognition.ofiq.program import Ofiq

ROOT = Path(__file__).parents[2]
NAMES = list(people())


def settings(folder: Path, how: str = "", **more: int) -> OfiqSettings:
    """The peer, under the name of OFIQ's sample application, with a configuration that says how it behaves."""
    folder.mkdir(exist_ok=True)
    program, data = folder / "OFIQSampleApp", folder / "data"
    program.write_text(f'#!/bin/sh\ncd {ROOT} && exec {sys.executable} -m tests.ofiq_peer "$@"\n')
    program.chmod(0o755)
    data.mkdir(exist_ok=True)
    (data / "ofiq_config.jaxn").write_text(how)
    return OfiqSettings(program=program, data=data, **more)


def grey() -> bytes:
    return bytes(cv2.imencode(".png", np.full((90, 60, 3), 120, np.uint8))[1])


async def test_each_image_has_its_scores(tmp_path: Path) -> None:
    images = [photo(NAMES[0]), photo(NAMES[1]), grey(), b"no image at all"]
    first, second, nobody, unread = await Ofiq(settings(tmp_path)).assess(images)
    assert first.unified is not None
    assert 0 <= first.unified <= 100
    assert set(first.components) == set(MEASURES) - {"UnifiedQualityScore"}
    assert first != second
    assert nobody.unified is None
    assert set(nobody.components.values()) == {None}
    assert unread == OfiqScores()


def configured(folder: Path, how: str = "") -> list[str]:
    """`lfr enrol` of a list of two images, by a configuration that has OFIQ."""
    ofiq = settings(folder / "ofiq", how)
    (folder / "list.csv").write_text(COLUMNS + "\n".join(row(name, f"{name}.jpg") for name in NAMES[:2]))
    for name in NAMES[:2]:
        (folder / f"{name}.jpg").write_bytes(photo(name))
    (folder / "city.toml").write_text(f'[recognition.ofiq]\nprogram = "{ofiq.program}"\ndata = "{ofiq.data}"\n')
    named = ("--list", "list.csv", "--images", ".", "--config", "city.toml", "--json", "result.json")
    return ["lfr", "enrol", *(str(folder / one) if "." in one else one for one in named)]


def test_a_list_is_checked_with_ofiq_as_it_is_imported_with_it(tmp_path: Path) -> None:
    assert main(configured(tmp_path)) == 0
    said = json.loads((tmp_path / "result.json").read_text())
    assert [one["quality"]["ofiq"] is not None for one in said] == [True, True]
    assert set(said[0]["quality"]["ofiq_components"]) == set(MEASURES) - {"UnifiedQualityScore"}


def test_a_list_is_not_called_good_where_ofiq_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(configured(tmp_path, "writes a file")) != 0
    assert "OFIQ" in capsys.readouterr().err
    assert not (tmp_path / "result.json").exists()


async def test_the_first_image_that_cannot_be_read_costs_the_others_nothing(tmp_path: Path) -> None:
    """OFIQ's header then names no measure."""
    [alone] = await Ofiq(settings(tmp_path)).assess([photo(NAMES[0])])
    assert await Ofiq(settings(tmp_path)).assess([b"broken", b"broken too", photo(NAMES[0])]) == [
        OfiqScores(),
        OfiqScores(),
        alone,
    ]
    assert await Ofiq(settings(tmp_path)).assess([b"broken"]) == [OfiqScores()]


async def test_nothing_of_an_image_is_written_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there are files in memory, the folder of a run holds a list of names and nothing else; and OFIQ can write no file."""
    seen: list[str] = []
    unlink = os.unlink

    def noted(path: object, *args: object, **more: object) -> None:
        seen.append(Path(str(path)).name)
        unlink(path, *args, **more)  # type: ignore[call-overload]

    monkeypatch.setattr(os, "unlink", noted)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    await Ofiq(settings(tmp_path / "a")).assess([photo(NAMES[0])])
    assert [name for name in seen if not name.endswith(".pyc")] == ["images.txt"]
    with pytest.raises(MeasureUnavailable, match="ended with status"):
        await Ofiq(settings(tmp_path / "b", "writes a file")).assess([photo(NAMES[0])])


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ("crash", "ended with status"),
        ("nothing", "wrote nothing"),
        ("rubbish", "cannot be read"),
        ("endless", "does not stop writing"),
    ],
)
async def test_a_failing_ofiq_is_said(tmp_path: Path, how: str, says: str) -> None:
    with pytest.raises(MeasureUnavailable, match=says) as told:
        await Ofiq(settings(tmp_path, how)).assess([photo(NAMES[0])])
    assert told.value.remedy


async def test_an_ofiq_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bowstreet.recognition.ofiq.program.START_S", 0.5)
    with pytest.raises(MeasureUnavailable, match="did not end within") as told:
        await Ofiq(settings(tmp_path, "hang", seconds_each=1)).assess([grey()])
    assert "images_at_once" in told.value.remedy


async def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    made = settings(tmp_path)
    made.program.chmod(0o644)
    with pytest.raises(MeasureUnavailable, match="may not be run"):
        await Ofiq(made).assess([grey()])
    made = settings(tmp_path)
    (made.data / "ofiq_config.jaxn").unlink()
    with pytest.raises(MeasureUnavailable, match="configuration is not at"):
        await Ofiq(made).assess([grey()])


# --- an import -----------------------------------------------------------------------------------------------------------------


@pytest.fixture
async def town() -> AsyncIterator[City]:
    made = await city()
    yield made
    await made.services.recognition.close_all()
    made.services.accounts.close()


async def test_an_import_shows_what_ofiq_says_and_the_list_keeps_it(town: City, tmp_path: Path) -> None:
    town.services.recognition.enrolment._measure = Ofiq(settings(tmp_path, images_at_once=2))
    async with town.signed_in("recognition-operator") as operator:
        dep = (await operator.post(f"{API}/deployments", json=a_plan())).json()["deployment"]["deployment_id"]
        wanted = NAMES[:3]
        standing = await imported(
            operator, dep, [row(name, f"{name}.jpg") for name in wanted], {f"{name}.jpg": photo(name) for name in wanted}
        )
        lines = standing.json()["lines"]
        assert {line["state"] for line in lines} == {"ready"}
        for line in lines:
            assert line["quality"]["ofiq"] is not None  # each batch was measured: two images, then the last
            assert len(line["quality"]["ofiq_components"]) == len(MEASURES) - 1
            assert line["quality"]["unified"] > 0  # our own measures stand beside
        done = await operator.post(f"{API}/lists/{dep}/{standing.json()['import_id']}/finish", json={})
        assert done.status_code == 200, done.text
        people_listed = (await operator.get(f"{API}/deployments/{dep}/people")).json()
        assert [len(one["images"][0]["quality"]["ofiq_components"]) for one in people_listed] == [len(MEASURES) - 1] * 3


async def test_a_list_is_never_half_made(town: City, tmp_path: Path) -> None:
    """OFIQ fails at the last image: no list stands, and the same import is finished once it is mended."""
    town.services.recognition.enrolment._measure = Ofiq(settings(tmp_path, "crash"))
    async with town.signed_in("recognition-operator") as operator:
        dep = (await operator.post(f"{API}/deployments", json=a_plan())).json()["deployment"]["deployment_id"]
        begun = await operator.put(f"{API}/lists/{dep}", content=csv(NAMES[:2]))
        imp = begun.json()["import_id"]
        statuses = [
            (await operator.put(f"{API}/lists/{dep}/{imp}/images/{line}", content=photo(name))).status_code
            for line, name in zip((2, 3), NAMES[:2], strict=True)
        ]
        assert statuses == [200, 503]
        failed = await operator.post(f"{API}/lists/{dep}/{imp}/finish", json={})
        assert failed.status_code == 503
        assert failed.json()["type"].endswith("measure-unavailable")
        assert "bowstreet doctor" in failed.json()["remedy"]
        assert (await operator.get(f"{API}/deployments/{dep}")).json()["deployment"]["manifest"] is None
        settings(tmp_path)
        assert (await operator.post(f"{API}/lists/{dep}/{imp}/finish", json={})).status_code == 200
        assert (await operator.get(f"{API}/deployments/{dep}")).json()["deployment"]["manifest"]["images"] == 2


def csv(names: list[str]) -> bytes:
    from tests.unit.recognition_world import COLUMNS

    return (COLUMNS + "\n".join(row(name, f"{name}.jpg") for name in names)).encode()


# --- doctor --------------------------------------------------------------------------------------------------------------------


def test_doctor_runs_it_when_it_is_configured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = settings(tmp_path)
    config = tmp_path / "bowstreet.toml"
    config.write_text(f'[recognition.ofiq]\nprogram = "{made.program}"\ndata = "data"\n')

    def ofiq() -> tuple[bool, str]:
        main(["doctor", "--config", str(config), "--data", str(tmp_path / "d"), "--json", "-"])
        [said] = [one for one in json.loads(capsys.readouterr().out)["checks"] if one["check"] == "OFIQ"]
        return said["ok"], said["says"]

    assert ofiq() == (True, f"{made.program} answers with {len(MEASURES)} measures")
    settings(tmp_path, "crash")
    ok, says = ofiq()
    assert not ok
    assert "ended with status" in says
