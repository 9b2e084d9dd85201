"""Footage given out over HTTP: by who may, under authority, on record first, as a stream that verifies."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
from tests.integration.console_city import PASSWORD, City, call, city
from tests.integration.test_recordings import SOURCE
from tests.unit.evidence_world import metadata, pictures

from bowstreet.messages import FootageDisclosed
from bowstreet.video.evidence import verify


async def incident_with_footage(town: City, client: httpx.AsyncClient, *, stop: bool = True) -> tuple[str, str]:
    incident_id = (await client.post("/api/v1/incidents", json=call())).json()["id"]
    footage = town.services.footage
    recording_id = await footage.start(SOURCE, "mis-1", incident_id)
    header, fragments = pictures(24)
    footage.take(SOURCE, header)
    for number, one in enumerate(fragments):
        footage.take(SOURCE, one)
        if number % 4 == 0:
            footage.take(SOURCE, metadata(number))
    if stop:
        await footage.stop("cam", "left the scene")
    else:
        async with asyncio.timeout(5):
            while footage.reach_of(footage.recordings.get(recording_id)).parts < 31:
                await asyncio.sleep(0.01)
    return incident_id, recording_id


async def authorised(town: City, client: httpx.AsyncClient, subject_id: str, use_case: str = "disclosure") -> str:
    now = town.clock.now()
    asked = {
        "use_case": use_case, "ground": "criminal-proceedings", "subject_id": subject_id, "boroughs": ["Islington"],
        "starts_at": now.isoformat(), "ends_at": (now + timedelta(days=1)).isoformat(),
    }  # fmt: skip
    made = (await client.post("/api/v1/authorisations", json=asked)).json()
    async with town.signed_in("authorising-officer") as officer:
        decided = await officer.post(f"/api/v1/authorisations/{made['authorisation_id']}/decision", json={"allow": True})
        assert decided.status_code == 200, decided.text
    return str(made["authorisation_id"])


async def settled(client: httpx.AsyncClient, export_id: str) -> Any:
    async with asyncio.timeout(20):
        while (found := (await client.get(f"/api/v1/evidence/{export_id}")).json())["state"] == "preparing":
            await asyncio.sleep(0.02)
    return found


async def test_footage_is_given_out_under_authority_and_on_record_first(tmp_path: Path) -> None:
    town = await city()
    async with town.signed_in() as client:
        incident_id, recording_id = await incident_with_footage(town, client)
        path = f"/api/v1/incidents/{incident_id}/evidence"
        refused = await client.post(path, json={})
        assert refused.status_code == 403
        assert "authorisation" in refused.json()["detail"]
        authorisation_id = await authorised(town, client, incident_id)
        ordered = await client.post(path, json={}, headers={"Idempotency-Key": "one"})
        assert ordered.status_code == 201, ordered.text
        again = await client.post(path, json={}, headers={"Idempotency-Key": "one"})
        assert again.json()["export_id"] == ordered.json()["export_id"]
        ready = await settled(client, ordered.json()["export_id"])
        assert ready["state"] == "ready", ready
        [said] = await town.ledger(FootageDisclosed)
        assert (said.subject_id, said.authorisation_id, said.recordings) == (incident_id, authorisation_id, (recording_id,))
        assert (said.ground, said.recipient) == ("criminal-proceedings", "prosecutor")
        sent = await client.get(f"/api/v1/evidence/{ready['export_id']}/bundle")
        assert int(sent.headers["content-length"]) == len(sent.content) == ready["octets"]
        (tmp_path / "one.zip").write_bytes(sent.content)
    found = verify.verify(tmp_path / "one.zip", keys=[town.services.log.key])
    assert found.ok, (found.file, found.what)
    assert found.recordings[0].recording_id == recording_id


async def test_only_who_ordered_it_fetches_it_and_only_while_the_authority_holds() -> None:
    town = await city()
    async with town.signed_in() as client:
        incident_id, _ = await incident_with_footage(town, client)
        authorisation_id = await authorised(town, client, incident_id)
        export_id = (await client.post(f"/api/v1/incidents/{incident_id}/evidence", json={})).json()["export_id"]
        await settled(client, export_id)
        for role, status in (("pilot", 403), ("regulator", 403)):
            async with town.signed_in(role) as other:
                assert (await other.get(f"/api/v1/evidence/{export_id}")).status_code == 404
                assert (await other.get(f"/api/v1/evidence/{export_id}/bundle")).status_code == status
        await client.post(f"/api/v1/authorisations/{authorisation_id}/revoke")
        over = await client.get(f"/api/v1/evidence/{export_id}/bundle")
        assert (over.status_code, "authority" in over.json()["detail"]) == (403, True)
        town.clock.advance_to(town.clock.now() + timedelta(minutes=31))
        client.headers["X-Bowstreet-CSRF"] = (
            await client.post("/api/v1/session", json={"name": "A supervisor", "password": PASSWORD})
        ).json()["csrf"]
        assert (await client.get(f"/api/v1/evidence/{export_id}")).status_code == 404


async def test_a_proof_that_is_old_is_asked_for_again() -> None:
    town = await city()
    async with town.signed_in() as client:
        incident_id, _ = await incident_with_footage(town, client)
        await authorised(town, client, incident_id)
        town.clock.advance_to(town.clock.now() + timedelta(minutes=6))
        path = f"/api/v1/incidents/{incident_id}/evidence"
        assert (await client.post(path, json={})).status_code == 403
        assert await town.ledger(FootageDisclosed) == []
        assert (await client.post("/api/v1/session/proof", json={"password": PASSWORD})).status_code < 300
        assert (await client.post(path, json={})).status_code == 201


async def test_a_recording_that_runs_is_exported_as_far_as_it_goes(tmp_path: Path) -> None:
    town = await city()
    async with town.signed_in() as client:
        incident_id, _ = await incident_with_footage(town, client, stop=False)
        await authorised(town, client, incident_id)
        export_id = (await client.post(f"/api/v1/incidents/{incident_id}/evidence", json={})).json()["export_id"]
        assert (await settled(client, export_id))["state"] == "ready"
        town.services.footage.take(SOURCE, pictures(24)[1][0])
        (tmp_path / "one.zip").write_bytes((await client.get(f"/api/v1/evidence/{export_id}/bundle")).content)
        await town.services.footage.stop("cam", "left the scene")
    found = verify.verify(tmp_path / "one.zip")
    assert found.ok, (found.file, found.what)
    [one] = found.recordings
    assert (one.running, one.parts, one.closed_at) == (True, 31, None)


async def test_what_is_not_there_is_refused_in_words() -> None:
    town = await city()
    async with town.signed_in() as client:
        incident_id = (await client.post("/api/v1/incidents", json=call())).json()["id"]
        await authorised(town, client, incident_id)
        path = f"/api/v1/incidents/{incident_id}/evidence"
        nothing = await client.post(path, json={})
        assert nothing.status_code == 409
        assert "no footage of this incident is kept" in nothing.json()["detail"]
        other = await client.post(path, json={"recordings": ["rec-of-another"]})
        assert other.status_code == 404


async def test_an_export_that_was_in_work_when_the_program_ended_is_said_to_be_over() -> None:
    """Sent again with its key it is shown as it is by then: in work, ready, or gone, with what to do."""
    town = await city()
    async with town.signed_in() as client:
        incident_id, _ = await incident_with_footage(town, client)
        await authorised(town, client, incident_id)
        path, key = f"/api/v1/incidents/{incident_id}/evidence", {"Idempotency-Key": "one"}
        ordered = await client.post(path, json={}, headers=key)
        await settled(client, ordered.json()["export_id"])
        again = await client.post(path, json={}, headers=key)
        assert (again.status_code, again.json()["state"]) == (201, "ready")
        await town.services.exports.close()
        town.services.exports._known.clear()  # as with another process on the same record: none of it was kept
        again = await client.post(path, json={}, headers=key)
        assert (again.status_code, "not over a restart" in again.text) == (404, True)
        assert (await client.post(path, json={}, headers={"Idempotency-Key": "two"})).status_code == 201
