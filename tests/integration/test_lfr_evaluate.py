"""`bowstreet lfr evaluate` on wholly synthetic people, with the real models and their processes. R12, R13."""

import json
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.unit import face_pictures

from bowstreet.cli import main
from bowstreet.recognition.evaluation import rules
from bowstreet.recognition.evaluation.examiner.model import Examined, Reason
from bowstreet.recognition.evaluation.examiner.pool import Examiners, read_still
from bowstreet.recognition.evaluation.report import digest, read_report
from bowstreet.recognition.models import shipped


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("people")
    face_pictures.folders(root)
    face_pictures.lfw(root)
    return root


@pytest.fixture(scope="module")
def whole(pictures: Path) -> Path:
    """Everything at once, as a user would run it."""
    words = ["lfr", "evaluate", *folders(pictures), "--groups", str(pictures / "groups.csv"), "--threshold", "0.62"]
    words += ["--pairs", str(pictures / "pairs.txt"), "--images", str(pictures / "images"), "--workers", "2"]
    out = pictures / "out"
    out.mkdir()
    words += ["--json", str(out / "out.json"), "--report", str(out / "page.html"), "--equitability", str(out / "report.bow")]
    assert main(words) == 0
    return out


def folders(root: Path) -> list[str]:
    return [word for name in ("list", "probes", "nonlisted") for word in (f"--{name}", str(root / name))]


def at(figures: dict[str, Any], **wanted: Any) -> dict[str, Any]:
    found = [one for one in figures["identification"] if all(one[name] == value for name, value in wanted.items())]
    assert len(found) == 1
    entry: dict[str, Any] = found[0]
    return entry


def test_the_promised_figures_are_there_and_true(whole: Path) -> None:
    figures = json.loads((whole / "out.json").read_text())
    assert figures["model"]["sha256"] == shipped.find().sha256
    frame = at(figures, unit="frame", threshold=0.5, list_size=5)
    # Five people with two pictures each on the list: searched with four pictures each, and three others with four.
    assert (frame["tpir"]["of"], frame["tpir"]["subjects"], frame["fpir"]["of"]) == (20, 5, 12)
    assert frame["tpir"]["value"] >= 0.9
    track = at(figures, unit="track", threshold=0.5, list_size=5)
    # A track of three each; the picture that stands alone is none.
    assert (track["tpir"]["of"], track["fpir"]["of"]) == (5, 3)
    for entry in figures["identification"]:
        for rate in (entry["tpir"], entry["fpir"], *(one[name] for one in entry["groups"] for name in ("tpir", "fpir"))):
            assert rate["value"] is None or rate["low"] <= rate["value"] <= rate["high"]
            # Eight people are never enough, whatever the figures are.
            assert rate["verdict"] == "insufficient data"
        assert [one["name"] for one in entry["groups"]] == ["height short", "height tall"]
    ordered = [one["tpir"]["value"] for one in figures["identification"] if one["unit"] == "frame"]
    assert ordered == sorted(ordered, reverse=True)
    assert at(figures, unit="frame", threshold=0.62)["tpir"]["value"] <= frame["tpir"]["value"]
    verification = figures["verification"]["accuracy_10fold"]
    assert verification["folds"] == 4
    assert verification["mean"] >= 0.8
    assert figures["failure_to_enrol"]["rate"] == 0.0
    assert 0.0 < figures["inference_share_of_time"] < 1.0
    assert figures["latency_ms"]["embed"]["p95"] >= figures["latency_ms"]["embed"]["p50"] > 0


def test_the_report_is_what_a_deployment_asks_for(whole: Path) -> None:
    figures, data = json.loads((whole / "out.json").read_text()), (whole / "report.bow").read_bytes()
    report = read_report(data)
    assert digest(data) == figures["equitability"]["sha256"]
    assert report.unit == "track"
    now = datetime.now(UTC)
    cover = rules.covers(report, shipped.find().sha256, 0.62, now)
    assert cover.covered
    assert any("insufficient data" in warning for warning in cover.warnings)
    assert not rules.covers(report, shipped.find().sha256, 0.62, now + timedelta(days=367)).covered
    assert not rules.covers(report, "0" * 64, 0.62, now).covered


def test_the_page_has_its_plots_inside_and_asks_nobody(whole: Path) -> None:
    page = (whole / "page.html").read_text()
    assert page.count("<svg") > 8
    assert shipped.find().sha256 in page
    assert "insufficient data" in page
    assert not any(word in page for word in ("<script", "http://", "https://", "src=", "@import", "url("))


def test_same_pictures_same_figures(pictures: Path, tmp_path: Path) -> None:
    found = []
    for workers in ("1", "2"):
        out = tmp_path / f"{workers}.json"
        assert main(["lfr", "evaluate", *folders(pictures), "--workers", workers, "--json", str(out)]) == 0
        found.append(json.loads(out.read_text())["identification"])
    assert found[0] == found[1]


def test_pictures_that_cannot_be_used_are_counted_with_their_reasons(pictures: Path, tmp_path: Path, capsys: Any) -> None:
    root = face_pictures.copy(pictures, tmp_path / "bad")
    good = (root / "list" / "P001" / "portrait.jpg").read_bytes()
    (root / "list" / "P001" / "cut.jpg").write_bytes(good[: len(good) // 8])
    (root / "list" / "P002" / "text.jpg").write_bytes(b"this is no picture")
    face_pictures.put(root / "list" / "P099" / "wall.png", face_pictures.jpeg(face_pictures.np.full((200, 200, 3), 90, "uint8")))
    face_pictures.put(root / "probes" / "P099" / "selfie.jpg", face_pictures.asset(9, "amateur_selfie"))
    (root / "probes" / "P001" / "out.jpg").symlink_to("/etc/passwd")
    face_pictures.put(root / "nonlisted" / "P006" / "empty.jpg", b"")
    assert main(["lfr", "evaluate", *folders(root), "--json", "-"]) == 0
    figures = json.loads(capsys.readouterr().out)
    enrol = figures["failure_to_enrol"]
    assert enrol["reasons"] == {"damaged": 1, "unsupported": 1, "no-face": 1} or enrol["reasons"] == {
        "unsupported": 1,
        "no-face": 2,
    }
    assert enrol["people_without_a_template"] == 1
    assert figures["failure_to_acquire"]["nonlisted"]["reasons"] == {"unsupported": 1}
    assert figures["ignored"] == {"a link, which is not followed": 1}
    # The person who could not be enrolled is a miss at every threshold.
    frame = at(figures, unit="frame", threshold=0.4)
    assert frame["tpir"]["of"] == 21
    assert frame["tpir"]["hits"] <= 20
    assert {one["file"] for one in figures["failed"]} == {"cut.jpg", "text.jpg", "wall.png", "empty.jpg"}


def test_a_pair_whose_picture_is_missing_or_a_link_is_no_match(pictures: Path, tmp_path: Path, capsys: Any) -> None:
    root = face_pictures.copy(pictures, tmp_path / "lfw")
    (root / "images" / "P001" / "P001_0004.jpg").unlink()
    moved = (root / "images" / "P003").rename(tmp_path / "elsewhere")
    (root / "images" / "P003").symlink_to(moved)
    words = ["lfr", "evaluate", "--pairs", str(root / "pairs.txt"), "--images", str(root / "images"), "--json", "-"]
    assert main(words) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["failure_to_enrol"]["reasons"] == {"unreadable": 5}
    assert figures["verification"]["pairs_without_a_face"] >= 9


def workers_of_this_process() -> list[int]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == os.getpid() and b"examiner.worker" in (folder / "cmdline").read_bytes():
                found.append(int(folder.name))
        except (OSError, ValueError):
            continue
    return found


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
def test_a_worker_that_is_killed_loses_one_picture(pictures: Path) -> None:
    files = sorted((pictures / "images").rglob("*.jpg"))
    found: dict[Path, Examined] = {}
    for path, answer in Examiners(workers=1).examine((path, partial(read_still, path)) for path in files):
        if not found:
            (worker,) = workers_of_this_process()
            os.kill(worker, signal.SIGKILL)
        found[path] = answer
    assert set(found) == set(files)
    lost = [one.reason for one in found.values() if one.reason is not None]
    assert lost == [Reason.WORKER_LOST]
    assert workers_of_this_process() == []


def test_a_worker_may_do_little(tmp_path: Path) -> None:
    """It writes no file, whatever it was made to do."""
    code = (
        "from bowstreet.recognition.evaluation.examiner import worker\n"
        "worker.limit()\n"
        "from pathlib import Path\n"
        f"Path({str(tmp_path / 'made')!r}).write_bytes(b'x' * 100)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert done.returncode != 0
    assert not (tmp_path / "made").exists() or (tmp_path / "made").read_bytes() == b""


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "nothing is given"),
        (["--list", "{root}/list"], "--list goes with"),
        (["--probes", "{root}/probes"], "nothing is given"),
        (["--pairs", "{root}/pairs.txt"], "go together"),
        (["--list", "{root}/missing", "--probes", "{root}/probes"], "cannot be read"),
        (["--list", "{root}/list", "--probes", "{root}/nonlisted"], "no person among the probes"),
        (["--list", "{root}/list", "--probes", "{root}/probes", "--nonlisted", "{root}/probes"], "on the list and among"),
        (
            ["--list", "{root}/list", "--probes", "{root}/probes", "--equitability", "{root}/x"],
            "needs --list, --probes and --nonlisted",
        ),
        (["--list", "{root}/list", "--probes", "{root}/probes", "--models", "{root}/nowhere"], "no folder"),
        (["--list", "{root}/list", "--probes", "{root}/probes", "--threshold", "1.5"], "no score"),
        (["--pairs", "{root}/groups.csv", "--images", "{root}/images"], "no pair"),
        (["--list", "{root}/list", "--probes", "{root}/probes", "--groups", "{root}/pairs.txt"], "'person'"),
        (["--list", "{root}/list", "--probes", "{root}/probes", "--json", "{root}/no/such/out.json"], "cannot be written"),
    ],
)
def test_wrong_words_are_answered_with_what_to_do(pictures: Path, words: list[str], said: str, capsys: Any) -> None:
    try:
        status = main(["lfr", "evaluate", *(word.format(root=pictures) for word in words)])
    except SystemExit as leave:
        status = int(leave.code or 0)
    error = capsys.readouterr().err.strip()
    assert status == 2
    assert said in error
    assert "\n" not in error


def test_the_operators_models_come_first_and_a_wrong_file_is_refused(pictures: Path, tmp_path: Path, capsys: Any) -> None:
    models = tmp_path / "models"
    models.mkdir()
    (models / shipped.find().embedder.file).write_bytes(b"not the model")
    (tmp_path / "city.toml").write_text('[recognition]\nmodels = "models"\n')
    assert main(["lfr", "evaluate", *folders(pictures), "--config", str(tmp_path / "city.toml")]) == 1
    assert "not the one on its card" in capsys.readouterr().err
