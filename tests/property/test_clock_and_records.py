"""Time that never goes back, ids that sort, and collections that agree with their store."""

import asyncio
import itertools
from datetime import UTC, datetime, timedelta, timezone

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bowstreet.accountability.recorder import Recorder
from bowstreet.errors import NotFound, StoreUnavailable
from bowstreet.runtime import clock as clock_module
from bowstreet.runtime.bus import InlineBus
from bowstreet.runtime.clock import ScaledClock, SimulatedClock, SystemClock
from bowstreet.runtime.ids import RandomIds, SeededIds
from bowstreet.runtime.memory import MemoryStore
from bowstreet.runtime.ports import Batch, Record
from bowstreet.runtime.records import Collection

START = datetime(2026, 11, 23, 15, tzinfo=UTC)


# --- clocks ------------------------------------------------------------------------------------------------------------


def test_the_system_clock_tells_the_time() -> None:
    clock = SystemClock()
    assert abs((clock.now() - datetime.now(UTC)).total_seconds()) < 1
    assert clock.now().tzinfo is UTC
    assert abs(clock.skew_s()) < 0.1
    assert clock.now() <= clock.now()


def test_it_starts_after_the_last_recorded_moment() -> None:
    ahead = datetime.now(UTC) + timedelta(hours=2)
    clock = SystemClock(not_before=ahead)
    assert ahead <= clock.now() < ahead + timedelta(seconds=5)
    assert clock.skew_s() > 7_000
    behind = datetime.now(UTC) - timedelta(hours=2)
    assert SystemClock(not_before=behind).now() > behind + timedelta(hours=1)


def test_a_stepped_wall_clock_moves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SystemClock()
    before = clock.now()
    monkeypatch.setattr(clock_module, "_wall", lambda: START - timedelta(days=400))
    after = clock.now()
    assert timedelta(0) <= after - before < timedelta(seconds=5)
    assert clock.skew_s() > 86_400


async def test_a_scaled_clock_runs_faster_and_sleeps_shorter() -> None:
    clock = ScaledClock(100.0, not_before=START)
    begun = clock.monotonic_s()
    loop_begun = asyncio.get_running_loop().time()
    await clock.sleep(200.0)
    assert clock.monotonic_s() - begun >= 200.0
    assert asyncio.get_running_loop().time() - loop_begun < 60.0
    for speed in (0.0, -1.0, float("nan")):
        with pytest.raises(ValueError, match="above zero"):
            ScaledClock(speed)


@given(st.lists(st.timedeltas(timedelta(0), timedelta(days=9)), max_size=20))
def test_simulated_time_goes_where_it_is_put(steps: list[timedelta]) -> None:
    clock = SimulatedClock(START.astimezone(timezone(timedelta(hours=5))))
    assert clock.now() == START
    assert clock.now().tzinfo is UTC
    for step in steps:
        target = clock.now() + step
        clock.advance_to(target)
        assert clock.now() == target
    assert clock.monotonic_s() == (clock.now() - START).total_seconds()
    with pytest.raises(ValueError, match="does not go back"):
        clock.advance_to(clock.now() - timedelta(microseconds=1))


def test_a_simulated_clock_starts_at_an_aware_moment() -> None:
    with pytest.raises(ValueError, match="aware"):
        SimulatedClock(datetime(2026, 1, 1))  # noqa: DTZ001 - on purpose


async def test_sleepers_wake_in_order() -> None:
    clock = SimulatedClock(START)
    woken: list[float] = []

    async def sleeper(seconds: float) -> None:
        await clock.sleep(seconds)
        woken.append(seconds)

    tasks = [asyncio.ensure_future(sleeper(seconds)) for seconds in (3.0, 1.0, 2.0, 0.0, -1.0, 99.0)]
    await asyncio.sleep(0)
    tasks[1].cancel()
    await asyncio.sleep(0)
    clock.advance_to(START + timedelta(seconds=3))
    await asyncio.sleep(0)
    assert woken == [0.0, -1.0, 2.0, 3.0]
    tasks[-1].cancel()


# --- ids ---------------------------------------------------------------------------------------------------------------


@given(st.lists(st.integers(0, 5_000), min_size=1, max_size=60), st.integers())
def test_ids_are_unique_and_sort_by_time(milliseconds: list[int], seed: int) -> None:
    clock = SimulatedClock(START)
    makers = RandomIds(clock), SeededIds(seed, clock), SeededIds(seed, clock)
    made: list[tuple[str, ...]] = []
    for step in milliseconds:
        clock.advance_to(clock.now() + timedelta(milliseconds=step))
        made.append(tuple(maker.new("inc") for maker in makers))
    for ids in zip(*made, strict=True):
        assert list(ids) == sorted(set(ids))
        assert all(len(one) == 30 and one.startswith("inc-") and one[4:].isalnum() for one in ids)
    assert all(one == other for _, one, other in made)


def test_ids_are_ulids() -> None:
    """The first ten characters are the milliseconds since 1970, base 32 (github.com/ulid/spec)."""
    alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
    made = RandomIds(SimulatedClock(START)).new("x")[2:]
    assert sum(alphabet.index(character) << 5 * place for place, character in enumerate(reversed(made[:10]))) == int(
        START.timestamp() * 1_000
    )


def test_other_seeds_other_ids() -> None:
    clock = SimulatedClock(START)
    assert SeededIds(1, clock).new("x") != SeededIds(2, clock).new("x")
    first, second = itertools.islice(iter(lambda: RandomIds(clock).new("x"), None), 2)
    assert first != second


# --- collections -------------------------------------------------------------------------------------------------------


class Thing(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    state: str


def _things() -> Collection[Thing]:
    return Collection("thing", Thing, id_of=lambda thing: thing.id, state_of=lambda thing: thing.state)


ACTS = st.lists(st.tuples(st.sampled_from("abcde"), st.sampled_from(["new", "old", "REMOVE", "FORGET"])), max_size=40)


@given(ACTS)
@settings(max_examples=150, deadline=None)
def test_a_collection_agrees_with_its_store_and_with_a_dictionary(acts: list[tuple[str, str]]) -> None:
    asyncio.run(_agree(acts))


async def _agree(acts: list[tuple[str, str]]) -> None:
    store, things = MemoryStore(), _things()
    recorder = Recorder(store, InlineBus(), SimulatedClock(START))
    await things.load(store)
    model: dict[str, str] = {}
    for id_, state in acts:
        if state == "REMOVE":
            if id_ in model:
                await things.fetch(id_)
                await recorder.record(remove=[(things, id_)])
                del model[id_]
            else:
                with pytest.raises(NotFound):
                    await recorder.record(remove=[(things, id_)])
        elif state == "FORGET":
            things.forget(id_)
            assert id_ not in things
        else:
            if id_ in model:
                await things.fetch(id_)
            await recorder.record(save=[(things, Thing(id=id_, state=state))])
            model[id_] = state
    for id_ in model:
        await things.fetch(id_)
    assert {thing.id: thing.state for thing in things.all()} == model
    assert [thing.id for thing in things.all()] == sorted(model)
    assert len(things) == len(model)
    for states in (["new"], ["old"], ["new", "old"], ["other"], []):
        assert [thing.id for thing in things.in_states(*states)] == sorted(id_ for id_, state in model.items() if state in states)
    fresh = _things()
    await fresh.load(store, ["old"])
    assert fresh.all() == things.in_states("old")
    for missing in set("abcde") - set(model):
        assert things.find(missing) is None
        with pytest.raises(NotFound):
            await things.fetch(missing)


async def test_a_record_of_another_shape_is_named() -> None:
    store = MemoryStore()
    await store.commit(Batch(puts=[Record(kind="thing", id="a", version=1, state="", body=b'{"id": 3}')]))
    with pytest.raises(StoreUnavailable, match="thing 'a'"):
        await _things().load(store)


async def test_failing_to_stage_takes_back_what_was_staged() -> None:
    things = _things()
    recorder = Recorder(MemoryStore(), InlineBus(), SimulatedClock(START))
    with pytest.raises(NotFound):
        await recorder.record(save=[(things, Thing(id="a", state="new"))], remove=[(things, "none")])
    broken: Collection[Thing] = Collection("thing", Thing, id_of=lambda thing: thing.missing, state_of=None)  # type: ignore[attr-defined]
    with pytest.raises(AttributeError):
        await recorder.record(save=[(things, Thing(id="a", state="new")), (broken, Thing(id="b", state="new"))])
    assert things.all() == []
    assert recorder.size == 0
