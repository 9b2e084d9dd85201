"""Vehicles' keys over HTTP: a fresh proof, shown once, sealed at rest, every change in the ledger."""

import hashlib
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from tests.integration.console_city import PASSWORD, START, City, city
from tests.integration.signed_world import operation

from bowstreet.errors import Conflict, NotFound
from bowstreet.messages import AccessDenied, CommandDecided, VehicleKeyChanged
from bowstreet.runtime.clock import ScaledClock

AT = "/api/v1/vehicles/d1/key"


@pytest.fixture
async def town() -> AsyncIterator[City]:
    made = await city()
    yield made
    made.services.accounts.close()


async def test_a_key_is_made_rotated_and_revoked_and_all_is_on_record(town: City) -> None:
    async with town.signed_in("supervisor") as supervisor:
        assert (await supervisor.post(f"{AT}/rotate", json={})).status_code == 404
        assert (await supervisor.post(f"{AT}/revoke")).status_code == 404
        made = await supervisor.post(AT, json={})
        assert made.status_code == 201, made.text
        issued = made.json()
        assert len(bytes.fromhex(issued["secret"])) == 32
        # What a person types into another ground station gives the same key.
        assert hashlib.sha256(issued["passphrase"].encode()).hexdigest() == issued["secret"]
        assert (await supervisor.post(AT, json={})).status_code == 409
        assert (await supervisor.post(f"{AT}/rotate", json={})).status_code == 409  # the first is not in use yet
        await town.services.vehicle_keys.taken_up("d1", issued["key"]["key_id"])
        rotated = (await supervisor.post(f"{AT}/rotate", json={"overlap_hours": 1.0})).json()
        assert rotated["secret"] != issued["secret"]
        listed = await supervisor.get("/api/v1/vehicle-keys")
        [first, second] = listed.json()
        assert [key["state"] for key in first["keys"]] == ["in-use", "coming"]
        assert (first["link"], second["link"], second["keys"]) == ("signed", "unsigned link", [])
        for secret in (issued["secret"], issued["passphrase"], rotated["secret"]):
            assert secret not in listed.text
        assert "unsigned link of 1 of 2 vehicles" in (await supervisor.get("/readyz")).text
        assert (await supervisor.post(f"{AT}/revoke")).status_code == 204
        assert (await supervisor.post("/api/v1/vehicles/nobody/key", json={})).status_code == 404
        assert (await supervisor.post("/api/v1/vehicles/d2/key", json={"overlap_hours": 10_000})).status_code == 422
    changes = await town.ledger(VehicleKeyChanged)
    assert [one.change for one in changes] == ["made", "in-use", "rotated", "revoked", "revoked"]
    assert {one.by for one in changes} == {town.people["supervisor"].account_id, "vehicle"}
    decided = [one for one in await town.ledger(CommandDecided) if one.action == "manage-vehicle-keys"]
    assert {one.thing for one in decided} == {"d1", "d2", "nobody"}
    recorded = b"".join([row.entry + (row.payload or b"") async for row in town.store.log_rows()]).decode()
    assert issued["secret"] not in recorded
    assert issued["passphrase"] not in recorded


async def test_it_asks_for_the_password_again_and_of_a_supervisor(town: City) -> None:
    async with town.signed_in("supervisor") as supervisor, town.signed_in("pilot") as pilot:
        assert (await pilot.post(AT, json={})).status_code == 403
        town.clock.advance_to(START + timedelta(minutes=6))
        refused = await supervisor.post(AT, json={})
        assert refused.status_code == 403
        assert "session/proof" in refused.json()["remedy"]
        await supervisor.post("/api/v1/session/proof", json={"password": PASSWORD})
        assert (await supervisor.post(AT, json={})).status_code == 201
    assert [one.rule for one in await town.ledger(AccessDenied)] == ["role:pilot", "prove-again"]


async def test_the_secret_is_sealed_and_gone_with_its_key(tmp_path: Path) -> None:
    """In every file, and in a copy that was taken while the key still held."""
    clock = ScaledClock(1.0)
    async with operation(tmp_path, clock) as made:
        [issued] = await made.keys.make(["d"], "acc-1")
        with pytest.raises(Conflict):
            await made.keys.make(["d"], "acc-1")
        key_id = issued.key.key_id
        kept = [record async for record in _raw(tmp_path)]
        assert [one[0] for one in kept] == [key_id]
        assert not _stands_in(tmp_path, issued.secret, issued.secret.hex().encode(), issued.passphrase.encode())
        assert made.vault.find(key_id) is not None
    async with operation(tmp_path, clock) as made:
        standing = made.keys.keys_of("d").coming
        assert standing is not None
        assert standing.secret == issued.secret
        await made.keys.revoke("d", "acc-1")
        assert made.vault.find(key_id) is None, "what opens every copy is destroyed"
        assert [record async for record in _raw(tmp_path)] == []
        with pytest.raises(NotFound):
            await made.keys.revoke("d", "acc-1")
        assert await made.changes("d") == ["made", "revoked"]
    async with operation(tmp_path, clock) as made:
        keys = made.keys.keys_of("d")
        assert (keys.current, keys.coming, keys.unsigned) == (None, None, False), "revoked does not mean unsigned"


async def test_the_overlap_ends_by_itself(town: City) -> None:
    keys = town.services.vehicle_keys
    [first] = await keys.make(["d1"], "acc-1", timedelta(hours=1))
    assert keys.keys_of("d1").unsigned
    await keys.taken_up("d1", first.key.key_id)
    assert not keys.keys_of("d1").unsigned
    second = await keys.rotate("d1", "acc-1", timedelta(hours=1))
    both = keys.keys_of("d1")
    assert (both.current, both.coming) == ((first.key.key_id, first.secret), (second.key.key_id, second.secret))
    town.clock.advance_to(START + timedelta(minutes=61))
    assert keys.keys_of("d1").current is None, "at once, noted or not"
    await keys.expire()
    await keys.expire()
    assert [one.change for one in await town.ledger(VehicleKeyChanged)] == ["made", "in-use", "rotated", "replaced"]
    [third] = await keys.make(["d2"], "acc-1", timedelta(hours=1))
    town.clock.advance_to(START + timedelta(minutes=200))
    assert not keys.keys_of("d2").unsigned, "nor is what is unsigned believed for ever"
    assert keys.keys_of("d2").coming == (third.key.key_id, third.secret)


async def _raw(folder: Path) -> AsyncIterator[tuple[str, bytes]]:
    import sqlite3

    with sqlite3.connect(f"file:{folder / 'record.db'}?mode=ro", uri=True) as connection:
        for row in connection.execute("SELECT id, body FROM records WHERE kind = 'vehicle-secret'"):
            yield row
    connection.close()


def _stands_in(folder: Path, *words: bytes) -> bool:
    return any(word in path.read_bytes() for path in folder.rglob("*") if path.is_file() for word in words)
