"""Passkeys over HTTP: made, used, removed; and each attack on them is refused and is in the ledger."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from tests.integration.console_city import PASSWORD, City, city
from tests.integration.software_passkey import PRESENT, Device

from bowstreet.accountability.retention.accounts_left import AccountsLeft
from bowstreet.accountability.rules import PASSKEYS_BY_ACCOUNT
from bowstreet.messages import AccessDenied, AccountChanged, ProvedAgain, SignedIn
from bowstreet.runtime.sqlite import SqliteStore

AT = "http://localhost:8700"


@pytest.fixture
async def town() -> AsyncIterator[City]:
    made = await city()
    yield made
    made.services.accounts.close()


def visitor(town: City, at: str = AT) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(town.console.app), base_url=at)


async def with_password(town: City, browser: httpx.AsyncClient, role: str = "supervisor") -> None:
    async with town.signed_in(role):
        pass  # there is such an account now
    answer = await browser.post("/api/v1/session", json={"name": f"A {role}", "password": PASSWORD})
    browser.headers["X-Bowstreet-CSRF"] = answer.json()["csrf"]


async def asked(browser: httpx.AsyncClient, path: str) -> dict[str, Any]:
    answer = await browser.post(f"/api/v1/{path}/question")
    assert answer.status_code == 200, answer.text
    options: dict[str, Any] = answer.json()["options"]
    return options


async def made(browser: httpx.AsyncClient, device: Device, label: str = "own phone") -> httpx.Response:
    said = device.makes(await asked(browser, "passkeys"))
    return await browser.post("/api/v1/passkeys", json={"label": label, "credential": said})


async def comes_in(town: City, device: Device, **how: Any) -> int:
    async with visitor(town) as browser:
        said = device.signs(await asked(browser, "session/passkey"), **how)
        return (await browser.post("/api/v1/session/passkey", json={"credential": said})).status_code


async def owner_of(town: City, device: Device, role: str = "supervisor") -> None:
    async with visitor(town) as browser:
        await with_password(town, browser, role)
        answer = await made(browser, device)
        assert answer.status_code == 201, answer.text


async def rules(town: City) -> list[str]:
    return [denial.rule for denial in await town.ledger(AccessDenied)]


# --- as it should be ----------------------------------------------------------------------------------------------------


async def test_made_named_used_and_removed(town: City) -> None:
    device = Device()
    async with visitor(town) as browser:
        await with_password(town, browser)
        question = await asked(browser, "passkeys")
        assert question["authenticatorSelection"]["userVerification"] == "required"
        assert question["authenticatorSelection"]["residentKey"] == "required"
        assert question["attestation"] == "none"
        passkey = (await made(browser, device)).json()
        me = (await browser.get("/api/v1/session")).json()
        assert me["proofs"] == ["password", "passkey"]
        named = await browser.post(f"/api/v1/passkeys/{passkey['passkey_id']}/name", json={"label": "desk key"})
        assert named.json()["label"] == "desk key"
        assert await comes_in(town, device) == 200
        [listed] = (await browser.get("/api/v1/passkeys")).json()
        assert listed["used_at"] is not None
        assert (await browser.post(f"/api/v1/passkeys/{passkey['passkey_id']}/remove")).status_code == 204
        assert await comes_in(town, device) == 401
    changes = [one.change.partition(":")[0] for one in await town.ledger(AccountChanged) if one.subject == me["account_id"]]
    assert changes[-3:] == ["passkey-made", "passkey-named", "passkey-removed"]
    assert [one.how for one in await town.ledger(SignedIn)][-1] == "passkey"


async def test_it_proves_again_who_somebody_is(town: City) -> None:
    device = Device()
    await owner_of(town, device)
    async with visitor(town) as browser:
        await with_password(town, browser)
        town.clock.advance_to(town.clock.now() + timedelta(minutes=6))
        refused = await browser.post("/api/v1/passkeys/question")
        assert (refused.status_code, refused.json()["type"]) == (403, "urn:bowstreet:problem:proof-needed")
        question = await asked(browser, "session/proof/passkey")
        assert [one["id"] for one in question["allowCredentials"]] == [
            device.makes({"user": {"id": device.handle}, "challenge": ""})["id"]
        ]
        proved = await browser.post("/api/v1/session/proof/passkey", json={"credential": device.signs(question)})
        assert proved.status_code == 200
        assert (await browser.post("/api/v1/passkeys/question")).status_code == 200
    assert [one.how for one in await town.ledger(ProvedAgain)] == ["passkey"]


async def test_it_outlives_a_restart_and_is_erased_with_the_account(tmp_path: Path) -> None:
    town, device = await city(store=SqliteStore(tmp_path / "record.db")), Device()
    await owner_of(town, device, "pilot")
    await town.recorder.flush()
    await town.store.close()
    again = await city(store=SqliteStore(tmp_path / "record.db"))
    assert await comes_in(again, device) == 200
    account_id = again.people.get("pilot", None) or next(one for one in again.services.accounts.all() if one.role == "pilot")
    left = AccountsLeft(again.services.accounts).records_of(account_id.account_id)
    assert [collection.kind for collection, _ in left] == ["account", "passkeys"]
    await again.recorder.record(erase=left)
    assert await comes_in(again, device) == 401
    assert await again.store.find("passkeys") == []
    again.services.accounts.close()
    await again.store.close()


async def test_only_so_many_and_none_twice(town: City) -> None:
    first = Device()
    async with visitor(town) as browser:
        await with_password(town, browser)
        assert (await made(browser, first)).status_code == 201
        assert (await made(browser, first)).status_code == 409
        for _ in range(PASSKEYS_BY_ACCOUNT - 1):
            assert (await made(browser, Device())).status_code == 201
        assert (await browser.post("/api/v1/passkeys/question")).status_code == 409


# --- attacks ------------------------------------------------------------------------------------------------------------


async def test_a_challenge_is_good_once_and_for_its_browser(town: City) -> None:
    device = Device()
    await owner_of(town, device)
    async with visitor(town) as browser, visitor(town) as thief:
        said = {"credential": device.signs(await asked(browser, "session/passkey"))}
        await asked(thief, "session/passkey")
        assert (await thief.post("/api/v1/session/passkey", json=said)).status_code == 401  # another browser's
        assert (await browser.post("/api/v1/session/passkey", json=said)).status_code == 200
        assert (await browser.post("/api/v1/session/passkey", json=said)).status_code == 401  # replayed
    found = await rules(town)
    assert "challenge" in found
    assert "passkey" in found


async def test_a_challenge_is_short_lived(town: City) -> None:
    device = Device()
    await owner_of(town, device)
    async with visitor(town) as browser:
        said = device.signs(await asked(browser, "session/passkey"))
        town.clock.advance_to(town.clock.now() + timedelta(seconds=121))
        assert (await browser.post("/api/v1/session/passkey", json={"credential": said})).status_code == 401


async def test_a_challenge_for_one_purpose_is_not_good_for_another(town: City) -> None:
    device = Device()
    await owner_of(town, device)
    async with visitor(town) as browser:
        await with_password(town, browser)
        to_sign_in = device.signs(await asked(browser, "session/passkey"))
        await asked(browser, "session/proof/passkey")
        assert (await browser.post("/api/v1/session/proof/passkey", json={"credential": to_sign_in})).status_code == 401


@pytest.mark.parametrize(
    "change",
    [
        {"origin": "https://evil.example"}, {"origin": "http://localhost:9999"}, {"origin": "https://localhost:8700"},
        {"rp_id": "evil.example"}, {"flags": PRESENT}, {"flags": 0},
    ],
)  # fmt: skip
async def test_another_origin_another_site_nobody_verified(town: City, change: dict[str, Any]) -> None:
    device = Device()
    await owner_of(town, device)
    assert await comes_in(town, replace(device, **change)) == 401
    assert await comes_in(town, device) == 200  # nothing was spoilt by it
    async with visitor(town) as browser:
        await with_password(town, browser)
        assert (await made(browser, replace(Device(), **change))).status_code == 409
    assert "passkey" in await rules(town)


async def test_a_passkey_of_another_name_of_the_console(town: City) -> None:
    """Made at localhost; the same device at another name is refused, whatever it says."""
    device = Device()
    await owner_of(town, device)
    async with visitor(town, "http://bow.localhost:8700") as browser:
        there = replace(device, origin="http://bow.localhost:8700", rp_id="bow.localhost")
        said = there.signs(await asked(browser, "session/passkey"))
        assert (await browser.post("/api/v1/session/passkey", json={"credential": said})).status_code == 401


async def test_a_signature_by_another_key_and_another_persons_handle(town: City) -> None:
    device, other = Device(), Device()
    await owner_of(town, device)
    await owner_of(town, other, "pilot")
    assert await comes_in(town, device, with_key=ec.generate_private_key(ec.SECP256R1())) == 401
    assert await comes_in(town, replace(other, handle=device.handle)) == 401
    assert await comes_in(town, replace(device, handle="AAAA")) == 401
    async with visitor(town) as browser:
        await with_password(town, browser)
        question = await asked(browser, "session/proof/passkey")
        answer = await browser.post("/api/v1/session/proof/passkey", json={"credential": other.signs(question)})
        assert answer.status_code == 401


async def test_a_copied_device_is_found_and_stopped(town: City) -> None:
    device = Device()
    await owner_of(town, device)
    copy = replace(device)
    for _ in range(3):
        assert await comes_in(town, device) == 200
    # A low counter with a wrong signature stops nothing: else anybody could.
    assert await comes_in(town, replace(copy), with_key=ec.generate_private_key(ec.SECP256R1())) == 401
    assert await comes_in(town, device) == 200
    assert await comes_in(town, copy) == 401
    assert await comes_in(town, device) == 401  # nobody knows which of the two is whose
    found = await rules(town)
    assert "passkey-counter" in found
    assert found[-1] == "passkey-stopped"
    assert [one.change.partition(":")[0] for one in await town.ledger(AccountChanged)][-1] == "passkey-stopped"


async def test_a_device_that_does_not_count(town: City) -> None:
    device = Device()
    await owner_of(town, device)
    for _ in range(2):
        device.counter = -1
        assert await comes_in(town, device) == 200


async def test_a_disabled_account(town: City) -> None:
    device = Device()
    await owner_of(town, device, "pilot")
    pilot = next(one for one in town.services.accounts.all() if one.role == "pilot")
    await town.services.accounts.disable(town.people["supervisor"], pilot.account_id)
    assert await comes_in(town, device) == 401


@pytest.mark.parametrize("at", ["http://127.0.0.1:8700", "http://[::1]:8700"])
async def test_by_a_number_there_are_none_and_it_is_said_why(town: City, at: str) -> None:
    async with visitor(town, at) as browser:
        ways = (await browser.get("/api/v1/session/ways")).json()
        assert ways["passkeys"] is False
        assert "localhost" in ways["why_no_passkeys"]
        answer = await browser.post("/api/v1/session/passkey/question")
        assert answer.status_code == 409
        assert answer.json()["remedy"] == ways["why_no_passkeys"]


async def test_questions_without_end_are_refused(town: City) -> None:
    async with visitor(town) as browser:
        codes = [(await browser.post("/api/v1/session/passkey/question")).status_code for _ in range(40)]
    assert codes[0] == 200
    assert codes[-1] == 429


# --- sessions -----------------------------------------------------------------------------------------------------------


async def test_ones_own_sessions_are_shown_and_ended(town: City) -> None:
    async with town.signed_in("pilot") as desk, town.signed_in("pilot") as phone, town.signed_in("dispatcher") as other:
        listed = (await desk.get("/api/v1/sessions")).json()
        assert len(listed) == 2
        assert [one["how"] for one in listed] == ["password", "password"]
        [away] = [one for one in listed if not one["here"]]
        assert (await other.post(f"/api/v1/sessions/{away['session_id']}/end")).status_code == 404  # not theirs
        assert (await desk.post(f"/api/v1/sessions/{away['session_id']}/end")).status_code == 204
        assert (await phone.get("/api/v1/session")).status_code == 401
        assert (await desk.get("/api/v1/session")).status_code == 200
    assert [one.change for one in await town.ledger(AccountChanged)][-1] == "session-ended"


async def test_a_supervisor_ends_anothers(town: City) -> None:
    async with town.signed_in("pilot") as pilot, town.signed_in("supervisor") as boss:
        me = (await pilot.get("/api/v1/session")).json()["account_id"]
        assert len((await boss.get(f"/api/v1/accounts/{me}/sessions")).json()) == 1
        assert (await pilot.post(f"/api/v1/accounts/{me}/sessions/end")).status_code == 403
        assert (await boss.post(f"/api/v1/accounts/{me}/sessions/end")).status_code == 204
        assert (await pilot.get("/api/v1/session")).status_code == 401
        assert (await boss.get("/api/v1/session")).status_code == 200
        assert (await boss.post("/api/v1/accounts/acc-nobody/sessions/end")).status_code == 404
