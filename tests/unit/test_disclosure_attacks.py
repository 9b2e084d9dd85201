"""What somebody can find out who keeps every release and subtracts whatever from whatever. Each attack is shown to work on a
register without its defence."""

import itertools
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bowstreet.accountability.disclosure import rules
from bowstreet.accountability.disclosure.model import Flown, Held, PublicCheckpoint, PublicFlight, PublicPath, ReleaseBody
from bowstreet.accountability.disclosure.rules import GENERAL, LEAST, REQUEST, TAKE_OFF, UNKNOWN, Happening

START = datetime(2026, 11, 23, tzinfo=UTC)
DAY = timedelta(days=1)
WHERE = PublicCheckpoint(origin="bow.example/log", size=10, root="00" * 32)
COLUMNS = ("borough", "purpose", "outcome", "category")

# A flight: borough, category, outcome, hour, areas it was over.
Told = tuple[str, str, str, int, tuple[str, ...]]
FLIGHT = st.tuples(
    st.sampled_from(["Camden", "Islington"]),
    st.sampled_from(["robbery", "burglary", "domestic"]),
    st.sampled_from(["seen, and home", "called back on the way"]),
    st.integers(0, 23),
    st.lists(st.sampled_from(["A", "B", "C"]), unique=True, max_size=3).map(tuple),
)
# Several alike each time: else hardly any draw would have a category that may be named.
ALIKE = st.tuples(FLIGHT, st.integers(1, 12)).map(lambda pair: [pair[0]] * pair[1])
DAY_OF = st.lists(ALIKE, max_size=8).map(lambda parts: list(itertools.chain.from_iterable(parts)))
DAYS = st.lists(DAY_OF, min_size=1, max_size=4)
SEEN = settings(max_examples=200, deadline=None)


def flown(number: int, told: Told, day: int) -> Flown:
    borough, category, outcome, hour, areas = told
    return Flown(
        mission_id=f"mis-{day}-{number}", day=f"{START + day * DAY:%Y-%m-%d}", hour=hour, borough=borough, category=category,
        purpose="999-response", outcome=outcome, air_min=5 + number % 7, scene_min=2, squares=(f"TQ{number:04d}",),
        areas=areas, area_seconds=tuple(30 + 7 * number for _ in areas),
    )  # fmt: skip


def releases(days: Sequence[Sequence[Told]], requests: Sequence[Iterable[str]] = ()) -> tuple[list[ReleaseBody], dict[str, Held]]:
    """One a day, each with what the days before held back."""
    held: dict[str, Held] = {}
    made = []
    for day, flights in enumerate(days):
        start = START + day * DAY
        known = [flown(number, told, day) for number, told in enumerate(flights)]
        happened = [Happening(at=start, what=TAKE_OFF, mission_id=one.mission_id) for one in known]
        happened += [Happening(at=start, what=REQUEST, request=one) for one in (requests[day] if day < len(requests) else ())]
        by_id = {one.mission_id: one for one in known}
        body, held = rules.release(
            f"r{day}", "Police", start, start + DAY, WHERE, happened, by_id, held, "ward", salt=bytes([day] * 32)
        )
        made.append(body)
    return made, held


def named(rows: Iterable[PublicFlight]) -> list[PublicFlight]:
    return [row for row in rows if row.category not in (GENERAL, UNKNOWN)]


# --- the attacks: each gives the smallest thing that it finds -----------------------------------------------------------


def smallest_cell(bodies: Sequence[ReleaseBody]) -> int:
    """Count rows of any releases together by any columns that have the category among them."""
    found = [10**9]
    for count in range(1, len(bodies) + 1):
        for chosen in itertools.combinations(bodies, count):
            rows = named(row for body in chosen for row in body.flights)
            for width in range(len(COLUMNS)):
                for columns in itertools.combinations(COLUMNS[:-1], width):
                    cells = Counter((*(getattr(row, name) for name in columns), row.category) for row in rows)
                    found += cells.values()
    return min(found)


def smallest_difference(bodies: Sequence[ReleaseBody]) -> int:
    """Tables of all that was published up to each release; subtract each from each, cell by cell, and margins from cells."""
    tables: list[Counter[tuple[str, ...]]] = [Counter()]
    for body in bodies:
        table = Counter(tables[-1])
        for row in named(body.flights):
            for width in range(len(COLUMNS)):
                for columns in itertools.combinations(COLUMNS[:-1], width):
                    table[*(f"{name}={getattr(row, name)}" for name in columns), row.category] += 1
        tables.append(table)
    found = [10**9]
    for older, newer in itertools.combinations(tables, 2):
        grown = {cell: newer[cell] - older[cell] for cell in newer}
        found += [count for count in grown.values() if count]
        # A margin less one of its parts, such as a borough's robberies less those with one outcome.
        for whole, part in itertools.permutations(grown, 2):
            if whole[-1] == part[-1] and set(whole) < set(part) and grown[whole] != grown[part]:
                found.append(grown[whole] - grown[part])
    return min(found)


def surest_guess(bodies: Sequence[ReleaseBody]) -> float:
    """Somebody saw one flight: borough, outcome, hour, path. How sure can they be of a category that is named?"""
    sure = 0.0
    for body in bodies:
        classes: dict[tuple[str, str, str], Counter[str]] = {}
        for row in body.flights:
            classes.setdefault((row.borough, row.purpose, row.outcome), Counter())[row.category] += 1
        for counts in classes.values():
            sure = max([sure, *(n / counts.total() for category, n in counts.items() if category != GENERAL)])
    return sure


def fewest_behind_a_sum(bodies: Sequence[ReleaseBody], truth: Sequence[Sequence[Told]]) -> int:
    """Subtract each release's cumulated seconds of an area from a later one's: how few flights can be behind what is left?"""
    fewest = 10**9
    for area in ("A", "B", "C"):
        sums = list(itertools.accumulate(body.areas[area].amount if area in body.areas else 0 for body in bodies))
        over = list(itertools.accumulate(sum(area in told[4] for told in day) for day in truth))
        changed = [n for n in range(len(sums)) if sums[n] > (sums[n - 1] if n else 0)]
        at = [0, *(over[n] for n in changed)]
        fewest = min([fewest, *(b - a for a, b in itertools.pairwise(at))])
    return fewest


# --- and that they find nothing -----------------------------------------------------------------------------------------


@pytest.mark.requirement("D6", "P7")
@SEEN
@given(DAYS)
def test_no_cell_and_no_difference_isolates_few_of_a_category(days: list[list[Told]]) -> None:
    bodies, _ = releases(days)
    assert smallest_cell(bodies) >= LEAST
    assert smallest_difference(bodies) >= LEAST


@pytest.mark.requirement("D6", "P7")
@SEEN
@given(DAYS)
def test_who_saw_a_flight_is_not_told_what_it_was_for(days: list[list[Told]]) -> None:
    bodies, _ = releases(days)
    assert surest_guess(bodies) <= rules.MOST_SHARE


@pytest.mark.requirement("D7")
@SEEN
@given(DAYS)
def test_minutes_of_an_area_are_never_those_of_few_flights_and_in_the_end_all_are_told(days: list[list[Told]]) -> None:
    bodies, held = releases(days)
    assert fewest_behind_a_sum(bodies, days) >= LEAST
    for area in ("A", "B", "C"):
        true = sum(30 + 7 * number for day in days for number, told in enumerate(day) if area in told[4])
        told = sum(body.areas[area].amount for body in bodies if area in body.areas)
        kept = held.get(f"area:{area}")
        assert told + (kept.amount if kept else 0) == true
        assert kept is None or kept.count < LEAST


@SEEN
@given(st.lists(st.lists(st.sampled_from(["complaint: received", "erasure: refused"]), max_size=8), max_size=6))
def test_requests_are_told_by_fives_and_in_the_end_all(days: list[list[str]]) -> None:
    bodies, held = releases([[] for _ in days], days)
    told: Counter[str] = Counter()
    for body in bodies:
        assert all(count >= LEAST for count in body.requests.values())
        told.update(body.requests)
    told.update({key.removeprefix("request:"): one.count for key, one in held.items()})
    assert told == Counter(itertools.chain.from_iterable(days))


@SEEN
@given(DAYS)
def test_every_flight_stands_in_both_tables(days: list[list[Told]]) -> None:
    bodies, _ = releases(days)
    for body, day in zip(bodies, days, strict=True):
        assert len(body.flights) == len(body.paths) == body.took_off_by_ledger == len(day)
        assert Counter(row.borough for row in body.flights) == Counter(told[0] for told in day)
        assert Counter(path.hour for path in body.paths) == Counter(told[3] for told in day)
        shown = Counter((row.borough, row.category) for row in named(body.flights))
        true = Counter((told[0], told[1]) for told in day)
        assert all(count <= true[pair] for pair, count in shown.items()), "what is named is true"


def test_the_two_tables_have_nothing_in_common_to_join_them_by() -> None:
    flights = {field.name for field in msgspec.structs.fields(PublicFlight)}
    paths = {field.name for field in msgspec.structs.fields(PublicPath)}
    assert flights & paths == {"number"}
    assert not paths & {"borough", "category", "outcome", "purpose"}


def test_the_order_of_rows_cannot_be_repeated_from_ids_that_the_public_log_has() -> None:
    ids = [f"mis-{number}" for number in range(24)]
    orders = [rules._mixed(salt, ids) for salt in (bytes(32) + b"flights", bytes(32) + b"paths", bytes([1] * 32) + b"flights")]
    assert len({tuple(order) for order in (*orders, sorted(ids))}) == 4


# --- the attacks work where nothing is held back --------------------------------------------------------------------------


def test_the_attacks_find_something_where_nothing_is_held_back(monkeypatch: pytest.MonkeyPatch) -> None:
    rare: list[Told] = [("Camden", "robbery", "seen, and home", 3, ("A",))] * 9
    rare += [("Camden", "domestic", "called back on the way", 3, ("A",))]
    monkeypatch.setattr(rules, "LEAST", 1)
    monkeypatch.setattr(rules, "MOST_SHARE", 1.0)
    bodies, _ = releases([rare, rare[-1:]])
    assert smallest_cell(bodies) == 1
    assert smallest_difference(bodies) == 1
    assert surest_guess(bodies) == 1.0
    assert fewest_behind_a_sum(bodies, [rare, rare[-1:]]) == 1


def test_a_class_of_one_kind_only_is_told_as_general() -> None:
    same: list[Told] = [("Camden", "domestic", "seen, and home", 3, ())] * 12
    [body], _ = releases([same])
    assert {row.category for row in body.flights} == {GENERAL}
    mixed: list[Told] = [*same, *([("Camden", "robbery", "seen, and home", 3, ())] * 5)]
    [body], _ = releases([mixed])
    assert Counter(row.category for row in body.flights) == {"domestic": 12, "robbery": 5}
