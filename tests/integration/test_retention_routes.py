"""Retention over HTTP: the table and its receipts; erasing and disclosing by authority only, and on record."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from tests.integration.console_city import START, City, call, city

from bowstreet.messages import AccessDenied, CommandDecided, Disclosed, Erased, ErasureOrdered

WORDS = "the man with the red umbrella"


@pytest.fixture
async def town() -> AsyncIterator[City]:
    made = await city()
    await made.hear_all()
    yield made
    made.services.accounts.close()


async def closed(town: City, supervisor: httpx.AsyncClient) -> str:
    async with town.program() as cad:
        incident_id: str = (await cad.post("/api/v1/incidents", json=call(text=WORDS))).json()["id"]
    answer = await supervisor.post(f"/api/v1/incidents/{incident_id}/close", json={"reason": "over"})
    assert answer.status_code == 200, answer.text
    return incident_id


async def authorised(town: City, supervisor: httpx.AsyncClient, use_case: str, ground: str, subject_id: str) -> str:
    body = {
        "use_case": use_case, "ground": ground, "subject_id": subject_id, "boroughs": ["Islington"],
        "starts_at": START.isoformat(), "ends_at": (START + timedelta(days=7)).isoformat(),
    }  # fmt: skip
    made: dict[str, Any] = (await supervisor.post("/api/v1/authorisations", json=body)).json()
    async with town.signed_in("authorising-officer") as officer:
        at = f"/api/v1/authorisations/{made['authorisation_id']}/decision"
        assert (await officer.post(at, json={"allow": True})).status_code == 200
    authorisation_id: str = made["authorisation_id"]
    return authorisation_id


@pytest.mark.requirement("R16")
async def test_disclosure_needs_authority_and_is_on_record(town: City) -> None:
    async with town.signed_in("supervisor") as supervisor:
        subject = await closed(town, supervisor)
        refused = await supervisor.post("/api/v1/disclosures", json={"subject_id": subject})
        assert refused.status_code == 403
        assert "authorisation" in refused.json()["detail"]
        leave = await authorised(town, supervisor, "disclosure", "request-of-the-data-subject", subject)
        held = (await supervisor.post("/api/v1/disclosures", json={"subject_id": subject})).json()
        assert (await supervisor.post("/api/v1/disclosures", json={"subject_id": "inc-other"})).status_code == 403
    assert {record["kind"] for record in held["records"]} == {"incident", "decision"}
    assert WORDS in str(held["records"])
    assert "IncidentOpened" in {entry["kind"] for entry in held["entries"]}
    [told] = await town.ledger(Disclosed)
    assert (told.subject_id, told.authorisation_id, told.by) == (subject, leave, town.people["supervisor"].account_id)
    assert [one.rule for one in await town.ledger(AccessDenied)] == ["authority-first", "authority-first"]
    assert [one.authorisation_id for one in await town.ledger(CommandDecided) if one.action == "disclose"] == [leave]


async def test_erasure_needs_authority_and_leaves_its_receipt(town: City) -> None:
    async with town.signed_in("supervisor") as supervisor:
        subject = await closed(town, supervisor)
        order = {"retention_class": "incident", "subject_id": subject}
        assert (await supervisor.post("/api/v1/erasures", json=order)).status_code == 403
        await authorised(town, supervisor, "erasure", "request-of-the-data-subject", subject)
        done = await supervisor.post("/api/v1/erasures", json=order)
        assert (done.status_code, done.json()["step"]) == (201, "done")
        assert (await supervisor.get(f"/api/v1/incidents/{subject}")).status_code == 404
        assert (await supervisor.post("/api/v1/erasures", json=order)).status_code == 404
        shown = (await supervisor.get("/api/v1/retention")).json()
    assert [one["subject_id"] for one in shown["erasures"]] == [subject]
    assert "incident" in {one["name"] for one in shown["classes"]}
    assert (len(await town.ledger(ErasureOrdered)), len(await town.ledger(Erased))) == (1, 1)


async def test_a_legal_hold_is_an_authorisation_and_stops_both_worker_and_order(town: City) -> None:
    async with town.signed_in("supervisor") as supervisor:
        subject = await closed(town, supervisor)
        hold = await authorised(town, supervisor, "legal-hold", "criminal-proceedings", subject)
        await authorised(town, supervisor, "erasure", "request-of-the-data-subject", subject)
        order = {"retention_class": "incident", "subject_id": subject}
        refused = await supervisor.post("/api/v1/erasures", json=order)
        assert (refused.status_code, "legal hold" in refused.json()["detail"]) == (409, True)
        shown = (await supervisor.get("/api/v1/retention")).json()
        assert [one["authorisation_id"] for one in shown["holds"]] == [hold]
        [incidents] = [one for one in shown["holdings"] if one["retention_class"] == "incident"]
        assert (incidents["subjects"], incidents["due"], incidents["kept_by_hold"]) == (1, 0, 0)
        ended = START + timedelta(days=31)
        assert abs(datetime.fromisoformat(incidents["next_due_at"]) - ended) < timedelta(minutes=1)
        assert (await supervisor.post(f"/api/v1/authorisations/{hold}/revoke")).status_code == 200
        assert (await supervisor.post("/api/v1/erasures", json=order)).status_code == 201
