"""An identity provider, or somebody in its place, whose ID tokens are wrong in one way each: none lets anybody in."""

import asyncio
import base64
import hmac
import json
import socket
import time
from collections.abc import AsyncIterator, Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import uvicorn
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route
from tests.integration.console_city import City, city

from bowstreet.accountability.model import Role
from bowstreet.accountability.sign_in.model import ProviderSettings
from bowstreet.messages import AccessDenied
from bowstreet.runtime.clock import SystemClock

KEY, OTHER = (RSAKey.generate_key(2048, {"kid": "k1"}, auto_kid=False) for _ in range(2))
EC = ECKey.generate_key("P-256", {"kid": "k2"}, auto_kid=False)
Token = Callable[[dict[str, Any]], str]


class Liar:
    """What it says to everything can be changed."""

    def __init__(self, issuer: str) -> None:
        self.issuer, self.token, self.claims = issuer, self.honest, {}
        self.metadata: dict[str, Any] = {
            "issuer": issuer, "authorization_endpoint": f"{issuer}/auth", "token_endpoint": f"{issuer}/token",
            "jwks_uri": f"{issuer}/jwks", "userinfo_endpoint": f"{issuer}/me",
        }  # fmt: skip
        self.keys: list[Any] = [KEY, EC]
        self.userinfo: dict[str, Any] = {}
        self.nonce = ""

    def honest(self, claims: dict[str, Any]) -> str:
        return jwt.encode({"alg": "RS256", "kid": "k1"}, claims, KEY)

    def standing(self) -> dict[str, Any]:
        now = int(time.time())
        return {
            "iss": self.issuer, "sub": "ada", "aud": "bow", "exp": now + 300, "iat": now, "nonce": self.nonce,
            "groups": ["pilots"], "name": "Ada",
        }  # fmt: skip

    async def discovery(self, _: Request) -> Response:
        return JSONResponse(self.metadata)

    async def jwks(self, _: Request) -> Response:
        return JSONResponse({"keys": [key.as_dict(private=False) for key in self.keys]})

    async def exchange(self, _: Request) -> Response:
        claims = {name: value for name, value in (self.standing() | self.claims).items() if value is not ...}
        return JSONResponse({"access_token": "at", "token_type": "Bearer", "id_token": self.token(claims)})

    async def me(self, _: Request) -> Response:
        return JSONResponse(self.userinfo)

    async def moved(self, _: Request) -> Response:
        return RedirectResponse("http://169.254.169.254/")

    def app(self) -> Starlette:
        routes = [
            Route("/.well-known/openid-configuration", self.discovery), Route("/jwks", self.jwks),
            Route("/token", self.exchange, methods=["POST"]), Route("/me", self.me), Route("/moved", self.moved),
        ]  # fmt: skip
        return Starlette(routes=routes)


@pytest.fixture
async def liar() -> AsyncIterator[Liar]:
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    liar = Liar(f"http://127.0.0.1:{listening.getsockname()[1]}")
    server = uvicorn.Server(uvicorn.Config(liar.app(), log_config=None, lifespan="off", ws="none"))
    task = asyncio.create_task(server.serve(sockets=[listening]))
    while not server.started:
        await asyncio.sleep(0.01)
    yield liar
    server.should_exit = True
    await task


@pytest.fixture
async def town(liar: Liar) -> AsyncIterator[City]:
    told = ProviderSettings(name="x", issuer=liar.issuer, client_id="bow", client_secret="s", roles=(("pilots", Role.PILOT),))
    made = await city(clock=SystemClock(), provider=told)
    yield made
    made.services.accounts.close()


async def comes_in(town: City, liar: Liar) -> str:
    """ "" when the session opened, else why it did not."""
    async with town.client() as browser:
        begun = await browser.post("/api/v1/session/oidc")
        if begun.status_code != 200:
            return str(begun.json()["type"])
        asked = parse_qs(urlsplit(begun.json()["location"]).query)
        liar.nonce = asked["nonce"][0]
        answer = await browser.get("/sign-in/oidc", params={"state": asked["state"][0], "code": "c"})
        is_in = (await browser.get("/api/v1/session")).status_code == 200
        assert is_in is (answer.headers["location"] == "/#/signed-in")
        return str(answer.headers["location"].partition("refused=")[2])


async def test_an_honest_token_lets_in_so_that_the_others_prove_something(town: City, liar: Liar) -> None:
    assert await comes_in(town, liar) == ""
    liar.token = lambda claims: jwt.encode({"alg": "ES256", "kid": "k2"}, claims, EC)
    assert await comes_in(town, liar) == ""


def _part(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


FORGED: dict[str, Token] = {
    "alg none": lambda claims: f"{_part({'alg': 'none'})}.{_part(claims)}.",
    "alg none with a kid": lambda claims: f"{_part({'alg': 'none', 'kid': 'k1'})}.{_part(claims)}.",
    "another key": lambda claims: jwt.encode({"alg": "RS256", "kid": "k1"}, claims, OTHER),
    "an unknown key": lambda claims: jwt.encode({"alg": "RS256", "kid": "k9"}, claims, OTHER),
    "a key it brings itself": lambda claims: jwt.encode({"alg": "RS256", "jwk": OTHER.as_dict(private=False)}, claims, OTHER),
    "the public key as a secret": lambda claims: _by_hand({"alg": "HS256", "kid": "k1"}, claims, KEY.as_pem(private=False)),
    "the client's secret": lambda claims: jwt.encode({"alg": "HS256"}, claims, OctKey.import_key("s" * 32), algorithms=["HS256"]),
    "signature cut off": lambda claims: jwt.encode({"alg": "RS256", "kid": "k1"}, claims, KEY).rpartition(".")[0] + ".",
    "claims changed": lambda claims: _changed(jwt.encode({"alg": "RS256", "kid": "k1"}, claims, KEY)),
    "no token": lambda _: "",
    "rubbish": lambda _: "a.b.c",
    "deep": lambda _: "[" * 50_000,
}


def _by_hand(head: dict[str, Any], claims: dict[str, Any], secret: bytes) -> str:
    """As a forger writes it, whom no library warns."""
    said = f"{_part(head)}.{_part(claims)}"
    mac = hmac.digest(secret, said.encode(), "sha256")
    return f"{said}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"


def _changed(token: str) -> str:
    head, body, signature = token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    return f"{head}.{_part(claims | {'sub': 'eve'})}.{signature}"


@pytest.mark.parametrize("how", FORGED)
async def test_a_forged_token(town: City, liar: Liar, how: str) -> None:
    liar.token = FORGED[how]
    assert await comes_in(town, liar) == "not-signed-in"
    assert "oidc-token" in [one.rule for one in await town.ledger(AccessDenied)]


WRONG: dict[str, dict[str, Any]] = {
    "another issuer": {"iss": "https://evil.example"},
    "no issuer": {"iss": ...},
    "another audience": {"aud": "other"},
    "several audiences": {"aud": ["bow", "other"], "azp": "bow"},
    "no audience": {"aud": ...},
    "for another client": {"azp": "other"},
    "expired": {"exp": int(time.time()) - 3_600},
    "no expiry": {"exp": ...},
    "expiry is a word": {"exp": "never"},
    "from the future": {"iat": int(time.time()) + 86_400},
    "not yet": {"nbf": int(time.time()) + 86_400},
    "another nonce": {"nonce": "replayed"},
    "no nonce": {"nonce": ...},
    "nobody": {"sub": ...},
    "subject is no word": {"sub": 7},
    "subject is empty": {"sub": ""},
    "hash of another access token": {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"},
}


@pytest.mark.parametrize("how", WRONG)
async def test_a_token_with_wrong_claims(town: City, liar: Liar, how: str) -> None:
    liar.claims = WRONG[how]
    assert await comes_in(town, liar) == "not-signed-in"


@pytest.mark.parametrize("groups", [..., [], "others", ["pilot"], {"pilots": True}, [["pilots"]], True, None, 7])
async def test_groups_that_give_no_role(town: City, liar: Liar, groups: Any) -> None:
    liar.claims = {"groups": groups}
    liar.userinfo = {"sub": "ada"}
    assert await comes_in(town, liar) == "not-permitted"


async def test_userinfo_of_somebody_else(town: City, liar: Liar) -> None:
    liar.claims, liar.userinfo = {"groups": ...}, {"sub": "eve", "groups": ["pilots"]}
    assert await comes_in(town, liar) == "not-signed-in"
    liar.userinfo["sub"] = "ada"
    assert await comes_in(town, liar) == ""


@pytest.mark.parametrize(
    "lie",
    [
        {"issuer": "https://evil.example"}, {"issuer": None}, {"authorization_endpoint": "javascript:alert(1)"},
        {"token_endpoint": "file:///etc/passwd"}, {"jwks_uri": None}, {"jwks_uri": ["x"]},
    ],
)  # fmt: skip
async def test_metadata_that_cannot_be_trusted(town: City, liar: Liar, lie: dict[str, Any]) -> None:
    liar.metadata |= lie
    assert await comes_in(town, liar) == "urn:bowstreet:problem:provider-unavailable"


async def test_a_redirect_is_no_answer(town: City, liar: Liar) -> None:
    liar.metadata["jwks_uri"] = f"{liar.issuer}/moved"
    assert await comes_in(town, liar) == "provider-unavailable"


async def test_a_name_that_is_taken_or_is_none(town: City, liar: Liar) -> None:
    for number, (said, shown) in enumerate({"A supervisor": "A supervisor 2", "\u202e": "Unnamed", "x" * 200: "x" * 76}.items()):
        liar.claims = {"name": said, "sub": f"s{number}"}
        assert await comes_in(town, liar) == ""
        assert shown in [one.name for one in town.services.accounts.all()]


async def test_keys_are_asked_for_again_when_they_change(town: City, liar: Liar) -> None:
    assert await comes_in(town, liar) == ""
    fresh = RSAKey.generate_key(2048, {"kid": "k3"}, auto_kid=False)
    liar.keys = [fresh]
    liar.token = lambda claims: jwt.encode({"alg": "RS256", "kid": "k3"}, claims, fresh)
    assert await comes_in(town, liar) == "not-signed-in"  # asked for a moment ago
    provider = town.services.provider
    assert provider is not None
    assert provider.provider._keys is not None
    provider.provider._keys = (provider.provider._keys[0] - 61.0, provider.provider._keys[1])
    assert await comes_in(town, liar) == ""
