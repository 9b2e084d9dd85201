"""The public register over HTTP: no sign-in, complete, bound to the ledger, and the same for ever."""

import hashlib
import re
from collections.abc import AsyncIterator
from datetime import timedelta

import defusedxml.ElementTree
import msgspec
import pytest
from tests.integration.console_city import START, City, call, city
from tests.integration.public_releases import flown_over

from bowstreet.accountability import checkpoint
from bowstreet.accountability import note as notes
from bowstreet.accountability.disclosure.model import ReleaseBody
from bowstreet.accountability.disclosure.service import MOST_WAIT
from bowstreet.messages import LaunchAuthorised, MissionChanged, Reason, ReleasePublished


@pytest.fixture
async def town() -> AsyncIterator[City]:
    made = await city()
    await made.hear_all()
    yield made
    made.services.accounts.close()


async def took_off(town: City) -> str:
    async with town.program() as cad:
        await cad.post("/api/v1/incidents", json=call())
    mission_id = (await town.ledger(LaunchAuthorised))[-1].mission_id
    mission = town.services.flight.missions.get(mission_id)
    said = MissionChanged(
        at=town.clock.now(), mission_id=mission_id, vehicle_id=mission.vehicle_id, incident_id=mission.incident_id,
        phase="climbing", reason=Reason(code="test", text="up"),
    )  # fmt: skip
    await town.services.recorder.record(messages=[said])
    return mission_id


@pytest.mark.requirement("D6")
async def test_a_flight_is_published_after_its_delay_and_never_changes(town: City) -> None:
    mission_id = await took_off(town)
    disclosure = town.services.disclosure
    async with town.client() as anybody:
        assert "No flight has been released yet" in (await anybody.get("/public")).text
        town.clock.advance_to(START + timedelta(minutes=89))
        assert await disclosure.work() == 0
        town.clock.advance_to(START + timedelta(minutes=90))
        assert await disclosure.work() == 0, "the flight is not over: its row would say nothing"
        town.clock.advance_to(START + timedelta(minutes=90) + MOST_WAIT)
        assert await disclosure.work() == 7, "it waits for it, but not for ever; the empty hours since come with it"
        assert await disclosure.work() == 0
        line, *_ = (await anybody.get("/public/releases.json")).json()
        data = (await anybody.get(line["address"])).content
        page = await anybody.get(f"/public/releases/{line['release_id']}")
        index = await anybody.get("/public")
        assert (await anybody.get("/public/releases/none")).status_code == 404
        where = msgspec.json.decode(data, type=ReleaseBody).checkpoint
        kept = await anybody.get(f"/public/checkpoints/{where.size}")
        assert checkpoint.read_text(notes.read(kept.content).text).root.hex() == where.root, (
            "what the release names is kept, signed"
        )
        assert (await anybody.get("/public/checkpoints/999999")).status_code == 404
        assert (await anybody.get("/public/style.css")).headers["content-type"].startswith("text/css")
    assert "set-cookie" not in index.headers
    assert "<script" not in index.text + page.text
    assert mission_id not in data.decode() + page.text + index.text
    assert hashlib.sha256(data).hexdigest() == line["digest"]
    told, *_ = await town.ledger(ReleasePublished)
    assert (told.digest, told.release_id) == (line["digest"], line["release_id"])
    body = msgspec.json.decode(data, type=ReleaseBody)
    assert (len(body.flights), body.took_off_by_ledger) == (1, 1)
    assert body.checkpoint.origin == town.services.log.key.name
    assert 0 < body.checkpoint.size <= town.services.recorder.size
    assert "All of them are here" in page.text


async def test_an_address_that_is_no_page_is_not_the_console(town: City) -> None:
    async with town.client() as anybody:
        answer = await anybody.get("/public/flights")
    assert (answer.status_code, answer.json()["remedy"]) == (404, "begin at /public")


async def test_one_that_took_off_twice_in_the_record_is_one_flight(town: City) -> None:
    await took_off(town)
    mission_id = (await town.ledger(LaunchAuthorised))[-1].mission_id
    mission = town.services.flight.missions.get(mission_id)
    town.clock.advance_to(START + timedelta(minutes=61))
    later = MissionChanged(
        at=town.clock.now(), mission_id=mission_id, vehicle_id=mission.vehicle_id, incident_id=mission.incident_id,
        phase="outbound", reason=Reason(code="test", text="on"),
    )  # fmt: skip
    await town.services.recorder.record(messages=[later])
    town.clock.advance_to(START + timedelta(hours=3) + MOST_WAIT)
    assert await town.services.disclosure.work() == 8
    bodies = [msgspec.json.decode(one.text, type=ReleaseBody) for one in town.services.disclosure.releases.all()]
    assert [len(body.flights) for body in bodies] == [1] + [0] * 7


async def test_the_feed_has_every_release_and_a_reader_can_parse_it(town: City) -> None:
    await took_off(town)
    town.clock.advance_to(START + timedelta(hours=3) + MOST_WAIT)
    await town.services.disclosure.work()
    async with town.client() as anybody:
        answer = await anybody.get("/public/feed.atom")
        feed = defusedxml.ElementTree.fromstring(answer.text)
        entries = feed.findall("{http://www.w3.org/2005/Atom}entry")
        ids = [entry.findtext("{http://www.w3.org/2005/Atom}id") for entry in entries]
        link = entries[-1].find("{http://www.w3.org/2005/Atom}link[@type='application/json']")
        assert link is not None
        data = (await anybody.get(link.attrib["href"])).content
    assert answer.headers["content-type"].startswith("application/atom+xml")
    releases = sorted(town.services.disclosure.releases.all(), key=lambda one: one.start, reverse=True)
    assert ids == [f"urn:sha256:{one.digest}" for one in releases]
    assert ids[-1] == f"urn:sha256:{hashlib.sha256(data).hexdigest()}"


@pytest.mark.requirement("D6", "D7")
async def test_a_city_flown_over_is_told_by_area_and_added_up_by_month(town: City) -> None:
    name = await flown_over(town)
    async with town.client() as anybody:
        page = (await anybody.get("/public")).text
        one = (await anybody.get("/public/releases/r11")).text
    assert f"{name}: 48 Minutes" in page
    assert f"{name}: 24 Minutes" in one
    assert "Office for National Statistics" in page
    for month in ("2026-10", "2026-11"):
        assert f'<th scope="row">{month}</th><td>1</td><td>12</td><td>72</td><td>36</td>' in page
    assert '<th scope="row">robbery</th><td>12</td>' in page
    rows = re.findall(r"<tr>.*?</tr>", one)
    assert sum("robbery" in row for row in rows) == 6 + 1, "six flights, and the plot's table"
    assert not [row for row in rows if "TQ3184" in row and ("robbery" in row or "burglary" in row or "Islington" in row)]
    assert "of the 77 entries of the ledger" in page
