"""What an identity provider says: whatever the bytes, a clear refusal; and claims of any shape give no role that is not mapped."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from bowstreet.accountability.model import Role
from bowstreet.accountability.sign_in import rules
from bowstreet.accountability.sign_in.model import Flow, ProviderSettings
from bowstreet.accountability.sign_in.provider import Provider
from bowstreet.errors import NotSignedIn, ProviderUnavailable
from bowstreet.runtime.clock import SimulatedClock

NOW = datetime(2026, 11, 23, 15, tzinfo=UTC)
ISSUER = "https://idp.example"
METADATA = {"issuer": ISSUER, "authorization_endpoint": f"{ISSUER}/a", "token_endpoint": f"{ISSUER}/t", "jwks_uri": f"{ISSUER}/j"}
KEYS = {"keys": [{"kty": "EC", "crv": "P-256", "kid": "1", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}  # fmt: skip
SEEDS = [
    b"eyJhbGciOiJFUzI1NiIsImtpZCI6IjEifQ.eyJpc3MiOiJodHRwczovL2lkcC5leGFtcGxlIiwic3ViIjoiYSJ9.AAAA",
    b"eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.",
    json.dumps(METADATA).encode(),
    json.dumps(KEYS).encode(),
    b'{"groups":["pilots","x"],"email":"a@force.example","email_verified":true,"auth_time":1763910000}',
]
SEEDS.append(SEEDS[2].replace(b"https://idp.example/t", b"https:.x/ide/pample/t"))  # found here: an address without a host
SETTINGS = ProviderSettings(name="x", issuer=ISSUER, client_id="bow", client_secret="s", roles=(("pilots", Role.PILOT),))
FLOW = Flow(state="s", nonce="n", verifier="v" * 64, redirect_uri="https://bow.example/sign-in/oidc", asked_at=NOW)


def fuzz_one(data: bytes) -> None:
    _claims(data)
    token = json.dumps({"id_token": data.decode("utf-8", "replace"), "access_token": "a"}).encode()
    for discovery, keys, answer in (
        (data, b"", b""), (json.dumps(METADATA).encode(), data, token), (json.dumps(METADATA).encode(), json.dumps(KEYS).encode(), token),
        (json.dumps(METADATA).encode(), json.dumps(KEYS).encode(), data),
    ):  # fmt: skip
        asyncio.run(_redeem({"/.well-known/openid-configuration": discovery, "/j": keys, "/t": answer}))


async def _redeem(says: dict[str, bytes]) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=says.get(request.url.path, b""))

    try:
        await Provider(SETTINGS, SimulatedClock(NOW), httpx.MockTransport(answer)).redeem(FLOW, "code")
    except (NotSignedIn, ProviderUnavailable) as error:
        if not (error.message and error.remedy):
            raise AssertionError("a refusal that does not say what to do") from error
    else:
        raise AssertionError("somebody came in without the provider's key")


def _claims(data: bytes) -> None:
    try:
        claims: Any = json.loads(data)
    except (ValueError, RecursionError):
        return
    if not isinstance(claims, dict):
        return
    role = rules.role_of(claims, "groups", SETTINGS.roles)
    if role is not None and "pilots" not in json.dumps(claims.get("groups")):
        raise AssertionError("a role that no group gives")
    if rules.domain_allowed(claims, ("force.example",)) and claims.get("email_verified") is not True:
        raise AssertionError("an address that nobody has verified")
    if rules.proved_afresh(claims, NOW) and claims["auth_time"] < (NOW - timedelta(minutes=2)).timestamp():
        raise AssertionError("an old sign-in taken as fresh")
