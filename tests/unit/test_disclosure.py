"""Releases: coarse, complete, never changed, and never a named category of few."""

import itertools
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bowstreet.accountability.disclosure import rules
from bowstreet.accountability.disclosure.model import Facts, Flown, PublicCheckpoint
from bowstreet.accountability.disclosure.rules import TAKE_OFF, Happening
from bowstreet.geo import Position

START = datetime(2026, 11, 23, tzinfo=UTC)
DAY = timedelta(days=1)
SALT = bytes(32)
WHERE = PublicCheckpoint(origin="bow.example/log", size=10, root="00" * 32)
HERE = Position(latitude_deg=51.5400, longitude_deg=-0.1025)


def flown(number: int, borough: str = "Islington", category: str = "robbery") -> Flown:
    return Flown(
        mission_id=f"mis-{number}", day="2026-11-23", hour=1, borough=borough, category=category, purpose="999-response",
        outcome="seen, and home", air_min=5, scene_min=2, squares=("TQ3184",), areas=("Islington 013",), area_seconds=(120,),
    )  # fmt: skip


def released(flights: list[Flown], lost: int = 0) -> rules.ReleaseBody:
    up = [Happening(at=START + timedelta(minutes=i), what=TAKE_OFF, mission_id=one.mission_id) for i, one in enumerate(flights)]
    up += [Happening(at=START, what=TAKE_OFF, mission_id=f"lost-{i}") for i in range(lost)]
    return rules.release("r", "Police", START, START + DAY, WHERE, up, {one.mission_id: one for one in flights}, salt=SALT)[0]


@pytest.mark.parametrize(
    ("position", "square"),
    [
        (HERE, "TQ3184"),
        (Position(latitude_deg=55.9486, longitude_deg=-3.1999), "NT2573"),  # Edinburgh Castle
        (Position(latitude_deg=50.0657, longitude_deg=-5.7132), "SW3425"),  # Land's End
    ],
)
def test_squares_are_those_of_the_ordnance_survey(position: Position, square: str) -> None:
    assert rules.square_of(position) == square


@pytest.mark.requirement("D6")
def test_a_flight_is_told_without_what_finds_a_door() -> None:
    track = [(START + timedelta(seconds=i), Position(latitude_deg=51.5400 + i * 1e-4, longitude_deg=-0.1025)) for i in range(200)]
    facts = Facts(
        mission_id="mis-1", vehicle_id="d1", purpose="999-response", category="robbery", scene=HERE, borough="Islington",
        took_off_at=START + timedelta(seconds=17), eyes_on_at=START + timedelta(seconds=100), ended_at=START + timedelta(seconds=400),
        outcome="seen, and home",
    )  # fmt: skip
    told = rules.coarse(facts, track)
    assert set(told.squares) == {"TQ3184", "TQ3185", "TQ3186"}
    assert (sum(told.area_seconds), told.areas) == (199, told.squares)
    assert rules.coarse(facts, track, lambda _: "a ward").areas == ("a ward",)
    assert (told.hour, told.air_min, told.scene_min) == (0, 6, 5)
    said = rules.written(released([told]))
    for telling in ("51.54", "-0.10", "d1", "mis-1", "00:00:17", "17"):
        assert telling not in said.replace("2026-11-23T00:00:00Z", ""), telling


@pytest.mark.requirement("D6")
def test_a_flight_without_details_is_in_the_release_all_the_same() -> None:
    body = released([flown(1)], lost=2)
    assert body.took_off_by_ledger == len(body.flights) == 3
    assert sum(one.outcome == rules.UNKNOWN for one in body.flights) == 2


def test_the_same_record_gives_the_same_bytes_by_the_same_salt() -> None:
    flights = [flown(number) for number in range(20)]
    assert rules.written(released(flights)) == rules.written(released(list(flights)))
    order = [one.number for one in released(flights).flights]
    assert order == list(range(1, 21))


@given(after_s=st.integers(0, 31_536_000), hours=st.integers(1, 100))
def test_periods_follow_each_other_without_gap(after_s: int, hours: int) -> None:
    first = START + timedelta(seconds=after_s)
    now = first + timedelta(days=20)
    found = rules.periods(first, timedelta(hours=hours), timedelta(hours=5), now)
    assert found[0][0] <= first < found[0][1]
    assert all(a[1] == b[0] for a, b in itertools.pairwise(found))
    assert found[-1][1] + timedelta(hours=5) <= now
    assert rules.periods(found[-1][1], timedelta(hours=hours), timedelta(hours=5), now) == []
