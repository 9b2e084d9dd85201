"""Occurrences over HTTP: opened by what a flight does and by people, 72 h, evidence, a signed report, a hold; all on record."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.integration.console_city import SCENE, START, City, call, city, telemetry

from bowstreet.accountability.occurrence.model import Kind
from bowstreet.accountability.occurrence.service import Occurrences
from bowstreet.cli import main
from bowstreet.dispatch.occurrence_watch import LOOKS, KnownFlights, OccurrenceWatch
from bowstreet.errors import StoreUnavailable
from bowstreet.flight.model import Phase
from bowstreet.geo import Position
from bowstreet.messages import MissionChanged, OccurrenceChanged, Reason
from bowstreet.runtime.ids import RandomIds

AT = "/api/v1/occurrences"
DETERMINED = {"severity": "serious-incident", "injuries": "none", "crewed_aircraft": "no", "damage": "missing"}


@pytest.fixture
async def town() -> AsyncIterator[City]:
    made = await city()
    await made.hear_all()
    yield made
    made.services.accounts.close()


async def lost_flight(town: City) -> str:
    """A flight that the record says was lost."""
    async with town.program() as cad:
        await cad.post("/api/v1/incidents", json=call())
    [mission] = town.services.flight.missions.all()
    reason = Reason(code="lost", text="not heard again", vehicle_id=mission.vehicle_id)
    said = MissionChanged(
        at=town.clock.now(), mission_id=mission.mission_id, vehicle_id=mission.vehicle_id,
        incident_id=mission.incident_id, phase="lost", reason=reason,
    )  # fmt: skip
    await town.recorder.record(messages=[said])
    await town.recorder.bus.publish_recorded(said)  # delivered twice, as after a crash
    return mission.mission_id


@pytest.mark.requirement("D8")
async def test_a_lost_vehicle_opens_one_and_the_law_is_kept(town: City) -> None:
    mission_id = await lost_flight(town)
    async with town.signed_in("pilot") as pilot:
        [shown] = (await pilot.get(AT)).json()
        one = shown["occurrence"]
        assert (one["kind"], one["opened_by"], one["state"], one["findings"]["damage"]) == (
            "lost-vehicle", "program", "open", "missing"
        )  # fmt: skip
        assert one["evidence"]["mission_id"] == mission_id
        assert shown["due_at"] == (START + timedelta(hours=72)).isoformat().replace("+00:00", "Z")
        at = f"{AT}/{one['occurrence_id']}"
        assert (await pilot.post(f"{at}/close", json={"outcome": "analysed-and-followed-up"})).status_code == 409
        owed = (await pilot.post(f"{at}/findings", json={"findings": DETERMINED})).json()
        assert owed["owed"] == ["aaib"]
        refused = await pilot.post(f"{at}/close", json={"outcome": "not-reportable"})
        assert (refused.status_code, "AAIB" in refused.json()["detail"]) == (409, True)
        told = (await pilot.post(f"{at}/report", json={"body": "aaib", "reference": "AAIB-30123"})).json()
        assert (told["occurrence"]["state"], told["due_at"], told["owed"]) == ("reported", None, [])
        closed = (await pilot.post(f"{at}/close", json={"outcome": "analysed-and-followed-up"})).json()
        assert (closed["occurrence"]["state"], closed["hold"]) == ("closed", None)
        assert (await pilot.get(AT)).json() == []
        assert len((await pilot.get(AT, params={"closed": True})).json()) == 1
    assert [one.state for one in await town.ledger(OccurrenceChanged)] == ["open", "open", "reported", "closed"]
    async with town.signed_in("viewer") as viewer:
        assert (await viewer.get(AT)).status_code == 403


async def test_it_is_overdue_after_72_hours(town: City) -> None:
    await lost_flight(town)
    town.clock.advance_to(START + timedelta(hours=72))
    async with town.signed_in("regulator") as regulator:
        assert [one["overdue"] for one in (await regulator.get(AT)).json()] == [True]


@pytest.mark.requirement("D8", "R17")
async def test_the_report_is_signed_and_names_its_evidence(
    town: City, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mission_id = await lost_flight(town)
    async with town.signed_in("pilot") as pilot:
        [shown] = (await pilot.get(AT)).json()
        at = f"{AT}/{shown['occurrence']['occurrence_id']}"
        evidence = (await pilot.get(at)).json()["occurrence"]["evidence"]
        data = (await pilot.get(f"{at}/document")).content
        page = await pilot.get(f"{at}/print")
        key = (await pilot.get("/log/key")).text.strip()
    about = [town_row async for town_row in _entries(town, mission_id)]
    assert set(about) <= set(evidence["ledger"])
    assert len(about) >= 2
    assert "lost-vehicle" in page.text
    file = tmp_path / "occurrence.txt"
    file.write_bytes(data)
    assert main(["authority", "verify", str(file), "--key", key]) == 0
    assert "lost-vehicle" in capsys.readouterr().out
    file.write_bytes(data.replace(b'"injuries":"unknown"', b'"injuries":"none"'))
    assert main(["authority", "verify", str(file), "--key", key]) == 1


async def _entries(town: City, subject: str) -> AsyncIterator[int]:
    async for row in town.store.log_rows():
        if b'"subject":"%s"' % subject.encode() in row.entry:
            yield row.index


async def test_it_says_which_hold_to_ask_for_and_telemetry_stays_meanwhile(town: City) -> None:
    mission = town.services.flight.missions.get(await lost_flight(town))
    [(vehicle_id, first, last)] = town.services.occurrences.telemetry_kept()
    assert vehicle_id == mission.vehicle_id
    assert first < START < last
    async with town.signed_in("supervisor") as supervisor, town.signed_in("authorising-officer") as officer:
        [shown] = (await supervisor.get(AT)).json()
        hold: dict[str, Any] = shown["hold"]
        assert hold["subject_id"] == mission.incident_id
        asked = await supervisor.post("/api/v1/authorisations", json=hold)
        assert asked.status_code == 201, asked.text
        await officer.post(f"/api/v1/authorisations/{asked.json()['authorisation_id']}/decision", json={"allow": True})
        assert [one["hold"] for one in (await supervisor.get(AT)).json()] == [None]


async def test_a_person_tells_of_one_and_nonsense_is_refused(town: City) -> None:
    told = {"kind": "near-miss-with-crewed-aircraft", "occurred_at": START.isoformat(), "vehicle_id": "d1"}
    async with town.signed_in("dispatcher") as dispatcher:
        made = await dispatcher.post(AT, json=told)
        assert made.status_code == 201, made.text
        assert made.json()["occurrence"]["opened_by"] == town.people["dispatcher"].account_id
        late = {**told, "occurred_at": (START + timedelta(hours=1)).isoformat()}
        assert (await dispatcher.post(AT, json=late)).status_code == 409
        assert (await dispatcher.post(AT, json={**told, "mission_id": "mis-none"})).status_code == 409
        hurt = {**told, "findings": {"injuries": "fatal", "severity": "incident"}}
        assert (await dispatcher.post(AT, json=hurt)).status_code == 409
    async with town.signed_in("viewer") as viewer:
        assert (await viewer.post(AT, json=told)).status_code == 403


async def test_what_is_seen_while_the_record_fails_is_entered_later(town: City, monkeypatch: pytest.MonkeyPatch) -> None:
    mission_id = await lost_flight(town)
    occurrences = town.services.occurrences

    async def fails(*_: object, **__: object) -> None:
        raise StoreUnavailable("the disk is full", remedy="make room")

    with monkeypatch.context() as patch:
        patch.setattr(town.recorder, "record", fails)
        await occurrences.observed(Kind.INFRINGEMENT, mission_id, START, "seen")
        assert len(occurrences.all()) == 1
        assert len(occurrences.telemetry_kept()) == 2
        assert await occurrences.work() == 0
    assert await occurrences.work() == 1
    assert {one.kind for one in occurrences.all()} == {Kind.LOST_VEHICLE, Kind.INFRINGEMENT}


async def test_the_watch_sees_who_is_where_it_may_not_be_and_who_is_too_near(town: City) -> None:
    """Two flights over one point at one height; then one of them outside its volume, at Buckingham Palace."""
    services, flight = town.services, town.services.flight
    async with town.program() as cad:
        await cad.post("/api/v1/incidents", json=call())
        await cad.post("/api/v1/incidents", json=call(id="cad-2", latitude=51.5560, longitude=-0.1100))
    missions = flight.missions.all()
    assert len(missions) == 2
    for mission in missions:
        await town.recorder.record(save=[(flight.missions, _outbound(mission))])
    watch = OccurrenceWatch(services.occurrences, town.clock, flight, services.airspace)

    async def fly(*places: Position) -> list[str]:
        for _ in range(LOOKS):
            town.clock.advance_to(town.clock.now() + timedelta(seconds=1))
            for mission, place in zip(missions, places, strict=True):
                await flight.on_telemetry(telemetry(mission.vehicle_id, town.clock.now(), place, height_m=80.0, charge=0.9))
                await town.recorder.record(save=[(flight.missions, _outbound(mission))])
            await watch.look()
        return sorted(f"{one.kind}" for one in services.occurrences.all() if one.code == "seen")

    apart = Position(latitude_deg=51.5500, longitude_deg=-0.1030)
    assert await fly(SCENE, apart) == []
    assert await fly(SCENE, SCENE) == ["loss-of-separation"] * 2
    palace = Position(latitude_deg=51.5014, longitude_deg=-0.1419)
    assert await fly(SCENE, palace) == ["airspace-infringement", "loss-of-separation", "loss-of-separation"]


def _outbound(mission: Any) -> Any:
    from msgspec.structs import replace

    return replace(mission, phase=Phase.OUTBOUND, took_off_at=START)


async def test_a_restart_opens_nothing_twice(town: City) -> None:
    mission_id = await lost_flight(town)
    services = town.services
    again = Occurrences(
        town.recorder, town.store, town.clock, RandomIds(town.clock), KnownFlights(services.flight, services.intake)
    )
    await again.load()
    await again.observed(Kind.LOST_VEHICLE, mission_id, START, "lost")
    assert len(again.all()) == 1
