"""Whoever sees something personal is on record before: one by one, once in ten minutes, with a reason, or not at all."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from tests.integration.console_city import START, City, call, city

from bowstreet.accountability.processing.model import Matter
from bowstreet.accountability.processing.service import WINDOW
from bowstreet.console.feed import Encoding
from bowstreet.console.frames import Me
from bowstreet.console.looking import LINGER_S, Looking
from bowstreet.errors import StoreUnavailable
from bowstreet.messages import Consulted

WORDS = "the man with the red umbrella"


@pytest.fixture
async def town() -> AsyncIterator[City]:
    made = await city()
    await made.hear_all()
    yield made
    made.services.accounts.close()


async def incident(town: City) -> str:
    async with town.program() as cad:
        answer = await cad.post("/api/v1/incidents", json=call(text=WORDS))
        assert WORDS not in answer.text
    incident_id: str = answer.json()["id"]
    return incident_id


async def breaks(town: City, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fails(*_: object, **__: object) -> None:
        raise StoreUnavailable("the disk is full", remedy="make room")

    monkeypatch.setattr(town.recorder, "record", fails)


@pytest.mark.requirement("R16")
async def test_words_are_shown_once_it_is_on_record_who_looks(town: City) -> None:
    incident_id = await incident(town)
    at = f"/api/v1/incidents/{incident_id}/words"
    async with town.signed_in("dispatcher") as dispatcher:
        assert (await dispatcher.get(at)).json() == {"incident_id": incident_id, "words": WORDS}
        for _ in range(5):
            await dispatcher.get(at)
        town.clock.advance_to(START + WINDOW)
        await dispatcher.get(at)
        await dispatcher.get(at, params={"why": "complaint"})
        assert (await dispatcher.get(at, params={"why": "audit"})).status_code == 409
    said = [one for one in await town.ledger(Consulted) if one.what == Matter.WORDS]
    me = town.people["dispatcher"].account_id
    assert [(one.by, one.subject_id, one.justification) for one in said] == [
        (me, incident_id, "incident-handling"), (me, incident_id, "incident-handling"), (me, incident_id, "complaint")
    ]  # fmt: skip
    assert {one.log_id for one in said} == {"log-2026-11-23"}


@pytest.mark.requirement("R16")
async def test_what_is_over_is_looked_at_with_a_reason_only(town: City) -> None:
    incident_id = await incident(town)
    async with town.signed_in("supervisor") as supervisor, town.signed_in("dispatcher") as dispatcher:
        await supervisor.post(f"/api/v1/incidents/{incident_id}/close", json={"reason": "over"})
        for path in ("", "/words", "/decisions"):
            at = f"/api/v1/incidents/{incident_id}{path}"
            refused = await dispatcher.get(at)
            assert refused.status_code == 409
            assert WORDS not in refused.text
            assert "why=" in refused.json()["remedy"]
            assert (await dispatcher.get(at, params={"why": "subject-access"})).status_code == 200
            assert (await supervisor.get(at)).status_code == 200
    whys = {(one.role, one.justification) for one in await town.ledger(Consulted)}
    assert whys == {("dispatcher", "subject-access"), ("supervisor", "supervision")}


@pytest.mark.requirement("R16")
@pytest.mark.parametrize(
    "path", ["incidents/{0}", "incidents/{0}/words", "incidents/{0}/decisions", "incidents", "log62", "audit/bundle"]
)
async def test_what_cannot_be_recorded_is_not_shown(town: City, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    incident_id = await incident(town)
    async with town.signed_in("supervisor") as supervisor:
        await breaks(town, monkeypatch)
        answer = await supervisor.get(f"/api/v1/{path.format(incident_id)}")
        assert answer.status_code == 503
        assert WORDS not in answer.text
        assert (await supervisor.get("/api/v1/vehicles")).status_code == 200  # the map goes on


async def test_no_frame_of_the_feed_holds_what_was_said(town: City) -> None:
    await incident(town)
    town.console.feed.turn()
    me = Me(account_id="acc-1", name="A", role="supervisor", may=())
    picture = (town.console.feed.snapshot(me, Encoding.JSON) + town.console.feed.frame(0, Encoding.JSON)).decode()
    assert "robbery" in picture
    assert WORDS not in picture
    listed = await _listed(town)
    assert "robbery" in listed
    assert WORDS not in listed


async def _listed(town: City) -> str:
    async with town.signed_in("supervisor") as supervisor:
        return (await supervisor.get("/api/v1/incidents")).text


@pytest.mark.requirement("R16")
async def test_the_feed_stands_in_the_log_from_opened_to_closed(town: City) -> None:
    who = town.people["supervisor"]
    looking = Looking(town.services.consultations, town.clock)
    await looking.opened(who)
    await looking.opened(who)  # a second console
    looking.closed(who)
    looking.closed(who)
    await asyncio.sleep(0)
    await looking.opened(who)  # back within the minute
    looking.closed(who)
    await asyncio.sleep(0)
    assert [one.stage for one in await town.ledger(Consulted)] == ["opened"]
    town.clock.advance_to(town.clock.now() + timedelta(seconds=LINGER_S))
    for _ in range(20):
        await asyncio.sleep(0)
    said = await town.ledger(Consulted)
    assert [(one.what, one.stage, one.justification) for one in said] == [
        ("live-feed", "opened", "supervision"), ("live-feed", "closed", "supervision")
    ]  # fmt: skip


async def test_the_feed_goes_on_when_it_cannot_be_recorded(town: City, monkeypatch: pytest.MonkeyPatch) -> None:
    who, looking = town.people["supervisor"], Looking(town.services.consultations, town.clock)
    with monkeypatch.context() as patch:
        await breaks(town, patch)
        await looking.opened(who)
    await looking.opened(who)
    assert [one.stage for one in await town.ledger(Consulted)] == ["opened"]


@pytest.mark.requirement("R16", "R17")
async def test_pages_of_the_log_join_and_the_last_says_so(town: City) -> None:
    incident_id = await incident(town)
    async with town.signed_in("supervisor") as supervisor, town.signed_in("regulator") as regulator:
        await supervisor.get(f"/api/v1/incidents/{incident_id}/words")
        whole = (await regulator.get("/api/v1/log62")).json()
        assert whole["next"] is None
        lines, start = [], 0
        while start is not None:
            page = (await regulator.get("/api/v1/log62", params={"limit": 1, "start": start})).json()
            lines += page["lines"]
            start = page["next"]
        assert lines[: len(whole["lines"])] == whole["lines"]
        about = (await regulator.get("/api/v1/log62", params={"subject": incident_id})).json()["lines"]
        by = (await regulator.get("/api/v1/log62", params={"account": town.people["supervisor"].account_id})).json()["lines"]
        none = (await regulator.get("/api/v1/log62", params={"from": "2026-11-24"})).json()
        assert (await regulator.get("/api/v1/log62", params={"from": "2026-11-31"})).status_code == 409
    assert [one["processing"] for one in about] == ["collection", "alteration", "consultation"]
    assert "A supervisor" in {one["by_name"] for one in by}
    assert none == {"lines": [], "next": None}
    assert [one["what"] for one in whole["lines"]][-1] == "processing-log"  # looking at the log is in it
