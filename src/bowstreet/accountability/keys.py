"""The master key, under which every other key lies wrapped, and the cipher for all that is sealed: AES-256-GCM."""

import secrets
from hashlib import sha256
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from bowstreet.errors import KeyUnavailable, MalformedConfiguration

KEY_BYTES = 32  # AES-256
NONCE_BYTES = 12  # NIST SP 800-38D §8.2: 96 bits, random; one key wraps far fewer than 2^32 others


class MasterKey(Protocol):
    """Wraps and unwraps other keys. The key itself may never leave a hardware module."""

    @property
    def name(self) -> str:
        """Which key it is, without telling anything of it: written beside all that it wraps."""
        ...

    def wrap(self, key: bytes, context: bytes) -> bytes:
        """Raises `KeyUnavailable` when the holder of the key does not answer."""
        ...

    def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        """Raises `KeyUnavailable` for what this key did not wrap, or not in this context."""
        ...


class SoftwareMasterKey:
    """AES-256-GCM with a key in memory."""

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise MalformedConfiguration(
                f"a master key has {KEY_BYTES} bytes, not {len(key)}", remedy="make one: openssl rand -hex 32"
            )
        self._cipher = AESGCM(key)
        self._name = "mk-" + sha256(b"bowstreet master key" + key).hexdigest()[:16]

    @property
    def name(self) -> str:
        return self._name

    def wrap(self, key: bytes, context: bytes) -> bytes:
        return seal_with(self._cipher, key, context)

    def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        try:
            return open_with(self._cipher, wrapped, context)
        except InvalidTag as error:
            raise KeyUnavailable(
                f"the master key {self._name} did not wrap this key",
                remedy="give the master key that the data were written under",
            ) from error


def new_key() -> bytes:
    return secrets.token_bytes(KEY_BYTES)


def cipher(key: bytes) -> AESGCM:
    return AESGCM(key)


def seal_with(key: AESGCM, plain: bytes, context: bytes) -> bytes:
    """Nonce and ciphertext; `context` is bound to it and not kept in it."""
    nonce = secrets.token_bytes(NONCE_BYTES)
    return nonce + key.encrypt(nonce, plain, context)


def open_with(key: AESGCM, sealed: bytes, context: bytes) -> bytes:
    """Raises `InvalidTag` for what was not sealed by this key in this context."""
    if len(sealed) < NONCE_BYTES + 16:
        raise InvalidTag
    return key.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], context)
