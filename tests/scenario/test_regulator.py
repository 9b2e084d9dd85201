"""A regulator checks an operation, by HTTP and by its files alone. See regulator.md."""

import csv
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.integration.console_city import START, City, call, city
from tests.integration.test_recognition_routes import NAMES, a_plan, raised, running
from tests.unit.recognition_world import COLUMNS, row

from bowstreet.accountability import key_source
from bowstreet.accountability.correspondence.model import RequestKind
from bowstreet.accountability.sealed import SealedStore
from bowstreet.accountability.vault import KEYS_FILE, Vault
from bowstreet.cli import main
from bowstreet.messages import AccessDenied, Consulted, MissionChanged, OccurrenceChanged, Reason
from bowstreet.runtime.directory import RECORD_FILE
from bowstreet.runtime.sqlite import SqliteStore

WORDS = "the man with the red umbrella"
# One's own session is no part of the operation.
OWN = ("/api/v1/session", "/api/v1/setup", "/api/v1/passkeys")  # what everybody signed in does with what is theirs


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[City]:
    (tmp_path / "data").mkdir()
    vault = Vault(tmp_path / "data" / KEYS_FILE, key_source.load("", tmp_path / "data"))
    store = SealedStore(SqliteStore(tmp_path / "data" / RECORD_FILE), vault)
    made = await city(store=store)
    await made.hear_all()
    yield made
    made.services.accounts.close()
    await store.close()


async def worked(town: City) -> tuple[str, str]:
    """A call, a flight that is lost, somebody who reads what was said: incident and mission."""
    async with town.program() as cad, town.signed_in("dispatcher") as dispatcher:
        incident_id = (await cad.post("/api/v1/incidents", json=call(text=WORDS))).json()["id"]
        assert WORDS in (await dispatcher.get(f"/api/v1/incidents/{incident_id}/words")).text
    mission = town.services.flight.missions.all()[0]
    lost = Reason(code="landed-elsewhere", text="landed away from every dock", vehicle_id=mission.vehicle_id)
    said = MissionChanged(
        at=town.clock.now(), mission_id=mission.mission_id, vehicle_id=mission.vehicle_id, incident_id=incident_id,
        phase="lost", reason=lost,
    )  # fmt: skip
    await town.recorder.record(messages=[said])
    return incident_id, mission.mission_id


NUMBERS = {"{line}", "{image}"}


# Nobody watches, nothing is recorded, and no media server is named.
# Whoever makes links for officers, or is called on a phone, sees their own.
THEIRS = ("/links", "/callouts")
UNWATCHED = ("/picture", "/view", "/video/keys")


def _filled(path: str) -> str:
    return "/".join("1" if part in NUMBERS else "x-1" if part.startswith("{") else part for part in path.split("/"))


async def recognised(town: City) -> dict[str, str]:
    """A deployment that runs, somebody on its list, an alert, and another deployment whose list is being imported."""
    async with town.signed_in("recognition-operator") as operator:
        deployment_id = await running(town, operator, NAMES[0])
        alert = await raised(town, deployment_id, NAMES[0])
        other = (await operator.post("/api/v1/recognition/deployments", json=a_plan())).json()["deployment"]["deployment_id"]
        begun = await operator.put(f"/api/v1/recognition/lists/{other}", content=f"{COLUMNS}{row('P', 'p.jpg')}".encode())
    import_id = begun.json()["import_id"]
    return {
        "/lists/{deployment_id}/{import_id}": f"/lists/{other}/{import_id}", "{deployment_id}": deployment_id,
        "{person_id}": alert.person_id, "{image}": "0", "{alert_id}": alert.alert_id,
    }  # fmt: skip


@pytest.mark.requirement("R17")
async def test_the_regulator_changes_nothing(town: City) -> None:
    document = town.console.document
    changing = [
        (method.upper(), path)
        for path, methods in document["paths"].items()
        for method in methods
        if method != "get" and not path.startswith(OWN)
        if "/whep" not in path and "/viewings" not in path  # a look, though it is asked by POST
        if "/officer/" not in path  # of whoever holds a link, and no account
    ]
    assert len(changing) > 20
    async with town.signed_in("regulator") as regulator:
        before = len(await town.ledger(AccessDenied))
        for number, (method, path) in enumerate(changing, 1):
            town.clock.advance_to(town.clock.now() + timedelta(seconds=60))  # refusals are rate-limited too
            answer = await regulator.request(method, _filled(path), json={})
            assert answer.status_code == 403, (method, path, answer.text)
            assert len(await town.ledger(AccessDenied)) == before + number, (method, path)
            await _alive(regulator)


async def _alive(client: httpx.AsyncClient) -> None:
    assert (await client.get("/api/v1/session")).status_code == 200


@pytest.mark.requirement("R17")
async def test_the_regulator_reads_everything(town: City) -> None:
    incident_id, mission_id = await worked(town)
    ids = {"{incident_id}": incident_id, "{mission_id}": mission_id} | await recognised(town)
    async with town.signed_in("regulator") as regulator:
        async with town.program() as cad:
            held = (await cad.post("/api/v1/incidents", json=call(grade="Z"))).json()["quarantine_id"]
        asked, _ = await town.services.correspondence.file(RequestKind.COMPLAINT, "someone@example.org", "it flew over my house")
        ids |= {
            "{request_id}": asked.request_id,
            "{account_id}": town.people["supervisor"].account_id,
            "{quarantine_id}": held,
            "{occurrence_id}": (await _occurrence(regulator))["occurrence_id"],
        }
        read = 0
        for path, methods in town.console.document["paths"].items():
            for name, value in ids.items():
                path = path.replace(name, value)
            if "get" not in methods or path.endswith(UNWATCHED) or "{" in path or "/officer" in path or path.endswith(THEIRS):
                continue  # there is none here; a link is for whoever holds it, and what is somebody's own is for them
            answer = await regulator.get(path)
            assert answer.status_code == 200, (path, answer.text)
            read += 1
        assert read > 40
    said = await town.ledger(Consulted)
    assert {one.justification for one in said if one.role == "regulator"} == {"audit"}
    assert {one.what for one in said} >= {
        "words",
        "decisions",
        "quarantined-report",
        "incidents",
        "processing-log",
        "ledger-bundle",
    }


async def _occurrence(client: httpx.AsyncClient) -> dict[str, Any]:
    [shown] = (await client.get("/api/v1/occurrences")).json()
    found: dict[str, Any] = shown["occurrence"]
    return found


@pytest.mark.requirement("R16", "R17")
async def test_the_bundle_verifies_elsewhere_and_holds_the_request_for_it(
    town: City, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await worked(town)
    async with town.signed_in("regulator") as regulator:
        key = (await regulator.get("/log/key")).text.strip()
        file = tmp_path / "ledger.bundle"
        file.write_bytes((await regulator.get("/api/v1/audit/bundle")).content)
    assert main(["audit", "verify", str(file), "--key", key, "--json", "-"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["entries"] == town.recorder.size
    last = json.loads(file.read_text().splitlines()[town.recorder.size])  # the first line is the head
    assert '"what":"ledger-bundle"' in last["payload"]
    assert WORDS not in file.read_text()
    file.write_text(
        file.read_text().replace('"landed-elsewhere', '"landed-somewhere').replace("landed-elsewhere", "landed-somewhere")
    )
    assert main(["audit", "verify", str(file), "--key", key]) == 1


@pytest.mark.requirement("R16")
async def test_the_log_of_processing_names_who_looked_until_their_name_is_erased(
    town: City, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    incident_id, _ = await worked(town)
    out = tmp_path / "log.csv"
    words = ["audit", "log62", "--data", str(tmp_path / "data"), "--subject", incident_id, "--out", str(out)]
    assert main(words) == 0
    assert "consultation for incident-handling" in capsys.readouterr().out
    rows = list(csv.DictReader(out.open()))
    [looked] = [row for row in rows if row["what"] == "words"]
    me = town.people["dispatcher"]
    assert (looked["by"], looked["by_name"], looked["justification"]) == (me.account_id, me.name, "incident-handling")
    assert {row["processing"] for row in rows} >= {"collection", "alteration", "consultation"}
    assert WORDS not in out.read_text()
    await town.recorder.record(erase=[(town.services.accounts.people, me.account_id)])
    assert main(words) == 0
    [looked] = [row for row in csv.DictReader(out.open()) if row["what"] == "words"]
    assert (looked["by"], looked["by_name"]) == (me.account_id, "")


@pytest.mark.requirement("D8")
async def test_an_occurrence_is_found_with_its_proof_and_its_deadline(
    town: City, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, mission_id = await worked(town)
    async with town.signed_in("regulator") as regulator:
        [shown] = (await regulator.get("/api/v1/occurrences")).json()
        one = shown["occurrence"]
        assert (one["kind"], one["evidence"]["mission_id"]) == ("off-site-landing", mission_id)
        assert shown["due_at"] == (START + timedelta(hours=72)).strftime("%Y-%m-%dT%H:%M:%SZ")
        at = f"/api/v1/occurrences/{one['occurrence_id']}"
        evidence = (await regulator.get(at)).json()["occurrence"]["evidence"]["ledger"]
        file = tmp_path / "occurrence.txt"
        file.write_bytes((await regulator.get(f"{at}/document")).content)
        key = (await regulator.get("/log/key")).text.strip()
    kinds = [json.loads(row.entry)["kind"] async for row in town.store.log_rows() if row.index in evidence]
    assert {"LaunchAuthorised", "MissionChanged", "OccurrenceChanged"} <= set(kinds)
    assert [one.state for one in await town.ledger(OccurrenceChanged)] == ["open"]
    assert main(["authority", "verify", str(file), "--key", key]) == 0
    assert "off-site-landing" in capsys.readouterr().out
