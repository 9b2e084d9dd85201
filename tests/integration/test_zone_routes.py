"""Files of zones, times and leave over HTTP."""

import json
from collections.abc import AsyncIterator

import httpx
import pytest
from tests.integration.console_city import City, city

from bowstreet.messages import ZoneChanged

SOURCES = "/api/v1/airspace/sources"
OPENAIR = b"""AC R
AN EGR157 HYDE PARK
AL SFC
AH 1400ft MSL
DP 51:31:00 N 000:11:00 W
DP 51:31:00 N 000:07:00 W
DP 51:29:00 N 000:07:00 W
DP 51:29:00 N 000:11:00 W
"""


@pytest.fixture
async def town() -> AsyncIterator[City]:
    made = await city()
    yield made
    made.services.accounts.close()


async def test_a_file_is_taken_in_exported_and_withdrawn(town: City) -> None:
    async with town.signed_in("supervisor") as supervisor:
        put = await supervisor.put(f"{SOURCES}/nats.txt?version=2026-11", content=OPENAIR)
        assert put.status_code == 200, put.text
        [zone_id] = put.json()["added"]
        again = await supervisor.put(f"{SOURCES}/nats.txt?version=2026-11", content=OPENAIR)
        assert again.json()["added"] == []
        other = await supervisor.put(f"{SOURCES}/nats.txt?version=2026-11", content=OPENAIR + b"\n* changed\n")
        assert other.status_code == 409
        [source] = (await supervisor.get(SOURCES)).json()
        assert (source["source"], source["zone_ids"]) == ("nats.txt", [zone_id])
        exported = json.loads((await supervisor.get("/api/v1/airspace/export")).content)
        assert zone_id in json.dumps(exported)
        assert (await supervisor.delete(f"{SOURCES}/nats.txt")).status_code == 204
        assert (await supervisor.delete(f"{SOURCES}/nats.txt")).status_code == 404
        assert (await supervisor.get(SOURCES)).json() == []
    changes = [change.change for change in await town.ledger(ZoneChanged)]
    assert any("sha256" in change for change in changes)
    assert changes[-1] == "removed with nats.txt"


@pytest.mark.parametrize("body", [b"", b"AC R\n", b"\x00\xff" * 100, b"<kml><", b"PK\x03\x04", b"{", OPENAIR[:-40]])
async def test_a_file_that_is_none_is_refused_with_what_to_do(town: City, body: bytes) -> None:
    async with town.signed_in("supervisor") as supervisor:
        put = await supervisor.put(f"{SOURCES}/bad?version=1", content=body)
        assert put.status_code == 409, put.text
        assert put.json()["remedy"]
        assert (await supervisor.get(SOURCES)).json() == []


async def test_a_file_over_the_limit_is_refused(town: City) -> None:
    async with town.signed_in("supervisor") as supervisor:
        put = await supervisor.put(f"{SOURCES}/big?version=1", content=b"* " + b"x" * (16 * 1024 * 1024))
        assert put.status_code == 413


async def test_times_of_a_notice_and_a_word_that_ends(town: City) -> None:
    at = "/api/v1/airspace/zones/islington-pilot"
    async with town.signed_in("supervisor") as supervisor:
        times = {
            "times": [{"start": "2027-01-01T00:00:00Z", "end": "2027-01-02T00:00:00Z", "weekdays": ["FRI"]}],
            "reference": "NOTAM L1234/26",
        }
        assert (await supervisor.put(f"{at}/times", json=times)).status_code == 204
        assert not await _active(supervisor)
        over = await supervisor.post(f"{at}/activation", json={"active": True, "reason": "x", "until": "2020-01-01T00:00:00Z"})
        assert over.status_code == 409
        on = await supervisor.post(f"{at}/activation", json={"active": True, "reason": "x", "until": "2027-01-01T00:00:00Z"})
        assert on.status_code == 204
        assert await _active(supervisor)
        backwards = {"times": [{"start": "2027-01-02T00:00:00Z", "end": "2027-01-01T00:00:00Z"}], "reference": "x"}
        assert (await supervisor.put(f"{at}/times", json=backwards)).status_code == 409


async def test_leave_is_entered_and_taken_back(town: City) -> None:
    leave = {"zone_id": "islington-pilot", "reference": "LOA-7", "granted_by": "Heathrow Tower"}
    async with town.signed_in("supervisor") as supervisor:
        assert (await supervisor.post("/api/v1/airspace/permissions", json=leave)).status_code == 204
        entered = (await supervisor.get("/api/v1/airspace/permissions")).json()
        assert [one["entered_by"] for one in entered if one["reference"] == "LOA-7"] == [town.people["supervisor"].account_id]
        back = {"zone_id": "islington-pilot", "reference": "LOA-7"}
        assert (await supervisor.post("/api/v1/airspace/permissions/revoke", json=back)).status_code == 204
        assert (await supervisor.post("/api/v1/airspace/permissions/revoke", json=back)).status_code == 404


async def _active(supervisor: httpx.AsyncClient) -> bool:
    zones = (await supervisor.get("/api/v1/airspace/zones")).json()
    active: bool = next(z for z in zones["features"] if z["id"] == "islington-pilot")["properties"]["active"]
    return active
