"""Each way in which a report can be wrong gets its own reason; each right one is read as meant."""

from datetime import datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest
from tests.unit.intake_world import HERE, NOW, north, report, row

from bowstreet.errors import MalformedReport
from bowstreet.geo import Position, great_circle_m, to_grid
from bowstreet.intake import area, rules
from bowstreet.intake.model import CloseReason, Grade, Incident, IncidentState

LONDON = area.london()
ISLINGTON = area.of(["Islington"])


def parse(values: dict[str, Any], **options: Any) -> Any:
    return rules.parse_report(values, source="cad", area=LONDON, **options)


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"reported_at": None}, "reported_at is missing"),
    ({"reported_at": ""}, "reported_at is missing"),
    ({"reported_at": "yesterday"}, "reported_at is not a time"),
    ({"reported_at": 1_764_000_000}, "reported_at is not a time"),
    ({"reported_at": "2026-11-23"}, "reported_at has no offset"),
    ({"reported_at": "2026-11-23T15:00:00"}, "reported_at has no offset"),
    ({"reported_at": "2026-02-30T15:00:00Z"}, "reported_at is not a time"),
    ({"reported_at": "0001-01-01T00:00:00+10:00"}, "reported_at is not a time of this age"),
    ({"reported_at": "1970-01-01T00:00:00Z"}, "reported_at lies before 2000"),
    ({"latitude": "nan"}, "latitude is not a finite number"),
    ({"longitude": float("inf")}, "longitude is not a finite number"),
    ({"longitude": "1e999"}, "longitude is not a finite number"),
    ({"latitude": 10**400}, "latitude is not a finite number"),
    ({"latitude": "51,54"}, "latitude is not a number"),
    ({"latitude": "5_1.54"}, "latitude is not a number"),
    ({"latitude": "５１.54"}, "latitude is not a number"),
    ({"latitude": True}, "latitude is not a number"),
    ({"latitude": [51.54]}, "latitude is not a number"),
    ({"latitude": None}, "latitude is missing"),
    ({"longitude": ""}, "longitude is missing"),
    ({"latitude": None, "longitude": None}, "the place is missing"),
    ({"latitude": 0, "longitude": 0.0}, "the place is 0, 0"),
    ({"latitude": None, "longitude": None, "easting": "0", "northing": "0"}, "the place is 0, 0"),
    ({"latitude": 91.0}, "latitude or longitude is out of range"),
    ({"latitude": -0.1025, "longitude": 51.54}, "latitude and longitude are swapped"),
    ({"latitude": 53.48, "longitude": -2.24}, "the place is outside the operating area"),
    ({"latitude": None, "longitude": None, "easting": 531_350}, "northing is missing"),
    ({"latitude": None, "longitude": None, "easting": 531_350, "northing": 1.4e6}, "off the British National Grid"),
    ({"latitude": None, "longitude": None, "easting": -5, "northing": 180_000}, "off the British National Grid"),
    ({"easting": 531_350, "northing": 195_850}, "are another place than easting and northing"),
    ({"grade": None}, "grade is missing"),
    ({"grade": ""}, "grade is missing"),
    ({"grade": "X"}, "grade is not known"),
    ({"grade": ["I"]}, "grade is not known"),
    ({"grade": True}, "grade is not known"),
    ({"category": None}, "category is missing"),
    ({"category": "   "}, "category is missing"),
    ({"category": "a" * 101}, "category is longer than 100 characters"),
    ({"category": "rob\x00bery"}, "category has control characters"),
    ({"category": "rob\nbery"}, "category has control characters"),
    ({"category": "rob\u202ebery"}, "category has control characters"),
    ({"category": {"a": 1}}, "category is not text"),
    ({"category": 1.5}, "category is not text"),
    ({"text": "a" * 10_001}, "text is longer than 10000 characters"),
    ({"text": "beep\x07"}, "text has control characters"),
    ({"text": "half a \ud83d face"}, "text has control characters"),
    ({"id": "x" * 201}, "id is longer than 200 characters"),
    ({"id": "a\nb"}, "id has control characters"),
    ({"id": 10**5_000}, "id is not text"),
    ({"id": ["a"]}, "id is not text"),
]


@pytest.mark.parametrize(("changes", "reason"), WRONG, ids=[f"{number}-{reason}" for number, (_, reason) in enumerate(WRONG)])
def test_each_fault_has_its_reason_and_a_remedy(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(MalformedReport) as caught:
        parse(row(**changes))
    assert reason in caught.value.message
    assert caught.value.remedy


def test_a_reason_never_repeats_what_the_caller_said() -> None:
    """Reasons go into the ledger and the logs; call text is personal data."""
    for changes, _ in WRONG:
        with pytest.raises(MalformedReport) as caught:
            parse(row(**{**changes, "text": changes.get("text", "Mrs Smith at number 7")}))
        assert "Smith" not in str(caught.value)


def test_live_reports_are_neither_of_the_future_nor_of_old() -> None:
    late, early = NOW - timedelta(hours=3), NOW + timedelta(minutes=5, seconds=1)
    with pytest.raises(MalformedReport, match="lies in the future"):
        parse(row(reported_at=early.isoformat()), now=NOW)
    with pytest.raises(MalformedReport, match="more than 2:00:00 ago"):
        parse(row(reported_at=late.isoformat()), now=NOW, max_age=timedelta(hours=2))
    # Two badly set clocks, and a replay, are no reason to refuse.
    assert parse(row(reported_at=(NOW + timedelta(minutes=5)).isoformat()), now=NOW).reported_at > NOW
    assert parse(row(reported_at=late.isoformat()), now=NOW).reported_at == late
    assert parse(row(reported_at="2009-01-01T00:16:02+00:00")).reported_at.year == 2009


def test_a_good_row_is_read_as_meant() -> None:
    found = parse(row(reported_at="2026-11-23T16:00:00+01:00", extra={"nested": []}, borough_gss="E09000019"))
    assert found.reported_at == NOW
    assert found.reported_at.utcoffset() == timedelta()
    assert found.position == HERE
    assert (found.grade, found.category, found.caller_reference) == (Grade.IMMEDIATE, "robbery", "CAD 1/23NOV26")
    assert (found.source, found.text) == ("cad", "two men, one with a knife")


def test_numbers_may_be_text_and_times_may_be_times() -> None:
    moment = NOW.astimezone(timezone(timedelta(hours=5)))
    found = parse(row(latitude=" 51.54 ", longitude="-1.025e-1", reported_at=moment, id=4711))
    assert found.position == HERE
    assert found.reported_at == NOW
    assert found.caller_reference == "4711"


def test_grid_points_are_the_same_places() -> None:
    point = to_grid(HERE)
    grid = {"easting": f"{point.easting_m:.1f}", "northing": point.northing_m}
    assert great_circle_m(parse(row(latitude=None, longitude=None, **grid)).position, HERE) < 2.0
    # Both may be given, when they agree but for rounding; then the finer one is used.
    assert parse(row(easting=round(point.easting_m, -2), northing=round(point.northing_m, -2))).position == HERE


@pytest.mark.parametrize(
    "text", ["line one\r\nline\ttwo", "caf\u00e9 \u2013 \U0001f468\u200d\U0001f469\u200d\U0001f467", "a\u00a0b"]
)
def test_free_text_is_taken_as_people_write_it(text: str) -> None:
    assert parse(row(text=text)).text == text


def test_no_reference_is_no_reference() -> None:
    for nothing in (None, "", "  "):
        assert parse(row(id=nothing)).caller_reference is None


@pytest.mark.parametrize(
    ("words", "grade"),
    [("I", "I"), ("i", "I"), (" Immediate ", "I"), (1, "I"), ("S", "S"), ("2", "S"), ("extended", "E"), ("R", "R"), (4, "R")],
)
def test_grades_by_letter_word_and_number(words: object, grade: str) -> None:
    assert parse(row(grade=words)).grade.value == grade


def test_a_place_in_the_next_borough_is_outside() -> None:
    camden = Position(latitude_deg=51.5390, longitude_deg=-0.1426)
    with pytest.raises(MalformedReport, match="outside the operating area"):
        rules.parse_report(row(latitude=camden.latitude_deg, longitude=camden.longitude_deg), source="cad", area=ISLINGTON)


# --- one incident ----------------------------------------------------------------------------------------------------------


def incident(**changes: Any) -> Incident:
    values: dict[str, Any] = {
        "incident_id": "inc-1", "reported_at": NOW, "opened_at": NOW, "position": HERE, "grade": Grade.SIGNIFICANT,
        "category": "disturbance", "caller_references": ("cad#1",),
    }  # fmt: skip
    return Incident(**{**values, **changes})


@pytest.mark.parametrize(
    ("changes", "same"),
    [
        ({}, True),
        ({"category": "DISTURBANCE"}, True),
        ({"category": "assault"}, True),
        ({"category": "unknown"}, True),
        ({"category": "collision"}, False),
        ({"position": north(74.0)}, True),
        ({"position": north(76.0)}, False),
        ({"after_s": 300}, True),
        ({"after_s": 301}, False),
        ({"after_s": -300}, True),
        ({"after_s": -301}, False),
        ({"source": "another cad"}, True),
        ({"caller_reference": "1", "after_s": 9_000, "position": north(9_000.0), "category": "collision"}, True),
        ({"caller_reference": "1", "source": "another cad", "after_s": 9_000}, False),
    ],
)
def test_what_is_a_duplicate(changes: dict[str, Any], same: bool) -> None:
    assert rules.is_duplicate(report(**changes), incident()) is same


@pytest.mark.parametrize(
    ("state", "reason", "eyes_after_s", "takes"),
    [
        (IncidentState.OPEN, None, None, True),
        (IncidentState.ASSIGNED, None, None, True),
        (IncidentState.ON_SCENE, None, 60, True),
        (IncidentState.CLOSED, CloseReason.ATTENDED, 60, True),
        (IncidentState.CLOSED, CloseReason.ATTENDED, 20, False),  # the call came after the drone had looked: look again
        (IncidentState.CLOSED, CloseReason.ATTENDED, None, False),
        (IncidentState.CLOSED, CloseReason.NOT_FLOWN, None, True),
        (IncidentState.CLOSED, CloseReason.UNSERVED, None, False),
        (IncidentState.CLOSED, CloseReason.WITHDRAWN, None, False),
    ],
)
def test_a_closed_incident_swallows_no_call_that_matters(
    state: IncidentState, reason: CloseReason | None, eyes_after_s: int | None, takes: bool
) -> None:
    eyes = None if eyes_after_s is None else NOW + timedelta(seconds=eyes_after_s)
    known = incident(state=state, close_reason=reason, eyes_on_at=eyes)
    assert rules.is_duplicate(report(after_s=30), known) is takes


def test_merging_raises_the_grade_and_never_lowers_it() -> None:
    graver = rules.merge(incident(), report(grade=Grade.IMMEDIATE))
    assert graver.grade is Grade.IMMEDIATE
    assert rules.merge(graver, report(grade=Grade.REFERRED)).grade is Grade.IMMEDIATE


def test_merging_keeps_place_kind_and_the_earliest_time() -> None:
    merged = rules.merge(
        incident(text="a"), report(position=north(50), after_s=-60, category="assault", text="b", caller_reference="2")
    )
    assert (merged.position, merged.category, merged.reported_at) == (HERE, "disturbance", NOW - timedelta(seconds=60))
    assert (merged.caller_references, merged.reports, merged.repeats, merged.text) == (("cad#1", "cad#2"), 2, 0, "a\nb")


def test_a_repeat_is_counted_apart() -> None:
    once = rules.merge(incident(text="a"), report(caller_reference="1", text="a"))
    assert once == msgspec.structs.replace(incident(text="a"), repeats=1)


def test_an_incident_stays_small_however_many_ring() -> None:
    merged = incident()
    for number in range(500):
        merged = rules.merge(merged, report(caller_reference=f"x{number}", text=f"caller {number} " + "a" * 90))
    assert len(merged.caller_references) == rules.MAX_REFERENCES
    assert len(merged.text) <= rules.MAX_TEXT
    assert merged.reports == 501


def test_an_upgrade_opens_what_was_closed_as_not_flown() -> None:
    closed = incident(state=IncidentState.CLOSED, close_reason=CloseReason.NOT_FLOWN, closed_at=NOW, grade=Grade.EXTENDED)
    same = rules.merge(closed, report(grade=Grade.EXTENDED))
    assert (same.state, same.close_reason, same.closed_at) == (IncidentState.CLOSED, CloseReason.NOT_FLOWN, NOW)
    up = rules.merge(closed, report(grade=Grade.IMMEDIATE))
    assert (up.state, up.close_reason, up.closed_at, up.grade) == (IncidentState.OPEN, None, None, Grade.IMMEDIATE)
    # Nothing else opens again.
    seen = incident(state=IncidentState.CLOSED, close_reason=CloseReason.ATTENDED, closed_at=NOW)
    assert rules.merge(seen, report(grade=Grade.IMMEDIATE)).state is IncidentState.CLOSED


LEGAL = {
    ("open", "assigned"), ("open", "closed"), ("assigned", "open"), ("assigned", "on-scene"), ("assigned", "closed"),
    ("on-scene", "open"), ("on-scene", "closed"), ("on-scene", "assigned"),  # the last: a relief takes over a scene left dark
}  # fmt: skip


@pytest.mark.parametrize("before", IncidentState)
@pytest.mark.parametrize("after", IncidentState)
def test_legal_moves_only(before: IncidentState, after: IncidentState) -> None:
    assert rules.may_move(before, after) is ((before.value, after.value) in LEGAL)


def test_a_moment_is_read_in_utc() -> None:
    assert rules.read_moment("2009-06-01T02:05:01+01:00") == datetime.fromisoformat("2009-06-01T01:05:01+00:00")
