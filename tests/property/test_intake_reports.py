"""Whatever is reported, in whatever order and how often: each report is used once, or kept with its reason, and counted."""

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from tests.unit.intake_world import NOW, Intake, north, report, run

from bowstreet.errors import Conflict, MalformedReport
from bowstreet.geo import Position, great_circle_m
from bowstreet.intake import area, rules
from bowstreet.intake.callfile import read_calls
from bowstreet.intake.known import Places
from bowstreet.intake.model import CallReport, Grade, Incident, IncidentState, Quarantined

LONDON = area.london()

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30) | st.binary(max_size=8) | st.datetimes(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
near_numbers = st.sampled_from(
    [51.54, "51.54", -0.1, "-0.1", 0, "0", 531_350, 180_000, "1e999", "nan", "", None, "-", "+5", "1_0"]
)
keys = ["id", "reported_at", "latitude", "longitude", "easting", "northing", "grade", "category", "text"]
rows = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(keys, anything | near_numbers),
        "reported_at": anything | st.sampled_from([NOW.isoformat(), "2026-11-23T15:00:00", "9999-12-31T23:59:59-23:59", NOW]),
        "grade": anything | st.sampled_from(["I", "s", "3", 4]),
        "category": anything | st.just("robbery"),
        "other": anything,
    },
)


@settings(max_examples=400, deadline=None)
@given(rows, st.booleans())
def test_parsing_gives_a_report_inside_the_area_or_a_reason(row: dict[str, Any], live: bool) -> None:
    options: dict[str, Any] = {"now": NOW, "max_age": timedelta(hours=1)} if live else {}
    try:
        found = rules.parse_report(row, source="cad", area=LONDON, **options)
    except MalformedReport as error:
        if not (error.message and error.remedy):
            raise AssertionError("an error that does not say what to do") from error
        return
    assert LONDON.contains(found.position)
    assert found.reported_at.tzinfo is UTC
    assert found.category
    assert found.category == found.category.strip()
    assert not live or NOW - timedelta(hours=1) <= found.reported_at <= NOW + rules.MAX_AHEAD


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(rows, max_size=6))
def test_intake_takes_anything_and_counts_it(several: list[dict[str, Any]]) -> None:
    intake = Intake().loaded()
    kinds = [type(intake.receive_raw(row)) for row in several]
    received, incidents, duplicates, quarantined = intake.counts()
    assert received == len(several) == incidents + duplicates + quarantined
    assert quarantined == kinds.count(Quarantined)
    assert intake.again().counts() == intake.counts()


# --- there and back --------------------------------------------------------------------------------------------------------

printable = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=40)
words = st.lists(printable, min_size=1, max_size=3).map(" ".join).filter(lambda text: len(text) <= rules.MAX_CATEGORY)
lines = st.lists(words, max_size=3).map("\n".join)
inside = st.tuples(st.floats(51.535, 51.560), st.floats(-0.118, -0.100)).map(
    lambda place: Position(latitude_deg=place[0], longitude_deg=place[1])
)
reports = st.builds(
    CallReport,
    reported_at=st.datetimes(datetime(2001, 1, 1), datetime(2099, 1, 1)).map(lambda at: at.replace(tzinfo=UTC)),  # noqa: DTZ001
    position=inside,
    grade=st.sampled_from(Grade),
    category=words,
    source=st.just("cad"),
    caller_reference=st.none() | words,
    text=lines,
)


def as_row(one: CallReport) -> dict[str, Any]:
    return {
        "id": one.caller_reference, "reported_at": one.reported_at.isoformat(), "latitude": one.position.latitude_deg,
        "longitude": one.position.longitude_deg, "grade": one.grade.value, "category": one.category, "text": one.text,
    }  # fmt: skip


def as_csv(several: list[CallReport]) -> bytes:
    file = io.StringIO(newline="")
    writer = csv.DictWriter(file, list(as_row(several[0])))
    writer.writeheader()
    writer.writerows(map(as_row, several))
    return file.getvalue().encode()


def as_lines(several: list[CallReport]) -> bytes:
    return "\n".join(json.dumps(as_row(one)) for one in several).encode()


def as_geojson(several: list[CallReport]) -> bytes:
    features = []
    for one in several:
        properties = as_row(one)
        place = [properties.pop("longitude"), properties.pop("latitude")]
        features.append({"type": "Feature", "properties": properties, "geometry": {"type": "Point", "coordinates": place}})
    return msgspec.json.encode({"type": "FeatureCollection", "features": features})


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(reports, min_size=1, max_size=5),
    st.sampled_from([(as_csv, "a.csv"), (as_lines, "a.jsonl"), (as_geojson, "a.geojson")]),
)
def test_reports_survive_every_form_of_file(several: list[CallReport], form: Any) -> None:
    write, name = form
    for given_name in (name, ""):
        found = [row.values for row in read_calls(write(several), given_name)]
        assert [rules.parse_report(row or {}, source="cad", area=LONDON) for row in found] == several


# --- merging ---------------------------------------------------------------------------------------------------------------

callers = st.lists(
    st.builds(
        report,
        after_s=st.integers(-140, 140),
        position=st.integers(-30, 30).map(north),
        grade=st.sampled_from(Grade),
        category=st.sampled_from(["disturbance", "assault", "Robbery", "unknown"]),
        caller_reference=st.none() | st.integers(0, 5).map(str),
        text=st.sampled_from(["", "help", "come quickly", "help\nhelp"]),
    ),
    min_size=1,
    max_size=8,
)


def opened(one: CallReport) -> Incident:
    return Incident(
        incident_id="inc-1", reported_at=one.reported_at, opened_at=NOW, position=one.position, grade=one.grade, category=one.category,
        caller_references=rules.references_of(one), text=one.text,
    )  # fmt: skip


def merged(several: list[CallReport]) -> Incident:
    incident = opened(several[0])
    for one in several[1:]:
        incident = rules.merge(incident, one)
    return incident


def without_order(incident: Incident) -> tuple[Any, ...]:
    return incident.grade, incident.reported_at, frozenset(incident.caller_references), incident.reports + incident.repeats


@settings(deadline=None)
@given(callers, st.randoms(use_true_random=False))
def test_merging_does_not_depend_on_the_order(several: list[CallReport], random: Any) -> None:
    shuffled = list(several)
    random.shuffle(shuffled)
    assert without_order(merged(several)) == without_order(merged(shuffled))


@settings(deadline=None)
@given(callers)
def test_merging_the_same_again_changes_only_how_often_it_came(several: list[CallReport]) -> None:
    once = merged(several)
    again = once
    for one in several:
        again = rules.merge(again, one)
    assert msgspec.structs.replace(again, reports=0, repeats=0) == msgspec.structs.replace(once, reports=0, repeats=0)
    assert again.reports + again.repeats == once.reports + once.repeats + len(several)


@settings(deadline=None)
@given(callers)
def test_merging_never_lowers_a_grade_nor_makes_a_call_younger(several: list[CallReport]) -> None:
    incident = merged(several)
    assert all(incident.grade.rank <= one.grade.rank and incident.reported_at <= one.reported_at for one in several)
    assert incident.position == several[0].position


@settings(max_examples=100, deadline=None)
@given(callers, st.randoms(use_true_random=False))
def test_one_scene_is_one_incident_in_any_order(several: list[CallReport], random: Any) -> None:
    """All within 60 m and 280 s of each other: the service finds them together, whoever comes first."""
    kinds = {one.category.casefold() for one in several}
    assume(kinds <= {"disturbance", "assault", "robbery"})
    random.shuffle(several)
    intake = Intake().loaded()
    for one in several:
        intake.receive(one)
    assert intake.counts()[:3] == (len(several), 1, len(several) - 1)
    [incident] = intake.service.incidents.all()
    assert without_order(incident) == without_order(merged(several))
    assert intake.kinds().count("IncidentOpened") == 1


@settings(max_examples=200, deadline=None)
@given(st.floats(-200, 200), st.floats(-200, 200), st.integers(-700, 700), st.floats(51.3, 51.68), st.floats(-0.5, 0.3))
def test_the_search_by_cells_misses_no_duplicate(
    north_m: float, east_m: float, after_s: int, latitude: float, longitude: float
) -> None:
    """Held against the rule itself: whatever the rule calls a duplicate, the cells find."""
    known = opened(report(position=Position(latitude_deg=latitude, longitude_deg=longitude)))
    there = Position(latitude_deg=latitude + north_m / 111_250, longitude_deg=longitude + east_m / 69_000)
    again = report(position=there, after_s=after_s)
    places = Places()
    places.add(known)
    if rules.is_duplicate(again, known):
        assert list(places.near(again)) == [known.incident_id]
    if great_circle_m(there, known.position) > 400:
        assert list(places.near(again)) == []


# --- a whole life ----------------------------------------------------------------------------------------------------------

STATES = st.sampled_from(IncidentState)
acts = st.lists(
    st.one_of(
        st.tuples(
            st.just("report"), st.integers(0, 3), st.integers(0, 900), st.sampled_from("ISER"), st.none() | st.integers(0, 4)
        ),
        st.tuples(st.just("move"), st.integers(0, 3), STATES),
        st.tuples(st.just("rubbish"), st.integers(0, 3)),
        st.tuples(st.just("restart")),
    ),
    max_size=25,
)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(acts)
def test_counts_states_and_references_hold_through_a_whole_life(several: list[Any]) -> None:
    intake = Intake(held_closed=2).loaded()
    sent = 0
    lines_kept: set[int] = set()
    owner: dict[str, str] = {}
    for act in several:
        match act:
            case ("report", place, after_s, grade, reference):
                name = None if reference is None else str(reference)
                one = report(position=north(400 * place), after_s=after_s, grade=Grade(grade), caller_reference=name)
                found = intake.receive(one)
                sent += 1
                if name is not None:
                    assert owner.setdefault(name, found.incident_id) == found.incident_id, "a reference has one incident for ever"
                assert found.grade.rank <= one.grade.rank or found.state is IncidentState.CLOSED
            case ("move", which, state):
                held = intake.service.incidents.all()
                if held:
                    before = held[which % len(held)]
                    legal = rules.may_move(before.state, state)
                    try:
                        run(intake.service.moved(before.incident_id, state))
                    except Conflict:
                        assert not legal
                    else:
                        assert legal
            case ("rubbish", line):
                intake.receive_raw({"grade": "?"}, "file", line)
                lines_kept.add(line)
            case _:
                counts = intake.counts()
                intake = intake.again(held_closed=2)
                assert intake.counts() == counts
    received, incidents, duplicates, quarantined = intake.counts()
    assert received == sent + len(lines_kept) == incidents + duplicates + quarantined
    assert quarantined == len(lines_kept)
    assert incidents == len(run(intake.store.find("incident")))
    closed = intake.service.incidents.in_states(IncidentState.CLOSED)
    assert len(intake.service.incidents) <= incidents
    assert len(closed) <= 2 + sent  # bounded by what was let go of, and what was asked for again
