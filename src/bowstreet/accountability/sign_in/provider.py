"""An OpenID Connect provider, over HTTP: discovery, the way there, and the code that comes back for an ID token.

Nothing of what it says is believed before it is verified: the token's signature by its published keys, and then issuer, audience,
expiry and nonce (OpenID Connect Core §3.1.3.7). Only asymmetric algorithms are taken, whatever the provider or a token names.
"""

import json
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry

from bowstreet.accountability.answers import TooMuch, answered
from bowstreet.accountability.sign_in.model import Claims, Flow, ProviderSettings
from bowstreet.accountability.sign_in.rules import SKEW
from bowstreet.errors import NotSignedIn, ProviderUnavailable
from bowstreet.runtime.ports import Clock

ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
TIMEOUT_S = 10.0
# Discovery and keys are some kB; a token with groups some tens.
MAX_BYTES = 512 * 1024
# Endpoints and keys change with notice; an unknown key is asked for at once, but not more often than this.
DISCOVERY_LIFE_S = 3_600.0
KEYS_AGAIN_S = 60.0


class Provider:
    """One provider, as one client of it.

    Args:
        transport: for tests that must fail in a given way; the network otherwise.
        patience_s: for a whole answer; somebody who signs in waits for it.
    """

    def __init__(
        self,
        settings: ProviderSettings,
        real_clock: Clock,
        transport: httpx.AsyncBaseTransport | None = None,
        patience_s: float = TIMEOUT_S,
    ) -> None:
        self.settings = settings
        self._clock = real_clock
        self._transport = transport
        self._patience_s = patience_s
        self._metadata: tuple[float, dict[str, Any]] | None = None
        self._keys: tuple[float, KeySet] | None = None

    async def discovered(self) -> dict[str, Any]:
        """Its metadata. Raises `ProviderUnavailable` when it does not answer, or is another than the configured one."""
        now = self._clock.monotonic_s()
        if self._metadata is not None and now - self._metadata[0] < DISCOVERY_LIFE_S:
            return self._metadata[1]
        said = await self._asked("GET", self.settings.issuer.rstrip("/") + "/.well-known/openid-configuration")
        if said.get("issuer") != self.settings.issuer:
            raise _untrusted("it names another issuer than the configured one")
        for endpoint in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
            self._require_safe(said.get(endpoint), endpoint)
        self._metadata = (now, said)
        return said

    async def way_there(self, flow: Flow) -> str:
        """Where the browser is sent. Raises `ProviderUnavailable`."""
        endpoint = (await self.discovered())["authorization_endpoint"]
        asked = {
            "response_type": "code",
            "client_id": self.settings.client_id,
            "redirect_uri": flow.redirect_uri,
            "scope": " ".join(self.settings.scopes),
            "state": flow.state,
            "nonce": flow.nonce,
            "code_challenge": create_s256_code_challenge(flow.verifier),
            "code_challenge_method": "S256",
        }
        if flow.session_id:
            asked |= {"prompt": "login", "max_age": "0"}
        return f"{endpoint}{'&' if urlsplit(endpoint).query else '?'}{urlencode(asked)}"

    async def redeem(self, flow: Flow, code: str) -> Claims:
        """What the provider says of whoever brought `code`.

        Raises:
            NotSignedIn: it does not take the code, or its ID token does not verify.
            ProviderUnavailable: it does not answer.
        """
        metadata = await self.discovered()
        form = {
            "grant_type": "authorization_code", "code": code, "redirect_uri": flow.redirect_uri, "code_verifier": flow.verifier,
        }  # fmt: skip
        methods = metadata.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        basic = None
        if "client_secret_basic" in methods or "client_secret_post" not in methods:
            quoted = urlencode({self.settings.client_id: self.settings.client_secret}).split("=", 1)  # RFC 6749 §2.3.1
            basic = httpx.BasicAuth(quoted[0], quoted[1])
        else:
            form |= {"client_id": self.settings.client_id, "client_secret": self.settings.client_secret}
        said = await self._asked("POST", metadata["token_endpoint"], form=form, basic=basic)
        token, access_token = said.get("id_token"), said.get("access_token")
        if not isinstance(token, str):
            raise _not_verified("there is no ID token")
        claims = await self._verified(token, flow.nonce, access_token)
        return await self._with_more(claims, metadata, access_token)

    async def _verified(self, token: str, nonce: str, access_token: Any) -> Claims:
        registry = JWSRegistry(algorithms=ALGORITHMS, strict_check_header=False)
        try:
            try:
                found = jwt.decode(token, key=await self._published_keys(), registry=registry)
            except InvalidKeyIdError:
                found = jwt.decode(token, key=await self._published_keys(again=True), registry=registry)
            options = {
                "iss": {"essential": True, "value": self.settings.issuer},
                "aud": {"essential": True, "value": self.settings.client_id},
            }
            params = {"nonce": nonce, "client_id": self.settings.client_id}
            if isinstance(access_token, str):
                params["access_token"] = access_token
            claims = CodeIDToken(found.claims, found.header, options, params)
            claims.validate(now=int(self._clock.now().timestamp()), leeway=int(SKEW.total_seconds()))
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise _not_verified(type(error).__name__) from error
        said = dict(claims)
        # Authlib takes a token for several audiences that names ours; one that is also for others is not only for us.
        if said["aud"] not in (self.settings.client_id, [self.settings.client_id]):
            raise _not_verified("it is for others too")
        if not isinstance(said["sub"], str) or not 0 < len(said["sub"]) <= 255:
            raise _not_verified("it names nobody")
        return said

    async def _with_more(self, claims: Claims, metadata: dict[str, Any], access_token: Any) -> Claims:
        """Many providers keep groups and names out of the token, for whoever asks with its access token."""
        endpoint = metadata.get("userinfo_endpoint")
        wanted = {self.settings.groups_claim, self.settings.name_claim}
        if wanted <= claims.keys() or endpoint is None or not isinstance(access_token, str):
            return claims
        self._require_safe(endpoint, "userinfo_endpoint")
        more = await self._asked("GET", endpoint, bearer=access_token)
        if more.get("sub") != claims["sub"]:
            raise _not_verified("it tells of somebody else")
        return more | claims

    async def _published_keys(self, *, again: bool = False) -> KeySet:
        now = self._clock.monotonic_s()
        if self._keys is not None:
            age_s = now - self._keys[0]
            if age_s < (KEYS_AGAIN_S if again else DISCOVERY_LIFE_S):
                return self._keys[1]
        said = await self._asked("GET", (await self.discovered())["jwks_uri"])
        try:
            keys = KeySet.import_key_set(said)  # type: ignore[arg-type]  # it checks what it is given
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise _untrusted("its keys cannot be read") from error
        self._keys = (now, keys)
        return keys

    async def _asked(
        self, method: str, url: str, *, form: dict[str, str] | None = None, basic: httpx.Auth | None = None, bearer: str = ""
    ) -> dict[str, Any]:
        """Its answer, one JSON object. A redirect is no answer: it could lead anywhere."""
        headers = {"Accept": "application/json"} | ({"Authorization": f"Bearer {bearer}"} if bearer else {})
        try:
            async with httpx.AsyncClient(timeout=TIMEOUT_S, follow_redirects=False, transport=self._transport) as client:
                answer = await answered(
                    client, method, url, most_bytes=MAX_BYTES, within_s=self._patience_s, data=form, headers=headers, auth=basic
                )
        except TooMuch as error:
            raise _untrusted("it answers with too much") from error
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise ProviderUnavailable(
                f"the identity provider does not answer ({type(error).__name__})",
                remedy="sign in with a password or passkey, or try again later",
            ) from error
        if form is not None and answer.status_code in (400, 401):
            raise _not_verified("it does not take the code")
        if answer.status_code != httpx.codes.OK:
            raise _untrusted(f"it answers {answer.status_code}")
        return read_object(answer.content)

    def _require_safe(self, url: Any, what: str) -> None:
        """Endpoints are as the issuer is: https, unless that is an http address, as of a trial on one machine."""
        scheme = urlsplit(self.settings.issuer).scheme
        try:
            found = httpx.URL(url)
        except (httpx.InvalidURL, TypeError, ValueError) as error:
            raise _untrusted(f"its {what} is no https address") from error
        if found.scheme not in ("https", scheme) or not found.host or found.userinfo:
            raise _untrusted(f"its {what} is no https address")


def read_object(body: bytes) -> dict[str, Any]:
    """One JSON object. Raises `ProviderUnavailable` for anything else."""
    try:
        said = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise _untrusted("it does not answer in JSON") from error
    if not isinstance(said, dict):
        raise _untrusted("it does not answer in JSON")
    return said


def _untrusted(why: str) -> ProviderUnavailable:
    return ProviderUnavailable(
        f"the identity provider cannot be used: {why}",
        remedy="sign in with a password or passkey, and tell who runs the provider",
    )


def _not_verified(why: str) -> NotSignedIn:
    return NotSignedIn(f"what the identity provider says does not verify: {why}", remedy="sign in again")
