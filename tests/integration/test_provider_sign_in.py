"""Signing in by an identity provider: a real one, and one that lies. Each attack is refused and is in the ledger."""

import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from tests.integration import provider_world
from tests.integration.console_city import City, city
from tests.integration.provider_world import SECRET, Running

from bowstreet.accountability.model import Role
from bowstreet.accountability.sign_in.model import ProviderSettings
from bowstreet.messages import AccessDenied, AccountChanged, ProvedAgain, SignedIn
from bowstreet.runtime.clock import SystemClock

BACK = "http://127.0.0.1:8700/sign-in/oidc"
ROLES = (("bow-supervisors", Role.SUPERVISOR), ("bow-pilots", Role.PILOT))
ADA = {"name": "Ada Lovelace", "email": "ada@force.example", "email_verified": True, "groups": ["staff", "bow-pilots"]}


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with provider_world.running(tmp_path_factory.mktemp("provider"), port, BACK) as one:
        yield one


def settings_of(provider: Running, **changes: object) -> ProviderSettings:
    told = {
        "name": "Force account", "issuer": provider.issuer, "client_id": "bowstreet", "client_secret": SECRET, "roles": ROLES,
        "scopes": ("openid", "profile", "email", "groups"),
    }  # fmt: skip
    return ProviderSettings(**(told | changes))


@pytest.fixture
async def town(provider: Running) -> AsyncIterator[City]:
    provider.has(ada=ADA)
    made = await city(clock=SystemClock(), provider=settings_of(provider))
    yield made
    made.services.accounts.close()


async def begun(browser: httpx.AsyncClient, path: str = "session/oidc") -> str:
    answer = await browser.post(f"/api/v1/{path}")
    assert answer.status_code == 200, answer.text
    return str(answer.json()["location"])


async def came_back(browser: httpx.AsyncClient, back: httpx.URL | str) -> httpx.Response:
    answer = await browser.get(str(back), headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/#/signed-in")  # whatever happens, to the console's own page
    return answer


async def signed_in(browser: httpx.AsyncClient, provider: Running, login: str = "ada") -> httpx.Response:
    return await came_back(browser, await provider.signs_in(login, await begun(browser)))


async def rules(town: City) -> list[str]:
    return [denial.rule for denial in await town.ledger(AccessDenied)]


# --- as it should be ----------------------------------------------------------------------------------------------------


async def test_first_sign_in_makes_the_account_and_the_role_follows_the_groups(town: City, provider: Running) -> None:
    async with town.client() as browser:
        answer = await signed_in(browser, provider)
        assert answer.headers["location"] == "/#/signed-in"
        assert "HttpOnly" in answer.headers["set-cookie"]
        assert "SameSite=strict" in answer.headers["set-cookie"]
        me = (await browser.get("/api/v1/session")).json()
        assert (me["name"], me["role"], me["proofs"]) == ("Ada Lovelace", "pilot", ["oidc"])
    provider.has(ada=ADA | {"groups": ["bow-pilots", "bow-supervisors"]})
    async with town.client() as browser:
        await signed_in(browser, provider)
        again = (await browser.get("/api/v1/session")).json()
        assert (again["account_id"], again["role"]) == (me["account_id"], "supervisor")
    changes = [(one.change, one.by) for one in await town.ledger(AccountChanged) if one.subject == me["account_id"]]
    assert changes == [("created:pilot", "identity-provider"), ("role:supervisor", "identity-provider")]
    assert [one.how for one in await town.ledger(SignedIn) if one.subject == me["account_id"]] == ["oidc", "oidc"]


async def test_it_has_no_password_to_guess_or_change(town: City, provider: Running) -> None:
    async with town.client() as browser:
        await signed_in(browser, provider)
        browser.headers["X-Bowstreet-CSRF"] = (await browser.get("/api/v1/session")).json()["csrf"]
        body = {"old": "x", "new": "quite a long password"}
        assert (await browser.post("/api/v1/session/password", json=body)).status_code == 409
        assert (await browser.post("/api/v1/session/proof", json={"password": "any guess at all"})).status_code == 401
    async with town.client() as other:
        body = {"name": "Ada Lovelace", "password": "any guess at all"}
        assert (await other.post("/api/v1/session", json=body)).status_code == 401


async def test_nobody_without_a_mapped_role_and_who_lost_it_is_out_at_once(town: City, provider: Running) -> None:
    async with town.client() as browser, town.client() as elsewhere:
        await signed_in(browser, provider)
        assert (await browser.get("/api/v1/session")).status_code == 200
        provider.has(ada=ADA | {"groups": ["staff"]})
        answer = await signed_in(elsewhere, provider)
        assert answer.headers["location"].endswith("?refused=not-permitted")
        assert (await elsewhere.get("/api/v1/session")).status_code == 401
        assert (await browser.get("/api/v1/session")).status_code == 401  # the session that was open, too
    assert "oidc-no-role" in await rules(town)


async def test_a_proof_needs_a_fresh_sign_in_there_by_the_same_person(town: City, provider: Running) -> None:
    provider.has(ada=ADA, bob=ADA | {"name": "Bob"})
    async with town.client() as browser:
        await signed_in(browser, provider)
        me = (await browser.get("/api/v1/session")).json()
        browser.headers["X-Bowstreet-CSRF"] = me["csrf"]
        there = await begun(browser, "session/proof/oidc")
        asked = parse_qs(urlsplit(there).query)
        assert (asked["prompt"], asked["max_age"]) == (["login"], ["0"])
        proved = await came_back(browser, await provider.signs_in("ada", there))
        assert proved.headers["location"] == "/#/signed-in"
        other = await came_back(browser, await provider.signs_in("bob", await begun(browser, "session/proof/oidc")))
        assert other.headers["location"].endswith("?refused=not-signed-in")
    assert [(one.subject, one.how) for one in await town.ledger(ProvedAgain)] == [(me["account_id"], "oidc")]
    assert "oidc-other-person" in await rules(town)


async def test_only_verified_addresses_of_allowed_domains(provider: Running) -> None:
    told = settings_of(provider, allowed_domains=("force.example",))
    town = await city(clock=SystemClock(), provider=told)
    for claims, comes_in in (
        ({}, True), ({"email": "ada@FORCE.example"}, True), ({"email": "ada@evil.example"}, False),
        ({"email_verified": False}, False), ({"email": "ada@evil.example@force.example.evil"}, False),
    ):  # fmt: skip
        provider.has(ada=ADA | claims)
        async with town.client() as browser:
            answer = await signed_in(browser, provider)
            assert (answer.headers["location"] == "/#/signed-in") is comes_in, claims
    town.services.accounts.close()


async def test_boroughs_follow_the_claim_and_none_lets_nobody_in(provider: Running) -> None:
    town = await city(clock=SystemClock(), provider=settings_of(provider, boroughs_claim="boroughs"))
    provider.has(ada=ADA | {"boroughs": ["Islington"]})
    async with town.client() as browser:
        await signed_in(browser, provider)
        assert (await browser.get("/api/v1/session")).json()["boroughs"] == ["Islington"]
        provider.has(ada=ADA)
        answer = await signed_in(browser, provider)
        assert answer.headers["location"].endswith("?refused=not-permitted")
    town.services.accounts.close()


# --- attacks on the way back ----------------------------------------------------------------------------------------------


async def test_an_answer_is_good_once_and_for_its_browser_alone(town: City, provider: Running) -> None:
    async with town.client() as browser, town.client() as thief:
        back = await provider.signs_in("ada", await begun(browser))
        await begun(thief)
        stolen = await came_back(thief, back)  # login CSRF, or a code that was seen
        assert stolen.headers["location"].endswith("?refused=not-signed-in")
        cookies = dict(browser.cookies)
        assert (await came_back(browser, back)).headers["location"] == "/#/signed-in"
    async with town.client(cookies=cookies) as again:
        replayed = await came_back(again, back)
        assert replayed.headers["location"].endswith("?refused=not-signed-in")
        assert (await again.get("/api/v1/session")).status_code == 401
    assert (await rules(town)).count("oidc-state") == 2


async def test_a_code_is_not_taken_twice_by_the_provider(town: City, provider: Running) -> None:
    """A replayed code under a flow of one's own: state is right, verifier and code are not."""
    async with town.client() as browser, town.client() as thief:
        back = await provider.signs_in("ada", await begun(browser))
        await came_back(browser, back)
        state = parse_qs(urlsplit(await begun(thief)).query)["state"][0]
        answer = await came_back(thief, back.copy_set_param("state", state))
        assert answer.headers["location"].endswith("?refused=not-signed-in")
    assert "oidc-token" in await rules(town)


@pytest.mark.parametrize(
    "change", [{"state": "x"}, {"state": ""}, {"code": ""}, {"code": "x" * 9_000}, {"iss": "https://evil.example"}, {"iss": ""}]
)
async def test_an_answer_that_was_changed(town: City, provider: Running, change: dict[str, str]) -> None:
    async with town.client() as browser:
        back = await provider.signs_in("ada", await begun(browser))
        answer = await came_back(browser, back.copy_merge_params(change))
        assert answer.headers["location"].endswith("?refused=not-signed-in")
        assert (await browser.get("/api/v1/session")).status_code == 401


async def test_it_leads_nowhere_else(town: City, provider: Running) -> None:
    wishes = {"next": "https://evil.example", "redirect_uri": "https://evil.example", "return_to": "//evil.example"}
    async with town.client() as browser:
        there = await browser.post("/api/v1/session/oidc", params=wishes)
        assert parse_qs(urlsplit(there.json()["location"]).query)["redirect_uri"] == [BACK]
        back = await provider.signs_in("ada", there.json()["location"])
        assert (await came_back(browser, back.copy_merge_params(wishes))).headers["location"] == "/#/signed-in"
    async with town.client(headers={"Host": "evil.example"}) as other:
        assert (await other.post("/api/v1/session/oidc")).status_code == 400


async def test_a_disabled_account_stays_out(town: City, provider: Running) -> None:
    async with town.client() as browser:
        await signed_in(browser, provider)
        me = (await browser.get("/api/v1/session")).json()
        await town.services.accounts.disable(town.people["supervisor"], me["account_id"])
        answer = await signed_in(browser, provider)
        assert answer.headers["location"].endswith("?refused=not-signed-in")


async def test_provider_down_says_so_and_passwords_still_work(tmp_path: Path) -> None:
    nobody = ProviderSettings(name="x", issuer="http://127.0.0.1:9", client_id="x", client_secret="x", roles=ROLES)
    town = await city(clock=SystemClock(), provider=nobody)
    async with town.client() as browser:
        answer = await browser.post("/api/v1/session/oidc")
        assert answer.status_code == 503
        assert answer.json()["type"] == "urn:bowstreet:problem:provider-unavailable"
        assert answer.json()["remedy"]
    async with town.signed_in("supervisor") as client:
        assert (await client.get("/api/v1/session")).status_code == 200
    town.services.accounts.close()
