"""A file of calls against the clock, and again after the program was killed in the middle."""

import asyncio
import contextlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.unit.intake_world import NOW, Intake, north

from bowstreet.errors import Conflict, MalformedReport, StoreUnavailable
from bowstreet.intake.model import Grade
from bowstreet.intake.replay import due_calls, reference_of, replay, source_of
from bowstreet.runtime.clock import SimulatedClock

HEAD = "id,reported_at,latitude,longitude,grade,category"
START = datetime(2009, 1, 1, tzinfo=UTC)


def line(id_: object, after_s: float, *, grade: str = "I", metres: float = 0.0, at: datetime = START) -> str:
    place = north(metres)
    when = (at + timedelta(seconds=after_s)).isoformat()
    return f"{id_},{when},{place.latitude_deg:.6f},{place.longitude_deg},{grade},dwelling fire"


def csv(*lines: str) -> bytes:
    return "\n".join([HEAD, *lines]).encode()


class Pilot(SimulatedClock):
    """A simulated clock that is moved by whoever sleeps on it, as if nothing else took time."""

    def __init__(self, start: datetime = NOW) -> None:
        super().__init__(start)
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.advance_to(self.now() + timedelta(seconds=seconds))
        await asyncio.sleep(0)


async def replayed(intake: Intake, data: bytes, **options: Any) -> None:
    await replay(intake.service, data, "calls.csv", intake.clock, **options)


def test_due_calls_come_in_order_and_keep_their_spacing() -> None:
    data = csv(line("late", 600), line("early", 0), line("middle", 90.5))
    due = list(due_calls(data, "calls.csv", NOW))
    assert [(one.at - NOW).total_seconds() for one in due] == [0.0, 90.5, 600.0]
    assert [one.row.values and one.row.values["id"] for one in due] == ["early", "middle", "late"]
    assert [one.row.line for one in due] == [3, 4, 2]
    assert all(one.row.values and datetime.fromisoformat(one.row.values["reported_at"]) == one.at for one in due)
    assert [one.at for one in due_calls(data, "calls.csv")] == [START + timedelta(seconds=s) for s in (0, 90.5, 600)]


def test_rows_without_a_time_are_due_with_the_one_before_them() -> None:
    data = csv(line("a", 0), "x,never,51.54,-0.1,I,fire", line("b", 60), "short,row", line("c", 30))
    due = list(due_calls(data, "calls.csv", NOW))
    assert [(one.row.line, (one.at - NOW).total_seconds()) for one in due] == [(2, 0), (3, 0), (6, 30), (4, 60), (5, 60)]


def test_a_mistyped_year_makes_nobody_wait() -> None:
    odd = [line(f"odd{year}", 0, at=START.replace(year=year)) for year in (2109, 1909, 1970)]
    data = csv(odd[0], line("a", 0), line("b", 60), *odd[1:], line("c", 120))
    due = list(due_calls(data, "calls.csv", NOW))
    assert min(one.at for one in due) == NOW
    assert max(one.at for one in due) == NOW + timedelta(seconds=120)
    [far] = [one.row for one in due if one.row.line == 2]
    assert far.values is None
    assert far.reason == "reported_at is more than 10 years from the other calls of the file"


def test_a_file_without_any_time_is_refused() -> None:
    with pytest.raises(MalformedReport, match="no row of the file has a usable reported_at"):
        due_calls(csv("x,never,51.54,-0.1,I,fire"), "calls.csv")


def test_rows_without_an_id_are_known_by_their_place_in_the_file() -> None:
    due = list(due_calls(csv(line("", 0), line(" ", 1), line("own", 2)), "calls.csv"))
    assert [reference_of(one.row) for one in due] == ["line-2", "line-3", "own"]
    point = {"type": "Point", "coordinates": [-0.1, 51.54]}
    features = [
        {"type": "Feature", "properties": {"reported_at": "2009-01-01T00:00:00Z", "n": n}, "geometry": point} for n in range(3)
    ]
    on_one_line = json.dumps({"type": "FeatureCollection", "features": features}).encode()
    due = list(due_calls(on_one_line, "calls.geojson"))
    assert [one.row.values and one.row.values["id"] for one in due] == ["line-1", "line-1.2", "line-1.3"]


def test_another_file_of_the_same_name_is_another_source() -> None:
    one, other = source_of(b"a", "/home/somebody/calls.csv"), source_of(b"b", "calls.csv")
    assert one != other
    assert one.startswith("replay:calls.csv#")
    assert source_of(b"a", "calls.csv") == one


async def test_the_first_call_is_now_and_the_others_as_far_apart_as_they_were() -> None:
    clock = Pilot()
    intake = Intake(clock=clock).loaded()
    await replayed(intake, csv(line("a", 0), line("b", 400), line("bad", 500, grade="X"), line("c", 1_000)))
    assert clock.slept == [400.0, 100.0, 500.0]
    found = sorted(intake.service.incidents.all(), key=lambda one: one.reported_at)
    assert [(one.reported_at - NOW).total_seconds() for one in found] == [0, 400, 1_000]
    assert [one.opened_at for one in found] == [one.reported_at for one in found]
    assert intake.counts() == (4, 3, 0, 1)


async def test_without_the_shift_calls_are_due_when_they_say() -> None:
    clock = Pilot()
    intake = Intake(clock=clock, check_future=True).loaded()
    data = csv(line("past", -86_400, at=NOW), line("soon", 60, at=NOW))
    await replayed(intake, data, shift=False)
    assert clock.slept == [60.0]
    assert sorted(one.reported_at for one in intake.service.incidents.all()) == [
        NOW - timedelta(days=1),
        NOW + timedelta(seconds=60),
    ]


class KilledError(Exception):
    pass


class Mortal(Pilot):
    """Ends the program when it would sleep for the nth time."""

    def __init__(self, start: datetime, sleeps: int) -> None:
        super().__init__(start)
        self.left = sleeps

    async def sleep(self, seconds: float) -> None:
        self.left -= 1
        if self.left < 0:
            raise KilledError
        await super().sleep(seconds)


@pytest.mark.parametrize("killed_after", range(9))
async def test_a_restart_takes_in_the_rest_and_nothing_twice(killed_after: int) -> None:
    rows = [
        line("a", 0), line("", 600, metres=300), "broken", line("bad", 1_200, grade="X"), line("a", 1_800, grade="I"),
        line("b", 2_400, grade="S"), line("b2", 2_450, grade="S"), line("b", 3_000, grade="I"), line("c", 3_600),
    ]  # fmt: skip
    data = csv(*rows)
    intake = Intake(clock=Mortal(NOW, killed_after)).loaded()
    with pytest.raises(KilledError) if killed_after < 7 else contextlib.nullcontext():
        await replayed(intake, data)
    before = len(intake.service.incidents.all())
    restarted = intake.clock.now() + timedelta(seconds=5)
    again = Intake(intake.store, clock=Pilot(restarted)).loaded()
    await replayed(again, data)
    incidents = again.service.incidents.all()
    assert len(incidents) == 4
    references = sorted(one.split("#", 2)[2] for incident in incidents for one in incident.caller_references)
    assert references == ["a", "b", "b2", "c", "line-3"]
    assert {one.grade for one in incidents} == {Grade.IMMEDIATE}
    assert len(await again.store.find("quarantine")) == 2
    if before < 4:
        # What is left goes on at once: nobody waits for the hour that has been replayed already.
        assert min(m.at for m in again.told) == restarted
    # And a third start finds nothing to do.
    third = Intake(again.store, clock=Pilot(again.clock.now())).loaded()
    await replayed(third, data)
    assert third.told == []
    assert third.counts() == again.counts()


@pytest.mark.parametrize("error", [StoreUnavailable("the disk is full"), Conflict("changed meanwhile")])
async def test_a_call_that_could_not_be_recorded_is_offered_again(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Pilot()
    intake = Intake(clock=clock).loaded()
    real, failures = intake.recorder.record, [error] * 7

    async def failing(**what: Any) -> None:
        if failures:
            raise failures.pop()
        await real(**what)

    monkeypatch.setattr(intake.recorder, "record", failing)
    await replayed(intake, csv(line("a", 0), line("b", 400)))
    assert intake.counts() == (2, 2, 0, 0)
    assert 5.0 in clock.slept
