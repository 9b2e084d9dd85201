"""A call as the push service carries it: sealed for one browser, by RFC 8291 over RFC 8188's `aes128gcm`. No IO.

Nobody on the way can read it, the push service included; that the payload says nothing of anybody is another promise.
"""

import os

from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDH,
    SECP256R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from bowstreet.recognition.callouts.model import PushAddress

ENCODING = "aes128gcm"
SALT_BYTES = 16
RECORD_BYTES = 4_096  # RFC 8291 section 4: one record, which a push service takes up to this size
TAG_BYTES = 16
LAST_RECORD = b"\x02"  # RFC 8188 section 2: ends the content of the last record; zeros after it are padding


def seal(plain: bytes, to: PushAddress, padded_bytes: int) -> bytes:
    """The body of the request: header, then one sealed record of a length that tells nothing."""
    return seal_with(plain, to, padded_bytes, generate_private_key(SECP256R1()), os.urandom(SALT_BYTES))


def seal_with(plain: bytes, to: PushAddress, padded_bytes: int, own: EllipticCurvePrivateKey, salt: bytes) -> bytes:
    """The same with a key and salt that were given: for the example of RFC 8291. Each may be used once only."""
    assert len(plain) <= padded_bytes <= RECORD_BYTES - TAG_BYTES - len(LAST_RECORD), "a call is one record"
    theirs = EllipticCurvePublicKey.from_encoded_point(SECP256R1(), to.public_key)
    public = own.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    shared = own.exchange(ECDH(), theirs)
    seed = _derived(to.secret, shared, b"WebPush: info\0" + to.public_key + public, 32)
    key = _derived(salt, seed, b"Content-Encoding: aes128gcm\0", 16)
    nonce = _derived(salt, seed, b"Content-Encoding: nonce\0", 12)
    record = AESGCM(key).encrypt(nonce, plain + LAST_RECORD + bytes(padded_bytes - len(plain)), None)
    return salt + RECORD_BYTES.to_bytes(4, "big") + len(public).to_bytes(1, "big") + public + record


def _derived(salt: bytes, secret: bytes, info: bytes, size: int) -> bytes:
    return HKDF(algorithm=SHA256(), length=size, salt=salt, info=info).derive(secret)
