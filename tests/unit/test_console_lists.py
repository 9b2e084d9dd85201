"""The console's closed lists are the program's own: no answer is missing there, and none is offered that would be refused."""

import re
from enum import StrEnum
from pathlib import Path

import pytest

from bowstreet.accountability.authority.model import Ground, Refusal, UseCase
from bowstreet.accountability.model import Action
from bowstreet.accountability.occurrence import model as occurrence
from bowstreet.flight import control

CONSOLE = Path(__file__).parents[2] / "console" / "src"


def block(file: str, begin: str) -> set[str]:
    """The codes in a list or table of a TypeScript file: what is quoted, and plain keys."""
    text = (CONSOLE / file).read_text()
    _, found, rest = text.partition(begin)
    assert found, begin
    body = rest.partition("\n};" if begin.endswith("{") else "]")[0]
    keys = re.findall(r'^\s+"?([a-z][a-z-]+)"?:', body, re.MULTILINE)
    return set(keys) if keys else set(re.findall(r'"([a-z][a-z-]+)"', body))


@pytest.mark.parametrize(
    ("file", "begin", "kind"),
    [
        ("authority.ts", "const USE_CASES: Record<string, readonly [name: string, what: string]> = {", UseCase),
        ("authority.ts", "const GROUNDS: Record<string, string> = {", Ground),
        ("authority.ts", "const REFUSALS: Record<string, string> = {", Refusal),
        ("occurrences.ts", "export const KINDS = [", occurrence.Kind),
        ("occurrences.ts", "export const BODIES = [", occurrence.Body),
        ("occurrences.ts", "export const OUTCOMES = [", occurrence.Outcome),
        ("occurrences.ts", "  severity: [", occurrence.Severity),
        ("occurrences.ts", "  phase: [", occurrence.FlightPhase),
        ("occurrences.ts", "  injuries: [", occurrence.Injuries),
        ("occurrences.ts", "  damage: [", occurrence.Damage),
        ("occurrences.ts", "  airspace: [", occurrence.AirspaceKind),
        ("occurrences.ts", "  crewed_aircraft: [", occurrence.Involved),
    ],
)
def test_the_console_offers_what_the_program_takes(file: str, begin: str, kind: type[StrEnum]) -> None:
    assert block(file, begin) == {one.value for one in kind}


def test_the_console_asks_for_actions_that_there_are() -> None:
    needs = (CONSOLE / "session.ts").read_text().partition("const NEEDS = {")[2].partition("}")[0]
    asked = set(re.findall(r': "([a-z-]+)"', needs))
    assert asked
    assert asked <= {one.value for one in Action}


@pytest.mark.parametrize(
    ("name", "least", "most"),
    [("HEIGHT_M", control.LOWEST_M, control.HIGHEST_M), ("RADIUS_M", control.LEAST_RADIUS_M, control.MOST_RADIUS_M)],
)
def test_the_console_offers_no_height_and_no_circle_that_flight_refuses(name: str, least: float, most: float) -> None:
    text = (CONSOLE / "api/deeds.ts").read_text()
    found = re.search(rf"export const {name} = {{ min: (\d+), max: (\d+) }};", text)
    assert found is not None
    assert (float(found[1]), float(found[2])) == (least, most)
