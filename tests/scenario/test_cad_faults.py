"""The CAD sends what CADs send on a bad day. See cad_faults.md."""

import csv
import itertools
import random
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pytest
from tests.unit.intake_world import REAL_CALLS, Intake

from bowstreet.accountability.verify import verify_log
from bowstreet.dispatch.policy import DEFAULT_POLICY, policy_named
from bowstreet.geo import Position, great_circle_m
from bowstreet.intake.model import Grade, Incident
from bowstreet.intake.replay import due_calls, source_of, take_in
from bowstreet.messages import LaunchAuthorised
from bowstreet.simulation.agenda import drive
from bowstreet.simulation.city import islington
from bowstreet.simulation.kernel import Kernel, World

START = datetime(2026, 11, 2, 20, 0, tzinfo=UTC)
HEAD = "id,reported_at,latitude,longitude,grade,category"
# Streets of Islington, well apart.
PLACES = [(51.5330, -0.1060), (51.5480, -0.1040), (51.5560, -0.1130), (51.5450, -0.0900), (51.5270, -0.1010), (51.5520, -0.0960)]

needs_real_calls = pytest.mark.skipif(not REAL_CALLS.exists(), reason=f"the real calls of 2009 ({REAL_CALLS.name}) are not here")


def line(name: str, after_s: float, place: tuple[float, float], grade: str = "I", category: str = "robbery") -> str:
    at = (START + timedelta(seconds=after_s)).isoformat()
    return f"{name},{at},{place[0]},{place[1]},{grade},{category}"


GOOD = [line(f"good-{number}", 700 * number, place) for number, place in enumerate(PLACES)]

# What is wrong, each with what its reason must say.
BAD = {
    line("null-island", 30, (0, 0)): "0, 0",
    line("swapped", 60, (-0.1, 51.54)): "swapped",
    line("manchester", 90, (53.48, -2.24)): "outside the operating area",
    line("moon", 120, (951.5, -0.1)): "out of range",
    line("nan", 150, (float("nan"), -0.1)): "not a finite number",
    line("grade", 180, PLACES[0], grade="Z"): "grade is not known",
    line("category", 210, PLACES[0], category=""): "category is missing",
    f"naive,2026-11-02T20:05:00,{PLACES[0][0]},{PLACES[0][1]},I,robbery": "no offset",
    f"when,tea time,{PLACES[0][0]},{PLACES[0][1]},I,robbery": "not a time",
    f"1970,1970-01-01T00:00:00Z,{PLACES[0][0]},{PLACES[0][1]},I,robbery": "lies before 2000",
    f"2126,2126-11-02T20:00:00Z,{PLACES[0][0]},{PLACES[0][1]},I,robbery": "years from the other calls",
    "columns,too,few": "columns",
    line("quote", 240, PLACES[0], category='5" pipe'): "quote",
    line("bell", 270, PLACES[0], category="rob\x07bery"): "control characters",
    "nothing,,,,,": "reported_at is missing",
}  # fmt: skip


def run(lines: Iterable[str]) -> tuple[Kernel, list[LaunchAuthorised]]:
    data = "\n".join([HEAD, *lines]).encode()
    kernel = Kernel(World(city=islington(), policy=policy_named(DEFAULT_POLICY), seed=4), START - timedelta(seconds=60))
    launches: list[LaunchAuthorised] = []

    async def hear(message: LaunchAuthorised) -> None:
        launches.append(message)

    kernel.bus.subscribe(LaunchAuthorised, hear)
    kernel.start()
    kernel.run(list(due_calls(data, "calls.csv")), source="cad")
    return kernel, launches


def seen(kernel: Kernel) -> dict[str, float]:
    """Seconds from call to eyes by the good calls' names."""
    return {
        reference.removeprefix("cad#"): (one.eyes_on_at - one.reported_at).total_seconds()
        for one in kernel.intake.incidents.all()
        for reference in one.caller_references[:1]
        if one.eyes_on_at is not None
    }


@pytest.mark.requirement("F8", "D1", "P3")
def test_a_dirty_file_flies_what_the_clean_file_flies() -> None:
    clean, clean_launches = run(GOOD)
    assert len(seen(clean)) == len(GOOD), "the clean calls are all flown to"

    rng = random.Random(8)
    repeats = [GOOD[1], GOOD[3], GOOD[3]]
    second_callers = [
        line(f"second-{number}", 700 * number + 40, (place[0] + 0.0004, place[1]), grade="S", category="assault")
        for number, place in enumerate(PLACES)
    ]
    dirty_lines = [*GOOD, *BAD, *repeats, *second_callers]
    rng.shuffle(dirty_lines)
    dirty, launches = run(dirty_lines)

    assert dirty.intake.counts() == {
        "received": len(dirty_lines), "incidents": len(GOOD), "duplicates": len(repeats) + len(second_callers), "quarantined": len(BAD),
    }  # fmt: skip
    by_id = {one.incident_id: one for one in dirty.intake.incidents.all()}
    assert Counter(launch.incident_id for launch in launches) == Counter(dict.fromkeys(by_id, 1))
    assert len(launches) == len(clean_launches)
    assert all(launch.purpose for launch in launches)
    ours = [Position(latitude_deg=lat, longitude_deg=lon) for lat, lon in PLACES]
    assert all(min(great_circle_m(one.position, place) for place in ours) < 1.0 for one in by_id.values())
    assert seen(dirty) == pytest.approx(seen(clean), abs=1.0)

    kept = {(one.line, one.reason) for one in dirty.intake.quarantined.all()}
    for row, words in BAD.items():
        number = dirty_lines.index(row) + 2
        assert any(at == number and words in reason for at, reason in kept), (number, row, words)
    assert drive(verify_log(dirty.store.log_rows(), expected_size=dirty.recorder.size)).ok


@pytest.mark.requirement("F8", "P2")
def test_a_flood_of_callers_is_one_incident_and_one_flight() -> None:
    rng = random.Random(9)
    lines = []
    for number in range(2_000):
        place = (PLACES[0][0] + rng.uniform(-1, 1) * 0.00020, PLACES[0][1] + rng.uniform(-1, 1) * 0.00025)
        caller = line(f"caller-{number}", rng.uniform(0, 240), place, grade=rng.choice("IISE"))
        lines += [caller, caller] if number % 2 else [caller]
    rng.shuffle(lines)
    kernel, launches = run(lines)
    [incident] = kernel.intake.incidents.all()
    assert (incident.reports, incident.repeats, incident.grade) == (2_000, 1_000, Grade.IMMEDIATE)
    assert len(launches) == 1
    assert incident.eyes_on_at is not None
    assert kernel.intake.counts() == {"received": 3_000, "incidents": 1, "duplicates": 2_999, "quarantined": 0}


def taken_in(data: bytes, intake: Intake | None = None) -> Intake:
    intake = intake or Intake().loaded()
    source = source_of(data, REAL_CALLS.name)
    for due in due_calls(data, REAL_CALLS.name):
        drive(take_in(intake.service, due.row, source))
    return intake


def picture(incidents: Iterable[Incident]) -> set[tuple[object, ...]]:
    """What does not depend on who rang first."""
    return {(one.reported_at, one.position, one.grade, one.category) for one in incidents}


@needs_real_calls
@pytest.mark.requirement("F8", "P1")
def test_a_half_year_of_real_calls_is_taken_in_whole() -> None:
    data = REAL_CALLS.read_bytes()
    rows = list(csv.DictReader(data.decode().splitlines()))
    intake = taken_in(data)
    received, incidents, duplicates, quarantined = intake.counts()
    assert (received, quarantined) == (len(rows), 0)
    # Said again in another way: pairs of rows on one or the next grid point (50 m) within five minutes.
    pairs = 0
    for before, after in itertools.pairwise(rows):
        gap = datetime.fromisoformat(after["reported_at"]) - datetime.fromisoformat(before["reported_at"])
        apart = [abs(int(before[key]) - int(after[key])) for key in ("easting", "northing")]
        pairs += gap <= timedelta(minutes=5) and sum(metres**2 for metres in apart) <= 75**2
    assert duplicates == pairs
    assert incidents == len(rows) - pairs
    references = {reference.rpartition("#")[2] for one in intake.service.incidents.all() for reference in one.caller_references}
    assert references == {row["id"] for row in rows}

    after = intake.again()
    assert after.counts() == intake.counts()
    assert picture(after.service.incidents.all()) == picture(intake.service.incidents.all())
    taken_in(data, after)
    assert len(after.service.incidents) == incidents
    assert after.told == []


@needs_real_calls
@pytest.mark.requirement("F8")
def test_a_dirty_half_year_is_the_clean_half_year() -> None:
    data = REAL_CALLS.read_bytes()
    head, *rows = data.decode().strip().split("\n")
    clean = picture(taken_in(data).service.incidents.all())

    rng = random.Random(2009)
    repeats = rng.sample(rows, 200)
    second_callers = [_second_caller(row, number, rng) for number, row in enumerate(rng.sample(rows, 200))]
    rubbish = [_spoilt(row, rng) for row in rng.sample(rows, 300)]
    dirty = [*rows, *repeats, *second_callers, *rubbish]
    rng.shuffle(dirty)
    intake = taken_in("\n".join([head, *dirty]).encode())

    assert picture(intake.service.incidents.all()) == clean
    received, incidents, duplicates, quarantined = intake.counts()
    assert received == len(dirty)
    assert (incidents, quarantined) == (len(clean), len(rubbish))
    assert duplicates == len(rows) - len(clean) + len(repeats) + len(second_callers)
    lines_kept = {one.line for one in intake.service.quarantined.all()}
    spoilt = set(rubbish)
    assert lines_kept == {number for number, row in enumerate(dirty, start=2) if row in spoilt}


def _second_caller(row: str, number: int, rng: random.Random) -> str:
    """Somebody else about the same fire, a little later."""
    cells = row.split(",")
    at = datetime.fromisoformat(cells[1]) + timedelta(seconds=rng.randint(1, 120))
    return ",".join([f"second-{number}", at.isoformat(), *cells[2:4], rng.choice("ISER"), *cells[5:]])


def _spoilt(row: str, rng: random.Random) -> str:
    cells = row.split(",")
    cells[0] = f"spoilt-{cells[0]}"
    match rng.randrange(7):
        case 0:
            cells[2] = cells[3] = "0"
        case 1:
            cells[2], cells[3] = cells[3], "99"
        case 2:
            cells[4] = "?"
        case 3:
            cells[1] = cells[1][:19]
        case 4:
            cells.pop()
        case 5:
            cells[3] = "north"
        case _:
            cells[5] = ""
    return ",".join(cells)
