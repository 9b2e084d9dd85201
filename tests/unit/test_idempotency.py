"""A command that is sent twice is done once, over restarts and at the same moment."""

import asyncio
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from starlette.responses import Response

from bowstreet.console.idempotency import Idempotency, Note, Request
from bowstreet.errors import Conflict, NotFound, Refused, StoreUnavailable
from bowstreet.runtime.clock import SimulatedClock
from bowstreet.runtime.memory import MemoryStore

START = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
REQUEST = Request(account_id="acc-1", method="POST", path="/api/v1/missions/m/recall", key="k-1", body=b'{"reason":"x"}')


class Act:
    """Counts how often it was done."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.times = 0
        self.error = error
        self.gate: asyncio.Event | None = None

    async def __call__(self) -> Response:
        if self.gate is not None:
            await self.gate.wait()
        if self.error is not None:
            raise self.error
        self.times += 1
        return Response(f'{{"n":{self.times}}}'.encode(), 201, media_type="application/json")


async def shown(path: str) -> bytes:
    if path.endswith("erased"):
        raise NotFound("there is no such incident", remedy="its time of retention may be over")
    return f'{{"now":"{path}"}}'.encode()


@pytest.fixture
def clock() -> SimulatedClock:
    return SimulatedClock(START)


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def once(store: MemoryStore, clock: SimulatedClock) -> Idempotency:
    return Idempotency(store, clock, shown)


async def test_again_gives_the_first_answer(once: Idempotency) -> None:
    act = Act()
    first = await once.run(REQUEST, act)
    again = await once.run(REQUEST, act)
    assert act.times == 1
    assert (again.status_code, bytes(again.body), again.media_type) == (201, bytes(first.body), "application/json")
    assert again.headers["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first.headers


async def test_it_holds_over_a_restart(store: MemoryStore, clock: SimulatedClock) -> None:
    act = Act()
    await Idempotency(store, clock, shown).run(REQUEST, act)
    again = await Idempotency(store, clock, shown).run(REQUEST, act)
    assert act.times == 1
    assert bytes(again.body) == b'{"n":1}'


async def test_another_body_is_refused(once: Idempotency) -> None:
    act = Act()
    await once.run(REQUEST, act)
    with pytest.raises(Conflict, match="another request"):
        await once.run(msgspec.structs.replace(REQUEST, body=b"{}"), act)
    assert act.times == 1


@pytest.mark.parametrize("change", [{"account_id": "acc-2"}, {"path": "/other"}, {"method": "DELETE"}, {"key": "k-2"}])
async def test_a_key_means_something_to_one_account_and_route_only(once: Idempotency, change: dict[str, str]) -> None:
    act = Act()
    await once.run(REQUEST, act)
    await once.run(msgspec.structs.replace(REQUEST, **change), act)
    assert act.times == 2


def test_note_ids_do_not_run_into_each_other() -> None:
    one = msgspec.structs.replace(REQUEST, account_id="a", method="b c")
    other = msgspec.structs.replace(REQUEST, account_id="a b", method="c")
    assert one.note_id != other.note_id


async def test_at_the_same_moment_it_is_done_once(once: Idempotency) -> None:
    act = Act()
    act.gate = asyncio.Event()
    both = [asyncio.create_task(once.run(REQUEST, act)) for _ in range(5)]
    await asyncio.sleep(0)
    act.gate.set()
    answers = await asyncio.gather(*both)
    assert act.times == 1
    assert {bytes(answer.body) for answer in answers} == {b'{"n":1}'}


async def test_at_the_same_moment_another_body_is_refused(once: Idempotency) -> None:
    act = Act()
    act.gate = asyncio.Event()
    first = asyncio.create_task(once.run(REQUEST, act))
    await asyncio.sleep(0)
    with pytest.raises(Conflict):
        await once.run(msgspec.structs.replace(REQUEST, body=b"{}"), act)
    act.gate.set()
    await first
    assert act.times == 1


async def test_a_refused_act_frees_its_key(once: Idempotency) -> None:
    act = Act(Refused("wind"))
    with pytest.raises(Refused):
        await once.run(REQUEST, act)
    act.error = None
    await once.run(REQUEST, act)
    assert act.times == 1


async def test_killed_in_between_it_is_not_repeated(store: MemoryStore, clock: SimulatedClock) -> None:
    with pytest.raises(StoreUnavailable):
        await Idempotency(store, clock, shown).run(REQUEST, Act(StoreUnavailable("the disk is full")))
    act = Act()
    with pytest.raises(Conflict, match="may have been carried out"):
        await Idempotency(store, clock, shown).run(REQUEST, act)
    assert act.times == 0


async def test_killed_in_between_a_call_is_taken_again(store: MemoryStore, clock: SimulatedClock) -> None:
    with pytest.raises(StoreUnavailable):
        await Idempotency(store, clock, shown).run(REQUEST, Act(StoreUnavailable("the disk is full")))
    act = Act()
    await Idempotency(store, clock, shown).run(REQUEST, act, repeatable=True)
    await Idempotency(store, clock, shown).run(REQUEST, act, repeatable=True)
    assert act.times == 1


async def test_an_interrupted_first_leaves_the_second_uncertain(once: Idempotency) -> None:
    act = Act()
    act.gate = asyncio.Event()
    first = asyncio.create_task(once.run(REQUEST, act))
    await asyncio.sleep(0)
    second = asyncio.create_task(once.run(REQUEST, act))
    await asyncio.sleep(0)
    first.cancel()
    with pytest.raises(Conflict, match="interrupted"):
        await second


async def test_a_day_later_it_is_forgotten(once: Idempotency, clock: SimulatedClock, store: MemoryStore) -> None:
    act = Act()
    await once.run(REQUEST, act)
    clock.advance_to(START + timedelta(hours=23))
    assert await once.prune() == 0
    clock.advance_to(START + timedelta(hours=25))
    await once.run(REQUEST, act)
    assert act.times == 2
    clock.advance_to(START + timedelta(hours=50))
    assert await once.prune() == 1
    assert await store.find("idempotency") == []


async def test_the_request_itself_is_not_kept(once: Idempotency, store: MemoryStore) -> None:
    await once.run(msgspec.structs.replace(REQUEST, body=b'{"text":"my neighbour"}'), Act())
    assert all(b"neighbour" not in record.body for record in await store.find("idempotency"))


async def test_what_a_caller_said_is_not_kept_and_the_incident_is_shown_as_it_is(
    store: MemoryStore, clock: SimulatedClock
) -> None:
    words = b'{"text":"a neighbour shouts at 12 Acacia Avenue"}'

    async def act() -> Response:
        place = "/api/v1/incidents/inc-1"
        return Response(words, 201, {"Location": place, "Content-Location": place}, "application/json")

    first = await Idempotency(store, clock, shown).run(REQUEST, act)
    assert bytes(first.body) == words
    [kept] = [msgspec.json.decode(record.body, type=Note) for record in await store.find("idempotency")]
    assert (kept.answer, kept.shows) == (b"", "/api/v1/incidents/inc-1")
    again = await Idempotency(store, clock, shown).run(REQUEST, act)
    assert (again.status_code, bytes(again.body)) == (201, b'{"now":"/api/v1/incidents/inc-1"}')
    assert again.headers["Location"] == again.headers["Content-Location"] == "/api/v1/incidents/inc-1"
    assert again.headers["Idempotency-Replayed"] == "true"


async def test_an_answer_whose_incident_was_erased_is_no_more(once: Idempotency) -> None:
    async def act() -> Response:
        return Response(b"{}", 200, {"Content-Location": "/api/v1/incidents/erased"}, "application/json")

    await once.run(REQUEST, act)
    with pytest.raises(NotFound):
        await once.run(REQUEST, act)
