"""Sign-in, sessions, CSRF, guessing, replay: each attack is refused and is in the ledger."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import httpx
import msgspec
import pytest
from tests.integration.console_city import PASSWORD, City, call, city

from bowstreet.console.idempotency import Note
from bowstreet.console.settings import EdgeSettings
from bowstreet.messages import AccessDenied, RecallOrdered, SignedIn
from bowstreet.runtime.sqlite import SqliteStore


@pytest.fixture
async def town() -> AsyncIterator[City]:
    made = await city()
    await made.hear_all()
    yield made
    made.services.accounts.close()


async def rules(town: City) -> list[str]:
    return [denial.rule for denial in await town.ledger(AccessDenied)]


# --- the first start --------------------------------------------------------------------------------------------------


async def test_the_first_account_is_made_with_the_link_once() -> None:
    town = await city(set_up=False)
    token = await town.services.accounts.new_setup_token()
    body = {"token": token, "name": "First", "password": PASSWORD}
    async with town.client() as client:
        assert (await client.post("/api/v1/session", json={"name": "First", "password": PASSWORD})).status_code == 401
        short = await client.post("/api/v1/setup", json=body | {"password": "short"})
        assert short.status_code == 422
        made = await client.post("/api/v1/setup", json=body)
        assert made.status_code == 201, made.text
        assert made.json()["role"] == "supervisor"
        assert (await client.get("/api/v1/accounts")).status_code == 200  # it is signed in
    async with town.client() as other:
        again = await other.post("/api/v1/setup", json=body)
        assert again.status_code == 401


async def test_guessing_at_the_link_is_recorded_and_soon_refused() -> None:
    town = await city(set_up=False)
    token = await town.services.accounts.new_setup_token()
    assert token is not None
    codes = []
    async with town.client() as client:
        for number in range(60):
            guess = {"token": f"guess-{number}", "name": "Mallory", "password": PASSWORD}
            codes.append((await client.post("/api/v1/setup", json=guess)).status_code)
    assert codes[0] == 401
    assert codes[-1] == 429
    assert set(codes) == {401, 429}
    denials = await town.ledger(AccessDenied)
    assert len(denials) == codes.count(401)
    assert {denial.action for denial in denials} == {"set-up"}
    assert all("guess" not in denial.subject and "127.0.0.1" not in denial.subject for denial in denials)


# --- the cookie -------------------------------------------------------------------------------------------------------


async def test_the_cookie_is_out_of_reach(town: City) -> None:
    async with town.client() as client:
        answer = await client.post("/api/v1/session", json={"name": "A supervisor", "password": PASSWORD})
    cookie = answer.headers["set-cookie"].lower()
    for word in ("httponly", "samesite=strict", "path=/", "max-age=43200"):
        assert word in cookie
    assert "secure" not in cookie
    assert "domain" not in cookie
    assert cookie.split("=")[1].split(";")[0] not in answer.text.lower()


async def test_over_https_the_cookie_is_bound_to_host_and_https() -> None:
    town = await city(EdgeSettings(https=True))
    async with town.client() as client:
        answer = await client.post(
            "/api/v1/session", json={"name": "A supervisor", "password": PASSWORD}, headers={"Origin": "https://127.0.0.1:8700"}
        )
    assert answer.status_code == 200, answer.text
    assert answer.headers["set-cookie"].startswith("__Host-bowstreet=")
    assert "secure" in answer.headers["set-cookie"].lower()


async def test_sign_out_ends_the_session_everywhere(town: City) -> None:
    async with town.signed_in("viewer") as viewer, town.client() as thief:
        thief.cookies = httpx.Cookies(viewer.cookies)
        assert (await thief.get("/api/v1/missions")).status_code == 200  # a stolen cookie reads…
        assert (await thief.delete("/api/v1/session")).status_code == 403  # …but changes nothing without the CSRF value
        gone = await viewer.delete("/api/v1/session")
        assert gone.status_code == 204
        assert 'bowstreet=""' in gone.headers["set-cookie"]
        assert (await thief.get("/api/v1/missions")).status_code == 401
    assert await rules(town) == ["csrf", "session"]


async def test_a_session_ends_by_itself(town: City) -> None:
    async with town.signed_in("viewer") as viewer:
        for _ in range(3):
            town.clock.advance_to(town.clock.now() + timedelta(minutes=25))
            assert (await viewer.get("/api/v1/session")).status_code == 200
        town.clock.advance_to(town.clock.now() + timedelta(minutes=31))
        assert (await viewer.get("/api/v1/session")).status_code == 401
    assert await rules(town) == ["session"]


@pytest.mark.parametrize("token", ["", "x", "a" * 5000, "é", "' OR 1=1"])
async def test_invented_sessions_and_tokens(town: City, token: str) -> None:
    async with town.client() as client:
        by_cookie = await client.get("/api/v1/missions", headers={"Cookie": f"bowstreet={token}".encode("latin-1")})
        by_bearer = await client.get("/api/v1/missions", headers={"Authorization": f"Bearer {token}".encode("latin-1")})
    assert (by_cookie.status_code, by_bearer.status_code) == (401, 401)
    assert len(await rules(town)) == 2


async def test_who_merely_opens_the_console_is_not_in_the_record(town: City) -> None:
    async with town.client() as client:
        assert (await client.get("/api/v1/session")).status_code == 401
    assert await rules(town) == []


# --- CSRF and other sites ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [None, "", "wrong", "é"])
async def test_a_change_needs_the_csrf_value(town: City, value: str | None) -> None:
    async with town.signed_in("dispatcher") as dispatcher:
        del dispatcher.headers["X-Bowstreet-CSRF"]
        headers = {} if value is None else {"X-Bowstreet-CSRF": value.encode("latin-1")}
        answer = await dispatcher.post("/api/v1/incidents", json=call(), headers=headers)
    assert answer.status_code == 403
    assert await rules(town) == ["csrf"]
    assert town.services.intake.incidents.all() == []


async def test_the_csrf_value_of_another_session_is_none(town: City) -> None:
    async with town.signed_in("dispatcher") as one, town.signed_in("dispatcher") as other:
        assert one.headers["X-Bowstreet-CSRF"] != other.headers["X-Bowstreet-CSRF"]
        answer = await one.post("/api/v1/incidents", json=call(), headers={"X-Bowstreet-CSRF": other.headers["X-Bowstreet-CSRF"]})
    assert answer.status_code == 403


async def test_another_site_cannot_even_sign_somebody_in(town: City) -> None:
    async with town.client() as client:
        answer = await client.post(
            "/api/v1/session", json={"name": "A supervisor", "password": PASSWORD}, headers={"Origin": "http://evil.example"}
        )
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers
    assert await rules(town) == ["origin"]


# --- guessing ---------------------------------------------------------------------------------------------------------


async def test_wrong_name_and_wrong_password_are_answered_alike(town: City) -> None:
    async with town.client() as client:
        name = await client.post("/api/v1/session", json={"name": "Nobody", "password": PASSWORD})
        password = await client.post("/api/v1/session", json={"name": "A supervisor", "password": "wrong"})
    assert name.status_code == password.status_code == 401
    assert name.json() == password.json()
    assert await rules(town) == ["credentials", "credentials"]
    assert len(await town.ledger(SignedIn)) == 1  # the set-up's own


async def test_guessing_passwords_is_soon_refused(town: City) -> None:
    async with town.client() as client:
        guesses = [
            (await client.post("/api/v1/session", json={"name": "A supervisor", "password": f"guess {n}"})).status_code
            for n in range(40)
        ]
    assert guesses[0] == 401
    assert guesses[-1] == 429


async def test_refusals_past_a_rate_are_counted_not_written(town: City) -> None:
    async with town.client() as client:
        codes = {(await client.get("/api/v1/missions")).status_code for _ in range(100)}
        figures = (await client.get("/metrics")).text
    assert codes == {401}
    recorded = len(await rules(town))
    assert recorded == town.settings.limits.recorded_denials.burst
    assert f"bowstreet_denials_not_recorded {100 - recorded:.1f}" in figures


async def test_a_signed_in_vandal_is_slowed(town: City) -> None:
    async with town.signed_in("viewer") as viewer:
        codes = [(await viewer.post("/api/v1/accounts", json={})).status_code for _ in range(40)]
    assert codes[0] == 403
    assert codes[-1] == 429


# --- replay -----------------------------------------------------------------------------------------------------------


async def test_a_command_replayed_is_done_once_over_a_restart(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "record.db")
    town = await city(store=store)
    await town.hear_all()
    key = {"Idempotency-Key": "7d0a-4e11"}
    async with town.signed_in("dispatcher") as dispatcher:
        first = await dispatcher.post("/api/v1/incidents", json=call(), headers=key)
        [mission] = town.services.flight.missions.all()
        recall = f"/api/v1/missions/{mission.mission_id}/recall"
        assert (await dispatcher.post(recall, json={"reason": "x"}, headers=key)).status_code == 204
        cookies, csrf = dispatcher.cookies, dispatcher.headers["X-Bowstreet-CSRF"]
    again = await city(store=store, clock=town.clock)
    async with again.client(cookies=cookies, headers={"X-Bowstreet-CSRF": csrf}) as dispatcher:
        replayed = await dispatcher.post("/api/v1/incidents", json=call(), headers=key)
        assert (replayed.status_code, replayed.headers["location"]) == (201, first.headers["location"])
        assert all(replayed.json()[name] == first.json()[name] for name in ("id", "reported_at"))
        assert replayed.json()["waiting_reason"] == "called back by a person: x"  # as it is by now
        assert replayed.headers["idempotency-replayed"] == "true"
        close = f"{first.headers['location']}/close"
        for _ in range(2):
            closed = await dispatcher.post(close, json={"reason": "made in error"}, headers=key)
            assert (closed.status_code, closed.json()["state"]) == (200, "closed")
        notes = [msgspec.json.decode(record.body, type=Note) for record in await store.find("idempotency")]
        assert len(notes) == 3
        assert [note.answer for note in notes] == [b""] * 3  # a caller's words are kept with the incident only
        assert (await dispatcher.post(recall, json={"reason": "x"}, headers=key)).status_code == 204
        other = await dispatcher.post(recall, json={"reason": "another"}, headers=key)
        assert other.status_code == 409
        assert (await dispatcher.post(recall, json={"reason": "x"}, headers={"Idempotency-Key": ""})).status_code == 422
    assert len(await again.ledger(RecallOrdered)) == 1
    assert len(again.services.intake.incidents.all()) == 1
    await store.close()


async def test_a_key_is_nobody_elses(town: City) -> None:
    key = {"Idempotency-Key": "k"}
    async with town.signed_in("dispatcher") as one, town.program() as other:
        mine = await one.post("/api/v1/incidents", json=call(), headers=key)
        theirs = await other.post("/api/v1/incidents", json=call(id="cad-9"), headers=key)
    assert mine.status_code == 201
    assert theirs.status_code == 200  # another report of the same thing, not a replay
    assert "idempotency-replayed" not in theirs.headers


# --- names and secrets stay where they belong -------------------------------------------------------------------------


async def test_the_ledger_holds_no_names_text_or_secrets(town: City) -> None:
    async with town.signed_in("dispatcher") as dispatcher:
        await dispatcher.post("/api/v1/incidents", json=call(text="my neighbour Mary"))
        session = next(iter(dispatcher.cookies.values()))
    entries = b"".join([row.entry + (row.payload or b"") async for row in town.store.log_rows()])
    for secret in (b"Mary", b"knife", b"A dispatcher", session.encode(), PASSWORD.encode(), b"127.0.0.1"):
        assert secret not in entries
