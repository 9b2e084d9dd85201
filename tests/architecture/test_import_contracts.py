"""The import contracts hold, and each one bites: a deliberate violation in a copy of the tree breaks exactly that contract."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

VIOLATIONS = {
    "Layers, read top-down; siblings never import each other": ("intake/model.py", "import bowstreet.flight.model"),
    "Rules are pure: a regulator can read only */rules.py": ("intake/rules.py", "import socket"),
    "Recognition never meets what flies": ("recognition/match.py", "import bowstreet.airspace.model"),
    "What flies never recognises": ("dispatch/model.py", "import bowstreet.recognition.match"),
    "No cycles between siblings in any folder": ("flight/model.py", "import bowstreet.flight.ports"),
    "From the air people and vehicles are shapes, never faces": ("tracking/model.py", "import dlib"),
    "What is kept of a face is made for lists, and for the evaluation of a model, by nothing else": (
        "recognition/service.py",
        "import bowstreet.recognition.reference",
    ),
    "The watchlist is read by matching and written by enrolment, by nothing else": (
        "dispatch/model.py",
        "import bowstreet.recognition.watchlist",
    ),
}


def _lint(folder: Path) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("lint-imports")
    return subprocess.run(
        [str(program), "--no-cache"], cwd=folder, env={"PYTHONPATH": str(folder), "PATH": "/usr/bin:/bin", "COLUMNS": "200"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "src/bowstreet", tmp_path / "bowstreet", ignore=shutil.ignore_patterns("static", "__pycache__"))
    shutil.copy(ROOT / ".importlinter", tmp_path)
    return tmp_path


def test_contracts_hold(copy: Path) -> None:
    done = _lint(copy)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_contract_has_a_violation() -> None:
    names = [
        line.removeprefix("name = ") for line in (ROOT / ".importlinter").read_text().splitlines() if line.startswith("name = ")
    ]
    assert set(names) == set(VIOLATIONS)


@pytest.mark.parametrize("contract", VIOLATIONS)
def test_contract_bites(copy: Path, contract: str) -> None:
    file, line = VIOLATIONS[contract]
    path = copy / "bowstreet" / file
    path.write_text(path.read_text() + f"\n{line}\n")
    done = _lint(copy)
    assert done.returncode != 0
    assert f"{contract} BROKEN" in " ".join(done.stdout.split())
