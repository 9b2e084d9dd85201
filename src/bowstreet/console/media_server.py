"""Another server that viewers take pictures from, by WHEP: for more viewers than one program serves. MediaMTX is one.

Who may watch is decided here and each viewing is on record here; what is handed out is an address and, if a key is configured, a
token that lets one viewer in to one source for a minute. The media server checks it against the public key (`keys`). It holds
the pictures itself: what it shows to whom it lets in by other ways, this program does not know.
"""

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote, urlsplit

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from bowstreet.errors import MalformedConfiguration

# Long enough to begin a viewing on a bad link; afterwards it opens nothing.
TOKEN_LIFE = timedelta(seconds=60)
SOURCE = "{source}"
_ISSUER = "bowstreet"
_ALGORITHM, _CURVE = "ES256", "P-256"  # what every library of tokens knows


class TokenSigner:
    """Signs tokens with a key on the curve P-256.

    Args:
        pem: the private key, PKCS #8 (`openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256`).

    Raises:
        MalformedConfiguration: it is none.
    """

    def __init__(self, pem: str) -> None:
        try:
            self._key = ECKey.import_key(pem, {"use": "sig", "alg": _ALGORITHM})
            if self._key.curve_name != _CURVE or not self._key.is_private:
                raise ValueError("another kind of key")
        except (ValueError, TypeError, JoseError) as error:
            raise MalformedConfiguration(
                "video.token_key is no private key on the curve P-256 in PEM",
                remedy="make one: openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256",
            ) from error
        self._key_id = self._key.thumbprint()

    def token(self, viewing_id: str, address: str, now: datetime) -> str:
        """Lets the viewer of one viewing in to one address. `mediamtx_permissions` is what MediaMTX asks for."""
        place = urlsplit(address)
        path = place.path.strip("/").removesuffix("/whep")
        claims: dict[str, Any] = {
            "iss": _ISSUER, "sub": viewing_id, "aud": f"{place.scheme}://{place.netloc}", "iat": int(now.timestamp()),
            "exp": int((now + TOKEN_LIFE).timestamp()), "mediamtx_permissions": [{"action": "read", "path": path}],
        }  # fmt: skip
        return jwt.encode({"alg": _ALGORITHM, "kid": self._key_id}, claims, self._key, algorithms=[_ALGORITHM])

    def keys(self) -> dict[str, Any]:
        """The public key, as a JWK set (RFC 7517)."""
        public = self._key.as_dict(private=False)
        return {"keys": [{**public, "kid": self._key_id, "use": "sig", "alg": _ALGORITHM}]}


class MediaServer:
    """Where it is.

    Args:
        template: its WHEP address, with `{source}` where the source's id goes.
    """

    def __init__(self, template: str, signer: TokenSigner | None = None) -> None:
        self._template, self.signer = template, signer
        place = urlsplit(template)
        self.origin = f"{place.scheme}://{place.netloc}"

    def address(self, source_id: str) -> str:
        return self._template.replace(SOURCE, quote(source_id, safe=""))

    def token(self, viewing_id: str, source_id: str, now: datetime) -> str:
        """ "" when no key is configured."""
        return "" if self.signer is None else self.signer.token(viewing_id, self.address(source_id), now)
