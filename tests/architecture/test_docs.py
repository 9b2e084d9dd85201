"""The pages that lead a newcomer name what there is, and nothing that is gone."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCES = ROOT / "src/bowstreet"
MAP = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")


def test_every_decision_is_in_the_index_by_its_title() -> None:
    folder = ROOT / "docs/adr"
    indexed = [line for line in (folder / "README.md").read_text(encoding="utf-8").splitlines() if line.startswith("- ")]
    there = []
    for file in sorted(folder.glob("0*.md")):
        number, title = file.read_text(encoding="utf-8").splitlines()[0].removeprefix("# ").split(". ", 1)
        assert int(number) == int(file.name[:4])
        there.append(f"- {number}. [{title}]({file.name})")
    assert indexed == there


def test_every_page_is_named_in_the_readme() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [page.name for page in (ROOT / "docs").glob("*.md") if f"docs/{page.name}" not in readme] == []


def test_the_map_is_one_page_and_has_every_folder() -> None:
    assert len(MAP.splitlines()) <= 100
    tops = {path.stem for path in SOURCES.iterdir() if not path.name.startswith("__") and path.suffix in ("", ".py")}
    below = {path.parent.name for path in (SOURCES / "accountability").glob("*/__init__.py")}
    assert {name for name in tops | below if f"`{name}`" not in MAP} == set()


def test_what_the_map_points_at_is_there() -> None:
    named = re.findall(r"`((?:[a-z_]+/)+[a-z_]+(?:\.[a-z]+)?)`", MAP)
    assert len(named) > 20
    assert [one for one in named if not (SOURCES / one).exists() and not (ROOT / one).exists()] == []
