"""Authority over HTTP: two persons, urgency, proof, documents; what is decided is in the ledger."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.integration.console_city import PASSWORD, START, City, call, city

from bowstreet.accountability import rules as sign_in_rules
from bowstreet.accountability.model import Identity, Role
from bowstreet.cli import main
from bowstreet.console.settings import EdgeSettings
from bowstreet.messages import AccessDenied, AuthorisationChanged, CommandDecided, ProvedAgain

AT = "/api/v1/authorisations"


@pytest.fixture
async def town() -> AsyncIterator[City]:
    made = await city()
    yield made
    made.services.accounts.close()


def request(**changes: Any) -> dict[str, Any]:
    return {
        "use_case": "legal-hold", "ground": "investigation", "subject_id": "inc-1", "boroughs": ["Islington"],
        "starts_at": START.isoformat(), "ends_at": (START + timedelta(days=7)).isoformat(), **changes,
    }  # fmt: skip


@pytest.mark.requirement("R2", "R3")
async def test_one_asks_another_decides_and_all_is_on_record(town: City) -> None:
    async with town.signed_in("supervisor") as asking, town.signed_in("authorising-officer") as officer:
        made = (await asking.post(AT, json=request())).json()
        assert made["state"] == "requested"
        at = f"{AT}/{made['authorisation_id']}"
        assert (await asking.post(f"{at}/decision", json={"allow": True})).status_code == 403
        decided = await officer.post(f"{at}/decision", json={"allow": True})
        assert decided.json()["state"] == "in-force"
        again = await officer.post(f"{at}/decision", json={"allow": False, "because": "not-necessary"})
        assert (again.status_code, "already" in again.json()["detail"]) == (409, True)
        [shown] = (await officer.get(AT)).json()
        assert shown["state"] == "in-force"
        assert shown["names"] == {
            town.people[role].account_id: town.people[role].name for role in ("supervisor", "authorising-officer")
        }
        ended = await asking.post(f"{at}/revoke")
        assert ended.json()["state"] == "revoked"
    changes = await town.ledger(AuthorisationChanged)
    assert [change.state for change in changes] == ["requested", "in-force", "revoked"]
    assert changes[1].by == town.people["authorising-officer"].account_id
    said = [one for one in await town.ledger(CommandDecided) if one.thing == made["authorisation_id"]]
    assert [(one.action, one.rules) for one in said] == [
        ("authorise", "authorising-officer"),
        ("authorise", "authorising-officer"),
        ("revoke-authorisation", "supervisor"),
    ]
    assert {one.policy for one in said} == {town.services.accounts.policy.version[:16]}


@pytest.mark.requirement("R3")
async def test_the_same_officer_does_not_do_both(town: City) -> None:
    async with town.signed_in("authorising-officer") as officer:
        made = (await officer.post(AT, json=request())).json()
        refused = await officer.post(f"{AT}/{made['authorisation_id']}/decision", json={"allow": True})
    assert refused.status_code == 403
    assert "two-person rule" in refused.json()["detail"]
    assert refused.json()["remedy"] == "ask another authorising officer"
    assert (refused.json()["rule"], refused.json()["type"]) == ("two-persons", "urn:bowstreet:problem:not-permitted")
    assert [one.rule for one in await town.ledger(AccessDenied)] == ["two-persons"]


@pytest.mark.requirement("R3")
async def test_an_officer_whom_the_asker_made_is_marked_for_good(town: City) -> None:
    """The supervisor made both accounts here; a colleague made by the same hand is nobody's own."""
    async with town.signed_in("supervisor") as asking, town.signed_in("authorising-officer") as officer:
        at = f"{AT}/{(await asking.post(AT, json=request())).json()['authorisation_id']}"
        assert (await officer.post(f"{at}/decision", json={"allow": True})).json()["own_account"] is True
        assert "was made by the one that asked" in (await officer.get(f"{at}/print")).text
        body = {"name": "Second", "role": "supervisor", "password": PASSWORD}
        assert (await asking.post("/api/v1/accounts", json=body)).status_code == 201
        async with town.client() as second:
            await _sign_in(second, "Second")
            at = f"{AT}/{(await second.post(AT, json=request())).json()['authorisation_id']}"
        assert "own_account" not in (await officer.post(f"{at}/decision", json={"allow": True})).json()


@pytest.mark.requirement("R3")
async def test_an_operator_can_refuse_what_ones_own_officer_decides() -> None:
    strict = await city(EdgeSettings(refuses_own_accounts=True))
    async with strict.signed_in("supervisor") as asking, strict.signed_in("authorising-officer") as officer:
        at = f"{AT}/{(await asking.post(AT, json=request())).json()['authorisation_id']}"
        refused = await officer.post(f"{at}/decision", json={"allow": True})
        assert (refused.status_code, refused.json()["rule"]) == (403, "own-account")
        assert refused.json()["remedy"] == "ask an officer whose account somebody else made"
    assert "own-account" in {one.rule for one in await strict.ledger(AccessDenied)}
    strict.services.accounts.close()


async def test_making_an_account_asks_for_the_password_again(town: City) -> None:
    async with town.signed_in("supervisor") as supervisor:
        town.clock.advance_to(START + timedelta(minutes=6))
        body = {"name": "Late", "role": "viewer", "password": PASSWORD}
        refused = await supervisor.post("/api/v1/accounts", json=body)
        assert (refused.status_code, refused.json()["type"]) == (403, "urn:bowstreet:problem:proof-needed")
        assert (await supervisor.post("/api/v1/session/proof", json={"password": PASSWORD})).status_code == 200
        assert (await supervisor.post("/api/v1/accounts", json=body)).status_code == 201


async def test_grave_acts_ask_for_the_password_again(town: City) -> None:
    async with town.signed_in("supervisor") as asking, town.signed_in("authorising-officer") as officer:
        made = (await asking.post(AT, json=request())).json()
        at = f"{AT}/{made['authorisation_id']}/decision"
        town.clock.advance_to(START + timedelta(minutes=6))
        refused = await officer.post(at, json={"allow": True})
        assert refused.status_code == 403
        assert "session/proof" in refused.json()["remedy"]
        assert (refused.json()["rule"], refused.json()["type"]) == ("prove-again", "urn:bowstreet:problem:proof-needed")
        assert (await officer.post("/api/v1/session/proof", json={"password": "wrong"})).status_code == 401
        proved = await officer.post("/api/v1/session/proof", json={"password": PASSWORD})
        assert proved.status_code == 200
        assert (await officer.post(at, json={"allow": True})).status_code == 200
    assert len(await town.ledger(ProvedAgain)) == 1


async def test_proof_is_not_asked_of_whom_it_would_not_help(town: City) -> None:
    async with town.signed_in("authorising-officer") as officer:
        made = (await officer.post(AT, json=request())).json()
        town.clock.advance_to(START + timedelta(minutes=6))
        refused = await officer.post(f"{AT}/{made['authorisation_id']}/decision", json={"allow": True})
    assert (refused.json()["rule"], refused.json()["type"]) == ("prove-again,two-persons", "urn:bowstreet:problem:not-permitted")


async def test_a_refusal_says_why_in_a_closed_answer(town: City) -> None:
    async with town.signed_in("supervisor") as asking, town.signed_in("authorising-officer") as officer:
        made = (await asking.post(AT, json=request())).json()
        at = f"{AT}/{made['authorisation_id']}"
        assert (await officer.post(f"{at}/decision", json={"allow": False})).status_code == 409
        assert (await officer.post(f"{at}/decision", json={"allow": True, "because": "not-necessary"})).status_code == 409
        assert (await officer.post(f"{at}/decision", json={"allow": False, "because": "do not like it"})).status_code == 422
        said = {"allow": False, "because": "place-or-window-too-wide"}
        refused = (await officer.post(f"{at}/decision", json=said)).json()
        page = (await officer.get(f"{at}/print")).text
    assert (refused["state"], refused["refused_because"]) == ("refused", "place-or-window-too-wide")
    assert "place-or-window-too-wide" in page
    assert "refused_because" not in made  # older documents keep the digest that is in the ledger


async def test_what_can_be_asked_for_is_told(town: City) -> None:
    async with town.signed_in("supervisor") as asking, town.signed_in("viewer") as viewer:
        assert (await viewer.get("/api/v1/authority")).status_code == 403
        terms = (await asking.get("/api/v1/authority")).json()
        by_use_case = {one["use_case"]: one for one in terms["use_cases"]}
        assert by_use_case["erasure"]["grounds"] == ["court-order", "request-of-the-data-subject", "unlawfully-held"]
        assert (by_use_case["erasure"]["may_be_urgent"], by_use_case["disclosure"]["may_be_urgent"]) == (False, True)
        for one in terms["use_cases"]:
            for ground in one["grounds"]:
                asked = request(use_case=one["use_case"], ground=ground, boroughs=terms["boroughs"][:1])
                assert (await asking.post(AT, json=asked)).status_code == 201


async def test_a_list_kept_fresh_by_itself_is_no_use_of_the_session(town: City) -> None:
    by_itself = {"X-Bowstreet-Background": "1"}
    async with town.signed_in("supervisor") as asking:
        for minutes in (20, 29):
            town.clock.advance_to(START + timedelta(minutes=minutes))
            assert (await asking.get(AT, headers=by_itself)).status_code == 200
        town.clock.advance_to(START + timedelta(minutes=31))
        assert (await asking.get(AT, headers=by_itself)).status_code == 401


async def test_proof_is_rate_limited(town: City) -> None:
    async with town.signed_in("authorising-officer") as officer:
        codes = [(await officer.post("/api/v1/session/proof", json={"password": "wrong"})).status_code for _ in range(30)]
    assert codes[0] == 401
    assert codes[-1] == 429


async def test_urgent_authority_is_an_officers_and_ends_by_itself(town: City) -> None:
    async with town.signed_in("supervisor") as supervisor, town.signed_in("authorising-officer") as officer:
        assert (await supervisor.post(AT, json=request(urgent=True))).status_code == 403
        made = (await officer.post(AT, json=request(urgent=True))).json()
        assert (made["state"], made["ends_at"]) == ("in-force", "2026-11-23T19:00:00Z")
        town.clock.advance_to(START + timedelta(hours=4))
        assert await town.services.authorities.expire() == 1
    changes = await town.ledger(AuthorisationChanged)
    assert [(one.state, one.by) for one in changes][-1] == ("expired", "clock")


async def test_the_document_verifies_offline_and_a_changed_one_does_not(
    town: City, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with town.signed_in("authorising-officer") as officer:
        made = (await officer.post(AT, json=request(urgent=True))).json()
        data = (await officer.get(f"{AT}/{made['authorisation_id']}/document")).content
        page = await officer.get(f"{AT}/{made['authorisation_id']}/print")
        key = (await officer.get("/log/key")).text.strip()
    assert "legal-hold" in page.text
    assert page.headers["content-type"].startswith("text/html")
    file = tmp_path / "authorisation.txt"
    file.write_bytes(data)
    assert main(["authority", "verify", str(file), "--key", key]) == 0
    said = capsys.readouterr().out
    digest = (await town.ledger(AuthorisationChanged))[-1].digest
    assert digest in said
    file.write_bytes(data.replace(b"Islington", b"Hackney"))
    assert main(["authority", "verify", str(file), "--key", key]) == 1
    assert "NOT VERIFIED" in capsys.readouterr().out


async def test_an_account_acts_in_its_boroughs_only(town: City) -> None:
    async with town.program() as cad, town.signed_in("supervisor") as supervisor:
        incident_id = (await cad.post("/api/v1/incidents", json=call())).json()["id"]
        for name, boroughs in (("Cam", ["Camden"]), ("Isla", ["Islington"])):
            body = {"name": name, "role": "dispatcher", "password": PASSWORD, "boroughs": boroughs}
            assert (await supervisor.post("/api/v1/accounts", json=body)).json()["boroughs"] == boroughs
    codes = []
    for name in ("Cam", "Isla"):
        async with town.client() as client:
            await _sign_in(client, name)
            codes.append((await client.post(f"/api/v1/incidents/{incident_id}/close", json={"reason": "done"})).status_code)
    assert codes == [403, 200]
    assert "borough" in {one.rule for one in await town.ledger(AccessDenied)}


async def test_nobody_makes_an_account_that_reaches_further(town: City) -> None:
    accounts = town.services.accounts
    made = await accounts.create(town.people["supervisor"], "Local", Role.SUPERVISOR, PASSWORD, ("Camden",))
    local = Identity(account_id=made.account_id, name="Local", role=Role.SUPERVISOR, may=(), boroughs=("Camden",))
    town.people["local"] = local
    async with town.client() as client:
        await _sign_in(client, "Local")
        for boroughs, code in ((["Hackney"], 409), ([], 409), (["Camden"], 201)):
            body = {"name": f"N {code} {len(boroughs)}", "role": "viewer", "password": PASSWORD, "boroughs": boroughs}
            assert (await client.post("/api/v1/accounts", json=body)).status_code == code


async def _sign_in(client: httpx.AsyncClient, name: str) -> None:
    answer = await client.post("/api/v1/session", json={"name": name, "password": PASSWORD})
    assert answer.status_code == 200, answer.text
    client.headers["X-Bowstreet-CSRF"] = answer.json()["csrf"]


def test_proof_lasts_less_than_a_session() -> None:
    assert timedelta(minutes=5) < sign_in_rules.SESSION_IDLE
