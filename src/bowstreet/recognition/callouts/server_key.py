"""The key by which push services know this program, and only this program's calls reach its subscribers (RFC 8292, VAPID).

Made at the first start and kept sealed in the record with the other secrets; there is none that ships.
"""

import base64
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import msgspec
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    EllipticCurvePrivateKey,
    derive_private_key,
    generate_private_key,
)
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from bowstreet.accountability.recorder import Recorder
from bowstreet.runtime.records import Collection

# The record's kind and its only id. It is among `accountability.sealed.SECRET_KINDS`.
KIND = "push-key"
# RFC 8292 section 2 allows a day; a call is sent at once.
TOKEN_LIFE = timedelta(hours=1)
_SCALAR_BYTES = 32


class HeldPushKey(msgspec.Struct, frozen=True, kw_only=True):
    key_id: str
    scalar: bytes

    def __repr__(self) -> str:
        return "<HeldPushKey>"


class ServerKey:
    """Args:
    contact: `mailto:` or `https:`, for a push service that wants to complain; "" tells it nothing.
    """

    def __init__(self, private: EllipticCurvePrivateKey, contact: str = "") -> None:
        self._private, self._contact = private, contact
        self.public = private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

    @property
    def application_server_key(self) -> str:
        """As the page gives it to its browser."""
        return base64url(self.public)

    def authorisation(self, endpoint: str, now: datetime) -> str:
        """The Authorization header of one request to this endpoint's push service. `now`: real time."""
        parts = urlsplit(endpoint)
        claims = {"aud": f"{parts.scheme}://{parts.netloc}", "exp": int((now + TOKEN_LIFE).timestamp())}
        if self._contact:
            claims["sub"] = self._contact
        said = ".".join(base64url(msgspec.json.encode(one)) for one in ({"typ": "JWT", "alg": "ES256"}, claims))
        r, s = decode_dss_signature(self._private.sign(said.encode(), ECDSA(SHA256())))
        signature = r.to_bytes(_SCALAR_BYTES, "big") + s.to_bytes(_SCALAR_BYTES, "big")  # RFC 7518 section 3.4
        return f"vapid t={said}.{base64url(signature)}, k={self.application_server_key}"


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


async def own_key(recorder: Recorder, contact: str) -> ServerKey:
    """The one that is kept, made now if there is none.

    Raises:
        StoreUnavailable: it cannot be kept.
    """
    kept: Collection[HeldPushKey] = Collection(KIND, HeldPushKey, id_of=lambda one: one.key_id)
    await kept.load(recorder.store)
    held = kept.find(KIND)
    if held is None:
        scalar = generate_private_key(SECP256R1()).private_numbers().private_value
        held = HeldPushKey(key_id=KIND, scalar=scalar.to_bytes(_SCALAR_BYTES, "big"))
        await recorder.record(save=[(kept, held)])
    return ServerKey(derive_private_key(int.from_bytes(held.scalar, "big"), SECP256R1()), contact)
