"""The master key, under which every other key lies wrapped. It comes from a file, the environment or a hardware module.

A source is written `file:PATH`, `env:NAME` or `pkcs11:…` (RFC 7512, see `pkcs11_key`). Without one, the program makes a file of
its own beside the data: good for a trial, and said so by `bowstreet doctor`, because whoever copies the data copies it too.
"""

import base64
import binascii
import os
import secrets
import stat
from hashlib import sha256
from pathlib import Path
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from bowstreet.errors import KeyUnavailable, MalformedConfiguration

KEY_BYTES = 32  # AES-256
NONCE_BYTES = 12  # NIST SP 800-38D §8.2: 96 bits, random; one key wraps far fewer than 2^32 others
OWN_FILE = "keys/master.key"


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


def load(source: str, folder: Path) -> MasterKey:
    """The master key of a source, or for "" the one that lies beside the data, made now if there is none.

    Raises:
        MalformedConfiguration: for a source that is none.
        KeyUnavailable: when it cannot be read.
    """
    kind, _, where = source.partition(":")
    if source == "":
        return SoftwareMasterKey(_own(folder / OWN_FILE))
    if kind == "file":
        return SoftwareMasterKey(read_file(Path(where)))
    if kind == "env":
        return SoftwareMasterKey(_from_environment(where))
    if kind == "pkcs11":
        from bowstreet.accountability.pkcs11_key import Pkcs11MasterKey  # an extra: most have no such module

        return Pkcs11MasterKey(source)
    raise MalformedConfiguration(f"'{kind}' is no source of a master key", remedy="use file:PATH, env:NAME or pkcs11:…")


def read_file(path: Path) -> bytes:
    """A key file: 64 hexadecimal digits or base64. It must be its owner's alone.

    Raises:
        KeyUnavailable: when it cannot be read, is open to others, or holds no key.
    """
    try:
        mode = path.stat().st_mode
        said = path.read_text("ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise KeyUnavailable(f"the key file {path} cannot be read", remedy="check its path and its owner") from error
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise KeyUnavailable(f"the key file {path} is open to other users", remedy=f"chmod 600 {path}")
    return _decoded(said, f"the key file {path}")


def write_file(path: Path, key: bytes) -> None:
    """Make a key file, durably, for its owner's eyes only. One that is there stays. Raises `KeyUnavailable`."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            os.write(file, key.hex().encode() + b"\n")
            os.fsync(file)
        finally:
            os.close(file)
        parent = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(parent)
        finally:
            os.close(parent)
    except OSError as error:
        raise KeyUnavailable(f"the key file {path} cannot be made ({error.strerror})", remedy="check its folder") from error


def _own(path: Path) -> bytes:
    if not path.exists():
        write_file(path, new_key())
    return read_file(path)


def _from_environment(name: str) -> bytes:
    said = os.environ.get(name, "")
    if not said:
        raise KeyUnavailable(f"the environment variable {name} holds no key", remedy=f"set {name} to 64 hexadecimal digits")
    return _decoded(said, f"the environment variable {name}")


def _decoded(said: str, what: str) -> bytes:
    text = said.strip()
    try:
        key = bytes.fromhex(text) if len(text) == 2 * KEY_BYTES else base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error) as error:
        raise KeyUnavailable(f"{what} holds no key", remedy="it takes 32 bytes, hexadecimal or base64") from error
    if len(key) != KEY_BYTES:
        raise KeyUnavailable(f"{what} holds {len(key)} bytes", remedy="it takes 32 bytes, hexadecimal or base64")
    return key
