"""Scenarios and their descriptions say the same: every test stands in its twin's table, with the same requirement ids."""

import ast
import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent
SCENARIOS = sorted(path for path in FOLDER.glob("test_*.py") if path.stem != "test_twins")
KNOWN = set(re.findall(r"^\| ([A-Z]+\d+) \|", (FOLDER.parents[1] / "docs/requirements.md").read_text(), re.MULTILINE))


def _in_code(path: Path) -> dict[str, set[str]]:
    found = {}
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            ids: set[str] = set()
            for decorator in node.decorator_list:
                if isinstance(decorator, ast.Call) and ast.unparse(decorator.func).endswith("mark.requirement"):
                    ids |= {str(ast.literal_eval(argument)) for argument in decorator.args}
            found[node.name] = ids
    return found


def _in_words(path: Path) -> dict[str, set[str]]:
    rows = re.findall(r"^\| `(test_\w+)` \| ([^|]*) \|", path.read_text(), re.MULTILINE)
    return {name: set(re.findall(r"[A-Z]+\d+", ids)) for name, ids in rows}


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda path: path.stem)
def test_twin_says_the_same(scenario: Path) -> None:
    twin = FOLDER / f"{scenario.stem.removeprefix('test_')}.md"
    assert twin.exists(), f"{scenario.name} needs {twin.name}"
    code = _in_code(scenario)
    assert code == _in_words(twin)
    assert all(code.values()), "each scenario test cites a requirement"
    assert set().union(*code.values()) <= KNOWN


def test_no_words_without_code() -> None:
    stems = {path.stem.removeprefix("test_") for path in SCENARIOS}
    assert {path.stem for path in FOLDER.glob("*.md") if path.stem != "README"} == stems
