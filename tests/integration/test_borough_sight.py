"""An account of one borough sees and does nothing of another's incidents, by whatever way it asks; each refusal is on record."""

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx
import pytest
from tests.integration.console_city import PASSWORD, START, City, call, city
from websockets.asyncio.client import connect

from bowstreet.accountability.model import Role
from bowstreet.accountability.occurrence.model import Kind
from bowstreet.console.server import Server
from bowstreet.console.settings import EdgeSettings
from bowstreet.messages import AccessDenied

ELSEWHERE = "a woman with a red coat"  # what the caller in Islington says
CAMDEN = {"latitude": 51.5405, "longitude": -0.1430}  # Camden Town


@pytest.fixture
async def town() -> AsyncIterator[City]:
    made = await city(EdgeSettings(port=0))
    await made.hear_all()
    for name, role, boroughs in (
        ("Cam", Role.DISPATCHER, ("Camden",)),
        ("Isla", Role.DISPATCHER, ("Islington",)),
        ("Pilot Cam", Role.PILOT, ("Camden",)),
        ("Super Cam", Role.SUPERVISOR, ("Camden",)),
    ):
        await made.services.accounts.create(made.people["supervisor"], name, role, PASSWORD, boroughs)
    yield made
    made.services.accounts.close()


@asynccontextmanager
async def browser(town: City, name: str) -> AsyncIterator[httpx.AsyncClient]:
    async with town.client() as client:
        answer = await client.post("/api/v1/session", json={"name": name, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        client.headers["X-Bowstreet-CSRF"] = answer.json()["csrf"]
        yield client


async def two_incidents(town: City) -> tuple[str, str, str]:
    """One in Islington, to which a drone flies, and one in Camden; gives both and the flight."""
    async with town.program() as cad:
        there = (await cad.post("/api/v1/incidents", json=call(text=ELSEWHERE))).json()["id"]
        here = (
            await cad.post("/api/v1/incidents", json=call(id="cad-2", grade="R", category="noise", text="a loud party", **CAMDEN))
        ).json()["id"]
    [mission] = town.services.flight.missions.all()
    assert mission.incident_id == there
    town.console.feed.turn()
    return there, here, mission.mission_id


async def refusals(town: City, name: str) -> list[AccessDenied]:
    [account] = [one for one in town.services.accounts.all() if one.name == name]
    return [one for one in await town.ledger(AccessDenied) if one.subject == account.account_id]


async def test_lists_hold_only_what_is_theirs(town: City) -> None:
    there, here, mission_id = await two_incidents(town)
    async with browser(town, "Cam") as cam, browser(town, "Isla") as isla, town.signed_in("supervisor") as everywhere:
        found = await cam.get("/api/v1/incidents?closed=true")
        assert [one["id"] for one in found.json()] == [here]
        assert ELSEWHERE not in found.text
        assert [one["id"] for one in (await isla.get("/api/v1/incidents")).json()] == [there]
        assert {one["id"] for one in (await everywhere.get("/api/v1/incidents?closed=true")).json()} == {here, there}
        [flight] = (await cam.get("/api/v1/missions")).json()
        assert flight["id"] == mission_id
        assert {key: flight[key] for key in ("incident_id", "route", "home", "reasons", "authorised_by")} == {
            "incident_id": "elsewhere", "route": [], "home": [], "reasons": [], "authorised_by": "",
        }  # fmt: skip
        [same] = (await isla.get("/api/v1/missions")).json()
        assert same["incident_id"] == there
        assert same["route"]
        # Where the drones are is everybody's: they must keep clear of each other.
        assert (await cam.get("/api/v1/vehicles")).json() == (await isla.get("/api/v1/vehicles")).json()
        assert len((await cam.get("/api/v1/docks")).json()) == 2


async def test_who_asks_for_more_is_refused_and_it_is_on_record(town: City) -> None:
    there, _, mission_id = await two_incidents(town)
    asked: list[tuple[str, str, Any]] = [
        ("GET", f"/incidents/{there}", None),
        ("GET", f"/incidents/{there}/decisions", None),
        ("GET", f"/incidents/{there}/words", None),
        ("POST", f"/incidents/{there}/launch", {"vehicle_id": "d2", "reason": "x"}),
        ("POST", f"/incidents/{there}/close", {"reason": "x"}),
        ("POST", f"/missions/{mission_id}/recall", {"reason": "x"}),
    ]
    flown: list[tuple[str, str, Any]] = [
        ("POST", f"/missions/{mission_id}/control", None),
        ("POST", f"/missions/{mission_id}/commands", {"type": "hold"}),
        ("DELETE", f"/missions/{mission_id}/control", None),
    ]
    for name, wishes in (("Cam", asked), ("Pilot Cam", flown)):
        async with browser(town, name) as client:
            for method, path, body in wishes:
                answer = await client.request(method, f"/api/v1{path}", json=body)
                assert answer.status_code == 403, (path, answer.text)
                assert ELSEWHERE not in answer.text
                assert "robbery" not in answer.text
        found = await refusals(town, name)
        assert [one.rule for one in found] == ["borough"] * len(wishes)
    assert [one.action for one in await refusals(town, "Cam")] == ["see", "see", "see", "launch", "close", "recall"]
    async with browser(town, "Isla") as isla:
        assert (await isla.get(f"/api/v1/incidents/{there}")).status_code == 200
    assert not await refusals(town, "Isla")


async def test_words_that_could_not_be_used_are_seen_where_they_belong(town: City) -> None:
    async with town.program() as cad:
        for number, place in enumerate((CAMDEN, {}, {"latitude": 51.30, "longitude": -0.49}, {"latitude": "x"})):
            said = call(id=f"bad-{number}", grade="Z", text=f"words {number}", **place)
            assert (await cad.post("/api/v1/incidents", json=said)).status_code == 422
    town.console.feed.turn()
    async with browser(town, "Cam") as cam, town.signed_in("supervisor") as everywhere:
        [theirs] = (await cam.get("/api/v1/quarantine")).json()
        whole = await cam.get(f"/api/v1/quarantine/{theirs['id']}")
        assert json.loads(whole.json()["raw"])["id"] == "bad-0"
        others = {one["id"] for one in (await everywhere.get("/api/v1/quarantine")).json()} - {theirs["id"]}
        assert len(others) == 3
        for one in others:
            refused = await cam.get(f"/api/v1/quarantine/{one}")
            assert refused.status_code == 403
            assert "words" not in refused.text
    assert [(one.action, one.rule) for one in await refusals(town, "Cam")] == [("see-quarantine", "borough")] * 3


async def test_who_reports_elsewhere_learns_nothing_of_what_is_there(town: City) -> None:
    """The call is taken, for it may save somebody; what others said about the same thing is not told, now or when asked again."""
    there, _, _ = await two_incidents(town)
    async with browser(town, "Cam") as cam:
        again = {"json": call(id="own-1", text="somebody shouts"), "headers": {"Idempotency-Key": "key-1"}}
        for _ in range(2):
            answer = await cam.post("/api/v1/incidents", **again)
            assert answer.status_code == 200, answer.text
            assert answer.json()["id"] == there
            assert ELSEWHERE not in answer.text
            assert answer.json()["mission_ids"] == []
    assert town.services.intake.incidents.get(there).reports == 2


async def test_authority_is_asked_for_and_used_at_home_only(town: City) -> None:
    there, here, _ = await two_incidents(town)
    wish = {
        "use_case": "disclosure", "ground": "complaint-or-misconduct", "subject_id": there, "starts_at": START.isoformat(),
        "ends_at": "2026-11-25T00:00:00Z",
    }  # fmt: skip
    async with (
        browser(town, "Super Cam") as local,
        town.signed_in("supervisor") as asking,
        town.signed_in("authorising-officer") as officer,
    ):
        for boroughs, code in ((["Islington"], 403), (["Camden", "Islington"], 403), (["Camden"], 201)):
            assert (await local.post("/api/v1/authorisations", json=wish | {"boroughs": boroughs})).status_code == code, boroughs
        for subject_id, boroughs in ((there, ["Islington"]), (here, ["Camden"])):
            made = (
                await asking.post("/api/v1/authorisations", json=wish | {"subject_id": subject_id, "boroughs": boroughs})
            ).json()
            at = f"/api/v1/authorisations/{made['authorisation_id']}/decision"
            assert (await officer.post(at, json={"allow": True})).status_code == 200
        refused = await local.post("/api/v1/disclosures", json={"subject_id": there})
        assert refused.status_code == 403
        assert ELSEWHERE not in refused.text
        assert (await local.post("/api/v1/disclosures", json={"subject_id": here})).status_code == 200
        assert (await asking.post("/api/v1/disclosures", json={"subject_id": there})).status_code == 200
    assert [one.rule for one in await refusals(town, "Super Cam")] == ["borough"] * 3


async def test_the_live_feed_shows_each_what_is_theirs(town: City) -> None:
    server = Server(town.console.app, town.settings)
    await server.start()
    try:
        frames: dict[str, list[str]] = {"Cam": [], "Isla": []}
        there, here, mission_id = await two_incidents(town)
        async with AsyncExitStack() as stack:
            sockets = {}
            for name in frames:
                client = await stack.enter_async_context(browser(town, name))
                cookie = {"Cookie": f"bowstreet={client.cookies['bowstreet']}"}
                address = f"ws://127.0.0.1:{server.port}/api/v1/live"
                sockets[name] = await stack.enter_async_context(connect(address, additional_headers=cookie, compression=None))
                frames[name].append(str(await sockets[name].recv()))
            await town.services.dispatch.recall(mission_id, town.people["supervisor"].account_id, "a false alarm there")
            cad = await stack.enter_async_context(town.program())
            await cad.post("/api/v1/incidents", json=call(id="cad-3", text=ELSEWHERE))  # the same thing again
            town.console.feed.turn()
            for name, socket in sockets.items():
                frames[name].append(str(await socket.recv()))
        first, then = (json.loads(frame) for frame in frames["Cam"])
        assert first["me"]["boroughs"] == ["Camden"]
        assert [one["id"] for one in first["incidents"]] == [here]
        assert [one["incident_id"] for one in first["missions"]] == ["elsewhere"]
        assert len(first["drones"]) == 2
        assert not then.get("incidents")
        assert [one["incident_id"] for one in then["missions"]] == ["elsewhere"]
        for frame in frames["Cam"]:
            for word in (there, ELSEWHERE, "robbery", "false alarm", "Robbery"):
                assert word not in frame, (word, frame)
        assert all(there in frame and "robbery" in frame for frame in frames["Isla"])
    finally:
        town.console.feed.close()
        await server.stop()


async def test_a_stolen_session_of_one_borough_reaches_no_further_and_ends(town: City) -> None:
    """The cookie alone looks; changes need the CSRF value; and it is worth nothing once its owner has signed out."""
    there, here, _ = await two_incidents(town)
    async with browser(town, "Cam") as cam, town.client() as thief:
        thief.cookies.update(cam.cookies)
        assert (await thief.get("/api/v1/incidents")).status_code == 200
        assert (await thief.get(f"/api/v1/incidents/{there}")).status_code == 403
        assert (await thief.post(f"/api/v1/incidents/{here}/close", json={"reason": "x"})).status_code == 403
        assert (await cam.delete("/api/v1/session")).status_code == 204
        assert (await thief.get("/api/v1/incidents")).status_code == 401
    assert [one.rule for one in await refusals(town, "Cam")] == ["borough", "csrf"]
    assert "session" in {one.rule for one in await town.ledger(AccessDenied)}


@pytest.mark.parametrize(
    ("role", "method", "path"),
    [
        ("viewer", "POST", "/vehicles/d1/key"),
        ("pilot", "POST", "/incidents/{there}/close"),
        ("dispatcher", "GET", "/accounts"),
        ("regulator", "POST", "/incidents/{there}/launch"),
        ("planner", "GET", "/quarantine"),
    ],
)
async def test_another_role_s_work_is_refused_and_on_record(town: City, role: str, method: str, path: str) -> None:
    there, _, _ = await two_incidents(town)
    async with town.signed_in(role) as client:
        assert (await client.request(method, f"/api/v1{path.format(there=there)}", json={})).status_code == 403
    [found] = [one for one in await town.ledger(AccessDenied) if one.subject == town.people[role].account_id]
    assert found.rule == f"role:{role}"


async def test_occurrences_are_seen_where_they_were_and_the_log_by_who_sees_everything(town: City) -> None:
    _, _, mission_id = await two_incidents(town)
    told = {"kind": sorted(Kind)[0].value, "occurred_at": START.isoformat(), "mission_id": mission_id}
    await town.services.accounts.create(town.people["supervisor"], "Reg Cam", Role.REGULATOR, PASSWORD, ("Camden",))
    async with (
        town.signed_in("supervisor") as everywhere,
        browser(town, "Super Cam") as local,
        browser(town, "Reg Cam") as regulator,
    ):
        made = (await everywhere.post("/api/v1/occurrences", json=told)).json()["occurrence"]
        assert made["borough"] == "Islington"
        at = f"/api/v1/occurrences/{made['occurrence_id']}"
        assert (await local.get("/api/v1/occurrences")).json() == []
        assert len((await everywhere.get("/api/v1/occurrences")).json()) == 1
        for path in (at, f"{at}/document", f"{at}/print"):
            assert (await local.get(path)).status_code == 403
        assert (await local.post(f"{at}/close", json={"outcome": "x"})).status_code == 403
        for path in ("log62", "audit/bundle"):
            assert (await regulator.get(f"/api/v1/{path}")).status_code == 403
            assert (await everywhere.get(f"/api/v1/{path}")).status_code == 200
    assert [one.rule for one in await refusals(town, "Super Cam")] == ["borough"] * 4
    assert [one.rule for one in await refusals(town, "Reg Cam")] == ["borough"] * 2


async def test_authority_given_elsewhere_is_neither_seen_nor_decided_nor_ended_from_here(town: City) -> None:
    there, here, _ = await two_incidents(town)
    await town.services.accounts.create(town.people["supervisor"], "Officer Cam", Role.AUTHORISING_OFFICER, PASSWORD, ("Camden",))
    wish = {
        "use_case": "legal-hold", "ground": "court-order", "starts_at": START.isoformat(), "ends_at": "2026-11-25T00:00:00Z",
    }  # fmt: skip
    async with town.signed_in("supervisor") as asking, browser(town, "Officer Cam") as officer:
        ids = []
        for subject_id, boroughs in ((there, ["Islington"]), (here, ["Camden"]), (here, ["Camden", "Islington"])):
            said = wish | {"subject_id": subject_id, "boroughs": boroughs}
            made = await asking.post("/api/v1/authorisations", json=said)
            ids.append(made.json()["authorisation_id"])
        assert [one["authorisation_id"] for one in (await officer.get("/api/v1/authorisations")).json()] == [ids[1]]
        for hidden in (ids[0], ids[2]):
            at = f"/api/v1/authorisations/{hidden}"
            for path in ("document", "print"):
                assert (await officer.get(f"{at}/{path}")).status_code == 403
            assert (await officer.post(f"{at}/decision", json={"allow": True})).status_code == 403
            assert (await officer.post(f"{at}/revoke")).status_code == 403
        assert (await officer.post(f"/api/v1/authorisations/{ids[1]}/decision", json={"allow": True})).status_code == 200
        holds = (await officer.get("/api/v1/retention")).json()["holds"]
        assert [one["authorisation_id"] for one in holds] == [ids[1]]
    assert {one.rule for one in await refusals(town, "Officer Cam")} == {"borough"}


async def test_authority_for_another_place_does_not_cover_an_incident(town: City) -> None:
    """Two people of Camden could else give each other what is held of an incident in Islington, by calling it Camden's."""
    there, _, _ = await two_incidents(town)
    wish = {
        "use_case": "disclosure", "ground": "complaint-or-misconduct", "subject_id": there, "boroughs": ["Camden"],
        "starts_at": START.isoformat(), "ends_at": "2026-11-25T00:00:00Z",
    }  # fmt: skip
    async with town.signed_in("supervisor") as asking, town.signed_in("authorising-officer") as officer:
        made = (await asking.post("/api/v1/authorisations", json=wish)).json()["authorisation_id"]
        assert (await officer.post(f"/api/v1/authorisations/{made}/decision", json={"allow": True})).status_code == 200
        refused = await asking.post("/api/v1/disclosures", json={"subject_id": there})
        assert refused.status_code == 403
        assert ELSEWHERE not in refused.text


async def test_what_is_elsewhere_and_what_is_nowhere_are_answered_alike(town: City) -> None:
    there, _, mission_id = await two_incidents(town)
    async with browser(town, "Super Cam") as local, town.signed_in("supervisor") as everywhere:
        for path, known in (
            ("incidents/{}", there), ("incidents/{}/words", there), ("authorisations/{}/document", "aut-none"),
            ("occurrences/{}", "occ-none"), ("quarantine/{}", "qua-none"),
        ):  # fmt: skip
            answers = [await local.get(f"/api/v1/{path.format(one)}") for one in (known, "inc-none")]
            assert [one.status_code for one in answers] == [403, 403], path
            told = [{k: v for k, v in one.json().items() if k != "instance"} for one in answers]
            assert told[0] == told[1]
            assert (await everywhere.get(f"/api/v1/{path.format('inc-none')}")).status_code == 404
        for one in (mission_id, "mis-none"):
            assert (await local.post(f"/api/v1/missions/{one}/recall", json={"reason": "x"})).status_code == 403


async def test_an_occurrence_is_not_told_of_a_flight_elsewhere(town: City) -> None:
    _, _, mission_id = await two_incidents(town)
    told = {"kind": sorted(Kind)[0].value, "occurred_at": START.isoformat(), "mission_id": mission_id}
    async with browser(town, "Pilot Cam") as local:
        answers = [await local.post("/api/v1/occurrences", json=told | {"mission_id": one}) for one in (mission_id, "mis-none")]
        assert [one.status_code for one in answers] == [403, 403]
        assert "Islington" not in answers[0].text
        assert (await local.post("/api/v1/occurrences", json=told | {"mission_id": None})).status_code == 201
    assert [one.occurrence_id for one in town.services.occurrences.all() if one.borough == "Islington"] == []


async def test_a_supervisor_of_one_borough_makes_and_ends_nothing_that_reaches_further(town: City) -> None:
    """A program sees everywhere: a token for one would be the way out of the borough."""
    await two_incidents(town)
    named = {one.name: one.account_id for one in town.services.accounts.all()}
    [cad] = town.services.accounts.tokens.all.all()
    async with browser(town, "Super Cam") as local:
        made = await local.post("/api/v1/service-tokens", json={"label": "eyes", "role": "viewer"})
        assert made.status_code == 409, made.text
        assert (await local.post("/api/v1/service-tokens", json={"label": "CAD of Camden"})).status_code == 201
        assert (await local.post(f"/api/v1/service-tokens/{cad.token_id}/revoke")).status_code == 409
        for other in (named["Isla"], town.people["supervisor"].account_id):
            assert (await local.post(f"/api/v1/accounts/{other}/disable")).status_code == 409
            assert (await local.post(f"/api/v1/accounts/{other}/sessions/end")).status_code == 409
        assert (await local.post(f"/api/v1/accounts/{named['Cam']}/disable")).status_code == 200
        # Both drones are at home in Islington.
        for path, body in (("key", {}), ("key/rotate", {}), ("key/revoke", None)):
            assert (await local.post(f"/api/v1/vehicles/d1/{path}", json=body)).status_code == 403, path
        assert town.services.vehicle_keys.of("d1") == []
    assert town.services.accounts.tokens.holds(cad.token_id)


async def test_an_incident_in_no_borough_is_for_those_who_see_everything(town: City, monkeypatch: pytest.MonkeyPatch) -> None:
    """As when a borough is no longer served: the list hid what lies in none, its address did not."""
    there, _, _ = await two_incidents(town)
    monkeypatch.setattr(type(town.services.intake.area), "borough_of", lambda area, position: None)
    async with browser(town, "Isla") as isla, town.signed_in("supervisor") as everywhere:
        assert (await isla.get(f"/api/v1/incidents/{there}")).status_code == 403
        assert (await everywhere.get(f"/api/v1/incidents/{there}")).status_code == 200
